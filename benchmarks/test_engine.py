"""Hops and paths on seeded witnesses, beside plain loops that do a part of the same."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lmgraph import frames, history, hops, paths, score
from lmgraph.settings import DAY_US, SECOND_US, Settings
from tests.builders import EMPTY, NET_USE, PSEXEC, SERVICE, SHARE, SMB, START

Benchmark = Callable[..., Any]
HOSTS, ROWS, DAYS = 500, 50_000, 30
KEYS = [f"host-{number}" for number in range(HOSTS)]
USERS = np.zeros(64, np.int8)
SETTINGS = Settings()


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


@pytest.fixture(scope="module")
def table(witnesses: pd.DataFrame) -> hops.HopTable:
    return hops.build(witnesses, KEYS, USERS, window_us=SETTINGS.window_us)


def cut_by_window(witnesses: pd.DataFrame) -> int:
    """Runs of a pair without a silence of a window: a part of what makes hops."""
    last: dict[tuple[int, int], int] = {}
    runs = 0
    ordered = witnesses.sort_values("time_us")
    for time, source, target in zip(ordered["time_us"], ordered["source"], ordered["target"], strict=True):
        runs += time - last.get((source, target), -SETTINGS.window_us) >= SETTINGS.window_us
        last[source, target] = time
    return runs


def build_hops(witnesses: pd.DataFrame) -> int:
    return len(hops.build(witnesses, KEYS, USERS, window_us=SETTINGS.window_us).hops)


@pytest.mark.benchmark(group="hops")
@pytest.mark.parametrize("work", [build_hops, cut_by_window])
def test_hops(benchmark: Benchmark, work: Callable[[pd.DataFrame], int], witnesses: pd.DataFrame) -> None:
    assert benchmark(work, witnesses)


@pytest.mark.benchmark(group="paths")
def test_paths(benchmark: Benchmark, witnesses: pd.DataFrame, table: hops.HopTable) -> None:
    uses = history.uses(witnesses, table, frames.make({}, frames.CONTACTS))
    features = history.features(
        table,
        uses,
        USERS,
        np.full(len(KEYS), -1, np.int8),
        days_read=np.arange(START // DAY_US, START // DAY_US + 365),
        max_gap_us=SETTINGS.max_gap_us,
        window_us=SETTINGS.window_us,
    )
    scores = score.total(score.hops(table.hops, features), len(table.hops))
    sessions = frames.make({}, frames.SESSIONS)
    assert benchmark(
        paths.build, table, scores, features, sessions, USERS, SETTINGS, np.ones(len(scores), bool)
    )


@pytest.mark.benchmark(group="paths")
def test_earliest_arrival_alone(benchmark: Benchmark, table: hops.HopTable) -> None:
    ends = list(zip(table.hops["source"], table.hops["target"], table.hops["first_us"], strict=True))

    def arrivals() -> int:
        arrived: dict[int, int] = {}
        for source, target, when in ends:
            if source in arrived or source == 0:
                arrived.setdefault(target, when)
        return len(arrived)

    assert benchmark(arrivals)
