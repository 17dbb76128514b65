"""Warnings and notices name an input once, and count in good English."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lmgraph.assemble.coverage import Counts, Inputs, coverage_of
from lmgraph.engines.local import LocalEngine
from lmgraph.errors import InputError
from lmgraph.events import Partial
from lmgraph.ingest.contract import Remark
from lmgraph.pipeline import run
from lmgraph.result import ResultData
from lmgraph.settings import Settings

HEADER = "@timestamp,ComputerName,UserName,FileName,CommandLine,alert_type\n"
ROW = '{},{},alice,psexec.exe,"psexec \\\\srv{} cmd",PsExecExecution\n'


def analyze(path: Path, text: str, **options: object) -> ResultData:
    path.write_text(text)
    return run([str(path)], Settings(**options), LocalEngine(1)).data


def rows(count: int, host: str = "WS1") -> str:
    """The query's result with that many rows, each to another target, a second apart."""
    return HEADER + "".join(
        ROW.format(1777881600000 + 1000 * number, host, number) for number in range(count)
    )


def test_a_notice_names_its_input_once(tmp_path: Path) -> None:
    (notice,) = analyze(tmp_path / "c.csv", rows(200)).coverage.notices
    assert notice.code == "table-truncated"
    assert notice.message.count("c.csv") == 1


def test_an_unreadable_input_is_named_once(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "gone").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError) as error:
        run([str(tmp_path / "in")], Settings(), LocalEngine(1))
    assert str(error.value).count("gone") == 1


def test_one_is_singular(tmp_path: Path) -> None:
    warnings = analyze(tmp_path / "c.csv", rows(1, host="") + rows(1).removeprefix(HEADER)).coverage.warnings
    assert [text for text in warnings if text.startswith("1 classified row without ComputerName")]
    warnings = analyze(tmp_path / "c.csv", rows(2, host="") + rows(1).removeprefix(HEADER)).coverage.warnings
    assert [text for text in warnings if text.startswith("2 classified rows without ComputerName")]
    warnings = analyze(tmp_path / "c.csv", rows(1)).coverage.warnings
    assert [text for text in warnings if text.startswith("1 alert with only the cloud's clock")]


def test_a_file_of_no_known_format_is_listed_and_no_warning(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "c.csv").write_text(rows(2))
    found = run([str(tmp_path)], Settings(), LocalEngine(1)).data
    assert found.coverage.unknown_files == [f"{tmp_path}/notes.txt"]
    assert not any("notes.txt" in text for text in found.coverage.warnings)


@pytest.mark.parametrize(
    ("severity", "complete"), [("informational", True), ("low", True), ("medium", False), ("high", False)]
)
def test_a_notice_that_something_was_not_read_makes_it_incomplete(severity: Any, complete: bool) -> None:
    partial = Partial(remarks=[Remark("a.zip", "member-skipped", severity, "a.zip!x was not read")])
    nothing = Counts(0, 0, 0, {}, {}, 0, 0, 0, 0, [])
    assert coverage_of(partial, Inputs(partial), nothing).complete is complete


def test_targets_are_counted_over_reported_hops_alone(tmp_path: Path) -> None:
    assert analyze(tmp_path / "c.csv", rows(3)).coverage.unresolved_targets == 3
    since = 1777881602_000_000
    assert analyze(tmp_path / "c.csv", rows(3), since_us=since).coverage.unresolved_targets == 1
