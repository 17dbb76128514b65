"""Figures beside a baseline: what counts as slower, and what the command says of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import regression
from benchmarks.calibration import calibrate


def run(**best: float) -> dict[str, Any]:
    """A run: seconds of each benchmark's best round; the machine's best calibration is 0.5 s."""
    rows = [
        {"name": name, "stats": {"min": seconds, "median": 9.0}, "extra_info": {"calibration": 0.5 + number}}
        for number, (name, seconds) in enumerate(best.items())
    ]
    return {"benchmarks": rows}


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, list[str]]:
    path = tmp_path / "run.json"
    return path, [str(path), "--baseline", str(tmp_path / "baseline.json")]


def test_a_figure_is_the_best_round_in_units_of_the_best_calibration() -> None:
    assert regression.figures(run(scan=1.0, paths=3.0)) == {"scan": 2.0, "paths": 6.0}


def test_only_growth_past_the_threshold_is_slower() -> None:
    grown = regression.changes(
        {"a": 1.24, "b": 1.26, "c": 0.5, "new": 1.0}, dict.fromkeys("abc", 1.0) | {"old": 1}
    )
    assert grown == pytest.approx({"a": 24, "b": 26, "c": -50, "new": None, "old": None})
    assert regression.slower(grown, 25) == ["b"]


def test_a_saved_baseline_fails_what_is_slower(
    files: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    path, arguments = files
    path.write_text(json.dumps(run(scan=1.0, paths=1.0)))
    assert regression.main(arguments) == 0
    assert "no baseline" in capsys.readouterr().out
    assert regression.main([*arguments, "--save"]) == 0
    assert regression.main(arguments) == 0
    path.write_text(json.dumps(run(scan=1.0, paths=1.5)))
    capsys.readouterr()
    assert regression.main(arguments) == 1
    shown = capsys.readouterr().out
    assert "| paths | 2 | 3 | +50 % |" in shown
    assert shown.rstrip().endswith("slower by more than 25 %: paths")
    assert regression.main([*arguments, "--threshold", "60"]) == 0


def test_a_baseline_of_another_processor_is_read_with_a_warning(
    files: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, arguments = files
    path.write_text(json.dumps(run(scan=1.0)))
    regression.main([*arguments, "--save"])
    monkeypatch.setattr(regression, "described", lambda: {"processor": "another"})
    assert regression.main(arguments) == 0
    assert "another kind of processor" in capsys.readouterr().out


def test_calibration_takes_a_while() -> None:
    assert calibrate() > 1e-4
