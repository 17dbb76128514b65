"""What the tool says of the samples: pinned whole, and the story of samples/README.md told back."""

from __future__ import annotations

import json
import runpy
from typing import Any

import pytest

import lmgraph
from tests.golden.make_golden import FOLDERS, GOLDEN, ROOT, pinned, render

SECRETS = runpy.run_path(str(ROOT / "samples/make_samples.py"))["SECRETS"].values()
FIRST_PATH = ["WS042", "SRV7", "SRV12", "DC1"]


class Story:
    """A result by names, for tests that read like the story."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.document: dict[str, Any] = json.loads(text)
        self.names = {host["id"]: host["name"] for host in self.document["hosts"]}
        self.hops = {hop["id"]: hop for hop in self.document["hops"]}

    def path_hosts(self, rank: int) -> list[str]:
        """The hosts of a path, by name."""
        return [self.names[host] for host in self.document["paths"][rank - 1]["hosts"]]

    def first_hops(self) -> list[dict[str, Any]]:
        """The hops of the first path."""
        return [self.hops[hop] for hop in self.document["paths"][0]["hops"]]

    def pair(self, source: str, target: str) -> list[dict[str, Any]]:
        """All hops between two hosts."""
        return [
            hop
            for hop in self.hops.values()
            if (self.names[hop["source"]], self.names[hop["target"]]) == (source, target)
        ]


@pytest.fixture(scope="module")
def everything() -> Story:
    return Story(render(*FOLDERS))


@pytest.fixture(scope="module")
def raw() -> Story:
    return Story(render(*FOLDERS[:2]))


@pytest.fixture(scope="module")
def table() -> Story:
    return Story(render(FOLDERS[2]))


def test_the_result_is_pinned(everything: Story) -> None:
    assert pinned(everything.text) == GOLDEN.read_text(encoding="utf-8"), "see make golden"


def test_the_first_path_is_the_intrusion(everything: Story) -> None:
    assert everything.path_hosts(1) == FIRST_PATH
    assert [hop["outcome"] for hop in everything.first_hops()] == ["executed"] * 3
    assert all(hop["full_chain"] for hop in everything.first_hops())
    assert everything.document["paths"][0]["severity"] == "critical"
    credentials = [hop["credential"] for hop in everything.first_hops()]
    assert credentials == [r"CORP\adm", r"CORP\svc_sql", None]


def test_the_branches_are_in_the_same_incident(everything: Story) -> None:
    incident = everything.document["incidents"][0]
    inside = {everything.names[host] for host in incident["hosts"]}
    assert inside == {*FIRST_PATH, "FS01", "NAS3"}
    evening = [hop for hop in everything.pair("SRV7", "FS01") if hop["first"] < "2026-05-13"]
    assert [hop["outcome"] for hop in evening] == ["accessed"]
    assert [hop["outcome"] for hop in everything.pair("SRV7", "NAS3")] == ["attempted"]
    nas = next(host for host in everything.document["hosts"] if host["name"] == "NAS3")
    assert nas["managed"] is False


def test_nobody_goes_to_the_host_that_had_the_address_before(everything: Story, table: Story) -> None:
    for story in (everything, table):
        assert story.pair("SRV7", "WS017") == []
        assert len(story.pair("SRV7", "SRV12")) == 1
        assert story.pair("WS003", "WS017"), "the help desk did go there, earlier"


def test_ordinary_work_stands_far_below(everything: Story) -> None:
    first, *rest = everything.document["incidents"]
    assert first["severity"] == "critical"
    assert all(incident["severity"] not in {"high", "critical"} for incident in rest)
    assert all(incident["score"] < first["score"] / 2 for incident in rest)


def test_fdr_alone_lacks_only_the_last_target_side() -> None:
    story = Story(render("samples/fdr"))
    assert story.path_hosts(1) == FIRST_PATH
    assert [hop["outcome"] for hop in story.first_hops()] == ["executed", "executed", "connected"]


def test_the_table_alone_gives_the_same_first_path_less_surely(table: Story, raw: Story) -> None:
    assert table.path_hosts(1) == raw.path_hosts(1)
    assert table.document["paths"][0]["certainty"] < raw.document["paths"][0]["certainty"]
    meant = [alert for alert in raw.document["alerts"] if "disconnect" not in alert["flags"]]
    assert len(table.document["alerts"]) == len(meant)


def test_the_table_beside_the_raw_records_changes_nothing_but_counts(everything: Story, raw: Story) -> None:
    for key in ("hops", "paths", "incidents"):
        assert stripped(everything.document[key]) == stripped(raw.document[key])


def stripped(value: Any) -> Any:
    """Without ``copies`` and ``origin``, which may differ."""
    if isinstance(value, list):
        return [stripped(item) for item in value]
    if isinstance(value, dict):
        return {key: stripped(item) for key, item in value.items() if key not in {"copies", "origin"}}
    return value


def test_one_record_was_cut_off_and_some_came_twice(everything: Story) -> None:
    coverage = everything.document["coverage"]
    assert coverage["rejected"] == 1
    assert coverage["duplicates"] > 0
    assert coverage["unknown_files"] == []


def test_no_secret_is_in_any_output(everything: Story) -> None:
    result = lmgraph.Result.from_json(everything.text)
    page = result.to_html()
    for secret in SECRETS:
        assert secret not in everything.text
        assert secret not in page
    assert everything.text.count("[redacted]") >= 4
