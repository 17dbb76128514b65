"""The kernels of the history, one loop at a time."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lmgraph.kernels import history

pairs = st.lists(st.tuples(st.integers(-2, 3), st.integers(0, 50)), max_size=30)


@given(pairs, pairs)
def test_earlier_days(uses: list[tuple[int, int]], asked: list[tuple[int, int]]) -> None:
    uses, asked = sorted(uses), sorted(asked)
    days = np.empty(len(asked), np.int64)
    key, time = np.array(uses, np.int64).reshape(-1, 2).T
    what, before = np.array(asked, np.int64).reshape(-1, 2).T
    history.earlier_days(key.copy(), time.copy(), what.copy(), before.copy(), 10, days, -99)
    assert days.tolist() == [
        len({t // 10 for k, t in uses if k == one and t < until}) for one, until in asked
    ]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 20), st.integers(0, 4)), max_size=30))
def test_distinct_near(rows: list[tuple[int, int, int]]) -> None:
    rows = sorted(rows)
    group, time, value = np.array(rows, np.int64).reshape(-1, 3).T
    distinct = np.empty(len(rows), np.int64)
    history.distinct_near(group.copy(), time.copy(), value.copy(), 5, np.zeros(5, np.int64), distinct)
    assert distinct.tolist() == [
        len({v for h, u, v in rows if h == g and abs(u - t) <= 5}) for g, t, _ in rows
    ]
