"""Rows that are made when they are looked at."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmgraph.rows import BATCH, Rows, batches, column, take


def made(count, asked=None, columns=None):
    """Rows whose ``n`` is their place; ``asked`` collects the places of each batch."""

    def make(places):
        if asked is not None:
            asked.append(list(places))
        return [SimpleNamespace(n=place) for place in places]

    return Rows(count, make, columns)


@given(st.integers(0, 3 * BATCH))
def test_they_are_a_sequence(count):
    rows = made(count)
    assert len(rows) == count
    assert bool(rows) == bool(count)
    assert [row.n for row in rows] == list(range(count))


@given(st.integers(0, 20), st.slices(20))
def test_slices_are_those_of_a_list(count, part):
    assert [row.n for row in made(count)[part]] == list(range(count))[part]


def test_one_row_is_counted_from_either_end():
    assert (made(3)[0].n, made(3)[-1].n) == (0, 2)
    with pytest.raises(IndexError):
        made(3)[3]


def test_no_more_than_a_batch_is_made_at_once():
    asked = []
    rows = iter(made(2 * BATCH + 1, asked))
    assert asked == []
    next(rows)
    assert [len(places) for places in asked] == [BATCH]
    list(rows)
    assert [len(places) for places in asked] == [BATCH, BATCH, 1]


def test_nothing_is_made_of_nothing():
    asked = []
    assert (list(made(0, asked)), made(5, asked).take([]), list(batches(made(0, asked)))) == ([], [], [])
    assert asked == []


@pytest.mark.parametrize("rows", [made(9), list(made(9))], ids=["made", "list"])
def test_rows_and_fields_of_chosen_places(rows):
    assert [row.n for row in take(rows, [7, 1, 7])] == [7, 1, 7]
    assert column(rows, "n", [7, 1]) == [7, 1]
    assert column(rows, "n") == list(range(9))


def test_a_field_that_can_be_had_alone_makes_no_row():
    asked = []
    rows = made(4, asked, lambda name, places: [-place for place in places] if name == "less" else None)
    assert column(rows, "less") == [0, -1, -2, -3]
    assert asked == []
    assert column(rows, "n", [2]) == [2]
    assert asked == [[2]]


def test_they_equal_lists_of_equal_rows():
    rows = Rows(BATCH + 1, list)
    assert rows == list(range(BATCH + 1)) == rows == Rows(BATCH + 1, list)
    assert rows != list(range(BATCH))
    assert rows != [*range(BATCH), 0]
    assert rows != tuple(range(BATCH + 1))
    assert made(0) == []
