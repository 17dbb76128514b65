"""Nightly jobs: a server starts something on another one, which in some cases goes on to a third."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lmgraph.simulate.acts import Acts, psexec_named
from lmgraph.simulate.background.machines import service_logon
from lmgraph.simulate.estate import Host, may
from lmgraph.simulate.sensor import Session
from lmgraph.simulate.times import MINUTE, SECOND, moment
from lmgraph.simulate.world import World

_PER_CHAIN: Final = 250  # hosts for each job that goes on to a third server
_PER_JOB: Final = 45  # hosts for each job between two servers
_TOOL: Final = psexec_named("PsExec64.exe", r"ProgramData\Jobs")
_RUN: Final = r"cmd.exe /c C:\Jobs\nightly.cmd"


@dataclass(frozen=True, slots=True)
class Job:
    """What recurs every night at that hour (UTC).

    ``start``: how ``manager`` reaches ``server``; ``way``: what is done from there on ``third``.
    """

    manager: Host
    server: Host
    third: Host | None
    hour: float
    start: str
    way: str = ""


def write(world: World, day: int) -> None:
    """One night of all jobs."""
    acts = world.background("jobs", day)
    for number, job in enumerate(plan(world)):
        chance = world.chance("job", number, day)
        when = moment(day, job.hour) + chance.whole(0, 90) * SECOND
        if job.third:
            nothing = chance.happens(0.45 * min(world.options.noise, 1))  # to pass on, this night
            later = when + chance.whole(3, 25) * MINUTE
            _orchestrate(acts, job, when, None if nothing else later)
        else:
            _start(acts, job, when)
    if day % 7 == 0:
        _check_controllers(world, acts, day)


def _check_controllers(world: World, acts: Acts, day: int) -> None:
    """Once a week the deployment host asks every controller for its health."""
    source = world.estate.only("deploy")
    assert source.service, "the deployment host has a service account"
    by, when = Session(source.service, service_logon(source), source), moment(day, 4.8)
    for host in world.estate.having("dc"):
        when += 40 * SECOND
        acts.psexec(by, host, when, _TOOL, as_system=True, run="cmd.exe /c dcdiag /q")


def plan(world: World) -> list[Job]:
    """The jobs of a world, the same every night: chains from a management server, then single ones."""
    chance, estate = world.chance("jobs"), world.estate
    servers = estate.there(0, "server")
    managers = [host for host in servers if host.service and host.service.reach == "servers" and host.managed]
    deploy = estate.only("deploy")
    found = []
    for _ in range(max(1, len(estate.hosts) // _PER_CHAIN)):
        manager = chance.pick(managers) if managers and chance.happens(0.4) else deploy
        server, third = chance.sample([host for host in servers if host is not manager], 2)
        start, way = chance.pick(("psexec", "install")), chance.pick(("copy", "net use", "restart"))
        found.append(Job(manager, server, third, chance.between(2, 4.5), start, way))
    for _ in range(max(1, len(estate.hosts) // _PER_JOB)):
        manager = chance.pick(managers or [deploy])
        others = [host for host in estate.there(0, "server", "file") if host is not manager]
        start = chance.pick(("psexec", "copy", "net use", "install"))
        found.append(Job(manager, chance.pick(others), None, chance.between(0, 5.5), start))
    return found


def _session(job: Job) -> Session:
    account = job.manager.service
    assert account, "managers have a service account"
    assert may(account, job.server), "it is an administrator of other servers"
    return Session(account, service_logon(job.manager), job.manager)


def _orchestrate(acts: Acts, job: Job, when: int, later: int | None) -> None:
    """The job runs with credentials of its own, so that it can go on at the later moment, if there is one."""
    by = _session(job)
    assert job.third, "a job of three hosts"
    if job.start == "psexec":
        landed = acts.psexec(by, job.server, when, _TOOL, typed=by.account, run=_RUN)
    else:
        acts.install(by, job.server, when, _runner(job), run=_RUN)
        landed = acts.pen.logon(job.server, when + 20 * SECOND, by.account, 5)  # what the runner works as
    if later is None:
        return
    if job.way == "copy":
        acts.copy(landed, job.third, later, r"C:\Jobs\results")
    elif job.way == "net use":
        acts.net_use(landed, job.third, later, "C$")
        acts.unmap(landed, job.third, later + 2 * MINUTE, "C$")
    else:
        acts.control(landed, job.third, later, "stop", "ReportQueue")
        acts.control(landed, job.third, later + 20 * SECOND, "start", "ReportQueue")


def _start(acts: Acts, job: Job, when: int) -> None:
    by = _session(job)
    if job.start == "psexec":
        acts.psexec(by, job.server, when, _TOOL, as_system=True, run=_RUN)
    elif job.start == "copy":
        acts.copy(by, job.server, when, r"D:\Export\daily")
    elif job.start == "net use":
        acts.net_use(by, job.server, when, "ADMIN$")
    else:
        acts.install(by, job.server, when, _runner(job), run=_RUN)


def _runner(job: Job) -> str:
    """The service of the jobs of a manager."""
    return f"JobRunner-{job.manager.number}"
