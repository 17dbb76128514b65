"""What administrators and the help desk do on purpose: habits, exceptions, patch evenings, roll-outs."""

from __future__ import annotations

from typing import Final

from lmgraph.simulate.acts import SPELLINGS, Acts, psexec_named, spell
from lmgraph.simulate.background import machines
from lmgraph.simulate.chance import Chance
from lmgraph.simulate.estate import Account, Administrator, Host, may
from lmgraph.simulate.sensor import Session
from lmgraph.simulate.times import HOUR, MINUTE, SECOND, is_working_day, moment
from lmgraph.simulate.world import World

_RUNS: Final = (
    "cmd.exe",
    "ipconfig.exe /flushdns",
    "gpupdate.exe /force",
    "cmd.exe /c sc query",
    "tasklist.exe",
)
_PATCHING: Final = 1  # Tuesday
_TOOLS: Final = "Tools"


def write(world: World, day: int) -> None:
    """One day of all who administer."""
    for number, administrator in enumerate(world.estate.administrators):
        _administer(world, world.background("admin", number, day), administrator, day)
    for number, (account, host) in enumerate(world.estate.desk):
        _help(world, world.background("desk", number, day), account, host, day)
    if is_working_day(day):
        _see_to_the_domain(world, day)
    if day % 7 == _PATCHING:
        _patch(world, day)
    if day == rollout_day(world):
        _roll_out(world, day)


def rollout_day(world: World) -> int:
    """The working day, among the first two weeks', on which software is rolled out."""
    return world.chance("rollout").pick([day for day in range(14) if is_working_day(day)])


def _administer(world: World, acts: Acts, admin: Administrator, day: int) -> None:
    workday = world.calendar.day(day).get(admin.host)
    if workday is None:
        return
    chance = world.chance("admin", admin.account.name, day)
    visits = chance.clocks(1 + chance.count(3), workday.first + 20 * MINUTE, workday.last - 30 * MINUTE)
    session = workday.session
    if admin.style == "direct":  # the admin's account is logged on to the machine all day
        session = acts.stay(admin.host, workday.first + 5 * MINUTE, workday.last - MINUTE, admin.account, 2)
    if admin.style == "jump":
        hours = (workday.last - visits[0]) / HOUR - 0.2
        if chance.happens(0.25):  # tools are put there by hand
            acts.net_use(session, admin.jump, visits[0] - 4 * MINUTE, "C$", typed=admin.account)
        session = acts.remote_desktop(session, admin.jump, visits[0] - MINUTE, admin.account, hours)
    for when in visits:
        _visit(world, acts, chance, admin, session, when + chance.whole(10, 300) * SECOND, day)


def _visit(
    world: World, acts: Acts, chance: Chance, admin: Administrator, by: Session, when: int, day: int
) -> None:
    """One administrative visit: mostly where the habit leads, sometimes elsewhere."""
    target, noise = chance.habit(admin.habits), world.options.noise
    adopted = [host for since, host in admin.adopted if since <= day]
    if adopted and chance.happens(0.3):
        target = chance.pick(adopted)
    elif chance.happens(0.06 * noise):
        target = chance.pick(world.estate.having("server", "file", "workstation"))
    if target is by.host:
        return
    typed = admin.account if admin.style == "run-as" else None
    token = spell(target, when, chance.habit(SPELLINGS), lower=chance.happens(0.5))
    how = chance.generator.random()
    if how < 0.45:
        tool = psexec_named(admin.tool, _TOOLS)
        if how < 0.2:
            acts.net_use(by, target, when - 45 * SECOND, "ADMIN$", token=token, typed=typed)
        system, run = chance.happens(0.4), chance.pick(_RUNS)
        acts.psexec(by, target, when, tool, token=token, typed=typed, as_system=system, run=run)
    elif how < 0.7:
        acts.net_use(by, target, when, chance.pick(("C$", "ADMIN$", "c$")), token=token, typed=typed)
        if chance.happens(0.4):
            acts.unmap(by, target, when + 6 * MINUTE, "C$")
    elif how < 0.9:  # the file explorer
        account = typed or by.account
        acts.smb(by.host, target, when, account, "C$")
        acts.note(by.host, target, account, when, "admin share")
    else:
        acts.probe(by, target, when, token=token)
        acts.note(by.host, target, by.account, when, "user-mode smb")


def _help(world: World, acts: Acts, account: Account, host: Host, day: int) -> None:
    """The help desk visits machines of people who called, a new one each time."""
    workday = world.calendar.day(day).get(host)
    if workday is None:
        return
    chance = world.chance("desk", account.name, day)
    session = acts.stay(host, workday.first + 3 * MINUTE, workday.last - MINUTE, account, 2)
    people = [
        other for other in world.estate.having("workstation") if world.calendar.at_work(other, workday.first)
    ]
    calls = chance.clocks(chance.count(5), workday.first + 10 * MINUTE, workday.last - 40 * MINUTE)
    for when, target in zip(calls, chance.sample(people, len(calls)), strict=False):
        token = spell(target, when, chance.habit(("short", "address")))
        acts.net_use(session, target, when, "C$", token=token)
        if chance.happens(0.5):
            acts.probe(session, target, when + SECOND, token=token)
            acts.note(host, target, account, when, "user-mode smb")
        if chance.happens(0.15):
            tool = psexec_named("PsExec64.exe", _TOOLS)
            acts.psexec(
                session,
                target,
                when + 2 * MINUTE,
                tool,
                token=token,
                as_system=True,
                run="gpupdate.exe /force",
            )
        if chance.happens(0.7):
            acts.unmap(session, target, when + 15 * MINUTE, "C$")


def _see_to_the_domain(world: World, day: int) -> None:
    """Most days an administrator of the domain looks after a controller, from a jump host."""
    chance, acts, estate = world.chance("domain", day), world.background("domain", day), world.estate
    account, jump = estate.masters[0], estate.only("jump")
    administrator = estate.administrators[0]
    workday = world.calendar.day(day).get(administrator.host)
    if workday is None or chance.happens(0.3):
        return
    when = workday.first + chance.whole(60, 300) * MINUTE
    session = acts.remote_desktop(workday.session, jump, when, account, chance.between(0.5, 2))
    controller = chance.habit(estate.having("dc"))
    when += chance.whole(2, 15) * MINUTE
    if chance.happens(0.5):
        tool = psexec_named(administrator.tool, _TOOLS)
        acts.psexec(
            session,
            controller,
            when,
            tool,
            as_system=chance.happens(0.3),
            run="cmd.exe /c repadmin /showrepl",
        )
    else:
        acts.net_use(session, controller, when, "C$")


def _patch(world: World, day: int) -> None:
    """An evening of PsExec from a jump host to a third of the servers, one after the other or by a list."""
    chance, acts, estate = world.chance("patch", day), world.background("patch", day), world.estate
    admin = chance.pick(estate.administrators)
    start = moment(day, 19.5, estate.sites[0].zone) + chance.whole(0, 40) * MINUTE
    evening = acts.stay(admin.host, start - 9 * MINUTE, start + 4 * HOUR, admin.account, 2)
    session = acts.remote_desktop(evening, admin.jump, start, admin.account, 3)
    servers = [host for host in estate.having("server", "file") if host is not admin.jump]
    chosen = chance.sample(servers, max(3, len(servers) // 3))
    tool, run = psexec_named("PsExec64.exe", _TOOLS), r"cmd.exe /c \\deploy\patch\run.cmd"
    listed = chance.happens(0.4)
    when = start + 5 * MINUTE
    if listed:
        command = rf"PsExec64.exe @C:\Tools\servers.txt -accepteula -s {run}"
        acts.pen.process(session, when, tool.image, command)
    for host in chosen:
        when += chance.whole(25, 90) * SECOND
        if listed:
            acts.note(session.host, host, admin.account, when, "psexec")
            acts.land(session, host, when, tool, as_system=True, run=run)
        else:
            acts.psexec(session, host, when, tool, as_system=True, run=run)
        if host.managed and chance.happens(0.5):
            acts.pen.online(host, when + 12 * MINUTE)


def _roll_out(world: World, day: int) -> None:
    """A service account puts software on the workstations of a site, or of all."""
    chance, acts, estate = world.chance("rollout", day), world.background("rollout", day), world.estate
    host = estate.only("deploy")
    session = Session(_service(host), machines.service_logon(host), host)
    workers = [host for host in estate.having("workstation") if _switched_on(world, host, day)]
    chosen = chance.sample(workers, round(len(workers) * chance.between(0.4, 0.9)))
    tool = psexec_named("PAExec.exe", _TOOLS)
    when = moment(day, 12, estate.sites[0].zone)
    for target in chosen:
        when += chance.whole(4, 30) * SECOND
        if may(session.account, target):
            acts.psexec(session, target, when, tool, as_system=True, run="msiexec.exe /i agent.msi /qn")


def _switched_on(world: World, host: Host, day: int) -> bool:
    return world.calendar.at_work(host, moment(day, 14)) is not None


def _service(host: Host) -> Account:
    assert host.service, "every deployment host has a service account"
    return host.service
