"""What is measured for the table of targets, each once, however many rows read it."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from benchmarks import inputs
from benchmarks.contest import ROOT, Contestant, Outcome, compete
from benchmarks.falcon import NAME_KEY
from benchmarks.inputs import Input

EDGES: Final = 100_000
START_MB: Final = 20
SIZES: Final = (1, 2, 4, 8)
START_ROUNDS: Final = 9  # short runs: the median of more
_WORDS: Final = {"alerts": "alerts", "openers": "execution and share witnesses", "contacts": "contacts"}


@dataclass(frozen=True, slots=True)
class Memory:
    """Peak of one run and what was in its input.

    ``allowed_mib`` is 1 kB per alert, execution or share witness and 100 B per distinct contact.
    """

    mib: float
    seconds: float
    counts: Mapping[str, int]

    @property
    def allowed_mib(self) -> float:
        """What the input may cost above the base."""
        rows = self.counts["alerts"] + self.counts["openers"]
        return (1_000 * rows + 100 * self.counts["contacts"]) / 2**20

    def told(self) -> str:
        """In words, what it was."""
        held = ", ".join(f"{self.counts[name]:,} {word}" for name, word in _WORDS.items())
        return f"{self.mib:.0f} MiB at the peak of {self.counts['bytes'] / 1e9:.3g} GB: {held}"


@dataclass
class Measurements:
    """All measurements at one size.

    Attributes:
        megabytes: Of NDJSON, 10⁶ bytes each.
        rounds: Of each contest.
        pipe_megabytes: Of the stream through a pipe.
        folder: Of the inputs.
    """

    megabytes: float = 1_000
    rounds: int = 5
    pipe_megabytes: float = 1_000
    folder: Path = field(default=inputs.FOLDER)

    def input(self, *, raw: bool = False, part: float = 1.0) -> Input:
        """The input, or one that is a part of it in size."""
        return Input(self.megabytes * part, raw=raw, folder=self.folder)

    @cached_property
    def memory_scan(self) -> Outcome:
        """The scan and the sum of the same bytes in memory."""
        path = str(inputs.plain(self.input()))
        return self._compete({"ours": _ours("scanned", path), "numpy": _peer("numpy_sum", path)})

    @cached_property
    def ndjson(self) -> Outcome:
        """The full filter of one plain file, all peers."""
        what = self.input()
        path, key = str(inputs.plain(what)), NAME_KEY[what.order]
        return self._compete(
            {
                "ours": _ours("filtered", path),
                "polars": _peer("polars_ndjson", path, key),
                "duckdb": _peer("duckdb_ndjson", path, key),
                "orjson": _peer("orjson_loop", path, key),
                "json": _peer("json_loop", path, key),
                "ripgrep": _peer("ripgrep", path),
            }
        )

    @cached_property
    def gz(self) -> Outcome:
        """The full filter of one gz file."""
        path = str(inputs.one_gz(self.input()))
        return self._compete({"ours": _ours("filtered", path), "igzip": _peer("igzip", path)})

    @cached_property
    def threads(self) -> Outcome:
        """The full filter of many gz files by one and by two threads."""
        path = str(inputs.gz(self.input()))
        return self._compete({"one": _ours("filtered", path, 1), "two": _ours("filtered", path, 2)})

    @cached_property
    def whole(self) -> Outcome:
        """Everything beside the filter alone; nothing in the input is open."""
        return self._whole(raw=False)

    @cached_property
    def whole_raw(self) -> Outcome:
        """The same where a second look must find processes and accounts."""
        return self._whole(raw=True)

    def _whole(self, *, raw: bool) -> Outcome:
        path = str(inputs.plain(self.input(raw=raw)))
        return self._compete(
            {
                "analyze": _ours("analyzed", path),
                "looks": _ours("gathered", path),
                "filter": _ours("filtered", path),
            }
        )

    @cached_property
    def parquet(self) -> Outcome:
        """The full filter of one Parquet file."""
        what = self.input()
        path, key = str(inputs.parquet(what)), NAME_KEY[what.order]
        return self._compete(
            {
                "ours": _ours("filtered", path),
                "polars": _peer("polars_parquet", path, key),
                "duckdb": _peer("duckdb_parquet", path, key),
            }
        )

    @cached_property
    def arrival(self) -> Outcome:
        """Earliest arrivals."""
        return self._compete({"ours": _graph("arrival"), "networkx": _graph("arrival_by_networkx")})

    @cached_property
    def paths(self) -> Outcome:
        """Best paths."""
        return self._compete({"ours": _graph("paths"), "networkx": _graph("paths_by_networkx")})

    @cached_property
    def start(self) -> Outcome:
        """Whole commands in new processes."""
        path = str(inputs.plain(Input(START_MB, folder=self.folder)))
        return compete(
            {
                "python": Contestant("benchmarks.peers:python"),
                "help": _ours("command", "--help"),
                "analyze": _ours("command", "analyze", path, "--quiet", "--format", "json"),
            },
            max(self.rounds, START_ROUNDS),
        )

    @cached_property
    def growth(self) -> Outcome:
        """``analyze`` at an eighth, a quarter, a half and the whole of the size."""
        return self._compete(
            {
                str(size): _ours("analyzed", str(inputs.plain(self.input(part=size / SIZES[-1]))))
                for size in SIZES
            }
        )

    @cached_property
    def file_memory(self) -> Memory:
        """Peak of ``analyze`` of one plain file."""
        path = inputs.plain(self.input())
        command = (*_ANALYZE, str(path))
        ours = subprocess.run(_measured(command), cwd=ROOT, capture_output=True, check=True)
        return _memory(ours.stdout, json.loads(path.with_name("counts.json").read_text()))

    @cached_property
    def pipe_memory(self) -> Memory:
        """Peak of ``analyze`` of a stream that is made while it is read."""
        with tempfile.TemporaryDirectory() as folder:
            counts = Path(folder) / "counts.json"
            stream = (sys.executable, "-m", "benchmarks.inputs", "--mb", str(self.pipe_megabytes))
            with subprocess.Popen(
                (*stream, "--raw", "--counts", str(counts), "pipe"), cwd=ROOT, stdout=subprocess.PIPE
            ) as made:
                command = _measured((*_ANALYZE, "-"))
                ours = subprocess.run(command, cwd=ROOT, stdin=made.stdout, capture_output=True, check=True)
            return _memory(ours.stdout, json.loads(counts.read_text()))

    def _compete(self, contestants: Mapping[str, Contestant]) -> Outcome:
        return compete(contestants, self.rounds)


_ANALYZE: Final = (sys.executable, "-m", "lmgraph", "analyze", "--quiet", "--format", "json")


def exponent(seconds: Sequence[float], sizes: Sequence[float]) -> float:
    """The power of the size with which time grows: the slope of a line through the logarithms."""
    x, y = [math.log(size) for size in sizes], [math.log(second) for second in seconds]
    middle = sum(x) / len(x)
    run = [each - middle for each in x]
    return sum(a * b for a, b in zip(run, y, strict=True)) / sum(a * a for a in run)


def _ours(factory: str, *arguments: Any) -> Contestant:
    return Contestant(f"benchmarks.ours:{factory}", arguments)


def _peer(factory: str, *arguments: Any) -> Contestant:
    return Contestant(f"benchmarks.peers:{factory}", arguments)


def _graph(factory: str) -> Contestant:
    return Contestant(f"benchmarks.graphs:{factory}", (EDGES,))


def _measured(command: Sequence[str]) -> tuple[str, ...]:
    return (sys.executable, "-m", "benchmarks.rss", *command)


def _memory(said: bytes, counts: Mapping[str, int]) -> Memory:
    ours = json.loads(said)
    if ours["status"]:
        raise RuntimeError(f"lmgraph ended with {ours['status']}")
    return Memory(ours["mib"], ours["seconds"], counts)
