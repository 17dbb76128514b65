"""Every scenario does what its name says, and the truth agrees with the telemetry."""

from __future__ import annotations

import datetime as dt
import itertools
import re

import pytest

from lmgraph.simulate import SCENARIOS
from lmgraph.simulate.estate import build, may
from tests.simulate.conftest import World

HOUR = 3600


def at(text: str) -> float:
    return dt.datetime.fromisoformat(text).timestamp()


def commands(world: World, attack) -> list[str]:
    return [record.get("CommandLine", "") for hop in attack["hops"] for record in world.of(hop)]


def chain(attack) -> list[dict]:
    """The hops of an attack that is a line."""
    hops = attack["hops"]
    assert all(after["parent"] == before["id"] for before, after in itertools.pairwise(hops))
    return hops


def executed(attack) -> list[dict]:
    """The hops on whose target code ran."""
    return [hop for hop in attack["hops"] if hop["outcome"] == "executed"]


@pytest.mark.parametrize("name", SCENARIOS)
def test_hops_follow_one_another(crowded, name):
    attack = crowded.attack(name)
    by_id = {hop["id"]: hop for hop in attack["hops"]}
    assert attack["hops"], "it moves"
    for hop in attack["hops"]:
        parent = by_id.get(hop["parent"])
        assert hop["source"] == (parent["target"] if parent else attack["origin"])
        assert hop["source"] != hop["target"]
        assert at(hop["first"]) <= at(hop["last"]) < at(crowded.truth["to"])
        if parent:
            assert parent["outcome"] == "executed"
            assert at(parent["first"]) < at(hop["first"])
    assert set(attack["reached"]) == {hop["target"] for hop in attack["hops"] if hop["outcome"] == "executed"}
    assert not set(attack["reached"]) & set(attack["touched"])


@pytest.mark.parametrize("name", SCENARIOS)
def test_records_of_a_hop_are_there_and_are_its_ends(crowded, name):
    sensors = {record["aid"] for record in crowded.records}
    for hop in crowded.attack(name)["hops"]:
        written = crowded.of(hop)
        assert len(written) == len(hop["events"])
        ends = {record["aid"] for record in written}
        assert ends <= sensors
        assert len(ends) <= hop["source_managed"] + hop["target_managed"]
        if hop["outcome"] == "executed" and hop["target_managed"] and hop["protocol"] == "smb":
            assert {"CreateService", "NetworkReceiveAcceptIP4"} <= {r["event_simpleName"] for r in written}


@pytest.mark.parametrize("name", sorted(set(SCENARIOS) - {"worm", "rdp"}))
def test_code_runs_only_where_the_account_may(crowded, name):
    estate = build(4, 150, 8, 1.0)
    hosts = {host.name: host for host in estate.hosts}
    accounts = {rf"CORP\{account.name}": account for account in estate.accounts}
    for hop in crowded.attack(name)["hops"]:
        if hop["outcome"] == "executed":
            assert may(accounts[hop["account"]], hosts[hop["target"]]), hop["id"]


def test_one_account_or_another_on_each_host(crowded):
    assert len({hop["account"] for hop in executed(crowded.attack("chain"))}) == 1
    several = [hop["account"] for hop in executed(crowded.attack("new-accounts"))]
    assert len(set(several)) == len(several) >= 3


def test_ransomware_reaches_many_within_the_hour(crowded):
    hops = crowded.attack("ransomware")["hops"]
    fan = [hop for hop in hops if hop["source"] == hops[-1]["source"]]
    assert len(fan) > 40
    assert at(fan[-1]["first"]) - at(fan[0]["first"]) < HOUR
    assert {hop["outcome"] for hop in fan} == {"executed", "attempted"}  # some were switched off


def test_worm_branches(crowded):
    sources = {hop["source"] for hop in crowded.attack("worm")["hops"]}
    assert len(sources) >= 4
    written = [record for hop in crowded.attack("worm")["hops"] for record in crowded.of(hop)]
    names = {record["ContextBaseFileName"] for record in written if "ContextBaseFileName" in record}
    assert len(names) == 1
    assert "System" not in names


def test_renamed_tool_has_no_name_that_a_rule_knows(crowded):
    attack = crowded.attack("renamed")
    told = str([crowded.of(hop) for hop in attack["hops"]])
    assert "-accepteula" in told
    assert not re.search(r"psexe|paexe|remcom", told, re.IGNORECASE)


def test_toolkit_speaks_smb_itself_and_starts_shells(crowded):
    for hop in executed(crowded.attack("toolkit")):
        written = crowded.of(hop)
        assert any("COMSPEC" in record.get("ServiceImagePath", "") for record in written)


@pytest.mark.parametrize(("name", "least", "most"), [("slow", 12, 20), ("slower", 30, 60)])
def test_slow_ones_wait(crowded, name, least, most):
    hops = chain(crowded.attack(name))
    assert len(hops) >= 3
    gaps = [(at(after["first"]) - at(before["first"])) / HOUR for before, after in itertools.pairwise(hops)]
    assert all(least <= gap <= most for gap in gaps)


def test_rider_keeps_to_the_name_and_the_hours_of_the_administrator(crowded):
    attack = crowded.attack("rider")
    assert re.search("ADM", attack["origin"])
    jump = next(hop["target"] for hop in attack["hops"])
    assert "JMP" in jump
    (account,) = attack["accounts"]
    assert account.startswith("CORP\\adm-")
    logons = {
        record["AuthenticationId"]
        for record in crowded.records
        if record["event_simpleName"] == "UserLogon" and record["LogonType"] == "10"
    }
    ridden = [hop for hop in attack["hops"] if hop["source"] == jump]
    assert ridden
    for hop in ridden:
        used = {record.get("AuthenticationId") for record in crowded.of(hop)}
        assert used & logons  # the session that the administrator opened


def test_first_hop_by_remote_desktop(crowded):
    first, *others = crowded.attack("rdp")["hops"]
    assert first["protocol"] == "rdp"
    assert any(record.get("RemotePort") == "3389" for record in crowded.of(first))
    assert not any(record.get("RemotePort") == "445" for record in crowded.of(first))
    assert {hop["protocol"] for hop in others} == {"smb"}


def test_targets_are_named_in_every_way(crowded):
    tokens = [hop["token"].lower() for hop in executed(crowded.attack("names"))]
    assert any(re.fullmatch(r"[\d.]+", token) for token in tokens)
    assert any(token.endswith(".corp.example") for token in tokens)
    assert any(re.fullmatch(r"[a-z]+-[a-z]+\d+", token) for token in tokens)


def test_host_without_sensor_writes_nothing(crowded):
    bare = crowded.truth["hosts"]["without_sensor"]
    hops = chain(crowded.attack("no-sensor"))
    assert hops[1]["target"] in bare
    assert not hops[1]["target_managed"]
    assert not hops[2]["source_managed"]
    assert not {record.get("ComputerName") for record in crowded.records} & set(bare)


def test_one_address_is_two_hosts(crowded):
    hops = [hop for hop in crowded.attack("dhcp")["hops"] if re.fullmatch(r"[\d.]+", hop["token"])]
    by_address: dict[str, set[str]] = {}
    for hop in hops:
        by_address.setdefault(hop["token"], set()).add(hop["target"])
    assert any(len(targets) == 2 for targets in by_address.values())


def test_clocks_on_the_way_are_wrong(crowded):
    wrong = crowded.truth["hosts"]["clock_ms"]
    assert any(hop["target"] in wrong for hop in crowded.attack("skew")["hops"])
    assert all(5_000 <= abs(ms) <= 300_000 for ms in wrong.values())


def test_passwords_are_those_of_the_estate(crowded):
    told = [command for attack in crowded.truth["attacks"] for command in commands(crowded, attack)]
    typed = [command for command in told if " -p " in command or "/user:" in command]
    assert typed
    assert all(re.search(r"( -p|/user:CORP\\\S+) Made-up-2026", command) for command in typed)


@pytest.mark.parametrize("goal", ["explore", "spread", "target"])
def test_goals_and_stealth_are_told(crowded, goal):
    for suffix in ("", "-known", "-active", "-both"):
        attack = crowded.attack(goal + suffix)
        assert (attack["goal"], attack["stealth"]) == (goal, suffix[1:] or "none")


def test_spread_is_broad_and_target_arrives(crowded):
    assert len(crowded.attack("spread")["reached"]) >= 8
    assert any("-DC" in name for name in crowded.attack("target")["reached"])


@pytest.mark.parametrize("name", [name for name in SCENARIOS if name.endswith(("-known", "-both"))])
def test_known_edges_were_used_before(crowded, name):
    attacks = crowded.truth["attacks"]
    of_attacks = {number for attack in attacks for hop in attack["hops"] for number in hop["events"]}
    hosts = {host.name: host for host in build(4, 150, 8, 1.0).hosts}
    past = [
        (record["aid"], record["RemoteAddressIP4"], float(record["ContextTimeStamp"]))
        for record in crowded.records
        if record["event_simpleName"] == "NetworkConnectIP4"
        and record["RemotePort"] == "445"
        and record["id"] not in of_attacks
    ]
    for hop in crowded.attack(name)["hops"]:
        source, target = hosts[hop["source"]], hosts[hop["target"]]
        held = {address for _, address in target.leases}
        latest = at(hop["first"]) + source.clock_ms / 1000
        assert not source.managed or any(
            aid == source.aid and address in held and when < latest for aid, address, when in past
        ), hop["id"]
