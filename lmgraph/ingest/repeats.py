"""Records that repeat each other but for times and ids: one of each kind is parsed, the rest are counted.

Most of what a pass needs is context: the kernel's connections, network logons, shares opened. All that is
kept of such a record is its *template* (``folds.fold_key``), its time and its name. A kernel reads these
three from the line; what a template says is learnt from the first line that has it, by the parser.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from lmgraph.folds import fold_key, name_of, shared, template_name
from lmgraph.ingest.contract import Record, Reject, Repeats
from lmgraph.ingest.falcon import ALIASES, CLOUD_TIMES
from lmgraph.ingest.lines import LineTest, fnv, open_addressed
from lmgraph.kernels import repeats, scan
from lmgraph.rules.needed import EVER, RuleSet, Span, Use, Wants, spans_of, use, within
from lmgraph.schema import Event

U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]

_LIMIT: Final = 200_000  # templates remembered
# Fields that ``falcon.read`` reads: those that a sighting keeps, and those that a template keeps besides.
_HOST: Final = (
    "event_simpleName",
    "ComputerName",
    "MachineDomain",
    "ProductType",
    "LocalAddressIP4",
    "LocalAddressIP6",
)
_CONTENT: Final = (
    "ClientComputerName", "ConnectionDirection", "ContextBaseFileName", "DomainName", "FileName",
    "ImageFileName", "LogonDomain", "OriginalFilename", "ParentBaseFileName", "RemoteAddressIP4",
    "RemoteAddressIP6",
    "SHA256HashData", "ServiceDisplayName", "ServiceImagePath", "ServiceName", "SmbShareName", "User",
    "UserIsAdmin", "UserName", "UserPrincipal", "UserSid", "alert_type",
)  # fmt: skip
_CHECKED: Final = ("ParentProcessId", "TargetProcessId")
# Wrapped records; and what decides in a connection under the literal rules, but is not kept.
_LEFT: Final = ("@rawstring", "event", "fields", "CommandLine")
_SPECIAL: Final = {
    "id": repeats.ID,
    "aid": repeats.AID,
    "cid": repeats.CID,
    "ContextTimeStamp": repeats.SENSOR,
    "LogonTime": repeats.LOGON_TIME,
    "ContextProcessId": repeats.KNOWN,
    "LocalPort": repeats.PORT,
    "RemotePort": repeats.PORT,
    "AuthenticationId": repeats.SESSION,
    "LogonType": repeats.LOGON_TYPE,
    **{field: repeats.CLOUD + rank for rank, field in enumerate(CLOUD_TIMES)},
    **dict.fromkeys((*_LEFT, *ALIASES), repeats.LEAVE),
}


# What tells templates apart and not sightings.
_IDLE: Final = (repeats.KNOWN, repeats.PORT, repeats.SESSION, repeats.LOGON_TYPE)


def _table(actions: Mapping[str, int]) -> tuple[npt.NDArray[np.uint64], I64]:
    """The keys' hashes, open-addressed, and what is to be done with each."""
    hashes = {fnv(key.encode()): action for key, action in actions.items()}
    keys = open_addressed(hashes)
    return keys, np.array([hashes.get(key, repeats.OTHER) for key in keys.tolist()], np.int64)


_ALL_FIELDS: Final = _table(
    dict.fromkeys(_CHECKED, repeats.CHECKED) | dict.fromkeys((*_HOST, *_CONTENT), repeats.CONTENT) | _SPECIAL
)
_HOST_FIELDS: Final = _table(
    dict.fromkeys((*_CHECKED, *_CONTENT, *_SPECIAL), repeats.CHECKED)
    | dict.fromkeys(_HOST, repeats.CONTENT)
    | {key: action for key, action in _SPECIAL.items() if action not in _IDLE}
)


@dataclass(frozen=True, slots=True)
class _Template:
    """What all lines of one content come to in this pass.

    ``spans``: when their records are to be read whole; ``name``: what else they count as, 0 for nothing.
    """

    spans: tuple[Span, ...]
    name: int = 0
    event: Event | None = None


_WHOLE: Final = _Template(EVER)


class Memory:
    """What the readers of one pass share: its line tests, and what each content that recurs comes to.

    Threads may share it: whatever two of them learn of one content is the same.
    """

    def __init__(self, wants: Wants, rules: RuleSet) -> None:
        self.wants, self.rules = wants, rules
        self._tests: dict[bool, LineTest] = {}
        self._contents: dict[int, _Template] = {}
        self._sightings: dict[int, _Template] = {}
        self._logons = frozenset(name_of(logon_id) for _, _, logon_id in wants.logons)

    def test(self, *, held: bool) -> LineTest:
        """The test of lines; ``held``: of an input that is read only once."""
        if held not in self._tests:
            self._tests[held] = LineTest(self.wants, held=held)
        return self._tests[held]

    def sort_out(
        self, buffer: U8, rows: I64, take: Callable[[int], Record | Reject | None]
    ) -> tuple[I64, Repeats]:
        """Which of the candidate lines in ``rows`` the parser must read, and what the others come to.

        Args:
            buffer: Where the lines are.
            rows: (n, 5) as ``kernels.scan.scan`` finds them.
            take: Reads the row at that place with the parser.
        """
        whole = np.ones(len(rows), np.bool_)
        out = Repeats()
        for of_host in (False, True):
            chosen = (rows[:, scan.REPEATS] > 0) & ((rows[:, scan.REPEATS] == scan.SIGHTING) == of_host)
            places = np.flatnonzero(chosen)
            if len(places):
                self._count_in(buffer, rows, places, take, whole, out, of_host=of_host)
        return np.flatnonzero(whole), out

    def _count_in(
        self,
        buffer: U8,
        rows: I64,
        places: I64,
        take: Callable[[int], Record | Reject | None],
        whole: npt.NDArray[np.bool_],
        out: Repeats,
        *,
        of_host: bool,
    ) -> None:
        """Count in those of the rows at ``places`` that recur, and take their marks out of ``whole``."""
        count = len(places)
        good, said, when = (
            np.zeros(count, np.bool_),
            np.zeros((count, 3), np.uint64),
            np.zeros((count, 2), np.int64),
        )
        begins, ends = rows[places, scan.BEGIN].copy(), rows[places, scan.END].copy()
        repeats.read(buffer, begins, ends, *(_HOST_FIELDS if of_host else _ALL_FIELDS), good, said, when)
        known = self._sightings if of_host else self._contents
        for place, (content, record, logon), (time_us, cloud_us) in zip(
            places[good].tolist(), said[good].tolist(), when[good].tolist(), strict=True
        ):
            template = known.get(content)
            if template is None:
                if len(known) >= _LIMIT:
                    known.clear()
                template = known[content] = self._learn(take(place), of_host=of_host)
            spans = template.spans
            if logon in self._logons or (spans and (within(spans, time_us) or within(spans, cloud_us))):
                continue
            whole[place] = False
            out.see(time_us)
            if template.event is not None:
                out.add(template.name, template.event, time_us, record)

    def _learn(self, item: Record | Reject | None, *, of_host: bool) -> _Template:
        """What the content of a line, which the parser has read, comes to in this pass."""
        if isinstance(item, Reject):
            return _WHOLE
        if item is None:
            return _Template(())
        event, wants = item.event, self.wants
        first = use(event, Wants.nothing(), self.rules)
        if wants.first_pass and not of_host:
            return _WHOLE if first is Use.KEEP else _folded(event) if first is Use.FOLD else _Template(())
        spans = spans_of(event, wants) if first is not Use.KEEP else ()
        seen = event.host_ip is not None and event.kind != "address_removed"
        if seen and (wants.first_pass or event.host_ip in wants.addresses):
            return _folded(event, spans, sighting=True)
        return _Template(spans)


def _folded(event: Event, spans: tuple[Span, ...] = (), *, sighting: bool = False) -> _Template:
    template = shared(fold_key(event, sighting=sighting))
    return _Template(spans, template_name(template), template)
