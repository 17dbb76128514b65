"""What an analysis adds to a baseline, and what is kept out of it so that no attack becomes usual."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from lmgraph import baseline, frames, history
from lmgraph.baseline import ACCOUNT, HOST, NAME_LIMIT, PROCESS, Baseline
from lmgraph.finish import Conclusion, Evidence, images_of
from lmgraph.result import ResultData
from lmgraph.schema import SEVERITIES
from lmgraph.settings import DAY_US
from lmgraph.text import without_surrogates

NOT_LEARNT_FROM: Final = "high"  # an incident of this severity or above is not learnt from


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What was learnt, the result that it was learnt from, and what was left out.

    ``incidents`` and ``hops`` count the grave incidents and their hops, ``uses`` the rows of the
    baseline that were left out with them (0 where incidents are included). ``cleared`` is a frame
    LEFT: what an earlier baseline must no longer leave out (empty unless they are included).
    """

    learnt: Baseline
    cleared: pd.DataFrame
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
    paths of these incidents are not learnt either: an attack is not how high an ordinary day scores.
    Which those were is not remembered: another copy may bring their scores.

    Args:
        found: Evidence of a run without ``--since`` and ``--until``.
        concluded: The paths and the result of that evidence.
        include_incidents: Learn from everything; someone has looked at those incidents. What any
            earlier run left out of the same pairs on the same days counts again, too.
    """
    story = concluded.story
    grave = story.incidents[story.incidents["severity"] >= SEVERITIES.index(NOT_LEARNT_FROM)]
    hops = np.unique(np.fromiter(chain.from_iterable(grave["hops"]), np.int64))
    begun = found.table.hops[["first_us", "source", "target"]].assign(mere=history.mere(found.table.hops))
    uses, earlier = baseline.record(found.uses, found.keys), baseline.record_hops(begun, found.keys)
    everything = baseline.make(uses=uses, hops=earlier)
    left = _left_out(found.table.hops.iloc[hops], found.keys[HOST])
    paths, cleared = story.paths, frames.make({}, baseline.LEFT)
    if include_incidents:
        # What was grave when an earlier run left it out need not be so in this one.
        by = list(baseline.LEFT)
        cleared = pd.concat([left, everything.uses[by], everything.hops[by]]).drop_duplicates()
        left = frames.make({}, baseline.LEFT)
    else:
        paths = paths[~paths["incident"].isin(grave.index)]
    learnt = baseline.make(
        uses=uses,
        hops=earlier,
        paths={"day": paths["first_us"] // DAY_US, "key": paths["key"], "score": paths["score"]},
        left={name: left[name] for name in baseline.LEFT},
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
        uses=len(everything.uses) - len(learnt.uses),
    )


def _left_out(hops: pd.DataFrame, keys: npt.NDArray[np.uint64]) -> pd.DataFrame:
    """Frame LEFT: the pairs of some hops (frame HOPS), on the days of their evidence.

    Args:
        hops: The hops.
        keys: Those of hosts, by code.
    """
    first, last = (hops[f"evidence_{end}_us"].to_numpy() // DAY_US for end in ("first", "last"))
    days = last - first + 1
    nth = np.arange(days.sum()) - np.repeat(np.cumsum(days) - days, days)  # day of each row within its span
    columns: dict[str, object] = {
        "day": np.repeat(first, days) + nth,
        **{end: np.repeat(keys[hops[end].to_numpy()], days) for end in ("source", "target")},
    }
    return frames.make(columns, baseline.LEFT)


def _names(found: Evidence) -> dict[str, list[object]]:
    names = {
        HOST: [host.name for host in found.identity.hosts.all],
        ACCOUNT: [account.shown for account in found.identity.accounts.all],
        PROCESS: images_of(found.findings.rows),
    }
    return {
        "kind": [kind for kind, of_kind in names.items() for _ in of_kind],
        "key": [key for kind in names for key in found.keys[kind].tolist()],
        "name": [without_surrogates(name)[:NAME_LIMIT] for of_kind in names.values() for name in of_kind],
    }
