"""Paths and incidents: which hop followed which, and what belongs to one actor (DESIGN §8)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from lmgraph import frames, score
from lmgraph.hops import HopTable, hash64
from lmgraph.paths import incidents, links
from lmgraph.schema import SEVERITIES
from lmgraph.settings import Settings

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
    story = _Story(table.hops, chosen)
    suspicious = (scores > 0) & ~table.hops["suppressed"].to_numpy()
    notable = suspicious & (scores >= score.NOTABLE)
    found = incidents.find(table.hops, story.links, suspicious, notable, max_gap_us=settings.max_gap_us)
    found.sort(key=lambda incident: (-incident.score, story.first(incident.hops), story.key(incident.hops)))
    related, cut = incidents.related(table.hops, found, max_gap_us=settings.max_gap_us)
    paths = _paths(story, found)
    caps = {
        "link_candidates": story.links.dropped,
        "paths": sum(incident.dropped for incident in found),
        "related": cut,
    }
    number = np.cumsum(reported) - 1
    incident_table = _incidents(story, found, related, paths)
    return PathTable(
        paths=_renumbered(paths, number),
        links=_links(story.links, found, number),
        incidents=_renumbered(incident_table, number),
        dropped_by_caps={name: count for name, count in caps.items() if count},
    )


class _Story:
    """The hops and their links, as plain lists: looked at once per hop of every path."""

    def __init__(self, hops: pd.DataFrame, chosen: links.Links) -> None:
        self.links = chosen
        self.best = chosen.best.tolist()
        self.link_certainty = chosen.certainty.tolist()
        self.switched = (chosen.terms[:, links.TERMS.index("credential_switch")] != 0).tolist()
        self._first: list[int] = hops["first_us"].tolist()
        self._last: list[int] = hops["last_us"].tolist()
        self._certainty: list[float] = hops["certainty"].tolist()
        self.column: dict[str, list[Any]] = {name: hops[name].tolist() for name in frames.HOPS}

    def first(self, which: Sequence[int]) -> int:
        """Least time of the hops."""
        return min(self._first[hop] for hop in which)

    def last(self, which: Sequence[int]) -> int:
        """Greatest time of the hops."""
        return max(self._last[hop] for hop in which)

    def key(self, which: Sequence[int]) -> int:
        """Content key of the sequence of hops."""
        return hash64("".join(f"{self.column['key'][hop]:016x}" for hop in which))

    def switches(self, which: Sequence[int]) -> int:
        """Credential switches on the links into the hops."""
        return sum(self.switched[hop] for hop in which)

    def certainty(self, chain: Sequence[int]) -> float:
        """Product over the hops of a chain and its links."""
        of_links = math.prod(self.link_certainty[hop] for hop in chain[1:])
        return float(math.prod(self._certainty[hop] for hop in chain) * of_links)


def _severity(thousandths: int) -> int:
    return SEVERITIES.index(score.severity(thousandths))


def _paths(story: _Story, found: list[incidents.Incident]) -> pd.DataFrame:
    """Frame PATHS, in order of rank: score, then time, then key."""
    rows: list[dict[str, Any]] = [
        {
            "incident": number,
            "hops": chain,
            "score": story.best[chain[-1]],
            "severity": _severity(story.best[chain[-1]]),
            "certainty": story.certainty(chain),
            "outcome": story.column["outcome"][chain[-1]],
            "credential_switches": story.switches(chain[1:]),
            "causal_user": story.column["source_user"][chain[0]],
            "first_us": story.first(chain),
            "last_us": story.last(chain),
            "key": story.key(chain),
        }
        for number, incident in enumerate(found)
        for chain in incident.chains
    ]
    rows.sort(key=lambda row: (-row["score"], row["first_us"], row["key"]))
    return frames.make({name: [row[name] for row in rows] for name in frames.PATHS}, frames.PATHS)


def _renumbered(frame: pd.DataFrame, number: npt.NDArray[np.int64]) -> pd.DataFrame:
    """The frame with the numbers of its hops among the reported ones."""
    hops = [tuple(number[list(row)].tolist()) for row in frame["hops"]]
    return frame.assign(hops=pd.Series(hops, dtype="object"))


def _links(
    chosen: links.Links, found: list[incidents.Incident], number: npt.NDArray[np.int64]
) -> pd.DataFrame:
    """Frame LINKS of the hops of the incidents."""
    hops = sorted(hop for incident in found for hop in incident.hops if chosen.parent[hop] >= 0)
    columns = {
        "from": number[chosen.parent[hops]],
        "to": number[hops],
        "gap_us": chosen.gap_us[hops],
        "certainty": chosen.certainty[hops],
    }
    terms = {name: chosen.terms[hops, place] for place, name in enumerate(links.TERMS)}
    return frames.make({**columns, **terms}, frames.LINKS)


def _incidents(
    story: _Story, found: list[incidents.Incident], related: list[tuple[int, ...]], paths: pd.DataFrame
) -> pd.DataFrame:
    """Frame INCIDENTS of the ranked incidents."""
    listed: list[list[int]] = [[] for _ in found]
    for path, number in enumerate(paths["incident"].tolist()):
        listed[number].append(path)
    source, parent = story.column["source"], story.links.parent.tolist()
    columns: dict[str, object] = {
        "hops": [incident.hops for incident in found],
        "paths": [tuple(rows) for rows in listed],
        "origins": [
            tuple(sorted({source[hop] for hop in incident.hops if parent[hop] < 0})) for incident in found
        ],
        "related": related,
        "score": [incident.score for incident in found],
        "branches": [incident.branches for incident in found],
        "severity": [_severity(incident.score) for incident in found],
        "credential_switches": [story.switches(incident.hops) for incident in found],
        "first_us": [story.first(incident.hops) for incident in found],
        "last_us": [story.last(incident.hops) for incident in found],
        "key": [story.key(incident.hops) for incident in found],
    }
    return frames.make(columns, frames.INCIDENTS)
