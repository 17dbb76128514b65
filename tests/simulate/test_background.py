"""A week without attacks, before it is written to files."""

from __future__ import annotations

from collections import Counter

import pytest

from lmgraph.simulate.background import deployment, machines
from lmgraph.simulate.sensor import Written, lasting
from lmgraph.simulate.times import HOUR, START, day_of, moment
from lmgraph.simulate.world import World
from tests.simulate.peace import made, quiet

DAYS = 7
SEED = 3


@pytest.fixture(scope="module")
def week() -> tuple[World, list[Written]]:
    peace = made(200, DAYS, SEED)
    return peace.world, peace.written


def starts(written: list[Written], name: str) -> list[Written]:
    return [row for row in written if row.event == "ProcessRollup2" and row.more["FileName"].lower() == name]


def connections(written: list[Written], role: str) -> list[Written]:
    found = [row for row in written if row.event == "NetworkConnectIP4" and row.host.role == role]
    return [row for row in found if row.record["RemotePort"] == "445"]


def of_agent(written: list[Written], role: str, image: str) -> list[Written]:
    rows = connections(written, role)
    return [row for row in rows if row.record["ContextProcessId"] == lasting(row.host, image)]


def by_day(rows: list[Written]) -> Counter[int]:
    return Counter(day_of(row.cloud) for row in rows)


def test_every_kind_of_movement_takes_place(week):
    world, _ = week
    assert set(world.ledger.movements) == {
        *("admin share", "backup", "monitoring", "net use", "psexec", "remote service"),
        *("scan", "service control", "user-mode smb"),
    }


def test_people_keep_office_hours_of_their_site(week):
    world, _ = week
    assert {host.site.zone for host in world.calendar.day(0)} == {1, 0}
    for host, workday in world.calendar.day(0).items():
        assert moment(0, 6.5, host.site.zone) <= workday.first < moment(0, 11, host.site.zone)
        assert 5 * HOUR <= workday.last - workday.first <= 12 * HOUR
        assert world.calendar.at_work(host, workday.first)
        assert not world.calendar.at_work(host, workday.last)
    assert len(world.calendar.day(5)) < len(world.calendar.day(4)) / 5


def test_backup_runs_every_night(week):
    _, written = week
    rows = of_agent(written, "backup", machines.BACKUP)
    assert set(by_day(rows)) == set(range(DAYS))
    assert all(HOUR <= (row.cloud - START) % (24 * HOUR) < 6 * HOUR for row in rows)


def test_monitoring_is_regular(week):
    world, written = week
    counts = by_day(of_agent(written, "monitor", machines.MONITOR))
    watched = [
        sum(
            host.number % 5 < 2 and host.role != "monitor" and host.since <= moment(day, 0)
            for host in world.estate.servers
        )
        for day in range(DAYS)
    ]
    rounds = counts[0] / watched[0]
    assert rounds >= 24
    for day in range(DAYS):  # the last of a day may arrive on the next
        assert abs(counts[day] - rounds * watched[day]) <= 2


def test_scan_asks_everybody_once_a_week(week):
    world, written = week
    agent = of_agent(written, "scan", machines.SCANNER)
    ports = [row for row in agent if row.record["ContextProcessId"] == lasting(row.host, machines.SCANNER)]
    late = world.estate.there(machines.scan_day(world, 0))
    assert len({row.record["RemoteAddressIP4"] for row in ports}) == len(late) - 1
    assert {day_of(row.cloud) for row in agent} <= {
        machines.scan_day(world, 0),
        machines.scan_day(world, 0) + 1,
    }
    assert all(machines.scan_day(world, week) % 7 < 5 for week in range(9))


def test_administrators_go_where_they_always_go(week):
    world, _ = week
    for admin in world.estate.administrators:
        by_admin = {
            target
            for (_, target), accounts in world.ledger.pairs.items()
            if admin.account in accounts and target.role in {"server", "file"}
        }
        assert by_admin & set(admin.habits)


def test_patch_evening_is_on_tuesday(week):
    _, written = week
    patches = [row for row in starts(written, "psexec64.exe") if "patch" in row.record["CommandLine"]]
    halves = [row for row in starts(written, "psexesvc.exe") if day_of(row.cloud) == 1]
    assert {day_of(row.cloud) for row in patches} == {1}
    assert {row.host.role for row in patches} == {"jump"}
    assert len(halves) >= 10


def test_help_desk_visits_people(week):
    world, written = week
    desks = [host for _, host in world.estate.desk]
    uses = [
        row for row in starts(written, "net.exe") if row.host in desks and "\\C$" in row.record["CommandLine"]
    ]
    assert len(uses) > 10
    assert any("/delete" in row.record["CommandLine"] for row in uses)


def test_roll_out_is_one_account_on_many_workstations():
    peace = quiet(60, 2, seed=1)
    world, written = peace.world, peace.written
    deployment._roll_out(world, deployment.rollout_day(world))
    rows = starts(written, "paexec.exe")
    targets = [target for source, target in world.ledger.pairs if source.role == "deploy"]
    assert len(rows) == len(targets) >= 5
    assert {row.more["UserName"] for row in rows} == {"svc-deploy"}


def test_roll_out_comes_every_month_to_one_site_or_to_all():
    world = quiet(100, 2, seed=1).world
    days = [deployment.rollout_day(world, month) for month in range(12)]
    assert all(day // 28 == month and day % 7 < 5 for month, day in enumerate(days))
    sites = []
    for day in days:
        world.ledger.pairs.clear()
        deployment._roll_out(world, day)
        sites.append(len({target.site.code for _, target in world.ledger.pairs}))
    assert set(sites) == {1, 2}


def test_sensors_send_files(week):
    _, written = week
    assert starts(written, "csfalconservice.exe")


def test_leases_are_told_while_people_work(week):
    _, written = week
    removed = [row for row in written if row.event == "LocalIpAddressRemovedIP4"]
    assert len(removed) > 10
    for row in removed:
        addresses = [address for _, address in row.host.leases]
        assert row.record["LocalAddressIP4"] in addresses
