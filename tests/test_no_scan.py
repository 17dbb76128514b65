"""The byte scan changes nothing but the time that it takes: the same document with it and without."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

import pytest

import lmgraph
from lmgraph.simulate.options import Flavour, Options
from lmgraph.simulate.run import simulate

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = sorted(path.name for path in (ROOT / "samples").iterdir() if path.is_dir())
Rules = Literal["corrected", "literal"]


def assert_same(path: Path, rules: Rules = "corrected") -> None:
    by_scan = lmgraph.analyze(path, rules=rules)
    assert by_scan.to_json() == lmgraph.analyze(path, rules=rules, scan=False).to_json()
    assert by_scan.data.coverage.records


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("rules", get_args(Rules))
def test_on_the_samples(name: str, rules: Rules) -> None:
    assert_same(ROOT / "samples" / name, rules)


def test_on_the_recordings(recordings: Path) -> None:
    assert_same(recordings / "real" / "falcon")


@pytest.mark.parametrize("flavour", get_args(Flavour))
@pytest.mark.parametrize("seed", [1, 2])
def test_on_simulated_worlds(flavour: Flavour, seed: int, tmp_path: Path) -> None:
    simulate(tmp_path / "world", Options(hosts=20, days=2, seed=seed, flavour=flavour))
    assert_same(tmp_path / "world" / flavour)
