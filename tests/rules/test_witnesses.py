"""What records that are no alerts testify to (DESIGN §5), in Falcon's terms."""

from __future__ import annotations

from typing import Any

import pytest

from lmgraph.rules import witnesses
from lmgraph.rules.witnesses import is_admin_share, session_kind
from lmgraph.schema import Event


def record(kind: Any, **fields: Any) -> Event:
    return Event(kind=kind, time_us=0, **fields)


def said(
    stage: Any,
    side: Any,
    proves: Any,
    kind: str,
    about: str | None = None,
    *,
    opens: bool = False,
    denied: bool = False,
) -> witnesses.Testimony:
    return witnesses.Testimony(stage, side, opens, proves, kind, about, denied)


SERVICE = {"event_code": "ServiceStarted"}
START = {"event_code": "ProcessRollup2"}


@pytest.mark.parametrize(
    ("event", "testimony"),
    [
        (
            record(
                "connection", event_code="NetworkConnectIP4", remote_port=445, process_context_name="System"
            ),
            said("connection", "source", "attempted", "NetworkConnectIP4", "System"),
        ),
        (record("connection", remote_port=139), None),
        (record("connection", host_port=445), None),
        (
            record("accept", event_code="NetworkReceiveAcceptIP4", host_port=445),
            said("connection", "target", "connected", "NetworkReceiveAcceptIP4"),
        ),
        (record("accept", host_port=3389, remote_port=445), None),
        (
            record("logon", event_code="UserLogon", logon_type=3, remote_ip="10.0.0.1"),
            said("connection", "target", "connected", "UserLogon"),
        ),
        (
            record("logon", event_code="UserLogon", logon_type=3),
            said("connection", "target", "connected", "UserLogon"),
        ),
        (record("logon", event_code="UserIdentity", logon_type=3), None),
        (
            record("logon", event_code="UserIdentity", logon_type=3, remote_ip="10.0.0.1"),
            said("connection", "target", "connected", "UserIdentity"),
        ),
        (record("logon", event_code="UserLogon", logon_type=2, remote_ip="10.0.0.1"), None),
        (record("logon", event_code="UserLogon"), None),
        (
            record("logon_failed", event_code="UserLogonFailed2", logon_type=3),
            said("connection", "target", "attempted", "UserLogonFailed2", denied=True),
        ),
        (record("logon_failed", event_code="UserLogonFailed2", logon_type=2), None),
        (record("logoff", event_code="UserLogoff", logon_type=3), None),
        (
            record("share_server", event_code="SmbServerShareOpenedEtw", share_name="admin$"),
            said("share", "target", "accessed", "SmbServerShareOpenedEtw", "admin$", opens=True),
        ),
        (
            record("share_server", event_code="5140", share_name="D$"),
            said("share", "target", "accessed", "5140", "D$", opens=True),
        ),
        (
            record("share_server", event_code="5140", share_name="C$", failed=True),
            said("share", "target", "attempted", "5140", "C$", denied=True),
        ),
        (
            record("share_server", event_code="5140", share_name="IPC$", failed=True),
            said("connection", "target", "attempted", "5140", "IPC$", denied=True),
        ),
        (
            record("share_server", event_code="x", share_name="IPC$"),
            said("connection", "target", "connected", "x", "IPC$"),
        ),
        (
            record("share_server", event_code="x", share_name="SYSVOL"),
            said("connection", "target", "connected", "x", "SYSVOL"),
        ),
        (record("share_server", event_code="x"), said("connection", "target", "connected", "x")),
        (
            record("share_client", event_code="SmbClientShareOpenedEtw", share_name="ADMIN$"),
            said("connection", "source", "connected", "SmbClientShareOpenedEtw", "ADMIN$"),
        ),
        (
            record("service_install", event_code="CreateService", service_name="abcd"),
            said("execution", "target", "executed", "CreateService", "abcd", opens=True),
        ),
        (
            record("smb_execution", event_code="ProcessExecOnSMBFile", process_path=r"\x\a.exe"),
            said("execution", "target", "executed", "ProcessExecOnSMBFile", "a.exe", opens=True),
        ),
        (
            record("service_start", **SERVICE, service_name="PSEXESVC"),
            said("execution", "target", "executed", "ServiceStarted", "PSEXESVC", opens=True),
        ),
        (
            record(
                "service_start", **SERVICE, service_name="blabla", process_path=r"C:\Windows\PSEXESVC.exe"
            ),
            said("execution", "target", "executed", "ServiceStarted", "blabla", opens=True),
        ),
        (
            record("service_start", **SERVICE, service_name="PAExec-4711-WS042"),
            said("execution", "target", "executed", "ServiceStarted", "PAExec-4711-WS042", opens=True),
        ),
        (
            record("service_start", **SERVICE, service_name="x", process_command_line="%COMSPEC% /Q /c echo"),
            said("execution", "target", "executed", "ServiceStarted", "x", opens=True),
        ),
        (
            record(
                "service_start",
                **SERVICE,
                service_name="x",
                service_path=r'"C:\Windows\System32\cmd.exe" /c x',
            ),
            said("execution", "target", "executed", "ServiceStarted", "x", opens=True),
        ),
        (
            record(
                "service_start",
                **SERVICE,
                service_name="Spooler",
                process_path=r"C:\Windows\System32\spoolsv.exe",
            ),
            None,
        ),
        (record("service_start", **SERVICE), None),
        (
            record("process_start", **START, process_path=r"C:\Windows\PSEXESVC.exe"),
            said("execution", "target", "executed", "ProcessRollup2", "PSEXESVC.exe", opens=True),
        ),
        (
            record("process_start", **START, process_name="PAExec-12-WS042.exe"),
            said("execution", "target", "executed", "ProcessRollup2", "PAExec-12-WS042.exe", opens=True),
        ),
        (
            record("process_start", **START, process_name="blabla.exe", process_original_name="psexesvc.exe"),
            said("execution", "target", "executed", "ProcessRollup2", "blabla.exe", opens=True),
        ),
        (
            record("process_start", **START, process_name="cmd.exe", parent_process_name="PSEXESVC.exe"),
            said("execution", "target", "executed", "ProcessRollup2", "cmd.exe", opens=True),
        ),
        (record("process_start", **START, process_name="psexec.exe"), None),
        (record("process_start", **START, process_name="paexec.exe", parent_process_name="cmd.exe"), None),
        (record("process_start", **START, process_name="cmd.exe"), None),
        (record("process_start", **START), None),
        (record("table_alert", alert_type="PsExecExecution", process_name="PSEXESVC.exe"), None),
        (record("other", remote_port=445, host_port=445), None),
    ],
)
def test_testify(event: Event, testimony: witnesses.Testimony | None) -> None:
    assert witnesses.testify(event) == testimony


def test_admin_shares() -> None:
    assert [
        name
        for name in ("ADMIN$", "c$", "Z$", "IPC$", "doc$", "print$", "", None, "ſ$")
        if is_admin_share(name)
    ] == [
        "ADMIN$",
        "c$",
        "Z$",
    ]


def test_session_kinds() -> None:
    kinds = {number: session_kind(number) for number in range(14)}
    assert {number: kind for number, kind in kinds.items() if kind} == {
        2: "interactive",
        4: "batch",
        5: "service",
        7: "interactive",
        9: "new credentials",
        10: "remote interactive",
        11: "cached interactive",
    }
    assert session_kind(None) is None
