"""Streams of chance."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

from lmgraph.simulate.chance import Chance


def draws(*concern: str | int) -> list[int]:
    chance = Chance(7, *concern)
    return [chance.whole(0, 10**9) for _ in range(4)]


def test_a_concern_has_a_stream_of_its_own():
    assert draws("people", 1) == draws("people", 1)
    assert (
        len({tuple(draws(*concern)) for concern in (("people", 1), ("people", 2), ("scan", 1), ("people",))})
        == 4
    )


def test_streams_are_the_same_in_every_process():
    code = "from lmgraph.simulate.chance import Chance; print(Chance(7, 'people', 1).whole(0, 10**9))"
    said = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }
    assert said == {f"{draws('people', 1)[0]}\n"}


def test_large_seeds_count_in_full():
    assert Chance(1).whole(0, 10**9) != Chance(1 + 2**32).whole(0, 10**9)


def test_habit_prefers_what_comes_first():
    chance = Chance(1, "habit")
    counts = Counter(chance.habit("abc") for _ in range(600))
    assert counts["a"] > counts["b"] > counts["c"] > 60


def test_sample_gives_different_items_and_no_more_than_there_are():
    chance = Chance(1, "sample")
    assert sorted(chance.sample("abcd", 9)) == list("abcd")
    assert len(set(chance.sample("abcd", 2))) == 2
    assert chance.sample([], 3) == []


def test_clocks_are_in_order_and_inside():
    moments = Chance(1, "clocks").clocks(50, 100, 200)
    assert moments == sorted(moments)
    assert all(100 <= moment < 200 for moment in moments)
    assert Chance(1).clocks(2, 5, 5) == [5, 5]
