"""The corrected rules: what alerts, what is a witness only, and which flags say so."""

from __future__ import annotations

from typing import Any

import pytest

from lmgraph.rules import corrected, verdict
from lmgraph.rules.corrected import Verdict, decide, open_process, process_names
from lmgraph.schema import Event

SYSTEM32 = r"\Device\HarddiskVolume3\Windows\System32"


def start(**fields: Any) -> Event:
    return Event(kind="process_start", time_us=0, event_code="ProcessRollup2", **fields)


def connection(**fields: Any) -> Event:
    return Event(
        kind="connection", time_us=0, event_code="NetworkConnectIP4", **{"remote_port": 445, **fields}
    )


def row(alert_type: Any, **fields: Any) -> Event:
    return Event(kind="table_alert", time_us=0, source="table", alert_type=alert_type, **fields)


@pytest.mark.parametrize("name", ["psexec.exe", "PsExec.exe", "PSEXEC64.EXE", "paexec.exe", "RemCom.exe"])
def test_psexec_by_its_name(name: str) -> None:
    assert decide(start(process_name=name), None, None) == Verdict("PsExecExecution")
    assert decide(start(process_path=rf"C:\tools\{name}"), None, None) == Verdict("PsExecExecution")


@pytest.mark.parametrize(
    "name",
    ["psexec6.exe", "psexecsvc.exe", "PSEXESVC.exe", "psexec", "xpsexec.exe", "psexec.exe.txt", "", None],
)
def test_no_psexec(name: str | None) -> None:
    assert decide(start(process_name=name), None, None) == Verdict(None)


def test_a_renamed_psexec() -> None:
    assert decide(start(process_name="x.exe", process_original_name="psexec.c"), None, None) == Verdict(
        "PsExecExecution", ("renamed",)
    )
    assert decide(start(process_name="PsExec.exe", process_original_name="psexec.c"), None, None).flags == ()


def test_the_service_half_of_paexec_is_no_renamed_paexec() -> None:
    half = start(process_name="PAExec-4711-WS042.exe", process_original_name="PAExec.exe")
    assert decide(half, None, None) == Verdict(None)


def test_a_rundown_is_flagged() -> None:
    event = Event(
        kind="process_start", time_us=0, event_code="SyntheticProcessRollup2", process_name="psexec.exe"
    )
    assert decide(event, None, None) == Verdict("PsExecExecution", ("rundown",))


@pytest.mark.parametrize(
    ("name", "line", "verdict_"),
    [
        ("net.exe", r"net use \\h\c$", Verdict("NetUseAdminShare")),
        (
            "NET1.EXE",
            r"C:\Windows\System32\net1.exe USE Z: //h/Admin$ [redacted] /user:x",
            Verdict("NetUseAdminShare"),
        ),
        ("net.exe", r'net use "\\h\IPC$"', Verdict("NetUseAdminShare")),
        ("net.exe", r"net use \\h\c$\windows\temp", Verdict("NetUseAdminShare")),
        ("net.exe", r"net use \\a\data \\h\c$", Verdict("NetUseAdminShare")),
        ("net.exe", r"net use \\h\c$ /delete", Verdict("NetUseAdminShare", ("disconnect",))),
        ("net.exe", r"net use \\h\DOC$", Verdict(None)),
        ("net.exe", r"net use \\h\data /user:pc$", Verdict(None)),
        ("net.exe", r"net use \\h\d$", Verdict(None)),
        ("net.exe", r"net use", Verdict(None)),
        ("net.exe", r"net view \\h\c$", Verdict(None)),
        ("net.exe", r"net user use$ \\h\c$", Verdict(None)),
        ("net.exe", None, Verdict(None)),
        ("cmd.exe", r"cmd /c net use \\h\c$", Verdict(None)),  # its net.exe is the alert
    ],
)
def test_net_use(name: str, line: str | None, verdict_: Verdict) -> None:
    assert decide(start(process_name=name, process_command_line=line), None, None) == verdict_


@pytest.mark.parametrize(
    ("own", "joined", "verdict_"),
    [
        ({"process_name": "backup.exe"}, (None, None), Verdict("SMB445Connection")),
        ({"process_context_name": "backup.exe"}, (None, None), Verdict("SMB445Connection")),
        (
            {"process_name": "", "process_context_name": "backup.exe"},
            (None, None),
            Verdict("SMB445Connection"),
        ),
        ({"process_path": r"C:\x\backup.exe"}, (None, None), Verdict("SMB445Connection")),
        ({}, ("backup.exe", r"C:\x\backup.exe"), Verdict("SMB445Connection")),
        (
            {"process_name": "a.exe"},
            ("System", None),
            Verdict("SMB445Connection"),
        ),  # the record's own name first
        ({}, (None, None), Verdict(None)),
        ({"process_name": ""}, (None, None), Verdict(None)),
        ({"process_name": "<unknown process>"}, (None, None), Verdict(None)),
        ({"process_name": "System"}, (None, None), Verdict(None)),
        ({"process_name": "SYSTEM"}, (None, None), Verdict(None)),
        ({}, ("System", "System"), Verdict(None)),
        ({}, ("ntoskrnl.exe", rf"{SYSTEM32}\ntoskrnl.exe"), Verdict(None)),
        ({}, ("System", r"C:\Temp\System"), Verdict("SMB445Connection", ("masquerade",))),
        ({"process_name": "svchost.exe"}, (None, None), Verdict(None, ("path_unknown",))),
        ({"process_path": "svchost.exe"}, (None, None), Verdict(None, ("path_unknown",))),
        ({"process_name": "SVCHOST.EXE"}, (None, rf"{SYSTEM32}\svchost.exe"), Verdict(None)),
        ({}, ("svchost.exe", r"C:\Windows\SysWOW64\svchost.exe"), Verdict(None)),
        ({}, ("svchost.exe", r"\??\C:\WINDOWS\system32\svchost.exe"), Verdict(None)),
        ({}, ("svchost.exe", r"%SystemRoot%\System32\svchost.exe"), Verdict(None)),
        (
            {},
            ("svchost.exe", r"C:\Windows\System32\x\svchost.exe"),
            Verdict("SMB445Connection", ("masquerade",)),
        ),
        (
            {},
            ("svchost.exe", r"C:\x\Windows\System32\svchost.exe"),
            Verdict("SMB445Connection", ("masquerade",)),
        ),
        (
            {},
            ("svchost.exe", r"\\h\c$\Windows\System32\svchost.exe"),
            Verdict("SMB445Connection", ("masquerade",)),
        ),
        ({}, ("svchost.exe", r"C:\Users\a\svchost.exe"), Verdict("SMB445Connection", ("masquerade",))),
        ({"process_path": r"C:\svchost.exe"}, (None, None), Verdict("SMB445Connection", ("masquerade",))),
    ],
)
def test_connections(own: dict[str, str], joined: tuple[str | None, str | None], verdict_: Verdict) -> None:
    assert decide(connection(**own), *joined) == verdict_


def test_only_outbound_connections_to_445() -> None:
    for event in (
        connection(process_name="a.exe", remote_port=139),
        connection(process_name="a.exe", remote_port=None),
    ):
        assert decide(event, None, None) == Verdict(None)
    accept = Event(kind="accept", time_us=0, host_port=445, remote_port=445, process_name="a.exe")
    assert decide(accept, None, None) == Verdict(None)


def test_ipv6_counts_too() -> None:
    event = Event(
        kind="connection", time_us=0, event_code="NetworkConnectIP6", remote_port=445, process_name="a.exe"
    )
    assert decide(event, None, None) == Verdict("SMB445Connection")


@pytest.mark.parametrize(
    ("event", "flags"),
    [
        (row("SMB445Connection"), ("process_unknown",)),
        (row("SMB445Connection", process_name=""), ("process_unknown",)),
        (row("SMB445Connection", process_name="System"), ("kernel",)),
        (row("SMB445Connection", process_name="SVCHOST.EXE"), ("path_unknown", "svchost")),
        (row("SMB445Connection", process_name="backup.exe"), ()),
        (row("NetUseAdminShare", process_command_line=r"net use \\h\c$ /d"), ("disconnect",)),
        (
            row("NetUseAdminShare", process_command_line=r"net use \\h\doc$ /del"),
            ("accidental", "disconnect"),
        ),
        (row("NetUseAdminShare", process_command_line=r"net use \\h\doc$"), ("accidental",)),
        (row("NetUseAdminShare", process_command_line=r"net use \\h\ipc$"), ()),
        (row("NetUseAdminShare"), ()),
        (row("PsExecExecution", process_name="psexec64.exe"), ()),
    ],
)
def test_rows_of_the_query_stay_alerts_and_are_flagged(event: Event, flags: tuple[str, ...]) -> None:
    assert decide(event, None, None) == Verdict(event.alert_type, flags)


def test_moves() -> None:
    assert decide(connection(process_name="a.exe"), None, None).moves
    assert not decide(row("SMB445Connection"), None, None).moves
    assert not Verdict(None, ("path_unknown",)).moves
    for flag in ("renamed", "masquerade", "rundown", "path_unknown"):
        assert Verdict("PsExecExecution", (flag,)).moves
    assert {"process_unknown", "disconnect", "accidental", "kernel", "svchost"} == verdict.NO_MOVEMENT


def test_open_process() -> None:
    assert open_process(connection(process_id="1"))
    assert open_process(connection(process_id="1", process_name=""))
    assert open_process(connection(process_id="1", process_context_name="svchost.exe"))  # where does it lie?
    assert not open_process(connection(process_id="1", process_path=rf"{SYSTEM32}\svchost.exe"))
    assert not open_process(connection())  # nothing to join by
    assert not open_process(connection(process_id="1", process_context_name="System"))
    assert not open_process(connection(process_id="1", process_name="a.exe"))
    assert not open_process(connection(process_id="1", remote_port=80))
    assert not open_process(start(process_id="1"))


def test_process_names() -> None:
    assert process_names(start(process_name="a", process_context_name="b", process_path=r"\c")) == "a"
    assert process_names(start(process_name="-", process_context_name="b", process_path=r"\c")) == "b"
    assert (
        process_names(start(process_name=" ", process_context_name="", process_path=r"C:\x/c.exe")) == "c.exe"
    )
    assert process_names(start(process_path="C:\\x\\")) is None
    assert process_names(start()) is None


def test_all_is_quiet_for_other_kinds() -> None:
    for kind in ("accept", "logon", "share_server", "service_install", "other", "host_info"):
        event = Event(kind=kind, time_us=0, process_name="psexec.exe", remote_port=445)  # type: ignore[arg-type]
        assert corrected.decide(event, None, None) == Verdict(None)
