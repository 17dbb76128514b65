"""The plain ranking beside which the tool's is measured: what an analyst does with the alerts alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

Row = Mapping[str, Any]


def ranks(attacks: Iterable[Row], result: Row) -> dict[str, int | None]:
    """Rank of each attack by id: 1 and the number of benign groups before its first one; None: no alert.

    Alerts are grouped by source, target and UTC day; groups with more alert types come first, among
    equals those of a pair that no earlier day had, then the earlier. Alerts that the default tuning
    suppresses are left out, and targets are taken from the result, which favours this ranking.
    """
    label = {
        record: attack["id"]
        for attack in attacks
        for hop in attack["hops"]
        if hop["protocol"] == "smb"
        for record in hop["events"]
    }
    found: dict[str, int | None] = {attack["id"]: None for attack in attacks}
    benign = 0
    for group in groups(result["alerts"]):
        mine = {label[alert["event_id"]] for alert in group if alert["event_id"] in label}
        for name in mine:
            found[name] = found[name] or benign + 1
        benign += not mine
    return found


def groups(alerts: Iterable[Row]) -> list[list[Row]]:
    """The groups of alerts, first what an analyst would look at first."""
    held: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for alert in alerts:
        if alert["suppressed_by"] is None:
            for target in alert["targets"] or [""]:
                held[alert["host"] or "", target, alert["time"][:10]].append(alert)
    first_day: dict[tuple[str, str], str] = {}
    for source, target, day in held:
        first_day[source, target] = min(day, first_day.get((source, target), day))

    def order(key: tuple[str, str, str]) -> tuple[Any, ...]:
        types = {alert["alert_type"] for alert in held[key]}
        known = key[2] > first_day[key[:2]]
        return (-len(types), known, min(alert["time"] for alert in held[key]), key)

    return [held[key] for key in sorted(held, key=order)]
