"""Sessions: which account was logged on where, when and how; they expose accounts and make no hop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from lmgraph.events import Partial
from lmgraph.folds import I64, Folds
from lmgraph.identity import Identity
from lmgraph.rules.witnesses import session_kind

_NEVER: Final = -(2**63)  # before any first time


@dataclass(slots=True)
class Session:
    """An account's sessions of one kind on one host; times in microseconds UTC."""

    user: int
    host: int
    kind: str
    first_us: int
    last_us: int
    ended_us: int | None
    count: int


def sessions_of(partial: Partial, identity: Identity) -> list[Session]:
    """Sessions of the folded logons; one ends where a logoff of its own logon id says so.

    A network logon's logoff ends nothing here. Sessions of one kind have ended when all have.
    """
    logoffs = _logoffs(partial.folded, identity)
    first_us = partial.folded.columns.first_us
    kinds: dict[str, int] = {}
    rows, users, told = [], [], []
    for seen in partial.folded.by_template():
        event, kind = seen.event, session_kind(seen.event.logon_type)
        if event.kind != "logon" or kind is None:
            continue
        host = identity.host_of(event)
        rows.append(np.arange(seen.rows.start, seen.rows.stop))
        users.append(identity.accounts.of_events(event, first_us[seen.rows]))
        # UserIdentity repeats its UserLogon: counting both would double every session.
        counted = event.event_code != "UserIdentity"
        number = kinds.setdefault(kind, len(kinds))
        told.append((host, number, counted, logoffs.get((host, event.logon_id or ""), _NEVER)))
    if not rows:
        return []
    columns = np.repeat(np.array(told, np.int64), [len(of_template) for of_template in rows], axis=0)
    columns = np.column_stack([np.concatenate(users), columns, np.concatenate(rows)])
    return _sessions(partial.folded, columns[(columns[:, 0] >= 0) & (columns[:, 1] >= 0)], list(kinds))


def _logoffs(folded: Folds, identity: Identity) -> dict[tuple[int, str], int]:
    """When each logon id of a host was last logged off."""
    found: dict[tuple[int, str], int] = {}
    for seen in folded.by_template():
        if seen.event.kind == "logoff" and seen.event.logon_id:
            place = (identity.host_of(seen.event), seen.event.logon_id)
            found[place] = max(found.get(place, seen.last_us), seen.last_us)
    return found


def _sessions(folded: Folds, told: I64, kinds: list[str]) -> list[Session]:
    """The sessions of which these rows tell.

    Args:
        folded: What was folded.
        told: Account, host, kind, whether it counts as a logon, when its logon id was last logged
            off (``_NEVER``: nothing says) and the row of ``folded``; one line for each.
        kinds: What the numbers of kinds mean.
    """
    places, numbers = np.unique(told[:, :3], axis=0, return_inverse=True)
    order = np.argsort(numbers, kind="stable")
    counted, ends, rows = told[order, 3] != 0, told[order, 4], told[order, 5]
    begins = np.searchsorted(numbers[order], np.arange(len(places)))
    first_us = folded.columns.first_us[rows]
    logged_on, groups = np.unique(numbers[order][counted], return_inverse=True)
    counts = np.ones(len(places), np.int64)
    counts[logged_on] = folded.distinct(rows[counted], groups)
    columns = (
        np.minimum.reduceat(first_us, begins),
        np.maximum.reduceat(folded.columns.last_us[rows], begins),
        np.logical_and.reduceat(ends >= first_us, begins),
        np.maximum.reduceat(ends, begins),
        counts,
    )
    return [
        Session(user, host, kinds[kind], first, last, end if ended else None, count)
        for (user, host, kind), first, last, ended, end, count in zip(
            places.tolist(), *(column.tolist() for column in columns), strict=True
        )
    ]
