"""From verdicts to figures: each measure with its mean over seeds and its spread over attacks or worlds."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple, TypeVar

import msgspec

from benchmarks.judge import HIGH, Attack, Verdict
from benchmarks.worlds import SLOWER, World

#: Reported apart: one hides in a habit, the other needs another setting.
RIDER: Final = "rider"
APART: Final = (RIDER, SLOWER)

Ratio = tuple[float, float]


class Case(NamedTuple):
    """An attack and the world that it was in."""

    world: World
    attack: Attack


class Run(NamedTuple):
    """A world and what became of it."""

    world: World
    verdict: Verdict


Row = TypeVar("Row", Case, Run)


class Figure(msgspec.Struct, frozen=True):
    """A measure over many attacks or worlds; every part is None where there is nothing to measure.

    Attributes:
        mean: Mean of the seeds' own values, each the sum of all parts over the sum of all wholes.
        error: Its standard error over the seeds; None for less than two.
        low, median, high: 10th, 50th and 90th percentile (nearest rank) over attacks or worlds.
        count: How many attacks or worlds there are; of them ``seeds``.
    """

    mean: float | None
    error: float | None
    low: float | None
    median: float | None
    high: float | None
    count: int
    seeds: int


class Measure(NamedTuple):
    """What is measured of an attack, and the same of the plain ranking where it has one.

    The value of a group is the sum of the parts over the sum of the wholes: for a measure per hop
    (``recall``) every hop counts alike, for one per attack every attack.
    """

    label: str
    of: Callable[[Case], Ratio]
    plain: Callable[[Case], Ratio] | None = None


class WorldMeasure(NamedTuple):
    """What is measured of a world as a whole."""

    label: str
    of: Callable[[Run], Ratio]


def _among(place: int | None, per_day: float, world: World) -> Ratio:
    """Whether a rank is among so many a day."""
    return float(place is not None and place <= max(1, per_day * world.days)), 1


def _within(per_day: int, *, fleet: bool) -> tuple[Callable[[Case], Ratio], Callable[[Case], Ratio]]:
    """Whether an attack is among so many a day (of a fleet: a day and 1,000 hosts); ours and plain."""

    def allowed(world: World) -> float:
        return per_day * (world.hosts / 1000 if fleet else 1)

    return (
        lambda case: _among(rank(case), allowed(case.world), case.world),
        lambda case: _among(case.attack.plain_rank, allowed(case.world), case.world),
    )


def _within_own(case: Case) -> Ratio:
    """Whether it is among one a day and 1,000 hosts by an incident that is of no other attack rather."""
    own = case.attack.best is not None and case.attack.best.own
    return _among(rank(case) if own else None, case.world.hosts / 1000, case.world)


def _purity_alone(case: Case) -> Ratio:
    """The purity, other attacks aside: as if there had been no other."""
    best = case.attack.best
    return (best.purity / (1 - best.others), 1) if best else (0, 0)


def rank(case: Case) -> int | None:
    """The attack's rank among false incidents; None where no incident holds any of it."""
    return case.attack.best.rank if case.attack.best else None


def _origin(case: Case, *, first: bool) -> Ratio:
    best = case.attack.best
    return float(best is not None and (best.origin_first if first else best.origin_listed)), 1


ATTACK_MEASURES: Final[dict[str, Measure]] = {
    "recall": Measure("hop recall", lambda case: (case.attack.found, case.attack.hops)),
    "right_host": Measure("right host", lambda case: (case.attack.rightly_placed, case.attack.judged)),
    "outcome": Measure("right outcome", lambda case: (case.attack.outcomes_right, case.attack.found)),
    "share": Measure("share", lambda case: (case.attack.best.share if case.attack.best else 0, 1)),
    "purity": Measure("purity", lambda case: (case.attack.best.purity, 1) if case.attack.best else (0, 0)),
    "purity_alone": Measure("purity, other attacks aside", _purity_alone),
    "within_1": Measure("within 1 a day", *_within(1, fleet=False)),
    "within_5": Measure("within 5 a day", *_within(5, fleet=False)),
    "within_1_fleet": Measure("within 1 a day per 1,000 hosts", *_within(1, fleet=True)),
    "within_5_fleet": Measure("within 5 a day per 1,000 hosts", *_within(5, fleet=True)),
    "within_1_own": Measure("within 1 a day per 1,000 hosts, by an incident of its own", _within_own),
    "reciprocal_rank": Measure(
        "reciprocal rank",
        lambda case: (1 / (rank(case) or math.inf), 1),
        lambda case: (1 / (case.attack.plain_rank or math.inf), 1),
    ),
    "rank": Measure(
        "rank",
        lambda case: (rank(case) or math.inf, 1),
        lambda case: (case.attack.plain_rank or math.inf, 1),
    ),
    "origin": Measure("origin among the incident's", lambda case: _origin(case, first=False)),
    "origin_first": Measure("origin first on the best path", lambda case: _origin(case, first=True)),
    "high_recall": Measure(
        "severity recall",
        lambda case: (float(case.attack.best is not None and case.attack.best.severity in HIGH), 1),
    ),
}

#: Their percentiles would say nothing.
YES_OR_NO: Final = frozenset(
    [
        "within_1",
        "within_5",
        "within_1_fleet",
        "within_5_fleet",
        "within_1_own",
        "origin",
        "origin_first",
        "high_recall",
    ]
)

WORLD_MEASURES: Final[dict[str, WorldMeasure]] = {
    "precision": WorldMeasure("hop precision", lambda run: (run.verdict.hops_true, run.verdict.hops)),
    "high_hops": WorldMeasure(
        "hops in incidents of `high` or above that are an attack's",
        lambda run: (run.verdict.high_hops_true, run.verdict.high_hops),
    ),
    "high_precision": WorldMeasure(
        "severity precision", lambda run: (run.verdict.high_incidents_true, run.verdict.high_incidents)
    ),
    "false_high": WorldMeasure(
        "false incidents of high or above, a day per 1,000 hosts",
        lambda run: (
            run.verdict.high_incidents - run.verdict.high_incidents_true,
            run.world.days * run.world.hosts / 1000,
        ),
    ),
}


def cases(runs: Iterable[Run], *scenarios: str) -> list[Case]:
    """The attacks that left something to see: of these scenarios, or all but those reported apart."""
    return [
        Case(run.world, attack)
        for run in runs
        for attack in run.verdict.attacks
        if attack.hops and (attack.scenario in scenarios if scenarios else attack.scenario not in APART)
    ]


def usual(runs: Iterable[Run]) -> list[Run]:
    """The runs with the default settings."""
    return [run for run in runs if run.world.max_gap is None]


def figure(of: Callable[[Row], Ratio], rows: Sequence[Row]) -> Figure:
    """The measure over these attacks or worlds."""
    seeds: dict[int, list[Ratio]] = defaultdict(list)
    values = []
    for row in rows:
        part, whole = of(row)
        if whole:
            seeds[row.world.seed].append((part, whole))
            values.append(part / whole)
    if not values:
        return Figure(None, None, None, None, None, 0, 0)
    means = [
        math.fsum(part for part, _ in parts) / math.fsum(whole for _, whole in parts)
        for parts in seeds.values()
    ]
    finite = all(map(math.isfinite, means))
    error = statistics.stdev(means) / math.sqrt(len(means)) if finite and len(means) > 1 else None
    low, median, high = (percentile(values, part) for part in (0.1, 0.5, 0.9))
    return Figure(statistics.fmean(means), error, low, median, high, len(values), len(means))


def all_figures(runs: Sequence[Run]) -> dict[str, Figure]:
    """Every measure over the runs with the default settings, those of the plain ranking too."""
    chosen = cases(usual(runs))
    found = {name: figure(measure.of, chosen) for name, measure in ATTACK_MEASURES.items()}
    for name, measure in ATTACK_MEASURES.items():
        if measure.plain:
            found[f"plain_{name}"] = figure(measure.plain, chosen)
    return found | {name: figure(measure.of, usual(runs)) for name, measure in WORLD_MEASURES.items()}


def percentile(values: Iterable[float], part: float) -> float:
    """The least value that at least this part of all do not exceed (nearest rank; may be infinite)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]
