"""Who works when: office hours by site, absences, weekends; and which sensors cannot reach the cloud."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from lmgraph.simulate.chance import Chance
from lmgraph.simulate.estate import PEOPLE_ROLES, Estate, Host
from lmgraph.simulate.sensor import Session
from lmgraph.simulate.times import HOUR, day_of, is_working_day, moment

_DAYS_HELD = 8


@dataclass(frozen=True, slots=True)
class Workday:
    """One person's day at the own machine: arrival and leaving (ms), and the session between."""

    first: int
    last: int
    session: Session


class Calendar:
    """A pure function of seed and day, so that a scenario can ask for any day without disturbing one."""

    def __init__(self, seed: int, estate: Estate, noise: float) -> None:
        self._seed, self._estate, self._noise = seed, estate, noise
        self.day = lru_cache(_DAYS_HELD)(self._day)
        self._outages = lru_cache(_DAYS_HELD)(self._outages_of)

    def _day(self, day: int) -> dict[Host, Workday]:
        """The working days of all who come on that day."""
        chance = Chance(self._seed, "calendar", day)
        present = 0.93 if is_working_day(day) else 0.03
        found = {}
        for host in self._estate.having(*PEOPLE_ROLES):
            comes, arrival = chance.happens(present), chance.normal(8.4, 0.6)
            length, logon = chance.normal(8.8, 0.8), chance.whole(10_000_000, 2_000_000_000)
            if comes and host.owner:
                first = moment(day, min(max(arrival, 6.5), 11), host.site.zone)
                last = first + round(min(max(length, 5), 12) * HOUR)
                found[host] = Workday(first, last, Session(host.owner, str(logon), host))
        return found

    def at_work(self, host: Host, when: int) -> Session | None:
        """The session of the person at the host at that time."""
        for day in (day_of(when), day_of(when) - 1):
            workday = self.day(day).get(host)
            if workday and workday.first <= when < workday.last:
                return workday.session
        return None

    def _outages_of(self, day: int) -> dict[Host, tuple[int, int]]:
        chance = Chance(self._seed, "outage", day)
        found = {}
        for host in self._estate.hosts:
            if chance.happens(0.004 * self._noise):
                first = moment(day, chance.between(0, 20))
                found[host] = (first, first + round(chance.between(0.3, 5) * HOUR))
        return found

    def outage(self, host: Host, when: int) -> int:
        """When the host's sensor reaches the cloud again; 0 where it does at that time."""
        span = self._outages(day_of(when)).get(host)
        return span[1] if span and span[0] <= when < span[1] else 0
