"""What an analysis adds to a baseline, and what is kept out of it so that no attack becomes usual."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from lmgraph import baseline, history
from lmgraph.baseline import ACCOUNT, HOST, NAME_LIMIT, PROCESS, Baseline
from lmgraph.finish import Conclusion, Evidence, images
from lmgraph.result import ResultData
from lmgraph.schema import SEVERITIES
from lmgraph.settings import DAY_US
from lmgraph.text import without_surrogates

NOT_LEARNT_FROM: Final = "high"  # an incident of this severity or above is not learnt from


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What was learnt, the result that it was learnt from, and what was left out.

    ``incidents`` and ``hops`` count the grave incidents and their hops, ``uses`` the rows of the
    baseline that were left out with them (0 where incidents are included). ``cleared`` are columns
    of frame LEFT: what an earlier baseline must no longer leave out (none unless they are included).
    """

    learnt: Baseline
    cleared: Mapping[str, object]
    data: ResultData
    incidents: int
    hops: int
    uses: int


def learn(found: Evidence, concluded: Conclusion, *, include_incidents: bool = False) -> Lesson:
    """The baseline of what was read.

    With each hop of an incident of severity ``NOT_LEARNT_FROM`` or above goes all that passed between its two
    hosts, in its direction, on the UTC days that its evidence spans: its own openers, the mere
    contacts that the same traffic left on both ends, and what the intruder tried there on that day
    before or after. Days are what history counts, so nothing less would keep the pair unknown; what
    an administrator did between the same two hosts on another day stays. The baseline remembers that
    these pairs are left out on these days, so that no other copy brings them back. The
    paths of these incidents are left out, too: an attack is not how high an ordinary day scores.

    Args:
        found: Evidence of a run without ``--since`` and ``--until``.
        concluded: The paths and the result of that evidence.
        include_incidents: Learn from everything; someone has looked at those incidents.
    """
    story = concluded.story
    grave = story.incidents[story.incidents["severity"] >= SEVERITIES.index(NOT_LEARNT_FROM)]
    hops = sorted({hop for of_incident in grave["hops"] for hop in of_incident})
    left_out = _LeftOut(found.table.hops.iloc[hops])
    begun = found.table.hops[["first_us", "source", "target"]].assign(mere=history.mere(found.table.hops))
    uses_usual, hops_usual = ~left_out.touch(found.uses, "time_us"), ~left_out.touch(begun, "first_us")
    paths_usual = ~story.paths["incident"].isin(grave.index).to_numpy()
    left = left_out.columns(found.keys[HOST])
    cleared: dict[str, object] = {}
    if include_incidents:
        uses_usual[:], hops_usual[:], paths_usual[:] = True, True, True
        left, cleared = cleared, left
    whole, lost = (baseline.record(found.uses[rows], found.keys) for rows in (uses_usual, ~uses_usual))
    paths = story.paths[paths_usual]
    learnt = baseline.make(
        uses=whole,
        hops=baseline.record_hops(begun[hops_usual], found.keys),
        paths={"day": paths["first_us"] // DAY_US, "key": paths["key"], "score": paths["score"]},
        left=left,
        scored={"day": found.days_read, "key": np.full(found.days_read.size, concluded.scoring, np.uint64)},
        names=_names(found),
        days=found.days_read.tolist(),
    )
    return Lesson(
        learnt=learnt,
        cleared=cleared,
        data=concluded.data,
        incidents=len(grave),
        hops=len(hops),
        uses=len(baseline.make(uses=lost).uses),
    )


class _LeftOut:
    """The pairs of some hops (frame HOPS), on the days of their evidence."""

    def __init__(self, hops: pd.DataFrame) -> None:
        first, last = (hops[f"evidence_{end}_us"] // DAY_US for end in ("first", "last"))
        spans = zip(hops["source"].tolist(), hops["target"].tolist(), first, last, strict=True)
        self._taken = {
            (source, target, day) for source, target, begin, end in spans for day in range(begin, end + 1)
        }

    def columns(self, keys: npt.NDArray[np.uint64]) -> dict[str, object]:
        """Columns of the baseline's LEFT; ``keys`` are those of hosts, by code."""
        taken = sorted(self._taken)
        return {
            "day": [day for _, _, day in taken],
            "source": [keys[source] for source, _, _ in taken],
            "target": [keys[target] for _, target, _ in taken],
        }

    def touch(self, table: pd.DataFrame, time: str) -> npt.NDArray[np.bool_]:
        """Rows of a table with source, target and that time that belong to these pairs and days."""
        days = (table[time] // DAY_US).tolist()
        rows = zip(table["source"].tolist(), table["target"].tolist(), days, strict=True)
        return np.fromiter((row in self._taken for row in rows), bool, len(table))


def _names(found: Evidence) -> dict[str, list[object]]:
    names = {
        HOST: [host.name for host in found.identity.hosts.all],
        ACCOUNT: [account.shown for account in found.identity.accounts.all],
        PROCESS: images(found),
    }
    return {
        "kind": [kind for kind, of_kind in names.items() for _ in of_kind],
        "key": [key for kind in names for key in found.keys[kind].tolist()],
        "name": [without_surrogates(name)[:NAME_LIMIT] for of_kind in names.values() for name in of_kind],
    }
