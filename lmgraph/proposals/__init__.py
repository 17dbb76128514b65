"""Tuning entries that a result suggests: what recurs, and what it would cost to suppress it.

A proposal is for a person to judge. It never rests on what belongs to an incident of ``medium`` or
above alone, never on a program in disguise, and says what it would have hidden.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lmgraph.proposals.habits import Habit, Kind, habits
from lmgraph.proposals.trial import Criteria, Effect, Suspect, Trial
from lmgraph.result import HopRow, ResultData
from lmgraph.settings import DAY_US
from lmgraph.summary import NAME_LIMIT, several
from lmgraph.text import visible

__all__ = ["Criteria", "Kind", "Proposal", "Proposals", "Suspect", "propose"]


@dataclass(frozen=True, slots=True)
class Proposal:
    """One entry with its evidence. Times are UTC days since 1970; names are as recorded, not safe to show.

    Attributes:
        name: Unique among the proposals and the entries in force; safe to show.
        kind: What recurs.
        criteria: What the entry asks for.
        interval_us: How often an agent comes back: shortest and longest interval of its pairs.
        owner: Of the source, where the assets file told.
        days: Distinct days on which it was seen.
        grave_days: Those of them on which it was part of an incident of ``medium`` or above.
        alerts: Alerts that the entry matches.
        hops: Number of hops that hold one of them.
        sources, users, targets: Names of the hosts and accounts that they are of; sorted.
        effect: What the entry would have done.
        kept: Names of the ends of the earliest hop that would have ended suppression, and when.
        suspects: Of its sources and accounts those that an incident of ``high`` or above holds.
    """

    name: str
    kind: Kind
    criteria: Criteria
    interval_us: tuple[int, int]
    owner: str | None
    days: tuple[int, ...]
    grave_days: tuple[int, ...]
    alerts: int
    hops: int
    sources: tuple[str, ...]
    users: tuple[str, ...]
    targets: tuple[str, ...]
    effect: Effect
    kept: tuple[str, str, str] | None
    suspects: tuple[Suspect, ...]


@dataclass(frozen=True, slots=True)
class Proposals:
    """All entries, what suppresses most first; and why other things that recur are none.

    Attributes:
        entries: The proposals.
        refused: How many things were not proposed, by reason; in order.
        days: Distinct days with an alert that is evidence.
        last_day: Day of the last record, since 1970; ``None`` without any.
    """

    entries: tuple[Proposal, ...]
    refused: dict[str, int]
    days: int
    last_day: int | None


def propose(data: ResultData, *, min_days: int) -> Proposals:
    """The entries that a result suggests.

    Args:
        data: The result.
        min_days: Distinct UTC days on which something must recur outside graver incidents, at least 2.

    Raises:
        ResultError: The document contradicts itself.
    """
    trial = Trial(data)
    days = {trial.day(alert) for alert in range(len(data.alerts)) if trial.is_evidence(alert)}
    refused: Counter[str] = Counter()
    found: list[tuple[Habit, Effect]] = []
    for habit in habits(trial, min_days) if len(days) >= min_days else ():
        effect = trial.effect(habit.criteria)
        reason = _objection(trial, effect, min_days)
        if reason is None:
            found.append((habit, effect))
        else:
            refused[reason] += 1
    found.sort(key=lambda one: (-len(one[1].suppressed), -len(one[1].hops), _order(one[0].criteria)))
    taken = {row.suppressed_by for row in data.alerts if row.suppressed_by}
    taken |= {row.suppressed_by for row in data.hops if row.suppressed_by}
    return Proposals(
        entries=tuple(_proposal(trial, habit, effect, taken) for habit, effect in found),
        refused=dict(sorted(refused.items())),
        days=len(days),
        last_day=_last_day(trial),
    )


def _objection(trial: Trial, effect: Effect, min_days: int) -> str | None:
    """Why this must not be proposed."""
    evidence = [alert for alert in effect.covered if trial.is_evidence(alert)]
    if any(trial.is_disguised(alert) for alert in effect.covered):
        return "a program went by another's name"
    days = {trial.day(alert) for alert in evidence}
    if len(days) < min_days:
        return f"seen on fewer than {min_days} days"
    if len(trial.quiet_days(evidence)) < min_days:
        return f"seen on fewer than {min_days} days outside incidents of medium or above"
    if not effect.suppressed:
        return "suppression would end there: code had been run on the source, or the account used for that"
    if not effect.hops:
        return "no hop would have been suppressed"
    return None


def _proposal(trial: Trial, habit: Habit, effect: Effect, taken: set[str]) -> Proposal:
    rows = [trial.data.alerts[alert] for alert in effect.covered]
    sources = {row.host for row in rows if row.host is not None}
    owners = {trial.hosts[host].owner for host in sources}
    days = {trial.day(alert) for alert in effect.covered}
    accounts = {row.user for row in rows if row.user is not None}
    entry = effect.entries[0] if effect.entries else None
    return Proposal(
        name=_name(habit, taken),
        kind=habit.kind,
        criteria=habit.criteria,
        interval_us=habit.interval_us,
        owner=next(iter(owners)) if len(owners) == 1 else None,
        days=tuple(sorted(days)),
        grave_days=tuple(sorted(days - trial.quiet_days(effect.covered))),
        alerts=len(effect.covered),
        hops=len(effect.seen_in),
        sources=_sorted(trial, sources),
        users=tuple(sorted({trial.users[user].name for user in accounts})),
        targets=_sorted(trial, {target for row in rows for target in row.targets}),
        effect=effect,
        kept=_kept(trial, entry) if entry is not None else None,
        suspects=trial.suspects(sources, accounts),
    )


def _kept(trial: Trial, entry: HopRow) -> tuple[str, str, str]:
    return trial.hosts[entry.source].name, trial.hosts[entry.target].name, entry.outcome_at or entry.last


def _name(habit: Habit, taken: set[str]) -> str:
    """A name that no other entry has; it is added to those taken."""
    names = habit.criteria.names
    what = several([visible(name, NAME_LIMIT) for name in names["process"]], 2)
    where = _together(names.get("source", ()), "hosts") or "any host"
    whom = _together(names.get("user", ()), "accounts")
    base = f"{what} on {where} as {whom}" if whom else f"{what} on {where}"
    number, name = 1, base
    while name in taken:
        number += 1
        name = f"{base} ({number})"
    taken.add(name)
    return name


def _together(names: Sequence[str], things: str) -> str:
    """The only name, safe to show, or how many there are."""
    return (
        f"{len(names)} {things}" if len(names) > 1 else "".join(visible(name, NAME_LIMIT) for name in names)
    )


def _order(criteria: Criteria) -> list[tuple[str, tuple[str, ...]]]:
    return sorted(criteria.names.items())


def _sorted(trial: Trial, hosts: set[str]) -> tuple[str, ...]:
    return tuple(sorted({trial.hosts[host].name for host in hosts}))


def _last_day(trial: Trial) -> int | None:
    return max((time_us // DAY_US for time_us in (*trial.times, *trial.ends)), default=None)
