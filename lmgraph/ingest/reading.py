"""One source from its bytes to its items: layers off, reader found, records, report."""

from __future__ import annotations

import contextlib
import hashlib
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, ClassVar, Final

from lmgraph.errors import RecordError
from lmgraph.ingest import registry
from lmgraph.ingest.archives import Member, Opener
from lmgraph.ingest.clock import Clock
from lmgraph.ingest.contract import InputReport, Item, Record, Reject, Remark, Repeats, Source
from lmgraph.ingest.decoders import utf8
from lmgraph.ingest.discover import STDIN
from lmgraph.ingest.repeats import Memory
from lmgraph.ingest.session import Session
from lmgraph.ingest.streams import CHUNK, Budget, ByteStream, FileSource, StreamError
from lmgraph.rules import needed
from lmgraph.settings import Settings, parse_zone

# table() of LogScale keeps 200 rows by default, 20,000 at most, and 1,000 in the published query.
_TABLE_LIMITS: Final = (200, 1_000, 20_000)
# Rejects before the first record that is understood; more where the head makes it likely that one comes.
_HELD_LIMIT: Final = 1_000
_MARKS: Final = (b"event_simpleName", b"alert_type", b"@rawstring")
_OWN_RESULT: Final = re.compile(rb'\s*+\{\s*+"schema"\s*+:\s*+"lmgraph/(\w*+)')


class Patience:
    """How many rejects one source may give, over all its inputs.

    ``FREE``, and as many as ``RATIO`` times its other records. A reject costs far more than its
    bytes do; an input that goes beyond both is built to cost, or is not what it seems to be.
    """

    FREE: ClassVar = 100_000
    RATIO: ClassVar = 9

    def __init__(self) -> None:
        self._rejected = self._records = 0

    def ends(self, session: Session) -> bool:
        """Whether the input of ``session`` is to be given up."""
        rejected = self._rejected + session.rejected
        others = self._records + session.records - rejected
        return rejected > self.FREE and rejected > self.RATIO * others

    def add(self, session: Session) -> None:
        """The input of ``session`` was read; one of no known format says nothing of the others."""
        if session.family is not None:
            self._rejected += session.rejected
            self._records += session.records


def read(
    source: Source,
    settings: Settings,
    wants: needed.Wants,
    memory: Memory | None = None,
    taken: Callable[[int], None] | None = None,
) -> Iterator[Item]:
    """All items of one source, in the order stored; an archive gives several inputs.

    Content never raises: what cannot be read is a ``Reject`` or a ``Remark``. ``memory``, of the same
    wants, only saves the readers of a pass from learning twice what recurs in several sources. ``taken``
    is told of each piece of the stored file that is read how many bytes it has.

    Raises:
        RecordError: The first reject, when ``settings.strict`` is set.
    """
    if source.error is not None:
        yield _unreadable(source, source.error)
        return
    yield from noted(source)
    memory = memory or Memory(wants, settings.rules)
    try:
        with _open(source) as file:
            hashed = sha256(source, file, settings, wants)
            for item in _inputs(source, file, settings, memory, hashed, Budget(source.size, taken)):
                if settings.strict and isinstance(item, Reject):
                    raise RecordError(item.reason, path=item.origin.path, record=item.origin.record)
                yield item
    except OSError as error:
        yield _unreadable(source, (error.strerror or "cannot be read").lower())


def _open(source: Source) -> contextlib.AbstractContextManager[BinaryIO]:
    if source.file == STDIN:
        return contextlib.nullcontext(sys.stdin.buffer)
    return Path(source.file).open("rb")


def noted(source: Source) -> Iterator[Remark]:
    """What there is to say of a source before it is read."""
    if source.note is not None:
        yield Remark(source.path, "given-twice", "low", source.note)


def sha256(source: Source, file: BinaryIO, settings: Settings, wants: needed.Wants) -> str | None:
    """The hash of the stored file, where it is asked for; ``file`` is at its beginning, before and after."""
    if not (settings.hash_inputs and wants.first_pass and source.rereadable):
        return None
    digest = hashlib.sha256()
    while piece := file.read(CHUNK):
        digest.update(piece)
    file.seek(0)
    return digest.hexdigest()


def _unreadable(source: Source, reason: str) -> Remark:
    return Remark(source.path, "unreadable", "high", f"{source.path} was not read: {reason}")


def _inputs(
    source: Source, file: BinaryIO, settings: Settings, memory: Memory, hashed: str | None, budget: Budget
) -> Iterator[Item]:
    stream = ByteStream(FileSource(file, budget))
    opener, patience = Opener(budget), Patience()
    for found in opener.inputs(stream, source.path, source.size or 0, file if source.rereadable else None):
        if isinstance(found, Remark):
            yield found
        else:
            size = budget.stored if found.path == source.path else found.size
            yield from _input(found, size, settings, memory, hashed, patience, once=not source.rereadable)


def _input(
    member: Member,
    size: int,
    settings: Settings,
    memory: Memory,
    hashed: str | None,
    patience: Patience,
    *,
    once: bool,
) -> Iterator[Item]:
    """The items of one input, its remarks and its report."""
    stream = utf8(member.content)
    head = stream.peek(registry.HEAD)
    own = own_result(head)
    reader = None if own else registry.find(head, member.path)
    shape = reader.shape if reader else ""
    session = new_session(member.path, shape, settings, memory, once=once, file=member.file)
    if reader is not None:
        yield from known(reader.read(stream, session), session, patience, held_limit(head))
        patience.add(session)
    if own:
        what = "the truth of a simulation" if own == "truth" else "a result of lmgraph"
        message = f"{member.path} is {what}, not telemetry, and was not read"
        yield Remark(member.path, "own-result", "low", message)
    yield from ending(session, size, hashed, member.content.problem, empty=not head)


def own_result(head: bytes) -> str | None:
    """What file of this program it is that begins so, if it is one."""
    own = _OWN_RESULT.match(head)
    return own and own[1].decode()


def new_session(
    path: str,
    shape: str,
    settings: Settings,
    memory: Memory,
    *,
    once: bool = False,
    offset: int = 0,
    file: BinaryIO | None = None,
) -> Session:
    """The state of reading one input, or the part of one that begins at ``offset``."""
    clock = Clock(parse_zone(settings.tz))
    return Session(path, memory, clock, shape, once=once, offset=offset, scan=settings.scan, file=file)


def held_limit(head: bytes) -> int:
    """How many rejects an input with that head may give before a record is understood."""
    return Patience.FREE if any(mark in head for mark in _MARKS) else _HELD_LIMIT


def ending(
    session: Session,
    size: int,
    hashed: str | None,
    problem: StreamError | None = None,
    *,
    empty: bool = False,
) -> Iterator[Remark | InputReport]:
    """The remarks and the report at the end of an input."""
    form = f"{session.family}-{session.shape}" if session.family else None
    yield from _remarks(session, problem)
    yield InputReport(
        path=session.path,
        format="empty" if empty else form,
        bytes=size,
        records=session.records if form else 0,
        first_us=session.first_us if form else None,
        last_us=session.last_us if form else None,
        sha256=hashed,
        truncated=problem is not None or session.gave_up,
    )


def known(
    items: Iterator[Record | Repeats | Reject], session: Session, patience: Patience, limit: int
) -> Iterator[Record | Repeats | Reject]:
    """The items, rejects only once a record was understood: a foreign file is unknown, not all rejects.

    More than ``limit`` rejects before that end the reading, as does the end of ``patience``.
    """
    held: list[Reject] = []
    for item in items:
        if session.family is None and isinstance(item, Reject):
            session.rejected += 1
            held.append(item)
            if len(held) > limit:
                return
            continue
        yield from held
        held.clear()
        yield item
        if isinstance(item, Reject):
            session.rejected += 1
            if patience.ends(session):
                session.gave_up = True
                return
    if session.family is not None:
        yield from held


def _remarks(session: Session, problem: StreamError | None) -> Iterator[Remark]:
    path = session.path
    if problem is not None:
        yield Remark(path, problem.code, "medium", f"{path} was not read to its end: {problem}")
    if session.gave_up:
        message = f"{path} was not read to its end: {session.rejected} of its records could not be read"
        yield Remark(path, "given-up", "medium", message)
    if session.clock.assumed:
        yield Remark(path, "zone-assumed", "low", f"{path} holds times without a zone; --tz was taken")
    if session.family in ("table", "logscale") and session.records in _TABLE_LIMITS:
        message = (
            f"{path} has exactly {session.records} rows: the query cut its result, the first hops are missing"
        )
        yield Remark(path, "table-truncated", "high", message)
