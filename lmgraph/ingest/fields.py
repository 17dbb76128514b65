"""Which fields of a Falcon record say what of the event, and how each is read: a table.

Times, the kind, and the ids that a record is told by are read in ``falcon``.

References:
    FALCON.md §2 (events and fields).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, Literal, NamedTuple

from lmgraph.ingest.values import TEXT_LIMIT, address, flag, named, number, port, whole
from lmgraph.schema import Kind
from lmgraph.text import REDACTED, redact

_LOGON_TYPES: Final = {
    "interactive": 2, "network": 3, "batch": 4, "service": 5, "unlock": 7, "networkcleartext": 8,
    "newcredentials": 9, "remoteinteractive": 10, "cachedinteractive": 11,
}  # fmt: skip
_ROLES: Final[Mapping[str, Literal["workstation", "server", "dc"]]] = {
    "1": "workstation", "2": "dc", "3": "server",
}  # fmt: skip
_COMMAND_LIMIT: Final = 8 * TEXT_LIMIT  # twice the longest that Windows knows; bounds the search for secrets
_SEPARATOR: Final = re.compile(r"[\\/]")
_DASHES: Final = frozenset("-/‐‑‒–—―−－")
_NO_ACCOUNT: Final = frozenset(" :%")
_AND_PASSWORD: Final = re.compile(r"^([^\s:%]+[:%]).+?(?=@[^@]*$|$)", re.DOTALL)


def sensor_id(value: str) -> str | None:
    """An id of a sensor or a customer as it is compared."""
    return value.strip().lower() if named(value) is not None else None


def _role(value: str) -> str | None:
    return _ROLES.get(value.removesuffix(".0"))


def _account(value: str) -> str | None:
    return None if named(value) is None else _without_password(value)


def _domain_and_account(value: str) -> tuple[str | None, str] | None:
    r"""Of ``CORP\alice``; None for another form."""
    domain, separator, account = value.partition("\\")
    return (_without_password(domain) or None, _without_password(account)) if separator and account else None


def _without_password(value: str) -> str:
    """The name of an account or its domain, which holds no ``:`` and no ``%``: a password follows those."""
    if _NO_ACCOUNT.isdisjoint(value):
        return value
    return _AND_PASSWORD.sub(rf"\g<1>{REDACTED}", redact(value)[0])


def _logon_type(value: str) -> int | None:
    """The number of a logon type, also by its name: ``RemoteInteractive``, ``New Credentials``."""
    return _LOGON_TYPES.get(value.casefold().replace(" ", "").replace("_", ""), number(value))


def _clean(value: str) -> str:
    """A name or path without secrets: smbexec and its like put whole command lines in their place."""
    like_a_command = " " in value and not _DASHES.isdisjoint(value)
    return redact(value)[0] if like_a_command or ("@" in value and ":" in value) else value


def _clean_name(value: str) -> str | None:
    return None if named(value) is None else _clean(value)


def command(value: str) -> tuple[str, bool, bool]:
    """A command line without its secrets, whether there were any, and whether it was cut.

    Whole words are kept: a name that the cut would shorten is no host.
    """
    cut = len(value) > _COMMAND_LIMIT
    if cut:
        value = value[:_COMMAND_LIMIT]
        end = max(value.rfind(mark) for mark in " ,\t")
        value = value[:end] if end > 0 else value
    shown, redacted = redact(value)
    return shown, redacted, cut


def _share(value: str) -> str | None:
    """The last part of a share's path: ``ADMIN$``."""
    return None if named(value) is None else _SEPARATOR.split(value.rstrip("\\/"))[-1]


class Field(NamedTuple):
    """What of the event is read from which fields of the record: the first that says something.

    Attributes:
        name: Of the event; ``account`` stands for both ``user_domain`` and ``user_name``.
        keys: Of the record, as FDR names them.
        read: From text; None where that says nothing.
        repeats: Whether many records have the same text there, so that reading it may be remembered.
    """

    name: str
    keys: tuple[str, ...]
    read: Callable[[str], Any]
    repeats: bool = False


# In this order: of several wrong fields the first is the one that a reject names.
_FIELDS: Final = (
    Field("cid", ("cid",), sensor_id, repeats=True),
    Field("aid", ("aid",), sensor_id, repeats=True),
    Field("host_name", ("ComputerName",), named, repeats=True),
    Field("host_domain", ("MachineDomain",), named, repeats=True),
    Field("host_role", ("ProductType",), _role, repeats=True),
    Field("host_ip", ("LocalAddressIP4", "LocalAddressIP6"), address, repeats=True),
    Field("host_port", ("LocalPort",), port),
    Field("user_name", ("UserName", "UserPrincipal"), _account, repeats=True),
    Field("user_domain", ("LogonDomain",), _account, repeats=True),
    Field("account", (), _domain_and_account),
    Field("logon_type", ("LogonType",), _logon_type, repeats=True),
    Field("user_sid", ("UserSid",), named, repeats=True),
    Field("user_privileged", ("UserIsAdmin",), flag, repeats=True),
    Field("logon_id", ("AuthenticationId",), named),
    Field("process_command_line", ("CommandLine",), command),
    Field("service_path", ("ServiceImagePath",), command),
    Field("process_id", ("ContextProcessId",), named),
    Field("process_name", ("FileName",), _clean, repeats=True),
    Field("process_context_name", ("ContextBaseFileName",), _clean, repeats=True),
    Field("process_path", ("ImageFileName",), _clean, repeats=True),
    Field("process_original_name", ("OriginalFilename",), _clean, repeats=True),
    Field("process_hash_sha256", ("SHA256HashData",), named, repeats=True),
    Field("parent_process_id", ("ParentProcessId",), named),
    Field("parent_process_name", ("ParentBaseFileName",), _clean, repeats=True),
    Field("service_name", ("ServiceDisplayName", "ServiceName"), _clean_name, repeats=True),
    Field("share_name", ("SmbShareName",), _share, repeats=True),
    Field("remote_ip", ("RemoteAddressIP4", "RemoteAddressIP6"), address, repeats=True),
    Field("remote_port", ("RemotePort",), port, repeats=True),
    Field("remote_name", ("ClientComputerName",), named, repeats=True),
)
# Where a kind has other keys for one.
_KEYS: Final[Mapping[Kind, Mapping[str, tuple[str, ...]]]] = {
    "process_start": {"process_id": ("TargetProcessId",)},
    "service_start": {"process_id": ("TargetProcessId", "ContextProcessId")},
    "share_server": {"user_domain": ("LogonDomain", "DomainName")},
    "user_info": {"account": ("User",)},
}
_BY_NAME: Final = {field.name: field for field in _FIELDS}
_COMMANDS: Final = ("process_command_line", "service_path")


@cache
def fields_of(kind: Kind) -> tuple[Field, ...]:
    """The fields of an event of that kind."""
    keys = _KEYS.get(kind, {})
    return tuple(field._replace(keys=keys.get(field.name, field.keys)) for field in _FIELDS)


def values_of(record: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
    """What a record of that kind says of its event, under the event's names.

    Args:
        record: Its fields under the names of FDR.
        kind: Its kind.

    Raises:
        RecordError: A list or an object, or a truth value where none belongs.
    """
    values: dict[str, Any] = {}
    for field in fields_of(kind):
        found = _first(record, field)
        if found is not None:
            values[field.name] = found
    return settled(values)


def value_of(record: Mapping[str, Any], name: str) -> Any:
    """What a record of any kind says of one field of the event; see ``values_of``."""
    return _first(record, _BY_NAME[name])


def _first(record: Mapping[str, Any], field: Field) -> Any:
    for key in field.keys:
        if field.read is flag and isinstance(record.get(key), bool):
            return record[key]
        value = whole(record, key)
        if value is not None:
            found = field.read(value if field.read is command else value[:TEXT_LIMIT])
            if found is not None:
                return found
    return None


def settled(values: dict[str, Any]) -> dict[str, Any]:
    """The values with what one field says of several fields of the event put there."""
    for name in _COMMANDS:
        if name in values:
            values[name], redacted, cut = values[name]
            values["redacted"] = values.get("redacted", False) or redacted
            values["command_line_cut"] = values.get("command_line_cut", False) or cut
    if "account" in values:
        values["user_domain"], values["user_name"] = values.pop("account")
    return values
