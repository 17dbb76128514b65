"""Falcon records as JSON lines: one object a line, most of them passed over unparsed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from lmgraph.errors import RecordError
from lmgraph.ingest import json_text, wrappers
from lmgraph.ingest.contract import Record, Reject
from lmgraph.ingest.session import Session
from lmgraph.ingest.streams import MIB, ByteStream

LINE_LIMIT: Final = 16 * MIB
STRETCH: Final = MIB
_SHORTEST: Final = len('{"alert_type":1}')  # no shorter object has a field of ours and a value
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

    def read(self, stream: ByteStream, session: Session) -> Iterator[Record | Reject]:
        """Every record that may matter; see ``Reader``."""
        number = 0
        for lines in stretches(stream, session.offset):
            last = len(lines) - 1
            if lines.count(b"") == len(lines):
                number += len(lines)
                continue
            for index, line in enumerate(lines):
                number += 1
                if line is not None and len(line) < _SHORTEST and 0 < index < last:
                    # Millions of these fit in a small archive: no call for any.
                    raw = line.strip()
                    if not raw:
                        continue
                    if raw[0] == 0x7B and raw[-1] == 0x7D:
                        session.records += 1
                        continue
                item = self._line(line, number, session, edge=index in (0, last))
                if item is not None:
                    yield item
        session.lines = number

    def _line(
        self, line: bytes | None, number: int, session: Session, *, edge: bool
    ) -> Record | Reject | None:
        if line is None:
            session.records += 1
            return session.reject(number, f"line {TOO_LONG}")
        raw = line.strip()
        if not raw:
            return None
        session.records += 1
        whole = raw[0] == 0x7B and raw[-1] == 0x7D
        if edge or not whole or session.candidate(raw):
            return session.take(raw, json_text.decode, number)
        if session.once or session.family is None:
            # Read now what a second look could want, and what may tell whose records these are; what
            # the filter refuses is never a reject.
            item = session.take(raw, json_text.decode, number)
            return item if isinstance(item, Record) else None
        return None


def stretches(stream: ByteStream, offset: int = 0) -> Iterator[list[bytes | None]]:
    """The lines of a stream, without their ends, grouped by the 1 MiB stretch they begin in.

    ``offset`` is the place of the stream's first byte in the whole of which it is a part.
    A line beyond ``LINE_LIMIT`` is None; no more than that and a stretch is held. Groups do not
    depend on how the stream is cut into pieces, so that plain reading and a byte scan agree.
    """
    pending: list[bytes] = []  # pieces of the line that has begun and not ended
    held = 0
    group: list[bytes | None] = []
    stretch = offset // STRETCH  # both of the beginning of the pending line
    for piece in stream.chunks():
        lines = piece.split(b"\n")
        end = offset + held + len(piece) - len(lines[-1])  # of the last line that ends in this piece
        if len(lines) > 1 and end // STRETCH == stretch and held + len(piece) <= LINE_LIMIT:
            # No border and no line too long in it: the lines need no look one by one.
            lines[0] = b"".join([*pending, lines[0]])
            group.extend(lines[:-1])
            offset, pending, held = end, [lines[-1]], len(lines[-1])
            continue
        for index, line in enumerate(lines):
            held += len(line)
            if held <= LINE_LIMIT:
                pending.append(line)
            if index == len(lines) - 1:
                break
            if offset // STRETCH != stretch:
                yield group
                group, stretch = [], offset // STRETCH
            group.append(b"".join(pending) if held <= LINE_LIMIT else None)
            offset += held + 1
            pending, held = [], 0
    if offset // STRETCH != stretch and held:
        yield group
        group = []
    if held:
        group.append(b"".join(pending) if held <= LINE_LIMIT else None)
    if group:
        yield group
