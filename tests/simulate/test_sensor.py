"""The records of one sensor."""

from __future__ import annotations

import pytest

from lmgraph.simulate.acts import Acts, psexec_named, spell
from lmgraph.simulate.chance import Chance
from lmgraph.simulate.estate import Account, Host, Site
from lmgraph.simulate.ledger import Ledger
from lmgraph.simulate.sensor import Pen, Session, Written
from lmgraph.simulate.times import START, moment

SITE = Site(0, "BER", 1)
NOON = moment(1, 12)
ADM = Account("adm", 5001, "servers")


@pytest.fixture
def written() -> list[Written]:
    return []


@pytest.fixture
def pen(written) -> Pen:
    return Pen(Chance(1, "test"), written.append, lambda host, when: 0)


@pytest.fixture
def hosts() -> tuple[Host, Host]:
    source = Host(0, "BER-WS0001", "workstation", SITE, leases=[(0, "10.20.10.20")])
    return source, Host(1, "BER-SRV01", "server", SITE, leases=[(0, "10.20.200.21")], clock_ms=-9_000)


@pytest.fixture
def session(hosts) -> Session:
    return Session(Account("alice", 2001), "4711", hosts[0])


def events(written: list[Written], host: Host) -> list[str]:
    return [row.event for row in written if row.host is host]


def test_values_are_strings_and_ids_differ(pen, written, hosts, session):
    for number in range(3000):  # more than are drawn at once
        pen.domain_name(hosts[0], NOON + number, "www.example")
    pen.process(session, NOON, r"\Device\HarddiskVolume3\a.exe", "a")
    assert all(isinstance(value, str) for row in written for value in row.record.values())
    assert len({row.record["id"] for row in written}) == len(written) == 3001
    assert pen.ids == [row.record["id"] for row in written]


def test_clock_of_the_host_and_of_the_cloud(pen, written, hosts):
    for _ in range(500):
        pen.address(hosts[1], NOON, "10.20.200.21")
    assert {row.record["ContextTimeStamp"] for row in written} == {f"{(NOON - 9_000) / 1000:.3f}"}
    lags = [row.cloud - NOON for row in written]
    assert min(lags) >= 0
    assert max(lags) <= 60_000
    assert 200 < sorted(lags)[250] < 800
    assert all(row.record["timestamp"] == str(row.cloud) for row in written)


def test_a_sensor_that_cannot_reach_the_cloud_reports_later(written, hosts):
    pen = Pen(Chance(1), written.append, lambda host, when: NOON + 7_200_000)
    pen.online(hosts[0], NOON)
    assert {row.cloud for row in written} == {NOON + 7_200_000}


def test_what_is_lost_is_no_record_of_an_act(written, hosts):
    pen = Pen(Chance(1), written.append, lambda host, when: 0, lambda host, when, number: host is hosts[0])
    for host in hosts:
        pen.address(host, NOON, "10.20.200.21")
    assert [row.lost for row in written] == [True, False]
    assert pen.ids == [written[1].record["id"]]


def test_who_is_switched_off_is_called_in_vain(pen, written, hosts, session):
    acts, tool = Acts(pen, Ledger(), lambda host, when: False), psexec_named("PsExec.exe", "Tools")
    acts.psexec(session, hosts[1], NOON, tool)
    acts.net_use(session, hosts[1], NOON, "C$")
    acts.probe(session, hosts[1], NOON)
    acts.install(session, hosts[1], NOON, "Runner-1", image="x.exe")
    acts.install(session, hosts[1], NOON, "Runner-1")
    acts.remote_service(session, hosts[1], NOON, "agent", r"C:\Windows\agent.exe")
    acts.control(session, hosts[1], NOON, "create", "Spooler")
    acts.copy(session, hosts[1], NOON, r"C:\Temp")
    assert {row.host for row in written} == {hosts[0]}
    assert sum(row.event == "NetworkConnectIP4" for row in written) == 8


def test_no_sensor_no_record(pen, written, hosts):
    hosts[0].managed = False
    pen.online(hosts[0], NOON)
    assert written == []
    assert pen.latest >= NOON


def test_old_sensors_name_no_process(pen, written, hosts):
    hosts[1].modern = False
    for host in hosts:
        pen.connect(host, NOON, "10.0.0.9", "77", "x.exe")
    new, old = (row.record for row in written)
    assert (new["ContextBaseFileName"], new["ComputerName"]) == ("x.exe", "BER-WS0001")
    assert not {"ContextBaseFileName", "ComputerName"} & old.keys()


def test_process_start_is_raw_and_its_names_are_enrichment(pen, written, session):
    number = pen.process(session, NOON, r"\Device\HarddiskVolume3\Tools\PsExec.exe", "psexec")
    (row,) = written
    assert row.record["TargetProcessId"] == number
    assert not {"FileName", "UserName", "ContextTimeStamp"} & row.record.keys()
    assert row.more == {
        "FileName": "PsExec.exe",
        "FilePath": "\\Device\\HarddiskVolume3\\Tools\\",
        "UserName": "alice",
    }


def test_rundown_keeps_the_process(pen, written, session):
    assert pen.process(session, NOON, "a.exe", "a", number="99") == "99"
    assert written[0].event == "SyntheticProcessRollup2"


def test_psexec_is_seen_on_both_ends(pen, written, hosts, session):
    source, target = hosts
    tool = psexec_named("PsExec64.exe", "Tools")
    landed = Acts(pen).psexec(session, target, NOON, tool, typed=ADM, token="srv1")
    assert events(written, source) == ["ProcessRollup2", "NetworkConnectIP4", "SmbClientShareOpenedEtw"]
    assert events(written, target) == [
        *(
            "NetworkReceiveAcceptIP4",
            "UserLogon",
            "SmbServerShareOpenedEtw",
            "CreateService",
            "ProcessRollup2",
        ),
        *("ServiceStarted", "UserLogon", "UserIdentity", "ProcessRollup2"),
    ]
    command = written[0].record["CommandLine"]
    assert command == r"PsExec64.exe \\srv1 -u CORP\adm -p Made-up-2026 -accepteula cmd.exe"
    connect, accept = written[1].record, written[2].record
    assert connect["ContextBaseFileName"] == "System"
    assert (connect["LocalPort"], connect["RemoteAddressIP4"]) == (
        accept["RemotePort"],
        accept["LocalAddressIP4"],
    )
    assert (landed.account, landed.host) == (ADM, target)
    assert written[-1].record["ParentBaseFileName"] == "PSEXESVC.exe"
    assert written[-1].record["AuthenticationId"] == landed.logon_id


def test_a_refused_share_opens_nothing(pen, written, hosts, session):
    Acts(pen).net_use(session, hosts[1], NOON, "C$", refused=True)
    assert events(written, hosts[1]) == ["NetworkReceiveAcceptIP4", "UserLogonFailed2"]


def test_user_mode_smb_is_the_programs_own(pen, written, hosts, session):
    Acts(pen).probe(session, hosts[1], NOON)
    start, connect, _ = (row.record for row in written)
    assert connect["ContextProcessId"] == start["TargetProcessId"]
    assert connect["ContextBaseFileName"] == "powershell.exe"


def test_only_the_background_is_noted(pen, hosts, session):
    ledger = Ledger()
    Acts(pen).net_use(session, hosts[1], NOON, "C$")
    assert not ledger.pairs
    acts = Acts(pen, ledger)
    acts.net_use(session, hosts[1], NOON, "C$")
    acts.net_use(session, hosts[1], NOON, "home")  # no admin share, no movement
    assert ledger.movements == {"net use": 1}
    assert ledger.known(hosts[0], NOON + 1) == [(hosts[1], [session.account])]
    assert ledger.known(hosts[0], NOON) == []


def test_every_way_to_port_445_is_a_contact(pen, hosts, session):
    source, target = hosts
    for number, act in enumerate(
        (
            lambda acts: acts.smb(source, target, NOON, ADM, "home"),
            lambda acts: acts.dial(source, target, NOON, "77", "x.exe"),
            lambda acts: acts.psexec(session, target, NOON, psexec_named("PsExec.exe", "Tools")),
            lambda acts: acts.control(session, target, NOON, "query", "Spooler"),
        )
    ):
        ledger = Ledger()
        act(Acts(pen, ledger))
        (contact,) = ledger.contacts.values()
        assert contact.days == {1}
        assert contact.kinds == [{"file share"}, set(), {"psexec"}, {"service control"}][number]


def test_sessions_are_known_while_they_last(pen, hosts):
    ledger = Ledger()
    Acts(pen, ledger).stay(hosts[1], NOON, NOON + 1000, ADM, 10, hosts[0])
    assert [session.account for session in ledger.present(hosts[1], NOON)] == [ADM]
    assert ledger.present(hosts[1], NOON + 1000) == ledger.present(hosts[0], NOON) == []
    ledger.forget(NOON + 2 * 86_400_000)
    assert ledger.present(hosts[1], NOON) == []


def test_spelling(hosts):
    target = hosts[1]
    assert spell(target, START) == "BER-SRV01"
    assert spell(target, START, "full", lower=True) == "ber-srv01.corp.example"
    assert spell(target, START, "address") == "10.20.200.21"
