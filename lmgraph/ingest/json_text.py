"""One JSON object from bytes, strictly; what is wrong with it is said without showing it.

References:
    RFC 8259. Lone surrogates are legal escapes there, and legal in names on Windows: an attacker
    can write them, so they must not make a record unreadable.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import msgspec

from lmgraph.errors import RecordError
from lmgraph.text import without_surrogates

_KEY: Final = re.compile(rb'"[ \t\r\n]*+:')
_DECODER: Final = msgspec.json.Decoder()


def decode(raw: bytes) -> dict[str, Any]:
    """The object that ``raw`` holds.

    Raises:
        RecordError: No JSON, no object, nested too deep, invalid UTF-8, or one key with two values.
    """
    try:
        record = _DECODER.decode(raw)
    except RecursionError as error:
        raise RecordError("nested too deep") from error
    except UnicodeDecodeError as error:
        raise RecordError("invalid UTF-8") from error
    except msgspec.MsgspecError as error:
        if b"\\u" not in raw:
            raise RecordError("no valid JSON") from error
        return _leniently(raw)
    if not isinstance(record, dict):
        raise RecordError("no JSON object")
    # Cheap tests first: a colon follows each key, and one before a backslash is in a string ("C:\\").
    colons = raw.count(b":") - len(record)
    if colons > 0 and colons > raw.count(b":\\") and len(_KEY.findall(raw)) > len(record):
        _check_keys(raw)
    return record


def _leniently(raw: bytes) -> dict[str, Any]:
    """Read again by the standard library, which accepts lone surrogates, and make them visible."""
    try:
        record = json.loads(raw.decode(), object_pairs_hook=_unique, parse_constant=_no_constant)
    except RecursionError as error:
        raise RecordError("nested too deep") from error
    except UnicodeDecodeError as error:
        raise RecordError("invalid UTF-8") from error
    except ValueError as error:
        raise RecordError("no valid JSON") from error
    if not isinstance(record, dict):
        raise RecordError("no JSON object")
    return {without_surrogates(key): _clean(value) for key, value in record.items()}


def _check_keys(raw: bytes) -> None:
    """Refuse a key with two values: readers differ in which one they take."""
    try:
        json.loads(raw, object_pairs_hook=_unique)
    except (RecursionError, ValueError):
        return  # read well by the first decoder; the limits of the second say nothing


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs) and any(record[key] != value for key, value in pairs):
        raise RecordError("one key with two values")
    return record


def _no_constant(_: str) -> None:
    raise RecordError("no valid JSON")


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return without_surrogates(value)
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {without_surrogates(key): _clean(item) for key, item in value.items()}
    return value
