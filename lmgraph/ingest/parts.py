"""A large plain file of JSON lines in parts, which workers read side by side as if it were one piece.

What a line says does not depend on the other lines, but for three things, and each stays exact:

- Its number. A part counts from 1; ``lines_before`` says what to add once all parts were read.
- The first and last line of each stretch of 1 MiB are candidates (DESIGN §3, the law of reading). A
  part begins with the first line of a stretch, so that no stretch is divided.
- Rejects count only once it is known whose records these are, and too many end the reading. The first
  part is read before the others and tells whose. Where it does not, where the parts gave more rejects
  than any input may, or where one of them met an error, they are not ``sound``: what they gave is
  dropped and the file read in one piece.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO, Final

from lmgraph.ingest import reading, registry
from lmgraph.ingest.archives import Member, Opener
from lmgraph.ingest.contract import Item, Reader, Record, Reject, Repeats, Source
from lmgraph.ingest.decoders import utf8
from lmgraph.ingest.repeats import Memory
from lmgraph.ingest.streams import MIB, Budget, ByteStream, FileSource, LimitedSource
from lmgraph.settings import Settings

PART: Final = 64 * MIB  # a multiple of a stretch; some 20 ms of scanning
_LINE: Final = MIB  # no part begins after a longer line than that


class Parts:
    """The parts of one source and what reading them has told so far.

    Args:
        source: A file that ``parts_of`` found fit.
        reader: Of its lines.
        cuts: Where the parts begin, in bytes; the first is 0.
        settings: Of the run.
        memory: Of the pass.
        taken: As ``reading.read`` has it.
    """

    def __init__(
        self,
        source: Source,
        reader: Reader,
        cuts: list[int],
        settings: Settings,
        memory: Memory,
        taken: Callable[[int], None] | None,
    ) -> None:
        self._source = source
        self._reader = reader
        self._settings = settings
        self._memory = memory
        self._budget = Budget(source.size, taken)
        self._sha256: str | None = None
        self._ends = [*cuts[1:], None]  # the last part goes on to the end, wherever that has got to
        self._sessions = [
            reading.new_session(source.path, reader.shape, settings, memory, offset=cut) for cut in cuts
        ]

    def __len__(self) -> int:
        return len(self._sessions)

    @property
    def sound(self) -> bool:
        """Whether what was read so far is what reading in one piece gives."""
        rejected = sum(session.rejected for session in self._sessions)
        return (
            self._sessions[0].family is not None
            and rejected <= reading.Patience.FREE
            and not any(session.gave_up for session in self._sessions)
        )

    def read(self, number: int) -> Iterator[Record | Repeats | Reject]:
        """The records of one part, numbered by its own lines; part 0 must be read before all others."""
        session, end = self._sessions[number], self._ends[number]
        if number:
            session.family = self._sessions[0].family
            if not self.sound:
                return
        try:
            with Path(self._source.file).open("rb") as file:
                if end is None:
                    self._sha256 = reading.sha256(self._source, file, self._settings, self._memory.wants)
                held = reading.held_limit(file.read(registry.HEAD))
                file.seek(session.offset)
                rest = ByteStream(FileSource(file, self._budget))
                stream = rest if end is None else ByteStream(LimitedSource(rest, end - session.offset))
                items = self._reader.read(stream, session)
                yield from reading.known(items, session, reading.Patience(), held)
                session.gave_up = session.gave_up or stream.problem is not None
        except OSError:
            session.gave_up = True

    def lines_before(self) -> list[int]:
        """How many lines of the file come before each part."""
        return list(accumulate((session.lines for session in self._sessions[:-1]), initial=0))

    def ending(self) -> Iterator[Item]:
        """The remarks and the report of the whole, as ``reading.read`` gives them."""
        whole = self._sessions[0]
        for session in self._sessions[1:]:
            whole.add(session)
        yield from reading.noted(self._source)
        yield from reading.ending(whole, self._source.size or 0, self._sha256)


def parts_of(
    source: Source, settings: Settings, memory: Memory, taken: Callable[[int], None] | None = None
) -> Parts | None:
    """The parts of a source, if it is a large enough plain file of JSON lines.

    Not where ``strict`` is set: there, the first reject ends the run and must have its number.
    """
    if not source.rereadable or source.error is not None or settings.strict or (source.size or 0) < 2 * PART:
        return None
    try:
        with Path(source.file).open("rb") as file:
            reader = _reader(source, file)
            cuts = _cuts(file, source.size or 0)
    except OSError:
        return None  # reading it whole will say so
    return None if reader is None or len(cuts) == 1 else Parts(source, reader, cuts, settings, memory, taken)


def _reader(source: Source, file: BinaryIO) -> Reader | None:
    """The reader of a file without a layer or a byte order mark that is one of lines."""
    budget = Budget(source.size)
    stream = ByteStream(FileSource(file, budget))
    found = next(Opener(budget).inputs(stream, source.path, source.size or 0, file))
    if not isinstance(found, Member) or found.content is not stream:
        return None
    head = stream.peek(registry.HEAD)
    if utf8(stream) is not stream or stream.peek(registry.HEAD) != head or reading.own_result(head):
        return None
    reader = registry.find(head, source.path)
    return reader if reader is not None and reader.shape == "ndjson" else None


def _cuts(file: BinaryIO, size: int) -> list[int]:
    """The beginnings of the first lines of stretches some ``PART`` apart."""
    cuts = [0]
    for target in range(PART, size, PART):
        file.seek(target - 1)
        feed = file.read(_LINE).find(b"\n")
        if feed >= 0 and target + feed < size:
            cuts.append(target + feed)
    return cuts
