"""Attacks: each a function that drives an ``Intruder``; the names are those of ``options.SCENARIOS``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from lmgraph.simulate.delivery import Delivery
from lmgraph.simulate.options import SCENARIOS
from lmgraph.simulate.scenarios import bursts, chains, hopper
from lmgraph.simulate.scenarios.intruder import Intruder
from lmgraph.simulate.times import HOUR, is_working_day
from lmgraph.simulate.world import World

Run = Callable[[Intruder], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """An attack to come: its scenario, its number among those of the same, and its first day."""

    scenario: str
    number: int
    day: int


def _raids() -> Iterator[tuple[str, Run]]:
    goals: tuple[hopper.Goal, ...] = ("explore", "spread", "target")
    for goal in goals:
        for suffix, known, active in (
            ("", False, False),
            ("-known", True, False),
            ("-active", False, True),
            ("-both", True, True),
        ):
            yield goal + suffix, partial(hopper.raid, goal=goal, known=known, active=active)


_RUNS: Final[dict[str, Run]] = {
    "chain": chains.chain,
    "new-accounts": chains.new_accounts,
    "ransomware": bursts.ransomware,
    "worm": bursts.worm,
    "insider": bursts.insider,
    "renamed": chains.renamed,
    "toolkit": chains.toolkit,
    "slow": chains.slow,
    "slower": chains.slower,
    "rider": chains.rider,
    "rdp": chains.remote_desktop,
    "names": chains.names,
    "no-sensor": chains.no_sensor,
    "dhcp": chains.address_changes,
    "skew": chains.skewed,
    "late": chains.late,
    **dict(_raids()),
}
_DAYS: Final = {"slow": 3, "slower": 5}  # that it may last; the others end on the day after at the latest
assert _RUNS.keys() == SCENARIOS.keys()


def plan(world: World) -> list[Plan]:
    """On which day each attack begins: in the second half, so that there is a past, and on a working day."""
    days = world.options.days
    seen: dict[str, int] = {}
    found = []
    for name in sorted(world.options.scenarios, key=list(SCENARIOS).index):
        number = seen[name] = seen.get(name, 0) + 1
        latest = max(0, days - _DAYS.get(name, 1))
        possible = [day for day in range(min(latest, days // 2), latest + 1) if is_working_day(day)]
        if name == "dhcp":
            possible = [day for day in possible if chains.hand_over(world, day)] or possible
        found.append(Plan(name, number, world.chance("plan", name, number).pick(possible or [latest])))
    return found


def run(intruder: Intruder, delivery: Delivery) -> None:
    """One attack from beginning to end, days ahead if it lasts so long."""
    _RUNS[intruder.scenario](intruder)
    if intruder.scenario == "late" and intruder.attack:
        for hop in intruder.attack.hops:
            first, last = hop.first - HOUR, hop.last + 2 * HOUR
            delivery.hold(hop.target, first, last, last + round(intruder.chance.between(16, 40) * HOUR))
