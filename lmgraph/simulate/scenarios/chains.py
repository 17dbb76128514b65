"""Attacks that go from host to host in a line."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle

from lmgraph.simulate.acts import Spelling
from lmgraph.simulate.estate import Account, Administrator, Host
from lmgraph.simulate.scenarios.intruder import Foothold, Intruder, Way
from lmgraph.simulate.sensor import Session
from lmgraph.simulate.times import HOUR, MINUTE, SECOND, day_of
from lmgraph.simulate.world import World


def follow(
    intruder: Intruder, start: Foothold, targets: Sequence[Host], accounts: Sequence[Account], *,
    way: Way = "full", minutes: float = 20, spellings: Sequence[Spelling] = (),
) -> Foothold | None:  # fmt: skip
    """From host to host, each with the next of the accounts in turn; gives the last foothold."""
    here: Foothold | None = start
    for number, (target, account) in enumerate(zip(targets, cycle(accounts), strict=False)):
        if here is None:
            return None
        when = intruder.pause(here.since, minutes)
        spelling = spellings[number % len(spellings)] if spellings else None
        here = intruder.move(here, target, when, way, account=account, spelling=spelling)
    return here


def chain(intruder: Intruder, *, way: Way = "full", minutes: float = 20, goal: str = "") -> None:
    """A workstation, then three to five servers, with an administrator's account."""
    host, when = intruder.workplace()
    targets = intruder.targets("server", "file", number=intruder.chance.whole(3, 5))
    account = intruder.administrator().account
    follow(intruder, intruder.enter(host, when, goal=goal), targets, [account], way=way, minutes=minutes)


def new_accounts(intruder: Intruder) -> None:
    """An administrator's, a service's, another administrator's account; the domain's for its controller."""
    host, when = intruder.workplace()
    estate = intruder.world.estate
    services = [
        host.service for host in estate.having("server") if host.service and host.service.reach == "servers"
    ]
    admins = intruder.chance.sample([admin.account for admin in estate.administrators], 2)
    accounts = [admins[0], *intruder.chance.sample(services, 1), *admins[1:]]
    targets = intruder.targets("server", number=len(accounts)) + intruder.targets("dc", number=1)
    follow(intruder, intruder.enter(host, when), targets, [*accounts, intruder.chance.pick(estate.masters)])


def renamed(intruder: Intruder) -> None:
    """No tool that any rule knows by name."""
    chain(intruder, way="renamed")


def toolkit(intruder: Intruder) -> None:
    """A program that speaks SMB itself."""
    chain(intruder, way="toolkit")


def names(intruder: Intruder) -> None:
    """Each way to name a target at least once."""
    host, when = intruder.workplace()
    targets = intruder.targets("server", "file", number=5)
    spellings: tuple[Spelling, ...] = ("address", "full", "short")
    account = intruder.administrator().account
    follow(intruder, intruder.enter(host, when), targets, [account], spellings=spellings)


def slow(intruder: Intruder) -> None:
    """12 to 20 hours a hop."""
    _by_hours(intruder, 12, 20, 4)


def slower(intruder: Intruder) -> None:
    """30 to 60 hours a hop."""
    _by_hours(intruder, 30, 60, 3)


def _by_hours(intruder: Intruder, least: float, most: float, number: int) -> None:
    host, when = intruder.workplace()
    account = intruder.administrator().account
    here: Foothold | None = intruder.enter(host, when)
    moment = when + round(intruder.chance.between(0.2, 2) * HOUR)
    for target in intruder.targets("server", "file", number=number):
        if here is None:
            return
        here = intruder.move(here, target, moment, "full", account=account)
        moment += round(intruder.chance.between(least, most) * HOUR)


def rider(intruder: Intruder) -> None:
    """From the administrator's machine to the jump host and on, within the administrator's session there."""
    admin, when, own, there = _ride(intruder)
    start = intruder.enter(admin.host, when, session=own)
    intruder.move(start, admin.jump, intruder.pause(when, 4), "net use", account=admin.account)
    entry = intruder.move(start, admin.jump, intruder.pause(when, 9), "psexec", account=admin.account)
    if entry is None:
        return
    riding = Foothold(there, entry.since, entry.hop)
    habitual = intruder.move(riding, admin.habits[0], intruder.pause(entry.since, 12), "psexec")
    fresh = [host for host in intruder.targets("server", number=6) if host not in admin.habits][:2]
    for target in fresh:
        intruder.move(riding, target, intruder.pause(entry.since, 25), "full")
    if habitual:
        follow(intruder, habitual, intruder.targets("server", number=1), [admin.account])


def _ride(intruder: Intruder) -> tuple[Administrator, int, Session, Session]:
    """Whom to follow, from when (ms), and the two sessions; an own one where nobody came by that day."""
    world = intruder.world
    for admin in intruder.chance.sample(world.estate.administrators, len(world.estate.administrators)):
        for stay in world.ledger.stays[admin.jump]:
            own = world.calendar.at_work(admin.host, stay.first)
            if own and stay.session.account == admin.account and day_of(stay.first) == intruder.day:
                into = intruder.chance.between(0.05, 0.3)
                return admin, stay.first + round((stay.last - stay.first) * into), own, stay.session
    admin, (_, when) = intruder.administrator(), intruder.workplace()
    own = intruder.session(admin.host, when)
    ride = intruder.acts.remote_desktop(own, admin.jump, when - 5 * MINUTE, admin.account, 4)
    return admin, when, own, ride


def remote_desktop(intruder: Intruder) -> None:
    """The first hop is a remote session; SMB from there."""
    host, when = intruder.workplace()
    account = intruder.administrator().account
    first, *others = intruder.targets("server", number=4)
    start = intruder.enter(host, when)
    entry = intruder.move(start, first, intruder.pause(when, 10), "rdp", account=account)
    if entry:
        follow(intruder, entry, others, [account])


def no_sensor(intruder: Intruder) -> None:
    """The second host writes nothing: what it does shows on its targets alone."""
    host, when = intruder.workplace()
    account = intruder.administrator().account
    bare = intruder.targets("server", number=1, bare=True)
    targets = intruder.targets("server", number=3)
    follow(intruder, intruder.enter(host, when), [targets[0], *bare, *targets[1:]], [account])


def hand_over(world: World, day: int) -> list[tuple[int, Host, Host, int]]:
    """Addresses that change hands on that day, between machines with sensors whose people are there."""
    calendar, found = world.calendar, []
    for given_up, former, holder, taken in world.estate.handed_on:
        near = day_of(given_up) == day_of(taken) == day and taken - given_up > 4 * MINUTE
        moments = [(former, given_up - HOUR // 2), (former, given_up + HOUR // 4)]
        moments += [(holder, taken), (holder, taken + HOUR // 2)]
        there = all(calendar.at_work(host, when) for host, when in moments)
        if near and there and former.managed and holder.managed:
            found.append((given_up, former, holder, taken))
    return found


def address_changes(intruder: Intruder) -> None:
    """The same address means one host before noon and another one after."""
    changes = hand_over(intruder.world, intruder.day)
    if not changes:  # an estate so small that it did not happen
        chain(intruder, goal="no address changed hands")
        return
    given_up, former, holder, taken = intruder.chance.pick(changes)
    intruder.claim(former)  # no place to start from
    intruder.claim(holder)
    host, _ = intruder.workplace()
    desk = intruder.chance.pick(intruder.world.estate.desk)[0]
    admin = intruder.administrator().account
    when = given_up - 20 * MINUTE
    start = intruder.enter(host, when - 10 * MINUTE)
    first = intruder.move(start, former, when, "full", account=desk, spelling="address")
    servers = intruder.targets("server", number=2)
    if first:
        intruder.move(
            first, servers[0], given_up + intruder.chance.whole(60, 200) * SECOND, "full", account=admin
        )
    second = intruder.move(start, holder, taken + 6 * MINUTE, "full", account=desk, spelling="address")
    if second:
        follow(intruder, second, servers[1:], [admin])


def skewed(intruder: Intruder) -> None:
    """Quickly from one host with a wrong clock to the next."""
    servers = [host for host in intruder.world.estate.having("server", "file") if host.managed]
    wrong = sorted(servers, key=lambda host: (-abs(host.clock_ms), host.number))[:4]
    host, when = intruder.workplace()
    account = intruder.administrator().account
    targets = intruder.chance.sample(wrong, len(wrong))
    follow(intruder, intruder.enter(host, when), targets, [account], way="psexec", minutes=1.5)
