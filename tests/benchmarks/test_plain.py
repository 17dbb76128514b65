"""The plain ranking: types, then novelty, then time."""

from __future__ import annotations

from typing import Any

from benchmarks.plain import groups, ranks
from tests.benchmarks.documents import alert, at, attack, move, result

Row = dict[str, Any]


def order(*alerts: Row) -> list[list[str]]:
    return [[each["id"] for each in group] for group in groups(alerts)]


def test_a_group_is_a_pair_and_a_day() -> None:
    assert order(
        alert("a0", "r0"),
        alert("a1", "r1", time=at(5)),
        alert("a2", "r2", targets=["SRV2"], time=at(9)),
        alert("a3", "r3", "WS2", time=at(10)),
        alert("a4", "r4", time=at(0, day=5)),
    ) == [["a0", "a1"], ["a2"], ["a3"], ["a4"]]


def test_an_alert_with_several_targets_is_in_several_groups_and_one_without_any_in_one() -> None:
    assert order(alert("a0", "r0", targets=["SRV1", "SRV2"])) == [["a0"], ["a0"]]
    assert order(alert("a0", "r0", targets=[])) == [["a0"]]


def test_more_types_come_first_then_new_pairs_then_the_earlier() -> None:
    share = {"alert_type": "NetUseAdminShare"}
    assert order(
        alert("old", "r0", "WS1", time=at(0, day=3)),
        alert("again", "r1", "WS1", time=at(1)),
        alert("late", "r2", "WS2", time=at(9)),
        alert("early", "r3", "WS3", time=at(8)),
        alert("two", "r4", "WS4", time=at(7)),
        alert("types", "r5", "WS4", time=at(20), **share),
        alert("same", "r6", "WS5", time=at(0, day=6)),
        alert("type", "r7", "WS5", time=at(0, day=6)),
    ) == [["two", "types"], ["old"], ["early"], ["late"], ["same", "type"], ["again"]]


def test_suppressed_alerts_are_left_out() -> None:
    assert order(alert("a0", "r0", suppressed_by="falcon sensor")) == []


def rank(*alerts: Row) -> dict[str, int | None]:
    attacks = [
        attack("chain-1", move("WS1", "SRV1", events=["r0", "r1"])),
        attack("worm-1", move("WS2", "SRV1", events=["w0"])),
        attack("rdp-1", move("WS3", "SRV1", events=["p0"], protocol="rdp")),
    ]
    return ranks(attacks, result(alerts=alerts))


def test_the_rank_counts_benign_groups_before_the_first_of_the_attack() -> None:
    found = rank(
        alert("a0", "benign", "WS7", time=at(0)),
        alert("a1", "w0", "WS2", time=at(1)),
        alert("a2", "p0", "WS3", time=at(2)),  # of RDP: counts as benign
        alert("a3", "r1", "WS1", time=at(3)),
        alert("a4", "r0", "WS4", time=at(4)),
    )
    assert found == {"chain-1": 3, "worm-1": 2, "rdp-1": None}


def test_a_group_that_holds_an_attack_is_not_benign_to_another() -> None:
    mixed = [alert("a0", "w0", time=at(0)), alert("a1", "other", time=at(1))]
    assert rank(*mixed, alert("a2", "r0", "WS9", time=at(2)))["chain-1"] == 1
