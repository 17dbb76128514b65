r"""What Falcon records look like: one template per kind and variant, the holes as wide as their values.

A hole is written ``<name>``; ``stream.py`` fills it. ``~0024`` becomes the escape ``\u0024``. Kinds and
fields follow FALCON.md §2; nothing here comes from ``lmgraph``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

Order = Literal["fdr", "sorted"]
Side = Literal["source", "target"]
Fields = Mapping[str, str]
Kinds = Sequence[tuple[str, int, float, Sequence[Fields]]]  # code, version, share of all records, variants

CID: Final = "322f453792575a58d056033c64d8ac7d"
NAME_KEY: Final[Mapping[Order, str]] = {"fdr": "event_simpleName", "sorted": "#event_simpleName"}
_HOLE: Final = re.compile(rb"<([a-z0-9]+)>")
DEVICE: Final = "\\Device\\HarddiskVolume3"
WINDOWS: Final = f"{DEVICE}\\Windows\\System32"
HOME: Final = f"{DEVICE}\\users\\<user>"
ACCOUNT: Final = {"UserName": "<user>", "UserSid": "S-1-5-21-1004336348-1177238915-682003330-<rid>"}
_BUILD: Final = {
    "ConfigBuild": "1007.3.0020104.1",
    "ConfigStateHash": "<n10c>",
    "EffectiveTransmissionClass": "3",
    "Entitlements": "15",
}


@dataclass(frozen=True, slots=True)
class Template:
    """One line, newline included: the text between the holes, and the holes' names."""

    texts: tuple[bytes, ...]
    holes: tuple[str, ...]


def template(code: str, version: int, fields: Fields, order: Order) -> Template:
    """The line of a record of the event ``code``."""
    whole: dict[str, str] = {
        NAME_KEY[order]: code,
        "name": f"{code}V{version}",
        "aid": "<aid>",
        "cid": CID,
        "id": "<uuid>",
        "aip": "203.0.113.7",
        "event_platform": "Win",
        "timestamp": "<ms>",
        **_BUILD,
        **fields,
    }
    if order == "sorted":
        whole = dict(sorted({**whole, "@timestamp": "<ms>"}.items()))
    text = json.dumps(whole, separators=(",", ":")).replace("~", "\\u").encode() + b"\n"
    if order == "sorted":
        text = text.replace(b'"@timestamp":"<ms>"', b'"@timestamp":<ms>')  # the one number in an export
    parts = _HOLE.split(text)
    return Template(tuple(parts[::2]), tuple(hole.decode() for hole in parts[1::2]))


def process(path: str, command: str, parent: str = "explorer.exe", **more: str) -> dict[str, str]:
    """Fields of a process start; ``path`` is its whole path."""
    return {
        "ComputerName": "<host>",
        "TargetProcessId": "<pid>",
        "ParentProcessId": "<n13p>",
        "SourceProcessId": "<n13p>",
        "SourceThreadId": "<n13t>",
        "RawProcessId": "<n5>",
        "ImageFileName": path,
        "CommandLine": command,
        "ParentBaseFileName": parent,
        "UserSid": ACCOUNT["UserSid"],
        "AuthenticationId": "<luid>",
        "ParentAuthenticationId": "<luid>",
        "SessionId": "1",
        "IntegrityLevel": "8192",
        "TokenType": "1",
        "ProcessStartTime": "<sec>",
        "ProcessEndTime": "",
        "ProcessCreateFlags": "67634688",
        "ImageSubsystem": "2",
        "ProcessSxsFlags": "64",
        "WindowFlags": "128",
        "Tags": "25, 27, 40, 151, 874, 924, 12094627905582, 12094627906234, 211106232533012, 263882790666253",
        "SignInfoFlags": "8683538",
        "MD5HashData": "<x32>",
        "SHA1HashData": "0000000000000000000000000000000000000000",
        "SHA256HashData": "<hash>",
        "AuthenticodeHashData": "<hash>",
        **more,
    }


def connection(port: str, peer: str = "<peer>", **more: str) -> dict[str, str]:
    """Fields of an outbound connection."""
    return {
        "ComputerName": "<host>",
        "ContextTimeStamp": "<sec>",
        "LocalAddressIP4": "<ip>",
        "LocalPort": "<port>",
        "RemoteAddressIP4": peer,
        "RemotePort": port,
        "RemoteAddressString": peer,
        "Protocol": "6",
        "ConnectionFlags": "0",
        "InContext": "0",
        "ContextProcessId": "<pid>",
        "ContextThreadId": "<n13t>",
        "TreeId": "<n10t>",
        "ConnectionDirection": "0",
        **more,
    }


def logon(kind: str, **more: str) -> dict[str, str]:
    """Fields of a logon of a type."""
    return {
        "ComputerName": "<host>",
        "ContextTimeStamp": "<sec>",
        **ACCOUNT,
        "UserPrincipal": "<user>@corp.example",
        "LogonDomain": "CORP",
        "LogonServer": "BER-DC01",
        "LogonType": kind,
        "LogonTime": "<sec>",
        "AuthenticationId": "<luid>",
        "AuthenticationPackage": "Kerberos",
        "ContextProcessId": "<n13p>",
        "PasswordLastSet": "<n10c>.<n3>",
        "UserIsAdmin": "0",
        **more,
    }


KERNEL_SMB: Final[Fields] = connection("445", ContextBaseFileName="System")
NETWORK_LOGON: Final[Fields] = logon(
    "3", RemoteAddressIP4="<peer>", ClientComputerName="-", RemoteAccount="1"
)


@dataclass(frozen=True, slots=True)
class Line:
    """One record of an episode.

    Attributes:
        code: Event name.
        version: Of the event.
        side: Whose record it is: the episode's source or its target.
        after_ms: When, counted from the episode's beginning.
        portion: In how many of the episodes it is told.
        variants: The fields; one variant is drawn for each record.
        role: What it is to the analysis: an alert, a record that may open a hop as one does, a record of
            context that only tells of a contact, or nothing of these.
    """

    code: str
    version: int
    side: Side
    after_ms: int
    portion: float
    variants: Sequence[Fields]
    role: Literal["alert", "opener", "context", "other"] = "other"


def episodes(*, raw: bool) -> Sequence[tuple[float, Sequence[Line]]]:
    """The kinds of movement, each with its share of all records and its lines.

    Args:
        raw: As FDR writes it: no user on a process start; neither process, user nor host name on an
            alert's connection. Otherwise as LogScale enriches it.
    """
    enriched = {} if raw else {"UserName": "<user>", "LogonDomain": "CORP"}
    kernel = Line("NetworkConnectIP4", 12, "source", 300, 1.0, (KERNEL_SMB,), role="context")
    arrival = Line("UserLogon", 8, "target", 500, 1.0, (NETWORK_LOGON,), role="context")
    by_psexec: tuple[tuple[str, str, dict[str, str]], ...] = (
        ("PsExec.exe", "PsExec.exe \\\\<peerhost> -accepteula -s cmd.exe /c <word>.cmd", {}),
        ("psexec64.exe", "psexec64.exe \\\\<peerhost> -u CORP\\<user> -p Winter<n4> cmd.exe", {}),
        ("paexec.exe", "paexec.exe \\\\<peer> -s -d C:\\Windows\\Temp\\<word>.exe", {}),
        ("<word>.exe", "<word>.exe \\\\<peerhost> -s powershell.exe", {"OriginalFilename": "psexec.c"}),
    )
    psexec = tuple(
        process(f"{DEVICE}\\Tools\\{image}", command, "cmd.exe", **enriched, **more)
        for image, command, more in by_psexec
    )
    net_use = tuple(
        process(f"{WINDOWS}\\net.exe", command, "cmd.exe", **enriched)
        for command in (
            "net use \\\\<peerhost>\\C$",
            "net.exe use * \\\\<peer>\\ADMIN$ /user:CORP\\<user>",
            '"C:\\Windows\\system32\\net.exe" use Z: \\\\<peerhost>.corp.example\\c$ /persistent:no',
            "net use \\\\<peerhost>\\C~0024",
        )
    )
    agents = ("nwprobe.exe", "BackupAgent.exe", "python.exe")
    starts = tuple(
        process(
            f"{DEVICE}\\ProgramData\\<word>\\{agent}",
            f"{agent} --once <peerhost>",
            "services.exe",
            **enriched,
        )
        for agent in agents
    )
    named = connection("445", **enriched, ContextBaseFileName="nwprobe.exe")
    unnamed = {key: value for key, value in connection("445").items() if key != "ComputerName"}
    service = {
        "ContextTimeStamp": "<sec>", "ComputerName": "<host>", "ServiceDisplayName": "PSEXESVC",
        "ServiceImagePath": "%SystemRoot%\\PSEXESVC.exe", "ServiceStart": "3", "ServiceType": "16",
        "RemoteAddressIP4": "<peer>", "ClientComputerName": "<peerhost>", "RpcClientProcessId": "<n13p>",
    }  # fmt: skip
    started = {
        "ContextTimeStamp": "<sec>", "ComputerName": "<host>", "ServiceDisplayName": "PSEXESVC",
        "ImageFileName": f"{DEVICE}\\Windows\\PSEXESVC.exe", "CommandLine": "C:\\Windows\\PSEXESVC.exe",
        "TargetProcessId": "<n13p>", "UserName": "<host>$", "RpcClientProcessId": "0", "RpcOpNum": "19",
    }  # fmt: skip
    machine = {} if raw else {"UserName": "<host>$"}
    half = process(f"{DEVICE}\\Windows\\PSEXESVC.exe", "C:\\Windows\\PSEXESVC.exe", "services.exe",
                   **{"UserSid": "S-1-5-18", "AuthenticationId": "999", **machine})  # fmt: skip
    share = {
        "ContextTimeStamp": "<sec>", "ComputerName": "<host>", "UserName": "<user>", "DomainName": "CORP",
        "SmbShareName": "\\\\*\\C$", "RemoteAddressIP4": "<peer>",
    }  # fmt: skip
    return (
        (0.00040, (
            Line("ProcessRollup2", 19, "source", 0, 1.0, psexec, role="alert"), kernel, arrival,
            Line("CreateService", 3, "target", 800, 0.6, (service,), role="opener"),
            Line("ServiceStarted", 5, "target", 1_000, 0.6, (started,), role="opener"),
            Line("ProcessRollup2", 19, "target", 1_200, 0.6, (half,), role="opener"),
        )),
        (0.00070, (
            Line("ProcessRollup2", 19, "source", 0, 1.0, net_use, role="alert"), kernel, arrival,
            Line("SmbServerShareOpenedEtw", 1, "target", 700, 0.4, (share,), role="opener"),
        )),
        (0.00175, (
            Line("UserLogon", 8, "source", -60_000, 1.0, (logon("2"),)),
            Line("ProcessRollup2", 19, "source", -4_000, 1.0, starts),
            Line("NetworkConnectIP4", 12, "source", 0, 1.0, (unnamed if raw else named,), role="alert"),
        )),
    )  # fmt: skip
