"""The canonical event: one row per telemetry record, in ECS terms, whatever the source.

Units: times are int64 microseconds since 1970-01-01 UTC (``*_us``); ports are int; ids of
processes, logons and events are strings, since Falcon's exceed 2**63 (FALCON.md §2).
Missing is ``None``; an empty string is a value.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

Kind = Literal[
    "process_start",  # ProcessRollup2, SyntheticProcessRollup2; Sysmon 1, Security 4688
    "connection",  # outbound: NetworkConnectIP4/6; Sysmon 3 on the source
    "accept",  # inbound: NetworkReceiveAcceptIP4/6; Sysmon 3 on the target
    "service_install",  # CreateService; 7045, 4697
    "service_start",  # ServiceStarted
    "smb_execution",  # ProcessExecOnSMBFile
    "share_server",  # share opened, seen on the target: SmbServerShareOpenedEtw; 5140, 5145
    "share_client",  # share opened, seen on the source: SmbClientShareOpenedEtw
    "logon",  # UserLogon, UserIdentity; 4624
    "logon_failed",  # UserLogonFailed2; 4625
    "logoff",  # UserLogoff; 4634, 4647
    "address",  # the host holds host_ip from now on: LocalIpAddressIP4, managedassets
    "address_removed",  # the host holds host_ip no longer: LocalIpAddressRemovedIP4
    "host_info",  # name, domain, role of a sensor: aidmaster, AgentOnline
    "user_info",  # SID to name: userinfo
    "table_alert",  # a row of the query's own result, already classified
    "other",  # any further record that names its host's address
]

AlertType = Literal["PsExecExecution", "NetUseAdminShare", "SMB445Connection"]
ALERT_TYPES: Final[tuple[AlertType, ...]] = ("PsExecExecution", "NetUseAdminShare", "SMB445Connection")

SMB_PORT: Final = 445
COMMAND_SHOWN: Final = 8192  # characters of a command line in the output (DESIGN §12)

Side = Literal["source", "target", "wire"]
SIDES: Final[tuple[Side, ...]] = ("source", "target", "wire")

Stage = Literal["execution", "share", "connection"]
STAGES: Final[tuple[Stage, ...]] = ("execution", "share", "connection")
STAGE_OF_ALERT: Final[dict[str, Stage]] = {
    "PsExecExecution": "execution",
    "NetUseAdminShare": "share",
    "SMB445Connection": "connection",
}

Outcome = Literal["attempted", "connected", "accessed", "executed"]
OUTCOMES: Final[tuple[Outcome, ...]] = ("attempted", "connected", "accessed", "executed")

Severity = Literal["informational", "low", "medium", "high", "critical"]
SEVERITIES: Final[tuple[Severity, ...]] = ("informational", "low", "medium", "high", "critical")


def at_least(severity: Severity, least: Severity) -> bool:
    """Whether a severity is that or a graver one."""
    return SEVERITIES.index(severity) >= SEVERITIES.index(least)


class Origin(msgspec.Struct, frozen=True, order=True):
    """Where a record lies: ``path`` as in ``inputs``, ``record`` = 1-based line or ordinal."""

    path: str
    record: int


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One telemetry record in canonical form.

    ``time_us`` is the endpoint's clock where the record has one (``time_basis`` "sensor"), else
    the cloud's ("cloud"); ``cloud_us`` is the cloud's clock beside it. Command lines are redacted
    before they get here (``lmgraph.text.redact``), and whole: padding must not hide a target. Windows
    knows none longer than 32,767 characters; one beyond twice that is cut (``command_line_cut``).
    Only the output is cut to ``COMMAND_SHOWN``.
    """

    kind: Kind
    time_us: int
    time_basis: Literal["sensor", "cloud"] = "sensor"
    cloud_us: int | None = None
    source: str = "falcon"  # telemetry source: falcon, table; later windows, zeek
    event_code: str | None = None  # the source's own name of the record: ProcessRollup2
    event_id: str | None = None  # unique per delivery: Falcon's ``id``
    cid: str | None = None
    aid: str | None = None

    # The host that wrote the record.
    host_name: str | None = None  # ComputerName as written, may be an FQDN
    host_domain: str | None = None  # MachineDomain
    host_role: Literal["workstation", "server", "dc"] | None = None
    host_ip: str | None = None  # canonical text; never the external ``aip``
    host_port: int | None = None  # local port

    # The account.
    user_name: str | None = None
    user_domain: str | None = None
    user_sid: str | None = None
    user_privileged: bool | None = None  # UserIsAdmin
    logon_id: str | None = None  # AuthenticationId
    logon_type: int | None = None

    # The process: of a process start itself, of any other record the one behind it.
    process_id: str | None = None  # TargetProcessId of a start, else ContextProcessId
    process_name: str | None = None  # literal FileName
    process_context_name: str | None = None  # ContextBaseFileName
    process_path: str | None = None  # ImageFileName
    process_original_name: str | None = None  # original file name of the version resource
    process_command_line: str | None = None  # redacted
    process_hash_sha256: str | None = None
    parent_process_id: str | None = None
    parent_process_name: str | None = None  # ParentBaseFileName
    redacted: bool = False  # a secret was taken out of a command line
    command_line_cut: bool = False  # the command line was longer than is read

    # The other end.
    remote_ip: str | None = None  # canonical text
    remote_port: int | None = None
    remote_name: str | None = None  # ClientComputerName and the like, as written

    # What it was about.
    share_name: str | None = None  # last part only: ADMIN$
    service_name: str | None = None
    service_path: str | None = None  # redacted
    alert_type: AlertType | None = None  # only of a row that the query classified
    failed: bool = False  # the record testifies to a refusal
