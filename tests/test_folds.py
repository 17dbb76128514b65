"""Folds: one by one or many at once, whatever the order and the split; counts of unions."""

from __future__ import annotations

import pickle
import random
from collections import defaultdict
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmgraph import folds
from lmgraph.folds import SKETCH, Folds
from lmgraph.schema import Event
from lmgraph.settings import HOUR_US

BASE = 1_770_001_200_000_000  # the start of an hour
TEMPLATES = [Event(kind="connection", time_us=0, aid=aid, remote_ip="10.0.0.7") for aid in "abc"]
Told = tuple[int, int, int]  # template, time, record

TOLD = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(-2 * HOUR_US, 2 * HOUR_US).map(lambda offset: BASE + offset),
        st.sampled_from([0, 1, 2, 3, 2**63, 2**64 - 1]),
    ),
    max_size=12,
)


def one_by_one(told: list[Told]) -> Folds:
    out = Folds()
    for template, time_us, record in told:
        out.add(TEMPLATES[template], time_us, record)
    return out


def at_once(told: list[Told]) -> Folds:
    out = Folds()
    names = [out.learn(TEMPLATES[template]) for template, _, _ in told]
    times, found = [time_us for _, time_us, _ in told], [record for _, _, record in told]
    out.extend(names, times, found, {})
    return out


def naive(told: list[Told]) -> dict[tuple[int, int], tuple[int, int, int, list[int]]]:
    """The rows by (name of template, hour): records, first, last, sketch."""
    together: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for template, time_us, record in told:
        together[Folds().learn(TEMPLATES[template]), time_us // HOUR_US].append((time_us, record))
    return {
        place: (
            len(rows),
            min(time_us for time_us, _ in rows),
            max(time_us for time_us, _ in rows),
            sorted({record for _, record in rows})[: folds.SKETCH],
        )
        for place, rows in sorted(together.items())
    }


def rows_of(found: Folds) -> dict[tuple[int, int], tuple[int, int, int, list[int]]]:
    columns = found.columns
    sketches = [columns.sketch[start:end].tolist() for start, end in pairwise(columns.starts.tolist())]
    told = zip(
        columns.name.tolist(),
        columns.records.tolist(),
        columns.first_us.tolist(),
        columns.last_us.tolist(),
        sketches,
        strict=True,
    )
    return {
        (name, first // HOUR_US): (count, first, last, sketch) for name, count, first, last, sketch in told
    }


@given(TOLD)
def test_rows_are_those_of_a_plain_count_in_their_order(told: list[Told]) -> None:
    expected = naive(told)
    assert list(rows_of(one_by_one(told)).items()) == list(expected.items())
    assert one_by_one(told) == at_once(told)


@given(TOLD, st.randoms(use_true_random=False), st.lists(st.integers(0, 12), max_size=3))
def test_any_split_and_any_order_join_to_the_same(
    told: list[Told], chance: random.Random, cuts: list[int]
) -> None:
    whole = one_by_one(told)
    chance.shuffle(told)
    bounds = [0, *sorted(cuts), len(told)]
    parts = [chance.choice([one_by_one, at_once])(told[start:end]) for start, end in pairwise(bounds)]
    left, right = Folds(), Folds()
    for part in parts:
        left, right = left.joined(part), part.joined(right)
    assert left == right == whole


@given(TOLD, st.integers(1, 3))
def test_small_buffers_and_blocks_and_sketches_change_nothing_but_the_sketch(
    told: list[Told], small: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_WAITING", "_BLOCK", "SKETCH"):
            patch.setattr(folds, name, small)
        assert rows_of(one_by_one(told)) == naive(told)


def test_joining_leaves_both_as_they_were() -> None:
    left, right = one_by_one([(0, BASE, 1)]), one_by_one([(0, BASE, 2)])
    both = left.joined(right)
    both.add(TEMPLATES[1], BASE, 3)
    assert (len(both), len(left), len(right)) == (2, 1, 1)
    assert (list(left.templates), left.columns.sketch.tolist()) == (list(right.templates), [1])


def test_a_busy_row_keeps_the_least_names_and_estimates_the_rest() -> None:
    chance = random.Random(4)
    found = [chance.getrandbits(64) for _ in range(4000)]
    busy = at_once([(0, BASE, record) for record in found])
    assert busy.columns.sketch.tolist() == sorted(found)[:SKETCH]
    (count,) = busy.distinct(np.array([0]), np.array([0])).tolist()
    assert 3200 < count < 4800


def test_a_full_sketch_of_as_many_records_is_exact() -> None:
    full = at_once([(0, BASE, record) for record in range(SKETCH)])
    assert full.distinct(np.array([0]), np.array([0])).tolist() == [SKETCH]


def test_a_union_counts_a_record_of_two_rows_once() -> None:
    told = [(0, BASE, 1), (0, BASE, 2), (1, BASE, 2), (2, BASE, 9), (2, BASE + HOUR_US, 9)]
    found = one_by_one(told)
    places = {seen.event.aid: seen.rows for seen in found.by_template()}
    a, b, c = (places[aid].start for aid in "abc")
    rows, groups = np.array([c, a, b, c + 1]), np.array([1, 0, 0, 1])
    assert found.distinct(rows, groups).tolist() == [2, 1]
    further, of = np.array([2, 7, 7, 5], np.uint64), np.array([0, 0, 1, 2])
    assert found.distinct(rows, groups, further, of).tolist() == [3, 2, 1]
    assert Folds().distinct(np.zeros(0, np.int64), np.zeros(0, np.int64)).tolist() == []


def test_repeats_are_counted_by_place_and_hour_where_nothing_is_estimated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = [(0, BASE, 1), (0, BASE, 1), (1, BASE + 5, 1), (1, BASE + HOUR_US, 1), (2, BASE, 1), (2, BASE, 2)]
    found = one_by_one(told)
    places = np.empty(len(found), np.int64)
    for seen in found.by_template():
        places[seen.rows] = 1 if seen.event.aid == "c" else 0
    assert found.repeats(places) == 2
    found = one_by_one([*told, (2, BASE, 2)])
    assert found.repeats(places) == 3
    monkeypatch.setattr(folds, "SKETCH", 2)
    assert found.repeats(places) == 2
    assert Folds().repeats(np.zeros(0, np.int64)) == 0


def test_templates_come_by_their_first_time() -> None:
    found = one_by_one([(2, BASE, 1), (0, BASE + HOUR_US, 2), (1, BASE - 1, 3), (2, BASE + 1, 4)])
    assert [seen.event.aid for seen in found.by_template()] == ["b", "c", "a"]
    (_, seen, _) = found.by_template()
    assert (seen.first_us, seen.last_us, seen.records) == (BASE, BASE + 1, 2)


def test_only_wanted_templates_are_left() -> None:
    found = one_by_one([(0, BASE, 1), (1, BASE, 2), (1, BASE + HOUR_US, 3), (2, BASE, 4)])
    wanted = found.where(lambda template: template.aid == "b")
    assert rows_of(wanted) == naive([(1, BASE, 2), (1, BASE + HOUR_US, 3)])
    assert list(wanted.templates.values()) == [TEMPLATES[1]]
    assert not found.where(lambda _: False)


def test_the_oldest_rows_are_forgotten_with_their_templates() -> None:
    found = one_by_one([(0, BASE, 1), (1, BASE + HOUR_US, 2), (0, BASE + 2 * HOUR_US, 3), (2, BASE - 1, 4)])
    assert (found.forget(4), found.forget(2)) == (0, 2)
    assert rows_of(found) == naive([(1, BASE + HOUR_US, 2), (0, BASE + 2 * HOUR_US, 3)])
    assert {template.aid for template in found.templates.values()} == {"a", "b"}


def test_folds_travel_with_what_still_waits() -> None:
    found = one_by_one([(0, BASE, 1)])
    found.columns  # noqa: B018 - counts in what waits
    found.add(TEMPLATES[1], BASE, 2)
    copied = pickle.loads(pickle.dumps(found))
    assert copied == found
    assert len(copied) == 2
    assert copied != one_by_one([(0, BASE, 1)])
