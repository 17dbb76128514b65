"""What a kernel says of a line is what the parser says, and lines of equal content are one template."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmgraph.errors import RecordError
from lmgraph.folds import fold_key, name_of, record_name
from lmgraph.ingest import falcon, fields, json_text
from lmgraph.ingest import repeats as module
from lmgraph.ingest.clock import Clock
from lmgraph.kernels import repeats
from lmgraph.rules.needed import Wants, use
from lmgraph.settings import parse_zone
from tests.ingest.test_lines import lines

FIRST = Wants.nothing()
LOGON = {
    "event_simpleName": "UserLogon", "aid": "a1", "cid": "c1", "id": "1", "timestamp": "1772409600123",
    "ContextTimeStamp": "1772409599.5", "LogonType": "3", "UserName": "alice", "RemoteAddressIP4": "10.0.0.7",
}  # fmt: skip


def read(line: bytes, *, of_host: bool = False) -> tuple[int, int, int, int, int] | None:
    """Content, record name, logon id's name and both times of a line; ``None`` where the parser must look."""
    buffer = np.frombuffer(line + b"\0" * 64, np.uint8)
    good, names, times = np.zeros(1, np.bool_), np.zeros((1, 3), np.uint64), np.zeros((1, 2), np.int64)
    tables = module._HOST_FIELDS if of_host else module._ALL_FIELDS
    repeats.read(buffer, np.array([0]), np.array([len(line)]), *tables, good, names, times)
    return (*names[0].tolist(), *times[0].tolist()) if good[0] else None  # type: ignore[return-value]


def written(**changes: Any) -> bytes:
    record = {**LOGON, **changes}
    return json.dumps({key: value for key, value in record.items() if value is not ...}).encode()


@given(st.lists(lines(), min_size=1, max_size=8), st.booleans())
@settings(max_examples=700)
def test_what_the_kernel_reads_is_what_the_parser_reads(some: list[bytes], of_host: bool) -> None:
    clock = Clock(parse_zone("UTC"))
    seen: dict[int, Any] = {}
    for line in some:
        kernel = read(line.strip(), of_host=of_host)
        if kernel is None:
            continue
        content, record, logon, time_us, cloud_us = kernel
        try:
            event = falcon.read(json_text.decode(line), clock).event
        except RecordError as error:
            said: Any = error.message
        else:
            said = event and (fold_key(event, sighting=of_host), of_host or use(event, FIRST, "literal"))
            if event is not None:
                assert (event.time_us, event.cloud_us or event.time_us) == (time_us, cloud_us)
                assert record == record_name(event)
                assert of_host or logon == (name_of(event.logon_id) if event.logon_id else 0)
        assert seen.setdefault(content, said) == said


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ({}, {"id": "2", "timestamp": "1772409699000", "ContextTimeStamp": "1772409698.001"}, True),
        ({"AuthenticationId": "5"}, {"AuthenticationId": "6"}, True),  # of the network: not kept
        ({"LogonType": "2", "AuthenticationId": "5"}, {"LogonType": "2", "AuthenticationId": "6"}, False),
        ({"RemotePort": "50000"}, {"RemotePort": "50001"}, True),
        ({"RemotePort": "445"}, {"RemotePort": "50001"}, False),
        ({"ContextProcessId": "7"}, {"ContextProcessId": "8"}, True),
        ({"ContextProcessId": "7"}, {"ContextProcessId": "-"}, False),
        ({"ConfigBuild": "7", "x": True, "y": None, "z": -1.5}, {"ConfigBuild": "8"}, True),
        ({"UserName": "alice"}, {"UserName": "bob"}, False),
        ({"aid": "a1"}, {"aid": "a2"}, False),
        ({"cid": "a1"}, {"cid": ...}, False),
    ],
)
def test_what_tells_lines_apart(one: dict[str, Any], other: dict[str, Any], alike: bool) -> None:
    left, right = read(written(**one)), read(written(**other))
    assert left is not None
    assert right is not None
    assert (left[0] == right[0]) == alike


@pytest.mark.parametrize(
    "line",
    [
        written(aid="A1"),
        written(id=...),
        written(id=7),
        written(id="-"),
        written(UserName=True),
        written(CommandLine="x"),
        written(UserName="\u00e9"),
        written(Other={"a": 1}),
        written(Other=[1]),
        written(ContextTimeStamp=..., LogonTime="1772409600.0"),
        written(ContextTimeStamp="1772409600000"),
        written(ContextTimeStamp="2026-03-02T00:00:00Z"),
        written(timestamp="1"),
        written(ContextTimeStamp=..., timestamp=...),
        written(Other=1e30),
        written(RemoteIP="10.0.0.8"),
        written(UserName_readable="bob"),
        written(**{"@rawstring": "{}"}),
        written(**{"#timestamp": "1772409600123"}),
        written(**{"##UserName": "bob"}),
        written(ContextProcessId="\t"),
        written(id="x" * 8193),
        written()[:-1] + b',"UserName":"alice"}',
        written()[:-1] + b',"Other":1,"Other":2}',
        written()[:-1] + b',"Other":01}',
        written()[:-1] + b',"Other":"\x01"}',
        written()[:-1] + b',"Other":"\\x"}',
        written()[:-1] + b',"Other":nul}',
        written()[:-1] + b',"Other":"a}',
        written()[:-1] + b",}",
        written() + b"}",
    ],
)
def test_what_is_not_plain_is_left_to_the_parser(line: bytes) -> None:
    assert read(line) is None


def test_the_tables_know_every_field_that_is_read() -> None:
    """A field that reading takes up anew must be told here, or lines that differ in it would be one."""
    known = {*module._HOST, *module._CONTENT, *module._CHECKED, *module._SPECIAL, "aid", "cid"}
    for kind in set(falcon.KINDS.values()):
        for field in fields.fields_of(kind):
            assert known.issuperset(field.keys), field


def test_names_of_texts_are_those_of_the_kernel() -> None:
    assert len({name_of(f"{number}\x1fa\x1fc") for number in range(5000)}) == 5000
    assert name_of("") != name_of("\0")
