"""The baseline's file: equal bytes for equal content, and nothing in it is believed."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmgraph import baseline
from lmgraph.baseline import ACCOUNT, HOST, Baseline, parquet
from lmgraph.errors import UsageError


def some(rows: int = 40) -> Baseline:
    chance = np.random.default_rng(rows)
    uses = {
        "day": chance.integers(20_000, 20_009, rows),
        "source": chance.integers(1, 9, rows, dtype=np.uint64),
        "target": np.uint64(2**64 - 1) - chance.integers(1, 9, rows, dtype=np.uint64),
        "user": chance.integers(0, 3, rows, dtype=np.uint64),
        "moved": chance.random(rows) < 0.5,
        "executed": chance.random(rows) < 0.2,
        "hours": chance.integers(1, 2**24, rows),
    }
    given = {name: uses.get(name, np.zeros(rows, np.int64)) for name in baseline.USES}
    hops = {
        "day": uses["day"],
        "first_us": uses["day"] * 86_400_000_000 + chance.integers(0, 10**9, rows),
        "source": uses["source"],
        "target": uses["target"],
        "mere": uses["moved"],
    }
    paths = {"day": [20_000, 20_001], "key": [2**64 - 1, 5], "score": [-1500, 12_345]}
    names = {"kind": [HOST] * 8 + [ACCOUNT] * 2, "key": [*range(1, 9), 1, 2], "name": [*"ABCDEFGH", "é", "🖥"]}
    left = {"day": [20_000], "source": [9], "target": [2**64 - 1]}  # a pair that never was
    return baseline.make(
        given,
        hops,
        paths,
        left,
        {"day": [20_000] * 2, "key": [2**64 - 1, 4]},
        names,
        list(range(20_000, 20_009)),
    )


def write(folder: Path, content: bytes) -> str:
    file = folder / "b.parquet"
    file.write_bytes(content)
    return str(file)


def same(left: Baseline, right: Baseline) -> None:
    for name in baseline.TABLES:
        pd.testing.assert_frame_equal(getattr(left, name), getattr(right, name))
    assert left.days.tolist() == right.days.tolist()


def test_what_was_written_is_read(tmp_path: Path) -> None:
    for whole in (some(), some(0), baseline.empty()):
        found = parquet.read(write(tmp_path, parquet.encode(whole)))
        same(found, whole)
        assert found.sha256 is not None
        assert len(found.sha256) == 64


def test_many_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "GROUP_ROWS", 7)
    content = parquet.encode(some())
    same(parquet.read(write(tmp_path, content)), some())
    monkeypatch.setattr(parquet, "GROUP_ROWS", 6)
    with pytest.raises(UsageError, match=r"7 rows in one group \[.*b\.parquet:metadata\]"):
        parquet.read(write(tmp_path, content))


def test_rows_are_counted_by_group_and_not_as_the_footer_sums_them_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = parquet.encode(baseline.make(days=range(20_000, 20_020)))
    total, forged = b"\x16\x28\x19", b"\x16\x02\x19"  # field 3, 20 or 1 as a varint; field 4 follows
    assert content.count(total) == 1
    told = write(tmp_path, content.replace(total, forged))
    assert pq.ParquetFile(told).metadata.num_rows == 1
    for bound in ("MOST_ROWS", "MOST_NAMES"):
        monkeypatch.setattr(parquet, bound, 5)
    monkeypatch.setattr(parquet, "LAST_DAY", 9)
    with pytest.raises(UsageError, match=r"damaged baseline: 20 rows \[.*b\.parquet:metadata\]"):
        parquet.read(told)


def test_equal_content_gives_equal_bytes() -> None:
    whole = some()
    tables = {name: getattr(whole, name) for name in baseline.TABLES}
    parts = []
    for half in (slice(None, 20), slice(20, None)):
        shuffled = {
            name: table[::-1] if name == "names" else table[half][::-1] for name, table in tables.items()
        }
        columns = {name: {str(column): table[column] for column in table} for name, table in shuffled.items()}
        parts.append(baseline.make(**columns, days=whole.days[::-1].tolist()))
    assert parquet.encode(baseline.merge(*parts)) == parquet.encode(baseline.merge(*parts[::-1]))
    assert parquet.encode(baseline.merge(*parts)) == parquet.encode(whole)


def test_any_parquet_tool_can_look_into_it(tmp_path: Path) -> None:
    """Columns, types and nulls are part of the format; ``docs/baseline.md`` names them."""
    table = pq.read_table(write(tmp_path, parquet.encode(some())))
    assert table.schema.names == list(parquet._COLUMNS)
    assert table.schema.metadata == {b"lmgraph": b"lmgraph/baseline/1"}
    rows = table.to_pylist()
    assert {row["kind"] for row in rows} == {"day", "host", "account", "hop", "left", "path", "scored", "use"}
    assert all(row["user"] is None or row["user"] > 0 for row in rows)
    (account,) = [row for row in rows if row["kind"] == "account" and row["key"] == 2]
    assert {name: value for name, value in account.items() if value is not None} == {
        "kind": "account",
        "key": 2,
        "name": "🖥",
    }


def hostile(change: Callable[[dict[str, Any]], Any], **how: Any) -> Callable[[], bytes]:
    """The bytes of a file whose columns somebody has changed."""

    def content() -> bytes:
        table = pq.read_table(pa.BufferReader(parquet.encode(some())))
        columns = {name: table.column(name).combine_chunks() for name in table.schema.names}
        change(columns)
        sink = pa.BufferOutputStream()
        metadata = how.get("metadata", {"lmgraph": "lmgraph/baseline/1"})
        compression = how.get("compression", "none")
        with pq.ParquetWriter(
            sink, pa.table(columns).schema, compression=compression, store_schema=False
        ) as writer:
            writer.add_key_value_metadata(metadata)
            writer.write_table(pa.table(columns))
        return bytes(sink.getvalue())

    return content


def put(name: str, value: Any, place: int = -1) -> Callable[[dict[str, Any]], None]:
    """Change one cell; the last row is a use, the first a day."""

    def change(columns: dict[str, Any]) -> None:
        values = columns[name].to_pylist()
        values[place] = value
        columns[name] = pa.array(values, columns[name].type)

    return change


def retyped(name: str, kind: Any) -> Callable[[dict[str, Any]], None]:
    def change(columns: dict[str, Any]) -> None:
        columns[name] = pa.nulls(len(columns[name]), kind)

    return change


def nothing(_: dict[str, Any]) -> None:
    """Leave the columns as they are."""


HOSTILE = {
    "another program's": (hostile(nothing, metadata={}), "Parquet file of another program", "metadata"),
    "another version": (
        hostile(nothing, metadata={"lmgraph": "lmgraph/baseline/2"}),
        "'lmgraph/baseline/2' is not 'lmgraph/baseline/1'",
        "metadata",
    ),
    "a version to show": (
        hostile(nothing, metadata={"lmgraph": "\x1b[2J" * 99}),
        "is not 'lmgraph/baseline/1'",
        "metadata",
    ),
    "a bomb": (hostile(nothing, compression="zstd"), "compressed columns", "metadata"),
    "a column less": (hostile(lambda columns: columns.pop("hours")), "a column is missing", "hours"),
    "no names": (hostile(lambda columns: columns.pop("name")), "a column is missing", "name"),
    "text for a day": (hostile(retyped("day", pa.string())), "another type than int32", "day"),
    "a struct for a key": (
        hostile(retyped("source", pa.struct([("a", pa.int8())]))),
        "another type",
        "source",
    ),
    "a number for a name": (hostile(retyped("name", pa.int64())), "another type than str", "name"),
    "no kind": (hostile(put("kind", None)), "a value is missing", "kind"),
    "an unknown kind": (hostile(put("kind", "users")), "a row of unknown kind", "kind"),
    "a use without a day": (hostile(put("day", None)), "a value is missing", "day"),
    "a use without hours": (hostile(put("hours", None)), "a value is missing", "hours"),
    "no hours at all": (hostile(put("hours", 0)), "not between 1 and", "hours"),
    "a 25th hour": (hostile(put("hours", 1 << 24)), "not between 1 and", "hours"),
    "a hop before time": (hostile(put("first_us", -1, 30)), "not between 0 and", "first_us"),
    "a hop on another day": (hostile(put("first_us", 5, 30)), "on another day than its time", "day"),
    "a day before time": (hostile(put("day", -1)), "not between 0 and 50000", "day"),
    "a day after time": (hostile(put("day", 2**31 - 1, 0)), "not between 0 and 50000", "day"),
    "a host without a name": (hostile(put("name", None, 10)), "a value is missing", "name"),
    "a huge name": (hostile(put("name", "A" * 100_000, 10)), "more than 256 characters", "name"),
    "a path without a score": (hostile(retyped("score", pa.int64())), "a value is missing", "score"),
}


@pytest.mark.parametrize(("content", "message", "field"), HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_baseline_is_refused_by_file_and_field(
    tmp_path: Path, content: Callable[[], bytes], message: str, field: str
) -> None:
    with pytest.raises(UsageError, match=message) as refused:
        parquet.read(write(tmp_path, content()))
    assert refused.value.path == str(tmp_path / "b.parquet")
    assert refused.value.field == field


def test_more_columns_and_strangers_do_no_harm(tmp_path: Path) -> None:
    """A later minor version may add a column; a row may lack its hosts, which then nobody is."""

    def add(columns: dict[str, Any]) -> None:
        columns["more"] = pa.nulls(len(columns["kind"]), pa.int8())
        put("source", None)(columns)

    found = parquet.read(write(tmp_path, hostile(add)()))
    assert 0 in found.uses["source"].tolist()
    assert found.uses_for({kind: np.empty(0, np.uint64) for kind in baseline.KINDS})["source"].min() == -1


def test_a_text_that_is_no_utf_8_is_damage(tmp_path: Path) -> None:
    content = parquet.encode(some()).replace("🖥".encode(), b"\xff\xfe\xff\xfe")
    with pytest.raises(UsageError, match="cannot be read"):
        parquet.read(write(tmp_path, content))


def test_bounds_hold_before_anything_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path, parquet.encode(some()))
    monkeypatch.setattr(parquet, "MOST_BYTES", 1000)
    with pytest.raises(UsageError, match="larger than 1,000 bytes"):
        parquet.read(file)
    monkeypatch.undo()
    for name in ("MOST_ROWS", "MOST_NAMES", "LAST_DAY"):
        monkeypatch.setattr(parquet, name, 5)
    with pytest.raises(UsageError, match=r"damaged baseline: \d+ rows"):
        parquet.read(file)


def test_what_is_not_there_or_something_else(tmp_path: Path) -> None:
    for path in (tmp_path / "gone", tmp_path):
        with pytest.raises(UsageError, match="cannot read the baseline"):
            parquet.read(str(path))
    with pytest.raises(UsageError, match="not a Parquet file"):
        parquet.read(write(tmp_path, b""))
    with pytest.raises(UsageError, match="its Parquet cannot be read"):
        parquet.read(write(tmp_path, b"PAR1"))
    assert parquet.is_parquet(write(tmp_path, b"PAR1"))
    assert not parquet.is_parquet(write(tmp_path, b"{}"))
    assert not parquet.is_parquet(str(tmp_path / "gone"))


@given(st.randoms(use_true_random=False), st.booleans())
def test_a_damaged_file_is_an_error_or_a_baseline(
    tmp_path_factory: pytest.TempPathFactory, chance: random.Random, cut: bool
) -> None:
    content = bytearray(parquet.encode(some()))
    if cut:
        del content[chance.randrange(4, len(content)) :]
    for _ in range(0 if cut else chance.choice([1, 1, 5])):
        # The footer, with all the metadata, is the last third.
        place = chance.randrange(4, len(content)) if chance.random() < 0.5 else -chance.randrange(1, 4000)
        content[place] = chance.randrange(256)
    file = write(tmp_path_factory.mktemp("damaged"), bytes(content))
    try:
        found = parquet.read(file)
    except UsageError as error:
        assert error.path == file  # noqa: PT017 - either outcome is right
    else:
        assert len(found.uses) <= 40


def test_a_pipe_is_left_to_whoever_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, parquet.encode(some()))
    (tmp_path / "b.parquet").rename(tmp_path / "-")
    os.mkfifo(tmp_path / "pipe")
    assert parquet.is_parquet(f"{tmp_path}/-")
    assert not parquet.is_parquet("-"), "standard input"
    assert not parquet.is_parquet(f"{tmp_path}/pipe")


def test_a_name_that_cannot_be_looked_up_is_none_of_a_baseline(tmp_path: Path) -> None:
    for name in ("n" * 300, "nul\0"):
        assert not parquet.is_parquet(str(tmp_path / name))
        assert parquet.sha256(str(tmp_path / name)) is None
        with pytest.raises(UsageError, match="cannot read the baseline"):
            parquet.read(str(tmp_path / name))
