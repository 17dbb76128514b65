"""Byte streams: a buffered pull reader over chunks, and the budget that bounds expansion."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

CHUNK: Final = 256 * 1024
MIB: Final = 1024 * 1024

# Telemetry compresses 10- to 20-fold, the most repetitive of it some hundredfold; one layer of
# deflate cannot exceed 1032. What is beyond both figures is built to expand, and its lines may be so
# short that each byte costs a hundred times what it does in telemetry.
EXPANSION_RATIO: Final = 250
EXPANSION_FREE: Final = 64 * MIB
MEMBER_LIMIT: Final = 100_000


class StreamError(Exception):
    """A stream ends before its time; ``code`` is that of the remark, the text is the reason."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Budget:
    """How many bytes one source may expand to, over all its layers and members together."""

    def __init__(self, stored: int = 0) -> None:
        self.stored = stored
        self.spent = 0
        self.members = 0

    def spend(self, size: int) -> None:
        """Count bytes that a decoder gave.

        Raises:
            StreamError: The source expands beyond ``EXPANSION_RATIO``.
        """
        self.spent += size
        if self.spent > EXPANSION_FREE and self.spent > EXPANSION_RATIO * self.stored:
            raise StreamError("archive-limit", f"it expands more than {EXPANSION_RATIO}-fold")

    def count_member(self) -> None:
        """Count a member of an archive.

        Raises:
            StreamError: The source holds more than ``MEMBER_LIMIT``.
        """
        self.members += 1
        if self.members > MEMBER_LIMIT:
            raise StreamError(
                "archive-limit", f"it holds more than {MEMBER_LIMIT} members; the rest was not read"
            )


class ByteStream:
    """A pull reader over chunks of bytes that can look ahead.

    A chunk source that raises ``StreamError`` ends the stream: what came before was given, and
    ``problem`` holds the error. Nothing else is raised for bad content.
    """

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._buffer = b""
        self._at = 0
        self._ended = False
        self.problem: StreamError | None = None

    def _fill(self) -> bool:
        """Append the next chunk to what is buffered; False at the end."""
        while not self._ended:
            try:
                chunk = next(self._chunks)
            except StopIteration:
                self._ended = True
            except StreamError as error:
                self._ended = True
                self.problem = error
            else:
                if chunk:
                    rest = self._buffer[self._at :]
                    self._buffer = rest + chunk if rest else chunk
                    self._at = 0
                    return True
        return False

    def peek(self, size: int) -> bytes:
        """The next ``size`` bytes without taking them; fewer only at the end."""
        while len(self._buffer) - self._at < size and self._fill():
            pass
        return self._buffer[self._at : self._at + size]

    def read(self, size: int = CHUNK) -> bytes:
        """At least one byte and at most ``size``; empty only at the end."""
        if self._at >= len(self._buffer) and not self._fill():
            return b""
        if self._at == 0 and len(self._buffer) <= size:
            piece, self._buffer = self._buffer, b""
            return piece
        piece = self._buffer[self._at : self._at + size]
        self._at += len(piece)
        return piece

    def read_exactly(self, size: int) -> bytes:
        """``size`` bytes; fewer only at the end. For small sizes: the result is held in memory."""
        piece = self.peek(size)
        self._at += len(piece)
        return piece

    def unread(self, piece: bytes) -> None:
        """Give bytes back that were read but not used."""
        if piece:
            self._buffer = piece + self._buffer[self._at :]
            self._at = 0

    def chunks(self) -> Iterator[bytes]:
        """All that is left, piece by piece."""
        while piece := self.read():
            yield piece


def file_chunks(file: BinaryIO, budget: Budget | None = None) -> Iterator[bytes]:
    """The bytes of an open file; ``budget`` learns the stored size of a pipe as it flows.

    Raises:
        StreamError: The medium fails in the middle.
    """
    try:
        while chunk := file.read(CHUNK):
            if budget is not None:
                budget.stored += len(chunk)
            yield chunk
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "read error"
        raise StreamError("unreadable", reason.lower()) from error


def limited_chunks(stream: ByteStream, size: int) -> Iterator[bytes]:
    """The next ``size`` bytes of a stream, for a member that lies inside it.

    Raises:
        StreamError: The stream ends before.
    """
    left = size
    while left:
        piece = stream.read(min(left, CHUNK))
        if not piece:
            raise stream.problem or StreamError("truncated-archive", "the archive ends within this member")
        left -= len(piece)
        yield piece
