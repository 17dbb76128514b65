"""Where and when attacks begin: mostly where somebody works, at times where nobody or no sensor is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal

from lmgraph.simulate.estate import Host
from lmgraph.simulate.scenarios.intruder import Intruder
from lmgraph.simulate.times import HOUR, MINUTE, is_working_day, moment

Kind = Literal["desk", "server", "bare", "night"]
# Out of twenty. The authors' choice: phishing first, then what is exposed, and what nobody watches.
_WEIGHTS: Final[dict[Kind, int]] = {"desk": 12, "server": 3, "bare": 2, "night": 3}
_FEWEST: Final = 5  # servers with a sensor; where there are fewer, none can be spared for a start


def draw(intruder: Intruder, *, but: Sequence[Kind] = ()) -> tuple[Host, int]:
    """A host and a moment (ms) to begin; the host is the attack's from then on.

    Args:
        intruder: Whose attack begins.
        but: Kinds of places at which it cannot begin.
    """
    kinds = [kind for kind, weight in _WEIGHTS.items() if kind not in but for _ in range(weight)]
    places: dict[Kind, Callable[[Intruder], tuple[Host, int]]] = {
        "desk": workplace,
        "server": _exposed,
        "bare": _unwatched,
        "night": _deserted,
    }
    host, when = places[intruder.chance.pick(kinds)](intruder)
    intruder.claim(host)
    return host, when


def workplace(intruder: Intruder) -> tuple[Host, int]:
    """A workstation with a sensor whose person is at work, and a moment (ms) with time left to move on."""
    chance, world = intruder.chance, intruder.world
    for day in range(intruder.day, world.options.days):
        workdays = world.calendar.day(day)
        hosts = [host for host in workdays if host.managed and host.role == "workstation"]
        free = intruder.free(hosts)
        if free:
            host = chance.pick(free)
            workday = workdays[host]
            return host, round(chance.between(workday.first + 20 * MINUTE, workday.last - 100 * MINUTE))
    host = world.estate.having("workstation")[0]  # a weekend on which nobody comes
    return host, moment(intruder.day, chance.between(9, 12), host.site.zone)


def _exposed(intruder: Intruder) -> tuple[Host, int]:
    """A server with a sensor, in office hours."""
    servers = _servers(intruder)
    if not servers:
        return workplace(intruder)
    host = intruder.chance.pick(servers)
    return host, moment(intruder.day, intruder.chance.between(8, 17), host.site.zone)


def _unwatched(intruder: Intruder) -> tuple[Host, int]:
    """A server without a sensor, or a workstation without one whose person is at work."""
    chance, world = intruder.chance, intruder.world
    day = world.calendar.day(intruder.day)
    hosts = [host for host in world.estate.hosts if not host.managed and (host.is_server or host in day)]
    host = chance.pick(intruder.free(hosts))
    if host in day:
        return host, round(chance.between(day[host].first + 20 * MINUTE, day[host].last - 100 * MINUTE))
    return host, moment(intruder.day, chance.between(8, 17), host.site.zone)


def _deserted(intruder: Intruder) -> tuple[Host, int]:
    """A server, or a workstation switched on for it, by night or at a weekend."""
    chance = intruder.chance
    day = intruder.world.calendar.day(intruder.day)
    hosts = _servers(intruder)
    if chance.happens(0.3) or not hosts:
        workers = [host for host in intruder.world.estate.having("workstation") if host.managed]
        hosts = intruder.free([host for host in workers if host not in day]) or intruder.free(workers)
    host = chance.pick(hosts)
    return host, _off_hours(intruder, host)


def _off_hours(intruder: Intruder, host: Host) -> int:
    """A night of that day, or a moment of a weekend that is near; with three hours left to go on."""
    chance, zone, today = intruder.chance, host.site.zone, intruder.day
    possible = [
        moment(day, chance.between(8, 20), zone) for day in range(today, today + 4) if not is_working_day(day)
    ]
    possible += [moment(today, chance.between(*hours), zone) for hours in ((0, 5), (20, 24))]
    earliest, latest = moment(today, 0), intruder.end - 3 * HOUR
    within = [when for when in possible if earliest <= when < latest]
    return chance.pick(within) if within else earliest + chance.whole(0, 60) * MINUTE


def _servers(intruder: Intruder) -> list[Host]:
    servers = [host for host in intruder.world.estate.having("server", "file") if host.managed]
    return intruder.free(servers) if len(servers) >= _FEWEST else []
