"""Layers off: from one stored file to the inputs in it, known by content, nested to a bound.

Nothing is extracted to disk; a member's name is shown and never used as a path.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from lmgraph.ingest import tar
from lmgraph.ingest import zip as zip_archive
from lmgraph.ingest.contract import Remark
from lmgraph.ingest.decoders import GZIP_MAGIC, ZSTD_MAGIC, gunzip, unzstd
from lmgraph.ingest.labels import MEMBER_MARK, label
from lmgraph.ingest.streams import Budget, ByteStream, StreamError

LAYER_LIMIT: Final = 8
_NAME_LIMIT: Final = 1024


@dataclass(frozen=True, slots=True)
class Member:
    """One input: its name (``outer.zip!member``), stored size in bytes, and content.

    ``file`` holds the content as it is stored, if it is wrapped in nothing and can be sought in.
    """

    path: str
    size: int
    content: ByteStream
    file: BinaryIO | None = None


class Opener:
    """Takes the layers off one source; one budget and one set of names for all that is in it."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._names: dict[str, int] = {}  # how often each was asked for

    def inputs(
        self, stream: ByteStream, path: str, size: int, file: BinaryIO | None = None, depth: int = 0
    ) -> Iterator[Member | Remark]:
        """Every input, in the order stored; one must be read before the next is asked for.

        ``file`` is the source itself when it can be sought in. What cannot be read is a Remark.
        """
        for layer in range(depth, LAYER_LIMIT):
            head = stream.peek(tar.BLOCK)
            if head.startswith(GZIP_MAGIC):
                stream, file = ByteStream(gunzip(stream, self._budget)), None
            elif head.startswith(ZSTD_MAGIC):
                stream, file = ByteStream(unzstd(stream, self._budget)), None
            elif head.startswith((zip_archive.MAGIC, zip_archive.MAGIC_EMPTY)):
                yield from self._archive(zip_archive.members(file, stream, self._budget), path, layer)
                return
            elif tar.is_tar(head):
                yield from self._archive(tar.members(stream), path, layer)
                return
            else:
                yield Member(path, size, stream, file)
                return
        yield Remark(path, "archive-limit", "medium", f"{path}: archives nested too deep were not read")

    def _archive(
        self, members: Iterator[tar.TarMember] | Iterator[zip_archive.ZipMember], path: str, layer: int
    ) -> Iterator[Member | Remark]:
        try:
            for member in members:
                self._budget.count_member()
                name = self._unique(f"{path}{MEMBER_MARK}{label(member.name, _NAME_LIMIT)}")
                if member.content is not None:
                    yield from self.inputs(member.content, name, member.size, depth=layer + 1)
                elif isinstance(member, zip_archive.ZipMember):
                    yield Remark(name, member.code, "medium", f"{name} was not read: {member.reason}")
                else:
                    yield Remark(name, "member-skipped", "low", f"{name} was not read: no plain file")
        except StreamError as error:
            yield Remark(path, error.code, "medium", f"{path}: {error}")

    def _unique(self, name: str) -> str:
        """Archives may hold a name twice; origins must not. A member may be named like a counted one."""
        unique = name
        while unique in self._names:
            self._names[name] += 1
            unique = f"{name}#{self._names[name]}"
        self._names[unique] = 1
        return unique
