"""Paths and incidents: which hop followed which, and what belongs to one actor (DESIGN §8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from lmgraph import frames, score
from lmgraph.hops import HopTable, hash64
from lmgraph.paths import incidents, links
from lmgraph.schema import SEVERITIES
from lmgraph.settings import Settings


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
) -> PathTable:
    """Paths and incidents of the hops.

    Args:
        table: The hops to report.
        scores: Score of each, thousandths (``score.total``).
        features: Frame FEATURES, row for row.
        sessions: Frame SESSIONS, in any order.
        user_kinds: Kind of each user code.
        settings: ``max_gap_us`` and ``skew_us`` are used.

    Raises:
        TypeError: A frame is not as specified.
    """
    frames.check(table.hops, frames.HOPS, "hops")
    frames.check(features, frames.FEATURES, "features")
    frames.check(sessions, frames.SESSIONS, "sessions")
    hops = table.hops
    chosen = links.choose(table, scores, features, sessions, user_kinds, settings)
    suspicious = (scores > 0) & ~hops["suppressed"].to_numpy()
    found = incidents.find(hops, chosen, suspicious, max_gap_us=settings.max_gap_us)
    keys = [_key(hops, incident.hops) for incident in found]
    order = sorted(range(len(found)), key=lambda i: (-found[i].score, _first(hops, found[i].hops), keys[i]))
    found = [found[i] for i in order]
    related, cut = incidents.related(hops, found, max_gap_us=settings.max_gap_us)
    paths = _paths(hops, found, chosen)
    caps = {
        "link_candidates": chosen.dropped,
        "paths": sum(incident.dropped for incident in found),
        "related": cut,
    }
    return PathTable(
        paths=paths,
        links=_links(found, chosen),
        incidents=_incidents(hops, found, related, paths, chosen),
        dropped_by_caps={name: count for name, count in caps.items() if count},
    )


def _key(hops: pd.DataFrame, which: Sequence[int]) -> int:
    """Content key of a sequence of hops."""
    keys = hops["key"].to_numpy()
    return hash64("".join(f"{keys[hop]:016x}" for hop in which))


def _first(hops: pd.DataFrame, which: Sequence[int]) -> int:
    return int(hops["first_us"].to_numpy()[list(which)].min())


def _last(hops: pd.DataFrame, which: Sequence[int]) -> int:
    return int(hops["last_us"].to_numpy()[list(which)].max())


def _severity(thousandths: int) -> int:
    return SEVERITIES.index(score.severity(thousandths))


def _switches(chosen: links.Links, which: Sequence[int]) -> int:
    """Credential switches on the links into these hops."""
    return int((chosen.terms[list(which), links.TERMS.index("credential_switch")] != 0).sum())


def _paths(hops: pd.DataFrame, found: list[incidents.Incident], chosen: links.Links) -> pd.DataFrame:
    """Frame PATHS, in order of rank: score, then time, then key."""
    certainty, outcome = hops["certainty"].to_numpy(), hops["outcome"].to_numpy()
    actor = hops["source_user"].to_numpy()
    rows: list[dict[str, Any]] = [
        {
            "incident": number,
            "hops": chain,
            "score": int(chosen.best[chain[-1]]),
            "severity": _severity(int(chosen.best[chain[-1]])),
            "certainty": float(np.prod(certainty[list(chain)]) * np.prod(chosen.certainty[list(chain[1:])])),
            "outcome": int(outcome[chain[-1]]),
            "credential_switches": _switches(chosen, chain[1:]),
            "causal_user": int(actor[chain[0]]),
            "first_us": _first(hops, chain),
            "last_us": _last(hops, chain),
            "key": _key(hops, chain),
        }
        for number, incident in enumerate(found)
        for chain in incident.chains
    ]
    rows.sort(key=lambda row: (-row["score"], row["first_us"], row["key"]))
    return frames.make({name: [row[name] for row in rows] for name in frames.PATHS}, frames.PATHS)


def _links(found: list[incidents.Incident], chosen: links.Links) -> pd.DataFrame:
    """Frame LINKS of the hops of the incidents."""
    hops = sorted(hop for incident in found for hop in incident.hops if chosen.parent[hop] >= 0)
    columns = {
        "from": chosen.parent[hops],
        "to": hops,
        "gap_us": chosen.gap_us[hops],
        "certainty": chosen.certainty[hops],
    }
    terms = {name: chosen.terms[hops, place] for place, name in enumerate(links.TERMS)}
    return frames.make({**columns, **terms}, frames.LINKS)


def _incidents(
    hops: pd.DataFrame,
    found: list[incidents.Incident],
    related: list[tuple[int, ...]],
    paths: pd.DataFrame,
    chosen: links.Links,
) -> pd.DataFrame:
    """Frame INCIDENTS of the ranked incidents."""
    listed: list[list[int]] = [[] for _ in found]
    for path, number in enumerate(paths["incident"].tolist()):
        listed[number].append(path)
    source = hops["source"].to_numpy()
    roots = [[hop for hop in incident.hops if chosen.parent[hop] < 0] for incident in found]
    columns: dict[str, object] = {
        "hops": [incident.hops for incident in found],
        "paths": [tuple(rows) for rows in listed],
        "origins": [tuple(sorted({int(source[hop]) for hop in part})) for part in roots],
        "related": related,
        "score": [incident.score for incident in found],
        "severity": [_severity(incident.score) for incident in found],
        "credential_switches": [_switches(chosen, incident.hops) for incident in found],
        "first_us": [_first(hops, incident.hops) for incident in found],
        "last_us": [_last(hops, incident.hops) for incident in found],
        "key": [_key(hops, incident.hops) for incident in found],
    }
    return frames.make(columns, frames.INCIDENTS)
