"""The vendor's own sample records: all read, none rejected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lmgraph.errors import RecordError
from lmgraph.ingest import json_text
from lmgraph.ingest.clock import Clock
from lmgraph.ingest.falcon import read as read_record
from lmgraph.settings import parse_zone

FILES = {
    "crowdstrike-fdr_tests.selected.ndjson": 6,
    "fdr-0_aidmaster.ndjson": 5,
    "fdr-0_userinfo.ndjson": 1,
    "fdr_rule_test_events.ndjson": 56,
    "test-fdr.selected.ndjson": 8,
    "test-windows.selected.ndjson": 15,
}
KINDS = {
    "process_start": 48,
    "connection": 8,
    "accept": 2,
    "logon": 4,
    "logon_failed": 1,
    "host_info": 5,
    "user_info": 1,
    "address": 1,
    "smb_execution": 1,
    "service_start": 2,
    "share_client": 1,
    "share_server": 1,
}


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_read_without_a_reject(
    recordings: Path, read_all: Callable[..., Any], name: str
) -> None:
    seen = read_all(recordings / "real" / "falcon" / name)
    assert seen.rejects == []
    assert seen.remarks == []
    assert (seen.report.format, seen.report.records) == ("falcon-ndjson", FILES[name])


def test_every_record_says_what_it_is(recordings: Path) -> None:
    kinds: Counter[str] = Counter()
    timeless = []
    for name in FILES:
        for number, line in enumerate((recordings / "real" / "falcon" / name).read_bytes().splitlines(), 1):
            try:
                reading = read_record(json_text.decode(line), Clock(parse_zone("UTC")))
            except RecordError as error:
                timeless.append((name, number, str(error)))
                continue
            assert reading.family == "falcon"
            assert reading.time_us is not None or reading.event is None
            if reading.event is not None and reading.event.kind != "other":
                kinds[reading.event.kind] += 1
    assert kinds == KINDS
    # Three fragments of six or seven fields; a run passes over them, since they match nothing.
    assert timeless == [("fdr_rule_test_events.ndjson", number, "no time") for number in (18, 19, 20)]


def test_archives_of_other_sources_open_whole(recordings: Path, read_all: Callable[..., Any]) -> None:
    archives = sorted((recordings / "real" / "OTRF__Security-Datasets").rglob("lateral_movement/**/*.zip"))
    assert archives
    for path in archives:
        seen = read_all(path)
        assert seen.remarks == [], path
        assert seen.reports, path
        assert not any(report.truncated for report in seen.reports)
