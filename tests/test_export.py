"""Paths as CSV and TSV."""

from __future__ import annotations

import csv
import io

import pytest

from lmgraph import export
from tests.fixtures.story import harmful, quiet, story


def rows(text: str, delimiter: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text), delimiter=delimiter))


@pytest.mark.parametrize(("kind", "delimiter"), [("csv", ","), ("tsv", "\t")])
def test_one_row_per_hop_of_a_path(kind, delimiter):
    found = rows(export.table(story(), kind), delimiter)
    assert [(row["rank"], row["hop"], row["source"], row["target"]) for row in found[:2]] == [
        ("1", "1", "WS042", "SRV7"),
        ("1", "2", "SRV7", "DC1"),
    ]
    assert len(found) == 3
    assert (
        found[0]["command_lines"]
        == "psexec64 \\\\srv7 -u CORP\\adm -p [redacted] cmd | net use \\\\srv7\\admin$"
    )
    assert found[0]["credential"] == "CORP\\adm"
    assert (found[0]["link_gap_s"], found[1]["link_gap_s"]) == ("", "404.0")
    assert found[1]["first"] == "2026-05-04T08:07:04.000000Z"
    assert found[1]["target_user"] == ""


@pytest.mark.parametrize("kind", ["csv", "tsv"])
def test_no_cell_is_a_formula_or_breaks_the_line(kind):
    data = story()
    data.alerts[3].process = "\t=1+1"
    text = export.table(data, kind)
    assert len(text.splitlines()) == 4
    cells = [cell for row in rows(text, "," if kind == "csv" else "\t") for cell in row.values()]
    assert not [cell for cell in cells if cell[:1] in tuple("=+@\t\r")]
    assert "'=2+5+cmd|' /C calc'!A0" in cells
    assert harmful(text) <= {"\t"}


def test_negative_score_stays_a_number():
    data = story()
    data.hops[2].score = -0.3
    assert rows(export.table(data, "csv"), ",")[2]["hop_score"] == "-0.3"


def test_long_names_are_not_cut():
    data = story()
    data.hosts[0].name = "H" * 300
    assert rows(export.table(data, "csv"), ",")[0]["source"] == "H" * 300


def test_top_and_severity():
    assert len(rows(export.table(story(), "csv", top=1), ",")) == 2
    assert len(rows(export.table(story(), "csv", min_severity="high"), ",")) == 2


def test_no_path_gives_the_header_alone():
    assert export.table(quiet(), "csv") == ",".join(export.COLUMNS) + "\n"
