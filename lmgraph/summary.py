"""What the terminal, the page and the tables say alike: look-ups, spans, sentences, next steps.

Every text that leaves this module is safe to show: names went through ``text.visible``.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from lmgraph.result import (
    AlertRow,
    Alternative,
    HopRow,
    HostRow,
    LinkRow,
    OriginRow,
    PathRow,
    ResultData,
    UserRow,
)
from lmgraph.schema import OUTCOMES, SEVERITIES, AlertType, Outcome, Severity
from lmgraph.text import visible

NAME_LIMIT: Final = 48  # characters; no Windows host or account name is longer, a hostile one may be
DEFAULT_TOP: Final = 20

OUTCOME_MEANING: Final[dict[Outcome, str]] = {
    "attempted": "tried; nothing proves that the target answered",
    "connected": "the target accepted a connection or a network logon",
    "accessed": "an admin share or a file on it was opened",
    "executed": "code ran on the target",
}
_DEED: Final[dict[AlertType, str]] = {
    "PsExecExecution": "ran PsExec against",
    "NetUseAdminShare": "mapped an admin share of",
    "SMB445Connection": "connected to port 445 of",
}
ROLE_NAME: Final[dict[str | None, str]] = {
    "workstation": "workstation",
    "server": "server",
    "dc": "domain controller",
    None: "role unknown",
}


class Lookup:
    """The rows of one result by id, and the names under which they are shown.

    Args:
        data: The result.
        limit: Most characters of a name; ``None`` cuts none.
    """

    def __init__(self, data: ResultData, limit: int | None = NAME_LIMIT) -> None:
        self._limit = limit
        self.hosts: dict[str, HostRow] = {row.id: row for row in data.hosts}
        self.users: dict[str, UserRow] = {row.id: row for row in data.users}
        self.alerts: dict[str, AlertRow] = {row.id: row for row in data.alerts}
        self.hops: dict[str, HopRow] = {row.id: row for row in data.hops}
        self._inputs = [visible(row.path) for row in data.inputs]

    def host(self, key: str | None) -> str:
        """The host's name, safe to show; ``?`` where it is unknown."""
        row = self.hosts.get(key) if key else None
        return visible(row.name, self._limit) if row else "?"

    def user(self, key: str | None) -> str:
        """The account's name, safe to show; ``?`` where it is unknown."""
        row = self.users.get(key) if key else None
        return visible(row.name, self._limit) if row else "?"

    def origin(self, origin: OriginRow) -> str:
        """``file:record``, where a record lies."""
        known = 0 <= origin.input < len(self._inputs)
        return f"{self._inputs[origin.input] if known else '?'}:{origin.record}"

    def chain(self, path: PathRow, arrow: str = "→") -> str:
        """``WS042 → SRV7 → DC1``."""
        return f" {arrow} ".join(self.host(key) for key in path.hosts)

    def reaches(self, path: PathRow) -> list[str]:
        """The path's goals, where naming them says more than the chain does."""
        said = []
        for key in path.reaches:
            host = self.hosts[key]
            worth = [ROLE_NAME["dc"]] if host.role == "dc" else []
            worth += [f"criticality {visible(host.criticality, 20)}"] if host.criticality else []
            if worth or key not in path.hosts:
                said.append(f"{self.host(key)} ({', '.join(worth)})" if worth else self.host(key))
        return said

    def accounts(self, path: PathRow) -> list[str]:
        """The path's accounts in order of appearance, explicit credentials among them."""
        names: list[str] = []
        for key in path.hops:
            hop = self.hops[key]
            names += [self.user(user) for user in (hop.source_user, hop.target_user) if user]
            names += [visible(hop.credential, self._limit)] if hop.credential else []
        names += [self.user(user) for user in path.users]
        first: dict[str, str] = {}
        for name in names:
            first.setdefault(name.casefold(), name)
        return list(first.values())


def listed(data: ResultData, top: int | None, min_severity: Severity) -> list[PathRow]:
    """The first ``top`` paths (all if ``None``) of at least that severity, in order of rank."""
    paths = [path for path in data.paths if at_least(path.severity, min_severity)]
    return paths if top is None else paths[:top]


def at_least(severity: Severity, least: Severity) -> bool:
    """Whether a severity is that or a graver one."""
    return SEVERITIES.index(severity) >= SEVERITIES.index(least)


def clock(iso: str) -> str:
    """``2026-05-04 08:00:12Z``: a time cut to the second, never rounded up."""
    return f"{iso[:10]} {iso[11:19]}Z"


def exact(iso: str) -> str:
    """``2026-05-04 08:00:12.345Z``: a time cut to the millisecond."""
    return f"{iso[:10]} {iso[11:23]}Z"


def span(first: str, last: str) -> str:
    """How long it is between two times of a result, in the two largest fitting units."""
    delta = dt.datetime.fromisoformat(last) - dt.datetime.fromisoformat(first)
    return duration(delta.total_seconds())


def when(first: str, last: str) -> str:
    """``2026-05-04 08:00:12Z, 6 min 52 s``; without the span where it is shorter than a second."""
    lasted = span(first, last)
    return clock(first) if lasted == "0 s" else f"{clock(first)}, {lasted}"


def duration(seconds: float) -> str:
    """``52 s``, ``7 min 05 s``, ``40 min``, ``3 h 05 min``, ``2 d 4 h``; a negative one keeps its sign."""
    sign, whole = ("-" if seconds < 0 else ""), int(abs(seconds))
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if whole < 60:
        return f"{sign}{whole} s"
    if minutes < 10:
        return f"{sign}{minutes} min {whole % 60:02} s"
    if minutes < 60:
        return f"{sign}{minutes} min"
    return f"{sign}{hours} h {minutes % 60:02} min" if hours < 48 else f"{sign}{days} d {hours % 24} h"


def certainty(value: float) -> str:
    """``0.45, one of several explanations``: the figure and what it means."""
    if value >= 0.9:
        return f"{value:.2f}, no other explanation fits as well"
    if value >= 0.5:
        return f"{value:.2f}, the likeliest explanation"
    return f"{value:.2f}, one of several explanations"


def number(count: int, thing: str, things: str | None = None) -> str:
    """``1 record``, ``1,200 records``."""
    return f"{count:,} {thing if count == 1 else things or thing + 's'}"


def several(names: Iterable[str], most: int = 6) -> str:
    """The names, comma-separated; how many there are beyond the first ``most``."""
    names = list(names)
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest:,} more" if rest > 0 else "")


def what_was_read(data: ResultData) -> str:
    """One sentence: inputs, records, the time they cover, and what could not be read."""
    cover = data.coverage
    firsts = [row.first for row in data.inputs if row.first]
    lasts = [row.last for row in data.inputs if row.last]
    said = f"Read {number(cover.records, 'record')} from {number(len(data.inputs), 'input')}"
    if firsts and lasts:
        said += f", {clock(min(firsts))} to {clock(max(lasts))}"
    truncated = sum(row.truncated for row in data.inputs)
    troubles = [
        number(cover.rejected, "record") + " rejected" if cover.rejected else "",
        number(truncated, "truncated input") if truncated else "",
        number(len(cover.unknown_files), "file") + " of no known format" if cover.unknown_files else "",
        number(cover.duplicates, "duplicate") if cover.duplicates else "",
    ]
    return said + "".join(f"; {trouble}" for trouble in troubles if trouble) + "."


def what_was_found(data: ResultData) -> str:
    """One sentence: alerts by type, hops, paths, incidents; plain words when there is none."""
    if not data.coverage.alerts and not data.hops:
        return (
            "No lateral movement was found: none of the three rules matched, "
            "and no execution or admin share was seen."
        )
    counts = several(f"{name} {count:,}" for name, count in data.alert_counts.items() if count)
    alerts = number(data.coverage.alerts, "alert") + (f" ({counts})" if counts else "")
    found = [
        number(len(data.hops), "hop"),
        number(len(data.paths), "path"),
        number(len(data.incidents), "incident"),
    ]
    return f"Found {alerts}, {', '.join(found)}."


def warnings(data: ResultData) -> list[tuple[str, str]]:
    """What limits the answer, as (severity, text); the gravest first, else as the result has them."""
    rows = [(notice.severity, visible(notice.message)) for notice in data.coverage.notices]
    rows += [("medium", visible(text)) for text in data.coverage.warnings]
    for thing, count in data.coverage.dropped_by_caps.items():
        if count:
            rows.append(("medium", f"{count:,} {visible(thing).replace('_', ' ')} left out by a limit"))
    if data.coverage.unresolved_targets:
        targets = number(data.coverage.unresolved_targets, "target")
        rows.append(("low", f"{targets} could not be matched with a known host"))
    return sorted(rows, key=lambda row: -SEVERITIES.index(row[0]))


def alternatives(names: Lookup, found: Sequence[Alternative]) -> list[str]:
    """``WS042 → SRV8 (0.40)`` for each other pair of hosts that the evidence fits."""
    return [f"{names.host(row.source)} → {names.host(row.target)} ({row.certainty:.2f})" for row in found]


def link_into(path: PathRow, hop: str) -> LinkRow | None:
    """The link that leads to that hop of the path; none leads to its first."""
    return next((link for link in path.links if link.to == hop), None)


def next_steps(names: Lookup, paths: Sequence[PathRow]) -> list[str]:
    """What a responder does next, from the evidence of these paths; nothing that was not seen.

    Paths below ``medium`` count only when there is no graver one; then the first of them does.
    """
    grave = [path for path in paths if at_least(path.severity, "medium")] or list(paths[:1])
    hops = [names.hops[key] for key in dict.fromkeys(key for path in grave for key in path.hops)]
    steps = _hosts_to_visit(names, hops)
    accounts = list(dict.fromkeys(name for path in grave for name in names.accounts(path)))
    if accounts:
        steps.append(f"Reset or watch the accounts that were used: {several(accounts)}.")
    blind = dict.fromkeys(names.host(hop.target) for hop in hops if hop.target_visibility == "none")
    if blind:
        steps.append(f"Collect logs from {several(blind)}: nothing here tells what happened there.")
    return steps


def loose_ends(data: ResultData) -> list[str]:
    """A sentence on the witnesses that no hop could take, if there are any."""
    if not data.unplaced:
        return []
    counts = Counter(visible(row.reason) for row in data.unplaced)
    why = several(f"{reason} {count:,}" for reason, count in sorted(counts.items()))
    return [f"Look at what fits no hop ({why}): `unplaced` in the JSON."]


def hop_sentence(names: Lookup, hop: HopRow) -> str:
    """Say it: ``alice on WS042 ran PsExec against SRV7 as adm: code ran on the target.``."""
    deeds = [_DEED[kind] for kind in hop.alert_types] or ["reached"]
    did = deeds[0] if len(deeds) == 1 else ", ".join(deeds[:-1]) + " and " + deeds[-1]
    who = names.user(hop.source_user) if hop.source_user else "An unknown account"
    credential = f" as {visible(hop.credential, NAME_LIMIT)}" if hop.credential else ""
    said = f"{who} on {names.host(hop.source)} {did} {names.host(hop.target)}{credential}"
    return f"{said}: {OUTCOME_MEANING[hop.outcome]}."


def _hosts_to_visit(names: Lookup, hops: Sequence[HopRow]) -> list[str]:
    reached = {hop.target for hop in hops}
    because: dict[str, str] = {}
    for hop in hops:
        because.setdefault(
            hop.source, "it moved on from there" if hop.source in reached else "it starts there"
        )
    because |= {hop.target: "code ran there" for hop in hops if hop.outcome == "executed"}
    isolate: list[str] = []
    keep: list[str] = []
    for host, reason in because.items():
        row = names.hosts.get(host)
        (keep if row and row.role == "dc" else isolate).append(f"{names.host(host)} ({reason})")
    furthest: dict[str, Outcome] = {}
    for hop in (hop for hop in hops if hop.target not in because):
        furthest[hop.target] = max(furthest.get(hop.target, "attempted"), hop.outcome, key=OUTCOMES.index)
    verify = [f"{names.host(host)} ({outcome})" for host, outcome in furthest.items()]
    steps = [f"Isolate and examine {several(isolate)}."] if isolate else []
    steps += [f"Examine without cutting off: {several(keep)}; a domain controller."] if keep else []
    return steps + ([f"Verify {several(verify)}: no code is proved to have run."] if verify else [])
