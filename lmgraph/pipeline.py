"""Read → merge → wants → read again → merge → finish: the one way from files to a result.

Where the steps run is an engine's matter; what they do is said here.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial as bind
from typing import TYPE_CHECKING, Final, Protocol

from lmgraph import columns, ingest
from lmgraph.assets import read_assets
from lmgraph.errors import InputError, UsageError
from lmgraph.events import Held, Partial, collect, look_again, merge, ordered, shifted
from lmgraph.ingest import Item, Memory, Record, Reject, Remark, Source
from lmgraph.result import ResultData
from lmgraph.rules import corrected, literal
from lmgraph.rules.needed import Wants
from lmgraph.settings import Settings
from lmgraph.tuning import load
from lmgraph.wanted import wants_of

if TYPE_CHECKING:
    import pandas as pd

    from lmgraph.baseline import Baseline
    from lmgraph.learning import Lesson

_LOG = logging.getLogger(__name__)
INTERVAL: Final = 0.25  # seconds from one word of progress to the next
_NO_FORMAT: Final = {None: "no reader knows this file", "empty": "an empty file"}
_NAME: Final = {"-": "standard input"}
_OPEN_FLAGS: Final = ("processes", "logons", "logon_hosts", "addresses", "spans")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far reading has come: stored bytes of ``bytes_total``, ``None`` while an input's length is unknown.

    ``alerts`` counts the records that the rules match by themselves; joins with others may change some.
    """

    bytes_done: int
    bytes_total: int | None
    alerts: int
    path: str
    look: int  # 1, or 2 for the directed second look


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result and what had to be left out of it."""

    data: ResultData
    rejects: tuple[Reject, ...]


class Spread(Protocol):
    """Reads the parts of one source side by side and gives what each told, in their order."""

    def __call__(self, read: Callable[[int], Partial], parts: Sequence[int]) -> Iterable[Partial]:
        """Like ``map``."""
        ...


class Engine(Protocol):
    """Where reading runs. ``read`` is pure and picklable; partials merge in any order.

    The second argument of ``read`` is a map for the parts of the source, or None if it should be read
    in one piece.
    """

    def gather(
        self,
        read: Callable[[Source, Spread | None], Partial],
        sources: Sequence[Source],
        done: Callable[[Source, Partial], None],
    ) -> Partial:
        """The merged partials of all sources; ``done`` is called after each."""
        ...


def run(
    paths: Sequence[str],
    settings: Settings,
    engine: Engine,
    progress: Callable[[Progress], None] | None = None,
    outputs: Collection[str] = (),
) -> Outcome:
    """The result of analysing files and directories (``-`` is standard input).

    ``outputs`` are the real paths of files that the run will write: they are not read, but noted.

    Raises:
        UsageError: A path that is empty or does not exist, or a wrong assets, tuning or baseline file.
        InputError: Nothing readable at all.
        RecordError: A record was rejected and ``settings.strict`` is set.
    """
    assets, assets_sha256 = read_assets(settings.assets, settings.tz)
    entries, tuning_sha256 = load(settings.tuning, default=settings.default_tuning)
    earlier = None if settings.baseline is None else _baseline(settings.baseline)
    gathered = gather(paths, settings, engine, progress, outputs)
    # Everything below needs numpy, pandas and numba: not before it is known that there is work.
    from lmgraph.finish import finish

    data = finish(gathered, settings, assets, entries, assets_sha256, tuning_sha256, earlier)
    return Outcome(data, tuple(gathered.rejects))


def learn(
    paths: Sequence[str],
    settings: Settings,
    engine: Engine,
    earlier: Baseline,
    *,
    include_incidents: bool = False,
    progress: Callable[[Progress], None] | None = None,
    outputs: Collection[str] = (),
) -> Lesson:
    """What files and directories teach a baseline; nothing of ``earlier`` is repeated in it.

    ``earlier`` is the past that paths are scored by, as ``--baseline`` is to ``analyze``:
    ``settings`` hold neither a baseline nor an interval.

    Raises:
        UsageError, InputError, RecordError: As ``run``.
    """
    assets, assets_sha256 = read_assets(settings.assets, settings.tz)
    entries, tuning_sha256 = load(settings.tuning, default=settings.default_tuning)
    gathered = gather(paths, settings, engine, progress, outputs)
    from lmgraph import finish, learning

    found = finish.evidence(gathered, settings, assets, entries, earlier)
    concluded = finish.concluded(found, assets_sha256, tuning_sha256)
    return learning.learn(found, concluded, include_incidents=include_incidents)


def gather(
    paths: Sequence[str],
    settings: Settings,
    engine: Engine,
    progress: Callable[[Progress], None] | None = None,
    outputs: Collection[str] = (),
) -> Partial:
    """Both looks at the inputs, merged."""
    sources, remarks = _sources(paths, outputs)
    _LOG.info("%d to read", len(sources))
    held: dict[str, Held] = {source.path: Held() for source in sources if not source.rereadable}
    meter = _Meter(sources, progress)
    memory = Memory(Wants.nothing(), settings.rules)
    look = bind(_look, settings=settings, meter=meter)
    first = engine.gather(bind(look, held=held, memory=memory), sources, meter.done)
    first.remarks.extend(remarks)
    if all(report.format in _NO_FORMAT for report in first.inputs.values()):
        raise InputError(_nothing_readable(first, paths))
    wants = wants_of(first, settings)
    _LOG.info(
        "the second look seeks %s",
        ", ".join(f"{name.replace('_', ' ')} {len(getattr(wants, name))}" for name in _OPEN_FLAGS),
    )
    if not any(getattr(wants, name) for name in _OPEN_FLAGS):
        return first
    again = [source for source in sources if source.rereadable and source.error is None]
    meter.second(again)
    # A second look repeats every remark and reject of the first: only what it found counts.
    memory = Memory(wants, settings.rules)
    second = engine.gather(bind(look, held={}, memory=memory), again, meter.done)
    for index in held.values():
        second = merge(second, look_again(index, settings, wants))
    _LOG.info("the second look found %d rows and %d addresses", len(second.found), len(second.sightings))
    return merge(first, Partial(found=second.found, sightings=second.sightings, evicted=second.evicted))


def read_events(paths: Sequence[str], settings: Settings, engine: Engine) -> pd.DataFrame:
    """The canonical events that matter, one row each, ordered by time; columns as ``schema.Event``.

    Texts are pandas strings, numbers and flags that may be missing have pandas' nullable types.

    Raises:
        UsageError, InputError, RecordError: As ``run``.
    """
    import msgspec
    import pandas as pd

    from lmgraph.schema import Event

    kept = [row for _, row in ordered(gather(paths, settings, engine).kept)]
    types = columns.types_of(Event)
    rows = [msgspec.structs.astuple(row.event) for row in kept]
    frame = pd.DataFrame(rows, columns=list(types), dtype="object").astype(types)
    frame["time"] = pd.to_datetime(frame["time_us"], unit="us", utc=True).dt.as_unit("us")
    frame["copies"] = pd.Series([row.copies for row in kept], dtype="int64")
    frame["path"] = pd.Series([row.origin.path for row in kept], dtype="string")
    frame["record"] = pd.Series([row.origin.record for row in kept], dtype="int64")
    return frame


def _baseline(path: str) -> Baseline:
    from lmgraph.baseline import parquet  # numpy, pandas and pyarrow: only for who asks for it

    return parquet.read(path)


def _sources(paths: Sequence[str], outputs: Collection[str]) -> tuple[list[Source], list[Remark]]:
    """What to read, and a remark on every file that is not read because the run will write it."""
    if "" in paths:
        raise UsageError("the name of an input is empty")
    if "-" in paths and sys.stdin is None:
        raise InputError("standard input is closed", path="-")
    sources, remarks = [], []
    for source in ingest.discover(paths):
        if outputs and os.path.realpath(source.file) in outputs:
            message = f"{source.path} is an output of this run and was not read"
            remarks.append(Remark(source.path, "own-result", "informational", message))
        else:
            sources.append(source)
    return sources, remarks


def _look(
    source: Source,
    spread: Spread | None,
    *,
    settings: Settings,
    held: dict[str, Held],
    memory: Memory,
    meter: _Meter,
) -> Partial:
    partial = _in_parts(source, spread, settings, memory, meter) if spread is not None else None
    if partial is None:
        items = ingest.read(source, settings, memory.wants, memory, meter.taken(source))
        partial = collect(meter.alerts(items, settings), settings, memory.wants, held=held.get(source.path))
    return partial


def _in_parts(
    source: Source, spread: Spread, settings: Settings, memory: Memory, meter: _Meter
) -> Partial | None:
    """What a large file tells, read in parts; None if it has none, or they are not sound."""
    parts = ingest.parts_of(source, settings, memory, meter.taken(source))
    if parts is None:
        return None

    def read(number: int) -> Partial:
        return collect(meter.alerts(parts.read(number), settings), settings, memory.wants)

    partials = [read(0)]
    if parts.sound:
        partials.extend(spread(read, range(1, len(parts))))
    if not parts.sound:
        return None
    moved = [shifted(partial, lines) for partial, lines in zip(partials, parts.lines_before(), strict=True)]
    return join([*moved, collect(parts.ending(), settings, memory.wants)])


def join(partials: list[Partial]) -> Partial:
    """All of them merged, pairwise: a thousand files cost n log n and not n² copies of a growing table."""
    while len(partials) > 1:
        pairs = zip(partials[::2], partials[1::2], strict=False)
        partials = [merge(left, right) for left, right in pairs] + partials[len(partials) & ~1 :]
    return partials[0] if partials else Partial()


def _nothing_readable(first: Partial, paths: Sequence[str]) -> str:
    if not first.inputs and not first.remarks:
        return f"nothing to read: no file in {', '.join(paths)}"
    named = [remark.message for remark in first.remarks]
    own = {remark.path for remark in first.remarks if remark.code == "own-result"}  # their remark says it all
    reports = sorted((path, report) for path, report in first.inputs.items() if path not in own)
    named += [f"{_NAME.get(path, path)}: {_NO_FORMAT[report.format]}" for path, report in reports]
    shown = named[:5] + ([f"and {len(named) - 5} more"] if len(named) > 5 else [])
    return "nothing readable: " + "; ".join(shown)


class _Meter:
    """Adds up what has been read and tells whoever asked, now and then and at the end of each look.

    Args:
        sources: What the first look reads.
        tell: Called by whichever thread reads, by one at a time.
        clock: Seconds, from whenever.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        tell: Callable[[Progress], None] | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tell = tell
        self._clock = clock
        self._lock = threading.Lock()
        self._look = 1
        self._alerts = 0
        self._next = clock() + INTERVAL
        self._reset(sources)

    def second(self, sources: Sequence[Source]) -> None:
        """The second look begins."""
        self._look = 2
        self._reset(sources)

    def taken(self, source: Source) -> Callable[[int], None] | None:
        """What is to be told of the bytes of a source that are read; None if nobody asks."""
        return None if self._tell is None else bind(self._take, source)

    def alerts(self, items: Iterable[Item], settings: Settings) -> Iterable[Item]:
        """The items of a source; those of the first look that are alerts by themselves are counted."""
        return items if self._tell is None or self._look > 1 else self._counted(items, settings)

    def done(self, source: Source, partial: Partial) -> None:
        """One source has been read."""
        for path, report in partial.inputs.items() if self._look == 1 else ():
            rejected = partial.rejected.get(path, 0)
            said = (path, report.format or "no known format", report.records, rejected)
            _LOG.info("read %s: %s, records %d, rejects %d", *said)
        rows = len(partial.kept) + len(partial.found)
        _LOG.debug("look %d: %s gave %d rows", self._look, source.path, rows)
        self._left -= 1
        if self._tell is not None:
            self._take(source, source.size or 0)

    def _take(self, source: Source, size: int) -> None:
        with self._lock:
            before = self._taken.get(source.path, 0)
            # What is read again, or beside the content, does not count.
            now = before + size if source.size is None else min(before + size, source.size)
            self._taken[source.path] = now
            self._bytes += now - before
            if self._left == 0 or self._clock() >= self._next:
                self._next = self._clock() + INTERVAL
                assert self._tell is not None, "nothing is counted unless somebody asks"
                self._tell(Progress(self._bytes, self._total, self._alerts, source.path, self._look))

    def _counted(self, items: Iterable[Item], settings: Settings) -> Iterator[Item]:
        decide = corrected.decide if settings.rules == "corrected" else literal.decide
        for item in items:
            if isinstance(item, Record) and decide(item.event, None, None).alert is not None:
                with self._lock:
                    self._alerts += 1
            yield item

    def _reset(self, sources: Sequence[Source]) -> None:
        sizes = [source.size for source in sources]
        self._left = len(sources)
        self._taken: dict[str, int] = {}
        self._bytes = 0
        self._total = None if None in sizes else sum(size or 0 for size in sizes)
