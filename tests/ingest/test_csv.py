"""CSV: headers, cells, rows that do not fit."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest

from lmgraph.ingest import csv as module
from lmgraph.ingest.csv import CsvReader

HEADER = "@timestamp,ComputerName,UserName,FileName,CommandLine,RemoteAddressIP4,RemotePort,alert_type"
ROW = "1700000000000,WS1,alice,psexec64.exe,psexec64 \\\\srv7 cmd,,,PsExecExecution"

EVENT = b'{"event_simpleName": "AgentOnline", "aid": "a", "timestamp": "1700000000000"}'


def table(*rows: str, end: str = "\n") -> bytes:
    return end.join([HEADER, *rows, ""]).encode()


def test_the_result_of_the_query(read: Callable[..., Any]) -> None:
    seen = read(table(ROW, "2023-11-14T22:13:21Z,WS1,,,,10.0.0.7,445,SMB445Connection"))
    first, second = seen.events
    assert (first.kind, first.source, first.alert_type, first.time_us) == (
        "table_alert",
        "table",
        "PsExecExecution",
        1700000000000000,
    )
    assert (first.host_name, first.user_name, first.process_name) == ("WS1", "alice", "psexec64.exe")
    assert first.time_basis == "cloud"
    assert first.cloud_us == first.time_us
    assert (first.remote_ip, first.remote_port) == (None, None)
    assert (second.process_name, second.remote_ip, second.remote_port) == (None, "10.0.0.7", 445)
    assert [record.origin.record for record in seen.records] == [1, 2]
    assert (seen.report.format, seen.report.records) == ("table-csv", 2)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_dialects(read: Callable[..., Any], delimiter: str, end: str, encoding: str) -> None:
    content = io.StringIO()
    writer = csv.writer(content, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerow(HEADER.split(","))
    command = f'psexec \\\\srv7 "a{delimiter}b"\r\nzwei ä'
    writer.writerow(["1700000000000", "WS1", "", "psexec.exe", command, "", "", "PsExecExecution"])
    seen = read(content.getvalue().encode(encoding))
    assert not seen.rejects
    assert seen.events[0].process_command_line == command
    assert seen.events[0].user_name is None


def test_rows_that_do_not_fit_cost_no_other(read: Callable[..., Any]) -> None:
    seen = read(table(ROW, "1,2", ROW, ROW + ",more", "", ROW) + b"\xff,,,,,,,\n" + ROW.encode())
    wrong = "another number of cells than the header"
    assert seen.rejects == [(2, wrong), (4, wrong), (6, "invalid UTF-8")]
    assert [record.origin.record for record in seen.records] == [1, 3, 5, 7]


@pytest.mark.parametrize("stray", ['1700000000000,"WS1', '"', 'a"b,c'])
def test_a_stray_quote_costs_only_its_line(read: Callable[..., Any], stray: str) -> None:
    assert len(read(table(ROW, stray, *[ROW] * 5)).events) == 6
    assert len(read(table(ROW, stray, ROW, stray, *[ROW] * 5)).events) == 7


def test_a_row_over_too_many_lines(read: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ROW_LINES", 5)
    seen = read(table(ROW, '"', *[ROW] * 9, '"', ROW))
    assert len(seen.events) == 11
    assert [number for number, _ in seen.rejects] == [2, 12]


def test_a_cell_too_long_and_a_line_too_long(read: Callable[..., Any]) -> None:
    seen = read(table(ROW, ROW.replace("cmd", "x" * 200_000), ROW.replace("cmd", "x" * (17 << 20)), ROW))
    assert seen.rejects == [(2, "no valid CSV"), (3, "line longer than 16 MiB")]
    assert len(seen.events) == 2


def test_columns_of_one_name(read: Callable[..., Any]) -> None:
    seen = read(
        b"aid,event_simpleName,timestamp,ComputerName,,ComputerName,\n"
        b"a,AgentOnline,1700000000000,WS1,1,,2\n"
        b"a,AgentOnline,1700000000000,,,WS2,\n"
        b"a,AgentOnline,1700000000000,WS3,,WS3,\n"
        b"a,AgentOnline,1700000000000,WS4,,OTHER,\n"
    )
    assert [event.host_name for event in seen.events] == ["WS1", "WS2", "WS3"]
    assert seen.rejects == [(4, "one column with two values")]


@pytest.mark.parametrize("first", ["sep=,", '"sep=,"', "\ufeffsep=,"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_separator_line_of_excel(read: Callable[..., Any], first: str, end: str) -> None:
    seen = read(first.encode() + end.encode() + table(ROW, ROW, end=end))
    assert (len(seen.events), seen.rejects, seen.report.records) == (2, [], 2)


def test_carriage_returns_alone_end_lines(read: Callable[..., Any]) -> None:
    seen = read(table(*[ROW] * 5000, end="\r"))
    assert (len(seen.events), seen.rejects, seen.report.format) == (5000, [], "table-csv")
    assert len(read(EVENT + b"\r" + EVENT + b"\r").events) == 2


def test_rows_of_empty_cells_say_nothing(read: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[bytes] = []
    cells = module._Table.cells
    monkeypatch.setattr(module._Table, "cells", lambda table, raw: rows.append(raw) or cells(table, raw))
    seen = read(table(ROW, ",,,,,,,", ",,", ROW, end="\r\n"))
    assert ([record.origin.record for record in seen.records], seen.report.records) == ([1, 4], 4)
    assert seen.rejects == [(3, "another number of cells than the header")]
    assert len(rows) == 3


def test_full_records_as_csv(read: Callable[..., Any]) -> None:
    seen = read(
        b"#event_simpleName,aid,@timestamp,ContextTimeStamp,RemotePort\nNetworkConnectIP4,A,1700000000000,,445\n"
    )
    assert (seen.events[0].kind, seen.events[0].time_us, seen.report.format) == (
        "connection",
        1700000000000000,
        "logscale-csv",
    )


def test_a_header_alone(read: Callable[..., Any]) -> None:
    seen = read(table())
    assert (seen.report.format, seen.report.records, seen.rejects) == ("table-csv", 0, [])


@pytest.mark.parametrize(
    ("head", "known"),
    [
        (HEADER.encode() + b"\r\n1", True),
        (b'"aid","cid"\n', True),
        (b"aid\n", False),
        (b"host,ip\n", False),
        (b"\xff,aid\n", False),
        (b'"aid,cid\n', False),
        (b"", False),
    ],
)
def test_detect(head: bytes, known: bool) -> None:
    assert CsvReader().detect(head, "x") is known
