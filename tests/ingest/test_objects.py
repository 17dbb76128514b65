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


@pytest.mark.parametrize("bad", [b"{x\n", b'{"\n', b'{"a": [\n'])
@pytest.mark.parametrize("close", [b"", b"}" * 3000])
def test_open_braces_take_linear_time(monkeypatch: pytest.MonkeyPatch, bad: bytes, close: bytes) -> None:
    monkeypatch.setattr(module, "_RESCAN_LIMIT", 20_000)
    scanned = 0
    object_end = module._Window.object_end

    def counting(window: module._Window) -> int | None:
        nonlocal scanned
        end = object_end(window)
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
