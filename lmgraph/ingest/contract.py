"""The contract of reading: sources in, a stream of items out, and what a reader must offer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

import msgspec

from lmgraph.schema import Event, Origin

if TYPE_CHECKING:
    from lmgraph.ingest.session import Session
    from lmgraph.ingest.streams import ByteStream


@dataclass(frozen=True, slots=True)
class Source:
    """One file to read, or standard input; picklable, so that any worker can read it.

    ``path`` is the name shown (``/`` between parts, always printable), ``file`` what is opened
    (may hold surrogate escapes), ``size`` the bytes on disk (``None``: a pipe). ``error`` says
    why it cannot be read at all; then reading yields one ``Remark`` and nothing else. ``note`` is
    the text of a ``Remark`` that comes before all else.
    """

    path: str
    file: str
    size: int | None = None
    rereadable: bool = True
    error: str | None = None
    note: str | None = None


class Record(msgspec.Struct, frozen=True):
    """One record in canonical form, and where it lies."""

    event: Event
    origin: Origin


class Reject(msgspec.Struct, frozen=True):
    """A record that cannot be read, and why; never its text."""

    origin: Origin
    reason: str


class Remark(msgspec.Struct, frozen=True):
    """Something about an input that its reader must know: a notice.

    Codes: ``unreadable``, ``encrypted``, ``truncated-archive``, ``corrupt-archive``,
    ``archive-limit``, ``member-skipped``, ``table-truncated``, ``zone-assumed``, ``given-twice``,
    ``own-result``, ``given-up``. The message names the input.
    """

    path: str
    code: str
    severity: Literal["informational", "low", "medium", "high"]
    message: str


class InputReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was read of one input (a file or an archive member), given once, at its end.

    ``format`` is ``None`` for a file that no reader knows and ``empty`` for one without bytes.
    ``bytes`` is the stored size, on disk or in the archive; ``records`` counts every record,
    those that the line filter passed over included; ``first_us`` and ``last_us`` are the least
    and greatest time among the records looked at. ``sha256`` is that of the stored outer file.
    An unreadable source has no report, only a ``Remark``.
    """

    path: str
    format: str | None
    bytes: int
    records: int = 0
    first_us: int | None = None
    last_us: int | None = None
    sha256: str | None = None
    truncated: bool = False


@dataclass(slots=True)
class Repeats:
    """Records of which nothing is kept but their templates, times and names (``folds.Folds.extend``).

    ``names``, ``times`` (µs) and ``records`` have one entry per record; ``templates`` holds each name's.
    ``first_us`` and ``last_us`` are of all that were looked at, also of those that come to nothing.
    """

    names: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    records: list[int] = field(default_factory=list)
    templates: dict[int, Event] = field(default_factory=dict)
    first_us: int | None = None
    last_us: int | None = None

    def see(self, time_us: int) -> None:
        """A record of that time was looked at."""
        self.first_us = time_us if self.first_us is None else min(self.first_us, time_us)
        self.last_us = time_us if self.last_us is None else max(self.last_us, time_us)

    def add(self, name: int, template: Event, time_us: int, record: int) -> None:
        """Count a record in."""
        self.names.append(name)
        self.times.append(time_us)
        self.records.append(record)
        self.templates[name] = template


Item: TypeAlias = Record | Repeats | Reject | Remark | InputReport


class Reader(Protocol):
    """What the registry holds: a cheap look at the head, and a generator over the rest.

    ``shape`` names what the records are written in: ndjson, json, csv, parquet.
    """

    shape: str

    def detect(self, head: bytes, name: str) -> bool:
        """Whether this reader knows the input; ``head`` is its first 64 KiB, decoded to UTF-8."""
        ...

    def read(self, stream: ByteStream, session: Session) -> Iterator[Record | Repeats | Reject]:
        """Every record of the input that may matter, in order; counts the others in ``session``."""
        ...
