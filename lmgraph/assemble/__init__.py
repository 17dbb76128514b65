"""From the stages' tables to the one document: ids by content order, rows, sentences, coverage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lmgraph import result
from lmgraph._version import __version__
from lmgraph.assemble.coverage import Counts, Inputs, coverage_of
from lmgraph.assemble.entities import Entities, telemetry_of
from lmgraph.assemble.movement import MovementWriter
from lmgraph.baseline import Baseline
from lmgraph.events import Partial
from lmgraph.hops import HopTable
from lmgraph.identity import Identity
from lmgraph.paths import PathTable
from lmgraph.rules.catalog import RULE_OF
from lmgraph.schema import ALERT_TYPES, COMMAND_SHOWN
from lmgraph.settings import SECOND_US, Settings, iso
from lmgraph.witness import Alert, Findings

__all__ = ["Analysis", "assemble"]


@dataclass(slots=True, kw_only=True)
class Analysis:
    """What the stages made, ready to be written down. Scores are int64 thousandths.

    ``p_values`` go with the rows of ``paths``.
    """

    partial: Partial
    identity: Identity
    findings: Findings
    hops: HopTable
    terms: Mapping[str, npt.NDArray[np.int64]]
    paths: PathTable
    p_values: Sequence[float | None]
    settings: Settings
    baseline: Baseline | None
    assets_sha256: str | None
    tuning_sha256: str | None
    warnings: Sequence[str]


def assemble(analysis: Analysis) -> result.ResultData:
    """The document. Rows come by content, so equal records give equal bytes."""
    identity, findings = analysis.identity, analysis.findings
    inputs = Inputs(analysis.partial)
    telemetry = telemetry_of(analysis.partial, identity)
    alerts = _reported(analysis)
    entities = Entities(identity, *_referenced(analysis, alerts), telemetry)
    alert_ids = {code: f"a{place}" for place, code in enumerate(alerts)}
    writer = MovementWriter(analysis, entities, inputs, alert_ids, telemetry)
    hops = writer.hop_rows()
    paths, incidents = writer.path_rows(hops)
    alert_rows = [_alert_row(alert_ids[code], findings.alerts[code], entities, inputs) for code in alerts]
    return result.ResultData(
        schema=result.SCHEMA,
        tool=result.Tool(name="lmgraph", version=__version__),
        settings=_settings_row(analysis),
        inputs=inputs.rows(),
        coverage=coverage_of(analysis.partial, inputs, _counts(analysis, alert_rows)),
        alert_counts={kind: sum(row.alert_type == kind for row in alert_rows) for kind in ALERT_TYPES},
        hosts=entities.host_rows(),
        users=entities.user_rows(),
        alerts=alert_rows,
        hops=hops,
        paths=paths,
        incidents=incidents,
        unplaced=writer.unplaced_rows(),
        sessions=_session_rows(findings, entities),
        contacts=_contact_rows(findings, entities),
    )


def _reported(analysis: Analysis) -> list[int]:
    """Alerts of the reported hops, and every other inside the interval asked for, by time and key."""
    settings = analysis.settings
    in_hops = set(analysis.hops.members["alert"].tolist()) - {-1}
    return [
        code
        for code, alert in enumerate(analysis.findings.alerts)
        if code in in_hops
        or (
            (settings.since_us is None or alert.event.time_us >= settings.since_us)
            and (settings.until_us is None or alert.event.time_us < settings.until_us)
        )
    ]


def _referenced(analysis: Analysis, alerts: Sequence[int]) -> tuple[set[int], set[int]]:
    """Codes of the hosts and accounts that some row of the document names."""
    findings = analysis.findings
    hosts: set[int] = set()
    users: set[int] = set()
    for code in alerts:
        alert = findings.alerts[code]
        hosts.update((alert.host, *alert.targets))
        users.add(alert.user)
    for row in findings.rows:
        hosts.update((row.source, row.target, row.host))
        hosts.update(end for source, target, _ in row.alternatives for end in (source, target))
        users.update((row.user, row.source_user, row.target_user, row.credential))
    for session in findings.sessions:
        hosts.add(session.host)
        users.add(session.user)
    for contact in findings.contacts:
        hosts.update((contact.source, contact.target))
        users.add(contact.user)
    return hosts, users


def _counts(analysis: Analysis, alerts: Sequence[result.AlertRow]) -> Counts:
    findings, hosts = analysis.findings, analysis.identity.hosts.all
    targets = set(analysis.hops.hops["target"].tolist())
    kept = [row.event for row in analysis.partial.kept.values()]
    return Counts(
        alerts=len(alerts),
        suppressed=sum(row.suppressed_by is not None for row in alerts),
        unresolved_targets=sum(not hosts[target].managed for target in targets),
        rule_matches=findings.rule_matches,
        dropped_by_caps=analysis.paths.dropped_by_caps,
        absorbed=findings.absorbed,
        cloud_clock=sum(row.time_basis == "cloud" for row in alerts),
        cut=sum(alert.event.command_line_cut for alert in findings.alerts),
        hostless=sum(event.kind == "table_alert" and not event.host_name for event in kept),
        warnings=analysis.warnings,
    )


def _alert_row(name: str, alert: Alert, entities: Entities, inputs: Inputs) -> result.AlertRow:
    event, start = alert.event, alert.start
    command = start.process_command_line
    cut = start.command_line_cut or len(command or "") > COMMAND_SHOWN
    return result.AlertRow(
        id=name,
        key=alert.key,
        time=iso(event.time_us),
        time_basis=event.time_basis,
        cloud_time=None if event.cloud_us is None else iso(event.cloud_us),
        alert_type=alert.alert_type,
        rule_id=RULE_OF[alert.alert_type].id,
        host=entities.host(alert.host),
        user=entities.user(alert.user),
        process=alert.process,
        process_path=alert.process_path,
        process_id=event.process_id,
        parent_process=start.parent_process_name,
        sha256=start.process_hash_sha256,
        logon_id=event.logon_id,
        command_line=command[:COMMAND_SHOWN] if command is not None else None,
        redacted=start.redacted,
        remote_ip=event.remote_ip,
        remote_port=event.remote_port,
        targets=sorted(
            (entities.host(target) or "" for target in alert.targets), key=lambda name: int(name[1:])
        ),
        flags=sorted({*alert.flags, *(["command_line_cut"] if cut else [])}),
        suppressed_by=alert.suppressed_by,
        event_id=event.event_id,
        aid=event.aid,
        copies=alert.copies,
        origin=inputs.origin(alert.origin),
    )


def _session_rows(findings: Findings, entities: Entities) -> list[result.SessionRow]:
    made = [
        result.SessionRow(
            user=entities.user(session.user) or "",
            host=entities.host(session.host) or "",
            kind=session.kind,
            first=iso(session.first_us),
            last=iso(session.last_us),
            ended=None if session.ended_us is None else iso(session.ended_us),
            count=session.count,
        )
        for session in findings.sessions
    ]
    return sorted(made, key=lambda row: (row.first, int(row.user[1:]), int(row.host[1:]), row.kind))


def _contact_rows(findings: Findings, entities: Entities) -> list[result.ContactRow]:
    made = [
        result.ContactRow(
            source=entities.host(contact.source) or "",
            target=entities.host(contact.target) or "",
            user=entities.user(contact.user),
            days=contact.days,
            count=contact.count,
            first=iso(int(contact.times[0])),
            last=iso(int(contact.times[-1])),
        )
        for contact in findings.contacts
    ]
    return sorted(
        made, key=lambda row: (int(row.source[1:]), int(row.target[1:]), int((row.user or "u-1")[1:]))
    )


def _settings_row(analysis: Analysis) -> result.SettingsRow:
    settings = analysis.settings
    return result.SettingsRow(
        window_s=settings.window_us / SECOND_US,
        max_gap_s=None if settings.max_gap_us is None else settings.max_gap_us / SECOND_US,
        skew_s=settings.skew_us / SECOND_US,
        rules=settings.rules,
        since=None if settings.since_us is None else iso(settings.since_us),
        until=None if settings.until_us is None else iso(settings.until_us),
        tz=settings.tz,
        tuning_sha256=analysis.tuning_sha256,
        assets_sha256=analysis.assets_sha256,
        baseline_sha256=None if analysis.baseline is None else analysis.baseline.sha256,
        baseline_days=None if analysis.baseline is None else len(analysis.baseline.days),
    )
