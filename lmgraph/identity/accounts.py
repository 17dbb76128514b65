r"""One account behind its SID, ``DOMAIN\\name`` and ``name@realm`` forms."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from lmgraph.names import content_key
from lmgraph.schema import Event
from lmgraph.text import REDACTED

# Logon ids that mean the same account on every boot (CrowdStrike's AuthenticationID transform).
_FIXED_LOGONS: Final = {"999": "SYSTEM", "997": "LOCAL SERVICE", "996": "NETWORK SERVICE"}
_FIXED_SIDS: Final = {
    "S-1-5-18": "SYSTEM",
    "S-1-5-19": "LOCAL SERVICE",
    "S-1-5-20": "NETWORK SERVICE",
    "S-1-5-7": "ANONYMOUS LOGON",
}
_SYSTEM_NAMES: Final = frozenset(name.casefold() for name in (*_FIXED_SIDS.values(), *_FIXED_LOGONS.values()))
_SYSTEM_DOMAIN: Final = "NT AUTHORITY"
_SYSTEM_PREFIXES: Final = ("dwm-", "umfd-")  # session-bound accounts of the window manager

I64 = npt.NDArray[np.int64]
Name = tuple[str, str]  # domain root or "", account name; both case-folded


@dataclass(slots=True)
class Account:
    """One account; ``kind`` is ``person``, ``machine`` or ``system``."""

    name: str
    domain: str | None
    kind: str
    sid: str | None = None
    privileged: bool | None = None
    key: str = ""
    spellings: set[tuple[str, str]] = field(default_factory=set)

    @property
    def shown(self) -> str:
        r"""``DOMAIN\name``, or the bare name where no domain is known."""
        return f"{self.domain}\\{self.name}" if self.domain else self.name


class _Said(NamedTuple):
    """What a record called a SID, and when."""

    time_us: int
    name: str
    domain: str | None

    def worth(self) -> tuple[bool, bool, int, str, str]:
        """Order in which names are preferred."""
        domain = self.domain or ""
        return bool(domain), "." not in domain, self.time_us, self.name, domain


class Accounts:
    """All accounts of a run, found by what a record says of them.

    A SID is the account: what it was called, in whatever form, is one; one name of two SIDs is two.

    Args:
        rows: Every event of the run.
        written: Accounts as command lines have them; they may tell the domain of a bare name.
        hosts: Short names of hosts: an account of one of these is local and lends no domain.
    """

    def __init__(
        self, rows: Iterable[Event], written: Iterable[str] = (), hosts: Collection[str] = ()
    ) -> None:
        self.all: list[Account] = []
        self._hosts = hosts
        self._places: dict[tuple[str, str, str], int] = {}
        self._bare: dict[str, set[str]] = {}
        self._said: dict[str, list[_Said]] = {}  # sid -> what it was called
        self._logons: dict[tuple[str, str, str], list[tuple[int, str, str, str]]] = {}
        self._answers: dict[tuple[str | bool | None, ...], int] = {}  # of of_name
        self._learn(rows)
        for account in written:
            self._learn_domain(*_parts(account, None))
        for logons in self._logons.values():
            logons.sort()
        # The name that is shown: with a domain, NetBIOS before DNS, then the latest.
        self._called = {sid: max(said, key=_Said.worth) for sid, said in self._said.items()}
        self._sids: dict[Name, set[str]] = {}
        for sid, said in self._said.items():
            for one in said:
                self._sids.setdefault((_root(one.domain), one.name.casefold()), set()).add(sid)

    def of_event(self, event: Event) -> int:
        """The account that a record names itself, by name, SID or logon id; -1 for none."""
        if event.user_sid in _FIXED_SIDS:
            return self.of_name(_FIXED_SIDS[event.user_sid], _SYSTEM_DOMAIN, event.user_sid)
        if event.user_name and _named(event):
            return self.of_name(
                event.user_name, event.user_domain, event.user_sid, privileged=event.user_privileged
            )
        if event.user_sid in self._called:
            said = self._called[event.user_sid]
            return self.of_name(said.name, said.domain, event.user_sid)
        by_logon = self._of_logon(event)
        if by_logon >= 0:
            return by_logon
        return self.of_name(event.user_sid, None, event.user_sid) if event.user_sid else -1

    def of_events(self, event: Event, times: I64) -> I64:
        """``of_event`` of records of that content at each time, ascending."""
        logons = [] if _named(event) else self._logons.get(_logon(event), [])
        turns = np.searchsorted([logon[0] for logon in logons], times, "right")
        found = np.empty(len(times), np.int64)
        for begin in np.flatnonzero(np.diff(turns, prepend=-1)).tolist():
            found[begin:] = self.of_event(msgspec.structs.replace(event, time_us=int(times[begin])))
        return found

    def of_name(
        self,
        name: str,
        domain: str | None = None,
        sid: str | None = None,
        *,
        privileged: bool | None = None,
        home: str | None = None,
    ) -> int:
        r"""The account of that name; -1 for no name. ``home`` is the host that ``.\name`` belongs to."""
        question = (name, domain, sid, privileged, home)
        if question not in self._answers:  # to ask again changes nothing
            self._answers[question] = self._look_up(*_parts(name, domain), sid, privileged, home)
        return self._answers[question]

    def _look_up(
        self,
        name: str,
        domain: str | None,
        sid: str | None,
        privileged: bool | None,  # noqa: FBT001 - None, True and False are three answers
        home: str | None,
    ) -> int:
        if domain == ".":
            domain = home
        if not name:
            return -1
        folded = name.casefold()
        if folded in _SYSTEM_NAMES:
            return self._entry(_SYSTEM_DOMAIN.casefold(), folded, "", (_SYSTEM_DOMAIN, name), sid, privileged)
        root = _root(domain)
        if not root and sid is None:
            known = self._bare.get(folded, set())
            root = next(iter(known)) if len(known) == 1 else ""
        spelled = (domain or "", name)
        sid = sid or self._sid_of(root, folded, domain)
        apart = ""
        if sid in self._called:
            said = self._called[sid]
            root, folded = _root(said.domain), said.name.casefold()
            apart = sid if len(self._sids.get((root, folded), ())) > 1 else ""
            spelled = (said.domain or "", said.name)
        return self._entry(root, folded, apart, spelled, sid, privileged)

    def of_credential(self, written: str | None, home: str | None = None) -> int:
        r"""The account of an explicit credential as a command line has it (``CORP\adm``, ``.\x``)."""
        return self.of_name(written.partition(f":{REDACTED}")[0], home=home) if written else -1

    def seal(self) -> None:
        """Give every account the spelling that is shown: with its NetBIOS domain where one was seen."""
        for account in self.all:
            domains = sorted(
                {domain for domain, _ in account.spellings if domain}, key=lambda d: ("." in d, d)
            )
            names = sorted({name for _, name in account.spellings})
            account.name = names[0] if names else account.name
            account.domain = domains[0] if domains else account.domain

    def _learn(self, rows: Iterable[Event]) -> None:
        # Most records of an account say the same of it: what they say is looked at once.
        latest: dict[tuple[str, str | None, str | None], int] = {}
        for event in rows:
            if not event.user_name or not _named(event):
                continue
            words = (event.user_name, event.user_domain, event.user_sid)
            if latest.get(words, event.time_us) <= event.time_us:
                latest[words] = event.time_us
            if event.kind == "logon" and event.logon_id and event.aid:
                name, domain = _parts(event.user_name, event.user_domain)
                self._logons.setdefault(_logon(event), []).append(
                    (event.time_us, name, domain or "", event.user_sid or "")
                )
        for (written, declared, sid), time_us in latest.items():
            name, domain = _parts(written, declared)
            self._learn_domain(name, domain)
            if sid and sid not in _FIXED_SIDS:
                self._said.setdefault(sid, []).append(_Said(time_us, name, domain))

    def _learn_domain(self, name: str, domain: str | None) -> None:
        root = _root(domain)
        if root and root != "." and root not in self._hosts:
            self._bare.setdefault(name.casefold(), set()).add(root)

    def _sid_of(self, root: str, folded: str, domain: str | None) -> str | None:
        """The one SID that a name is known to mean; the full domain decides where several bear it."""
        sids = self._sids.get((root, folded), set())
        if len(sids) > 1:
            sids = {
                sid
                for sid in sids
                if any((one.domain or "").casefold() == (domain or "").casefold() for one in self._said[sid])
            }
        return next(iter(sids)) if len(sids) == 1 else None

    def _of_logon(self, event: Event) -> int:
        """By logon id: ids restart at a boot, so the nearest earlier logon counts (FALCON.md §2)."""
        if not event.logon_id or not event.aid:
            return -1
        if event.logon_id in _FIXED_LOGONS:
            return self.of_name(_FIXED_LOGONS[event.logon_id], _SYSTEM_DOMAIN)
        logons = self._logons.get(_logon(event), [])
        if not logons:
            return -1
        place = max(bisect_right(logons, event.time_us, key=lambda logon: logon[0]) - 1, 0)
        _, name, domain, sid = logons[place]
        return self.of_name(name, domain, sid or None)

    def _entry(
        self,
        root: str,
        folded: str,
        apart: str,
        spelled: tuple[str, str],
        sid: str | None,
        privileged: bool | None,  # noqa: FBT001 - None, True and False are three answers
    ) -> int:
        """The account at that place, made where new; ``apart`` is its SID where others bear its name."""
        place = (root, folded, apart)
        if place not in self._places:
            self._places[place] = len(self.all)
            account = Account(folded, root or None, _kind(folded, root))
            account.key = content_key("user", root, folded, *([apart] if apart else []))
            self.all.append(account)
        account = self.all[self._places[place]]
        account.spellings.add(spelled)
        account.sid = min(filter(None, (account.sid, sid)), default=None)
        if privileged is not None:
            account.privileged = bool(account.privileged) or privileged
        return self._places[place]


def _named(event: Event) -> bool:
    return bool(event.user_name) and event.user_name != "-"


def _logon(event: Event) -> tuple[str, str, str]:
    return event.cid or "", event.aid or "", event.logon_id or ""


def _parts(name: str, domain: str | None) -> tuple[str, str | None]:
    r"""Name and domain of ``DOMAIN\name`` and ``name@realm``; a written domain wins over the field."""
    name = name.strip().replace("/", "\\")
    if "\\" in name:
        written, _, name = name.rpartition("\\")
        return name, written.rpartition("\\")[2] or domain
    bare, at, realm = name.partition("@")
    if at and bare:
        return bare, realm or domain
    return name, domain or None


def _root(domain: str | None) -> str:
    """What two spellings of one domain share: the first label, case-folded."""
    return "." if domain == "." else (domain or "").casefold().partition(".")[0]


def _kind(folded: str, root: str) -> str:
    if folded in _SYSTEM_NAMES or root == "nt authority" or folded.startswith(_SYSTEM_PREFIXES):
        return "system"
    return "machine" if folded.endswith("$") else "person"
