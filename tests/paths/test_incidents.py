"""Incidents: which hops of one host are one actor's, which paths are listed, what may belong together."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lmgraph.groups import Lists
from lmgraph.paths import incidents
from lmgraph.paths.incidents import find, related, unrolled
from lmgraph.paths.links import Links
from tests import naive
from tests.builders import DAY, HOUR

Row = tuple[float, float, int, tuple[int, ...]]
A, B, BOTH, NOBODY = (1,), (2,), (1, 2), ()


def lists(of: list[tuple[int, ...]]) -> Lists:
    start = np.cumsum([0, *map(len, of)])
    return Lists(start, np.array([one for part in of for one in part], np.int64))


def links(parent: list[int], best: list[int], persons: list[tuple[int, ...]]) -> Links:
    """Links in the order of the hops."""
    count = len(parent)
    return Links(
        order=np.arange(count),
        parent=np.array(parent, np.int64),
        best=np.array(best, np.int64),
        certainty=np.ones(count),
        terms=np.zeros((count, 4), np.int64),
        gap_us=np.zeros(count, np.int64),
        same=np.zeros(count, bool),
        persons=lists(persons),
        dropped=0,
    )


def hops(spans: list[tuple[float, float]], sources: list[int]) -> pd.DataFrame:
    """Hops of so many hours, from a host to one that no other touches."""
    return pd.DataFrame(
        {
            "source": np.array(sources, np.int32),
            "target": np.array([100 + number for number in range(len(spans))], np.int32),
            "certainty": 1.0,
            "first_us": [round(first * HOUR) for first, _ in spans],
            "last_us": [round(last * HOUR) for _, last in spans],
        }
    )


def groups(*rows: Row, max_gap_us: int | None = DAY) -> list[tuple[int, ...]]:
    """The incidents of hops that nothing led to: (first hour, last hour, source, accounts) of each."""
    frame = hops([row[:2] for row in rows], [row[2] for row in rows])
    chosen = links([-1] * len(rows), [1000] * len(rows), [row[3] for row in rows])
    found = find(frame, chosen, np.ones(len(rows), bool), np.ones(len(rows), bool), max_gap_us=max_gap_us)
    return found.hops.tuples()


# --- hops out of one host that nothing led to -----------------------------------------------------


def test_one_account_out_of_one_host_within_a_shift_is_one_actor() -> None:
    assert groups((0, 1, 7, A), (3, 3, 7, A)) == [(0, 1)]
    assert groups((0, 1, 7, A), (3.1, 4, 7, A)) == [(0,), (1,)]
    assert groups((0, 1, 7, A), (2, 3, 8, A)) == [(0,), (1,)]
    assert groups((0, 1, 7, A), (2, 3, 7, B)) == [(0,), (1,)]


@pytest.mark.parametrize(("gap", "expected"), [(HOUR, [(0,), (1,)]), (DAY, [(0, 1)]), (None, [(0, 1)])])
def test_a_shift_is_no_longer_than_the_greatest_gap(gap: int | None, expected: list[tuple[int, ...]]) -> None:
    assert groups((0, 1, 7, A), (2.5, 3, 7, A), max_gap_us=gap) == expected


def test_who_has_two_accounts_is_one_with_either() -> None:
    assert groups((0, 0, 7, A), (0.5, 0.5, 7, B), (1, 1, 7, BOTH)) == [(0, 1, 2)]
    assert groups((0, 0, 7, BOTH), (0.5, 0.5, 7, B), (1, 1, 7, A)) == [(0, 1, 2)]


def test_a_shift_begins_where_the_hop_that_lasts_longest_ends() -> None:
    assert groups((0, 5, 7, A), (1, 1, 7, A), (6, 6, 7, A)) == [(0, 1, 2)]


def test_without_an_account_it_joins_the_one_before() -> None:
    assert groups((0, 0, 7, A), (1, 1, 7, NOBODY), (1.5, 1.5, 7, B)) == [(0, 1), (2,)]
    assert groups((0, 0, 7, A), (0.5, 0.5, 7, B), (1, 1, 7, NOBODY)) == [(0,), (1, 2)]


def test_before_it_is_what_ends_last_of_equals_the_later() -> None:
    assert groups((0, 5, 7, A), (1, 1, 7, B), (2, 2, 7, NOBODY)) == [(0, 2), (1,)]
    assert groups((0, 1, 7, A), (0.5, 1, 7, B), (2, 2, 7, NOBODY)) == [(0,), (1, 2)]


def test_with_none_before_it_joins_the_one_after_and_no_second() -> None:
    assert groups((0, 0, 7, NOBODY), (1, 1, 7, A), (1.5, 1.5, 7, B)) == [(0, 1), (2,)]
    assert groups((0, 0, 7, NOBODY), (1, 1, 8, A)) == [(0,), (1,)]
    assert groups((0, 0, 7, NOBODY), (2.1, 2.1, 7, A)) == [(0,), (1,)]


def test_too_late_for_the_one_before_it_joins_the_one_after() -> None:
    assert groups((0, 0, 7, A), (3, 3, 7, NOBODY), (4, 4, 7, B)) == [(0,), (1, 2)]
    assert groups((0, 0, 7, NOBODY), (3, 3, 7, NOBODY), (4, 4, 7, B)) == [(0,), (1, 2)]


def test_a_group_without_an_account_grows_until_one_comes() -> None:
    assert groups((0, 0, 7, NOBODY), (1.5, 1.5, 7, NOBODY), (3, 3, 7, A)) == [(0, 1, 2)]
    assert groups((0, 5, 7, NOBODY), (1, 1, 7, NOBODY), (6, 6, 7, A)) == [(0, 1, 2)]
    assert groups((0, 0, 7, NOBODY), (1, 1, 7, A), (2, 2, 7, NOBODY), (3, 3, 7, B)) == [(0, 1, 2), (3,)]


# --- listed paths ---------------------------------------------------------------------------------


def chains(parent: list[int], best: list[int]) -> tuple[tuple[int, ...], ...]:
    """The listed paths of one incident."""
    count = len(parent)
    chosen = links(parent, best, [A] * count)
    found = find(
        hops([(0, 0)] * count, [7] * count),
        chosen,
        np.ones(count, bool),
        np.ones(count, bool),
        max_gap_us=DAY,
    )
    return tuple(unrolled(found.ends.item, chosen, found.chains).tuples())


def test_the_peak_on_the_way_is_listed_beside_the_leaf() -> None:
    assert chains([-1, 0], [3000, 2000]) == ((0,), (0, 1))
    assert chains([-1, 0], [3000, 3000]) == ((0,), (0, 1)), "what follows adds nothing"
    assert chains([-1, 0], [3000, 3001]) == ((0, 1),)


# --- what may belong together ---------------------------------------------------------------------


def test_related_are_those_that_touch_a_host_within_the_gap() -> None:
    members = lists([(0,), (1,)])
    for gap_us, found in ((HOUR, [(1,), (0,)]), (HOUR - 1, [(), ()]), (None, [(1,), (0,)])):
        frame = hops([(0, 1), (2, 3)], [7, 7])
        of_each, dropped = related(frame, members, max_gap_us=gap_us)
        assert (of_each.tuples(), dropped) == (found, 0)


@pytest.mark.parametrize("seed", range(20))
def test_related_are_the_same_as_the_reference_finds(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the cap cuts, and where the pairs do not fit the buffer at once."""
    dice = np.random.default_rng(seed)
    count, parts = int(dice.integers(1, 120)), int(dice.integers(1, 12))
    first = np.sort(dice.integers(0, 30, count)) * HOUR
    source, target = dice.integers(0, 3, (2, count)).astype(np.int32)
    spans = {"first_us": first, "last_us": first + dice.integers(0, 3, count) * HOUR}
    frame = pd.DataFrame({"source": source, "target": target, **spans})
    of = dice.integers(0, parts, count)
    members = [tuple(np.flatnonzero(of == number).tolist()) for number in range(parts)]
    members = [part for part in members if part]
    monkeypatch.setattr(incidents, "MOST_RELATED", 3)
    monkeypatch.setattr(incidents, "AT_ONCE", 7)
    for gap in (0, 3 * HOUR, None):
        found, dropped = related(frame, lists(members), max_gap_us=gap)
        assert (found.tuples(), dropped) == naive.related(frame, members, gap, most=3)


# --- further branches -----------------------------------------------------------------------------


def branches(parent: list[int], best: list[int], notable: list[bool]) -> int:
    """What the further branches of one incident add."""
    count = len(parent)
    chosen = links(parent, best, [A] * count)
    frame = hops([(0, 0)] * count, [7] * count)
    found = find(frame, chosen, np.ones(count, bool), np.array(notable), max_gap_us=DAY)
    assert found.score.tolist() == [max(best) + found.branches[0]]
    return int(found.branches[0])


def test_what_follows_weakly_takes_no_branch_away() -> None:
    """A way in, three notable branches behind it, then a weak hop behind each of these."""
    assert branches([-1, 0, 0, 0], [1000, 9000, 8000, 7000], [False, True, True, True]) == 1000
    parent, best = [-1, 0, 0, 0, 1, 2, 3], [1000, 9000, 8000, 7000, 9100, 8100, 7100]
    assert branches(parent, best, [False, True, True, True, False, False, False]) == 1000


def test_a_branch_is_what_is_notable_off_the_best_path() -> None:
    assert branches([-1, 0, 0], [5000, 6000, 5500], [False, False, True]) == 500
    assert branches([-1, 0, 0], [5000, 6000, 5500], [True, True, False]) == 0
    assert branches([-1, 0, 1, 1], [5000, 6000, 7000, 6500], [False, True, False, False]) == 0
    assert branches([-1, 0, 0, 2], [4000, 9000, 5500, 6500], [False, False, True, True]) == 500, (
        "one way, not two"
    )
    assert branches([-1] + [0] * 9, [4000, *range(9000, 8991, -1)], [True] * 10) == 3000
