"""The fit of the weights: it finds what a made sample holds, keeps signs, and does not drift for nothing."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import weights
from benchmarks.weights import NAMES, Sample
from benchmarks.worlds import World

BEFORE = np.array([weight.weight / 1000 for weight in weights.score.WEIGHTS.values()])
PRIOR = NAMES.index("prior")


def sample(attacks: dict[str, int], ordinary: dict[str, int]) -> Sample:
    """Hops with at most one term beside the prior: how many of each term ("" is none) there are."""
    rows, attack = [], []
    for of_attack, counts in ((True, attacks), (False, ordinary)):
        for name, count in counts.items():
            present = np.zeros(len(NAMES), bool)
            present[PRIOR] = True
            if name:
                present[NAMES.index(name)] = True
            rows += [present] * count
            attack += [of_attack] * count
    return weights.gathered([Sample(np.array(rows), np.array(attack), np.ones(len(rows)))])


def test_a_lone_term_gets_the_logarithm_of_its_odds() -> None:
    made = sample({"renamed": 60, "": 40}, {"renamed": 20, "": 80})
    found = weights.fit(made, BEFORE, pull=1e-9)
    assert found[PRIOR] == pytest.approx(np.log(40 / 80), abs=0.01)
    assert found[NAMES.index("renamed")] == pytest.approx(np.log(60 / 20) - np.log(40 / 80), abs=0.01)


def test_what_the_sample_does_not_show_keeps_its_weight_and_no_sign_is_turned() -> None:
    made = sample({"routine": 90, "": 10}, {"routine": 10, "": 90})
    found = weights.fit(made, BEFORE, pull=0.001)
    assert found[NAMES.index("routine")] == -weights.LEAST
    others = [name for name in NAMES if name not in {"prior", "routine"}]
    assert [found[NAMES.index(name)] for name in others] == [BEFORE[NAMES.index(name)] for name in others]


def test_a_strong_pull_holds_the_weights() -> None:
    made = sample({"renamed": 60, "": 40}, {"renamed": 20, "": 80})
    assert weights.fit(made, BEFORE, pull=1e3)[1:] == pytest.approx(BEFORE[1:], abs=0.01)


def test_damping_is_that_of_the_score() -> None:
    present = np.zeros((1, len(NAMES)), bool)
    for name in ("full_chain", "execution", "share"):
        present[0, NAMES.index(name)] = True
    counts = weights.damped(present, BEFORE)[0]
    assert [counts[NAMES.index(name)] for name in ("full_chain", "execution", "share")] == [1.0, 0.5, 0.0]


def test_the_hops_of_a_world_are_labelled_and_an_attack_weighs_one() -> None:
    world = World(seed=1, hosts=30, days=5, flavour="fdr", scenarios=("chain", "rider"))
    found = weights.sample_of(world)
    assert found.attack.any()
    assert found.mass[found.attack].sum() == pytest.approx(1), "the rider is left out"
    assert found.present.shape == (len(found.attack), len(NAMES))
    assert found.present[:, PRIOR].all()
