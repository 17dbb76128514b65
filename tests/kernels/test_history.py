"""The kernels of the history, one loop at a time."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lmgraph.kernels import history

pairs = st.lists(st.tuples(st.integers(0, 50), st.integers(-1, 3)), max_size=30)


@given(pairs, pairs)
def test_earlier_days(uses: list[tuple[int, int]], asked: list[tuple[int, int]]) -> None:
    uses, asked = sorted(uses), sorted(asked)
    days = np.empty(len(asked), np.int64)
    time, key = np.array(uses, np.int64).reshape(-1, 2).T.copy()
    before, what = np.array(asked, np.int64).reshape(-1, 2).T.copy()
    history.earlier_days(key, time, time // 10, what, before, 4, days)
    assert days.tolist() == [
        len({t // 10 for t, k in uses if k == one and t < until}) if one >= 0 else -1 for until, one in asked
    ]


@given(
    st.lists(
        st.tuples(st.integers(0, 50), st.integers(0, 2), st.integers(-1, 4), st.booleans()), max_size=40
    ),
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 2)), max_size=10),
)
def test_target_days(uses: list[tuple[int, int, int, bool]], asked: list[tuple[int, int]]) -> None:
    uses, asked = sorted(uses), sorted(asked)
    time, source, target, moved = np.array(uses, np.int64).reshape(-1, 4).T.copy()
    before, who = np.array(asked, np.int64).reshape(-1, 2).T.copy()
    pair = np.where(target >= 0, source * 5 + target, -1)
    many, new = np.empty((2, len(asked)), np.int64)
    args = (source, pair, moved.astype(bool), time, time // 10, 0, 2, who, before, 3, 15, many, new)
    history.target_days(*args)
    for place, (until, one) in enumerate(asked):
        mine = [(t, to, went) for t, s, to, went in uses if s == one and to >= 0]
        days = {t // 10: {to for u, to, _ in mine if u // 10 == t // 10 and u < until} for t, _, _ in mine}
        assert many[place] == sum(len(of_day) >= 2 for of_day in days.values())
        moves = [(t, to) for t, to, went in mine if went]
        first = {to: min(t for t, other in moves if other == to) for _, to in moves}
        assert new[place] == len({t // 10 for t in first.values() if t < until and t >= 10})


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 20), st.integers(0, 4)), max_size=30))
def test_targets_near(rows: list[tuple[int, int, int]]) -> None:
    rows = sorted(rows)
    group, time, value = np.array(rows, np.int64).reshape(-1, 3).T.copy()
    near, most = np.empty((2, len(rows)), np.int64)
    history.targets_near(group, time, value, 3, 4, 5, near, most)
    assert near.tolist() == [len({v for h, u, v in rows if h == g and abs(u - t) <= 3}) for g, t, _ in rows]
    of = list(zip(rows, near.tolist(), strict=True))
    assert most.tolist() == [
        max((count for (h, u, _), count in of if h == g and u + 3 < t - 4), default=0) for g, t, _ in rows
    ]
