"""What a Parquet file says of its size, read from its footer and page headers without a Parquet library.

pyarrow answers that question, too, but ends the process when the footer is damaged: its metadata
of a column are not guarded against C++ exceptions (seen with pyarrow 26).

References:
    Parquet file format, parquet.thrift: FileMetaData, RowGroup, ColumnChunk, ColumnMetaData, PageHeader.
    Thrift compact protocol, github.com/apache/thrift, doc/specs/thrift-compact-protocol.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

MOST_BYTES: Final = 1 << 20
MOST_DEPTH: Final = 16

_TAIL: Final = 8  # length of the footer, and the magic
# Ids of fields, from the outside in.
_ROW_GROUPS, _COLUMNS, _GROUP_ROWS, _ELSEWHERE, _METADATA = 4, 1, 3, 1, 3
_PATH, _CODEC, _COMPRESSED, _DATA_PAGE, _DICTIONARY_PAGE = 3, 4, 7, 9, 11
_PAGE_SIZE, _PAGE_COMPRESSED, _PAGE, _DICTIONARY, _PAGE_V2 = 2, 3, 5, 7, 8
_VALUES, _ENCODING, _ENCODING_V2 = 1, 2, 4
_HEADER: Final = 8192  # bytes that a page's header takes; with long texts as its statistics many times that
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT, _UUID = 1, 2, 3, 7, 8, 9, 10, 11, 12, 13
_INTEGERS: Final = frozenset({4, 5, 6})
_WIDTHS: Final = {_BYTE: 1, _DOUBLE: 8, _UUID: 16}


@dataclass(frozen=True, slots=True)
class Chunk:
    """The part of one column in one row group: the names that lead to it, where it lies, and its bytes."""

    path: tuple[bytes, ...]
    begin: int
    size: int


@dataclass(frozen=True, slots=True)
class Group:
    """A row group."""

    rows: int
    chunks: tuple[Chunk, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """A page: how many values, in how many bytes once decompressed, in which encoding."""

    values: int
    size: int
    encoding: int


def codecs(content: bytes) -> set[int]:
    """Codes of the compressions that the columns of a Parquet file name; 0 is none at all.

    Raises:
        ValueError: The footer is no such structure, or larger than ``MOST_BYTES``.
    """
    try:
        columns = [column for group in _whole(content)[_ROW_GROUPS] for column in group[_COLUMNS]]
        return {column[_METADATA][_CODEC] for column in columns}
    except (LookupError, TypeError) as error:
        raise ValueError("the footer is not that of a Parquet file") from error


def groups(file: BinaryIO, most: int = MOST_BYTES) -> list[Group]:
    """The row groups of a file.

    Raises:
        ValueError: The footer is no such structure, larger than ``most`` bytes, or speaks of another file.
        OSError: The file cannot be read.
    """
    end = file.seek(0, 2)
    file.seek(max(0, end - _TAIL))
    size = int.from_bytes(file.read(4), "little")
    file.seek(max(0, end - _TAIL - min(size, most)))
    try:
        return [_group(group) for group in _whole(file.read(), most)[_ROW_GROUPS]]
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError("the footer is not that of a Parquet file") from error


def pages(file: BinaryIO, chunk: Chunk) -> Iterator[Page]:
    """The pages of a column's part, by their headers.

    Raises:
        ValueError: They are no such structures, or do not fill the part.
        OSError: The file cannot be read.
    """
    at, end = chunk.begin, chunk.begin + chunk.size
    while at < end:
        try:
            header, length = _header(file, at, end)
            size, stored = header[_PAGE_SIZE], header[_PAGE_COMPRESSED]
            said = header.get(_PAGE) or header.get(_PAGE_V2) or header.get(_DICTIONARY) or {}
            encoding = said.get(_ENCODING_V2 if _PAGE_V2 in header else _ENCODING, 0)
            values = 0 if _DICTIONARY in header else said.get(_VALUES, 0)
            page = Page(values, size, encoding)
            if min(size, stored, values) < 0:
                raise ValueError("a page of a negative size")
        except (LookupError, TypeError, AttributeError) as error:
            raise ValueError("a page's header is none") from error
        yield page
        at += length + stored
    if at > end:
        raise ValueError("a page that goes on behind its column")


def _header(file: BinaryIO, at: int, end: int) -> tuple[dict[int, Any], int]:
    size = min(_HEADER, end - at)
    while True:
        file.seek(at)
        content = _Compact(file.read(size))
        try:
            return content.struct(0), content.place
        except (LookupError, ValueError):
            if size >= min(MOST_BYTES, end - at):
                raise
            size = min(size * 16, MOST_BYTES, end - at)


def _group(group: dict[int, Any]) -> Group:
    chunks = []
    for column in group[_COLUMNS]:
        said = column[_METADATA]
        if _ELSEWHERE in column:
            raise ValueError("a column that lies in another file")
        begin = said[_DATA_PAGE]
        if 0 < said.get(_DICTIONARY_PAGE, 0) < begin:
            begin = said[_DICTIONARY_PAGE]
        if begin < 0 or said[_COMPRESSED] < 0:
            raise ValueError("a column of a negative size")
        chunks.append(Chunk(tuple(said[_PATH]), begin, said[_COMPRESSED]))
    if group[_GROUP_ROWS] < 0:
        raise ValueError("a negative number of rows")
    return Group(group[_GROUP_ROWS], tuple(chunks))


def _whole(content: bytes, most: int = MOST_BYTES) -> dict[int, Any]:
    size = int.from_bytes(content[-_TAIL:-4], "little")
    if not 0 < size <= min(most, len(content) - _TAIL):
        raise ValueError("no footer of a fitting size")
    return _Compact(content[-_TAIL - size : -_TAIL]).struct(0)


class _Compact:
    """Decodes Thrift's compact protocol; every value takes bytes, so no few bytes become many."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.place = 0

    def struct(self, depth: int) -> dict[int, Any]:
        """A structure's values by the ids of their fields."""
        values: dict[int, Any] = {}
        field = 0
        while (head := self._byte()) != 0:
            kind = head & 15
            field = field + (head >> 4) if head >> 4 else self._zigzag()
            values[field] = kind == _TRUE if kind in {_TRUE, _FALSE} else self._value(kind, depth)
        return values

    def _value(self, kind: int, depth: int) -> Any:
        if depth > MOST_DEPTH:
            raise ValueError("nested too deep")
        if kind in _INTEGERS:
            return self._zigzag()
        if kind in _WIDTHS:
            return self._bytes(_WIDTHS[kind])
        if kind == _BINARY:
            return self._bytes(self._varint())
        if kind == _STRUCT:
            return self.struct(depth + 1)
        if kind in {_LIST, _SET}:
            return self._list(depth + 1)
        if kind == _MAP:
            return self._map(depth + 1)
        raise ValueError("a value of unknown type")

    def _list(self, depth: int) -> list[Any]:
        head = self._byte()
        count = self._varint() if head >> 4 == 15 else head >> 4
        return [self._element(head & 15, depth) for _ in range(count)]

    def _map(self, depth: int) -> list[tuple[Any, Any]]:
        count = self._varint()
        kinds = self._byte() if count else 0
        return [(self._element(kinds >> 4, depth), self._element(kinds & 15, depth)) for _ in range(count)]

    def _element(self, kind: int, depth: int) -> Any:
        return self._byte() == _TRUE if kind in {_TRUE, _FALSE} else self._value(kind, depth)

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def _varint(self) -> int:
        value = shift = 0
        while (byte := self._byte()) & 128:
            value |= (byte & 127) << shift
            shift += 7
            if shift > 63:
                raise ValueError("a number of too many digits")
        return value | byte << shift

    def _byte(self) -> int:
        self.place += 1
        return self._content[self.place - 1]

    def _bytes(self, count: int) -> bytes:
        self.place += count
        if self.place > len(self._content):
            raise ValueError("a text that does not end")
        return self._content[self.place - count : self.place]
