"""Entries tried on a saved result: what they match, where suppression ends, what is damaged."""

from __future__ import annotations

import pytest

from lmgraph.errors import ResultError
from lmgraph.proposals.trial import Criteria, Trial
from tests.fixtures.recurring import AGENT, Move, result_of

NET_USE = Criteria({"source": ("ADM1",), "process": ("NET.exe",)})


def suppressed(moves: list[Move], criteria: Criteria = NET_USE) -> tuple[int, ...]:
    return Trial(result_of(moves)).effect(criteria).suppressed


def test_all_that_an_entry_names_must_fit() -> None:
    moves = [Move(0), Move(1, source="ADM2"), Move(2, process="psexec.exe"), Move(3, target="SRV2")]
    assert suppressed(moves) == (0, 3)
    assert suppressed(moves, Criteria({**NET_USE.names, "target": ("srv2", "srv3")})) == (3,)
    assert suppressed(moves, Criteria({**NET_USE.names, "user": ("ADM",)})) == (0, 3)  # without its domain
    assert suppressed(moves, Criteria({**NET_USE.names, "user": ("CORP\\other",)})) == ()


def test_an_unknown_path_fits_none() -> None:
    assert suppressed([Move(0, path=None)], Criteria({**NET_USE.names, "process_path": (AGENT,)})) == ()


def test_what_an_entry_in_force_covers_is_left_alone() -> None:
    effect = Trial(result_of([Move(0, suppressed_by="x"), Move(1)])).effect(NET_USE)
    assert (effect.covered, effect.hops) == ((1,), (1,))


def test_any_name_of_a_host_will_do() -> None:
    data = result_of([Move(0)])
    data.hosts[0].fqdn = "adm1.corp.example"
    assert Trial(data).effect(Criteria({**NET_USE.names, "source": ("ADM1.corp.example",)})).suppressed == (
        0,
    )


def test_a_hop_may_owe_its_suppression_to_two_entries() -> None:
    data = result_of([Move(0, suppressed_by="x"), Move(0, minute=601)])
    data.hops[1].alerts = ["a0", "a1"]
    assert Trial(data).effect(NET_USE).hops == (1,)
    data.hops[1].suppressed = True
    assert Trial(data).effect(NET_USE).hops == ()


def test_an_alert_of_two_targets_is_suppressed_when_both_are() -> None:
    data = result_of([Move(0), Move(1, target="SRV2")])
    data.alerts[0].targets = ["h1", "h2"]
    data.hops[1].alerts = ["a0", "a1"]
    effect = Trial(data).effect(Criteria({**NET_USE.names, "target": ("SRV1",)}))
    assert (effect.suppressed, effect.hops) == ((), (0,))
    effect = Trial(data).effect(NET_USE)
    assert (effect.suppressed, effect.hops) == ((0, 1), (0, 1))


def test_a_hop_is_suppressed_by_all_its_alerts_only() -> None:
    data = result_of([Move(0), Move(0, process="psexec.exe", minute=601)])
    data.hops[0].alerts = ["a0", "a1"]
    effect = Trial(data).effect(NET_USE)
    assert (effect.suppressed, effect.hops, effect.seen_in) == ((0,), (), (0,))


def test_suppression_ends_where_code_was_run_on_the_source() -> None:
    taken = Move(1, source="WS1", target="ADM1", process="psexec.exe", executed=True)
    effect = Trial(result_of([Move(0), taken, Move(2)])).effect(NET_USE)
    assert (effect.covered, effect.suppressed, effect.hops) == ((0, 2), (0,), (0,))
    assert [hop.id for hop in effect.entries] == ["e1"]


@pytest.mark.parametrize(("minute", "left"), [(599, (0,)), (600, ()), (601, ())])
def test_suppression_ends_at_the_very_moment(minute: int, left: tuple[int, ...]) -> None:
    taken = Move(0, source="WS1", target="ADM1", process="psexec.exe", executed=True)
    assert suppressed([taken, Move(0, minute=minute)]) == left


def test_the_first_hop_that_took_the_source_counts() -> None:
    moves = [
        Move(day, source="WS1", target="ADM1", process="psexec.exe", executed=True, minute=1)
        for day in (1, 3)
    ]
    assert suppressed([*moves, Move(0), Move(2)]) == (0,)


@pytest.mark.parametrize("change", [{"outcome": "accessed"}, {"suppressed": True}])
def test_only_an_unsuppressed_hop_that_ran_code_takes_its_target(change: dict[str, object]) -> None:
    taken = Move(0, source="WS1", target="ADM1", process="psexec.exe", executed=True, minute=1)
    data = result_of([taken, Move(1)])
    assert Trial(data).effect(NET_USE).suppressed == ()
    for name, value in change.items():
        setattr(data.hops[0], name, value)
    assert Trial(data).effect(NET_USE).suppressed == (1,)


def test_suppression_ends_for_an_account_that_was_given_to_such_a_hop() -> None:
    given = Move(1, source="WS1", target="WS2", process="psexec.exe", executed=True, credential="CORP\\adm")
    moves = [Move(0), given, Move(2), Move(3, user="CORP\\other")]
    assert suppressed(moves) == (0, 3)
    data = result_of(moves)
    for user in data.users:
        user.kind = "system"
    assert Trial(data).effect(NET_USE).suppressed == (0, 2, 3)


def test_a_hop_that_the_entry_itself_suppresses_takes_nothing() -> None:
    both = Criteria({"source": ("ADM1", "SRV1"), "process": ("net.exe",)})
    moves = [Move(0, executed=True), Move(1, source="SRV1", target="SRV2")]
    assert suppressed(moves, both) == (0, 1)
    assert suppressed(moves, Criteria({"source": ("SRV1",), "process": ("net.exe",)})) == ()


def test_what_is_lifted_can_lift_more() -> None:
    moves = [
        Move(0, source="WS1", target="ADM1", process="psexec.exe", executed=True),
        Move(1, executed=True),
        Move(2, source="SRV1", target="SRV2"),
    ]
    assert suppressed(moves, Criteria({"source": ("ADM1", "SRV1"), "process": ("net.exe",)})) == ()


def test_a_period_is_that_of_source_target_and_program() -> None:
    periodic = Criteria({"process": ("net.exe",)}, periodic=True)
    steady = [Move(0, minute=20 * run) for run in range(5)]
    wild = [Move(0, target="SRV2", minute=7 * run**2) for run in range(5)]
    trial = Trial(result_of([*steady, *wild]))
    names = {host.id: host.name for host in trial.data.hosts}
    covered = {names[trial.data.alerts[alert].targets[0]] for alert in trial.effect(periodic).covered}
    assert covered == {"SRV1"}
    assert suppressed(steady[:4], periodic) == ()
    flagged = [Move(0, minute=7 * run**2, flags=("disconnect",)) for run in range(1, 9)]
    assert len(suppressed([*steady, *flagged], periodic)) == 13


def test_incidents_lose_hops() -> None:
    effect = Trial(result_of([Move(0, severity="low"), Move(1), Move(2, severity="high")])).effect(NET_USE)
    assert [incident.severity for incident in effect.incidents] == ["low", "high"]


@pytest.mark.parametrize("severity", ["medium", "high", "critical"])
def test_a_day_of_a_grave_incident_is_not_quiet(severity: str) -> None:
    moves = [Move(0), Move(1), Move(1, minute=700, severity=severity), Move(2, severity="low")]
    trial = Trial(result_of(moves))
    assert trial.quiet_days(range(4)) == {trial.day(0), trial.day(3)}


@pytest.mark.parametrize(
    ("table", "field", "value"),
    [
        ("alerts", "time", "soon"),
        ("alerts", "time", "2026-03-02T10:00:00"),
        ("alerts", "host", "h99"),
        ("alerts", "user", "u99"),
        ("alerts", "targets", ["h99"]),
        ("hops", "alerts", ["a99"]),
        ("hops", "source", "h99"),
        ("incidents", "hops", ["e99"]),
        ("inputs", "last", "9999-99-99"),
    ],
)
def test_a_document_that_contradicts_itself_is_refused(table: str, field: str, value: object) -> None:
    data = result_of([Move(0, severity="low")])
    setattr(getattr(data, table)[0], field, value)
    with pytest.raises(ResultError, match="damaged result"):
        Trial(data)


def test_members_of_grave_incidents_are_suspects_the_gravest_first() -> None:
    moves = [
        Move(0, source="WS1", target="ADM1", user="CORP\\eve", credential="CORP\\adm", severity="critical"),
        Move(1, source="ADM1", user="CORP\\other", severity="high"),
        Move(2, severity="medium"),
        Move(3, source="ADM2", user="CORP\\bob"),
    ]
    trial = Trial(result_of(moves))
    ids = {row.name: row.id for row in (*trial.data.hosts, *trial.data.users)}
    found = trial.suspects([ids["ADM1"], ids["ADM2"]], [ids["CORP\\adm"], ids["CORP\\bob"]])
    assert [(one.incident.rank, one.sources, one.users) for one in found] == [
        (1, ("ADM1",), ("CORP\\adm",)),
        (2, ("ADM1",), ()),
    ], "as target, by the account typed, and as source; nothing of medium"
    (alone,) = trial.suspects([], [ids["CORP\\eve"]])
    assert (alone.sources, alone.users) == ((), ("CORP\\eve",))
    assert trial.suspects([ids["ADM2"]], [ids["CORP\\bob"]]) == ()
