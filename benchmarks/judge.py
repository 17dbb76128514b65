"""Holds a result against the truth: what was found, whether it is right, and where it ranks.

Pure functions of two documents: ``truth.json`` (docs/simulate.md) and the result (docs/result.md).
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from benchmarks import plain

Row = Mapping[str, Any]
#: Two witnesses of one hop are less than a window of 15 minutes apart, and clocks off by up to 25 s.
SLACK: Final = dt.timedelta(minutes=16)
#: Outcomes from the least to the furthest, as the contract orders them.
OUTCOMES: Final = ("attempted", "connected", "accessed", "executed")
HIGH: Final = frozenset({"high", "critical"})


class Best(msgspec.Struct, frozen=True, kw_only=True):
    """The incident that holds most of an attack.

    Attributes:
        rank: 1 and the number of false incidents above it; the document's own rank is ``rank_shown``.
        share: Which part of the attack's hops in the result it holds.
        purity: Which part of its hops is of this attack.
        others: Which part is of other attacks and not of this one; the rest is of none.
        own: No other attack has more hops in it.
        origin_listed: The host at which the attack began is among its origins.
        origin_first: It is the first host of the incident's best path.
    """

    rank: int
    rank_shown: int
    score: float
    severity: str
    hops: int
    share: float
    purity: float
    others: float
    own: bool
    origin_listed: bool
    origin_first: bool


class Attack(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one attack.

    Attributes:
        hops: Hops over SMB that left something to see; of these:
        found: Those that the result has.
        missed: Ids of the others.
        outcomes_right: Found ones whose outcome is right.
        judged: Those of which the result lists an alert; of these:
        rightly_placed: Those whose every listed alert stands in a hop between the right hosts.
        misplaced: Ids of the others.
        invisible: Hops over SMB that left neither an alert nor a record on the target.
        invisible_found: Those that the result has all the same.
        best: The incident with most of the attack; None without any.
        plain_rank: The attack's rank in the plain ranking; None where it left no alert.
    """

    id: str
    scenario: str
    hops: int
    found: int
    missed: tuple[str, ...]
    outcomes_right: int
    judged: int
    rightly_placed: int
    misplaced: tuple[str, ...]
    invisible: int
    invisible_found: int
    best: Best | None
    plain_rank: int | None


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one world. A false incident holds no hop of any attack; ``high``: or above.

    Attributes:
        hops: Hops in the result; of these ``hops_true`` are between hosts that really spoke SMB that day.
        high_hops: Hops in incidents of ``high``; of these ``high_hops_true`` are of an attack.
        high_incidents: Incidents of ``high``; ``high_incidents_true`` of these are not false.
        false_incidents: False incidents of any severity.
    """

    attacks: tuple[Attack, ...]
    hops: int
    hops_true: int
    incidents: int
    false_incidents: int
    high_hops: int
    high_hops_true: int
    high_incidents: int
    high_incidents_true: int


def judge(truth: Row, result: Row) -> Verdict:
    """The verdict on a result, given the truth about the world that it was made of."""
    seen = _Seen(result)
    matched = _matched(truth, seen)
    of = _by_attack(truth, matched)
    true = frozenset().union(*of.values())
    incidents = sorted(result["incidents"], key=lambda incident: incident["rank"])
    false = [incident for incident in incidents if true.isdisjoint(incident["hops"])]
    high = [incident for incident in incidents if incident["severity"] in HIGH]
    high_hops = [hop for incident in high for hop in incident["hops"]]
    ranks = plain.ranks(truth["attacks"], result)
    return Verdict(
        attacks=tuple(
            _attack(attack, seen, matched, best(attack, of, seen, false), ranks[attack["id"]])
            for attack in truth["attacks"]
        ),
        hops=len(result["hops"]),
        hops_true=len(true | seen.ordinary(truth)),
        incidents=len(incidents),
        false_incidents=len(false),
        high_hops=len(high_hops),
        high_hops_true=sum(hop in true for hop in high_hops),
        high_incidents=len(high),
        high_incidents_true=sum(not true.isdisjoint(incident["hops"]) for incident in high),
    )


def hops_of(truth: Row, result: Row) -> dict[str, frozenset[str]]:
    """Ids of the result's hops that are of each attack, by the attack's id."""
    return _by_attack(truth, _matched(truth, _Seen(result)))


def _matched(truth: Row, seen: _Seen) -> dict[str, tuple[str, ...]]:
    """Ids of the result's hops that each of the attacks' hops may be, by the latter's id."""
    return {hop["id"]: seen.matching(hop) for attack in truth["attacks"] for hop in moves(attack)}


def _by_attack(truth: Row, matched: Mapping[str, tuple[str, ...]]) -> dict[str, frozenset[str]]:
    return {
        attack["id"]: frozenset(name for hop in moves(attack) for name in matched[hop["id"]])
        for attack in truth["attacks"]
    }


def moves(attack: Row) -> list[Row]:
    """The attack's hops over SMB."""
    return [hop for hop in attack["hops"] if hop["protocol"] == "smb"]


def invisible(hop: Row) -> bool:
    """Whether the hop leaves neither an alert nor a record on the target, so that nothing can show it.

    Between two hosts without a sensor no way of moving leaves a record at all.
    """
    return not hop["events"] or (hop["how"] == "copy, sc" and not hop["target_managed"])


def short(name: str) -> str:
    """The host's short name in upper case; an address as it is."""
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name.partition(".")[0].upper()


def names(hop: Row, end: str) -> set[str]:
    """What the host at that end (``source``, ``target``) may be called: without a sensor also its address."""
    return {hop[end].upper()} | (set() if hop[f"{end}_managed"] else {hop[f"{end}_ip"]})


def best(attack: Row, of: Mapping[str, frozenset[str]], seen: _Seen, false: Iterable[Row]) -> Best | None:
    """The incident with most of the attack's hops; of equal ones that which ranks higher.

    Args:
        attack: The attack.
        of: Ids of the result's hops that are of each attack, by the attack's id.
        seen: The result.
        false: The false incidents.
    """
    mine = of[attack["id"]]
    held = {row["id"]: len(mine.intersection(row["hops"])) for row in seen.result["incidents"]}
    if not any(held.values()):
        return None
    row = min(seen.result["incidents"], key=lambda row: (-held[row["id"]], row["rank"]))
    other = [hops.intersection(row["hops"]) for name, hops in of.items() if name != attack["id"]]
    began = names(moves(attack)[0], "source")
    paths = [path for path in seen.result["paths"] if path["incident"] == row["id"]]
    first = min(paths, key=lambda path: path["rank"])["hosts"][0] if paths else None
    return Best(
        rank=1 + sum(each["rank"] < row["rank"] for each in false),
        rank_shown=row["rank"],
        score=row["score"],
        severity=row["severity"],
        hops=len(row["hops"]),
        share=held[row["id"]] / len(mine),
        purity=held[row["id"]] / len(row["hops"]),
        others=len(frozenset().union(*other) - mine) / len(row["hops"]),
        own=all(len(hops) <= held[row["id"]] for hops in other),
        origin_listed=any(seen.called[host] in began for host in row["origin_hosts"]),
        origin_first=first is not None and seen.called[first] in began,
    )


def _attack(
    attack: Row,
    seen: _Seen,
    matched: Mapping[str, tuple[str, ...]],
    incident: Best | None,
    plain_rank: int | None,
) -> Attack:
    visible = [hop for hop in moves(attack) if not invisible(hop)]
    hidden = [hop for hop in moves(attack) if invisible(hop)]
    placed = {hop["id"]: seen.rightly_placed(hop) for hop in visible}
    return Attack(
        id=attack["id"],
        scenario=attack["scenario"],
        hops=len(visible),
        found=sum(bool(matched[hop["id"]]) for hop in visible),
        missed=tuple(hop["id"] for hop in visible if not matched[hop["id"]]),
        outcomes_right=_outcomes_right(attack, seen, matched, visible),
        judged=sum(right is not None for right in placed.values()),
        rightly_placed=sum(right is True for right in placed.values()),
        misplaced=tuple(name for name, right in placed.items() if right is False),
        invisible=len(hidden),
        invisible_found=sum(bool(matched[hop["id"]]) for hop in hidden),
        best=incident,
        plain_rank=plain_rank,
    )


def _outcomes_right(
    attack: Row, seen: _Seen, matched: Mapping[str, tuple[str, ...]], hops: Iterable[Row]
) -> int:
    """How many of the hops have a match of their outcome.

    Hops of one pair within minutes may be one in the result, which then has the furthest outcome.
    """
    furthest: dict[str, str] = {}
    for hop in moves(attack):
        for name in matched[hop["id"]]:
            furthest[name] = max(furthest.get(name, OUTCOMES[0]), hop["outcome"], key=OUTCOMES.index)
    return sum(
        any(seen.outcomes[name] in {hop["outcome"], furthest[name]} for name in matched[hop["id"]])
        for hop in hops
    )


@dataclass(frozen=True)
class _Span:
    """A hop of the result: its id, ends, and the time that its evidence spans."""

    id: str
    source: str
    target: str
    first: dt.datetime
    last: dt.datetime

    def days(self, begin: dt.datetime) -> range:
        """The days after ``begin`` that it may have been on, as clocks differ."""
        first, last = self.first - SLACK - begin, self.last + SLACK - begin
        return range(first.days, last.days + 1)


class _Seen:
    """A result, ready to be asked which of its hops fit."""

    def __init__(self, result: Row) -> None:
        self.result = result
        self.called = {host["id"]: short(host["name"]) for host in result["hosts"]}
        self.outcomes = {hop["id"]: hop["outcome"] for hop in result["hops"]}
        self._between: dict[tuple[str, str], list[_Span]] = defaultdict(list)
        self._listing: dict[str, list[_Span]] = defaultdict(list)  # by id of the alert's record
        records = {alert["id"]: alert["event_id"] for alert in result["alerts"]}
        for hop in result["hops"]:
            span = self._span(hop)
            self._between[span.source, span.target].append(span)
            for alert in hop["alerts"]:
                self._listing[records[alert]].append(span)

    def matching(self, hop: Row) -> tuple[str, ...]:
        """Ids of the result's hops between the hosts of a true hop at its time."""
        first, last = _moment(hop["first"]) - SLACK, _moment(hop["last"]) + SLACK
        return tuple(
            span.id
            for source in sorted(names(hop, "source"))
            for target in sorted(names(hop, "target"))
            for span in self._between.get((source, target), ())
            if span.first <= last and span.last >= first
        )

    def ordinary(self, truth: Row) -> frozenset[str]:
        """Ids of the result's hops that the ordinary work of the world explains: right hosts, right day.

        A name that was mistyped on a command line is what somebody tried to reach, and so right.
        """
        begin = _moment(truth["from"])
        addresses: Mapping[str, list[str]] = truth["hosts"]["addresses"]
        found = set()
        tried = [(source, name, [day]) for source, name, day in truth["benign"]["misspelt"]]
        for source, target, days, *_ in [*truth["benign"]["moved"], *tried]:
            sources, targets = ({end.upper(), *addresses.get(end, ())} for end in (source, target))
            spans = [span for s in sources for t in targets for span in self._between.get((s, t), ())]
            found.update(span.id for span in spans if any(day in span.days(begin) for day in days))
        return frozenset(found)

    def rightly_placed(self, hop: Row) -> bool | None:
        """Whether each alert of a true hop stands in a hop between its hosts; None without any alert.

        An alert may stand in several hops (a command that names several targets): one must be right.
        """
        listed = [self._listing[record] for record in hop["events"] if record in self._listing]
        if not listed:
            return None
        sources, targets = names(hop, "source"), names(hop, "target")
        return all(
            any(span.source in sources and span.target in targets for span in spans) for spans in listed
        )

    def _span(self, hop: Row) -> _Span:
        ends = self.called[hop["source"]], self.called[hop["target"]]
        return _Span(hop["id"], *ends, _moment(hop["evidence_first"]), _moment(hop["evidence_last"]))


def _moment(iso: str) -> dt.datetime:
    return dt.datetime.fromisoformat(iso)
