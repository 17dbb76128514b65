"""Kernels of the incidents: what the chosen chains come to, who acted, and which incidents touch."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lmgraph.kernels import kernel

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]


class Chosen(NamedTuple):
    """The hops with the chosen predecessor of each, one entry per hop."""

    order: I64  # hops in causal order
    parent: I64  # −1 where none is
    best: I64  # score of the chain
    same: Bool  # the account is one of the parent's
    first: I64
    last: I64
    certainty: F64  # of the hop
    link_certainty: F64  # of the link to the parent
    switched: Bool  # another account goes on


class Chains(NamedTuple):
    """What the chain that ends in each kept hop comes to, one entry per hop."""

    kept: Bool
    inner: Bool  # a kept hop follows
    tip: Bool  # notable, and no notable hop follows, near or far
    root: I64
    peak: I64  # hop of the chain with the best score so far, of equals the first
    length: I64
    tips: I64  # tips on the chain
    switches: I64
    first: I64
    last: I64
    certainty: F64  # product over the hops
    link_certainty: F64  # product over the links


class Runs(NamedTuple):
    """Runs of touches of a host by one incident, sorted by (host, first)."""

    host: I64
    first: I64
    last: I64
    incident: I64


@kernel
def follow(chosen: Chosen, suspicious: Bool, notable: Bool, to: Chains) -> None:
    """Which hops belong to an incident, and what the chain comes to that ends in each.

    Suspicious hops stay and what lies between them; so does one that a suspicious hop entered with
    the same account. A chosen chain begins with a suspicious hop (``kernels.paths.choose``), so a
    hop that stays has all its chain. The flags of ``to`` begin as False.
    """
    leads = np.zeros(suspicious.size, np.bool_)  # to a suspicious hop, near or far
    rises = np.zeros(suspicious.size, np.bool_)  # to a notable one
    for place in range(chosen.order.size - 1, -1, -1):
        hop = chosen.order[place]
        above = chosen.parent[hop]
        to.tip[hop] = notable[hop] and not rises[hop]
        entered = above >= 0 and suspicious[above] and chosen.same[hop]
        to.kept[hop] = suspicious[hop] or leads[hop] or entered
        if above >= 0:
            leads[above] |= suspicious[hop] or leads[hop]
            rises[above] |= notable[hop] or rises[hop]
    for hop in chosen.order:
        if not to.kept[hop]:
            continue
        to.root[hop], to.peak[hop] = hop, hop
        to.length[hop], to.tips[hop], to.switches[hop] = 1, 0, 0
        to.first[hop], to.last[hop] = chosen.first[hop], chosen.last[hop]
        to.certainty[hop], to.link_certainty[hop] = chosen.certainty[hop], 1.0
        above = chosen.parent[hop]
        if above >= 0:
            to.inner[above] = True
            to.root[hop] = to.root[above]
            if chosen.best[to.peak[above]] >= chosen.best[hop]:
                to.peak[hop] = to.peak[above]
            to.length[hop] += to.length[above]
            to.tips[hop] = to.tips[above]
            to.switches[hop] = to.switches[above] + chosen.switched[hop]
            to.first[hop] = min(to.first[above], chosen.first[hop])
            to.last[hop] = max(to.last[above], chosen.last[hop])
            to.certainty[hop] = to.certainty[above] * chosen.certainty[hop]
            to.link_certainty[hop] = to.link_certainty[above] * chosen.link_certainty[hop]
        to.tips[hop] += to.tip[hop]


@kernel
def _top(group: I64, root: int) -> int:
    """The first root of a root's group."""
    while group[root] != root:
        group[root] = group[group[root]]
        root = group[root]
    return root


@kernel
def _join(group: I64, one: int, other: int) -> None:
    """Make one group of two; the earlier of their first roots becomes the first."""
    one, other = _top(group, one), _top(group, other)
    group[max(one, other)] = min(one, other)


@kernel
def same_actor(
    host: I64,
    first: I64,
    last: I64,
    start: I64,
    account: I64,
    gap: int,
    hosts: int,
    accounts: int,
    group: I64,
) -> None:
    """The first root of the group of each root, into ``group``; roots are in causal order.

    A root joins the latest before it out of its host by each of its accounts, if that ended at most
    ``gap`` before. ``account[start[i]:start[i + 1]]`` are those of root i: codes that stand for an
    account on a host. A root without any joins the one before it, else the one after: it must not
    tie two accounts together.
    """
    by_account = np.full(accounts, -1, np.int64)  # the root that ends last
    by_host = np.full(hosts, -1, np.int64)
    nameless = np.full(hosts, -1, np.int64)  # the last of a group without an account
    for root in range(host.size):
        group[root] = root
        at = host[root]
        named = start[root] < start[root + 1]
        joined = False
        if named:
            for place in range(start[root], start[root + 1]):
                before = by_account[account[place]]
                if before >= 0 and first[root] <= last[before] + gap:
                    _join(group, before, root)
                if before < 0 or last[root] >= last[before]:
                    by_account[account[place]] = root
            before = nameless[at]
            if before >= 0 and first[root] <= last[before] + gap:
                _join(group, before, root)
            nameless[at] = -1
        else:
            before = by_host[at]
            if before >= 0 and first[root] <= last[before] + gap:
                _join(group, before, root)
                joined = True
        if by_host[at] < 0 or last[root] >= last[by_host[at]]:
            by_host[at] = root
        if not named and (nameless[at] >= 0 or not joined):
            nameless[at] = by_host[at]
    for root in range(host.size):
        group[root] = _top(group, root)


@kernel
def _first_beyond(values: I64, low: int, high: int, limit: int) -> int:
    """The first place of an ascending stretch whose value is greater than the limit."""
    while low < high:
        middle = (low + high) // 2
        if values[middle] <= limit:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def touching(
    begin: int,
    end: int,
    incidents: int,
    start: I64,
    runs: Runs,
    own: I64,
    own_start: I64,
    own_run: I64,
    gap: int,
    most: int,
    pairs: I64,
) -> tuple[int, int]:
    """Pairs of incidents whose runs of touches of one host lie within the gap.

    The runs of host h are at ``start[h]:start[h + 1]``. Looked at are
    the runs from ``begin`` up to ``end``, and for each the ``most`` after it. ``own`` is a code of a
    run's host and incident, ``own_run[own_start[c]:own_start[c + 1]]`` are the runs of code c.

    Returns:
        How many pairs were written to ``pairs``, as lesser × ``incidents`` + greater, with repeats;
        and how many the cap left out.
    """
    met = np.full(incidents, -1, np.int64)  # the last run that an incident was paired with
    count = dropped = 0
    for run in range(begin, end):
        until = _first_beyond(runs.first, run + 1, start[runs.host[run] + 1], runs.last[run] + gap)
        stop = min(until, run + 1 + most)
        for other in range(run + 1, stop):
            one, two = runs.incident[run], runs.incident[other]
            if one != two and met[two] != run:
                met[two] = run
                pairs[count] = min(one, two) * incidents + max(one, two)
                count += 1
        if stop < until:
            low, high = own_start[own[run]], own_start[own[run] + 1]
            mine = _first_beyond(own_run, low, high, until - 1) - _first_beyond(own_run, low, high, stop - 1)
            dropped += until - stop - mine
    return count, dropped
