"""Attacks differ from one another: many small worlds, looked at together."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lmgraph.simulate import Options
from lmgraph.simulate.calendar import Calendar
from lmgraph.simulate.estate import build
from lmgraph.simulate.run import simulate
from tests.simulate.conftest import lines

PLAIN = ("chain", "new-accounts", "renamed", "toolkit", "names", "late")
SEEDS, HOSTS, DAYS = range(30), 40, 3
HOUR = 3600


@dataclass(frozen=True)
class Case:
    """One attack, the seed and the truth of its world, and the records that tests ask for."""

    seed: int
    attack: dict[str, Any]
    truth: dict[str, Any]
    records: list[dict[str, Any]]

    @property
    def executed(self) -> list[dict[str, Any]]:
        return [hop for hop in self.attack["hops"] if hop["outcome"] == "executed"]

    @property
    def commands(self) -> list[dict[str, Any]]:
        """The starts of PsExec."""
        wanted = {number for hop in self.attack["hops"] for number in hop["events"]}
        return [record for record in self.records if record["id"] in wanted]


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def whole(line: bytes) -> bool:
    return line.endswith(b"}") and (b" -accepteula" in line or b'"AgentOnline"' in line)


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    found = []
    for seed in SEEDS:
        out: Path = tmp_path_factory.mktemp("many") / "world"
        simulate(out, Options(scenarios=PLAIN, hosts=HOSTS, days=DAYS, seed=seed))
        truth = json.loads((out / "truth.json").read_bytes())
        records = [json.loads(line) for line in lines(out) if whole(line)]
        found += [Case(seed, attack, truth, records) for attack in truth["attacks"]]
    return found


def beginning(case: Case) -> str:
    """What kind of start an attack had; every host of a small world is an hour ahead of UTC."""
    entered = at(case.attack["entered"]) + dt.timedelta(hours=1)
    if case.attack["origin"] in case.truth["hosts"]["without_sensor"]:
        return "bare"
    if not 6 <= entered.hour < 20:
        return "night"
    return "desk" if "-WS" in case.attack["origin"] else "server"


def shape(case: Case) -> str:
    """How the hops hang together on which code ran."""
    hops = case.executed
    for before, after in itertools.pairwise(hops):
        if after["parent"] == before["parent"]:
            return "star"
        if after["parent"] != before["id"]:
            return "back"
    return "line"


def test_attacks_begin_in_every_way_and_mostly_at_a_desk(cases):
    found = Counter(beginning(case) for case in cases)
    assert set(found) == {"desk", "server", "bare", "night"}
    assert 0.45 < found["desk"] / len(cases) < 0.75
    assert min(found.values()) >= 5


def test_desks_are_taken_at_any_time_of_the_working_day(cases):
    hours = {at(case.attack["entered"]).hour for case in cases if beginning(case) == "desk"}
    assert min(hours) < 9
    assert max(hours) > 13


def test_servers_are_entered_in_more_than_one_role(cases):
    accounts = {
        re.sub(r"[^-\\]*\d+$", "", case.attack["origin_account"])
        for case in cases
        if re.search("-(SRV|FS)", case.attack["origin"])
    }
    assert {"SYSTEM", "CORP\\svc-", "CORP\\adm-"} <= accounts


def test_parents_form_a_forest_and_sources_were_reached_before(cases):
    for case in cases:
        reached: dict[str, str | None] = {case.attack["origin"]: None}
        ended: dict[str, str] = {}
        for hop in case.attack["hops"]:
            assert reached[hop["source"]] == hop["parent"], hop["id"]
            if hop["parent"]:
                assert at(ended[hop["parent"]]) < at(hop["first"]), hop["id"]
            if hop["outcome"] == "executed":
                assert hop["target"] not in reached, "once each"
                reached[hop["target"]] = hop["id"]
                ended[hop["id"]] = hop["last"]


def test_shapes_differ_and_many_are_lines(cases):
    found = Counter(shape(case) for case in cases)
    assert set(found) == {"line", "star", "back"}
    assert 0.35 < found["line"] / len(cases) < 0.8
    assert min(found.values()) >= 10


def test_some_attacks_try_in_vain_what_they_may_not_or_cannot(cases):
    vain = [hop for case in cases for hop in case.attack["hops"] if hop["outcome"] == "attempted"]
    assert 0.15 < len(vain) / len(cases) < 0.6
    assert all(hop["events"] for hop in vain), "somebody sees it"
    assert len({hop["how"] for hop in vain}) >= 3


def test_some_attacks_wait_for_hours(cases):
    def waits(case: Case) -> bool:
        times = [at(hop["first"]).timestamp() for hop in case.attack["hops"]]
        return any(after - before >= 2 * HOUR for before, after in itertools.pairwise(times))

    assert 0.05 < sum(waits(case) for case in cases) / len(cases) < 0.35


def test_ways_are_mixed_in_some_attacks_and_not_in_others(cases):
    ways = [{hop["how"] for hop in case.executed} for case in cases if case.attack["scenario"] == "chain"]
    assert any(len(kinds) == 1 for kinds in ways)
    assert any(len(kinds) >= 2 for kinds in ways)
    assert {"net use, psexec", "psexec", "copy, sc", "user-mode smb"} <= set.union(*ways)
    looked = [hop for case in cases for hop in case.attack["hops"] if hop["outcome"] == "accessed"]
    assert looked, "a share is opened before code is run"


def test_a_chain_has_one_account_and_others_at_times_two(cases):
    accounts = {name: [] for name in PLAIN}
    for case in cases:
        accounts[case.attack["scenario"]].append(len({hop["account"] for hop in case.executed}))
    assert set(accounts["chain"]) == {1}
    assert {1, 2} <= set(accounts["late"] + accounts["renamed"] + accounts["toolkit"])


def test_nobody_acts_on_a_workstation_that_is_off(cases):
    for seed, group in itertools.groupby(cases, key=lambda case: case.seed):
        estate = build(seed, HOSTS, DAYS, 1.0)
        calendar = Calendar(seed, estate, 1.0)
        hosts = {host.name: host for host in estate.hosts}
        for case in group:
            for hop in case.attack["hops"]:
                if hop["source"] == case.attack["origin"] and beginning(case) == "night":
                    continue  # the intruder has switched it on
                host, when = hosts[hop["source"]], round(at(hop["first"]).timestamp() * 1000)
                assert host.is_server or calendar.at_work(host, when), hop["id"]


def test_a_workstation_at_night_has_been_started(cases):
    woken = [case for case in cases if beginning(case) == "night" and "-WS" in case.attack["origin"]]
    assert woken
    for case in woken:
        entered = at(case.attack["entered"]).timestamp()
        started = [
            float(record["ContextTimeStamp"])
            for record in case.records
            if record["event_simpleName"] == "AgentOnline" and record["ComputerName"] == case.attack["origin"]
        ]
        assert any(0 < entered - when < 10 * 60 for when in started), case.attack["id"]


def test_tools_lie_where_those_of_administrators_may_lie(cases):
    folders = [
        {re.sub(r"Users\\[^\\]+\\", r"Users\\*\\", record["ImageFileName"].rpartition("\\")[0])}
        for case in cases
        for record in case.commands[:1]
    ]
    found = Counter(folder for one in folders for folder in one)
    assert len(found) >= 8
    assert found["\\Device\\HarddiskVolume3\\Tools"]
    assert max(found.values()) < len(folders) / 3


def test_much_of_what_attacks_run_is_run_without_them(cases):
    def run(record: dict[str, Any]) -> str:
        return record["CommandLine"].partition(" -accepteula ")[2].removeprefix("-s ")

    theirs = [run(record) for case in cases for record in case.commands]
    numbers = {record["id"] for case in cases for record in case.commands}
    ours = {
        run(record)
        for case in cases
        for record in case.records
        if record["event_simpleName"] == "ProcessRollup2" and record["id"] not in numbers
    }
    assert len(set(theirs)) >= 6
    assert sum(command in ours for command in theirs) / len(theirs) > 0.6
