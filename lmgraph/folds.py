"""Folds: records that only repeat one content, counted by the hour, in columns.

What a record says less its time, ids and ports is its *template*; most records of a busy pair of
hosts share one. A row is a template in an hour: 40 bytes, and 8 for each of its records' names.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from lmgraph.schema import Event
from lmgraph.settings import HOUR_US

I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]

SKETCH: Final = 256  # record names kept per row: counts are exact up to here, estimated above
_WAITING: Final = 1 << 16  # records that wait at least until they are counted in
_BLOCK: Final = 1 << 18  # record names that are sorted at a time: what sorting needs stays small


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


class Folds:
    """Templates and, by the hour, how often and when each was seen.

    The same records give the same Folds in any order and any split. Records wait in small buffers
    until ``columns`` is asked for or many have come.
    """

    def __init__(self) -> None:
        self.templates: dict[int, Event] = {}
        self._columns = _of_records(np.zeros(0, np.uint64), np.zeros(0, np.int64), np.zeros(0, np.uint64))
        self._chunks: list[Columns] = []
        self._waiting = 0
        self._names, self._times, self._records = array("Q"), array("q"), array("Q")

    def learn(self, template: Event) -> int:
        """The 64-bit name of a template, which is known from now on."""
        packed = msgspec.msgpack.encode(template)
        name = int.from_bytes(hashlib.blake2b(packed, digest_size=8).digest(), "big")
        self.templates.setdefault(name, template)
        return name

    def add(self, template: Event, time_us: int, record: int) -> None:
        """Count one record in; ``record`` is its 64-bit name."""
        self._names.append(self.learn(template))
        self._times.append(time_us)
        self._records.append(record)
        if len(self._names) >= _WAITING:
            self._flush()

    def extend(self, names: U64, time_us: I64, records: U64) -> None:
        """Count many records in: each one's template, as ``learn`` named it, its time and its name."""
        self._take(_of_records(names, time_us, records))

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
        given = [folds.columns for folds in (self, other) if len(folds)]
        if given:
            out._columns = _reduced(given) if len(given) > 1 else given[0]
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

    def by_template(self) -> Iterator[tuple[Event, slice]]:
        """Each template and where its rows lie in ``columns``; by its first time, then its name."""
        columns = self.columns
        names, begins = np.unique(columns.name, return_index=True)
        order = np.lexsort((names, columns.first_us[begins]))
        ends = np.append(begins[1:], len(columns.name))
        for place in order.tolist():
            yield self.templates[int(names[place])], slice(int(begins[place]), int(ends[place]))

    def distinct(self, rows: I64, groups: I64) -> I64:
        """Distinct records of each group of rows, which may tell of the same ones.

        Exact below ``SKETCH``, else the sketch's estimate.

        Args:
            rows: Places in ``columns``.
            groups: Group of each, from 0 on, none left out.
        """
        columns = self.columns
        order = np.argsort(groups, kind="stable")
        begins = np.flatnonzero(np.diff(groups[order], prepend=-1))
        rows = rows[order]
        starts = columns.starts[rows]
        counts, sketch = _least(columns.sketch, starts, columns.starts[rows + 1] - starts, begins)
        if not len(begins):
            return counts
        records = np.add.reduceat(columns.records[rows], begins)
        greatest = sketch[np.cumsum(counts) - 1]
        for group in np.flatnonzero((counts >= SKETCH) & (records > SKETCH)).tolist():
            estimate = round((SKETCH - 1) * 2**64 / (int(greatest[group]) + 1))
            counts[group] = max(SKETCH, min(int(records[group]), estimate))
        return counts

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
            self._columns = _reduced([self._columns, *self._chunks])
        self._chunks, self._waiting = [], 0


def _of_records(names: U64, time_us: I64, records: U64) -> Columns:
    """A row per record, in the order given."""
    count = len(names)
    return Columns(names, np.ones(count, np.int64), time_us, time_us, np.arange(count + 1), records)


def _reduced(parts: Sequence[Columns]) -> Columns:
    """The rows of all parts, those of one template and hour as one."""
    name = np.concatenate([part.name for part in parts])
    first = np.concatenate([part.first_us for part in parts])
    hour = first // HOUR_US
    order = np.lexsort((hour, name))
    name, hour = name[order], hour[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = (name[1:] != name[:-1]) | (hour[1:] != hour[:-1])
    begins = np.flatnonzero(new)
    name = name[begins]
    del hour, new
    first = np.minimum.reduceat(first[order], begins)
    last = np.maximum.reduceat(np.concatenate([part.last_us for part in parts])[order], begins)
    records = np.add.reduceat(np.concatenate([part.records for part in parts])[order], begins)
    offsets = np.cumsum([0, *(len(part.sketch) for part in parts)]).tolist()
    starts = np.concatenate([part.starts[:-1] + base for part, base in zip(parts, offsets, strict=False)])
    sizes = np.concatenate([np.diff(part.starts) for part in parts])
    values = np.concatenate([part.sketch for part in parts])
    counts, sketch = _least(values, starts[order], sizes[order], begins)
    return Columns(name, records, first, last, _starts(counts), sketch)


def _least(values: U64, starts: I64, sizes: I64, begins: I64) -> tuple[I64, U64]:
    """The ``SKETCH`` least distinct values of each group of rows: how many, and themselves.

    Args:
        values: Of all rows.
        starts: Where each row's values start, rows of one group together.
        sizes: How many each row has.
        begins: At which row each group begins.
    """
    counts, out = np.zeros(len(begins), np.int64), [np.zeros(0, np.uint64)]
    bounds = np.append(begins, len(starts))
    before = _starts(sizes)[bounds]  # values before each group
    cuts = np.flatnonzero(np.diff(before[1:] // _BLOCK)) + 1
    for left, right in zip([0, *cuts.tolist()], [*cuts.tolist(), len(begins)], strict=True):
        rows = slice(int(bounds[left]), int(bounds[right]))
        found = values[_spread(starts[rows], sizes[rows])]
        groups = np.repeat(np.arange(right - left), np.diff(before[left : right + 1]))
        order = np.lexsort((found, groups))
        found, groups = found[order], groups[order]
        fresh = np.ones(len(found), np.bool_)
        fresh[1:] = (found[1:] != found[:-1]) | (groups[1:] != groups[:-1])
        found, groups = found[fresh], groups[fresh]
        each = np.bincount(groups, minlength=right - left)
        rank = np.arange(len(found)) - np.repeat(np.cumsum(each) - each, each)
        out.append(found[rank < SKETCH])
        counts[left:right] = np.minimum(each, SKETCH)
    return counts, np.concatenate(out)


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
