"""Lines that repeat each other but for times and ids: their content as a hash, their times as numbers.

A flat JSON object is walked once, strictly: whatever is not plain (a nested value, an escape beyond the
usual, bytes that are not ASCII, a key given twice, an odd number) is left to the parser, so that what is read
here is exactly what the parser would read.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lmgraph.kernels import kernel

U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
Bool = npt.NDArray[np.bool_]

# What a key's value is to a line. OTHER: nothing; CHECKED: it must be text or a number; CONTENT: it tells
# lines apart; KNOWN: whether it is known does; PORT: whether it is the one of SMB does; SESSION: it does for
# logons that are not of the network; LOGON_TYPE: tells which those are; LEAVE: the parser must look.
OTHER, CHECKED, CONTENT, KNOWN, PORT, SESSION, LOGON_TYPE, LEAVE, ID, AID, CID, SENSOR, LOGON_TIME, CLOUD = (
    range(14)
)
CLOUDS = 8  # fields of the cloud's clock are CLOUD + 0 … 7, the first preferred

_MOST_KEYS = 128
_QUOTE, _HASH, _COMMA, _MINUS, _DOT, _ZERO, _COLON = 34, 35, 44, 45, 46, 48, 58
_BACKSLASH, _OPEN, _CLOSE = 92, 123, 125
_NULL = np.frombuffer(b"null", np.uint8)
_TRUE = np.frombuffer(b"true", np.uint8)
_FALSE = np.frombuffer(b"false", np.uint8)
_DECIMAL = np.frombuffer(b"_decimal", np.uint8)
_READABLE = np.frombuffer(b"_readable", np.uint8)
_PORT = np.frombuffer(b"445", np.uint8)
_OFFSET, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)  # FNV-1a
_EARLIEST_US, _LATEST_US = 315_532_800_000_000, 4_102_444_800_000_000  # as ingest.clock
_MOST_DIGITS = 18  # of a count that is read here
_MOST_OF_FLOAT = 15  # digits of a JSON number with a fraction that a float keeps
_TEXT_LIMIT = 8192  # as ingest.values
_NO_TIME = -1
_WRONG = -2


@kernel
def _mixed(value: Any) -> Any:
    """Every bit of the result depends on every bit of the value (splitmix64: Steele et al., OOPSLA 2014)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@kernel
def _hashed(buffer: U8, begin: int, end: int, hashed: Any) -> Any:
    """FNV-1a of 64 bits over some bytes, going on from ``hashed``."""
    for i in range(begin, end):
        hashed = (hashed ^ np.uint64(buffer[i])) * _PRIME
    return hashed


@kernel
def name(text: U8) -> Any:
    """A 64-bit name of the bytes; a hash, evenly spread, and no protection against who seeks a collision."""
    return _mixed(_hashed(text, 0, text.size, _OFFSET))


@kernel
def _gap(byte: int) -> bool:
    return byte == 32 or byte == 9 or byte == 13


@kernel
def _ends_with(buffer: U8, begin: int, end: int, text: U8) -> bool:
    if end - begin < text.size:
        return False
    for k in range(text.size):  # noqa: SIM110 - numba knows no all()
        if buffer[end - text.size + k] != text[k]:
            return False
    return True


@kernel
def _string_end(buffer: U8, at: int, end: int) -> int:
    """Where the string that begins at ``at`` ends (its closing quote); −1 if it is not plain."""
    while at < end:
        byte = buffer[at]
        if byte == _QUOTE:
            return at
        if byte < 32 or byte > 126:
            return -1
        if byte == _BACKSLASH:
            at += 1
            # " \ / b f n r t
            if at >= end or buffer[at] not in (34, 92, 47, 98, 102, 110, 114, 116):
                return -1
        at += 1
    return -1


@kernel
def _number_end(buffer: U8, at: int, end: int) -> int:
    """Where the number that begins at ``at`` ends; −1 if it is not a plain one."""
    begin = at
    if at < end and buffer[at] == _MINUS:
        at += 1
    first = at
    while at < end and 48 <= buffer[at] <= 57:
        at += 1
    if at == first or (buffer[first] == _ZERO and at - first > 1) or at - begin > _MOST_DIGITS:
        return -1
    if at < end and buffer[at] == _DOT:
        at += 1
        after = at
        while at < end and 48 <= buffer[at] <= 57:
            at += 1
        if at == after or at - begin > _MOST_OF_FLOAT:
            return -1
    return at


@kernel
def _time(buffer: U8, begin: int, end: int, seconds: bool) -> int:  # noqa: FBT001
    """Microseconds of a count of seconds, or of the unit that its size tells; as ``ingest.clock`` reads it.

    ``_WRONG`` for whatever else is written, and for a time that is out of range.
    """
    whole = fraction = places = 0
    i = begin
    while i < end and 48 <= buffer[i] <= 57:
        if i - begin >= _MOST_DIGITS:
            return _WRONG
        whole = whole * 10 + int(buffer[i]) - 48
        i += 1
    if i == begin:
        return _WRONG
    if i < end and buffer[i] == _DOT:
        i += 1
        while i < end and 48 <= buffer[i] <= 57:
            if places < 6:
                fraction = fraction * 10 + int(buffer[i]) - 48
                places += 1
            i += 1
    if i < end:
        return _WRONG
    while places < 6:
        fraction *= 10
        places += 1
    if whole < 10**11:
        us = whole * 10**6 + fraction
    elif seconds:
        return _WRONG
    elif whole < 10**14:
        us = whole * 10**3 + fraction // 10**3
    elif whole < 10**17:
        us = whole
    else:
        us = whole // 10**3
    return us if _EARLIEST_US <= us < _LATEST_US else _WRONG


@kernel
def _known(buffer: U8, begin: int, end: int) -> bool:
    """Whether a text names something: not blank and not ``-``; as ``ingest.values.name``."""
    while begin < end and (buffer[begin] == 32):
        begin += 1
    while begin < end and (buffer[end - 1] == 32):
        end -= 1
    return begin < end and not (end - begin == 1 and buffer[begin] == _MINUS)


@kernel
def _bare(buffer: U8, begin: int, end: int) -> bool:
    """Whether an id is written as it is kept: in lower case, without white space and escapes, and known."""
    for i in range(begin, end):
        byte = buffer[i]
        if byte <= 32 or byte == _BACKSLASH or 65 <= byte <= 90:
            return False
    return _known(buffer, begin, end)


@kernel
def _action(hashed: Any, keys: U64, actions: I64) -> Any:
    """What is to be done with a key; ``keys`` is open-addressed, its size a power of two, 0 a free place."""
    place = hashed & np.uint64(keys.size - 1)
    while keys[place] != np.uint64(0):
        if keys[place] == hashed:
            return actions[place]
        place = (place + np.uint64(1)) & np.uint64(keys.size - 1)
    return OTHER


@kernel
def _line(
    buffer: U8, begin: int, end: int, keys: U64, actions: I64, seen: U64, names: U64, times: I64
) -> bool:
    """Read one line; false where the parser must look. ``names`` and ``times`` are the outputs' rows."""
    content = session = logon_id = np.uint64(0)
    logon_type_network = False
    sensor = logon = cloud = _NO_TIME
    cloud_rank = CLOUDS
    id_begin = id_end = aid_begin = aid_end = cid_begin = cid_end = 0
    count = 0
    i = begin + 1
    while True:
        while i < end and _gap(buffer[i]):
            i += 1
        if i >= end or buffer[i] != _QUOTE:
            return False
        key = i + 1
        i = _string_end(buffer, key, end)
        if i < 0:
            return False
        key_end = i
        tagged = key_end > key and buffer[key] == _HASH
        if tagged and buffer[key + 1] == _HASH:
            return False
        hashed = _hashed(buffer, key + tagged, key_end, _OFFSET)
        whole = hashed + np.uint64(tagged)
        for k in range(count):
            if seen[k] == whole:
                return False
        if count == _MOST_KEYS:
            return False
        seen[count] = whole
        count += 1
        if _ends_with(buffer, key, key_end, _DECIMAL) or _ends_with(buffer, key, key_end, _READABLE):
            return False
        action = _action(hashed, keys, actions)
        if action == LEAVE or (tagged and action not in (OTHER, CONTENT, CID)):
            return False
        for k in range(key, key_end):
            if buffer[k] == _BACKSLASH:
                return False
        i += 1
        while i < end and _gap(buffer[i]):
            i += 1
        if i >= end or buffer[i] != _COLON:
            return False
        i += 1
        while i < end and _gap(buffer[i]):
            i += 1
        if i >= end:
            return False
        text = buffer[i] == _QUOTE
        if text:
            value = i + 1
            i = _string_end(buffer, value, end)
            if i < 0:
                return False
            value_end = i
            i += 1
        else:
            value = i
            if buffer[i] == 110:  # null
                for k in range(4):
                    if buffer[i + k] != _NULL[k]:
                        return False
                i += 4
                value_end = value
            elif buffer[i] in (116, 102):  # true and false are errors in most of our fields
                literal = _TRUE if buffer[i] == 116 else _FALSE
                for k in range(literal.size):
                    if action != OTHER or buffer[i + k] != literal[k]:
                        return False
                i += literal.size
                value_end = value
            else:
                i = _number_end(buffer, i, end)
                if i < 0:
                    return False
                value_end = i
        if action in (ID, AID, CID) and not text and value < value_end:
            return False
        if action in (CONTENT, LOGON_TYPE, AID, CID):
            content += _mixed(_hashed(buffer, value - 1, value_end + text, whole))
        if action == ID:
            id_begin, id_end = value, value_end
        elif action == AID:
            aid_begin, aid_end = value, value_end
        elif action == CID:
            if cid_end > 0:
                return False
            cid_begin, cid_end = value, value_end
        elif action == KNOWN:
            for k in range(value, value_end):
                if buffer[k] == _BACKSLASH:
                    return False
            content += _mixed(whole + np.uint64(_known(buffer, value, value_end)))
        elif action == PORT:
            same = value_end - value == 3 and _ends_with(buffer, value, value_end, _PORT)
            content += _mixed(whole + np.uint64(same))
        elif action == SESSION:
            for k in range(value, value_end):
                if buffer[k] == _BACKSLASH:
                    return False
            session = _mixed(_hashed(buffer, value - 1, value_end + text, whole))
            logon_id = _mixed(_hashed(buffer, value, value_end, _OFFSET))
        elif action == LOGON_TYPE:
            logon_type_network = value_end - value == 1 and buffer[value] == 51
        elif action >= SENSOR and value < value_end:
            time = _time(buffer, value, value_end, action < CLOUD)
            if time == _WRONG:
                return False
            if action == SENSOR:
                sensor = time
            elif action == LOGON_TIME:
                logon = time
            elif action - CLOUD < cloud_rank:
                cloud, cloud_rank = time, action - CLOUD
        while i < end and _gap(buffer[i]):
            i += 1
        if i >= end:
            return False
        if buffer[i] == _CLOSE:
            break
        if buffer[i] != _COMMA:
            return False
        i += 1
    if i != end - 1 or (sensor == _NO_TIME and (logon != _NO_TIME or cloud == _NO_TIME)):
        return False
    if not _bare_or_absent(buffer, aid_begin, aid_end) or not _bare_or_absent(buffer, cid_begin, cid_end):
        return False
    if id_end - id_begin > _TEXT_LIMIT:
        return False
    for k in range(id_begin, id_end):
        if buffer[k] == _BACKSLASH:
            return False
    if not _known(buffer, id_begin, id_end):
        return False
    names[2] = logon_id
    names[0] = _mixed(content if logon_type_network else content + session)
    hashed = _hashed(buffer, id_begin, id_end, _OFFSET)
    hashed = _hashed(buffer, aid_begin, aid_end, (hashed ^ np.uint64(31)) * _PRIME)
    hashed = _hashed(buffer, cid_begin, cid_end, (hashed ^ np.uint64(31)) * _PRIME)
    names[1] = _mixed(hashed)
    times[0] = cloud if sensor == _NO_TIME else sensor
    times[1] = times[0] if cloud == _NO_TIME else cloud
    return True


@kernel
def _bare_or_absent(buffer: U8, begin: int, end: int) -> bool:
    return begin == end or _bare(buffer, begin, end)


@kernel
def read(
    buffer: U8, begins: I64, ends: I64, keys: U64, actions: I64, good: Bool, names: U64, times: I64
) -> None:
    """Read the lines ``buffer[begins[i]:ends[i]]``, each a candidate that may repeat others.

    Args:
        buffer: Bytes.
        begins: (n,) where each line begins: at its brace.
        ends: (n,) one past its last brace.
        keys: Open-addressed table of the FNV-1a hashes of keys.
        actions: What each key's value is.
        good: (n,) filled: whether the line was read; if not, the parser must.
        names: (n, 3) filled: the hash of the content, the name of the record (``folds.record_name``), and the
            ``name`` of its logon id (0: none).
        times: (n, 2) filled: of the event and on the cloud's clock (else the former), in microseconds.
    """
    seen = np.empty(_MOST_KEYS, np.uint64)
    for i in range(begins.size):
        good[i] = _line(buffer, begins[i], ends[i], keys, actions, seen, names[i], times[i])
