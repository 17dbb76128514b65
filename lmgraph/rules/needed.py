"""Which records a run needs: the one exact predicate, and what a record must hold to pass it.

The law of reading (DESIGN §3): what enters a Partial is decided by ``use`` alone. ``need_of`` says, kind
by kind, what the text of a record that passes it holds: readers build their test of raw bytes on it.
"""

from __future__ import annotations

import enum
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from lmgraph.names import split_name
from lmgraph.rules import corrected, literal
from lmgraph.rules.names import NET_NAMES, PSEXEC_ORIGINAL_NAMES, SERVICE_HALVES
from lmgraph.rules.witnesses import NETWORK_LOGON, testify
from lmgraph.schema import SMB_PORT, Event, Kind

RuleSet = Literal["corrected", "literal"]
HostKey = tuple[str, ...]  # ("aid", cid, aid), ("name", short name in lower case), ("ip", text)
SensorKey = tuple[str | None, str | None]
RecordKey = tuple[str | None, str | None, str]
Span = tuple[int, int]


class Use(enum.Enum):
    """What a record is needed for."""

    KEEP = "keep"  # the whole row
    FOLD = "fold"  # only its tally: contact, session, sighting of an address
    DROP = "drop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wants:
    """What a pass over the input looks for; picklable.

    Attributes:
        processes: Process starts, as (cid, aid, process id).
        logons: Logons, as (cid, aid, logon id).
        logon_hosts: Sensors, as (cid, aid), all of whose network logons are wanted.
        addresses: Addresses, canonical text, whose holders are sought.
        spans: Host key to the closed spans of time (µs) in which context is wanted, disjoint, ascending.
        names: Sensor, as (cid or "", aid), to the short names of its host, for spans by name.
        first_pass: Whether candidates are sought; the other fields are empty then.
    """

    processes: frozenset[RecordKey] = frozenset()
    logons: frozenset[RecordKey] = frozenset()
    logon_hosts: frozenset[SensorKey] = frozenset()
    addresses: frozenset[str] = frozenset()
    spans: Mapping[HostKey, tuple[Span, ...]] = field(default_factory=dict)
    names: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    first_pass: bool = False

    @classmethod
    def nothing(cls) -> Wants:
        """The wants of the first pass: none yet."""
        return cls(first_pass=True)


EVER: Final = ((-(2**62), 2**62),)
_ALWAYS_KEPT: Final = frozenset({"host_info", "user_info", "address", "address_removed", "table_alert"})
_SESSION_KINDS: Final = frozenset({"logon", "logon_failed", "logoff"})


def use(event: Event, wants: Wants, rules: RuleSet) -> Use:
    """What the pass that ``wants`` describes needs the record for."""
    first = _first_pass(event, rules)
    if wants.first_pass:
        return first
    if first is not Use.KEEP and _answers(event, wants):
        return Use.KEEP
    if event.kind == "address_removed":  # the host no longer has it
        return Use.DROP
    return Use.FOLD if event.host_ip is not None and event.host_ip in wants.addresses else Use.DROP


def _first_pass(event: Event, rules: RuleSet) -> Use:
    if event.kind in _ALWAYS_KEPT:
        return Use.KEEP
    decide = corrected.decide if rules == "corrected" else literal.decide
    if corrected.open_process(event) or decide(event, None, None).alert is not None:
        return Use.KEEP
    testimony = testify(event)
    if testimony is not None:
        return Use.KEEP if testimony.opens else Use.FOLD
    return Use.FOLD if event.kind in _SESSION_KINDS else Use.DROP


def _answers(event: Event, wants: Wants) -> bool:
    """Whether the whole record answers something wanted."""
    if event.kind == "process_start" and event.process_id is not None:
        return (event.cid, event.aid, event.process_id) in wants.processes
    if (
        event.kind == "logon"
        and event.logon_id is not None
        and (event.cid, event.aid, event.logon_id) in wants.logons
    ):
        return True
    # A row of the query's table knows the cloud's clock alone; its full record may be hours from it.
    spans = spans_of(event, wants)
    return within(spans, event.time_us) or (event.cloud_us is not None and within(spans, event.cloud_us))


def spans_of(event: Event, wants: Wants) -> tuple[Span, ...]:
    """When a record that says this is wanted whole, whatever its ids; disjoint, ascending."""
    if (
        event.kind == "logon"
        and event.logon_type == NETWORK_LOGON
        and (event.cid, event.aid) in wants.logon_hosts
    ):
        return EVER
    testimony = testify(event) if wants.spans else None
    if testimony is None or testimony.opens:
        return ()
    return union(span for key in _host_keys(event, wants) for span in wants.spans.get(key, ()))


def within(spans: tuple[Span, ...], time_us: int) -> bool:
    """Whether a time lies in one of these closed spans, which are disjoint and ascending."""
    place = bisect_right(spans, time_us, key=_begins) - 1
    return place >= 0 and time_us <= spans[place][1]


def union(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same spans, disjoint and ascending."""
    out: list[Span] = []
    for first, last in sorted(spans):
        if out and first <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], last))
        else:
            out.append((first, last))
    return tuple(out)


def _begins(span: Span) -> int:
    return span[0]


def _host_keys(event: Event, wants: Wants) -> Iterator[HostKey]:
    """Keys of the record's host and of its other end, as ``Wants.spans`` has them."""
    if event.aid is not None:
        yield ("aid", event.cid or "", event.aid)
        for known in wants.names.get((event.cid or "", event.aid), ()):
            yield ("name", known)
    for name in (event.host_name, event.remote_name):
        if name:
            yield ("name", split_name(name)[0])
    for address in (event.host_ip, event.remote_ip):
        if address:
            yield ("ip", address)


@dataclass(frozen=True, slots=True)
class Needle:
    """Text that a record holds somewhere, in lower case; the record may write it in either.

    ``beside``: a quote or a slash stands before it (``separator``), or it is the whole value of
    a key that speaks of a port (``port``). ``also`` is a character that the record must hold as well.
    """

    text: bytes
    beside: Literal["", "separator", "port"] = ""
    also: bytes = b""


@dataclass(frozen=True, slots=True)
class Need:
    """What a record of one kind must hold to be needed; nothing in particular if all is empty.

    ``numbers``: one of the ids of ``Wants.processes``. ``repeats``: such records repeat each other
    but for times and ids, and are mostly folded.
    """

    needles: tuple[Needle, ...] = ()
    numbers: bool = False
    repeats: bool = False


def _stems() -> tuple[str, ...]:
    """The names of the programs without their endings, less those that hold another."""
    stems = {name.rpartition(".")[0] for name in PSEXEC_ORIGINAL_NAMES | SERVICE_HALVES}
    return tuple(sorted(stem for stem in stems if not any(other in stem for other in stems - {stem})))


_PROGRAMS: Final = (
    *(Needle(stem.encode()) for stem in _stems()),
    # What net.exe does with an administrative share has a dollar in it.
    *(Needle(name.encode(), "separator", b"$") for name in sorted(NET_NAMES)),
)
_PORT: Final = (Needle(str(SMB_PORT).encode(), "port"),)
_ANY: Final = Need()
_ANY_REPEATING: Final = Need(repeats=True)
_FIRST: Final[Mapping[Kind, Need]] = {
    "process_start": Need(needles=_PROGRAMS),
    # The literal rules take a connection of PsExec for its start, whatever the port.
    "connection": Need(needles=(*_PORT, *_PROGRAMS), repeats=True),
    "accept": Need(needles=(*_PORT, *_PROGRAMS), repeats=True),
    "service_install": _ANY,
    "service_start": _ANY,
    "smb_execution": _ANY,
    "share_server": _ANY_REPEATING,
    "share_client": _ANY_REPEATING,
    "logon": _ANY_REPEATING,
    "logon_failed": _ANY_REPEATING,
    "logoff": _ANY_REPEATING,
    "address": _ANY,
    "address_removed": _ANY,
    "host_info": _ANY,
    "user_info": _ANY,
    "table_alert": _ANY,
}
_CONTEXT: Final = ("connection", "accept", "share_server", "share_client", "logon", "logon_failed")


def need_of(kind: Kind, wants: Wants, *, held: bool = False) -> Need | None:
    """What a record of that kind must hold, so that ``use`` may not drop it; ``None``: it always does.

    Addresses of hosts, which any record may tell, are apart (``Wants.addresses``).

    Args:
        kind: Of the record.
        wants: Of the pass.
        held: There is no second pass: what one may want is needed now, whole.
    """
    if wants.first_pass:
        need = _FIRST.get(kind)
        if held and need is not None:
            return _ANY if kind == "process_start" else replace(need, repeats=False)
        return need
    if kind == "process_start" and wants.processes:
        odd = any(not is_plain_number(process_id) for _, _, process_id in wants.processes)
        return _ANY if odd else Need(numbers=True)
    if kind == "logon" and (wants.logons or wants.logon_hosts):
        return _ANY_REPEATING
    return _FIRST[kind] if kind in _CONTEXT and wants.spans else None


def is_plain_number(text: str) -> bool:
    """A whole number as it is usually written, and that 64 bits hold."""
    return text.isascii() and text.isdecimal() and text[0] != "0" and len(text) <= 20 and int(text) < 2**64
