"""Which worlds are made, and that one is gone when it was used."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.worlds import (
    REPORTED_SEEDS,
    SIZES,
    SLOWER,
    TRAINING_SEEDS,
    Size,
    deal,
    made,
    worlds,
)
from lmgraph.cli import cli
from lmgraph.simulate.options import SCENARIOS
from tests.benchmarks.documents import world


def test_what_is_reported_was_not_trained_on() -> None:
    assert len(REPORTED_SEEDS) >= 10
    assert not set(REPORTED_SEEDS) & set(TRAINING_SEEDS)


@pytest.mark.parametrize(("size", "hands"), [(SIZES[0], 7), (SIZES[1], 2), (SIZES[2], 1)])
def test_every_scenario_is_dealt_once(size: Size, hands: int) -> None:
    dealt = deal(101, size)
    assert len(dealt) == hands
    assert max(map(len, dealt)) - min(map(len, dealt)) <= 1
    assert max(map(len, dealt)) <= size.attacks
    names = [name for hand in dealt for name in hand]
    assert sorted([*names, SLOWER]) == sorted(SCENARIOS)


def test_scenarios_are_mixed_anew_for_each_seed_and_size_and_the_same_again() -> None:
    assert deal(101, SIZES[0]) == deal(101, SIZES[0])
    assert deal(101, SIZES[0]) != deal(102, SIZES[0])
    assert sorted(deal(101, SIZES[1])[0]) != sorted(deal(101, SIZES[1]._replace(hosts=501))[0])


def test_the_worlds_of_a_seed() -> None:
    found = worlds((101,))
    assert len(set(found)) == len(found)
    attacks = Counter(
        (each.hosts, each.days, each.flavour, name) for each in found for name in each.scenarios
    )
    cells = [(100, 5), (500, 7), (1500, 10)]
    wanted = {
        (*size, flavour, name) for size in cells for flavour in ("fdr", "logscale") for name in SCENARIOS
    }
    apart = {key for key in wanted if key[-1] == SLOWER}
    slower = {(100, 10, flavour, SLOWER) for flavour in ("fdr", "logscale")}
    assert attacks == dict.fromkeys((wanted - apart) | slower, 1)
    peace = [(each.hosts, each.flavour) for each in found if not each.scenarios]
    assert peace == [(100, "fdr"), (100, "logscale"), (500, "fdr"), (500, "logscale")]


def test_only_slower_has_another_gap() -> None:
    assert {each.scenarios: each.max_gap for each in worlds((101,)) if each.max_gap} == {(SLOWER,): "72h"}


def test_the_commands_are_those_of_the_command_line() -> None:
    wild = world(7, ("worm", "rider"), flavour="logscale", max_gap="72h")
    simulate, analyze = wild.commands
    assert simulate == (
        "lmgraph simulate --out world --hosts 100 --days 5 --seed 7 --flavour logscale"
        " --scenario worm --scenario rider"
    )
    assert analyze == "lmgraph analyze world/logscale --max-gap 72h"
    assert world(scenarios=()).commands[0].endswith(" --scenario none")
    assert world().commands[1] == "lmgraph analyze world/fdr"
    for line in (simulate, analyze):
        _, name, *options = line.split()
        spelled = {each for param in cli.commands[name].params for each in param.opts}
        assert {each for each in options if each[:2] == "--"} <= spelled


def test_a_world_is_made_as_asked_and_taken_away() -> None:
    with made(world(3, ("chain", "worm"), hosts=20, days=2, flavour="logscale")) as (truth, telemetry):
        assert [attack["scenario"] for attack in truth["attacks"]] == ["chain", "worm"]
        assert (truth["settings"]["seed"], truth["hosts"]["total"]) == (3, 20)
        assert telemetry.name == "logscale"
        assert list(telemetry.iterdir())
    assert not telemetry.parent.parent.exists()
