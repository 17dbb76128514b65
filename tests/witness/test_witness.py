"""Witnesses: joins between the query's table and raw records, inference, sessions, contacts, periods."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lmgraph.engines.local import LocalEngine
from lmgraph.pipeline import run
from lmgraph.result import ResultData
from lmgraph.settings import Settings
from lmgraph.tuning import PERIODIC_LEAST
from tests.falcon import Record, Telemetry, at

ALICE, ADM = "S-1-5-21-1-2-3-1104", "S-1-5-21-1-2-3-500"


def analyze(*paths: Path, **options: Any) -> ResultData:
    return run([str(path) for path in paths], Settings(**options), LocalEngine(1)).data


def names(data: ResultData) -> dict[str, str]:
    return {host.id: host.name for host in data.hosts}


def pairs(data: ResultData) -> list[tuple[str, str]]:
    known = names(data)
    return [(known[hop.source], known[hop.target]) for hop in data.hops]


def row(when: float, host: str, kind: str, **more: Any) -> Record:
    """A row of the published query's result."""
    return {
        "@timestamp": round(when * 1000),
        "ComputerName": host,
        "UserName": "alice",
        "alert_type": kind,
        **more,
    }


def table(folder: Path, *rows: Record) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "table.ndjson").write_text("".join(json.dumps(one) + "\n" for one in rows))
    return folder


def psexec_row(when: float, host: str, target: str) -> Record:
    return row(when, host, "PsExecExecution", FileName="psexec.exe", CommandLine=f"psexec \\\\{target} cmd")


def smb_row(when: float, host: str, ip: str, process: str | None = "psexec.exe") -> Record:
    named = {"FileName": process} if process is not None else {}
    return row(when, host, "SMB445Connection", RemoteAddressIP4=ip, RemotePort="445", **named)


# The query's own table.


def test_a_blank_name_is_no_movement_by_itself(tmp_path: Path) -> None:
    data = analyze(table(tmp_path / "t", smb_row(at(1, "10:00"), "WS1", "10.0.0.7", None)))
    assert [alert.flags for alert in data.alerts] == [["process_unknown"]]
    assert data.hops == []
    assert [contact.count for contact in data.contacts] == []


def test_a_blank_connection_confirms_the_hop_that_a_command_makes(tmp_path: Path) -> None:
    rows = [psexec_row(at(1, "10:00"), "WS1", "SRV7"), smb_row(at(1, "10:00:02"), "WS1", "10.0.0.7", None)]
    data = analyze(table(tmp_path / "t", *rows))
    (hop,) = data.hops
    assert pairs(data) == [("WS1", "SRV7")]
    assert hop.stages == {"execution": ["source"], "share": [], "connection": ["source"]}
    assert [one.kind for one in hop.corroboration] == ["SMB445Connection"]
    assert (
        hop.missing_why["SMB445Connection"] == "the kernel made the SMB connection, which the rule excludes"
    )


def test_a_name_and_an_address_used_together_are_one_host_less_than_surely(tmp_path: Path) -> None:
    rows = [
        psexec_row(at(1, "10:00"), "WS1", "SRV7"),
        smb_row(at(1, "10:00:02"), "WS1", "10.0.0.7"),
        smb_row(at(1, "12:00"), "WS2", "10.0.0.7", "smb.exe"),
    ]
    data = analyze(table(tmp_path / "t", *rows))
    assert pairs(data) == [("WS1", "SRV7"), ("WS2", "SRV7")]
    assert [hop.certainty for hop in data.hops] == [1.0, pytest.approx(0.5)]


def test_of_two_addresses_beside_a_name_the_one_that_comes_back_is_taken(tmp_path: Path) -> None:
    rows = [
        psexec_row(at(1, "10:00"), "WS1", "SRV7"),
        smb_row(at(1, "10:00:02"), "WS1", "10.0.0.7"),
        smb_row(at(1, "10:00:03"), "WS1", "10.0.0.8"),
        psexec_row(at(2, "10:00"), "WS1", "SRV7"),
        smb_row(at(2, "10:00:02"), "WS1", "10.0.0.7"),
    ]
    data = analyze(table(tmp_path / "t", *rows))
    by_ip = {ip: host.name for host in data.hosts for ip in host.ips}
    assert by_ip == {"10.0.0.7": "SRV7"}
    assert sorted(set(pairs(data))) == [("WS1", "10.0.0.8"), ("WS1", "SRV7")]


def test_a_host_whose_address_is_known_is_given_no_other(tmp_path: Path) -> None:
    told = raw()
    told.process("WS1", at(1, "10:00"), "C:\\psexec.exe", "psexec \\\\SRV7 cmd", pid="1", sid=ALICE)
    told.connect("WS1", at(1, "10:00:02"), "10.0.0.1", "10.9.9.9", pid="1")
    assert pairs(analyze(told.write(tmp_path / "fdr"))) == [("WS1", "SRV7"), ("WS1", "10.9.9.9")]


def test_a_bare_account_is_the_one_that_a_command_gives_with_its_domain(tmp_path: Path) -> None:
    typed = psexec_row(at(1, "10:00"), "WS1", "SRV7") | {"CommandLine": "psexec \\\\SRV7 -u CORP\\adm cmd"}
    onward = psexec_row(at(1, "11:00"), "SRV7", "DC1") | {"UserName": "adm"}
    data = analyze(table(tmp_path / "t", typed, onward))
    assert [user.name for user in data.users] == ["alice", "CORP\\adm"]
    assert data.paths[0].credential_switches == 0


def test_rows_equal_in_every_column_count_once(tmp_path: Path) -> None:
    one = psexec_row(at(1, "10:00"), "WS1", "SRV7")
    data = analyze(table(tmp_path / "t", one, one))
    assert [alert.copies for alert in data.alerts] == [2]
    assert data.coverage.duplicates == 1


def test_rows_without_a_host_are_counted(tmp_path: Path) -> None:
    one = psexec_row(at(1, "10:00"), "WS1", "SRV7")
    del one["ComputerName"]
    data = analyze(table(tmp_path / "t", one))
    assert data.hops == []
    assert any("1 classified row without ComputerName" in text for text in data.coverage.warnings)


def test_the_cloud_clock_is_warned_of(tmp_path: Path) -> None:
    data = analyze(table(tmp_path / "t", psexec_row(at(1, "10:00"), "WS1", "SRV7")))
    assert [alert.time_basis for alert in data.alerts] == ["cloud"]
    assert any("cloud's clock" in text for text in data.coverage.warnings)


# The table beside raw records of the same period.


def raw() -> Telemetry:
    told = Telemetry()
    told.host("WS1", "10.0.0.1")
    told.host("SRV7", "10.0.0.7")
    return told


def test_a_row_and_its_full_record_are_one_alert(tmp_path: Path) -> None:
    told = raw()
    told.process("WS1", at(1, "10:00"), "C:\\psexec.exe", "psexec \\\\SRV7 cmd", pid="1", sid=ALICE)
    alone = analyze(told.write(tmp_path / "raw"))
    # The cloud received the record 0.4 s after the event; the table shows the cloud's time.
    rows = [psexec_row(at(1, "10:00:00.4"), "WS1", "SRV7")]
    both = analyze(told.write(tmp_path / "both"), table(tmp_path / "both", *rows))
    assert [(alert.key, alert.copies) for alert in both.alerts] == [(alone.alerts[0].key, 2)]
    assert [hop.key for hop in both.hops] == [hop.key for hop in alone.hops]
    assert both.coverage.duplicates == 1


def test_a_row_two_seconds_off_is_another_event(tmp_path: Path) -> None:
    told = raw()
    told.process("WS1", at(1, "10:00"), "C:\\psexec.exe", "psexec \\\\SRV7 cmd", pid="1", sid=ALICE)
    rows = [psexec_row(at(1, "10:00:02.5"), "WS1", "SRV7")]
    assert len(analyze(told.write(tmp_path / "a"), table(tmp_path / "a", *rows)).alerts) == 2


def test_a_row_finds_its_full_record_on_the_clouds_clock_hours_later(tmp_path: Path) -> None:
    told = raw()
    late = told.connect("WS1", at(1, "10:00"), "10.0.0.1", "10.0.0.7", pid="4", ContextBaseFileName="System")
    late["timestamp"] = str(round(at(1, "12:00") * 1000))
    rows = [smb_row(at(1, "12:00"), "WS1", "10.0.0.7", None)]
    assert analyze(told.write(tmp_path / "a"), table(tmp_path / "a", *rows)).alerts == []


def test_rows_of_two_accounts_are_two_alerts(tmp_path: Path) -> None:
    one = psexec_row(at(1, "10:00"), "WS1", "SRV7")
    data = analyze(table(tmp_path / "t", one, {**one, "UserName": "bob"}))
    assert len({alert.key for alert in data.alerts}) == 2


def test_the_full_record_decides_even_that_there_is_no_alert(tmp_path: Path) -> None:
    told = raw()
    told.connect("WS1", at(1, "10:00"), "10.0.0.1", "10.0.0.7", pid="4", ContextBaseFileName="System")
    rows = [smb_row(at(1, "10:00:00.4"), "WS1", "10.0.0.7", None)]
    data = analyze(told.write(tmp_path / "a"), table(tmp_path / "a", *rows))
    assert data.alerts == []
    assert data.coverage.rule_matches["SMB445Connection"] == 1


# Sessions, contacts, periods.


def test_sessions_tell_who_was_logged_on_how_and_until_when(tmp_path: Path) -> None:
    told = raw()
    told.logon("WS1", at(1, "08:00"), "alice", sid=ALICE, logon="5", kind=2)
    told.logon("WS1", at(2, "08:00"), "alice", sid=ALICE, logon="6", kind=2)
    told.logon("SRV7", at(1, "09:00"), "adm", sid=ADM, logon="7", kind=10, remote="10.0.0.1")
    told.logon("SRV7", at(1, "09:00"), "adm", sid=ADM, logon="8", kind=3, remote="10.0.0.1")
    told.logon("WS1", at(2, "11:00"), "alice", sid=ALICE, logon="9", kind=3, remote="10.0.0.7")
    for clock, logon in (("11:01", "9"), ("16:00", "5"), ("17:00", "6")):
        told._add("WS1", "UserLogoff", at(2, clock), UserName="alice", UserSid=ALICE, AuthenticationId=logon)
    data = analyze(told.write(tmp_path / "fdr"))
    users = {user.id: user.name for user in data.users}
    found = [
        (users[one.user], names(data)[one.host], one.kind, one.count, one.ended) for one in data.sessions
    ]
    assert found == [
        ("CORP\\alice", "WS1", "interactive", 2, "2026-03-04T17:00:00.000000Z"),
        ("CORP\\adm", "SRV7", "remote interactive", 1, None),
    ]


def test_a_network_logoff_ends_no_session(tmp_path: Path) -> None:
    told = raw()
    told.logon("WS1", at(1, "08:00"), "alice", sid=ALICE, logon="5", kind=2)
    told.logon("WS1", at(1, "11:00"), "alice", sid=ALICE, logon="9", kind=3, remote="10.0.0.7")
    told._add("WS1", "UserLogoff", at(1, "11:01"), UserName="alice", UserSid=ALICE, AuthenticationId="9")
    assert [one.ended for one in analyze(told.write(tmp_path / "fdr")).sessions] == [None]


def test_a_contact_goes_to_whoever_had_the_address_within_the_hour(tmp_path: Path) -> None:
    told = raw()
    told.host("WS2", "10.0.0.50")
    told.host("WS3", "10.0.0.60")
    told.address("WS2", "10.0.0.50", at(1, "10:20"), removed=True)
    told.address("WS3", "10.0.0.50", at(1, "10:25"))
    told.connect("WS1", at(1, "10:45"), "10.0.0.1", "10.0.0.50", pid="4", ContextBaseFileName="System")
    data = analyze(told.write(tmp_path / "fdr"))
    assert [names(data)[one.target] for one in data.contacts] == ["WS3"]


def test_a_logon_id_that_comes_back_within_the_hour_is_who_had_it_then(tmp_path: Path) -> None:
    told = raw()
    told.logon("WS1", at(1, "09:00"), "carol", sid="S-1-5-21-1-2-3-7", logon="5")
    told.logon("WS1", at(1, "10:40"), "bob", sid="S-1-5-21-1-2-3-8", logon="5")
    told.process("WS1", at(1, "10:20"), "C:\\psexec.exe", "psexec \\\\SRV7 cmd", pid="1", logon="5")
    data = analyze(told.write(tmp_path / "fdr"))
    assert [user.name for user in data.users if user.id == data.alerts[0].user] == ["CORP\\carol"]


def test_one_delivery_raw_and_one_enriched_are_one_contact_and_one_session(tmp_path: Path) -> None:
    told = raw()
    told.connect("WS1", at(1, "10:00"), "10.0.0.1", "10.0.0.7", pid="4", ContextBaseFileName="System")
    told.logon("WS1", at(1, "08:00"), "alice", sid=ALICE, logon="5", kind=2)
    told.records += [{**record, "ComputerName": "WS1"} for record in told.records[-2:]]
    data = analyze(told.write(tmp_path / "fdr"))
    assert [one.count for one in data.contacts] == [1]
    assert [one.count for one in data.sessions] == [1]
    assert data.coverage.duplicates == 2


def test_many_distinct_contacts_are_no_duplicates(tmp_path: Path) -> None:
    told = raw()
    for second in range(1200):
        when = at(1, "10:00") + second
        told.connect("WS1", when, "10.0.0.1", "10.0.0.7", pid="4", ContextBaseFileName="System")
    assert analyze(told.write(tmp_path / "fdr")).coverage.duplicates == 0


def test_contacts_count_what_one_end_tells_once(tmp_path: Path) -> None:
    told = raw()
    for day in (1, 2, 2):
        told.connect("WS1", at(day, "10:00"), "10.0.0.1", "10.0.0.7", pid="4", ContextBaseFileName="System")
        told.accept("SRV7", at(day, "10:00"), "10.0.0.7", "10.0.0.1")
    told.logon("SRV7", at(1, "10:00"), "alice", sid=ALICE, logon="8", kind=3, remote="10.0.0.1")
    data = analyze(told.write(tmp_path / "fdr"))
    users = {user.id: user.name for user in data.users}
    found = {users.get(one.user or ""): (one.count, one.days) for one in data.contacts}
    assert found == {None: (3, 2), "CORP\\alice": (1, 1)}


@pytest.mark.parametrize("steady", [True, False])
def test_what_comes_back_at_regular_intervals_is_periodic(tmp_path: Path, steady: bool) -> None:
    told = raw()
    told.process("WS1", at(0, "01:00"), "C:\\Agent\\agent.exe", "agent", pid="7")
    for run_number in range(PERIODIC_LEAST):
        minute = 20 * run_number if steady else run_number**2 * 7
        told.connect("WS1", at(1, "02:00") + 60 * minute, "10.0.0.1", "10.0.0.7", pid="7")
    tuning = tmp_path / "allow.toml"
    tuning.write_text(
        '[[allow]]\nname = "agent"\nprocess = "agent.exe"\nrequires = "periodic"\nreason = "monitoring"\n'
    )
    data = analyze(told.write(tmp_path / "fdr"), tuning=str(tuning))
    assert {alert.suppressed_by for alert in data.alerts} == ({"agent"} if steady else {None})


def allow(tmp_path: Path, keys: str) -> str:
    path = tmp_path / "allow.toml"
    path.write_text(f'[[allow]]\nname = "allowed"\nreason = "sanctioned"\n{keys}\n')
    return str(path)


def test_a_hop_that_only_its_target_tells_of_can_be_allowed(tmp_path: Path) -> None:
    told = raw()
    told.share("SRV7", at(1, "10:00"), "ADMIN$", "adm", "10.0.0.1")
    told.service("SRV7", at(1, "10:00:05"), "PSEXESVC", "C:\\Windows\\PSEXESVC.exe", "10.0.0.1")
    folder = told.write(tmp_path / "fdr")
    assert [hop.suppressed for hop in analyze(folder).hops] == [False]
    (hop,) = analyze(folder, tuning=allow(tmp_path, 'source = "WS1"')).hops
    assert (hop.suppressed, hop.suppressed_by) == (True, "allowed")
    assert not analyze(folder, tuning=allow(tmp_path, 'source = "WS1"\nprocess = "x"')).hops[0].suppressed


def test_an_alert_that_makes_no_hop_is_suppressed_too(tmp_path: Path) -> None:
    told = raw()
    told.process("WS1", at(1, "10:00"), "C:\\psexec.exe", "psexec -s cmd", pid="1", sid=ADM)
    told.process("WS1", at(1, "10:01"), "net.exe", "net use \\\\SRV7\\c$ /delete", pid="2", sid=ADM)
    data = analyze(told.write(tmp_path / "fdr"), tuning=allow(tmp_path, 'source = "WS1"'))
    assert [alert.suppressed_by for alert in data.alerts] == ["allowed", "allowed"]
    assert data.coverage.suppressed == 2


@pytest.mark.parametrize("domain", ["CORP", "corp.example"])
def test_an_account_can_be_allowed_as_the_result_shows_it(tmp_path: Path, domain: str) -> None:
    told = raw()
    sid = "S-1-5-21-1-2-3-2000"
    told.logon("WS1", at(0, "09:00"), "svc", sid=sid, logon="9", kind=5, domain=domain)
    told.process("WS1", at(1, "10:00"), "C:\\psexec.exe", "psexec \\\\SRV7 cmd", pid="1", sid=sid)
    folder = told.write(tmp_path / "fdr")
    data = analyze(folder)
    shown = {user.id: user.name for user in data.users}[data.alerts[0].user or ""]
    assert shown == f"{domain}\\svc"
    (alert,) = analyze(folder, tuning=allow(tmp_path, f"user = '{shown}'")).alerts
    assert alert.suppressed_by == "allowed"


def test_a_network_covers_who_has_the_address_then(tmp_path: Path) -> None:
    told = raw()
    told.host("LAP1", "10.9.0.5")
    told.address("LAP1", "10.9.0.5", at(1, "00:00"), removed=True)
    told.address("LAP1", "10.0.0.99", at(1, "00:01"))
    told.process("LAP1", at(0, "10:00"), "C:\\psexec.exe", "psexec \\\\SRV7 cmd", pid="1", sid=ADM)
    told.process("LAP1", at(3, "10:00"), "C:\\psexec.exe", "psexec \\\\SRV7 cmd", pid="2", sid=ADM)
    data = analyze(told.write(tmp_path / "fdr"), tuning=allow(tmp_path, 'source = "10.9.0.0/24"'))
    assert [alert.suppressed_by for alert in data.alerts] == ["allowed", None]


def test_a_suppressed_alert_takes_the_targets_side_with_it(tmp_path: Path) -> None:
    told = raw()
    told.process("WS1", at(1, "10:00"), "C:\\psexec.exe", "psexec \\\\SRV7 cmd", pid="1", sid=ADM)
    told.service("SRV7", at(1, "10:00:10"), "PSEXESVC", "C:\\Windows\\PSEXESVC.exe", "10.0.0.1")
    tuning = tmp_path / "allow.toml"
    tuning.write_text(
        '[[allow]]\nname = "admin"\nsource = "WS1"\nprocess = "psexec.exe"\nreason = "sanctioned"\n'
    )
    data = analyze(told.write(tmp_path / "fdr"), tuning=str(tuning))
    (hop,) = data.hops
    assert (hop.suppressed, hop.suppressed_by, hop.outcome) == (True, "admin", "executed")
    assert hop.score <= 0
    assert data.coverage.suppressed == 1
