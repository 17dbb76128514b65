"""Which things recur in a result: source, account, program and, where it tells them apart, target."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from lmgraph.names import canonical_ip
from lmgraph.proposals.trial import Act, Criteria, Trial
from lmgraph.settings import DAY_US
from lmgraph.tuning import LONGEST_PATTERN, PERIODIC_LEAST

Kind = Literal["agent", "fleet", "program", "habit", "habits", "rounds"]

MANY: Final = 5  # targets of one source, or sources of one thing, that no longer are a list of exceptions
LONGEST_LIST: Final = 64  # names in one entry; nobody reviews more
_MOST: Final = 0.8  # share of a program's alerts that must be steady for it to be an agent
_HALF: Final = 0.5  # share of a tool's alerts that habitual targets must make up
# Longer intervals show no period in the records of a single day.
_SHORT_US: Final = DAY_US // PERIODIC_LEAST
# Only an administrator can write there, and what lies there was installed for a purpose; what lies in
# the Windows folder serves everybody.
_OWN_FOLDER: Final = re.compile(
    r"(?:[a-z]:|\\device\\harddiskvolume\d+)\\program files(?: \(x86\))?\\", re.IGNORECASE
)

# What these run stands in the command line, of which an entry knows nothing. Without ``.exe`` and version.
_INTERPRETERS: Final = frozenset(
    {
        *("bash", "cmd", "cscript", "deno", "dotnet", "java", "javaw", "jshell", "msbuild", "mshta"),
        *("node", "perl", "php", "powershell", "powershell_ise", "pwsh", "py", "python", "pythonw"),
        *("regsvr32", "ruby", "rubyw", "rundll32", "sh", "tclsh", "wscript", "wsl"),
    }
)
_VERSION: Final = re.compile(r"[-_.\d]+$")


@dataclass(frozen=True, slots=True)
class Habit:
    """Something that recurs, as an entry would describe it.

    Attributes:
        kind: ``agent``: a program of its own that comes back at short, regular intervals, ``fleet``:
            the same on many hosts; ``program``: a program of its own; ``habit``: general tools, used
            on targets that recur; ``habits``: one of the last two, alike on many sources;
            ``rounds``: general tools, used on many and changing targets.
        criteria: What an entry asks for.
        interval_us: How often an agent comes back, the shortest and the longest interval of its pairs.
    """

    kind: Kind
    criteria: Criteria
    interval_us: tuple[int, int] = (0, 0)


@dataclass(slots=True)
class _Group:
    """All acts of one source and account with one program at one path."""

    acts: list[Act]
    alerts: set[int]

    @property
    def first(self) -> Act:
        return self.acts[0]


def habits(trial: Trial, min_days: int) -> list[Habit]:
    """What may recur, in the order of its first alert; whether it does is for the caller to judge.

    Args:
        trial: The result.
        min_days: Days apart from grave incidents on which a tool must be used, and a target be met,
            to belong to a habit.
    """
    found: list[Habit] = []
    tools: dict[tuple[str, str | None], list[_Group]] = {}
    for group in _groups(trial):
        if _has_purpose(trial, group):
            found.append(_program(trial, group))
        elif len(trial.quiet_days(group.alerts)) >= min_days:
            tools.setdefault((group.first.source, group.first.user), []).append(group)
    for groups in tools.values():
        found += _tools(trial, groups, min_days)
    return [*_fleets(found), *_shared(found)]


def as_pattern(name: str) -> str:
    """The glob that fits this name alone."""
    return re.sub(r"[*?\[]", r"[\g<0>]", name)


def is_interpreter(process: str) -> bool:
    """Whether a program of that name runs whatever it is told to: ``java.exe``, ``python3.11.exe``."""
    stem = process.casefold().removesuffix(".exe")
    return stem in _INTERPRETERS or _VERSION.sub("", stem) in _INTERPRETERS


def _groups(trial: Trial) -> Iterator[_Group]:
    """All that an entry can be written for."""
    groups: dict[tuple[str | None, ...], _Group] = {}
    for act in trial.acts:
        alerts = {alert for alert in act.alerts if trial.is_evidence(alert)}
        if not alerts or not act.process:
            continue
        place = (act.source, act.user, act.process.casefold(), (act.path or "").casefold())
        group = groups.setdefault(place, _Group([], set()))
        group.acts.append(act)
        group.alerts |= alerts
    for group in groups.values():
        named = _named(trial, [group])
        if all(_can_be_written(key, name) for key, names in named.items() for name in names):
            yield group


def _named(trial: Trial, groups: Iterable[_Group]) -> dict[str, tuple[str, ...]]:
    """Source, account, programs and paths of groups that share the first two; what is unknown is left out."""
    acts = [group.first for group in groups]
    user = acts[0].user
    paths = [act.path for act in acts if act.path is not None]
    names = {
        "source": [trial.hosts[acts[0].source].name],
        "user": [trial.users[user].name] if user is not None else [],
        "process": [act.process for act in acts if act.process is not None],
        "process_path": paths if len(paths) == len(acts) else [],
    }
    return {key: _distinct(values) for key, values in names.items() if values}


def _program(trial: Trial, group: _Group) -> Habit:
    """A program of its own: what it is tells enough, unless its targets are few."""
    named = _named(trial, [group])
    steady = [one for one in group.acts if one.periodic and one.interval_us <= _SHORT_US]
    if len(_alerts(trial, steady)) < _MOST * len(group.alerts):
        return Habit("program", Criteria(_with(named, _every_target(trial, group.acts), MANY)))
    intervals = [one.interval_us for one in steady]
    criteria = Criteria(_with(named, _every_target(trial, steady), MANY), periodic=True)
    return Habit("agent", criteria, (min(intervals), max(intervals)))


def _tools(trial: Trial, groups: Sequence[_Group], min_days: int) -> Iterator[Habit]:
    """Tools that anyone can run: bound to the targets that recur, or to one account if these are many."""
    acts = [act for group in groups for act in group.acts]
    alerts = {alert for group in groups for alert in group.alerts}
    met: dict[str, list[Act]] = {}
    for act in acts:
        if act.target is not None:
            met.setdefault(act.target, []).append(act)
    known = [
        act
        for some in met.values()
        if len(trial.quiet_days(_alerts(trial, some))) >= min_days
        for act in some
    ]
    targets, named = _targets(trial, known), _named(trial, groups)
    if 0 < len(targets) <= LONGEST_LIST and len(_alerts(trial, known)) >= _HALF * len(alerts):
        yield Habit("habit", Criteria({**named, "target": targets}))
    elif acts[0].user is not None and len(met) >= MANY:
        yield Habit("rounds", Criteria(named))


def _has_purpose(trial: Trial, group: _Group) -> bool:
    """Whether the program is one of its own: installed, and itself the one that speaks SMB."""
    kinds = {trial.data.alerts[alert].alert_type for alert in group.alerts}
    return kinds == {"SMB445Connection"} and bool(_OWN_FOLDER.match(group.first.path or ""))


def _with(
    named: dict[str, tuple[str, ...]], targets: tuple[str, ...], most: int
) -> dict[str, tuple[str, ...]]:
    """The names with the targets, unless these are too many to be listed."""
    return {**named, "target": targets} if 0 < len(targets) <= most else named


def _fleets(found: Sequence[Habit]) -> Iterator[Habit]:
    """Agents; where many sources run the same one, a single entry for all of them."""
    agents: dict[str, list[Habit]] = {}
    for habit in found:
        if habit.kind == "agent":
            agents.setdefault(habit.criteria.names["process"][0].casefold(), []).append(habit)
    for same in agents.values():
        paths, users = _union(same, "process_path"), _union(same, "user")
        if len(_union(same, "source")) < MANY or len(paths) > LONGEST_LIST:
            yield from same
            continue
        names = {"process": same[0].criteria.names["process"], "process_path": paths}
        if all("user" in habit.criteria.names for habit in same) and len(users) < MANY:
            names["user"] = users
        intervals = [interval for habit in same for interval in habit.interval_us]
        yield Habit("fleet", Criteria(names, periodic=True), (min(intervals), max(intervals)))


def _shared(found: Sequence[Habit]) -> Iterator[Habit]:
    """Everything but agents; what many do alike, on the same targets, is one entry that lists them."""
    groups: dict[tuple[object, ...], list[Habit]] = {}
    for place, habit in enumerate(found):
        if habit.kind == "agent":
            continue
        names = habit.criteria.names
        what = [
            tuple(name.casefold() for name in names.get(key, ()))
            for key in ("process", "process_path", "target")
        ]
        shareable = "user" in names and what[2]
        groups.setdefault(tuple(what) if shareable else (place,), []).append(habit)
    for same in groups.values():
        for start in range(0, len(same), LONGEST_LIST):
            some = same[start : start + LONGEST_LIST]
            if len(_union(some, "source")) < MANY:
                yield from some
                continue
            both = {key: _union(some, key) for key in ("source", "user")}
            yield Habit("habits", Criteria({**some[0].criteria.names, **both}))


def _union(same: Iterable[Habit], key: str) -> tuple[str, ...]:
    """All names under the key."""
    return _distinct(name for habit in same for name in habit.criteria.names.get(key, ()))


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    """The names, sorted; of those that differ in case one."""
    by_fold = {name.casefold(): name for name in names}
    return tuple(by_fold[folded] for folded in sorted(by_fold))


def _alerts(trial: Trial, acts: Iterable[Act]) -> set[int]:
    return {alert for act in acts for alert in act.alerts if trial.is_evidence(alert)}


def _targets(trial: Trial, acts: Iterable[Act]) -> tuple[str, ...]:
    """Names of the targets that an entry can name, sorted."""
    names = {trial.hosts[act.target].name for act in acts if act.target is not None}
    return tuple(sorted(name for name in names if _can_be_written("target", name)))


def _every_target(trial: Trial, acts: Sequence[Act]) -> tuple[str, ...]:
    """As ``_targets``, but none unless an entry can name all of them."""
    targets = _targets(trial, acts)
    met = {trial.hosts[act.target].name if act.target is not None else None for act in acts}
    return targets if len(targets) == len(met) else ()


def _can_be_written(key: str, name: str) -> bool:
    """Whether a pattern can stand for this name alone.

    Under ``source`` and ``target`` a slash makes a network of it, and an address changes hands.
    """
    if key in {"source", "target"} and ("/" in name or canonical_ip(name) is not None):
        return False
    whole = not any("\ud800" <= char <= "\udfff" for char in name)
    return whole and 0 < len(as_pattern(name)) <= LONGEST_PATTERN
