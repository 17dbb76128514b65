"""Paths and incidents: which hop followed which, and what belongs to one actor (DESIGN §8)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from lmgraph import frames, groups, score
from lmgraph.groups import Lists
from lmgraph.hops import HopTable, hash64
from lmgraph.paths import incidents, links
from lmgraph.paths.incidents import Incidents
from lmgraph.settings import Settings

I64 = npt.NDArray[np.int64]

OUT_OF_SIGHT: Final = -(2**40)  # a score in thousandths that no chain makes good


@dataclass(frozen=True, slots=True)
class PathTable:
    """Ranked paths and incidents; the frames are those of ``lmgraph.frames``.

    Attributes:
        paths: PATHS.
        links: LINKS; every two consecutive hops of a path are a row.
        incidents: INCIDENTS.
        dropped_by_caps: What a cap cut, by name: ``link_candidates``, ``paths``, ``related``.
    """

    paths: pd.DataFrame
    links: pd.DataFrame
    incidents: pd.DataFrame
    dropped_by_caps: dict[str, int]


def build(
    table: HopTable,
    scores: npt.NDArray[np.int64],
    features: pd.DataFrame,
    sessions: pd.DataFrame,
    user_kinds: npt.NDArray[np.int8],
    settings: Settings,
    reported: npt.NDArray[np.bool_],
) -> PathTable:
    """Paths and incidents of the hops.

    Args:
        table: All hops.
        scores: Score of each, thousandths (``score.total``).
        features: Frame FEATURES, row for row.
        sessions: Frame SESSIONS, in any order.
        user_kinds: Kind of each user code.
        settings: ``max_gap_us`` and ``skew_us`` are used.
        reported: Hops that may stand in a path; the others only explain them. Numbers of hops in
            the result count these alone, as ``hops.select`` does.

    Raises:
        TypeError: A frame is not as specified.
    """
    frames.check(table.hops, frames.HOPS, "hops")
    frames.check(features, frames.FEATURES, "features")
    frames.check(sessions, frames.SESSIONS, "sessions")
    # Without positive evidence a hop is nobody's predecessor.
    scores = np.where(reported, scores, np.minimum(scores, OUT_OF_SIGHT))
    chosen = links.choose(table, scores, features, sessions, user_kinds, settings)
    chosen.parent[~reported] = -1
    suspicious = (scores > 0) & ~table.hops["suppressed"].to_numpy()
    notable = suspicious & (scores >= score.NOTABLE)
    found = incidents.find(table.hops, chosen, suspicious, notable, max_gap_us=settings.max_gap_us)
    story = _Story(table.hops, chosen, number=np.cumsum(reported) - 1)
    found, columns = story.ranked(found)
    paths = story.paths(found)
    related, cut = incidents.related(table.hops, found.hops, max_gap_us=settings.max_gap_us)
    caps = {"link_candidates": chosen.dropped, "paths": int(found.dropped.sum()), "related": cut}
    columns["paths"] = groups.order_by(paths["incident"].to_numpy(), found.score.size).tuples()
    columns["related"] = related.tuples()
    return PathTable(
        paths=paths,
        links=story.links(found),
        incidents=frames.make(columns, frames.INCIDENTS),
        dropped_by_caps={name: count for name, count in caps.items() if count},
    )


class _Story:
    """The hops and their links, and the frames that tell of them.

    Args:
        hops: Frame HOPS.
        chosen: The links.
        number: Of each hop, its number in the result.
    """

    def __init__(self, hops: pd.DataFrame, chosen: links.Links, number: I64) -> None:
        self._chosen = chosen
        self._number = number
        names = ("source", "source_user", "outcome", "first_us", "last_us", "key")
        self._column = {name: hops[name].to_numpy() for name in names}

    def _keys(self, lists: Lists) -> npt.NDArray[np.uint64]:
        """Content key of each list of hops."""
        digits = self._column["key"][lists.item].astype(">u8").tobytes().hex()  # 16 of each
        ends = (16 * lists.start).tolist()
        return np.array([hash64(digits[begin:end]) for begin, end in pairwise(ends)], np.uint64)

    def _numbered(self, lists: Lists) -> list[tuple[int, ...]]:
        return Lists(lists.start, self._number[lists.item]).tuples()

    def ranked(self, found: Incidents) -> tuple[Incidents, dict[str, object]]:
        """The incidents by score, then time, then key; and the columns of frame INCIDENTS, but for two."""
        hops, start = found.hops.item, found.hops.start[:-1]
        key = self._keys(found.hops)
        first, last = self._column["first_us"][hops], self._column["last_us"][hops]
        switched = self._chosen.terms[hops, links.TERMS.index("credential_switch")] != 0
        if start.size:
            first, last = np.minimum.reduceat(first, start), np.maximum.reduceat(last, start)
            switched = np.add.reduceat(switched, start, dtype=np.int64)
        order = np.lexsort((key, first, -found.score))
        found = found.take(order)
        return found, {
            "hops": self._numbered(found.hops),
            "origins": self._origins(found.hops).tuples(),
            "score": found.score,
            "branches": found.branches,
            "severity": score.severities(found.score),
            "credential_switches": switched[order],
            "first_us": first[order],
            "last_us": last[order],
            "key": key[order],
        }

    def _origins(self, members: Lists) -> Lists:
        """The hosts at which each incident began."""
        incident = np.repeat(np.arange(members.start.size - 1), np.diff(members.start))
        began = self._chosen.parent[members.item] < 0
        source = self._column["source"][members.item[began]].astype(np.int64)
        both = np.unique((incident[began] << 32) | source)
        return Lists(np.searchsorted(both >> 32, np.arange(members.start.size)), both & 0xFFFFFFFF)

    def paths(self, found: Incidents) -> pd.DataFrame:
        """Frame PATHS of the ranked incidents, in order of rank: score, then time, then key."""
        end, chains = found.ends.item, found.chains
        of_chain = incidents.unrolled(end, self._chosen, chains)
        best, first, key = self._chosen.best[end], chains.first[end], self._keys(of_chain)
        rank = np.lexsort((key, first, -best))
        end = end[rank]
        incident = np.repeat(np.arange(found.score.size), np.diff(found.ends.start))
        columns: dict[str, object] = {
            "incident": incident[rank],
            "hops": self._numbered(of_chain.take(rank)),
            "score": best[rank],
            "severity": score.severities(best[rank]),
            "certainty": chains.certainty[end] * chains.link_certainty[end],
            "outcome": self._column["outcome"][end],
            "credential_switches": chains.switches[end],
            "causal_user": self._column["source_user"][chains.root[end]],
            "first_us": first[rank],
            "last_us": chains.last[end],
            "key": key[rank],
        }
        return frames.make(columns, frames.PATHS)

    def links(self, found: Incidents) -> pd.DataFrame:
        """Frame LINKS of the hops of the incidents."""
        chosen = self._chosen
        hops = np.sort(found.hops.item[chosen.parent[found.hops.item] >= 0])
        columns = {
            "from": self._number[chosen.parent[hops]],
            "to": self._number[hops],
            "gap_us": chosen.gap_us[hops],
            "certainty": chosen.certainty[hops],
        }
        terms = {name: chosen.terms[hops, place] for place, name in enumerate(links.TERMS)}
        return frames.make({**columns, **terms}, frames.LINKS)
