"""The byte scan: which lines of a buffer can matter, found without reading them one by one.

Sixty-four bytes at a time are compared with the few characters that make a difference (line ends, the key
that names an event, escapes, inner braces); only there does scalar code look. The comparisons are LLVM
vector instructions that an intrinsic emits, so that every target that LLVM knows gets its own (AVX-512,
AVX2, SSE2, NEON) without a C compiler. What is sought comes in arrays: another rule set is other tables,
not another kernel.

Vectors first and scalar verification after: Langdale and Lemire, "Parsing Gigabytes of JSON per Second",
VLDB Journal 28 (2019); Wang et al., "Hyperscan", NSDI 2019.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from lmgraph.kernels import kernel

U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
Bool = npt.NDArray[np.bool_]

BLOCK = 64
SLACK = 128  # readable bytes that a buffer needs before its first line and after its last
SLOTS = 8  # of first letters that one search compares with
PREFIX = 3  # letters in a slot
STRETCH_BITS = 20  # a stretch of a stream is 1 MiB (DESIGN §3, the law of reading)

# Columns of ``found``: where a line begins and ends, its line feed left out; its number, and its ordinal
# among the lines that are not blank; whether it may repeat others but for times and ids (its class, or 0).
BEGIN, END, LINE, RECORD, REPEATS = range(5)
# Entries of ``state``: lines and records so far, the stretch that the last line began in (−1: none yet).
LINES, RECORDS, LAST_STRETCH = range(3)
# Columns of ``needles``: length; what must be beside it; a byte that the line must hold as well, or 0.
LENGTH, BESIDE, ALSO = range(3)
ANYTHING, SEPARATOR_BEFORE, PORT_VALUE = range(3)
# Columns of ``classes``: first needle and the one after the last; a number of ``numbers`` instead; REPEATS.
FIRST, LAST, NUMBERS, FOLDS = range(4)
SIGHTING = 63  # REPEATS of a line that is a candidate for the address of its host alone
TOO_LONG = -1
# Which addresses of the host are wanted.
NO_ADDRESS, SOME_ADDRESSES, ANY_ADDRESS = range(3)

NAME_KEY = np.frombuffer(b"event_simpleName", np.uint8)
NAME_AT = (5, 6, 12)  # "_", "s", "N": seldom in this place of other text
ADDRESS_KEY = np.frombuffer(b"Local", np.uint8)  # LocalAddressIP4, LocalAddressIP6, LocalIP
ADDRESS_AT = (0, 2, 4)
PORT_KEY = np.frombuffer(b"Port", np.uint8)  # RemotePort, LocalPort, RPort, RemotePort_decimal
_ADDRESS_IP = np.frombuffer(b"AddressIP", np.uint8)
_IP = np.frombuffer(b"IP", np.uint8)
_NULL = np.frombuffer(b"null", np.uint8)

_LF, _QUOTE, _HASH, _COMMA, _DOT, _SLASH, _COLON = 10, 34, 35, 44, 46, 47, 58
_BRACKET, _BACKSLASH, _OPEN, _CLOSE = 91, 92, 123, 125
_MOST_DIGITS = 20  # of a number that 64 bits can hold
_NONE, _ONE, _TEN = np.uint64(0), np.uint64(1), np.uint64(10)
_OFFSET, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)  # FNV-1a
_I64 = ir.IntType(64)
_config: Any = numba.config  # its settings are made at run time


def _intrinsic(function: Callable[..., Any]) -> Any:
    return intrinsic(function)


def _bytes_at(builder: Any, data: Any, at: Any) -> Any:
    """Sixty-four bytes from any address."""
    vector = ir.VectorType(ir.IntType(8), BLOCK)
    loaded = builder.load(builder.bitcast(builder.gep(data, [at]), vector.as_pointer()))
    loaded.align = 1
    return loaded


def _everywhere(builder: Any, byte: Any) -> Any:
    """A vector of one byte, repeated."""
    vector = ir.VectorType(ir.IntType(8), BLOCK)
    nothing = ir.Constant(vector, ir.Undefined)
    one = builder.insert_element(nothing, byte, ir.Constant(ir.IntType(32), 0))
    lanes = ir.Constant(ir.VectorType(ir.IntType(32), BLOCK), [0] * BLOCK)
    return builder.shuffle_vector(one, nothing, lanes)


def _constant(byte: int) -> Any:
    return ir.Constant(ir.VectorType(ir.IntType(8), BLOCK), [byte] * BLOCK)


def _data(context: Any, builder: Any, kind: Any, array: Any) -> Any:
    return context.make_array(kind)(context, builder, array).data


@_intrinsic
def marks(typing: Any, buffer: Any, at: Any) -> Any:  # noqa: ARG001
    r"""Which of the 64 bytes from ``at`` on need a look, as bits.

    A line ends there, ``\u0`` or a brace within a line stands there, or a key may begin: ``NAME_KEY`` and,
    where ``addresses`` is true, ``ADDRESS_KEY``.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data, place = _data(context, builder, signature.args[0], arguments[0]), arguments[1]
        loaded: dict[int, Any] = {}

        def is_(offset: int, byte: int) -> Any:
            if offset not in loaded:
                moved = builder.add(place, ir.Constant(place.type, offset))
                loaded[offset] = _bytes_at(builder, data, moved)
            return builder.icmp_unsigned("==", loaded[offset], _constant(byte))

        def all_of(*tests: Any) -> Any:
            return reduce(builder.and_, tests)

        line_end = is_(0, _LF)
        escape = all_of(is_(0, _BACKSLASH), is_(1, ord("u")), is_(2, ord("0")))
        brace = all_of(is_(0, _OPEN), builder.not_(is_(-1, _LF)))
        name = all_of(*(is_(offset, int(NAME_KEY[offset])) for offset in NAME_AT))
        return builder.bitcast(reduce(builder.or_, (line_end, escape, brace, name)), _I64)

    return types.uint64(buffer, types.intp), generate


@_intrinsic
def address_marks(typing: Any, buffer: Any, at: Any) -> Any:  # noqa: ARG001
    """At which of the 64 bytes from ``at`` on ``ADDRESS_KEY`` may begin, as bits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data, place = _data(context, builder, signature.args[0], arguments[0]), arguments[1]
        tests = []
        for offset in ADDRESS_AT:
            vector = _bytes_at(builder, data, builder.add(place, ir.Constant(place.type, offset)))
            tests.append(builder.icmp_unsigned("==", vector, _constant(int(ADDRESS_KEY[offset]))))
        return builder.bitcast(reduce(builder.and_, tests), _I64)

    return types.uint64(buffer, types.intp), generate


@_intrinsic
def firsts(typing: Any, buffer: Any, at: Any, slots: Any) -> Any:  # noqa: ARG001
    """At which of the 64 bytes from ``at`` on one of the slots' letters stand, in either case, as bits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = _data(context, builder, signature.args[0], arguments[0])
        letters = _data(context, builder, signature.args[2], arguments[2])
        place = arguments[1]
        lowered = [
            builder.or_(
                _bytes_at(builder, data, builder.add(place, ir.Constant(place.type, count))), _constant(0x20)
            )
            for count in range(PREFIX)
        ]
        found = None
        for slot in range(SLOTS):
            all_three = None
            for count in range(PREFIX):
                index = ir.Constant(place.type, slot * PREFIX + count)
                letter = _everywhere(builder, builder.load(builder.gep(letters, [index])))
                same = builder.icmp_unsigned("==", lowered[count], letter)
                all_three = same if all_three is None else builder.and_(all_three, same)
            found = all_three if found is None else builder.or_(found, all_three)
        return builder.bitcast(found, ir.IntType(64))

    return types.uint64(buffer, types.intp, slots), generate


@_intrinsic
def trailing(typing: Any, mask: Any) -> Any:  # noqa: ARG001
    """The number of zero bits below the lowest bit that is set; the mask is not 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.intp(types.uint64), generate


if _config.DISABLE_JIT:  # the same, slowly, so that everything else can be run as Python

    def marks(buffer: U8, at: int) -> Any:  # noqa: D103
        window = buffer[at - 1 : at + BLOCK + NAME_KEY.size].tobytes()
        bits = 0
        for i in range(1, BLOCK + 1):
            here = window[i]
            brace = here == _OPEN and window[i - 1] != _LF
            name = all(window[i + offset] == NAME_KEY[offset] for offset in NAME_AT)
            escape = window[i : i + 3] == b"\\u0"
            bits |= (here == _LF or escape or brace or name) << (i - 1)
        return np.uint64(bits)

    def address_marks(buffer: U8, at: int) -> Any:  # noqa: D103
        window = buffer[at : at + BLOCK + ADDRESS_KEY.size].tobytes()
        bits = 0
        for i in range(BLOCK):
            bits |= all(window[i + offset] == ADDRESS_KEY[offset] for offset in ADDRESS_AT) << i
        return np.uint64(bits)

    def firsts(buffer: U8, at: int, slots: U8) -> Any:  # noqa: D103
        window = buffer[at : at + BLOCK + PREFIX] | 0x20
        bits = 0
        for i in range(BLOCK):
            bits |= any((window[i : i + PREFIX] == letters).all() for letters in slots) << i
        return np.uint64(bits)

    def trailing(mask: Any) -> int:  # noqa: D103
        return (int(mask) & -int(mask)).bit_length() - 1


@kernel
def _digit(byte: int) -> bool:
    return 48 <= byte <= 57


@kernel
def _word(byte: int) -> bool:
    """A letter, a digit or an underscore."""
    return _digit(byte) or 97 <= byte | 0x20 <= 122 or byte == 95


@kernel
def _spells(buffer: U8, at: int, text: U8) -> bool:
    for k in range(text.size):  # noqa: SIM110 - numba knows no all()
        if buffer[at + k] != text[k]:
            return False
    return True


@kernel
def _space(byte: int) -> bool:
    """White space that ``bytes.strip`` takes off, the line feed aside."""
    return byte == 32 or byte == 9 or byte == 13 or byte == 11 or byte == 12


@kernel
def _gap(byte: int) -> bool:
    """White space of JSON within a line."""
    return byte == 32 or byte == 9 or byte == 13


@kernel
def _hexadecimal(byte: int) -> int:
    """The value of a hexadecimal digit, −1 for anything else."""
    if _digit(byte):
        return byte - 48
    lowered = byte | 0x20
    return lowered - 87 if 97 <= lowered <= 102 else -1


@kernel
def _spelled(buffer: U8, at: int, spelling: Bool) -> Any:
    r"""Whether an escape ``\u0…`` at ``at`` spells a character that a needle, key or value may hold."""
    if buffer[at + 3] != 48:
        return False
    high, low = _hexadecimal(buffer[at + 4]), _hexadecimal(buffer[at + 5])
    return 0 <= high < 8 and low >= 0 and spelling[16 * high + low]


@kernel
def _opens_value(buffer: U8, line: int, at: int) -> bool:
    """Whether a brace may open an object within the object of a line, and is no text of a string."""
    i = at - 1
    while i >= line and _gap(buffer[i]):
        i -= 1
    if i < line or buffer[i] != _COLON:
        return i >= line and buffer[i] == _BRACKET
    i -= 1
    while i >= line and _gap(buffer[i]):
        i -= 1
    if i < line or buffer[i] != _QUOTE:
        return False
    escapes = 0
    while buffer[i - 1 - escapes] == _BACKSLASH:
        escapes += 1
    return escapes % 2 == 0


@kernel
def _name_at(buffer: U8, at: int, names: U8, starts: I64, class_of: I64) -> Any:
    """What the text at a possible key says of the event's name.

    −3: no key is here; −2: it is, and what follows is no plain name; else twice the class of the
    name (0: not needed), + 1 where the key is one of the record and not text within a string of it.
    """
    if not _spells(buffer, at, NAME_KEY):
        return -3
    i = at - 1
    while buffer[i] == _HASH:
        i -= 1
    if buffer[i] != _QUOTE:
        return -2
    own = 0 if buffer[i - 1] == _BACKSLASH else 1
    i = at + NAME_KEY.size
    while buffer[i] == _BACKSLASH:
        own = 0
        i += 1
    if buffer[i] != _QUOTE:
        return -2
    i += 1
    while _gap(buffer[i]):
        i += 1
    if buffer[i] != _COLON:
        return -2
    i += 1
    while _gap(buffer[i]):
        i += 1
    while buffer[i] == _BACKSLASH:
        own = 0
        i += 1
    if buffer[i] != _QUOTE:
        return -2
    i += 1
    begin = i
    while _word(buffer[i]):
        i += 1
    length = i - begin
    while buffer[i] == _BACKSLASH:
        own = 0
        i += 1
    if buffer[i] != _QUOTE:
        return -2
    if length < starts.size - 1:
        for number in range(starts[length], starts[length + 1]):
            same = True
            for k in range(length):
                if names[number, k] != buffer[begin + k]:
                    same = False
                    break
            if same:
                return 2 * class_of[number] + own
    return own


@kernel
def _in_set(hashed: Any, table: U64) -> Any:
    """Whether a value is in an open-addressed table whose size is a power of two; 0 is never in it."""
    place = hashed & np.uint64(table.size - 1)
    while table[place] != _NONE:
        if table[place] == hashed:
            return True
        place = (place + _ONE) & np.uint64(table.size - 1)
    return False


@kernel
def _wanted_address(buffer: U8, at: int, end: int, wanted: int, addresses: U64) -> Any:
    """Whether a possible key of an address of the host has a value that is, or may be, wanted."""
    if not _spells(buffer, at, ADDRESS_KEY):
        return False
    i = at + ADDRESS_KEY.size
    if not _spells(buffer, i, _IP):
        if not _spells(buffer, i, _ADDRESS_IP):
            return False
        i += _ADDRESS_IP.size
    while _word(buffer[i]):
        i += 1
    while buffer[i] == _BACKSLASH:
        i += 1
    if buffer[i] != _QUOTE:
        return False
    i += 1
    while _gap(buffer[i]):
        i += 1
    if buffer[i] != _COLON:
        return False
    i += 1
    while _gap(buffer[i]):
        i += 1
    while buffer[i] == _BACKSLASH:
        i += 1
    if buffer[i] == _QUOTE:
        i += 1
    begin = i
    dotted = True
    hashed = _OFFSET
    while i < end:
        byte = buffer[i]
        if byte in (_QUOTE, _BACKSLASH, _COMMA, _CLOSE, _LF):
            break
        if not (_digit(byte) or byte == _DOT):
            dotted = False
        hashed = (hashed ^ np.uint64(byte)) * _PRIME
        i += 1
    if i == begin:
        return buffer[i] == _BACKSLASH  # white space, escaped
    if i - begin == _NULL.size and _spells(buffer, begin, _NULL):
        return False
    return wanted == ANY_ADDRESS or not dotted or _in_set(hashed, addresses)


@kernel
def _holds_number(buffer: U8, begin: int, end: int, numbers: U64) -> bool:
    """Whether a line holds one of these whole numbers, written without leading zeros."""
    i = begin
    while i < end:
        if not _digit(buffer[i]):
            i += 1
            continue
        first = i
        value = np.uint64(0)
        while i < end and _digit(buffer[i]):
            if i - first < _MOST_DIGITS:
                value = value * _TEN + np.uint64(buffer[i] - 48)
            i += 1
        if i - first <= _MOST_DIGITS and buffer[first] != 48 and _in_set(value, numbers):
            return True
    return False


@kernel
def _is_port(buffer: U8, line: int, begin: int, end: int) -> bool:
    """Whether a number is the whole value of a key that speaks of a port."""
    after = buffer[end]
    if not (after in (_QUOTE, _BACKSLASH, _COMMA, _CLOSE) or _gap(after)):
        return False
    i = begin - 1
    if buffer[i] == _QUOTE:
        i -= 1
    while i > line and (buffer[i] in (_COLON, _QUOTE, _BACKSLASH) or _gap(buffer[i])):
        i -= 1
    while i >= line and _word(buffer[i]):
        if _spells(buffer, i, PORT_KEY):
            return True
        i -= 1
    return False


@kernel
def _holds(
    buffer: U8, begin: int, end: int, first: int, last: int, texts: U8, needles: I64, slots: U8
) -> bool:
    """Whether a line holds one of the needles ``first`` … ``last`` − 1, in either case."""
    i = begin
    while i < end:
        mask = firsts(buffer, i, slots)
        while mask:
            at = i + trailing(mask)
            mask &= mask - _ONE
            if at >= end:
                break
            for needle in range(first, last):
                length = needles[needle, LENGTH]
                if at + length > end:
                    continue
                same = True
                for k in range(length):
                    byte = buffer[at + k]
                    if 65 <= byte <= 90:
                        byte |= 0x20
                    if byte != texts[needle, k]:
                        same = False
                        break
                if not same:
                    continue
                beside = needles[needle, BESIDE]
                before = buffer[at - 1]  # of the line before at the worst: a line feed
                if beside == SEPARATOR_BEFORE and before not in (_QUOTE, _SLASH, _BACKSLASH):
                    continue
                if beside == PORT_VALUE and not _is_port(buffer, begin, at, at + length):
                    continue
                also = needles[needle, ALSO]
                if also == 0:
                    return True
                for k in range(begin, end):
                    if buffer[k] == also:
                        return True
        i += BLOCK
    return False


@kernel
def scan(
    buffer: U8,
    begin: int,
    end: int,
    offset: int,
    final: bool,  # noqa: FBT001
    shortest: int,
    longest: int,
    spelling: Bool,
    names: U8,
    starts: I64,
    class_of: I64,
    classes: I64,
    texts: U8,
    needles: I64,
    slots: U8,
    numbers: U64,
    wanted: int,
    addresses: U64,
    state: I64,
    found: I64,
) -> tuple[int, int]:
    r"""Find the candidate lines (DESIGN §3) among the whole lines ``buffer[begin:end]``.

    A line is a candidate if it is the first or the last that begins in its stretch; if it does not begin
    with ``{`` and end with ``}``; if it is longer than ``longest`` bytes; or, from ``shortest`` bytes on,
    if it passes the test of ``ingest.lines.LineTest``, whose tables these are.

    Args:
        buffer: Bytes, ``SLACK`` of them readable on both sides of the lines.
        begin: Where the first line begins.
        end: One past the line feed of the last line.
        offset: What to add to a place in the buffer to have its place in the stream.
        final: Whether the last line is the last of the stream.
        shortest: Shorter objects hold nothing of ours, in bytes.
        longest: In bytes.
        spelling: Per character of ASCII whether its escape makes a line a candidate; length 128.
        names: (n, 64) names of events, sorted by length; bytes.
        starts: (65,) first name of each length.
        class_of: (n,) class of each name, from 1 on.
        classes: (m, 4) per class, as the columns above; row 0 is not used.
        texts: (k, 16) needles in lower case.
        needles: (k, 3) as the columns above.
        slots: (SLOTS, PREFIX) first letters of all needles.
        numbers: Open-addressed set of whole numbers.
        wanted: ``NO_ADDRESS``, ``SOME_ADDRESSES`` or ``ANY_ADDRESS``.
        addresses: Open-addressed set of the hashes of dotted addresses (``hash_text``).
        state: (3,) int64, carried from one buffer of the stream to the next.
        found: (capacity, 5) int64, filled.

    Returns:
        How many candidates were written, and where to go on: ``end``, or earlier when ``found`` is full.
    """
    count = 0
    line = begin
    keep = named = sighted = False
    seen = 0  # bits of the classes named in the line
    i = begin
    while i < end:
        mask = marks(buffer, i)
        if wanted != NO_ADDRESS:
            mask |= address_marks(buffer, i)
        while mask:
            at = i + trailing(mask)
            mask &= mask - _ONE
            if at >= end:
                break
            byte = buffer[at]
            if byte != _LF:
                if keep:
                    continue
                if byte == _BACKSLASH:
                    keep = _spelled(buffer, at, spelling)
                elif byte == _OPEN:
                    keep = _opens_value(buffer, line, at)
                elif byte == ADDRESS_KEY[0]:
                    sighted = sighted or _wanted_address(buffer, at, end, wanted, addresses)
                else:
                    said = _name_at(buffer, at, names, starts, class_of)
                    if said == -2:
                        keep = True
                    elif said >= 0:
                        named = named or said & 1 == 1
                        if said > 1:
                            seen |= 1 << (said >> 1)
                continue
            first, last = line, at - 1
            while first < at and _space(buffer[first]):
                first += 1
            while last >= first and _space(buffer[last]):
                last -= 1
            stretch = (offset + line) >> STRETCH_BITS
            if first < at:
                state[RECORDS] += 1
                length = at - line
                edge = (
                    stretch != state[LAST_STRETCH]
                    or (offset + at + 1) >> STRETCH_BITS != stretch
                    or (final and at + 1 == end)
                )
                whole = buffer[first] == _OPEN and buffer[last] == _CLOSE
                repeats = 0
                if length > longest:
                    candidate = True
                    repeats = TOO_LONG
                elif edge or not whole:
                    candidate = True
                elif length < shortest:
                    candidate = False
                elif keep or not named:
                    candidate = True
                else:
                    candidate = False
                    number = 1
                    while not candidate and seen >> number:
                        if seen >> number & 1:
                            if classes[number, NUMBERS]:
                                candidate = _holds_number(buffer, first, last + 1, numbers)
                            elif classes[number, FIRST] == classes[number, LAST]:
                                candidate = True
                            else:
                                candidate = _holds(
                                    buffer,
                                    first,
                                    last + 1,
                                    classes[number, FIRST],
                                    classes[number, LAST],
                                    texts,
                                    needles,
                                    slots,
                                )
                            if candidate and classes[number, FOLDS] and seen == 1 << number:
                                repeats = number
                        number += 1
                    if not candidate and sighted:
                        candidate = True
                        repeats = SIGHTING
                if candidate:
                    found[count, BEGIN] = first
                    found[count, END] = last + 1
                    found[count, LINE] = state[LINES] + 1
                    found[count, RECORD] = state[RECORDS]
                    found[count, REPEATS] = repeats
                    count += 1
            state[LINES] += 1
            state[LAST_STRETCH] = stretch
            line = at + 1
            keep = named = sighted = False
            seen = 0
            if count == found.shape[0]:
                return count, line
        i += BLOCK
    return count, end
