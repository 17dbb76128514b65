"""The kernels of the paths, compiled and as plain Python: the same choice, bit for bit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lmgraph.kernels import paths as kernels
from tests import naive
from tests.builders import DAY, HOUR, bare_hops

ROOT = Path(__file__).resolve().parents[2]

# All engine kernels on one small world; repr of floats shows every bit.
PROGRAM = """
import numpy as np
from tests.test_paths import SETTINGS, world
from tests.builders import PERSONS
from lmgraph import paths
for seed in (1, 2, 6):
    table, scores, features, own = world(seed, 30)
    found = paths.build(table, scores, features, own, PERSONS, SETTINGS, np.ones(len(scores), bool))
    print(table.hops.to_dict("records"), table.members.to_dict("records"))
    for frame in (found.paths, found.links, found.incidents):
        print(frame.to_dict("records"))
"""
HISTORY = """
from tests.test_paths import analyse
from tests.builders import DAY, HOUR, full_chain
run = analyse([one for day in range(5) for one in full_chain(day * DAY, day % 3, 4, source_user=day % 2)])
print(run.features.to_dict("records"))
"""


def output(program: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_kernels_without_compilation_give_the_same() -> None:
    program = PROGRAM + HISTORY
    plain = output(program, NUMBA_DISABLE_JIT="1")
    assert plain == output(program)
    assert "'certainty'" in plain


@pytest.mark.parametrize("seed", range(30))
def test_best_chains_are_those_of_a_plain_search(seed: int) -> None:
    """On more hops than the reference that tries every chain can bear, and on long chains."""
    dice = np.random.default_rng(seed)
    hosts, count = int(dice.integers(3, 60)), 400
    source = dice.integers(0, hosts, count)
    target = (source + dice.integers(1, hosts, count)) % hosts
    if seed % 3 == 0:  # a line, and ways back into it
        source = np.arange(count) % 300
        target = np.where(dice.random(count) < 0.8, source + 1, dice.integers(0, 300, count))
    time = np.sort(dice.integers(0, dice.choice([40, 3000]), count)) * (HOUR // 60)
    score = dice.choice([-500, 0, 500, 2000, 4000], count)
    args = bare_hops(source, target, time, score)
    kernels.choose(*args)
    graph = naive.temporal_graph(source.tolist(), target.tolist(), time.tolist())
    best, before = naive.best_chains(graph, score.tolist(), DAY)
    assert args[-1].best.tolist() == best
    assert args[-1].parent.tolist() == before
