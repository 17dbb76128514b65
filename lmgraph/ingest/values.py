"""Values of a record as the canonical event wants them: text, numbers, addresses, or a reject."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from lmgraph.errors import RecordError
from lmgraph.names import canonical_ip

TEXT_LIMIT: Final = 8192
_PORT_LIMIT: Final = 65536
_IP_TEXT_LIMIT: Final = 64
_UNSPECIFIED: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - what macOS writes for no address
_BLANK: Final = ("", "-")


def whole(fields: Mapping[str, Any], key: str) -> str | None:
    """The text of a field, however long; a number is written out, null is None.

    Raises:
        RecordError: A list, an object or a truth value.
    """
    value = fields.get(key)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise RecordError("text expected", field=key)


def text(fields: Mapping[str, Any], key: str) -> str | None:
    """The first ``TEXT_LIMIT`` characters of ``whole``, which see."""
    value = whole(fields, key)
    return None if value is None else value[:TEXT_LIMIT]


def name(fields: Mapping[str, Any], *keys: str) -> str | None:
    """The first of these fields that names something: ``""`` and ``"-"`` say unknown."""
    for key in keys:
        value = text(fields, key)
        if value is not None and named(value) is not None:
            return value
    return None


def named(value: str) -> str | None:
    """The text if it names something: ``""`` and ``"-"`` say unknown."""
    return None if value.strip() in _BLANK else value


def number(value: str) -> int | None:
    """A small whole number in its one usual spelling; ``"0445"`` and ``"445.0"`` are none."""
    if not (value.isascii() and value.isdigit()) or len(value) > 9:
        return None
    return int(value) if value == "0" or value[0] != "0" else None


def port(value: str) -> int | None:
    """A port number, or None where there is no such port."""
    found = number(value)
    return found if found is not None and found < _PORT_LIMIT else None


def flag(value: str) -> bool | None:
    """A truth value: 1, true, Yes, and their opposites; None for anything that is neither."""
    written = value.casefold()
    return True if written in ("1", "true", "yes") else False if written in ("0", "false", "no") else None


def address(value: str) -> str | None:
    """The canonical form of an IP address of somebody, else None."""
    found = canonical_ip(value[:_IP_TEXT_LIMIT]) if value else None
    return None if found in _UNSPECIFIED else found
