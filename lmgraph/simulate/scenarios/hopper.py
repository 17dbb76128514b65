"""Goals and stealth after the attack generator of Ho et al., "Hopper", USENIX Security 2021, section 6.1.

Goals: wander (explore), reach as many hosts as possible (spread), reach a domain controller
(target). Stealth: only where a source went before (known), only with accounts that are logged on
where the attacker stands (active), or both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from lmgraph.simulate.estate import Account, Host, may
from lmgraph.simulate.scenarios import origins
from lmgraph.simulate.scenarios.intruder import Foothold, Intruder, Way
from lmgraph.simulate.times import MINUTE

Goal = Literal["explore", "spread", "target"]
_TARGETED: Final = ("dc",)
_PACE: Final[dict[str, float]] = {"explore": 25, "spread": 4, "target": 15}
_LENGTH: Final[dict[str, tuple[int, int]]] = {
    "explore": (4, 8),
    "spread": (10, 20),
    "target": (4, 6),
}  # target: the prize, below, and one step more

_STAYS: Final = 80 * MINUTE  # that the first host is still switched on: the longest pause before a first hop


@dataclass(slots=True)
class _Raid:
    """What the attacker has so far."""

    intruder: Intruder
    goal: Goal
    known: bool
    active: bool
    footholds: list[Foothold]
    stolen: list[Account]

    def options(self, here: Foothold, when: int) -> list[tuple[Host, Account]]:
        """Where it could run code next from one foothold, and as whom."""
        accounts = self.accounts(here, when)
        intruder = self.intruder
        if self.known:
            places = intruder.world.ledger.known(here.host, when)
            hosts = [host for host, users in places if not self.active or set(users) & set(accounts)]
        else:
            estate = intruder.world.estate.hosts
            hosts = intruder.chance.sample(estate, 40) + intruder.world.estate.having("dc")
        found = []
        for host in hosts:
            usable = [account for account in accounts if may(account, host)]
            if usable and host not in intruder.visited and intruder.on(host, when):
                found.append((host, usable[0]))
        return found

    def accounts(self, here: Foothold, when: int) -> list[Account]:
        """Those logged on there, or all that were ever stolen; the strongest last used first."""
        present = [session.account for session in self.intruder.present(here.host, when)]
        mine = [here.session.account] if here.session.account.rid > 100 else []
        if self.active:
            return list(dict.fromkeys(mine + present))
        self.stolen = list(dict.fromkeys(self.stolen + present))
        return sorted(self.stolen, key=lambda account: account.reach == "none")

    def choose(self, when: int) -> tuple[Foothold, Host, Account] | None:
        """The next step: from a foothold that the goal prefers, where there is one to take."""
        chance = self.intruder.chance
        order = chance.sample(self.footholds, len(self.footholds))
        if self.goal != "spread":  # mostly onward from where it has just arrived
            order = self.footholds[-1:] + [here for here in order if here is not self.footholds[-1]]
        for here in order:
            if not self.intruder.awake(here, max(when, here.since)):
                continue
            options = self.options(here, max(when, here.since))
            if options:
                return (here, *self._best(options))
        return None

    def _best(self, options: list[tuple[Host, Account]]) -> tuple[Host, Account]:
        if self.goal == "target":
            final = [option for option in options if option[0].role in _TARGETED]
            servers = [option for option in options if option[0].is_server]
            options = final or servers or options
        return self.intruder.chance.pick(options)


def raid(intruder: Intruder, goal: Goal, *, known: bool, active: bool) -> None:
    """One attack of that goal and stealth."""
    stealth = {(False, False): "none", (True, False): "known", (False, True): "active"}.get(
        (known, active), "both"
    )
    attack = _start(intruder, goal, stealth, known=known, active=active)
    chance, when = intruder.chance, attack.footholds[0].since
    ways: tuple[Way, ...] = ("full", "psexec", "remote service", "full", "toolkit")
    prize = chance.whole(2, 3)  # footholds after which an account of the domain has been found
    for _ in range(chance.whole(*_LENGTH[goal])):
        if goal == "target" and not active and len(attack.footholds) > prize:
            attack.stolen.insert(0, intruder.world.estate.masters[0])
        when = intruder.pause(when, _PACE[goal])
        step = attack.choose(when)
        if step is None or when >= intruder.end:
            return
        here, target, account = step
        when = max(when, here.since + MINUTE)
        if goal == "explore" and not known and chance.happens(0.2):  # it knocks elsewhere, too
            intruder.stumble(here, when - MINUTE // 2)
        way: Way = "net use" if goal == "explore" and chance.happens(0.2) else chance.pick(ways)
        landed = intruder.move(here, target, when, way, account=account)
        if landed is None:
            intruder.visited.add(target)
            continue
        attack.footholds.append(landed)
        if goal == "target" and target.role in _TARGETED:
            return


def _start(intruder: Intruder, goal: Goal, stealth: str, *, known: bool, active: bool) -> _Raid:
    """A first host from which there is a way on; without stealth any, with an account bought beforehand."""
    bought = [] if known or active else [intruder.administrator().account]
    if bought:
        host, when = origins.draw(intruder)
    else:
        host, when = _promising(intruder, *origins.workplace(intruder), known=known, active=active)
    if known and not active:
        bought = [account for _, users in intruder.world.ledger.known(host, when) for account in users]
    start = intruder.enter(host, when, goal=goal, stealth=stealth)
    return _Raid(intruder, goal, known, active, [start], bought)


def _promising(intruder: Intruder, host: Host, when: int, *, known: bool, active: bool) -> tuple[Host, int]:
    """A host from which one went before, or where an administrator is logged on."""
    ledger = intruder.world.ledger
    order = intruder.chance.sample(intruder.world.estate.hosts, len(intruder.world.estate.hosts))
    found: list[tuple[int, int, Host]] = []
    for place, other in enumerate(order):
        stays = intruder.on(other, when) and intruder.on(other, when + _STAYS)
        if not other.managed or not stays or (other.service and other.role != "server"):
            continue
        accounts = [session.account for session in intruder.present(other, when)]
        if active and all(account.reach == "none" for account in accounts):
            continue
        ways = 5
        if known:
            pairs = ledger.known(other, when)
            ways = sum(
                any(may(user, target) and (not active or user in accounts) for user in users)
                for target, users in pairs
            )
        if ways:
            found.append((-min(ways, 5), place, other))
    return (min(found)[2], when) if found else (host, when)
