"""Members of a zip archive, in place: by its directory, or as a stream where that is not to be had.

A pipe, a member of another archive and a truncated zip have no directory within reach; there the
local headers are followed from the start.

References:
    PKWARE, APPNOTE.TXT 6.3.10, sections 4.3 (records), 4.4.4 (flags), 4.5.3 (zip64).
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from isal import isal_zlib

from lmgraph.ingest.decoders import inflate
from lmgraph.ingest.streams import CHUNK, MIB, Budget, ByteStream, LimitedSource, StreamError

MAGIC: Final = b"PK\x03\x04"
MAGIC_EMPTY: Final = b"PK\x05\x06"
_DIRECTORY_LIMIT: Final = 16 * MIB  # some 200,000 members; the standard library holds it whole
_LOCAL: Final = struct.Struct("<4sHHHHHIIIHH")
_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _SIZES_FOLLOW, _UTF8 = 0x01, 0x08, 0x800
_UNKNOWN: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class ZipMember:
    """A member: name, stored size, content, and if that is None, the code and reason."""

    name: str
    size: int
    content: ByteStream | None
    code: str = ""
    reason: str = ""


def members(file: BinaryIO | None, stream: ByteStream, budget: Budget) -> Iterator[ZipMember]:
    """Every member; ``file`` is the archive when it can be sought in, else None.

    Raises:
        StreamError: The archive is truncated, damaged or too large; what it held before was given.
    """
    directory = None if file is None else _directory(file)
    if file is None or directory is None:
        yield from _streamed(stream, budget, lost=file is not None)
        return
    for info in directory:
        if info.is_dir():
            continue
        skipped = _refusal(info.flag_bits, info.compress_type)
        if skipped:
            yield ZipMember(info.filename, info.compress_size, None, *skipped)
            continue
        raw = ByteStream(_stored(file, info, budget))
        content = _content(raw, info.compress_type, info.compress_size, info.CRC, budget)
        yield ZipMember(info.filename, info.compress_size, ByteStream(content))


def _refusal(flags: int, method: int) -> tuple[str, str] | None:
    if flags & _ENCRYPTED:
        return "encrypted", "it is protected by a password"
    if method not in (_STORED, _DEFLATED):
        return "member-skipped", f"its compression method {method} is not supported"
    return None


def _directory(file: BinaryIO) -> list[zipfile.ZipInfo] | None:
    """The directory, or None if the archive has none that can be read.

    Raises:
        StreamError: A directory too large to hold.
    """
    position = file.tell()
    size = file.seek(0, 2)
    file.seek(max(0, size - 66_000))
    tail = file.read()
    sizes = [struct.unpack_from("<I", tail + bytes(16), tail.rfind(MAGIC_EMPTY) + 12)[0]]
    if sizes[0] == _UNKNOWN and (at := tail.rfind(b"PK\x06\x06")) >= 0:
        sizes = [struct.unpack_from("<Q", tail + bytes(48), at + 40)[0]]
    if MAGIC_EMPTY in tail and sizes[0] > min(_DIRECTORY_LIMIT, size):
        raise StreamError("archive-limit", "its directory is too long")
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error, OverflowError):
        return None
    finally:
        file.seek(position)  # where the stream over the same file goes on


def _stored(file: BinaryIO, info: zipfile.ZipInfo, budget: Budget) -> Iterator[bytes]:
    """The stored bytes of a member, sought for each piece: members may be read in any order."""
    try:
        file.seek(info.header_offset)
        header = file.read(_LOCAL.size)
        if len(header) < _LOCAL.size or header[:4] != MAGIC:
            raise StreamError("corrupt-archive", "the archive's directory is wrong about this member")
        name, extra = struct.unpack_from("<HH", header, 26)
        at, left = info.header_offset + _LOCAL.size + name + extra, info.compress_size
        while left:
            file.seek(at)
            piece = file.read(min(CHUNK, left))
            if not piece:
                return
            at, left = at + len(piece), left - len(piece)
            budget.take(len(piece))
            yield piece
    except (OSError, ValueError, OverflowError) as error:
        raise StreamError("corrupt-archive", "the archive cannot be read here") from error


def _content(
    raw: ByteStream, method: int, size: int | None, checksum: int | None, budget: Budget
) -> Iterator[bytes]:
    if method == _DEFLATED:
        actual, _ = yield from inflate(raw, budget)
    else:
        actual = 0
        for piece in LimitedSource(raw, size or 0):
            actual = isal_zlib.crc32(piece, actual)
            budget.spend(len(piece))
            yield piece
    if checksum is not None and actual != checksum:
        raise StreamError("corrupt-archive", "the checksum does not match")


def _streamed(stream: ByteStream, budget: Budget, *, lost: bool) -> Iterator[ZipMember]:
    """Members by their local headers; ``lost`` = the directory should be there and is not."""
    while len(header := stream.read_exactly(_LOCAL.size)) == _LOCAL.size and header[:4] == MAGIC:
        _, _, flags, method, _, _, checksum, size, full, name_size, extra_size = _LOCAL.unpack(header)
        name = _decode(stream.read_exactly(name_size), flags)
        size = _zip64_size(stream.read_exactly(extra_size), size, full)
        unknown = bool(flags & _SIZES_FOLLOW)
        skipped = _refusal(flags, method)
        if unknown and (skipped or method == _STORED):
            yield ZipMember(name, size, None, *(skipped or ("member-skipped", "its size is not known here")))
            raise StreamError("corrupt-archive", "the rest of the archive cannot be read as a stream")
        part = stream if unknown else ByteStream(LimitedSource(stream, size))
        if skipped:
            yield ZipMember(name, size, None, *skipped)
        elif not name.endswith("/") or size:
            content = ByteStream(_content(part, method, size, None if unknown else checksum, budget))
            yield ZipMember(name, size, content)
            for _ in content.chunks():
                pass
            if content.problem and (unknown or part.problem):
                return  # the reader of the member has reported it
        if unknown:
            _skip_descriptor(stream)
        else:
            for _ in part.chunks():
                pass
    if stream.problem or lost or header[:4] not in (b"PK\x01\x02", MAGIC_EMPTY):
        raise stream.problem or StreamError("truncated-archive", "the end of the archive is missing")


def _decode(name: bytes, flags: int) -> str:
    return name.decode("utf-8" if flags & _UTF8 else "cp437", errors="surrogateescape")


def _zip64_size(extra: bytes, size: int, full: int) -> int:
    """The stored size: from the zip64 extra field when the header's own is saturated."""
    while size == _UNKNOWN and len(extra) >= 4:
        tag, length = struct.unpack_from("<HH", extra)
        skip = 8 if full == _UNKNOWN else 0
        if tag == 1 and length >= skip + 8 and len(extra) >= 12 + skip:
            return int(struct.unpack_from("<Q", extra, 4 + skip)[0])
        extra = extra[4 + length :]
    return size


def _skip_descriptor(stream: ByteStream) -> None:
    """Pass the sizes that follow a member: 12 or 20 bytes, with or without a mark before them."""
    for size in (16, 24, 12, 20):
        head = stream.peek(size + 4)
        if head[size:] in (MAGIC, b"PK\x01\x02") and (size in (12, 20) or head[:4] == b"PK\x07\x08"):
            stream.read_exactly(size)
            return
