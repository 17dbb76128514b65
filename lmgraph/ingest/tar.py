"""Members of a tar stream, in place and in order; links and devices are named, never followed.

The standard library's reader holds a member's extended header in memory whole, whatever size it
claims; this one is bounded, and gives the part of a member that a truncated archive still holds.

References:
    POSIX.1-2017, pax interchange format; GNU tar manual, "Basic Tar Format".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from lmgraph.ingest.streams import ByteStream, LimitedSource, StreamError

BLOCK: Final = 512
_HEADER_LIMIT: Final = 1024 * 1024
_FILES: Final = b"\0" + b"07"  # plain, and contiguous, which is plain as well


@dataclass(frozen=True, slots=True)
class TarMember:
    """A member: its name as written, its size, its content; ``content`` is None for no plain file."""

    name: str
    size: int
    content: ByteStream | None


def is_tar(head: bytes) -> bool:
    """Whether the first 512 bytes are a tar header; its checksum decides, so that v7 is known too."""
    if len(head) < BLOCK or not head[0]:
        return False
    try:
        return _number(head[148:156]) == sum(head[:148]) + 8 * 0x20 + sum(head[156:BLOCK])
    except ValueError:
        return False


def members(stream: ByteStream) -> Iterator[TarMember]:
    """Every member in order; the content of one must be read before the next is asked for.

    Raises:
        StreamError: The archive is truncated or damaged; all members before were given.
    """
    override: dict[str, str] = {}
    while (header := stream.read_exactly(BLOCK)).strip(b"\0"):
        if not is_tar(header):
            raise stream.problem or StreamError("corrupt-archive", "the archive is truncated or damaged")
        kind = header[156:157]
        size = int(override.pop("size", "0")) or _number(header[124:136])
        if size < 0:
            raise StreamError("corrupt-archive", "the archive is truncated or damaged")
        if kind in b"xLKg":
            override |= _extended(stream, kind, size)
            continue
        name = override.pop("path", None) or _name(header)
        override.clear()
        content = None
        if kind in _FILES:
            content = ByteStream(LimitedSource(stream, size))
            yield TarMember(name, size, content)
            for _ in content.chunks():
                pass
            if content.problem:
                return  # the reader of the member has reported it
            stream.read_exactly(-size % BLOCK)
        elif kind != b"5":
            yield TarMember(name, size, None)
    if stream.problem:
        raise stream.problem


def _number(field: bytes) -> int:
    """Octal text, or base 256 when the top bit is set."""
    if field[:1] in (b"\x80", b"\xff"):
        return int.from_bytes(field[1:], "big") if field[:1] == b"\x80" else -1
    return int(field.strip(b" \0") or b"0", 8)


def _name(header: bytes) -> str:
    name, prefix = header[:100].split(b"\0")[0], b""
    if header[257:263] == b"ustar\0":
        prefix = header[345:500].split(b"\0")[0]
    return (prefix + b"/" + name if prefix else name).decode(errors="surrogateescape")


def _extended(stream: ByteStream, kind: bytes, size: int) -> dict[str, str]:
    """What a pax or GNU header says of the member after it: ``path`` and ``size``."""
    if not 0 <= size <= _HEADER_LIMIT:
        raise StreamError("corrupt-archive", "an extended header of the archive is too long")
    body = stream.read_exactly(size)
    stream.read_exactly(-size % BLOCK)
    if kind == b"L":
        return {"path": body.split(b"\0")[0].decode(errors="surrogateescape")}
    found: dict[str, str] = {}
    while kind == b"x" and body:
        length, _, _ = body.partition(b" ")
        if not length.isdigit() or not 0 < (end := int(length)) <= len(body):
            break
        key, _, value = body[len(length) + 1 : end - 1].partition(b"=")
        text = value.decode(errors="surrogateescape")
        if key == b"path" or (key == b"size" and value.isdigit() and len(value) < 20):
            found[key.decode()] = text
        body = body[end:]
    return found
