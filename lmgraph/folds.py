"""Folds: records that only repeat one content, counted by the hour, in columns.

What a record says less its time, ids and ports is its *template*; most records of a busy pair of
hosts share one. A row is a template in an hour: 40 bytes, and 8 for each of its records' names.
"""

from __future__ import annotations

import hashlib
import sys
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from lmgraph.kernels import repeats
from lmgraph.schema import Event
from lmgraph.settings import HOUR_US

I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]

SKETCH: Final = 256  # record names kept per row: counts are exact up to here, estimated above
_WAITING: Final = 1 << 16  # records that wait at least until they are counted in
_HOST_FIELDS: Final = ("cid", "aid", "host_name", "host_domain", "host_role", "host_ip", "source")
# What templates have of text, and have in common.
_TEXTS: Final = (
    "cid", "aid", "event_code", "host_name", "host_domain", "host_ip", "user_name", "user_domain", "user_sid",
    "process_name", "process_context_name", "process_path", "remote_ip", "remote_name", "share_name",
)  # fmt: skip
_BLOCK: Final = 1 << 16  # rows or record names sorted at a time: what that needs stays small
_NO_NAMES: Final = np.zeros(0, np.uint64)
_NO_GROUPS: Final = np.zeros(0, np.int64)


class Columns(NamedTuple):
    """One row per template and hour, sorted by these; times in microseconds UTC.

    ``sketch[starts[i]:starts[i + 1]]`` are the ``SKETCH`` least 64-bit names of row i's records,
    ascending (bottom-k sketch: Beyer et al., "On Synopses for Distinct-Value Estimation", SIGMOD
    2007): joining two is idempotent, so a record delivered twice counts once, in bounded memory.
    """

    name: U64  # of the template
    records: I64
    first_us: I64
    last_us: I64
    starts: I64
    sketch: U64


class Seen(NamedTuple):
    """One template and all its rows: where in ``Columns`` they lie, ascending in time, and their sum."""

    event: Event
    rows: slice
    first_us: int
    last_us: int
    records: int


class Folds:
    """Templates and, by the hour, how often and when each was seen.

    The same records give the same Folds in any order and any split. Records wait in small buffers
    until ``columns`` is asked for or many have come.
    """

    def __init__(self) -> None:
        self.templates: dict[int, Event] = {}
        self._columns = _of_records(_NO_NAMES, _NO_GROUPS, _NO_NAMES)
        self._chunks: list[Columns] = []
        self._waiting = 0
        self._names, self._times, self._records = array("Q"), array("q"), array("Q")

    def learn(self, template: Event) -> int:
        """The 64-bit name of a template, which is known from now on."""
        name = template_name(template)
        if name not in self.templates:
            self.templates[name] = shared(template)
        return name

    def add(self, template: Event, time_us: int, record: int) -> None:
        """Count one record in; ``record`` is its 64-bit name."""
        self._names.append(self.learn(template))
        self._times.append(time_us)
        self._records.append(record)
        if len(self._names) >= _WAITING:
            self._flush()

    def extend(
        self,
        names: Sequence[int],
        times: Sequence[int],
        records: Sequence[int],
        templates: Mapping[int, Event],
    ) -> None:
        """Count many records in: each one's template by its name, its time (µs) and its own name."""
        for name, template in templates.items():
            self.templates.setdefault(name, template)
        self._names.extend(names)
        self._times.extend(times)
        self._records.extend(records)
        if len(self._names) >= _WAITING:
            self._flush()

    @property
    def columns(self) -> Columns:
        """All rows; every record is counted in."""
        self._flush()
        self._settle()
        return self._columns

    @property
    def most(self) -> int:
        """No fewer than the rows there are; asking costs nothing."""
        return len(self._columns.name) + self._waiting + len(self._names)

    def __len__(self) -> int:
        """Rows."""
        return len(self.columns.name)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Folds)
            and self.templates == other.templates
            and all(map(np.array_equal, self.columns, other.columns))
        )

    __hash__ = None  # type: ignore[assignment]  # what grows has no hash

    def joined(self, other: Folds) -> Folds:
        """Both together; neither is changed."""
        out = Folds()
        out.templates = self.templates | other.templates
        out._columns = _joined(self.columns, other.columns)
        return out

    def where(self, wanted: Callable[[Event], bool]) -> Folds:
        """The rows of the templates that are wanted."""
        out = Folds()
        out.templates = {name: event for name, event in self.templates.items() if wanted(event)}
        names = np.array(list(out.templates), np.uint64)
        out._columns = _rows(self.columns, np.flatnonzero(np.isin(self.columns.name, names)))
        return out

    def forget(self, most: int) -> int:
        """Keep the latest ``most`` rows; how many had to go."""
        columns = self.columns
        gone = len(columns.name) - most
        if gone <= 0:
            return 0
        latest = np.lexsort((columns.name, columns.first_us))[gone:]
        self._columns = _rows(columns, np.sort(latest))
        self.templates = {name: self.templates[name] for name in np.unique(self._columns.name).tolist()}
        return gone

    def by_template(self) -> Iterator[Seen]:
        """Each template with what all its rows say; by its first time, then its name."""
        columns = self.columns
        begins = np.flatnonzero(_changes(columns.name))
        if not len(begins):
            return
        names, first = columns.name[begins], columns.first_us[begins]
        order = np.lexsort((names, first))
        told = (
            names,
            begins,
            np.append(begins[1:], len(columns.name)),
            first,
            np.maximum.reduceat(columns.last_us, begins),
            np.add.reduceat(columns.records, begins),
        )
        for name, begin, end, first_us, last_us, records in zip(
            *(column[order].tolist() for column in told), strict=True
        ):
            yield Seen(self.templates[name], slice(begin, end), first_us, last_us, records)

    def distinct(self, rows: I64, groups: I64, names: U64 = _NO_NAMES, name_groups: I64 = _NO_GROUPS) -> I64:
        """Distinct records of each group, of whose rows and names several may tell of one record.

        Exact below ``SKETCH``, else the sketch's estimate.

        Args:
            rows: Places in ``columns``.
            groups: Group of each, from 0 on; none is left out.
            names: Names of further records.
            name_groups: Group of each.
        """
        columns = self.columns
        both = np.concatenate([groups, name_groups])
        order = np.argsort(both, kind="stable")
        begins = np.flatnonzero(_changes(both[order]))
        starts = np.concatenate([columns.starts[rows], len(columns.sketch) + np.arange(len(names))])
        sizes = np.concatenate([np.diff(columns.starts)[rows], np.ones(len(names), np.int64)])
        values = np.concatenate([columns.sketch, names])
        counts, sketch = _least(values, starts[order], sizes[order], begins, SKETCH)
        if not len(begins):
            return counts
        records = np.concatenate([columns.records[rows], np.ones(len(names), np.int64)])
        records = np.add.reduceat(records[order], begins)
        greatest = sketch[np.cumsum(counts) - 1]
        for group in np.flatnonzero((counts >= SKETCH) & (records > SKETCH)).tolist():
            estimate = round((SKETCH - 1) * 2**64 / (int(greatest[group]) + 1))
            counts[group] = max(SKETCH, min(int(records[group]), estimate))
        return counts

    def repeats(self, places: I64) -> int:
        """Records less distinct ones, by place and hour; where a sketch is full nothing is counted.

        Args:
            places: Of each row: rows of one place and hour may tell of the same records.
        """
        columns = self.columns
        if not len(places):
            return 0
        order, begins = _groups(places, columns.first_us // HOUR_US)
        sizes = np.diff(columns.starts)[order]
        exact = np.maximum.reduceat(sizes, begins) < SKETCH
        counts, _ = _least(columns.sketch, columns.starts[order], sizes, begins, len(columns.sketch))
        records = np.add.reduceat(columns.records[order], begins)
        return int((records - counts)[exact].sum())

    def _flush(self) -> None:
        """Move what ``add`` has gathered to the chunks that wait."""
        if self._names:
            names, times, records = self._names, self._times, self._records
            self._names, self._times, self._records = array("Q"), array("q"), array("Q")
            self._take(
                _of_records(
                    np.frombuffer(names, np.uint64),
                    np.frombuffer(times, np.int64),
                    np.frombuffer(records, np.uint64),
                )
            )

    def _take(self, chunk: Columns) -> None:
        self._chunks.append(chunk)
        self._waiting += len(chunk.name)
        # In proportion to what is there, so that n records are not sorted n times.
        if self._waiting >= max(_WAITING, len(self._columns.sketch) // 4):
            self._settle()

    def _settle(self) -> None:
        if self._waiting:
            self._columns = _joined(self._columns, _reduced(self._chunks))
        self._chunks, self._waiting = [], 0


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


def shared(template: Event) -> Event:
    """The same template with texts that all templates share: its own would be half of what it holds."""
    values = ((field, getattr(template, field)) for field in _TEXTS)
    texts = {field: sys.intern(value) for field, value in values if value is not None}
    return msgspec.structs.replace(template, **texts)


def template_name(template: Event) -> int:
    """64 bits that name a template."""
    return _digest(template)


def record_name(event: Event) -> int:
    """64 bits that name a record among those of its template: its id, or else all that it says."""
    if event.event_id is None:
        return _digest(event)
    return name_of("\x1f".join((event.event_id, event.aid or "", event.cid or "")))


def name_of(text: str) -> int:
    """64 bits that name a text, the same that ``kernels.repeats`` gives to its bytes in a line."""
    return int(repeats.name(np.frombuffer(text.encode(), np.uint8)))


def _digest(event: Event) -> int:
    return int.from_bytes(hashlib.blake2b(msgspec.msgpack.encode(event), digest_size=8).digest(), "big")


def _of_records(names: U64, time_us: I64, records: U64) -> Columns:
    """A row per record, in the order given."""
    count = len(names)
    return Columns(names, np.ones(count, np.int64), time_us, time_us, np.arange(count + 1), records)


def _joined(left: Columns, right: Columns) -> Columns:
    """The rows of both, which are sorted; block by block, so that little is held beside the outcome."""
    if not len(left.name) or not len(right.name):
        return left if len(left.name) else right
    longer = max(left.name, right.name, key=len)
    cuts = np.unique(longer[_BLOCK::_BLOCK])
    bounds = [[0, *np.searchsorted(part.name, cuts).tolist(), len(part.name)] for part in (left, right)]
    blocks = []
    for (begin, end), (begin_right, end_right) in zip(*map(pairwise, bounds), strict=True):
        both = [_slice(left, begin, end), _slice(right, begin_right, end_right)]
        if end > begin or end_right > begin_right:
            blocks.append(_reduced(both))
    starts = _starts(np.concatenate([np.diff(block.starts) for block in blocks]))
    return Columns(
        np.concatenate([block.name for block in blocks]),
        np.concatenate([block.records for block in blocks]),
        np.concatenate([block.first_us for block in blocks]),
        np.concatenate([block.last_us for block in blocks]),
        starts,
        np.concatenate([block.sketch for block in blocks]),
    )


def _reduced(parts: Sequence[Columns]) -> Columns:
    """The rows of all parts, sorted, those of one template and hour as one; there is at least one."""
    name = np.concatenate([part.name for part in parts])
    first = np.concatenate([part.first_us for part in parts])
    order, begins = _groups(name, first // HOUR_US)
    last = np.concatenate([part.last_us for part in parts])
    records = np.concatenate([part.records for part in parts])
    sizes = np.concatenate([np.diff(part.starts) for part in parts])
    values = np.concatenate([part.sketch for part in parts])
    counts, sketch = _least(values, _starts(sizes)[order], sizes[order], begins, SKETCH)
    return Columns(
        name[order[begins]],
        np.add.reduceat(records[order], begins),
        np.minimum.reduceat(first[order], begins),
        np.maximum.reduceat(last[order], begins),
        _starts(counts),
        sketch,
    )


def _groups(name: U64 | I64, hour: I64) -> tuple[I64, I64]:
    """An order by name and hour, and where in it each pair of these begins."""
    # numpy sorts one key several times as fast as two (lexsort), so the names become small numbers.
    order = np.argsort(name)
    rank = np.empty(len(name), np.int64)
    rank[order] = np.cumsum(_changes(name[order]))
    place = rank * (int(hour.max()) - int(hour.min()) + 1) + (hour - hour.min())
    order = np.argsort(place)
    return order, np.flatnonzero(_changes(place[order]))


def _changes(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Where a value differs from the one before; the first does."""
    changes = np.ones(len(values), np.bool_)
    np.not_equal(values[1:], values[:-1], out=changes[1:])
    return changes


def _least(values: U64, starts: I64, sizes: I64, begins: I64, most: int) -> tuple[I64, U64]:
    """The ``most`` least distinct values of each group of rows: how many, and themselves.

    Args:
        values: Of all rows.
        starts: Where each row's values start, rows of one group together.
        sizes: How many each row has.
        begins: At which row each group begins.
        most: Of each group.
    """
    counts, out = np.zeros(len(begins), np.int64), [np.zeros(0, np.uint64)]
    bounds = np.append(begins, len(starts))
    before = _starts(sizes)[bounds]  # values before each group
    cuts = np.flatnonzero(np.diff(before[1:] // _BLOCK)) + 1
    for left, right in zip([0, *cuts.tolist()], [*cuts.tolist(), len(begins)], strict=True):
        rows = slice(int(bounds[left]), int(bounds[right]))
        found = values[_spread(starts[rows], sizes[rows])]
        # Every row has a record: a block has no more than 2**16 groups, and such small numbers
        # sort in a tenth of the time.
        groups = np.repeat(np.arange(right - left, dtype=np.uint16), np.diff(before[left : right + 1]))
        order = np.argsort(found)
        order = order[np.argsort(groups[order], kind="stable")]
        found, groups = found[order], groups[order]
        fresh = _changes(found) | _changes(groups)
        found, groups = found[fresh], groups[fresh]
        each = np.bincount(groups, minlength=right - left)
        rank = np.arange(len(found)) - np.repeat(np.cumsum(each) - each, each)
        out.append(found[rank < most])
        counts[left:right] = np.minimum(each, most)
    return counts, np.concatenate(out)


def _slice(columns: Columns, begin: int, end: int) -> Columns:
    """Those rows as views."""
    starts = columns.starts[begin : end + 1]
    return Columns(
        columns.name[begin:end],
        columns.records[begin:end],
        columns.first_us[begin:end],
        columns.last_us[begin:end],
        starts - starts[0],
        columns.sketch[starts[0] : starts[-1]],
    )


def _rows(columns: Columns, rows: I64) -> Columns:
    """Those rows alone."""
    sizes = np.diff(columns.starts)[rows]
    return Columns(
        columns.name[rows],
        columns.records[rows],
        columns.first_us[rows],
        columns.last_us[rows],
        _starts(sizes),
        columns.sketch[_spread(columns.starts[rows], sizes)],
    )


def _starts(sizes: I64) -> I64:
    """Where each of several stretches starts, and where the last ends."""
    starts = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=starts[1:])
    return starts


def _spread(starts: I64, sizes: I64) -> I64:
    """All places of stretches that start there and are that long."""
    return np.repeat(starts - (np.cumsum(sizes) - sizes), sizes) + np.arange(int(sizes.sum()))
