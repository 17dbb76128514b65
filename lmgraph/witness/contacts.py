"""Contacts: pairs of hosts that talk SMB, whether or not it was ever an alert; the past of a pair."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
import numpy as np

from lmgraph.events import Kept, Partial, Tally, dated, union
from lmgraph.identity import Identity
from lmgraph.settings import DAY_US
from lmgraph.witness.rows import of_context
from lmgraph.witness.table import Row, Witnesses


@dataclass(slots=True)
class Contact:
    """One account's use of one pair; ``times`` are the hours' first and last, in microseconds UTC."""

    source: int
    target: int
    user: int
    kinds: dict[str, Tally] = field(default_factory=dict)
    times: set[int] = field(default_factory=set)

    @property
    def count(self) -> int:
        """Times that the two met: by the record that tells most, since both ends may tell of one."""
        return max(tally.distinct for tally in self.kinds.values())

    @property
    def days(self) -> int:
        """Distinct UTC days."""
        return len({time_us // DAY_US for time_us in self.times})


def contacts_of(partial: Partial, rows: Witnesses, identity: Identity) -> list[Contact]:
    """Contacts of everything that was folded, and of the witnesses that open hops.

    A folded row is resolved at its first and at its last record: an address may have changed hands
    in between, and then each of the two has been met.
    """
    found: dict[tuple[int, int, int], Contact] = {}

    def meet(row: Row, tally: Tally, times: tuple[int, ...]) -> None:
        if row.source < 0 or row.target < 0 or row.denied:
            return
        user = row.target_user if row.target_user >= 0 else row.source_user
        contact = found.setdefault((row.source, row.target, user), Contact(row.source, row.target, user))
        known = contact.kinds.get(row.kind)
        contact.kinds[row.kind] = tally if known is None else union((known, tally))
        contact.times.update(times)

    for event, tally in dated(partial.folded):
        for time_us in {tally.first_us, tally.last_us}:
            then = msgspec.structs.replace(event, time_us=time_us)
            for row in of_context([(b"", Kept(then, tally.records, tally.origin))], identity):
                meet(row, tally, (time_us,))
    for row in rows.take(np.flatnonzero(rows.columns["opens"])):
        meet(row, Tally(1, row.time_us, row.time_us, (row.key,), row.origin), (row.time_us,))
    return list(found.values())
