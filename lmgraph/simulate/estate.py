"""The company: sites, hosts, accounts, addresses and who holds them when."""

from __future__ import annotations

import bisect
import hashlib
from collections import deque
from dataclasses import dataclass, field
from typing import Final, Literal

from lmgraph.simulate.chance import Chance
from lmgraph.simulate.times import is_working_day, moment

Role = Literal[
    "workstation", "admin", "desk", "server", "file", "dc", "jump", "backup", "monitor", "scan", "deploy"
]
Reach = Literal["none", "workstations", "servers", "all"]

DOMAIN, REALM = "CORP", "corp.example"
CID: Final = hashlib.blake2b(b"lmgraph simulate", digest_size=16).hexdigest()
PEOPLE_ROLES: Final = ("workstation", "admin", "desk")
_SITES: Final = (("BER", 1), ("LON", 0), ("NYC", -5), ("MAD", 1), ("DXB", 4), ("CHI", -6))
_HOSTS_PER_SITE: Final = 150
_TWO_SITES: Final = 60  # hosts of a company that has a second site
_SYLLABLES: Final = (
    "an",
    "be",
    "car",
    "do",
    "el",
    "fin",
    "gre",
    "hol",
    "ine",
    "jo",
    "kat",
    "len",
    "mir",
    "no",
)
_PRODUCTS: Final = {"workstation": "1", "admin": "1", "desk": "1", "dc": "2"}
_CODES: Final = {
    "workstation": "WS",
    "admin": "ADM",
    "desk": "HD",
    "server": "SRV",
    "file": "FS",
    "dc": "DC",
    "jump": "JMP",
    "backup": "BKP",
    "monitor": "MON",
    "scan": "SCN",
    "deploy": "DEP",
}


@dataclass(frozen=True, slots=True)
class Account:
    """A domain account; ``reach``: where it is an administrator."""

    name: str
    rid: int
    reach: Reach = "none"
    secret: str = "Made-up-2026"  # noqa: S105 - for command lines, to be redacted by whoever reads them

    @property
    def sid(self) -> str:
        """Its security identifier."""
        return (
            f"S-1-5-{self.rid}" if self.rid < 100 else f"S-1-5-21-1004336348-1177238915-682003330-{self.rid}"
        )


SYSTEM: Final = Account("SYSTEM", 18)


@dataclass(frozen=True, slots=True)
class Site:
    """A place: ``zone`` is how many hours its clocks are ahead of UTC."""

    number: int
    code: str
    zone: int


@dataclass(slots=True, eq=False)
class Host:
    """A computer.

    Attributes:
        product: Falcon's ProductType: 1 workstation, 2 domain controller, 3 server.
        managed: It has a sensor.
        modern: Its sensor names the process of a connection, and the host in every event.
        clock_ms: How far its clock is ahead.
        joins: The day (0-based) from which on it is there.
        leases: Since when (ms) it holds which address, in order.
        owner: The person who works there.
        service: The account of its service, logged on there all the time.
    """

    number: int
    name: str
    role: Role
    site: Site
    managed: bool = True
    modern: bool = True
    clock_ms: int = 0
    joins: int = 0
    leases: list[tuple[int, str]] = field(default_factory=list)
    owner: Account | None = None
    service: Account | None = None

    @property
    def product(self) -> str:
        """Falcon's ProductType: 1 workstation, 2 domain controller, 3 server."""
        return _PRODUCTS.get(self.role, "3")

    @property
    def aid(self) -> str:
        """The sensor's id, 32 hexadecimal digits."""
        return hashlib.blake2b(self.name.encode(), digest_size=16).hexdigest()

    @property
    def is_server(self) -> bool:
        """Whether it is no one's own machine."""
        return self.role not in PEOPLE_ROLES

    @property
    def since(self) -> int:
        """From when on (ms) it is there, if it is a server: one that joins is set up in the morning."""
        return moment(self.joins, 8) if self.joins else 0

    def ip(self, when: int) -> str:
        """The address that it holds at that time (ms)."""
        position = bisect.bisect_right(self.leases, when, key=lambda lease: lease[0])
        return self.leases[max(position - 1, 0)][1]


@dataclass(frozen=True, slots=True)
class Administrator:
    """Who administers how; ``habits``: hosts, most used first; ``adopted``: those that come to it, by day."""

    account: Account
    host: Host
    style: Literal["direct", "run-as", "jump"]
    jump: Host
    tool: str
    habits: tuple[Host, ...]
    adopted: tuple[tuple[int, Host], ...]


@dataclass(slots=True)
class Estate:
    """Everything that stands still. Lists are in the order of the hosts' numbers."""

    sites: list[Site] = field(default_factory=list)
    hosts: list[Host] = field(default_factory=list)
    administrators: list[Administrator] = field(default_factory=list)
    desk: list[tuple[Account, Host]] = field(default_factory=list)
    masters: list[Account] = field(default_factory=list)  # administrators of the domain
    handed_on: list[tuple[int, Host, Host, int]] = field(default_factory=list)

    def having(self, *roles: Role) -> list[Host]:
        """The hosts of these roles."""
        return [host for host in self.hosts if host.role in roles]

    def only(self, role: Role) -> Host:
        """The first host of a role that every estate has."""
        return self.having(role)[0]

    def there(self, day: int, *roles: Role) -> list[Host]:
        """The hosts of these roles (of any, without one) that have come by that day."""
        hosts = self.having(*roles) if roles else self.hosts
        return [host for host in hosts if host.joins <= day]

    @property
    def servers(self) -> list[Host]:
        """The hosts that are no one's own."""
        return [host for host in self.hosts if host.is_server]

    def file_server(self, site: Site) -> Host:
        """Where the people of a site keep their files."""
        servers = self.having("file")
        return servers[site.number % len(servers)]

    def controller(self, site: Site) -> Host:
        """The domain controller that a site uses."""
        controllers = self.having("dc")
        return controllers[site.number % len(controllers)]

    @property
    def accounts(self) -> list[Account]:
        """Every account of the domain."""
        found = [account for host in self.hosts for account in (host.owner, host.service) if account]
        found += [administrator.account for administrator in self.administrators]
        found += [account for account, _ in self.desk] + self.masters
        return sorted(dict.fromkeys(found), key=lambda account: account.rid)


def may(account: Account, host: Host) -> bool:
    """Whether the account is an administrator of the host."""
    if account.reach in {"all", "none"}:
        return account.reach == "all"
    return host.role != "dc" and (account.reach == "servers") == host.is_server


def build(seed: int, hosts: int, days: int, noise: float) -> Estate:
    """The estate of a seed: the same hosts for any number of days, but for what changes from day to day.

    Newcomers are there by the middle of the days, so that whatever an attack of the second half
    meets has come.
    """
    chance = Chance(seed, "estate")
    sites = max(1 + (hosts - 1) // _HOSTS_PER_SITE, 2 if hosts >= _TWO_SITES else 1)
    estate = Estate([Site(n, *_SITES[n]) for n in range(min(sites, len(_SITES)))])
    for role, number in _numbers(hosts).items():
        for ordinal in range(number):
            # Central services stand at the first site; people, files and a part of the servers everywhere.
            spread = role in {"workstation", "server", "file", "dc", "desk", "admin"}
            site = estate.sites[ordinal % len(estate.sites)] if spread else estate.sites[0]
            name = f"{site.code}-{_CODES[role]}{ordinal + 1:0{2 if role != 'workstation' else 4}d}"
            estate.hosts.append(Host(len(estate.hosts), name, role, site))
    _equip(estate, chance)
    _join(estate, Chance(seed, "newcomers"), days, noise)
    _misset(estate, Chance(seed, "clocks"), noise)
    _staff(estate, chance)
    _lease(estate, Chance(seed, "leases"), days)
    _habits(estate, seed, days, noise)
    return estate


def _numbers(hosts: int) -> dict[Role, int]:
    """How many hosts there are of each role."""
    numbers: dict[Role, int] = {
        "dc": 2 + hosts // 500,
        "file": 1 + hosts // 200,
        "jump": 1 + hosts // 300,
        **dict.fromkeys(("backup", "monitor", "scan", "deploy"), 1),
        "admin": 2 + hosts // 120,
        "desk": 1 + hosts // 200,
        "server": max(3, round(hosts * 0.16)),
    }
    return {"workstation": hosts - sum(numbers.values()), **numbers}


def _equip(estate: Estate, chance: Chance) -> None:
    """Sensors, their age, clocks."""
    for host in estate.hosts:
        host.modern = chance.happens(0.8)
        host.clock_ms = round(chance.normal(0, 400))
        if chance.happens(0.06):
            host.clock_ms = chance.whole(6_000, 25_000) * (1 if chance.happens(0.5) else -1)
    bare = chance.sample(estate.having("server", "workstation"), max(2, len(estate.hosts) // 30))
    # At least one server, for storage boxes are what stays without a sensor most often.
    for host in [estate.having("server")[-1], *bare]:
        host.managed = False


def _join(estate: Estate, chance: Chance, days: int, noise: float) -> None:
    """A few machines come after the first day: those of people newly hired, and servers newly set up."""
    old = estate.having("server")[:3]  # what every company has from the beginning
    for host in estate.having("workstation", "server"):
        new, share = chance.happens((0.05 if host.role == "server" else 0.025) * noise), chance.between(0, 1)
        if new and host not in old:
            host.joins = 1 + int(share * (days // 2))


def _misset(estate: Estate, chance: Chance, noise: float) -> None:
    """One clock in a hundred is off by minutes."""
    for host in estate.hosts:
        wrong, minutes = chance.happens(0.01 * noise), chance.between(1, 5)
        sign = 1 if chance.happens(0.5) else -1
        if wrong:
            host.clock_ms = sign * round(minutes * 60_000)


def _staff(estate: Estate, chance: Chance) -> None:
    """People, administrators, services."""
    for host in estate.having(*PEOPLE_ROLES):
        name = "".join(chance.sample(_SYLLABLES, 2)) + f"{host.number:d}"
        host.owner = Account(name, 2000 + host.number)
    for host in estate.having("server"):
        if chance.happens(0.45):
            host.service = Account(
                f"svc-app{host.number}", 20_000 + host.number, "servers" if chance.happens(0.4) else "none"
            )
    reaches: dict[Role, Reach] = {"backup": "servers", "monitor": "none", "scan": "servers", "deploy": "all"}
    for role, reach in reaches.items():
        host = estate.only(role)
        host.service = Account(f"svc-{role}", 30_000 + host.number, reach)
    for host in estate.having("desk"):
        account = Account(f"hd-{_person(host)}", 32_000 + host.number, "workstations")
        estate.desk.append((account, host))
    estate.masters = [Account(f"da-{name}", 33_000 + n, "all") for n, name in enumerate(("north", "south"))]


def _person(host: Host) -> str:
    assert host.owner, "machines of people have one"
    return host.owner.name


def _habits(estate: Estate, seed: int, days: int, noise: float) -> None:
    """Which servers each administrator sees to, and which come to that in time."""
    chance = Chance(seed, "habits")
    servers = [host for host in estate.having("server", "file") if not host.joins]
    newcomers = [host for host in estate.having("server") if host.joins]
    jumps = estate.having("jump")
    styles: tuple[Literal["direct", "run-as", "jump"], ...] = ("jump", "direct", "run-as")
    for number, host in enumerate(estate.having("admin")):
        account = Account(f"adm-{_person(host)}", 31_000 + host.number, "servers")
        habits = tuple(chance.sample(servers, chance.whole(4, 9)))
        tool = chance.pick(("PsExec64.exe", "PsExec.exe", "PsExec64.exe", "psexec.exe", "PAExec.exe"))
        others = [server for server in servers if server not in habits]
        adopting = Chance(seed, "adopted", number)  # of its own, or more days would change who comes next
        adopted = [
            (day, adopting.pick(others)) for day in range(days) if others and adopting.happens(0.2 * noise)
        ]
        mine = [host for place, host in enumerate(newcomers) if place % len(estate.having("admin")) == number]
        adopted = sorted([*adopted, *((host.joins, host) for host in mine)], key=lambda since: since[0])
        estate.administrators.append(
            Administrator(
                account, host, styles[number % 3], jumps[number % len(jumps)], tool, habits, tuple(adopted)
            )
        )


def _lease(estate: Estate, chance: Chance, days: int) -> None:
    """Fixed addresses for servers; workstations change theirs now and then, and an address goes round."""
    free: dict[int, deque[tuple[str, Host, int]]] = {site.number: deque() for site in estate.sites}
    fresh = dict.fromkeys(free, 0)
    people = estate.having(*PEOPLE_ROLES)
    for host in estate.hosts:
        net = 20 + host.site.number
        number = host.number if host.is_server else fresh[host.site.number]
        fresh[host.site.number] += not host.is_server
        part = 200 if host.is_server else 10
        host.leases = [(0, f"10.{net}.{part + number // 200}.{20 + number % 200}")]
    for day in (day for day in range(days) if is_working_day(day)):
        for site in estate.sites:
            there = [host for host in people if host.site is site]
            moving = chance.sample(there, max(4, len(there) // 20))
            span = moment(day, 9.5, site.zone), moment(day, 15.5, site.zone)
            for host, when in zip(moving, chance.clocks(len(moving), *span), strict=True):
                _move(estate, host, when, free[site.number], fresh, chance)


def _move(
    estate: Estate,
    host: Host,
    when: int,
    free: deque[tuple[str, Host, int]],
    fresh: dict[int, int],
    chance: Chance,
) -> None:
    """One change of address: what was given up is given out again, the last or the oldest of it first."""
    old = host.ip(when)
    if free and (len(free) > 2 or chance.happens(0.75)):
        new, former, given_up = free.pop() if chance.happens(0.6) else free.popleft()
        if former is not host:
            estate.handed_on.append((given_up, former, host, when))
    else:
        number = fresh[host.site.number]
        fresh[host.site.number] += 1
        new = f"10.{20 + host.site.number}.{10 + number // 200}.{20 + number % 200}"
    host.leases.append((when, new))
    free.append((old, host, when))
