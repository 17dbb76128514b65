"""What the terminal, the page and the tables say alike: look-ups, the choice of rows, spans, sentences.

Every text that leaves this module is safe to show: names went through ``text.visible``.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Final, Generic, NamedTuple, TypeVar

from lmgraph.result import (
    AlertRow,
    Alternative,
    HopRow,
    HostRow,
    IncidentRow,
    LinkRow,
    OriginRow,
    PathRow,
    ResultData,
    UserRow,
)
from lmgraph.rows import Rows, batches, column, take
from lmgraph.schema import SEVERITIES, AlertType, Outcome, Severity, at_least
from lmgraph.text import visible

Row = TypeVar("Row", AlertRow, HopRow)

STDIN: Final = "standard input"
NAME_LIMIT: Final = 48  # characters; no Windows host or account name is longer, a hostile one may be
DEFAULT_TOP: Final = 20

OUTCOME_MEANING: Final[dict[Outcome, str]] = {
    "attempted": "tried; nothing proves that the target answered",
    "connected": "the target accepted a connection or a network logon",
    "accessed": "an admin share or a file on it was opened",
    "executed": "code ran on the target",
}
_DEED: Final[dict[AlertType, tuple[str, str]]] = {  # with the target's name behind it; after another
    "PsExecExecution": ("ran PsExec against", "ran PsExec against it"),
    "NetUseAdminShare": ("mapped an admin share of", "mapped its admin share"),
    "SMB445Connection": ("connected to port 445 of", "connected to its port 445"),
}
# What a cap of the engine left out: how many, and which cap; a test holds the figures together.
CAPS: Final[dict[str, str]] = {
    "paths": "{0} not listed: the best 20 of each incident are, and its `hops` hold them all",
    "related": "related incidents may be missing, {0} not compared: each use of a host is with the next 32",
    "link_candidates": "{0} not weighed as the cause of a later one: the latest 256 into its host are, "
    "out of 4,096",
}
_CAP_THINGS: Final = {"paths": "path", "related": "pair", "link_candidates": "earlier hop"}
_DIGITS: Final = 16  # of an id's number; one with more is no place
_WAY_IN: Final = ("id", "source", "first", "last")
SHORT_HISTORY: Final = "too little history"  # how the warning on it begins
ROLE_NAME: Final[dict[str | None, str]] = {
    "workstation": "workstation",
    "server": "server",
    "dc": "domain controller",
    None: "role unknown",
}


class Move(NamedTuple):
    """What of a hop tells who went where and how far."""

    source: str
    target: str
    source_user: str | None
    target_user: str | None
    credential: str | None
    outcome: Outcome
    target_visibility: str


class ById(Generic[Row]):
    """Rows by id, each made when it is asked for; ``analyze`` numbers ids in the order of the rows."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows: Sequence[Row] = rows
        self._held: dict[str, Row] = {}

    def __getitem__(self, key: str) -> Row:
        return self._held[key] if key in self._held else self._rows[self.place(key)]

    def hold(self, keys: Iterable[str]) -> None:
        """Make these rows at once, and let go of those that were held: one at a time is slow."""
        keys = list(dict.fromkeys(keys))
        self._held = dict(zip(keys, self.several(keys), strict=True))

    def several(self, keys: Sequence[str]) -> Iterator[Row]:
        """The rows of these ids, in their order."""
        for batch in batches(keys):
            yield from take(self._rows, [self.place(key) for key in batch])

    def place(self, key: str) -> int:
        """Where the row of that id stands.

        Raises:
            KeyError: There is none.
        """
        number = key[1:]
        place = int(number) if number.isdecimal() and len(number) < _DIGITS else len(self._rows)
        if place < len(self._rows) and (isinstance(self._rows, Rows) or self._rows[place].id == key):
            return place
        return self._places[key]

    @cached_property
    def _places(self) -> dict[str, int]:
        """For a document that numbers them otherwise."""
        return {key: place for place, key in enumerate(column(self._rows, "id"))}


class Lookup:
    """The rows of one result by id, and the names under which they are shown.

    Args:
        data: The result.
        limit: Most characters of a name; ``None`` cuts none.
    """

    def __init__(self, data: ResultData, limit: int | None = NAME_LIMIT) -> None:
        self._limit = limit
        self._data = data
        self.hosts: dict[str, HostRow] = {row.id: row for row in data.hosts}
        self.users: dict[str, UserRow] = {row.id: row for row in data.users}
        self.alerts: ById[AlertRow] = ById(data.alerts)
        self.hops: ById[HopRow] = ById(data.hops)
        self.incidents: dict[str, IncidentRow] = {row.id: row for row in data.incidents}
        self._ways_in: dict[str, list[tuple[str, str, str, str]]] = {}
        self._inputs = [STDIN if row.path == "-" else visible(row.path) for row in data.inputs]

    def hold(self, paths: Iterable[PathRow]) -> None:
        """Have the hops of these paths ready."""
        self.hops.hold(key for path in paths for key in path.hops)

    def moves(self, incident: IncidentRow) -> list[Move]:
        """The incident's hops in order of time, but for what the tuning sanctions."""
        hops = self._data.hops
        places = in_time(hops, [self.hops.place(key) for key in incident.hops])
        suppressed = column(hops, "suppressed", places)
        places = [place for place, quiet in zip(places, suppressed, strict=True) if not quiet]
        return [
            Move(*values)
            for values in zip(*(column(hops, name, places) for name in Move._fields), strict=True)
        ]

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

    def sources_before(self, hop: HopRow, but: str) -> list[str]:
        """Where else an actor may have come from: sources of hops into that one's source, within the gap.

        The latest first; the hop of the id ``but`` is left out.
        """
        max_gap_s = self._data.settings.max_gap_s
        return [
            source
            for key, source, first, last in self._into(hop.source)
            if key != but
            and first <= hop.first
            and source != hop.target
            and (max_gap_s is None or _seconds(last, hop.first) <= max_gap_s)
        ]

    def _into(self, host: str) -> list[tuple[str, str, str, str]]:
        """Id, source, first and last of the hops into a host, the latest first."""
        if host not in self._ways_in:
            places = in_time(self._data.hops, self._places_into.get(host, []))[::-1]
            columns = (column(self._data.hops, name, places) for name in _WAY_IN)
            self._ways_in[host] = list(zip(*columns, strict=True))
        return self._ways_in[host]

    @cached_property
    def _places_into(self) -> dict[str, list[int]]:
        """The places of the hops into each host."""
        into: dict[str, list[int]] = {}
        for place, target in enumerate(column(self._data.hops, "target")):
            into.setdefault(target, []).append(place)
        return into

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
        return self.accounts_of([self.hops[key] for key in path.hops], path.users)

    def accounts_of(self, hops: Iterable[HopRow | Move], users: Iterable[str]) -> list[str]:
        """The hops' accounts in order of appearance, explicit credentials among them; then the users."""
        names: list[str] = []
        for hop in hops:
            names += [self.user(user) for user in (hop.source_user, hop.target_user) if user]
            names += [visible(hop.credential, self._limit)] if hop.credential else []
        names += [self.user(user) for user in users]
        first: dict[str, str] = {}
        for name in names:
            first.setdefault(name.casefold(), name)
        return list(first.values())


class Shown(NamedTuple):
    """A path that is shown first, those that it stands for, and what no row shows of its incident.

    Attributes:
        path: The path.
        alike: Those of its incident and severity that differ from it in the last host alone.
        others: On the incident's first row, its paths that are in no row.
    """

    path: PathRow
    alike: list[PathRow]
    others: list[PathRow]


def ranked(data: ResultData, top: int | None, min_severity: Severity) -> list[PathRow]:
    """The first ``top`` paths (all if ``None``) of at least that severity, in order of rank."""
    paths = [path for path in data.paths if at_least(path.severity, min_severity)]
    return paths if top is None else paths[:top]


def shown(data: ResultData, top: int | None, min_severity: Severity) -> list[Shown]:
    """What the terminal and the page show first: ``top`` rows (all if ``None``), incident by incident.

    Each incident's best path comes before any second one of another: one attack that reached a
    hundred hosts must not hide the next. Paths of one incident and severity that differ only in
    their last host are one row.
    """
    rows: dict[tuple[str, str, tuple[str, ...]], Shown] = {}
    fitting = _fitting(data, min_severity)
    for path in fitting:
        kind = (path.incident, path.severity, tuple(path.hosts[:-1]))
        if kind in rows:
            rows[kind].alike.append(path)
        else:
            rows[kind] = Shown(path, [], [])
    place = {row.id: row.rank for row in data.incidents}
    best: dict[str, int] = {}
    for row in rows.values():
        best.setdefault(row.path.incident, row.path.rank)

    def order(row: Shown) -> tuple[int, int]:
        return place[row.path.incident], row.path.rank

    first = sorted((row for row in rows.values() if best[row.path.incident] == row.path.rank), key=order)
    further = [row for row in rows.values() if best[row.path.incident] != row.path.rank]
    chosen = sorted([*first, *further][:top], key=order)
    told = {path.id for row in chosen for path in (row.path, *row.alike)}
    first_of = {row.path.incident: row for row in reversed(chosen)}
    for path in fitting:
        if path.id not in told and path.incident in first_of:
            first_of[path.incident].others.append(path)
    return chosen


def _fitting(data: ResultData, min_severity: Severity) -> list[PathRow]:
    """The paths of at least that severity, and the best one of each incident that has it as a whole."""
    fit = {row.id for row in data.incidents if at_least(row.severity, min_severity)}
    found = []
    for path in data.paths:
        if at_least(path.severity, min_severity) or path.incident in fit:
            found.append(path)
            fit.discard(path.incident)
    return found


def not_shown(data: ResultData, rows: Sequence[Shown], min_severity: Severity) -> list[str]:
    """What is said of the incidents that are in no row, and which option brings them; they are counted."""
    seen = {row.path.incident for row in rows}
    fit = {path.incident for path in _fitting(data, min_severity)}
    left = [incident for incident in data.incidents if incident.id not in seen]
    cut = [incident for incident in left if incident.id in fit]
    slight = [incident for incident in left if incident.id not in fit]
    said = [f"{_further(cut)}: --top {len(fit)} shows the best path of each."] if cut else []
    return said + ([f"{_further(slight)}: not shown, for --min-severity {min_severity}."] if slight else [])


def _further(incidents: Sequence[IncidentRow]) -> str:
    """``3 further incidents (1 critical, 2 low)``."""
    counts = Counter(incident.severity for incident in incidents)
    graded = ", ".join(f"{counts[name]:,} {name}" for name in reversed(SEVERITIES) if counts[name])
    return f"{number(len(incidents), 'further incident')} ({graded})"


def clock(iso: str) -> str:
    """``2026-05-04 08:00:12Z``: a time cut to the second, never rounded up."""
    return f"{iso[:10]} {iso[11:19]}Z"


def exact(iso: str) -> str:
    """``2026-05-04 08:00:12.345Z``: a time cut to the millisecond."""
    return f"{iso[:10]} {iso[11:23]}Z"


def span(first: str, last: str) -> str:
    """How long it is between two times of a result, in the two largest fitting units."""
    return duration(_seconds(first, last))


def _seconds(first: str, last: str) -> float:
    return (dt.datetime.fromisoformat(last) - dt.datetime.fromisoformat(first)).total_seconds()


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
    """``0.45, one of several explanations``: the figure of a hop or a link and what it means."""
    if value >= 0.9:
        return f"{value:.2f}, no other explanation fits as well"
    if value >= 0.5:
        return f"{value:.2f}, the likeliest explanation"
    return f"{value:.2f}, one of several explanations"


def doubts(names: Lookup, path: PathRow) -> list[str]:
    """Why the path is less than certain: one sentence for each of its hops and links that is."""
    said = []
    for key in path.hops:
        hop = names.hops[key]
        link = link_into(path, key)
        if link is not None and link.certainty < 0.995:
            causes = _other_causes(names, link.from_, hop)
            host = names.host(hop.source)
            said.append(
                f"{link.certainty:.2f} sure that the step out of {host} followed the way in: it may {causes}"
            )
        if hop.certainty < 0.995:
            others = several(alternatives(names, hop.alternatives), 3)
            instead = f": it may be {others}" if others else ", inferred from addresses or times"
            ends = f"{names.host(hop.source)} → {names.host(hop.target)}"
            said.append(f"{hop.certainty:.2f} sure that {ends} are the right two hosts{instead}")
    return said


def _other_causes(names: Lookup, before: str, hop: HopRow) -> str:
    """What else may have led to a hop than the one before it: what came in earlier, or nothing."""
    rivals = several(dict.fromkeys(map(names.host, dict.fromkeys(names.sources_before(hop, before)))), 3)
    earlier = f"have followed an earlier hop from {rivals}, or " if rivals else ""
    return f"{earlier}have begun there"


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
    baseline = data.settings.baseline_days
    troubles = [
        number(cover.rejected, "record") + " rejected" if cover.rejected else "",
        number(truncated, "truncated input") if truncated else "",
        number(len(cover.unknown_files), "file") + " of no known format" if cover.unknown_files else "",
        number(cover.duplicates, "duplicate") if cover.duplicates else "",
        f"history from a baseline of {number(baseline, 'day')}" if baseline else "",
    ]
    return said + "".join(f"; {trouble}" for trouble in troubles if trouble) + "."


def what_was_found(data: ResultData) -> str:
    """One sentence: alerts by type, hops, paths, incidents; plain words when there is none."""
    if not data.coverage.alerts and not data.hops:
        return _nothing(data)
    counts = several(f"{name} {count:,}" for name, count in data.alert_counts.items() if count)
    alerts = number(data.coverage.alerts, "alert") + (f" ({counts})" if counts else "")
    found = [
        number(len(data.hops), "hop"),
        number(len(data.paths), "path"),
        number(len(data.incidents), "incident"),
    ]
    return f"Found {alerts}, {', '.join(found)}."


def _nothing(data: ResultData) -> str:
    """What it means that there is neither alert nor hop; nothing is denied that may have been there."""
    asked = interval(data)
    said = f"No lateral movement was found{asked}: none of the three rules matched{' there' if asked else ''}"
    seen = [row for row in data.unplaced if row.stage != "connection"]
    if seen:
        said += f", but executions or admin shares were seen that fit no movement ({len(seen):,})"
    elif not asked:
        said += ", and no execution or admin share was seen"
    matched = sum(data.coverage.rule_matches.values())
    outside = f" Outside of it they matched {number(matched, 'record')}." if asked and matched else ""
    return f"{said}.{outside}"


def interval(data: ResultData) -> str:
    """`` from 2026-05-04 08:00:00Z until 2026-05-05 00:00:00Z``, as asked for; empty if it was not."""
    since, until = data.settings.since, data.settings.until
    return (f" from {clock(since)}" if since else "") + (f" until {clock(until)}" if until else "")


def without_paths(data: ResultData) -> str:
    """Why there are hops and no path; empty where there is a path or no hop."""
    if data.paths or not data.hops:
        return ""
    count = len(data.hops)
    suppressed = sum(column(data.hops, "suppressed"))
    none = "The one hop does not score" if count == 1 else f"None of the {count:,} hops scores"
    said = f"{none} above 0, so there is no path to rank"
    if suppressed:
        said += f" ({suppressed:,} suppressed by the tuning)"
    if any(SHORT_HISTORY in text for text in data.coverage.warnings):
        said += "; there is too little history before them to tell new from usual"
    return f"{said}."


def alerts_of(hop: HopRow) -> str:
    """The alert types of a hop; what it rests on where it has none."""
    return ", ".join(hop.alert_types) or "no alert: seen by the target or the wire alone"


def hops_in_time(data: ResultData, top: int | None = None) -> list[HopRow]:
    """The first ``top`` hops (all if ``None``) in order of time."""
    return take(data.hops, in_time(data.hops, range(len(data.hops)))[:top])


def in_time(hops: Sequence[HopRow], places: Sequence[int]) -> Sequence[int]:
    """The places in order of time; rows that are made come so."""
    if isinstance(hops, Rows):
        return places if isinstance(places, range) else sorted(places)
    return sorted(places, key=lambda place: (hops[place].first, hops[place].key))


def warnings(data: ResultData) -> list[tuple[Severity, str]]:
    """What limits the answer, as (severity, text); the gravest first, else as the result has them.

    Files of no known format are the least of it: one line, ``informational``, the last.
    """
    rows: list[tuple[Severity, str]] = []
    rows += [(notice.severity, visible(notice.message)) for notice in data.coverage.notices]
    rows += [("medium", visible(text)) for text in data.coverage.warnings]
    rows += [("medium", _cut(cap, count)) for cap, count in data.coverage.dropped_by_caps.items() if count]
    if data.coverage.unresolved_targets:
        targets = number(data.coverage.unresolved_targets, "target")
        rows.append(("low", f"{targets} could not be matched with a known host"))
    if data.coverage.unknown_files:
        count = number(len(data.coverage.unknown_files), "file")
        named = several((visible(path) for path in data.coverage.unknown_files), 4)
        rows.append(("informational", f"{count} of no known format: {named}"))
    return sorted(rows, key=lambda row: -SEVERITIES.index(row[0]))


def limits(data: ResultData) -> list[tuple[Severity, str]]:
    """The warnings but for the informational ones."""
    return [row for row in warnings(data) if row[0] != "informational"]


def _cut(cap: str, count: int) -> str:
    """What a cap of the engine left out."""
    sentence = CAPS.get(cap, f"{{0}} left out by the limit {visible(cap)}")
    left_out = sentence.format(number(count, _CAP_THINGS.get(cap, "row")))
    return f"{left_out} (a fixed limit: --top and JSON do not change it)"


def related(names: Lookup, incident: IncidentRow) -> str:
    """``incident 4``, ``incidents 2, 4``: those that may belong to it; empty if none may."""
    ranks = sorted(names.incidents[key].rank for key in incident.related if key in names.incidents)
    if not ranks:
        return ""
    return ("incident " if len(ranks) == 1 else "incidents ") + several(map(str, ranks))


def alternatives(names: Lookup, found: Sequence[Alternative]) -> list[str]:
    """``WS042 → SRV8 (0.40)`` for each other pair of hosts that the evidence fits."""
    return [f"{names.host(row.source)} → {names.host(row.target)} ({row.certainty:.2f})" for row in found]


def link_into(path: PathRow, hop: str) -> LinkRow | None:
    """The link that leads to that hop of the path; none leads to its first."""
    return next((link for link in path.links if link.to == hop), None)


def loose_ends(data: ResultData) -> list[str]:
    """A sentence on the witnesses that no hop could take, if there are any."""
    if not data.unplaced:
        return []
    counts = Counter(visible(row.reason) for row in data.unplaced)
    why = several(f"{reason} {count:,}" for reason, count in sorted(counts.items()))
    return [f"Look at what fits no hop ({why}): `unplaced` in the JSON."]


def hop_sentence(names: Lookup, hop: HopRow) -> str:
    """Say it: ``alice on WS042 ran PsExec against SRV7 as adm and mapped its admin share: code ran …``."""
    deeds = list(hop.alert_types)
    target = names.host(hop.target)
    did = [f"{_DEED[deeds[0]][0] if deeds else 'reached'} {target}"]
    did[0] += f" as {visible(hop.credential, NAME_LIMIT)}" if hop.credential else ""
    did += [_DEED[kind][1] for kind in deeds[1:]]
    all_of_it = did[0] if len(did) == 1 else ", ".join(did[:-1]) + " and " + did[-1]
    who = names.user(hop.source_user) if hop.source_user else "An unknown account"
    return f"{who} on {names.host(hop.source)} {all_of_it}: {OUTCOME_MEANING[hop.outcome]}."
