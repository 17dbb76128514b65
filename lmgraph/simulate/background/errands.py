"""What administrators do now and then: on from server to server, at people's machines, out of controllers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from lmgraph.simulate.acts import Acts, spell
from lmgraph.simulate.background import tools
from lmgraph.simulate.calendar import Workday
from lmgraph.simulate.chance import Chance
from lmgraph.simulate.estate import Administrator, Host
from lmgraph.simulate.sensor import Session
from lmgraph.simulate.times import MINUTE, SECOND, day_of, is_working_day
from lmgraph.simulate.world import World

_SERVICES: Final = ("ReportQueue", "LabelPrint", "Spooler", "OrderImport")
_AGENTS: Final = ("logship", "invagent", "certwatch")


def write(world: World, day: int) -> None:
    """The errands of one day."""
    for number, admin in enumerate(world.estate.administrators):
        workday = world.calendar.day(day).get(admin.host)
        if workday:
            _errands(world, world.background("errands", number, day), admin, workday, day)
    if is_working_day(day):
        _out_of_controllers(world, day)


def _errands(world: World, acts: Acts, admin: Administrator, workday: Workday, day: int) -> None:
    chance = world.chance("errands", admin.account.name, day)
    errand = _Errand(world, acts, chance, admin, workday.session)
    for likely, act in _ERRANDS:
        when = round(chance.between(workday.first + 30 * MINUTE, workday.last - 110 * MINUTE))
        if chance.happens(likely * world.options.noise):
            act(errand, when)


@dataclass(frozen=True, slots=True)
class _Errand:
    """Who does it: ``by`` is the session of the person at the administrator's own machine."""

    world: World
    acts: Acts
    chance: Chance
    admin: Administrator
    by: Session

    def from_a_server(self, when: int) -> None:
        """By remote desktop to a server, and from there to others."""
        base, *others = self.chance.sample(self.admin.habits, self.chance.whole(2, 4))
        there = self.acts.remote_desktop(
            self.by, base, when, self.admin.account, self.chance.between(0.7, 1.6)
        )
        self.go_round(there, others, when + self.chance.whole(3, 15) * MINUTE)

    def from_a_shell(self, when: int) -> None:
        """From the jump host to a second one, or to a server, by PsExec, and on from that shell."""
        session = self.acts.remote_desktop(self.by, self.admin.jump, when, self.admin.account, 1.5)
        jumps = [host for host in self.world.estate.having("jump") if host is not self.admin.jump]
        second, *others = self.chance.sample(self.admin.habits, self.chance.whole(2, 3))
        if jumps and self.chance.happens(0.5):
            second = self.chance.pick(jumps)
        when += self.chance.whole(2, 8) * MINUTE
        tool = tools.psexec(self.world, self.admin, session, self.chance)
        shell = self.acts.psexec(session, second, when, tool, typed=self.admin.account)
        self.go_round(shell, others, when + self.chance.whole(2, 12) * MINUTE)

    def at_a_persons_machine(self, when: int) -> None:
        """Beside somebody who has a problem: logged on there, or a shell as the own account, to a server."""
        day, site = self.world.calendar.day(day_of(when)), self.admin.host.site
        people = [host for host in day if host.role == "workstation" and host.site is site]
        people = [host for host in people if day[host].first < when < day[host].last - 40 * MINUTE]
        if not people:
            return
        host = self.chance.pick(people)
        if self.chance.happens(0.5):
            session = self.acts.stay(host, when, when + 35 * MINUTE, self.admin.account, 2)
        else:
            session = self.acts.run_as(day[host].session, when, self.admin.account)
        targets = self.chance.sample(self.admin.habits, self.chance.whole(1, 2))
        self.go_round(session, targets, when + self.chance.whole(1, 6) * MINUTE)

    def by_hand(self, when: int) -> None:
        """A small agent put on a server as a service by Windows' own tools, or one restarted."""
        session = self.acts.run_as(self.by, when - MINUTE, self.admin.account)
        target = self.chance.pick(self.admin.habits)
        if self.chance.happens(0.5):
            name = self.chance.pick(_AGENTS)
            self.acts.remote_service(session, target, when, name, rf"C:\Windows\{name}.exe", run="")
            return
        service, token = self.chance.pick(_SERVICES), spell(target, when, lower=True)
        first = self.chance.pick(("query", "stop", "create"))
        self.acts.control(session, target, when, first, service, token=token)
        if first != "query":
            self.acts.control(session, target, when + 30 * SECOND, "start", service, token=token)

    def sweep(self, when: int) -> None:
        """Which machines of a site are there?"""
        hosts = [host for host in self.world.estate.there(day_of(when)) if host is not self.by.host]
        site = self.chance.pick(self.world.estate.sites)
        row = [host for host in hosts if host.site is site]
        first = self.chance.whole(0, max(0, len(row) - 10))
        tools.sweep(self.acts, self.by, row[first : first + self.chance.whole(8, 20)], when)

    def go_round(self, by: Session, targets: list[Host], when: int) -> None:
        """From one host to each of the others in turn, by whatever is at hand."""
        acts, chance = self.acts, self.chance
        for target in targets:
            if target is by.host:
                continue
            how, token = chance.generator.random(), spell(target, when, "short", lower=chance.happens(0.5))
            if how < 0.4:
                tool = tools.psexec(self.world, self.admin, by, chance)
                acts.psexec(by, target, when, tool, token=token)
            elif how < 0.65:
                acts.net_use(by, target, when, chance.pick(("C$", "ADMIN$")), token=token)
            elif how < 0.85:
                acts.copy(by, target, when, r"C:\Temp\fix")
            else:
                acts.control(by, target, when, "query", chance.pick(_SERVICES), token=token)
            when += chance.whole(2, 10) * MINUTE


_ERRANDS: Final[tuple[tuple[float, Callable[[_Errand, int], None]], ...]] = (
    (0.2, _Errand.from_a_server),
    (0.16, _Errand.from_a_shell),
    (0.2, _Errand.at_a_persons_machine),
    (0.2, _Errand.by_hand),
    (0.1, _Errand.sweep),
)


def _out_of_controllers(world: World, day: int) -> None:
    """An administrator of the domain works on a controller itself, and goes from there to members."""
    chance, acts, estate = world.chance("members", day), world.background("members", day), world.estate
    at_work = [admin for admin in estate.administrators if admin.host in world.calendar.day(day)]
    for _ in range(chance.count(0.5 + len(estate.hosts) / 500)):
        if not at_work:
            return
        admin, account = chance.pick(at_work), chance.pick(estate.masters)
        workday, controller = world.calendar.day(day)[admin.host], chance.habit(estate.having("dc"))
        errand = _Errand(world, acts, chance, admin, workday.session)
        when = round(chance.between(workday.first + 20 * MINUTE, workday.last - 110 * MINUTE))
        session = acts.remote_desktop(workday.session, controller, when, account, chance.between(0.7, 1.6))
        members = chance.sample(estate.there(day, "server", "file", "workstation"), chance.whole(1, 2))
        known = chance.sample(estate.there(0, "server")[:8], 1)
        targets = [*known, *(members if chance.happens(0.3 * world.options.noise) else [])]
        errand.go_round(session, targets, when + chance.whole(3, 15) * MINUTE)
