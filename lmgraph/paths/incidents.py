"""Incidents: trees of linked hops, the paths through them, and what may belong together."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from lmgraph.paths.links import Links
from lmgraph.score import BRANCH, MOST_BRANCHES
from lmgraph.settings import HOUR_US

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

MOST_PATHS: Final = 20  # listed per incident: a fan-out to sixty hosts is one finding
SAME_SHIFT_US: Final = 2 * HOUR_US  # one actor's first steps out of one host; a daily agent's are many
MOST_RELATED: Final = 32  # later runs of touches of a host that are compared with one


@dataclass(frozen=True, slots=True)
class Incident:
    """Hops that one actor can have caused.

    Attributes:
        hops: Its hops, ascending.
        chains: The listed paths, best first, each a tuple of hops in causal order.
        score: Of its best path and a bounded term for further branches, thousandths.
        branches: That term.
        dropped: Paths that the cap left out.
    """

    hops: tuple[int, ...]
    chains: tuple[tuple[int, ...], ...]
    score: int
    branches: int
    dropped: int


def find(
    hops: pd.DataFrame, links: Links, suspicious: Bool, notable: Bool, *, max_gap_us: int | None
) -> list[Incident]:
    """The incidents of the hops (frame HOPS), in the order of their first hop in ``links.order``.

    Args:
        hops: Frame HOPS.
        links: Their links.
        suspicious: Hops that make an incident.
        notable: Those of them that are worth a look by themselves: only these are further branches.
        max_gap_us: Longest time between two first hops of one incident; None: none but the shift's.
    """
    kept = _kept(links, suspicious)
    tree = np.full(len(hops), -1, np.int64)
    for hop in links.order:
        if kept[hop]:
            parent = links.parent[hop]
            tree[hop] = hop if parent < 0 else tree[parent]
    roots = [int(hop) for hop in links.order if kept[hop] and tree[hop] == hop]
    group = _same_origin(hops, roots, links, max_gap_us)
    members: dict[int, list[int]] = defaultdict(list)
    for hop in links.order:
        if kept[hop]:
            members[group[int(tree[hop])]].append(int(hop))
    tips = notable & ~_leading(links, notable)
    return [_incident(part, links, tips) for part in members.values()]


def _kept(links: Links, suspicious: Bool) -> Bool:
    """Hops that belong to an incident.

    Suspicious hops stay and what lies between them; so does one that a suspicious hop entered with
    the same account. A chosen chain begins with a suspicious hop (``kernels.paths.choose``), so a
    hop that stays has all its chain.
    """
    entered = (links.parent >= 0) & suspicious[links.parent] & links.same
    return suspicious | _leading(links, suspicious) | entered


def _leading(links: Links, to: Bool) -> Bool:
    """Hops with one of those behind them, near or far."""
    leads = np.zeros(to.size, bool)
    for hop in links.order[::-1]:
        parent = links.parent[hop]
        if parent >= 0 and (to[hop] or leads[hop]):
            leads[parent] = True
    return leads


def _same_origin(
    hops: pd.DataFrame, roots: list[int], links: Links, max_gap_us: int | None
) -> dict[int, int]:
    """First root of the group of each root: roots out of one host by one account within a shift.

    One host that reaches sixty is one actor. A root without a known account joins the group of the
    one before it, else of the one after: it must not tie two accounts together.
    """
    source, first, last = (hops[name].to_numpy() for name in ("source", "first_us", "last_us"))
    group = {root: root for root in roots}
    place = {root: number for number, root in enumerate(roots)}

    def top(root: int) -> int:
        while group[root] != root:
            root = group[root]
        return root

    latest: dict[tuple[int, int], int] = {}  # by (host, account) the root that ends last; −1: any account
    nameless: dict[int, int] = {}  # by host the last of a group without an account

    def near(earlier: int, root: int) -> bool:
        gap = SAME_SHIFT_US if max_gap_us is None else min(SAME_SHIFT_US, max_gap_us)
        return bool(first[root] <= last[earlier] + gap)

    for root in roots:
        host = int(source[root])
        accounts = links.persons[root]
        partners = [latest.get((host, account)) for account in accounts or (-1,)]
        if accounts:
            partners.append(nameless.pop(host, None))
        found = [partner for partner in partners if partner is not None and near(partner, root)]
        for partner in found:
            one, other = sorted((top(partner), top(root)), key=place.__getitem__)
            group[other] = one
        for account in (*accounts, -1):
            before = latest.get((host, account))
            if before is None or last[root] >= last[before]:
                latest[host, account] = root
        if not accounts and (host in nameless or not found):
            nameless[host] = latest[host, -1]
    return {root: top(root) for root in roots}


def _incident(part: list[int], links: Links, tips: Bool) -> Incident:
    """The incident of hops in causal order; ``tips`` are notable ones with no notable one behind them.

    Listed is the chain to each leaf, and to the peak on the way there where what follows lowers
    the score: ordinary hops after an attack must not hide it.
    """
    peak: dict[int, int] = {}
    inner = {int(links.parent[hop]) for hop in part}
    chain_ends: set[int] = set()
    for hop in part:
        before = peak.get(int(links.parent[hop]))
        peak[hop] = before if before is not None and links.best[before] >= links.best[hop] else hop
        if hop not in inner:
            chain_ends.update((hop, peak[hop]))
    place = {hop: number for number, hop in enumerate(part)}
    listed = sorted(chain_ends, key=lambda hop: (-links.best[hop], place[hop]))
    chains = tuple(_chain(hop, links.parent) for hop in listed[:MOST_PATHS])
    best = set(chains[0])
    further = sum(bool(tips[hop]) for hop in part if hop not in best)
    branches = min(further, MOST_BRANCHES) * BRANCH.weight
    return Incident(
        hops=tuple(sorted(part)),
        chains=chains,
        score=int(links.best[listed[0]]) + branches,
        branches=branches,
        dropped=max(len(listed) - MOST_PATHS, 0),
    )


def _chain(hop: int, parent: I64) -> tuple[int, ...]:
    chain = []
    while hop >= 0:
        chain.append(hop)
        hop = int(parent[hop])
    return tuple(reversed(chain))


def related(
    hops: pd.DataFrame, incidents: Iterable[Incident], *, max_gap_us: int | None
) -> tuple[list[tuple[int, ...]], int]:
    """For each incident the others that touch one of its hosts within the gap, and what the cap left out.

    These may belong together but were not joined, be it for want of certainty.
    """
    source, target = hops["source"].tolist(), hops["target"].tolist()
    first, last = hops["first_us"].tolist(), hops["last_us"].tolist()
    touches: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    others: list[set[int]] = []
    for number, incident in enumerate(incidents):
        others.append(set())
        for hop in incident.hops:
            for host in (source[hop], target[hop]):
                touches[host].append((first[hop], last[hop], number))
    dropped = 0
    for at in map(_runs, touches.values()):
        starts = [run[0] for run in at]
        for place, (_, end, number) in enumerate(at):
            until = len(at) if max_gap_us is None else bisect_right(starts, end + max_gap_us)
            stop = min(until, place + 1 + MOST_RELATED)
            dropped += sum(other != number for _, _, other in at[stop:until])
            for _, _, other in at[place + 1 : stop]:
                if other != number:
                    others[number].add(other)
                    others[other].add(number)
    return [tuple(sorted(found)) for found in others], dropped


def _runs(touches: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """The touches (first, last, incident) in order of time, those of one incident in a row as one."""
    runs: list[tuple[int, int, int]] = []
    for first, last, incident in sorted(touches):
        if runs and runs[-1][2] == incident:
            runs[-1] = (runs[-1][0], max(runs[-1][1], last), incident)
        else:
            runs.append((first, last, incident))
    return runs
