"""The shape of an attack's way: a line, or one with branches, returns, dead ends and a long pause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Final, Literal

from lmgraph.simulate.acts import Spelling
from lmgraph.simulate.chance import Chance
from lmgraph.simulate.estate import Account, Host
from lmgraph.simulate.scenarios.intruder import Foothold, Intruder, Way
from lmgraph.simulate.times import MINUTE

Shape = Literal["line", "star", "back"]
_SHAPES: Final[tuple[Shape, ...]] = ("line", "line", "star", "back")
_WAYS: Final[tuple[Way, ...]] = ("full", "psexec", "remote service", "toolkit")


def repertoire(intruder: Intruder) -> tuple[Way, ...]:
    """The ways that an attack mixes from hop to hop; often it keeps to one."""
    chance = intruder.chance
    return ("full",) if chance.happens(0.4) else tuple(chance.sample(_WAYS, chance.whole(2, 3)))


def follow(
    intruder: Intruder, start: Foothold, targets: Sequence[Host], accounts: Sequence[Account], *,
    ways: Sequence[Way] = ("full",), minutes: float = 20,
) -> Foothold | None:  # fmt: skip
    """Straight from host to host, each with the next of the accounts in turn; gives the last foothold."""
    here: Foothold | None = start
    for target, account in zip(targets, cycle(accounts), strict=False):
        if here is None:
            return None
        when = intruder.pause(here.since, minutes)
        here = intruder.move(here, target, when, intruder.chance.pick(ways), account=account)
    return here


@dataclass(frozen=True, slots=True)
class _Plan:
    """At which hop, counted from 0, what is out of the ordinary; -1: at none.

    Attributes:
        shape: How the hops hang together.
        turn: The hop before which a star has its middle, or an earlier foothold is gone back to.
        width: So many hops go out from the middle.
        stumbles: The hop before which something is tried in vain.
        dwells: The hop before which hours pass.
        looks: How often a share is opened some time before code is run.
    """

    shape: Shape
    turn: int
    width: int
    stumbles: int
    dwells: int
    looks: float

    def source(self, chance: Chance, number: int, reached: Sequence[Foothold]) -> Foothold:
        """Where a hop goes out from: the last foothold, unless the shape says otherwise."""
        if self.shape == "star" and self.turn <= number < self.turn + self.width:
            return reached[min(self.turn, len(reached) - 1)]
        if self.shape == "back" and number == self.turn and len(reached) > 1:
            return chance.pick(reached[:-1])
        return reached[-1]


def _plan(chance: Chance, number: int, *, dwells: bool) -> _Plan:
    """The plan of a way of so many hops."""
    shape = chance.pick(_SHAPES)
    return _Plan(
        shape=shape,
        turn=chance.whole(0, 1) if shape == "star" else chance.whole(1, max(1, number - 1)),
        width=chance.whole(2, 3),
        stumbles=chance.whole(0, number - 1) if chance.happens(0.35) else -1,
        dwells=chance.whole(1, max(1, number - 1)) if dwells and chance.happens(0.2) else -1,
        looks=chance.pick((0.0, 0.0, 0.0, 0.4)),
    )


def roam(
    intruder: Intruder, start: Foothold, targets: Sequence[Host], accounts: Sequence[Account], *,
    ways: Sequence[Way] = ("full",), minutes: float = 20, spellings: Sequence[Spelling] = (),
    dwells: bool = True,
) -> None:  # fmt: skip
    """To each of the targets with the next of the accounts in turn, on a way of a drawn shape.

    Args:
        intruder: Who goes.
        start: Where from.
        targets: The hosts on which code is to run.
        accounts: Whose rights.
        ways: One of them is drawn for each hop.
        minutes: Between two hops, at the median.
        spellings: How targets are named, in turn; otherwise as it comes.
        dwells: There may be a pause of hours.
    """
    if not targets:
        return
    chance, when, reached = intruder.chance, start.since, [start]
    plan = _plan(chance, len(targets), dwells=dwells)
    for number, (target, account) in enumerate(zip(targets, cycle(accounts), strict=False)):
        when = intruder.pause(when, minutes)
        if number == plan.dwells:
            when = intruder.dwell(when)
        here = plan.source(chance, number, reached)
        if not intruder.awake(here, when + 3 * MINUTE):  # its person has gone home
            here = reached[-1]
        if number == plan.stumbles:
            intruder.stumble(here, when)
            when = intruder.pause(when, min(minutes, 5))
        spelling = spellings[number % len(spellings)] if spellings else None
        if chance.happens(plan.looks):
            intruder.move(here, target, when, "net use", account=account, spelling=spelling)
            when = intruder.pause(when, min(minutes, 8))
        landed = intruder.move(here, target, when, chance.pick(ways), account=account, spelling=spelling)
        if landed is None:
            return
        reached.append(landed)
        when = landed.since
