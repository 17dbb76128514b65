"""What administrators and the help desk do on purpose: habits, exceptions, mistakes, patch evenings."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from lmgraph.simulate.acts import SPELLINGS, Acts, psexec_named, spell
from lmgraph.simulate.background import tools
from lmgraph.simulate.chance import Chance
from lmgraph.simulate.estate import Account, Administrator, Host
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
_DESK_TOOL: Final = psexec_named("PsExec64.exe", _TOOLS)


def write(world: World, day: int) -> None:
    """One day of all who administer."""
    for number in range(len(world.estate.administrators)):
        _administer(world, world.background("admin", number, day), number, day)
    for number, (account, host) in enumerate(world.estate.desk):
        _help(world, world.background("desk", number, day), account, host, day)
    if is_working_day(day):
        _see_to_the_domain(world, day)
    if day % 7 == _PATCHING:
        _patch(world, day)


def covered(world: World, number: int, day: int) -> tuple[Host, ...]:
    """The habits that the administrator of that number takes over on a day: of the one before, if away."""
    other = world.estate.administrators[number - 1]
    return other.habits if world.calendar.away(other.host, day) else ()


def _administer(world: World, acts: Acts, number: int, day: int) -> None:
    admin = world.estate.administrators[number]
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
    if admin.style == "run-as" and chance.happens(0.35):  # a shell for it all, instead of typing each time
        hours = (workday.last - visits[0]) / HOUR
        session = acts.run_as(session, visits[0] - 2 * MINUTE, admin.account, hours)
    others = covered(world, number, day)
    for when in visits:
        target = _whither(world, chance, admin, others, day)
        if target is not session.host:
            _visit(world, acts, chance, admin, session, target, when + chance.whole(10, 300) * SECOND)


def _whither(world: World, chance: Chance, admin: Administrator, others: tuple[Host, ...], day: int) -> Host:
    """Mostly where the habit leads, or that of the colleague who is away; sometimes elsewhere."""
    adopted = [host for since, host in admin.adopted if since <= day]
    if others and chance.happens(0.5):
        return chance.habit(others)
    if adopted and chance.happens(0.3):
        return chance.pick(adopted)
    if chance.happens(0.06 * world.options.noise):
        return chance.pick(world.estate.there(day, "server", "file", "workstation"))
    return chance.habit(admin.habits)


def _visit(
    world: World, acts: Acts, chance: Chance, admin: Administrator, by: Session, target: Host, when: int
) -> None:
    """One administrative visit."""
    typed = None if by.account == admin.account else admin.account
    token = spell(target, when, chance.habit(SPELLINGS), lower=chance.happens(0.5))
    if chance.happens(0.08 * world.options.noise):
        _slip(world, acts, chance, by, target, when - 2 * MINUTE, typed)
    how = chance.generator.random()
    if how < 0.45:
        tool = tools.psexec(world, admin, by, chance)
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
        tools.look(acts, by, target, when, token, chance)


def _slip(
    world: World, acts: Acts, chance: Chance, by: Session, target: Host, when: int, typed: Account | None
) -> None:
    """What goes wrong before it goes right: a name that does not exist, another host, a refusal."""
    how = chance.generator.random()
    if how < 0.35:
        acts.misspell(by, when, _misspelt(world, target.name, chance))
    elif how < 0.5:  # the neighbour, one digit beside
        servers = world.estate.there(0, "server")
        beside = [after for before, after in pairwise(servers) if before is target]
        wrong = beside[0] if beside else servers[0]
        if wrong not in {by.host, target}:
            acts.net_use(by, wrong, when, "C$", typed=typed)
    elif how < 0.8:  # without the right account, or with a wrong password
        acts.net_use(by, target, when, "C$", refused=True)
    else:
        for attempt in range(chance.whole(1, 3)):
            acts.net_use(by, target, when + attempt * 20 * SECOND, "ADMIN$", typed=typed, refused=True)


def _misspelt(world: World, name: str, chance: Chance) -> str:
    """The name with a letter doubled or left out, or two swapped, so that it is nobody's."""
    place = chance.whole(1, len(name) - 2)
    before, here, after, rest = name[:place], name[place], name[place + 1], name[place + 2 :]
    names = {host.name for host in world.estate.hosts}
    tries = [before + here + here + after + rest, before + after + rest, before + after + here + rest]
    tries.append(name + name[0])  # no name ends with a letter, so one is always left
    return chance.pick([wrong for wrong in tries if wrong not in names])


def _help(world: World, acts: Acts, account: Account, host: Host, day: int) -> None:
    """The help desk visits machines of people who called, a new one each time."""
    workday = world.calendar.day(day).get(host)
    if workday is None:
        return
    chance = world.chance("desk", account.name, day)
    session = acts.stay(host, workday.first + 3 * MINUTE, workday.last - MINUTE, account, 2)
    people = [
        other
        for other in world.estate.there(day, "workstation")
        if world.calendar.at_work(other, workday.first)
    ]
    calls = chance.clocks(chance.count(5), workday.first + 10 * MINUTE, workday.last - 40 * MINUTE)
    for when, target in zip(calls, chance.sample(people, len(calls)), strict=False):
        token = spell(target, when, chance.habit(("short", "address")))
        acts.net_use(session, target, when, "C$", token=token)
        if chance.happens(0.5):
            acts.probe(session, target, when + SECOND, token=token)
            acts.note(host, target, account, when, "user-mode smb")
        if chance.happens(0.15):
            acts.psexec(
                session, target, when + 2 * MINUTE, _DESK_TOOL, token=token, as_system=True, run=_RUNS[2]
            )
        elif chance.happens(0.05 * world.options.noise):
            other = chance.pick(people)
            if other is not target:
                _carry_over(acts, chance, session, target, other, when + 2 * MINUTE)
        if chance.happens(0.7):
            acts.unmap(session, target, when + 15 * MINUTE, "C$")


def _carry_over(acts: Acts, chance: Chance, by: Session, target: Host, other: Host, when: int) -> None:
    """A shell on somebody's machine, and from there the files of another one's."""
    shell = acts.psexec(by, target, when, _DESK_TOOL, typed=by.account)
    when += chance.whole(2, 12) * MINUTE
    if not acts.answers(target, when):
        return
    if chance.happens(0.5):
        acts.net_use(shell, other, when, "C$")
    else:
        acts.copy(shell, other, when, r"C:\Users\Public\Documents")


def _see_to_the_domain(world: World, day: int) -> None:
    """Most days an administrator of the domain looks after a controller, from a jump host."""
    chance, acts, estate = world.chance("domain", day), world.background("domain", day), world.estate
    account, jump = estate.masters[0], estate.only("jump")
    workdays = world.calendar.day(day)
    at_work = [admin for admin in estate.administrators if admin.host in workdays]
    if not at_work or chance.happens(0.3):
        return
    administrator, workday = at_work[0], workdays[at_work[0].host]
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
    present = [admin for admin in estate.administrators if not world.calendar.away(admin.host, day)]
    admin = chance.pick(present)
    start = moment(day, 19.5, estate.sites[0].zone) + chance.whole(0, 40) * MINUTE
    evening = acts.stay(admin.host, start - 9 * MINUTE, start + 4 * HOUR, admin.account, 2)
    session = acts.remote_desktop(evening, admin.jump, start, admin.account, 3)
    servers = [host for host in estate.there(day, "server", "file") if host is not admin.jump]
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
