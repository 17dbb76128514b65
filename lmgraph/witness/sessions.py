"""Sessions: which account was logged on where, when and how; they expose accounts and make no hop."""

from __future__ import annotations

from dataclasses import dataclass

from lmgraph.events import Partial
from lmgraph.identity import Identity
from lmgraph.rules.witnesses import session_kind


@dataclass(slots=True)
class Session:
    """An account's sessions of one kind on one host; times in microseconds UTC."""

    user: int
    host: int
    kind: str
    first_us: int
    last_us: int
    ended_us: int | None = None
    count: int = 0


def sessions_of(partial: Partial, identity: Identity) -> list[Session]:
    """Sessions of the folded logons, ended by a later logoff of the account on the host."""
    found: dict[tuple[int, int, str], Session] = {}
    logoffs: dict[tuple[int, int], int] = {}
    for event, tally in partial.folded.items():
        if event.kind not in {"logon", "logoff"}:
            continue
        host, user = identity.host_of(event), identity.accounts.of_event(event)
        if host < 0 or user < 0:
            continue
        if event.kind == "logoff":
            logoffs[user, host] = max(logoffs.get((user, host), tally.last_us), tally.last_us)
            continue
        kind = session_kind(event.logon_type)
        # UserIdentity repeats its UserLogon; counting both would double every session.
        if kind is None:
            continue
        place = (user, host, kind)
        known = found.setdefault(place, Session(*place, tally.first_us, tally.last_us))
        known.first_us = min(known.first_us, tally.first_us)
        known.last_us = max(known.last_us, tally.last_us)
        known.count += tally.distinct if event.event_code != "UserIdentity" else 0
    for session in found.values():
        ended = logoffs.get((session.user, session.host))
        session.ended_us = ended if ended is not None and ended >= session.last_us else None
        session.count = max(session.count, 1)
    return list(found.values())
