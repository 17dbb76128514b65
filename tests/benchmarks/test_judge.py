"""Truth and result side by side, every measure on a case that can be counted on the fingers."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.judge import Attack, Best, invisible, judge, short
from tests.benchmarks.documents import alert, attack, hop, incident, move, result, truth

Row = dict[str, Any]


def of(hops: list[Row], /, **document: Any) -> Attack:
    """The verdict on an attack of these hops."""
    (found,) = judge(truth(attack("chain-1", *hops)), result(**document)).attacks
    return found


def best(verdict: Attack) -> Best:
    assert verdict.best
    return verdict.best


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (hop("e0", "WS1", "SRV1"), True),
        (hop("e0", "ws1.corp.example", "Srv1.corp.example"), True),
        (hop("e0", "SRV1", "WS1"), False),
        (hop("e0", "WS1", "SRV2"), False),
        (hop("e0", "WS1", "10.0.0.2"), False),  # a host with a sensor has a name
        (hop("e0", "WS1", "SRV1", 16.9), True),  # 15.9 min after its end
        (hop("e0", "WS1", "SRV1", 17.1), False),
        (hop("e0", "WS1", "SRV1", -16.9), True),
        (hop("e0", "WS1", "SRV1", -17.1), False),
    ],
)
def test_a_hop_is_found_between_its_hosts_at_its_time(found: Row, *, expected: bool) -> None:
    verdict = of([move("WS1", "SRV1")], hops=[found])
    assert (verdict.hops, verdict.found) == (1, int(expected))
    assert verdict.missed == (() if expected else ("chain-1/0",))


@pytest.mark.parametrize("name", ["10.0.0.2", "SRV1", "srv1.corp.example"])
def test_a_host_without_a_sensor_is_known_by_its_address_too(name: str) -> None:
    bare = move("WS1", "SRV1", target_managed=False)
    assert of([bare], hops=[hop("e0", "WS1", name)]).found == 1
    assert of([bare], hops=[hop("e0", "WS1", "10.0.0.1")]).found == 0


def test_short_names_and_addresses() -> None:
    assert [short(name) for name in ("srv1.corp.example", "10.1.2.3", "fe80::1")] == [
        "SRV1",
        "10.1.2.3",
        "fe80::1",
    ]


def test_rdp_is_not_counted_and_the_origin_is_where_smb_begins() -> None:
    hops = [move("WS0", "WS1", protocol="rdp"), move("WS1", "SRV1", 5)]
    found = {"hops": [hop("e0", "WS0", "WS1"), hop("e1", "WS1", "SRV1", 5)]}
    verdict = of(hops, **found, incidents=[incident(1, "e1", origins=["WS1"])])
    assert (verdict.hops, verdict.found) == (1, 1)
    assert best(verdict).origin_listed


def test_what_nothing_can_show_is_counted_apart() -> None:
    hidden = move("WS1", "SRV1", how="copy, sc", target_managed=False)
    assert invisible(hidden)
    assert not invisible({**hidden, "target_managed": True})
    assert not invisible({**hidden, "how": "psexec"})
    assert invisible(move("WS1", "SRV1", events=[]))
    verdict = of([hidden, move("SRV1", "SRV2", 5)])
    assert (verdict.hops, verdict.invisible, verdict.invisible_found) == (1, 1, 0)
    assert verdict.missed == ("chain-1/1",)
    assert of([hidden], hops=[hop("e0", "WS1", "SRV1")]).invisible_found == 1


@pytest.mark.parametrize(("outcome", "right"), [("executed", 1), ("accessed", 0), ("attempted", 0)])
def test_outcomes(outcome: str, right: int) -> None:
    found = [hop("e0", "WS1", "SRV1", outcome=outcome), hop("e1", "WS1", "SRV2")]
    assert of([move("WS1", "SRV1"), move("WS1", "SRV3")], hops=found).outcomes_right == right


@pytest.mark.parametrize(("outcome", "right"), [("executed", 2), ("accessed", 1), ("attempted", 0)])
def test_two_hops_seen_as_one_have_the_furthest_outcome(outcome: str, right: int) -> None:
    hops = [move("WS1", "SRV1", outcome="accessed"), move("WS1", "SRV1", 4)]
    assert of(hops, hops=[hop("e0", "WS1", "SRV1", 2, outcome=outcome)]).outcomes_right == right


@pytest.mark.parametrize(
    ("listing", "judged", "right"),
    [
        ([hop("e0", "WS1", "SRV1", alerts=["a0"])], 1, 1),
        ([hop("e0", "WS1", "SRV2", alerts=["a0"])], 1, 0),
        ([hop("e0", "WS2", "SRV1", alerts=["a0"])], 1, 0),
        ([hop("e0", "WS1", "SRV2", alerts=["a0"]), hop("e1", "WS1", "SRV1", alerts=["a0"])], 1, 1),
        ([hop("e0", "WS1", "SRV1", alerts=["a0"]), hop("e1", "WS1", "SRV2", alerts=["a1"])], 1, 0),
        ([hop("e0", "WS1", "SRV1", 300, alerts=["a0"])], 1, 1),  # the time is another measure's matter
        ([hop("e0", "WS1", "SRV1", alerts=["a2"])], 0, 0),
        ([hop("e0", "WS1", "SRV1")], 0, 0),
    ],
)
def test_right_host(listing: list[Row], judged: int, right: int) -> None:
    alerts = [alert("a0", "r0"), alert("a1", "r1"), alert("a2", "of-something-else")]
    verdict = of([move("WS1", "SRV1", events=["r0", "r1"])], hops=listing, alerts=alerts)
    assert (verdict.judged, verdict.rightly_placed) == (judged, right)
    assert verdict.misplaced == (("chain-1/0",) if judged > right else ())


CHAIN = [move("WS1", "SRV1"), move("SRV1", "SRV2", 5), move("SRV2", "DC1", 10)]
SEEN = [
    hop("e0", "WS1", "SRV1"),
    hop("e1", "SRV1", "SRV2", 5),
    hop("e2", "SRV2", "DC1", 10),
    hop("b0", "ADM1", "SRV1", 300),
    hop("b1", "ADM1", "SRV2", 300),
]


def test_the_best_incident_holds_most_of_the_attack() -> None:
    incidents = [incident(1, "e0", "b0"), incident(2, "b1"), incident(3, "e1", "e2", severity="high")]
    found = best(of(CHAIN, hops=SEEN, incidents=incidents))
    assert (found.rank_shown, found.rank, found.severity, found.hops) == (3, 2, "high", 2)
    assert (found.share, found.purity) == (2 / 3, 1.0)


def test_of_equal_incidents_the_higher_is_the_best() -> None:
    incidents = [incident(2, "e1"), incident(1, "e0", "b0", "b1")]
    found = best(of(CHAIN, hops=SEEN, incidents=incidents))
    assert (found.rank_shown, found.share, found.purity) == (1, 1 / 3, 1 / 3)


def test_the_rank_counts_false_incidents_above_alone() -> None:
    other = attack("worm-1", move("WS9", "WS8"))
    document = result(
        [*SEEN, hop("w0", "WS9", "WS8")],
        [incident(1, "b0"), incident(2, "w0"), incident(3, "e0", "e1", "e2"), incident(4, "b1")],
    )
    chain, worm = judge(truth(attack("chain-1", *CHAIN), other), document).attacks
    assert (best(chain).rank, best(worm).rank) == (2, 2)


def test_without_an_incident_there_is_no_best() -> None:
    assert of(CHAIN, hops=SEEN, incidents=[incident(1, "b0")]).best is None
    assert of(CHAIN).best is None


def test_a_hop_of_two_attacks_is_not_another_attacks() -> None:
    document = result(SEEN, [incident(1, "e0", "e1", "e2", "b0")])
    other = attack("worm-1", *CHAIN[:1])
    chain, worm = judge(truth(attack("chain-1", *CHAIN), other), document).attacks
    assert (best(chain).purity, best(chain).others, best(chain).own) == (0.75, 0.0, True)
    assert (best(worm).purity, best(worm).others, best(worm).own) == (0.25, 0.5, False)


def test_attacks_in_one_incident() -> None:
    other = attack("worm-1", move("WS9", "WS8"))
    document = result([*SEEN, hop("w0", "WS9", "WS8")], [incident(1, "e0", "e1", "w0", "b0")])
    chain, worm = judge(truth(attack("chain-1", *CHAIN), other), document).attacks
    assert (best(chain).purity, best(chain).others, best(chain).own) == (0.5, 0.25, True)
    assert (best(worm).purity, best(worm).others, best(worm).own) == (0.25, 0.5, False)


@pytest.mark.parametrize(("origins", "listed"), [(["WS1"], True), (["ADM1", "WS1"], True), (["SRV1"], False)])
def test_origin_among_those_of_the_incident(origins: list[str], *, listed: bool) -> None:
    incidents = [incident(1, "e0", "e1", "e2", origins=origins)]
    assert best(of(CHAIN, hops=SEEN, incidents=incidents)).origin_listed is listed


def test_origin_on_the_best_path_of_that_incident() -> None:
    def path(rank: int, of: str, first: str) -> Row:
        return {"rank": rank, "incident": of, "hosts": [f"<{first}>", "<SRV2>"]}

    paths = [path(4, "i1", "SRV1"), path(2, "i1", "WS1"), path(1, "i2", "ADM1")]
    document = {"hops": SEEN, "incidents": [incident(1, "e0", "e1"), incident(2, "b0")]}
    assert best(of(CHAIN, **document, paths=paths)).origin_first
    assert not best(of(CHAIN, **document, paths=paths[:1])).origin_first
    assert not best(of(CHAIN, **document)).origin_first


def test_the_world() -> None:
    incidents = [
        incident(1, "e0", "e1", "b0", severity="critical"),
        incident(2, "b1", severity="high"),
        incident(3, "e2"),
        incident(4, "b2"),
    ]
    document = result([*SEEN, hop("b2", "ADM1", "DC1", 300)], incidents)
    verdict = judge(truth(attack("chain-1", *CHAIN)), document)
    assert (verdict.hops, verdict.incidents, verdict.false_incidents) == (6, 4, 2)
    assert (verdict.high_hops, verdict.high_hops_true) == (4, 2)
    assert (verdict.high_incidents, verdict.high_incidents_true) == (2, 1)


def test_peace() -> None:
    verdict = judge(truth(), result(SEEN, [incident(1, "b0", severity="high")]))
    assert verdict.attacks == ()
    assert (verdict.false_incidents, verdict.high_incidents, verdict.high_incidents_true) == (1, 1, 0)


def test_the_plain_rank_is_taken_along() -> None:
    alerts = [alert("a0", "r0"), alert("a1", "r1", "ADM1")]
    verdict = of([move("WS1", "SRV1", events=["r0"])], alerts=alerts)
    assert verdict.plain_rank == 2  # ADM1 comes before WS1 where nothing else decides


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (["WS1", "SRV1", [2], ["net use"]], 1),
        (["ws1", "srv1", [1, 2], ["psexec"]], 1),
        (["SRV1", "WS1", [2], ["psexec"]], 0),
        (["WS1", "SRV2", [2], ["psexec"]], 0),
        (["WS1", "SRV1", [1, 3], ["psexec"]], 0),
    ],
)
def test_a_hop_is_true_where_its_hosts_spoke_smb_on_its_day(row: Any, expected: int) -> None:
    verdict = judge(truth(moved=[row]), result([hop("e0", "WS1", "SRV1")]))  # on 4 March, day 2
    assert (verdict.hops, verdict.hops_true) == (1, expected)


def test_ordinary_work_of_a_host_without_a_sensor_is_known_by_its_addresses_too() -> None:
    rows = [["WS1", "NAS1", [2], ["psexec"]]]
    found = result([hop("e0", "WS1", "10.0.0.7"), hop("e1", "WS1", "10.0.0.8")])
    verdict = judge(truth(moved=rows, addresses={"NAS1": ["10.0.0.6", "10.0.0.7"]}), found)
    assert (verdict.hops, verdict.hops_true) == (2, 1)


def test_a_mistyped_name_was_tried() -> None:
    found = result([hop("e0", "WS1", "SRRV1"), hop("e1", "WS2", "SRRV1")])
    verdict = judge(truth(misspelt=[["WS1", "SRRV1", 2]]), found)
    assert (verdict.hops, verdict.hops_true) == (2, 1)


def test_hops_of_attacks_are_true() -> None:
    verdict = judge(truth(attack("chain-1", move("WS1", "SRV1"))), result([hop("e0", "WS1", "SRV1")]))
    assert verdict.hops_true == 1
