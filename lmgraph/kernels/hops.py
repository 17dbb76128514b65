"""Kernels of the hops: cutting openers into hops, and finding the hops that other witnesses fit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lmgraph.kernels import kernel

I8 = npt.NDArray[np.int8]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


@kernel
def segment(pair: I64, time_us: I64, command: Bool, window: int, label: I64) -> int:
    """Number the hops that openers make, in order; write each opener's into ``label``.

    Openers are sorted by pair, then time, commands first. A hop ends with a silence of
    ``window``, at a length of 4 × ``window``, and at the first command that comes more than
    ``window`` after the start of a hop without one. Returns the number of hops.
    """
    hop = -1
    start = last = np.int64(0)
    only_connections = False
    for i in range(pair.size):
        time = time_us[i]
        if (
            i == 0
            or pair[i] != pair[i - 1]
            or time - last >= window
            or time - start >= 4 * window
            or (command[i] and only_connections and time - start > window)
        ):
            hop += 1
            start = time
            only_connections = True
        if command[i]:
            only_connections = False
        last = time
        label[i] = hop
    return hop + 1


@kernel
def _away(time: int, first: int, last: int) -> int:
    """How far a time lies outside an interval."""
    if time < first:
        return first - time
    return time - last if time > last else 0


@kernel
def nearest(
    pair: I64, time_us: I64, hop_pair: I64, hop_first: I64, hop_last: I64, window: int, found: I64
) -> None:
    """For each witness the nearest hop of its pair, at most ``window`` away, or −1.

    Witnesses are sorted by (pair, time), hops by (pair, first). Of two equally near the earlier.
    """
    hop = 0
    for i in range(pair.size):
        while hop < hop_pair.size and (
            hop_pair[hop] < pair[i] or (hop_pair[hop] == pair[i] and hop_first[hop] <= time_us[i])
        ):
            hop += 1
        # Everything before ``hop`` began no later than the witness.
        found[i] = -1
        best = window + 1
        if hop > 0 and hop_pair[hop - 1] == pair[i]:
            away = _away(time_us[i], hop_first[hop - 1], hop_last[hop - 1])
            if away < best:
                best = away
                found[i] = hop - 1
        if hop < hop_pair.size and hop_pair[hop] == pair[i] and hop_first[hop] - time_us[i] < best:
            found[i] = hop


@kernel
def fits(
    known: I64,
    time_us: I64,
    execution: Bool,
    host: I64,
    order: I64,
    hop_pair: I64,
    hop_first: I64,
    hop_last: I64,
    rank: I8,
    reach: I64,
    longest: int,
    most: int,
    hops: I64,
    count: I64,
) -> None:
    """For each witness that lacks an end, the hops at its known end that it fits.

    ``order`` lists the hops by (``host``, first), host being their end on the known side; hops
    themselves are sorted by (pair, first), and only the nearest of a pair is a candidate.
    ``rank`` says how well a hop suits an execution witness (0 best); only the best rank present
    stays. ``reach`` is how far from a hop each witness may lie, ``longest`` the longest hop. The
    hops, at most ``most``, go to ``hops[i]``, their true number to ``count[i]``.
    """
    for i in range(known.size):
        time, window = time_us[i], reach[i]
        low, high = 0, order.size
        while low < high:  # the first entry past (known host, time + window)
            middle = (low + high) // 2
            hop = order[middle]
            if host[hop] < known[i] or (host[hop] == known[i] and hop_first[hop] <= time + window):
                low = middle + 1
            else:
                high = middle
        best = 127
        count[i] = 0
        for place in range(low - 1, -1, -1):
            hop = order[place]
            if host[hop] != known[i] or hop_first[hop] < time - window - longest:
                break
            away = _away(time, hop_first[hop], hop_last[hop])
            if away > window:
                continue
            before, after = hop - 1, hop + 1
            if (
                before >= 0
                and hop_pair[before] == hop_pair[hop]
                and _away(time, hop_first[before], hop_last[before]) <= away
            ):
                continue
            if (
                after < hop_pair.size
                and hop_pair[after] == hop_pair[hop]
                and _away(time, hop_first[after], hop_last[after]) < away
            ):
                continue
            suits = rank[hop] if execution[i] else 0
            if suits < best:
                best = suits
                count[i] = 0
            if suits == best:
                if count[i] < most:
                    hops[i, count[i]] = hop
                count[i] += 1
