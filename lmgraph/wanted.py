"""What the first look leaves open: the one function from candidates to what a second look seeks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lmgraph.events import Partial, ordered
from lmgraph.names import canonical_ip, identifies, split_name
from lmgraph.rules.corrected import open_process
from lmgraph.rules.needed import HostKey, RecordKey, Span, Wants, union
from lmgraph.rules.verdict import tokens
from lmgraph.rules.witnesses import testify
from lmgraph.schema import Event
from lmgraph.settings import Settings


def wants_of(partial: Partial, settings: Settings) -> Wants:
    """Keys of the processes, logons and addresses still open, and spans around every candidate.

    Raw FDR has no user and often no name on a connection: its process start has. The account of a
    process is known by its logon id, of a connection only once its process is, so for hosts with
    such connections all network logons are asked for.
    """
    candidates = [row.event for _, row in ordered(partial.kept) if _is_candidate(row.event)]
    processes: set[RecordKey] = set()
    logons: set[RecordKey] = set()
    logon_hosts: set[tuple[str | None, str | None]] = set()
    addresses: set[str] = set()
    for event in candidates:
        # A raw connection carries no account: only the start of its process does.
        if event.kind in {"connection", "accept"} and event.aid and event.process_id:
            processes.add((event.cid, event.aid, event.process_id))
            logon_hosts.add((event.cid, event.aid))
        if event.logon_id and event.aid and not event.user_name:
            logons.add((event.cid, event.aid, event.logon_id))
        addresses.update(ip for ip in _addresses(event) if identifies(ip))
    return Wants(
        processes=frozenset(processes),
        logons=frozenset(logons),
        logon_hosts=frozenset(logon_hosts),
        addresses=frozenset(addresses),
        spans=_spans(candidates, settings),
        names=_names(partial) if candidates else {},
    )


def _is_candidate(event: Event) -> bool:
    """Whether a kept row may become an alert or opens a hop; the rest serves identity."""
    if event.kind in {"table_alert", "process_start"} or open_process(event):
        return True
    if event.kind == "connection":
        return True
    testimony = testify(event)
    return testimony is not None and testimony.opens


def _addresses(event: Event) -> Iterator[str]:
    """Addresses of both ends: the far end's records name this host by its own."""
    yield from filter(None, (event.remote_ip, event.host_ip))
    yield from filter(None, (canonical_ip(token) for token in tokens(event)))


def _names(partial: Partial) -> dict[tuple[str, str], tuple[str, ...]]:
    """Sensor to the short names that it bears: raw records carry the sensor's id alone."""
    names: dict[tuple[str, str], set[str]] = {}
    events = [*(row.event for row in partial.kept.values()), *partial.folded]
    for event in events:
        if event.aid and event.host_name:
            names.setdefault((event.cid or "", event.aid), set()).add(split_name(event.host_name)[0])
    return {sensor: tuple(sorted(names[sensor])) for sensor in sorted(names)}


def _spans(candidates: Iterable[Event], settings: Settings) -> dict[HostKey, tuple[Span, ...]]:
    """Per host key, the merged spans of ``window`` and ``skew`` around its candidates."""
    margin = settings.window_us + settings.skew_us
    raw: dict[HostKey, list[Span]] = {}
    for event in candidates:
        span = (event.time_us - margin, event.time_us + margin)
        keys: set[HostKey] = {("ip", ip) for ip in _addresses(event)}
        named = [name for name in (event.host_name, event.remote_name, *tokens(event)) if name]
        keys |= {("name", split_name(name)[0]) for name in named}
        if event.aid:
            keys.add(("aid", event.cid or "", event.aid))
        for key in keys:
            raw.setdefault(key, []).append(span)
    return {key: union(raw[key]) for key in sorted(raw)}
