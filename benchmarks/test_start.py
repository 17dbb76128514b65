"""How long a new process takes to be of use; a command that only answers must not load the engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import inputs, ours, peers
from benchmarks.contest import Work
from benchmarks.inputs import Input

Measure = Callable[[Callable[[], Work]], None]


@pytest.fixture(scope="module")
def small() -> Path:
    return inputs.plain(Input(20))


def test_python(measure: Measure) -> None:
    measure(peers.python)


def test_import(measure: Measure) -> None:
    measure(ours.imported)


def test_help(measure: Measure) -> None:
    measure(lambda: ours.command("--help"))


def test_small(measure: Measure, small: Path) -> None:
    measure(lambda: ours.command("analyze", str(small), "--quiet", "--format", "json"))
