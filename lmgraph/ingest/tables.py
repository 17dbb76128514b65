"""Which rows of a table of Falcon's can matter: told by the event name and a few other cells.

The law of reading (DESIGN §3) for tables: ``Layout.matters`` is the one predicate; whatever passes
rows over unread (a kernel over bytes, a filter in the Parquet library) passes a superset of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

import numpy as np

from lmgraph.ingest import canonical, falcon
from lmgraph.kernels import rows as kernel
from lmgraph.kernels.rows import ADDRESS, ALWAYS, ID, NAME, PORT, TEXT
from lmgraph.names import canonical_ip
from lmgraph.rules.needed import Wants
from lmgraph.schema import SMB_PORT, Kind

#: Columns of which any one tells that a table is Falcon's or LogScale's.
KNOWN: Final = frozenset({
    "alert_type", "event_simpleName", "#event_simpleName", "@timestamp", "@rawstring", "aid", "UserSid",
    "UserSid_readable", "NeighborName",
})  # fmt: skip
# One of the former in a text, or all of the latter in the texts of a row, may make a process start or
# a connection one that is needed: programs that execute remotely, and ``net use \\host\c$``.
NEEDLES: Final = (b"psexe", b"paexec", b"remcom", b"winexesvc", b"csexecsvc")
TOGETHER: Final = (b"net", b"use", b"$")
_SMB: Final = str(SMB_PORT)
_ROLES: Final[Mapping[str, int]] = {
    "event_simpleName": NAME,
    **dict.fromkeys(
        (
            "FileName", "ImageFileName", "OriginalFilename", "CommandLine", "ContextBaseFileName",
            "ParentBaseFileName", "ServiceDisplayName", "ServiceName", "ServiceImagePath",
        ),
        TEXT,
    ),
    "RemotePort": PORT,
    "LocalPort": PORT,
    "TargetProcessId": ID,
    "LocalAddressIP4": ADDRESS,
    "LocalAddressIP6": ADDRESS,
}  # fmt: skip
#: What is read of a record, under the names of FDR.
READ: Final = frozenset({
    *_ROLES, "id", "aid", "cid", "timestamp", "@timestamp", "_time", "Time", "time", "ContextTimeStamp",
    "ProcessStartTime", "LogonTime", "ComputerName", "MachineDomain", "ProductType", "UserName",
    "UserPrincipal", "LogonDomain", "DomainName", "User", "UserSid", "UserIsAdmin", "AuthenticationId",
    "LogonType", "ContextProcessId", "SHA256HashData", "ParentProcessId", "RemoteAddressIP4",
    "RemoteAddressIP6", "ClientComputerName", "SmbShareName", "ConnectionDirection", "alert_type",
    # these only tell what the record is
    "@rawstring", "@id", "event", "fields", "AgentIdString", "ExternalApiType", "event_platform",
    "NeighborName", "LastLoggedOnHost", "MAC", "GatewayIP", "InterfaceAlias", "AgentVersion", "FirstSeen",
})  # fmt: skip
_FIRST: Final[Mapping[Kind, int]] = {"process_start": TEXT, "connection": TEXT | PORT, "accept": TEXT | PORT}
_LOGONS: Final = frozenset({"logon", "logon_failed", "logoff"})
_SHARES: Final = frozenset({"share_server", "share_client"})
_CONNECTIONS: Final = frozenset({"connection", "accept"})


@dataclass(frozen=True)
class Screen:
    """What a pass asks of rows.

    Attributes:
        asks: By event name, the roles of the cells that decide, or ALWAYS; 0: it never matters.
        other: What any other name asks.
        ids: Ids of processes that are sought.
        addresses: Addresses that are sought, canonical.
    """

    asks: Mapping[str, int]
    other: int
    ids: frozenset[str]
    addresses: frozenset[str]

    @classmethod
    def of(cls, wants: Wants, *, by_kind: bool = False) -> Screen:
        """The screen of the pass that ``wants`` describes; ``by_kind``: names are those of kinds."""
        names = {kind: kind for kind in get_args(Kind) if kind != "other"} if by_kind else falcon.KINDS
        return cls(
            {name: _asks(kind, wants) for name, kind in names.items()},
            ADDRESS if wants.addresses else 0,
            frozenset(key[2] for key in wants.processes),
            wants.addresses,
        )


def _asks(kind: Kind, wants: Wants) -> int:
    if wants.first_pass:
        return _FIRST.get(kind, ALWAYS)
    asked = ADDRESS if wants.addresses else 0
    if kind == "process_start" and wants.processes:
        asked |= ID
    if kind in _CONNECTIONS and wants.spans:
        asked |= PORT
    logons = bool(wants.logons or wants.logon_hosts or wants.spans)
    if (kind in _LOGONS and logons) or (kind in _SHARES and wants.spans):
        asked |= ALWAYS
    return asked


class Layout:
    """The columns of one table, and the test of its rows.

    Attributes:
        roles: By number of the column, the role of its cells, where they have one.
        canonical: Whether the rows are in the canonical schema.
        wrapped: Whether whole records may be in a cell; ``matters`` says nothing of such a table.
        whole: Whether every row matters: no event name in any, or the query's own result.
    """

    def __init__(self, columns: Iterable[str], wants: Wants) -> None:
        self.columns = tuple(columns)
        self.canonical = canonical.known(self.columns)
        self.screen = Screen.of(wants, by_kind=self.canonical)
        self.wrapped = not self.canonical and not {"@rawstring", "event"}.isdisjoint(self.columns)
        own = [
            canonical.DECIDING.get(column, "") if self.canonical else falcon.own_name(column)
            for column in self.columns
        ]
        self.roles = {number: _ROLES[name] for number, name in enumerate(own) if name in _ROLES}
        # A column under its own name wins over any alias.
        named = sorted(self.with_role(NAME), key=lambda column: column != "event_simpleName")
        self.names = tuple(dict.fromkeys(named))
        result = "alert_type" in self.columns and not self.canonical
        self.whole = not self.wrapped and (not self.names or result)

    def record(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """The row as a record of Falcon's.

        Raises:
            RecordError: It is none in the canonical schema.
        """
        return canonical.as_falcon(row) if self.canonical else row

    def with_role(self, role: int) -> list[str]:
        """The columns of that role."""
        return [self.columns[number] for number, of in self.roles.items() if of == role]

    def matters(self, record: Mapping[str, Any]) -> bool:
        """Whether a row may be needed; one without an event name may. Missing cells are None or absent."""
        if self.whole:
            return True
        written = (record.get(column) for column in self.names)
        code = next((str(value) for value in written if value is not None), "")
        if code.strip() in ("", "-"):
            return True
        asked = self.screen.asks.get(code, self.screen.other)
        if asked & ALWAYS:
            return True
        cells = [
            (role, record.get(self.columns[number])) for number, role in self.roles.items() if asked & role
        ]
        texts = "\n".join(str(value) for role, value in cells if role == TEXT and value is not None)
        return _telling(texts) or any(
            self._answers(str(value), role) for role, value in cells if role != TEXT and value is not None
        )

    def _answers(self, text: str, role: int) -> bool:
        if role == PORT:
            return text == _SMB
        return text in self.screen.ids if role == ID else canonical_ip(text[:64]) in self.screen.addresses


def _telling(texts: str) -> bool:
    lowered = texts.encode(errors="replace").lower()  # of bytes: ASCII letters alone, as the others do
    return any(needle in lowered for needle in NEEDLES) or all(needle in lowered for needle in TOGETHER)


def packed(layout: Layout) -> kernel.Screen:
    """The screen and the layout of a table in delimited text as the kernel takes them."""
    screen = layout.screen
    asks = sorted((_hash(name), asked) for name, asked in screen.asks.items())
    slots = np.full(len(layout.columns), -1, np.int64)
    # A column of several for the event name is asked where it is the only one that may say it.
    asked = [number for number, role in layout.roles.items() if role != NAME]
    asked.append(layout.columns.index(layout.names[0]))
    slots[asked] = np.arange(len(asked))
    needles = (*NEEDLES, *TOGETHER)
    first = np.zeros(256, np.uint8)
    first[[byte for needle in needles for byte in (needle[0], needle.upper()[0])]] = 1
    return kernel.Screen(
        slots=slots,
        roles=np.array([layout.roles[number] for number in asked], np.int64),
        names=np.array([value for value, _ in asks], np.int64),
        asks=np.array([value for _, value in asks], np.int64),
        other=screen.other,
        ids=_hashes(text.replace('"', '""') for text in screen.ids),
        addresses=_hashes(screen.addresses),
        needles=np.frombuffer(b"".join(needles), np.uint8),
        bounds=np.cumsum([0, *map(len, needles)]),
        first=first,
        together=((1 << len(TOGETHER)) - 1) << len(NEEDLES),
    )


def _hash(text: str) -> int:
    data = np.frombuffer(text.encode(errors="surrogatepass"), np.uint8)
    return kernel.hashed(data, 0, data.size)


def _hashes(texts: Iterable[str]) -> kernel.I64:
    return np.array(sorted({_hash(text) for text in texts}), np.int64)
