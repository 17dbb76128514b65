"""What the first look leaves open: the one function from candidates to what a second look seeks."""

from __future__ import annotations

from lmgraph.events import Partial
from lmgraph.names import canonical_ip, identifies, split_name
from lmgraph.rules.corrected import open_process
from lmgraph.rules.needed import HostKey, RecordKey, Span, Wants
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
    processes: set[RecordKey] = set()
    logons: set[RecordKey] = set()
    logon_hosts: set[tuple[str | None, str | None]] = set()
    times: dict[HostKey, list[int]] = {}  # of the candidates, by each key of either end
    for row in partial.kept.values():
        event = row.event
        if not _is_candidate(event):
            continue
        # A raw connection carries no account: only the start of its process does.
        if event.kind in {"connection", "accept"} and event.aid and event.process_id:
            processes.add((event.cid, event.aid, event.process_id))
            logon_hosts.add((event.cid, event.aid))
        if event.logon_id and event.aid and not event.user_name:
            logons.add((event.cid, event.aid, event.logon_id))
        for key in _host_keys(event):
            times.setdefault(key, []).append(event.time_us)
    margin = settings.window_us + settings.skew_us
    return Wants(
        processes=frozenset(processes),
        logons=frozenset(logons),
        logon_hosts=frozenset(logon_hosts),
        addresses=frozenset(key[1] for key in times if key[0] == "ip" and identifies(key[1])),
        spans={key: _merged(times[key], margin) for key in sorted(times)},
        names=_names(partial) if times else {},
    )


def _is_candidate(event: Event) -> bool:
    """Whether a kept row may become an alert or opens a hop; the rest serves identity."""
    if event.kind in {"table_alert", "process_start"} or open_process(event):
        return True
    if event.kind == "connection":
        return True
    testimony = testify(event)
    return testimony is not None and testimony.opens


def _host_keys(event: Event) -> set[HostKey]:
    """Keys of both ends, as ``Wants.spans`` has them: the far end's records name this host by its own."""
    named = tokens(event)
    addresses = (event.remote_ip, event.host_ip, *map(canonical_ip, named))
    keys: set[HostKey] = {("ip", ip) for ip in addresses if ip}
    keys |= {("name", split_name(name)[0]) for name in (event.host_name, event.remote_name, *named) if name}
    if event.aid:
        keys.add(("aid", event.cid or "", event.aid))
    return keys


def _names(partial: Partial) -> dict[tuple[str, str], tuple[str, ...]]:
    """Sensor to the short names that it bears: raw records carry the sensor's id alone."""
    names: dict[tuple[str, str], set[str]] = {}
    events = [*(row.event for row in partial.kept.values()), *partial.folded.templates.values()]
    for event in events:
        if event.aid and event.host_name:
            names.setdefault((event.cid or "", event.aid), set()).add(split_name(event.host_name)[0])
    return {sensor: tuple(sorted(names[sensor])) for sensor in sorted(names)}


def _merged(times: list[int], margin: int) -> tuple[Span, ...]:
    """Spans of ``margin`` on both sides of the times; those that meet are one."""
    out: list[Span] = []
    for time_us in sorted(times):
        first = out.pop()[0] if out and time_us - margin <= out[-1][1] else time_us - margin
        out.append((first, time_us + margin))
    return tuple(out)
