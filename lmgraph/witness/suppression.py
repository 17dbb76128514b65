"""Tuning applied: what an entry covers, and where suppression ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from lmgraph.identity import Identity
from lmgraph.identity.accounts import Account
from lmgraph.tuning import Entry, Subject, is_periodic, match
from lmgraph.witness.alerts import Alert
from lmgraph.witness.rows import Row

Beat = tuple[int, int, str]
Taken = tuple[str, int]


def suppress(
    rows: Sequence[Row], alerts: Sequence[Alert], identity: Identity, entries: tuple[Entry, ...]
) -> frozenset[str]:
    """Mark what an entry covers: each alert, and each witness that could open a hop.

    An alert of several targets is suppressed when all its rows are. Returns the names of the
    entries that covered something.
    """
    if not entries:
        return frozenset()
    periodic = _periodic(rows)
    held = lru_cache(None)(identity.addresses.held)
    of_alert: dict[int, list[Row]] = {}
    for row in rows:
        if row.of >= 0:
            of_alert.setdefault(row.of, []).append(row)
        if row.of >= 0 or row.opens:
            alert = alerts[row.of] if row.of >= 0 else None
            subject = _subject(row.source, row.target, row.time_us, alert, row, identity, held)
            subject = replace(subject, periodic=_beat(row) in periodic)
            row.suppressed_by = match(entries, subject)
    for index, alert in enumerate(alerts):
        named = of_alert.get(index, [])
        if named:
            names = [row.suppressed_by for row in named]
            alert.suppressed_by = names[0] if all(names) else None
        elif alert.host >= 0:  # it names no other host
            subject = _subject(alert.host, -1, alert.event.time_us, alert, None, identity, held)
            alert.suppressed_by = match(entries, subject)
    marks = [row.suppressed_by for row in rows] + [alert.suppressed_by for alert in alerts]
    return frozenset(name for name in marks if name is not None)


def lift(rows: Sequence[Row], alerts: Sequence[Alert], taken: Mapping[Taken, int]) -> bool:
    """Unsuppress what starts at a host that an intruder took, or by an account that he was given.

    Args:
        rows: All witnesses.
        alerts: All alerts.
        taken: ``("host", code)`` or ``("user", code)`` to the time from which it is taken.

    Returns whether anything changed.
    """
    lifted = False
    for row in rows:
        if row.suppressed_by is None:
            continue
        since = [taken[one] for one in (("host", row.source), ("user", row.source_user)) if one in taken]
        if since and row.time_us >= min(since):
            row.suppressed_by = None
            lifted = True
            if row.of >= 0:
                alerts[row.of].suppressed_by = None
    return lifted


def _subject(
    source: int,
    target: int,
    time_us: int,
    alert: Alert | None,
    row: Row | None,
    identity: Identity,
    held: Callable[[int, int], tuple[str, ...]],
) -> Subject:
    """What an entry is held against. Addresses count as they were then."""
    event = alert.event if alert is not None else None
    code = alert.user if alert is not None else row.user if row is not None else -1
    user = identity.accounts.all[code] if code >= 0 else None
    own = {event.host_ip} if event is not None and event.host_ip else set(held(source, time_us))
    far = {event.remote_ip} if event is not None and event.remote_ip else set(held(target, time_us))
    return Subject(
        source=_names(source, identity),
        source_ips=tuple(sorted(own)),
        target=_names(target, identity),
        target_ips=tuple(sorted(far)),
        user=_spelled(user) if user is not None else (),
        process=(alert.process,) if alert is not None and alert.process else (),
        process_path=(alert.process_path,) if alert is not None and alert.process_path else (),
        source_listed=source in identity.listed,
        privileged=user.privileged if user is not None else None,
        periodic=False,
        time_us=time_us,
    )


def _names(code: int, identity: Identity) -> tuple[str, ...]:
    if code < 0:
        return ()
    host = identity.hosts.all[code]
    return tuple(name for name in (host.name, host.fqdn) if name)


def _spelled(account: Account) -> tuple[str, ...]:
    """The account as any record has it: which spelling will be shown is not settled yet."""
    written = {f"{domain}\\{name}" for domain, name in account.spellings if domain}
    return (account.name, account.shown, *sorted(written))


def _periodic(rows: Sequence[Row]) -> frozenset[Beat]:
    """Pairs and processes that come back at regular intervals, as monitoring and backup agents do."""
    times: dict[Beat, set[int]] = {}
    for row in rows:
        if row.opens:
            times.setdefault(_beat(row), set()).add(row.time_us)
    return frozenset(beat for beat, seen in times.items() if is_periodic(seen))


def _beat(row: Row) -> Beat:
    return row.source, row.target, (row.process or "").casefold()
