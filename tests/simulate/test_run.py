"""From options to files: the same bytes for a seed, and nothing disturbs anything else."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import hashlib
import json
from pathlib import Path

import pytest

import lmgraph
from lmgraph.errors import OutputError, UsageError
from lmgraph.simulate import Options, run
from lmgraph.simulate.run import simulate
from tests.simulate.conftest import lines, records

SMALL = {"hosts": 30, "days": 3, "seed": 5}


def digest(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


def truth(folder: Path) -> dict:
    return json.loads((folder / "truth.json").read_bytes())


@pytest.fixture(scope="module")
def peace(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("peace")
    simulate(out, Options(scenarios=(), **SMALL))
    return out


@pytest.fixture(scope="module")
def attacked(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("attacked")
    simulate(out, Options(scenarios=("chain", "worm"), **SMALL))
    return out


@pytest.mark.parametrize("flavour", ["fdr", "logscale", "table"])
def test_a_seed_gives_the_same_bytes(tmp_path, flavour):
    options = Options(scenarios=("rider",), hosts=20, days=2, seed=9, flavour=flavour)
    for name in ("one", "two"):
        simulate(tmp_path / name, options)
    assert digest(tmp_path / "one") == digest(tmp_path / "two")
    simulate(tmp_path / "three", Options(scenarios=("rider",), hosts=20, days=2, seed=10, flavour=flavour))
    assert digest(tmp_path / "one") != digest(tmp_path / "three")


def test_attacks_do_not_disturb_the_background(peace, attacked):
    before, after = (set(lines(out / "fdr")) for out in (peace, attacked))
    whole = {line for line in before if line.endswith(b"}")}  # which line is cut off may change
    assert whole <= after
    assert len(after) > len(whole)
    assert truth(peace)["benign"] == truth(attacked)["benign"]
    assert truth(peace)["attacks"] == []


def test_the_same_scenario_twice_is_two_attacks(tmp_path):
    simulate(tmp_path / "two", Options(scenarios=("chain", "chain"), **SMALL))
    first, second = truth(tmp_path / "two")["attacks"]
    assert (first["id"], second["id"]) == ("chain-1", "chain-2")
    assert first["origin"] != second["origin"]


def test_truth_counts_what_was_delivered(attacked):
    told = truth(attacked)
    found = records(attacked / "fdr")
    assert told["delivery"]["records"] == len({record["id"] for record in found})
    assert told["delivery"]["records"] + told["delivery"]["duplicates"] == len(found)
    assert told["delivery"]["malformed"] == len(lines(attacked / "fdr")) - len(found)
    assert told["benign"]["movements"] == sum(told["benign"]["by_kind"].values()) > 50


def test_what_is_lost_is_in_no_file_and_in_no_hop(tmp_path):
    options = Options(scenarios=("chain", "ransomware"), hosts=60, days=3, seed=3, noise=6)
    simulate(tmp_path / "out", options)
    told = truth(tmp_path / "out")
    assert told["delivery"]["lost"] > 100
    labelled = [number for attack in told["attacks"] for hop in attack["hops"] for number in hop["events"]]
    written = {record["id"] for record in records(tmp_path / "out/fdr")}
    assert len(labelled) > 50
    assert set(labelled) <= written


def test_further_records_do_not_change_what_is_lost(peace, attacked):
    before, after = (truth(out)["delivery"]["lost"] for out in (peace, attacked))
    assert 0 < before <= after
    of_attacks = {
        number for attack in truth(attacked)["attacks"] for hop in attack["hops"] for number in hop["events"]
    }
    ids = [{record["id"] for record in records(out / "fdr")} for out in (peace, attacked)]
    assert ids[0] <= ids[1] - of_attacks


def test_every_pair_that_spoke_smb_is_told(attacked):
    told = truth(attacked)
    moved = told["benign"]["moved"]
    assert moved == sorted(moved)
    assert len({(source, target) for source, target, _, _ in moved}) == len(moved) > told["benign"]["pairs"]
    assert {kind for *_, kinds in moved for kind in kinds} == {*told["benign"]["by_kind"], "file share"}
    assert {day for *_, days, _ in moved for day in days} == {0, 1, 2}
    text = (attacked / "truth.json").read_text()
    assert text.count('\n   ["') == len(moved)  # a row a line


def test_addresses_of_hosts_without_sensor_are_told(attacked):
    hosts = truth(attacked)["hosts"]
    assert set(hosts["addresses"]) == set(hosts["without_sensor"])
    assert all(address.startswith("10.") for held in hosts["addresses"].values() for address in held)


def test_flavours_tell_the_same_story(attacked, tmp_path):
    for flavour in ("logscale", "table"):
        simulate(tmp_path / flavour, Options(scenarios=("chain", "worm"), flavour=flavour, **SMALL))
        for key in ("hosts", "benign", "attacks"):
            assert truth(tmp_path / flavour)[key] == truth(attacked)[key]


def test_fdr_is_raw_and_brings_its_inventory(attacked):
    found = records(attacked / "fdr")
    assert not any({"FileName", "@timestamp"} & record.keys() for record in found)
    keys = {next(iter(record)) for record in found}
    assert len(keys) > 5  # their order means nothing
    for name in ("aidmaster", "managedassets", "userinfo"):
        assert list((attacked / "fdr/fdrv2" / name).glob("part-*.gz"))
    for part in (attacked / "fdr").rglob("*.gz"):
        assert part.read_bytes()[3:8] == bytes(5)  # neither name nor time


def test_logscale_is_enriched_and_newest_first(tmp_path):
    simulate(tmp_path / "out", Options(flavour="logscale", **(SMALL | {"noise": 0})))
    first = gzip.decompress((tmp_path / "out/logscale/export-001.ndjson.gz").read_bytes()).splitlines()
    rows = [json.loads(line) for line in first]
    times = [row["@timestamp"] for row in rows]
    assert times == sorted(times, reverse=True)
    assert all(
        {"#event_simpleName", "ComputerName"} <= row.keys() and "event_simpleName" not in row for row in rows
    )
    assert any(row.get("FileName") == "net.exe" for row in rows)


def test_table_holds_the_rows_of_the_query(tmp_path):
    simulate(tmp_path / "out", Options(flavour="table", **(SMALL | {"noise": 0})))
    with (tmp_path / "out/table/t1021-002-002.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["alert_type"] for row in rows} == {"PsExecExecution", "NetUseAdminShare", "SMB445Connection"}
    connections = [row for row in rows if row["alert_type"] == "SMB445Connection"]
    assert "System" not in {row["FileName"] for row in connections}
    assert "" in {row["FileName"] for row in connections}  # of an older sensor
    assert all(row["RemotePort"] == "445" for row in connections)


def test_people_rest_at_the_weekend(tmp_path):
    simulate(tmp_path / "out", Options(scenarios=(), hosts=40, days=7, seed=1, noise=0))
    counts = [0] * 7
    for record in records(tmp_path / "out"):
        if record["event_simpleName"] == "UserLogon" and record["LogonType"] == "2":
            counts[dt.datetime.fromtimestamp(int(record["timestamp"]) / 1000, dt.UTC).weekday()] += 1
    assert min(counts[:5]) > 5 * max(counts[5:])


def test_noise_makes_it_irregular(tmp_path):
    for noise in (0, 4):
        simulate(tmp_path / str(noise), Options(scenarios=(), noise=noise, **SMALL))
    tidy, untidy = (truth(tmp_path / name)["delivery"] for name in ("0", "4"))
    assert tidy["duplicates"] == tidy["malformed"] == tidy["late"] == tidy["lost"] == 0
    assert untidy["duplicates"] > 0
    assert untidy["malformed"] > 0


def test_nothing_is_overwritten_unasked(tmp_path):
    out, options = tmp_path / "out", Options(scenarios=(), hosts=20, days=2)
    simulate(out, options)
    with pytest.raises(UsageError, match="not empty; --force replaces"):
        simulate(out, options)
    simulate(out, Options(scenarios=(), hosts=20, days=2, flavour="table"), force=True)
    assert sorted(path.name for path in out.iterdir()) == ["table", "truth.json"]


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b'{"verdict": "guilty", "schema": "lmgraph/truth/1"}', b'{"schema": "other/truth/1"}'],
)
def test_force_spares_what_lies_beside_another_truth(tmp_path, content):
    (tmp_path / "truth.json").write_bytes(content)
    (tmp_path / "fdr").mkdir()
    (tmp_path / "fdr" / "evidence.gz").write_bytes(b"mine")
    before = digest(tmp_path)
    with pytest.raises(UsageError, match=r"its truth\.json is not that of a simulation"):
        simulate(tmp_path, Options(hosts=20, days=2), force=True)
    assert digest(tmp_path) == before


def test_a_folder_by_the_name_of_the_truth_is_none(tmp_path):
    (tmp_path / "truth.json").mkdir()
    with pytest.raises(UsageError, match="not that of a simulation"):
        simulate(tmp_path, Options(hosts=20, days=2), force=True)


def test_a_simulation_of_another_version_is_one(tmp_path):
    (tmp_path / "truth.json").write_bytes(b'{"schema": "lmgraph/truth/7"}')
    simulate(tmp_path, Options(hosts=20, days=2), force=True)
    assert truth(tmp_path)["schema"] == "lmgraph/truth/1"


@pytest.mark.parametrize("name", ["a" * 300, "a" * 300 + "/b"])
def test_a_name_that_is_too_long(tmp_path, name):
    with pytest.raises(OutputError, match="cannot be written: File name too long"):
        simulate(tmp_path / name, Options(hosts=20, days=2))


def test_force_spares_what_is_no_simulation(tmp_path):
    (tmp_path / "thesis.txt").write_text("ten years")
    with pytest.raises(UsageError, match="something else than a simulation"):
        simulate(tmp_path, Options(hosts=20, days=2), force=True)
    with pytest.raises(UsageError, match="no folder"):
        simulate(tmp_path / "thesis.txt", Options(hosts=20, days=2))
    assert (tmp_path / "thesis.txt").read_text() == "ten years"


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run, "_write", full)
    with pytest.raises(OutputError, match="No space left on device"):
        simulate(tmp_path / "out", Options(hosts=20, days=2))
    assert list((tmp_path / "out").iterdir()) == []


def test_progress_tells_of_each_day(tmp_path):
    seen: list[int] = []
    simulate(tmp_path / "out", Options(scenarios=(), hosts=20, days=3), progress=seen.append)
    assert seen == [0, 1, 2]


def test_the_engine_finds_the_chain(tmp_path):
    simulate(tmp_path / "out", Options(**(SMALL | {"hosts": 40})))
    result = json.loads(lmgraph.analyze(str(tmp_path / "out/fdr"), jobs=1).to_json())
    names = {host["id"]: host["name"] for host in result["hosts"]}
    found = {(names[hop["source"]], names[hop["target"]]) for hop in result["hops"]}
    (attack,) = truth(tmp_path / "out")["attacks"]
    assert {(hop["source"], hop["target"]) for hop in attack["hops"]} <= found
