"""Whole lines of a stream, block by block, in one buffer that is used again and again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from lmgraph.ingest.streams import MIB, ByteStream
from lmgraph.kernels.scan import SLACK

LINE_LIMIT: Final = 16 * MIB
SIZE: Final = 4 * MIB
_LF: Final = b"\n"


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines in ``buffer[begin:end]``; valid until the next block is asked for.

    ``offset`` plus a place in the buffer is a place in the stream. ``final``: the stream ends with these
    lines; a line feed that the last one lacked is there. ``too_long``: where in the stream the line before
    these began, which is longer than ``LINE_LIMIT`` and was passed over; ``None`` if there is no such line.
    """

    buffer: npt.NDArray[np.uint8]
    begin: int
    end: int
    offset: int
    final: bool
    too_long: int | None = None

    def line_end(self, begin: int) -> int:
        """One past the line feed of the line that begins there."""
        step = 4096
        while True:
            found = self.buffer[begin : begin + step].tobytes().find(_LF)
            if found >= 0:
                return begin + found + 1
            begin += step
            step = min(2 * step, MIB)

    def text(self, begin: int, end: int) -> bytes:
        """Those bytes."""
        return self.buffer[begin:end].tobytes()


def blocks(stream: ByteStream, size: int = SIZE, start: int = 0) -> Iterator[Block]:
    """All lines of a stream. No more than a block and ``LINE_LIMIT`` is held.

    Args:
        stream: Text as UTF-8.
        size: Of a block in bytes; what the lines are does not depend on it.
        start: Where in the whole the stream begins that is a part of it.
    """
    held = bytearray(size + 2 * SLACK)
    begin = filled = SLACK
    offset = start - SLACK
    too_long: int | None = None
    ended = False
    while not ended:
        with memoryview(held) as view:
            while filled < len(held) - SLACK and not ended:
                got = stream.readinto(view[filled : len(held) - SLACK])
                filled += got
                ended = not got
        if ended and filled > begin and held[filled - 1] != _LF[0]:
            held[filled] = _LF[0]
            filled += 1
        # The last whole line waits until it is known whether another one follows.
        end = filled if ended else held.rfind(_LF, begin, filled - 1) + 1
        if end > begin:
            if too_long is not None:
                begin = held.index(_LF, begin) + 1
            yield Block(np.frombuffer(held, np.uint8), begin, end, offset, ended, too_long)
            too_long = None
        elif not ended and (too_long is not None or filled - begin > LINE_LIMIT + 1):
            too_long = offset + begin if too_long is None else too_long
            end = filled - 1  # all but the last byte, which may be its end, can go
        elif not ended:
            longer = bytearray(min(2 * len(held), LINE_LIMIT + size + 2) + 2 * SLACK)
            longer[SLACK : SLACK + filled - begin] = held[begin:filled]
            offset += begin - SLACK
            begin, filled, held = SLACK, SLACK + filled - begin, longer
            continue
        else:
            return
        held[SLACK : SLACK + filled - end] = held[end:filled]
        offset += end - SLACK
        begin, filled = SLACK, SLACK + filled - end
