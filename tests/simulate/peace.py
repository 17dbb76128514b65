"""The background alone, before it is written to files, for tests of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from lmgraph.simulate import Options, background, estate
from lmgraph.simulate.calendar import Calendar
from lmgraph.simulate.estate import Account, Host
from lmgraph.simulate.ledger import Ledger
from lmgraph.simulate.sensor import Written
from lmgraph.simulate.world import World


@dataclass(frozen=True)
class Move:
    """A movement as the ledger was told of it."""

    when: int
    source: Host
    target: Host
    account: Account
    kind: str


@dataclass(slots=True)
class Diary(Ledger):
    """A ledger that keeps every movement."""

    moves: list[Move] = field(default_factory=list)

    def moved(self, source, target, account, when, kind):
        self.moves.append(Move(when, source, target, account, kind))
        Ledger.moved(self, source, target, account, when, kind)


@dataclass(frozen=True)
class Peace:
    """A world, what was written in it (with what is lost), and how its hosts moved."""

    world: World
    written: list[Written]

    @property
    def moves(self) -> list[Move]:
        assert isinstance(self.world.ledger, Diary)
        return self.world.ledger.moves

    def starts(self, name: str) -> list[Written]:
        """The starts of a program."""
        rows = [row for row in self.written if row.event == "ProcessRollup2"]
        return [row for row in rows if row.more["FileName"].lower() == name]

    def of(self, event: str) -> list[Written]:
        return [row for row in self.written if row.event == event]


def quiet(hosts: int, days: int, seed: int, noise: float = 1.0) -> Peace:
    """A world in which nothing has happened yet."""
    company, written = estate.build(seed, hosts, days, noise), []
    options = Options(scenarios=(), hosts=hosts, days=days, seed=seed, noise=noise)
    return Peace(World(options, company, Calendar(seed, company, noise), Diary(), written.append), written)


def made(hosts: int, days: int, seed: int, noise: float = 1.0) -> Peace:
    """A world with its background of all days."""
    peace = quiet(hosts, days, seed, noise)
    for day in range(days):
        background.write(peace.world, day)
    return peace


def when_of(row: Written) -> int:
    """The true time (ms) of a record that has a time of the endpoint."""
    seconds, _, thousandths = row.record.get(
        "ContextTimeStamp", row.record.get("ProcessStartTime", "")
    ).partition(".")
    return int(seconds) * 1000 + int(thousandths) - row.host.clock_ms
