"""Measures, means over seeds, percentiles over attacks."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest

from benchmarks.figures import (
    ATTACK_MEASURES,
    WORLD_MEASURES,
    YES_OR_NO,
    Case,
    Run,
    all_figures,
    cases,
    figure,
    percentile,
    usual,
)
from tests.benchmarks.documents import BEST, judged, verdict, world

NOT_FOUND = judged(best=None, plain_rank=None)


def value(name: str, *, plain: bool = False, days: int = 5, hosts: int = 100, **best: Any) -> float:
    """A measure of one attack."""
    attack = judged(best=msgspec.structs.replace(BEST, **best), plain_rank=best.get("rank", 2))
    measure = ATTACK_MEASURES[name]
    of = measure.plain if plain else measure.of
    assert of
    part, whole = of(Case(world(days=days, hosts=hosts), attack))
    return part / whole


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("recall", 3 / 4),
        ("right_host", 1 / 2),
        ("outcome", 2 / 3),
        ("share", 1.0),
        ("purity", 0.5),
        ("purity_alone", 2 / 3),
        ("origin", 1.0),
        ("origin_first", 0.0),
        ("high_recall", 1.0),
        ("rank", 1.0),
        ("reciprocal_rank", 1.0),
    ],
)
def test_measures_of_an_attack(name: str, expected: float) -> None:
    assert value(name) == pytest.approx(expected)


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize(
    ("name", "hosts", "last"),
    [
        ("within_1", 100, 5),
        ("within_5", 100, 25),
        ("within_1_fleet", 100, 1),  # half an incident is one
        ("within_5_fleet", 100, 2),
        ("within_1_fleet", 2000, 10),
        ("within_5_fleet", 2000, 50),
    ],
)
def test_within_so_many_a_day(name: str, hosts: int, last: int, *, plain: bool) -> None:
    assert value(name, hosts=hosts, rank=last, plain=plain) == 1
    assert value(name, hosts=hosts, rank=last + 1, plain=plain) == 0


def test_within_by_an_incident_of_its_own() -> None:
    assert value("within_1_own", rank=1) == 1
    assert value("within_1_own", rank=2) == 0
    assert value("within_1_own", rank=1, own=False) == 0


def test_severity_recall() -> None:
    assert [value("high_recall", severity=name) for name in ("critical", "high", "medium")] == [1, 1, 0]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("share", (0, 1)),
        ("purity", (0, 0)),
        ("purity_alone", (0, 0)),
        ("rank", (math.inf, 1)),
        *((name, (0, 1)) for name in ["reciprocal_rank", *sorted(YES_OR_NO)]),
    ],
)
def test_an_attack_without_an_incident(name: str, expected: tuple[float, float]) -> None:
    measure = ATTACK_MEASURES[name]
    case = Case(world(), NOT_FOUND)
    assert measure.of(case) == expected
    assert not measure.plain or measure.plain(case) == expected


def test_measures_of_a_world() -> None:
    counts = {"hops": 9, "hops_true": 7, "high_hops": 8, "high_hops_true": 6}
    counts |= {"high_incidents": 3, "high_incidents_true": 2}
    run = Run(world(), verdict(**counts))
    found = {name: measure.of(run) for name, measure in WORLD_MEASURES.items()}
    assert found == {
        "precision": (7, 9),
        "high_hops": (6, 8),
        "high_precision": (2, 3),
        "false_high": (1, 0.5),
    }


def test_a_figure() -> None:
    rows = [
        Case(world(101), judged(hops=10, found=10)),
        Case(world(101), judged(hops=2, found=0)),
        Case(world(102), judged(hops=4, found=2)),
        Case(world(103), judged(hops=0, found=0)),
    ]
    found = figure(ATTACK_MEASURES["recall"].of, rows)
    first, second = 10 / 12, 2 / 4  # hops count alike within a seed, seeds alike
    assert found.mean == pytest.approx((first + second) / 2)
    assert found.error == pytest.approx(abs(first - second) / 2)  # s / √2 of two values
    assert (found.low, found.median, found.high) == (0, 0.5, 1)
    assert (found.count, found.seeds) == (3, 2)


def test_a_figure_of_one_seed_or_of_none_or_infinite() -> None:
    recall, rank = ATTACK_MEASURES["recall"].of, ATTACK_MEASURES["rank"].of
    one = figure(recall, [Case(world(), judged())])
    assert (one.mean, one.error) == (0.75, None)
    none: list[Case] = []
    assert figure(recall, none).mean is None
    lost = figure(rank, [Case(world(101), NOT_FOUND), Case(world(102), judged()), Case(world(103), judged())])
    assert (lost.mean, lost.error, lost.median, lost.high) == (math.inf, None, 1, math.inf)


def test_percentiles_are_values_that_occur() -> None:
    assert [percentile(range(1, 11), part) for part in (0.1, 0.5, 0.9, 1)] == [1, 5, 9, 10]
    assert percentile([7], 0.1) == 7
    assert percentile([math.inf, 1, math.inf], 0.5) == math.inf


def test_which_attacks_are_counted() -> None:
    attacks = [judged("chain-1"), judged("rider-1"), judged("slower-1"), judged("worm-1", hops=0)]
    runs = [Run(world(), verdict(*attacks))]
    assert [case.attack.id for case in cases(runs)] == ["chain-1"]
    assert [case.attack.id for case in cases(runs, "rider", "worm")] == ["rider-1"]


def test_another_gap_is_not_usual() -> None:
    runs = [Run(world(), verdict(judged())), Run(world(max_gap="72h"), verdict(judged(found=0)))]
    assert usual(runs) == runs[:1]
    assert all_figures(runs)["recall"].mean == 0.75
    assert {"plain_rank", "precision"} <= all_figures(runs).keys()
