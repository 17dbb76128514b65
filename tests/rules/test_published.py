"""The four published tests (FALCON.md, Atomic Red Team T1021.002) as the rules see each record."""

from __future__ import annotations

from typing import Any

from lmgraph.ingest import falcon
from lmgraph.rules.command_line import Target, parse
from lmgraph.rules.corrected import Verdict, decide
from lmgraph.rules.witnesses import testify as _testify
from lmgraph.schema import Event, Origin
from lmgraph.settings import Settings

IMAGES = r"\Device\HarddiskVolume3\Windows\System32"


def event(name: str, **fields: Any) -> Event:
    record = {
        "event_simpleName": name,
        "aid": "a" * 32,
        "cid": "c" * 32,
        "timestamp": "1772409600000",
        **fields,
    }
    found = falcon.event(record, Origin("x", 1), Settings())
    assert found is not None
    return found


def test_1_map_an_admin_share() -> None:
    line = r"net use g: \\127.0.0.1\C$ S3cret /u:DOMAIN\Administrator"
    start = event("ProcessRollup2", ImageFileName=IMAGES + r"\net.exe", CommandLine=line)
    assert decide(start, None, None) == Verdict("NetUseAdminShare")
    movement = parse("net", start.process_command_line)
    assert movement.targets == (Target("127.0.0.1", "ip", "C$"),)
    assert movement.credential == r"DOMAIN\Administrator"
    assert start.redacted
    assert "S3cret" not in repr(start)

    kernel = event(
        "NetworkConnectIP4", RemoteAddressIP4="127.0.0.1", RemotePort="445", ContextBaseFileName="System"
    )
    assert decide(kernel, None, None).alert is None
    logon = _testify(event("UserLogon", LogonType="3", RemoteAddressIP4="127.0.0.1"))
    share = _testify(event("SmbServerShareOpenedEtw", SmbShareName=r"\\*\C$", RemoteAddressIP4="127.0.0.1"))
    assert logon is not None
    assert (logon.stage, logon.side, logon.proves, logon.opens) == (
        "connection",
        "target",
        "connected",
        False,
    )
    assert share is not None
    assert (share.stage, share.object, share.proves, share.opens) == ("share", "C$", "accessed", True)


def test_2_copy_a_file_to_admin() -> None:
    start = event(
        "ProcessRollup2", ImageFileName=IMAGES + r"\cmd.exe", CommandLine=r"cmd /c copy a \\127.0.0.1\ADMIN$"
    )
    assert decide(start, None, None) == Verdict(None)
    raw = event("NetworkConnectIP4", RemoteAddressIP4="127.0.0.1", RemotePort="445", ContextProcessId="7")
    assert decide(raw, None, None) == Verdict(None)  # nobody can name its process yet
    assert decide(raw, "cmd.exe", IMAGES + r"\cmd.exe") == Verdict("SMB445Connection")
    named = event(
        "NetworkConnectIP4", RemoteAddressIP4="127.0.0.1", RemotePort="445", ContextBaseFileName="cmd.exe"
    )
    assert decide(named, None, None) == Verdict("SMB445Connection")


def test_3_psexec_through_admin() -> None:
    line = r"PsExec.exe \\SRV7 -u CORP\adm -p S3cret -accepteula cmd.exe"
    start = event(
        "ProcessRollup2", ImageFileName=r"\Device\HarddiskVolume3\tools\PsExec.exe", CommandLine=line
    )
    assert decide(start, None, None) == Verdict("PsExecExecution")
    movement = parse("psexec", start.process_command_line)
    assert (movement.targets, movement.credential) == ((Target("srv7", "name"),), r"CORP\adm")
    assert "S3cret" not in repr(start)

    for record in (
        event("CreateService", ServiceDisplayName="PSEXESVC", ServiceImagePath=r"%SystemRoot%\PSEXESVC.exe"),
        event(
            "ServiceStarted", ServiceDisplayName="PSEXESVC", ImageFileName=r"\Device\x\Windows\PSEXESVC.exe"
        ),
        event("ProcessRollup2", ImageFileName=r"\Device\HarddiskVolume3\Windows\PSEXESVC.exe"),
        event(
            "ProcessExecOnSMBFile",
            ImageFileName=r"\Device\x\Windows\PSEXESVC.exe",
            ClientComputerName="WS042",
        ),
    ):
        assert decide(record, None, None).alert is None
        testimony = _testify(record)
        assert testimony is not None
        assert (testimony.stage, testimony.side, testimony.proves, testimony.opens) == (
            "execution",
            "target",
            "executed",
            True,
        )


def test_4_enumeration_is_no_movement() -> None:
    view = event(
        "ProcessRollup2", ImageFileName=IMAGES + r"\net.exe", CommandLine=r"net view \\127.0.0.1 /all"
    )
    assert decide(view, None, None) == Verdict(None)
    pipe = _testify(event("SmbServerShareOpenedEtw", SmbShareName=r"\\*\IPC$", RemoteAddressIP4="127.0.0.1"))
    assert pipe is not None
    assert (pipe.stage, pipe.opens) == ("connection", False)
