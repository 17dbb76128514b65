"""Kernels of the hops: cutting openers into hops, finding the hops that others fit, describing hops."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lmgraph.kernels import kernel

I8 = npt.NDArray[np.int8]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

CONNECTION = 2  # position in schema.STAGES
PSEXEC_ALERT, SMB_ALERT = 0, 2  # positions in schema.ALERT_TYPES


class Witnesses(NamedTuple):
    """Columns of frame WITNESSES that describe a hop, one entry per row."""

    time_us: I64
    stage: I8
    side: I8
    opens: Bool
    alert: I32
    alert_type: I8
    proves: I8
    denied: Bool
    source_user: I32
    target_user: I32
    credential: I32
    certainty: F64
    process: I32
    renamed: Bool
    masquerade: Bool
    suppressed: Bool


class Described(NamedTuple):
    """Columns of the hops, one entry per hop: as frame HOPS has them, and what ``first_us`` comes from.

    They begin as 0 or False; spans as the greatest and the least int64, accounts and processes as −1.
    """

    alert_first: I64  # span of its alerts
    alert_last: I64
    moved_first: I64  # span of its execution and share openers
    moved_last: I64
    evidence_first: I64
    evidence_last: I64
    stages: I64
    alert_types: I64
    outcome: I64
    outcome_us: I64
    denied: I64
    source_user: I64
    target_user: I64
    credential: I64
    process: I64
    tool: I64
    certainty: F64
    alert_unsuppressed: Bool
    opener_unsuppressed: Bool
    renamed: Bool
    masquerade: Bool


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
    hops, at most ``most``, go to ``hops[i]``, their number to ``count[i]``; beyond ``most``, it may be
    greater than that says.
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
            if count[i] > most and (best == 0 or not execution[i]):
                break  # too many, and none suits better


@kernel
def _span(hop: int, time: int, first: I64, last: I64) -> None:
    """Extend the span of a hop."""
    first[hop] = min(first[hop], time)
    last[hop] = max(last[hop], time)


@kernel
def _account(hop: int, user: int, suits: int, person: Bool, chosen: I64, best: I8) -> None:
    """Take the account for the hop if it suits better than the chosen one; a person suits best."""
    if user >= 0:
        if not person[user]:
            suits += 6
        if suits < best[hop]:
            best[hop] = suits
            chosen[hop] = user


@kernel
def describe(row: I64, hop: I64, good: Bool, w: Witnesses, person: Bool, to: Described) -> None:
    """What the members of the hops say of them.

    Members, a row in a hop each, are sorted by the rank of the row: of equals the earliest decides.
    ``good`` ones belong to their hop surely enough to prove something of it; the others, and what was
    refused, only belong to its evidence. Of accounts, a person comes before a machine, an opener's
    before another's, then the strongest stage's.
    """
    best = np.full((3, to.outcome.size), 127, np.int8)
    for i in range(row.size):
        r, h = row[i], hop[i]
        time = w.time_us[r]
        _span(h, time, to.evidence_first, to.evidence_last)
        if not good[i]:
            continue
        if w.denied[r]:
            to.denied[h] += 1
            continue
        to.stages[h] |= np.int64(1) << (w.stage[r] * 3 + w.side[r])
        if w.proves[r] > to.outcome[h]:
            to.outcome[h] = w.proves[r]
            to.outcome_us[h] = time
        elif w.proves[r] == to.outcome[h]:
            to.outcome_us[h] = min(to.outcome_us[h], time)
        suits = w.stage[r] if w.opens[r] else 3 + w.stage[r]
        _account(h, w.source_user[r], suits, person, to.source_user, best[0])
        _account(h, w.target_user[r], suits, person, to.target_user, best[1])
        _account(h, w.credential[r], suits, person, to.credential, best[2])
        if not w.opens[r]:
            continue
        if w.stage[r] != CONNECTION:
            _span(h, time, to.moved_first, to.moved_last)
        to.certainty[h] = max(to.certainty[h], w.certainty[r])
        to.opener_unsuppressed[h] |= not w.suppressed[r]
        to.renamed[h] |= w.renamed[r]
        to.masquerade[h] |= w.masquerade[r]
        if w.alert[r] < 0:
            continue
        _span(h, time, to.alert_first, to.alert_last)
        to.alert_types[h] |= np.int64(1) << w.alert_type[r]
        to.alert_unsuppressed[h] |= not w.suppressed[r]
        if w.alert_type[r] == SMB_ALERT and to.process[h] < 0:
            to.process[h] = w.process[r]
        if w.alert_type[r] == PSEXEC_ALERT and to.tool[h] < 0:
            to.tool[h] = w.process[r]
