"""Sessions: which account was logged on where, when and how; they expose accounts and make no hop."""

from __future__ import annotations

from dataclasses import dataclass

from lmgraph.events import Partial, Tally, dated, union
from lmgraph.identity import Identity
from lmgraph.rules.witnesses import session_kind
from lmgraph.schema import Event


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
    opened: dict[tuple[int, int, str], list[tuple[Event, Tally]]] = {}
    logoffs: dict[tuple[int, str], int] = {}
    for event, tally in dated(partial.folded):
        host, kind = identity.host_of(event), session_kind(event.logon_type)
        if event.kind == "logoff" and event.logon_id:
            logoffs[host, event.logon_id] = max(logoffs.get((host, event.logon_id), 0), tally.last_us)
        user = identity.accounts.of_event(event) if event.kind == "logon" and kind is not None else -1
        if host >= 0 and user >= 0 and kind is not None:
            opened.setdefault((user, host, kind), []).append((event, tally))
    return [_session(*place, rows, logoffs) for place, rows in opened.items()]


def _session(
    user: int, host: int, kind: str, rows: list[tuple[Event, Tally]], logoffs: dict[tuple[int, str], int]
) -> Session:
    ends = [logoffs.get((host, event.logon_id or "")) for event, _ in rows]
    ended = [
        end for end, (_, tally) in zip(ends, rows, strict=True) if end is not None and end >= tally.first_us
    ]
    # UserIdentity repeats its UserLogon: counting both would double every session.
    logons = [tally for event, tally in rows if event.event_code != "UserIdentity"]
    return Session(
        user,
        host,
        kind,
        first_us=min(tally.first_us for _, tally in rows),
        last_us=max(tally.last_us for _, tally in rows),
        ended_us=max(ended) if len(ended) == len(rows) else None,
        count=union(logons).distinct if logons else 1,
    )
