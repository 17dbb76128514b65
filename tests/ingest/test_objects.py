"""Arrays, HEC streams and indented objects: framing and getting back into step."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmgraph.ingest import objects as module
from lmgraph.ingest.objects import ObjectsReader, objects
from lmgraph.ingest.streams import ByteStream

JSON_TEXT = st.text(max_size=8) | st.sampled_from(['"', "\\", "{", "}", '\\"', "[", "\n", '"}{"'])
RECORD = st.dictionaries(
    JSON_TEXT,
    st.recursive(
        JSON_TEXT | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(JSON_TEXT, inner),
        max_leaves=4,
    ),
)


def framed(content: bytes, piece: int = 1000) -> tuple[list[dict[str, Any]], list[str]]:
    stream = ByteStream(content[at : at + piece] for at in range(0, len(content), piece))
    found = list(objects(stream))
    return [record for record, _ in found if record is not None], [reason for _, reason in found if reason]


@settings(max_examples=50)
@given(st.lists(RECORD, max_size=4), st.integers(1, 40), st.sampled_from([None, 1, 4]))
def test_array_and_stream_give_the_same(
    records: list[dict[str, Any]], piece: int, indent: int | None
) -> None:
    array = json.dumps(records, indent=indent).encode()
    stream = " \n\t".join(json.dumps(record, indent=indent) for record in records).encode()
    assert framed(array, piece) == framed(stream, piece) == (records, [])


def test_adjacent_objects_need_no_space() -> None:
    assert framed(b'{"a":1}{"b":2}') == ([{"a": 1}, {"b": 2}], [])


@pytest.mark.parametrize(
    ("content", "records", "reasons"),
    [
        (b'[1, {"a": 1}, null, "x", {"b": 2}]', [{"a": 1}, {"b": 2}], ["no JSON object"] * 2),
        (b'[{"a": 1}, {"b": bad}, {"c": 3}]', [{"a": 1}, {"c": 3}], ["no valid JSON"]),
        (b'[{"a": 1},\n{"b": "stray},\n{"c": 3}]', [{"a": 1}, {"c": 3}], ["no valid JSON"]),
        (b'[{"a": 1},\n  {"b": {},\n  {"c": 3}\n]', [{"a": 1}, {"c": 3}], ["no valid JSON"]),
        (b'[{"a": 1}, {"b": ', [{"a": 1}], ["no valid JSON"]),
        (b'[{"a": 1}, {"b": "\\', [{"a": 1}], ["no valid JSON"]),
        (b'[{"a": "\xff"}, {"b": 2}]', [{"b": 2}], ["invalid UTF-8"]),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b' {"b": 2}', [{"b": 2}], ["nested too deep"]),
        (b'{"b": 1} trailing', [{"b": 1}], ["no JSON object"]),
        (b"[]", [], []),
        (b"", [], []),
    ],
)
@pytest.mark.parametrize("piece", [1, 1000])
def test_a_bad_record_costs_no_other(
    content: bytes, records: list[dict[str, Any]], reasons: list[str], piece: int
) -> None:
    assert framed(content, piece) == (records, reasons)


@pytest.mark.parametrize("piece", [7, 64, 5000])
@pytest.mark.parametrize("text", ["x" * 900, "\\" * 900, '{"' * 300, "\n{" * 300])
def test_an_object_too_long_to_hold(monkeypatch: pytest.MonkeyPatch, piece: int, text: str) -> None:
    monkeypatch.setattr(module, "LINE_LIMIT", 300)
    content = json.dumps([{"a": 1}, {"long": text}, {"b": 2}]).encode()
    records, reasons = framed(content, piece)
    assert records == [{"a": 1}, {"b": 2}]
    assert reasons == ["longer than 16 MiB"]
    torn = b'[{"a": 1},\n {"long": "' + b"x" * 900 + b',\n {"b": 2}]'
    assert framed(torn, piece)[0] == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize(
    "bad", [b"{x\n", b'{"\n', b'{"a": [\n', b'{"rows": [{}]\n', b'{"rows":[{}],"rows":[{\n']
)
@pytest.mark.parametrize("close", [b"", b"}" * 3000])
def test_open_braces_take_linear_time(monkeypatch: pytest.MonkeyPatch, bad: bytes, close: bytes) -> None:
    monkeypatch.setattr(module, "_RESCAN_LIMIT", 20_000)
    scanned = 0
    object_end = module._Window.object_end

    def counting(window: module._Window, depth: int = 0) -> int | None:
        nonlocal scanned
        end = object_end(window, depth)
        scanned += (len(window.buffer) if end is None else end) - window.at
        return end

    monkeypatch.setattr(module._Window, "object_end", counting)
    content = bad * 2900 + b'\n{"good": 1}\n' + close + b'\n{"last": 2}\n'
    records, reasons = framed(content)
    assert records[-2:] == [{"good": 1}, {"last": 2}]
    assert reasons
    assert scanned < 20_000 + 4 * len(content)


def test_long_strings_take_linear_time_and_no_stack() -> None:
    content = b'[{"a": "' + b"\\n" * 5_000_000 + b'"}, {"b": "' + b"x" * 10_000_000 + b'"}]'
    records, reasons = framed(content, 256 * 1024)
    assert [len(next(iter(record.values()))) for record in records] == [5_000_000, 10_000_000]
    assert not reasons


WRAPPED = [
    (b'{"meta": {"a": [{"b": 1}]}, "resources": [{"a": 1}, {"b": "]}"}], "errors": []}', 2),
    (b'{"meta": {},\n "events" : [\n  {"a": 1},\n  {"b": "]}"}\n ],\n "n": {"x": {}}\n}\n', 2),
    (b'{"rows": [{"a": 1}]}{"records": [{"b": "]}"}], "hits": [{"a": 1}]} {"b": "]}"}', 4),
    (b'[{"data": [{"a": 1}, {"b": "]}"}]}, {"a": 1}]', 3),
]


@pytest.mark.parametrize(("content", "count"), WRAPPED)
@pytest.mark.parametrize("piece", [1, 7, 1000])
@pytest.mark.parametrize("whole", [0, 1 << 20])
def test_records_in_an_array_of_a_document(
    monkeypatch: pytest.MonkeyPatch, content: bytes, count: int, piece: int, whole: int
) -> None:
    monkeypatch.setattr(module, "_WHOLE_LIMIT", whole)
    both = [{"a": 1}, {"b": "]}"}]
    assert framed(content, piece) == ((both * 2)[:count], [])


@pytest.mark.parametrize("whole", [0, 1 << 20])
def test_a_bad_record_in_a_document_costs_no_other(monkeypatch: pytest.MonkeyPatch, whole: int) -> None:
    monkeypatch.setattr(module, "_WHOLE_LIMIT", whole)
    content = b'{"events": [{"a": 1}, {"b": bad}, 7, {"c": "\xff"}, {"d": 4}, null], "x": {}} {"e": 5}'
    records, reasons = framed(content)
    assert records == [{"a": 1}, {"d": 4}, {"e": 5}]
    assert reasons == ["no valid JSON", "no JSON object", "invalid UTF-8", "no JSON object"]
    torn = b'{"events": [{"a": 1}, {"b": 2}, {"c": '
    assert framed(torn) == ([{"a": 1}, {"b": 2}], ["no valid JSON"])
    assert framed(b'{"events": [{"a": 1}, {"b": 2}], "x": "') == ([{"a": 1}, {"b": 2}], ["no valid JSON"])
    assert framed(b'{"events": [{"a": 1}, 7, null]}') == ([{"a": 1}], ["no JSON object"])


def test_a_torn_document_swallows_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    page = b'{"events": [{"a": 1}]}'
    for torn in (b'{"meta": {"x": \n', b'{"events": [{"a": 1}], "x": {\n'):
        records, reasons = framed(torn + page + b"\n" + page + b"\n}}}\n")
        assert records[-2:] == [{"a": 1}] * 2
        assert "no valid JSON" in reasons
    # The inner document is not the torn one's, although its array is at the right depth.
    records, reasons = framed(b'{"x": torn "events": [{"a": 1}]}\n{"b": 2}')
    assert (records, reasons) == ([{"b": 2}], ["no valid JSON"])
    monkeypatch.setattr(module, "_RESCAN_LIMIT", 0)  # line by line at once
    assert framed(b"{x\n" + page + b"\n{y\n")[0] == [{"a": 1}]


def test_objects_without_fields_are_counted_and_not_decoded(
    read: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[bytes] = []
    decode = module.json_text.decode
    monkeypatch.setattr(module.json_text, "decode", lambda raw: decoded.append(raw) or decode(raw))
    seen = read(b"[" + json.dumps(EVENT).encode() + b", {}" * 100 + b"]")
    assert (len(decoded), len(seen.events), seen.report.records) == (1, 1, 101)


def test_a_document_longer_than_what_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINE_LIMIT", 300)
    monkeypatch.setattr(module, "_WHOLE_LIMIT", 100)
    rows = [{"row": number} for number in range(500)]
    content = json.dumps({"meta": {}, "events": rows, "more": 1, "hits": rows}).encode()
    assert framed(content + b'{"last": 1}', 64) == ([*rows, *rows, {"last": 1}], [])


def test_arrays_of_a_record_of_ours_are_its_own(read: Callable[..., Any]) -> None:
    record = {"event_simpleName": "ProcessRollup2", "timestamp": 1700000000000, "events": [{"aid": "x"}]}
    assert framed(json.dumps([record]).encode()) == ([record], [])
    assert len(read(json.dumps(record).encode()).events) == 1


EVENT = {"event_simpleName": "AgentOnline", "aid": "A1", "ComputerName": "WS1", "timestamp": "1700000000000"}


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("name", ["resources", "events", "results", "records", "hits", "event"])
def test_the_answer_of_an_api(read: Callable[..., Any], name: str, indent: int | None) -> None:
    seen = read(json.dumps({"meta": {"n": 2}, name: [EVENT] * 2}, indent=indent).encode())
    assert [event.host_name for event in seen.events] == ["WS1", "WS1"]
    assert [record.origin.record for record in seen.records] == [1, 2]
    assert (seen.report.format, seen.report.records, seen.rejects) == ("falcon-json", 2, [])
    many = {"meta": {}, name: [{**EVENT, "id": str(number)} for number in range(20_000)]}
    assert len(read(json.dumps(many, indent=indent).encode()).events) == 20_000


def test_pages_on_lines(read: Callable[..., Any]) -> None:
    page = json.dumps({"meta": {}, "resources": [EVENT, EVENT]}).encode() + b"\n"
    assert len(read(page * 3).events) == 6
    # Among plain lines such a line is one reject: it is not passed over in silence.
    assert read(json.dumps(EVENT).encode() + b"\n" + page).rejects == [(2, "an array of records in a record")]


def test_several_events_in_one_envelope_share_its_time(read: Callable[..., Any]) -> None:
    bare = {key: value for key, value in EVENT.items() if key != "timestamp"}
    seen = read(json.dumps({"time": 1700000001, "fields": {"cid": "C1"}, "event": [bare, bare]}).encode())
    assert [(event.time_us, event.cid) for event in seen.events] == [(1700000001000000, "c1")] * 2
    seen = read(json.dumps({"event": {"event": EVENT}}).encode())
    assert len(seen.events) == 1


def test_a_document_without_records_of_ours_is_unknown(read: Callable[..., Any]) -> None:
    for content in ({"events": []}, {"events": [{"x": 1}]}, {"x": {"hits": [EVENT]}}, {"logs": [EVENT]}):
        assert read(json.dumps(content).encode()).report.format is None


def test_hec_is_named_and_read(read: Callable[..., Any]) -> None:
    event = {"event_simpleName": "AgentOnline", "aid": "A1", "ComputerName": "WS1"}
    first = {"time": 1700000000.5, "event": event, "fields": {"cid": "C1"}}
    second = {"time": "1700000001", "event": json.dumps(event), "index": "x"}
    seen = read(json.dumps(first).encode() + b" " + json.dumps(second).encode())
    assert seen.report.format == "falcon-hec"
    assert [(e.time_us, e.time_basis, e.host_name, e.aid, e.cid) for e in seen.events] == [
        (1700000000500000, "cloud", "WS1", "a1", "c1"),
        (1700000001000000, "cloud", "WS1", "a1", None),
    ]
    assert [record.origin.record for record in seen.records] == [1, 2]


def test_array_ordinals_count_rejects(read: Callable[..., Any]) -> None:
    row = {"alert_type": "PsExecExecution", "@timestamp": 1700000000000, "ComputerName": "A"}
    seen = read(json.dumps([row, 7, row]).encode())
    assert [record.origin.record for record in seen.records] == [1, 3]
    assert seen.rejects == [(2, "no JSON object")]
    assert (seen.report.format, seen.report.records) == ("table-json", 3)


@pytest.mark.parametrize(
    ("head", "known"), [(b" \n[", True), (b"{", True), (b"a,b", False), (b"", False), (b"<x>", False)]
)
def test_detect(head: bytes, known: bool) -> None:
    assert ObjectsReader().detect(head, "x") is known
