"""What an entry would have done to a saved result, had it been in force: alerts, hops, incidents.

The rules are those of ``lmgraph.tuning`` and ``lmgraph.witness.suppression``, on what the document
holds of their subjects; a test applies each proposal for real and compares.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Final

from lmgraph.errors import ResultError
from lmgraph.result import AlertRow, HopRow, IncidentRow, ResultData
from lmgraph.rules.verdict import NO_MOVEMENT
from lmgraph.schema import Severity, at_least
from lmgraph.settings import DAY_US, to_us
from lmgraph.tuning import is_periodic

NO_HABIT_FROM: Final[Severity] = "medium"  # an incident from here on may be an attack: it shows no habit
ALARMING: Final[Severity] = "high"  # … and from here on is one until somebody has looked
_DISGUISED: Final = frozenset({"renamed", "masquerade"})

Part = tuple[int, str | None]  # an alert's position, and one of its targets (None: it names none)


@dataclass(frozen=True, slots=True)
class Criteria:
    """What an entry asks for: per key the names of which one must be met, exactly but for case."""

    names: Mapping[str, tuple[str, ...]]
    periodic: bool = False

    def covers(self, act: Act) -> bool:
        """Whether an entry of these criteria would match the act."""
        if self.periodic and not act.periodic:
            return False
        return all(
            any(name.casefold() in act.names[key] for name in names) for key, names in self.names.items()
        )


@dataclass(slots=True)
class Act:
    """The alerts that are alike in source, account, program, its path and target.

    Attributes:
        names: Per key of an entry, what it is called; case-folded.
        alerts: Positions in the document, ascending.
        periodic: Whether source, target and program meet at regular intervals.
        interval_us: The middle one of these intervals; 0 where there are too few.
    """

    source: str
    user: str | None
    process: str | None
    path: str | None
    target: str | None
    names: dict[str, frozenset[str]]
    alerts: list[int] = field(default_factory=list)
    periodic: bool = False
    interval_us: int = 0


@dataclass(frozen=True, slots=True)
class Effect:
    """What an entry would have done.

    Attributes:
        covered: Alerts that it matches and that nothing suppressed so far; ascending positions.
        kept: Those of them that would have stayed, for suppression ends where an intruder was.
        entries: Hops that end it: what ran code on the source, or was given the account.
        hops: Hops that would have been suppressed; ascending positions.
        seen_in: Hops that hold a covered alert.
        incidents: Incidents that would have lost a hop.
    """

    covered: tuple[int, ...]
    kept: frozenset[int]
    entries: tuple[HopRow, ...]
    hops: tuple[int, ...]
    seen_in: tuple[int, ...]
    incidents: tuple[IncidentRow, ...]

    @property
    def suppressed(self) -> tuple[int, ...]:
        """Alerts that it would have suppressed."""
        return tuple(alert for alert in self.covered if alert not in self.kept)


@dataclass(frozen=True, slots=True)
class Suspect:
    """Sources and accounts that an incident of ``high`` or above holds, by name; not safe to show."""

    incident: IncidentRow
    sources: tuple[str, ...]
    users: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Taker:
    """An unsuppressed hop that ran code: from then on its target and the account given are no alibi."""

    hop: int
    since_us: int
    takes: tuple[str, ...]  # ids of a host or accounts


class Trial:
    """A result, ready to try entries on.

    Args:
        data: The result.

    Raises:
        ResultError: A row names another that the document does not hold, or a time is none.
    """

    def __init__(self, data: ResultData) -> None:
        self.data = data
        try:
            self.hosts = {row.id: row for row in data.hosts}
            self.users = {row.id: row for row in data.users}
            self.times = [_us(row.time) for row in data.alerts]
            self.ends = [_us(row.last) for row in data.inputs if row.last is not None]
            self._place = {row.id: place for place, row in enumerate(data.alerts)}
            self._hops_of = self._holders()
            hop_place = {row.id: place for place, row in enumerate(data.hops)}
            self.incident_of = {
                hop_place[hop]: incident for incident in data.incidents for hop in incident.hops
            }
            self._members = self._found_members()
            self.acts = self._acts()
            self._takers = self._found_takers()
        except (KeyError, ValueError, OverflowError) as error:
            raise ResultError("damaged result: a time is none, or a row it refers to is missing") from error
        self._by_process: dict[str, list[Act]] = {}
        for act in self.acts:
            if act.process:
                self._by_process.setdefault(act.process.casefold(), []).append(act)

    def day(self, alert: int) -> int:
        """UTC day since 1970 of an alert."""
        return self.times[alert] // DAY_US

    def is_evidence(self, alert: int) -> bool:
        """Whether the alert shows a habit: it opens a movement, and no entry in force covers it."""
        row = self.data.alerts[alert]
        return row.suppressed_by is None and NO_MOVEMENT.isdisjoint(row.flags)

    def is_grave(self, alert: int) -> bool:
        """Whether the alert belongs to an incident that may be an attack."""
        found = [self.incident_of[hop] for hop in self._hops_of[alert] if hop in self.incident_of]
        return any(at_least(incident.severity, NO_HABIT_FROM) for incident in found)

    def quiet_days(self, alerts: Iterable[int]) -> set[int]:
        """Days of the alerts on which none of them was part of an incident that may be an attack."""
        days: set[int] = set()
        grave: set[int] = set()
        for alert in alerts:
            (grave if self.is_grave(alert) else days).add(self.day(alert))
        return days - grave

    def is_disguised(self, alert: int) -> bool:
        """Whether a program went by another's name."""
        return not _DISGUISED.isdisjoint(self.data.alerts[alert].flags)

    def suspects(self, sources: Iterable[str], users: Iterable[str]) -> tuple[Suspect, ...]:
        """What of these hosts and accounts, given by id, belongs to a grave incident; the gravest first."""
        sources, users = set(sources), set(users)
        found = []
        for incident in sorted(self.data.incidents, key=lambda row: row.rank):
            if not at_least(incident.severity, ALARMING):
                continue
            hosts_in, users_in = self._members[incident.id]
            hosts = {self.hosts[one].name for one in sources & hosts_in}
            names = {self.users[one].name for one in users & users_in}
            if hosts or names:
                found.append(Suspect(incident, tuple(sorted(hosts)), tuple(sorted(names))))
        return tuple(found)

    def effect(self, criteria: Criteria) -> Effect:
        """What an entry of these criteria would have done, on top of those that were in force."""
        acts = [act for act in self._candidates(criteria) if criteria.covers(act)]
        parts = {(alert, act.target) for act in acts for alert in act.alerts if not self._done(alert)}
        covered = self._whole(parts)
        touched = sorted({hop for alert, _ in parts for hop in self._hops_of[alert]})
        left = set(parts)
        while True:  # what is lifted can only lift more, so this ends
            hops = {hop for hop in touched if self._would_hide(hop, left)}
            takers = [taker for taker in self._takers if taker.hop not in hops]
            lifted = self._lifted(left, takers)
            if not lifted:
                break
            left -= lifted
        kept = frozenset(covered) - frozenset(self._whole(left))
        found = [self.incident_of[hop] for hop in sorted(hops) if hop in self.incident_of]
        return Effect(
            covered=covered,
            kept=kept,
            entries=self._entries(kept, takers),
            hops=tuple(sorted(hops)),
            seen_in=tuple(touched),
            incidents=tuple({incident.id: incident for incident in found}.values()),
        )

    def _holders(self) -> list[list[int]]:
        """Per alert, the hops that hold it."""
        hops_of: list[list[int]] = [[] for _ in self.data.alerts]
        for place, hop in enumerate(self.data.hops):
            _ = self.hosts[hop.source], self.hosts[hop.target]
            for alert in hop.alerts:
                hops_of[self._place[alert]].append(place)
        return hops_of

    def _found_members(self) -> dict[str, tuple[set[str], set[str]]]:
        """Per incident, ids of the hosts at its hops' ends and of the accounts that acted or were typed."""
        hops = {hop.id: hop for hop in self.data.hops}
        by_name = self._accounts()
        members: dict[str, tuple[set[str], set[str]]] = {}
        for incident in self.data.incidents:
            rows = [hops[hop] for hop in incident.hops]
            users = {user for row in rows for user in row.users}
            users |= {user for row in rows for user in by_name.get(row.credential or "", ())}
            members[incident.id] = {end for row in rows for end in (row.source, row.target)}, users
        return members

    def _accounts(self) -> dict[str, list[str]]:
        """Ids of the accounts by name."""
        accounts: dict[str, list[str]] = {}
        for user in self.data.users:
            accounts.setdefault(user.name, []).append(user.id)
        return accounts

    def _acts(self) -> list[Act]:
        acts: dict[tuple[str | None, ...], Act] = {}
        beats: dict[tuple[str, str | None, str], set[int]] = {}
        for place, row in enumerate(self.data.alerts):
            if row.host is None:
                continue
            for target in _parts(row):
                key = (row.host, row.user, _folded(row.process), _folded(row.process_path), target)
                if key not in acts:
                    acts[key] = self._act(row, row.host, target)
                acts[key].alerts.append(place)
                if target is not None and NO_MOVEMENT.isdisjoint(row.flags):
                    beat = (row.host, target, (row.process or "").casefold())
                    beats.setdefault(beat, set()).add(self.times[place])
        for act in acts.values():
            times = beats.get((act.source, act.target, (act.process or "").casefold()), set())
            act.periodic = is_periodic(times)
            if act.periodic:
                act.interval_us = round(median(later - one for one, later in pairwise(sorted(times))))
        return list(acts.values())

    def _act(self, row: AlertRow, source: str, target: str | None) -> Act:
        user = self.users[row.user] if row.user is not None else None
        domain = f"{user.domain}\\" if user is not None and user.domain else ""
        called = [user.name, user.name.removeprefix(domain)] if user is not None else []
        names = {
            "source": self._host_names(source),
            "target": self._host_names(target) if target is not None else frozenset(),
            "user": frozenset(name.casefold() for name in called),
            "process": frozenset({row.process.casefold()}) if row.process else frozenset(),
            "process_path": frozenset({row.process_path.casefold()}) if row.process_path else frozenset(),
        }
        return Act(source, row.user, row.process or None, row.process_path or None, target, names)

    def _host_names(self, host: str) -> frozenset[str]:
        row = self.hosts[host]
        return frozenset(name.casefold() for name in (row.name, row.fqdn) if name)

    def _found_takers(self) -> list[_Taker]:
        accounts = self._accounts()
        return [
            _Taker(place, _us(hop.outcome_at), (hop.target, *accounts.get(hop.credential or "", ())))
            for place, hop in enumerate(self.data.hops)
            if hop.outcome == "executed" and hop.outcome_at is not None and not hop.suppressed
        ]

    def _candidates(self, criteria: Criteria) -> Iterable[Act]:
        """The acts of the programs asked for: few of all."""
        processes = dict.fromkeys(name.casefold() for name in criteria.names["process"])
        return (act for process in processes for act in self._by_process.get(process, ()))

    def _done(self, alert: int) -> bool:
        return self.data.alerts[alert].suppressed_by is not None

    def _whole(self, parts: set[Part]) -> tuple[int, ...]:
        """The alerts of which every target is among the parts."""
        return tuple(
            alert
            for alert in sorted({alert for alert, _ in parts})
            if all((alert, target) in parts for target in _parts(self.data.alerts[alert]))
        )

    def _would_hide(self, hop: int, parts: set[Part]) -> bool:
        """Whether the hop would be suppressed, and was not: its alerts decide."""
        row = self.data.hops[hop]
        places = [self._place[alert] for alert in row.alerts]
        return not row.suppressed and all(
            self._done(alert) or self._part(alert, row.target) in parts for alert in places
        )

    def _part(self, alert: int, target: str) -> Part:
        return alert, target if target in self.data.alerts[alert].targets else None

    def _lifted(self, parts: set[Part], takers: Iterable[_Taker]) -> set[Part]:
        taken: dict[str, int] = {}
        for taker in takers:
            for one in taker.takes:
                taken[one] = min(taken.get(one, taker.since_us), taker.since_us)
        return {part for part in parts if self._is_taken(part[0], taken)}

    def _is_taken(self, alert: int, taken: Mapping[str, int]) -> bool:
        return any(one in taken and self.times[alert] >= taken[one] for one in self._actors(alert))

    def _actors(self, alert: int) -> tuple[str, ...]:
        """The host and the account of an alert; SYSTEM and the like act for nobody that is known."""
        row = self.data.alerts[alert]
        person = row.user is not None and self.users[row.user].kind == "person"
        return tuple(one for one in (row.host, row.user if person else None) if one is not None)

    def _entries(self, kept: frozenset[int], takers: Iterable[_Taker]) -> tuple[HopRow, ...]:
        """The hops that keep alerts from being suppressed, the earliest first."""
        if not kept:
            return ()
        actors = {one for alert in kept for one in self._actors(alert)}
        until = max(self.times[alert] for alert in kept)
        found = [one for one in takers if one.since_us <= until and not actors.isdisjoint(one.takes)]
        return tuple(
            self.data.hops[one.hop] for one in sorted(found, key=lambda one: (one.since_us, one.hop))
        )


def _parts(row: AlertRow) -> Sequence[str | None]:
    """The targets of an alert, each of which is matched by itself."""
    return row.targets or (None,)


def _folded(text: str | None) -> str | None:
    return text.casefold() if text else None


def _us(time: str) -> int:
    moment = dt.datetime.fromisoformat(time)
    if moment.tzinfo is None:
        raise ValueError(time)
    return to_us(moment)
