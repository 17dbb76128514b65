"""Contacts: pairs of hosts that talk SMB, whether or not it was ever an alert; the past of a pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from lmgraph.events import Kept, Partial
from lmgraph.folds import I64, Folds
from lmgraph.identity import Identity
from lmgraph.names import canonical_ip, identifies
from lmgraph.rules.witnesses import testify
from lmgraph.schema import Event, Origin
from lmgraph.settings import DAY_US
from lmgraph.witness.rows import Row, of_context

I32 = npt.NDArray[np.int32]

_NOWHERE: Final = Origin("", 0)  # a folded row lies in no one place


@dataclass(frozen=True, slots=True)
class Contact:
    """One account's use of one pair.

    Attributes:
        count: Times that the two met: by the record that tells most, since both ends may tell of one.
        times: The hours' first and last, ascending, each once; microseconds UTC.
    """

    source: int
    target: int
    user: int
    count: int
    times: I64

    @property
    def days(self) -> int:
        """Distinct UTC days."""
        return len(np.unique(self.times // DAY_US))


class _Met(NamedTuple):
    """Who met at the first and at the last record of each folded row that testifies to a contact.

    ``told[of[i]]`` is what the record of row ``rows[i]`` at ``times[i]`` shows.
    """

    rows: I64
    times: I64
    of: I64
    told: list[Row | None]


def contacts_of(partial: Partial, rows: Sequence[Row], identity: Identity) -> list[Contact]:
    """Contacts of everything that was folded, and of the witnesses that open hops.

    A folded row is resolved at its first and at its last record: an address may have changed hands
    in between, and then each of the two has been met.
    """
    contacts: dict[tuple[int, int, int], int] = {}
    kinds: dict[tuple[int, str], int] = {}  # of records, by contact

    def number(row: Row | None) -> tuple[int, int]:
        """Numbers of the contact and of its kind of records; -1 for a row that shows none."""
        if row is None or row.source < 0 or row.target < 0 or row.denied:
            return -1, -1
        user = row.target_user if row.target_user >= 0 else row.source_user
        contact = contacts.setdefault((row.source, row.target, user), len(contacts))
        return contact, kinds.setdefault((contact, row.kind), len(kinds))

    met = _met(partial.folded, identity)
    contact, kind = np.array([(-1, -1), *map(number, met.told)], np.int64)[1:][met.of].T
    shown = contact >= 0
    contact, kind, row, time_us = contact[shown], kind[shown], met.rows[shown], met.times[shown]
    openers = [(*number(row), row.time_us, int(row.name[:16], 16)) for row in rows if row.opens]
    openers = [opener for opener in openers if opener[0] >= 0]
    opened = np.array([opener[:3] for opener in openers], np.int64).reshape(-1, 3)
    names = np.array([opener[3] for opener in openers], np.uint64)
    # Most rows met the same at their first record and at their last, and count once.
    once = _apart(kind, row)
    counts = partial.folded.distinct(row[once], kind[once], names, opened[:, 1])
    most = np.zeros(len(contacts), np.int64)
    np.maximum.at(most, [contact for contact, _ in kinds], counts)
    contact, time_us = np.append(contact, opened[:, 0]), np.append(time_us, opened[:, 2])
    once = _apart(contact, time_us)
    times = time_us[once]
    bounds = np.searchsorted(contact[once], np.arange(len(contacts) + 1)).tolist()
    return [
        Contact(*ends, count, times[begin:end])
        for ends, count, (begin, end) in zip(contacts, most.tolist(), pairwise(bounds), strict=True)
    ]


def _met(folded: Folds, identity: Identity) -> _Met:
    """Each template is looked at once for every host that may have had the address it names."""
    columns = folded.columns
    events: list[Event] = []
    asked: list[int] = []  # the question that each puts to the address book
    questions: dict[tuple[str | None, str | None], tuple[int, int]] = {}  # with one host that asks
    template = np.full(len(folded), -1, np.int32)
    for seen in folded.by_template():
        host, testimony = identity.host_of(seen.event), testify(seen.event)
        if host < 0 or testimony is None or testimony.denied:
            continue
        template[seen.rows] = len(events)
        place = (_address(seen.event), identity.hosts.all[host].cid)
        events.append(seen.event)
        asked.append(questions.setdefault(place, (len(questions), host))[0])
    rows = np.flatnonzero(template >= 0)
    again = rows[columns.first_us[rows] != columns.last_us[rows]]
    times = np.append(columns.first_us[rows], columns.last_us[again])
    rows = np.append(rows, again)
    answers = _answers(np.array(asked, np.int32)[template[rows]], times, questions, identity)
    # A template and an answer together: in that, all its records show the same.
    _, places, of = np.unique(
        template[rows] * np.int64(len(identity.hosts.all)) + answers, return_index=True, return_inverse=True
    )
    told = [
        _row(events[number], time_us, identity)
        for number, time_us in zip(template[rows][places].tolist(), times[places].tolist(), strict=True)
    ]
    return _Met(rows, times, of, told)


def _answers(
    asked: I32,
    times: I64,
    questions: dict[tuple[str | None, str | None], tuple[int, int]],
    identity: Identity,
) -> I64:
    """Per row the host that most likely had the address at that time; 0 where the row names none."""
    answers = np.zeros(len(asked), np.int64)
    order = np.argsort(asked, kind="stable")
    bounds = np.searchsorted(asked[order], np.arange(len(questions) + 1)).tolist()
    for ((ip, _), (_, near)), (begin, end) in zip(questions.items(), pairwise(bounds), strict=True):
        if ip is not None:
            places = order[begin:end]
            answers[places] = identity.by_addresses(ip, times[places], near)
    return answers


def _address(event: Event) -> str | None:
    """The address by which a record names its other end."""
    return event.remote_ip if identifies(event.remote_ip) else canonical_ip(event.remote_name)


def _row(event: Event, time_us: int, identity: Identity) -> Row | None:
    """What the event shows at that time."""
    then = msgspec.structs.replace(event, time_us=time_us)
    return next(iter(of_context([(b"", Kept(then, 1, _NOWHERE))], identity)), None)


def _apart(group: I64, value: I64) -> I64:
    """Places of each distinct pair, sorted by both."""
    order = np.lexsort((value, group))
    fresh = np.ones(len(order), np.bool_)
    fresh[1:] = (np.diff(group[order]) != 0) | (np.diff(value[order]) != 0)
    return order[fresh]
