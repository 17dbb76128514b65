"""The attacker: footholds, stolen accounts, and the ways to move on. Every move is put down as truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from lmgraph.simulate.acts import CMD, NET, SPELLINGS, Spelling, Tool, network_account, psexec_named, spell
from lmgraph.simulate.estate import DOMAIN, Account, Administrator, Host, Role
from lmgraph.simulate.sensor import VOLUME, Session
from lmgraph.simulate.times import MINUTE, SECOND, horizon, moment
from lmgraph.simulate.truth import Attack, Hop, Outcome
from lmgraph.simulate.world import World

Way = Literal["full", "psexec", "net use", "renamed", "toolkit", "remote service", "rdp"]
_DISGUISES: Final = ("svcupdate.exe", "wuahost.exe", "mcagent.exe", "dllhost32.exe")
_TOOLKITS: Final = ("smbx.exe", "sync64.exe", "py.exe")
_FOLDERS: Final = ("Users\\Public", "Windows\\Temp", "ProgramData", "PerfLogs")


@dataclass(frozen=True, slots=True)
class Foothold:
    """A host that the attacker commands, as whom, since when (ms), and the hop that led there."""

    session: Session
    since: int
    hop: int | None

    @property
    def host(self) -> Host:
        """The host."""
        return self.session.host


class Intruder:
    """One attack. Draws from a stream of its own, and writes with a pen of its own."""

    def __init__(self, world: World, scenario: str, number: int, day: int, taken: set[Host]) -> None:
        self.world, self.scenario, self.day = world, scenario, day
        self.chance = world.chance("scenario", scenario, number)
        self.acts = world.intruder("scenario", scenario, number)
        self.name = f"{scenario}-{number}"
        self.attack: Attack | None = None
        self.end = horizon(world.options.days)[1] - 20 * MINUTE
        self._taken = taken
        self.visited: set[Host] = set()
        folder = self.chance.pick(_FOLDERS)
        name = self.chance.pick(("PsExec.exe", "PsExec64.exe", "psexec.exe", "PAExec.exe"))
        self.tool = psexec_named(name, folder)
        disguise = self.chance.pick(_DISGUISES)
        service = "".join(self.chance.sample("abcdefghijklmnopqrstuvwxyz", 7))
        self.disguised = Tool(rf"{VOLUME}\{folder}\{disguise}", service, rf"{VOLUME}\Windows\{service}.exe")
        self.toolkit = rf"{VOLUME}\{folder}\{self.chance.pick(_TOOLKITS)}"

    # Where it stands -------------------------------------------------------------------------------------

    def enter(
        self, host: Host, when: int, *, session: Session | None = None, goal: str = "", stealth: str = "none"
    ) -> Foothold:
        """Take over a session on the first host."""
        session = session or self.session(host, when)
        self.attack = Attack(
            self.name, self.scenario, goal or self.scenario, stealth, host, session.account, when
        )
        self.claim(host)
        return Foothold(session, when, None)

    def claim(self, host: Host) -> None:
        """The host belongs to this attack; others in the same world keep away from it if they can."""
        self.visited.add(host)
        self._taken.add(host)

    def session(self, host: Host, when: int) -> Session:
        """A session there: of the person at work, of an administrator, of a service, or a new one."""
        present = self.present(host, when)
        if present:
            return present[0]
        account = host.owner or host.service or self.administrator().account
        return self.acts.pen.logon(host, when - 5 * MINUTE, account, 2)

    def present(self, host: Host, when: int) -> list[Session]:
        """Who has a session on the host at that time, the strongest accounts first."""
        found = self.world.ledger.present(host, when)
        own = self.world.calendar.at_work(host, when)
        found += [own] if own else []
        rank = {"all": 0, "servers": 1, "workstations": 2, "none": 3}
        return sorted(found, key=lambda session: rank[session.account.reach])

    def administrator(self) -> Administrator:
        """One of those who administer servers."""
        return self.chance.pick(self.world.estate.administrators)

    # Where it can go -------------------------------------------------------------------------------------

    def on(self, host: Host, when: int) -> bool:
        """Whether the host is switched on."""
        return host.is_server or self.world.calendar.at_work(host, when) is not None

    def workplace(self) -> tuple[Host, int]:
        """A workstation with a sensor whose person is at work, and a moment (ms) of that morning."""
        for day in range(self.day, self.world.options.days):
            workdays = self.world.calendar.day(day)
            hosts = [host for host in workdays if host.managed and host.role == "workstation"]
            free = [host for host in hosts if host not in self._taken] or hosts
            if free:
                host = self.chance.pick(free)
                workday = workdays[host]
                return host, round(
                    self.chance.between(workday.first + 20 * MINUTE, (workday.first + workday.last) / 2)
                )
        host = self.world.estate.having("workstation")[0]  # a weekend on which nobody comes
        return host, moment(self.day, self.chance.between(9, 12), host.site.zone)

    def targets(self, *roles: Role, number: int, bare: bool = False) -> list[Host]:
        """So many hosts of these roles, with a sensor (or ``bare``), untouched so far if possible."""
        hosts = [host for host in self.world.estate.having(*roles) if host.managed is not bare]
        fresh = [host for host in hosts if host not in self._taken]
        if len(fresh) < number:
            fresh = [host for host in hosts if host not in self.visited]
        return self.chance.sample(fresh, number)

    def pause(self, when: int, minutes: float, sigma: float = 0.6) -> int:
        """A later moment: so many minutes at the median, at most thrice that, at least 1.5."""
        length = min(max(self.chance.spread(minutes, sigma), 1.5), 3 * minutes)
        return when + round(length * MINUTE)

    # How it goes there -----------------------------------------------------------------------------------

    def move(
        self, start: Foothold, target: Host, when: int, way: Way, *,
        account: Account | None = None, spelling: Spelling | None = None,
    ) -> Foothold | None:  # fmt: skip
        """Move on; ``account``: whose rights, else the session's.

        Returns:
            The new foothold; None where no code ran, or the simulation is over.
        """
        if when >= self.end:
            return None
        chosen = self.chance.habit(SPELLINGS) if spelling is None else spelling
        token = spell(target, when, chosen, lower=self.chance.happens(0.5))
        by, rights, landed = start.session, account or start.session.account, None
        typed = rights if rights != by.account else None
        self._begin()
        if self.on(target, when):
            landed = self._act(way, by, target, when, token, typed)
            outcome: Outcome = "accessed" if way == "net use" else "executed"
        else:
            self._act_in_vain(way, by, target, when, token)
            outcome = "attempted"
        said = None if way in {"toolkit", "rdp"} else token
        hop = self._put_down(start, target, when, _HOW[way], outcome, rights, token=said)
        if landed is None or outcome != "executed":
            return None
        self.claim(target)
        return Foothold(landed, hop.last, hop.number)

    def _act(
        self, way: Way, by: Session, target: Host, when: int, token: str, typed: Account | None
    ) -> Session | None:
        acts, chance = self.acts, self.chance
        if way == "toolkit":
            return acts.toolkit(by, target, when, self.toolkit, typed or by.account)
        if way == "rdp":
            return acts.remote_desktop(by, target, when, typed or by.account, chance.between(1, 4))
        if typed and chance.happens(0.4):  # the secret is passed, not typed: a session of its own, of type 9
            by, typed = acts.pen.logon(by.host, when - 20 * SECOND, typed, 9), None
        if way == "remote service":
            name = "".join(chance.sample("abcdefghijklmnopqrstuvwxyz", 6))
            path = rf"C:\Windows\{name}.exe"
            return acts.remote_service(by, target, when, name, path, token=token)
        if way in {"full", "net use"}:
            share = chance.pick(("ADMIN$", "C$"))
            acts.net_use(by, target, when, share, token=token, typed=typed)
            if way == "net use":
                return None
            if chance.happens(0.5):
                acts.probe(by, target, when + SECOND, token=token)
            when += chance.whole(15, 120) * SECOND
        tool = self.disguised if way == "renamed" else self.tool
        return acts.psexec(by, target, when, tool, token=token, typed=typed, as_system=chance.happens(0.4))

    def _act_in_vain(self, way: Way, by: Session, target: Host, when: int, token: str) -> None:
        """The same against a host that is switched off: only the source sees it."""
        if way == "toolkit":
            self.acts.dial_in_vain(by, target, when, self.toolkit)
        elif way in {"full", "net use"}:
            self.acts.call_in_vain(by, target, when, NET, rf"net  use \\{token}\C$")
        elif way == "remote service":
            self.acts.call_in_vain(by, target, when, CMD, rf"cmd.exe /c copy a.exe \\{token}\ADMIN$\a.exe")
        else:
            tool = self.disguised if way == "renamed" else self.tool
            self.acts.call_in_vain(
                by, target, when, tool.image, rf"{tool.command} \\{token} -accepteula cmd.exe"
            )

    def fail(self, start: Foothold, target: Host, when: int) -> None:
        """Try a share with an account that is no administrator there; it is refused."""
        if when >= self.end or not self.on(target, when):
            return
        token, account = spell(target, when, "short"), network_account(start.session)
        self._begin()
        self.acts.net_use(start.session, target, when, "C$", token=token, refused=True)
        self._put_down(start, target, when, "net use", "attempted", account, token=token)

    def fan_out(
        self, start: Foothold, targets: Sequence[Host], when: int, account: Account, *, listed: bool
    ) -> None:
        """Code on many hosts within minutes: one command with a list, or one for each."""
        acts, tool = self.acts, self.tool
        typed = account if account != start.session.account else None
        run = r"cmd.exe /c C:\PerfLogs\x.exe"
        self._begin()
        if listed:
            credentials = rf" -u {DOMAIN}\{account.name} -p {account.secret}" if typed else ""
            command = rf"{tool.command} @C:\PerfLogs\h.txt{credentials} -accepteula -d -s {run}"
            acts.pen.process(start.session, when, tool.image, command)
        for target in targets:
            when += self.chance.whole(400, 4_000)
            if when >= self.end:
                return
            token = None if listed else spell(target, when, "short")
            outcome: Outcome = "executed"
            if not self.on(target, when):
                image, command = (
                    ("", "") if listed else (tool.image, rf"{tool.command} \\{token} -accepteula {run}")
                )
                acts.call_in_vain(start.session, target, when, image, command)
                outcome = "attempted"
            elif listed:
                acts.land(start.session, target, when, tool, typed=typed, as_system=True, run=run)
            else:
                acts.psexec(
                    start.session, target, when, tool, token=token or "", typed=typed, as_system=True, run=run
                )
            self._put_down(
                start, target, when, "psexec @list" if listed else "psexec", outcome, account, token=token
            )
            self._begin()

    def _begin(self) -> None:
        self.acts.pen.ids.clear()
        self.acts.pen.latest = 0

    def _put_down(
        self, start: Foothold, target: Host, when: int, how: str, outcome: Outcome, account: Account, *,
        token: str | None,
    ) -> Hop:  # fmt: skip
        """The truth about the move that was just made."""
        assert self.attack, "enter() comes first"
        actor = start.session.account
        hop = Hop(
            number=len(self.attack.hops), parent=start.hop, source=start.host, target=target, account=account,
            actor=actor, explicit=account != actor, first=when, last=max(when, self.acts.pen.latest),
            outcome=outcome, how=how, protocol="rdp" if how == "rdp" else "smb", token=token,
            events=tuple(self.acts.pen.ids),
        )  # fmt: skip
        self.attack.hops.append(hop)
        return hop


_HOW: Final[dict[Way, str]] = {
    "full": "net use, psexec",
    "psexec": "psexec",
    "net use": "net use",
    "renamed": "renamed psexec",
    "toolkit": "user-mode smb",
    "remote service": "copy, sc",
    "rdp": "rdp",
}
