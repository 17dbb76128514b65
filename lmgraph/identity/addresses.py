"""Which host had an address at a time.

Evidence, best first (DESIGN §6): the same connection seen at both ends; the host's own records
near that time; the assets file; its own records further away; a logon record that gives name and
address together; last, a name and an address that one host uses within seconds of each other.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from lmgraph.settings import DAY_US, SECOND_US

I64 = npt.NDArray[np.int64]

NEAR_US: Final = DAY_US  # own records within a day beat an assets file
FAR_US: Final = 30 * DAY_US  # beyond a month an address says nothing: leases and recordings change
BLUR_US: Final = 60 * SECOND_US  # two sightings closer than this are equally near
LEAST_SHARE: Final = 0.1  # a candidate less likely than this is not shown
PAIR_US: Final = 150 * SECOND_US  # two ends of one connection: clocks differ, accepts come late

_NOBODY_KNOWN: Final = -1
_UNSURE: Final = -2
_NO_TIMES: Final = np.zeros(0, np.int64)

Connection = tuple[str, str, int, str]  # cid or "", client address and port, server address


class Holder(NamedTuple):
    """A host that had an address, how sure that is, and what says so."""

    host: int
    certainty: float
    by: str


def _no_times() -> array[int]:
    return array("q")


@dataclass(slots=True)
class _Marks:
    """Times at which one host was seen with one address, was given it, and gave it up."""

    times: array[int] = field(default_factory=_no_times)
    given: set[int] = field(default_factory=set)
    removed: list[int] = field(default_factory=list)
    by: str = "local-address"
    _sorted: int = 0  # how many of the times are in order and apart

    @property
    def seen(self) -> array[int]:
        """The times of the sightings, ascending, each once."""
        if self._sorted != len(self.times):
            self.times = array("q", sorted(set(self.times)))
            self._sorted = len(self.times)
        return self.times


@dataclass(slots=True)
class Span:
    """From when to when the evidence shows a host with an address."""

    host: int
    ip: str
    first_us: int | None
    last_us: int | None
    by: str
    certainty: float


class _Book:
    """Who was seen with one address, and when."""

    def __init__(self) -> None:
        self.marks: dict[int, _Marks] = {}
        self._stale = False  # whether the four below must be made anew
        self._times = array("q")  # of all sightings, ascending
        self._seen = array("q")  # the host of each; of one time ascending
        self._hosts: list[tuple[int, int, int]] = []  # (first, last, host), ascending
        self._reach: list[int] = []  # the latest last among the hosts up to that place

    def of(self, host: int, by: str = "local-address") -> _Marks:
        """The marks of a host, to be added to."""
        self._stale = True
        return self.marks.setdefault(host, _Marks(by=by))

    def nearest(self, time_us: int, horizon_us: int, fits: Callable[[int], bool]) -> list[Holder]:
        """Who was seen with the address nearest in time, each candidate by its distance.

        A host drops out where another was seen with the address between its own sighting and the
        time asked for, unless it was seen with it again on the other side.
        """
        sides = {
            host: _sides(self.marks[host], time_us, horizon_us)
            for host in self._candidates(time_us, horizon_us, fits)
        }
        last_before = max((before for before, _ in sides.values() if before is not None), default=None)
        first_after = min((after for _, after in sides.values() if after is not None), default=None)
        near = []
        for host, (before, after) in sides.items():
            if after is None and (before is None or before != last_before):
                continue
            given = after in self.marks[host].given and last_before is not None
            if before is None and (after != first_after or given):
                continue
            distance = min(abs(time_us - side) for side in (before, after) if side is not None)
            near.append((1 / (distance + BLUR_US), host))
        near = _shares(near)
        near = _shares([(share, host) for share, host in near if share >= LEAST_SHARE])
        return [Holder(host, share, self.marks[host].by) for share, host in sorted(near, key=_likeliest)]

    def sure(self, times: I64, horizon_us: int, fits: Callable[[int], bool]) -> I64:
        """Per time the first that ``nearest`` finds, where that is plain; -1: nobody, -2: ask it.

        It is plain where one and the same host was seen last before and first after, or on one
        side alone.
        """
        self._index()
        seen, hosts = np.frombuffer(self._times, np.int64), np.frombuffer(self._seen, np.int64)
        others = [host for host in self.marks if not fits(host)]
        if others:
            fitting = ~np.isin(hosts, others)
            seen, hosts = seen[fitting], hosts[fitting]
        if not len(seen):
            return np.full(len(times), -1, np.int64)
        left = np.searchsorted(seen, times, "right") - 1
        right = np.searchsorted(seen, times, "left")
        before, after = np.maximum(left, 0), np.minimum(right, len(seen) - 1)
        is_before = (left >= 0) & (times - seen[before] <= horizon_us)
        is_after = (right < len(seen)) & (seen[after] - times <= horizon_us)
        found = np.where(is_before, hosts[before], np.where(is_after, hosts[after], -1))
        shared = np.zeros(len(seen) + 1, np.bool_)  # another host was seen at the same time
        shared[1:-1] = seen[1:] == seen[:-1]
        shared = shared[1:] | shared[:-1]
        removed = np.array(sorted(at for marks in self.marks.values() for at in marks.removed), np.int64)
        given_up = np.searchsorted(removed, seen[before], "left") < np.searchsorted(removed, times, "right")
        found[is_before & (shared[before] | given_up)] = _UNSURE
        found[is_after & shared[after]] = _UNSURE
        found[is_before & is_after & (hosts[before] != hosts[after])] = _UNSURE
        return found

    def _candidates(self, time_us: int, horizon_us: int, fits: Callable[[int], bool]) -> set[int]:
        """Hosts seen last before the time, first after it, or on both sides of it; no others can be meant."""
        self._index()
        found: set[int] = set()
        for side, places in enumerate(
            (
                range(bisect_right(self._times, time_us) - 1, -1, -1),
                range(bisect_left(self._times, time_us), len(self._times)),
            )
        ):
            nearest = None
            for place in places:
                at, host = self._times[place], self._seen[place]
                if abs(at - time_us) > horizon_us or (nearest is not None and at != nearest):
                    break
                # A host that gave the address up in between was not there any more.
                if fits(host) and _sides(self.marks[host], time_us, horizon_us)[side] is not None:
                    found.add(host)
                    nearest = at
        place = bisect_right(self._hosts, time_us, key=_time) - 1
        while place >= 0 and self._reach[place] >= time_us:
            _, last, host = self._hosts[place]
            if last >= time_us and fits(host):
                found.add(host)
            place -= 1
        return found

    def _index(self) -> None:
        if self._stale:
            self._stale = False
            seen = {host: marks.seen for host, marks in self.marks.items() if marks.times}
            times = np.concatenate([_NO_TIMES, *(np.frombuffer(times, np.int64) for times in seen.values())])
            hosts = np.repeat(np.array(list(seen), np.int64), [len(times) for times in seen.values()])
            order = np.lexsort((hosts, times))
            self._times, self._seen = array("q", times[order].tobytes()), array("q", hosts[order].tobytes())
            self._hosts = sorted((times[0], times[-1], host) for host, times in seen.items())
            self._reach = list(accumulate((last for _, last, _ in self._hosts), max))


_NOBODY: Final = _Book()


def _time(row: tuple[int, ...]) -> int:
    return row[0]


def _anybody(_host: int) -> bool:
    return True


class Addresses:
    """The address book of a run; fill it, then ask ``holders``."""

    def __init__(self) -> None:
        self._own: dict[str, _Book] = {}
        self._told: dict[str, _Book] = {}
        self._listed: dict[str, list[tuple[int | None, int | None, int]]] = {}
        self._guessed: dict[str, _Book] = {}
        self._ends: dict[Connection, list[tuple[int, int]]] = {}
        self._by_host: dict[int, set[str]] = {}  # what telemetry of its own or the assets file shows

    def see(self, host: int, ip: str, times: Iterable[int], *, by: str, given: bool = False) -> None:
        """The host's own telemetry shows it with the address at these times.

        ``given``: the record says that the address was assigned then, so it says nothing of before.
        """
        self._by_host.setdefault(host, set()).add(ip)
        marks = self._own.setdefault(ip, _Book()).of(host, by)
        marks.by = min(marks.by, by)
        marks.times.extend(times)
        if given:
            marks.given.update(times)

    def remove(self, host: int, ip: str, time_us: int) -> None:
        """The host's own telemetry says that it gave the address up."""
        insort(self._own.setdefault(ip, _Book()).of(host).removed, time_us)

    def tell(self, host: int, ip: str, times: Iterable[int]) -> None:
        """Another host's record names the host and the address together."""
        self._told.setdefault(ip, _Book()).of(host, "logon").times.extend(times)

    def enlist(self, host: int, ip: str, valid_from: int | None, valid_to: int | None) -> None:
        """The assets file gives the host the address in a half-open interval."""
        self._by_host.setdefault(host, set()).add(ip)
        self._listed.setdefault(ip, []).append((valid_from, valid_to, host))

    def guess(self, host: int, ip: str, time_us: int) -> None:
        """One source used the host's name and, within seconds, the address."""
        self._guessed.setdefault(ip, _Book()).of(host, "co-occurrence").times.append(time_us)

    def accept(self, host: int, connection: Connection, time_us: int) -> None:
        """A host accepted a connection; the other end's record may name the same one."""
        insort(self._ends.setdefault(connection, []), (time_us, host))

    def server(self, connection: Connection, time_us: int) -> int:
        """The host that accepted this very connection; -1 where none is known."""
        near = [
            (abs(at - time_us), host)
            for at, host in self._ends.get(connection, ())
            if abs(at - time_us) <= PAIR_US
        ]
        return min(near)[1] if near else -1

    def of_host(self, host: int) -> frozenset[str]:
        """Addresses that telemetry of its own, or the assets file, ever shows of the host."""
        return frozenset(self._by_host.get(host, ()))

    def held(self, host: int, time_us: int) -> tuple[str, ...]:
        """Addresses that most likely were the host's at that time, ascending."""
        return tuple(
            sorted(ip for ip in self.of_host(host) if host in (h.host for h in self.holders(ip, time_us)[:1]))
        )

    def holders(self, ip: str, time_us: int, fits: Callable[[int], bool] = _anybody) -> list[Holder]:
        """Hosts that had the address at that time, likeliest first; shares add up to at most 1.

        Only hosts that ``fits`` accepts are asked about, such as those of one customer.
        """
        own, told = self._own.get(ip, _NOBODY), self._told.get(ip, _NOBODY)
        return (
            own.nearest(time_us, NEAR_US, fits)
            or self._by_list(ip, time_us, fits)
            or own.nearest(time_us, FAR_US, fits)
            or told.nearest(time_us, FAR_US, fits)
            or self._by_guess(ip, time_us, fits)
        )

    def likeliest(self, ip: str, times: I64, fits: Callable[[int], bool] = _anybody) -> I64:
        """The first of ``holders`` at each time, -1 where none is known."""
        own, told = self._own.get(ip, _NOBODY), self._told.get(ip, _NOBODY)
        found = own.sure(times, NEAR_US, fits)
        later: list[tuple[_Book, int]] = [(own, FAR_US), (told, FAR_US)]
        for book, horizon_us in later if ip not in self._listed else []:
            open_ = found == _NOBODY_KNOWN
            found[open_] = book.sure(times[open_], horizon_us, fits)
        if ip in self._listed or ip in self._guessed:
            found[found == _NOBODY_KNOWN] = _UNSURE
        unsure = found == _UNSURE
        asked, places = np.unique(times[unsure], return_inverse=True)
        answers = [self.holders(ip, time_us, fits)[:1] for time_us in asked.tolist()]
        hosts = [holders[0].host if holders else _NOBODY_KNOWN for holders in answers]
        found[unsure] = np.array(hosts, np.int64)[places]
        return found

    def spans(self) -> list[Span]:
        """What the book says of every host, for the output."""
        out = []
        for book, certainty in ((self._own, 1.0), (self._told, 0.9)):
            for ip, hosts in book.items():
                for host, marks in hosts.marks.items():
                    if marks.seen:
                        out.append(Span(host, ip, marks.seen[0], marks.seen[-1], marks.by, certainty))
        for ip, rows in self._listed.items():
            out += [Span(host, ip, start, end, "assets", 1.0) for start, end, host in rows]
        for ip, hosts in self._guessed.items():
            for host, marks in hosts.marks.items():
                out.append(Span(host, ip, marks.seen[0], marks.seen[-1], marks.by, _trust(marks)))
        return sorted(out, key=lambda s: (s.host, s.ip, s.by, s.first_us or 0, s.last_us or 0))

    def _by_list(self, ip: str, time_us: int, fits: Callable[[int], bool]) -> list[Holder]:
        hosts = sorted(
            {
                host
                for start, end, host in self._listed.get(ip, ())
                if fits(host) and (start is None or start <= time_us) and (end is None or time_us < end)
            }
        )
        return [Holder(host, 1 / len(hosts), "assets") for host in hosts]

    def _by_guess(self, ip: str, time_us: int, fits: Callable[[int], bool]) -> list[Holder]:
        book = self._guessed.get(ip, _NOBODY)
        near = book.nearest(time_us, FAR_US, fits)
        return [Holder(host, share * _trust(book.marks[host]), by) for host, share, by in near]


def _trust(marks: _Marks) -> float:
    """How far n sightings by co-occurrence alone are to be trusted: n / (n + 1), never certain."""
    return len(marks.seen) / (len(marks.seen) + 1)


def _sides(marks: _Marks, time_us: int, horizon_us: int) -> tuple[int | None, int | None]:
    """The last sighting not after, and the first not before, a time; ``None`` beyond the horizon."""
    place = bisect_right(marks.seen, time_us)
    before = marks.seen[place - 1] if place else None
    if before is not None:
        gone = bisect_left(marks.removed, before)
        if time_us - before > horizon_us or (gone < len(marks.removed) and marks.removed[gone] <= time_us):
            before = None
    place = bisect_left(marks.seen, time_us)
    after = marks.seen[place] if place < len(marks.seen) else None
    if after is not None and after - time_us > horizon_us:
        after = None
    return before, after


def _shares(weights: list[tuple[float, int]]) -> list[tuple[float, int]]:
    total = sum(weight for weight, _ in weights)
    return [(weight / total, host) for weight, host in weights]


def _likeliest(share: tuple[float, int]) -> tuple[float, int]:
    return -share[0], share[1]
