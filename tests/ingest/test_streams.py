"""Byte streams: looking ahead, ending early, the budget."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmgraph.ingest import streams
from lmgraph.ingest.streams import Budget, ByteStream, FileSource, LimitedSource, StreamError


class Sources:
    """The same bytes from every kind of source."""

    @staticmethod
    def of(kind: str, chunks: list[bytes]) -> ByteStream:
        whole = b"".join(chunks)
        if kind == "chunks":
            return ByteStream(iter(chunks))
        if kind == "file":
            return ByteStream(FileSource(io.BytesIO(whole), Budget()))
        outer = (
            FileSource(io.BytesIO(whole + b"after"), Budget())
            if kind == "inside a file"
            else iter([*chunks, b"after"])
        )
        return ByteStream(LimitedSource(ByteStream(outer), len(whole)))


KINDS = ["chunks", "file", "inside a file", "inside chunks"]
CALLS = st.lists(
    st.tuples(st.sampled_from(["peek", "read", "readinto", "exactly", "unread"]), st.integers(1, 30))
)


@pytest.mark.parametrize("kind", KINDS)
@given(chunks=st.lists(st.binary(max_size=20)), calls=CALLS)
def test_bytes_come_in_order_however_they_are_taken(
    kind: str, chunks: list[bytes], calls: list[tuple[str, int]]
) -> None:
    stream, left, piece = Sources.of(kind, chunks), b"".join(chunks), b""
    for call, size in calls:
        if call == "peek":
            assert stream.peek(size) == left[:size]
            continue
        if call == "unread":
            stream.unread(piece)
            left, piece = piece + left, b""
            continue
        if call == "exactly":
            piece = stream.read_exactly(size)
            assert piece == left[:size]
        elif call == "read":
            piece = stream.read(size)
        else:
            target = bytearray(b"\xaa" * size)
            piece = bytes(target[: stream.readinto(memoryview(target))])
            assert target[len(piece) :] == b"\xaa" * (size - len(piece))
        assert left.startswith(piece)
        assert bool(piece) == bool(left)
        assert len(piece) <= size
        left = left[len(piece) :]
    assert b"".join(stream.chunks()) == left
    assert stream.problem is None


def test_a_file_is_read_straight_into_the_view() -> None:
    class File(io.BytesIO):
        def readinto1(self, view: object, /) -> int:
            asked.append(view)
            return super().readinto1(view)  # type: ignore[arg-type]

    asked: list[object] = []
    view = memoryview(bytearray(10))
    stream = ByteStream(FileSource(File(b"abc"), Budget()))
    assert (stream.readinto(view), bytes(view[:3]), asked == [view], asked[0] is view) == (
        3,
        b"abc",
        True,
        True,
    )


def test_a_failing_medium_loses_nothing() -> None:
    class File(io.BytesIO):
        def read1(self, size: int | None = -1, /) -> bytes:
            piece = super().read1(3)
            if not piece:
                raise OSError(5, "Input/output error")
            return piece

        def readinto1(self, view: memoryview, /) -> int:
            piece = self.read1()
            view[: len(piece)] = piece
            return len(piece)

    budget = Budget()
    stream = ByteStream(FileSource(File(b"abcdefg"), budget))
    view = memoryview(bytearray(10))
    told = b""
    while count := stream.readinto(view):
        told += view[:count]
    assert (told, budget.stored, stream.readinto(view)) == (b"abcdefg", 7, 0)
    assert stream.problem is not None
    assert (stream.problem.code, str(stream.problem)) == ("unreadable", "input/output error")
    stream = ByteStream(FileSource(File(b"abcdefg"), Budget()))
    assert (b"".join(stream.chunks()), str(stream.problem)) == (b"abcdefg", "input/output error")


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


def test_a_limited_source_stops_and_complains() -> None:
    stream = ByteStream(iter([b"abcdef"]))
    assert b"".join(LimitedSource(stream, 2)) == b"ab"
    with pytest.raises(StreamError, match="ends within"):
        list(LimitedSource(stream, 9))
    inner = ByteStream(LimitedSource(ByteStream(iter([b"abcdef"])), 9))
    view = memoryview(bytearray(20))
    assert (inner.readinto(view), bytes(view[:6]), inner.readinto(view)) == (6, b"abcdef", 0)
    assert inner.problem is not None
    assert inner.problem.code == "truncated-archive"


def test_a_budget_learns_what_was_taken() -> None:
    told: list[int] = []
    pipe, file = Budget(taken=told.append), Budget(7)
    for budget in (pipe, file):
        assert len(b"".join(ByteStream(FileSource(io.BytesIO(b"abcdefg"), budget)).chunks())) == 7
    assert (pipe.stored, file.stored, sum(told)) == (7, 7, 7)


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
