"""Shared by the tests of reading: write bytes to a file, read it, see all items."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from lmgraph import ingest
from lmgraph.ingest import InputReport, Item, Record, Reject, Remark
from lmgraph.rules.needed import Wants
from lmgraph.schema import Event
from lmgraph.settings import Settings


@dataclass
class Outcome:
    """The items of a run, by type."""

    items: list[Item]

    @property
    def events(self) -> list[Event]:
        return [item.event for item in self.items if isinstance(item, Record)]

    @property
    def records(self) -> list[Record]:
        return [item for item in self.items if isinstance(item, Record)]

    @property
    def rejects(self) -> list[tuple[int, str]]:
        return [(item.origin.record, item.reason) for item in self.items if isinstance(item, Reject)]

    @property
    def remarks(self) -> list[tuple[str, str]]:
        return [(item.code, item.message) for item in self.items if isinstance(item, Remark)]

    @property
    def codes(self) -> list[str]:
        return [code for code, _ in self.remarks]

    @property
    def reports(self) -> list[InputReport]:
        return [item for item in self.items if isinstance(item, InputReport)]

    @property
    def report(self) -> InputReport:
        (report,) = self.reports
        return report


def read_paths(*paths: str | Path, settings: Settings | None = None) -> Outcome:
    """All items of all sources below these paths, first pass."""
    items: list[Item] = []
    for source in ingest.discover([str(path) for path in paths]):
        items.extend(ingest.read(source, settings or Settings(), Wants.nothing()))
    return Outcome(items)


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Outcome]:
    """``read(content, name="input", **settings)``: the outcome of reading a file of these bytes."""

    def run(content: bytes, name: str = "input", **settings: object) -> Outcome:
        path = tmp_path / name
        path.write_bytes(content)
        return read_paths(path, settings=Settings(**settings))  # type: ignore[arg-type]

    return run


@pytest.fixture
def read_all() -> Callable[..., Outcome]:
    """``read(path, ...)``: the outcome of reading paths that exist."""
    return read_paths
