"""The result on a terminal."""

from __future__ import annotations

import copy
import io
import json
import re
import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lmgraph import terminal
from tests.fixtures.story import CUT_PATHS, harmful, pathless, quiet, story


class Tty(io.TextIOWrapper):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def stream(encoding: str = "utf-8") -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding)


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM", "COLUMNS", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


def joined(text: str) -> str:
    """The text as if nothing had been folded."""
    return re.sub(r"\s+", " ", text)


@pytest.mark.parametrize("columns", ["40", "80", "109", "110", "200"])
def test_every_width_shows_the_whole_story(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    text = terminal.result_text(story(), stream())
    assert max(map(len, text.splitlines())) <= int(columns)
    indent = 0 if int(columns) < 110 else 56
    story_column = joined(" ".join(line[max(indent, 16) :] for line in text.splitlines()))
    who = (
        "WS042 → SRV7 → DC1",
        "CORP\\alice",
        "CORP\\adm",
        "2026-05-04 08:00:12Z",
        "6 min 52 s",
        "reaches DC1 (domain controller)",
    )
    for part in who:
        assert part in story_column
    for part in (
        "high",
        "7.10",
        "attempted",
        "0.45",
        "all three stages",
        "Incident 1",
        "Incident 1: isolate and examine",
    ):
        assert part in joined(text)


@pytest.mark.parametrize("columns", ["0", "000", "²", "9" * 5000])
def test_a_width_that_is_none_is_as_if_it_was_not_given(monkeypatch, columns):
    usual = terminal.result_text(story(), stream())
    assert max(map(len, usual.splitlines())) in range(70, 81)
    monkeypatch.setenv("COLUMNS", columns)
    assert terminal.result_text(story(), stream()) == usual


@given(st.dictionaries(st.text(), st.lists(st.text())))
def test_json_for_a_terminal_means_the_same_and_controls_nothing(document):
    plain = json.dumps(document, ensure_ascii=False, indent=1)
    assume(not any("\ud800" <= char <= "\udfff" for char in plain))
    shown = terminal.safe_json(plain.encode()).decode()
    assert json.loads(shown) == document
    assert not {char for char in shown if unicodedata.category(char) in {"Cc", "Cf", "Zl", "Zp"}} - {"\n"}


def test_json_for_a_terminal_keeps_what_is_harmless():
    text = '{"Müller → 東京": "\x7f\x9b\u202e\u2028\U000e0001"}'
    shown = '{"Müller → 東京": "\\u007f\\u009b\\u202e\\u2028\\udb40\\udc01"}'
    assert terminal.safe_json(text.encode()).decode() == shown


def test_warnings_are_counted_and_the_gravest_is_named():
    assert "5 warnings on what that is worth; the gravest: table\\u202e.csv: exactly 200 rows" in joined(
        terminal.result_text(story(), stream())
    )


def test_all_warnings_go_to_their_stream():
    out = stream()
    terminal.print_warnings(story(), out)
    out.seek(0)
    assert out.read().splitlines() == [
        "warning: table\\u202e.csv: exactly 200 rows: the oldest are probably missing",
        "warning: 2 records of fdr/part-00000.gz were rejected",
        "warning: notes<b>.bin\\x1b[2J: no reader knows it",
        f"warning: {CUT_PATHS}",
        "warning: 1 target could not be matched with a known host",
        "note: 1 file of no known format: notes<b>.bin",
    ]


def test_nothing_of_the_input_reaches_the_terminal_unescaped():
    text = terminal.result_text(story(), stream())
    assert harmful(text) == set()
    assert "\\x1b[31mred" in text
    assert "[/x]" in text
    assert "[bold]{{7*7}}" in joined(text)


@given(st.text())
def test_any_text_is_shown_and_none_controls(text):
    data = story()
    for row in (*data.hosts, *data.users):
        row.name = text
    data.paths[0].why = [text]
    data.coverage.warnings = [text]
    shown = terminal.result_text(data, stream())
    assert harmful(shown) == set()


@pytest.mark.parametrize("columns", ["70", "80", "140"])
def test_hops_without_a_path_are_listed_in_order_of_time(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    data = pathless()
    data.hosts[3].name = "WS9"
    data.coverage.warnings = ["too little history before 4 of 4 hops to tell new from usual"]
    text = terminal.result_text(data, stream())
    assert "None of the 4 hops scores above 0" in joined(text)
    assert "too little history before them" in joined(text)
    assert max(map(len, text.splitlines())) <= int(columns)
    places = [
        joined(text).index(part) for part in ("WS042 → WS9", "WS042 → SRV7", "SRV7 → DC1", "WS9 → PRINT01")
    ]
    assert places == sorted(places)
    for part in (
        "2026-05-04 08:00:12Z",
        "CORP\\alice; PsExecExecution, NetUseAdminShare",
        "executed",
        "-0.50",
    ):
        assert part in joined(text)
    assert harmful(text) == set()
    short = joined(terminal.result_text(data, stream(), top=2))
    assert "2 of 4 hops shown (--top)." in short
    assert "SRV7 → DC1" not in short


def test_no_line_ends_with_a_space(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    for data in (story(), pathless(), quiet()):
        for out in (stream(), Tty(io.BytesIO(), encoding="utf-8")):
            lines = terminal.result_text(data, out).splitlines()
            assert [line for line in lines if re.sub(r"\x1b\[[0-9;]*m", "", line).endswith(" ")] == []


def test_reasons_of_links_outlast_those_of_hops():
    data = story()
    hops = [f"WS042 → SRV7 as number {number}" for number in range(20)]
    links = [f"SRV7 began to move, reason {number}" for number in range(5)]
    data.paths[0].why = [*hops, *links]
    text = joined(terminal.result_text(data, stream()))
    assert all(reason in text for reason in links)
    assert hops[0] in text
    assert hops[5] not in text
    assert "further reasons in the report" in text


def test_a_reason_is_given_once_and_its_absence_explained():
    data = story()
    data.paths[1].why = list(data.paths[0].why)
    text = joined(terminal.result_text(data, stream()))
    assert text.count("all three stages seen") == 1
    assert " - as above " in text
    data.paths[1].why.append("and one of its own")
    text = joined(terminal.result_text(data, stream()))
    assert "- and one of its own" in text
    assert "- … and 2 reasons as above" in text
    assert "as above" not in joined(terminal.result_text(story(), stream()))


def test_each_incident_has_its_row_its_line_and_its_steps():
    data = story()
    for number in range(30):
        path = copy.deepcopy(data.paths[0])
        path.id, path.rank, path.hosts = f"x{number}", 2 + number, ["h0", "h1", f"x{number}"]
        path.outcome, path.reaches = ("executed", ["h2"]) if number < 9 else ("attempted", [])
        data.paths.insert(-1, path)
        data.hosts.append(copy.deepcopy(data.hosts[1]))
        data.hosts[-1].id, data.hosts[-1].name = f"x{number}", f"SRV{100 + number}"
    data.paths[-1].rank, data.paths[-1].severity, data.incidents[1].severity = 32, "critical", "critical"
    data.paths[0].reaches = []
    text = joined(terminal.result_text(data, stream()))
    assert (
        "… and 30 more of this incident, to SRV100, SRV101, SRV102, SRV103 and 26 more (executed 9, "
        "attempted 21), reaching DC1 (domain controller): rank 2 to 31" in text
    )
    for part in ("incident 1", "incident 2", "Incident 2: critical", "Incident 2: isolate"):
        assert part in text
    assert "shown (--top" not in text
    short = joined(terminal.result_text(data, stream(), top=1))
    assert "31 of 32 paths shown (--top, --min-severity)." in short
    assert "1 further incident (1 critical): --top 2 shows the best path of each." in short


def test_paths_of_one_hop_that_are_alike_are_one_row():
    data = story()
    for number in range(6):
        path = copy.deepcopy(data.paths[1])
        path.id, path.rank, path.hosts = f"x{number}", 3 + number, ["h3", "h1"]
        data.paths.append(path)
    text = joined(terminal.result_text(data, stream()))
    assert "… and 6 more of this incident, to SRV7: rank 3 to 8" in text
    rows = re.findall(r"^ *(\d+) +(?:high|low) ", terminal.result_text(data, stream()), flags=re.MULTILINE)
    assert rows == ["1", "2"]
    data.paths[-1].severity = "medium"
    assert "… and 5 more of this incident" in joined(terminal.result_text(data, stream()))


def test_zero_alerts_is_a_sentence_and_no_table():
    text = joined(terminal.result_text(quiet(), stream()))
    assert text.startswith("Read 1,200 records from 2 inputs")
    assert "No lateral movement was found" in text
    assert "severity" not in text
    assert "Next:" not in text


def test_ascii_stream_gets_ascii_arrows_and_lines():
    out = stream("ascii")
    data = story()
    data.hosts[1].name = "SRVÄ"
    text = terminal.result_text(data, out)
    assert "WS042 -> SRV" in text
    assert "→" not in text
    assert "─" not in text
    assert "…" not in terminal.result_text(pathless(), stream("ascii"))
    out.write(text)  # the name cannot be encoded: shown as an escape, not an error
    out.flush()
    assert b"SRV\\xc4" in out.buffer.getvalue()


def test_top_and_severity_say_what_they_hide():
    assert "1 of 2 paths shown" in terminal.result_text(story(), stream(), top=1)
    text = terminal.result_text(story(), stream(), min_severity="critical")
    assert "0 of 2 paths shown" in text
    assert "WS042 → SRV7" not in text


def test_report_is_recommended_only_when_there_is_none():
    assert "--html" in terminal.result_text(story(), stream())
    assert "--html" not in terminal.result_text(story(), stream(), page=True)


def test_colour_only_on_a_terminal_that_wants_it(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    tty = Tty(io.BytesIO(), encoding="utf-8")
    assert "\x1b[" in terminal.result_text(story(), tty)
    assert "\x1b[31m" not in terminal.result_text(story(), tty, color=False)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[31m" not in terminal.result_text(story(), tty)
    assert "\x1b[" not in terminal.result_text(story(), stream())
