"""CSV: the rows that are passed over, and that the scan passes over no other than plain reading does."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmgraph.ingest import csv as module
from lmgraph.ingest import falcon
from lmgraph.ingest.clock import Clock
from lmgraph.ingest.contract import Record, Reject
from lmgraph.ingest.csv import CsvReader
from lmgraph.ingest.repeats import Memory
from lmgraph.ingest.session import Session
from lmgraph.ingest.streams import ByteStream
from lmgraph.rules.needed import Use, Wants, use
from lmgraph.settings import parse_zone
from tests.ingest.telling import DULL, SILENT, TELLING, between

AID, CID = "a" * 32, "c" * 32
TIME = "1772409600000"
FIRST = Wants.nothing()
COLUMNS = (
    "timestamp", "aid", "cid", "event_simpleName", "FileName", "CommandLine", "ImageFileName", "RemotePort",
    "LocalPort", "TargetProcessId", "ContextProcessId", "LogonType", "AuthenticationId", "LocalAddressIP4",
    "SmbShareName", "DomainName",
)  # fmt: skip
VALUES: dict[str, list[str]] = {
    "event_simpleName": [*sorted(falcon.KINDS), "DnsRequest", "DnsRequest", "", "-", " ", "ä", 'a"b'],
    "#event_simpleName": ["ProcessRollup2", "DnsRequest", "", "UserLogon"],
    "event_simpleName_readable": ["", "DnsRequest", "CreateService"],
    "timestamp": [TIME, TIME, "x", ""],
    "aid": [AID],
    "cid": [CID, ""],
    "FileName": ["psexec.exe", "PAExec.exe", "net.exe", "x.exe", ""],
    "CommandLine": [r"NET USE \\h\c$", r"use x: \\h\c$", 'a "b", c', "z\nZ", "ä", "x\ry", "y\r\nz", ""],
    "ImageFileName": [r"\x\PsExeSvc.exe", r"C:\net1.exe", r"C:\cmd.exe", "Ⅷ", ""],
    "RemotePort": ["445", "4450", "80", "0445", " 445", ""],
    "RPort": ["445", "80"],
    "LocalPort": ["445", "50000", ""],
    "TargetProcessId": ["9", "99", "x-1", 'p"q', ""],
    "ContextProcessId": ["9", ""],
    "LogonType": ["3", "2", ""],
    "AuthenticationId": ["77", ""],
    "LocalAddressIP4": ["10.0.0.1", " 10.0.0.1", "10.0.0.2", "::ffff:10.0.0.1", "x", ""],
    "LocalIP": ["10.0.0.1", "10.0.0.9", ""],
    "SmbShareName": ["IPC$", r"\\*\ADMIN$", ""],
    "DomainName": ["example.com", "psexec", ""],
    "alert_type": ["SMB445Connection", "?", ""],
    "@rawstring": [
        "", "x",
        json.dumps({"event_simpleName": "CreateService", "aid": AID, "timestamp": TIME}),
        json.dumps({"event_simpleName": "DnsRequest", "aid": AID, "timestamp": TIME}),
    ],
}  # fmt: skip


def written(columns: Sequence[str], rows: Iterable[Sequence[str]], quoting: Any = csv.QUOTE_MINIMAL) -> bytes:
    content = io.StringIO()
    csv.writer(content, quoting=quoting, lineterminator="\n").writerows([columns, *rows])
    return content.getvalue().encode()


def seen(content: bytes, wants: Wants = FIRST, *, size: int = 1 << 20, **options: Any) -> tuple[Any, ...]:
    """All that reading gives, of a stream in pieces of ``size`` bytes."""
    session = Session("x", Memory(wants, "corrected"), Clock(parse_zone("UTC")), "csv", **options)
    pieces = (content[at : at + size] for at in range(0, len(content), size))
    items = [(session.records, item) for item in CsvReader().read(ByteStream(pieces), session)]
    return items, session.records, session.family, session.first_us, session.last_us, session.clock.assumed


def records_of(outcome: tuple[Any, ...]) -> list[int]:
    return [item.origin.record for _, item in outcome[0]]


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    """A table as some program may write it, and then damaged."""
    extra = st.sampled_from([*sorted(VALUES.keys() - set(COLUMNS)), "aid", "x"])
    kept = draw(st.sets(st.sampled_from(COLUMNS[3:]), min_size=2)) | {"timestamp", "aid"}
    columns = draw(st.permutations([*sorted(kept), *draw(st.lists(extra, max_size=2))]))
    rows = draw(
        st.lists(
            st.tuples(*(st.sampled_from(VALUES.get(column, ["", "1"])) for column in columns)), max_size=12
        )
    )
    content = written(columns, rows, draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])))
    if draw(st.booleans()):
        content = content.replace(
            b"\n", draw(st.sampled_from([b"\r\n", b"\r", b"\n\n", b"\r\r\n", b"\n\r\n"]))
        )
    head = content.find(b"\n") + 1
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(head, len(content)))
        piece = draw(st.sampled_from([b'"', b'""', b",", b"\n", b"\r", b"\xff", b"\0", b",,,,,,,,\n", b" "]))
        content = content[:at] + piece + content[at + draw(st.integers(0, 2)) :]
    return draw(st.sampled_from([content, b"sep=,\n" + content, content.rstrip(b"\n")]))


ids = st.frozensets(st.sampled_from([(CID, AID, "9"), (None, AID, "x-1"), (CID, AID, 'p"q')]))
wanted = st.one_of(
    st.just(FIRST),
    st.builds(
        Wants,
        processes=ids,
        logons=st.frozensets(st.just((CID, AID, "77"))),
        addresses=st.frozensets(st.sampled_from(["10.0.0.1", "10.0.0.9"])),
        spans=st.sampled_from([{}, {("aid", CID, AID): ((0, 2**62),)}]),
    ),
)


@given(tables(), wanted, st.sampled_from([1, 7, 50, 1 << 20]), st.sampled_from([40, 150, 1 << 20]))
@settings(max_examples=300, deadline=None)
def test_the_scan_gives_what_plain_reading_gives(
    content: bytes, wants: Wants, size: int, stretch: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "STRETCH", stretch)
        patch.setattr(module, "_BLOCK", max(size, 16))
        patch.setattr(module, "_HITS", 3)
        plain = seen(content, wants, scan=False)
        assert seen(content, wants, size=size) == plain


@given(tables(), wanted, st.sampled_from(["corrected", "literal"]))
@settings(max_examples=300, deadline=None)
def test_no_row_is_passed_over_that_is_needed(content: bytes, wants: Wants, rules: Any) -> None:
    looked = {item.origin.record: item for _, item in seen(content, wants)[0]}
    for _, item in seen(content, wants, once=True)[0]:  # every row is read
        if isinstance(item, Reject) or use(item.event, wants, rules) is not Use.DROP:
            assert looked[item.origin.record] == item


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The rows that are parsed."""
    rows: list[bytes] = []
    cells = module._Table.cells
    monkeypatch.setattr(module._Table, "cells", lambda table, raw: rows.append(raw) or cells(table, raw))
    return rows


def test_most_rows_are_not_read(parsed: list[bytes]) -> None:
    """A superset would pass everything, too."""
    columns = ("timestamp", "aid", "event_simpleName", "RemotePort", "CommandLine", "LocalAddressIP4")
    dull = [
        (TIME, AID, "DnsRequest", "445", "psexec", "10.0.0.1"),
        (TIME, AID, "ProcessRollup2", "445", 'net view "$", 445', "10.0.0.445"),
        (TIME, AID, "NetworkConnectIP4", "4450", "", ""),
    ]
    telling = (TIME, AID, "NetworkConnectIP4", "445", "", "")
    content = written(columns, [*dull * 100, telling, *dull * 100])
    assert (records_of(seen(content)), seen(content)[1]) == ([1, 301, 601], 601)
    assert len(parsed) == 6  # the first row and the last as well, and all of it twice
    parsed.clear()
    seen(content, Wants(addresses=frozenset({"10.9.9.9"})))
    assert len(parsed) == 2


@pytest.mark.parametrize("scan", [True, False])
def test_a_row_that_fits_no_table_is_never_passed_over(scan: bool) -> None:
    columns = ("timestamp", "aid", "event_simpleName", "CommandLine")
    dull = f"{TIME},{AID},DnsRequest,x"
    rows = [dull, dull, dull + ",y", dull[:-2], dull + '"', dull, dull + "\r-", dull + "\xff", dull]
    content = "\n".join([",".join(columns), *rows, ""]).encode("latin-1")
    rejects = [(item.origin.record, item.reason) for _, item in seen(content, scan=scan)[0]]
    wrong = "another number of cells than the header"
    assert rejects == [(3, wrong), (4, wrong), (5, "no valid CSV"), (7, "no valid CSV"), (8, "invalid UTF-8")]


def test_the_times_are_those_of_the_rows_looked_at() -> None:
    columns = ("timestamp", "aid", "event_simpleName", "LocalAddressIP4")
    rows = [(str(1772409600000 + number), AID, "DnsRequest", "10.0.0.1") for number in (5, 0, 9, 7)]
    first, last = seen(written(columns, rows))[3:5]
    assert (first, last) == (1772409600005000, 1772409600007000)  # the first row and the last


def test_tables_with_records_in_a_cell_are_read_whole(parsed: list[bytes]) -> None:
    dull = json.dumps({"event_simpleName": "DnsRequest", "aid": AID, "timestamp": TIME})
    telling = json.dumps({"event_simpleName": "CreateService", "aid": AID, "timestamp": TIME})
    content = written(
        ("@timestamp", "@rawstring"), [(TIME, dull)] * 50 + [(TIME, telling)] + [(TIME, dull)] * 50
    )
    assert records_of(seen(content)) == [51]
    assert len(parsed) == 101


@pytest.mark.parametrize("column", ["alert_type", "ComputerName"])
def test_tables_without_event_names_are_read_whole(column: str, parsed: list[bytes]) -> None:
    seen(written(("@timestamp", "aid", column), [(TIME, AID, "x")] * 20))
    assert len(parsed) == 20


def test_a_pipe_is_read_whole() -> None:
    columns = ("timestamp", "aid", "event_simpleName", "LocalAddressIP4")
    content = written(columns, [(TIME, AID, "DnsRequest", "10.0.0.1")] * 5)
    assert [type(item) for _, item in seen(content, once=True)[0]] == [Record] * 5


@pytest.mark.parametrize(("wants", "row"), TELLING, ids=str)
def test_one_cell_makes_a_row_matter(wants: Wants, row: dict[str, str], looked: list[int]) -> None:
    content = written([*DULL], [[*row.values()] for row in between(row)])
    for options in ({"scan": False}, {}):
        looked.clear()
        seen(content, wants, **options)
        assert 3 in looked


@pytest.mark.parametrize(("wants", "row"), SILENT, ids=str)
def test_near_misses_are_passed_over(wants: Wants, row: dict[str, str], looked: list[int]) -> None:
    content = written([*DULL], [[*row.values()] for row in between(row)])
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
