"""What runs by itself: services, backup, monitoring, scans, the sensor's own file transfer."""

from __future__ import annotations

from typing import Final

from lmgraph.simulate.acts import FILE_SHARE, system
from lmgraph.simulate.estate import Host
from lmgraph.simulate.sensor import PROGRAMS, lasting
from lmgraph.simulate.times import DAY, MINUTE, SECOND, moment
from lmgraph.simulate.world import World

BACKUP: Final = rf"{PROGRAMS}\NightBackup\bkagent.exe"
MONITOR: Final = rf"{PROGRAMS}\NetWatch\nwprobe.exe"
SCANNER: Final = rf"{PROGRAMS}\NetScan\netscand.exe"
SENSOR: Final = rf"{PROGRAMS}\CrowdStrike\CSFalconService.exe"
_AGENTS: Final = {"backup": BACKUP, "monitor": MONITOR, "scan": SCANNER}


def begin(world: World, day: int) -> None:
    """Servers that come on that day (on the first: all old ones): addresses, services, agents that run on."""
    chance, acts = world.chance("servers", day), world.background("servers", day)
    end = moment(world.options.days, 0)
    for host in [host for host in world.estate.servers if host.joins == day]:
        when = max(host.since, moment(0, 0)) + chance.whole(1, 240) * SECOND
        acts.pen.online(host, when)
        if host.service:
            session = acts.pen.logon(host, when + SECOND, host.service, 5, logon_id=service_logon(host))
            world.ledger.stayed(session, when, end)
            agent = _AGENTS.get(host.role, rf"{PROGRAMS}\Application\server.exe")
            number = lasting(host, agent)
            acts.pen.process(
                session, when + 2 * SECOND, agent, f'"{agent}" --service', "services.exe", number
            )


def service_logon(host: Host) -> str:
    """The logon of the service of a host."""
    return str(600_000 + host.number)


def write(world: World, day: int) -> None:
    """One day of all machines."""
    _backup(world, day)
    _monitor(world, day)
    if day == scan_day(world, day // 7):
        _scan(world, day)
    _sensor(world, day)
    acts, chance = world.background("controllers", day), world.chance("controllers", day)
    for host in _servers(world, day):  # policies, all day long
        for when in chance.clocks(chance.count(3), moment(day, 0), moment(day, 24)):
            if host.role != "dc" and host.service:
                acts.smb(host, world.estate.controller(host.site), when, host.service, "SYSVOL")


def scan_day(world: World, week: int) -> int:
    """The working day of that week on which everything is scanned."""
    return 7 * week + world.chance("scan").whole(0, 4)


def _servers(world: World, day: int) -> list[Host]:
    """The servers that are there from the first moment of the day on."""
    return [host for host in world.estate.servers if host.since <= moment(day, 0)]


def _backup(world: World, day: int) -> None:
    """By night the agent talks SMB in user mode to every server."""
    acts, chance, source = (
        world.background("backup", day),
        world.chance("backup", day),
        world.estate.only("backup"),
    )
    when = moment(day, 1)
    for host in _servers(world, day):
        if host is source or not source.service:
            continue
        when += chance.whole(20, 200) * SECOND
        acts.dial(source, host, when, lasting(source, BACKUP), BACKUP)
        acts.pen.logon(host, when + 70, source.service, 3, source)
        acts.pen.share(host, when + 150, source.service, "C$" if host.number % 3 == 0 else "backup$", source)
        acts.note(source, host, source.service, when, "backup")


def _monitor(world: World, day: int) -> None:
    """At regular intervals a probe asks whether a part of the servers still share their files."""
    acts, chance, source = (
        world.background("monitor", day),
        world.chance("monitor", day),
        world.estate.only("monitor"),
    )
    interval = world.chance("monitor").whole(20, 60) * MINUTE
    watched = [host for host in _servers(world, day) if host.number % 5 < 2 and host is not source]
    for start in range(moment(day, 0), moment(day + 1, 0), interval):
        for place, host in enumerate(watched):
            when = start + place * 700 + chance.whole(0, 400)
            acts.dial(source, host, when, lasting(source, MONITOR), MONITOR)
    for host in watched:
        if source.service:
            acts.note(source, host, source.service, moment(day, 0), "monitoring")


def _scan(world: World, day: int) -> None:
    """Once a week everything is asked on port 445; some answer with a refusal, what is off not at all."""
    acts, chance, source = world.background("scan", day), world.chance("scan", day), world.estate.only("scan")
    pace = max(1, min(7, 14_000 // len(world.estate.hosts)))
    when = moment(day, 21)
    for host in world.estate.hosts:
        if host is source or not source.service or host.joins > day:
            continue
        when += pace * SECOND + chance.whole(0, 900)
        if when - moment(day, 21) > DAY // 2:
            break
        acts.dial(source, host, when, lasting(source, SCANNER), SCANNER)
        if chance.happens(0.2) and acts.answers(host, when):
            acts.pen.logon_failed(host, when + 200, source.service, source)
        acts.note(source, host, source.service, when, "scan")


def _sensor(world: World, day: int) -> None:
    """The sensor's own file transfer: Real Time Response."""
    acts, chance = world.background("sensor", day), world.chance("sensor", day)
    for _ in range(chance.count(0.5 + len(world.estate.hosts) / 300)):
        host = chance.pick([host for host in world.estate.hosts if host.managed and host.role != "file"])
        when, files = moment(day, chance.between(7, 18)), world.estate.file_server(host.site)
        if not acts.answers(host, when):
            continue
        number = acts.pen.process(system(host), when, SENSOR, f'"{SENSOR}"', "services.exe")
        acts.dial(host, files, when + MINUTE, number, SENSOR)
        world.ledger.touched(host, files, when + MINUTE, FILE_SHARE)
