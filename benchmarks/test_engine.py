"""What follows reading: who is who, hops, paths, reachability."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import graphs, ours
from benchmarks.contest import Work
from lmgraph import frames, history, hops, paths, score
from lmgraph.events import Partial
from lmgraph.finish import finish
from lmgraph.identity import Identity
from lmgraph.settings import DAY_US, SECOND_US, Settings
from tests.builders import EMPTY, NET_USE, PSEXEC, SERVICE, SHARE, SMB, START

Measure = Callable[[Callable[[], Work]], None]
HOSTS, ROWS, DAYS = 500, 50_000, 30
KEYS = [f"host-{number}" for number in range(HOSTS)]
USERS = np.zeros(64, np.int8)
SETTINGS = Settings()


@pytest.fixture(scope="module")
def partial(plain: Path) -> Partial:
    """What reading gave."""
    given: Partial = ours.gathered(str(plain)).run()
    return given


@pytest.fixture(scope="module")
def witnesses() -> pd.DataFrame:
    """Witnesses of all opening kinds, spread over a month, a few sources doing most of it."""
    chance = random.Random(7)
    rows = []
    for number in range(ROWS):
        source, target = int(chance.paretovariate(0.7)) % HOSTS, chance.randrange(HOSTS)
        kind = chance.choice([PSEXEC, NET_USE, SMB, SMB, SERVICE, SHARE])
        ends = {"source": source, "target": (target + (target == source)) % HOSTS}
        when = START + chance.randrange(DAYS * DAY_US // SECOND_US) * SECOND_US
        user = {"source_user": chance.randrange(64), "witness": number, "key": chance.getrandbits(63)}
        rows.append({**EMPTY, **kind, **ends, **user, "time_us": when, "alert": -1})
    table = pd.DataFrame(rows)
    return frames.make({name: table[name] for name in frames.WITNESSES}, frames.WITNESSES)


def test_identity(measure: Measure, partial: Partial) -> None:
    measure(lambda: Work(lambda: Identity(partial)))


def test_finish(measure: Measure, partial: Partial) -> None:
    measure(lambda: Work(lambda: finish(partial, SETTINGS, (), (), None, None)))


def test_hops(measure: Measure, witnesses: pd.DataFrame) -> None:
    measure(lambda: Work(lambda: hops.build(witnesses, KEYS, USERS, window_us=SETTINGS.window_us)))


def test_paths(measure: Measure, witnesses: pd.DataFrame) -> None:
    table = hops.build(witnesses, KEYS, USERS, window_us=SETTINGS.window_us)
    features = history.features(
        table,
        history.uses(witnesses, table, frames.make({}, frames.CONTACTS)),
        USERS,
        np.full(len(KEYS), -1, np.int8),
        days_read=np.arange(START // DAY_US, START // DAY_US + 365),
        max_gap_us=SETTINGS.max_gap_us,
        window_us=SETTINGS.window_us,
    )
    scores = score.total(score.hops(table.hops, features), len(table.hops))
    sessions = frames.make({}, frames.SESSIONS)
    every = np.ones(len(scores), bool)
    measure(lambda: Work(lambda: paths.build(table, scores, features, sessions, USERS, SETTINGS, every)))


@pytest.mark.parametrize("factory", [graphs.arrival, graphs.paths])
def test_graph(measure: Measure, factory: Callable[[int], Work]) -> None:
    measure(lambda: factory(100_000))
