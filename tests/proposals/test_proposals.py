"""What is proposed, what is not, in which order; and that it does what it says when it is applied."""

from __future__ import annotations

from pathlib import Path

import pytest

from lmgraph.engines.local import LocalEngine
from lmgraph.pipeline import run
from lmgraph.proposals import Proposals, propose, toml
from lmgraph.result import ResultData
from lmgraph.settings import Settings
from lmgraph.simulate import run as simulation
from lmgraph.simulate.options import Flavour, Options
from tests.fixtures.recurring import AGENT, Move, result_of

SERVICE = [Move(day, process="agent.exe", path=AGENT, kind="SMB445Connection") for day in range(3)]
THREE = [Move(day) for day in range(3)]


def proposals(moves: list[Move], min_days: int = 3) -> Proposals:
    return propose(result_of(moves), min_days=min_days)


def test_a_proposal_carries_its_evidence() -> None:
    (one,) = proposals([*THREE, Move(3, severity="high"), Move(3, target="SRV2")]).entries
    assert one.name == "net.exe on ADM1 as CORP\\adm"
    assert (len(one.days), len(one.grave_days), one.alerts, one.hops) == (4, 1, 4, 4)
    assert (one.sources, one.users, one.targets) == (("ADM1",), ("CORP\\adm",), ("SRV1",))
    assert [incident.severity for incident in one.effect.incidents] == ["high"]


def test_too_few_days_make_no_habit() -> None:
    found = proposals(SERVICE[:2])
    assert (found.entries, found.days, found.refused) == ((), 2, {})
    assert len(proposals(SERVICE[:2], min_days=2).entries) == 1
    assert proposals([*SERVICE[:2], *THREE]).refused == {"seen on fewer than 3 days": 1}


def test_what_recurs_in_grave_incidents_only_is_refused() -> None:
    program = {"process": "agent.exe", "path": AGENT, "kind": "SMB445Connection"}
    quiet = [Move(day, source="ADM2") for day in range(4)]
    grave = [Move(day, severity="medium", **program) for day in range(4)]  # type: ignore[arg-type]
    found = proposals([*quiet, *grave])
    assert [one.sources for one in found.entries] == [("ADM2",)]
    assert found.refused == {"seen on fewer than 3 days outside incidents of medium or above": 1}
    more = [Move(day, **program) for day in (4, 5, 6)]  # type: ignore[arg-type]
    assert len(proposals([*quiet, *grave, *more]).entries) == 2
    assert len(proposals([*quiet, *grave, *more[1:]]).entries) == 1


@pytest.mark.parametrize("flag", ["renamed", "masquerade"])
def test_a_program_in_disguise_is_refused(flag: str) -> None:
    found = proposals([*THREE, Move(3, flags=(flag,))])
    assert (found.entries, found.refused) == ((), {"a program went by another's name": 1})


def test_what_a_taken_host_does_is_refused() -> None:
    entry = Move(0, source="WS1", target="ADM1", process="x.exe", path="C:\\x.exe", minute=1, executed=True)
    found = proposals([entry, *THREE])
    assert found.entries == ()
    assert list(found.refused) == [
        "suppression would end there: code had been run on the source, or the account used for that"
    ]


def test_an_entry_that_would_hide_no_hop_is_refused() -> None:
    data = result_of([*THREE, *(Move(day, process="x.exe", minute=601) for day in range(1))])
    for hop in data.hops:
        hop.alerts = sorted({*hop.alerts, "a1"})
    assert data.alerts[1].process == "x.exe"
    found = propose(data, min_days=3)
    assert list(found.refused) == ["no hop would have been suppressed"]


def test_an_owner_is_that_of_all_sources() -> None:
    data = result_of(Move(day, source=f"WS{n}", user=f"u{n}") for n in range(5) for day in range(3))
    for host in data.hosts:
        host.owner = "it"
    assert [one.owner for one in propose(data, min_days=3).entries] == ["it"]
    data.hosts[-1].owner = "somebody else"
    assert [one.owner for one in propose(data, min_days=3).entries] == [None]


def test_what_suppresses_most_comes_first() -> None:
    few = [Move(day, source="A") for day in range(3)]
    many = [Move(day, source="B") for day in range(4)]
    assert [one.sources for one in proposals([*few, *many]).entries] == [("B",), ("A",)]


def test_of_as_many_alerts_those_in_more_hops_come_first() -> None:
    data = result_of(Move(day, source=source) for source in ("A", "B") for day in range(3))
    of_a = [alert.id for alert in data.alerts if alert.host == data.hosts[0].id]
    first, second = (hop for hop in data.hops if hop.alerts[0] in of_a[:2])
    first.alerts += second.alerts
    data.hops.remove(second)
    entries = propose(data, min_days=3).entries
    assert [(one.sources, one.alerts, one.hops) for one in entries] == [(("B",), 3, 3), (("A",), 3, 2)]


def test_names_are_unique_also_among_those_in_force() -> None:
    taken = Move(0, suppressed_by="net.exe on ADM1 as CORP\\adm")
    assert [one.name for one in proposals([taken, *THREE]).entries] == ["net.exe on ADM1 as CORP\\adm (2)"]
    twins = [
        Move(day, process="agent.exe", path=path, kind="SMB445Connection")
        for day in range(3)
        for path in (AGENT, AGENT.replace("Volume3", "Volume4"))
    ]
    assert [one.name for one in proposals(twins).entries] == [
        "agent.exe on ADM1 as CORP\\adm",
        "agent.exe on ADM1 as CORP\\adm (2)",
    ]


def test_the_last_record_counts_though_it_is_no_alert() -> None:
    data = result_of(THREE)
    assert propose(data, min_days=3).last_day == 20_516
    data.inputs[0].last = "2026-03-31T23:59:59.000000Z"
    assert propose(data, min_days=3).last_day == 20_543


def analyzed(folder: Path, tuning: Path | None = None) -> ResultData:
    settings = Settings(tuning=str(tuning) if tuning else None)
    return run([str(folder)], settings, LocalEngine(1)).data


@pytest.mark.parametrize(("flavour", "days"), [("fdr", 5), ("logscale", 4)])
def test_an_entry_suppresses_just_what_its_comment_counts(
    tmp_path: Path, flavour: Flavour, days: int
) -> None:
    options = Options(scenarios=("rider", "spread-known"), hosts=20, days=days, seed=2, flavour=flavour)
    simulation.simulate(tmp_path / "world", options)
    folder = tmp_path / "world" / flavour
    before = analyzed(folder)
    found = propose(before, min_days=2)
    assert len(found.entries) >= 3
    assert any(one.effect.kept for one in found.entries)
    assert any(one.criteria.periodic for one in found.entries)
    _, *blocks = toml.render(found).split("\n\n")
    tuning = tmp_path / "one.toml"
    for one, block in zip(found.entries, blocks, strict=True):
        tuning.write_text(block, encoding="utf-8")
        after = analyzed(folder, tuning)
        alerts = {alert.key for alert in after.alerts if alert.suppressed_by == one.name}
        assert alerts == {before.alerts[place].key for place in one.effect.suppressed}
        hops = {hop.key for hop in after.hops if hop.suppressed_by == one.name}
        assert hops == {before.hops[place].key for place in one.effect.hops}


def test_what_is_in_force_is_not_proposed_again(tmp_path: Path) -> None:
    simulation.simulate(tmp_path / "world", Options(scenarios=(), hosts=20, days=4, seed=4))
    folder, tuning = tmp_path / "world/fdr", tmp_path / "all.toml"
    found = propose(analyzed(folder), min_days=2)
    tuning.write_text(toml.render(found), encoding="utf-8")
    again = propose(analyzed(folder, tuning), min_days=2)
    assert found.entries
    assert not [one.name for one in again.entries if one.criteria in [old.criteria for old in found.entries]]
