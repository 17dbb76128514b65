"""``lmgraph simulate`` on the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from lmgraph import cli


@pytest.fixture
def command(capfd):
    """Run the command; gives exit status, standard output and standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            cli.main(["simulate", *map(str, arguments)])
        return int(left.value.code or 0), *capfd.readouterr()

    return run


def test_writes_a_world_and_says_so(command, tmp_path):
    out = tmp_path / "out"
    status, said, told = command(
        "--out", out, "--hosts", 20, "--days", 2, "--scenario", "chain", "--scenario", "rdp"
    )
    assert (status, said) == (0, "")
    truth = json.loads((out / "truth.json").read_bytes())
    assert [attack["scenario"] for attack in truth["attacks"]] == ["chain", "rdp"]
    assert truth["settings"]["hosts"] == 20
    assert "Day 2 of 2 written." in told
    hops = sum(len(attack["hops"]) for attack in truth["attacks"])
    assert f"2 attacks with {hops} hops among " in told


def test_one_is_not_counted_as_many(command, tmp_path, monkeypatch):
    from lmgraph.simulate import run

    told = run.Summary(tmp_path, tmp_path, run.Tally(), (SimpleNamespace(hops=[None]),), 1)
    monkeypatch.setattr(run, "simulate", lambda *_, **__: told)
    assert "1 attack with 1 hop among 1 benign movement." in command("--out", tmp_path)[2]


def test_none_and_quiet(command, tmp_path):
    arguments = ("--hosts", 20, "--days", 2, "--scenario", "none", "--quiet", "--flavour", "table")
    assert command("--out", tmp_path / "out", *arguments) == (0, "", "")
    assert json.loads((tmp_path / "out/truth.json").read_bytes())["attacks"] == []
    status, _, told = command("--out", tmp_path / "out", *arguments)
    assert status == 2
    assert "--force" in told
    assert command("--out", tmp_path / "out", *arguments, "--force") == (0, "", "")


def test_full_disk_behind_standard_error_changes_nothing(command, tmp_path, monkeypatch):
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr("sys.stderr", full)
        assert command("--out", tmp_path / "out", "--hosts", 20, "--days", 2)[0] == 0
    assert (tmp_path / "out/truth.json").exists()


def test_all_is_every_scenario(command, tmp_path, monkeypatch):
    from lmgraph.simulate import SCENARIOS, run

    asked = []

    def stand_in(out, options, **_):
        asked.append(options)
        return run.Summary(out, out, run.Tally(), (), 0)

    monkeypatch.setattr(run, "simulate", stand_in)
    assert command("--out", tmp_path, "--scenario", "all")[0] == 0
    assert asked[0].scenarios == tuple(SCENARIOS)


@pytest.mark.parametrize(
    "wrong", [("--scenario", "tsunami"), ("--hosts", "3"), ("--noise", "-1"), ("--flavour", "pcap")]
)
def test_wrong_usage(command, tmp_path, wrong):
    assert command("--out", tmp_path / "out", *wrong)[0] == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--out", ""), "the name of the folder is empty [--out]"),
        (("--out", "-"), "a simulation goes to a folder [--out -]"),
        (("--out", "x", "--scenario", "none", "--scenario", "chain"), "none goes with no other scenario"),
        (("--out", "x", "--scenario", "chain", "--scenario", "all"), "all goes with no other scenario"),
    ],
)
def test_what_can_only_be_a_slip_writes_nothing(command, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    status, _, told = command(*arguments, "--hosts", 20, "--days", 2)
    assert (status, list(tmp_path.iterdir())) == (2, [])
    assert message in told


def test_help_loads_no_numpy():
    code = "import sys, lmgraph.cli_simulate; sys.exit('numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
