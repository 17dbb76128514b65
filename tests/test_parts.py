"""A large file read in parts tells what it tells in one piece: every number, remark and reject."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lmgraph.engines.local import LocalEngine
from lmgraph.errors import RecordError
from lmgraph.events import Partial
from lmgraph.ingest import parts, reading
from lmgraph.ingest.parts import Parts
from lmgraph.ingest.repeats import Memory
from lmgraph.ingest.streams import MIB, FileSource, StreamError
from lmgraph.pipeline import gather
from lmgraph.rules.needed import Wants
from lmgraph.settings import Settings
from tests.falcon import Telemetry, at

FILLER = {"event_simpleName": "NetworkConnectIP4", "RemotePort": "443", "ConnectionDirection": "0"}
FOREIGN = b'{"a": "' + b"x" * 1000 + b'"}\n'
BROKEN = b'{"event_simpleName": "ProcessRollup2",\n'


def lines(draw: random.Random, size: int) -> bytes:
    """About ``size`` bytes: records of every use, broken, blank, repeated and very long lines."""
    told, out, held = Telemetry(), [], 0
    while held < size:
        when, host, pid = at(draw.randrange(9), "10:00"), f"WS{draw.randrange(20)}", str(draw.randrange(50))
        kind = draw.choices(range(8), [300, 30, 30, 10, 10, 20, 30, 1])[0]
        more = {"id": f"record {len(out)}"}
        if kind == 0:
            # Looked at only as the first or last of a stretch: then it is a reject, or widens the span.
            time = draw.choice(["no time", str(draw.randrange(16 * 10**11, 19 * 10**11))])
            line = json.dumps(FILLER | {"timestamp": time, "pad": "x" * draw.randrange(4_000)})
        elif kind == 1:
            command = f"psexec \\\\SRV{pid} cmd"
            line = json.dumps(told.process(host, when, "C:\\t\\psexec.exe", command, pid=pid) | more)
        elif kind == 2:
            line = json.dumps(told.connect(host, when, "10.0.0.1", f"10.0.0.{pid}", pid=pid) | more)
        elif kind == 3:
            line = '{"event_simpleName": "ProcessRollup2", "pad": "' + "y" * draw.randrange(300)
        elif kind == 4:
            line = draw.choice(["", " ", "\r", "{}\r"])
        elif kind == 5:
            line = draw.choice(out).decode() if out else "[]"
        elif kind == 6:
            line = json.dumps(told.logon(host, when, "ada", sid="S-1-5-21-1-2-3-4", logon=pid, kind=3) | more)
        else:
            line = json.dumps(FILLER | {"pad": "z" * draw.randrange(2 * MIB)})
        out.append(line.encode())
        held += len(line) + 1
    return b"\n".join(out) + draw.choice([b"", b"\n", b"\n\n"])


MEMORY = Memory(Wants.nothing(), "corrected")


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART", 2 * MIB)


@pytest.fixture
def read_parts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The parts that were read, in whatever order."""
    numbers: list[int] = []
    read = Parts.read

    def noted(self: Parts, number: int) -> Any:
        numbers.append(number)
        return read(self, number)

    monkeypatch.setattr(Parts, "read", noted)
    return numbers


def both_ways(*paths: Path, **options: Any) -> tuple[Partial, Partial]:
    """What is gathered in one piece, and in parts."""
    names = [str(path) for path in paths]
    chosen = Settings(**options)
    return gather(names, chosen, LocalEngine(1)), gather(names, chosen, LocalEngine(3))


@given(seed=st.integers(0, 10**9), size=st.integers(4 * MIB, 9 * MIB))
@settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_parts_tell_what_the_whole_tells(tmp_path: Path, read_parts: list[int], seed: int, size: int) -> None:
    content = lines(random.Random(seed), size)
    path = tmp_path / "big.ndjson"
    path.write_bytes(content)
    read_parts.clear()
    whole, joined = both_ways(path)
    assert joined == whole
    (report,) = whole.inputs.values()
    assert report.records == sum(map(bool, map(bytes.strip, content.split(b"\n"))))
    assert len(read_parts) in (0, 2 * len(set(read_parts)))  # none where no line begins in time
    assert whole.kept
    assert whole.rejects


@pytest.fixture
def big(tmp_path: Path) -> Path:
    path = tmp_path / "big.ndjson"
    path.write_bytes(lines(random.Random(5), 9 * MIB))
    return path


def test_the_parts_are_read_in_both_looks(big: Path, read_parts: list[int]) -> None:
    gather([str(big)], Settings(), LocalEngine(2))
    assert sorted(read_parts) == sorted([*range(len(set(read_parts)))] * 2)
    assert len(set(read_parts)) > 2


def test_records_are_numbered_by_the_lines_of_the_file(big: Path) -> None:
    stored = big.read_bytes().split(b"\n")
    joined = gather([str(big)], Settings(), LocalEngine(2))
    assert max(row.origin.record for row in joined.kept.values()) > len(stored) * 0.8
    for row in joined.kept.values():
        assert row.event.event_id.encode() in stored[row.origin.record - 1]
    for reject in joined.rejects:
        line = stored[reject.origin.record - 1].strip()
        assert ("JSON" in reject.reason) == (not line.endswith(b"}"))


def test_hash_and_note_are_given_once(big: Path) -> None:
    whole, joined = both_ways(big, big, hash_inputs=True)
    assert joined == whole
    assert [remark.code for remark in joined.remarks] == ["given-twice"]
    assert joined.inputs[str(big)].sha256 is not None


def test_a_time_without_a_zone_is_told_whichever_part_holds_it(big: Path) -> None:
    row = {"alert_type": "PsExecExecution", "ComputerName": "WS1", "@timestamp": "2026-03-02 10:00:00"}
    big.write_bytes(big.read_bytes().rstrip() + b"\n" + json.dumps(row).encode())
    whole, joined = both_ways(big)
    assert joined == whole
    assert [remark.code for remark in joined.remarks] == ["zone-assumed"]


def test_two_files_share_the_workers(big: Path, read_parts: list[int]) -> None:
    other = big.with_name("other.ndjson")
    other.write_bytes(lines(random.Random(6), 100_000))
    whole, joined = both_ways(big, other)
    assert joined == whole
    assert read_parts


UNSOUND: dict[str, Callable[[bytes], bytes]] = {
    "too many rejects in one": lambda content: content + BROKEN * 1500,
    "too many rejects in all": lambda content: content + (BROKEN * 300 + FOREIGN * 1000) * 5,
    "nothing known in the first part": lambda content: FOREIGN * 4000 + content,
    "nothing known at all": lambda _: FOREIGN * 6000,
}


@pytest.mark.parametrize("name", UNSOUND)
def test_what_parts_cannot_tell_is_read_in_one_piece(
    name: str, big: Path, read_parts: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading.Patience, "FREE", 1000)
    monkeypatch.setattr(reading.Patience, "RATIO", 0)
    big.write_bytes(UNSOUND[name](big.read_bytes()))
    big.with_name("other.ndjson").write_bytes(lines(random.Random(6), 1000))  # so that there is a result
    whole, joined = both_ways(big.parent)
    assert joined == whole
    assert ("rejects" in name) == ("given-up" in {remark.code for remark in joined.remarks})
    assert read_parts


def test_a_medium_that_fails_is_read_in_one_piece(big: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(FileSource):
        def readinto(self, view: memoryview) -> int:
            if self._file.tell() > 5 * MIB:
                raise StreamError("unreadable", "input/output error")
            return super().readinto(view)

    monkeypatch.setattr(parts, "FileSource", Failing)
    monkeypatch.setattr(reading, "FileSource", Failing)
    whole, joined = both_ways(big)
    assert joined == whole
    assert [remark.code for remark in joined.remarks] == ["unreadable"]


def test_a_file_that_is_cut_short_meanwhile_is_read_in_one_piece(
    big: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Parts.read

    def cut_short(self: Parts, number: int) -> Any:
        if number == 1:
            big.write_bytes(big.read_bytes()[:3_000_000])
        return read(self, number)

    monkeypatch.setattr(Parts, "read", cut_short)
    joined = gather([str(big)], Settings(), LocalEngine(2))
    monkeypatch.undo()
    whole = gather([str(big)], Settings(), LocalEngine(1))
    assert replace_bytes(joined) == replace_bytes(whole)


def replace_bytes(partial: Partial) -> Partial:
    """The same but for the size that the file had when it was found."""
    for path, report in partial.inputs.items():
        partial.inputs[path] = type(report)(
            **{name: getattr(report, name) for name in report.__struct_fields__} | {"bytes": 0}
        )
    return partial


def test_a_file_that_is_gone_is_said_to_be(big: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = Parts.read

    def gone(self: Parts, number: int) -> Any:
        if number == 2:
            big.unlink(missing_ok=True)
        return read(self, number)

    monkeypatch.setattr(Parts, "read", gone)
    other = big.with_name("other.ndjson")
    other.write_bytes(lines(random.Random(6), 1000))
    joined = gather([str(big), str(other)], Settings(), LocalEngine(3))
    assert [(remark.path, remark.code) for remark in joined.remarks] == [(str(big), "unreadable")]
    assert list(joined.inputs) == [str(other)]


def test_strict_names_the_line_of_the_file(big: Path, read_parts: list[int]) -> None:
    known = json.dumps(Telemetry().process("WS1", at(1, "10:00"), "a.exe", "a", pid="1")).encode()
    content = known + b"\n" + FOREIGN * 5000
    big.write_bytes(content + b"{\n")
    with pytest.raises(RecordError, match=r":5002\]$"):
        gather([str(big)], Settings(strict=True), LocalEngine(2))
    assert not read_parts


@pytest.mark.parametrize("shape", ["gzip", "byte order mark", "utf-16", "array", "csv", "own"])
def test_only_plain_json_lines_have_parts(shape: str, big: Path) -> None:
    content = FOREIGN * 5000
    big.write_bytes(
        {
            "gzip": lambda: gzip.compress(random.Random(1).randbytes(5 * MIB)),
            "byte order mark": lambda: b"\xef\xbb\xbf" + content,
            "utf-16": lambda: content.decode().encode("utf-16"),
            "array": lambda: b"[" + content,
            "csv": lambda: b"a,b\n" * (2 * MIB),
            "own": lambda: b'{"schema": "lmgraph/truth"}\n' + content,
        }[shape]()
    )
    (source,) = parts_source(big)
    assert parts.parts_of(source, Settings(), MEMORY) is None
    big.write_bytes(content)
    (source,) = parts_source(big)
    assert parts.parts_of(source, Settings(), MEMORY) is not None
    assert parts.parts_of(replace(source, size=4 * MIB - 1), Settings(), MEMORY) is None


def parts_source(path: Path) -> list[Any]:
    from lmgraph.ingest import discover

    return discover([str(path)])
