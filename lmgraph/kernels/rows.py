"""Rows of delimited text: where they end, and which of them matter by what a few cells say.

What is unusual is left to the caller: a row over several lines, a quote or a carriage return where
none belongs. Hashes only make a row pass that does not matter: the caller asks its cells again.

References:
    RFC 4180.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from lmgraph.kernels import kernel

I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]

# What an event name asks of the other cells of its row, any of which makes the row matter; and the
# roles of cells, those that are asked. ADDRESS is asked of rows of any name.
NAME, ALWAYS, TEXT, PORT, ID, ADDRESS = 0, 1, 2, 4, 8, 16
# Why ``look`` came back: the text ended, the hits are full, or the next row is unusual.
ENDED, FULL, UNUSUAL = 0, 1, 2

_TAB, _LINE_FEED, _RETURN, _SPACE, _QUOTE, _DASH, _DOT, _DELETE = 9, 10, 13, 32, 34, 45, 46, 127
_ZERO, _FOUR, _FIVE, _NINE, _UPPER_A, _UPPER_Z = 48, 52, 53, 57, 65, 90
_HASH_BITS: Final = (1 << 40) - 1  # times 131 still fits in 64 bits, so that nothing overflows


class Screen(NamedTuple):
    """What rows are asked.

    Attributes:
        slots: By column, the number of its slot, −1 for one that is not asked.
        roles: By slot, the role of its cell.
        names: Hashes of event names, ascending.
        asks: By event name, what it asks: a sum of roles.
        other: What any other name asks.
        ids: Hashes of the ids sought, ascending.
        addresses: Hashes of the addresses sought, ascending.
        needles: The needles, lower case, one behind the other.
        bounds: Where each needle begins, and where the last one ends.
        first: By byte, whether a needle begins with it, in either case.
        together: Bits, by number, of the needles that count only if all of them are in the row.
    """

    slots: I64
    roles: I64
    names: I64
    asks: I64
    other: int
    ids: I64
    addresses: I64
    needles: U8
    bounds: I64
    first: U8
    together: int


@kernel
def hashed(data: U8, begin: int, stop: int) -> int:
    """A hash of the bytes in [begin, stop), below 2**40."""
    value = 0
    for place in range(begin, stop):
        value = ((value * 131) ^ int(data[place])) & _HASH_BITS
    return value


@kernel
def _find(ascending: I64, value: int) -> int:
    """Where ``value`` is, −1 if nowhere."""
    low, high = 0, ascending.size
    while low < high:
        middle = (low + high) // 2
        if ascending[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low if low < ascending.size and ascending[low] == value else -1


@kernel
def _needles(data: U8, begin: int, stop: int, screen: Screen) -> int:
    """Bits of the needles in [begin, stop), whatever the case of ASCII letters."""
    bits = 0
    for place in range(begin, stop):
        if not screen.first[data[place]]:
            continue
        for number in range(screen.bounds.size - 1):
            needle, size = screen.bounds[number], screen.bounds[number + 1] - screen.bounds[number]
            step = 0
            while step < size and place + step < stop:
                byte = int(data[place + step])
                if _UPPER_A <= byte <= _UPPER_Z:
                    byte += 32
                if byte != int(screen.needles[needle + step]):
                    break
                step += 1
            if step == size:
                bits |= 1 << number
    return bits


@kernel
def _asked(data: U8, begin: int, stop: int, screen: Screen) -> int:
    """What the event name in [begin, stop) asks; ALWAYS where it may be none at all."""
    known = _find(screen.names, hashed(data, begin, stop))
    if known >= 0:
        return int(screen.asks[known])
    if stop == begin or (stop == begin + 1 and data[begin] == _DASH):
        return ALWAYS
    for place in range(begin, stop):
        if data[place] <= _SPACE or data[place] >= _DELETE:
            return ALWAYS
    return screen.other


@kernel
def _answers(data: U8, begin: int, stop: int, role: int, screen: Screen) -> bool:
    """Whether the cell in [begin, stop) makes a row matter that asks for its role."""
    if role == PORT:
        four = stop - begin == 3 and data[begin] == _FOUR and data[begin + 1] == _FOUR
        return four and data[begin + 2] == _FIVE
    if role == ID:
        return _find(screen.ids, hashed(data, begin, stop)) >= 0
    for place in range(begin, stop):
        if data[place] != _DOT and not _ZERO <= data[place] <= _NINE:
            return True  # such an address can be written in several ways
    return _find(screen.addresses, hashed(data, begin, stop)) >= 0


@kernel
def _matters(data: U8, cells: I64, screen: Screen) -> bool:
    asked = 0
    for slot in range(screen.roles.size):
        if screen.roles[slot] == NAME:
            asked = _asked(data, cells[slot, 0], cells[slot, 1], screen)
    if asked & ALWAYS:
        return True
    bits = 0
    for slot in range(screen.roles.size):
        role, begin, stop = screen.roles[slot], cells[slot, 0], cells[slot, 1]
        if asked & role == 0 or begin == stop:
            continue
        if role == TEXT:
            bits |= _needles(data, begin, stop, screen)
        elif _answers(data, begin, stop, role, screen):
            return True
    together = screen.together
    return bits & ~together != 0 or (together != 0 and bits & together == together)


@kernel
def _row(data: U8, at: int, special: U8, screen: Screen, cells: I64) -> tuple[int, int, int, int]:
    """The usual row at ``at``: end, place of its line feed, number of cells; the cells of its slots.

    The last value is why there is none: ENDED or UNUSUAL, else −1.
    """
    # What cannot be negative is no index from the end: 1.12 times as fast.
    end, place, count = data.size, max(at, 0), 0
    cells[:] = 0
    while True:
        if place < end and data[place] == _QUOTE:
            place += 1
            begin = place
            while True:
                while place < end and data[place] != _QUOTE and data[place] != _LINE_FEED:
                    place += 1
                if place + 1 >= end:
                    return 0, 0, 0, ENDED
                if data[place] == _LINE_FEED:
                    return 0, 0, 0, UNUSUAL
                if data[place + 1] != _QUOTE:
                    break
                place += 2
            stop = place
            place += 1
        else:
            begin = place
            while place < end and not special[data[place]]:
                place += 1
            stop = place
        if place >= end:
            return 0, 0, 0, ENDED
        if count < screen.slots.size and screen.slots[count] >= 0:
            cells[screen.slots[count], 0], cells[screen.slots[count], 1] = begin, stop
        count += 1
        byte = data[place]
        if special[byte] == 2:
            place += 1
            continue
        last = place
        while place < end and data[place] == _RETURN:
            place += 1
        if place >= end:
            return 0, 0, 0, ENDED
        if data[place] != _LINE_FEED:
            return 0, 0, 0, UNUSUAL
        return last, place, count, -1


@kernel
def look(
    data: U8, at: int, border: int, stretch: int, delimiter: int, longest: int, odd: int, screen: Screen,
    hits: I64,
) -> tuple[int, int, int, int]:  # fmt: skip
    """Look at the usual rows from ``at`` on, and note those that the caller has to look at.

    These are the rows that may matter, those with another number of cells than there are columns,
    those longer than ``longest``, those with bytes beyond ASCII where ``odd``, and the first that
    begins at or behind ``border`` and each ``stretch`` bytes behind that.

    Args:
        data: The text.
        at: Where the first row begins.
        border: See above; in bytes from the beginning of ``data``.
        stretch: Bytes from one border to the next.
        delimiter: The byte between cells.
        longest: Bytes.
        odd: Not 0 if the text is no valid UTF-8 and its rows have to be decoded one by one.
        screen: What rows are asked.
        hits: Filled row by row: where it begins, where it ends, and its number, from 1 on.

    Returns:
        How many hits, how many rows, where the next row begins, and why it ends there.
    """
    special = np.zeros(256, np.uint8)
    special[_LINE_FEED] = special[_RETURN] = special[_QUOTE] = 1
    special[delimiter] = 2
    cells = np.zeros((screen.roles.size, 2), np.int64)
    found = rows = 0
    while found < hits.shape[0]:
        end, line, count, why = _row(data, at, special, screen, cells)
        if why >= 0:
            return found, rows, at, why
        if end > at:
            rows += 1
            hit = (
                count != screen.slots.size
                or end - at > longest
                or at >= border
                or _matters(data, cells, screen)
            )
            if odd and not hit:
                for place in range(at, end):
                    hit = hit or data[place] > _DELETE
            if hit:
                hits[found, 0], hits[found, 1], hits[found, 2] = at, end, rows
                found += 1
            if at >= border:
                border += ((at - border) // stretch + 1) * stretch
        at = line + 1
    return found, rows, at, FULL
