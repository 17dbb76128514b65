"""The footer of a Parquet file: what pyarrow writes is understood, what nobody writes is refused."""

from __future__ import annotations

import struct

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmgraph import footer

NONE, SNAPPY, GZIP, ZSTD = 0, 1, 2, 6  # parquet.thrift, CompressionCodec


def written(**options: object) -> bytes:
    sink = pa.BufferOutputStream()
    columns = {"a": [1, None] * 20, "b": ["x", "y" * 300] * 20, "c": [True] * 40, "d": [0.5] * 40}
    columns |= {f"more{number}": [[number]] * 40 for number in range(20)}  # lists have long headers
    pq.write_table(pa.table(columns), sink, row_group_size=10, **options)
    return bytes(sink.getvalue())


@pytest.mark.parametrize(
    ("compression", "codes"),
    [
        ("none", {NONE}),
        ("zstd", {ZSTD}),
        ({"a": "gzip", "b": "none", "c": "snappy"}, {NONE, SNAPPY, GZIP}),
    ],
)
def test_what_pyarrow_writes(compression: object, codes: set[int]) -> None:
    plain = {"write_page_index": True, "write_page_checksum": True, "data_page_version": "2.0"}
    assert footer.codecs(written(compression=compression)) == codes
    assert footer.codecs(written(compression=compression, **plain)) == codes


def with_footer(content: bytes) -> bytes:
    return b"PAR1" + content + struct.pack("<I", len(content)) + b"PAR1"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PAR1", "fitting size"),
        (b"PAR1" + b"\xff\xff\xff\x7fPAR1", "fitting size"),
        (
            b"PAR1" + bytes(footer.MOST_BYTES) + struct.pack("<I", footer.MOST_BYTES + 1) + b"PAR1",
            "fitting size",
        ),
        (with_footer(b"\0"), "not that of a Parquet file"),
        (with_footer(b"\x49\x1c\0\0"), "not that of a Parquet file"),  # a row group without columns
        (with_footer(b"\x19\xfc\xff\xff\xff\xff\x0f"), "not that of a Parquet file"),  # a list without end
        (with_footer(b"\x1c" * 1000), "nested too deep"),
        (with_footer(b"\x18\xff\x7f"), "a text that does not end"),
        (with_footer(b"\x16" + b"\xff" * 99), "too many digits"),
        (with_footer(b"\x1f\0"), "unknown type"),
    ],
)
def test_what_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        footer.codecs(content)


@given(st.binary(max_size=60))
def test_whatever_stands_there_is_an_answer_or_an_error(content: bytes) -> None:
    try:
        assert footer.codecs(with_footer(content)) <= set(range(-(2**63), 2**64))
    except ValueError as error:
        assert str(error)  # noqa: PT017 - either outcome is right
