"""The targets, one row each: what is measured, beside what, what must be reached and what would be better.

A new target is a row here and, if nothing measures it yet, a property of ``Measurements``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Final, Literal

from benchmarks.contest import Outcome
from benchmarks.measurements import EDGES, SIZES, START_MB, Measurements, Memory, exponent

Sign = Literal["≥", "≤"]
Unit = Literal["×", "s", "MiB"]


@dataclass(frozen=True, slots=True)
class Figure:
    """What came out: nothing where something is missing, and a word on it."""

    value: float | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One target.

    Attributes:
        what: What of ours is measured.
        versus: Beside what; a ratio of 2 means that we are twice as fast as that.
        sign: Whether the figure is to be great or small.
        must: What it must reach.
        stretch: What would be better.
        unit: Of the figure and both bounds.
        measure: The figure.
    """

    what: str
    versus: str
    sign: Sign
    must: float
    stretch: float
    unit: Unit
    measure: Callable[[Measurements], Figure]

    def reached(self, value: float, bound: float) -> bool:
        """Whether a figure reaches a bound."""
        return value >= bound if self.sign == "≥" else value <= bound


def _speed(measurement: str, peer: str, ours: str = "ours") -> Callable[[Measurements], Figure]:
    """How many times as fast we are as one peer of a measurement."""

    def figure(measured: Measurements) -> Figure:
        outcome: Outcome = getattr(measured, measurement)
        for name in (ours, peer):
            if name in outcome.absent:
                return Figure(None, f"{name}: {outcome.absent[name]}")
        return Figure(outcome.ratio(peer, ours))

    return figure


def _best_of_both(measured: Measurements) -> Figure:
    outcome = measured.parquet
    if outcome.absent:
        return Figure(None, "; ".join(f"{name}: {why}" for name, why in outcome.absent.items()))
    rounds = zip(*(outcome.seconds[name] for name in ("ours", "polars", "duckdb")), strict=True)
    return Figure(median(min(polars, duckdb) / ours for ours, polars, duckdb in rounds))


def _whole(measurement: str) -> Callable[[Measurements], Figure]:
    """``analyze`` beside the filter, with a word on what reading alone takes when it looks twice."""

    def figure(measured: Measurements) -> Figure:
        outcome: Outcome = getattr(measured, measurement)
        reading = outcome.ratio("looks", "filter")
        return Figure(outcome.ratio("filter", "analyze"), f"reading: {reading:.2f} × the filter's time")

    return figure


def _start(name: str) -> Callable[[Measurements], Figure]:
    """Seconds of a command, with a word on Python's own."""

    def figure(measured: Measurements) -> Figure:
        note = f"Python itself: {measured.start.median('python'):.3f} s"
        return Figure(measured.start.median(name), note)

    return figure


def _above_allowed(measurement: str) -> Callable[[Measurements], Figure]:
    """The peak less what the input may cost."""

    def figure(measured: Measurements) -> Figure:
        memory: Memory = getattr(measured, measurement)
        return Figure(memory.mib - memory.allowed_mib, memory.told())

    return figure


def _growth(measured: Measurements) -> Figure:
    outcome = measured.growth
    medians = [outcome.median(str(size)) for size in SIZES]
    note = f"exponent {exponent(medians, SIZES):.2f} over {', '.join(f'{size}×' for size in SIZES)}"
    return Figure(outcome.ratio(str(SIZES[-1]), str(SIZES[0])), note)


_FILTER, _PEAK = "NDJSON, full filter", "peak RSS above what the content may cost"
ROWS: Final = (
    Row("scan kernel, in memory", "numpy sum", "≥", 0.2, 0.5, "×", _speed("memory_scan", "numpy")),
    Row(_FILTER, "polars scan_ndjson", "≥", 8, 12, "×", _speed("ndjson", "polars")),
    Row(_FILTER, "duckdb read_ndjson", "≥", 4, 6, "×", _speed("ndjson", "duckdb")),
    Row(_FILTER, "orjson loop", "≥", 10, 15, "×", _speed("ndjson", "orjson")),
    Row(_FILTER, "json loop", "≥", 25, 40, "×", _speed("ndjson", "json")),
    Row(_FILTER, "`rg -c` of a rare literal", "≥", 0.4, 0.6, "×", _speed("ndjson", "ripgrep")),
    Row("gz, full filter", "`igzip -dc > /dev/null`", "≥", 0.65, 0.9, "×", _speed("gz", "igzip")),
    Row("many gz files, two threads", "one", "≥", 1.6, 1.9, "×", _speed("threads", "one", "two")),
    Row("`analyze`, no second look needed", "the filter alone", "≥", 0.6, 0.8, "×", _whole("whole")),
    Row("`analyze`, second look needed", "the filter alone", "≥", 0.35, 0.5, "×", _whole("whole_raw")),
    Row("Parquet, full filter", "the better of polars, duckdb", "≥", 0.9, 1.0, "×", _best_of_both),
    Row(f"{_PEAK}, a file", "–", "≤", 300, 250, "MiB", _above_allowed("file_memory")),
    Row(f"{_PEAK}, a pipe", "–", "≤", 300, 250, "MiB", _above_allowed("pipe_memory")),
    Row(f"earliest arrival, {EDGES:,} hops", "networkx", "≥", 1e3, 3e3, "×", _speed("arrival", "networkx")),
    Row(f"best path, {EDGES:,} hops", "networkx", "≥", 400, 900, "×", _speed("paths", "networkx")),
    Row("`lmgraph --help`, warm", "–", "≤", 0.3, 0.15, "s", _start("help")),
    Row(f"`lmgraph analyze` of {START_MB} MB, warm", "–", "≤", 1.5, 0.8, "s", _start("analyze")),
    Row("time for 8 × the input, `analyze`", "1 ×", "≤", 8.5, 8, "×", _growth),
)  # fmt: skip
