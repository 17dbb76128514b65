"""Decoders of one layer: gzip, Zstandard, UTF-16; each gives all that it holds before it fails.

References:
    RFC 1952 (gzip), RFC 8878 (Zstandard frames and blocks).
"""

from __future__ import annotations

import codecs
import struct
from collections.abc import Generator, Iterator
from typing import Final

import zstandard
from isal import igzip_lib

from lmgraph.ingest.streams import CHUNK, MIB, Budget, ByteStream, StreamError

GZIP_MAGIC: Final = b"\x1f\x8b\x08"
ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_SKIPPABLE: Final = range(0x184D2A50, 0x184D2A60)

_STORED: Final = 64 * 1024  # compressed bytes for one call
# Most content of one call, which is lost when it meets an error. Of the speed of igzip, the content
# copied into one buffer: 0.98 with 64 KiB, 1.03 with 128, 1.05 with 256, 0.9 with 512.
_CONTENT: Final = 128 * 1024
_NAME_LIMIT: Final = 64 * 1024
_ZSTD_WINDOW: Final = 128 * MIB


def _truncated() -> StreamError:
    return StreamError("truncated-archive", "the compressed data ends too early")


def _corrupt(what: str) -> StreamError:
    return StreamError("corrupt-archive", what)


# isal's type stubs do not say that its error is an exception class.
_INFLATE_ERROR: type[Exception] = igzip_lib.IsalError  # type: ignore[assignment]


def _need(stream: ByteStream, size: int) -> bytes:
    piece = stream.read_exactly(size)
    if len(piece) < size:
        raise stream.problem or _truncated()
    return piece


def gunzip(stream: ByteStream, budget: Budget) -> Iterator[bytes]:
    """The content of all members of a gzip stream.

    Header and checksum are read here and only the deflate part by ISA-L: a decompressor that
    checks the sum itself withholds the last data of a member whose sum is wrong.

    Raises:
        StreamError: Truncated, corrupt or expanding too far.
    """
    _gzip_header(stream)
    while True:
        yield from _gzip_member(stream, budget)
        if not stream.peek(1).strip(b"\0"):
            return  # the end, or the zero padding that tapes and block devices leave
        if stream.peek(3) != GZIP_MAGIC:
            raise _corrupt("other data follows the compressed data")
        _gzip_header(stream)


def _gzip_header(stream: ByteStream) -> None:
    flags = _need(stream, 10)[3]
    if flags & 0x04:
        _need(stream, struct.unpack("<H", _need(stream, 2))[0])
    for flag in (0x08, 0x10):  # name, comment
        if flags & flag:
            end = stream.peek(_NAME_LIMIT).find(b"\0")
            if end < 0:
                raise stream.problem or (
                    _corrupt("a name in its header is too long") if stream.peek(1) else _truncated()
                )
            _need(stream, end + 1)
    if flags & 0x02:
        _need(stream, 2)


def _gzip_member(stream: ByteStream, budget: Budget) -> Iterator[bytes]:
    checksum, size = yield from inflate(stream, budget)
    if (checksum, size & 0xFFFFFFFF) != struct.unpack("<II", _need(stream, 8)):
        raise _corrupt("the checksum does not match")


def inflate(stream: ByteStream, budget: Budget) -> Generator[bytes, None, tuple[int, int]]:
    """The content of one raw deflate stream; what follows it stays in ``stream``.

    python-isal's igzip_lib sums up while it inflates: 1.1 times as fast as its isal_zlib with a crc32
    of each piece. Calling isal_inflate by ctypes, past that interface, would add 2 % to this.

    Returns:
        CRC-32 and size of the content.

    Raises:
        StreamError: Truncated, corrupt or expanding too far.
    """
    decoder = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP_NO_HDR)
    size = 0
    while not decoder.eof:
        compressed = stream.read(_STORED) if decoder.needs_input else b""
        if decoder.needs_input and not compressed:
            raise stream.problem or _truncated()
        try:
            piece = decoder.decompress(compressed, _CONTENT)
        except _INFLATE_ERROR as error:
            raise _corrupt("the compressed data is damaged") from error
        size += len(piece)
        budget.spend(len(piece))
        yield piece
    stream.unread(decoder.unused_data)
    return decoder.crc, size


def unzstd(stream: ByteStream, budget: Budget) -> Iterator[bytes]:
    """The content of all frames of a Zstandard stream.

    Frames are walked block by block here: a block never expands beyond 128 KiB, so memory stays
    bounded whatever the ratio, and the end of a truncated frame is seen.

    Raises:
        StreamError: Truncated, corrupt, needing a larger window, or expanding too far.
    """
    while magic := stream.peek(4):
        number = int.from_bytes(magic, "little")
        if magic == ZSTD_MAGIC:
            yield from _zstd_frame(stream, budget)
        elif number in _SKIPPABLE and len(magic) == len(ZSTD_MAGIC):
            left = struct.unpack("<II", _need(stream, 8))[1]
            while left:
                left -= len(_need(stream, min(left, CHUNK)))
        else:
            raise _corrupt("other data follows the compressed data")


def _zstd_frame(stream: ByteStream, budget: Budget) -> Iterator[bytes]:
    descriptor = stream.peek(5)[4:]
    if not descriptor:
        raise stream.problem or _truncated()
    flags = descriptor[0]
    single = bool(flags & 0x20)
    header = 5 + (not single) + (0, 1, 2, 4)[flags & 3] + (int(single), 2, 4, 8)[flags >> 6]
    decoder = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()
    try:
        decoder.decompress(_need(stream, header))
        last = False
        while not last:
            block = _need(stream, 3)
            word = int.from_bytes(block, "little")
            last, kind, size = bool(word & 1), word >> 1 & 3, word >> 3
            body = block + _need(stream, 1 if kind == 1 else size)
            piece = decoder.decompress(body)
            budget.spend(len(piece))
            yield piece
        if flags & 0x04:
            decoder.decompress(_need(stream, 4))
    except zstandard.ZstdError as error:
        raise _corrupt("the compressed data is damaged or needs too much memory") from error


def utf8(stream: ByteStream) -> ByteStream:
    """The same text as UTF-8 without a byte order mark; UTF-16 is known by its mark."""
    head = stream.peek(3)
    if head == codecs.BOM_UTF8:
        stream.read_exactly(3)
    elif head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return ByteStream(_from_utf16(stream))
    return stream


def _from_utf16(stream: ByteStream) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder("utf-16")(errors="replace")
    for piece in stream.chunks():
        yield decoder.decode(piece).encode()
    yield decoder.decode(b"", final=True).encode()
    if stream.problem:
        raise stream.problem
