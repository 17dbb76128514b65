"""How telemetry is written: one module for each flavour behind one protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from lmgraph.simulate.estate import Estate
from lmgraph.simulate.sensor import Written


class Flavour(Protocol):
    """A way to write telemetry."""

    def line(self, written: Written) -> bytes | None:
        """The record as a line without its end; None where this flavour has no such record."""

    def begin(self, estate: Estate, days: int) -> None:
        """Write what does not depend on events."""

    def write(self, day: int, lines: list[bytes]) -> None:
        """Write the lines delivered on a day, in this order."""


def make(name: str, folder: Path) -> Flavour:
    """The flavour of that name, writing below ``folder``."""
    from lmgraph.simulate.flavours.fdr import Fdr
    from lmgraph.simulate.flavours.logscale import LogScale
    from lmgraph.simulate.flavours.table import Table

    kinds: dict[str, type[Fdr | LogScale | Table]] = {"fdr": Fdr, "logscale": LogScale, "table": Table}
    return kinds[name](folder)
