"""What people's machines do on a working day: start, logon script, file shares, programs, the web."""

from __future__ import annotations

from typing import Final

from lmgraph.simulate.acts import NET, Acts
from lmgraph.simulate.calendar import Workday
from lmgraph.simulate.chance import Chance
from lmgraph.simulate.estate import Host
from lmgraph.simulate.sensor import PROGRAMS, SYSTEM32, lasting
from lmgraph.simulate.times import HOUR, MINUTE, SECOND, moment
from lmgraph.simulate.world import World

_PROGRAMS: Final = ("OUTLOOK.EXE", "chrome.exe", "EXCEL.EXE", "Teams.exe", "msedge.exe", "WINWORD.EXE")
_SHARES: Final = ("projects", "sales", "public", "finance")
_JAVA: Final = rf"{PROGRAMS}\Java\bin\java.exe"  # brings an SMB client of its own


def write(world: World, day: int) -> None:
    """The day of everybody who comes."""
    acts, chance = world.background("people", day), world.chance("people", day)
    for host, workday in world.calendar.day(day).items():
        _morning(world, acts, host, workday)
        _files(world, acts, chance, host, workday)
        _programs(acts, chance, host, workday)
        acts.pen.logoff(workday.session, workday.last)
    _addresses(world, acts, day)


def _morning(world: World, acts: Acts, host: Host, workday: Workday) -> None:
    pen, first, session = acts.pen, workday.first, workday.session
    files = world.estate.file_server(host.site)
    pen.online(host, first - MINUTE)
    pen.logon(host, first, session.account, 2, logon_id=session.logon_id)
    acts.smb(host, world.estate.controller(host.site), first + 4 * SECOND, session.account, "SYSVOL")
    acts.net_use(session, files, first + 6 * SECOND, "home", drive="H: ")
    if host.number % 9 == 4:  # an old logon script still opens IPC$ first
        acts.net_use(session, files, first + 9 * SECOND, "IPC$")


def _files(world: World, acts: Acts, chance: Chance, host: Host, workday: Workday) -> None:
    files, account = world.estate.file_server(host.site), workday.session.account
    for when in chance.clocks(chance.count(4), workday.first + MINUTE, workday.last):
        share = chance.habit(_SHARES)
        if chance.happens(0.006 * world.options.noise):  # with a password that is no longer right
            acts.smb(host, files, when - 9 * SECOND, account, share, refused=True)
        acts.smb(host, files, when, account, share)
    if host.number % 60 == 17:  # an engineer whose program speaks SMB itself
        number = acts.pen.process(
            workday.session, workday.first + 30 * MINUTE, _JAVA, f'"{_JAVA}" -jar sync.jar'
        )
        for when in chance.clocks(chance.count(3), workday.first + 31 * MINUTE, workday.last):
            acts.dial(host, files, when, number, _JAVA)
            acts.note(host, files, account, when, "user-mode smb")


def _programs(acts: Acts, chance: Chance, host: Host, workday: Workday) -> None:
    """What every sensor is full of, and what no rule asks for."""
    pen, first, last = acts.pen, workday.first + MINUTE, workday.last
    for when in chance.clocks(chance.count(9), first, last):
        name = chance.habit(_PROGRAMS)
        pen.process(workday.session, when, rf"{PROGRAMS}\Office\{name}", f'"{name}"', "explorer.exe")
    for when in chance.clocks(chance.count(8), first, last):
        number = chance.whole(1, 400)
        pen.domain_name(host, when, f"www{number}.example")
        pen.connect(
            host, when + 60, f"198.51.100.{number % 250 + 1}", lasting(host, "chrome.exe"), "chrome.exe", 443
        )
    if chance.happens(0.01):  # shows how a network looks; goes nowhere
        pen.process(workday.session, first + HOUR, NET, r"net  view /domain")
    if chance.happens(0.004):  # PsExec on the own machine, to be SYSTEM
        image = rf"{SYSTEM32}\PsExec.exe"
        pen.process(workday.session, first + 2 * HOUR, image, "PsExec.exe -accepteula -i -s cmd.exe")


def _addresses(world: World, acts: Acts, day: int) -> None:
    """Leases that end while people work."""
    for host in world.estate.hosts:
        for (_, old), (when, new) in zip(host.leases, host.leases[1:], strict=False):
            if 0 <= when - moment(day, 0) < 24 * HOUR and world.calendar.at_work(host, when):
                acts.pen.address(host, when - 20 * SECOND, old, removed=True)
                acts.pen.address(host, when + 4 * SECOND, new)
