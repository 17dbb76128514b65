"""The sentences that the terminal and the page share."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmgraph import summary
from lmgraph.engines.local import LocalEngine
from lmgraph.paths import incidents, links
from lmgraph.pipeline import run
from lmgraph.result import ResultData
from lmgraph.rows import Rows
from lmgraph.schema import SEVERITIES, Severity
from lmgraph.settings import Settings
from lmgraph.summary import Lookup
from tests.falcon import Telemetry
from tests.falcon import at as on
from tests.fixtures.story import CUT_PATHS, HOSTILE_HOST, at, harmful, pathless, quiet, story


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
    assert summary.what_was_found(quiet()) == (
        "No lateral movement was found: none of the three rules matched, "
        "and no execution or admin share was seen."
    )


def test_nothing_inside_an_interval_denies_nothing_outside_of_it():
    data = quiet()
    data.settings.since, data.settings.until = at("10:00:00"), at("11:00:00")
    assert summary.what_was_found(data) == (
        "No lateral movement was found from 2026-05-04 10:00:00Z until 2026-05-04 11:00:00Z: "
        "none of the three rules matched there. Outside of it they matched 5 records."
    )
    data.settings.since, data.coverage.rule_matches = None, {}
    assert summary.what_was_found(data) == (
        "No lateral movement was found until 2026-05-04 11:00:00Z: none of the three rules matched there."
    )


def test_an_execution_without_a_place_is_not_denied():
    data = quiet()
    data.unplaced = story().unplaced
    assert summary.what_was_found(data) == (
        "No lateral movement was found: none of the three rules matched, "
        "but executions or admin shares were seen that fit no movement (1)."
    )
    data.unplaced[0].stage = "connection"
    assert summary.what_was_found(data).endswith("and no execution or admin share was seen.")


def test_hops_without_a_path_are_explained():
    data = pathless()
    assert summary.without_paths(data) == "None of the 4 hops scores above 0, so there is no path to rank."
    data.hops[0].suppressed = True
    data.coverage.warnings.append("too little history before 4 of 4 hops to tell new from usual; …")
    assert summary.without_paths(data) == (
        "None of the 4 hops scores above 0, so there is no path to rank (1 suppressed by the tuning); "
        "there is too little history before them to tell new from usual."
    )
    data.hops = data.hops[:1]
    assert summary.without_paths(data).startswith("The one hop does not score above 0,")
    assert summary.without_paths(story()) == summary.without_paths(quiet()) == ""


def test_the_pipeline_says_too_little_history_in_the_words_that_are_looked_for(tmp_path):
    told = Telemetry()
    told.host("WS1", "10.0.0.1")
    told.host("SRV7", "10.0.0.7", product="3")
    told.process("WS1", on(1, "10:00"), "net.exe", r"net use \\srv7\admin$", pid="1")
    data = run([str(told.write(tmp_path / "fdr"))], Settings(), LocalEngine(1)).data
    assert (len(data.hops), data.paths) == (1, [])
    assert "too little history" in summary.without_paths(data)


def test_hops_come_in_order_of_time():
    data = pathless()
    assert [hop.id for hop in summary.hops_in_time(data)] == ["e3", "e0", "e1", "e2"]
    assert [hop.id for hop in summary.hops_in_time(data, 2)] == ["e3", "e0"]


def test_related_incidents_are_named_by_rank():
    data = story()
    assert summary.related(Lookup(data), data.incidents[0]) == "incident 2"
    data.incidents[0].related = ["i1", "i0"]
    assert summary.related(Lookup(data), data.incidents[0]) == "incidents 1, 2"
    data.incidents[0].related = ["i99"]
    assert summary.related(Lookup(data), data.incidents[0]) == ""


def test_doubts_name_what_else_may_have_been():
    data = story()
    names = summary.Lookup(data)
    assert summary.doubts(names, data.paths[0]) == [
        "0.75 sure that the step out of SRV7 followed the way in: it may have begun there",
        "0.60 sure that SRV7 → DC1 are the right two hosts: it may be SRV7 → PRINT01\\x1b[2J\\u202e (0.40)",
    ]
    assert summary.doubts(names, data.paths[1]) == []


def test_an_earlier_way_in_is_another_cause_within_the_gap():
    data = story()
    data.hops[3].target = "h1"  # WS042 → SRV7 at 06:30
    data.hops[3].source = "h3"
    said = f"it may have followed an earlier hop from {HOSTILE_HOST}, or have begun there"
    assert said in summary.doubts(Lookup(data), data.paths[0])[0]
    data.settings.max_gap_s = 3600.0
    assert "it may have begun there" in summary.doubts(Lookup(data), data.paths[0])[0]
    data.settings.max_gap_s = None
    assert said in summary.doubts(Lookup(data), data.paths[0])[0]
    data.hops[3].source = "h2"  # where the step leads to: never its cause
    assert "it may have begun there" in summary.doubts(Lookup(data), data.paths[0])[0]


def test_standard_input_has_a_name():
    data = story()
    data.inputs[0].path = "-"
    assert Lookup(data).origin(data.alerts[0].origin) == "standard input:40"


def test_warnings_are_complete_safe_and_the_gravest_first():
    assert summary.warnings(story()) == [
        ("high", "table\\u202e.csv: exactly 200 rows: the oldest are probably missing"),
        ("medium", "2 records of fdr/part-00000.gz were rejected"),
        ("medium", "notes<b>.bin\\x1b[2J: no reader knows it"),
        (
            "medium",
            CUT_PATHS,
        ),
        ("low", "1 target could not be matched with a known host"),
        ("informational", "1 file of no known format: notes<b>.bin"),
    ]


def test_unknown_files_are_one_line_and_hide_nothing():
    data = quiet()
    data.coverage.unknown_files = [f"f{number}\x1b" for number in range(9)]
    assert summary.warnings(data)[-1] == (
        "informational",
        "9 files of no known format: f0\\x1b, f1\\x1b, f2\\x1b, f3\\x1b and 5 more",
    )
    assert [level for level, _ in summary.limits(data)].count("informational") == 0
    assert len(summary.limits(data)) == len(summary.warnings(data)) - 1


@pytest.mark.parametrize(
    ("cap", "figure"),
    [
        ("paths", incidents.MOST_PATHS),
        ("related", incidents.MOST_RELATED),
        ("link_candidates", links.MOST_CANDIDATES),
        ("link_candidates", links.MOST_LOOKED_AT),
    ],
)
def test_what_a_cap_left_out_names_the_cap_as_it_is(cap, figure):
    data = quiet()
    data.coverage.dropped_by_caps = {cap: 7}
    (said,) = [text for _, text in summary.warnings(data) if "a fixed limit" in text]
    assert "7 " in said
    assert f" {figure:,}" in said


def test_a_cap_of_another_version_is_named():
    data = quiet()
    data.coverage.dropped_by_caps = {"new\x1b": 1}
    assert any(text.startswith("1 row left out by the limit new\\x1b") for _, text in summary.warnings(data))


def test_loose_ends():
    assert summary.loose_ends(story()) == ["Look at what fits no hop (no source 1): `unplaced` in the JSON."]
    assert summary.loose_ends(quiet()) == []


def test_hop_sentence():
    data = story()
    names = Lookup(data)
    assert summary.hop_sentence(names, data.hops[0]) == (
        "CORP\\alice on WS042 ran PsExec against SRV7 as CORP\\adm and mapped its admin share: "
        "code ran on the target."
    )
    data.hops[0].alert_types = ["PsExecExecution", "NetUseAdminShare", "SMB445Connection"]
    assert "SRV7 as CORP\\adm, mapped its admin share and connected to its port 445:" in summary.hop_sentence(
        names, data.hops[0]
    )
    data.hops[0].alert_types = ["SMB445Connection"]
    assert "connected to port 445 of SRV7 as CORP\\adm:" in summary.hop_sentence(names, data.hops[0])
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


def test_ranked():
    data = story()
    assert [path.rank for path in summary.ranked(data, 1, "informational")] == [1]
    assert [path.rank for path in summary.ranked(data, None, "informational")] == [1, 2]
    assert [path.rank for path in summary.ranked(data, 20, "medium")] == [1]


def broad() -> ResultData:
    """Incident 1 with 30 paths that end at different hosts and two that go another way; incidents 2 and 3."""
    data = story()
    first, second = data.paths
    data.paths = []
    for rank in range(1, 33):
        hosts = ["h0", "h1", f"x{rank}"] if rank <= 30 else ["h0", f"x{rank}", "h2"]
        data.paths.append(copied(first, id=f"p{rank}", rank=rank, hosts=hosts))
    data.paths.append(copied(second, id="p33", rank=33, incident="i2"))
    data.paths.append(copied(second, id="p34", rank=34, severity="high"))
    data.incidents.append(copied(data.incidents[1], id="i2", rank=3))
    data.incidents[1].severity = "high"
    return data


def copied(row: Any, **changes: Any) -> Any:
    made = copy.deepcopy(row)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def shown_ranks(data: ResultData, top: int | None, least: Severity = "informational") -> list[int]:
    return [row.path.rank for row in summary.shown(data, top, least)]


def test_each_incident_comes_before_the_second_path_of_another():
    assert shown_ranks(broad(), 3) == [1, 34, 33], "in the order of incidents"
    assert shown_ranks(broad(), 4) == [1, 31, 34, 33]
    assert shown_ranks(broad(), None) == [1, 31, 32, 34, 33]
    assert shown_ranks(broad(), 1) == [1]
    assert shown_ranks(broad(), None, "high") == [1, 31, 32, 34]


def test_paths_that_differ_in_the_last_host_alone_are_one():
    (first, *others) = summary.shown(broad(), None, "informational")
    assert [path.rank for path in first.alike] == list(range(2, 31))
    assert [row.alike for row in others] == [[], [], [], []]
    data = broad()
    data.paths[1].severity = "medium"
    assert shown_ranks(data, None) == [1, 2, 31, 32, 34, 33], "another severity is another row"


def test_incidents_in_no_row_are_counted():
    data = broad()
    assert summary.not_shown(data, summary.shown(data, 20, "informational"), "informational") == []
    assert summary.not_shown(data, summary.shown(data, 1, "informational"), "informational") == [
        "2 further incidents (1 high, 1 low): --top 3 shows the best path of each."
    ]
    assert summary.not_shown(data, summary.shown(data, 1, "high"), "high") == [
        "1 further incident (1 high): --top 2 shows the best path of each.",
        "1 further incident (1 low): not shown, for --min-severity high.",
    ]


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
        *(summary.hop_sentence(names, hop) for hop in data.hops),
        *(names.chain(path) for path in data.paths),
    ]
    assert harmful("".join(said)) == set()


def test_the_first_row_of_an_incident_tells_of_what_no_row_shows() -> None:
    data = broad()
    rows = summary.shown(data, 2, "informational")
    assert [row.path.incident for row in rows] == ["i0", "i1"]
    assert len(rows[0].alike) == 29
    assert [path.rank for path in rows[0].others] == [31, 32]
    assert [path.rank for path in rows[1].others] == []


def test_an_incident_of_a_severity_is_shown_by_its_best_path_of_less() -> None:
    data = broad()
    data.incidents[2].severity = "critical"
    found = summary.shown(data, None, "critical")
    assert [(row.path.id, row.path.severity, row.others) for row in found] == [("p33", "low", [])]
    assert summary.not_shown(data, found, "critical")[-1].endswith("not shown, for --min-severity critical.")


@pytest.mark.parametrize("name", ["e{}", "x{}", "e1{}", "e{}9999999999999999999", "é٣{}", "{}"])
def test_rows_are_found_whatever_a_document_calls_them(name):
    data = story()
    for number, hop in enumerate(data.hops):
        hop.id = name.format((number + 1) % len(data.hops))  # another number than its place
    found = summary.ById(data.hops)
    keys = [hop.id for hop in reversed(data.hops)]
    assert [found[key] for key in keys] == data.hops[::-1]
    assert list(found.several(keys)) == data.hops[::-1]
    for key in ("", "e", "e99", "e-1", "e²", "e" + "9" * 5000):
        with pytest.raises(KeyError):
            found[key]


def test_rows_that_are_held_are_made_once():
    data = story()
    asked = []
    hops = data.hops
    made = Rows(len(hops), lambda places: asked.append(list(places)) or [hops[place] for place in places])
    found = summary.ById(made)
    found.hold(["e2", "e0", "e2"])
    assert (found["e0"], found["e2"], found["e0"]) == (hops[0], hops[2], hops[0])
    assert asked == [[2, 0]]
    assert found["e1"] == hops[1]
    found.hold([])
    assert found["e0"] == hops[0]
    assert asked == [[2, 0], [1], [0]]
