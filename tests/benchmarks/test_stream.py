"""The generated records: the mix that they claim, the same bytes again, the same records in every form."""

from __future__ import annotations

import csv
import io
import itertools
import json
import subprocess
import sys
import zipfile
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard
from pyarrow import parquet

from benchmarks import inputs, stream
from benchmarks.falcon import NAME_KEY, Order
from benchmarks.inputs import Input

SMALL = 1.5  # megabytes: a few alerts are in it


@pytest.fixture(scope="module")
def block() -> stream.Block:
    return next(stream.blocks())


@pytest.fixture(scope="module")
def records(block: stream.Block) -> list[dict[str, Any]]:
    return [json.loads(line) for line in block.data.splitlines()]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Input:
    return Input(SMALL, folder=tmp_path_factory.mktemp("inputs"))


def test_the_mix_is_that_of_a_large_estate(block: stream.Block, records: list[dict[str, Any]]) -> None:
    count = len(records)
    assert count == block.records == stream.ROWS
    kinds = Counter(record["event_simpleName"] for record in records)
    assert len(kinds) >= 25
    assert kinds["ProcessRollup2"] / count == pytest.approx(0.08, abs=0.004)
    kernel = [record for record in records if record.get("ContextBaseFileName") == "System"]
    arrivals = [record for record in records if record.get("LogonType") == "3"]
    assert all(record["RemotePort"] == "445" for record in kernel)
    assert (len(kernel) + len(arrivals)) / count == pytest.approx(0.033, abs=0.003)
    assert (kinds["NetworkConnectIP4"] + len(arrivals)) / count == pytest.approx(0.10, abs=0.005)
    assert len(block.alerts) / count == pytest.approx(0.00285, abs=0.0002)
    assert len(block.data) / count == pytest.approx(1_070, rel=0.03)
    lines = block.data.splitlines()
    assert sum(b"\\u" in line for line in lines) / count == pytest.approx(0.16, abs=0.01)


def test_hosts_meet_the_same_few_servers(block: stream.Block, records: list[dict[str, Any]]) -> None:
    met = Counter(
        (record["aid"], record["RemoteAddressIP4"])
        for record in records
        if record.get("ContextBaseFileName") == "System"
    )
    assert sum(met.values()) > 1.5 * len(met)
    assert len(np.unique(block.contacts)) < 0.8 * len(block.contacts)


def test_what_only_looks_like_an_alert_is_in_it(block: stream.Block) -> None:
    for text in (b"dotnet.exe", b'"4450"', b"net user ", b"psexec.", b'"RawProcessId":"445"', b"C\\u0024"):
        assert text in block.data


def test_an_alert_is_in_it_once(block: stream.Block, records: list[dict[str, Any]]) -> None:
    ids = [record["id"] for record in records]
    assert len(set(ids)) == len(ids)
    assert set(block.alerts) < set(ids)
    assert len(set(block.alerts)) == len(block.alerts)


def test_raw_connections_name_neither_process_nor_user_nor_host() -> None:
    block = next(stream.blocks(raw=True))
    alerts = set(block.alerts)
    lines = [json.loads(line) for line in block.data.splitlines()]
    starts = {
        record.get("TargetProcessId") for record in lines if record["event_simpleName"] == "ProcessRollup2"
    }
    raw = [
        record
        for record in lines
        if record["id"] in alerts and record["event_simpleName"] == "NetworkConnectIP4"
    ]
    assert raw
    for record in raw:
        assert not {"ContextBaseFileName", "UserName", "ComputerName"} & record.keys()
        assert record["ContextProcessId"] in starts


@pytest.mark.parametrize("order", ["fdr", "sorted"])
def test_keys_stand_in_the_order_asked_for(order: Order) -> None:
    for line in next(stream.blocks(order=order)).data.splitlines()[:500]:
        keys = list(json.loads(line))
        assert keys[0] == NAME_KEY["fdr"] if order == "fdr" else keys == sorted(keys)
        assert NAME_KEY[order] in keys


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(block: stream.Block) -> None:
    again = itertools.islice(stream.blocks(), 2)
    first, second = next(again), next(again)
    assert first.data == block.data
    assert second.data != block.data
    assert next(stream.blocks(2)).data != block.data


def test_times_go_on_from_block_to_block() -> None:
    times = [
        [int(json.loads(line)["timestamp"]) for line in block.data.splitlines()]
        for block in itertools.islice(stream.blocks(), 2)
    ]
    assert np.median(times[1]) - np.median(times[0]) == pytest.approx(stream.BLOCK_MS, rel=0.02)


def test_every_form_holds_the_same(small: Input) -> None:
    whole = inputs.plain(small).read_bytes()
    assert SMALL * 1e6 - 5_000 < len(whole) <= SMALL * 1e6
    assert whole.endswith(b"}\n")
    parts = sorted(inputs.gz(small).iterdir())
    assert len(parts) == inputs.GZ_PARTS
    texts = [zlib.decompress(part.read_bytes(), 31) for part in parts]
    assert b"".join(texts) == whole
    assert all(text.endswith(b"}\n") for text in texts)
    reader = zstandard.ZstdDecompressor().stream_reader(inputs.zst(small).read_bytes())
    assert reader.read() == whole
    with zipfile.ZipFile(inputs.zipped(small)) as archive:
        assert archive.read("events.ndjson") == whole
    records = [json.loads(line) for line in whole.splitlines()]
    table = parquet.read_table(inputs.parquet(small)).to_pylist()
    assert [{key: value for key, value in row.items() if value is not None} for row in table] == records
    with inputs.csv(small).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [record["id"] for record in records]
    assert small.alerts() <= {record["id"] for record in records}


def test_one_gz_file_is_the_parts_behind_each_other(small: Input) -> None:
    packed = inputs.one_gz(small).read_bytes()
    assert packed == b"".join(part.read_bytes() for part in sorted(inputs.gz(small).iterdir()))


def test_what_lies_in_the_cache_is_not_written_again(small: Input) -> None:
    path = inputs.plain(small)
    written = path.stat().st_mtime_ns
    assert inputs.plain(small) == path
    assert path.stat().st_mtime_ns == written


def test_a_pipe_carries_the_same_and_tells_what_was_in_it(small: Input, tmp_path: Path, root: Path) -> None:
    counts = tmp_path / "counts.json"
    command = (sys.executable, "-m", "benchmarks.inputs", "--mb", str(SMALL), "--counts", str(counts), "pipe")
    piped = subprocess.run(command, cwd=root, capture_output=True, check=True).stdout
    assert piped == inputs.plain(small).read_bytes()
    said = json.loads(counts.read_text())
    assert said["bytes"] == len(piped)
    assert said["records"] == piped.count(b"\n")
    assert said["alerts"] == len(small.alerts())
    assert said == json.loads(inputs.plain(small).with_name("counts.json").read_text())


def test_the_command_says_where_it_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inputs.main(["--mb", "0.2", "--sorted", "--raw", "--folder", str(tmp_path), "plain"])
    path = Path(capsys.readouterr().out.strip())
    assert json.loads(io.BytesIO(path.read_bytes()).readline())["#event_simpleName"]
