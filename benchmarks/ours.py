"""The tool as a contestant: thin adapters, so that a change within ``lmgraph`` is followed in one place."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import astuple
from pathlib import Path

import lmgraph
from benchmarks.contest import ROOT, Missing, Work
from lmgraph import pipeline
from lmgraph.engines.local import LocalEngine
from lmgraph.events import Partial
from lmgraph.ingest import Source
from lmgraph.rules.corrected import decide, open_process
from lmgraph.settings import Settings


class _FirstLook(Exception):  # noqa: N818 - how the first look is taken out of a run
    def __init__(self, partial: Partial) -> None:
        super().__init__()
        self.partial = partial


class _OneLook:
    """An engine that reads once and ends the run there."""

    def __init__(self, jobs: int) -> None:
        self._engine = LocalEngine(jobs)

    def gather(
        self,
        read: Callable[[Source], Partial],
        sources: Sequence[Source],
        done: Callable[[Source, Partial], None],
    ) -> Partial:
        raise _FirstLook(self._engine.gather(read, sources, done))


def filtered(path: str, jobs: int = 1) -> Work:
    """The full filter: every byte looked at, alerts and witnesses kept, context folded; one look."""

    def run() -> Partial:
        try:
            pipeline.gather([path], Settings(), _OneLook(jobs))
        except _FirstLook as look:
            return look.partial
        raise AssertionError("the engine was not asked")

    if not any(report.format for report in run().inputs.values()):
        raise Missing("not there yet")
    return Work(run, answer=alerts)


def gathered(path: str, jobs: int = 1) -> Work:
    """Both looks, the second only if something is open."""
    return Work(lambda: pipeline.gather([path], Settings(), LocalEngine(jobs)), answer=alerts)


def analyzed(path: str, jobs: int = 1) -> Work:
    """Everything, to the text of the result."""
    return Work(lambda: lmgraph.analyze(path, jobs=jobs).to_json())


def command(*arguments: str) -> Work:
    """A whole run of the command line, in a new process."""
    whole = (sys.executable, "-m", "lmgraph", *arguments)
    return Work(lambda: subprocess.run(whole, cwd=ROOT, check=True, stdout=subprocess.DEVNULL))


def imported() -> Work:
    """Import the package in a new process."""
    return Work(lambda: subprocess.run((sys.executable, "-c", "import lmgraph"), cwd=ROOT, check=True))


def scanned(path: str) -> Work:
    """The scan alone, on a file that lies in memory."""
    try:
        from lmgraph.ingest.lines import LineTest
        from lmgraph.kernels import scan
        from lmgraph.rules.needed import Wants
    except ImportError as error:
        raise Missing("not there yet") from error
    import numpy as np

    size = Path(path).stat().st_size
    buffer = np.zeros(scan.SLACK + size + scan.SLACK, np.uint8)
    buffer[scan.SLACK : scan.SLACK + size] = np.fromfile(path, np.uint8)
    tables = astuple(LineTest(Wants.nothing()).tables)
    found = np.empty((1_000_000, 5), np.int64)

    def run() -> int:
        state = np.array([0, 0, -1], np.int64)
        at, end, total = scan.SLACK, scan.SLACK + size, 0
        while at < end:
            count, at = scan.scan(buffer, at, end, 0, True, 16, 1 << 24, *tables, state, found)  # noqa: FBT003
            total += count
        return total

    return Work(run)


def alerts(partial: Partial) -> set[str]:
    """Ids of the alerts, those among them whose process a second look must name."""
    events = (row.event for row in partial.kept.values())
    return {
        event.event_id
        for event in events
        if event.event_id is not None and (decide(event, None, None).alert is not None or open_process(event))
    }
