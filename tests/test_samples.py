"""The samples are what their script writes, small, and hold the traps that their README speaks of."""

from __future__ import annotations

import csv
import gzip
import json
import runpy
from pathlib import Path

from tests.conftest import ROOT

# Run, not imported: an import would leave a cache folder among the samples.
SCRIPT = runpy.run_path(str(ROOT / "samples/make_samples.py"))
PARTS = ("fdr", "logscale", "query-result")


def contents(folder: Path) -> dict[str, bytes]:
    """Every sample file, unpacked: another zlib may pack the same bytes another way."""
    found = {}
    for path in sorted(path for part in PARTS for path in (folder / part).rglob("*") if path.is_file()):
        data = path.read_bytes()
        found[path.relative_to(folder).as_posix()] = gzip.decompress(data) if path.suffix == ".gz" else data
    return found


def test_the_script_writes_what_is_committed(samples: Path, tmp_path: Path) -> None:
    SCRIPT["make"](tmp_path)
    assert contents(tmp_path) == contents(samples)


def test_gz_members_carry_no_time_and_no_name(samples: Path) -> None:
    for path in samples.rglob("*.gz"):
        head = path.read_bytes()[:10]
        assert head[3] == 0, path
        assert head[4:8] == bytes(4), path


def test_they_stay_small(samples: Path) -> None:
    assert sum(path.stat().st_size for path in samples.rglob("*") if path.is_file()) < 2_000_000


def test_raw_records_name_no_host_user_or_file_of_a_process(samples: Path) -> None:
    for path in samples.glob("fdr/data/*/*.gz"):
        for line in gzip.decompress(path.read_bytes()).decode().splitlines():
            if line.endswith("}"):
                record = json.loads(line)
                assert not {"FileName", "ComputerName"} & set(record)
                if record["event_simpleName"] in {"ProcessRollup2", "NetworkConnectIP4"}:
                    assert "UserName" not in record


def test_the_traps_are_laid(samples: Path) -> None:
    lines = [
        line
        for path in sorted(samples.glob("fdr/data/*/*.gz"))
        for line in gzip.decompress(path.read_bytes()).decode().splitlines()
    ]
    whole = [json.loads(line) for line in lines if line.endswith("}")]
    assert len(lines) - len(whole) == 1, "one line was cut off in transit"
    assert len({record["id"] for record in whole}) < len(whole), "some records came twice"
    holders = {
        record["aid"]
        for record in whole
        if record["event_simpleName"] == "LocalIpAddressIP4" and record["LocalAddressIP4"] == "10.20.1.117"
    }
    assert len(holders) == 2, "one address, two hosts"
    exported = [json.loads(line) for line in (samples / "logscale/export.ndjson").read_text().splitlines()]
    fresh = {record["id"] for record in exported} - {record["id"] for record in whole}
    assert 0 < len(fresh) < len(exported) / 2, "most of the export repeats FDR, some of it does not"


def test_the_table_is_the_querys_own_shape_newest_first_and_not_cut(samples: Path) -> None:
    with (samples / "query-result/t1021-002.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    expected = "@timestamp ComputerName UserName FileName CommandLine RemoteAddressIP4 RemotePort alert_type"
    assert header == expected.split()
    times = [int(row[0]) for row in rows]
    assert times == sorted(times, reverse=True)
    assert len(rows) not in {200, 1_000, 20_000}
    begin, end = (SCRIPT["at"](SCRIPT["ATTACK"], clock) for clock in ("18:30", "20:00"))
    evening = [row for row in rows if begin < int(row[0]) < end]
    assert {row[1] for row in evening} == {"WS042", "SRV7", "SRV12"}
    assert all(any(secret in row[4] for row in evening) for secret in SCRIPT["SECRETS"].values())
