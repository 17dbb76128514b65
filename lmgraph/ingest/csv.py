"""Falcon records as CSV: LogScale exports and the published query's own result."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, Final

from lmgraph.errors import RecordError
from lmgraph.ingest import falcon
from lmgraph.ingest.contract import Record, Reject
from lmgraph.ingest.ndjson import LINE_LIMIT, TOO_LONG, stretches
from lmgraph.ingest.registry import HEAD
from lmgraph.ingest.session import Session
from lmgraph.ingest.streams import ByteStream

# Columns of which any one tells that the table is Falcon's or LogScale's.
_KNOWN: Final = frozenset({
    "alert_type", "event_simpleName", "#event_simpleName", "@timestamp", "@rawstring", "aid", "UserSid",
    "UserSid_readable", "NeighborName",
})  # fmt: skip
_ROW_LINES: Final = 32_768  # no command line is longer than so many characters
_SEPARATOR: Final = re.compile(rb"\"?sep=.\"?\r?\Z")
_DELIMITERS: Final = ",;\t"


class CsvReader:
    """A table with a header line; an empty cell is a missing value, since CSV cannot tell them apart.

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
        """Every record; see ``Reader``. A record's ordinal does not count the header."""
        if b"\n" not in stream.peek(HEAD):  # line ends of old Macintosh programs
            stream = ByteStream(piece.replace(b"\r", b"\n") for piece in stream.chunks())
        lines = _Lines(stream)
        table = None
        while table is None and not lines.ended:
            header = _header(lines.next() or b"")
            table = _Table(*header, lines) if header else None
        if table is None:
            return
        session.family = falcon.family_of(dict.fromkeys(table.columns, "")) or "falcon"
        for raw, reason in lines.records():
            session.records += 1
            if raw is None:
                yield session.reject(session.records, reason)
                continue
            if raw == table.blank:
                continue
            item = session.take(raw, table.row, session.records)
            if item is not None:
                yield item


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
        if len(columns) > 1 and not _KNOWN.isdisjoint(columns):
            return columns, delimiter
    return None


class _Lines:
    """Physical lines, and the records that they make up by the parity of quotes."""

    def __init__(self, stream: ByteStream) -> None:
        self._source = chain.from_iterable(stretches(stream))
        self._waiting: deque[bytes] = deque()
        self.ended = False

    def next(self) -> bytes | None:
        """The next line without its end; None for one too long to hold, and at the end."""
        if self._waiting:
            return self._waiting.popleft()
        for line in self._source:
            return line
        self.ended = True
        return None

    def again(self, lines: list[bytes]) -> None:
        """Give lines back, to be read anew."""
        self._waiting.extendleft(reversed(lines))

    def records(self) -> Iterator[tuple[bytes | None, str]]:
        """Every record that is not blank, or None and the reason why one cannot be had."""
        while True:
            first = self.next()
            if first == b"":
                continue
            if self.ended:
                return
            if first is None:
                yield None, f"line {TOO_LONG}"
                continue
            lines, size, quotes = [first], len(first), first.count(b'"')
            while (
                quotes % 2
                and size <= LINE_LIMIT
                and len(lines) < _ROW_LINES
                and (line := self.next()) is not None
            ):
                lines.append(line)
                size += len(line) + 1
                quotes += line.count(b'"')
            if quotes % 2:
                self.again(lines[1:])
                self.ended = False  # the lines given back come first
                yield None, "no valid CSV"
            elif raw := b"\n".join(lines).rstrip(b"\r"):
                yield raw, ""


@dataclass(frozen=True)
class _Table:
    columns: list[str]
    delimiter: str
    lines: _Lines

    @cached_property
    def blank(self) -> bytes:
        """A row of nothing but empty cells."""
        return self.delimiter.encode() * (len(self.columns) - 1)

    @cached_property
    def repeated(self) -> bool:
        """Whether two columns have one name."""
        return len(set(self.columns)) < len(self.columns)

    def row(self, raw: bytes) -> Mapping[str, Any]:
        """The record of one row.

        A row over several lines that does not fit may be due to a stray quote: its first line is
        the reject, and the lines after it are read anew.

        Raises:
            RecordError: It has another number of cells, two values for columns of one name, is no CSV,
                or no UTF-8.
        """
        try:
            cells = next(csv.reader([raw.decode()], delimiter=self.delimiter, strict=True), [])
            if len(cells) == len(self.columns):
                if self.repeated:
                    return self._united(cells)
                return {column: cell for column, cell in zip(self.columns, cells, strict=True) if cell}
            reason = "another number of cells than the header"
        except UnicodeDecodeError:
            reason = "invalid UTF-8"
        except csv.Error:
            reason = "no valid CSV"
        self.lines.again(raw.split(b"\n")[1:])
        raise RecordError(reason)

    def _united(self, cells: list[str]) -> Mapping[str, Any]:
        """The record of a row of which columns have one name, as of a JSON object with such keys."""
        record: dict[str, Any] = {}
        for column, cell in zip(self.columns, cells, strict=True):
            if cell and column and record.setdefault(column, cell) != cell:
                raise RecordError("one column with two values")
        return record
