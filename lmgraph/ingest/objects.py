"""Falcon records as JSON objects that lines do not part: arrays, HEC streams, answers of an API."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from lmgraph.errors import RecordError
from lmgraph.ingest import json_text, wrappers
from lmgraph.ingest.blocks import LINE_LIMIT
from lmgraph.ingest.contract import Record, Reject
from lmgraph.ingest.ndjson import TOO_LONG
from lmgraph.ingest.session import Session
from lmgraph.ingest.streams import CHUNK, MIB, ByteStream

# Possessive throughout: linear, and no stack however long a string is. A lone quote opens a string
# that does not end in the window.
_TOKEN: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}]|"', re.DOTALL)
_INSIDE: Final = re.compile(rb"(?:[^\"\\]++|\\.)*+", re.DOTALL)
_BETWEEN: Final = re.compile(rb"[ \t\r\n,\[\]]*+")
_BETWEEN_WRAPPED: Final = re.compile(rb"[ \t\r\n,]*+")
_OBJECT: Final = re.compile(rb"\{")
_OBJECT_OR_END: Final = re.compile(rb"[{\]]")
_NEXT: Final = re.compile(rb"\n[ \t\r,]*+(?=\{)")
_TAIL: Final = 64  # white space before an object that may lie across two windows
_RESCAN_LIMIT: Final = LINE_LIMIT
_WHOLE_LIMIT: Final = MIB  # of a document with records in it that is decoded at once
_OPENED: Final = (b"", b'{"":0')  # what is before a part of a document, so that it can be decoded
_OPEN, _CLOSE_ARRAY, _QUOTE, _BACKSLASH = b'{]"\\'


class ObjectsReader:
    """A JSON array of records, documents that hold such an array, or mere white space between (HEC).

    References:
        RFC 8259; LogScale API, "HEC" (white-space delimited objects) and "Search response format".
    """

    shape = "json"

    def detect(self, head: bytes, name: str) -> bool:  # noqa: ARG002 - content decides
        """Whether the text begins with an object or an array."""
        return head.lstrip()[:1] in (b"{", b"[")

    def read(self, stream: ByteStream, session: Session) -> Iterator[Record | Reject]:
        """Every record; see ``Reader``."""
        head = stream.peek(CHUNK).lstrip()
        if head[:1] == b"{" and wrappers.entry(head) is None:
            session.shape = "hec"
        for record, reason in objects(stream):
            session.records += 1
            if record is None:
                yield session.reject(session.records, reason)
            if not record:
                continue
            item = session.take(record, dict, session.records)
            if item is not None:
                yield item


def objects(stream: ByteStream) -> Iterator[tuple[dict[str, Any] | None, str]]:
    """Every outermost object, or None and the reason why one cannot be had.

    Of a document that holds its records in an array (``wrappers``), each of these instead; one of
    any length is read, record by record.

    After an object that cannot be decoded or does not end, reading goes on at the next line that
    begins with ``{``, so that one stray quote does not take the rest of the file with it. Each
    such step scans some bytes again; when these have become many, the stretch in question is read
    line by line instead, so that a file of open braces takes linear time, too.
    """
    window = _Window(stream)
    rescanned = 0
    while window.skip_between():
        leaving = window.leave()
        if leaving and window.enter(None, depth=1):
            continue
        if not leaving and window.buffer[window.at] != _OPEN:
            yield None, "no JSON object"
            window.skip_foreign()
            continue
        if not leaving and window.skip_empty():
            yield {}, ""
            continue
        end = window.object_end(depth=int(leaving))
        size = (len(window.buffer) if end is None else end) - window.at
        reason = TOO_LONG if size > LINE_LIMIT else "no valid JSON"
        if leaving and (window.enter(end, depth=1) or window.close(end)):
            continue
        if end is not None and size > _WHOLE_LIMIT and window.enter(end):
            continue
        if end is not None and size <= LINE_LIMIT:
            try:
                record = json_text.decode(window.buffer[window.at : end])
            except RecordError as error:
                reason = error.message
            else:
                window.at = end
                yield from _unfolded(record)
                continue
        rescanned += size
        if not leaving and window.enter(end):
            continue
        yield None, reason
        if rescanned <= _RESCAN_LIMIT or not window.has_lines(end):
            window.resume(end)
        else:
            yield from window.by_lines(end)


def _unfolded(record: dict[str, Any]) -> Iterator[tuple[dict[str, Any] | None, str]]:
    """The records in a document that holds them in an array, else the record itself."""
    names = wrappers.arrays_of(record)
    if not names:
        yield record, ""
    for name in names:
        foreign = False
        for item in record[name]:
            if isinstance(item, dict):  # what surrounds a HEC event says when and where
                yield {**record, name: item} if name == "event" else item, ""
            elif not foreign:  # several in a row are one reject, as in any array
                yield None, "no JSON object"
            foreign = not isinstance(item, dict)


def _valid(text: bytes) -> bool:
    try:
        json_text.decode(text)
    except RecordError:
        return False
    return True


class _Window:
    """A moving part of the stream; ``at`` is where the next record may begin."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self.buffer = b""
        self.at = 0
        self.wrapped = False  # whether ``at`` is in the array of a wrapper
        self._scanned = 0  # up to here the object at ``at`` was scanned
        self._depth = 0
        self._in_string = False

    def _more(self) -> bool:
        """Append to the window and forget what lies before ``at``; False at the end."""
        piece = self._stream.read()
        self.buffer = self.buffer[self.at :] + piece
        self._scanned -= self.at
        self.at = 0
        return bool(piece)

    def skip_between(self) -> bool:
        """Go to the next byte that is no separator; False at the end."""
        while True:
            between = _BETWEEN_WRAPPED if self.wrapped else _BETWEEN
            found = between.match(self.buffer, self.at)
            self.at = found.end() if found else self.at
            if self.at < len(self.buffer):
                return True
            if not self._more():
                return False

    def skip_empty(self) -> bool:
        """Go behind an object without fields, if one is at ``at``: millions fit in a small archive."""
        if not self.buffer.startswith(b"{}", self.at):
            return False
        self.at += 2
        return True

    def skip_foreign(self) -> None:
        """Go to the next object, or to the end of a wrapper's array."""
        wanted = _OBJECT_OR_END if self.wrapped else _OBJECT
        while (found := wanted.search(self.buffer, self.at)) is None:
            self.at = len(self.buffer)
            if not self._more():
                return
        self.at = found.start()

    def enter(self, end: int | None, depth: int = 0) -> bool:
        """Go to the first record in the document at ``at``, if it holds records in an array.

        There are no such documents within such documents: each look for one costs a scan.
        """
        found = None if self.wrapped else wrappers.entry(self.buffer, self.at, end, depth)
        if found is None or not _valid(_OPENED[depth] + self.buffer[self.at : found] + b"]}"):
            return False
        self.at, self.wrapped = found, True
        return True

    def close(self, end: int | None) -> bool:
        """Go to the end of a document whose records were read, if all of the rest is of it."""
        if end is None or not _valid(_OPENED[1] + self.buffer[self.at : end]):
            return False
        self.at = end
        return True

    def leave(self) -> bool:
        """Go behind the end of a wrapper's array, if that is at ``at``."""
        if not self.wrapped or self.buffer[self.at] != _CLOSE_ARRAY:
            return False
        self.at, self.wrapped = self.at + 1, False
        return True

    def object_end(self, depth: int = 0) -> int | None:
        """Where the object at ``at`` ends; None: beyond the stream or ``LINE_LIMIT``.

        With ``depth`` 1, ``at`` is between two fields of it.
        """
        self._scanned, self._depth, self._in_string = self.at, depth, False
        while not self._scan():
            if len(self.buffer) - self.at > LINE_LIMIT or not self._more():
                return None
        return self._scanned

    def _scan(self) -> bool:
        """Scan on from ``_scanned``; True when the object ended there."""
        if self._in_string and not self._close_string():
            return False
        for token in _TOKEN.finditer(self.buffer, self._scanned):
            mark = self.buffer[token.start()]
            if mark == _QUOTE:
                if token.end() - token.start() == 1:
                    self._in_string, self._scanned = True, token.end()
                    self._close_string()
                    return False
            elif mark == _OPEN:
                self._depth += 1
            else:
                self._depth -= 1
                if self._depth == 0:
                    self._scanned = token.end()
                    return True
        self._scanned = len(self.buffer)
        return False

    def _close_string(self) -> bool:
        """Go behind the end of the open string; a backslash at the window's end waits for its letter."""
        found = _INSIDE.match(self.buffer, self._scanned)
        self._scanned = found.end() if found else self._scanned
        if self._scanned == len(self.buffer) or self.buffer[self._scanned] == _BACKSLASH:
            return False
        self._in_string = False
        self._scanned += 1
        return True

    def has_lines(self, end: int | None) -> bool:
        """Whether the object at ``at`` is on more than one line."""
        return self.buffer.find(b"\n", self.at, self._stop(end)) >= 0

    def _stop(self, end: int | None) -> int:
        return len(self.buffer) if end is None else end

    def by_lines(self, end: int | None) -> Iterator[tuple[dict[str, Any] | None, str]]:
        """After a bad object: the objects that are whole lines within it; go to its last, open line."""
        stop = self._stop(end)
        at = self.buffer.find(b"\n", self.at, stop) + 1
        while (newline := self.buffer.find(b"\n", at, stop)) >= 0:
            line = self.buffer[at:newline].strip(b" \t\r,[]")
            at = newline + 1
            if line.startswith(b"{"):
                try:
                    yield from _unfolded(json_text.decode(line))
                except RecordError as error:
                    yield None, error.message
        self.at = at if end is None else end

    def resume(self, end: int | None) -> None:
        """After a bad object: to the next line within it that begins one, else to its end."""
        while True:
            found = _NEXT.search(self.buffer, self.at, self._stop(end))
            if found:
                self.at = found.end()
                return
            if end is not None:
                self.at = end
                return
            # Too long to hold: go on with its end in sight, and forget what was scanned.
            newline = self.buffer.rfind(b"\n", len(self.buffer) - _TAIL)
            self.at = min(self._scanned, len(self.buffer) if newline < 0 else newline)
            if not self._more():
                self.at = len(self.buffer)
                return
            end = self._scanned if self._scan() else None
