"""Falcon records to events: fields, kinds, times, wrappers, wrong types."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmgraph.errors import RecordError
from lmgraph.ingest import falcon
from lmgraph.ingest.clock import Clock
from lmgraph.schema import Event, Origin
from lmgraph.settings import Settings

BASE = {
    "aid": " A1 ",
    "cid": "C1",
    "id": "e1",
    "timestamp": "1700000000500",
    "ContextTimeStamp": "1700000000.250",
}
SENSOR_US, CLOUD_US = 1700000000250000, 1700000000500000


def event(**fields: Any) -> Event | None:
    record = {
        key.replace("__", "@", 1) if key.startswith("__") else key: value for key, value in fields.items()
    }
    return falcon.event(record, Origin("f", 7), Settings())


def of(code: str, **fields: Any) -> Event:
    found = event(event_simpleName=code, **{**BASE, **fields})
    assert found is not None
    return found


def told(found: Event) -> dict[str, Any]:
    """What an event says beyond its envelope."""
    envelope = {"kind", "time_us", "cloud_us", "event_code", "event_id", "cid", "aid", "source", "time_basis"}
    fields = {name: getattr(found, name) for name in found.__struct_fields__ if name not in envelope}
    return {name: value for name, value in fields.items() if value not in (None, False)}


def test_process_start() -> None:
    found = of(
        "ProcessRollup2",
        ProcessStartTime="1699999999.001",
        TargetProcessId="12168621487067668576",
        ContextProcessId="9",
        ParentProcessId="11",
        ImageFileName="\\Device\\V\\PsExec64.exe",
        OriginalFilename="psexec.c",
        ParentBaseFileName="cmd.exe",
        CommandLine="psexec64 \\\\srv7 -u CORP\\adm -p hunter2 cmd",
        UserSid="S-1-5-21-1",
        AuthenticationId="4660",
        SHA256HashData="ab",
        aip="203.0.113.9",
    )
    assert (found.kind, found.event_code, found.event_id, found.cid, found.aid) == (
        "process_start",
        "ProcessRollup2",
        "e1",
        "c1",
        "a1",
    )
    assert (found.time_us, found.time_basis, found.cloud_us) == (1699999999001000, "sensor", CLOUD_US)
    line = told(found).pop("process_command_line")
    assert "hunter2" not in line
    assert "srv7" in line
    assert {name: value for name, value in told(found).items() if name != "process_command_line"} == {
        "process_id": "12168621487067668576",
        "parent_process_id": "11",
        "process_path": "\\Device\\V\\PsExec64.exe",
        "process_original_name": "psexec.c",
        "parent_process_name": "cmd.exe",
        "user_sid": "S-1-5-21-1",
        "logon_id": "4660",
        "process_hash_sha256": "ab",
        "redacted": True,
    }


def test_connection() -> None:
    found = of(
        "NetworkConnectIP4",
        LocalAddressIP4="10.0.0.5",
        LocalPort="50000",
        RemoteAddressIP4="10.0.0.7",
        RemotePort=445,
        ConnectionDirection="0",
        ContextProcessId="9",
        ContextBaseFileName="",
    )
    assert (found.kind, found.time_us) == ("connection", SENSOR_US)
    assert told(found) == {
        "host_ip": "10.0.0.5",
        "host_port": 50000,
        "remote_ip": "10.0.0.7",
        "remote_port": 445,
        "process_id": "9",
        "process_context_name": "",
    }


def test_mapped_and_unspecified_addresses() -> None:
    found = of(
        "NetworkConnectIP6",
        LocalAddressIP6="::ffff:10.0.0.5",
        RemoteAddressIP6="FE80::7",
        LocalAddressIP4="0.0.0.0",
    )
    assert (found.host_ip, found.remote_ip) == ("10.0.0.5", "fe80::7")


@pytest.mark.parametrize(
    ("code", "fields", "kind"),
    [
        ("NetworkConnectIP4", {"ConnectionDirection": "1"}, "accept"),
        ("NetworkConnectIP4", {"ConnectionDirection": "2"}, "connection"),
        ("NetworkReceiveAcceptIP4", {"ConnectionDirection": "0"}, "accept"),
        ("NetworkReceiveAcceptIP6", {}, "accept"),
        ("SyntheticProcessRollup2", {}, "process_start"),
        ("UserLogoff", {}, "logoff"),
        ("LocalIpAddressRemovedIP4", {}, "address_removed"),
        ("AgentOnline", {}, "host_info"),
    ],
)
def test_kinds(code: str, fields: dict[str, Any], kind: str) -> None:
    assert of(code, **fields).kind == kind


def test_logon() -> None:
    found = of(
        "UserLogon",
        UserName="alice",
        LogonDomain="CORP",
        UserPrincipal="alice@corp.example",
        LogonType="3",
        LogonTime="1600000000.0",
        AuthenticationId="4660",
        UserIsAdmin="1",
        ClientComputerName="-",
        RemoteAddressIP4="10.0.0.5",
    )
    assert (found.kind, found.time_us) == ("logon", SENSOR_US)
    assert told(found) == {
        "user_name": "alice",
        "user_domain": "CORP",
        "logon_type": 3,
        "logon_id": "4660",
        "user_privileged": True,
        "remote_ip": "10.0.0.5",
    }
    identity = of(
        "UserIdentity", ContextTimeStamp=None, LogonTime="1600000000.5", UserPrincipal="alice@corp.example"
    )
    assert (identity.time_us, identity.time_basis, identity.user_name) == (
        1600000000500000,
        "sensor",
        "alice@corp.example",
    )
    failed = of("UserLogonFailed2", LogonType="3", UserName="x")
    assert (failed.kind, failed.failed) == ("logon_failed", True)


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("Interactive", 2),
        ("REMOTE_INTERACTIVE", 10),
        ("New Credentials", 9),
        (3, 3),
        ("03", None),
        ("x", None),
        ("", None),
    ],
)
def test_logon_types(written: Any, number: int | None) -> None:
    assert of("UserLogon", LogonType=written).logon_type == number


def test_services_and_shares() -> None:
    install = of(
        "CreateService",
        ServiceDisplayName="PSEXESVC",
        ServiceImagePath="cmd /c net use \\\\h\\c$ hunter2 /user:x",
        ClientComputerName="WS1",
    )
    assert (install.kind, install.service_name, install.remote_name, install.redacted) == (
        "service_install",
        "PSEXESVC",
        "WS1",
        True,
    )
    assert install.service_path is not None
    assert "hunter2" not in install.service_path
    started = of(
        "ServiceStarted", TargetProcessId="5", ContextProcessId="6", ImageFileName="\\x\\PSEXESVC.exe"
    )
    assert (started.process_id, started.process_path) == ("5", "\\x\\PSEXESVC.exe")
    share = of("SmbServerShareOpenedEtw", SmbShareName="\\\\*\\ADMIN$", DomainName="CORP", UserName="adm")
    assert (share.share_name, share.user_domain) == ("ADMIN$", "CORP")
    assert (
        of("SmbClientShareOpenedEtw", SmbShareName="//srv/C$/", ClientComputerName="SRV").share_name == "C$"
    )
    assert of("NetworkConnectIP4", DomainName="x.example").user_domain is None


@pytest.mark.parametrize(
    ("field", "attribute"),
    [
        ("FileName", "process_name"),
        ("ContextBaseFileName", "process_context_name"),
        ("ImageFileName", "process_path"),
        ("OriginalFilename", "process_original_name"),
        ("ParentBaseFileName", "parent_process_name"),
        ("ServiceDisplayName", "service_name"),
        ("UserName", "user_name"),
        ("LogonDomain", "user_domain"),
    ],
)
def test_command_lines_in_the_place_of_names_lose_their_secrets(field: str, attribute: str) -> None:
    for line in ("psexec \\\\srv7 -u adm -p hunter2 cmd", "psexec.py adm:hunter2@srv7"):
        shown = getattr(of("ProcessRollup2", **{field: line}), attribute)
        assert "hunter2" not in shown
        assert "srv7" in shown
        assert "adm" in shown


@pytest.mark.parametrize("field", ["UserName", "LogonDomain", "UserPrincipal"])
@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("adm:hunter2@srv7", "adm:[redacted]@srv7"),
        ("adm%hunter2", "adm%[redacted]"),
        ("adm:hunter2", "adm:[redacted]"),
        ("adm:a@hunter2@srv7", "adm:[redacted]@srv7"),
        ("NT AUTHORITY", "NT AUTHORITY"),
        ("adm@corp.example", "adm@corp.example"),
        ("WS1$", "WS1$"),
    ],
)
def test_accounts_lose_the_password_behind_them(field: str, written: str, shown: str) -> None:
    found = of("UserLogon", **{field: written})
    assert (found.user_domain if field == "LogonDomain" else found.user_name) == shown


def test_side_files() -> None:
    master = event(
        aid="A",
        cid="C",
        ComputerName="WS1",
        MachineDomain="corp.example",
        ProductType="3.0",
        AgentVersion="6",
        Time="1697992784.144",
    )
    assert master is not None
    assert (master.kind, master.event_code, master.time_us, master.time_basis) == (
        "host_info",
        "aidmaster",
        1697992784144000,
        "cloud",
    )
    assert (master.host_name, master.host_domain, master.host_role) == ("WS1", "corp.example", "server")
    asset = event(aid="A", cid="C", LocalAddressIP4="10.0.0.5", MAC="x", _time="1697992784")
    assert asset is not None
    assert (asset.kind, asset.host_ip, asset.aid) == ("address", "10.0.0.5", "a")
    user = event(
        UserSid_readable="S-1-5-21-1",
        UserName="Alice A.",
        User="CORP\\alice",
        LogonType="Interactive",
        _time="1697992784",
    )
    assert user is not None
    assert (user.kind, user.user_sid, user.user_domain, user.user_name, user.logon_type) == (
        "user_info",
        "S-1-5-21-1",
        "CORP",
        "alice",
        2,
    )
    neighbour = {
        "aid": "A",
        "NeighborName": "x",
        "ComputerName": "y",
        "LocalAddressIP4": "10.0.0.1 10.0.0.2",
        "_time": "1",
    }
    assert event(**neighbour) is None


@pytest.mark.parametrize(
    "role", [("1", "workstation"), ("2", "dc"), ("3.0", "server"), ("none", None), ("", None)]
)
def test_roles(role: tuple[str, str | None]) -> None:
    assert of("AgentOnline", ProductType=role[0]).host_role == role[1]


def test_other_records_tell_an_address_or_nothing() -> None:
    sighting = of("DnsRequest", LocalAddressIP4="10.0.0.5", ComputerName="WS1")
    assert (sighting.kind, sighting.event_code, told(sighting)) == (
        "other",
        "DnsRequest",
        {"host_ip": "10.0.0.5", "host_name": "WS1"},
    )
    assert event(event_simpleName="DnsRequest", **BASE) is None
    assert event(event_simpleName="DnsRequest", **{**BASE, "aid": ""}, LocalAddressIP4="10.0.0.5") is None
    assert event(event_simpleName="DnsRequest", aid="a", LocalAddressIP4="10.0.0.5") is None
    assert (
        event(ExternalApiType="DetectionSummary", FileName="psexec.exe", ComputerName="WS1", timestamp="x")
        is None
    )
    assert event() is None


def test_aliases_and_suffixes() -> None:
    found = event(
        **{"#event_simpleName": "NetworkConnectIP4", "#cid": "C1"},
        aid="a",
        RemoteIP="10.0.0.7",
        RPort="445",
        LocalIP="10.0.0.5",
        LPort="5",
        ContextTimeStamp_decimal="1700000000.250",
        ContextProcessId_decimal="9",
    )
    assert found is not None
    assert (found.remote_ip, found.remote_port, found.host_ip, found.host_port) == (
        "10.0.0.7",
        445,
        "10.0.0.5",
        5,
    )
    assert (found.time_us, found.process_id, found.cid) == (SENSOR_US, "9", "c1")
    own = of("NetworkConnectIP4", RemotePort="445", RPort="80", RemoteAddressIP4=None, RemoteIP="10.0.0.7")
    assert (own.remote_port, own.remote_ip) == (445, "10.0.0.7")


def test_rawstring_leads_and_outer_fields_fill() -> None:
    raw = json.dumps({**BASE, "event_simpleName": "ProcessRollup2", "TargetProcessId": "5", "UserName": None})
    found = event(
        **{"@rawstring": raw, "@timestamp": 1700000000777, "TargetProcessId": "6"},
        ComputerName="WS1",
        UserName="bob",
    )
    assert found is not None
    assert (found.process_id, found.host_name, found.user_name, found.cloud_us) == (
        "5",
        "WS1",
        "bob",
        CLOUD_US,
    )
    torn = event(**{"@rawstring": "{torn", "@timestamp": 1700000000777, "#event_simpleName": "UserLogoff"})
    assert torn is not None
    assert torn.kind == "logoff"


@pytest.mark.parametrize("raw", [True, False])
def test_inventory_rows_of_logscale_keep_their_addresses(raw: bool) -> None:
    row = {
        "aid": "A1",
        "LocalAddressIP4": "10.0.0.5",
        "MAC": "02-00-00-00-00-01",
        "InterfaceAlias": "Ethernet",
    }
    found = event(
        **({"@rawstring": json.dumps(row)} if raw else row), **{"@timestamp": 1700000000777, "@id": "x"}
    )
    assert found is not None
    assert (found.kind, found.aid, found.host_ip, found.time_us) == (
        "address",
        "a1",
        "10.0.0.5",
        1700000000777000,
    )


def test_nested_envelopes() -> None:
    inner = {**BASE, "event_simpleName": "ProcessRollup2", "TargetProcessId": "5"}
    for wrapped in ({"event": {"event": inner}}, {"event": json.dumps({"event": json.dumps(inner)})}):
        found = event(**wrapped, fields={"ComputerName": "WS1"})
        assert found is not None
        assert (found.process_id, found.host_name, found.time_us) == ("5", "WS1", SENSOR_US)


def test_table_rows() -> None:
    row = {
        "@timestamp": "2023-11-14 22:13:20.000",
        "alert_type": "SMB445Connection",
        "FileName": "",
        "RemotePort": "445",
    }
    clock = Clock(dt.timezone(dt.timedelta(hours=1)))
    reading = falcon.read(row, clock)
    assert reading.family == "table"
    assert reading.event is not None
    assert (reading.event.kind, reading.event.source, reading.event.event_code) == (
        "table_alert",
        "table",
        None,
    )
    assert (reading.event.time_us, reading.event.process_name, reading.event.host_name) == (
        1699996400000000,
        "",
        None,
    )
    assert clock.assumed
    with pytest.raises(RecordError, match=r"^no known alert type \[f:7:alert_type\]$"):
        event(**{**row, "alert_type": "Other"})
    full = event(event_simpleName="ProcessRollup2", alert_type="PsExecExecution", **BASE)
    assert full is not None
    assert (full.kind, full.alert_type) == ("process_start", None)


def test_time_falls_back_to_the_cloud_and_is_needed() -> None:
    found = of("ProcessExecOnSMBFile", ContextTimeStamp="")
    assert (found.time_us, found.time_basis, found.cloud_us) == (CLOUD_US, "cloud", CLOUD_US)
    with pytest.raises(RecordError, match=r"^no time \[f:7\]$"):
        of("ProcessRollup2", ContextTimeStamp="", timestamp=None)
    with pytest.raises(RecordError, match=r"^time out of range \[f:7:ContextTimeStamp\]$"):
        of("ProcessRollup2", ContextTimeStamp="1")
    with pytest.raises(RecordError, match=r"^time out of range \[f:7:ProcessStartTime\]$"):
        of("ProcessRollup2", ProcessStartTime="999999999999999999")
    with pytest.raises(RecordError, match=r"^time out of range \[f:7:ContextTimeStamp\]$"):
        of("NetworkConnectIP4", ContextTimeStamp=999999999999999999)


def test_long_command_lines_are_cut_and_said_so() -> None:
    most = 1 << 16
    whole = of("ProcessRollup2", CommandLine="x" * most)
    assert (whole.process_command_line, whole.command_line_cut) == ("x" * most, False)
    for size in (most + 1, 1 << 20):
        found = of("ProcessRollup2", CommandLine="x" * size)
        assert (found.process_command_line, found.command_line_cut) == ("x" * most, True)
    words = of("ProcessRollup2", CommandLine="x,abc " * most)
    assert words.command_line_cut
    assert set((words.process_command_line or "").replace(",", " ").split()) == {"x", "abc"}


@pytest.mark.parametrize("value", [["psexec", "x"], {"a": 1}, True])
@pytest.mark.parametrize(
    "field", ["CommandLine", "FileName", "RemotePort", "ComputerName", "LocalAddressIP4", "aid"]
)
def test_another_type_is_a_reject_that_names_the_field(field: str, value: Any) -> None:
    with pytest.raises(RecordError, match=rf"^text expected \[f:7:{field}\]$"):
        of("ProcessRollup2", **{field: value})


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["-", "445", "::"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=3,
)
FIELDS = [
    "event_simpleName",
    "#event_simpleName",
    "alert_type",
    "@timestamp",
    "@rawstring",
    "event",
    "fields",
    "aid",
    "cid",
    "timestamp",
    "ContextTimeStamp",
    "ProcessStartTime",
    "CommandLine",
    "FileName",
    "RemotePort",
    "RemoteAddressIP4",
    "LocalAddressIP4",
    "LogonType",
    "User",
    "UserSid",
    "_time",
    "ProductType",
    "SmbShareName",
    "ServiceImagePath",
    "UserIsAdmin",
    "RPort_decimal",
    "",
    "#",
    "_decimal",
    "ConnectionDirection",
    "MAC",
    "ComputerName",
]


@given(
    st.dictionaries(st.sampled_from(FIELDS), ANY, max_size=12),
    st.sampled_from([*falcon.KINDS, "DnsRequest", None]),
    st.booleans(),
)
def test_any_values_give_an_event_or_a_reject(record: dict[str, Any], code: str | None, timed: bool) -> None:
    if code is not None:
        record = {**record, "event_simpleName": code}
    if timed:
        record = {**record, **BASE}
    try:
        found = falcon.event(record, Origin("f", 1), Settings())
    except RecordError:
        return
    if found is not None:
        assert isinstance(found.time_us, int)
        texts = [
            getattr(found, name)
            for name in found.__struct_fields__
            if name.endswith(("_name", "_id", "_line"))
        ]
        assert all(text is None or isinstance(text, str) for text in texts)


USUAL = {
    **BASE,
    "ComputerName": "WS1",
    "LocalAddressIP4": "10.0.0.5",
    "UserName": "alice",
    "UserPrincipal": "alice@corp.example",
    "LogonType": "3",
    "UserIsAdmin": "1",
    "CommandLine": "psexec \\\\srv7 -p hunter2",
    "TargetProcessId": "5",
    "ContextProcessId": "6",
    "ImageFileName": "\\Device\\V\\x.exe",
    "RemoteAddressIP4": "10.0.0.7",
    "RemotePort": "445",
    "SmbShareName": "\\\\*\\ADMIN$",
    "ServiceImagePath": "c:\\x.exe",
    "DomainName": "CORP",
    "ConnectionDirection": "0",
    "ConfigBuild": "1",
}
ODD_KEYS = [
    *USUAL, "event", "@rawstring", "@timestamp", "LogonTime", "LogonDomain", "ContextTimeStamp_decimal",
    "timestamp_readable", "RPort", "RPort_decimal", "#cid", "##cid", "RemotePort_decimal", "LocalAddressIP6",
    "#event_simpleName", "event_simpleName_readable", "event_simpleName", "alert_type", "ServiceName", "LIP",
]  # fmt: skip
ODD_VALUES = st.sampled_from([
    None, True, 0, 3, 445, 1.5, "", "-", " ", "1", "0445", "x" * 257, "x" * 9000, "a b " * 3000, [], ["a"],
    "::ffff:10.0.0.9", "010.0.0.1", "0.0.0.0", "1700000000.25", "1700000000250", 1700000000250, "\ud800",
    "2023-11-14 22:13:20", '{"event_simpleName": "UserLogoff", "aid": "b"}', {"aid": "b"}, "UserLogon",
    "adm:hunter2@srv7",
])  # fmt: skip


def outcome(way: Any, record: dict[str, Any]) -> tuple[Any, bool]:
    clock = Clock(dt.UTC)
    try:
        return way(record, clock), clock.assumed
    except RecordError as error:
        return (error.message, error.field), clock.assumed


@given(
    st.sampled_from([*falcon.KINDS, "DnsRequest"]),
    st.sampled_from(["event_simpleName", "#event_simpleName", "event_simpleName_readable"]),
    st.sets(st.sampled_from(sorted(USUAL)), max_size=12),
    st.dictionaries(st.sampled_from(ODD_KEYS), ODD_VALUES, max_size=3),
    st.randoms(use_true_random=False),
)
def test_the_quick_way_gives_what_the_full_one_does(
    code: str, code_key: str, without: set[str], odd: dict[str, Any], random: Any
) -> None:
    record = {key: value for key, value in {code_key: code, **USUAL}.items() if key not in without} | odd
    items = list(record.items())
    random.shuffle(items)
    record = dict(items)
    full = outcome(falcon._in_full, record)
    for _ in range(2):  # from the plan that is made, and from the one that is remembered
        assert outcome(falcon.read, record) == full


@pytest.mark.parametrize("code", falcon.KINDS)
def test_usual_records_are_read_the_quick_way(code: str) -> None:
    for record in (
        {**USUAL, "event_simpleName": code},
        {**USUAL, "#event_simpleName": code, "@timestamp": 1700000000500, "@id": "x"},
    ):
        quick = falcon._quickly(record, Clock(dt.UTC))
        assert quick == falcon._in_full(record, Clock(dt.UTC))
        assert quick is not None
        assert quick.family == ("logscale" if "@id" in record else "falcon")


def test_what_the_quick_way_remembers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(falcon, "_plans", plans := {})
    monkeypatch.setattr(falcon, "_PLANS", 3)
    for number in range(8):
        record = {**USUAL, "event_simpleName": "UserLogon", f"further {number}": "x"}
        assert falcon._quickly(record, Clock(dt.UTC)) is not None
        assert falcon._quickly({**record, "k" * 5000: "x"}, Clock(dt.UTC)) is not None
        assert 1 <= len(plans) <= 3
        assert all(len(key) < 100 for _, keys in plans for key in keys)
    long = {**USUAL, "event_simpleName": "UserLogon", "ComputerName": "x" * 257}
    assert falcon._quickly(long, Clock(dt.UTC)) is None
    assert falcon.read(long, Clock(dt.UTC)).event is not None


@pytest.mark.parametrize(
    "odd",
    [
        {"@rawstring": json.dumps({"event_simpleName": "UserLogoff", "aid": "b", "timestamp": "1700000000"})},
        {"event_simpleName": None, "#event_simpleName": "NetworkConnectIP4", "event": {"RemotePort": "80"}},
        {"RemotePort": None, "RPort": "445"},
        {"ConnectionDirection": None},
        {"ConnectionDirection": 1},
        {"event_simpleName": None, "#event_simpleName": "UserLogoff"},
        {"timestamp": None, "timestamp_decimal": "1700000000"},
    ],
)
def test_unusual_records_are_left_to_the_full_way(odd: dict[str, Any]) -> None:
    record = {**USUAL, "event_simpleName": "NetworkConnectIP4"} | odd
    assert falcon._quickly(record, Clock(dt.UTC)) is None
    assert falcon.read(record, Clock(dt.UTC)) == falcon._in_full(record, Clock(dt.UTC))
    inner = {key: value for key, value in USUAL.items() if key != "aid"}
    envelope = {**inner, "#event_simpleName": "UserLogon", "event": {"aid": "b"}}
    assert falcon.read(envelope, Clock(dt.UTC)) == falcon._in_full(envelope, Clock(dt.UTC))
