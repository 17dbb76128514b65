"""Witness rows: one per record, source and target, with ends resolved at the record's time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from lmgraph.events import Kept
from lmgraph.identity import Holder, Identity
from lmgraph.names import canonical_ip, identifies, is_self
from lmgraph.rules.command_line import Target
from lmgraph.rules.names import is_service_of_psexec, is_shell_service
from lmgraph.rules.witnesses import Testimony, testify
from lmgraph.schema import STAGE_OF_ALERT, Event, Origin
from lmgraph.settings import SECOND_US, Settings
from lmgraph.witness.alerts import Alert

ANY_REACH: Final = 2**62  # the window alone bounds it
# About 20 s pass from PsExec's start to its service (WINDOWS.md); any service at all is tied to a
# movement by nearness alone, and software installs services, too.
SERVICE_REACH_US: Final = 90 * SECOND_US
# Nothing says that a connection after @file or \\* was made by that command.
FOLLOWS: Final = 0.5


@dataclass(slots=True, kw_only=True)
class Row:
    """One witness of one (source, target); codes are -1 where unknown. Times in microseconds UTC."""

    name: str  # content key of the record
    time_us: int
    source: int
    target: int
    stage: str
    side: str
    opens: bool
    proves: str
    kind: str
    origin: Origin
    of: int = -1  # index of the alert that it comes from
    alert: int = -1  # the same where the alert itself belongs to the hop
    alert_type: str | None = None
    denied: bool = False
    source_user: int = -1
    target_user: int = -1
    credential: int = -1
    certainty: float = 1.0
    process: str | None = None
    process_path: str | None = None
    object: str | None = None
    host: int = -1  # who recorded it
    user: int = -1
    flags: tuple[str, ...] = ()
    suppressed_by: str | None = None
    reach_us: int = ANY_REACH
    alternatives: tuple[tuple[int, int, float], ...] = ()


def of_alerts(alerts: Sequence[Alert], identity: Identity) -> list[Row]:
    r"""Rows of the alerts whose own record names the target; fills ``alert.targets``.

    A PsExec that names a file of hosts or all of them (``@file``, ``\\*``) gives one row without
    a target here; ``spread`` resolves it from what follows.
    """
    rows: list[Row] = []
    for index, alert in enumerate(alerts):
        if alert.host < 0:
            continue
        seen: set[int] = {alert.host}  # the host itself is no target
        for ends in _alert_targets(alert, identity):
            if ends and ends[0].host in seen:
                continue
            seen.update(end.host for end in ends[:1])
            rows.append(_alert_row(index, alert, ends, identity))
    return rows


def of_context(context: Iterable[tuple[bytes, Kept]], identity: Identity) -> list[Row]:
    """Rows of the records that are no alerts but testify to a stage (``rules.witnesses``)."""
    rows = []
    for name, row in context:
        testimony = testify(row.event)
        if testimony is None:
            continue
        made = _context_row(name.hex(), row, testimony, identity)
        if made is not None:
            rows.append(made)
    return rows


def spread(rows: list[Row], alerts: Sequence[Alert], settings: Settings) -> list[Row]:
    r"""Resolve ``@file`` and ``\\*`` from the 445 connections that follow on the same host.

    A command that nothing follows keeps its row without a target.
    """
    follows: dict[int, list[Row]] = {}
    for row in sorted(rows, key=_when):
        if row.stage == "connection" and row.side == "source" and row.target >= 0:
            follows.setdefault(row.source, []).append(row)
    out = []
    for row in rows:
        if row.target >= 0 or row.alert < 0:
            out.append(row)
            continue
        after = follows.get(row.source, [])
        start = bisect_left(after, row.time_us, key=_when)
        end = bisect_left(after, row.time_us + settings.window_us, key=_when)
        best: dict[int, float] = {}
        for other in after[start:end]:
            best[other.target] = max(best.get(other.target, 0.0), other.certainty * FOLLOWS)
        made = [replace(row, target=target, certainty=share) for target, share in sorted(best.items())]
        targets = alerts[row.alert].targets
        targets += [one.target for one in made if one.target not in targets]
        out += made or [row]
    return out


def _when(row: Row) -> int:
    return row.time_us


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
    if target >= 0 and target not in alert.targets:
        alert.targets.append(target)
    home = identity.hosts.all[target].name if target >= 0 else None
    written = alert.movement.credential if alert.movement is not None else None
    return Row(
        name=alert.key,
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
        flags=alert.flags,
        alternatives=tuple((alert.host, other.host, other.certainty) for other in ends[1:]),
    )


def _context_row(name: str, row: Kept, testimony: Testimony, identity: Identity) -> Row | None:
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
    sees_account = event.kind in {"logon", "share_server", "smb_execution", "logon_failed"}
    return Row(
        name=name,
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
        target_user=user if sees_account else -1,
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
