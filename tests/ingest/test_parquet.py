"""Parquet: the same records as in other forms, rows that are passed over, and files built to harm."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import json
import os
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lmgraph
from lmgraph.ingest import falcon, parquet
from lmgraph.ingest.clock import Clock
from lmgraph.ingest.contract import Record, Reject
from lmgraph.ingest.parquet import ParquetReader
from lmgraph.ingest.repeats import Memory
from lmgraph.ingest.session import Session
from lmgraph.ingest.streams import ByteStream
from lmgraph.ingest.tables import READ
from lmgraph.rules.needed import Use, Wants, use
from lmgraph.settings import parse_zone
from tests.ingest import telling

AID, CID, TIME = "a" * 32, "c" * 32, "1772409600000"
FIRST = Wants.nothing()
SAMPLES = Path(__file__).parents[2] / "samples"
DULL = {"timestamp": TIME, "aid": AID, "event_simpleName": "DnsRequest", "LocalAddressIP4": "10.0.0.1"}
TELLING = {**DULL, "event_simpleName": "CreateService", "ServiceDisplayName": "x"}


def written(rows: list[dict[str, Any]] | pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    table = rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(rows)
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def seen(content: bytes, wants: Wants = FIRST, **options: Any) -> tuple[Any, ...]:
    session = Session("x", Memory(wants, "corrected"), Clock(parse_zone("UTC")), "parquet", **options)
    stream = ByteStream(iter([content]))
    items = [(session.records, item) for item in ParquetReader().read(stream, session)]
    return items, session.records, session.family, session.first_us, session.last_us, str(stream.problem)


def events(outcome: tuple[Any, ...]) -> list[Any]:
    return [item.event for _, item in outcome[0] if isinstance(item, Record)]


def ndjson(rows: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


# --- the same as elsewhere --------------------------------------------------------------------------


def test_a_file_of_fdr_gives_what_its_lines_give(read: Callable[..., Any]) -> None:
    rows = []
    contents = [gzip.decompress(path.read_bytes()) for path in sorted(SAMPLES.rglob("*.gz"))]
    for line in b"".join(contents).splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if "event_simpleName" in row:
            rows.append({key: None if value is None else str(value) for key, value in row.items()})
    assert len(rows) > 100
    columns = sorted({key for row in rows for key in row})
    table = pa.table({key: pa.array([row.get(key) for row in rows], pa.string()) for key in columns})
    found = read(written(table, row_group_size=70), "x.parquet")
    lines = read(ndjson(rows), "x.json", scan=False)
    needed = [event for event in lines.events if use(event, FIRST, "corrected") is not Use.DROP]
    assert [event for event in found.events if use(event, FIRST, "corrected") is not Use.DROP] == needed
    assert (found.report.format, found.report.records) == ("falcon-parquet", len(rows))


def test_the_result_of_the_query(read: Callable[..., Any]) -> None:
    row = {"@timestamp": "2026-03-02T00:00:00Z", "ComputerName": "WS1", "FileName": "psexec.exe"}
    rows = [{**row, "alert_type": kind} for kind in ("PsExecExecution", "?", "NetUseAdminShare")]
    found = read(written(rows))
    assert [event.alert_type for event in found.events] == ["PsExecExecution", "NetUseAdminShare"]
    assert found.rejects == [(2, "alert_type: no known alert type")]
    assert found.report.format == "table-parquet"


def test_typed_columns(read: Callable[..., Any]) -> None:
    zone = dt.timezone(dt.timedelta(hours=2))
    rows = [
        {
            "event_simpleName": "NetworkConnectIP4",
            "aid": AID.encode(),
            "RemotePort": 445.0,
            "LocalPort": 50_000,
            "ContextProcessId": 2**63 + 1,
            "timestamp": dt.datetime(2026, 3, 2, 2, 0, 0, 123456, zone),
            "UserIsAdmin": True,
            "ComputerName": "WS1",
            "other": [1, 2],
        },
        {"event_simpleName": "NetworkConnectIP4", "aid": b"\xff"},
    ]
    schema = pa.schema({
        "event_simpleName": pa.dictionary(pa.int8(), pa.string()), "aid": pa.binary(),
        "RemotePort": pa.float64(), "LocalPort": pa.uint16(), "ContextProcessId": pa.uint64(),
        "timestamp": pa.timestamp("us", "Europe/Berlin"), "UserIsAdmin": pa.bool_(),
        "ComputerName": pa.large_string(), "other": pa.list_(pa.int64()),
    })  # fmt: skip
    found = read(written(pa.Table.from_pylist(rows, schema)))
    (event,) = found.events
    assert (event.remote_port, event.host_port, event.process_id) == (445, 50_000, str(2**63 + 1))
    assert (event.time_us, event.aid, event.user_privileged) == (1772409600123456, AID, True)
    assert found.rejects == [(2, "invalid UTF-8")]


def test_times_without_a_zone_are_in_the_zone_given(read: Callable[..., Any]) -> None:
    rows = [{**TELLING, "timestamp": dt.datetime(2026, 3, 2, 1)}]  # noqa: DTZ001
    found = read(written(rows), tz="Europe/Berlin")
    assert found.events[0].time_us == 1772409600000000
    assert found.codes == ["zone-assumed"]


def test_the_canonical_schema(tmp_path: Path) -> None:
    """What ``read_events`` gives is read back, but for the names of side files and what they were."""
    first = lmgraph.read_events(SAMPLES)
    assert len(first) > 50
    first.to_parquet(tmp_path / "events.parquet")
    again = lmgraph.read_events(tmp_path / "events.parquet")
    left = [*set(first.columns) - {"path", "record", "copies", "event_code", "redacted", "source"}]
    texts = [frame[left].astype("string").fillna("").apply("|".join, axis=1) for frame in (first, again)]
    assert sorted(texts[0]) == sorted(texts[1])


def test_canonical_rows_as_csv_and_of_no_known_kind(read: Callable[..., Any]) -> None:
    rows = [{"kind": "service_install", "time_us": 1772409600000000, "aid": AID, "service_name": "x"}]
    rows.append({**rows[0], "kind": "nonsense"})
    rows.append({**rows[0], "kind": "other"})
    for content in (
        written(rows),
        "\n".join([",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]),
    ):
        found = read(content if isinstance(content, bytes) else content.encode())
        assert [(event.kind, event.time_us, event.service_name) for event in found.events] == [
            ("service_install", 1772409600000000, "x")
        ]
        assert found.rejects == []  # no kind that is needed: not looked at
    assert read(written(rows[1:])).rejects == [(1, "kind: no known kind")]


def test_a_secret_in_a_canonical_row_is_taken_out(read: Callable[..., Any]) -> None:
    row = {"kind": "process_start", "time_us": 1772409600000000, "aid": AID, "process_name": "psexec.exe"}
    found = read(written([{**row, "process_command_line": r"psexec \\h -u a -p hunter2 cmd"}]))
    assert "hunter2" not in found.events[0].process_command_line


def test_what_falcon_reads_is_projected() -> None:
    """A field that reading asks for must be among the columns that are fetched."""
    asked: set[str] = set()

    class Spy(dict):  # type: ignore[type-arg]
        def get(self, key: Any, default: Any = None) -> Any:
            asked.add(key)
            return super().get(key, default)

    for code in falcon.KINDS:
        falcon.read(Spy({"event_simpleName": code, "timestamp": TIME, "aid": AID}), Clock(parse_zone("UTC")))
    for more in ({"alert_type": "PsExecExecution"}, {"UserSid": "S-1-5", "_time": TIME}):
        falcon.read(Spy({"timestamp": TIME, **more}), Clock(parse_zone("UTC")))
    assert asked
    assert {falcon.own_name(key) for key in asked} <= READ


# --- what is passed over ----------------------------------------------------------------------------

VALUES: dict[str, list[Any]] = {
    "event_simpleName": [
        *sorted(falcon.KINDS),
        "DnsRequest",
        "DnsRequest",
        "",
        "-",
        " ",
        "\u3000-",
        "ä",
        None,
    ],
    "#event_simpleName": ["ProcessRollup2", "DnsRequest", "", None],
    "FileName": ["psexec.exe", "PAExec.exe", "net.exe", "x.exe", "\u212a", "", None],
    "CommandLine": [r"NET USE \\h\c$", r"use x: \\h\c$", "ä\n$", "x" * 5000, None],
    "RemotePort": ["445", "4450", " 445", None],
    "RPort": [445, 80, None],
    "LocalPort": [445.0, 445.4, float("nan"), None],
    "TargetProcessId": ["9", "x-1", "p'q", None],
    "LogonType": ["3", None],
    "AuthenticationId": ["77", None],
    "LocalAddressIP4": ["10.0.0.1", " 10.0.0.1", "10.0.0.2", "::ffff:10.0.0.1", "x", None],
    "LocalIP": ["10.0.0.9", None],
    "SmbShareName": ["IPC$", r"\\*\ADMIN$", None],
    "alert_type": ["SMB445Connection", "?", None],
    "@rawstring": ["x", json.dumps(TELLING), json.dumps(DULL), None],
}
wanted = st.one_of(
    st.just(FIRST),
    st.builds(
        Wants,
        processes=st.frozensets(st.sampled_from([(CID, AID, "9"), (None, AID, "x-1"), (CID, AID, "p'q")])),
        logons=st.frozensets(st.just((CID, AID, "77"))),
        addresses=st.frozensets(st.sampled_from(["10.0.0.1", "10.0.0.9"])),
        spans=st.sampled_from([{}, {("aid", CID, AID): ((0, 2**62),)}]),
    ),
)


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    columns = draw(st.permutations(sorted(VALUES)))[: draw(st.integers(1, 8))]
    if draw(st.booleans()):
        columns = [*{*columns, "event_simpleName"} - {"alert_type", "@rawstring"}]
    size = draw(st.integers(1, 12))
    cells = {
        name: draw(st.lists(st.sampled_from(VALUES[name]), min_size=size, max_size=size))
        for name in sorted(columns)
    }
    cells |= {"timestamp": draw(st.lists(st.sampled_from([TIME, TIME, "?"]), min_size=size, max_size=size))}
    return written(pa.table({**cells, "aid": [AID] * size}), row_group_size=draw(st.integers(1, 12)))


@given(tables(), wanted)
@settings(max_examples=60, deadline=None)
def test_the_filter_gives_what_plain_reading_gives(content: bytes, wants: Wants) -> None:
    assert seen(content, wants) == seen(content, wants, scan=False)


@given(tables(), wanted, st.sampled_from(["corrected", "literal"]))
@settings(max_examples=60, deadline=None)
def test_no_row_is_passed_over_that_is_needed(content: bytes, wants: Wants, rules: Any) -> None:
    looked = {item.origin.record: item for _, item in seen(content, wants)[0]}
    for _, item in seen(content, wants, once=True)[0]:  # every row is read
        if isinstance(item, Reject) or use(item.event, wants, rules) is not Use.DROP:
            assert looked[item.origin.record] == item


def without_empty(rows: list[dict[str, str]]) -> bytes:
    """A table of texts whose empty cells are null."""
    return written(
        pa.table({key: pa.array([row[key] or None for row in rows], pa.string()) for key in rows[0]})
    )


@pytest.mark.parametrize(("wants", "row"), telling.TELLING, ids=str)
def test_one_cell_makes_a_row_matter(wants: Wants, row: dict[str, str], looked: list[int]) -> None:
    content = without_empty(telling.between(row))
    for options in ({"scan": False}, {}):
        looked.clear()
        seen(content, wants, **options)
        assert 3 in looked


@pytest.mark.parametrize(("wants", "row"), telling.SILENT, ids=str)
def test_near_misses_are_passed_over(wants: Wants, row: dict[str, str], looked: list[int]) -> None:
    content = without_empty(telling.between(row))
    for options in ({"scan": False}, {}):
        looked.clear()
        seen(content, wants, **options)
        assert 3 not in looked


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the rows that are read."""
    numbers: list[int] = []
    take = Session.take
    monkeypatch.setattr(Session, "take", lambda *row: numbers.append(row[-1]) or take(*row))
    return numbers


def test_rows_that_cannot_matter_are_not_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[Any] = []
    take = parquet._Table._take
    monkeypatch.setattr(parquet._Table, "_take", lambda *row, **more: rows.append(row) or take(*row, **more))
    content = written([DULL] * 500 + [TELLING] + [DULL] * 500, row_group_size=300)
    outcome = seen(content)
    assert ([item.origin.record for _, item in outcome[0]], outcome[1]) == ([1, 501, 1001], 1001)
    assert len(rows) == 3
    assert len(seen(content, once=True)[0]) == 1001


# --- where it lies ----------------------------------------------------------------------------------


def test_in_archives(tmp_path: Path, read_all: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    content = written([TELLING] * 3)
    (tmp_path / "a.gz").write_bytes(gzip.compress(content))
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("x.parquet", content)
    found = read_all(tmp_path)
    assert (len(found.events), found.codes) == (6, [])
    monkeypatch.setattr(parquet, "HELD", len(content) - 1)
    found = read_all(tmp_path)
    assert (found.events, found.codes) == ([], ["archive-limit"] * 2)
    assert "it is read only where it lies by itself" in found.remarks[0][1]
    monkeypatch.setattr(parquet, "_LINUX", False)
    assert read_all(tmp_path).codes == ["archive-limit"] * 2


def test_names_that_a_library_would_take_for_patterns(tmp_path: Path, read_all: Callable[..., Any]) -> None:
    for name in ("a*?[b].parquet", "x'y.parquet", "s3:x"):
        (tmp_path / name).write_bytes(written([TELLING]))
    assert len(read_all(tmp_path).events) == 3


def test_a_path_is_given_where_there_is_none_for_an_open_file(
    tmp_path: Path, read_all: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "_LINUX", False)
    for name in ("a[b]*.parquet", "ab.parquet"):
        (tmp_path / name).write_bytes(written([TELLING]))
    assert len(read_all(tmp_path).events) == 2


def test_a_pipe(tmp_path: Path, read_all: Callable[..., Any]) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(written([DULL] * 5),))
    writer.start()
    assert len(read_all(pipe).events) == 5
    writer.join()


def test_a_file_of_another_kind_is_unknown(read: Callable[..., Any]) -> None:
    found = read(written([{"x": 1, "y": {"z": [1]}}]))
    assert (found.report.format, found.items[:-1]) == (None, [])


# --- built to harm ----------------------------------------------------------------------------------


def problem(content: bytes) -> str:
    outcome = seen(content)
    assert not outcome[0]
    return str(outcome[-1])


def test_a_few_bytes_of_many_rows() -> None:
    rows = (1 << 20) + 1
    table = pa.table(
        {
            name: pa.array(["x"]).take(pa.nulls(rows, pa.int8()).fill_null(0))
            for name in ("aid", "event_simpleName")
        }
    )
    content = written(table, compression="zstd")
    assert len(content) < 10_000
    assert "1,048,577 rows in" in problem(content)


def test_pages_that_expand(monkeypatch: pytest.MonkeyPatch) -> None:
    content = written([{**TELLING, "CommandLine": "x" * (1 << 20)}], compression="zstd", use_dictionary=False)
    assert len(content) < 100_000
    assert len(events(seen(content))) == 1
    monkeypatch.setattr(parquet, "PAGES_LIMIT", 1 << 20)
    assert "pages of more than 1 MiB" in problem(content)


def test_texts_that_build_on_each_other() -> None:
    content = written([TELLING] * 5, use_dictionary=False, column_encoding={"aid": "DELTA_BYTE_ARRAY"})
    assert "DELTA_BYTE_ARRAY" in problem(content)
    other = written([{**TELLING, "z": "x"}], use_dictionary=False, column_encoding={"z": "DELTA_BYTE_ARRAY"})
    assert len(events(seen(other))) == 1  # that column is not read


def repeated(text: str, times: int) -> bytes:
    """A process start with this command line, again and again, for next to no bytes."""
    cells = {**DULL, "event_simpleName": "ProcessRollup2", "FileName": "psexec.exe", "CommandLine": text}
    none = pa.array([0]).take(pa.array([0] * times)).cast(pa.int32())
    columns = {name: pa.DictionaryArray.from_arrays(none, [cell]) for name, cell in cells.items()}
    return written(pa.table(columns), compression="zstd")


def test_a_long_text_in_a_dictionary_is_cut() -> None:
    outcome = seen(repeated("x" * 3_000_000, 30))
    assert len(events(outcome)) == 30
    assert all(event.command_line_cut for event in events(outcome))
    content = repeated("x" * 3_000_000, 20_000)
    assert len(content) < 100_000
    assert "more than 256MB of memory" in problem(content)


def test_a_long_record_in_a_cell() -> None:
    wrapped = [{"@timestamp": TIME, "@rawstring": json.dumps({**TELLING, "x": "y" * parquet.CELL_LIMIT})}]
    reasons = [item.reason for _, item in seen(written(wrapped))[0]]
    assert reasons == ["a record in a cell longer than 128 KiB"]


def test_nested_columns() -> None:
    assert "CommandLine is nested" in problem(written([{**TELLING, "CommandLine": {"x": ["y"]}}]))
    assert len(events(seen(written([{**TELLING, "more": {"x": ["y"]}}])))) == 1


def test_text_that_is_no_utf8() -> None:
    texts = pa.array([b"x\xff"], pa.binary()).view(pa.string())
    table = pa.table({"event_simpleName": ["CreateService"], "timestamp": [TIME], "CommandLine": texts})
    assert "DuckDB cannot read it" in problem(written(table))


SMALL = [
    written([DULL, TELLING] * 20, row_group_size=15, compression=compression, **options)
    for compression in ("none", "zstd")
    for options in ({}, {"use_dictionary": False}, {"data_page_version": "2.0", "data_page_size": 50})
]


@given(
    st.sampled_from(SMALL), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=4)
)
@settings(max_examples=40, deadline=None)
def test_damage_is_a_problem_and_no_error(content: bytes, changes: list[tuple[float, int]]) -> None:
    damaged = bytearray(content)
    for place, byte in changes:
        damaged[4 + int(place * (len(content) - 5))] = byte
    seen(bytes(damaged))
    seen(content[: 4 + int(changes[0][0] * (len(content) - 5))])


def test_a_remark_says_what_was_wrong(read: Callable[..., Any]) -> None:
    found = read(written([TELLING])[:-20], "x.parquet")
    assert found.codes == ["corrupt-archive"]
    assert found.remarks[0][1].endswith(
        "x.parquet was not read to its end: its Parquet is damaged: no footer of a fitting size"
    )
    assert (found.report.format, found.report.truncated) == (None, True)
