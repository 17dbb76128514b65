"""Reading whole sources: equal events whatever the wrapping, hostile inputs, reports, remarks."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import os
import random
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lmgraph import ingest
from lmgraph.errors import RecordError
from lmgraph.ingest import Record, Reject, falcon, fields, json_text
from lmgraph.ingest.reading import Patience
from lmgraph.rules import needed
from lmgraph.rules.needed import Use, Wants
from lmgraph.schema import Event, Origin
from lmgraph.settings import Settings

TEXT = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1, max_size=12
) | st.sampled_from(
    ["psexec64 \\\\srv7 -p x", 'net use \\\\h\\C$ "a,b"', "a\nb", '"', "\\", "445", "ä;\t", "\u2028"]
)
FALCON = st.fixed_dictionaries(
    {
        "event_simpleName": st.sampled_from(
            ["ProcessRollup2", "NetworkConnectIP4", "UserLogon", "AgentOnline"]
        ),
        "timestamp": st.integers(1_600_000_000_000, 1_700_000_000_000).map(str),
        "FileName": st.sampled_from(["psexec64.exe", "NET.EXE", "x.exe"]),
        "RemotePort": st.sampled_from(["445", "80"]),
        "aid": st.sampled_from(["a1", "B2"]),
    },
    optional={
        "CommandLine": TEXT,
        "ComputerName": TEXT,
        "LogonType": st.just("3"),
        "id": TEXT,
        "UserName": TEXT,
    },
)


def ndjson(records: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def as_csv(records: list[dict[str, Any]]) -> bytes:
    columns = sorted({"timestamp", "aid"}.union(*records))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue().encode()


def as_tar(content: bytes) -> bytes:
    stored = io.BytesIO()
    with tarfile.open(fileobj=stored, mode="w:gz") as archive:
        info = tarfile.TarInfo("data/part")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return stored.getvalue()


def as_zip(content: bytes) -> bytes:
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data/part", content)
    return stored.getvalue()


def logscale(record: dict[str, Any]) -> dict[str, Any]:
    return {"@rawstring": json.dumps(record), "@timestamp": int(record["timestamp"])}


SHAPES: list[Callable[[list[dict[str, Any]]], bytes]] = [
    ndjson,
    lambda records: json.dumps(records).encode(),
    lambda records: json.dumps(records, indent=1, ensure_ascii=False).encode(),
    as_csv,
    lambda records: " ".join(json.dumps({"time": 1, "event": record}) for record in records).encode(),
    lambda records: ndjson([{"event": json.dumps(record)} for record in records]),
    lambda records: ndjson([logscale(record) for record in records]),
    lambda records: b"\xef\xbb\xbf" + ndjson(records),
    lambda records: ndjson(records).decode().encode("utf-16"),
    lambda records: ndjson(records).replace(b"\n", b"\r\n\r\n"),
]
WRAPPINGS: list[Callable[[bytes], bytes]] = [
    lambda content: content,
    gzip.compress,
    zstandard.compress,
    as_zip,
    as_tar,
    lambda content: as_zip(gzip.compress(content)),
    lambda content: gzip.compress(content[: len(content) // 2]) + gzip.compress(content[len(content) // 2 :]),
]


def needed_events(items: list[Any]) -> list[Event]:
    """What the first pass keeps or folds, in an order of content."""
    events = [item.event for item in items if isinstance(item, Record)]
    kept = [event for event in events if needed.use(event, Wants.nothing(), "corrected") is not Use.DROP]
    return sorted(kept, key=msgspec.json.encode)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(FALCON, min_size=1, max_size=6), st.data())
def test_any_split_into_files_and_formats_gives_the_same(
    tmp_path: Path, read_all: Callable[..., Any], records: list[dict[str, Any]], data: st.DataObject
) -> None:
    plain = tmp_path / "plain.ndjson"
    plain.write_bytes(ndjson(records))
    expected = read_all(plain)
    assert not expected.rejects
    parts: dict[int, list[dict[str, Any]]] = {}
    for record in records:
        parts.setdefault(data.draw(st.integers(0, 2)), []).append(record)
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    for number, part in parts.items():
        shape = data.draw(st.sampled_from(SHAPES))
        wrapping = data.draw(st.sampled_from(WRAPPINGS))
        (folder / str(number)).write_bytes(wrapping(shape(part)))
    split = read_all(folder)
    assert not split.rejects
    assert needed_events(split.items) == needed_events(expected.items)
    assert sum(report.records for report in split.reports) == len(records)


@given(FALCON, st.sampled_from(["", " ", "\t"]), st.booleans(), st.randoms(use_true_random=False))
def test_the_line_filter_passes_what_is_needed(
    record: dict[str, Any], space: str, escaped: bool, rng: random.Random
) -> None:
    keys = list(record)
    rng.shuffle(keys)
    line = json.dumps(
        {key: record[key] for key in keys}, separators=("," + space, space + ":" + space)
    ).encode()
    if escaped:
        line = line.replace(b"psexec", b"\\u0070sexec").replace(b'"44', b'"\\u00344')
    event = falcon.event(json_text.decode(line), Origin("f", 1), Settings())
    assert event is not None
    if needed.use(event, Wants.nothing(), "corrected") is not Use.DROP:
        assert needed.line_filter(Wants.nothing())(line)


PREFIXES = st.sampled_from(
    [
        b"",
        b"{",
        b"[",
        b'{"event_simpleName":"',
        b"alert_type,aid\n",
        b"\xff\xfe",
        b"\xef\xbb\xbf{",
        b'[{"aid":',
        b"PK\x03\x04",
    ]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(PREFIXES, st.binary(max_size=200) | st.text('{}[]",:\\\n\r\0ab1', max_size=60).map(str.encode))
def test_random_bytes_never_raise(read: Callable[..., Any], prefix: bytes, noise: bytes) -> None:
    seen = read(prefix + noise)
    assert len(seen.reports) == 1 or not seen.reports


PSEXEC = {
    "event_simpleName": "ProcessRollup2",
    "aid": "a1",
    "timestamp": "1700000000000",
    "ImageFileName": "\\x\\PsExec.exe",
}
ROW = {"alert_type": "PsExecExecution", "@timestamp": 1700000000000, "ComputerName": "A"}


def test_the_report(read: Callable[..., Any]) -> None:
    later, between = ({**PSEXEC, "timestamp": time} for time in ("1700000009000", "1700000004000"))
    content = ndjson([between, PSEXEC, later, between])
    stored = gzip.compress(content)
    seen = read(stored, "part.gz", hash_inputs=True)
    report = seen.report
    assert report.path.endswith("/part.gz")
    assert (report.format, report.bytes, report.records) == ("falcon-ndjson", len(stored), 4)
    assert (report.first_us, report.last_us) == (1700000000000000, 1700000009000000)
    assert report.sha256 == hashlib.sha256(stored).hexdigest()
    assert not report.truncated
    assert read(stored).report.sha256 is None


def test_members_are_named_and_carry_the_hash_of_their_archive(read: Callable[..., Any]) -> None:
    stored = as_zip(ndjson([PSEXEC]))
    seen = read(stored, "a.zip", hash_inputs=True)
    assert seen.report.path.endswith("/a.zip!data/part")
    assert seen.report.sha256 == hashlib.sha256(stored).hexdigest()
    assert seen.records[0].origin == Origin(seen.report.path, 1)


@pytest.mark.parametrize(
    "content",
    [
        b"just text\nmore\n",
        b"\x89PNG\r\n\x1a\n" + bytes(1000),
        b'{"ts": 1, "uid": "x"}\n' * 5,
        b'{"ts": 1}\n{"ts": \n',
        b'[{"EventID": 1}, {"EventID": ',
        b"ElfFile\0" + bytes(5000),
        b"{" * 3000,
        b"{}\n" * 10,
        b"host,ip\nA,10.0.0.1\n",
    ],
)
def test_a_file_that_no_reader_knows_has_no_format_and_no_rejects(
    read: Callable[..., Any], content: bytes
) -> None:
    seen = read(content)
    assert (seen.report.format, seen.report.records, seen.rejects, seen.events) == (None, 0, [], [])


def test_foreign_rejects_are_bounded(read: Callable[..., Any]) -> None:
    assert read(b"{x\n" * 30_000 + ndjson([PSEXEC])).report.format is None
    seen = read(b"{x\n" * 500 + ndjson([PSEXEC]))
    assert (seen.report.format, len(seen.rejects), len(seen.events)) == ("falcon-ndjson", 500, 1)


def test_a_file_of_which_no_record_is_understood_is_unknown(read: Callable[..., Any]) -> None:
    seen = read(b'{"event_simpleName": "ProcessRollup2", "aid"\n')
    assert (seen.report.format, seen.report.records, seen.rejects) == (None, 0, [])
    # One that says what it is but cannot be read is a reject, and so is all before it.
    timeless = {key: value for key, value in PSEXEC.items() if key != "timestamp"}
    seen = read(b'{"event_simpleName": torn\n' * 1500 + ndjson([timeless]))
    assert (seen.report.format, seen.report.records, len(seen.rejects)) == ("falcon-ndjson", 1501, 1501)
    assert seen.rejects[-1] == (1501, "no time")


def test_a_file_of_which_only_the_edges_are_torn_is_known(read: Callable[..., Any]) -> None:
    seen = read(
        b'sName": "x"}\n' + ndjson([{**PSEXEC, "event_simpleName": "DnsRequest"}] * 3) + b'{"event_si'
    )
    assert (seen.report.format, seen.report.records, len(seen.rejects)) == ("falcon-ndjson", 5, 2)


@pytest.mark.parametrize(
    ("schema", "what"),
    [
        ("lmgraph/result/1", "a result of lmgraph"),
        ("lmgraph/scope/1", "a result of lmgraph"),
        ("lmgraph/truth/1", "the truth of a simulation"),
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_a_document_of_lmgraph_is_no_telemetry(
    read: Callable[..., Any], schema: str, what: str, indent: int | None
) -> None:
    content = json.dumps({"schema": schema, "tool": {}, "events": [PSEXEC], **PSEXEC}, indent=indent)
    seen = read(content.encode())
    path = seen.report.path
    assert seen.remarks == [("own-result", f"{path} is {what}, not telemetry, and was not read")]
    assert (seen.report.format, seen.report.records, seen.events) == (None, 0, [])


def test_what_only_quotes_a_result_is_read(read: Callable[..., Any]) -> None:
    quoting = {**PSEXEC, "CommandLine": '{"schema": "lmgraph/result/1"}'}
    assert len(read(ndjson([quoting])).events) == 1


def test_an_input_of_rejects_is_given_up(read: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Patience, "FREE", 100)
    bad, good = b"psexec\n", ndjson([PSEXEC])
    seen = read(good + bad * 1000 + good)
    assert seen.codes == ["given-up"]
    assert "was not read to its end: 101 of its records could not be read" in seen.remarks[0][1]
    assert (len(seen.rejects), len(seen.events), seen.report.truncated) == (101, 1, True)
    many = good * 20 + bad * 150
    assert (read(many).codes, len(read(many + good).events)) == ([], 21)


def test_the_members_of_an_archive_share_its_patience(
    read: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Patience, "FREE", 100)
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(5):
            archive.writestr(f"f{number}", b"foreign {\n" * 90)
            archive.writestr(f"m{number}", ndjson([PSEXEC]) + b"psexec\n" * 60)
        archive.writestr("last", ndjson([PSEXEC] * 90) + b"psexec\n" * 60)
    seen = read(stored.getvalue())
    assert seen.codes == ["given-up"] * 4
    assert len(seen.events) == 95
    assert len(seen.rejects) == 60 + 41 + 3 + 60


def test_short_lines_cost_little_and_are_counted(read: Callable[..., Any]) -> None:
    seen = read(
        b"\n" * 100 + ndjson([PSEXEC]) + b"\n" * 100_000 + b" \n" * 100 + b"{}\n" * 100 + ndjson([PSEXEC])
    )
    assert [record.origin.record for record in seen.records] == [101, 100_302]
    assert (seen.report.records, seen.rejects) == (102, [])


def test_empty(read: Callable[..., Any]) -> None:
    for content in (b"", gzip.compress(b""), as_zip(b""), zstandard.compress(b"")):
        assert read(content).report.format == "empty"
    with zipfile.ZipFile(stored := io.BytesIO(), "w"):
        pass
    assert read(stored.getvalue()).items == []


@pytest.mark.parametrize("count", [199, 200, 1000, 1001, 20_000])
def test_a_result_of_exactly_a_limit_was_cut(read: Callable[..., Any], count: int) -> None:
    cut = ["table-truncated"] if count in (200, 1000, 20_000) else []
    assert read(ndjson([ROW] * count)).codes == cut
    if count < 2000:
        assert read(as_csv([{**ROW, "timestamp": "", "aid": ""}] * count)).codes == cut
        assert read(ndjson([logscale(PSEXEC)] * count)).codes == cut
        assert read(ndjson([PSEXEC] * count)).codes == []


def test_an_assumed_zone_is_said_once(read: Callable[..., Any]) -> None:
    row = {**ROW, "@timestamp": "2023-11-14 23:13:20"}
    seen = read(ndjson([row, row]), tz="Europe/Berlin")
    assert seen.codes == ["zone-assumed"]
    assert seen.events[0].time_us == 1700000000000000


def test_damage_is_reported_and_what_came_before_is_read(read: Callable[..., Any]) -> None:
    content = ndjson([{**PSEXEC, "id": str(number)} for number in range(5000)])
    stored = gzip.compress(content)
    seen = read(stored[: len(stored) // 2])
    assert seen.codes == ["truncated-archive"]
    assert seen.report.truncated
    assert len(seen.events) > 2000
    assert len(seen.rejects) == 1  # the line that was torn
    wrong = bytearray(stored)
    wrong[-8] ^= 1
    seen = read(bytes(wrong))
    assert (seen.codes, seen.report.truncated, len(seen.events), seen.rejects) == (
        ["corrupt-archive"],
        True,
        5000,
        [],
    )


def test_strict_raises_at_the_first_reject(read: Callable[..., Any]) -> None:
    with pytest.raises(RecordError, match=r"^no valid JSON \[.*/input:2\]$"):
        read(ndjson([PSEXEC]) + b"{event_simpleName\n", strict=True)


def test_a_defect_in_one_record_does_not_stop_the_others(
    read: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    redact = fields.redact
    monkeypatch.setattr(fields, "redact", lambda line: redact(line) if "boom" not in line else 1 // 0)
    seen = read(ndjson([{**PSEXEC, "CommandLine": "secret boom"}, PSEXEC]))
    assert seen.rejects == [(1, "cannot be read (ZeroDivisionError)")]
    assert len(seen.events) == 1


def test_unreadable_sources_are_remarks(tmp_path: Path, read_all: Callable[..., Any]) -> None:
    gone = tmp_path / "gone"
    gone.write_bytes(b"1")
    (source,) = ingest.discover([str(gone)])
    gone.unlink()
    (remark,) = ingest.read(source, Settings(), Wants.nothing())
    assert isinstance(remark, ingest.Remark)
    assert (remark.code, remark.severity) == ("unreadable", "high")
    (tmp_path / "link").symlink_to("missing")
    assert read_all(tmp_path).codes == ["unreadable"]


def test_a_file_given_twice_is_a_remark_and_one_input(tmp_path: Path, read_all: Callable[..., Any]) -> None:
    (tmp_path / "in").write_bytes(ndjson([PSEXEC]))
    seen = read_all(tmp_path / "in", tmp_path)
    ((code, message),) = seen.remarks
    assert code == "given-twice"
    assert message == f"{seen.report.path} was given more than once and is read once"
    assert len(seen.events) == 1


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_standard_input(wrapping: Callable[[bytes], bytes]) -> None:
    program = (
        "from lmgraph import ingest, settings\n"
        "from lmgraph.rules.needed import Wants\n"
        "for source in ingest.discover(['-']):\n"
        "    for item in ingest.read(source, settings.Settings(), Wants.nothing()):\n"
        "        print(type(item).__name__, item)\n"
    )
    stored = wrapping(ndjson([PSEXEC]))
    run = subprocess.run(  # a pipe, which cannot be sought in
        [sys.executable, "-c", program], input=stored, capture_output=True, check=True, timeout=60
    )
    record, report = run.stdout.decode().splitlines()
    assert record.startswith("Record ")
    assert report.startswith("InputReport ")
    assert "!" in report or f"bytes={len(stored)}," in report


def test_a_named_pipe(tmp_path: Path, read_all: Callable[..., Any]) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen([sys.executable, "-c", f"open({str(pipe)!r}, 'wb').write({ndjson([PSEXEC])!r})"]):
        assert len(read_all(pipe).events) == 1


def test_hostile_values_reach_no_message(read: Callable[..., Any]) -> None:
    bad = [
        {**PSEXEC, "CommandLine": ["<evil>"]},
        {**PSEXEC, "timestamp": "<evil>"},
        {**ROW, "alert_type": "<evil>"},
        {**PSEXEC, "timestamp": "9" * 30},
    ]
    seen = read(ndjson(bad) + b'{"event_simpleName": "<evil>\xff"\n')
    assert len(seen.rejects) == 5
    assert "<evil>" not in str([item for item in seen.items if isinstance(item, Reject)])


def test_second_pass_reads_what_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "in"
    start = {
        "event_simpleName": "ProcessRollup2",
        "cid": "c",
        "timestamp": "1700000000000",
        "ImageFileName": "\\x\\a.exe",
    }
    path.write_bytes(
        ndjson([{**start, "aid": f"a{number}", "TargetProcessId": f"{number}"} for number in range(9)])
    )
    (source,) = ingest.discover([str(path)])
    wants = Wants(processes=frozenset({("c", "a4", "4")}))
    items = list(ingest.read(source, Settings(hash_inputs=True), wants))
    found = [item.event.process_id for item in items if isinstance(item, Record)]
    assert found == ["0", "4", "8"]  # the wanted one, and the edges of the stretch
