"""What the speed benchmarks share: inputs, and how fast the machine was beside each figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import inputs
from benchmarks.calibration import calibrate
from benchmarks.contest import Missing, Work
from benchmarks.inputs import Input


def pytest_addoption(parser: pytest.Parser) -> None:
    """The size of the inputs."""
    group = parser.getgroup("lmgraph benchmarks")
    group.addoption("--mb", type=float, default=50, help="size of the NDJSON, 10^6 bytes (default 50)")


@pytest.fixture(scope="session")
def enriched(request: pytest.FixtureRequest) -> Input:
    """Records in which nothing is open."""
    return Input(request.config.getoption("--mb"))


@pytest.fixture(scope="session")
def raw(request: pytest.FixtureRequest) -> Input:
    """Records whose processes and accounts only a second look finds."""
    return Input(request.config.getoption("--mb"), raw=True)


@pytest.fixture(scope="session")
def plain(enriched: Input) -> Path:
    return inputs.plain(enriched)


@pytest.fixture
def measure(benchmark: Any) -> Iterator[Callable[[Callable[[], Work]], None]]:
    """Run what a factory makes until it is known how long it takes; what is not there yet is skipped."""

    def run(factory: Callable[[], Work]) -> None:
        try:
            work = factory()
        except Missing as why:
            pytest.skip(str(why))
        work.run()
        before = calibrate()
        benchmark(work.run)
        benchmark.extra_info["calibration"] = min(before, calibrate())

    return run
