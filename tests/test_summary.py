"""The sentences that the terminal and the page share."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmgraph import summary
from lmgraph.schema import SEVERITIES
from lmgraph.summary import Lookup
from tests.fixtures.story import at, harmful, quiet, story


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (59.999, "59 s"),
        (60, "1 min 00 s"),
        (412, "6 min 52 s"),
        (600, "10 min"),
        (3600 * 3 + 300, "3 h 05 min"),
        (3600 * 48, "2 d 0 h"),
        (-90, "-1 min 30 s"),
    ],
)
def test_duration(seconds, said):
    assert summary.duration(seconds) == said


def test_times_are_cut_and_never_rounded_up():
    assert summary.clock("2026-05-04T08:00:12.999999Z") == "2026-05-04 08:00:12Z"
    assert summary.exact("2026-05-04T08:00:12.999999Z") == "2026-05-04 08:00:12.999Z"
    assert summary.span(at("08:00:12"), at("08:07:04")) == "6 min 52 s"


def test_what_was_read_names_everything_that_was_not():
    assert summary.what_was_read(story()) == (
        "Read 1,200 records from 2 inputs, 2026-05-04 06:00:00Z to 2026-05-04 12:00:00Z; "
        "2 records rejected; 1 truncated input; 1 file of no known format; 3 duplicates."
    )


def test_what_was_found():
    assert summary.what_was_found(story()) == (
        "Found 5 alerts (PsExecExecution 2, NetUseAdminShare 2, SMB445Connection 1), "
        "4 hops, 2 paths, 2 incidents."
    )
    assert summary.what_was_found(quiet()).startswith("No lateral movement was found")


def test_warnings_are_complete_safe_and_the_gravest_first():
    assert summary.warnings(story()) == [
        ("high", "table\\u202e.csv: exactly 200 rows: the oldest are probably missing"),
        ("medium", "2 records of fdr/part-00000.gz were rejected"),
        ("medium", "notes<b>.bin\\x1b[2J: no reader knows it"),
        ("medium", "4 paths left out by a limit"),
        ("low", "1 target could not be matched with a known host"),
    ]


def test_next_steps_follow_the_evidence():
    data = story()
    assert summary.next_steps(Lookup(data), data.paths) == [
        "Isolate and examine WS042 (it starts there), SRV7 (code ran there).",
        "Verify DC1 (attempted): no code is proved to have run.",
        "Reset or watch the accounts that were used: CORP\\alice, CORP\\adm.",
        "Collect logs from DC1: nothing here tells what happened there.",
    ]


def test_domain_controller_is_not_cut_off():
    data = story()
    data.hops[1].outcome = "executed"
    steps = summary.next_steps(Lookup(data), data.paths)
    assert "Examine without cutting off: DC1 (code ran there); a domain controller." in steps
    assert not any(step.startswith("Isolate") and "DC1" in step for step in steps)
    assert not any(step.startswith("Verify") for step in steps)


def test_host_that_it_moved_on_from_is_isolated_whatever_is_proved():
    data = story()
    data.hops[0].outcome = "accessed"
    steps = summary.next_steps(Lookup(data), data.paths)
    assert steps[0] == "Isolate and examine WS042 (it starts there), SRV7 (it moved on from there)."
    assert steps[1].startswith("Verify DC1 (attempted):")


def test_loose_ends():
    assert summary.loose_ends(story()) == ["Look at what fits no hop (no source 1): `unplaced` in the JSON."]
    assert summary.loose_ends(quiet()) == []


def test_hop_sentence():
    data = story()
    names = Lookup(data)
    assert summary.hop_sentence(names, data.hops[0]) == (
        "CORP\\alice on WS042 ran PsExec against and mapped an admin share of SRV7 as CORP\\adm: "
        "code ran on the target."
    )
    data.hops[0].alert_types, data.hops[0].source_user, data.hops[0].credential = [], None, None
    assert summary.hop_sentence(names, data.hops[0]).startswith("An unknown account on WS042 reached SRV7:")


def test_accounts_in_order_of_appearance_once_each_whatever_the_case():
    data = story()
    data.hops[0].credential = "corp\\ADM"
    data.hops[1].target_user = "u0"
    assert Lookup(data).accounts(data.paths[0]) == ["CORP\\alice", "CORP\\adm"]


def test_goals_are_named_when_they_say_more_than_the_chain():
    data = story()
    names = Lookup(data)
    assert names.reaches(data.paths[0]) == ["DC1 (domain controller)"]
    data.paths[1].reaches = ["h4", "h1"]
    assert names.reaches(data.paths[1]) == ["SRV7"]
    data.hosts[4].criticality = "high\x1b"
    assert names.reaches(data.paths[1]) == ["PRINT01\\x1b[2J\\u202e (criticality high\\x1b)", "SRV7"]


def test_listed():
    data = story()
    assert [path.rank for path in summary.listed(data, 1, "informational")] == [1]
    assert [path.rank for path in summary.listed(data, None, "informational")] == [1, 2]
    assert [path.rank for path in summary.listed(data, 20, "medium")] == [1]
    assert summary.at_least("critical", "high")
    assert not summary.at_least("medium", "high")


def test_several():
    assert summary.several(["a", "b"]) == "a, b"
    assert summary.several(map(str, range(1009)), 2) == "0, 1 and 1,007 more"


def test_origin_of_a_damaged_result_does_not_fail():
    data = story()
    data.alerts[0].origin.input = 7
    assert Lookup(data).origin(data.alerts[0].origin) == "?:40"
    assert Lookup(data).host("h99") == "?"
    assert Lookup(data).user(None) == "?"


@given(st.text(), st.sampled_from(SEVERITIES))
def test_no_text_of_the_input_leaves_unescaped(text, severity):
    data = story()
    for row in (*data.hosts, *data.users):
        row.name = text
    for hop in data.hops:
        hop.credential = text
    data.coverage.warnings = [text]
    data.coverage.notices[0].message = text
    data.coverage.notices[0].severity = severity
    names = Lookup(data)
    said = [
        *(message for _, message in summary.warnings(data)),
        *summary.next_steps(names, data.paths),
        *(summary.hop_sentence(names, hop) for hop in data.hops),
        *(names.chain(path) for path in data.paths),
    ]
    assert harmful("".join(said)) == set()
