r"""One account behind its SID, ``DOMAIN\\name`` and ``name@realm`` forms."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from lmgraph.names import content_key
from lmgraph.schema import Event

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


class Accounts:
    """All accounts of a run, found by what a record says of them.

    Args:
        rows: Every event of the run.
        written: Accounts as command lines have them; they may tell the domain of a bare name.
    """

    def __init__(self, rows: Iterable[Event], written: Iterable[str] = ()) -> None:
        self.all: list[Account] = []
        self._places: dict[Name, int] = {}
        self._bare: dict[str, set[str]] = {}
        self._sids: dict[str, tuple[int, str, str]] = {}  # sid -> (known at, name, domain)
        self._logons: dict[tuple[str, str, str], list[tuple[int, str, str, str]]] = {}
        for event in rows:
            self._learn(event)
        for account in written:
            self._learn_domain(*_parts(account, None))
        for logons in self._logons.values():
            logons.sort()

    def of_event(self, event: Event) -> int:
        """The account that a record names itself, by name, SID or logon id; -1 for none."""
        if event.user_name and event.user_name != "-":
            domain = event.user_domain or self._sids.get(event.user_sid or "", (0, "", ""))[2] or None
            return self.of_name(event.user_name, domain, event.user_sid, privileged=event.user_privileged)
        if event.user_sid in _FIXED_SIDS:
            return self.of_name(_FIXED_SIDS[event.user_sid], _SYSTEM_DOMAIN, event.user_sid)
        if event.user_sid in self._sids:
            _, name, domain = self._sids[event.user_sid]
            return self.of_name(name, domain, event.user_sid)
        by_logon = self._of_logon(event)
        if by_logon >= 0:
            return by_logon
        return self.of_name(event.user_sid, None, event.user_sid) if event.user_sid else -1

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
        name, domain = _parts(name, domain)
        if domain == ".":
            domain = home
        if not name:
            return -1
        root = _root(domain)
        folded = name.casefold()
        if folded in _SYSTEM_NAMES:
            root, domain = _SYSTEM_DOMAIN.casefold(), _SYSTEM_DOMAIN
        elif not root:
            known = self._bare.get(folded, set())
            root = next(iter(known)) if len(known) == 1 else ""
        index = self._place(root, folded)
        account = self.all[index]
        account.spellings.add((domain or "", name))
        account.sid = min(filter(None, (account.sid, sid)), default=None)
        if privileged is not None:
            account.privileged = bool(account.privileged) or privileged
        return index

    def of_credential(self, written: str | None, home: str | None = None) -> int:
        r"""The account of an explicit credential as a command line has it (``CORP\adm``, ``.\x``)."""
        return self.of_name(written, home=home) if written else -1

    def seal(self) -> None:
        """Give every account the spelling that is shown: with its NetBIOS domain where one was seen."""
        for account in self.all:
            domains = sorted(
                {domain for domain, _ in account.spellings if domain}, key=lambda d: ("." in d, d)
            )
            names = sorted({name for _, name in account.spellings})
            account.name = names[0] if names else account.name
            account.domain = domains[0] if domains else account.domain

    def _learn(self, event: Event) -> None:
        if not event.user_name or event.user_name == "-":
            return
        name, domain = _parts(event.user_name, event.user_domain)
        self._learn_domain(name, domain)
        if event.user_sid and event.user_sid not in _FIXED_SIDS:
            said = (event.time_us, name, domain or "")
            self._sids[event.user_sid] = max(self._sids.get(event.user_sid, said), said)
        if event.kind == "logon" and event.logon_id and event.aid:
            place = (event.cid or "", event.aid, event.logon_id)
            self._logons.setdefault(place, []).append(
                (event.time_us, name, domain or "", event.user_sid or "")
            )

    def _learn_domain(self, name: str, domain: str | None) -> None:
        root = _root(domain)
        if root and root != ".":
            self._bare.setdefault(name.casefold(), set()).add(root)

    def _of_logon(self, event: Event) -> int:
        """By logon id: ids restart at a boot, so the nearest earlier logon counts (FALCON.md §2)."""
        if not event.logon_id or not event.aid:
            return -1
        if event.logon_id in _FIXED_LOGONS:
            return self.of_name(_FIXED_LOGONS[event.logon_id], _SYSTEM_DOMAIN)
        logons = self._logons.get((event.cid or "", event.aid, event.logon_id), [])
        if not logons:
            return -1
        place = max(bisect_right(logons, event.time_us, key=lambda logon: logon[0]) - 1, 0)
        _, name, domain, sid = logons[place]
        return self.of_name(name, domain, sid or None)

    def _place(self, root: str, folded: str) -> int:
        place = (root, folded)
        if place not in self._places:
            self._places[place] = len(self.all)
            account = Account(folded, root or None, _kind(folded, root))
            account.key = content_key("user", root, folded)
            self.all.append(account)
        return self._places[place]


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
