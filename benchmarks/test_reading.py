"""From bytes to canonical events, beside a loop that parses every line and does nothing else."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lmgraph
from lmgraph.ingest.discover import discover
from lmgraph.ingest.reading import read
from lmgraph.rules.needed import Wants
from lmgraph.settings import Settings

Benchmark = Callable[..., Any]


def json_loop(path: Path) -> int:
    """Parse every line, keep nothing."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        return sum(1 for line in file if json.loads(line))


def first_pass(path: Path) -> int:
    """Read as the first pass does, keep nothing."""
    (source,) = discover([str(path)])
    return sum(1 for _ in read(source, Settings(), Wants.nothing()))


@pytest.mark.benchmark(group="reading")
@pytest.mark.parametrize("work", [first_pass, json_loop])
def test_plain(benchmark: Benchmark, work: Callable[[Path], int], ndjson: Path) -> None:
    assert benchmark(work, ndjson)


@pytest.mark.benchmark(group="reading-gz")
@pytest.mark.parametrize("work", [first_pass, json_loop])
def test_gz(benchmark: Benchmark, work: Callable[[Path], int], packed: Path) -> None:
    assert benchmark(work, packed)


def whole(path: Path) -> int:
    """Everything, the document included."""
    return len(lmgraph.analyze(path).to_json())


@pytest.mark.benchmark(group="analyze")
@pytest.mark.parametrize("work", [whole, json_loop])
def test_analyze(benchmark: Benchmark, work: Callable[[Path], int], ndjson: Path) -> None:
    assert benchmark.pedantic(work, args=(ndjson,), rounds=5, warmup_rounds=1)  # type: ignore[attr-defined]
