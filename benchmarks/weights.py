"""What the terms of hops should weigh, by worlds with truth: ``python -m benchmarks.weights``.

A logistic regression over the terms, on the training seeds alone. It is pulled toward the weights
in force, which began as judgement: a simulator is cleaner than any estate, and what it cannot show
(a renamed tool that the sensor recognises) keeps its weight. It prints the weights beside those in
force; nothing is written. The prior is what the fit gives for as many attacks as ordinary hops,
which no estate has: it is set by hand, by the false alarms of ``make quality``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from benchmarks.judge import hops_of
from benchmarks.worlds import SIZES, TRAINING_SEEDS, World, made, worlds
from lmgraph import finish, history, pipeline, score, tuning
from lmgraph.engines.local import LocalEngine
from lmgraph.result import in_full
from lmgraph.settings import Settings

Bool = npt.NDArray[np.bool_]
F64 = npt.NDArray[np.float64]

NAMES: Final = tuple(score.WEIGHTS)
LEAST, MOST = 0.25, 3.0  # a weight keeps its sign; no one term tells more than twenty to one
APART: Final = "rider"  # in an administrator's own name and hours: no term can tell it
ROUNDS: Final = 30


class Sample(NamedTuple):
    """Hops with their terms: ``present`` is hops × terms, ``attack`` and ``mass`` one entry per hop."""

    present: Bool
    attack: Bool
    mass: F64


def main() -> None:
    """Fit and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.weights", description=__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="how many training seeds (default 3)")
    parser.add_argument(
        "--pull", type=float, default=0.005, help="toward the weights in force (default 0.005)"
    )
    options = parser.parse_args()
    chosen = worlds(TRAINING_SEEDS[: options.seeds], SIZES[:2], ["fdr"])
    sample = gathered(sample_of(world) for world in chosen if world.max_gap is None)
    before = np.array([weight.weight / 1000 for weight in score.WEIGHTS.values()])
    fitted = fit(sample, before, options.pull)
    for name, old, new in zip(NAMES, before, fitted, strict=True):
        print(f"{name:20} {old:+6.2f} {round(4 * new) / 4:+6.2f}")


def sample_of(world: World) -> Sample:
    """The hops of one world; every attack weighs the same, and so do connections alone and all else."""
    settings = Settings(jobs=1)
    entries, _ = tuning.load(None, default=True)
    with made(world) as (truth, telemetry):
        partial = pipeline.gather([str(telemetry)], settings, LocalEngine(settings.jobs))
        evidence = finish.evidence(partial, settings, (), entries)
        result = msgspec.to_builtins(in_full(finish.conclude(evidence)))
    place = {hop["id"]: number for number, hop in enumerate(result["hops"])}
    hops = evidence.table.hops
    attack, mass = np.zeros(len(hops), bool), np.zeros(len(hops))
    scenario = {attack["id"]: attack["scenario"] for attack in truth["attacks"]}
    riding = np.zeros(len(hops), bool)
    for name, ids in hops_of(truth, result).items():
        rows = [place[one] for one in ids]
        riding[rows] |= scenario[name] == APART
        attack[rows] = True
        mass[rows] = 1 / max(len(rows), 1)
    mere = history.mere(hops)
    for part in (mere & ~attack, ~mere & ~attack):
        mass[part] = 0.5 * world.hosts / 100 / max(part.sum(), 1)
    terms = score.present(hops, evidence.features)
    present = np.column_stack([terms[name] for name in NAMES])
    return Sample(present[~riding], attack[~riding], mass[~riding])


def gathered(samples: Iterable[Sample]) -> Sample:
    """All of them as one: equal hops are one row; attacks together weigh as much as all else."""
    parts = list(samples)
    rows = np.concatenate([np.column_stack([part.present, part.attack]) for part in parts])
    mass = np.concatenate([part.mass for part in parts])
    rows, which = np.unique(rows, axis=0, return_inverse=True)
    mass = np.bincount(which, weights=mass)
    attack = rows[:, -1]
    mass = np.where(attack, mass / mass[attack].sum(), mass / mass[~attack].sum()) / 2
    return Sample(rows[:, :-1], attack, mass)


def damped(present: Bool, weights: F64) -> F64:
    """How much each term counts in each hop: whole, half or not at all."""
    has = {name: present[:, place] for place, name in enumerate(NAMES)}
    halves = score.damped(has, dict(zip(NAMES, weights.tolist(), strict=True)))
    return np.column_stack([halves[name] for name in NAMES]) / 2


def fit(sample: Sample, before: F64, pull: float) -> F64:
    """Weights by Newton's method; which term of a group is damped follows the weights, round by round."""
    free = np.array([name == "prior" for name in NAMES])
    low = np.where(before > 0, LEAST, -MOST)
    high = np.where(before > 0, MOST, -LEAST)
    weights = before.copy()
    for _ in range(ROUNDS):
        counts, started = damped(sample.present, weights), weights
        for _ in range(400):
            chance = 1 / (1 + np.exp(-counts @ weights))
            slope = counts.T @ (sample.mass * (chance - sample.attack)) + pull * (weights - before) * ~free
            curve = (counts.T * (sample.mass * chance * (1 - chance))) @ counts + pull * np.eye(weights.size)
            step = weights - np.linalg.solve(curve, slope) / 2
            step = np.where(free, step, np.clip(step, low, high))
            moved, weights = np.abs(step - weights).max(), step
            if moved < 1e-5:
                break
        if np.abs(weights - started).max() < 1e-3:
            break
        weights = (weights + started) / 2
    return weights


if __name__ == "__main__":
    main()
