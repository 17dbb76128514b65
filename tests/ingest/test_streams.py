"""Byte streams: looking ahead, ending early, the budget."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmgraph.ingest import streams
from lmgraph.ingest.streams import Budget, ByteStream, StreamError, limited_chunks


@given(st.lists(st.binary(max_size=20)), st.lists(st.tuples(st.booleans(), st.integers(1, 30))))
def test_bytes_come_in_order_whatever_is_looked_at(
    chunks: list[bytes], calls: list[tuple[bool, int]]
) -> None:
    stream, left = ByteStream(iter(chunks)), b"".join(chunks)
    for peek, size in calls:
        if peek:
            assert stream.peek(size) == left[:size]
        else:
            piece = stream.read(size)
            assert left.startswith(piece)
            assert bool(piece) == bool(left)
            assert len(piece) <= size
            left = left[len(piece) :]
    assert b"".join(stream.chunks()) == left


def test_read_exactly_and_unread() -> None:
    stream = ByteStream(iter([b"ab", b"cdef"]))
    assert stream.read_exactly(3) == b"abc"
    stream.unread(b"bc")
    assert b"".join(stream.chunks()) == b"bcdef"
    assert stream.read_exactly(1) == b""


def test_a_failing_source_ends_the_stream() -> None:
    def chunks() -> Iterator[bytes]:
        yield b"held"
        raise StreamError("corrupt-archive", "why")

    stream = ByteStream(chunks())
    assert stream.peek(100) == b"held"
    assert stream.read() == b"held"
    assert stream.read() == b""
    assert stream.problem is not None
    assert (stream.problem.code, str(stream.problem)) == ("corrupt-archive", "why")


def test_limited_chunks_stop_and_complain() -> None:
    stream = ByteStream(iter([b"abcdef"]))
    assert b"".join(limited_chunks(stream, 2)) == b"ab"
    with pytest.raises(StreamError, match="ends within"):
        list(limited_chunks(stream, 9))


def test_budget_bounds_ratio_and_members(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "EXPANSION_FREE", 1000)
    monkeypatch.setattr(streams, "MEMBER_LIMIT", 1)
    budget = Budget(stored=10)
    budget.spend(2500)
    with pytest.raises(StreamError, match="expands more than 250-fold"):
        budget.spend(1)
    budget.count_member()
    with pytest.raises(StreamError, match="more than 1 members"):
        budget.count_member()
