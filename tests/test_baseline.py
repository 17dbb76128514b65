"""Baselines: merging is a union of sets, and a use never comes too early."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmgraph import baseline, frames, history
from lmgraph.baseline import ACCOUNT, HOST, Baseline
from tests.builders import (
    DAY,
    HOUR,
    MINUTE,
    PERSONS,
    PSEXEC,
    ROLES,
    SMB,
    START,
    WINDOW,
    build,
    row,
    witnesses,
)
from tests.test_history import contacts

TODAY = START // DAY
KEYS = {kind: np.arange(100, 108, dtype=np.uint64) for kind in baseline.KINDS}


def same(left: Baseline, right: Baseline) -> None:
    for name in baseline.TABLES:
        pd.testing.assert_frame_equal(getattr(left, name), getattr(right, name))
    assert left.days.tolist() == right.days.tolist()


def made(
    uses: list[tuple[int, int, int, int]] = (),  # type: ignore[assignment]
    paths: list[tuple[int, int, int]] = (),  # type: ignore[assignment]
    names: list[tuple[str, int, str]] = (),  # type: ignore[assignment]
    days: list[int] = (),  # type: ignore[assignment]
    left: list[tuple[int, int, int]] = (),  # type: ignore[assignment]
    *,
    moved: bool = True,
) -> Baseline:
    """Of (day, source, target, hours), (day, key, score), (kind, key, name); a hop per use that moved.

    ``left`` are (day, source, target).
    """
    used = (
        dict(zip(("day", "source", "target", "hours"), zip(*uses, strict=True), strict=True)) if uses else {}
    )
    whole = {name: used.get(name, [0] * len(uses)) for name in baseline.USES}
    ended = dict(zip(baseline.PATHS, zip(*paths, strict=True), strict=True)) if paths else {}
    named = dict(zip(baseline.NAMES, zip(*names, strict=True), strict=True)) if names else {}
    hops = {name: used.get(name, [5] * len(uses)) for name in baseline.HOPS} if moved else {}
    out = dict(zip(baseline.LEFT, zip(*left, strict=True), strict=True)) if left else {}
    return baseline.make(
        uses={**whole, "moved": [moved] * len(uses)},
        hops=hops,
        paths=ended,
        left=out,
        names=named,
        days=list(days),
    )


key = st.integers(1, 4)
baselines = st.builds(
    made,
    st.lists(st.tuples(st.integers(10, 14), key, key, st.integers(1, 7)), max_size=8),
    st.lists(st.tuples(st.integers(10, 14), key, st.integers(-3, 3)), max_size=5),
    st.lists(
        st.tuples(st.sampled_from([HOST, ACCOUNT]), key, st.sampled_from(["A", "a", "B", "AA"])), max_size=5
    ),
    st.lists(st.integers(10, 14), max_size=4),
    st.lists(st.tuples(st.integers(10, 14), key, key), max_size=3),
    moved=st.booleans(),
)


@given(baselines, baselines, baselines)
def test_merging_is_a_union(a: Baseline, b: Baseline, c: Baseline) -> None:
    same(baseline.merge(a, b), baseline.merge(b, a))
    same(baseline.merge(a, a), a)
    same(baseline.merge(baseline.merge(a, b), c), baseline.merge(a, baseline.merge(b, c)))
    same(baseline.merge(a, b, c), baseline.merge(baseline.merge(a, b), c))
    same(baseline.merge(a, baseline.empty()), a)
    assert baseline.merge().counts.uses == 0


def test_hours_add_up_and_the_better_score_and_the_shorter_name_stay() -> None:
    one = made([(10, 1, 2, 0b001)], [(10, 7, 500)], [(HOST, 1, "srv1.corp"), (HOST, 2, "b")])
    two = made([(10, 1, 2, 0b100)], [(10, 7, 900)], [(HOST, 1, "srv1"), (HOST, 2, "B")])
    both = baseline.merge(one, two)
    assert both.uses["hours"].tolist() == [0b101]
    assert both.paths["score"].tolist() == [900]
    assert both.names["name"].tolist() == ["srv1", "B"]


def test_what_is_left_out_goes_and_does_not_come_back_from_another_copy() -> None:
    before = made([(10, 1, 2, 1), (10, 2, 1, 1), (11, 1, 2, 1)], names=[(HOST, 1, "A"), (HOST, 2, "B")])
    lesson = made(left=[(10, 1, 2)])
    after = baseline.merge(before, lesson)
    assert after.uses[["day", "source"]].to_numpy().tolist() == [[10, 2], [11, 1]]
    assert after.hops[["day", "source"]].to_numpy().tolist() == [[10, 2], [11, 1]]
    assert baseline.left_by(before, lesson) == 1
    same(baseline.merge(after, before), after)
    open_again = baseline.cleared(after, lesson.left)
    same(baseline.merge(open_again, before), before)
    assert after.since(11).left.empty, "it goes with its day"


def test_names_of_what_is_not_in_use_are_not_kept() -> None:
    assert made([(10, 1, 2, 1)], names=[(HOST, 1, "A"), (HOST, 3, "C"), (ACCOUNT, 1, "D")]).names[
        "name"
    ].tolist() == ["A"]


@pytest.mark.parametrize("spec", [frames.USES])
def test_every_column_of_uses_is_remembered(spec: frames.Spec) -> None:
    """A code means nothing in another run: a new coded column needs its kind of entity."""
    assert set(baseline.USES) == set(spec) - {"time_us"} | {"day", "hours"}
    coded = {name for name, kind in spec.items() if kind == "int32"}
    assert coded == set(baseline.ENTITY_OF)


def used(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    """Frame USES of (time after START, source, target, user)."""
    known = contacts([row[:4] for row in rows])
    more = {
        "process": [0] * len(rows),
        "tool": [False] * len(rows),
        "moved": [True] * len(rows),
        "executed": [False] * len(rows),
    }
    return frames.make({**known, **more}, frames.USES)


def test_a_use_comes_back_at_the_end_of_its_first_hour_and_its_account_in_each_hour() -> None:
    uses = used([(5 * MINUTE, 0, 1, 2), (23 * HOUR + MINUTE, 0, 1, 2), (30 * MINUTE, 0, 1, -1)])
    kept = baseline.make(uses=baseline.record(uses, KEYS))
    whole = kept.uses_for(KEYS)
    frames.check(whole, frames.USES, "uses")
    back = whole[whole["source"] >= 0].sort_values(["time_us", "user"])
    ends = [START + HOUR - 1, START + HOUR - 1, START + DAY - 1]
    assert list(zip(back["time_us"], back["source"], back["target"], back["user"], strict=True)) == [
        (ends[0], 0, 1, -1),
        (ends[1], 0, 1, 2),
    ]
    hours = whole[whole["source"] < 0]
    assert list(zip(hours["time_us"], hours["user"], strict=True)) == [(ends[1], 2), (ends[2], 2)]
    assert (hours[["target", "process"]] == -1).all(axis=None)
    assert not hours[["moved", "executed"]].any(axis=None)
    assert back["moved"].all()
    assert (back["process"] == 0).all()
    assert not back["executed"].any()


def test_strangers_get_codes_of_their_own() -> None:
    kept = baseline.make(uses=baseline.record(used([(0, 0, 5, 3), (0, 0, 6, 3), (0, 7, 6, 4)]), KEYS))
    back = kept.uses_for({kind: keys[[2, 0]] for kind, keys in KEYS.items()})[:3]
    assert back["source"].tolist() == [1, 1, 4]  # host 0 is now 1; 5, 6 and 7 are strangers
    assert back["target"].tolist() == [2, 3, 3]
    assert back["user"].tolist() == [2, 2, 3]
    nobody = {kind: np.empty(0, np.uint64) for kind in KEYS}
    assert kept.uses_for(nobody)["source"].tolist() == [0, 0, 3, -1, -1]
    assert baseline.empty().uses_for(KEYS).empty


def hour_by_hour(past: Baseline) -> pd.DataFrame:
    """The obvious form of ``uses_for``: a row for each hour of each use."""
    columns = past._coded(past.uses, [name for name in frames.USES if name != "time_us"], KEYS)
    hours = [[hour for hour in range(24) if mask >> hour & 1] for mask in past.uses["hours"]]
    rows = np.repeat(np.arange(len(past.uses)), [len(of_use) for of_use in hours])
    ends = np.array([(hour + 1) * HOUR - 1 for of_use in hours for hour in of_use], np.int64)
    taken: dict[str, Any] = {name: values[rows] for name, values in columns.items()}
    taken["time_us"] = past.uses["day"].to_numpy(np.int64)[rows] * DAY + ends
    return frames.make(taken, frames.USES)


def test_a_use_in_all_hours_is_no_24_rows() -> None:
    hosts = [(10, 1 + number % 50, 100 + number, (1 << 24) - 1) for number in range(1000)]
    past = made(hosts)
    assert len(hour_by_hour(past)) == 24_000
    assert len(past.uses_for(KEYS)) == 1000


Opener = tuple[Any, ...]
host, account = st.integers(0, 5), st.integers(-1, 2)


def openers(times: st.SearchStrategy[int]) -> st.SearchStrategy[list[Opener]]:
    kinds = st.sampled_from([PSEXEC, SMB])
    return st.lists(st.tuples(kinds, times, host, host, account, account), max_size=14)


def rows_of(given: list[Opener]) -> list[dict[str, Any]]:
    return [
        row(kind, time, source, target, source_user=a, target_user=b)
        for kind, time, source, target, a, b in given
        if source != target
    ]


def days_before(rows: list[dict[str, Any]], known: pd.DataFrame, past: Baseline | None) -> pd.DataFrame:
    """What history says of the hops of the rows, by pair and time."""
    table = build(rows)
    uses = history.uses(witnesses(rows), table, known)
    days = {time // DAY for time in uses["time_us"]}
    if past is not None:
        uses = pd.concat([uses, past.uses_for(KEYS)], ignore_index=True)
        days |= set(past.days.tolist())
    read, earlier = np.array(sorted(days), np.int64), past and past.hops_for(KEYS)
    found = history.features(
        table, uses, PERSONS, ROLES, days_read=read, max_gap_us=DAY, window_us=WINDOW, earlier=earlier
    )
    return pd.concat([table.hops[["source", "target", "first_us"]], found], axis=1)


def learnt(rows: list[dict[str, Any]], known: pd.DataFrame) -> Baseline:
    table = build(rows)
    uses = history.uses(witnesses(rows), table, known)
    begun = table.hops[["first_us", "source", "target"]].assign(mere=history.mere(table.hops))
    days = sorted({time // DAY for time in uses["time_us"].tolist()})
    return baseline.make(uses=baseline.record(uses, KEYS), hops=baseline.record_hops(begun, KEYS), days=days)


def split(given: list[Opener], known: list[tuple[int, int, int, int]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The last day's history from all days at once, and from that day and baselines of the others."""
    rows, days = rows_of(given), range(6)
    whole = days_before(rows, contacts(known), None)
    last = [one for one in rows if one["time_us"] >= START + 5 * DAY]
    parts = [
        learnt(
            [one for one in rows if one["time_us"] // DAY == TODAY + day],
            contacts([one for one in known if one[0] // DAY == day]),
        )
        for day in days
    ]
    alone = days_before(last, contacts([one for one in known if one[0] // DAY == 5]), baseline.merge(*parts))
    whole = whole[whole["first_us"] >= START + 5 * DAY].reset_index(drop=True)
    by = ["first_us", "source", "target"]
    return whole.sort_values(by, ignore_index=True), alone.sort_values(by, ignore_index=True)


whole_hours = st.integers(0, 6 * 24 - 1).map(lambda hours: hours * HOUR)
minutes = st.integers(0, 6 * 24 * 12 - 1).map(lambda fives: fives * 5 * MINUTE)


def known(times: st.SearchStrategy[int]) -> st.SearchStrategy[list[tuple[int, int, int, int]]]:
    return st.lists(st.tuples(times, host, host, account), max_size=20)


@settings(max_examples=40)
@given(openers(whole_hours), known(whole_hours))
def test_one_day_and_a_baseline_say_what_all_days_say(given: list[Opener], met: Any) -> None:
    """The day's own data is in the baseline, too, and counts once."""
    whole, alone = split(given, met)
    pd.testing.assert_frame_equal(whole, alone)


@settings(max_examples=60)
@given(openers(minutes), known(minutes))
def test_the_first_hour_and_hours_by_account_say_what_all_hours_say(given: list[Opener], met: Any) -> None:
    rows = rows_of(given)
    past = learnt(rows, contacts(met))
    table = build(rows)
    found = [
        history.features(table, uses, PERSONS, ROLES, days_read=past.days, max_gap_us=HOUR, window_us=WINDOW)
        for uses in (past.uses_for(KEYS), hour_by_hour(past))
    ]
    pd.testing.assert_frame_equal(*found)


@settings(max_examples=40)
@given(openers(minutes), known(minutes))
def test_within_an_hour_a_baseline_knows_less_and_never_more(given: list[Opener], met: Any) -> None:
    whole, alone = split([one for one in given if one[1] % HOUR or one[1] < 5 * DAY], met)
    whole, alone = (table[~table["first_us"].isin(_cut(given))] for table in (whole, alone))
    assert len(whole) == len(alone)
    for name in whole:
        if name.startswith("days_"):
            assert (alone[name].to_numpy() <= whole[name].to_numpy()).all(), name


def _cut(given: list[Opener]) -> set[int]:
    """First times of hops that reach over the midnight before the last day: one run sees half of them."""
    return {START + one[1] for one in given if 5 * DAY - HOUR <= one[1] < 5 * DAY + HOUR}


def test_p_values_count_other_paths() -> None:
    past = made(paths=[(10, 1, 1000), (10, 2, 2000), (11, 3, 3000)])
    keys, scores = np.array([9, 9, 9, 3, 1], np.uint64), np.array([3001, 2000, -5, 3000, 1500], np.int64)
    assert past.p_values(keys, scores).tolist() == [1 / 4, 3 / 4, 1.0, 1 / 3, 1.0]
    assert baseline.empty().p_values(keys, scores).tolist() == [1.0] * 5


@given(baselines, st.lists(st.tuples(key, st.integers(-4, 4)), max_size=6))
def test_p_values_are_those_of_the_definition(past: Baseline, asked: list[tuple[int, int]]) -> None:
    keys, scores = np.array([k for k, _ in asked], np.uint64), np.array([s for _, s in asked], np.int64)
    kept = dict(zip(past.paths["key"], past.paths["score"], strict=True))
    if len(kept) == len(past.paths):
        for place, (own, score) in enumerate(asked):
            others = [value for name, value in kept.items() if name != own]
            expected = (sum(value >= score for value in others) + 1) / (len(others) + 1)
            assert past.p_values(keys, scores)[place] == expected


def test_the_most_usual_movements_come_first_and_by_name() -> None:
    names = [(HOST, 1, "ADM01"), (HOST, 2, "SRV7"), (HOST, 3, "SRV8")]
    past = made([(10, 1, 3, 1), (10, 1, 2, 1), (11, 1, 2, 4), (10, 1, 9, 1)], names=names)
    assert past.usual(3) == [
        (2, "ADM01", "SRV7", None),
        (1, "ADM01", f"{9:016x}", None),
        (1, "ADM01", "SRV8", None),
    ]
    assert past.usual(1) == [(2, "ADM01", "SRV7", None)]
    assert made([(10, 1, 2, 1)], moved=False).usual(3) == []


def test_counts() -> None:
    past = baseline.merge(
        made([(10, 1, 2, 1), (11, 1, 2, 1)], [(10, 7, 1)], days=[10, 11, 12]),
        made([(10, 3, 2, 1)], moved=False),
    )
    assert past.counts == baseline.Counts(
        days=3, hosts=3, accounts=0, pairs=2, contacts=1, uses=3, hops=2, paths=1
    )
