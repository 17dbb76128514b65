"""Kernels of the paths: one causal order of all hops, and the best predecessor of each."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lmgraph.kernels import kernel

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]


class Hops(NamedTuple):
    """Columns of the hops that the choice of predecessors needs, one entry per hop."""

    source: I64
    target: I64
    first: I64
    last: I64
    outcome: I64  # when the outcome was proved, −1 unknown
    weight: F64  # of the hop as an explanation of what follows, by what it did there
    key: npt.NDArray[np.uint64]
    score: I64
    began: F64  # weight of the explanation that no earlier hop led here
    own_since: I64  # start of the acting account's own session on the source, else the greatest int
    moves_since: I64  # first of the hops out of the source
    entered: I64  # what a source that was just entered and starts to move adds
    entered_within: I64  # and up to which gap; a change of accounts tells no longer than that, too


class Lists(NamedTuple):
    """Sorted accounts of each hop: those of hop h are ``user[start[h]:start[h + 1]]``."""

    start: I64
    user: I64


class Accounts(NamedTuple):
    """Persons of each hop."""

    any: Lists
    acting: Lists  # on its source
    effective: Lists  # as its target knows them


class Into(NamedTuple):
    """Hops into each host: those of host h are ``hop[start[h]:start[h + 1]]``, in order."""

    start: I64
    hop: I64


class Limits(NamedTuple):
    """Durations in microseconds, and how many candidates are weighed and looked at per hop."""

    max_gap: int
    skew: int
    longest: int  # greatest last − first of any hop
    most: int
    look: int


class Weights(NamedTuple):
    """Weights of explanations, and thousandths of link terms."""

    same: float  # the account is one of the predecessor's
    unknown: float
    other: float
    fade: int  # gap in microseconds that halves a weight
    least: float  # certainty that a link needs
    switch: int
    left: int
    doubt: int  # of a halved certainty


class Chosen(NamedTuple):
    """Results per hop: predecessor or −1, best score, and the link's certainty and terms."""

    parent: I64
    best: I64
    certainty: F64
    terms: I64  # n × 4: entered then moves, credential switch, left before entry, doubt
    same: Bool  # the account is one of the predecessor's


@kernel
def _comes_before(a: int, b: int, order_us: I64, depth: I64) -> bool:
    """Whether hop a precedes hop b in the corrected order; ties go by number, that is (first, key)."""
    if order_us[a] != order_us[b]:
        return bool(order_us[a] < order_us[b])
    if depth[a] != depth[b]:
        return bool(depth[a] < depth[b])
    return a < b


@kernel
def _place(in_hops: I64, low: int, high: int, hop: int) -> int:
    """First position in a sorted stretch of hop numbers that is not less than ``hop``."""
    while low < high:
        middle = (low + high) // 2
        if in_hops[middle] < hop:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def _explained(
    b: int,
    low: int,
    place: int,
    source: I64,
    target: I64,
    first: I64,
    last: I64,
    into: I64,
    earliest: int,
    longest: int,
    order_us: I64,
    depth: I64,
) -> bool:
    """Whether an earlier hop led to b's source: one of those at ``low`` … ``place`` − 1, the last first."""
    for at in range(place - 1, low - 1, -1):
        a = into[at]
        if first[a] + longest < earliest:
            return False
        if source[a] != target[b] and last[a] >= earliest and _comes_before(a, b, order_us, depth):
            return True
    return False


@kernel
def _late_entry(
    b: int,
    low: int,
    place: int,
    high: int,
    source: I64,
    target: I64,
    first: I64,
    into: I64,
    skew: int,
    order_us: I64,
    depth: I64,
) -> int:
    """The first hop into b's source that seems to come after b, by no more than the skew; −1 if none.

    Looked at are those at ``low`` … ``high`` − 1; b would stand at ``place`` among them.
    """
    at = place
    while at > low and first[into[at - 1]] >= first[b] - skew:
        at -= 1  # an earlier hop may itself have been moved behind this one
    best = -1
    while at < high and first[into[at]] <= first[b] + skew:
        a = into[at]
        if (
            source[a] != target[b]
            and order_us[a] <= first[b] + skew
            and _comes_before(b, a, order_us, depth)
            and (best < 0 or _comes_before(a, best, order_us, depth))
        ):
            best = a
        at += 1
    return best


@kernel
def corrected_order(hops: Hops, into: Into, limits: Limits, rounds: int, order_us: I64, depth: I64) -> None:
    """One moment per hop, so that the order of moments is causal where clocks disagree.

    A hop that no earlier hop explains, but one that seems to start up to ``skew`` later, is moved
    right behind that one (``order_us`` of that hop, ``depth`` one more), once. Moving one may take
    the explanation from another, so passes repeat until nothing moves, at most ``rounds`` times.
    The first goes backward in time, so that a chain moves whole.

    Hops are sorted by (first, key); ``into`` lists them so.
    """
    source, target, first, last = hops.source, hops.target, hops.first, hops.last
    start, into_hop = into.start, into.hop
    order_us[:] = first
    depth[:] = 0
    changed = True
    passes = 0
    while changed and passes < rounds:
        changed = False
        for step in range(source.size):
            b = source.size - 1 - step if passes == 0 else step
            low, high = start[source[b]], start[source[b] + 1]
            if depth[b] > 0 or low == high:
                continue
            place = _place(into_hop, low, high, b)
            low, high = max(low, place - limits.look), min(high, place + limits.look)
            early = first[b] - limits.max_gap
            if _explained(
                b, low, place, source, target, first, last, into_hop, early, limits.longest, order_us, depth
            ):
                continue
            entry = _late_entry(
                b, low, place, high, source, target, first, into_hop, limits.skew, order_us, depth
            )
            if entry >= 0:
                order_us[b] = order_us[entry]
                depth[b] = depth[entry] + 1
                changed = True
        passes += 1


@kernel
def _common(start: I64, user: I64, a: int, others: I64, other: I64, b: int) -> bool:
    """Whether an account stands in both lists, ``start`` and ``user`` of hop a and the others of hop b."""
    i, j = start[a], others[b]
    while i < start[a + 1] and j < others[b + 1]:
        if user[i] == other[j]:
            return True
        if user[i] < other[j]:
            i += 1
        else:
            j += 1
    return False


@kernel
def _visits(
    a: int, host: int, since: int, source: I64, target: I64, parent: I64, root: I64, place: I64
) -> bool:
    """Whether the chosen chain that ends in hop a touches the host.

    It began in ``root``, and before the place ``since`` in the order no hop at all led into the host:
    so no chain is followed to its beginning for nothing.
    """
    if source[root[a]] == host:
        return True
    while a >= 0 and place[a] >= since:
        if target[a] == host:
            return True
        a = parent[a]
    return False


@kernel
def _left_out(low: int, high: int, into: I64, order_us: I64, earliest: int) -> int:
    """How many hops of a stretch of ``into`` that is in order are late enough."""
    end = high
    while low < high:
        middle = (low + high) // 2
        if order_us[into[middle]] < earliest:
            low = middle + 1
        else:
            high = middle
    return end - low


@kernel
def choose(
    order: I64,
    order_us: I64,
    hops: Hops,
    accounts: Accounts,
    into: Into,
    limits: Limits,
    weights: Weights,
    chosen: Chosen,
) -> int:
    """The best chain that ends in each hop, by dynamic programming in the corrected ``order``.

    best(b) = score(b) + max(0, max of best(a) + link(a, b)) over the predecessors a that are
    certain enough, add score, have positive evidence of their own, and whose chosen chain does not
    touch b's target; ties go to the lesser key. Certainties depend on the hops alone, never on
    scores: suppressing one explanation cannot make another more certain. Candidates out of one host
    are one explanation, that somebody came from there: in the sum of weights the strongest stands
    for them.

    ``into`` lists hops in corrected order. Returns how many candidates were not looked at.
    """
    # Out of their tuples once: a call that is given the tuples copies and counts every array in them.
    source, target, first, last, outcome = hops.source, hops.target, hops.first, hops.last, hops.outcome
    parent, best, into_start, into_hop = chosen.parent, chosen.best, into.start, into.hop
    (any_start, any_user), (acting_start, acting_user), (start, user) = accounts
    filled = np.zeros(into_start.size, np.int64)  # hops into each host that came so far
    since = np.full(into_start.size, order.size, np.int64)  # place of the first of them
    root = np.empty(order.size, np.int64)
    places = np.empty(order.size, np.int64)
    carried = np.empty(order.size, np.int64)  # the hop whose effective account still holds
    found = np.empty(limits.most, np.int64)
    weight = np.empty(limits.most, np.float64)
    strongest = np.zeros(into_start.size, np.float64)  # by host
    dropped = 0
    for place in range(order.size):
        b = order[place]
        begins, goes = first[b], target[b]
        acts, acted = acting_start[b] < acting_start[b + 1], start[b] < start[b + 1]
        earliest = begins - limits.max_gap
        # The latest hops that may have led here, and how plausible each is.
        low = into_start[source[b]]
        at = low + filled[source[b]] - 1
        last_look = at - limits.look
        total = hops.began[b]
        before_all = True
        count = 0
        while at >= low and order_us[into_hop[at]] + limits.longest >= earliest:
            if count == limits.most or at == last_look:
                dropped += _left_out(low, at + 1, into_hop, order_us, earliest - limits.longest)
                break
            a = into_hop[at]
            at -= 1
            if source[a] == goes or last[a] < earliest:
                continue
            one = weights.other
            if not acts or any_start[a] == any_start[a + 1]:
                one = weights.unknown
            elif _common(any_start, any_user, a, acting_start, acting_user, b):
                one = weights.same
            one *= hops.weight[a] / (1.0 + max(0, begins - last[a]) / weights.fade)
            before_all = before_all and hops.own_since[b] < first[a] - limits.skew
            strongest[source[a]] = max(strongest[source[a]], one)
            found[count], weight[count] = a, one
            count += 1
        if count > 0 and before_all:
            total *= 2.0  # the account was there by itself, before anyone came
        for i in range(count):
            total += strongest[source[found[i]]]
            strongest[source[found[i]]] = 0.0
        parent[b] = -1
        gain = np.int64(0)
        for i in range(count):
            a = found[i]
            certainty = weight[i] / total
            if certainty < weights.least or best[a] <= 0:
                continue
            soon = max(0, begins - last[a]) <= hops.entered_within[b]
            entered = left = switch = np.int64(0)
            if soon and hops.moves_since[b] >= first[a] - limits.skew:
                entered = hops.entered[b]
            holds = carried[a]
            if soon and holds >= 0 and acted and not _common(start, user, holds, start, user, b):
                switch = np.int64(weights.switch)
            if outcome[a] >= 0 and begins < outcome[a] - limits.skew:
                left = np.int64(weights.left)
            doubt = np.int64(math.floor(-weights.doubt * math.log2(certainty) + 0.5))
            through = best[a] + entered + switch + left + doubt
            if through <= 0 or through < gain:
                continue
            if through == gain and hops.key[a] > hops.key[parent[b]]:
                continue
            if _visits(a, goes, since[goes], source, target, parent, root, places):
                continue
            gain = through
            parent[b] = a
            chosen.certainty[b] = certainty
            terms = chosen.terms[b]
            terms[0], terms[1], terms[2], terms[3] = entered, switch, left, doubt
        best[b] = hops.score[b] + gain
        led = parent[b]
        if led >= 0:
            chosen.same[b] = _common(any_start, any_user, led, acting_start, acting_user, b)
        carried[b] = b if acted else carried[led] if led >= 0 else -1
        root[b] = root[led] if led >= 0 else b
        places[b] = place
        since[goes] = min(since[goes], place)
        filled[goes] += 1
    return dropped
