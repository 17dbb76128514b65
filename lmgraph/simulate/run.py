"""The simulation from options to files."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lmgraph.errors import OutputError, UsageError
from lmgraph.simulate import background, estate, flavours, scenarios, truth
from lmgraph.simulate.calendar import Calendar
from lmgraph.simulate.delivery import Delivery, Tally
from lmgraph.simulate.estate import Host
from lmgraph.simulate.ledger import Ledger
from lmgraph.simulate.options import FLAVOURS, Options
from lmgraph.simulate.scenarios.intruder import Intruder
from lmgraph.simulate.truth import Attack
from lmgraph.simulate.world import World

TRUTH: Final = "truth.json"
_TRUTH_BEGINS: Final = re.compile(rb'\s*\{\s*"schema":\s*"lmgraph/truth/')
_HEAD: Final = 256  # bytes in which that is seen


@dataclass(frozen=True, slots=True)
class Summary:
    """What was written: the truth's file, the folder of the telemetry, and counts."""

    truth: Path
    telemetry: Path
    tally: Tally
    attacks: tuple[Attack, ...]
    movements: int


def simulate(
    out: Path, options: Options, *, force: bool = False, progress: Callable[[int], None] | None = None
) -> Summary:
    """Write ``truth.json`` and the telemetry below ``out``; both appear when they are complete.

    Args:
        out: A folder that is new or empty, or an earlier simulation when ``force`` is given.
        options: What to simulate.
        force: Replace an earlier simulation.
        progress: Told the number of each day that is done.

    Raises:
        UsageError: There is something in the folder.
        OutputError: It cannot be written.
    """
    try:
        _check(out, force=force)
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".lmgraph-", dir=out) as beside:
            made = Path(beside) / options.flavour
            made.mkdir()
            summary, content = _write(made, options, progress)
            for name in (TRUTH, *FLAVOURS):
                _remove(out / name)
            (Path(beside) / TRUTH).write_bytes(content)
            for name in (options.flavour, TRUTH):
                (Path(beside) / name).replace(out / name)
    except OSError as error:
        raise OutputError(
            f"the simulation cannot be written: {error.strerror}", path=os.fspath(out)
        ) from error
    return Summary(out / TRUTH, out / options.flavour, *summary)


def _check(out: Path, *, force: bool) -> None:
    if out.exists() and not out.is_dir():
        raise UsageError("the output is no folder", path=os.fspath(out))
    present = {path.name for path in out.iterdir()} if out.exists() else set()
    if present and not force:
        raise UsageError(
            "the folder is not empty; --force replaces an earlier simulation", path=os.fspath(out)
        )
    if present and (TRUTH not in present or present - {TRUTH, *FLAVOURS}):
        raise UsageError("the folder holds something else than a simulation", path=os.fspath(out))
    if present and not _ours(out / TRUTH):
        raise UsageError("its truth.json is not that of a simulation", path=os.fspath(out))


def _ours(file: Path) -> bool:
    """Whether a simulation, of this version or another, wrote this truth."""
    try:
        with file.open("rb") as opened:
            return _TRUTH_BEGINS.match(opened.read(_HEAD)) is not None
    except OSError:
        return False


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _write(
    folder: Path, options: Options, progress: Callable[[int], None] | None
) -> tuple[tuple[Tally, tuple[Attack, ...], int], bytes]:
    """The telemetry day by day; gives what to say of it, and the truth."""
    company = estate.build(options.seed, options.hosts, options.days, options.noise)
    flavour = flavours.make(options.flavour, folder)
    delivery = Delivery(options.seed, company, flavour, options.noise)
    calendar = Calendar(options.seed, company, options.noise)
    world = World(options, company, calendar, Ledger(), delivery.take)
    plans = scenarios.plan(world)
    taken: set[Host] = set()
    attacks: list[Attack] = []
    flavour.begin(company, options.days)
    for day in range(options.days):
        background.write(world, day)
        for plan in (plan for plan in plans if plan.day == day):
            intruder = Intruder(world, plan.scenario, plan.number, day, taken)
            scenarios.run(intruder, delivery)
            assert intruder.attack, "every scenario enters somewhere"
            attacks.append(intruder.attack)
        flavour.write(day, delivery.day(day))
        if progress:
            progress(day)
    for day, lines in delivery.rest(options.days):
        flavour.write(day, lines)
    content = truth.document(world, attacks, delivery.tally)
    return (delivery.tally, tuple(attacks), sum(world.ledger.movements.values())), content
