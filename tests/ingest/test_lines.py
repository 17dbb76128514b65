"""Which JSON lines can matter: never one too few, and the scan agrees with the test of single lines."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmgraph.errors import RecordError
from lmgraph.ingest import falcon, json_text
from lmgraph.ingest.lines import LineTest
from lmgraph.rules.needed import Use, Wants, use
from lmgraph.schema import Origin
from lmgraph.settings import Settings

FIRST = Wants.nothing()
AID, CID = "a" * 32, "c" * 32
NAMES = sorted(falcon.KINDS)
IDS = ["9", "123", "12168621487068014576", "x-1"]
ADDRESSES = ["10.0.0.1", "10.0.0.21", "2001:db8::1"]
WRITTEN = [
    *ADDRESSES,
    "::ffff:10.0.0.1",
    "2001:DB8:0:0:0:0:0:1",
    "::ffff:a00:1",
    "0.0.0.0",
    " 10.0.0.1",
    "fe80::1%4",
    "\f10.0.0.1",
]
values: dict[str, st.SearchStrategy[Any]] = {
    "FileName": st.sampled_from(
        ["psexec.exe", "PsExec64.exe", "PAExec.exe", "RemCom.EXE", "net.exe", "System", ""]
    ),
    "OriginalFileName": st.sampled_from(["psexec.c", "psexesvc.exe"]),
    "ParentBaseFileName": st.sampled_from(["PSEXESVC.exe", "explorer.exe", "csexecsvc.exe"]),
    "ContextBaseFileName": st.sampled_from(["System", "svchost.exe", "x.exe"]),
    "ImageFileName": st.sampled_from(
        [r"\x\PSEXESVC.exe", r"C:\PAExec-1-H.exe", r"C:\cmd.exe", r"\winexesvc.exe"]
    ),
    "CommandLine": st.sampled_from(
        [r"net use \\h\c$", r"NET USE \\h\ADMIN$", r"%COMSPEC% /c x", "x 445 y", "a"]
    ),
    "RemotePort": st.sampled_from(["445", 445, "4450", 80, "0445"]),
    "RPort": st.sampled_from(["445", 445]),
    "LocalPort": st.sampled_from(["445", 445, "50000"]),
    "ConnectionDirection": st.sampled_from(["0", "1"]),
    "LogonType": st.sampled_from(["3", 3, "2", "Network"]),
    "SmbShareName": st.sampled_from([r"\\*\ADMIN$", "IPC$", r"\\h\d$"]),
    "ServiceDisplayName": st.sampled_from(["PSEXESVC", "Spooler", "RemComSvc"]),
    "ClientComputerName": st.sampled_from(["WS042", "-"]),
    "TargetProcessId": st.sampled_from([*IDS, 9]),
    "ContextProcessId": st.sampled_from([*IDS, 9]),
    "AuthenticationId": st.sampled_from(IDS),
    "LocalAddressIP4": st.sampled_from(WRITTEN),
    "LocalIP": st.sampled_from(WRITTEN),
    "LocalAddressIP6": st.sampled_from(WRITTEN),
    "RemoteAddressIP4": st.sampled_from(WRITTEN),
    "ComputerName": st.sampled_from(["WS042", "ws042.corp.example"]),
    "alert_type": st.sampled_from(["SMB445Connection", "PsExecExecution"]),
    "UserSid": st.just("S-1-5-18"),
    "MAC": st.just("00-00"),
    "ProductType": st.just("1"),
    "_time": st.just("1772409600.000"),
}  # fmt: skip


@st.composite
def raw(draw: st.DrawFn) -> dict[str, Any]:
    """A record with or without an event name, under any of its keys."""
    key = draw(st.sampled_from(["event_simpleName", "#event_simpleName", "event_simpleName_readable"]))
    code = draw(st.sampled_from([*NAMES, *NAMES, "DnsRequest", None, "", "absent"]))
    fields: dict[str, Any] = (
        {"timestamp": "1772409600000"} if code == "absent" else {key: code, "timestamp": 1772409600000}
    )
    # Few fields: in a record full of needles no single one is missed.
    chosen = draw(st.lists(st.sampled_from(sorted(values)), max_size=5, unique=True))
    fields |= {name: draw(values[name]) for name in chosen}
    fields |= {"aid": AID, "cid": CID} if draw(st.booleans()) else {"aid": AID}
    shape = draw(st.sampled_from(["plain", "plain", "rawstring", "hec", "hec text"]))
    if shape == "rawstring":
        return {"@rawstring": json.dumps(fields), "@timestamp": 1772409600000, "ComputerName": "WS042"}
    if shape == "hec":
        return {"time": 1772409600, "event": fields}
    return {"time": 1772409600, "event": json.dumps(fields)} if shape == "hec text" else fields


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """That record as some program may write it: key order, white space, escapes."""
    fields = draw(raw())
    keys = draw(st.permutations(sorted(fields)))
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\t", " :  ")]))
    text = json.dumps(
        {key: fields[key] for key in keys}, separators=separators, ensure_ascii=draw(st.booleans())
    )
    if draw(st.booleans()):
        text = _escaped(text, draw(st.sets(st.integers(0, len(text) - 1), max_size=6)), draw(st.booleans()))
    return text.encode()


def _escaped(text: str, at: set[int], upper: bool) -> str:
    r"""Letters, digits and signs inside strings as ``\u00XX``."""
    out, inside, skip = [], False, False
    for index, char in enumerate(text):
        if char == '"' and not skip:
            inside = not inside
        plain = inside and not skip and (char.isalnum() or char in "$.-_:#@%") and char.isascii()
        code = f"{ord(char):04X}" if upper else f"{ord(char):04x}"
        out.append("\\u" + code if plain and index in at else char)
        skip = char == "\\" and not skip
    return "".join(out)


spans = st.sampled_from(
    [
        {},
        {("aid", CID, AID): ((0, 2**62),)},
        {("ip", "10.0.0.1"): ((0, 2**62),), ("name", "ws042"): ((0, 2**62),)},
    ]
)
keys = st.sampled_from([(cid, AID, text) for cid in (CID, None) for text in IDS])
wanted = st.one_of(
    st.just(FIRST),
    st.builds(
        Wants,
        processes=st.frozensets(keys),
        logons=st.frozensets(keys),
        logon_hosts=st.frozensets(st.sampled_from([(CID, AID), (None, AID)])),
        addresses=st.frozensets(st.sampled_from(ADDRESSES)),
        spans=spans,
    ),
)


@given(lines(), wanted, st.sampled_from(["corrected", "literal"]))
@settings(max_examples=2000)
def test_the_filter_passes_all_that_is_needed(line: bytes, wants: Wants, rules: Any) -> None:
    try:
        event = falcon.event(json_text.decode(line), Origin("x", 1), Settings())
    except RecordError:
        return
    if event is not None and use(event, wants, rules) is not Use.DROP:
        assert LineTest(wants)(line)


@pytest.mark.parametrize(
    "fields",
    [
        {"event_simpleName": "ProcessRollup2", "ImageFileName": r"\x\psexec.exe"},
        {"event_simpleName": "ProcessRollup2", "OriginalFilename": "PSEXEC.C"},
        {"event_simpleName": "ProcessRollup2", "FileName": "paexec.exe"},
        {"event_simpleName": "ProcessRollup2", "FileName": "remcom.exe"},
        {"event_simpleName": "ProcessRollup2", "FileName": "winexesvc.exe"},
        {"event_simpleName": "ProcessRollup2", "ParentBaseFileName": "CSExecSvc.exe"},
        {"event_simpleName": "ProcessRollup2", "FileName": "net.exe", "CommandLine": r"net use \\h\c$"},
        {"event_simpleName": "ServiceStarted", "CommandLine": "%COMSPEC% /c x"},
        {"event_simpleName": "CreateService"},
        {"event_simpleName": "ProcessExecOnSMBFile"},
        {"event_simpleName": "SmbServerShareOpenedEtw", "SmbShareName": "IPC$"},
        {"event_simpleName": "SmbClientShareOpenedEtw"},
        {"event_simpleName": "UserLogoff"},
        {"event_simpleName": "UserIdentity"},
        {"event_simpleName": "LocalIpAddressRemovedIP4"},
        {"event_simpleName": "AgentOnline"},
        {"event_simpleName": "HostnameChanged"},
        {"event_simpleName": "NetworkConnectIP6", "RPort": 445},
        {"event_simpleName": "NetworkReceiveAcceptIP4", "LocalPort": "445"},
        {"event_simpleName": None, "ComputerName": "x", "ProductType": "1"},
        {"ComputerName": "x", "ProductType": "1"},
        {"alert_type": "SMB445Connection"},
    ],
    ids=str,
)
def test_each_needle_alone(fields: dict[str, Any]) -> None:
    line = json.dumps({"aid": AID, "timestamp": "1772409600000", **fields}).encode()
    event = falcon.event(json_text.decode(line), Origin("x", 1), Settings())
    assert event is not None
    assert use(event, FIRST, "corrected") is not Use.DROP
    assert LineTest(FIRST)(line)


def test_every_event_of_a_needed_kind_has_a_needle() -> None:
    """Kinds whose every record is needed: a new event name of one must bring its needle."""
    always = {"service_install", "smb_execution", "share_server", "share_client", "logon", "logon_failed"}
    always |= {"logoff", "address", "address_removed", "host_info"}
    for name, kind in falcon.KINDS.items():
        if kind in always:
            assert LineTest(FIRST)(b'{"event_simpleName":"' + name.encode() + b'"}'), name


@pytest.mark.parametrize(
    ("plain", "written"),
    [
        (b"psexec", b"p\\u0073exec"),
        (b"445", b"\\u003445"),
        (b"445", b"44\\u0035"),
        (b"psexec", b"\\u0050sexec"),
    ],
)
def test_an_escape_hides_no_needle(plain: bytes, written: bytes) -> None:
    field = b"FileName" if plain == b"psexec" else b"RemotePort"
    name = b"ProcessRollup2" if plain == b"psexec" else b"NetworkConnectIP4"
    line = b'{"event_simpleName":"%s","%s":"%s","aid":"a"}' % (name, field, plain)
    assert LineTest(FIRST)(line)
    assert LineTest(FIRST)(line.replace(plain, written))


@pytest.mark.parametrize(
    "line",
    [
        rb'{"event_simpleName":"DnsRequest","DomainName":"example.com","id":"144512"}',
        rb'{"event_simpleName":"ProcessRollup2","CommandLine":"C:\\users\\u004\\x.exe","TargetProcessId":"9"}',
        rb'{"event_simpleName":"NetworkConnectIP4","RemotePort":"443","LocalAddressIP4":"10.4.45.1","x":"\u003d\u0026"}',
        rb'{"event_simpleName":"ProcessRollup2","CommandLine":"net view","x":"use"}',
    ],
)
def test_the_filter_drops_most(line: bytes) -> None:
    """It would be a superset, too, if it passed everything."""
    assert not LineTest(FIRST)(line)
    assert not LineTest(Wants())(line)


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("field", ["LocalAddressIP4", "LocalAddressIP6", "LocalIP"])
def test_an_address_is_found_however_it_is_written(field: str, written: str) -> None:
    line = json.dumps(
        {"event_simpleName": "DnsRequest", "aid": AID, "timestamp": "1772409600000", field: written}
    )
    event = falcon.event(json.loads(line), Origin("x", 1), Settings())
    assert (event is None) == (written == "0.0.0.0")
    if event is not None and event.host_ip is not None:
        wants = Wants(addresses=frozenset({event.host_ip}))
        assert use(event, wants, "corrected") is Use.FOLD
        assert LineTest(wants)(line.encode())


def test_the_second_filter_looks_for_what_is_wanted_alone() -> None:
    start = b'{"event_simpleName":"ProcessRollup2","TargetProcessId":"123","LocalAddressIP4":"10.0.0.21"}'
    connect = b'{"event_simpleName":"NetworkConnectIP4","RemotePort":"445","LocalAddressIP4":"10.0.0.2"}'
    by_id = LineTest(Wants(processes=frozenset({(CID, AID, "123")})))
    assert (by_id(start), by_id(start.replace(b"123", b"1234")), by_id(connect)) == (True, False, False)
    by_address = LineTest(Wants(addresses=frozenset({"10.0.0.2"})))
    assert (by_address(start), by_address(connect)) == (False, True)
    by_span = LineTest(Wants(spans={("aid", CID, AID): ((0, 1),)}))
    assert (by_span(start), by_span(connect)) == (False, True)


@pytest.mark.parametrize(
    "piece", [b"event_simplename", b"\\u00", b"\\", b"445", b"10.0.0.1", b":", b"a:", b"9", b"null", b'"']
)
def test_the_filter_ends_on_long_lines(piece: bytes) -> None:
    line = b'{"event_simpleName":"x' + piece * (1_000_000 // len(piece)) + b'"}'
    LineTest(FIRST)(line)
    LineTest(Wants(processes=frozenset({(CID, AID, "8")}), addresses=frozenset({"10.9.9.9"})))(line)
