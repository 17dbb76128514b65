"""The attacker: footholds, stolen accounts, and the ways to move on. Every move is put down as truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from lmgraph.simulate.acts import NET, SPELLINGS, Spelling, network_account, spell, system
from lmgraph.simulate.background import tools
from lmgraph.simulate.estate import DOMAIN, Account, Administrator, Host, Role, may
from lmgraph.simulate.scenarios import craft
from lmgraph.simulate.sensor import Session
from lmgraph.simulate.times import HOUR, MINUTE, SECOND, horizon
from lmgraph.simulate.truth import Attack, Hop, Outcome
from lmgraph.simulate.world import World

Way = Literal["full", "psexec", "net use", "renamed", "toolkit", "remote service", "rdp"]
_TOKENLESS: Final = frozenset({"toolkit", "rdp"})


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
        self.craft = craft.draw(self.chance)
        self._woken: set[Host] = set()

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

    def free(self, hosts: Sequence[Host]) -> list[Host]:
        """Those that no attack holds; all, if there are none."""
        return [host for host in hosts if host not in self._taken] or list(hosts)

    def session(self, host: Host, when: int) -> Session:
        """A session there: the strongest that is present, or a new one."""
        present, pen = self.present(host, when), self.acts.pen
        if present:
            return present[0]
        if host.is_server:  # the flaw of a service that runs as the system, or a stolen account
            if self.chance.happens(0.5):
                return system(host)
            return pen.logon(host, when - 5 * MINUTE, self.administrator().account, 2)
        if not self.on(host, when):
            self._woken.add(host)
            pen.online(host, when - 7 * MINUTE)
        return pen.logon(host, when - 5 * MINUTE, host.owner or self.administrator().account, 2)

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

    def borrow(self, admin: Administrator) -> None:
        """Use the administrator's own PsExec, where that one keeps it, or a copy of that on the share."""
        folder = tools.folder_of(self.world, admin)
        if folder in tools.HOMES:
            folder = rf"Users\{{who}}\{folder}"
        self.craft = replace(self.craft, name=admin.tool, folder="Tools" if folder == tools.SHARE else folder)

    # Where it can go -------------------------------------------------------------------------------------

    def on(self, host: Host, when: int) -> bool:
        """Whether the host is switched on."""
        return host.is_server or self.world.calendar.at_work(host, when) is not None

    def awake(self, start: Foothold, when: int) -> bool:
        """Whether a foothold's host is switched on, if need be by the intruder."""
        return start.host in self._woken or self.on(start.host, when)

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

    def dwell(self, when: int) -> int:
        """A moment two to ten hours later, if it is not beyond the end."""
        later = when + round(self.chance.between(2, 10) * HOUR)
        return later if later < self.end - HOUR else when

    # How it goes there -----------------------------------------------------------------------------------

    def move(
        self, start: Foothold, target: Host, when: int, way: Way, *,
        account: Account | None = None, spelling: Spelling | None = None,
    ) -> Foothold | None:  # fmt: skip
        """Move on; ``account``: whose rights, else the session's.

        Returns:
            The new foothold; None where no code ran, the source is off, or the simulation is over.
        """
        if when >= self.end or not self.awake(start, when):
            return None
        chosen = self.chance.habit(SPELLINGS) if spelling is None else spelling
        token = spell(target, when, chosen, lower=self.chance.happens(0.5))
        by, landed = start.session, None
        rights = account or network_account(by)
        typed = rights if rights != network_account(by) else None
        self._begin()
        if self.on(target, when):
            landed = self._act(way, by, target, when, token, typed)
            outcome: Outcome = "accessed" if way == "net use" else "executed"
        else:
            self._act_in_vain(way, by, target, when, token)
            outcome = "attempted"
        said = None if way in _TOKENLESS else token
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
            account = typed or network_account(by)
            return craft.user_mode(acts, chance, self.craft, by, target, when, account)
        if way == "rdp":
            return acts.remote_desktop(by, target, when, typed or by.account, chance.between(1, 4))
        # The secret is passed, not typed: a session of its own, of type 9. sc has no place to type one.
        if typed and (way == "remote service" or chance.happens(self.craft.passes)):
            by, typed = acts.pen.logon(by.host, when - 20 * SECOND, typed, 9), None
        if way == "remote service":
            return craft.remote_service(acts, chance, self.craft, by, target, when, token)
        if way in {"full", "net use"}:
            self._open_share(by, target, when, token, typed)
            if way == "net use":
                return None
            when += round(min(max(chance.spread(self.craft.haste, 0.8), 5), 900) * SECOND)
        tool = self.craft.tool(by.account, disguised=way == "renamed")
        return acts.psexec(
            by, target, when, tool, token=token, typed=typed, as_system=chance.happens(0.4),
            run=chance.pick(self.craft.runs),
        )  # fmt: skip

    def _open_share(self, by: Session, target: Host, when: int, token: str, typed: Account | None) -> None:
        chance, acts = self.chance, self.acts
        share = chance.pick(("ADMIN$", "C$", "c$"))
        acts.net_use(by, target, when, share, token=token, typed=typed)
        if chance.happens(0.4):
            acts.probe(by, target, when + chance.whole(1, 4) * SECOND, token=token)
        if share == "C$" and chance.happens(0.4):  # it tidies up
            acts.unmap(by, target, when + chance.whole(2, 6) * MINUTE, share)

    def _act_in_vain(self, way: Way, by: Session, target: Host, when: int, token: str) -> None:
        """The same against a host that is switched off: only the source sees it."""
        acts, made, run = self.acts, self.craft, self.chance.pick(self.craft.runs)
        if way == "toolkit":
            image = made.toolkit(by.account)
            number = acts.pen.process(by, when, image, made.call(spell(target, when, "address"), run))
            acts.pen.connect(by.host, when + acts.pen.delay(300, 900), target.ip(when), number, image)
        elif way in {"full", "net use"}:
            acts.call_in_vain(by, target, when, NET, rf"net  use \\{token}\C$")
        elif way == "remote service":
            acts.call_in_vain(by, target, when, *craft.copy_command(made, token, made.disguise))
        else:
            tool = made.tool(by.account, disguised=way == "renamed")
            acts.call_in_vain(by, target, when, tool.image, rf"{tool.command} \\{token} -accepteula {run}")

    def stumble(self, start: Foothold, when: int) -> None:
        """A dead end: a share that is refused, or a host that is switched off."""
        hosts = [host for host in self.world.estate.hosts if host.managed and host not in self.visited]
        off = [host for host in hosts if not self.on(host, when)]
        if off and start.host.managed and self.chance.happens(0.4):  # without a sensor nothing would show
            way: Way = self.chance.pick(("psexec", "net use", "toolkit"))
            self.move(start, self.chance.pick(off), when, way)
            return
        account = network_account(start.session)
        barred = [host for host in hosts if self.on(host, when) and not may(account, host)]
        if barred:
            self.fail(start, self.chance.pick(barred), when)

    def fail(self, start: Foothold, target: Host, when: int) -> None:
        """Try a share with an account that is no administrator there; it is refused."""
        if when >= self.end or not self.on(target, when):
            return
        account = network_account(start.session)
        token = spell(target, when, self.chance.habit(SPELLINGS), lower=self.chance.happens(0.5))
        self._begin()
        share = self.chance.pick(("C$", "ADMIN$"))
        self.acts.net_use(start.session, target, when, share, token=token, refused=True)
        self._put_down(start, target, when, "net use", "attempted", account, token=token)

    def fan_out(
        self, start: Foothold, targets: Sequence[Host], when: int, account: Account, *, listed: bool
    ) -> None:
        """Code on many hosts within minutes: one command with a list, or one for each."""
        acts, tool = self.acts, self.craft.tool(start.session.account)
        typed = account if account != start.session.account else None
        run = self.craft.payload.format(server=start.host.name)
        spelling = self.chance.habit(SPELLINGS)
        self._begin()
        if listed:
            credentials = rf" -u {DOMAIN}\{account.name} -p {account.secret}" if typed else ""
            command = rf"{tool.command} @{self.craft.list}{credentials} -accepteula -d -s {run}"
            acts.pen.process(start.session, when, tool.image, command)
        for target in targets:
            when += self.chance.whole(400, 4_000)
            if when >= self.end:
                return
            token = None if listed else spell(target, when, spelling)
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
            actor=actor, explicit=account != network_account(start.session),
            first=when, last=max(when, self.acts.pen.latest),
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
