"""The table of targets: what a row makes of a measurement, what the page says of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import speed_page, targets
from benchmarks.contest import Outcome
from benchmarks.measurements import Measurements, Memory, exponent
from benchmarks.rows import ROWS

ONE = (1.0, 1.0, 1.0)
FILTERS = {
    "ours": ONE,
    "numpy": (0.3,) * 3,
    "polars": (13.0,) * 3,
    "duckdb": (5.0,) * 3,
    "orjson": (9.0,) * 3,
}
COUNTS = {"bytes": 10**9, "records": 10**6, "alerts": 1_000, "openers": 48, "contacts": 10_486}


@pytest.fixture
def measured() -> Measurements:
    """All that would be measured, as if it had been."""
    found = Measurements(megabytes=100, rounds=3)
    found.memory_scan = Outcome(FILTERS, {})
    found.ndjson = Outcome({**FILTERS, "json": (50.0,) * 3}, {"ripgrep": "not installed"})
    found.gz = Outcome({"ours": ONE, "igzip": (0.8,) * 3}, {})
    found.threads = Outcome({"one": (2.0,) * 3, "two": ONE}, {})
    found.whole = Outcome({"analyze": (2.0,) * 3, "looks": (1.5,) * 3, "filter": ONE}, {})
    found.whole_raw = found.whole
    found.parquet = Outcome({"polars": ONE, "duckdb": ONE}, {"ours": "not there yet"})
    found.arrival = Outcome({"ours": (0.001,) * 3, "networkx": (4.0,) * 3}, {})
    found.paths = found.arrival
    found.start = Outcome({"python": (0.02,) * 3, "help": (0.1,) * 3, "analyze": ONE}, {})
    found.growth = Outcome({str(size): (float(size),) * 3 for size in (1, 2, 4, 8)}, {})
    found.file_memory = Memory(251.0, 1.0, COUNTS)
    found.pipe_memory = Memory(400.0, 1.0, COUNTS)
    return found


@pytest.fixture
def document(measured: Measurements) -> dict[str, Any]:
    return targets.measure(measured, ROWS)


def row(document: dict[str, Any], what: str, versus: str = "") -> dict[str, Any]:
    (found,) = [row for row in document["rows"] if what in row["what"] and versus in row["versus"]]
    return dict(found)


def test_rows_judge_by_their_own_sign(document: dict[str, Any]) -> None:
    polars = row(document, "NDJSON", "polars")
    assert (polars["value"], polars["must_reached"], polars["stretch_reached"]) == (13.0, True, True)
    orjson = row(document, "NDJSON", "orjson")
    assert (orjson["value"], orjson["must_reached"]) == (9.0, False)
    assert row(document, "8 × the input")["value"] == 8.0
    assert row(document, "a file")["value"] == pytest.approx(249.0, abs=0.01)  # 251 less 1 MB and 1 MB
    assert row(document, "a file")["stretch_reached"] is True
    assert row(document, "a pipe")["must_reached"] is False
    assert row(document, "no second look")["value"] == 0.5
    assert row(document, "two threads")["value"] == 2.0
    assert row(document, "--help")["note"] == "Python itself: 0.020 s"


def test_what_is_missing_is_named_and_no_failure(document: dict[str, Any]) -> None:
    assert row(document, "NDJSON", "rg")["note"] == "ripgrep: not installed"
    assert row(document, "Parquet")["note"] == "ours: not there yet"
    assert row(document, "Parquet")["must_reached"] is None


def test_different_answers_spoil_a_row_and_no_other(measured: Measurements) -> None:
    class Wrong(Measurements):
        @property
        def gz(self) -> Outcome:  # type: ignore[override]
            raise AssertionError("different answers: {}")

    wrong = Wrong(megabytes=100)
    vars(wrong).update({name: value for name, value in vars(measured).items() if name != "gz"})
    document = targets.measure(wrong, ROWS)
    assert row(document, "gz, full filter")["note"] == "**different answers: {}**"
    assert row(document, "many gz files")["value"] == 2.0
    assert not targets.passed(document)


def test_a_missed_must_fails_the_run(document: dict[str, Any]) -> None:
    assert not targets.passed(document)
    for each in document["rows"]:
        each["must_reached"] = True
    assert targets.passed(document)


def test_the_page_shows_every_row_and_nothing_of_this_machine(document: dict[str, Any], root: Path) -> None:
    page = speed_page.page(document)
    for each in ROWS:
        assert f"| {each.what} | {each.versus} |" in page
    assert "| NDJSON, full filter | orjson loop | ≥ 10 × | ≥ 15 × | 9 × | **missed** |  |" in page
    assert "to the power of 1.00" in page
    assert str(root) not in page
    assert "GiB of memory" in page


def test_the_document_is_json_and_gives_the_same_page(document: dict[str, Any]) -> None:
    assert speed_page.page(json.loads(json.dumps(document))) == speed_page.page(document)


def test_an_exponent_is_the_slope_of_logarithms() -> None:
    assert exponent([1, 4, 16], [1, 2, 4]) == pytest.approx(2)
    assert exponent([3, 3, 3], [1, 2, 4]) == pytest.approx(0)


def test_a_run_of_one_row_writes_what_it_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told, page = tmp_path / "targets.json", tmp_path / "page.md"
    arguments = ["--only", "numpy sum", "--rounds", "1", "--mb", "0.2", "--folder", str(tmp_path)]
    # Whether this machine is fast enough at this moment is no matter of a test.
    targets.main([*arguments, "--json", str(told), "--page", str(page)])
    (only,) = json.loads(told.read_text())["rows"]
    assert only["what"] == "scan kernel, in memory"
    assert "| scan kernel, in memory | numpy sum |" in page.read_text()
    assert "| scan kernel, in memory | numpy sum |" in capsys.readouterr().out
