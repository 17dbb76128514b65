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


def text(fields: Mapping[str, Any], key: str) -> str | None:
    """The text of a field, its first ``TEXT_LIMIT`` characters; a number is written out, null is None.

    Raises:
        RecordError: A list, an object or a truth value.
    """
    value = fields.get(key)
    if value is None:
        return None
    if isinstance(value, str):
        return value if len(value) <= TEXT_LIMIT else value[:TEXT_LIMIT]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise RecordError("text expected", field=key)


def name(fields: Mapping[str, Any], *keys: str) -> str | None:
    """The first of these fields that names something: ``""`` and ``"-"`` say unknown."""
    for key in keys:
        value = text(fields, key)
        if value is not None and value.strip() not in ("", "-"):
            return value
    return None


def number(fields: Mapping[str, Any], key: str) -> int | None:
    """A small whole number in its one usual spelling; ``"0445"`` and ``"445.0"`` are none."""
    value = text(fields, key)
    if value is None or not (value.isascii() and value.isdigit()) or len(value) > 9:
        return None
    return int(value) if value == "0" or value[0] != "0" else None


def port(fields: Mapping[str, Any], key: str) -> int | None:
    """A port number, or None where there is no such port."""
    value = number(fields, key)
    return value if value is not None and value < _PORT_LIMIT else None


def flag(fields: Mapping[str, Any], key: str) -> bool | None:
    """A truth value: true, 1, "1", "true", "Yes"; None for anything that is neither."""
    value = fields.get(key)
    if isinstance(value, bool):
        return value
    written = (text(fields, key) or "").casefold()
    return True if written in ("1", "true", "yes") else False if written in ("0", "false", "no") else None


def address(fields: Mapping[str, Any], *keys: str) -> str | None:
    """The first of these fields that is an IP address of somebody, in canonical form."""
    for key in keys:
        value = text(fields, key)
        found = canonical_ip(value[:_IP_TEXT_LIMIT]) if value else None
        if found is not None and found not in _UNSPECIFIED:
            return found
    return None
