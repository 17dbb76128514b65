"""The page: aims, tables, the worst attacks; and that every word in it is about what was measured."""

from __future__ import annotations

import re

import msgspec
import pytest

from benchmarks import ablation
from benchmarks.figures import Figure, Run
from benchmarks.markdown import change, joined, listed, mean, number, table
from benchmarks.page import AIMS, About, Aim, page
from tests.benchmarks.documents import BEST, judged, verdict, world

ABOUT = About("1.2.3", "abcdef0123456789", "make it")
GOOD = msgspec.structs.replace(BEST, purity=1.0, others=0.0)
WELL = judged(hops=3, found=3, missed=(), judged=3, rightly_placed=3, misplaced=(), best=GOOD)
BAD = judged("worm-1", best=msgspec.structs.replace(BEST, rank=9, rank_shown=11, share=0.25))


def figure(value: float | None, error: float | None = None) -> Figure:
    return Figure(value, error, value, value, value, 1, 1)


def runs(attack: object = WELL, false: int = 0) -> list[Run]:
    found = [
        verdict(*([attack] if seed < 103 else []), high_incidents=false)  # type: ignore[list-item]
        for seed in (101, 102, 103)
    ]
    scenarios = (("chain",), ("chain",), ())
    return [Run(world(101 + n, each), found[n]) for n, each in enumerate(scenarios)]


def section(text: str, heading: str) -> str:
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def test_what_is_met_and_what_is_not() -> None:
    aims = section(page(runs(), {}, ABOUT, None), "Against the aims")
    assert "| hop recall | ≥ 0.98 | 1.000 ± 0.000 | yes |" in aims
    assert "nothing measured is short of its aim." in aims
    aims = section(page(runs(BAD, false=3), {}, ABOUT, None), "Against the aims")
    assert "| hop recall | ≥ 0.98 | 0.750 ± 0.000 | **no** |" in aims
    assert "- hop recall: 0.750 ± 0.000, not ≥ 0.98" in aims
    assert "in peace | < 1 | 6.000 | **no** |" in aims


def test_what_was_not_measured_is_neither_met_nor_short() -> None:
    aims = section(page(runs()[:2], {}, ABOUT, None), "Against the aims")
    assert "in peace | < 1 | – | not measured |" in aims
    assert "in peace: " not in aims


def test_aims_at_their_bounds() -> None:
    recall, false = AIMS[0], AIMS[-1]
    assert [recall.met(figure(value)) for value in (0.979, 0.98, None)] == [False, True, False]
    assert [false.met(figure(value)) for value in (0.999, 1.0, None)] == [True, False, False]


@pytest.mark.parametrize(
    ("aim", "mean", "error", "said"),
    [
        (AIMS[-1], 0.75, 0.412, "within the error; met by the mean"),
        (AIMS[-1], 0.75, 0.25, "yes"),
        (AIMS[-1], 1.25, 0.412, "within the error; **not** met by the mean"),
        (AIMS[0], 0.97, 0.019, "within the error; **not** met by the mean"),
        (AIMS[0], 0.94, 0.019, "**no**"),
        (AIMS[0], 0.98, 0.019, "within the error; met by the mean"),
        (AIMS[0], 1.0, 0.019, "yes"),
        (AIMS[0], 0.97, None, "**no**"),
        (AIMS[0], None, None, "not measured"),
    ],
)
def test_an_aim_nearer_than_the_error_is_undecided(
    aim: Aim, mean: float | None, error: float | None, said: str
) -> None:
    assert aim.judged(figure(mean, error)) == said


def test_seeds_of_unequal_sizes_are_said() -> None:
    large = [Run(world(seed, hosts=500, days=7), verdict(WELL)) for seed in (101, 102, 103)]
    even = " ".join(page([*runs(), *large], {}, ABOUT, None).split())
    assert "Not every seed" not in even
    uneven = " ".join(page([*runs(), *large[:1]], {}, ABOUT, None).split())
    assert "Not every seed has every size: 100 × 5 on 3 and 500 × 7 on 1. Each seed counts alike" in uneven


def test_the_page_says_what_it_is_about() -> None:
    text = page(runs(), {}, ABOUT, None)
    assert "```\nmake it\n```" in text
    assert "version 1.2.3 (source `abcdef012345`), on seeds 101 to 103." in text
    assert "3 worlds of 100 × 5 (hosts × days), with 2 attacks." in " ".join(text.split())


def test_worlds_in_peace_and_others_are_counted_apart() -> None:
    rows = section(page(runs(false=1), {}, ABOUT, None), "False alarms")
    assert "| 100 × 5 `fdr` | peace | 1 | 5 | 1 | 2.000 |" in rows
    assert "| 100 × 5 `fdr` | attacks | 2 | 10 | 2 | 2.000 ± 0.000 |" in rows


def test_the_worst_come_first_once_each_with_what_shows_them() -> None:
    both = verdict(WELL, BAD)
    worlds = [Run(world(101, ("chain", "worm"), flavour=name), both) for name in ("logscale", "fdr")]
    worst = section(page(worlds, {}, ABOUT, None), "The worst")
    assert re.findall(r"\*\*`([\w-]+)`, seed 101", worst) == ["worm-1", "chain-1"]
    assert "3 of 4 hops found; rank 9 (shown as 11)" in worst
    assert "missed: `worm-1/3`; at wrong hosts: `worm-1/0`" in " ".join(worst.split())
    assert "--seed 101 --flavour fdr --scenario chain --scenario worm\nlmgraph analyze world/fdr\n" in worst


def test_attacks_that_are_apart_are_in_their_own_section_only() -> None:
    rider = judged("rider-1")
    slower = judged("slower-1")
    wide = Run(world(101, ("slower",), max_gap="72h", days=10), verdict(slower))
    text = page([*runs(), Run(world(104, ("rider",)), verdict(rider)), wide], {}, ABOUT, None)
    apart = section(text, "Reported apart")
    assert "| `rider` | 1 | 0.75 |" in apart
    assert "| `slower` | 1 | 0.75 |" in apart
    assert "alone in a world of 100 × 10." in " ".join(apart.split())
    assert "| hop recall | ≥ 0.98 | 1.000 ± 0.000 | yes |" in text
    assert "`rider" not in section(text, "By scenario") + section(text, "The worst")


def test_what_each_part_is_worth() -> None:
    left_out = {ablation.WHOLE: runs(), "links": runs(BAD, false=1), "doubt": runs()}
    rows = section(page(runs(), left_out, ABOUT, None), "What each part is worth").splitlines()
    (links,) = [line for line in rows if line.startswith("| `links`")]
    (doubt,) = [line for line in rows if line.startswith("| `doubt`")]
    assert links == "| `links` | −1.000 | −1.000 | −0.889 | −0.750 | −0.500 | = | +2.000 |"
    assert doubt == "| `doubt` | = | = | = | = | = | = | = |"
    assert "What each part is worth" not in page(runs(), {}, ABOUT, None)


def test_what_was_written_by_hand_is_taken_in_as_it_is() -> None:
    text = page(runs(), {}, ABOUT, "## Looked at\n\n- by  hand\n\n")
    assert "\n\n## Looked at\n\n- by  hand\n\n## What the words mean\n" in text


def test_what_cannot_be_seen_is_said() -> None:
    hidden = judged("worm-1", hops=0, invisible=3, invisible_found=1)
    text = " ".join(page(runs(hidden), {}, ABOUT, None).split())
    assert "6 hops that leave neither" in text
    assert "(2 of them are in the result all the same), and 2 attacks that have no other hop." in text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (float("inf"), "∞"), (0.98149, "0.981"), (83.04, "83.0"), (1234.5, "1234")],
)
def test_numbers(value: float | None, text: str) -> None:
    assert number(value) == text


def test_means_and_changes() -> None:
    assert mean(figure(0.98, 0.004)) == "0.980 ± 0.004"
    assert mean(figure(0.98, 0.004), 2) == "0.98 ± 0.00"
    assert mean(figure(0.98)) == "0.980"
    assert change(figure(0.5), figure(0.75)) == "−0.250"
    assert change(figure(0.75), figure(0.5)) == "+0.250"
    assert change(figure(0.5), figure(0.5004)) == "="
    assert change(figure(None), figure(0.5)) == "–"


def test_lists_and_tables() -> None:
    assert [joined(["a"]), joined(["a", "b"]), joined(["a", "b", "c"])] == ["a", "a and b", "a, b and c"]
    assert [listed([1, 2, 3]), listed([1, 2]), listed([1, 2, 4])] == ["1 to 3", "1 and 2", "1, 2 and 4"]
    assert table(["", "x"], [["a", "1"]]) == "|  | x |\n| --- | --: |\n| a | 1 |"
