"""Falcon records as CSV: LogScale exports and the published query's own result."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Final

import numpy as np

from lmgraph.errors import RecordError
from lmgraph.ingest import canonical, falcon
from lmgraph.ingest.blocks import LINE_LIMIT
from lmgraph.ingest.contract import Record, Reject
from lmgraph.ingest.ndjson import STRETCH, TOO_LONG
from lmgraph.ingest.registry import HEAD
from lmgraph.ingest.session import Session
from lmgraph.ingest.streams import ByteStream
from lmgraph.ingest.tables import KNOWN, Layout, packed
from lmgraph.kernels import rows as kernel

_ROW_LINES: Final = 32_768  # no command line is longer than so many characters
_SEPARATOR: Final = re.compile(rb"\"?sep=.\"?\r?\Z")
_DELIMITERS: Final = ",;\t"
_BLOCK: Final = 512 * 1024  # of text that the kernel is given at a time
_HITS: Final = 4096


class CsvReader:
    """A table with a header line; an empty cell is a missing value, since CSV cannot tell them apart.

    Only candidate rows are read: those that may matter (``tables``), those over several lines, the first
    that begins in each stretch of 1 MiB, and the last. So are those that fit no table, which are rejects.

    References:
        RFC 4180; FALCON.md §3 ("UI export").
    """

    shape = "csv"

    def detect(self, head: bytes, name: str) -> bool:  # noqa: ARG002 - content decides
        """Whether the first line names columns that are known; before it may be Excel's ``sep=,``."""
        lines = (head if b"\n" in head else head.replace(b"\r", b"\n")).lstrip(b"\r\n").split(b"\n", 2)
        return any(
            _header(line) is not None for line in lines[: 1 + (_SEPARATOR.match(lines[0]) is not None)]
        )

    def read(self, stream: ByteStream, session: Session) -> Iterator[Record | Reject]:
        """Every record that may matter; see ``Reader``. A record's ordinal does not count the header."""
        if b"\n" not in stream.peek(HEAD):  # line ends of old Macintosh programs
            stream = ByteStream(piece.replace(b"\r", b"\n") for piece in stream.chunks())
        text = _Text(stream)
        header = None
        while header is None:
            if not text.has(0):
                return
            end = text.line_end(0)
            header = _header(text.data[text.at : text.at + end]) if end <= LINE_LIMIT else None
            text.skip_line()
        table = _Table(*header, session)
        session.family = falcon.family_of(dict.fromkeys(table.columns, "")) or "falcon"
        yield from _Rows(text, table, session).records()


def _header(line: bytes) -> tuple[list[str], str] | None:
    """Columns and delimiter, if the line is a header of ours."""
    try:
        text = line.decode().strip("\r\n")
    except UnicodeDecodeError:
        return None
    for delimiter in _DELIMITERS:
        try:
            cells = next(csv.reader([text], delimiter=delimiter, strict=True), [])
        except csv.Error:
            continue  # quotes that this delimiter does not part
        columns = [cell.strip() for cell in cells]
        if len(columns) > 1 and (not KNOWN.isdisjoint(columns) or canonical.known(columns)):
            return columns, delimiter
    return None


class _Text:
    """A moving part of the stream; ``at`` is where the next row begins."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._odd: bool | None = None
        self.data = b""
        self.at = 0
        self.offset = 0  # of ``data`` in the stream

    def fill(self) -> bool:
        """Append to the text and forget what lies before ``at``; False at the end of the stream."""
        pieces, size = [self.data[self.at :]], 0
        while size < _BLOCK and (piece := self._stream.read(_BLOCK)):
            pieces.append(piece)
            size += len(piece)
        if size:
            self.offset += self.at
            self.data, self.at, self._odd = b"".join(pieces), 0, None
        return size > 0

    def has(self, begin: int) -> bool:
        """Whether there is text ``begin`` bytes behind ``at``."""
        return len(self.data) > self.at + begin or (self.fill() and len(self.data) > self.at + begin)

    def line_end(self, begin: int) -> int:
        """Where the line ends that begins ``begin`` bytes behind ``at``, in bytes behind ``at``.

        Of a line longer than ``LINE_LIMIT``, some place beyond that.
        """
        seen = begin
        while (place := self.data.find(b"\n", self.at + seen)) < 0:
            seen = len(self.data) - self.at
            if seen - begin > LINE_LIMIT or not self.fill():
                return seen
        return place - self.at

    def skip_line(self) -> None:
        """Go to the next line, without holding this one."""
        while (place := self.data.find(b"\n", self.at)) < 0:
            self.at = len(self.data)
            if not self.fill():
                return
        self.at = place + 1

    @property
    def odd(self) -> bool:
        """Whether the text up to its last line feed is no valid UTF-8."""
        if self._odd is None:
            try:
                if not self.data.isascii():
                    self.data[: self.data.rfind(b"\n") + 1].decode()
                self._odd = False
            except UnicodeDecodeError:
                self._odd = True
        return self._odd


class _Table:
    """What the header says, and rows read by it."""

    def __init__(self, columns: list[str], delimiter: str, session: Session) -> None:
        self.columns = columns
        self.delimiter = delimiter
        self.blank = delimiter.encode() * (len(columns) - 1)  # a row of nothing but empty cells
        self.repeated = len(set(columns)) < len(columns)
        self.layout = Layout(columns, session.wants)

    @cached_property
    def screen(self) -> kernel.Screen | None:
        """For the kernel, if any row may be told by its cells."""
        return None if self.repeated or self.layout.wrapped or self.layout.whole else packed(self.layout)

    def cells(self, raw: bytes) -> tuple[list[str], str]:
        """The cells of a row, and why it is none of this table, if so."""
        try:
            cells = next(csv.reader([raw.decode()], delimiter=self.delimiter, strict=True), [])
        except UnicodeDecodeError:
            return [], "invalid UTF-8"
        except csv.Error:
            return [], "no valid CSV"
        return cells, "" if len(cells) == len(self.columns) else "another number of cells than the header"

    def record(self, cells: list[str]) -> Mapping[str, Any]:
        """The record of one row.

        Raises:
            RecordError: Two values for columns of one name, or no known kind.
        """
        return self.layout.record(self._united(cells) if self.repeated else self._row(cells))

    def matters(self, cells: list[str]) -> bool:
        """Whether a row that fits the table may be needed."""
        return self.repeated or self.layout.wrapped or self.layout.matters(self._row(cells))

    def _row(self, cells: list[str]) -> Mapping[str, Any]:
        return {column: cell for column, cell in zip(self.columns, cells, strict=True) if cell}

    def _united(self, cells: list[str]) -> Mapping[str, Any]:
        """The record of a row of which columns have one name, as of a JSON object with such keys."""
        record: dict[str, Any] = {}
        for column, cell in zip(self.columns, cells, strict=True):
            if cell and column and record.setdefault(column, cell) != cell:
                raise RecordError("one column with two values")
        return record


class _Rows:
    """The rows below the header: bounds by the parity of quotes, and the look at those that may matter."""

    def __init__(self, text: _Text, table: _Table, session: Session) -> None:
        self._text = text
        self._table = table
        self._session = session
        self._border = 0  # the first row that begins at or behind it is looked at
        self._passed: tuple[bytes, int] | None = None  # the last row, and its number, if passed over
        self._hits = np.empty((_HITS, 3), np.int64)
        self._screen = table.screen if session.scan and not session.once else None

    def records(self) -> Iterator[Record | Reject]:
        """Every record that may matter, and a reject for every row that is none."""
        while self._text.has(0):
            if self._screen is not None:
                yield from self._scan(self._screen)
            if self._text.has(0):
                item = self._next()
                if item is not None:
                    yield item
        if self._passed is not None:
            item = self._take(*self._passed)
            if item is not None:
                yield item

    def _scan(self, screen: kernel.Screen) -> Iterator[Record | Reject]:
        """The rows up to one that the kernel does not bound."""
        text, session, why = self._text, self._session, kernel.FULL
        while why == kernel.FULL or (
            why == kernel.ENDED and len(text.data) - text.at < STRETCH and text.fill()
        ):
            begun, base = text.at, session.records
            count, rows, text.at, why = kernel.look(
                np.frombuffer(text.data, np.uint8), begun, self._border - text.offset, STRETCH,
                ord(self._table.delimiter), csv.field_size_limit(), int(text.odd), screen, self._hits,
            )  # fmt: skip
            for begin, end, number in self._hits[:count].tolist():
                session.records = base + number
                item = self._look(text.data[begin:end], edge=self._is_edge(begin))
                if item is not None:
                    yield item
            session.records = base + rows
            if rows and (not count or self._hits[count - 1, 2] != rows):
                lines = text.data[begun : text.at].rstrip(b"\r\n")
                self._passed = lines[lines.rfind(b"\n") + 1 :].lstrip(b"\r"), session.records

    def _is_edge(self, begin: int) -> bool:
        """Whether the row that begins there is the first to begin in its stretch."""
        place = self._text.offset + begin
        if place < self._border:
            return False
        self._border = (place // STRETCH + 1) * STRETCH
        return True

    def _next(self) -> Record | Reject | None:
        """The next row.

        One over several lines that does not fit may be due to a stray quote: its first line is the
        reject, and the lines after it are read anew.
        """
        text, session = self._text, self._session
        first = text.line_end(0)
        if first > LINE_LIMIT:
            text.skip_line()
            session.records += 1
            return session.reject(session.records, f"line {TOO_LONG}")
        stop, quotes = self._bounds(first)
        begin, line = text.at, text.at + first + 1
        if quotes % 2:
            text.at = line
            session.records += 1
            return session.reject(session.records, "no valid CSV")
        text.at += stop + 1
        raw = text.data[begin : begin + stop].rstrip(b"\r")
        if not raw:
            return None
        session.records += 1
        edge = self._is_edge(begin)
        return self._look(raw, edge=edge) if stop == first else self._look(raw, edge=True, again=line)

    def _bounds(self, first: int) -> tuple[int, int]:
        """Where the row ends, in bytes behind ``at``, and how many quotes it has."""
        text, stop, lines = self._text, first, 1
        quotes = text.data.count(b'"', text.at, text.at + first)
        while quotes % 2 and stop <= LINE_LIMIT and lines < _ROW_LINES and text.has(stop + 1):
            end = text.line_end(stop + 1)
            if end - stop > LINE_LIMIT:
                break
            quotes += text.data.count(b'"', text.at + stop + 1, text.at + end)
            stop, lines = end, lines + 1
        return stop, quotes

    def _look(self, raw: bytes, *, edge: bool, again: int | None = None) -> Record | Reject | None:
        """What a row holds, if it may matter; where it does not fit, go back to ``again``."""
        self._passed = None
        table, session = self._table, self._session
        if raw == table.blank:
            return None
        cells, reason = table.cells(raw)
        if reason:
            self._text.at = self._text.at if again is None else again
            return session.reject(session.records, reason)
        if edge or table.matters(cells):
            return session.take(cells, table.record, session.records)
        return self._pass(raw)

    def _pass(self, raw: bytes) -> Record | None:
        """Pass over a row, but not for good where there is no second look."""
        if not self._session.once:
            self._passed = raw, self._session.records
            return None
        item = self._take(raw, self._session.records)
        return item if isinstance(item, Record) else None

    def _take(self, raw: bytes, number: int) -> Record | Reject | None:
        cells, reason = self._table.cells(raw)
        if reason:
            return self._session.reject(number, reason)
        return self._session.take(cells, self._table.record, number)
