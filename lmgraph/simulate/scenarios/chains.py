"""Attacks that go from host to host, mostly in a line."""

from __future__ import annotations

from typing import Final

from lmgraph.simulate.acts import Spelling
from lmgraph.simulate.estate import Account, Administrator, Host
from lmgraph.simulate.scenarios import origins
from lmgraph.simulate.scenarios.intruder import Foothold, Intruder, Way
from lmgraph.simulate.scenarios.routes import follow, repertoire, roam
from lmgraph.simulate.sensor import Session
from lmgraph.simulate.times import HOUR, MINUTE, SECOND, day_of
from lmgraph.simulate.world import World

_USUAL_SKEW_MS: Final = 25_000  # a clock that is off by minutes is a fault of its own


def chain(intruder: Intruder, *, goal: str = "") -> None:
    """Three to five servers, with an administrator's account."""
    _plain(intruder, repertoire(intruder), goal=goal)


def late(intruder: Intruder) -> None:
    """The same, at times with a second account; who runs it sees to the delivery."""
    _plain(intruder, repertoire(intruder), elevates=True)


def _plain(intruder: Intruder, ways: tuple[Way, ...], *, elevates: bool = False, goal: str = "") -> None:
    host, when = origins.draw(intruder)
    targets = intruder.targets("server", "file", number=intruder.chance.whole(3, 5))
    accounts = _stolen(intruder, len(targets)) if elevates else [intruder.administrator().account]
    roam(intruder, intruder.enter(host, when, goal=goal), targets, accounts, ways=ways)


def _stolen(intruder: Intruder, number: int) -> list[Account]:
    """Whose rights are used on so many hosts: one account's, or at times from one host on another's."""
    chance, estate = intruder.chance, intruder.world.estate
    first = intruder.administrator().account
    if number < 2 or not chance.happens(0.35):
        return [first] * number
    admins = [admin.account for admin in estate.administrators]
    others = [account for account in [*admins, *_services(intruder), *estate.masters] if account != first]
    before = chance.whole(1, number - 1)
    return [first] * before + [chance.pick(others)] * (number - before)


def _services(intruder: Intruder) -> list[Account]:
    """Accounts of services that are administrators of servers."""
    servers = intruder.world.estate.having("server")
    return [host.service for host in servers if host.service and host.service.reach == "servers"]


def new_accounts(intruder: Intruder) -> None:
    """An administrator's, a service's, another administrator's account; the domain's for its controller."""
    host, when = origins.draw(intruder)
    estate = intruder.world.estate
    admins = intruder.chance.sample([admin.account for admin in estate.administrators], 2)
    accounts = [admins[0], *intruder.chance.sample(_services(intruder), 1), *admins[1:]]
    targets = intruder.targets("server", number=len(accounts))
    accounts = [*accounts[: len(targets)], intruder.chance.pick(estate.masters)]
    targets += intruder.targets("dc", number=1)
    roam(intruder, intruder.enter(host, when), targets, accounts, ways=repertoire(intruder))


def renamed(intruder: Intruder) -> None:
    """No tool that any rule knows by name."""
    _plain(intruder, ("renamed",), elevates=True)


def toolkit(intruder: Intruder) -> None:
    """A program that speaks SMB itself."""
    _plain(intruder, ("toolkit",), elevates=True)


def names(intruder: Intruder) -> None:
    """Each way to name a target at least once."""
    host, when = origins.draw(intruder)
    targets = intruder.targets("server", "file", number=5)
    spellings: tuple[Spelling, ...] = ("address", "full", "short")
    ways: tuple[Way, ...] = ("full", "psexec", "remote service")
    accounts = _stolen(intruder, len(targets))
    roam(intruder, intruder.enter(host, when), targets, accounts, ways=ways, spellings=spellings)


def slow(intruder: Intruder) -> None:
    """12 to 20 hours a hop."""
    _by_hours(intruder, 12, 20, 4)


def slower(intruder: Intruder) -> None:
    """30 to 60 hours a hop."""
    _by_hours(intruder, 30, 60, 3)


def _by_hours(intruder: Intruder, least: float, most: float, number: int) -> None:
    host, when = origins.draw(intruder)
    account, ways = intruder.administrator().account, repertoire(intruder)
    here: Foothold | None = intruder.enter(host, when)
    moment = when + round(intruder.chance.between(0.2, 1.5) * HOUR)
    for target in intruder.targets("server", "file", number=number):
        if here is None:
            return
        here = intruder.move(here, target, moment, intruder.chance.pick(ways), account=account)
        moment += round(intruder.chance.between(least, most) * HOUR)


def rider(intruder: Intruder) -> None:
    """From the administrator's machine to the jump host and on, within the administrator's session there."""
    admin, when, own, there = _ride(intruder)
    if intruder.chance.happens(0.5):
        intruder.borrow(admin)
    start = intruder.enter(admin.host, when, session=own)
    when = intruder.pause(when, 4)
    if intruder.chance.happens(0.6):
        intruder.move(start, admin.jump, when, "net use", account=admin.account)
        when = intruder.pause(when, 5)
    entry = intruder.move(start, admin.jump, when, "psexec", account=admin.account)
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
    admin, (_, when) = intruder.administrator(), origins.workplace(intruder)
    own = intruder.session(admin.host, when)
    ride = intruder.acts.remote_desktop(own, admin.jump, when - 5 * MINUTE, admin.account, 4)
    return admin, when, own, ride


def remote_desktop(intruder: Intruder) -> None:
    """The first hop is a remote session; SMB from there."""
    host, when = origins.workplace(intruder)
    first, *others = intruder.targets("server", number=4) or intruder.targets("file", number=1)
    account, *further = _stolen(intruder, 1 + len(others))
    start = intruder.enter(host, when)
    entry = intruder.move(start, first, intruder.pause(when, 10), "rdp", account=account)
    if entry:
        roam(intruder, entry, others, further, ways=repertoire(intruder))


def no_sensor(intruder: Intruder) -> None:
    """The second host writes nothing: what it does shows on its targets alone."""
    host, when = origins.draw(intruder, but=("bare",))
    bare = intruder.targets("server", number=1, bare=True)
    seen = intruder.targets("server", number=3) or intruder.targets("file", number=1)
    targets = [*seen[:1], *bare, *seen[1:]]
    accounts, ways = _stolen(intruder, len(targets)), repertoire(intruder)
    follow(intruder, intruder.enter(host, when), targets, accounts, ways=ways)


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
    when = given_up - 20 * MINUTE
    host = _there_all_along(intruder, when - 10 * MINUTE, taken + 20 * MINUTE)
    desk = intruder.chance.pick(intruder.world.estate.desk)[0]
    admin = intruder.administrator().account
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


def _there_all_along(intruder: Intruder, first: int, last: int) -> Host:
    """A workstation whose person is at work at both times, if there is one."""
    hosts = [host for host in intruder.world.estate.having("workstation") if host.managed]
    there = [host for host in hosts if intruder.on(host, first) and intruder.on(host, last)]
    return intruder.chance.pick(intruder.free(there or hosts))


def skewed(intruder: Intruder) -> None:
    """Quickly from one host with a wrong clock to the next."""
    host, when = origins.draw(intruder)
    servers = intruder.world.estate.having("server", "file")
    servers = [
        server
        for server in servers
        if server.managed and server is not host and abs(server.clock_ms) <= _USUAL_SKEW_MS
    ]
    wrong = sorted(servers, key=lambda host: (-abs(host.clock_ms), host.number))[:4]
    targets, ways = intruder.chance.sample(wrong, len(wrong)), repertoire(intruder)
    accounts = _stolen(intruder, len(targets))
    roam(intruder, intruder.enter(host, when), targets, accounts, ways=ways, minutes=1.5, dwells=False)
