"""The file that is written: it loads, names are exact, nothing breaks out of a comment."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmgraph import tuning
from lmgraph.proposals import propose, toml
from lmgraph.proposals.habits import as_pattern
from lmgraph.proposals.trial import Act, Trial
from lmgraph.tuning import Entry, Subject
from tests.fixtures.recurring import AGENT, NET, Move, result_of
from tests.fixtures.story import harmful

HOSTILE = st.one_of(
    st.text(
        alphabet=st.one_of(
            st.sampled_from("[]!*?'\"\\\n\r\t#=-ıİßK\x1b\x7f\u202e\u2028 "), st.characters(codec="utf-8")
        ),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from(
        ["[a]", "[!a]*", "WS'\"\n[[allow]]", "\\", "a\x00b", "#", "10.0.0.1", "a/b", "*", "SRV1", "srv1"]
    ),
)
DAYS = range(3)
BEATS = [
    Move(day, process="agent.exe", path=AGENT, kind="SMB445Connection", minute=10 * run)
    for day in DAYS
    for run in range(144)
]


def loaded(text: str, tmp_path: Path) -> tuple[Entry, ...]:
    path = tmp_path / "proposed.toml"
    path.write_text(text, encoding="utf-8", newline="\n")
    return tuning.load(str(path), default=False)[0]


def subject(trial: Trial, act: Act) -> Subject:
    """The act as ``lmgraph.witness.suppression`` would hold it against an entry."""
    names = {key: tuple(sorted(values)) for key, values in act.names.items()}
    return Subject(
        **names,
        source_ips=(),
        target_ips=(),
        source_listed=False,
        privileged=None,
        periodic=act.periodic,
        time_us=0,
    )


@given(st.text())
def test_any_text_survives_as_a_toml_string(value: str) -> None:
    if any("\ud800" <= char <= "\udfff" for char in value):
        with pytest.raises(ValueError, match="surrogate"):
            toml.text(value)
        return
    assert tomllib.loads(f"x = {toml.text(value)}") == {"x": value}
    assert not harmful(toml.text(value))


@given(HOSTILE, HOSTILE)
def test_a_pattern_fits_its_own_name_alone(name: str, other: str) -> None:
    pattern = tuning._pattern(as_pattern(name), "user", None)
    assert pattern.matches((name,), ())
    assert pattern.matches((other,), ()) == (other.casefold() == name.casefold())


@given(hosts=st.lists(HOSTILE, min_size=3, max_size=3), user=HOSTILE, process=HOSTILE, folder=HOSTILE)
def test_a_proposal_of_hostile_names_matches_what_it_says(
    tmp_path_factory: pytest.TempPathFactory, hosts: list[str], user: str, process: str, folder: str
) -> None:
    source, target, other = hosts
    moves = [Move(day, source, target, user, process, folder) for day in DAYS]
    moves += [Move(day, other, target, user, process, folder, minute=700) for day in DAYS]
    moves += [Move(0, other, source, "CORP\\x", process, None, minute=800), Move(1, minute=900)]
    moves.append(Move(4, other, source, user, "x.exe", None, credential=user, severity="high"))
    data = result_of(moves)
    found = propose(data, min_days=3)
    text = toml.render(found)
    assert not harmful(text)
    entries = loaded(text, tmp_path_factory.mktemp("toml"))
    assert [entry.name for entry in entries] == [one.name for one in found.entries]
    trial = Trial(data)
    for entry, one in zip(entries, found.entries, strict=True):
        for act in trial.acts:
            matched = tuning.match((entry,), subject(trial, act)) is not None
            assert matched == one.criteria.covers(act)


def test_the_comment_says_what_the_entry_would_cost(tmp_path: Path) -> None:
    moves = [*(Move(day) for day in range(4)), Move(4, severity="high"), Move(5, severity="low")]
    moves.append(Move(5, source="WS1", target="ADM1", process="x.exe", minute=599, executed=True))
    text = toml.render(propose(result_of(moves), min_days=3))
    assert "# Seen: on 6 of 6 days, 2026-03-02 to 2026-03-07\n" in text
    assert "# Counts: 6 alerts, 6 hops, 1 source, 1 target, 1 account\n" in text
    assert "# Would have suppressed: 5 alerts, 5 hops\n" in text
    assert "# Would have taken hops from: 1 incident, the gravest high (score 4.00, rank 1)\n" in text
    assert "# CAUTION: it would have hidden hops of 1 incident of high or above: look at them first\n" in text
    assert "on 1 day; 5 other days show it apart from them\n" in text
    assert (
        "# CAUTION: 1 alert would have stayed: WS1 → ADM1 ran code at 2026-03-07 09:59:00Z, which ends "
        "suppression\n" in text
    )
    assert "# expires = 2026-06-05\n" in text
    (entry,) = loaded(text, tmp_path)
    assert entry.reason.startswith("proposed by lmgraph tune: confirm with the owner of the source")
    assert entry.expires_us is None


def test_an_entry_for_what_an_incident_holds_names_the_incident() -> None:
    moves = [Move(day) for day in DAYS]
    typed = Move(3, "WS1", "SRV9", "CORP\\eve", "x.exe", credential="CORP\\adm", severity="critical")
    text = toml.render(propose(result_of([*moves, typed]), min_days=3))
    assert "# CAUTION: account CORP\\adm is in incident 1, critical: clear that up first\n" in text
    other = Move(4, "ADM1", "SRV9", "CORP\\adm", "x.exe", severity="high")
    text = toml.render(propose(result_of([*moves, typed, other]), min_days=3))
    assert (
        "# CAUTION: source ADM1 and account CORP\\adm are in incident 2, high: clear that up first\n" in text
    )
    many = [replace(typed, day=3 + number) for number in range(8)]
    text = toml.render(propose(result_of([*moves, *many]), min_days=3))
    assert text.count("# CAUTION: account CORP\\adm is in incident") == 5
    assert "# CAUTION: so it is with 3 further incidents\n" in text
    evil = replace(typed, severity="medium")
    assert "in incident" not in toml.render(propose(result_of([*moves, evil]), min_days=3))


def test_an_interpreter_is_no_program_of_its_own(tmp_path: Path) -> None:
    path = "C:\\Program Files\\Java\\bin\\java.exe"
    moves = [Move(day, process="java.exe", path=path, kind="SMB445Connection") for day in DAYS]
    text = toml.render(propose(result_of(moves), min_days=3))
    caution = "# CAUTION: java.exe can be anything: it runs what it is given, also by an intruder\n"
    assert caution in text
    assert "a program of its own, installed under Program Files" in text
    assert loaded(text, tmp_path)


def test_no_caution_without_cause() -> None:
    assert "CAUTION" not in toml.render(propose(result_of([Move(day) for day in DAYS]), min_days=3))


@pytest.mark.parametrize(
    ("moves", "caution"),
    [
        ([Move(run % 3, target=f"WS{run}") for run in range(5)], "CAUTION: any target"),
        ([replace(beat, target=f"SRV{n}") for n in range(6) for beat in BEATS[::144]], "CAUTION: any target"),
        ([replace(beat, target=f"SRV{n}") for n in range(6) for beat in BEATS], "CAUTION: any target"),
        ([Move(day, path=None) for day in DAYS], "CAUTION: the program's path is not known"),
        ([Move(day, user=None) for day in DAYS], "CAUTION: any account"),
        ([replace(beat, source=f"WS{n}") for n in range(5) for beat in BEATS], "CAUTION: any host"),
    ],
)
def test_a_broad_entry_says_so(moves: list[Move], caution: str) -> None:
    assert caution in toml.render(propose(result_of(moves), min_days=3))


def test_an_agent_asks_for_its_period(tmp_path: Path) -> None:
    text = toml.render(propose(result_of(BEATS), min_days=3))
    assert "comes back every 10 min\n" in text
    (entry,) = loaded(text, tmp_path)
    assert entry.periodic


def test_long_lists_are_one_name_a_line(tmp_path: Path) -> None:
    moves = [
        Move(day, source=f"WORKSTATION-{n:04}", user=f"CORP\\user-{n:04}") for n in range(9) for day in DAYS
    ]
    text = toml.render(propose(result_of(moves), min_days=3))
    assert "source = [\n    'WORKSTATION-0000',\n" in text
    (entry,) = loaded(text, tmp_path)
    assert [pattern.written for pattern in entry.patterns["process_path"]] == [NET]
    assert len(entry.patterns["user"]) == 9


def test_the_owner_of_the_source_is_named(tmp_path: Path) -> None:
    data = result_of([Move(day) for day in DAYS])
    data.hosts[0].owner = 'it\'s "ops"\n'
    (entry,) = loaded(toml.render(propose(data, min_days=3)), tmp_path)
    assert entry.owner == 'it\'s "ops"\\x0a'


def test_top_leaves_out_what_suppresses_least(tmp_path: Path) -> None:
    moves = [Move(day, source=f"ADM{n}", process=f"{n}.exe") for n in range(3) for day in range(3 + n)]
    text = toml.render(propose(result_of(moves), min_days=3), top=2)
    assert [entry.name.split()[0] for entry in loaded(text, tmp_path)] == ["2.exe", "1.exe"]
    assert "# 1 further proposal left out; see --top.\n" in text


def test_nothing_is_a_file_too(tmp_path: Path) -> None:
    text = toml.render(propose(result_of([]), min_days=3))
    assert "There is nothing to propose." in text
    assert loaded(text, tmp_path) == ()


def test_any_year_is_a_date() -> None:
    data = result_of([Move(day) for day in DAYS])
    data.inputs[0].last = "9999-12-31T23:00:00.000000Z"
    assert "# expires = 9999-12-31\n" in toml.render(propose(data, min_days=3))
