"""Which records are alerts, once joins have named their process and user; one action, one alert."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from lmgraph.events import Kept, Partial, ordered
from lmgraph.identity import Identity
from lmgraph.names import content_key
from lmgraph.rules import corrected, literal
from lmgraph.rules.command_line import Movement, parse
from lmgraph.rules.names import process_names
from lmgraph.rules.verdict import PROGRAM_OF_ALERT, Verdict
from lmgraph.schema import SMB_PORT, AlertType, Event, Origin
from lmgraph.settings import SECOND_US, Settings

_Content = tuple[int, str | None, str | None]

SAME_ACTION_US: Final = 2 * SECOND_US  # net.exe starts net1.exe at once
SAME_RECORD_US: Final = 1 * SECOND_US  # a table row and its full record (DESIGN §4)


@dataclass(slots=True, kw_only=True)
class Alert:
    """An event that a rule matched, with what the joins gave. Codes are -1 where unknown."""

    key: str
    event: Event
    copies: int
    origin: Origin
    alert_type: AlertType
    flags: tuple[str, ...]
    opens: bool  # it can be a movement of its own; otherwise it is context of one
    host: int
    user: int
    process: str | None
    process_path: str | None
    movement: Movement | None
    start: Event  # the start of the process behind it; the alert's own event where none was read
    targets: tuple[int, ...] = ()
    suppressed_by: str | None = None


@dataclass(slots=True)
class Decided:
    """The records after all joins: alerts, what is left as context, and the counts of the rules."""

    alerts: list[Alert]
    context: list[tuple[bytes, Kept]]
    rule_matches: Counter[str]
    absorbed: int  # table rows whose full record lies beside them


def decide(partial: Partial, identity: Identity, settings: Settings) -> Decided:
    """Apply the final rules to all that was read. Every list comes in content order."""
    rule = literal.decide if settings.rules == "literal" else corrected.decide
    # What the second look brought for joins is no alert: the first look would have kept it.
    found = {name: row for name, row in partial.found.items() if row.event.kind != "process_start"}
    full: list[tuple[bytes, Kept]] = []
    tables: list[Kept] = []
    for one in ordered(found | partial.kept):
        if one[1].event.kind == "table_alert":
            tables.append(one[1])
        else:
            full.append(one)
    alerts: list[Alert] = []
    matches: Counter[str] = Counter()
    copies: Counter[bytes] = Counter()
    twins = _Twins(full if tables else (), identity)
    for row in tables:
        verdict = rule(row.event, None, None)
        twin = twins.of(row.event)
        if twin is not None:
            copies[twin] += row.copies
        if verdict.alert is not None:
            matches[verdict.alert] += row.copies
            if twin is None:
                alerts.append(_alert(row, row.copies, verdict, identity))
    context: list[tuple[bytes, Kept]] = []
    for name, row in full:
        verdict = rule(row.event, *_behind(row.event, identity))
        if verdict.alert is None:
            context.append((name, row))
            continue
        matches[verdict.alert] += row.copies
        alerts.append(_alert(row, row.copies + copies[name], verdict, identity))
    alerts = _one_per_action(alerts)
    alerts.sort(key=lambda alert: (alert.event.time_us, alert.key))
    return Decided(alerts, context, matches, absorbed=copies.total())


def _behind(event: Event, identity: Identity) -> tuple[str | None, str | None]:
    """Name and path of the process start behind a record, where a rule asks for it."""
    start = identity.process_of(event) if event.remote_port == SMB_PORT else None
    return (process_names(start), start.process_path) if start is not None else (None, None)


def _alert(row: Kept, copies: int, verdict: Verdict, identity: Identity) -> Alert:
    event = row.event
    assert verdict.alert is not None
    start = identity.process_of(event)
    program = PROGRAM_OF_ALERT.get(verdict.alert)
    process = process_names(event) or (process_names(start) if start is not None else None)
    path = event.process_path or (start.process_path if start is not None else None)
    movement = parse(program, event.process_command_line) if program is not None else None
    return Alert(
        key=_key(event, verdict.alert, process),
        event=event,
        copies=copies,
        origin=row.origin,
        alert_type=verdict.alert,
        flags=verdict.flags,
        opens=verdict.moves,
        host=identity.host_of(event),
        user=identity.user_of(event),
        process=process,
        process_path=path,
        movement=movement,
        start=start or event,
    )


def _key(event: Event, alert_type: str, process: str | None) -> str:
    """What the alert says, not how it was delivered: the same from an export and from raw data."""
    place = event.aid or (event.host_name or "").casefold()
    said = (
        # Enrichment adds an account to a record; a row of the table is told from others by it.
        event.user_name if event.kind == "table_alert" else None,
        event.process_id,
        event.process_command_line,
        event.remote_ip,
        event.remote_port,
        event.host_port,
    )
    return content_key(
        "alert", alert_type, event.cid or "", place, str(event.time_us), process or "", *map(str, said)
    )


def _one_per_action(alerts: list[Alert]) -> list[Alert]:
    """Drop a ``net1.exe`` whose ``net.exe`` is there: one action is one alert (DESIGN §5)."""
    ids: set[tuple[int, str]] = set()
    times: dict[tuple[int, str], list[int]] = {}
    for alert in alerts:
        if (alert.process or "").casefold() == "net.exe":
            ids.add((alert.host, alert.event.process_id or ""))
            times.setdefault((alert.host, _arguments(alert)), []).append(alert.event.time_us)
    for found in times.values():
        found.sort()

    def repeats(alert: Alert) -> bool:
        if (alert.process or "").casefold() != "net1.exe":
            return False
        if alert.event.parent_process_id:
            return (alert.host, alert.event.parent_process_id) in ids
        starts = times.get((alert.host, _arguments(alert)), [])
        place = bisect_left(starts, alert.event.time_us - SAME_ACTION_US)
        return place < len(starts) and starts[place] <= alert.event.time_us + SAME_ACTION_US

    return [alert for alert in alerts if not repeats(alert)]


def _arguments(alert: Alert) -> str:
    """The command line from the word ``use`` on: the two spell their program differently."""
    command = (alert.event.process_command_line or "").casefold()
    return " ".join(command.partition(" use ")[2].split())


class _Twins:
    """Finds the full record behind a classified row, which lacks every id (DESIGN §4)."""

    def __init__(self, full: Iterable[tuple[bytes, Kept]], identity: Identity) -> None:
        self._identity = identity
        self._rows: dict[_Content, list[tuple[int, bytes, Event]]] = {}
        for name, row in full:
            content = self._content(row.event)
            if content is not None:
                for clock in {row.event.time_us, row.event.cloud_us or row.event.time_us}:
                    self._rows.setdefault(content, []).append((clock, name, row.event))
        for rows in self._rows.values():
            rows.sort(key=lambda row: row[:2])

    def of(self, row: Event) -> bytes | None:
        """The digest of the nearest full record of the same action; ``None`` if there is none."""
        content = self._content(row)
        rows = self._rows.get(content, []) if content is not None else []
        start = bisect_left(rows, row.time_us - SAME_RECORD_US, key=_clock)
        end = bisect_left(rows, row.time_us + SAME_RECORD_US + 1, key=_clock)
        fits = [
            (abs(clock - row.time_us), name)
            for clock, name, event in rows[start:end]
            if row.remote_ip is None or self._same_process(row, event)
        ]
        return min(fits)[1] if fits else None

    def _content(self, event: Event) -> _Content | None:
        """What a row and its full record share: the host, and the peer or the command."""
        host = self._identity.host_of(event)
        if event.kind == "connection" or (event.kind == "table_alert" and event.remote_ip is not None):
            return (host, event.remote_ip, str(event.remote_port))
        if event.kind == "process_start" or event.kind == "table_alert":
            return (host, (process_names(event) or "").casefold(), event.process_command_line)
        return None

    def _same_process(self, row: Event, event: Event) -> bool:
        """Whether two connections can be of one process; a row without a name says nothing."""
        start = self._identity.process_of(event)
        known = process_names(event) or (process_names(start) if start is not None else None)
        return not row.process_name or known is None or row.process_name.casefold() == known.casefold()


def _clock(row: tuple[int, bytes, Event]) -> int:
    return row[0]
