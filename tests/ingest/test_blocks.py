"""Blocks of whole lines: every line once, whatever the sizes of blocks and pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmgraph.ingest import blocks as module
from lmgraph.ingest.blocks import blocks
from lmgraph.ingest.streams import ByteStream
from lmgraph.kernels.scan import SLACK

LIMIT = 40


@given(
    st.lists(st.sampled_from([b"", b"a", b"bcdef", b"g" * 15, b"h" * 40, b"i" * 41, b"j" * 200])).map(
        b"\n".join
    ),
    st.integers(1, 50),
    st.sampled_from([1, 7, 16, 64, 1000]),
)
def test_every_line_comes_once_and_in_its_place(content: bytes, piece: int, size: int) -> None:
    pieces = [content[at : at + piece] for at in range(0, len(content), piece)]
    seen: dict[int, bytes | None] = {}
    ends = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "LINE_LIMIT", LIMIT)
        for block in blocks(ByteStream(iter(pieces)), size):
            if block.too_long is not None:
                seen[block.too_long] = None
            begin = block.begin
            while begin < block.end:
                end = block.line_end(begin)
                assert end <= block.end
                seen[block.offset + begin] = block.text(begin, end - 1)
                begin = end
            assert min(block.begin, len(block.buffer) - block.end) >= SLACK
            ends.append(block.final)
    expected = {}
    at = 0
    lines = content.split(b"\n")
    for line in lines if lines[-1] else lines[:-1]:
        expected[at] = line
        at += len(line) + 1
    assert list(seen) == list(expected)
    for at, line in seen.items():
        assert line == expected[at] if line is not None else len(expected[at]) > LIMIT
    assert ends == [False] * (len(ends) - 1) + [True] * bool(ends)


def test_memory_is_bounded_by_the_longest_line() -> None:
    pieces = [b"x" * (1 << 20)] * 64 + [b"\n{}\n"]
    sizes = [(len(block.buffer), block.too_long) for block in blocks(ByteStream(iter(pieces)))]
    assert max(size for size, _ in sizes) < 24 << 20
    assert [place for _, place in sizes if place is not None] == [0]
