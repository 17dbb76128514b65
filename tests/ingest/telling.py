"""Rows of tables that matter by one cell alone, and near misses; shared by the tests of CSV and Parquet."""

from __future__ import annotations

from typing import Final

from lmgraph.rules.needed import Wants

AID, CID = "a" * 32, "c" * 32
FIRST = Wants.nothing()
BY_ID = Wants(processes=frozenset({(CID, AID, "9"), (CID, AID, "p\"'q")}))
BY_ADDRESS = Wants(addresses=frozenset({"10.0.0.1", "2001:db8::1"}))
BY_SPAN = Wants(spans={("aid", CID, AID): ((0, 2**62),)})
BY_LOGON = Wants(logons=frozenset({(CID, AID, "77")}))
DULL: Final = {
    "timestamp": "1772409600000", "aid": AID, "cid": CID, "event_simpleName": "DnsRequest", "FileName": "",
    "CommandLine": "", "OriginalFilename": "", "ParentBaseFileName": "", "RemotePort": "", "LocalPort": "",
    "TargetProcessId": "", "LocalAddressIP4": "", "LocalAddressIP6": "",
}  # fmt: skip
START, CONNECT, ACCEPT = "ProcessRollup2", "NetworkConnectIP4", "NetworkReceiveAcceptIP4"

#: What the pass wants, and the row; its event name comes first.
TELLING: Final = [
    (FIRST, {"event_simpleName": "CreateService"}),
    (FIRST, {"event_simpleName": "UserLogoff"}),
    (FIRST, {"event_simpleName": ""}),
    (FIRST, {"event_simpleName": "-"}),
    (FIRST, {"event_simpleName": " "}),
    (FIRST, {"event_simpleName": " \u3000-"}),
    (FIRST, {"event_simpleName": START, "FileName": "PsExec.exe"}),
    (FIRST, {"event_simpleName": START, "OriginalFilename": "PSEXEC.C"}),
    (FIRST, {"event_simpleName": START, "ParentBaseFileName": "RemComSvc.exe"}),
    (FIRST, {"event_simpleName": START, "FileName": "paexec-1-H.exe"}),
    (FIRST, {"event_simpleName": START, "FileName": "WinExeSvc.exe"}),
    (FIRST, {"event_simpleName": START, "FileName": "csexecsvc.exe"}),
    (FIRST, {"event_simpleName": START, "CommandLine": 'NET "x" USE \\\\h\\c$'}),
    (FIRST, {"event_simpleName": START, "FileName": "net.exe", "CommandLine": "use \\\\h\\c$"}),
    (FIRST, {"event_simpleName": START, "FileName": "net1.exe", "CommandLine": " " * 9000 + "use \\\\h\\c$"}),
    (FIRST, {"event_simpleName": CONNECT, "RemotePort": "445"}),
    (FIRST, {"event_simpleName": ACCEPT, "LocalPort": "445"}),
    (FIRST, {"event_simpleName": CONNECT, "FileName": "psexec64.exe", "RemotePort": "80"}),
    (BY_ID, {"event_simpleName": START, "TargetProcessId": "9"}),
    (BY_ID, {"event_simpleName": START, "TargetProcessId": "p\"'q"}),
    (BY_ADDRESS, {"event_simpleName": "DnsRequest", "LocalAddressIP4": "10.0.0.1"}),
    (BY_ADDRESS, {"event_simpleName": "DnsRequest", "LocalAddressIP4": " 10.0.0.1"}),
    (BY_ADDRESS, {"event_simpleName": "DnsRequest", "LocalAddressIP6": "2001:DB8:0::1"}),
    (BY_ADDRESS, {"event_simpleName": START, "LocalAddressIP4": "10.0.0.1"}),
    (BY_SPAN, {"event_simpleName": CONNECT, "RemotePort": "445"}),
    (BY_SPAN, {"event_simpleName": "SmbServerShareOpenedEtw"}),
    (BY_SPAN, {"event_simpleName": "UserLogon"}),
    (BY_LOGON, {"event_simpleName": "UserIdentity"}),
]
SILENT: Final = [
    (FIRST, {"event_simpleName": "DnsRequest", "CommandLine": "psexec", "RemotePort": "445"}),
    (FIRST, {"event_simpleName": START, "CommandLine": "net view $", "RemotePort": "445"}),
    (FIRST, {"event_simpleName": CONNECT, "RemotePort": "4450", "LocalPort": "80"}),
    (BY_ID, {"event_simpleName": START, "TargetProcessId": "99", "FileName": "psexec.exe"}),
    (BY_ID, {"event_simpleName": "CreateService", "TargetProcessId": "9"}),
    (BY_ADDRESS, {"event_simpleName": "DnsRequest", "LocalAddressIP4": "10.0.0.11"}),
    (BY_SPAN, {"event_simpleName": "CreateService"}),
    (BY_SPAN, {"event_simpleName": CONNECT, "RemotePort": "443"}),
    (BY_LOGON, {"event_simpleName": "SmbServerShareOpenedEtw"}),
]


def between(row: dict[str, str]) -> list[dict[str, str]]:
    """A table in which the row is the third of five, and the others say nothing."""
    return [DULL, DULL, {**DULL, **row}, DULL, DULL]
