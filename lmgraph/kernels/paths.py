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
def _explained(b: int, place: int, hops: Hops, into: Into, limits: Limits, order_us: I64, depth: I64) -> bool:
    """Whether an earlier hop led to b's source; ``place`` is where b would stand among those into it."""
    begin = into.start[hops.source[b]]
    earliest = hops.first[b] - limits.max_gap
    for at in range(place - 1, max(begin, place - limits.look) - 1, -1):
        a = into.hop[at]
        if hops.first[a] + limits.longest < earliest:
            return False
        if (
            hops.source[a] != hops.target[b]
            and hops.last[a] >= earliest
            and _comes_before(a, b, order_us, depth)
        ):
            return True
    return False


@kernel
def _late_entry(b: int, place: int, hops: Hops, into: Into, limits: Limits, order_us: I64, depth: I64) -> int:
    """The first hop into b's source that seems to come after b, by no more than the skew; −1 if none."""
    begin, end = into.start[hops.source[b]], into.start[hops.source[b] + 1]
    at = place
    while (
        at > begin
        and place - at < limits.look
        and hops.first[into.hop[at - 1]] >= hops.first[b] - limits.skew
    ):
        at -= 1  # an earlier hop may itself have been moved behind this one
    best = -1
    while at < end and at - place < limits.look and hops.first[into.hop[at]] <= hops.first[b] + limits.skew:
        a = into.hop[at]
        if (
            hops.source[a] != hops.target[b]
            and order_us[a] <= hops.first[b] + limits.skew
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
    for b in range(hops.source.size):
        order_us[b] = hops.first[b]
        depth[b] = 0
    changed = True
    passes = 0
    while changed and passes < rounds:
        changed = False
        for step in range(hops.source.size):
            b = hops.source.size - 1 - step if passes == 0 else step
            if depth[b] > 0:
                continue
            place = _place(into.hop, into.start[hops.source[b]], into.start[hops.source[b] + 1], b)
            if _explained(b, place, hops, into, limits, order_us, depth):
                continue
            entry = _late_entry(b, place, hops, into, limits, order_us, depth)
            if entry >= 0:
                order_us[b] = order_us[entry]
                depth[b] = depth[entry] + 1
                changed = True
        passes += 1


@kernel
def _common(lists: Lists, a: int, others: Lists, b: int) -> bool:
    """Whether an account stands in both lists, of hop a and of hop b."""
    i, j = lists.start[a], others.start[b]
    while i < lists.start[a + 1] and j < others.start[b + 1]:
        if lists.user[i] == others.user[j]:
            return True
        if lists.user[i] < others.user[j]:
            i += 1
        else:
            j += 1
    return False


@kernel
def _known(lists: Lists, hop: int) -> bool:
    return bool(lists.start[hop] < lists.start[hop + 1])


@kernel
def _visits(a: int, host: int, hops: Hops, parent: I64) -> bool:
    """Whether the chosen chain that ends in hop a touches the host."""
    while a >= 0:
        if hops.source[a] == host or hops.target[a] == host:
            return True
        a = parent[a]
    return False


@kernel
def _candidates(
    b: int, hops: Hops, into: Into, filled: I64, limits: Limits, order_us: I64, found: I64
) -> tuple[int, int]:
    """The latest hops that may have led to hop b, into ``found``: how many, and how many were left out."""
    begin = into.start[hops.source[b]]
    earliest = hops.first[b] - limits.max_gap
    count = 0
    place = begin + filled[hops.source[b]] - 1
    lowest = place - limits.look
    while place >= begin and order_us[into.hop[place]] + limits.longest >= earliest:
        if count == limits.most or place == lowest:
            low, high = begin, place + 1
            while low < high:
                middle = (low + high) // 2
                if order_us[into.hop[middle]] + limits.longest < earliest:
                    low = middle + 1
                else:
                    high = middle
            return count, place + 1 - low
        a = into.hop[place]
        if hops.source[a] != hops.target[b] and hops.last[a] >= earliest:
            found[count] = a
            count += 1
        place -= 1
    return count, 0


@kernel
def _gap(a: int, b: int, hops: Hops) -> int:
    """From the end of hop a to the start of hop b; 0 when they overlap."""
    return int(max(0, hops.first[b] - hops.last[a]))


@kernel
def _weigh(
    b: int,
    found: I64,
    count: int,
    hops: Hops,
    accounts: Accounts,
    limits: Limits,
    weights: Weights,
    weight: F64,
    strongest: F64,
) -> float:
    """How plausible each candidate is, into ``weight``; the sum, with that of "it began here".

    Candidates out of one host are one explanation, that somebody came from there: in the sum the
    strongest stands for them. ``strongest`` is a scratch array of zeros, one per host.
    """
    total = hops.began[b]
    before_all = count > 0
    for i in range(count):
        before_all = before_all and hops.own_since[b] < hops.first[found[i]] - limits.skew
    if before_all:
        total *= 2.0  # the account was there by itself, before anyone came
    for i in range(count):
        a = found[i]
        if not _known(accounts.acting, b) or not _known(accounts.any, a):
            weight[i] = weights.unknown
        elif _common(accounts.any, a, accounts.acting, b):
            weight[i] = weights.same
        else:
            weight[i] = weights.other
        weight[i] *= hops.weight[a] / (1.0 + _gap(a, b, hops) / weights.fade)
        strongest[hops.source[a]] = max(strongest[hops.source[a]], weight[i])
    for i in range(count):
        total += strongest[hops.source[found[i]]]
        strongest[hops.source[found[i]]] = 0.0
    return float(total)


@kernel
def _link(
    a: int,
    b: int,
    holds: int,
    certainty: float,
    hops: Hops,
    accounts: Accounts,
    limits: Limits,
    weights: Weights,
    terms: I64,
) -> int:
    """The terms of a → b into ``terms``, and their sum; ``holds`` is the hop whose account a carries."""
    starts = hops.moves_since[b] >= hops.first[a] - limits.skew
    soon = _gap(a, b, hops) <= hops.entered_within[b]
    terms[0] = hops.entered[b] if starts and soon else 0
    known = holds >= 0 and _known(accounts.effective, b)
    terms[1] = 0
    if soon and known and not _common(accounts.effective, holds, accounts.effective, b):
        terms[1] = weights.switch
    terms[2] = 0
    if hops.outcome[a] >= 0 and hops.first[b] < hops.outcome[a] - limits.skew:
        terms[2] = weights.left
    terms[3] = math.floor(-weights.doubt * math.log2(certainty) + 0.5)
    return int(terms.sum())


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
    scores: suppressing one explanation cannot make another more certain.

    ``into`` lists hops in corrected order. Returns how many candidates were not looked at.
    """
    parent, best = chosen.parent, chosen.best
    filled = np.zeros(into.start.size, np.int64)  # hops into each host that came so far
    carried = np.empty(order.size, np.int64)  # the hop whose effective account still holds
    found = np.empty(limits.most, np.int64)
    weight = np.empty(limits.most, np.float64)
    strongest = np.zeros(into.start.size, np.float64)
    terms = np.empty(4, np.int64)
    dropped = 0
    for b in order:
        count, cut = _candidates(b, hops, into, filled, limits, order_us, found)
        dropped += cut
        total = _weigh(b, found, count, hops, accounts, limits, weights, weight, strongest)
        parent[b] = -1
        gain = 0
        for i in range(count):
            a = found[i]
            certainty = weight[i] / total
            if certainty < weights.least or best[a] <= 0:
                continue
            through = best[a] + _link(a, b, carried[a], certainty, hops, accounts, limits, weights, terms)
            if through <= 0 or through < gain:
                continue
            if through == gain and hops.key[a] > hops.key[parent[b]]:
                continue
            if _visits(a, hops.target[b], hops, parent):
                continue
            gain = through
            parent[b] = a
            chosen.certainty[b] = certainty
            chosen.terms[b] = terms
        best[b] = hops.score[b] + gain
        carried[b] = b
        if parent[b] >= 0:
            chosen.same[b] = _common(accounts.any, parent[b], accounts.acting, b)
        if not _known(accounts.effective, b):
            carried[b] = carried[parent[b]] if parent[b] >= 0 else -1
        filled[hops.target[b]] += 1
    return dropped
