"""Witness rows: one per record, source and target, with ends resolved at the record's time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np

from lmgraph.events import Kept
from lmgraph.identity import Holder, Identity
from lmgraph.names import canonical_ip, identifies, is_self
from lmgraph.rules.command_line import Target
from lmgraph.rules.names import is_service_of_psexec, is_shell_service
from lmgraph.rules.witnesses import Testimony, testify
from lmgraph.schema import SIDES, STAGE_OF_ALERT, STAGES, Event
from lmgraph.settings import SECOND_US, Settings
from lmgraph.witness.alerts import Alert
from lmgraph.witness.table import ANY_REACH, Row, Witnesses

# About 20 s pass from PsExec's start to its service (WINDOWS.md); any service at all is tied to a
# movement by nearness alone, and software installs services, too.
SERVICE_REACH_US: Final = 90 * SECOND_US
# Nothing says that a connection after @file or \\* was made by that command.
FOLLOWS: Final = 0.5
_CONNECTION, _SOURCE = STAGES.index("connection"), SIDES.index("source")
_SEES_ACCOUNT: Final = frozenset({"logon", "share_server", "smb_execution", "logon_failed"})


def of_alerts(alerts: Sequence[Alert], identity: Identity) -> Iterator[Row]:
    r"""Rows of the alerts whose own record names the target; turns ``movement`` into ``targets``.

    A PsExec that names a file of hosts or all of them (``@file``, ``\\*``) gives one row without
    a target here; ``spread`` resolves it from what follows.
    """
    for index, alert in enumerate(alerts):
        if alert.host < 0:
            continue
        seen: set[int] = {alert.host}  # the host itself is no target
        targets: list[int] = []
        for ends in _alert_targets(alert, identity):
            target = ends[0].host if ends else -1
            if target in seen:
                continue
            if target >= 0:
                seen.add(target)
                targets.append(target)
            yield _alert_row(index, alert, ends, identity)
        alert.targets = tuple(targets)
        alert.movement = None  # all that it said is in the rows, and it would be a third of the alert


def of_context(context: Iterable[tuple[bytes, Kept]], identity: Identity) -> Iterator[Row]:
    """Rows of the records that are no alerts but testify to a stage (``rules.witnesses``).

    Args:
        context: Records, each with its digest.
        identity: Of the same records.
    """
    for name, row in context:
        testimony = testify(row.event)
        made = None if testimony is None else _context_row(name, row, testimony, identity)
        if made is not None:
            yield made


def spread(rows: Witnesses, alerts: Sequence[Alert], settings: Settings) -> Witnesses:
    r"""Resolve ``@file`` and ``\\*`` from the 445 connections that follow on the same host.

    A command that nothing follows keeps its row without a target.
    """
    by = rows.columns
    lost = np.flatnonzero((by["target"] < 0) & (by["alert"] >= 0))
    if not lost.size:
        return rows
    after = np.flatnonzero((by["stage"] == _CONNECTION) & (by["side"] == _SOURCE) & (by["target"] >= 0))
    after = after[np.lexsort((by["time_us"][after], by["source"][after]))]
    sources, times = by["source"][after], by["time_us"][after]
    repeats, found = np.ones(len(rows), np.int64), np.zeros(len(rows), np.bool_)
    targets, shares = [np.empty(0, np.int32)], [np.empty(0)]
    for place in lost.tolist():
        first, last = np.searchsorted(sources, by["source"][place] + np.arange(2))
        since = by["time_us"][place]
        start, end = first + np.searchsorted(times[first:last], (since, since + settings.window_us))
        near, which = np.unique(by["target"][after[start:end]], return_inverse=True)
        if near.size:
            share = np.zeros(near.size)
            np.maximum.at(share, which, by["certainty"][after[start:end]] * FOLLOWS)
            repeats[place], found[place] = near.size, True
            targets.append(near)
            shares.append(share)
            alert = alerts[by["alert"][place]]
            alert.targets += tuple(near[~np.isin(near, alert.targets)].tolist())
    out = rows.take(np.repeat(np.arange(len(rows)), repeats))
    resolved = np.repeat(found, repeats)
    out.columns["target"][resolved] = np.concatenate(targets)
    out.columns["certainty"][resolved] = np.concatenate(shares)
    return out


def _alert_targets(alert: Alert, identity: Identity) -> list[list[Holder]]:
    """Per target the hosts that it can mean, likeliest first; an empty list is one unknown target."""
    event = alert.event
    if alert.movement is not None and alert.movement.targets:
        tokens = [target for target in alert.movement.targets if not is_self(target.token)]
        return [_holders(target, alert, identity) for target in tokens]
    if event.remote_ip is None or not identifies(event.remote_ip):
        return []
    return [_peer(event, alert.host, identity)]


def _holders(target: Target, alert: Alert, identity: Identity) -> list[Holder]:
    if target.kind in {"file", "all"}:
        return []
    ip = canonical_ip(target.token)
    if ip is not None:
        return identity.by_address(ip, alert.event.time_us, alert.host)
    return identity.by_name(target.token, alert.host)


def _peer(event: Event, near: int, identity: Identity) -> list[Holder]:
    """Who is at the other end of a connection: the accept of the very same, else the address's holder."""
    assert event.remote_ip is not None
    if event.host_ip and event.host_port:
        ends = (event.cid or "", event.host_ip, event.host_port, event.remote_ip)
        both = identity.addresses.server(ends, event.time_us)
        if both >= 0:
            return [Holder(both, 1.0, "both-ends")]
    return identity.by_address(event.remote_ip, event.time_us, near)


def _alert_row(index: int, alert: Alert, ends: list[Holder], identity: Identity) -> Row:
    target = ends[0].host if ends else -1
    home = identity.hosts.all[target].name if target >= 0 else None
    written = alert.movement.credential if alert.movement is not None else None
    return Row(
        key=int(alert.key, 16),
        time_us=alert.event.time_us,
        source=alert.host,
        target=target,
        # Taking a share away opens nothing: it only shows that the two were connected.
        stage="connection" if not alert.opens else STAGE_OF_ALERT[alert.alert_type],
        side="source",
        opens=alert.opens,
        proves="attempted",
        kind=alert.alert_type,
        origin=alert.origin,
        of=index,
        alert=index if alert.opens else -1,
        alert_type=alert.alert_type if alert.opens else None,
        source_user=_actor(alert.user, identity),
        credential=identity.accounts.of_credential(written, home),
        certainty=ends[0].certainty if ends else 1.0,
        process=alert.process,
        process_path=alert.process_path,
        object=alert.process,
        host=alert.host,
        user=alert.user,
        renamed="renamed" in alert.flags,
        masquerade="masquerade" in alert.flags,
        alternatives=tuple((alert.host, other.host, other.certainty) for other in ends[1:]),
    )


def _context_row(name: bytes, row: Kept, testimony: Testimony, identity: Identity) -> Row | None:
    event = row.event
    host = identity.host_of(event)
    if host < 0:
        return None
    user = identity.user_of(event)
    far = _far_end(event, testimony, host, identity)
    if far is None or (far and far[0].host == host):
        return None
    other = far[0].host if far else -1
    outward = testimony.side == "source"
    return Row(
        key=int.from_bytes(name[:8], "big"),
        time_us=event.time_us,
        source=host if outward else other,
        target=other if outward else host,
        stage=testimony.stage,
        side=testimony.side,
        opens=testimony.opens,
        proves=testimony.proves,
        kind=testimony.kind,
        origin=row.origin,
        denied=testimony.denied,
        source_user=_actor(user, identity) if outward else -1,
        target_user=user if event.kind in _SEES_ACCOUNT else -1,
        certainty=far[0].certainty if far else 1.0,
        object=testimony.object,
        host=host,
        user=user,
        reach_us=ANY_REACH if far or not _any_service(event) else SERVICE_REACH_US,
        alternatives=tuple(
            (host, one.host, one.certainty) if outward else (one.host, host, one.certainty) for one in far[1:]
        ),
    )


def _any_service(event: Event) -> bool:
    """Whether a service was installed of which neither name nor program speaks of remote execution."""
    named = is_service_of_psexec(event.service_name, event.service_path)
    return event.kind == "service_install" and not named and not is_shell_service(event.service_path)


def _far_end(event: Event, testimony: Testimony, host: int, identity: Identity) -> list[Holder] | None:
    """The hosts at the other end; an empty list where the record names none, ``None`` for itself."""
    ip, named = event.remote_ip, event.remote_name
    if ip is not None and identifies(ip):
        if testimony.side == "source":
            return _peer(event, host, identity)
        found = identity.by_address(ip, event.time_us, host)
        # A name beside an address that nobody holds tells more than the address does.
        if found[0].by != "unresolved" or not named or is_self(named):
            return found
        return identity.by_name(named, host)
    if named and not is_self(named):
        spelled = canonical_ip(named)
        return identity.by_address(spelled, event.time_us, host) if spelled else identity.by_name(named, host)
    # A local session or service of the host itself; one that names no far end is still a landing.
    return None if ip is not None or testimony.stage == "connection" else []


def _actor(user: int, identity: Identity) -> int:
    """The account as an actor: SYSTEM and the like act for nobody that is known."""
    return user if user >= 0 and identity.accounts.all[user].kind == "person" else -1
