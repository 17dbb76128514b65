"""JSON lines: the candidate test, numbers, rejects."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from lmgraph.ingest.ndjson import NdjsonReader

PSEXEC = {
    "event_simpleName": "ProcessRollup2",
    "aid": "a1",
    "cid": "c1",
    "timestamp": "1700000000000",
    "ImageFileName": "\\Device\\x\\PsExec64.exe",
    "CommandLine": "psexec64 \\\\srv7 cmd",
}
DNS = {"event_simpleName": "DnsRequest", "aid": "a1", "cid": "c1", "timestamp": "1700000000000"}


def lines(*records: dict[str, Any] | bytes) -> bytes:
    return b"".join((r if isinstance(r, bytes) else json.dumps(r).encode()) + b"\n" for r in records)


def test_a_line_without_an_alert_is_only_counted(read: Callable[..., Any]) -> None:
    seen = read(lines(DNS, DNS, b'{"event_simpleName":"DnsRequest", broken}', PSEXEC, DNS, DNS))
    assert [record.origin.record for record in seen.records] == [4]
    assert seen.rejects == []  # whole-looking, and the filter passed over it
    assert seen.report.records == 6


def test_lines_too_short_for_a_record_of_ours_are_not_looked_at(read: Callable[..., Any]) -> None:
    short = [b"", b" \t\r", b"{}", b'{"aid":"a1234"}'[:-3] + b'"}', b" {x} "]
    seen = read(lines(PSEXEC, *short, b'{"alert_type":1}', b"x", PSEXEC))
    assert (seen.report.records, len(seen.events)) == (7, 2)
    assert seen.rejects == [(7, "alert_type: no known alert type"), (8, "no valid JSON")]


def test_edges_of_stretches_and_torn_lines_are_looked_at(read: Callable[..., Any]) -> None:
    broken = b'{"event_simpleName":"DnsRequest", broken}'
    torn = b'{"event_simpleName": "DnsReq'
    assert read(lines(broken, DNS, torn, DNS, broken)).rejects == [
        (1, "no valid JSON"),
        (3, "no valid JSON"),
        (5, "no valid JSON"),
    ]
    count = 2 * (1 << 20) // (len(broken) + 1)
    rejects = [line for line, _ in read(lines(DNS, *[broken] * count, DNS)).rejects]
    size, first = len(broken) + 1, len(lines(DNS))
    begins = [0, *range(first, first + count * size + 1, size)]
    last = [line for line, begin in enumerate(begins[:-1], 1) if begin >> 20 != begins[line] >> 20]
    assert rejects == sorted({*last, *(line + 1 for line in last)})


def test_numbers_are_those_of_lines(read: Callable[..., Any]) -> None:
    seen = read(b"\n  \r\n" + lines(PSEXEC, b"", PSEXEC) + b"\n")
    assert [record.origin.record for record in seen.records] == [3, 5]
    assert seen.report.records == 2
    assert seen.report.format == "falcon-ndjson"


@pytest.mark.parametrize("size", [17 << 20, 50 << 20])
def test_a_long_line_is_one_reject_and_nothing_after_it_is_lost(read: Callable[..., Any], size: int) -> None:
    long = json.dumps({**PSEXEC, "CommandLine": "x" * size}).encode()
    seen = read(lines(long, PSEXEC, long, PSEXEC))
    assert seen.rejects == [(1, "line longer than 16 MiB"), (3, "line longer than 16 MiB")]
    assert [record.origin.record for record in seen.records] == [2, 4]
    assert seen.report.records == 4


def test_a_line_just_short_enough_is_read(read: Callable[..., Any]) -> None:
    seen = read(lines({**PSEXEC, "CommandLine": "x" * (15 << 20)}))
    assert len(seen.events[0].process_command_line) == 65536
    assert seen.events[0].command_line_cut


def test_bad_bytes_are_rejects_by_name_only(read: Callable[..., Any]) -> None:
    seen = read(
        lines(
            PSEXEC,
            b'{"psexec": "psexec \xff"}',
            b"\0" * 20,
            b"psexec {",
            b"[1]",
            b'{"psexec": ' * 10_000,
            b"7",
            PSEXEC,
        )
    )
    assert seen.rejects == [
        (2, "invalid UTF-8"),
        (3, "no valid JSON"),
        (4, "no valid JSON"),
        (5, "no JSON object"),
        (6, "nested too deep"),
        (7, "no JSON object"),
    ]
    assert len(seen.events) == 2


@pytest.mark.parametrize(
    ("head", "known"),
    [
        (b'{"a": 1}\n{"a": 2}\n', True),
        (b'garbage\n{"a": 1}\n', True),
        (b'{"a": 1\n{"a": 2}\n', True),
        (b'{"torn": \n{"also torn', True),
        (b'{"event": {"a": 1}}\n{"event": {}}\n', False),
        (b'{"event": "x", "time": 1}\n', False),
        (b'{\n  "a": 1\n}\n', False),
        (b'[\n{"a": 1},\n{"a": 2}\n]\n', False),
        (b"a,b\n1,2\n", False),
        (b"", False),
        (b"\0\1\2", False),
    ],
)
def test_detect(head: bytes, known: bool) -> None:
    assert NdjsonReader().detect(head, "x") is known


def test_many_empty_lines_before_the_first_record(read: Callable[..., Any]) -> None:
    seen = read(b"\n" * 50_000 + lines(PSEXEC))
    assert [record.origin.record for record in seen.records] == [50_001]
    assert seen.report.records == 1
