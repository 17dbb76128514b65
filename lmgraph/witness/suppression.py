"""Tuning applied: which alerts an entry covers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import Final

from lmgraph.assets import Asset
from lmgraph.identity import Identity
from lmgraph.tuning import Entry, Subject, match
from lmgraph.witness.alerts import Alert
from lmgraph.witness.rows import Row

PERIODIC_LEAST: Final = 5  # fewer runs than this show no period
PERIODIC_SPREAD: Final = 0.1  # median deviation of the intervals, relative to their median

Beat = tuple[int, int, str]


def suppress(
    rows: Sequence[Row],
    alerts: Sequence[Alert],
    identity: Identity,
    entries: tuple[Entry, ...],
    assets: tuple[Asset, ...],
) -> frozenset[str]:
    """Mark every witness row whose alert an entry covers; an alert is suppressed when all its rows are.

    Returns the names of the entries that covered something.
    """
    if not entries:
        return frozenset()
    ips: dict[int, set[str]] = {}
    for span in identity.addresses.spans():
        ips.setdefault(span.host, set()).add(span.ip)
    listed = {identity.hosts.listed(asset.host) for asset in assets}
    periodic = _periodic(rows)
    matched: set[str] = set()
    pending: dict[int, list[str | None]] = {}
    for row in rows:
        index = row.alert
        if index < 0:
            continue
        alert = alerts[index]
        row.suppressed_by = match(entries, _subject(row, alert, identity, ips, listed, periodic))
        pending.setdefault(index, []).append(row.suppressed_by)
        matched |= {row.suppressed_by} if row.suppressed_by else set()
    for index, names in pending.items():
        alerts[index].suppressed_by = names[0] if all(names) else None
    return frozenset(matched)


def _subject(
    row: Row,
    alert: Alert,
    identity: Identity,
    ips: dict[int, set[str]],
    listed: set[int],
    periodic: frozenset[Beat],
) -> Subject:
    source = identity.hosts.all[row.source]
    target = identity.hosts.all[row.target] if row.target >= 0 else None
    user = identity.accounts.all[alert.user] if alert.user >= 0 else None
    ip = alert.event.remote_ip
    return Subject(
        source=tuple(filter(None, (source.name, source.fqdn))),
        source_ips=tuple(sorted(ips.get(row.source, ()))),
        target=tuple(filter(None, (target.name, target.fqdn))) if target is not None else (),
        target_ips=tuple(sorted(ips.get(row.target, set()) | ({ip} if ip else set()))),
        user=(user.name, user.shown) if user is not None else (),
        process=(alert.process,) if alert.process else (),
        process_path=(alert.process_path,) if alert.process_path else (),
        source_listed=row.source in listed,
        privileged=user.privileged if user is not None else None,
        periodic=_beat(row) in periodic,
        time_us=row.time_us,
    )


def _periodic(rows: Sequence[Row]) -> frozenset[Beat]:
    """Pairs and processes that come back at regular intervals, as monitoring and backup agents do."""
    times: dict[Beat, set[int]] = {}
    for row in rows:
        if row.alert >= 0:
            times.setdefault(_beat(row), set()).add(row.time_us)
    return frozenset(
        beat for beat, seen in times.items() if len(seen) >= PERIODIC_LEAST and _steady(sorted(seen))
    )


def _steady(times: list[int]) -> bool:
    gaps = [later - earlier for earlier, later in pairwise(times)]
    middle = median(gaps)
    return median(abs(gap - middle) for gap in gaps) <= PERIODIC_SPREAD * middle


def _beat(row: Row) -> Beat:
    return row.source, row.target, (row.process or "").casefold()
