"""What the background did so far: who moved where, who is logged on where. Bounded by distinct pairs."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from lmgraph.simulate.estate import Account, Host
from lmgraph.simulate.sensor import Session
from lmgraph.simulate.times import DAY, day_of


@dataclass(frozen=True, slots=True)
class Stay:
    """A session that lasts: from, and until when (ms)."""

    session: Session
    first: int
    last: int


@dataclass(slots=True)
class Contact:
    """Between two hosts: on which days (0-based, UTC) anything touched port 445, and what it was."""

    days: set[int] = field(default_factory=set)
    kinds: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Ledger:
    """Filled by the background, read by the scenarios.

    Attributes:
        movements: How often which kind of movement took place.
        pairs: Source and target to the accounts that moved there, and when (ms) first.
        stays: Sessions by host.
        misspelt: From where which name that is no host's was asked for, and on which day.
        contacts: Source and target to whatever spoke SMB between them, movements and all else.
    """

    movements: Counter[str] = field(default_factory=Counter)
    pairs: dict[tuple[Host, Host], dict[Account, int]] = field(default_factory=dict)
    stays: defaultdict[Host, list[Stay]] = field(default_factory=lambda: defaultdict(list))
    misspelt: set[tuple[Host, str, int]] = field(default_factory=set)
    contacts: defaultdict[tuple[Host, Host], Contact] = field(default_factory=lambda: defaultdict(Contact))

    def moved(self, source: Host, target: Host, account: Account, when: int, kind: str) -> None:
        """Note a movement."""
        self.movements[kind] += 1
        accounts = self.pairs.setdefault((source, target), {})
        accounts[account] = min(when, accounts.get(account, when))
        self.touched(source, target, when, kind)

    def touched(self, source: Host, target: Host, when: int, kind: str = "") -> None:
        """Note a connection to port 445; without a kind it is part of a movement noted for itself."""
        contact = self.contacts[source, target]
        contact.days.add(day_of(when))
        if kind:
            contact.kinds.add(kind)

    def stayed(self, session: Session, first: int, last: int) -> None:
        """Note a session."""
        self.stays[session.host].append(Stay(session, first, last))

    def present(self, host: Host, when: int) -> list[Session]:
        """The sessions on a host at a time, the latest first."""
        found = [stay for stay in self.stays.get(host, ()) if stay.first <= when < stay.last]
        return [stay.session for stay in reversed(found)]

    def known(self, source: Host, when: int) -> list[tuple[Host, list[Account]]]:
        """Where a source had gone before that time, and as whom."""
        found = []
        for (start, target), accounts in self.pairs.items():
            before = [account for account, first in accounts.items() if first < when]
            if start is source and before:
                found.append((target, before))
        return sorted(found, key=lambda pair: pair[0].number)

    def forget(self, before: int) -> None:
        """Drop sessions that ended a day before that time."""
        for host, stays in self.stays.items():
            self.stays[host] = [stay for stay in stays if stay.last > before - DAY]
