"""From bytes to what matters of them: the scan, every reader, both looks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import inputs, ours
from benchmarks.contest import Work
from benchmarks.inputs import FORMS, Input

Measure = Callable[[Callable[[], Work]], None]


def test_scan(measure: Measure, plain: Path) -> None:
    measure(lambda: ours.scanned(str(plain)))


@pytest.mark.parametrize("form", FORMS)
def test_reader(measure: Measure, form: str, enriched: Input) -> None:
    path = FORMS[form](enriched)
    measure(lambda: ours.filtered(str(path)))


@pytest.mark.parametrize("jobs", [1, 2])
def test_files(measure: Measure, jobs: int, enriched: Input) -> None:
    path = inputs.gz(enriched)
    measure(lambda: ours.filtered(str(path), jobs))


def test_two_looks(measure: Measure, raw: Input) -> None:
    path = inputs.plain(raw)
    measure(lambda: ours.gathered(str(path)))


@pytest.mark.parametrize("kind", ["enriched", "raw"])
def test_analyze(measure: Measure, kind: str, request: pytest.FixtureRequest) -> None:
    path = inputs.plain(request.getfixturevalue(kind))
    measure(lambda: ours.analyzed(str(path)))
