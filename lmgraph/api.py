"""The Python interface: ``analyze``, ``read_events`` and ``Result``.

pandas, networkx and the engine are imported when they are first needed.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict, overload

import msgspec

from lmgraph import columns, output, result
from lmgraph.errors import UsageError
from lmgraph.result import ResultData
from lmgraph.schema import Severity
from lmgraph.settings import Settings, checked_us, parse_duration, parse_time, parse_zone
from lmgraph.summary import DEFAULT_TOP

if TYPE_CHECKING:
    from typing import Unpack

    import networkx as nx
    import pandas as pd

    from lmgraph.baseline import Baseline
    from lmgraph.learning import Lesson
    from lmgraph.pipeline import Outcome, Progress

Duration = str | dt.timedelta
"""``"15m"``, ``"1h30m"`` or a ``timedelta``."""
Time = str | dt.datetime
"""An ISO-8601 text or a ``datetime``; one without zone is in the zone ``tz``."""
StrPath = str | os.PathLike[str]


class Options(TypedDict, total=False):
    """The keywords of ``analyze`` and ``read_events``, with the command line's meanings and defaults."""

    window: Duration
    max_gap: Duration | None
    skew: Duration
    since: Time | None
    until: Time | None
    tz: str
    rules: Literal["corrected", "literal"]
    assets: StrPath | None
    tuning: StrPath | None
    default_tuning: bool
    baseline: StrPath | None
    hash_inputs: bool
    strict: bool
    jobs: int | None
    scan: bool
    settings: Settings


def analyze(*paths: StrPath, **options: Unpack[Options]) -> Result:
    """Read telemetry and find the lateral movement in it.

    Args:
        *paths: Files, directories (walked recursively) or ``-`` for standard input.
        **options: See ``Options``; ``settings=Settings(...)`` instead of the single ones also works.

    Returns:
        The result; ``Result.paths`` is ranked, the most suspicious first. No alert is no error.

    Raises:
        UsageError: A wrong option or a missing path.
        InputError: Nothing could be read.
        RecordError: A rejected record, with ``strict``.
    """
    return Result(result.in_full(run(_texts(paths), make_settings(**options)).data))


def read_events(*paths: StrPath, **options: Unpack[Options]) -> pd.DataFrame:
    """The canonical events that the readers make of the same inputs, one row each.

    Columns are the fields of the canonical event (ECS names), typed: texts are pandas strings, what
    may be missing is nullable, ``time_us`` is in microseconds since 1970 UTC; then ``time`` (UTC
    timestamps), ``copies``, ``path`` and ``record`` (where the first copy lies).

    Raises:
        UsageError: A wrong option or a missing path.
        InputError: Nothing could be read.
    """
    from lmgraph import pipeline
    from lmgraph.engines.local import LocalEngine

    settings = make_settings(**options)
    return pipeline.read_events(_texts(paths), settings, LocalEngine(settings.jobs))


def run(
    paths: Sequence[str],
    settings: Settings,
    progress: Callable[[Progress], None] | None = None,
    outputs: Collection[str] = (),
) -> Outcome:
    """The pipeline on this machine; ``analyze`` and the command line both come here.

    ``outputs`` are the real paths of files that the caller will write, so not to be read.

    Raises:
        UsageError, InputError, RecordError: As ``analyze``.
    """
    from lmgraph import pipeline
    from lmgraph.engines.local import LocalEngine

    return pipeline.run(paths, settings, LocalEngine(settings.jobs), progress, outputs)


def learn(
    paths: Sequence[str],
    settings: Settings,
    earlier: Baseline,
    *,
    include_incidents: bool = False,
    progress: Callable[[Progress], None] | None = None,
    outputs: Collection[str] = (),
) -> Lesson:
    """What files and directories teach a baseline, on this machine; ``pipeline.learn`` says more.

    Raises:
        UsageError, InputError, RecordError: As ``analyze``.
    """
    from lmgraph import pipeline
    from lmgraph.engines.local import LocalEngine

    engine = LocalEngine(settings.jobs)
    return pipeline.learn(
        paths,
        settings,
        engine,
        earlier,
        include_incidents=include_incidents,
        progress=progress,
        outputs=outputs,
    )


def make_settings(**options: Unpack[Options]) -> Settings:
    """Settings out of the readable options (texts, timedeltas, datetimes).

    Raises:
        UsageError: No duration, no time, or a value out of range.
    """
    given: dict[str, Any] = dict(options)
    ready = given.pop("settings", None)
    if ready is not None:
        if given:
            raise UsageError("give either settings or single options", path="settings")
        if not isinstance(ready, Settings):
            raise UsageError("settings must be lmgraph.Settings", path="settings")
        return ready
    zone = parse_zone(given.get("tz", "UTC"))
    fields: dict[str, Any] = {}
    for name, value in given.items():
        if name in {"window", "max_gap", "skew"}:
            fields[f"{name}_us"] = _duration_us(name, value)
        elif name in {"since", "until"}:
            fields[f"{name}_us"] = _time_us(name, value, zone)
        elif name in {"assets", "tuning", "baseline"}:
            fields[name] = None if value is None else os.fspath(value)
        elif name in Options.__annotations__:
            fields[name] = value
        else:
            raise UsageError("no such option", path=name)
    return Settings(**fields)


@dataclass(frozen=True)
class Result:
    """What ``analyze`` found.

    The frames are indexed by ``id`` and hold the columns of the JSON document; times are UTC
    timestamps, and every column that refers to a host or user has a second one with its name.

    Attributes:
        data: The document as structs, key by key as in ``docs/result.md``.
    """

    data: ResultData

    @cached_property
    def alerts(self) -> pd.DataFrame:
        """One row per alert, in order of time."""
        return self._frame(self.data.alerts, result.AlertRow)

    @cached_property
    def hops(self) -> pd.DataFrame:
        """One row per movement from ``source`` to ``target``, with outcome, score and certainty."""
        return self._frame(self.data.hops, result.HopRow)

    @cached_property
    def paths(self) -> pd.DataFrame:
        """One row per path in order of rank; ``hops`` and ``hosts`` are lists of ids in causal order."""
        return self._frame(self.data.paths, result.PathRow)

    @cached_property
    def incidents(self) -> pd.DataFrame:
        """One row per incident in order of rank."""
        return self._frame(self.data.incidents, result.IncidentRow)

    @cached_property
    def hosts(self) -> pd.DataFrame:
        """One row per host, whether or not a sensor runs on it."""
        return self._frame(self.data.hosts, result.HostRow)

    @cached_property
    def graph(self) -> nx.MultiDiGraph:
        """Hosts and users as nodes (their ids), with ``kind``, ``name`` and the fields of their rows.

        Edges carry ``kind``, ``first`` and ``last`` (aware datetimes): ``hop`` from source to target,
        keyed by the hop's id; ``acted`` from a user to the target of a hop under that account;
        ``session`` from a user to the host where it was logged on.
        """
        import networkx as nx

        graph = nx.MultiDiGraph(schema=self.data.schema)
        for kind, rows in (("host", self.data.hosts), ("user", self.data.users)):
            for row in _records(rows):
                # A user's own "kind" (person, machine) gives way to that of the node.
                graph.add_node(row.pop("id"), **{**row, "account_kind": row.get("kind"), "kind": kind})
        for row in _records(self.data.hops):
            times = {"first": _moment(row["first"]), "last": _moment(row["last"])}
            key = row.pop("id")
            graph.add_edge(row["source"], row["target"], key=key)
            graph.edges[row["source"], row["target"], key].update({**row, **times, "kind": "hop"})
            for user in row["users"]:
                graph.add_edge(user, row["target"], key=f"{user}:{key}", kind="acted", hop=key, **times)
        for number, session in enumerate(self.data.sessions):
            graph.add_edge(
                session.user,
                session.host,
                key=f"s{number}",
                kind="session",
                session_kind=session.kind,
                first=_moment(session.first),
                last=_moment(session.last),
            )
        return graph

    @overload
    def to_json(self, path: None = None) -> str: ...
    @overload
    def to_json(self, path: StrPath) -> None: ...
    def to_json(self, path: StrPath | None = None) -> str | None:
        """The document, or write it to ``path`` (which appears, or is replaced, only when complete).

        Raises:
            OutputError: The file cannot be written.
        """
        return _deliver(result.chunks(self.data), path)

    @overload
    def to_html(
        self, path: None = None, *, top: int = DEFAULT_TOP, min_severity: Severity = "informational"
    ) -> str: ...
    @overload
    def to_html(
        self, path: StrPath, *, top: int = DEFAULT_TOP, min_severity: Severity = "informational"
    ) -> None: ...
    def to_html(
        self, path: StrPath | None = None, *, top: int = DEFAULT_TOP, min_severity: Severity = "informational"
    ) -> str | None:
        """The report as one self-contained page, or write it to ``path``.

        Args:
            path: Output file; ``None`` returns the page.
            top: Paths that the page shows first; it holds all.
            min_severity: Least severity of the paths shown first.

        Raises:
            OutputError: The file cannot be written.
        """
        from lmgraph import report

        return _deliver(report.chunks(self.data, top=top, min_severity=min_severity), path)

    @classmethod
    def from_json(cls, source: StrPath | bytes) -> Result:
        """The result that ``to_json`` or ``--json`` wrote.

        Args:
            source: A file's path, or the document itself as ``bytes``, or as ``str`` that begins with ``{``.

        Raises:
            ResultError: No such file, or no document of the schema ``lmgraph/result/1``.
        """
        if isinstance(source, bytes):
            return cls(result.decode(source))
        if isinstance(source, str) and source.lstrip()[:1] == "{":
            return cls(result.decode(source))
        return cls(result.read(os.fspath(source)))

    def __repr__(self) -> str:
        cover = self.data.coverage
        return f"<Result: {cover.alerts} alerts, {len(self.data.hops)} hops, {len(self.data.paths)} paths>"

    def _frame(self, rows: Sequence[msgspec.Struct], kind: type[msgspec.Struct]) -> pd.DataFrame:
        """The rows as a frame whose columns do not depend on whether there are any."""
        import pandas as pd

        types = columns.types_of(kind)
        frame = pd.DataFrame.from_records(_records(rows), columns=list(types))
        for column, type_ in types.items():
            if column in _TIMES:
                frame[column] = pd.to_datetime(frame[column], utc=True, format="ISO8601").dt.as_unit("us")
            else:
                frame[column] = frame[column].astype(type_)
        names = {row.id: row.name for row in self.data.hosts}
        names |= {row.id: row.name for row in self.data.users}
        for column in filter(types.__contains__, _REFERENCES):
            frame[f"{column}_name"] = frame[column].map(names).astype("string")
        return frame.set_index("id")


_TIMES: Final = frozenset(
    {"time", "cloud_time", "first", "last", "evidence_first", "evidence_last", "outcome_at"}
)
_REFERENCES: Final = ("host", "source", "target", "user", "source_user", "target_user")


def _records(rows: Sequence[msgspec.Struct]) -> list[dict[str, Any]]:
    """The rows as the dictionaries that the JSON document holds."""
    return [msgspec.to_builtins(row) for row in rows]


def _deliver(content: Iterable[bytes], path: StrPath | None) -> str | None:
    if path is None:
        return b"".join(content).decode()
    output.write_all([(os.fspath(path), content)])
    return None


def _texts(paths: Sequence[StrPath]) -> list[str]:
    if not paths:
        raise UsageError("nothing to read: give at least one path")
    return [os.fspath(path) for path in paths]


def _moment(iso: str) -> dt.datetime:
    return dt.datetime.fromisoformat(iso)


def _duration_us(name: str, value: Duration | None) -> int | None:
    if name == "max_gap" and (value is None or value == "off"):
        return None
    if isinstance(value, dt.timedelta):
        return value // dt.timedelta(microseconds=1)
    if isinstance(value, str):
        return parse_duration(value, option=_flag(name))
    raise UsageError("must be a duration such as '15m' or a timedelta", path=_flag(name))


def _time_us(name: str, value: Time | None, zone: dt.tzinfo) -> int | None:
    if value is None:
        return None
    if isinstance(value, dt.datetime):
        return checked_us(value if value.tzinfo else value.replace(tzinfo=zone), option=_flag(name))
    return parse_time(value, zone, option=_flag(name))


def _flag(name: str) -> str:
    """The option as the command line writes it, which is how ``Settings`` names it too."""
    return "--" + name.replace("_", "-")
