"""From the stages' tables to the one document: ids by content order, rows, sentences, coverage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
import numpy.typing as npt

from lmgraph import result
from lmgraph._version import __version__
from lmgraph.assemble.alerts import alert_rows, reported
from lmgraph.assemble.coverage import Counts, Inputs, coverage_of
from lmgraph.assemble.entities import Entities, telemetry_of
from lmgraph.assemble.hops import hop_rows
from lmgraph.assemble.loose import contact_rows, session_rows, unplaced_rows
from lmgraph.assemble.movement import MovementWriter
from lmgraph.baseline import Baseline
from lmgraph.events import Partial
from lmgraph.hops import HopTable
from lmgraph.identity import Identity
from lmgraph.paths import PathTable
from lmgraph.schema import ALERT_TYPES
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
    """The document. Rows come by content, so equal records give equal bytes.

    The rows of the long sections are made when they are looked at, from the tables (``lmgraph.rows``).
    """
    identity, findings = analysis.identity, analysis.findings
    inputs = Inputs(analysis.partial)
    telemetry = telemetry_of(analysis.partial, identity)
    codes = reported(analysis)
    alerts = [findings.alerts[code] for code in codes.tolist()]
    entities = Entities(identity, *_referenced(findings, alerts), telemetry)
    hops = hop_rows(analysis, codes, entities, inputs.numbers, telemetry)
    writer = MovementWriter(analysis, entities, hops)
    kinds = Counter(alert.alert_type for alert in alerts)
    return result.ResultData(
        schema=result.SCHEMA,
        tool=result.Tool(name="lmgraph", version=__version__),
        settings=_settings_row(analysis),
        inputs=inputs.rows(),
        coverage=coverage_of(analysis.partial, inputs, _counts(analysis, alerts)),
        alert_counts={kind: kinds[kind] for kind in ALERT_TYPES},
        hosts=entities.host_rows(),
        users=entities.user_rows(),
        alerts=alert_rows(alerts, entities, inputs.numbers),
        hops=hops,
        paths=writer.path_rows(),
        incidents=writer.incident_rows(),
        unplaced=unplaced_rows(analysis, entities, inputs.numbers),
        sessions=session_rows(findings, entities),
        contacts=contact_rows(findings, entities),
    )


def _referenced(findings: Findings, alerts: Sequence[Alert]) -> tuple[set[int], set[int]]:
    """Codes of the hosts and accounts that some row of the document names."""
    hosts = {target for alert in alerts for target in alert.targets}
    by = findings.rows.columns
    hosts.update(end for others in by["alternatives"] for one in others for end in one[:2])
    users: set[int] = set()
    for name in ("source", "target", "host"):
        hosts.update(np.unique(by[name]).tolist())
    for name in ("user", "source_user", "target_user", "credential"):
        users.update(np.unique(by[name]).tolist())
    for rows, of_hosts, of_users in (
        (alerts, ("host",), ("user",)),
        (findings.sessions, ("host",), ("user",)),
        (findings.contacts, ("source", "target"), ("user",)),
    ):
        for codes, names in ((hosts, of_hosts), (users, of_users)):
            for name in names:
                codes.update(map(attrgetter(name), rows))
    return hosts, users


def _counts(analysis: Analysis, alerts: Sequence[Alert]) -> Counts:
    findings, hosts = analysis.findings, analysis.identity.hosts.all
    targets = set(analysis.hops.hops["target"].tolist())
    kept = (row.event for row in analysis.partial.kept.values())
    return Counts(
        alerts=len(alerts),
        suppressed=sum(alert.suppressed_by is not None for alert in alerts),
        unresolved_targets=sum(not hosts[target].managed for target in targets),
        rule_matches=findings.rule_matches,
        dropped_by_caps=analysis.paths.dropped_by_caps,
        absorbed=findings.absorbed,
        cloud_clock=sum(alert.event.time_basis == "cloud" for alert in alerts),
        cut=sum(alert.event.command_line_cut for alert in findings.alerts),
        hostless=sum(event.kind == "table_alert" and not event.host_name for event in kept),
        warnings=analysis.warnings,
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
