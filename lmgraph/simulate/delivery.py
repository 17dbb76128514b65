"""From the sensors to the files: what comes late, twice, out of order, broken or not at all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from lmgraph.simulate.chance import Chance
from lmgraph.simulate.estate import Estate, Host
from lmgraph.simulate.flavours import Flavour
from lmgraph.simulate.sensor import Written
from lmgraph.simulate.times import HOUR, MINUTE, day_of, moment

_TWICE = 0.004  # of the records, delivered again within a day and a half
_LATE = 0.004  # of the hosts, on a day, deliver a part of it days later
_BROKEN = 1.5  # lines cut off in transit, a day


@dataclass(slots=True)
class Tally:
    """What was delivered: lines that can be read, repetitions, late ones, broken ones; and what never was."""

    records: int = 0
    duplicates: int = 0
    late: int = 0
    malformed: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True)
class _Hold:
    first: int
    last: int
    until: int


class Delivery:
    """Collects lines and gives them out day by day; holds about one day of them in memory.

    What befalls a line hangs on its id and host alone, so that further records do not change it.
    """

    def __init__(self, seed: int, estate: Estate, flavour: Flavour, noise: float) -> None:
        self.tally = Tally()
        self._seed, self._estate, self._flavour, self._noise = seed, estate, flavour, noise
        self._fresh: defaultdict[int, list[tuple[int, Host, str, bytes]]] = defaultdict(list)
        self._due: defaultdict[int, list[tuple[int, bytes]]] = defaultdict(list)
        self._holds: defaultdict[Host, list[_Hold]] = defaultdict(list)
        self._done = -1

    def take(self, written: Written) -> None:
        """A record has been written; unless it is lost, it has reached the cloud."""
        line = self._flavour.line(written)
        if line is not None and written.lost:
            self.tally.lost += 1
        elif line is not None:
            day = max(day_of(written.cloud), self._done + 1)
            self._fresh[day].append((written.cloud, written.host, written.record["id"], line))

    def hold(self, host: Host, first: int, last: int, until: int) -> None:
        """What reaches the cloud from a host in ``[first, last)`` is not delivered before ``until``."""
        self._holds[host].append(_Hold(first, last, until))

    def day(self, day: int) -> list[bytes]:
        """The lines delivered on a day, in the order of delivery; days must be asked for in order."""
        self._done = day
        for host in self._late_hosts(day):
            self.hold(host, moment(day, 6), moment(day, 18), moment(day + 2, 3))
        for cloud, host, number, line in self._fresh.pop(day, ()):
            self._schedule(day, cloud, host, number, line)
        return [line for _, line in sorted(self._broken(day, self._due.pop(day, [])))]

    def rest(self, days: int) -> Iterator[tuple[int, list[bytes]]]:
        """The days after the last one, for what was late or went on into the night."""
        while pending := self._fresh.keys() | self._due.keys():
            day = min(pending)
            assert day >= days, "every day of the simulation was delivered"
            yield day, self.day(day)

    def _schedule(self, today: int, cloud: int, host: Host, number: str, line: bytes) -> None:
        first, second = int(number[:8], 16) / 2**32, int(number[-8:], 16) / 2**32
        when = cloud
        if self._noise:
            when += round(first * 4 * MINUTE)  # parts are cut per partition: no order within minutes
        for hold in self._holds.get(host, ()):
            if hold.first <= cloud < hold.last:
                when = hold.until + (cloud - hold.first) // 20
                self.tally.late += 1
        self.tally.records += 1
        self._due[max(today, day_of(when))].append((when, line))
        if second < _TWICE * self._noise:
            self.tally.duplicates += 1
            again = when + round(first * 36 * HOUR)
            self._due[max(today, day_of(again))].append((again, line))

    def _late_hosts(self, day: int) -> list[Host]:
        chance = Chance(self._seed, "late", day)
        return [host for host in self._estate.hosts if chance.happens(_LATE * self._noise)]

    def _broken(self, day: int, lines: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
        """The lines, and copies of a few that end too early. The whole lines stay: nothing is lost by it."""
        chance = Chance(self._seed, "malformed", day)
        found = list(lines)
        for _ in range(chance.count(_BROKEN * self._noise)):
            if lines:
                when, line = chance.pick(lines)
                found.append((when + 1, line[: round(len(line) * chance.between(0.2, 0.9))]))
                self.tally.malformed += 1
        return found
