"""Documents that hold their records in an array of theirs, as the answers of an API do.

References:
    Falcon API, ``{"meta": {…}, "resources": [{…}]}``; LogScale query jobs API, ``{"done": true,
    "events": [{…}]}``; HEC with several events, ``{"event": [{…}]}``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from lmgraph.ingest import falcon

NAMES: Final = frozenset({
    "resources", "events", "event", "results", "records", "Records", "hits", "data", "items", "rows", "value",
})  # fmt: skip
_NAMES_WRITTEN: Final = frozenset(f'"{name}"'.encode() for name in NAMES)
_TOKEN: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\]"]', re.DOTALL)
_ARRAY: Final = re.compile(rb"[ \t\r\n]*+:[ \t\r\n]*+\[[ \t\r\n]*+(?=\{)")
_QUOTE: Final = b'"'[0]


def arrays_of(record: Mapping[str, Any]) -> list[str]:
    """The fields of ``record`` that are arrays of records; none if it is a record of ours itself."""
    if NAMES.isdisjoint(record):
        return []
    found = [key for key in record if key in NAMES and _holds_records(record[key])]
    return found if found and falcon.family_of(record) is None else []


def _holds_records(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(item, dict) for item in value)


def entry(text: bytes, at: int = 0, stop: int | None = None, depth: int = 0) -> int | None:
    """Where the first record is in the first such array of the document at ``at``; None: no such array.

    ``text`` may end within the document. With ``depth`` 1, ``at`` is between two fields of it.
    """
    for token in _TOKEN.finditer(text, at, len(text) if stop is None else stop):
        mark = text[token.start()]
        if mark == _QUOTE:
            if token.end() - token.start() == 1:
                return None  # a string that does not end in the text
            if depth == 1 and token[0] in _NAMES_WRITTEN:
                array = _ARRAY.match(text, token.end())
                if array is not None:
                    return array.end()
        elif mark in b"{[":
            depth += 1
        else:
            depth -= 1
            if depth == 0:
                return None
    return None
