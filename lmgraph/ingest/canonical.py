"""Rows in the canonical schema, as ``lmgraph.read_events`` gives them: brought back to Falcon's names.

So every rule of reading is one for both: redaction, addresses, times, what a name says.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, get_args

from lmgraph.errors import RecordError
from lmgraph.ingest.falcon import KINDS
from lmgraph.schema import Kind

_NAMES: Final[Mapping[str, str]] = {
    "event_id": "id",
    "cid": "cid",
    "aid": "aid",
    "host_name": "ComputerName",
    "host_domain": "MachineDomain",
    "host_ip": "LocalAddressIP4",
    "host_port": "LocalPort",
    "user_name": "UserName",
    "user_domain": "LogonDomain",
    "user_sid": "UserSid",
    "user_privileged": "UserIsAdmin",
    "logon_id": "AuthenticationId",
    "logon_type": "LogonType",
    "process_name": "FileName",
    "process_context_name": "ContextBaseFileName",
    "process_path": "ImageFileName",
    "process_original_name": "OriginalFilename",
    "process_command_line": "CommandLine",
    "process_hash_sha256": "SHA256HashData",
    "parent_process_id": "ParentProcessId",
    "parent_process_name": "ParentBaseFileName",
    "remote_ip": "RemoteAddressIP4",
    "remote_port": "RemotePort",
    "remote_name": "ClientComputerName",
    "share_name": "SmbShareName",
    "service_name": "ServiceDisplayName",
    "service_path": "ServiceImagePath",
    "alert_type": "alert_type",
}
#: The columns that are read; ``time`` where there is no ``time_us``.
COLUMNS: Final = (
    "kind", "time_us", "time", "time_basis", "cloud_us", "event_code", "host_role", "process_id", *_NAMES,
)  # fmt: skip
#: The name of Falcon's for each column that decides whether a row matters.
DECIDING: Final[Mapping[str, str]] = {**_NAMES, "kind": "event_simpleName", "process_id": "TargetProcessId"}
_ROLES: Final = {"workstation": "1", "dc": "2", "server": "3"}
_CODES: Final[Mapping[Any, str]] = {
    kind: name for name, kind in reversed(list(KINDS.items()))
}  # the first name of each kind
_NAMELESS: Final = frozenset({"user_info", "table_alert"})


def known(columns: Collection[str]) -> bool:
    """Whether a table with these columns holds canonical rows."""
    return "kind" in columns and ("time_us" in columns or "time" in columns) and "aid" in columns


def as_falcon(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row as a record of Falcon's.

    Raises:
        RecordError: No known kind.
    """
    kind = row.get("kind")
    if kind not in get_args(Kind):
        raise RecordError("no known kind", field="kind")
    record = {own: row[name] for name, own in _NAMES.items() if row.get(name) is not None}
    time = row.get("time") if row.get("time_us") is None else row["time_us"]
    if row.get("time_basis") == "cloud":
        record["timestamp"] = time
    else:
        record["ContextTimeStamp"] = _seconds(time)
        record["timestamp"] = row.get("cloud_us")
    if kind == "user_info":
        record |= {"aid": None, "_time": time}
        del record["aid"]
    if row.get("host_role") is not None:
        record["ProductType"] = _ROLES.get(row["host_role"])
    if row.get("process_id") is not None:
        record["ContextProcessId"] = row["process_id"]
        record["TargetProcessId"] = row["process_id"]
    if kind not in _NAMELESS:
        code = row.get("event_code")
        own = KINDS.get(code) if isinstance(code, str) else None
        fits = own == kind or (own, kind) == ("connection", "accept") or (own is None and kind == "other")
        record["event_simpleName"] = code if fits and code else _CODES.get(kind, "other")
        record["ConnectionDirection"] = "1" if kind == "accept" else None
    return record


def _seconds(time: Any) -> Any:
    """A count of microseconds as one of seconds, exactly; a written time as it is."""
    text = str(time) if isinstance(time, int) and not isinstance(time, bool) else time
    if not isinstance(text, str) or not text.isdigit():
        return time
    return f"{text[:-6] or 0}.{text[-6:].zfill(6)}"
