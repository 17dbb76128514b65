"""What makes ordinary work look like an attack: each of it happens in a company of 100 hosts in a week."""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict

import pytest

from lmgraph.simulate.acts import FILE_SHARE
from lmgraph.simulate.background import administration, jobs, machines
from lmgraph.simulate.estate import build
from lmgraph.simulate.times import HOUR, MINUTE, day_of, is_working_day, moment
from tests.simulate.peace import Move, Peace, made, when_of

DAYS = 7
EXECUTES = {"psexec", "remote service"}


@pytest.fixture(scope="module")
def week() -> Peace:
    return made(100, DAYS, 2)


@pytest.fixture(scope="module")
def large() -> Peace:
    """Large enough for what is rare."""
    return made(400, DAYS, 2)


@pytest.fixture(scope="module")
def tidy() -> Peace:
    return made(100, DAYS, 2, 0.0)


def chains(peace: Peace) -> list[tuple[Move, Move]]:
    """Executions, each with the first movement from the reached host to a third within the hour."""
    out = defaultdict(list)
    for move in sorted(peace.moves, key=lambda move: move.when):
        if move.kind not in {"monitoring", "backup", "scan"}:
            out[move.source].append(move)
    found = []
    for move in (move for move in peace.moves if move.kind in EXECUTES):
        onward = [
            other
            for other in out[move.target]
            if move.when < other.when <= move.when + HOUR and other.target is not move.source
        ]
        found += [(move, onward[0])] if onward else []
    return found


@pytest.mark.parametrize("seed", [2, 9])
def test_some_work_goes_on_from_the_host_that_it_reached(seed):
    peace = made(250, DAYS, seed)
    executed = [move for move in peace.moves if move.kind in EXECUTES]
    share = len(chains(peace)) / len(executed)
    assert 0.02 < share < 0.09
    assert len({first.source.role for first, _ in chains(peace)}) >= 2


def test_chains_are_of_every_kind(large):
    ways = {(first.source.role, first.target.role) for first, _ in chains(large)}
    assert ("deploy", "server") in ways  # nightly
    assert ("desk", "workstation") in ways
    assert {target for source, target in ways if source == "jump"} >= {"server", "jump"}


def test_administrators_go_on_from_a_remote_desktop(large):
    stays = [row for row in large.of("UserLogon") if row.record["LogonType"] == "10"]
    servers = {(row.host, row.record["UserName"]) for row in stays if row.host.role == "server"}
    onward = {(move.source, move.account.name) for move in large.moves}
    assert len(servers & onward) >= 3


def test_jobs_recur_every_night(week, tidy):
    for peace in (week, tidy):
        for job in jobs.plan(peace.world):
            done = [move for move in peace.moves if (move.source, move.target) == (job.manager, job.server)]
            nights = {
                day_of(move.when)
                for move in done
                if abs(move.when - moment(day_of(move.when), job.hour)) < 2 * MINUTE
            }
            assert nights == set(range(DAYS))
    (chain,) = [job for job in jobs.plan(tidy.world) if job.third]
    onward = [move for move in tidy.moves if (move.source, move.target) == (chain.server, chain.third)]
    assert {day_of(move.when) for move in onward} == set(range(DAYS))


def test_products_install_services_of_their_own(week):
    names = Counter(
        re.split(r"[-_]", row.record["ServiceDisplayName"])[0] for row in week.of("CreateService")
    )
    assert {"PDQDeployRunner", "ccmsetup", "AvPushInstall", "vmscan"} <= names.keys()
    others = sum(count for name, count in names.items() if name not in {"PSEXESVC", "PAExec"})
    assert 20 <= others <= 80


def test_scanner_looks_into_each_server_once_a_week(week):
    rows = [row for row in week.of("CreateService") if row.record["ServiceDisplayName"].startswith("vmscan_")]
    day = machines.scan_day(week.world, 0)
    servers = [host for host in week.world.estate.there(day, "server", "file", "jump") if host.managed]
    assert {row.host for row in rows} == set(servers)
    assert len({row.record["ServiceDisplayName"] for row in rows}) == len(rows) == len(servers)
    assert {day_of(when_of(row)) for row in rows} == {day}


def test_antivirus_is_pushed_to_newcomers(large):
    pushed = {
        row.host for row in large.of("CreateService") if row.record["ServiceDisplayName"] == "AvPushInstall"
    }
    came = [host for host in large.world.estate.hosts if host.joins and host.is_server and host.managed]
    assert came
    assert {host for host in came if is_working_day(host.joins)} <= pushed


def test_administrators_use_sc_on_other_hosts(large):
    verbs = {row.record["CommandLine"].split()[2] for row in large.starts("sc.exe")}
    assert {"query", "create", "start"} <= verbs
    assert {"Spooler", "ReportQueue", "LabelPrint", "OrderImport"} & {
        row.record["ServiceDisplayName"] for row in large.of("ServiceStarted")
    }


def test_administrators_work_as_another_account(large):
    rows = [row for row in large.of("UserLogon") if row.record["LogonType"] == "9"]
    assert rows
    assert all(row.record["UserName"].startswith("adm-") for row in rows)
    used = {row.record["AuthenticationId"] for row in rows}
    assert [row for row in large.starts("net.exe") if row.record["AuthenticationId"] in used]


def test_work_goes_out_of_controllers_and_to_them(large):
    sources = Counter(move.source.role for move in large.moves if move.account.name.startswith("da-"))
    assert sources["dc"] >= 3
    checked = [move for move in large.moves if (move.source.role, move.target.role) == ("deploy", "dc")]
    assert len(checked) == len(large.world.estate.having("dc"))


def test_administrators_sit_down_at_peoples_machines(large):
    admins = {admin.account for admin in large.world.estate.administrators}
    moves = [move for move in large.moves if move.account in admins and move.source.role == "workstation"]
    assert len(moves) >= 3
    assert {move.target.is_server for move in moves} == {True}


def test_a_colleague_covers_for_who_is_away():
    seen = 0
    for seed in range(1, 6):
        peace = made(100, DAYS, seed)
        world = peace.world
        for number, admin in enumerate(world.estate.administrators):
            days = [day for day in range(DAYS) if world.calendar.away(admin.host, day)]
            assert not any(admin.host in world.calendar.day(day) for day in days)
            deputy = (number + 1) % len(world.estate.administrators)
            account = world.estate.administrators[deputy].account
            own = set(world.estate.administrators[deputy].habits)
            assert all(administration.covered(world, deputy, day) == admin.habits for day in days)
            seen += sum(
                move.account == account
                and day_of(move.when) in days
                and move.target in set(admin.habits) - own
                for move in peace.moves
            )
    assert seen >= 3


def test_newcomers_are_silent_before_they_come(large):
    joined = [host for host in large.world.estate.hosts if host.joins]
    assert {host.is_server for host in joined} == {True, False}
    assert all(0 < host.joins <= DAYS // 2 for host in joined)
    for row in large.written:
        assert day_of(row.cloud) >= row.host.joins
    taken_over = {host for admin in large.world.estate.administrators for _, host in admin.adopted}
    assert {host for host in joined if host.is_server} <= taken_over


def test_names_are_misspelt(large):
    names = {host.name for host in large.world.estate.hosts}
    wrong = [
        row
        for row in large.starts("net.exe")
        if (found := re.search(r"\\\\([A-Z]+-\w+)\\C\$$", row.record["CommandLine"]))
        and found[1] not in names
    ]
    assert wrong
    looked_up = {
        row.host for row in large.of("DnsRequest") if row.record["DomainName"].endswith("corp.example")
    }
    assert {row.host for row in wrong} <= looked_up
    told = {(host, name) for host, name, _ in large.world.ledger.misspelt}
    assert {row.host for row in wrong} == {host for host, _ in told}
    assert not names & {name for _, name in told}


def test_what_is_refused_is_tried_again(large):
    refused = [row for row in large.of("UserLogonFailed2") if row.record["UserName"] != "svc-scan"]
    assert len(refused) >= 5
    again = [
        row
        for row in refused
        for other in large.of("UserLogon")
        if other.host is row.host
        and other.record.get("RemoteAddressIP4") == row.record["RemoteAddressIP4"]
        and 0 < when_of(other) - when_of(row) < 10 * MINUTE
    ]
    assert len(again) >= 3


def test_who_is_switched_off_writes_nothing(large):
    world, off = large.world, 0
    for row in large.written:
        if (
            row.event in {"NetworkReceiveAcceptIP4", "CreateService", "UserLogonFailed2"}
            and not row.host.is_server
        ):
            when = when_of(row)
            on = world.calendar.at_work(row.host, when) or world.calendar.at_work(row.host, when - MINUTE)
            assert on, (row.host.name, row.event)
    for move in large.moves:
        off += not world.on(move.target, move.when)
    assert off > 50  # in vain
    sends = [row for row in large.written if row.more.get("FileName") == "CSFalconService.exe"]
    assert all(world.on(row.host, when_of(row)) for row in sends)


def test_servers_speak_to_controllers_at_the_weekend(week):
    rows = [
        row for row in week.of("SmbServerShareOpenedEtw") if row.record["SmbShareName"].endswith("SYSVOL")
    ]
    days = Counter(day_of(row.cloud) for row in rows if row.record["UserName"].startswith("svc-"))
    assert min(days[5], days[6]) >= 3


def test_tools_lie_in_many_places(large):
    rows = [row for name in ("psexec.exe", "psexec64.exe", "paexec.exe") for row in large.starts(name)]
    folders = {re.sub(r"Users\\[^\\]+", "Users", row.more["FilePath"]) for row in rows}
    assert len(folders) >= 6
    assert any(folder.startswith("\\Device\\Mup\\") for folder in folders)


def test_scripts_and_scanners_speak_smb_themselves():
    peace = made(300, DAYS, 3, 3.0)
    callers = {row.record.get("ContextBaseFileName") for row in peace.of("NetworkConnectIP4")}
    assert {"python.exe", "ipscan.exe", "powershell.exe"} <= callers


def test_every_connection_is_told(week):
    world = week.world
    contacts = world.ledger.contacts
    smb = [row for row in week.of("NetworkConnectIP4") if row.record["RemotePort"] == "445"]
    assert len(smb) > 1000
    for row in smb:
        when, address = when_of(row), row.record["RemoteAddressIP4"]
        near = [host for host in world.estate.hosts if address in {host.ip(when), host.ip(when - 30_000)}]
        days = {day for host in near if (row.host, host) in contacts for day in contacts[row.host, host].days}
        assert day_of(when) in days
    kinds = set(itertools.chain.from_iterable(contact.kinds for contact in contacts.values()))
    assert kinds == {*world.ledger.movements, FILE_SHARE}
    for source, target in world.ledger.pairs:
        assert contacts[source, target].kinds - {FILE_SHARE}


def test_without_noise_the_irregular_is_gone(tidy):
    assert not any(host.joins for host in tidy.world.estate.hosts)
    assert max(abs(host.clock_ms) for host in tidy.world.estate.hosts) < 30_000
    assert not any(row.lost for row in tidy.written)
    assert {row.record["UserName"] for row in tidy.of("UserLogonFailed2")} <= {"svc-scan"}
    assert not tidy.starts("ipscan.exe")
    assert {first.source.role for first, _ in chains(tidy)} <= {"deploy", "server"}
    roles = {move.source.role for move in tidy.moves if move.account.name.startswith("adm-")}
    assert "workstation" not in roles


def test_some_records_are_lost_for_good(large):
    lost = [row for row in large.written if row.lost]
    assert 0.004 < len(lost) / len(large.written) < 0.02
    all_of, lost_of = (
        Counter((row.host, day_of(row.cloud)) for row in rows) for rows in (large.written, lost)
    )
    down = [key for key, count in lost_of.items() if count >= 8 and count / all_of[key] > 0.2]
    assert len(down) >= 5  # for hours of a day


def test_some_clocks_are_off_by_minutes():
    wrong = [host for host in build(1, 1000, 2, 1.0).hosts if abs(host.clock_ms) >= MINUTE]
    assert 3 <= len(wrong) <= 25
    assert all(abs(host.clock_ms) <= 5 * MINUTE for host in wrong)
