"""Decoders: gzip, Zstandard, UTF-16; whole, truncated, damaged."""

from __future__ import annotations

import gzip
import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from itertools import islice

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from lmgraph.ingest import streams
from lmgraph.ingest.decoders import gunzip, inflate, unzstd, utf8
from lmgraph.ingest.streams import Budget, ByteStream

CONTENT = b"".join(b'{"n":%d,"r":"%d"}\n' % (i, random.Random(i).getrandbits(64)) for i in range(20_000))
REPETITIVE = b"all work and no play\n" * 200_000


def decoded(
    decoder: Callable[[ByteStream, Budget], Iterator[bytes]], stored: bytes, piece: int = 70_000
) -> tuple[bytes, str | None]:
    source = ByteStream(stored[at : at + piece] for at in range(0, len(stored), piece))
    stream = ByteStream(decoder(source, Budget(len(stored))))
    content = b"".join(stream.chunks())
    return content, stream.problem and stream.problem.code


@pytest.mark.parametrize(
    "content", [b"", b"x", CONTENT, REPETITIVE], ids=["empty", "byte", "random", "repetitive"]
)
@pytest.mark.parametrize("piece", [1000, 65_536, 10_000_000])
def test_whole(content: bytes, piece: int) -> None:
    assert decoded(gunzip, gzip.compress(content), piece) == (content, None)
    assert decoded(unzstd, zstandard.compress(content), piece) == (content, None)
    streamed = io.BytesIO()  # without a content size, and with a checksum
    with zstandard.ZstdCompressor(write_checksum=True).stream_writer(streamed, closefd=False) as writer:
        writer.write(content)
    assert decoded(unzstd, streamed.getvalue(), piece) == (content, None)


def test_output_held_back_when_all_input_is_taken() -> None:
    """ISA-L may take the last input and still hold output: seen with members of zip archives."""
    for lines in range(100, 2000, 100):
        draw = random.Random(lines)
        content = b"".join(
            b'{"n":%d,"pad":"%s%d"}\n' % (n, b"a" * 60, draw.getrandbits(16)) for n in range(lines)
        )
        packer = zlib.compressobj(wbits=-15)
        stored = packer.compress(content) + packer.flush()
        assert decoded(inflate, stored) == (content, None)


@given(
    st.lists(st.tuples(st.integers(0, 600_000), st.booleans()), min_size=1, max_size=4),
    st.integers(0, 20),
    st.sampled_from([1, 7, 1000, 65_535, 65_536, 65_537, 10_000_000]),
)
@settings(max_examples=60, deadline=None)
def test_members_end_wherever_the_pieces_do(members: list[tuple[int, bool]], zeros: int, piece: int) -> None:
    """The decoder takes bytes of the trailer with the last of the data, and has to give them back."""
    contents = [bytes(size) if plain else CONTENT[:size] for size, plain in members]
    if piece < 1000:
        contents = [content[:2000] for content in contents]
    stored = b"".join(map(gzip.compress, contents)) + b"\0" * zeros
    assert decoded(gunzip, stored, piece) == (b"".join(contents), None)


@pytest.mark.parametrize("lines", [1, 40, 3000])
def test_a_member_may_be_cut_into_any_two_pieces_near_its_end(lines: int) -> None:
    content = CONTENT[: lines * 30]
    stored = gzip.compress(content) * 2
    middle = len(stored) // 2
    for cut in range(middle - 20, middle + 20):
        source = ByteStream(iter([stored[:cut], stored[cut:]]))
        assert b"".join(ByteStream(gunzip(source, Budget(len(stored)))).chunks()) == content * 2


def test_several_members_padding_and_header_fields() -> None:
    named = io.BytesIO()
    with gzip.GzipFile("a-name", "wb", fileobj=named) as file:
        file.write(b"two")
    plain = gzip.compress(b"one")
    fields = (
        plain[:3] + b"\x16" + plain[4:10] + struct.pack("<H", 3) + b"abc" + b"comment\0" + b"cc" + plain[10:]
    )
    assert decoded(gunzip, plain + named.getvalue() + fields + b"\0" * 100) == (b"onetwoone", None)
    skippable = struct.pack("<II", 0x184D2A53, 5) + b"hello"
    frames = zstandard.compress(b"one") + skippable + zstandard.compress(b"two")
    assert decoded(unzstd, frames) == (b"onetwo", None)


@pytest.mark.parametrize("cut", [1, 9, 12, 1000, 100_000, -1, -8, -9])
def test_truncated_gives_what_it_held(cut: int) -> None:
    stored = gzip.compress(CONTENT)[:cut]
    content, problem = decoded(gunzip, stored)
    assert problem == "truncated-archive"
    assert CONTENT.startswith(content)
    assert len(content) > 1.5 * len(stored) or len(stored) < 1001


@pytest.mark.parametrize("cut", [4, 5, 8, 100_000, -1])
def test_truncated_zstd_gives_whole_blocks(cut: int) -> None:
    content, problem = decoded(unzstd, zstandard.compress(CONTENT)[:cut])
    assert problem == "truncated-archive"
    assert CONTENT.startswith(content)
    assert len(content) >= (cut == -1) * 500_000 + (cut == 100_000) * 131_072


def test_a_wrong_checksum_loses_nothing() -> None:
    stored = bytearray(gzip.compress(CONTENT))
    stored[-6] ^= 1
    assert decoded(gunzip, bytes(stored)) == (CONTENT, "corrupt-archive")


def test_damage_gives_what_came_before() -> None:
    stored = bytearray(gzip.compress(CONTENT))
    stored[len(stored) // 2 : len(stored) // 2 + 200] = b"\xff" * 200
    content, problem = decoded(gunzip, bytes(stored))
    assert problem == "corrupt-archive"
    assert content[:200_000] == CONTENT[:200_000]


def test_a_header_name_without_end() -> None:
    assert decoded(gunzip, b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * 100_000) == (b"", "corrupt-archive")
    assert decoded(gunzip, b"\x1f\x8b\x08\x08" + bytes(6)) == (b"", "truncated-archive")


def test_what_follows_the_data_is_no_data() -> None:
    assert decoded(gunzip, gzip.compress(b"x") + b"garbage") == (b"x", "corrupt-archive")
    assert decoded(unzstd, zstandard.compress(b"x") + b"garbage") == (b"x", "corrupt-archive")


def test_a_bomb_stops_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "EXPANSION_FREE", 1 << 20)
    zeros = bytes(40 << 20)
    for decoder, stored in ((gunzip, gzip.compress(zeros)), (unzstd, zstandard.compress(zeros))):
        source = ByteStream(iter([stored]))
        sizes = []
        stream = ByteStream(decoder(source, Budget(len(stored))))
        while piece := stream.read():
            sizes.append(len(piece))
        assert stream.problem is not None
        assert stream.problem.code == "archive-limit"
        assert max(sizes) <= 256 * 1024
        assert sum(sizes) < len(zeros)


def test_no_more_is_taken_than_is_used() -> None:
    stored = zlib.compress(bytes(20 << 20), wbits=31)  # each 1,000 bytes hold a million
    taken = 0

    def pieces() -> Iterator[bytes]:
        nonlocal taken
        for taken in range(0, len(stored), 1000):
            yield stored[taken : taken + 1000]

    given = 0
    for piece in islice(gunzip(ByteStream(pieces()), Budget(len(stored))), 24):
        given += len(piece)
        assert taken <= 2000 + given / 1000


@given(st.binary(max_size=300))
def test_random_bytes_never_raise(noise: bytes) -> None:
    decoded(gunzip, b"\x1f\x8b\x08" + noise)
    decoded(unzstd, b"\x28\xb5\x2f\xfd" + noise)
    decoded(unzstd, b"\x50\x2a\x4d\x18" + noise)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-8"])
@pytest.mark.parametrize("piece", [1, 3, 1000])
def test_text_becomes_utf8(encoding: str, piece: int) -> None:
    text = '{"a": "ä€\N{GRINNING FACE}"}\n'
    mark = b"\xfe\xff" if encoding == "utf-16-be" else b""
    stored = mark + text.encode(encoding)
    stream = utf8(ByteStream(stored[at : at + piece] for at in range(0, len(stored), piece)))
    assert b"".join(stream.chunks()).decode() == text


def test_broken_utf16_is_replaced_visibly() -> None:
    stored = b"\xff\xfe" + "a".encode("utf-16-le") + b"\x00\xd8" + "b".encode("utf-16-le") + b"\x00"
    assert b"".join(utf8(ByteStream(iter([stored]))).chunks()).decode() == "a\ufffdb\ufffd"
