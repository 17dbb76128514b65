"""Rows of alerts, made when they are looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lmgraph import result
from lmgraph.assemble.entities import Entities, sorted_ids
from lmgraph.assemble.times import isos, isos_or_none
from lmgraph.rows import Rows
from lmgraph.rules.catalog import RULE_OF
from lmgraph.schema import COMMAND_SHOWN
from lmgraph.witness import Alert

if TYPE_CHECKING:
    from lmgraph.assemble import Analysis


def reported(analysis: Analysis) -> npt.NDArray[np.int64]:
    """Codes of the alerts of the reported hops, and of every other inside the interval asked for; ascending.

    That is by time and key, as alerts are numbered.
    """
    settings, alerts = analysis.settings, analysis.findings.alerts
    if settings.since_us is None and settings.until_us is None:
        return np.arange(len(alerts))
    times = np.array([alert.event.time_us for alert in alerts], np.int64)
    shown = np.ones(len(alerts), np.bool_)
    if settings.since_us is not None:
        shown &= times >= settings.since_us
    if settings.until_us is not None:
        shown &= times < settings.until_us
    in_hops = analysis.hops.members["alert"].to_numpy()
    shown[in_hops[in_hops >= 0]] = True
    return np.flatnonzero(shown)


def alert_rows(
    alerts: Sequence[Alert], entities: Entities, inputs: Mapping[str, int]
) -> Rows[result.AlertRow]:
    """The rows of these alerts, in their order.

    Args:
        alerts: Those that are reported.
        entities: Ids of hosts and accounts.
        inputs: Numbers of inputs by path.
    """

    def make(places: Sequence[int]) -> list[result.AlertRow]:
        chosen = [alerts[place] for place in places]
        times = isos([alert.event.time_us for alert in chosen])
        clouds = isos_or_none([alert.event.cloud_us for alert in chosen])
        return [
            _row(f"a{place}", alert, time, cloud, entities, inputs)
            for place, alert, time, cloud in zip(places, chosen, times, clouds, strict=True)
        ]

    return Rows(len(alerts), make)


def _row(
    name: str, alert: Alert, time: str, cloud: str | None, entities: Entities, inputs: Mapping[str, int]
) -> result.AlertRow:
    event, start = alert.event, alert.start
    command = start.process_command_line
    cut = start.command_line_cut or (command is not None and len(command) > COMMAND_SHOWN)
    targets, flags = alert.targets, alert.flags
    return result.AlertRow(
        id=name,
        key=alert.key,
        time=time,
        time_basis=event.time_basis,
        cloud_time=cloud,
        alert_type=alert.alert_type,
        rule_id=RULE_OF[alert.alert_type].id,
        host=entities.host_ids[alert.host],
        user=entities.user_ids[alert.user],
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
        targets=sorted_ids(targets, entities.host_places, entities.host_ids) if targets else [],
        flags=sorted({*flags, "command_line_cut"} if cut else {*flags}) if flags or cut else [],
        suppressed_by=alert.suppressed_by,
        event_id=event.event_id,
        aid=event.aid,
        copies=alert.copies,
        origin=result.OriginRow(input=inputs[alert.origin.path], record=alert.origin.record),
    )
