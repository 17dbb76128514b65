"""The kernels of the paths, compiled and as plain Python: the same choice, bit for bit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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
