"""What counts as recurring, and how narrowly it is described."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lmgraph.proposals.habits import LONGEST_LIST, MANY, Habit, habits, is_interpreter
from lmgraph.proposals.trial import Criteria, Trial
from lmgraph.tuning import PERIODIC_LEAST
from tests.fixtures.recurring import AGENT, NET, Move, result_of

DAYS = 3
PSEXEC = "C:\\Tools\\PsExec.exe"


def found(moves: list[Move]) -> list[Habit]:
    return habits(Trial(result_of(moves)), DAYS)


def agent(day: int, **more: object) -> Move:
    return Move(day, **{"process": "agent.exe", "path": AGENT, "kind": "SMB445Connection", **more})  # type: ignore[arg-type]


def beats(source: str = "MON1", target: str = "SRV1", every: int = 30) -> list[Move]:
    return [agent(0, source=source, target=target, minute=every * run) for run in range(PERIODIC_LEAST + 1)]


def test_a_tool_is_bound_to_the_targets_that_recur() -> None:
    often = [Move(day) for day in range(DAYS)]
    once = [Move(0, target="SRV2"), Move(1, target="SRV3")]
    names = {"source": ("ADM1",), "user": ("CORP\\adm",), "process": ("net.exe",), "process_path": (NET,)}
    assert found([*often, *once]) == [Habit("habit", Criteria({**names, "target": ("SRV1",)}))]
    assert found(often[1:]) == []


def test_targets_that_recur_must_be_most_of_it() -> None:
    often = [Move(day) for day in range(DAYS)]
    once = [Move(0, target=f"WS{n}") for n in range(MANY - 1)]
    assert [habit.kind for habit in found([*often, *once])] == ["rounds"]
    assert [habit.kind for habit in found([*often, *once[:-1]])] == ["habit"]


def test_days_in_grave_incidents_do_not_make_a_target_habitual() -> None:
    assert found([Move(0), Move(1), Move(2, severity="medium")]) == []
    assert len(found([Move(0), Move(1), Move(2, severity="low")])) == 1


def test_tools_of_one_account_on_one_source_are_one_entry() -> None:
    moves = [Move(day) for day in range(DAYS)]
    moves += [Move(day, process="PsExec.exe", path=PSEXEC, minute=700) for day in range(DAYS)]
    moves += [Move(0, process="once.exe", path="C:\\Temp\\once.exe", minute=800)]
    (habit,) = found(moves)
    assert habit.criteria.names["process"] == ("net.exe", "PsExec.exe")
    assert habit.criteria.names["process_path"] == (NET, PSEXEC)


def test_a_path_that_is_not_always_known_is_left_out() -> None:
    moves = [Move(day) for day in range(DAYS)]
    moves += [Move(day, process="PsExec.exe", path=None, minute=700) for day in range(DAYS)]
    (habit,) = found(moves)
    assert "process_path" not in habit.criteria.names


def test_changing_targets_are_rounds_of_one_known_account() -> None:
    moves = [Move(run % DAYS, target=f"WS{run}") for run in range(MANY)]
    (habit,) = found(moves)
    assert habit.kind == "rounds"
    assert "target" not in habit.criteria.names
    assert found(moves[1:]) == []
    assert found([Move(run % DAYS, target=f"WS{run}", user=None) for run in range(MANY)]) == []


def test_a_program_of_its_own_is_described_by_itself() -> None:
    few = [agent(day, target=f"SRV{day}") for day in range(DAYS)]
    (habit,) = found(few)
    assert (habit.kind, habit.criteria.names["target"]) == ("program", ("SRV0", "SRV1", "SRV2"))
    (habit,) = found([agent(run % DAYS, target=f"SRV{run}") for run in range(MANY + 1)])
    assert "target" not in habit.criteria.names


def test_targets_that_cannot_all_be_named_are_not_listed() -> None:
    (habit,) = found([agent(day, target=target) for day in range(DAYS) for target in ("SRV1", "10.0.0.7")])
    assert (habit.kind, "target" in habit.criteria.names) == ("program", False)


def test_two_targets_of_one_name_are_one_name() -> None:
    data = result_of([agent(day, target=target) for day in range(DAYS) for target in ("SRV1", "SRV2")])
    data.hosts[-1].name = "SRV1"
    (habit,) = habits(Trial(data), DAYS)
    assert habit.criteria.names["target"] == ("SRV1",)


def test_what_maps_shares_is_a_tool_wherever_it_lies() -> None:
    moves = [agent(day, kind="NetUseAdminShare") for day in range(DAYS)]
    assert [habit.kind for habit in found(moves)] == ["habit"]


@pytest.mark.parametrize(
    "path",
    [
        "C:\\Users\\Public\\Program Files\\agent.exe",
        "C:\\Program Files.exe",
        "C:\\ProgramData\\agent.exe",
        "C:\\Windows\\agent.exe",
        "\\\\SRV\\Program Files\\agent.exe",
        None,
    ],
)
def test_elsewhere_a_program_is_a_tool(path: str | None) -> None:
    assert [habit.kind for habit in found([agent(day, path=path) for day in range(DAYS)])] == ["habit"]


@pytest.mark.parametrize("path", ["c:\\program files (x86)\\a\\agent.exe", AGENT.upper()])
def test_program_files_on_any_volume(path: str) -> None:
    assert [habit.kind for habit in found([agent(day, path=path) for day in range(DAYS)])] == ["program"]


def test_an_agent_comes_back_at_short_intervals() -> None:
    (habit,) = found(beats())
    assert (habit.kind, habit.criteria.periodic, habit.criteria.names["target"]) == ("agent", True, ("SRV1",))
    assert habit.interval_us == (30 * 60_000_000, 30 * 60_000_000)
    nightly = [agent(day) for day in range(PERIODIC_LEAST + 1)]
    assert [habit.kind for habit in found(nightly)] == ["program"]
    assert [
        one.kind for one in found([*beats(), *(agent(0, source="MON1", minute=run**2) for run in range(9))])
    ] == ["program"]


def test_one_agent_on_many_hosts_is_one_entry() -> None:
    moves = [move for host in range(MANY) for move in beats(f"WS{host}")]
    (habit,) = found(moves)
    assert habit.kind == "fleet"
    assert habit.criteria == Criteria(
        {"process": ("agent.exe",), "process_path": (AGENT,), "user": ("CORP\\adm",)}, periodic=True
    )
    assert [habit.kind for habit in found(moves[PERIODIC_LEAST + 1 :])] == ["agent"] * (MANY - 1)


def test_a_fleet_of_many_accounts_names_none() -> None:
    def fleet(users: list[str | None]) -> Habit:
        moves = [replace(move, user=user) for host, user in enumerate(users) for move in beats(f"WS{host}")]
        (habit,) = found(moves)
        return habit

    assert fleet(["a", "B", "a", "b", "a"]).criteria.names["user"] == ("a", "b")
    assert "user" not in fleet([f"u{n}" for n in range(MANY)]).criteria.names
    assert "user" not in fleet(["a", None, "a", "a", "a"]).criteria.names


def test_a_tool_that_many_use_alike_is_one_entry_that_lists_them() -> None:
    def moves(count: int) -> list[Move]:
        return [
            Move(day, source=f"WS{n:03}", user=f"CORP\\u{n:03}") for n in range(count) for day in range(DAYS)
        ]

    (habit,) = found(moves(MANY))
    assert habit.kind == "habits"
    assert habit.criteria.names["source"] == tuple(f"WS{n:03}" for n in range(MANY))
    assert len(habit.criteria.names["user"]) == MANY
    assert [one.kind for one in found(moves(MANY - 1))] == ["habit"] * (MANY - 1)
    nameless = [replace(move, user=None) for move in moves(MANY)]
    assert [one.kind for one in found(nameless)] == ["habit"] * MANY
    sizes = [len(one.criteria.names["source"]) for one in found(moves(LONGEST_LIST + MANY))]
    assert sizes == [LONGEST_LIST, MANY]


@pytest.mark.parametrize(
    "more",
    [
        {"process": None},
        {"process": ""},
        {"source": "10.0.0.5"},
        {"source": "A/B"},
        {"target": "10.0.0.7"},
        {"target": "fe80::1"},
        {"user": "x" * 257},
        {"user": "[" * 100},
        {"target": None},
        {"flags": ("kernel",)},
        {"suppressed_by": "already"},
    ],
)
def test_what_an_entry_cannot_name_alone_is_none(more: dict[str, object]) -> None:
    assert found([Move(day, **more) for day in range(DAYS)]) == []  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["java.exe", "Python3.11.EXE", "rundll32.exe", "powershell.exe", "pwsh-7.4"])
def test_an_interpreter_is_known_by_its_name(name: str) -> None:
    assert is_interpreter(name)


@pytest.mark.parametrize("name", ["javacpl.exe", "agent.exe", "32.exe", "", "net.exe", "cmd.exe.exe"])
def test_another_program_is_none(name: str) -> None:
    assert not is_interpreter(name)
