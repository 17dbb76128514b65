"""Grouping by codes, and codes for pairs."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lmgraph import groups

codes = st.lists(st.tuples(st.integers(-1, 4), st.integers(-1, 5)), max_size=30)


def columns(pairs: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    first, second = np.array(pairs, np.int32).reshape(-1, 2).T
    return first, second


@given(st.lists(st.integers(0, 5), max_size=30), st.integers(6, 9))
def test_rows_of_each_code_keep_their_order(code: list[int], count: int) -> None:
    found = groups.order_by(np.array(code, np.int64), count)
    assert found.tuples() == [tuple(i for i, one in enumerate(code) if one == of) for of in range(count)]


@given(codes)
def test_by_pair(pairs: list[tuple[int, int]]) -> None:
    pairs = [(one + 1, other + 1) for one, other in pairs]
    assert groups.order_by_pair(*columns(pairs)).tolist() == sorted(range(len(pairs)), key=pairs.__getitem__)


@given(codes, codes)
def test_equal_pairs_have_equal_codes(here: list[tuple[int, int]], there: list[tuple[int, int]]) -> None:
    (one, other), count = groups.number_pairs(columns(here), columns(there))
    assert (one.size, other.size) == (len(here), len(there))
    known: dict[tuple[int, int], int] = {}
    for pair, code in zip([*here, *there], [*one.tolist(), *other.tolist()], strict=True):
        assert code == (-1 if min(pair) < 0 else known.setdefault(pair, code))
    assert sorted(known.values()) == list(range(count))


def test_lists_in_another_order() -> None:
    lists = groups.Lists(np.array([0, 2, 2, 5]), np.arange(5))
    assert lists.take(np.array([2, 0, 1])).tuples() == [(2, 3, 4), (0, 1), ()]
    assert lists.take(np.empty(0, np.int64)).tuples() == []


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 3)), max_size=30))
def test_what_the_first_column_leaves_open_the_others_decide(rows: list[tuple[int, bool, int]]) -> None:
    first, flag, last = np.array(rows, np.int64).reshape(-1, 3).T
    expected = sorted(range(len(rows)), key=lambda i: (rows[i][0], not rows[i][1], rows[i][2]))
    assert groups.sorted_by(first, flag.astype(bool), last).tolist() == expected
