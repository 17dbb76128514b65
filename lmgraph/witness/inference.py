"""Addresses that only co-occurrence shows: a name in a command, an address connected to at once.

All that there is when the input is the query's own table (DESIGN §6): it has no address of a host.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from lmgraph.events import Kept
from lmgraph.identity import Identity
from lmgraph.names import canonical_ip, identifies, is_self
from lmgraph.schema import SMB_PORT, Event
from lmgraph.settings import SECOND_US
from lmgraph.witness.alerts import Alert

BEFORE_US: Final = 5 * SECOND_US  # the connection may be recorded before the process that made it
AFTER_US: Final = 60 * SECOND_US


def infer_addresses(
    alerts: Sequence[Alert], context: Iterable[tuple[bytes, Kept]], identity: Identity
) -> None:
    """Tell the address book which name goes with which address, by what one source used together.

    A command beside connections to one address alone is a sighting; beside several, only the
    address that comes back with the name more often than every other.
    """
    connections = _connections(alerts, context, identity)
    seen: dict[int, list[tuple[int, frozenset[str]]]] = {}
    for alert in alerts:
        for host in _named(alert, identity):
            near = _near(connections.get(alert.host, []), alert.event.time_us)
            if near:
                seen.setdefault(host, []).append((alert.event.time_us, near))
    for host, sets in seen.items():
        counts = Counter(ip for _, near in sets for ip in near)
        for time_us, near in sets:
            for ip in near:
                others = [counts[other] for other in near if other != ip]
                if not others or counts[ip] > max(others):
                    identity.addresses.guess(host, ip, time_us)


def _connections(
    alerts: Sequence[Alert], context: Iterable[tuple[bytes, Kept]], identity: Identity
) -> dict[int, list[tuple[int, str]]]:
    """Per host, the times and addresses of its connections to port 445."""
    found: dict[int, list[tuple[int, str]]] = {}
    events: list[Event] = [alert.event for alert in alerts]
    events += [row.event for _, row in context if row.event.kind == "connection"]
    for event in events:
        if event.remote_ip is not None and event.remote_port == SMB_PORT and identifies(event.remote_ip):
            found.setdefault(identity.host_of(event), []).append((event.time_us, event.remote_ip))
    for times in found.values():
        times.sort()
    return found


def _named(alert: Alert, identity: Identity) -> list[int]:
    """The one host that a command names, when it names only one and nothing shows its address."""
    tokens = [
        target.token
        for target in (alert.movement.targets if alert.movement is not None else ())
        if target.kind == "name" and not is_self(target.token) and canonical_ip(target.token) is None
    ]
    if len(tokens) != 1 or alert.host < 0:
        return []
    holders = identity.by_name(tokens[0], alert.host)
    lone = len(holders) == 1 and not identity.addresses.of_host(holders[0].host)
    return [holders[0].host] if lone else []


def _near(times: list[tuple[int, str]], time_us: int) -> frozenset[str]:
    start = bisect_left(times, (time_us - BEFORE_US, ""))
    end = bisect_left(times, (time_us + AFTER_US, ""))
    return frozenset(ip for _, ip in times[start:end])
