"""The exceptions of lmgraph; each can say where: file, record, field.

LmgraphError
├── UsageError        a wrong option, setting, tuning or assets file (exit 2)
├── InputError        an input that cannot be read at all (exit 1)
│   └── RecordError   one record that cannot be read; only raised with ``strict``
├── ResultError       a saved result that is no ``lmgraph/result/1`` document (exit 1)
└── OutputError       an output that cannot be written (exit 1)
"""

from __future__ import annotations


class LmgraphError(Exception):
    """Base of every error that lmgraph raises on purpose.

    ``str(error)`` ends with the place: ``message [file:record:field]``.

    Args:
        message: What is wrong, in plain words, without text from the input's records.
        path: File (``outer.zip!member`` for a member), or option, that it is about.
        record: 1-based line or ordinal of the record.
        field: Name of the field.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str | None = None,
        record: int | None = None,
        field: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.record = record
        self.field = field

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.path, self.record, self.field) if part is not None)
        return f"{self.message} [{place}]" if place else self.message


class UsageError(LmgraphError):
    """A wrong option, setting, tuning file or assets file."""


class InputError(LmgraphError):
    """An input that cannot be read at all."""


class RecordError(InputError):
    """One record that cannot be read; raised only when ``strict`` is set."""


class ResultError(LmgraphError):
    """A saved result that is no document of the schema ``lmgraph/result/1``."""


class OutputError(LmgraphError):
    """An output that cannot be written."""
