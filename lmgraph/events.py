"""Partial: what reading has gathered so far; how it folds, merges, de-duplicates and orders.

``merge`` is associative and commutative, and every choice in it is a least or greatest of a total
order, so that any split of the records over files and any order give the same Partial (DESIGN §3,
the law of reading).
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from lmgraph.folds import Folds
from lmgraph.ingest import InputReport, Item, Record, Reject, Remark
from lmgraph.rules.needed import Use, Wants, use
from lmgraph.rules.witnesses import testify
from lmgraph.schema import Event, Origin
from lmgraph.settings import Settings

REJECTS_KEPT: Final = 100_000
HELD_ROWS: Final = 100_000  # a pipe's index of rows that the second look may want

_FIELDS: Final = tuple(field.name for field in msgspec.structs.fields(Event))
_CLOCK: Final = ("time_us", "time_basis")
_HOST_FIELDS: Final = ("cid", "aid", "host_name", "host_domain", "host_role", "host_ip", "source")


def of_inventory(event: Event) -> bool:
    """Whether an inventory told it: that a host or an account exists, not what happened on it when."""
    return event.event_id is None and event.kind in {"host_info", "user_info", "address"}


class Kept(msgspec.Struct, frozen=True):
    """One event, how many deliveries told of it, and the least place at which it lies."""

    event: Event
    copies: int
    origin: Origin


class Partial(msgspec.Struct, kw_only=True):
    """What a set of inputs has given so far.

    ``kept`` and ``folded`` come from the first look, ``found`` and ``sightings`` from the second,
    directed one. Rows in ``kept`` and ``found`` are keyed by the digest of the record's identity.
    """

    kept: dict[bytes, Kept] = msgspec.field(default_factory=dict)
    folded: Folds = msgspec.field(default_factory=Folds)
    found: dict[bytes, Kept] = msgspec.field(default_factory=dict)
    sightings: Folds = msgspec.field(default_factory=Folds)
    inputs: dict[str, InputReport] = msgspec.field(default_factory=dict)
    rejected: dict[str, int] = msgspec.field(default_factory=dict)
    rejects: list[Reject] = msgspec.field(default_factory=list)
    remarks: list[Remark] = msgspec.field(default_factory=list)
    evicted: int = 0


class Held(msgspec.Struct, kw_only=True):
    """A pipe's compact index: it cannot be read twice, so what a second look may want is held.

    Bounded; ``evicted`` counts the rows that had to go, oldest first.
    """

    rows: dict[bytes, Kept] = msgspec.field(default_factory=dict)
    sightings: Folds = msgspec.field(default_factory=Folds)
    evicted: int = 0


def collect(items: Iterable[Item], settings: Settings, wants: Wants, *, held: Held | None = None) -> Partial:
    """Fold what a reader yields into a Partial, by the one predicate ``needed.use``.

    Args:
        items: What ``ingest.read`` yields.
        settings: Of the run.
        wants: What the second look asks for; ``Wants.nothing()`` in the first.
        held: Where to keep what a second look may want, for an input that cannot be read twice.
    """
    partial = Partial()
    whole = partial.kept if wants.first_pass else partial.found
    folds = partial.folded if wants.first_pass else partial.sightings
    for item in items:
        if isinstance(item, Record):
            verdict = use(item.event, wants, settings.rules)
            if verdict is Use.KEEP:
                _keep(whole, item.event, item.origin)
            elif verdict is Use.FOLD:
                _fold(folds, item.event, sighting=not wants.first_pass)
            if held is not None:
                _hold(held, item, whole=verdict is not Use.KEEP)
        elif isinstance(item, Reject):
            partial.rejected[item.origin.path] = partial.rejected.get(item.origin.path, 0) + 1
            partial.rejects.append(item)
            if len(partial.rejects) > 2 * REJECTS_KEPT:
                partial.rejects = _least_rejects(partial.rejects)
        elif isinstance(item, Remark):
            partial.remarks.append(item)
        else:
            partial.inputs[item.path] = item
    partial.rejects = _least_rejects(partial.rejects)
    if held is not None:
        held.evicted += held.sightings.forget(HELD_ROWS)
    return partial


def look_again(held: Held, settings: Settings, wants: Wants) -> Partial:
    """The second look at a pipe: the held rows that answer ``wants``."""
    partial = Partial(evicted=held.evicted)
    for row in held.rows.values():
        if use(row.event, wants, settings.rules) is Use.KEEP:
            _keep(partial.found, row.event, row.origin)
    partial.sightings = held.sightings.where(lambda template: template.host_ip in wants.addresses)
    return partial


def merge(left: Partial, right: Partial) -> Partial:
    """Both together; associative and commutative. Neither argument is changed."""
    return Partial(
        kept=_merged(left.kept, right.kept),
        folded=left.folded.joined(right.folded),
        found=_merged(left.found, right.found),
        sightings=left.sightings.joined(right.sightings),
        inputs=left.inputs | right.inputs,
        rejected={
            path: left.rejected.get(path, 0) + right.rejected.get(path, 0)
            for path in left.rejected | right.rejected
        },
        rejects=_least_rejects(left.rejects + right.rejects),
        remarks=left.remarks + right.remarks,
        evicted=left.evicted + right.evicted,
    )


def digest(event: Event) -> bytes:
    """16 bytes that name the record: its id where it has one, else all that it says.

    Delivery is at least once, and Falcon's ``(id, aid, cid)`` names a record (FALCON.md §3).
    """
    identity = (event.event_id, event.aid, event.cid) if event.event_id else event
    return hashlib.blake2b(msgspec.msgpack.encode(identity), digest_size=16).digest()


def record_name(event: Event) -> int:
    """64 bits that name the record among those of its template."""
    return int.from_bytes(digest(event)[:8], "big")


def combine(left: Event, right: Event) -> Event:
    """One event of two deliveries: field by field what says more; associative and commutative."""
    if left == right:
        return left
    values: dict[str, Any] = {name: _more(getattr(left, name), getattr(right, name)) for name in _FIELDS}
    clock = min(left, right, key=lambda event: (event.time_basis != "sensor", event.time_us))
    return Event(**values | {name: getattr(clock, name) for name in _CLOCK})


def ordered(rows: dict[bytes, Kept]) -> Iterator[tuple[bytes, Kept]]:
    """The rows by time, then digest: an order that depends on nothing but their content."""
    return iter(sorted(rows.items(), key=lambda item: (item[1].event.time_us, item[0])))


def fold_key(event: Event, *, sighting: bool = False) -> Event:
    """The template of the event: what it says less its time and all that differs between repeats.

    A sighting keeps the host and its address alone.
    """
    if sighting:
        kept = {name: getattr(event, name) for name in _HOST_FIELDS}
        return Event(kind="other", time_us=0, **kept)
    session = event.kind in {"logon", "logoff"} and event.logon_type != 3
    return msgspec.structs.replace(
        event,
        time_us=0,
        time_basis="sensor",
        cloud_us=None,
        event_id=None,
        host_port=event.host_port if event.kind == "accept" else None,
        remote_port=event.remote_port if event.kind == "connection" else None,
        logon_id=event.logon_id if session else None,
        process_id=None,
        process_command_line=None,
        redacted=False,
        command_line_cut=False,
        parent_process_id=None,
    )


def _keep(rows: dict[bytes, Kept], event: Event, origin: Origin) -> None:
    key = digest(event)
    row = Kept(event, 1, origin)
    known = rows.get(key)
    rows[key] = row if known is None else _join_kept(known, row)


def _fold(folds: Folds, event: Event, *, sighting: bool) -> None:
    folds.add(fold_key(event, sighting=sighting), event.time_us, record_name(event))


def _hold(held: Held, item: Record, *, whole: bool) -> None:
    """Hold what a second look may want: the ``whole`` row, and where its host's address shows."""
    event = item.event
    if whole and (event.kind in {"process_start", "logon"} or testify(event) is not None):
        _keep(held.rows, event, item.origin)
    if event.host_ip is not None and event.kind != "address_removed":
        _fold(held.sightings, event, sighting=True)
    if len(held.rows) > HELD_ROWS:
        held.rows.pop(next(iter(held.rows)))
        held.evicted += 1
    if held.sightings.most > 2 * HELD_ROWS:  # now and then: each time costs a sort
        held.evicted += held.sightings.forget(HELD_ROWS)


def _merged(left: dict[bytes, Kept], right: dict[bytes, Kept]) -> dict[bytes, Kept]:
    small, large = sorted((left, right), key=len)
    out = dict(large)
    for key, value in small.items():
        out[key] = _join_kept(out[key], value) if key in out else value
    return out


def _join_kept(left: Kept, right: Kept) -> Kept:
    return Kept(combine(left.event, right.event), left.copies + right.copies, min(left.origin, right.origin))


def _least_rejects(rejects: list[Reject]) -> list[Reject]:
    return heapq.nsmallest(REJECTS_KEPT, rejects, key=lambda reject: (reject.origin, reject.reason))


def _more(left: Any, right: Any) -> Any:
    """The value that says more: any before none, the longer text, then the greater."""
    return max(left, right, key=_weight)


def _weight(value: Any) -> tuple[Any, ...]:
    if value is None:
        return (0,)
    return (1, len(value), value) if isinstance(value, str) else (1, value)
