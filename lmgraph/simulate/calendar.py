"""Who works when: office hours by site, absences, weekends; and which sensors fail to reach the cloud."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from lmgraph.simulate.chance import Chance
from lmgraph.simulate.estate import PEOPLE_ROLES, Estate, Host
from lmgraph.simulate.sensor import Session
from lmgraph.simulate.times import HOUR, day_of, is_working_day, moment

_DAYS_HELD = 8
_LOST = 0.005  # of the records, at random
_DOWN = 0.015  # of the sensors, on a day, are down for hours


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
        self._downs = lru_cache(_DAYS_HELD)(self._downs_of)

    def _day(self, day: int) -> dict[Host, Workday]:
        """The working days of all who come on that day."""
        chance = Chance(self._seed, "calendar", day)
        present = 0.93 if is_working_day(day) else 0.03
        found = {}
        for host in self._estate.having(*PEOPLE_ROLES):
            comes, arrival = chance.happens(present), chance.normal(8.4, 0.6)
            length, logon = chance.normal(8.8, 0.8), chance.whole(10_000_000, 2_000_000_000)
            if comes and host.owner and host.joins <= day and not self.away(host, day):
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

    def away(self, host: Host, day: int) -> bool:
        """Whether the administrator of that machine is on holiday: some days of some weeks, one at a time."""
        machines = self._estate.having("admin")
        chance = Chance(self._seed, "holiday", day // 7)
        if not chance.happens(0.5 * self._noise):
            return False
        first, length = chance.whole(1, 3), chance.whole(2, 4)
        return chance.pick(machines) is host and first <= day % 7 < first + length

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

    def lost(self, host: Host, when: int, number: str) -> bool:
        """Whether a record never arrives; it hangs on its id, and on its host and time (ms), alone."""
        if not self._noise:
            return False
        # Delivery decides by the first and the last digits of the id; these are others.
        if int(number[9:13] + number[14:18], 16) < _LOST * self._noise * 2**32:
            return True
        span = self._downs(day_of(when)).get(host)
        return span is not None and span[0] <= when < span[1]

    def _downs_of(self, day: int) -> dict[Host, tuple[int, int]]:
        chance = Chance(self._seed, "down", day)
        found = {}
        for host in self._estate.hosts:
            if chance.happens(_DOWN * self._noise):
                first = chance.between(0, 20)
                found[host] = (moment(day, first), moment(day, min(first + chance.between(1, 8), 24)))
        return found
