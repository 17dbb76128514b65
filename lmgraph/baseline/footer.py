"""How the pages of a Parquet file are compressed, read from its footer without a Parquet library.

pyarrow answers that question, too, but ends the process when the footer is damaged: its metadata
of a column are not guarded against C++ exceptions (seen with pyarrow 26).

References:
    Parquet file format, parquet.thrift: FileMetaData, RowGroup, ColumnChunk, ColumnMetaData.
    Thrift compact protocol, github.com/apache/thrift, doc/specs/thrift-compact-protocol.md.
"""

from __future__ import annotations

from typing import Any, Final

MOST_BYTES: Final = 1 << 20
MOST_DEPTH: Final = 16

_TAIL: Final = 8  # length of the footer, and the magic
_ROW_GROUPS, _COLUMNS, _METADATA, _CODEC = 4, 1, 3, 4  # ids of fields, from the outside in
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT, _UUID = 1, 2, 3, 7, 8, 9, 10, 11, 12, 13
_INTEGERS: Final = frozenset({4, 5, 6})
_WIDTHS: Final = {_BYTE: 1, _DOUBLE: 8, _UUID: 16}


def codecs(content: bytes) -> set[int]:
    """Codes of the compressions that the columns of a Parquet file name; 0 is none at all.

    Raises:
        ValueError: The footer is no such structure, or larger than ``MOST_BYTES``.
    """
    size = int.from_bytes(content[-_TAIL:-4], "little")
    if not 0 < size <= min(MOST_BYTES, len(content) - _TAIL):
        raise ValueError("no footer of a fitting size")
    try:
        whole = _Compact(content[-_TAIL - size : -_TAIL]).struct(0)
        columns = [column for group in whole[_ROW_GROUPS] for column in group[_COLUMNS]]
        return {column[_METADATA][_CODEC] for column in columns}
    except (LookupError, TypeError) as error:
        raise ValueError("the footer is not that of a Parquet file") from error


class _Compact:
    """Decodes Thrift's compact protocol; every value takes bytes, so no few bytes become many."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._place = 0

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
        self._place += 1
        return self._content[self._place - 1]

    def _bytes(self, count: int) -> bytes:
        self._place += count
        if self._place > len(self._content):
            raise ValueError("a text that does not end")
        return self._content[self._place - count : self._place]
