"""The kernels of the hops, one loop at a time."""

from __future__ import annotations

import numpy as np

from lmgraph.kernels import hops


def segment(times: list[int], commands: list[bool], pair: list[int] | None = None) -> list[int]:
    label = np.empty(len(times), np.int64)
    pairs = np.array(pair or [0] * len(times), np.int64)
    count = hops.segment(pairs, np.array(times, np.int64), np.array(commands, bool), 10, label)
    assert count == len(set(label.tolist()))
    return label.tolist()  # type: ignore[no-any-return]


def test_segment_cuts_at_silence_length_and_command() -> None:
    assert segment([], []) == []
    assert segment([0, 9, 19], [False] * 3) == [0, 0, 1]
    assert segment([0, 9, 18, 27, 36, 39, 40], [True] * 7) == [0, 0, 0, 0, 0, 0, 1]
    assert segment([0, 6, 11], [False, False, True]) == [0, 0, 1]
    assert segment([0, 6, 10], [False, False, True]) == [0, 0, 0]
    assert segment([0, 6, 11], [False, True, True]) == [0, 0, 0]
    assert segment([0, 1], [True, True], [0, 1]) == [0, 1]


def test_nearest_takes_the_nearer_and_of_equals_the_earlier() -> None:
    def nearest(times: list[int], pair: int = 0) -> list[int]:
        found = np.empty(len(times), np.int64)
        hops.nearest(
            np.full(len(times), pair),
            np.array(times),
            np.array([0, 0, 1]),
            np.array([100, 120, 300]),
            np.array([104, 120, 300]),
            10,
            found,
        )
        return found.tolist()  # type: ignore[no-any-return]

    assert nearest([89, 90, 102, 112, 113, 130, 131]) == [-1, 0, 0, 0, 1, 1, -1]
    assert nearest([100, 300], pair=1) == [-1, 2]
    assert nearest([100], pair=2) == [-1]


def test_fits_keeps_the_best_rank_and_counts_past_the_cap() -> None:
    host = np.array([5, 5, 5, 6])
    first = np.array([0, 0, 3, 0])
    found, count = np.full((2, 2), -1), np.empty(2, np.int64)
    hops.fits(
        np.array([5, 5]),
        np.array([4, 4]),
        np.array([True, False]),
        host,
        np.lexsort((first, host)),
        np.array([0, 1, 2, 3]),
        first,
        first,
        np.array([1, 0, 1, 0], np.int8),
        np.array([10, 10]),
        0,
        2,
        found,
        count,
    )
    assert count.tolist() == [1, 3]
    assert found[0].tolist() == [1, -1]
    assert set(found[1].tolist()) <= {0, 1, 2}
