"""The main job on small estates, record by record: what goes in, who moved where."""

from __future__ import annotations

import gzip
import io
import json
import random
import re
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from lmgraph import pipeline, result
from lmgraph.engines.local import LocalEngine
from lmgraph.errors import InputError, RecordError, UsageError
from lmgraph.events import Partial
from lmgraph.ingest import Source
from lmgraph.pipeline import Progress, gather, read_events, run
from lmgraph.result import HopRow, ResultData
from lmgraph.settings import Settings, parse_time
from tests.falcon import Record, Telemetry, aid, at, write_parts

ADM, ALICE, SYSTEM = "S-1-5-21-1-2-3-500", "S-1-5-21-1-2-3-1104", "S-1-5-18"


def analyze(*paths: Path | str, **options: Any) -> ResultData:
    return run([str(path) for path in paths], Settings(**options), LocalEngine(1)).data


class Read:
    """A result by host names."""

    def __init__(self, data: ResultData) -> None:
        self.data = data
        self.names = {host.id: host.name for host in data.hosts}
        self.users = {user.id: user.name for user in data.users}

    def pairs(self) -> list[tuple[str, str]]:
        return [(self.names[hop.source], self.names[hop.target]) for hop in self.data.hops]

    def hop(self, source: str, target: str) -> HopRow:
        (found,) = [
            hop
            for hop in self.data.hops
            if (self.names[hop.source], self.names[hop.target]) == (source, target)
        ]
        return found

    def path(self) -> list[str]:
        return [self.names[host] for host in self.data.paths[0].hosts]


def estate() -> Telemetry:
    told = Telemetry()
    told.host("WS1", "10.0.0.1")
    told.host("SRV7", "10.0.0.7", product="3")
    told.host("DC1", "10.0.0.9", product="2")
    return told


def estate_with_two_of_one_address() -> Telemetry:
    """The estate, and LAP1 and LAP2, which both show 192.168.1.10 at 09:00 and at 11:00."""
    told = estate()
    for host in ("LAP1", "LAP2"):
        told.host(host, "192.168.1.10")
        for clock in ("09:00", "11:00"):
            told.connect(
                host, at(1, clock), "192.168.1.10", "10.0.0.9", pid="4", ContextBaseFileName="System"
            )
    return told


def psexec_story(
    told: Telemetry, when: float, source: str, target: str, ips: tuple[str, str], pid: str
) -> None:
    """PsExec with all that both sensors tell of it."""
    told.process(
        source,
        when,
        "C:\\Tools\\PsExec.exe",
        f"PsExec.exe \\\\{target} -u CORP\\adm -p hunter2 cmd",
        pid=pid,
        sid=ALICE,
    )
    told.connect(source, when + 1, ips[0], ips[1], pid="4", ContextBaseFileName="System")
    told.accept(target, when + 1, ips[1], ips[0])
    told.logon(target, when + 2, "adm", sid=ADM, logon=pid + "9", kind=3, remote=ips[0])
    told.share(target, when + 3, "ADMIN$", "adm", ips[0])
    told.service(target, when + 4, "PSEXESVC", "%SystemRoot%\\PSEXESVC.exe", ips[0])


# The published tests of the query (FALCON.md), in Falcon terms.


def test_published_1_mapping_an_admin_share_on_loopback_is_an_alert_and_no_hop(tmp_path: Path) -> None:
    told = estate()
    told.process("WS1", at(1, "10:00"), "net.exe", r"net use z: \\127.0.0.1\C$", pid="1", sid=ALICE)
    told.connect("WS1", at(1, "10:00:01"), "127.0.0.1", "127.0.0.1", pid="4", ContextBaseFileName="System")
    told.share("WS1", at(1, "10:00:01"), "C$", "alice", "127.0.0.1")
    told.share("WS1", at(1, "10:00:02"), "IPC$", "alice", "10.0.0.1")
    data = analyze(told.write(tmp_path / "fdr"))
    assert data.alert_counts == {"PsExecExecution": 0, "NetUseAdminShare": 1, "SMB445Connection": 0}
    assert data.hops == []
    assert data.unplaced == []
    assert data.contacts == []


def test_published_2_copying_to_an_admin_share_in_user_mode_is_a_connection(tmp_path: Path) -> None:
    told = estate()
    told.process(
        "WS1", at(1, "10:00"), "cmd.exe", r"cmd /c copy calc.exe \\127.0.0.1\ADMIN$", pid="11", sid=ALICE
    )
    told.connect("WS1", at(1, "10:00:01"), "127.0.0.1", "127.0.0.1", pid="11")
    told.connect("WS1", at(1, "10:05:01"), "10.0.0.1", "10.0.0.7", pid="11")
    read = Read(analyze(told.write(tmp_path / "fdr")))
    assert read.data.alert_counts["SMB445Connection"] == 2
    assert [alert.process for alert in read.data.alerts] == ["cmd.exe", "cmd.exe"]
    assert read.pairs() == [("WS1", "SRV7")]


def test_published_3_psexec_to_a_second_host_is_executed(tmp_path: Path) -> None:
    told = estate()
    psexec_story(told, at(1, "10:00"), "WS1", "SRV7", ("10.0.0.1", "10.0.0.7"), "21")
    read = Read(analyze(told.write(tmp_path / "fdr")))
    hop = read.hop("WS1", "SRV7")
    assert hop.alert_types == ["PsExecExecution"]
    assert (hop.outcome, hop.full_chain, hop.target_visibility) == ("executed", True, "full")
    assert hop.credential == "CORP\\adm"
    assert read.users[hop.source_user or ""] == ALICE
    assert "hunter2" not in result.encode(read.data).decode()


def test_published_3_on_loopback_is_an_alert_and_no_hop(tmp_path: Path) -> None:
    told = estate()
    told.process("WS1", at(1, "10:00"), "C:\\psexec.exe", r"psexec \\127.0.0.1 cmd", pid="1")
    told.process("WS1", at(1, "10:01"), "C:\\psexec.exe", r"psexec \\ws1 cmd", pid="2")
    told.process("WS1", at(1, "10:02"), "C:\\psexec.exe", r"psexec -s cmd", pid="3")
    data = analyze(told.write(tmp_path / "fdr"))
    assert data.alert_counts["PsExecExecution"] == 3
    assert [alert.targets for alert in data.alerts] == [[], [], []]
    assert data.hops == []


def test_published_4_net_view_is_no_movement(tmp_path: Path) -> None:
    told = estate()
    told.process("WS1", at(1, "10:00"), "net.exe", r"net view \\10.0.0.7 /all", pid="1")
    told.connect("WS1", at(1, "10:00:01"), "10.0.0.1", "10.0.0.7", pid="4", ContextBaseFileName="System")
    told.share("SRV7", at(1, "10:00:01"), "IPC$", "alice", "10.0.0.1")
    data = analyze(told.write(tmp_path / "fdr"))
    assert data.alerts == []
    assert data.hops == []
    assert [(contact.count, contact.days) for contact in data.contacts] == [(1, 1), (1, 1)]


# Identity in time.


def test_an_address_re_used_in_mid_attack_leads_to_whoever_has_it_then(tmp_path: Path) -> None:
    told = estate()
    told.host("WS2", "10.0.0.50")
    told.connect("WS2", at(1, "09:00"), "10.0.0.50", "10.0.0.9", pid="4", ContextBaseFileName="System")
    psexec_story(told, at(1, "10:00"), "WS1", "10.0.0.50", ("10.0.0.1", "10.0.0.50"), "21")
    told.records = [row for row in told.records if row.get("aid") != aid("10.0.0.50")]
    told.address("WS2", "10.0.0.50", at(1, "11:00"), removed=True)
    told.address("WS2", "10.0.0.51", at(1, "11:00"))
    told.address("SRV7", "10.0.0.50", at(1, "11:05"))
    told.process("WS1", at(1, "12:00"), "C:\\psexec.exe", r"psexec \\10.0.0.50 cmd", pid="22", sid=ALICE)
    read = Read(analyze(told.write(tmp_path / "fdr")))
    assert read.pairs() == [("WS1", "WS2"), ("WS1", "SRV7")]
    assert [hop.certainty for hop in read.data.hops] == [1.0, 1.0]


def test_two_hosts_that_fit_one_address_lower_certainty_and_are_both_named(tmp_path: Path) -> None:
    told = estate_with_two_of_one_address()
    told.process("WS1", at(1, "10:00"), "C:\\psexec.exe", r"psexec \\192.168.1.10 cmd", pid="22", sid=ALICE)
    read = Read(analyze(told.write(tmp_path / "fdr")))
    (hop,) = read.data.hops
    assert hop.certainty == pytest.approx(0.5)
    (other,) = hop.alternatives
    assert {read.names[hop.target], read.names[other.target]} == {"LAP1", "LAP2"}
    assert other.certainty == pytest.approx(0.5)


def test_two_hosts_that_fit_the_source_of_what_the_target_tells_are_both_named(tmp_path: Path) -> None:
    told = estate_with_two_of_one_address()
    told.share("SRV7", at(1, "10:00"), "ADMIN$", "adm", "192.168.1.10")
    read = Read(analyze(told.write(tmp_path / "fdr")))
    (hop,) = read.data.hops
    (other,) = hop.alternatives
    assert (hop.certainty, other.certainty) == (pytest.approx(0.5, abs=0.01), pytest.approx(0.5, abs=0.01))
    assert {read.names[hop.source], read.names[other.source]} == {"LAP1", "LAP2"}
    assert hop.target == other.target


def test_the_accept_at_the_other_end_decides_between_two_that_fit(tmp_path: Path) -> None:
    told = estate_with_two_of_one_address()
    told.process("WS1", at(1, "10:00"), "C:\\smb.exe", "smb", pid="22", sid=ALICE)
    told.connect("WS1", at(1, "10:00:05"), "10.0.0.1", "192.168.1.10", pid="22", local_port=51111)
    told.accept("LAP2", at(1, "10:00:06"), "192.168.1.10", "10.0.0.1", remote_port=51111)
    told.connect("LAP1", at(1, "10:00:05"), "192.168.1.10", "10.0.0.9", pid="4", ContextBaseFileName="System")
    read = Read(analyze(told.write(tmp_path / "fdr")))
    assert read.pairs() == [("WS1", "LAP2")]
    assert read.data.hops[0].certainty == 1.0


def test_the_same_private_address_at_two_customers_is_two_hosts(tmp_path: Path) -> None:
    for customer in ("a" * 32, "b" * 32):
        told = Telemetry(customer)
        told.host("WS1", "10.0.0.1")
        told.host("SRV7", "10.0.0.7")
        told.process("WS1", at(1, "10:00"), "C:\\psexec.exe", r"psexec \\10.0.0.7 cmd", pid="22", sid=ALICE)
        told.write(tmp_path / customer)
    data = analyze(tmp_path)
    assert len(data.hops) == 2
    assert len({hop.source for hop in data.hops}) == len({hop.target for hop in data.hops}) == 2
    assert all(hop.certainty == 1.0 and hop.alternatives == [] for hop in data.hops)


def test_a_connection_of_one_customer_is_not_accepted_at_another(tmp_path: Path) -> None:
    for customer, minute in (("a" * 32, "10:00:00"), ("b" * 32, "10:01:00")):
        told = Telemetry(customer)
        told.host("WS1", "10.0.0.1")
        told.host("SRV7", "10.0.0.7")
        told.process("WS1", at(1, "09:00"), "C:\\smb.exe", "smb", pid="22", sid=ALICE)
        told.connect("WS1", at(1, minute), "10.0.0.1", "10.0.0.7", pid="22", local_port=51111)
        if customer.startswith("a"):
            told.accept("SRV7", at(1, minute), "10.0.0.7", "10.0.0.1", remote_port=51111)
        told.write(tmp_path / customer)
    data = analyze(tmp_path)
    assert len({(hop.source, hop.target) for hop in data.hops}) == 2
    assert len({hop.target for hop in data.hops}) == 2


def test_an_unknown_address_in_recordings_far_apart_is_two_hosts(tmp_path: Path) -> None:
    told = Telemetry()
    told.host("WS1", "10.0.0.1")
    told.host("WS2", "10.0.0.2")
    told.process("WS1", at(1, "10:00"), "C:\\psexec.exe", r"psexec \\10.9.9.9 cmd", pid="1", sid=ALICE)
    told.connect("WS1", at(1, "10:00:01"), "10.0.0.1", "10.9.9.9", pid="1")
    told.process("WS2", at(40, "10:00"), "C:\\psexec.exe", r"psexec \\10.9.9.9 cmd", pid="1", sid=ALICE)
    told.connect("WS2", at(40, "10:00:01"), "10.0.0.2", "10.9.9.9", pid="1")
    data = analyze(told.write(tmp_path / "fdr"))
    assert len({hop.target for hop in data.hops}) == 2


def test_a_host_without_a_sensor_stays_in_the_graph_under_its_name(tmp_path: Path) -> None:
    told = estate()
    told.process("WS1", at(1, "10:00"), "net.exe", r"net use \\nas3\C$", pid="1", sid=ALICE)
    told.process("WS1", at(1, "10:01"), "net.exe", r"net use \\NAS3.corp.example\C$", pid="2", sid=ALICE)
    read = Read(analyze(told.write(tmp_path / "fdr")))
    hop = read.hop("WS1", "NAS3")
    assert (hop.outcome, hop.target_visibility) == ("attempted", "none")
    (nas,) = [host for host in read.data.hosts if host.name == "NAS3"]
    assert nas.managed is False
    assert read.data.coverage.unresolved_targets == 1


def test_the_assets_file_names_what_telemetry_does_not(tmp_path: Path) -> None:
    told = estate()
    told.process("WS1", at(1, "10:00"), "C:\\psexec.exe", r"psexec \\10.0.3.3 cmd", pid="1", sid=ALICE)
    assets = tmp_path / "assets.csv"
    assets.write_text(
        "host,ip,role,criticality,valid_from,valid_to\nNAS3,10.0.3.3,server,high,2026-03-01,2026-04-01\n"
    )
    read = Read(analyze(told.write(tmp_path / "fdr"), assets=str(assets)))
    assert read.pairs() == [("WS1", "NAS3")]
    (nas,) = [host for host in read.data.hosts if host.name == "NAS3"]
    assert (nas.role, nas.criticality, nas.managed) == ("server", "high", False)
    assert read.data.settings.assets_sha256


@pytest.mark.parametrize("ip", ["10.0.1.7", ""])
def test_an_assets_line_whose_name_two_domains_share_needs_its_address(tmp_path: Path, ip: str) -> None:
    told = Telemetry()
    told.host("WS1", "10.0.0.1", domain="red.example")
    told.host("SRV", "10.0.1.7", domain="red.example")
    told.records.append({**told.records[-2], "aid": "f" * 32, "MachineDomain": "blue.example"})
    told.process("WS1", at(1, "10:00"), "C:\\psexec.exe", r"psexec \\srv cmd", pid="1", sid=ALICE)
    assets = tmp_path / "assets.csv"
    assets.write_text(f"host,ip,role\nSRV,{ip},dc\n")
    read = Read(analyze(told.write(tmp_path / "fdr"), assets=str(assets)))
    assert read.pairs() == [("WS1", "SRV")]
    roles = {host.domain: host.role for host in read.data.hosts if host.name == "SRV"}
    assert roles == {"red.example": "dc" if ip else "workstation", "blue.example": "workstation"}
    warned = any("names several hosts" in text for text in read.data.coverage.warnings)
    assert warned is (not ip)


# Joins and rules.


def test_a_raw_connection_takes_name_and_account_from_its_process_and_logon(tmp_path: Path) -> None:
    told = estate()
    told.connect("WS1", at(1, "10:00"), "10.0.0.1", "10.0.0.7", pid="77")
    told.process("WS1", at(1, "09:59"), "C:\\Temp\\python.exe", "python smbexec.py", pid="77", logon="5001")
    told.logon("WS1", at(1, "08:00"), "alice", sid=ALICE, logon="5001")
    told.connect("WS1", at(1, "10:01"), "10.0.0.1", "10.0.0.9", pid="78")
    told.process("WS1", at(1, "08:00"), "svchost.exe", "svchost", pid="78")
    told.connect("WS1", at(1, "10:02"), "10.0.0.1", "10.0.0.9", pid="79")
    told.connect("WS1", at(1, "10:03"), "10.0.0.1", "10.0.0.9", pid="80")
    told.process("WS1", at(1, "08:00"), "C:\\Users\\Public\\svchost.exe", "svchost", pid="80")
    read = Read(analyze(told.write(tmp_path / "fdr")))
    found = [(alert.process, alert.flags) for alert in read.data.alerts]
    assert found == [("python.exe", []), ("svchost.exe", ["masquerade"])]
    assert read.users[read.data.alerts[0].user or ""] == "CORP\\alice"
    assert read.data.alerts[0].command_line == "python smbexec.py"
    assert read.pairs() == [("WS1", "SRV7"), ("WS1", "DC1")]


def test_net_and_the_net1_that_it_starts_are_one_action(tmp_path: Path) -> None:
    told = estate()
    told.process("WS1", at(1, "10:00"), "net.exe", r"net use \\srv7\c$", pid="1", sid=ALICE)
    told.process(
        "WS1", at(1, "10:00:00.1"), "net1.exe", r"net1 use \\srv7\c$", pid="2", sid=ALICE, ParentProcessId="1"
    )
    told.process(
        "WS1", at(1, "11:00"), "net1.exe", r"net1 use \\srv7\c$", pid="3", sid=ALICE, ParentProcessId="9"
    )
    data = analyze(told.write(tmp_path / "fdr"))
    assert [alert.process for alert in data.alerts] == ["net.exe", "net1.exe"]
    assert data.coverage.rule_matches["NetUseAdminShare"] == 3


def test_a_disconnect_confirms_a_hop_and_makes_none(tmp_path: Path) -> None:
    told = estate()
    told.process("WS1", at(1, "10:00"), "net.exe", r"net use \\srv7\c$ /delete", pid="1", sid=ALICE)
    data = analyze(told.write(tmp_path / "fdr"))
    assert [alert.flags for alert in data.alerts] == [["disconnect"]]
    assert data.hops == []
    told.process("WS1", at(1, "09:55"), "net.exe", r"net use \\srv7\c$", pid="2", sid=ALICE)
    (hop,) = analyze(told.write(tmp_path / "both")).hops
    assert len(hop.alerts) == 1
    assert [row.kind for row in hop.corroboration] == ["NetUseAdminShare"]


def test_all_hosts_and_a_file_of_hosts_are_what_follows_on_that_host(tmp_path: Path) -> None:
    told = estate()
    told.process("WS1", at(1, "10:00"), "C:\\psexec.exe", r"psexec @hosts.txt cmd", pid="1", sid=ALICE)
    told.connect("WS1", at(1, "10:00:02"), "10.0.0.1", "10.0.0.7", pid="4", ContextBaseFileName="System")
    told.connect("WS1", at(1, "10:00:03"), "10.0.0.1", "10.0.0.9", pid="4", ContextBaseFileName="System")
    told.process("SRV7", at(2, "10:00"), "C:\\psexec.exe", r"psexec \\* cmd", pid="1", sid=ALICE)
    read = Read(analyze(told.write(tmp_path / "fdr")))
    assert sorted(read.pairs()) == [("WS1", "DC1"), ("WS1", "SRV7")]
    assert len(read.data.alerts[0].targets) == 2
    assert [hop.certainty for hop in read.data.hops] == [0.5, 0.5], "nothing says that the command made them"
    assert [(row.reason, row.kind) for row in read.data.unplaced] == [("no target", "PsExecExecution")]


def test_padding_hides_no_target(tmp_path: Path) -> None:
    told = estate()
    padding = " " * 8_200
    told.process(
        "WS1", at(1, "10:00"), "net.exe", rf"net use{padding}\\SRV7\c$ /user:adm", pid="1", sid=ALICE
    )
    names = ",".join(f"host{number:05}" for number in range(1_100))
    told.process("WS1", at(2, "10:00"), "C:\\psexec.exe", rf"psexec \\{names} -u adm cmd", pid="2", sid=ALICE)
    read = Read(analyze(told.write(tmp_path / "fdr")))
    assert ("WS1", "SRV7") in read.pairs()
    assert len(read.data.hops) == 1_101
    assert {hop.credential for hop in read.data.hops} == {"adm"}
    assert [alert.flags for alert in read.data.alerts] == [["command_line_cut"]] * 2
    assert max(len(alert.command_line or "") for alert in read.data.alerts) == 8_192


def test_a_line_too_long_to_read_gives_no_host_that_is_not_there(tmp_path: Path) -> None:
    told = estate()
    names = ",".join(f"host{number:05}" for number in range(8_000))
    told.process("WS1", at(1, "10:00"), "C:\\psexec.exe", rf"psexec \\{names} cmd", pid="1", sid=ALICE)
    read = Read(analyze(told.write(tmp_path / "fdr")))
    assert {len(target) for _, target in read.pairs()} == {len("HOST00000")}
    assert any("too long to read whole" in text for text in read.data.coverage.warnings)


def test_sixty_targets_in_one_command_are_sixty_hops(tmp_path: Path) -> None:
    told = estate()
    names = ",".join(f"ws{number:03}" for number in range(100, 160))
    told.process("WS1", at(1, "10:00"), "C:\\psexec.exe", rf"psexec \\{names} cmd", pid="1", sid=ALICE)
    assert len(analyze(told.write(tmp_path / "fdr")).hops) == 60


def test_a_landing_without_a_source_is_shown_and_makes_no_hop(tmp_path: Path) -> None:
    told = estate()
    told.service("SRV7", at(1, "10:00"), "PSEXESVC", "C:\\Windows\\PSEXESVC.exe")
    data = analyze(told.write(tmp_path / "fdr"))
    assert data.hops == []
    assert [(row.reason, row.object) for row in data.unplaced] == [("no source", "PSEXESVC")]


@pytest.mark.parametrize(("seconds", "outcome"), [(60, "executed"), (14 * 60, "attempted")])
def test_any_service_proves_an_execution_only_when_it_is_near(
    tmp_path: Path, seconds: int, outcome: str
) -> None:
    told = estate()
    told.process("WS1", at(1, "10:00"), "net.exe", r"net use \\srv7\c$", pid="1", sid=ALICE)
    told.service("SRV7", at(1, "10:00") + seconds, "Google Update", "C:\\Program Files\\Google\\Update.exe")
    data = analyze(told.write(tmp_path / "fdr"))
    assert [hop.outcome for hop in data.hops] == [outcome]
    assert len(data.unplaced) == (outcome == "attempted")


def test_no_secret_hides_in_a_service_or_a_path(tmp_path: Path) -> None:
    told = estate()
    told.service("SRV7", at(1, "10:00"), r"net use \\x\c$ hunter2 /user:a", "cmd /c x -p hunter2", "10.0.0.1")
    told.process(
        "WS1",
        at(1, "11:00"),
        "C:\\psexec.exe",
        r"psexec \\srv7 -u CORP\adm:hunter2 -p hunter2",
        pid="1",
        sid=ALICE,
    )
    data = analyze(told.write(tmp_path / "fdr"))
    assert "hunter2" not in result.encode(data).decode()
    assert data.hops[0].corroboration[0].object == r"net use \\x\c$ [redacted] /user:a"
    assert data.hops[1].credential == r"CORP\adm"


def test_a_hop_may_rest_on_the_target_alone(tmp_path: Path) -> None:
    told = estate()
    told.service("SRV7", at(1, "10:00"), "xyzzy", "C:\\Windows\\xyzzy.exe", "10.0.0.1")
    read = Read(analyze(told.write(tmp_path / "fdr")))
    hop = read.hop("WS1", "SRV7")
    assert (hop.alert_types, hop.alerts, hop.outcome) == ([], [], "executed")
    assert [row.object for row in hop.corroboration] == ["xyzzy"]


def test_a_refused_logon_joins_the_hop_as_denied_and_makes_none(tmp_path: Path) -> None:
    told = estate()
    refused = {
        "UserName": "adm",
        "LogonType": "3",
        "RemoteAddressIP4": "10.0.0.1",
        "ClientComputerName": "WS1",
    }
    told._add("SRV7", "UserLogonFailed2", at(1, "10:00:05"), **refused)
    assert analyze(told.write(tmp_path / "alone")).hops == []
    told.process("WS1", at(1, "10:00"), "C:\\psexec.exe", r"psexec \\srv7 cmd", pid="1", sid=ALICE)
    (hop,) = analyze(told.write(tmp_path / "both")).hops
    assert (hop.denied, hop.outcome) == (1, "attempted")
    assert [(one.kind, one.result) for one in hop.corroboration] == [("UserLogonFailed2", "denied")]


def test_literal_rules_change_the_alerts_and_nothing_else(tmp_path: Path) -> None:
    told = estate()
    told.connect("WS1", at(1, "10:00"), "10.0.0.1", "10.0.0.7", pid="4", ContextBaseFileName="System")
    psexec_story(told, at(1, "11:00"), "WS1", "SRV7", ("10.0.0.1", "10.0.0.7"), "21")
    folder = told.write(tmp_path / "fdr")
    literal, corrected = analyze(folder, rules="literal"), analyze(folder)
    # FileName is not there on raw records: every 445 connection matches and no process does.
    assert literal.coverage.rule_matches == {
        "PsExecExecution": 0,
        "NetUseAdminShare": 0,
        "SMB445Connection": 2,
    }
    assert all("kernel" in alert.flags for alert in literal.alerts)
    assert corrected.coverage.rule_matches["PsExecExecution"] == 1
    assert [hop.outcome for hop in literal.hops] == ["executed"]


# Tuning.


def test_the_sensors_own_smb_is_suppressed_unless_switched_off(tmp_path: Path) -> None:
    told = estate()
    image = "\\Device\\HarddiskVolume3\\Program Files\\CrowdStrike\\CSFalconService.exe"
    for pid, path in (("1", image), ("2", "C:\\Temp\\CSFalconService.exe")):
        told.process("WS1", at(1, "09:00"), path, "x", pid=pid)
        told.connect("WS1", at(1, f"1{pid}:00"), "10.0.0.1", "10.0.0.7", pid=pid)
    folder = told.write(tmp_path / "fdr")
    assert [alert.suppressed_by for alert in analyze(folder).alerts] == ["falcon-sensor", None]
    assert [alert.suppressed_by for alert in analyze(folder, default_tuning=False).alerts] == [None, None]
    quiet = analyze(folder).hops[0]
    assert quiet.suppressed
    assert quiet.score <= 0
    assert quiet.suppressed_by == "falcon-sensor"


def test_a_sanctioned_psexec_is_suppressed_with_what_the_target_tells_of_it(tmp_path: Path) -> None:
    told = estate()
    told.process("WS1", at(1, "10:00"), "C:\\psexec.exe", r"psexec \\srv7 cmd", pid="1", sid=ADM)
    told.service("SRV7", at(1, "10:00:10"), "PSEXESVC", "C:\\Windows\\PSEXESVC.exe")
    told.share("SRV7", at(1, "10:00:05"), "ADMIN$", "adm", "10.0.0.1")
    tuning = tmp_path / "allow.toml"
    tuning.write_text(
        '[[allow]]\nname = "admin"\nsource = "WS1"\nprocess = "psexec*"\nreason = "sanctioned"\n'
    )
    data = analyze(told.write(tmp_path / "fdr"), tuning=str(tuning))
    assert [(hop.outcome, hop.suppressed) for hop in data.hops] == [("executed", True)]
    assert data.paths == []


def test_suppression_ends_where_an_intruder_already_was(tmp_path: Path) -> None:
    told = estate()
    tuning = tmp_path / "allow.toml"
    tuning.write_text(
        '[[allow]]\nname = "jump"\nsource = "SRV7"\nreason = "jump host"\n'
        '[[allow]]\nname = "idle"\nsource = "X*"\nreason = "r"\n'
    )
    told.process("SRV7", at(1, "08:00"), "C:\\psexec.exe", r"psexec \\dc1 cmd", pid="1", sid=ADM)
    psexec_story(told, at(1, "10:00"), "WS1", "SRV7", ("10.0.0.1", "10.0.0.7"), "21")
    told.process("SRV7", at(1, "12:00"), "C:\\psexec.exe", r"psexec \\dc1 cmd", pid="2", sid=ADM)
    read = Read(analyze(told.write(tmp_path / "fdr"), tuning=str(tuning)))
    assert [alert.suppressed_by for alert in read.data.alerts] == ["jump", None, None]
    assert [hop.suppressed for hop in read.data.hops] == [True, False, False]
    assert "tuning entry 'idle' matched nothing" in read.data.coverage.warnings


# The law of reading.


def story() -> Telemetry:
    told = estate()
    for day in range(5):
        told.connect("WS1", at(day, "08:30"), "10.0.0.1", "10.0.0.9", pid="4", ContextBaseFileName="System")
        told.logon("DC1", at(day, "08:30"), "alice", sid=ALICE, logon=f"7{day}", kind=3, remote="10.0.0.1")
    told.logon("WS1", at(4, "08:00"), "alice", sid=ALICE, logon="5001")
    psexec_story(told, at(4, "18:00"), "WS1", "SRV7", ("10.0.0.1", "10.0.0.7"), "21")
    psexec_story(told, at(4, "18:40"), "SRV7", "DC1", ("10.0.0.7", "10.0.0.9"), "31")
    told.process("WS1", at(4, "17:00"), "C:\\Temp\\python.exe", "python", pid="77", logon="5001")
    told.connect("WS1", at(4, "17:30"), "10.0.0.1", "10.0.0.7", pid="77")
    return told


def bare(data: ResultData) -> dict[str, Any]:
    """What may not differ for equal records: all but places and what names files (CONTRACT)."""
    document = json.loads(result.encode(data))
    del document["inputs"]
    for key in ("notices", "unknown_files", "warnings"):
        del document["coverage"][key]
    return _without_origin(document)  # type: ignore[no-any-return]


def _without_origin(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_origin(item) for key, item in value.items() if key != "origin"}
    return [_without_origin(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("seed", range(6))
def test_any_order_and_any_split_give_the_same(tmp_path: Path, seed: int) -> None:
    told = story()
    expected = bare(analyze(told.write(tmp_path / "one")))
    chance = random.Random(seed)
    chance.shuffle(told.records)
    split = tmp_path / "many"
    write_parts(split / "data" / "b", told.records[:20], parts=3)
    write_parts(split / "data" / "a", told.records[20:], parts=chance.randrange(1, 9))
    found = run([str(split)], Settings(), LocalEngine(3)).data
    assert bare(found) == expected


@pytest.mark.parametrize("seed", range(4))
def test_names_that_only_targets_tell_of_do_not_depend_on_order(tmp_path: Path, seed: int) -> None:
    told = estate()
    for minute, name in enumerate(("nas7.a.example", "nas7", "nas7.b.example", "10.0.0.99", "\\\\SRV7")):
        more = {"ClientComputerName": name, "SmbShareName": "x"}
        told._add("WS1", "SmbClientShareOpenedEtw", at(1, f"10:{minute:02}"), **more)
        command = f"psexec \\\\{name} cmd"
        told.process("WS1", at(2, f"10:{minute:02}"), "C:\\psexec.exe", command, pid=str(minute))
    expected = bare(analyze(told.write(tmp_path / "one")))
    random.Random(seed).shuffle(told.records)
    assert bare(analyze(told.write(tmp_path / "other", parts=3))) == expected


def test_what_is_delivered_twice_changes_only_counts(tmp_path: Path) -> None:
    told = story()
    once = analyze(told.write(tmp_path / "once"))
    write_parts(tmp_path / "twice" / "a", told.records)
    write_parts(tmp_path / "twice" / "b", told.records[::-1], parts=2)
    twice = analyze(tmp_path / "twice")
    assert once.coverage.duplicates == 0
    assert twice.coverage.duplicates == once.coverage.records - once.coverage.ignored
    for key in ("hops", "paths", "incidents", "contacts", "sessions", "unplaced"):
        assert _without_origin(json.loads(result.encode(twice))[key]) == _without_origin(
            json.loads(result.encode(once))[key]
        )


def test_an_irrelevant_record_changes_nothing_but_counts_and_telemetry(tmp_path: Path) -> None:
    told = story()
    before = bare(analyze(told.write(tmp_path / "before")))
    del told.connect("WS1", at(4, "18:00:30"), "", "10.0.0.7", pid="99", port=443)["LocalAddressIP4"]
    told.process("WS1", at(4, "18:00:30"), "notepad.exe", "notepad", pid="98")
    told._add("SRV7", "DnsRequest", at(4, "18:00:30"), DomainName="example.com")
    after = bare(analyze(told.write(tmp_path / "after")))
    assert after["coverage"].pop("records") == before["coverage"].pop("records") + 3
    assert after["coverage"].pop("ignored") == before["coverage"].pop("ignored") + 3
    for document in (before, after):
        for host in document["hosts"]:
            del host["telemetry"]
    assert after == before


def test_standard_input_gives_what_the_file_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = story()
    lines = b"".join(json.dumps(record).encode() + b"\n" for record in told.records)
    (tmp_path / "all.ndjson").write_bytes(lines)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines)))
    from_pipe = analyze("-")
    assert bare(from_pipe) == bare(analyze(tmp_path / "all.ndjson"))
    assert [row.path for row in from_pipe.inputs] == ["-"]


def test_the_path_of_the_story(tmp_path: Path) -> None:
    read = Read(analyze(story().write(tmp_path / "fdr")))
    assert read.path() == ["WS1", "SRV7", "DC1"]
    assert read.data.paths[0].outcome == "executed"
    (link,) = read.data.paths[0].links
    assert link.score_terms
    total = sum(sum(hop.score_terms.values()) for hop in read.data.hops if hop.id in read.data.paths[0].hops)
    total += sum(link.score_terms.values())
    assert read.data.paths[0].score == pytest.approx(total, abs=1e-9)


def test_since_and_until_choose_hops_and_leave_history_alone(tmp_path: Path) -> None:
    folder = story().write(tmp_path / "fdr")
    whole = analyze(folder)
    late = analyze(folder, since_us=parse_time("2026-03-06T18:30:00Z"))
    assert [hop.key for hop in late.hops] == [whole.hops[-1].key]
    assert late.hops[0].score_terms == whole.hops[-1].score_terms
    assert [path.score for path in late.paths] == [late.hops[0].score], "what came before is no predecessor"
    early = analyze(folder, until_us=parse_time("2026-03-06T18:30:00Z"))
    assert [hop.key for hop in early.hops] == [hop.key for hop in whole.hops[:-1]]
    assert analyze(folder, until_us=parse_time("2026-03-01T00:00:00Z")).hops == []


def test_the_document_reads_back_and_is_written_the_same(tmp_path: Path) -> None:
    data = analyze(story().write(tmp_path / "fdr"))
    document = result.encode(data)
    assert result.encode(result.decode(document)) == document


# Bad input.


def test_nothing_readable_is_an_error_that_names_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "notes.bin").write_bytes(bytes(range(256)))
    with pytest.raises(InputError, match=r"nothing readable: .*notes\.bin: no reader knows this file"):
        analyze(tmp_path)
    saved = tmp_path / "saved.json"
    saved.write_text('{"schema": "lmgraph/result/1"}')
    with pytest.raises(InputError, match=r"nothing readable: \S*saved\.json is a result of lmgraph, [^;:]*$"):
        analyze(saved)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="nothing to read"):
        analyze(tmp_path / "empty")
    (tmp_path / "empty" / "part-0.gz").touch()
    with pytest.raises(InputError, match=r"part-0\.gz: an empty file"):
        analyze(tmp_path / "empty")
    with pytest.raises(UsageError, match=r"\[.*missing\]"):
        analyze(tmp_path / "missing")


def test_zero_alerts_is_a_result(tmp_path: Path) -> None:
    data = analyze(estate().write(tmp_path / "fdr"))
    assert (data.alerts, data.hops, data.paths) == ([], [], [])
    assert data.coverage.complete


def test_a_bad_line_costs_itself_alone(tmp_path: Path) -> None:
    told = story()
    lines = [json.dumps(record) for record in told.records]
    lines[5:5] = ["not json", '{"event_simpleName": "ProcessRollup2", ', "[1, 2]"]
    (tmp_path / "x.ndjson").write_text("\n".join(lines))
    outcome = run([str(tmp_path / "x.ndjson")], Settings(), LocalEngine(1))
    assert outcome.data.coverage.rejected == 3
    assert not outcome.data.coverage.complete
    assert [reject.origin.record for reject in outcome.rejects] == [6, 7, 8]
    clean = bare(analyze(told.write(tmp_path / "clean")))
    assert bare(outcome.data)["hops"] == clean["hops"]


@pytest.mark.parametrize("jobs", [1, 4])
@pytest.mark.parametrize("form", ["file", "zip", "gz", "pipe"])
def test_strict_makes_a_bad_record_an_error_that_names_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, jobs: int
) -> None:
    folder = story().write(tmp_path / "fdr", parts=5)
    lines = b"".join(json.dumps(record).encode() + b"\n" for record in story().records[:3])
    lines += b'{"event_simpleName": "ProcessRollup2", \n'
    (tmp_path / "bad").write_bytes(gzip.compress(lines) if form == "gz" else lines)
    if form == "zip":
        with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
            archive.write(tmp_path / "bad", "part")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines)))
    path, place = {"pipe": ("-", "-"), "zip": (tmp_path / "bad.zip", "bad.zip!part")}.get(
        form, (tmp_path / "bad", "bad")
    )
    paths = [str(folder), str(path)]
    with pytest.raises(RecordError, match=rf"^no valid JSON \[(.*/)?{re.escape(place)}:4\]$"):
        run(paths, Settings(strict=True), LocalEngine(jobs))
    assert run(paths[:1], Settings(strict=True), LocalEngine(jobs)).data.coverage.complete


def test_progress_counts_bytes_and_both_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = story().write(tmp_path / "fdr", parts=3)
    told: list[Progress] = []
    monkeypatch.setattr(pipeline, "INTERVAL", 0)
    gather([str(folder)], Settings(), LocalEngine(2), told.append)
    size = sum(path.stat().st_size for path in folder.iterdir())
    for look in (1, 2):
        steps = [step for step in told if step.look == look]
        assert len(steps) > 3
        assert steps == sorted(steps, key=lambda step: (step.bytes_done, step.alerts))
        assert {step.bytes_total for step in steps} == {size}
        assert steps[-1].bytes_done == size
        assert steps[-1].alerts == 2
    assert [step.look for step in told] == sorted(step.look for step in told)


def test_progress_counts_stored_bytes_while_a_file_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a gzip file, a zip and a plain file; never more than there are."""
    monkeypatch.setattr(pipeline, "INTERVAL", 0)
    draw = random.Random(1)
    filler = "".join(
        json.dumps({"event_simpleName": "DnsRequest", "pad": str(draw.getrandbits(8000))}) + "\n"
        for _ in range(2000)
    ).encode()
    (tmp_path / "plain").write_bytes(filler)
    (tmp_path / "packed").write_bytes(gzip.compress(filler))
    with zipfile.ZipFile(tmp_path / "zipped", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner", filler)
    story().write(tmp_path / "fdr")
    for name in ("plain", "packed", "zipped"):
        told: list[Progress] = []
        gather([str(tmp_path / "fdr"), str(tmp_path / name)], Settings(), LocalEngine(1), told.append)
        total = told[0].bytes_total
        assert total is not None
        inside = [step.bytes_done for step in told if step.look == 1 and step.path.endswith(name)]
        assert len(inside) > 2
        assert inside == sorted(inside)
        assert inside[-1] == total
        assert any(total * 0.3 < size < total * 0.9 for size in inside)


def test_progress_of_a_pipe_has_no_total(monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"".join(json.dumps(record).encode() + b"\n" for record in story().records)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    told: list[Progress] = []
    gather(["-"], Settings(), LocalEngine(1), told.append)
    assert (told[-1].bytes_done, told[-1].bytes_total) == (len(content), None)


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_progress_is_told_now_and_then_and_at_the_end_of_each_look() -> None:
    clock, told = Clock(), []
    sources = [Source("a", "a", 1000), Source("b", "b", 100)]
    meter = pipeline._Meter(sources, told.append, clock)
    take = meter.taken(sources[0])
    assert take is not None
    for _ in range(50):
        clock.now += pipeline.INTERVAL / 10
        take(10)
    assert [step.bytes_done for step in told] == [100, 200, 300, 400, 500]
    take(9000)
    meter.done(sources[0], Partial())
    assert len(told) == 5  # too soon
    meter.done(sources[1], Partial())
    meter.second(sources[:1])
    meter.done(sources[0], Partial())
    items: list[Any] = []
    assert meter.alerts(items, Settings()) is items  # each was counted in the first look
    assert told[5:] == [Progress(1100, 1100, 0, "b", 1), Progress(1000, 1000, 0, "a", 2)]


def test_nobody_asks_nothing_is_counted() -> None:
    meter = pipeline._Meter([Source("a", "a", 1)], None)
    items: list[Any] = []
    assert meter.taken(Source("a", "a", 1)) is None
    assert meter.alerts(items, Settings()) is items
    meter.done(Source("a", "a", 1), Partial())


def test_read_events_gives_the_canonical_rows(tmp_path: Path) -> None:
    frame = read_events([str(story().write(tmp_path / "fdr"))], Settings(), LocalEngine(1))
    assert {"kind", "time", "process_path", "remote_ip", "path", "record"} <= set(frame.columns)
    assert frame["time_us"].is_monotonic_increasing
    assert "hunter2" not in " ".join(frame["process_command_line"].dropna())


def test_records_of_other_shapes_change_no_type(tmp_path: Path) -> None:
    told = story()
    strange: Record = dict(told.records[-1], id="strange", RemotePort=445, ContextProcessId=77)
    told.records.append(strange)
    assert (
        len(analyze(told.write(tmp_path / "fdr")).alerts)
        == len(analyze(story().write(tmp_path / "s")).alerts) + 1
    )


def test_a_tool_that_lies_elsewhere_is_new_to_the_host_whatever_the_volume_is_called(tmp_path: Path) -> None:
    told = estate()
    paths = [r"C:\Tools\PsExec.exe"] * 4 + [
        r"\Device\HarddiskVolume2\tools\psexec.exe",
        r"C:\PerfLogs\PsExec.exe",
    ]
    for day, path in enumerate(paths):
        told.process("WS1", at(day, "10:00"), path, r"psexec \\SRV7 cmd", pid=str(day), sid=ALICE)
    data = analyze(told.write(tmp_path / "fdr"))
    assert ["new_tool" in hop.score_terms for hop in data.hops] == [False] * 5 + [True]


def test_days_of_which_only_an_inventory_tells_are_no_history(tmp_path: Path) -> None:
    told = estate()
    psexec_story(told, at(6, "10:00"), "WS1", "SRV7", ("10.0.0.1", "10.0.0.7"), "21")
    interface = {
        "aid": aid("WS1"),
        "cid": told.cid,
        "LocalAddressIP4": "10.0.0.1",
        "MAC": "02-00-00-00-00-01",
    }
    inventory = [interface | {"_time": f"{at(day, '10:00'):.3f}"} for day in range(6)]
    folder = told.write(tmp_path / "fdr")
    write_parts(folder / "managedassets", inventory)
    data = analyze(folder)
    assert any("too little history before 1 of 1 hops" in text for text in data.coverage.warnings)
    assert "new_source" not in data.hops[0].score_terms


@pytest.mark.parametrize(("stragglers", "known"), [(1, False), (2, True)])
def test_a_few_late_records_make_no_day_of_history(tmp_path: Path, stragglers: int, *, known: bool) -> None:
    """Of forty sensors that speak on the sixth day, so many did on the days before."""
    told = estate()
    for number in range(40):
        told.host(f"PC{number}", f"10.0.1.{number}", day=6)
    for number in range(40):
        for day in (*(range(1, 6) if number < stragglers else ()), 6):
            told.process(
                f"PC{number}", at(day, "09:00"), "net.exe", rf"net use \\SRV{day}\c$", pid=str(day), sid=ALICE
            )
    data = analyze(told.write(tmp_path / "fdr"))
    last = [hop for hop in data.hops if hop.first.startswith("2026-03-08")]
    assert len(last) == 40
    assert any("new_pair" in hop.score_terms or "new_source" in hop.score_terms for hop in last) is known


def test_an_entry_that_matched_and_then_expired_is_warned_of(tmp_path: Path) -> None:
    told = estate()
    for day in (0, 4):
        psexec_story(told, at(day, "10:00"), "WS1", "SRV7", ("10.0.0.1", "10.0.0.7"), f"2{day}")
    tuning = tmp_path / "allow.toml"
    tuning.write_text('[[allow]]\nname = "old"\nsource = "WS1"\nreason = "r"\nexpires = 2026-03-04\n')
    data = analyze(told.write(tmp_path / "fdr"), tuning=str(tuning))
    assert [hop.suppressed for hop in data.hops] == [True, False]
    assert "tuning entry 'old' has expired before these records end" in data.coverage.warnings


def test_the_score_of_an_incident_adds_up(tmp_path: Path) -> None:
    told = estate()
    for number in range(9):
        told.host(f"PC{number}", f"10.0.1.{number}")
        told.process("SRV7", at(number, "12:00"), "net.exe", r"net use \\DC1\c$", pid=f"{number}2", sid=ADM)
        psexec_story(
            told,
            at(9, "10:00") + 60 * number,
            "WS1",
            f"PC{number}",
            ("10.0.0.1", f"10.0.1.{number}"),
            f"{number}1",
        )
    data = analyze(told.write(tmp_path / "fdr"))
    incident = data.incidents[0]
    assert incident.score_terms == {"best_path": data.paths[0].score, "branches": 3.0}
    assert incident.score == sum(incident.score_terms.values())
