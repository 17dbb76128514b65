"""One host behind its sensor ids, names and spellings.

A host is ``(cid, aid)`` or a name; sensors of one name and domain are one host (a reinstalled
sensor has a new aid: FALCON.md §2), two domains that share a short name are two.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from lmgraph.names import NETBIOS_LENGTH, canonical_ip, content_key, same_domain, split_name
from lmgraph.schema import Event

Sensor = tuple[str, str]  # cid or "", aid
_Said = tuple[str | None, ...]  # cid, aid, name, domain, role


@dataclass(slots=True)
class Host:
    """One host. ``name`` is shown; ``short`` is compared; ``token`` is set where only a target names it."""

    name: str
    short: str
    cid: str | None = None
    domain: str | None = None
    fqdn: str | None = None
    role: str | None = None
    criticality: str | None = None
    owner: str | None = None
    aids: set[str] = field(default_factory=set)
    aliases: set[str] = field(default_factory=set)
    token: str | None = None
    realm: int = 0
    listed: bool = False  # in the assets file
    key: str = ""

    @property
    def managed(self) -> bool:
        """Whether telemetry of its own tells of it."""
        return self.token is None and bool(self.aids or not self.listed)


@dataclass(slots=True)
class _Claim:
    """What the records of one sensor, or of one bare name, say of their host."""

    cid: str | None
    aid: str | None
    names: dict[str, tuple[int, str]] = field(default_factory=dict)  # short -> last time, as written
    domain: tuple[int, str] | None = None
    role: tuple[int, str] | None = None

    def tell(self, words: _Said, last_us: int) -> None:
        """Take what one more record says; the latest word counts."""
        _, _, name, declared, role = words
        short, domain = split_name(name or "")
        if short and name:
            said = (last_us, name)
            self.names[short] = max(self.names.get(short, said), said)
            if domain is not None:
                self.domain = _later(self.domain, (last_us, domain))
        if declared:
            self.domain = _later(self.domain, (last_us, declared.casefold().strip(".")))
        if role:
            self.role = _later(self.role, (last_us, role))

    @property
    def short(self) -> str | None:
        """The latest name."""
        return max(self.names, key=lambda short: (self.names[short], short)) if self.names else None


class Hosts:
    """All hosts of a run, found by sensor, by name, or made up for a target that nothing knows.

    Args:
        rows: ``(event, last_us)`` of every row that names its own host.
    """

    def __init__(self, rows: Iterable[tuple[Event, int]]) -> None:
        self.all: list[Host] = []
        self._sensors: dict[Sensor, int] = {}
        self._names: dict[str, list[int]] = {}
        self._roots: dict[tuple[str, str], list[int]] = {}  # the same by first label of the domain, too
        self._aliases: dict[str, list[int]] = {}
        self._cut: dict[str, list[int]] = {}
        self._made: dict[tuple[str, str, int], int] = {}
        self._bare: dict[tuple[str, str | None], int] = {}
        self._answers: dict[tuple[str | None, ...], list[int]] = {}  # of _named, until a host is added
        # Most records of a host say the same of it: what they say is looked at once.
        said: dict[_Said, int] = {}
        for event, last_us in rows:
            words: _Said = (event.cid, event.aid, event.host_name, event.host_domain, event.host_role)
            if said.get(words, last_us) <= last_us:
                said[words] = last_us
        claims: dict[tuple[str, str, str, str | None], _Claim] = {}
        for words, last_us in said.items():
            cid, aid, name, declared, _ = words
            short, domain = _bare_name(name, declared)
            if aid:
                place: tuple[str, str, str, str | None] = (cid or "", aid, "", None)
            elif short:
                place = ("", "", short, domain)
            else:
                continue
            claim = claims.get(place)
            if claim is None:
                claim = claims[place] = _Claim(cid if aid else None, aid)
            claim.tell(words, last_us)
        self._settle(
            [claims[place] for place in sorted(claims, key=lambda p: (p[0], p[1], p[2], p[3] or ""))]
        )

    def of_row(self, event: Event) -> int:
        """The host that wrote a record; -1 where it names none."""
        if event.aid:
            return self._sensors[(event.cid or "", event.aid)]
        name = _bare_name(event.host_name, event.host_domain)
        return self._bare[name] if name[0] else -1

    def named(self, token: str, near: int = -1) -> list[int]:
        """Hosts that a name can mean, seen from host ``near``; the domain decides where two share it."""
        short, domain = split_name(token)
        cid = self.all[near].cid if near >= 0 else None
        return self._named(short, domain, cid, self.all[near].domain if near >= 0 else None)

    def meet(self, tokens: Iterable[tuple[str, str | None]]) -> None:
        """Make the hosts that only targets name, all at once, so that their order means nothing.

        Full names first: a short one then means the host that bears it, or all of them.

        Args:
            tokens: ``(name as written, cid of whoever used it)``.
        """
        names = {(*split_name(token), cid, token) for token, cid in tokens if canonical_ip(token) is None}
        for short, domain, cid, token in sorted(
            names, key=lambda n: (n[1] is None, n[0], n[1] or "", n[2] or "", n[3])
        ):
            if short and not self._named(short, domain, cid, None):
                self._make(short, domain, cid, token, 0)

    def _named(self, short: str, domain: str | None, cid: str | None, home: str | None) -> list[int]:
        question = (short, domain, cid, home)
        if question not in self._answers:
            self._answers[question] = self._look_up(short, domain, cid, home)
        return self._answers[question]

    def _look_up(self, short: str, domain: str | None, cid: str | None, home: str | None) -> list[int]:
        bearers = self._names.get(short)
        if bearers and domain is not None:  # a name may be one in every domain of a large estate
            root = domain.partition(".")[0]
            bearers = self._roots.get((short, root), []) + self._roots.get((short, ""), [])
        found = [
            index
            for index in bearers or self._aliases.get(short) or self._by_cut(short)
            if same_domain(domain, self.all[index].domain) and _same_cid(cid, self.all[index].cid)
        ]
        # Who has telemetry of its own is meant before a host that only targets name.
        found = [index for index in found if self.all[index].token is None] or found
        if len(found) > 1 and domain is None and home is not None:
            found = [index for index in found if same_domain(home, self.all[index].domain)] or found
        return found

    def unknown(self, token: str, near: int = -1, realm: int = 0) -> int:
        """The host that stands for a target which no telemetry knows.

        ``realm`` parts recordings that share an address but no host and no time.
        """
        ip = canonical_ip(token)
        short, domain = (ip, None) if ip else split_name(token)
        cid = self.all[near].cid if near >= 0 else None
        return self._make(short, domain, cid, token, realm)

    def _make(self, short: str, domain: str | None, cid: str | None, token: str, realm: int) -> int:
        place = (cid or "", short if domain is None else f"{short}.{domain}", realm)
        if place not in self._made:
            ip = canonical_ip(token)
            host = Host(ip or short.upper(), short, cid=cid, domain=domain, token=token, realm=realm)
            host.fqdn = f"{short}.{domain}" if domain else None
            self._made[place] = self._add(host)
            if ip is None:
                self._name(short, self._made[place])
        return self._made[place]

    def listed(self, name: str) -> int:
        """A host that only the assets file knows."""
        short, domain = split_name(name)
        host = Host(name.strip().partition(".")[0], short, domain=domain, listed=True)
        host.fqdn = f"{short}.{domain}" if domain else None
        index = self._add(host)
        self._name(short, index)
        return index

    def seal(self) -> None:
        """Give every host its key: its name, and what tells it from others of that name."""
        same: dict[str, list[Host]] = {}
        for host in self.all:
            same.setdefault(host.short, []).append(host)
        for short, hosts in same.items():
            for host in hosts:
                parts = ["host", short]
                if len(hosts) > 1:
                    parts += [host.domain or "", host.cid or "", str(host.realm), min(host.aids, default="")]
                host.key = content_key(*parts)

    def _settle(self, claims: list[_Claim]) -> None:
        named: dict[str, list[_Claim]] = {}
        for claim in claims:
            if claim.short is not None:
                named.setdefault(claim.short, []).append(claim)
            else:  # a sensor that nothing names
                assert claim.aid is not None
                host = Host(claim.aid, claim.aid, cid=claim.cid, aids={claim.aid})
                self._take(claim, self._add(host))
        for short in sorted(named):
            self._settle_name(short, named[short])
        for index, host in enumerate(self.all):
            for alias in sorted(host.aliases):
                self._aliases.setdefault(alias, []).append(index)
            if len(host.short) > NETBIOS_LENGTH:
                self._cut.setdefault(host.short[:NETBIOS_LENGTH], []).append(index)

    def _settle_name(self, short: str, claims: list[_Claim]) -> None:
        """Part the claims to one short name into hosts, by customer and domain."""
        groups: dict[str, list[int]] = {}  # by first label of the domain, "" for none
        # Who knows most goes first: a claim without a domain joins the only host there is.
        for claim in sorted(claims, key=lambda c: (c.domain is None, c.aid is None)):
            domain = claim.domain[1] if claim.domain else None
            root = (domain or "").partition(".")[0]
            near = groups.get(root, []) if domain else groups.get("", []) or self._names.get(short, [])
            fits = [
                place
                for place in near
                if _same_cid(claim.cid, self.all[place].cid) and same_domain(domain, self.all[place].domain)
            ]
            if len(fits) == 1:
                self._take(claim, fits[0])
                continue
            shown = max(claim.names.values())[1].strip().lstrip("\\/").partition(".")[0]
            index = self._add(Host(shown, short, cid=claim.cid, domain=domain))
            groups.setdefault(root, []).append(index)
            self._name(short, index)
            self._take(claim, index)

    def _take(self, claim: _Claim, index: int) -> None:
        host = self.all[index]
        if claim.aid is not None:
            host.aids.add(claim.aid)
            self._sensors[(claim.cid or "", claim.aid)] = index
            host.aliases |= set(claim.names) - {host.short}
        else:
            short = claim.short
            assert short is not None
            self._bare[(short, claim.domain[1] if claim.domain else None)] = index
        host.cid = host.cid or claim.cid
        if claim.domain and (host.domain is None or ("." in claim.domain[1] and "." not in host.domain)):
            host.domain = claim.domain[1]
        host.role = host.role or (claim.role[1] if claim.role else None)
        written = [
            said for _, said in claim.names.values() if "." in said and split_name(said)[0] == host.short
        ]
        host.fqdn = host.fqdn or (min(written).casefold().strip(".") if written else None)

    def _name(self, short: str, index: int) -> None:
        self._names.setdefault(short, []).append(index)
        root = (self.all[index].domain or "").partition(".")[0]
        self._roots.setdefault((short, root), []).append(index)

    def _by_cut(self, short: str) -> list[int]:
        """Hosts whose longer name a 15-character token cuts, or whose cut name a longer token means."""
        if len(short) == NETBIOS_LENGTH:
            return self._cut.get(short, [])
        return self._names.get(short[:NETBIOS_LENGTH], []) if len(short) > NETBIOS_LENGTH else []

    def _add(self, host: Host) -> int:
        self.all.append(host)
        self._answers.clear()
        return len(self.all) - 1


def _bare_name(name: str | None, declared: str | None) -> tuple[str, str | None]:
    """Short name and domain that a record gives its host, by name and MachineDomain; ``""`` for none."""
    if not name:
        return "", None
    short, domain = split_name(name)
    return short, domain or (declared.casefold().strip(".") if declared else None)


def _later(known: tuple[int, str] | None, said: tuple[int, str]) -> tuple[int, str]:
    return said if known is None else max(known, said)


def _same_cid(left: str | None, right: str | None) -> bool:
    return left is None or right is None or left == right
