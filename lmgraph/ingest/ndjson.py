"""Falcon records as JSON lines: one object a line, most of them passed over unparsed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from lmgraph.errors import RecordError
from lmgraph.ingest import json_text, wrappers
from lmgraph.ingest.blocks import LINE_LIMIT, Block, blocks
from lmgraph.ingest.contract import Record, Reject, Repeats
from lmgraph.ingest.lines import SHORTEST, Finder
from lmgraph.ingest.session import Session
from lmgraph.ingest.streams import MIB, ByteStream
from lmgraph.kernels import scan

STRETCH: Final = MIB
TOO_LONG: Final = f"longer than {LINE_LIMIT // MIB} MiB"
_ADJACENT: Final = re.compile(rb"\}[ \t\r]*+\{")


class NdjsonReader:
    """JSON lines of FDR, of LogScale exports and API results, and of the published query's result.

    Only candidate lines are parsed: those that the line filter passes, those that do not look whole,
    and the first and last line of each stretch of 1 MiB (DESIGN §3, the law of reading).

    References:
        https://github.com/ndjson/ndjson-spec; FALCON.md §3.
    """

    shape = "ndjson"

    def detect(self, head: bytes, name: str) -> bool:  # noqa: ARG002 - content decides
        """Whether lines of the head are JSON objects that need their lines to be parted.

        HEC envelopes and documents with arrays of records in them do not.
        """
        head = head.strip()
        lines = [line.strip() for line in head.split(b"\n")]
        if head.startswith(b"["):
            return False
        for line in lines:
            if line.startswith(b"{") and line.endswith(b"}"):
                try:
                    record = json_text.decode(line)
                except RecordError:
                    continue
                return not (isinstance(record.get("event"), dict | str) or wrappers.arrays_of(record))
        if len(lines) == 1:  # a first line longer than the head, unless several objects are in it
            whole = head.startswith(b"{") and _ADJACENT.search(head) is None
            return whole and wrappers.entry(head) is None
        return any(line.startswith(b'{"') for line in lines[1:])

    def read(self, stream: ByteStream, session: Session) -> Iterator[Record | Repeats | Reject]:
        """Every record that may matter; see ``Reader``."""
        finder = Finder(session.memory.test(held=session.once), by_scan=session.scan)
        for block in blocks(stream, start=session.offset):
            if block.too_long is not None:
                finder.pass_over(block.too_long)
                session.records = finder.records
                yield session.reject(finder.lines, f"line {TOO_LONG}")
            begin = block.begin
            while begin < block.end and session.family is None:
                first = begin  # of many empty lines none is looked at by itself
                while first < block.end - 1 and block.buffer[first] == 10:
                    first += 1
                end = block.line_end(first)
                yield from _one(block, begin, end, finder, session)
                begin = end
            while begin < block.end:
                rows, begin = finder.find(block, begin, block.end)
                yield from _items(block, rows, session)
            session.records = finder.records
        session.lines = finder.lines


def _one(
    block: Block, begin: int, end: int, finder: Finder, session: Session
) -> Iterator[Record | Repeats | Reject]:
    """The item of one line before it is known whose records these are.

    A line that cannot matter may tell it; what the test refuses is never a reject.
    """
    rows, _ = finder.find(block, begin, end)
    session.records = finder.records
    if len(rows):
        yield from _items(block, rows, session)
        return
    raw = block.text(begin, end)
    if len(raw) > SHORTEST and raw.strip():
        item = session.take(raw.strip(), json_text.decode, finder.lines)
        if isinstance(item, Record):
            yield item


def _items(
    block: Block, rows: npt.NDArray[np.int64], session: Session
) -> Iterator[Record | Repeats | Reject]:
    """The items of candidate lines; of those that repeat others first."""

    def take(place: int) -> Record | Reject | None:
        begin, end, line, session.records, repeats = rows[place].tolist()
        if repeats == scan.TOO_LONG:
            return session.reject(line, f"line {TOO_LONG}")
        return session.take(block.text(begin, end), json_text.decode, line)

    whole, repeats = session.memory.sort_out(block.buffer, rows, take)
    session.saw(repeats.first_us, repeats.last_us)
    if repeats.names:
        yield repeats
    for place in whole.tolist():
        item = take(place)
        if item is not None:
            yield item
