"""Byte streams: a buffered pull reader over chunks, and the budget that bounds expansion."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol, cast

if TYPE_CHECKING:
    from io import BufferedIOBase
    from typing import Self

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
    """How many bytes one source may expand to, over all its layers and members together.

    Args:
        stored: Size of the source in bytes; ``None`` for a pipe, whose size is learnt as it flows.
        taken: Told of each piece of the source that is read how many bytes it has.
    """

    def __init__(self, stored: int | None = None, taken: Callable[[int], None] | None = None) -> None:
        self.stored = stored or 0
        self.spent = 0
        self.members = 0
        self._grows = stored is None
        self._taken = taken

    def take(self, size: int) -> None:
        """Count bytes of the source that were read."""
        if self._grows:
            self.stored += size
        if self._taken is not None:
            self._taken(size)

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


class ByteSource(Protocol):
    """Where the bytes of a stream come from: piece after piece, each by one of two calls."""

    def __next__(self) -> bytes:
        """The next piece.

        Raises:
            StopIteration: The end.
            StreamError: The end, before its time.
        """
        ...

    def readinto(self, view: memoryview) -> int:
        """Write at least one byte into ``view``, at its beginning, and say how many; 0 at the end.

        Raises:
            StreamError: The end, before its time.
        """
        ...


class ByteStream:
    """A pull reader over bytes that can look ahead.

    A source that raises ``StreamError`` ends the stream: what came before was given, and
    ``problem`` holds the error. Nothing else is raised for bad content.

    Args:
        source: Pieces of bytes; an iterator that is no ``ByteSource`` costs ``readinto`` one copy more.
    """

    def __init__(self, source: ByteSource | Iterator[bytes]) -> None:
        self._source = source
        self._write: Callable[[memoryview], int] | None = getattr(source, "readinto", None)
        self._buffer = b""
        self._at = 0
        self._ended = False
        self.problem: StreamError | None = None

    def _fill(self) -> bool:
        """Append the next piece to what is buffered; False at the end."""
        while not self._ended:
            try:
                piece = next(self._source)
            except StopIteration:
                self._ended = True
            except StreamError as error:
                self._ended = True
                self.problem = error
            else:
                if piece:
                    rest = self._buffer[self._at :]
                    self._buffer = rest + piece if rest else piece
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

    def readinto(self, view: memoryview) -> int:
        """Write what one step gives, at least one byte, at the beginning of ``view``; 0 only at the end.

        Args:
            view: Where to write; at least one byte, contiguous, writable.

        Returns:
            The number of bytes written.
        """
        if self._at >= len(self._buffer):
            if self._write is not None:
                return self._written(view)
            if not self._fill():
                return 0
        size = min(len(view), len(self._buffer) - self._at)
        view[:size] = memoryview(self._buffer)[self._at : self._at + size]
        self._at += size
        return size

    def _written(self, view: memoryview) -> int:
        """What the source itself writes into ``view``: no bytes object in between."""
        size = 0
        if not self._ended and self._write is not None:
            try:
                size = self._write(view)
            except StreamError as error:
                self.problem = error
            self._ended = not size
        return size

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


class FileSource:
    """The bytes of an open file, from where it stands; ``budget`` learns how many were read.

    Raises:
        StreamError: The medium fails in the middle; nothing that came before is lost.
    """

    def __init__(self, file: BinaryIO, budget: Budget) -> None:
        self._file = cast("BufferedIOBase", file)
        self._budget = budget

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        with _media():
            piece = self._file.read1(CHUNK)
        if not piece:
            raise StopIteration
        self._budget.take(len(piece))
        return piece

    def readinto(self, view: memoryview) -> int:
        """Let the system write into ``view``; a pipe gives what it holds. See ``ByteSource``."""
        with _media():
            size = self._file.readinto1(view)
        self._budget.take(size)
        return size


@contextmanager
def _media() -> Iterator[None]:
    """Make the errors of a medium end a stream."""
    try:
        yield
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "read error"
        raise StreamError("unreadable", reason.lower()) from error


class LimitedSource:
    """The next ``size`` bytes of a stream, for a member that lies inside it.

    Raises:
        StreamError: The stream ends before.
    """

    def __init__(self, stream: ByteStream, size: int) -> None:
        self._stream = stream
        self._left = size

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        if not self._left:
            raise StopIteration
        piece = self._stream.read(min(self._left, CHUNK))
        self._count(len(piece))
        return piece

    def readinto(self, view: memoryview) -> int:
        """See ``ByteSource``."""
        if not self._left:
            return 0
        size = self._stream.readinto(view[: self._left])
        self._count(size)
        return size

    def _count(self, size: int) -> None:
        if not size:
            raise self._stream.problem or StreamError(
                "truncated-archive", "the archive ends within this member"
            )
        self._left -= size
