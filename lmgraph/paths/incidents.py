"""Incidents: trees of linked hops, the paths through them, and what may belong together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from lmgraph import groups
from lmgraph.groups import Lists
from lmgraph.kernels import incidents as kernels
from lmgraph.paths.links import NO_LIMIT, TERMS, Links
from lmgraph.score import BRANCH, MOST_BRANCHES
from lmgraph.settings import HOUR_US

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

MOST_PATHS: Final = 20  # listed per incident: a fan-out to sixty hosts is one finding
SAME_SHIFT_US: Final = 2 * HOUR_US  # one actor's first steps out of one host; a daily agent's are many
MOST_RELATED: Final = 32  # later runs of touches of a host that are compared with one
AT_ONCE: Final = 1 << 16  # runs whose pairs are held with their repeats


@dataclass(frozen=True, slots=True)
class Incidents:
    """Hops that one actor can have caused; all lists and arrays are per incident.

    Attributes:
        hops: Its hops, ascending.
        ends: The last hops of the listed paths, best first.
        score: Of its best path and a bounded term for further branches, thousandths.
        branches: That term.
        dropped: Paths that the cap left out.
        chains: What the chain comes to that ends in each hop; an entry per hop.
    """

    hops: Lists
    ends: Lists
    score: I64
    branches: I64
    dropped: I64
    chains: kernels.Chains

    def take(self, order: I64) -> Incidents:
        """The incidents in that order."""
        return Incidents(
            hops=self.hops.take(order),
            ends=self.ends.take(order),
            score=self.score[order],
            branches=self.branches[order],
            dropped=self.dropped[order],
            chains=self.chains,
        )


def find(
    hops: pd.DataFrame, links: Links, suspicious: Bool, notable: Bool, *, max_gap_us: int | None
) -> Incidents:
    """The incidents of the hops (frame HOPS), in the order of their first hop in ``links.order``.

    Listed is the chain to each leaf, and to the peak on the way there where what follows lowers
    the score: ordinary hops after an attack must not hide it.

    Args:
        hops: Frame HOPS.
        links: Their links.
        suspicious: Hops that make an incident.
        notable: Those of them that are worth a look by themselves: only these are further branches.
        max_gap_us: Longest time between two first hops of one incident; None: none but the shift's.
    """
    chains = _chains(hops, links, suspicious, notable)
    order = links.order[chains.kept[links.order]]
    roots = order[links.parent[order] < 0]
    group = _same_origin(hops, roots, links, max_gap_us)
    firsts = group == np.arange(roots.size)
    count = int(firsts.sum())
    of_root = np.empty(len(hops), np.int64)
    of_root[roots] = (np.cumsum(firsts) - 1)[group]
    listed, dropped = _ends(order, of_root[chains.root[order]], count, chains, links.best)
    best_end = listed.item[listed.start[:-1]]
    members = np.flatnonzero(chains.kept)
    start, by_incident = groups.order_by(of_root[chains.root[members]], count)
    inside = Lists(start, members[by_incident])
    tips = np.add.reduceat(chains.tip[inside.item], start[:-1], dtype=np.int64) if count else start[:-1]
    branches = np.minimum(tips - chains.tips[best_end], MOST_BRANCHES) * BRANCH.weight
    return Incidents(
        hops=inside,
        ends=listed,
        score=links.best[best_end] + branches,
        branches=branches,
        dropped=dropped,
        chains=chains,
    )


def _chains(hops: pd.DataFrame, links: Links, suspicious: Bool, notable: Bool) -> kernels.Chains:
    n = len(hops)
    chosen = kernels.Chosen(
        order=links.order,
        parent=links.parent,
        best=links.best,
        same=links.same,
        first=np.array(hops["first_us"]),
        last=np.array(hops["last_us"]),
        certainty=np.array(hops["certainty"]),
        link_certainty=links.certainty,
        switched=links.terms[:, TERMS.index("credential_switch")] != 0,
    )
    kept, inner, tip = np.zeros((3, n), bool)
    root, peak, length, tips, switches, first, last = np.empty((7, n), np.int64)
    certainty, link_certainty = np.empty((2, n))
    chains = kernels.Chains(
        kept=kept,
        inner=inner,
        tip=tip,
        root=root,
        peak=peak,
        length=length,
        tips=tips,
        switches=switches,
        first=first,
        last=last,
        certainty=certainty,
        link_certainty=link_certainty,
    )
    kernels.follow(chosen, suspicious, notable, chains)
    return chains


def _ends(order: I64, incident: I64, count: int, chains: kernels.Chains, best: I64) -> tuple[Lists, I64]:
    """Of each incident the last hops of the listed paths, best first, and how many the cap left out.

    ``order`` holds the kept hops in causal order, ``incident`` that of each.
    """
    ends = chains.kept & ~chains.inner
    ends[chains.peak[ends]] = True
    which = ends[order]
    hop, of = order[which], incident[which]
    by_score = np.lexsort((-best[hop], of))
    hop, of = hop[by_score], of[by_score]
    start = np.searchsorted(of, np.arange(count + 1))
    found = np.diff(start)
    listed = np.arange(hop.size) - start[of] < MOST_PATHS
    kept = np.minimum(found, MOST_PATHS)
    return Lists(np.append(0, np.cumsum(kept)), hop[listed]), found - kept


def _same_origin(hops: pd.DataFrame, roots: I64, links: Links, max_gap_us: int | None) -> I64:
    """Of each root the place in ``roots`` of the first of its group.

    A group is what leaves one host by one account within a shift: one host that reaches sixty is one actor.
    """
    host = hops["source"].to_numpy(np.int64)[roots]
    persons = links.persons.take(roots)
    at = np.repeat(host, np.diff(persons.start))
    (account,), accounts = groups.number_pairs((at, persons.item))
    group = np.empty(roots.size, np.int64)
    kernels.same_actor(
        host,
        hops["first_us"].to_numpy()[roots],
        hops["last_us"].to_numpy()[roots],
        persons.start,
        account,
        SAME_SHIFT_US if max_gap_us is None else min(SAME_SHIFT_US, max_gap_us),
        groups.size(host),
        accounts,
        group,
    )
    return group


def unrolled(ends: I64, links: Links, chains: kernels.Chains) -> Lists:
    """The hops, in causal order, of the chains that end in some hops."""
    parent = links.parent.tolist()
    hops: list[int] = []  # backward
    for end in ends[::-1].tolist():
        at = end
        while at >= 0:
            hops.append(at)
            at = parent[at]
    return Lists(np.append(0, np.cumsum(chains.length[ends])), np.array(hops[::-1], np.int64))


def related(hops: pd.DataFrame, members: Lists, *, max_gap_us: int | None) -> tuple[Lists, int]:
    """For each incident the others that touch one of its hosts within the gap, and what the cap left out.

    These may belong together but were not joined, be it for want of certainty. ``members`` are the
    hops of each incident.
    """
    count = members.start.size - 1
    runs = _runs(hops, members)
    (own,), codes = groups.number_pairs((runs.host, runs.incident))
    own_runs = groups.order_by(own, codes)
    start = np.searchsorted(runs.host, np.arange(groups.size(runs.host) + 1))
    buffer = np.empty(min(runs.host.size, AT_ONCE) * MOST_RELATED, np.int64)
    found, dropped = [np.empty(0, np.int64)], 0
    for begin in range(0, runs.host.size, AT_ONCE):
        pairs, cut = kernels.touching(
            begin,
            min(begin + AT_ONCE, runs.host.size),
            count,
            start,
            runs,
            own,
            *own_runs,
            NO_LIMIT if max_gap_us is None else max_gap_us,
            MOST_RELATED,
            buffer,
        )
        found.append(np.unique(buffer[:pairs]))
        dropped += cut
    one, other = np.divmod(np.unique(np.concatenate(found)), max(count, 1))
    one, other = np.append(one, other), np.append(other, one)
    by_number = np.lexsort((other, one))
    return Lists(np.searchsorted(one[by_number], np.arange(count + 1)), other[by_number]), dropped


def _runs(hops: pd.DataFrame, members: Lists) -> kernels.Runs:
    """The touches of each host in order of time, those of one incident in a row as one."""
    incident = np.repeat(np.arange(members.start.size - 1), np.diff(members.start))
    source, target, first, last = (
        hops[name].to_numpy(np.int64)[members.item] for name in ("source", "target", "first_us", "last_us")
    )
    by_time = np.lexsort((incident, last, first))
    host = np.stack((source[by_time], target[by_time]), axis=1).ravel()
    _, by_host = groups.order_by(host, groups.size(host))
    host, touch = host[by_host], by_time[by_host // 2]
    first, last, incident = first[touch], last[touch], incident[touch]
    begins = np.append(True, (host[1:] != host[:-1]) | (incident[1:] != incident[:-1]))[: host.size]
    begin = np.flatnonzero(begins)
    return kernels.Runs(
        host=host[begin],
        first=first[begin],
        last=np.maximum.reduceat(last, begin) if begin.size else last,
        incident=incident[begin],
    )
