"""Rows that are made when they are looked at are the same however one looks."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import msgspec
import pytest

from lmgraph import export, report, result, rows, terminal
from lmgraph.engines.local import LocalEngine
from lmgraph.pipeline import run
from lmgraph.settings import Settings, parse_time
from tests.falcon import Telemetry, at

SAMPLES = Path(__file__).parents[2] / "samples" / "fdr"
SECTIONS = ("alerts", "hops", "unplaced", "sessions", "contacts")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    told = Telemetry(cid="d" * 32)
    told.host("ALONE", "192.168.77.7")
    told.service("ALONE", at(1, "10:00"), "PSEXESVC", "%SystemRoot%\\PSEXESVC.exe")
    landing = told.write(tmp_path_factory.mktemp("landing") / "fdr")
    return run([str(SAMPLES), str(landing)], Settings(), LocalEngine(1)).data


@pytest.fixture(scope="module")
def whole(data):
    return result.in_full(data)


@pytest.mark.parametrize("section", SECTIONS)
def test_a_row_is_the_same_alone_and_among_others(data, whole, section):
    made, listed = getattr(data, section), getattr(whole, section)
    assert isinstance(made, rows.Rows)
    assert isinstance(listed, list)
    assert listed
    places = [*range(0, len(listed), 7), 0, 0, -1 % len(listed)]
    assert rows.take(made, places) == [listed[place] for place in places]
    assert [made[place] for place in places] == [listed[place] for place in places]


@pytest.mark.parametrize("section", SECTIONS)
def test_a_field_is_the_same_alone_and_in_its_row(data, whole, section):
    made, listed = getattr(data, section), getattr(whole, section)
    for field in type(listed[0]).__struct_fields__:
        assert rows.column(made, field) == [getattr(row, field) for row in listed], field


def test_ids_number_the_rows(whole):
    assert [row.id for row in whole.alerts] == [f"a{place}" for place in range(len(whole.alerts))]
    assert [row.id for row in whole.hops] == [f"e{place}" for place in range(len(whole.hops))]
    assert whole.hops == sorted(whole.hops, key=lambda row: (row.first, row.key))


def test_every_output_is_the_same_of_rows_made_and_of_lists(data, whole):
    assert result.encode(data) == result.encode(whole)
    assert result.encode(data) == msgspec.json.format(msgspec.json.encode(whole), indent=1) + b"\n"
    assert report.render(data) == report.render(whole)
    assert export.table(data, "csv") == export.table(whole, "csv")
    assert terminal.result_text(data, io.StringIO()) == terminal.result_text(whole, io.StringIO())


def test_an_interval_keeps_its_own_alerts_and_those_of_its_hops(whole):
    long = next(hop for hop in whole.hops if hop.first < hop.last)
    since, until = long.first, long.last  # its last alert lies outside
    settings = dataclasses.replace(Settings(), since_us=parse_time(since), until_us=parse_time(until))
    part = result.in_full(run([str(SAMPLES)], settings, LocalEngine(1)).data)
    of_hops = {alert for hop in part.hops for alert in hop.alerts}
    assert any(row.time == until for row in part.alerts)
    inside = {row.id for row in part.alerts if since <= row.time < until}
    assert {row.id for row in part.alerts} == of_hops | inside
    assert {row.key for row in part.alerts} >= {row.key for row in whole.alerts if since <= row.time < until}
