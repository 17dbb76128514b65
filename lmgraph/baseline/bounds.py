"""How much a baseline holds: days expire, and beyond so many rows the oldest ones go."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from lmgraph import baseline
from lmgraph.baseline import DAILY, I64, KEEP_DAYS, Baseline

WITNESSED: Final = 3  # days that must lie together before the last of them says what time it is …
TOGETHER: Final = 30  # … within so many days


@dataclass(frozen=True, slots=True)
class Dropped:
    """What a bound took: days that had expired, and days beyond the cap with their rows.

    ``doubted`` is a newest day that was not believed, for too much would have expired by it.
    """

    expired: int = 0
    over: int = 0
    rows: int = 0
    doubted: int | None = None


def bounded(
    whole: Baseline,
    keep_days: int = KEEP_DAYS,
    most_rows: int | None = None,
    *,
    held: Sequence[int] | I64 = (),
) -> tuple[Baseline, Dropped]:
    """What is left of a baseline within its bounds, and what was dropped; the oldest days go first.

    Days that lie ``keep_days`` or more before the newest go; then, while there are more rows than
    ``most_rows`` in the tables with days, the oldest day that is left. The newest day is the last
    one with two others close before it, by which no more than half of ``held`` expires: clocks that
    run years ahead must not make everything expire. The newest single day always stays.

    Args:
        whole: The baseline.
        keep_days: Days that are kept, the newest included.
        most_rows: ``MOST_ROWS`` if None.
        held: Days that were remembered before this run; none of them makes the newest day certain.
    """
    most = baseline.MOST_ROWS if most_rows is None else most_rows
    newest, doubted = _newest(whole.days, keep_days, np.asarray(held, np.int64))
    oldest = newest - keep_days + 1
    recent = whole.since(oldest)
    rows = np.concatenate([getattr(recent, name)["day"].to_numpy(np.int64) for name in DAILY])
    days, count = np.unique(rows, return_counts=True)
    kept = np.cumsum(count[::-1])[::-1] <= most  # from that day on
    over = 0
    if days.size and not kept.all():
        oldest = int(days[min(int(np.argmax(kept)) if kept.any() else days.size, days.size - 1)])
        over = int((recent.days < oldest).sum())
    left = recent.since(oldest)
    expired = len(whole.days) - len(recent.days)
    cut = sum(len(getattr(recent, name)) - len(getattr(left, name)) for name in DAILY)
    return left, Dropped(expired, over, cut, doubted)


def date(day: int) -> str:
    """``2026-05-04`` of a UTC day since 1970."""
    return (dt.date(1970, 1, 1) + dt.timedelta(days=int(day))).isoformat()


def _newest(days: I64, keep_days: int, held: I64) -> tuple[int, int | None]:
    """The day from which age is counted, and a later one that was not believed.

    Candidates are the days with ``WITNESSED`` − 1 others close before them. How close does not depend
    on ``keep_days``, or nothing would expire where data come every few days. Where no day has such
    witnesses, one or two may still be wrong, so it is the last but those.
    """
    if len(days) < WITNESSED:
        return int(days[0]) if days.size else 0, None
    close = days[WITNESSED - 1 :] - days[: 1 - WITNESSED] < TOGETHER
    candidates = days[WITNESSED - 1 :][close] if close.any() else days[-WITNESSED : 1 - WITNESSED]
    gone = np.searchsorted(np.sort(held), candidates - keep_days + 1)
    believed = candidates[gone * 2 <= held.size]
    newest = int(believed[-1]) if believed.size else int(days[0])
    last = int(candidates[-1])
    return newest, last if last != newest else None
