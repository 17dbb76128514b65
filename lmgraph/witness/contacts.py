"""Contacts: pairs of hosts that talk SMB, whether or not it was ever an alert; the past of a pair."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from lmgraph.events import Kept, Partial
from lmgraph.identity import Identity
from lmgraph.settings import DAY_US
from lmgraph.witness.rows import Row, of_context


@dataclass(slots=True)
class Contact:
    """One account's use of one pair; ``times`` are the hours' first and last, in microseconds UTC."""

    source: int
    target: int
    user: int
    kinds: Counter[str] = field(default_factory=Counter)
    times: set[int] = field(default_factory=set)

    @property
    def count(self) -> int:
        """Times that the two met: by the record that tells most, since both ends may tell of one."""
        return max(self.kinds.values())

    @property
    def days(self) -> int:
        """Distinct UTC days."""
        return len({time_us // DAY_US for time_us in self.times})


def contacts_of(partial: Partial, rows: Sequence[Row], identity: Identity) -> list[Contact]:
    """Contacts of everything that was folded, and of the witnesses that open hops."""
    found: dict[tuple[int, int, int], Contact] = {}

    def meet(row: Row, times: tuple[int, ...], count: int) -> None:
        if row.source < 0 or row.target < 0 or row.denied:
            return
        user = row.target_user if row.target_user >= 0 else row.source_user
        contact = found.setdefault((row.source, row.target, user), Contact(row.source, row.target, user))
        contact.kinds[row.kind] += count
        contact.times.update(times)

    for event, tally in partial.folded.items():
        for row in of_context([(b"", Kept(event, tally.records, tally.origin))], identity):
            meet(row, (tally.first_us, tally.last_us), tally.distinct)
    for row in rows:
        if row.opens:
            meet(row, (row.time_us,), 1)
    return list(found.values())
