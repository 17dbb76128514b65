"""Which records a run needs: the one exact predicate, and the byte filter that may stand before it.

The law of reading (DESIGN §3): what enters a Partial is decided by ``use`` alone; ``line_filter``
is a superset of it over raw JSON lines, which a byte scan may replace.
"""

from __future__ import annotations

import enum
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from lmgraph.names import canonical_ip, split_name
from lmgraph.rules import corrected, literal
from lmgraph.rules.witnesses import NETWORK_LOGON, testify
from lmgraph.schema import Event

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
    if event.kind == "logon":
        if event.logon_type == NETWORK_LOGON and (event.cid, event.aid) in wants.logon_hosts:
            return True
        if event.logon_id is not None and (event.cid, event.aid, event.logon_id) in wants.logons:
            return True
    testimony = testify(event) if wants.spans else None
    return testimony is not None and not testimony.opens and _in_span(event, wants)


def _in_span(event: Event, wants: Wants) -> bool:
    # A row of the query's table knows the cloud's clock alone; its full record may be hours from it.
    clocks = {event.time_us, event.cloud_us or event.time_us}
    for key in _host_keys(event, wants):
        spans = wants.spans.get(key, ())
        for clock in clocks:
            place = bisect_right(spans, clock, key=_begins) - 1
            if place >= 0 and clock <= spans[place][1]:
                return True
    return False


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


# Needles are lower case, as is the line they are sought in.
_NEEDLES: Final = (
    # programs: psexec and psexesvc, paexec, remcom, the service halves of others
    b"psexe",
    b"paexec",
    b"remcom",
    b"winexesvc",
    b"csexecsvc",
    # events
    b"createservice",
    b"servicestarted",
    b"processexeconsmbfile",
    b"smbservershareopened",
    b"smbclientshareopened",
    b"userlogo",  # UserLogon, UserLogonFailed2, UserLogoff
    b"useridentity",
    b"localipaddress",
    b"agentonline",
    b"hostnamechanged",
    b"alert_type",
)
_CONTEXT_NEEDLES: Final = (b"smbservershareopened", b"smbclientshareopened", b"userlogo", b"useridentity")
_PORT: Final = re.compile(rb"(?<![0-9])445(?![0-9])")
# An escape that spells a character which a needle, an id or an address may hold. That the
# backslashes before it may be even in number (no escape then) only keeps a line too many.
_ESCAPE: Final = re.compile(rb"\\u00(?:2[345de]|3[0-9a]|4[0-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9a])", re.IGNORECASE)
# A record without an event name may still have the key.
_UNNAMED: Final = re.compile(rb"event_simplename[a-z_\\]{0,32}\"\s*:\s*null")
_NUMBER: Final = re.compile(rb"[0-9]+")
_ADDRESS: Final = re.compile(rb"[0-9a-f:.]{2,64}")


def line_filter(wants: Wants) -> Callable[[bytes], bool]:
    """A test of raw JSON lines that passes every line whose event ``use`` does not drop.

    It may pass too many. A line without an event name (side files, rows of the query's result) and
    one with an escape that may spell a needle always pass. Linear in the line.
    """
    return _candidate if wants.first_pass else _SecondPass(wants)


def _candidate(line: bytes) -> bool:
    lowered = line.lower()
    return (
        _nameless(lowered)
        or any(needle in lowered for needle in _NEEDLES)
        or _PORT.search(lowered) is not None
        or (b"net" in lowered and b"use" in lowered and b"$" in lowered)
        or _ESCAPE.search(lowered) is not None
    )


class _SecondPass:
    """The test of the second pass: lines that may answer what is wanted."""

    def __init__(self, wants: Wants) -> None:
        ids = {key[2] for key in wants.processes}
        self._ids = frozenset(text.encode() for text in ids if text.isascii() and text.isdecimal())
        self._odd_ids = len(self._ids) < len(ids)
        self._logons = bool(wants.logons or wants.logon_hosts)
        self._spans = bool(wants.spans)
        self._addresses = wants.addresses

    def __call__(self, line: bytes) -> bool:
        lowered = line.lower()
        return (
            _nameless(lowered)
            or self._process(lowered)
            or (self._logons and (b"userlogo" in lowered or b"useridentity" in lowered))
            or (self._spans and _context(lowered))
            or (bool(self._addresses) and self._address(lowered))
            or _ESCAPE.search(lowered) is not None
        )

    def _process(self, lowered: bytes) -> bool:
        if not (self._ids or self._odd_ids) or b"rollup2" not in lowered:
            return False
        return self._odd_ids or not self._ids.isdisjoint(_NUMBER.findall(lowered))

    def _address(self, lowered: bytes) -> bool:
        # The escapes \b and \f, white space before an address, end in a hexadecimal digit.
        return any(
            _canonical(text.decode()) in self._addresses or _canonical(text[1:].decode()) in self._addresses
            for text in _ADDRESS.findall(lowered)
        )


def _nameless(lowered: bytes) -> bool:
    """Whether the line may have no event name: side files, rows of the query's result."""
    return b"event_simplename" not in lowered or _UNNAMED.search(lowered) is not None


def _context(lowered: bytes) -> bool:
    return any(needle in lowered for needle in _CONTEXT_NEEDLES) or _PORT.search(lowered) is not None


def _canonical(text: str) -> str | None:
    # Most runs of digits and dots are no address: counting is cheaper than parsing.
    return canonical_ip(text) if text.count(".") == 3 or text.count(":") > 1 else None
