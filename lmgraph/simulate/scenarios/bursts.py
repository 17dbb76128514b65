"""Attacks that hit many hosts from one, or from every one that was hit."""

from __future__ import annotations

import heapq
from typing import Final

from lmgraph.simulate.scenarios import origins
from lmgraph.simulate.scenarios.intruder import Foothold, Intruder, Way
from lmgraph.simulate.scenarios.routes import follow, repertoire
from lmgraph.simulate.times import MINUTE, SECOND

_MOST: Final = 400


def ransomware(intruder: Intruder) -> None:
    """A server, a domain controller, then most of what is switched on."""
    chance, estate = intruder.chance, intruder.world.estate
    host, when = origins.draw(intruder)
    master = chance.pick(estate.masters)
    way = intruder.targets("server", number=1) + intruder.targets("dc", number=1)
    start, ways = intruder.enter(host, when), repertoire(intruder)
    base = follow(intruder, start, way, [intruder.administrator().account, master], ways=ways)
    if base is None:
        return
    when = intruder.pause(base.since, 40)
    victims = [host for host in estate.hosts if host not in intruder.visited]
    on = [host for host in victims if intruder.on(host, when)]
    off = [host for host in victims if not intruder.on(host, when)]
    chosen = chance.sample(on, min(_MOST, round(0.6 * len(on)))) + chance.sample(off, min(20, len(off) // 10))
    intruder.fan_out(base, chance.sample(chosen, len(chosen)), when, master, listed=chance.happens(0.5))


def worm(intruder: Intruder) -> None:
    """Whoever is hit tries others of its site after a few minutes; every second attempt is in vain."""
    chance, estate = intruder.chance, intruder.world.estate
    host, when = origins.draw(intruder, but=("bare", "night"))
    account = next(host.service for host in estate.having("deploy") if host.service)
    start = intruder.enter(host, when)
    queue: list[tuple[int, int, Foothold]] = [(intruder.pause(when, 4), 0, start)]
    most = min(40, len(estate.hosts) // 4)
    while queue and len(intruder.visited) < most:
        when, _, here = heapq.heappop(queue)
        if here.host.managed:
            for target in chance.sample(estate.hosts, chance.whole(2, 4)):
                when += chance.whole(3, 40) * SECOND
                if target in intruder.visited or not chance.happens(0.8):
                    continue
                hit = intruder.move(here, target, when, "toolkit", account=account)
                if hit:
                    heapq.heappush(queue, (intruder.pause(hit.since, 4), len(intruder.visited), hit))


def insider(intruder: Intruder) -> None:
    """Late in the day, from the administrator's own machine, to servers that others see to."""
    chance, world = intruder.chance, intruder.world
    admin = intruder.administrator()
    workday = world.calendar.day(intruder.day).get(admin.host)
    if workday is None:
        day = world.calendar.day(intruder.day)
        others = [other for other in world.estate.administrators if other.host in day]
        admin = others[0] if others else admin
        workday = day.get(admin.host)
    intruder.borrow(admin)
    when = workday.last - chance.whole(60, 100) * MINUTE if workday else origins.workplace(intruder)[1]
    start = intruder.enter(admin.host, when)
    foreign = [
        host for host in world.estate.having("server", "file") if host not in admin.habits and host.managed
    ]
    deeper: Foothold | None = None
    for target in chance.sample(foreign, chance.whole(3, 5)):
        when = intruder.pause(when, 7)
        way: Way = "full" if chance.happens(0.5) else "net use"
        deeper = intruder.move(start, target, when, way, account=admin.account) or deeper
    if deeper:
        follow(intruder, deeper, intruder.targets("server", number=1), [admin.account], minutes=8)
