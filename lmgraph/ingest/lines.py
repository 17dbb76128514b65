r"""Which JSON lines can matter: one test, as a function of a line and as tables for the byte scan.

A line is passed over when the name of its event is written in it plainly and that kind of record is not
needed, or lacks what a needed one holds (``rules.needed``). A line whose event name is not plain always
passes: side files, rows of the query's result, records in envelopes; and so does one with an escape
``\u00XX`` that may spell what is sought. Both forms give the same answer for every line, which the tests
show, so that plain reading and the scan count the same candidates (DESIGN §3, the law of reading).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from lmgraph.ingest.blocks import LINE_LIMIT, Block
from lmgraph.ingest.falcon import KINDS
from lmgraph.kernels import scan
from lmgraph.rules.needed import Need, Needle, Wants, is_plain_number, need_of

_KEY: Final = scan.NAME_KEY.tobytes()
_BEFORE: Final = re.compile(rb"#*+\"(\\?)")  # of the reversed text before a key
_AFTER: Final = re.compile(rb"(\\*+)\"[ \t\r]*+:[ \t\r]*+(\\*+)\"([A-Za-z0-9_]*+)(\\*+)\"")
_ADDRESS: Final = re.compile(
    rb"Local(?:AddressIP|IP)[A-Za-z0-9_]*+\\*+\"[ \t\r]*+:[ \t\r]*+\\*+\"?+([^\"\\,}]*+)"
)
_DOTTED: Final = re.compile(rb"[0-9.]*+")
_DIGITS: Final = re.compile(rb"[0-9]++")
_NESTED: Final = re.compile(rb"(?:(?<!\\)(?:\\\\)*+\"[ \t\r]*+:|\[)[ \t\r]*+\{")
_ESCAPE: Final = re.compile(rb"\\u00([2-7][0-9A-Fa-f])")
# Characters that needles, keys or values are made of, and those that part them.
_SPELLING: Final = frozenset(b'"#$%-./0123456789:@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\_abcdefghijklmnopqrstuvwxyz{')
SHORTEST: Final = len('{"alert_type":1}')  # no shorter object has a field of ours and a value
_CAPACITY: Final = 16_384  # candidates found at a time
_TEXT_LIMIT: Final = 16
_NAME_LIMIT: Final = 64
_MOST_DIGITS: Final = 19
_BESIDE: Final = {"": scan.ANYTHING, "separator": scan.SEPARATOR_BEFORE, "port": scan.PORT_VALUE}
_SEPARATORS: Final = frozenset(b'"/\\')
_AFTER_VALUE: Final = (b'"', b"\\", b",", b"}", b" ", b"\t", b"\r")
_KEY_BEFORE: Final = re.compile(rb"\"?[:\"\\ \t\r]*([A-Za-z0-9_]*+)")  # of the reversed text before a value
_PORT_KEY: Final = scan.PORT_KEY.tobytes()[::-1]


@dataclass(frozen=True, slots=True)
class Tables:
    """The test as arrays, in the order in which ``kernels.scan.scan`` takes them."""

    spelling: npt.NDArray[np.bool_]
    names: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int64]
    class_of: npt.NDArray[np.int64]
    classes: npt.NDArray[np.int64]
    texts: npt.NDArray[np.uint8]
    needles: npt.NDArray[np.int64]
    slots: npt.NDArray[np.uint8]
    numbers: npt.NDArray[np.uint64]
    wanted: int
    addresses: npt.NDArray[np.uint64]


class LineTest:
    """The test of one pass over the input.

    Args:
        wants: Of the pass.
        held: There is no second pass over this input: it is a pipe.
    """

    def __init__(self, wants: Wants, *, held: bool = False) -> None:
        needs = {name: need_of(kind, wants, held=held) for name, kind in KINDS.items()}
        self._needs: dict[bytes, Need] = {
            name.encode(): need for name, need in needs.items() if need is not None
        }
        ids = {text for _, _, text in wants.processes}
        self._numbers = frozenset(int(text) for text in ids if is_plain_number(text))
        self._addresses = frozenset(fnv(address.encode()) for address in wants.addresses)
        self._any_address = held and wants.first_pass

    def __call__(self, line: bytes) -> bool:
        """Whether a line without white space around it can matter."""
        return self.look(line)[0]

    def look(self, line: bytes) -> tuple[bool, int]:
        """Whether a line can matter, and its class if it may repeat others; else 0."""
        if _NESTED.search(line) or any(int(code, 16) in _SPELLING for code in _ESCAPE.findall(line)):
            return True, 0
        named, seen = False, set()
        at = line.find(_KEY)
        while at >= 0:
            before = _BEFORE.match(line[:at][::-1])
            after = _AFTER.match(line, at + len(_KEY))
            if before is None or after is None:
                return True, 0
            named = named or not any((before[1], after[1], after[2], after[4]))
            need = self._needs.get(after[3])
            if need is not None:
                seen.add(need)
            at = line.find(_KEY, at + 1)
        if not named:
            return True, 0
        for need in self._order:
            if need in seen and self._holds(need, line):
                return True, self._order.index(need) + 1 if need.repeats and len(seen) == 1 else 0
        return (True, scan.SIGHTING) if self._sighted(line) else (False, 0)

    def _holds(self, need: Need, line: bytes) -> bool:
        if need.numbers:
            texts = _DIGITS.findall(line)
            return any(is_plain_number(text.decode()) and int(text) in self._numbers for text in texts)
        return not need.needles or any(_stands(needle, line) for needle in need.needles)

    def _sighted(self, line: bytes) -> bool:
        if not self._addresses and not self._any_address:
            return False
        for value in _ADDRESS.findall(line):
            if value in (b"", b"null"):
                continue
            if self._any_address or _DOTTED.fullmatch(value) is None or fnv(value) in self._addresses:
                return True
        return False

    @cached_property
    def _order(self) -> list[Need]:
        """The distinct needs, by the first event name of each."""
        return list(dict.fromkeys(self._needs.values()))

    @cached_property
    def tables(self) -> Tables:
        """The test for the scan."""
        names = sorted(self._needs, key=lambda name: (len(name), name))
        needles = [needle for need in self._order for needle in need.needles]
        classes, place = [(0, 0, 0, 0)], 0
        for need in self._order:
            classes.append((place, place + len(need.needles), need.numbers, need.repeats))
            place += len(need.needles)
        slots = sorted({bytes(byte | 0x20 for byte in needle.text[: scan.PREFIX]) for needle in needles})
        slots = slots or [b"\0" * scan.PREFIX]
        assert len(slots) <= scan.SLOTS, "more kinds of needles than the scan compares with"
        wanted = scan.SOME_ADDRESSES if self._addresses else scan.NO_ADDRESS
        return Tables(
            spelling=np.array([code in _SPELLING for code in range(128)]),
            names=_padded(names, _NAME_LIMIT),
            starts=np.searchsorted([len(name) for name in names], np.arange(_NAME_LIMIT + 1)).astype(
                np.int64
            ),
            class_of=np.array([self._order.index(self._needs[name]) + 1 for name in names], np.int64),
            classes=np.array(classes, np.int64),
            texts=_padded([needle.text for needle in needles], _TEXT_LIMIT),
            needles=np.array(
                [(len(one.text), _BESIDE[one.beside], one.also[0] if one.also else 0) for one in needles],
                np.int64,
            ).reshape(-1, 3),
            slots=_padded(slots + slots[-1:] * (scan.SLOTS - len(slots)), scan.PREFIX),
            numbers=open_addressed(self._numbers),
            wanted=scan.ANY_ADDRESS if self._any_address else wanted,
            addresses=open_addressed(self._addresses),
        )


def _stands(needle: Needle, line: bytes) -> bool:
    lowered = line.lower()
    at = lowered.find(needle.text)
    while at >= 0:
        end = at + len(needle.text)
        if needle.beside == "separator":
            fits = at > 0 and lowered[at - 1] in _SEPARATORS
        elif needle.beside == "port":
            key = _KEY_BEFORE.match(line[:at][::-1])
            fits = key is not None and _PORT_KEY in key[1] and line[end : end + 1] in _AFTER_VALUE
        else:
            fits = True
        if fits:
            return needle.also in lowered
        at = lowered.find(needle.text, at + 1)
    return False


def fnv(text: bytes) -> int:
    """FNV-1a of 64 bits, by which kernels find a text in a table (isthe.com/chongo/tech/comp/fnv)."""
    hashed = 0xCBF29CE484222325
    for byte in text:
        hashed = (hashed ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return hashed


def _padded(texts: list[bytes], width: int) -> npt.NDArray[np.uint8]:
    rows = [np.frombuffer(text.ljust(width, b"\0"), np.uint8) for text in texts]
    return np.stack(rows) if rows else np.zeros((0, width), np.uint8)


def open_addressed(values: Iterable[int]) -> npt.NDArray[np.uint64]:
    """A set with linear probing, at most half full; 0 marks a free place."""
    ordered = sorted(values)
    table: list[Any] = [0] * (1 << (2 * len(ordered) + 1).bit_length())
    for value in ordered:
        place = value % len(table)
        while table[place]:
            place = (place + 1) % len(table)
        table[place] = value
    return np.array(table, np.uint64)


class Finder:
    """Finds the candidates among the lines of one stream, block by block; counts lines and records.

    Args:
        test: Of lines.
        by_scan: Whether the byte scan does it; else each line is looked at by itself, and none is said to
            repeat others.
    """

    def __init__(self, test: LineTest, *, by_scan: bool) -> None:
        self._test, self._by_scan = test, by_scan
        self._state = np.array([0, 0, -1])
        self._found = np.zeros((_CAPACITY, 5), np.int64)

    @property
    def lines(self) -> int:
        """Lines so far."""
        return int(self._state[scan.LINES])

    @property
    def records(self) -> int:
        """Lines so far that are not blank."""
        return int(self._state[scan.RECORDS])

    def pass_over(self, place: int) -> None:
        """Count a line that begins there in the stream, and that nobody can hold."""
        self._state[:] = self._state[scan.LINES] + 1, self._state[scan.RECORDS] + 1, place >> scan.STRETCH_BITS

    def find(self, block: Block, begin: int, end: int) -> tuple[npt.NDArray[np.int64], int]:
        """The candidates among the lines ``block.buffer[begin:end]``, as ``scan.scan`` finds them.

        Returns:
            Rows of ``scan.scan``, valid until the next call; and where to go on, before ``end`` if there
            are too many.
        """
        final = block.final and end == block.end
        if self._by_scan:
            tables = self._test.tables
            count, begin = scan.scan(
                block.buffer, begin, end, block.offset, final, SHORTEST, LINE_LIMIT,
                tables.spelling, tables.names, tables.starts, tables.class_of, tables.classes, tables.texts,
                tables.needles, tables.slots, tables.numbers, tables.wanted, tables.addresses,
                self._state, self._found,
            )  # fmt: skip
            return self._found[:count], begin
        return self._one_by_one(block, begin, end, final=final)

    def _one_by_one(
        self, block: Block, begin: int, end: int, *, final: bool
    ) -> tuple[npt.NDArray[np.int64], int]:
        rows: list[tuple[int, int, int, int, int]] = []
        for line in block.text(begin, end).split(b"\n")[:-1]:
            after = begin + len(line) + 1
            self._state[scan.LINES] += 1
            stretch = (block.offset + begin) >> scan.STRETCH_BITS
            raw = line.strip()
            if raw:
                self._state[scan.RECORDS] += 1
                edge = (
                    stretch != self._state[scan.LAST_STRETCH]
                    or (block.offset + after) >> scan.STRETCH_BITS != stretch
                    or (final and after == end)
                )
                whole = raw.startswith(b"{") and raw.endswith(b"}")
                too_long = len(line) > LINE_LIMIT
                if too_long or edge or not whole or (len(line) >= SHORTEST and self._test(raw)):
                    first = begin + len(line) - len(line.lstrip())
                    repeats = scan.TOO_LONG if too_long else 0
                    rows.append((first, first + len(raw), self.lines, self.records, repeats))
            self._state[scan.LAST_STRETCH] = stretch
            begin = after
        return np.array(rows, np.int64).reshape(-1, 5), end
