"""The Python interface."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from types import SimpleNamespace

import networkx as nx
import pandas as pd
import pytest

import lmgraph
from lmgraph import api, result
from lmgraph.api import Result, make_settings
from lmgraph.errors import OutputError, ResultError, UsageError
from lmgraph.settings import Settings
from tests.fixtures.story import FORMULA, HOSTILE_HOST, quiet, story

FRAMES = ["alerts", "hops", "paths", "incidents", "hosts"]


@pytest.fixture
def asked(monkeypatch):
    """What the pipeline was asked for; it answers with the story."""
    calls = []

    def run(paths, settings, progress=None):
        calls.append((paths, settings))
        return SimpleNamespace(data=story(), rejects=())

    monkeypatch.setattr(api, "run", run)
    return calls


def test_analyze_passes_paths_and_settings_on(asked):
    found = lmgraph.analyze("fdr", Path("b.csv"), window="10m", max_gap=None, rules="literal")
    assert found.data == story()
    assert asked == [
        (["fdr", "b.csv"], Settings(window_us=600_000_000, max_gap_us=None, rules="literal")),
    ]


def test_analyze_without_a_path(asked):
    with pytest.raises(UsageError, match="nothing to read"):
        lmgraph.analyze()


def test_settings_default_to_those_of_the_command_line():
    assert make_settings() == Settings()


def test_settings_from_texts_and_from_objects_agree():
    texts = make_settings(
        window="1h30m",
        max_gap="off",
        skew="5s",
        since="2026-05-04T08:00:00",
        until="2026-05-05",
        tz="Europe/Berlin",
    )
    objects = make_settings(
        window=dt.timedelta(minutes=90),
        max_gap=None,
        skew=dt.timedelta(seconds=5),
        since=dt.datetime(2026, 5, 4, 6, tzinfo=dt.UTC),
        until=dt.datetime(2026, 5, 5),  # noqa: DTZ001 - in the zone of tz
        tz="Europe/Berlin",
    )
    assert texts == objects
    assert texts.since_us == 1777874400_000_000
    assert texts.max_gap_us is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window": "soon"}, r"no duration.*\[--window\]"),
        ({"window": 900}, r"must be a duration.*\[--window\]"),
        ({"max_gap": "x"}, r"\[--max-gap\]"),
        ({"since": "yesterday"}, r"no time.*\[--since\]"),
        ({"tz": "Mars"}, "unknown time zone"),
        ({"colour": "red"}, r"no such option \[colour\]"),
        ({"settings": Settings(), "jobs": 1}, "either settings or single options"),
        ({"settings": {}}, "must be lmgraph.Settings"),
        ({"since": "2026-05-05", "until": "2026-05-04"}, "interval is empty"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(UsageError, match=message):
        make_settings(**options)


def test_ready_settings_are_taken_as_they_are():
    assert make_settings(settings=Settings(jobs=3)) == Settings(jobs=3)


def test_events_have_the_types_of_their_fields(tmp_path):
    record = {
        "event_simpleName": "NetworkConnectIP4",
        "aid": "a" * 32,
        "ContextTimeStamp": "1777881600.123",
        "RemoteAddressIP4": "10.0.0.7",
        "RemotePort": "445",
        "ContextBaseFileName": "cmd.exe",
    }
    (tmp_path / "x.ndjson").write_text(json.dumps(record) + "\n")
    frame = lmgraph.read_events(tmp_path / "x.ndjson", jobs=1)
    wanted = {
        "kind": "string", "time_us": "int64", "cloud_us": "Int64", "remote_port": "Int64",
        "user_privileged": "boolean", "redacted": "bool", "host_name": "string", "alert_type": "string",
        "time": "datetime64[us, UTC]", "copies": "int64", "path": "string", "record": "int64",
    }  # fmt: skip
    assert {name: str(frame[name].dtype) for name in wanted} == wanted
    assert not [name for name, dtype in frame.dtypes.items() if str(dtype) == "object"]
    assert frame.loc[0, "time"] == pd.Timestamp("2026-05-04T08:00:00.123Z")
    assert frame.loc[0, "remote_port"] == 445
    assert frame.loc[0, "host_name"] is pd.NA


@pytest.mark.parametrize("name", FRAMES)
def test_frames_have_the_same_columns_and_types_with_and_without_rows(name):
    full, empty = getattr(Result(story()), name), getattr(Result(quiet()), name)
    assert list(full.columns) == list(empty.columns)
    assert list(full.dtypes) == list(empty.dtypes)
    assert full.index.name == empty.index.name == "id"


def test_frames_hold_the_document_with_names_and_times():
    found = Result(story())
    assert found.hops.loc["e1", "source_name"] == "SRV7"
    assert found.hops.loc["e0", "source_user_name"] == "CORP\\alice"
    assert found.alerts.loc["a3", "host_name"] == HOSTILE_HOST
    assert found.alerts.loc["a3", "user_name"] == FORMULA
    assert found.alerts.loc["a0", "time"] == pd.Timestamp("2026-05-04T08:00:12Z")
    assert found.alerts["remote_port"].dtype == "Int64"
    assert found.alerts.loc["a4", "remote_port"] == 445
    assert found.alerts["remote_port"].isna().sum() == 4
    assert found.paths.loc["p0", "hosts"] == ["h0", "h1", "h2"]
    assert found.hosts.loc["h3", "managed"] == False  # noqa: E712 - a numpy bool
    assert list(found.incidents["rank"]) == [1, 2]
    assert found.alerts is found.alerts


def test_graph_holds_hosts_users_and_times():
    graph = Result(story()).graph
    assert isinstance(graph, nx.MultiDiGraph)
    assert {key for key, kind in graph.nodes(data="kind") if kind == "host"} == {"h0", "h1", "h2", "h3", "h4"}
    assert graph.nodes["u1"]["name"] == "CORP\\adm"
    assert graph.nodes["u1"]["account_kind"] == "person"
    hop = graph.edges["h0", "h1", "e0"]
    assert (hop["kind"], hop["key"], hop["outcome"]) == ("hop", "hopkey0", "executed")
    assert hop["first"] == dt.datetime(2026, 5, 4, 8, 0, 12, tzinfo=dt.UTC)
    assert sorted(kind for _, _, kind in graph.out_edges("u1", data="kind")) == ["acted", "session"]
    hops = nx.subgraph_view(graph, filter_edge=lambda *edge: graph.edges[edge]["kind"] == "hop")
    assert nx.has_path(hops, "h0", "h2")


def test_json_equals_the_codec_and_comes_back(tmp_path):
    found = Result(story())
    assert found.to_json().encode() == result.encode(story())
    assert found.to_json(tmp_path / "r.json") is None
    assert (tmp_path / "r.json").read_bytes() == result.encode(story())
    for source in (tmp_path / "r.json", str(tmp_path / "r.json"), found.to_json(), found.to_json().encode()):
        assert Result.from_json(source) == found


def test_damaged_result(tmp_path):
    with pytest.raises(ResultError, match=r"cannot be read: No such file.*missing.json\]"):
        Result.from_json(tmp_path / "missing.json")
    (tmp_path / "x.json").write_text('{"schema": "other"}')
    with pytest.raises(ResultError, match=r"'other' is not 'lmgraph/result/1' \[.*x.json:schema\]"):
        Result.from_json(tmp_path / "x.json")


def test_html_is_written_or_returned(tmp_path):
    found = Result(story())
    assert found.to_html(tmp_path / "r.html") is None
    assert (tmp_path / "r.html").read_text("utf-8") == found.to_html()
    assert found.to_html(top=1) != found.to_html()
    with pytest.raises(OutputError):
        found.to_html(tmp_path / "missing" / "r.html")


def test_repr_says_what_it_holds():
    assert repr(Result(story())) == "<Result: 5 alerts, 4 hops, 2 paths>"
