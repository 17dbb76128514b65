"""Bounds of a baseline: days expire without a clock, and the oldest go when there are too many rows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lmgraph import baseline
from lmgraph.baseline import HOST, Baseline, bounds
from tests.test_baseline import baselines, made, same


def daily(days: list[int], *, rows: int = 1) -> Baseline:
    return made(
        [(day, 1, 2 + place, 1) for day in days for place in range(rows)],
        [(day, day, day) for day in days],
        [(HOST, 1, "A")],
        days,
    )


def test_old_days_expire_with_all_that_is_theirs() -> None:
    left, dropped = bounds.bounded(daily(list(range(100, 200))), 90)
    assert left.days.tolist() == list(range(110, 200))
    assert left.uses["day"].min() == left.paths["day"].min() == 110
    assert dropped == bounds.Dropped(expired=10)
    same(bounds.bounded(left, 90)[0], left)


def test_a_clock_that_runs_years_ahead_makes_nothing_expire() -> None:
    left, dropped = bounds.bounded(daily([100, 101, 102, 5000, 5001]), 90)
    assert left.days.tolist() == [100, 101, 102, 5000, 5001]
    assert dropped == bounds.Dropped()
    assert bounds.bounded(daily([100, 101, 5000, 5001, 5002]), 90)[0].days.tolist() == [5000, 5001, 5002]


def test_clocks_that_run_ahead_let_at_most_half_of_what_was_held_expire() -> None:
    held, far = list(range(100, 110)), [3100, 3101, 3102]
    left, dropped = bounds.bounded(daily([*held, *far]), 90, held=held)
    assert left.days.tolist() == [*held, *far]
    assert dropped == bounds.Dropped(doubted=3102)
    left, dropped = bounds.bounded(daily([*held, *far]), 7, held=held)
    assert left.days.tolist() == [*range(103, 110), *far], "by the last day that can be believed"
    assert dropped == bounds.Dropped(expired=3, doubted=3102)
    left, dropped = bounds.bounded(daily([*held, *far]), 90)
    assert (left.days.tolist(), dropped) == (far, bounds.Dropped(expired=10)), "nothing was held"
    later = list(range(3100, 3110))
    assert bounds.bounded(daily([*held, *later]), 90, held=[*held, *later])[0].days.tolist() == later
    assert bounds.bounded(daily([*held, *later]), 90, held=[*held, *later[:9]])[1].doubted == 3109


def test_days_witness_each_other_however_few_are_kept() -> None:
    left, dropped = bounds.bounded(daily(list(range(100, 500, 4))), 7)
    assert left.days.tolist() == [492, 496]
    assert dropped == bounds.Dropped(expired=98)


def test_where_no_day_is_witnessed_the_last_two_are_not_believed() -> None:
    left, dropped = bounds.bounded(daily(list(range(1000, 2000, 50))), 90)
    assert left.days.tolist() == [1800, 1850, 1900, 1950]
    assert dropped == bounds.Dropped(expired=16)
    assert bounds.bounded(daily([100, 5000]), 7)[0].days.tolist() == [100, 5000]
    assert bounds.bounded(daily([100, 5000, 9000]), 7)[0].days.tolist() == [100, 5000, 9000]
    assert bounds.bounded(daily([]), 7)[1] == bounds.Dropped()


@given(st.sets(st.integers(10, 60), max_size=12), st.sets(st.integers(10, 60), max_size=12))
def test_never_does_more_than_half_of_what_was_held_expire(held: set[int], more: set[int]) -> None:
    left, _ = bounds.bounded(daily(sorted(held | more)), 7, held=sorted(held))
    assert 2 * len(held - set(left.days.tolist())) <= len(held)


@given(baselines, baselines, st.integers(7, 9), st.integers(0, 12))
def test_expiry_and_merging_may_come_in_any_order(a: Baseline, b: Baseline, keep: int, shift: int) -> None:
    moved = made(days=[day + shift for day in b.days.tolist()] + [20 + shift])
    one, _ = bounds.bounded(baseline.merge(a, moved), keep)
    two, _ = bounds.bounded(baseline.merge(bounds.bounded(a, keep)[0], bounds.bounded(moved, keep)[0]), keep)
    same(one, two)


def test_the_oldest_days_go_first_when_there_are_too_many_rows() -> None:
    left, dropped = bounds.bounded(daily([100, 101, 102, 103], rows=2), 90, most_rows=11)
    assert left.days.tolist() == [102, 103]
    assert dropped == bounds.Dropped(over=2, rows=10)
    left, dropped = bounds.bounded(daily([100, 101, 102], rows=9), 90, most_rows=5)
    assert left.days.tolist() == [102]
    assert (len(left.uses), dropped.over) == (9, 2), "a single day stays whole"
    assert bounds.bounded(daily([100, 101]), 90, most_rows=6)[1] == bounds.Dropped()


def test_a_day_is_shown_as_a_date() -> None:
    assert bounds.date(20_577) == "2026-05-04"
