"""What an analysis adds to a baseline, and what is kept out of it so that no attack becomes usual."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from lmgraph import baseline
from lmgraph.baseline import ACCOUNT, HOST, NAME_LIMIT, Baseline
from lmgraph.finish import Evidence, keys_of
from lmgraph.result import ResultData
from lmgraph.schema import SEVERITIES
from lmgraph.settings import DAY_US
from lmgraph.text import without_surrogates

GRAVE: Final = "high"  # an incident of this severity or above is not learnt from


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What was learnt, the result that it was learnt from, and what was left out.

    ``incidents`` and ``hops`` count the grave incidents and their hops, ``uses`` the rows of the
    baseline that were left out with them (0 where incidents are included).
    """

    learnt: Baseline
    data: ResultData
    incidents: int
    hops: int
    uses: int


def learn(found: Evidence, data: ResultData, *, include_incidents: bool = False) -> Lesson:
    """The baseline of what was read.

    With each hop of an incident of severity ``GRAVE`` or above goes all that passed between its two
    hosts, in its direction, on the UTC days that its evidence spans: its own openers, the mere
    contacts that the same traffic left on both ends, and what the intruder tried there on that day
    before or after. Days are what history counts, so nothing less would keep the pair unknown; what
    an administrator did between the same two hosts on another day stays. Scores of paths stay, too:
    they say how often ordinary days score high.

    Args:
        found: Evidence of a run without ``--since`` and ``--until``.
        data: The result of that evidence.
        include_incidents: Learn from everything; someone has looked at those incidents.
    """
    grave = [row for row in data.incidents if SEVERITIES.index(row.severity) >= SEVERITIES.index(GRAVE)]
    hops = sorted({int(name[1:]) for row in grave for name in row.hops})
    keys = keys_of(found.identity)
    every = np.ones(len(found.uses), bool)
    usual = every if include_incidents else ~_touched(found.uses, found.table.hops.iloc[hops])
    whole, left = (baseline.record(found.uses[rows], keys) for rows in (usual, ~usual))
    first = {row.id: row.first for row in data.hops}
    days = [_day(min(first[hop] for hop in row.hops)) for row in data.paths]
    paths = {
        "day": days,
        "key": [int(row.key, 16) for row in data.paths],
        "score": [round(row.score * 1000) for row in data.paths],
    }
    learnt = baseline.make(whole, paths, _names(found), found.days_read.tolist())
    lost = len(baseline.make(left, {}, {}, ()).uses)
    return Lesson(learnt=learnt, data=data, incidents=len(grave), hops=len(hops), uses=lost)


def _touched(uses: pd.DataFrame, hops: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Uses of the hops' pairs on the days of their evidence."""
    spans = zip(
        hops["source"].tolist(),
        hops["target"].tolist(),
        (hops["evidence_first_us"] // DAY_US).tolist(),
        (hops["evidence_last_us"] // DAY_US).tolist(),
        strict=True,
    )
    taken = {(source, target, day) for source, target, first, last in spans for day in range(first, last + 1)}
    rows = zip(
        uses["source"].tolist(), uses["target"].tolist(), (uses["time_us"] // DAY_US).tolist(), strict=True
    )
    return np.fromiter((row in taken for row in rows), bool, len(uses))


def _day(iso: str) -> int:
    return int(np.datetime64(iso[:10], "D").astype(np.int64))


def _names(found: Evidence) -> dict[str, list[object]]:
    hosts, accounts = found.identity.hosts.all, found.identity.accounts.all
    rows = [(HOST, host.key, host.name) for host in hosts]
    rows += [(ACCOUNT, account.key, account.shown) for account in accounts]
    return {
        "kind": [kind for kind, _, _ in rows],
        "key": [int(key, 16) for _, key, _ in rows],
        "name": [without_surrogates(name)[:NAME_LIMIT] for _, _, name in rows],
    }
