"""CrowdStrike Falcon records, raw (FDR) or enriched (LogScale), to canonical events.

Also the side files of FDR (aidmaster, managedassets, userinfo, notmanaged) and the rows of the
published query's own result, which are already classified.

References:
    FALCON.md §2 (events and fields), §3 (exports), §6 (times and aliases); Falcon Data Replicator
    guide; LogScale API, "Search response format"; LogScale "HEC" ingest format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache, lru_cache
from itertools import chain
from typing import Any, Final, Literal, NamedTuple

import msgspec

from lmgraph.errors import RecordError
from lmgraph.ingest import json_text
from lmgraph.ingest.clock import Clock
from lmgraph.ingest.fields import command, fields_of, settled, value_of, values_of
from lmgraph.ingest.values import name, named, text
from lmgraph.schema import ALERT_TYPES, AlertType, Event, Kind, Origin
from lmgraph.settings import Settings, parse_zone

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

ALIASES: Final = {
    "RemoteIP": "RemoteAddressIP4",
    "LocalIP": "LocalAddressIP4",
    "RPort": "RemotePort",
    "LPort": "LocalPort",
    "OriginalFileName": "OriginalFilename",
}
_SUFFIXES: Final = ("_decimal", "_readable")  # of the legacy Event Search
_LOGSCALE_KEYS: Final = ("@timestamp", "@rawstring", "@id", "#event_simpleName")
_FALCON_KEYS: Final = ("AgentIdString", "ExternalApiType", "event_platform")  # detections and the like
_SENSOR_TIME: Final = ("ContextTimeStamp",)
_SENSOR_TIMES: Final[Mapping[str, tuple[str, ...]]] = {
    "process_start": ("ProcessStartTime", "ContextTimeStamp"),
    "logon": ("ContextTimeStamp", "LogonTime"),  # UserIdentity has the latter alone
}
CLOUD_TIMES: Final = ("timestamp", "@timestamp", "_time", "Time", "time")
_ENVELOPES: Final = 3  # a forwarder may wrap what another has wrapped


class Reading(msgspec.Struct, frozen=True):
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
    return _quickly(record, clock) or _in_full(record, clock)


def _in_full(record: Mapping[str, Any], clock: Clock) -> Reading:
    """What ``read`` gives, for a record of any form."""
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
    aliased = [key for key in record if key[:1] == "#" or key.endswith(_SUFFIXES) or key in ALIASES]
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
    return ALIASES.get(own, own)


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
        sensor_us = clock.first(fields, _SENSOR_TIME, seconds=True)
        return clock.first(fields, CLOUD_TIMES) if sensor_us is None else sensor_us
    except RecordError:
        return None


def _sighting(fields: Fields, code: str, clock: Clock) -> Event | None:
    """The address that a record of another kind gives for its host, if it gives one."""
    host_ip = value_of(fields, "host_ip")
    aid = value_of(fields, "aid")
    if host_ip is None or aid is None or _any_time(fields, clock) is None:
        return None
    event_id, cid, host_name = name(fields, "id"), value_of(fields, "cid"), value_of(fields, "host_name")
    time_us, time_basis, cloud_us = _times(fields, clock, CLOUD_TIMES, _SENSOR_TIME)
    return Event(
        kind="other", time_us=time_us, time_basis=time_basis, cloud_us=cloud_us, event_code=code,
        event_id=event_id, cid=cid, aid=aid, host_ip=host_ip, host_name=host_name,
    )  # fmt: skip


def _times(
    fields: Fields, clock: Clock, cloud: Iterable[str], sensor: Iterable[str]
) -> tuple[int, Literal["sensor", "cloud"], int | None]:
    """``time_us``, ``time_basis`` and ``cloud_us`` of an event, out of the first field of each clock.

    Raises:
        RecordError: No time at all.
    """
    cloud_us = clock.first(fields, cloud)
    sensor_us = clock.first(fields, sensor, seconds=True)
    if sensor_us is not None:
        return sensor_us, "sensor", cloud_us
    if cloud_us is None:
        raise RecordError("no time")
    return cloud_us, "cloud", cloud_us


def _event(fields: Fields, kind: Kind, code: str, clock: Clock) -> Event:
    event_id = name(fields, "id")
    alert_type = _alert_type(fields) if kind == "table_alert" else None
    sensor_times = _SENSOR_TIMES.get(kind, _SENSOR_TIME)
    time_us, time_basis, cloud_us = _times(fields, clock, CLOUD_TIMES, sensor_times)
    return Event(
        kind=kind,
        time_us=time_us,
        time_basis=time_basis,
        cloud_us=cloud_us,
        source="table" if kind == "table_alert" else "falcon",
        event_code=None if kind == "table_alert" else code,
        event_id=event_id,
        alert_type=alert_type,
        failed=kind == "logon_failed",
        **values_of(fields, kind),
    )


def _alert_type(fields: Fields) -> AlertType:
    written = text(fields, "alert_type")
    for known in ALERT_TYPES:
        if written == known:
            return known
    raise RecordError("no known alert type", field="alert_type")


# The quick way takes 0.24 to 0.29 of the full one's time (0.54 where a command line is redacted): what
# there is to do depends on a record's code and keys alone, and few sets of keys make up a file. What
# comes back by the thousand (hosts, accounts, programs) is read once, and one text serves all. The
# limits bound what that holds on to.
_SHORT: Final = 256  # characters of a text
_REMEMBERED: Final = 8192  # texts, per way of reading
_PLANS: Final = 4096
_KEYS_LIMIT: Final = 4096  # characters in the keys of one record
_TIMES: Final = frozenset({*CLOUD_TIMES, *_SENSOR_TIME, *chain.from_iterable(_SENSOR_TIMES.values())})


class _Plan(NamedTuple):
    """How the records of one code and one set of keys are read quickly.

    Attributes:
        code: Name of the event.
        kind: Its kind, if it is no connection that was accepted.
        family: Of the record.
        fields: Name in the event, how it is read, key of the record; of one name, a later one is preferred.
        direction: Key of that of a connection.
        cloud_times: Keys that may hold the cloud's time, the first is preferred.
        sensor_times: Keys that may hold the sensor's.
    """

    code: str
    kind: Kind
    family: Family
    fields: tuple[tuple[str, Callable[[str], Any], str], ...]
    direction: str | None
    cloud_times: tuple[str, ...]
    sensor_times: tuple[str, ...]


def _quickly(record: Fields, clock: Clock) -> Reading | None:
    """What ``_in_full`` gives, for a record of the usual form; None for any other.

    Usual is what is not wrapped, has no field under two names, and short texts in all that are read.

    Raises:
        RecordError: A wrong time, or none: all else can be read.
    """
    code = record.get("event_simpleName" if "event_simpleName" in record else "#event_simpleName")
    plan = _plan(code, frozenset(record)) if type(code) is str and code in KINDS else None
    if plan is None:
        return None
    values: dict[str, Any] = {"event_code": plan.code}
    for field, read_text, key in plan.fields:
        value = record[key]
        if type(value) is not str or (len(value) > _SHORT and read_text is not command):
            return None
        found = read_text(value)
        if found is not None:
            values[field] = found
    kind = plan.kind
    if plan.direction is not None:
        direction = record[plan.direction]
        if type(direction) is not str:
            return None
        kind = "accept" if direction == "1" else kind
    time_us, time_basis, cloud_us = _times(record, clock, plan.cloud_times, plan.sensor_times)
    values.update(kind=kind, time_us=time_us, time_basis=time_basis, cloud_us=cloud_us)
    if kind == "logon_failed":
        values["failed"] = True
    return Reading(plan.family, Event(**settled(values)), time_us)


# Unlike an lru_cache, it can leave out what is too long.
_plans: dict[tuple[str, frozenset[str]], _Plan | None] = {}


def _plan(code: str, keys: frozenset[str]) -> _Plan | None:
    """The plan for records of that code and these keys, made but once; None: not to be read quickly."""
    try:
        return _plans[code, keys]
    except KeyError:
        plan = _planned(code, keys)
    if sum(map(len, keys)) <= _KEYS_LIMIT:
        if len(_plans) >= _PLANS:
            _plans.clear()
        _plans[code, keys] = plan
    return plan


def _planned(code: str, keys: frozenset[str]) -> _Plan | None:
    """See ``_plan``."""
    if "@rawstring" in keys or ("event" in keys and "event_simpleName" not in keys):
        return None
    found: dict[str, str] = {}
    for key in keys:
        own = own_name(key)
        if own != key and (own in _TIMES or own in keys or own in found):
            return None
        found[own] = key
    kind = KINDS[code]
    fields = [("event_id", ("id",), named, False), *fields_of(kind)]
    return _Plan(
        code=code,
        kind=kind,
        family="falcon" if keys.isdisjoint(_LOGSCALE_KEYS) else "logscale",
        fields=tuple(
            (field, _remembered(read_text) if repeats else read_text, found[key])
            for field, candidates, read_text, repeats in fields
            for key in reversed(candidates)
            if key in found
        ),
        direction=found.get("ConnectionDirection") if kind == "connection" else None,
        cloud_times=tuple(key for key in CLOUD_TIMES if key in keys),
        sensor_times=tuple(key for key in _SENSOR_TIMES.get(kind, _SENSOR_TIME) if key in keys),
    )


@cache
def _remembered(read_text: Callable[[str], Any]) -> Callable[[str], Any]:
    return lru_cache(_REMEMBERED)(read_text)
