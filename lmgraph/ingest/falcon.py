"""CrowdStrike Falcon records, raw (FDR) or enriched (LogScale), to canonical events.

Also the side files of FDR (aidmaster, managedassets, userinfo, notmanaged) and the rows of the
published query's own result, which are already classified.

References:
    FALCON.md §2 (events and fields), §3 (exports), §6 (times and aliases); Falcon Data Replicator
    guide; LogScale API, "Search response format"; LogScale "HEC" ingest format.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from lmgraph.errors import RecordError
from lmgraph.ingest import json_text
from lmgraph.ingest.clock import Clock
from lmgraph.ingest.values import TEXT_LIMIT, address, flag, name, number, port, text
from lmgraph.schema import ALERT_TYPES, AlertType, Event, Kind, Origin
from lmgraph.settings import Settings, parse_zone
from lmgraph.text import REDACTED, redact

Family = Literal["falcon", "logscale", "table"]
Fields = Mapping[str, Any]

KINDS: Final[Mapping[str, Kind]] = {
    "ProcessRollup2": "process_start",
    "SyntheticProcessRollup2": "process_start",
    "NetworkConnectIP4": "connection",
    "NetworkConnectIP6": "connection",
    "NetworkReceiveAcceptIP4": "accept",
    "NetworkReceiveAcceptIP6": "accept",
    "CreateService": "service_install",
    "ServiceStarted": "service_start",
    "ProcessExecOnSMBFile": "smb_execution",
    "SmbServerShareOpenedEtw": "share_server",
    "SmbClientShareOpenedEtw": "share_client",
    "UserLogon": "logon",
    "UserIdentity": "logon",
    "UserLogonFailed": "logon_failed",
    "UserLogonFailed2": "logon_failed",
    "UserLogoff": "logoff",
    "LocalIpAddressIP4": "address",
    "LocalIpAddressIP6": "address",
    "LocalIpAddressRemovedIP4": "address_removed",
    "LocalIpAddressRemovedIP6": "address_removed",
    "AgentOnline": "host_info",
    "HostnameChanged": "host_info",
}
_SIDE_KINDS: Final[Mapping[str, Kind]] = {
    "aidmaster": "host_info",
    "managedassets": "address",
    "userinfo": "user_info",
}

_ALIASES: Final = {
    "RemoteIP": "RemoteAddressIP4",
    "LocalIP": "LocalAddressIP4",
    "RPort": "RemotePort",
    "LPort": "LocalPort",
    "OriginalFileName": "OriginalFilename",
}
_SUFFIXES: Final = ("_decimal", "_readable")  # of the legacy Event Search
_LOGSCALE_KEYS: Final = ("@timestamp", "@rawstring", "@id", "#event_simpleName")
_FALCON_KEYS: Final = ("AgentIdString", "ExternalApiType", "event_platform")  # detections and the like
_SENSOR_TIMES: Final[Mapping[str, tuple[str, ...]]] = {
    "process_start": ("ProcessStartTime", "ContextTimeStamp"),
    "logon": ("ContextTimeStamp", "LogonTime"),  # UserIdentity has the latter alone
}
_PROCESS_IDS: Final[Mapping[str, tuple[str, ...]]] = {
    "process_start": ("TargetProcessId",),
    "service_start": ("TargetProcessId", "ContextProcessId"),
}
_CLOUD_TIMES: Final = ("timestamp", "@timestamp", "_time", "Time", "time")
_LOGON_TYPES: Final = {
    "interactive": 2, "network": 3, "batch": 4, "service": 5, "unlock": 7, "networkcleartext": 8,
    "newcredentials": 9, "remoteinteractive": 10, "cachedinteractive": 11,
}  # fmt: skip
_ROLES: Final[Mapping[str, Literal["workstation", "server", "dc"]]] = {
    "1": "workstation", "2": "dc", "3": "server",
}  # fmt: skip
_COMMAND_LIMIT: Final = 8 * TEXT_LIMIT  # twice the longest that Windows knows; bounds the search for secrets
_ENVELOPES: Final = 3  # a forwarder may wrap what another has wrapped
_SEPARATOR: Final = re.compile(r"[\\/]")
_DASHES: Final = frozenset("-/‐‑‒–—―−－")
_NO_ACCOUNT: Final = frozenset(" :%")
_AND_PASSWORD: Final = re.compile(r"^([^\s:%]+[:%]).+?(?=@[^@]*$|$)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one record said: its family (None: nothing of ours), event if any, and time if any."""

    family: Family | None
    event: Event | None = None
    time_us: int | None = None


def event(record: Mapping[str, Any], origin: Origin, settings: Settings) -> Event | None:
    """The event of one record, or None for a kind that says nothing.

    Raises:
        RecordError: A value that cannot be read, or a needed record without a time.
    """
    try:
        return read(record, Clock(parse_zone(settings.tz))).event
    except RecordError as error:
        raise RecordError(error.message, path=origin.path, record=origin.record, field=error.field) from error


def read(record: Mapping[str, Any], clock: Clock) -> Reading:
    """One record with whatever it is wrapped in.

    Raises:
        RecordError: A value that cannot be read, or a needed record without a time.
    """
    record = unwrapped(record)
    fields = _named(record)
    code = name(fields, "event_simpleName")
    family = family_of(record)
    if code is None and family is not None:
        code = "table" if family == "table" else _side_file(fields)
    kind = _kind(fields, code)
    if kind is None or code is None:
        return Reading(family, None, _any_time(fields, clock))
    if kind == "other":
        sighting = _sighting(fields, code, clock)
        return Reading(family, sighting, sighting.time_us if sighting else None)
    found = _event(fields, kind, code, clock)
    return Reading(family, found, found.time_us)


def unwrapped(record: Mapping[str, Any]) -> Fields:
    """The fields of a record out of HEC envelopes or its ``@rawstring``; outer ones fill gaps."""
    for _ in range(_ENVELOPES):
        content = _object(record.get("event")) if "event_simpleName" not in record else None
        if content is None:
            break
        extra = record.get("fields")
        record = {**record, "event": None, **(extra if isinstance(extra, dict) else {}), **content}
    content = _object(record.get("@rawstring"))
    if content is not None:
        record = {**record, **{key: value for key, value in content.items() if value is not None}}
    return record


def _object(value: Any) -> dict[str, Any] | None:
    """An object, or the text of one; text that is none stays text."""
    if isinstance(value, dict):
        return value
    if not isinstance(value, str) or not value.lstrip().startswith("{"):
        return None
    try:
        return json_text.decode(value.encode())
    except RecordError:
        return None


def _named(record: Fields) -> Fields:
    """The fields under the names of FDR; a field under its own name wins over any alias."""
    aliased = [key for key in record if key[:1] == "#" or key.endswith(_SUFFIXES) or key in _ALIASES]
    if not aliased:
        return record
    fields = dict(record)
    for key in aliased:
        own = own_name(key)
        if fields.get(own) is None:
            fields[own] = record[key]
    return fields


def own_name(key: str) -> str:
    """The name that FDR has for a field."""
    own = key.lstrip("#").removesuffix("_decimal").removesuffix("_readable")
    return _ALIASES.get(own, own)


def family_of(record: Fields) -> Family | None:
    """Which family a record, or the header of a table, belongs to; None: not ours."""
    fields, keys = _named(record), record.keys()
    code = fields.get("event_simpleName")
    if code is None and fields.get("alert_type") is not None:
        return "table"
    if not keys.isdisjoint(_LOGSCALE_KEYS):
        ours = code is not None or "ComputerName" in keys or _side_file(fields) is not None
        return "logscale" if ours else None
    if code is not None or _side_file(fields) is not None or not keys.isdisjoint(_FALCON_KEYS):
        return "falcon"
    return None


def _side_file(fields: Fields) -> str | None:
    """Which of FDR's inventory files the record is from; they carry no event name."""
    keys = fields.keys()
    if "NeighborName" in keys:
        return "notmanaged"  # its ComputerName and addresses are not certain to be one host's: not used
    if "aid" not in keys:
        return (
            "userinfo" if "UserSid" in keys and not keys.isdisjoint(("_time", "LastLoggedOnHost")) else None
        )
    if "LocalAddressIP4" in keys and not keys.isdisjoint(("MAC", "GatewayIP", "InterfaceAlias")):
        return "managedassets"
    if "ComputerName" in keys and not keys.isdisjoint(("AgentVersion", "ProductType", "FirstSeen", "Time")):
        return "aidmaster"
    return None


def _kind(fields: Fields, code: str | None) -> Kind | None:
    if code is None:
        return None
    if code == "table" and "event_simpleName" not in fields:
        return "table_alert"
    if fields.get("event_simpleName") is None:
        return _SIDE_KINDS.get(code)
    kind = KINDS.get(code)
    if kind == "connection" and text(fields, "ConnectionDirection") == "1":
        return "accept"
    return kind or "other"


def _any_time(fields: Fields, clock: Clock) -> int | None:
    """A time of a record that says nothing else; a wrong one is no reason to reject it."""
    try:
        sensor_us = clock.first(fields, ("ContextTimeStamp",), seconds=True)
        return clock.first(fields, _CLOUD_TIMES) if sensor_us is None else sensor_us
    except RecordError:
        return None


def _sighting(fields: Fields, code: str, clock: Clock) -> Event | None:
    """The address that a record of another kind gives for its host, if it gives one."""
    host_ip = address(fields, "LocalAddressIP4", "LocalAddressIP6")
    aid = _id(fields, "aid")
    if host_ip is None or aid is None or _any_time(fields, clock) is None:
        return None
    return Event(
        kind="other", event_code=code, event_id=name(fields, "id"), cid=_id(fields, "cid"), aid=aid,
        host_ip=host_ip, host_name=name(fields, "ComputerName"), **_times(fields, "other", clock),
    )  # fmt: skip


def _times(fields: Fields, kind: Kind, clock: Clock) -> dict[str, Any]:
    """``time_us``, ``time_basis`` and ``cloud_us`` of an event.

    Raises:
        RecordError: No time at all.
    """
    cloud_us = clock.first(fields, _CLOUD_TIMES)
    sensor_us = clock.first(fields, _SENSOR_TIMES.get(kind, ("ContextTimeStamp",)), seconds=True)
    time_us = cloud_us if sensor_us is None else sensor_us
    if time_us is None:
        raise RecordError("no time")
    return {
        "time_us": time_us,
        "time_basis": "cloud" if sensor_us is None else "sensor",
        "cloud_us": cloud_us,
    }


def _event(fields: Fields, kind: Kind, code: str, clock: Clock) -> Event:
    return Event(
        kind=kind,
        source="table" if kind == "table_alert" else "falcon",
        event_code=None if kind == "table_alert" else code,
        event_id=name(fields, "id"),
        alert_type=_alert_type(fields) if kind == "table_alert" else None,
        failed=kind == "logon_failed",
        **_times(fields, kind, clock),
        **_host(fields),
        **_account(fields, kind),
        **_process(fields, kind),
        **_peer(fields),
    )


def _alert_type(fields: Fields) -> AlertType:
    written = text(fields, "alert_type")
    for known in ALERT_TYPES:
        if written == known:
            return known
    raise RecordError("no known alert type", field="alert_type")


def _id(fields: Fields, key: str) -> str | None:
    value = name(fields, key)
    return None if value is None else value.strip().lower()


def _host(fields: Fields) -> dict[str, Any]:
    return {
        "cid": _id(fields, "cid"),
        "aid": _id(fields, "aid"),
        "host_name": name(fields, "ComputerName"),
        "host_domain": name(fields, "MachineDomain"),
        "host_role": _ROLES.get((name(fields, "ProductType") or "").removesuffix(".0")),
        "host_ip": address(fields, "LocalAddressIP4", "LocalAddressIP6"),
        "host_port": port(fields, "LocalPort"),
    }


def _account(fields: Fields, kind: Kind) -> dict[str, Any]:
    user_name = name(fields, "UserName", "UserPrincipal")
    user_domain = name(fields, "LogonDomain")
    if kind == "share_server":
        user_domain = user_domain or name(fields, "DomainName")
    if kind == "user_info":
        domain, separator, account = (name(fields, "User") or "").partition("\\")
        user_name, user_domain = (account, domain) if separator and account else (user_name, user_domain)
    written = name(fields, "LogonType")
    named = (written or "").casefold().replace(" ", "").replace("_", "")
    return {
        "user_name": _account_name(user_name),
        "user_domain": _account_name(user_domain),
        "user_sid": name(fields, "UserSid"),
        "user_privileged": flag(fields, "UserIsAdmin"),
        "logon_id": name(fields, "AuthenticationId"),
        "logon_type": _LOGON_TYPES.get(named, number(fields, "LogonType")),
    }


def _process(fields: Fields, kind: Kind) -> dict[str, Any]:
    command_line, command_redacted, command_cut = _command(fields, "CommandLine")
    service_path, service_redacted, service_cut = _command(fields, "ServiceImagePath")
    return {
        "process_id": name(fields, *_PROCESS_IDS.get(kind, ("ContextProcessId",))),
        "process_name": _clean(text(fields, "FileName")),
        "process_context_name": _clean(text(fields, "ContextBaseFileName")),
        "process_path": _clean(text(fields, "ImageFileName")),
        "process_original_name": _clean(text(fields, "OriginalFilename")),
        "process_command_line": command_line,
        "process_hash_sha256": name(fields, "SHA256HashData"),
        "parent_process_id": name(fields, "ParentProcessId"),
        "parent_process_name": _clean(text(fields, "ParentBaseFileName")),
        "service_name": _clean(name(fields, "ServiceDisplayName", "ServiceName")),
        "service_path": service_path,
        "redacted": command_redacted or service_redacted,
        "command_line_cut": command_cut or service_cut,
    }


def _clean(value: str | None) -> str | None:
    """A name or path without secrets: smbexec and its like put whole command lines in their place."""
    if value is None:
        return None
    like_a_command = " " in value and not _DASHES.isdisjoint(value)
    return redact(value)[0] if like_a_command or ("@" in value and ":" in value) else value


def _account_name(value: str | None) -> str | None:
    """The name of an account or its domain, which holds no ``:`` and no ``%``: a password follows those."""
    if not value or _NO_ACCOUNT.isdisjoint(value):
        return value or None
    cleaned = redact(value)[0]
    return _AND_PASSWORD.sub(rf"\g<1>{REDACTED}", cleaned)


def _command(fields: Fields, key: str) -> tuple[str | None, bool, bool]:
    """A command line without its secrets, whether there were any, and whether it was cut.

    Whole words are kept: a name that the cut would shorten is no host.
    """
    value = fields.get(key)
    if not isinstance(value, str):
        return text(fields, key), False, False
    cut = len(value) > _COMMAND_LIMIT
    if cut:
        value = value[:_COMMAND_LIMIT]
        end = max(value.rfind(mark) for mark in " ,\t")
        value = value[:end] if end > 0 else value
    shown, redacted = redact(value)
    return shown, redacted, cut


def _peer(fields: Fields) -> dict[str, Any]:
    share = name(fields, "SmbShareName")
    return {
        "remote_ip": address(fields, "RemoteAddressIP4", "RemoteAddressIP6"),
        "remote_port": port(fields, "RemotePort"),
        "remote_name": name(fields, "ClientComputerName"),
        "share_name": _SEPARATOR.split(share.rstrip("\\/"))[-1] if share else None,
    }
