"""The result of ``analyze`` as data, and its JSON codec (schema ``lmgraph/result/1``).

The structs mirror CONTRACT.md key by key, in its order; ``docs/result.md`` explains each and
``docs/result.schema.json`` is generated from them. Ids refer within one document, keys are stable.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal

import msgspec

from lmgraph import files
from lmgraph.errors import ResultError
from lmgraph.rows import Rows, batches
from lmgraph.schema import AlertType, Outcome, Severity, Side, Stage
from lmgraph.text import visible

SCHEMA: Final = "lmgraph/result/1"
MOST_BYTES: Final = 1 << 30
"""More than that is no result: decoded it would take ten times as much."""
_QUOTED: Final = 160  # of what an error quotes from the document


class _Row(msgspec.Struct, kw_only=True, gc=False):
    """Base of every row: keyword arguments only, so that a row reads like the document.

    No row can hold itself, so the collector of cycles need not look at any.
    """


class Tool(_Row):
    """The program that wrote the document."""

    name: str
    version: str


class SettingsRow(_Row):
    """The settings that shaped the result; durations in seconds, times in ISO-8601 UTC."""

    window_s: float
    max_gap_s: float | None
    skew_s: float
    rules: str
    since: str | None
    until: str | None
    tz: str
    tuning_sha256: str | None
    assets_sha256: str | None
    baseline_sha256: str | None = None
    baseline_days: int | None = None


class InputRow(_Row):
    """One input file or archive member; ``bytes`` as stored, ``first``/``last`` of candidate records."""

    path: str
    format: str | None
    bytes: int
    records: int
    rejected: int
    first: str | None
    last: str | None
    sha256: str | None
    truncated: bool


class Notice(_Row):
    """Something a responder must know about what was read."""

    code: str
    severity: Severity
    input: int | None
    host: str | None
    message: str


class Coverage(_Row):
    """What was read, what was not, and what that means for the answer."""

    complete: bool
    records: int
    rejected: int
    duplicates: int
    alerts: int
    suppressed: int
    unresolved_targets: int
    rule_matches: dict[str, int]
    unknown_files: list[str]
    dropped_by_caps: dict[str, int]
    warnings: list[str]
    notices: list[Notice]
    ignored: int  # records read that are no alert, witness, session or evidence of identity


class AddressRow(_Row):
    """An address that a host held, between the first and last sighting that say so."""

    ip: str
    from_: str | None = msgspec.field(name="from")
    to: str | None
    by: str
    certainty: float


class TelemetryRow(_Row):
    """What one kind of sensor told of a host."""

    source: str
    first: str
    last: str
    records: int


class HostRow(_Row):
    """A host: the one entity behind its sensor ids, names and addresses."""

    id: str
    key: str
    name: str
    fqdn: str | None
    domain: str | None
    aids: list[str]
    ips: list[str]
    addresses: list[AddressRow]
    role: Literal["workstation", "server", "dc"] | None
    criticality: str | None
    managed: bool
    telemetry: list[TelemetryRow]
    owner: str | None = None


class UserRow(_Row):
    """An account; ``kind`` is ``person``, ``machine`` or ``system``."""

    id: str
    key: str
    name: str
    domain: str | None
    sid: str | None
    kind: str
    privileged: bool | None


class OriginRow(_Row):
    """Where a record lies: index into ``inputs``, 1-based line or ordinal."""

    input: int
    record: int


class AlertRow(_Row):
    """One event that a rule matched."""

    id: str
    key: str
    time: str
    time_basis: Literal["sensor", "cloud"]
    cloud_time: str | None
    alert_type: AlertType
    rule_id: str
    host: str | None
    user: str | None
    process: str | None
    process_path: str | None
    process_id: str | None
    parent_process: str | None
    sha256: str | None
    logon_id: str | None
    command_line: str | None
    redacted: bool
    remote_ip: str | None
    remote_port: int | None
    targets: list[str]
    flags: list[str]
    suppressed_by: str | None
    event_id: str | None
    aid: str | None
    copies: int
    origin: OriginRow


class Corroboration(_Row):
    """A witness of a hop that is no alert of its own."""

    time: str
    stage: Stage
    side: Side
    kind: str
    host: str | None
    user: str | None
    object: str | None
    result: Literal["success", "denied"]
    count: int
    origin: OriginRow
    certainty: float = 1.0


class Alternative(_Row):
    """Another pair of hosts that the same evidence fits."""

    source: str
    target: str
    certainty: float


class HopRow(_Row):
    """One movement source → target."""

    id: str
    key: str
    first: str
    last: str
    evidence_first: str
    evidence_last: str
    source: str
    target: str
    users: list[str]
    source_user: str | None
    target_user: str | None
    credential: str | None
    alert_types: list[AlertType]
    missing: list[AlertType]
    missing_why: dict[str, str]
    stages: dict[str, list[Side]]
    full_chain: bool
    outcome: Outcome
    outcome_at: str | None
    denied: int
    target_visibility: Literal["full", "partial", "none"]
    suppressed: bool
    score: float
    score_terms: dict[str, float]
    certainty: float
    alternatives: list[Alternative]
    techniques: list[str]
    alerts: list[str]
    corroboration: list[Corroboration]
    suppressed_by: str | None = None


class LinkRow(_Row):
    """Why one hop of a path is taken to follow another; ``from``/``to`` are hop ids."""

    from_: str = msgspec.field(name="from")
    to: str
    gap_s: float
    certainty: float
    score_terms: dict[str, float]


class PathRow(_Row):
    """Hops in causal, time-respecting order: one line through an incident."""

    id: str
    key: str
    rank: int
    score: float
    severity: Severity
    p_value: float | None
    certainty: float
    outcome: Outcome
    incident: str
    hops: list[str]
    links: list[LinkRow]
    hosts: list[str]
    users: list[str]
    credential_switches: int
    reaches: list[str]
    first: str
    last: str
    why: list[str]
    causal_user: str | None = None


class IncidentRow(_Row):
    """All hops that one actor can have caused; a tree.

    ``score_terms``: of its ``best_path``, the first of ``paths``, and of further notable ``branches``.
    """

    id: str
    key: str
    rank: int
    score: float
    severity: Severity
    origin_hosts: list[str]
    hosts: list[str]
    users: list[str]
    hops: list[str]
    paths: list[str]
    credential_switches: int
    first: str
    last: str
    related: list[str]
    score_terms: dict[str, float] = msgspec.field(default_factory=dict)  # absent from older results


class UnplacedRow(_Row):
    """A witness that no hop could take: it lacks an end, or several hops fit too poorly."""

    time: str
    host: str | None
    user: str | None
    stage: Stage
    kind: str
    object: str | None
    reason: str
    candidates: list[str]
    origin: OriginRow


class SessionRow(_Row):
    """An account's sessions of one kind on one host."""

    user: str
    host: str
    kind: str
    first: str
    last: str
    ended: str | None
    count: int


class ContactRow(_Row):
    """A pair of hosts that talk SMB, whether or not it was ever an alert."""

    source: str
    target: str
    user: str | None
    days: int
    count: int
    first: str
    last: str


class ResultData(_Row):
    """The whole document that ``analyze --json`` writes."""

    # What may be long is a Sequence: ``assemble`` gives rows that are made when they are looked at
    # (``lmgraph.rows``); ``in_full`` holds them all.
    schema: str
    tool: Tool
    settings: SettingsRow
    inputs: list[InputRow]
    coverage: Coverage
    alert_counts: dict[str, int]
    hosts: list[HostRow]
    users: list[UserRow]
    alerts: Sequence[AlertRow]
    hops: Sequence[HopRow]
    paths: list[PathRow]
    incidents: list[IncidentRow]
    unplaced: Sequence[UnplacedRow]
    sessions: Sequence[SessionRow]
    contacts: Sequence[ContactRow]


def encode(data: ResultData) -> bytes:
    """The document as indented UTF-8 JSON with a final newline; equal data give equal bytes.

    Lone surrogates, which JSON input may hold as escapes, never reach a row: readers replace
    them (``lmgraph.text``), so encoding cannot fail on them.
    """
    return b"".join(chunks(data))


def chunks(data: ResultData) -> Iterator[bytes]:
    """The document of ``encode`` piece by piece, each whole UTF-8: a section of rows in batches."""
    opening = b"{\n"
    for field in msgspec.structs.fields(ResultData):
        yield opening
        value = getattr(data, field.name)
        if isinstance(value, Sequence) and not isinstance(value, str):
            yield from _section(field.encode_name, value)
        else:
            yield _member(field.encode_name, value)
        opening = b",\n"
    yield b"\n}\n"


def _section(name: str, rows: Sequence[Any]) -> Iterator[bytes]:
    """One member of the document whose value is rows; made as they are written."""
    if not rows:
        yield _member(name, [])
        return
    before, after = _member(name, [0]).split(b"  0")
    opening = before
    for batch in batches(rows):
        yield opening
        yield _member(name, batch)[len(before) : -len(after)]
        opening = b",\n"
    yield after


def _member(name: str, value: Any) -> bytes:
    """``"name": value`` as it stands in the indented document, without what is before and behind it."""
    return msgspec.json.format(msgspec.json.encode({name: value}), indent=1)[2:-2]


def in_full(data: ResultData) -> ResultData:
    """The same data with all its rows made, in lists."""
    sections = {field.name: getattr(data, field.name) for field in msgspec.structs.fields(ResultData)}
    made = {name: list(rows) for name, rows in sections.items() if isinstance(rows, Rows)}
    return msgspec.structs.replace(data, **made)


def decode(document: bytes | str, *, path: str | None = None) -> ResultData:
    """The data of a document that ``encode`` wrote; keys that it does not know are ignored.

    A byte order mark, which editors on Windows put before a text, is passed over.

    Raises:
        ResultError: No JSON, another schema, or a key of another type.
    """
    if isinstance(document, bytes):
        document = document.removeprefix(codecs.BOM_UTF8)
    else:
        document = document.removeprefix("\ufeff")
    try:
        head = msgspec.json.decode(document, type=_Head)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ResultError(f"not a result of lmgraph analyze --json: {_said(error)}", path=path) from error
    if head.schema != SCHEMA:
        schema = visible(head.schema, _QUOTED)
        raise ResultError(f"schema {schema!r} is not {SCHEMA!r}", path=path, field="schema")
    try:
        return msgspec.json.decode(document, type=ResultData)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ResultError(f"damaged result: {_said(error)}", path=path) from error


def _said(error: Exception) -> str:
    """What the decoder says, which may quote any text of the document."""
    return visible(str(error), _QUOTED)


def read(path: str) -> ResultData:
    """The data of the file that ``--json`` wrote.

    Raises:
        ResultError: No such file, or no document of this schema; the error names the file.
    """
    try:
        document = files.read_whole(path, MOST_BYTES)
    except OSError as error:
        raise ResultError(f"the result cannot be read: {error.strerror}", path=path) from error
    return decode(document, path=path)


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the document, as kept in ``docs/result.schema.json``."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(ResultData)}


class _Head(msgspec.Struct):
    schema: str
