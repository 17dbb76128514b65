"""Falcon records and canonical rows as Parquet: DuckDB filters and decodes, a few thousand rows at a time.

What a file says of itself is checked before DuckDB sees a page of it: a few bytes of dictionary, run
lengths or compressed zeros can become any number of them in memory.
"""

from __future__ import annotations

import contextlib
import glob
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from lmgraph import footer
from lmgraph.errors import RecordError
from lmgraph.ingest import canonical, falcon
from lmgraph.ingest.contract import Record, Reject
from lmgraph.ingest.session import Session
from lmgraph.ingest.streams import MIB, ByteStream, StreamError
from lmgraph.ingest.tables import KNOWN, NEEDLES, READ, TOGETHER, Layout
from lmgraph.kernels.rows import ADDRESS, ALWAYS, ID, PORT, TEXT
from lmgraph.schema import SMB_PORT

if TYPE_CHECKING:
    import duckdb

MAGIC: Final = b"PAR1"
HELD: Final = 64 * MIB  # of a file that cannot be sought in where it lies
FOOTER_LIMIT: Final = 16 * MIB
PAGES_LIMIT: Final = 256 * MIB  # of the columns read, one page and one dictionary of each, decompressed
ROWS_FREE: Final = 1 << 20  # rows that a small file may have; beyond, one a byte: no record takes less
CELL_LIMIT: Final = 128 * 1024  # characters of a cell; of none but a record in a cell are more read
_DELTA_BYTE_ARRAY: Final = 7  # each text goes on from the one before: no page says how much that makes
_MEMORY: Final = "256MB"
_BATCH: Final = 8  # rows that become Python objects at once; more are no faster
_ROOM: Final = 5 * MIB // 2  # of a page and a dictionary; most writers give a MiB to each
_LONG: Final = 4096  # bytes of a text that is not searched, but looked at
_LISTED: Final = 10_000  # ids or addresses that are sought; beyond, any is looked at
_ROW: Final = "file_row_number"
_LINUX: Final[bool] = sys.platform.startswith("linux")  # has files in memory, and a path for any open file
_WRAPPING: Final = ("@rawstring", "event")


class ParquetReader:
    """A Parquet file whose columns are named as FDR, LogScale, the query's result or ``read_events`` do.

    Only candidate rows are read: those that may matter (``tables``), the first and the last. A file
    that is wrapped in something is held in memory, up to ``HELD`` bytes.

    References:
        https://parquet.apache.org/docs/file-format/; https://duckdb.org/docs/data/parquet;
        ``lmgraph.schema.Event``.
    """

    shape = "parquet"

    def detect(self, head: bytes, name: str) -> bool:  # noqa: ARG002 - content decides
        """Whether the file begins as Parquet files do."""
        return head.startswith(MAGIC)

    def read(self, stream: ByteStream, session: Session) -> Iterator[Record | Reject]:
        """Every record that may matter; see ``Reader``. What ends the reading is a problem of ``stream``."""
        try:
            with _opened(stream, session) as (file, path):
                rows = _bounded_rows(file)
                with _connected() as connection:
                    table = _Table(connection, path, session, rows)
                    session.family = table.family
                    if table.family is not None:
                        yield from table.records(_roomy(file, table.columns))
        except StreamError as error:
            stream.problem = error
        except OSError as error:
            stream.problem = StreamError("unreadable", (error.strerror or "read error").lower())


@contextlib.contextmanager
def _opened(stream: ByteStream, session: Session) -> Iterator[tuple[BinaryIO, str]]:
    """The file, and the path under which DuckDB opens it.

    Raises:
        StreamError: It cannot be held.
    """
    if session.file is not None:
        yield session.file, _path(session.file)
        return
    if not _LINUX:
        raise _beyond("on this system, it can be read only where it lies by itself: unpack it first")
    with os.fdopen(os.memfd_create("lmgraph"), "w+b") as file:  # no name, no disk
        for piece in stream.chunks():
            file.write(piece)
            if file.tell() > HELD:
                raise _beyond(f"of more than {HELD // MIB} MiB, it is read only where it lies by itself")
        if stream.problem is not None:
            raise stream.problem
        file.flush()
        yield file, _path(file)


def _path(file: BinaryIO) -> str:
    """What opens the file for DuckDB, which takes UTF-8 and knows wildcards."""
    if _LINUX:
        return f"/proc/self/fd/{file.fileno()}"
    return glob.escape(str(Path(file.name).absolute()))


def _damaged(reason: str) -> StreamError:
    return StreamError("corrupt-archive", f"its Parquet is damaged: {reason}")


def _beyond(reason: str) -> StreamError:
    return StreamError("archive-limit", f"its Parquet is beyond what is read: {reason}")


def _bounded_rows(file: BinaryIO) -> int:
    """How many rows a file has.

    Raises:
        StreamError: Its footer is none, or there are too many for its size.
    """
    size = file.seek(0, os.SEEK_END)
    try:
        rows = sum(group.rows for group in footer.groups(file, FOOTER_LIMIT))
    except ValueError as error:
        raise _damaged(str(error)) from error
    if rows > max(ROWS_FREE, size):
        raise _beyond(f"{rows:,} rows in {size:,} bytes")
    return rows


def _roomy(file: BinaryIO, columns: Mapping[str, str]) -> set[str]:
    """Columns with room for long texts, by the headers of their pages.

    Raises:
        StreamError: The pages are too large, or damaged.
    """
    wanted = {(name.encode(),): name for name in columns}
    found = set()
    try:
        for group in footer.groups(file, FOOTER_LIMIT):
            held = 0
            for chunk in group.chunks:
                if chunk.path in wanted:
                    size = _held(file, chunk, group.rows)
                    held += size
                    if size > _ROOM:
                        found.add(wanted[chunk.path])
            if held > PAGES_LIMIT:
                raise _beyond(f"pages of more than {PAGES_LIMIT // MIB} MiB")
    except ValueError as error:
        raise _damaged(str(error)) from error
    return found


def _held(file: BinaryIO, chunk: footer.Chunk, rows: int) -> int:
    """Bytes of the largest page and of the dictionary of a column's part."""
    values = largest = dictionary = 0
    for page in footer.pages(file, chunk):
        if page.encoding == _DELTA_BYTE_ARRAY:
            raise _beyond("texts in the encoding DELTA_BYTE_ARRAY")
        values += page.values
        if page.values:
            largest = max(largest, page.size)
        else:
            dictionary += page.size
    if values != rows:
        raise _damaged("a column of another length than its row group")
    return largest + dictionary


@contextlib.contextmanager
def _connected() -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB of one thread (the engine has its own) that asks for nothing from anywhere.

    Whatever it raises for the content of a file is a problem of the file, its text kept from the user:
    it quotes content.
    """
    import duckdb

    options: dict[str, str | bool | int | float | list[str]] = {
        "threads": 1,
        "memory_limit": _MEMORY,
        "temp_directory": "",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    try:
        with duckdb.connect(config=options) as connection:
            yield connection
    except duckdb.OutOfMemoryException as error:
        raise _beyond(f"it takes more than {_MEMORY} of memory") from error
    except duckdb.Error as error:
        raise _damaged("DuckDB cannot read it") from error
    except ValueError as error:  # of the text of an error
        raise _damaged("DuckDB cannot read it") from error


class _Table:
    """One file: what of it is read, and how."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: str, session: Session, rows: int) -> None:
        self._connection = connection
        self._path = path
        self._session = session
        self._rows = rows
        found = connection.execute("describe select * from read_parquet(?)", [path]).fetchall()
        schema: dict[str, str] = {name: kind for name, kind, *_ in found}
        by_kind = canonical.known(schema)
        self.columns = {
            name: kind
            for name, kind in schema.items()
            if (name in canonical.COLUMNS if by_kind else falcon.own_name(name) in READ)
        }
        self._layout = Layout(self.columns, session.wants)
        self.family: falcon.Family | None = None  # none of ours
        if by_kind or not KNOWN.isdisjoint(self.columns):
            names = {} if by_kind else dict.fromkeys(self.columns, "")
            self.family = falcon.family_of(names) or "falcon"
        for name, kind in self.columns.items():
            if self.family is not None and kind.endswith(("]", ")")) and not kind.startswith("DECIMAL"):
                raise _beyond(f"its column {name} is nested")

    def records(self, roomy: Collection[str]) -> Iterator[Record | Reject]:
        """Every record that may matter; the number of all is the session's in the end.

        Of the columns ``roomy``, cells are cut before they become Python's.
        """
        session = self._session
        result = self._connection.execute(self.query(roomy), [self._path])
        while rows := result.fetchmany(_BATCH):
            for number, too_long, *cells in rows:
                session.records = number + 1
                row = dict(zip(self.columns, map(_plain, cells), strict=True))
                item = self._take(row, edge=number in (0, self._rows - 1), too_long=too_long)
                if item is not None:
                    yield item
        session.records = self._rows

    def _take(self, row: Mapping[str, Any], *, edge: bool, too_long: bool) -> Record | Reject | None:
        session = self._session
        if too_long:
            return session.reject(session.records, f"a record in a cell longer than {CELL_LIMIT // 1024} KiB")
        matters = edge or self._matters(row)
        if not matters and not session.once:
            return None
        item = session.take(row, self._record, session.records)
        return item if matters or isinstance(item, Record) else None

    def _matters(self, row: Mapping[str, Any]) -> bool:
        """The predicate of ``tables``; where cells may hold whole records, every row matters."""
        odd = any(isinstance(value, bytes) for value in row.values())
        return odd or self._layout.wrapped or self._layout.matters(row)

    def _record(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        if any(isinstance(value, bytes) for value in row.values()):
            raise RecordError("invalid UTF-8")
        return self._layout.record({name: value for name, value in row.items() if value is not None})

    def query(self, roomy: Collection[str]) -> str:
        """Number, whether a record in a cell is too long, and cells of the rows that may matter."""
        wrapping = [name for name in _WRAPPING if self.columns.get(name) in ("VARCHAR", "BLOB")]
        long = [f"{_size(name, self.columns[name])} > {CELL_LIMIT}" for name in wrapping]
        cells = ", ".join(_cell(name, kind, cut=name in roomy) for name, kind in self.columns.items())
        too_long = f"coalesce({' or '.join(long) or 'false'}, false)"
        query = f"select {_ROW}, {too_long}, {cells} from read_parquet(?, {_ROW} = true)"  # noqa: S608 - quoted
        session, layout = self._session, self._layout
        plain = "BLOB" not in self.columns.values()
        if not session.scan or session.once or layout.wrapped or layout.whole or not plain:
            return query
        return f"{query} where {_ROW} in (0, {self._rows - 1}) or {_filter(layout, self.columns)}"


def _filter(layout: Layout, columns: Mapping[str, str]) -> str:
    """A superset of ``Layout.matters``.

    Nulls stay: a function around a test would have DuckDB make each part of it for every row.
    """
    screen = layout.screen
    code = f"coalesce({', '.join(_text(name, columns[name]) for name in layout.names)})"
    # No letter begins a name that may be blank: a comparison, where a pattern would take half of all time.
    tests = [f"{code} is null", f"{code} < '.'", f"{code} > '~'"]
    for role in (ALWAYS, TEXT, PORT, ID, ADDRESS):
        names = [name for name, asked in screen.asks.items() if asked & role]
        asking = [f"{code} in ({_listed(names)})"] if names else []
        if screen.other & role:
            asking.append(f"{code} not in ({_listed(screen.asks)})")
        cells = [_text(name, columns[name]) for name in layout.with_role(role)]
        answers = _ANSWERS[role](layout, cells) if cells else ["true"] * (role == ALWAYS)
        if asking and answers:
            tests.append(f"({' or '.join(asking)}) and ({' or '.join(answers)})")
    return " or ".join(f"({test})" for test in tests)


def _tellings(layout: Layout, cells: list[str]) -> list[str]:  # noqa: ARG001 - as the others
    """Two looks: most rows have none of the tools in them and no ``$``, and end at the first."""
    tools = "|".join(needle.decode() for needle in NEEDLES)
    rarest = TOGETHER[-1].decode()
    first = _any(cells, f"{tools}|[{rarest}]")
    together = " and ".join(
        _any(cells, f"[{part.decode()}]" if part == TOGETHER[-1] else part.decode()) for part in TOGETHER
    )
    return [f"({first} and ({_any(cells, tools)} or ({together})))"]


def _any(cells: list[str], pattern: str) -> str:
    return f"({' or '.join(_matches(cell, pattern) for cell in cells)})"


def _matches(cell: str, pattern: str) -> str:
    """Whether the cell matches, without regard to case, or is long."""
    return f"(strlen({cell}) > {_LONG} or regexp_matches({cell}, '{pattern}', 'i'))"


def _ports(layout: Layout, cells: list[str]) -> list[str]:  # noqa: ARG001 - as the others
    return [f"{cell} = '{SMB_PORT}'" for cell in cells]


def _ids(layout: Layout, cells: list[str]) -> list[str]:
    ids = layout.screen.ids
    plain = len(ids) <= _LISTED and all(text.isascii() and text.isprintable() for text in ids)
    return [f"{cell} in ({_listed(ids)})" if plain else f"{cell} is not null" for cell in cells]


def _addresses(layout: Layout, cells: list[str]) -> list[str]:
    wanted = layout.screen.addresses
    if len(wanted) > _LISTED:
        return [f"{cell} is not null" for cell in cells]
    # Other letters than these write an address in one of several ways.
    return [f"({cell} in ({_listed(wanted)}) or regexp_matches({cell}, '[^0-9.]'))" for cell in cells]


_ANSWERS: Final = {
    ALWAYS: lambda layout, cells: ["true"],  # noqa: ARG005
    TEXT: _tellings,
    PORT: _ports,
    ID: _ids,
    ADDRESS: _addresses,
}


def _listed(texts: Iterable[str]) -> str:
    return ", ".join("'" + text.replace("'", "''") + "'" for text in sorted(texts))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _size(name: str, kind: str) -> str:
    return f"{'octet_length' if kind == 'BLOB' else 'strlen'}({_quoted(name)})"


def _text(name: str, kind: str) -> str:
    """The text of a cell as the predicate sees it."""
    if kind == "VARCHAR":
        return _quoted(name)
    number = f"try_cast({_quoted(name)} as bigint)" if kind in _FLOATS else _quoted(name)
    return f"try_cast({number} as varchar)"


def _cell(name: str, kind: str, *, cut: bool) -> str:
    """A cell as Python is to have it: as JSON would."""
    cell = _quoted(name)
    if kind in ("VARCHAR", "BLOB"):
        if not cut:
            return cell
        return f"case when {_size(name, kind)} <= {CELL_LIMIT} then {cell} else {cell}[:{CELL_LIMIT}] end"
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"make_timestamp(epoch_us({cell}))::varchar || 'Z'"
    return cell if kind in _FLOATS or kind in _PLAIN else f"try_cast({cell} as varchar)"


_FLOATS: Final = frozenset({"FLOAT", "DOUBLE"})
_PLAIN: Final = frozenset({
    "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT",
})  # fmt: skip


def _plain(value: Any) -> Any:
    """A cell as JSON would have it; bytes that are no text stay bytes."""
    if isinstance(value, str) or value is None:
        return value
    if isinstance(value, float):  # what pandas makes of whole numbers of which some are missing
        return (int(value) if value.is_integer() else value) if value == value else None  # NaN
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value
    return value
