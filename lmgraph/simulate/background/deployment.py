"""Products that put services of their own on other hosts, and the monthly roll-out."""

from __future__ import annotations

from typing import Final

from lmgraph.simulate.acts import psexec_named
from lmgraph.simulate.background import machines
from lmgraph.simulate.estate import Host
from lmgraph.simulate.sensor import Session
from lmgraph.simulate.times import SECOND, is_working_day, moment
from lmgraph.simulate.world import World

# Service and what it starts; a deployment product numbers its runners.
_PACKAGES: Final = (
    ("PDQDeployRunner-1", "msiexec.exe /i viewer.msi /qn"),
    ("ccmsetup", ""),
    ("PDQDeployRunner-2", "msiexec.exe /i fonts.msi /qn"),
    ("PDQInventory-Scanner-1", "cmd.exe /c systeminfo"),
)
_ANTIVIRUS: Final = "AvPushInstall"
_MONTH: Final = 28


def write(world: World, day: int) -> None:
    """One day of software that comes by itself."""
    if is_working_day(day):
        _deploy(world, day)
        _protect(world, day)
    if day == machines.scan_day(world, day // 7):
        _look_inside(world, day)
    if day == rollout_day(world, day // _MONTH):
        _roll_out(world, day)


def rollout_day(world: World, month: int = 0) -> int:
    """The working day, among the first two weeks' of every four, on which software is rolled out."""
    concern = ("rollout", month) if month else ("rollout",)
    days = [day for day in range(14) if is_working_day(day)]
    return month * _MONTH + world.chance(*concern).pick(days)


def service(host: Host) -> Session:
    """The session of the service of a host that has one."""
    assert host.service, "hosts of central services have an account for it"
    return Session(host.service, machines.service_logon(host), host)


def _deploy(world: World, day: int) -> None:
    """A few machines a day get a package through a service that is installed for it."""
    acts, chance = world.background("deployment", day), world.chance("deployment", day)
    estate = world.estate
    source = estate.only("deploy")
    hosts = estate.there(day, "workstation", "server", "admin")
    for target in chance.sample(hosts, chance.count(0.045 * len(estate.hosts))):
        when = moment(day, chance.between(9, 16), target.site.zone)
        name, run = chance.habit(_PACKAGES)
        acts.install(service(source), target, when, name, run=run)


def _protect(world: World, day: int) -> None:
    """Antivirus goes to machines that are new, or were set up anew."""
    acts, chance = world.background("antivirus", day), world.chance("antivirus", day)
    estate = world.estate
    source = estate.only("deploy")
    hosts = estate.there(day, "workstation", "server")
    anew = chance.sample(hosts, chance.count(0.003 * len(estate.hosts) * world.options.noise))
    yesterday = day - 1 if is_working_day(day - 1) else day - 3
    fresh = [host for host in hosts if host.joins and yesterday < host.joins <= day]
    for target in dict.fromkeys([*fresh, *anew]):
        when = moment(day, chance.between(11, 15), target.site.zone)
        acts.install(service(source), target, when, _ANTIVIRUS, run="msiexec.exe /i antivirus.msi /qn")


def _look_inside(world: World, day: int) -> None:
    """Before the weekly scan of ports: servers looked at from inside, by a service with a name of its own."""
    acts, chance = world.background("look inside", day), world.chance("look inside", day)
    source = world.estate.only("scan")
    when = moment(day, 20)
    for target in world.estate.there(day, "server", "file", "jump"):
        when += chance.whole(15, 80) * SECOND
        name = f"vmscan_{chance.whole(0, 16**6 - 1):06x}"
        acts.install(
            service(source), target, when, name, image=machines.SCANNER, run="cmd.exe /c netstat -ano"
        )


def _roll_out(world: World, day: int) -> None:
    """A service account puts software on the workstations of one site, or of all, at noon."""
    chance, acts, estate = world.chance("rollout", day), world.background("rollout", day), world.estate
    session, tool = service(estate.only("deploy")), psexec_named("PAExec.exe", "Tools")
    one = chance.happens(0.5 * world.options.noise)
    for site in [chance.pick(estate.sites)] if one else estate.sites:
        when = moment(day, 12, site.zone)
        hosts = [host for host in estate.there(day, "workstation") if host.site is site]
        for target in chance.sample(hosts, round(len(hosts) * chance.between(0.4, 0.9))):
            when += chance.whole(4, 30) * SECOND
            acts.psexec(session, target, when, tool, as_system=True, run="msiexec.exe /i agent.msi /qn")
