"""A baseline as a Parquet file: written with the same bytes for the same content, read with suspicion.

One flat table, so that any Parquet tool can look into it; ``kind`` says what a row is, and row
groups do not mix kinds. Pages are not compressed: dictionaries and run lengths do the work, and no
few bytes can become many in memory.
"""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lmgraph import baseline, files, footer, frames
from lmgraph.baseline import ENTITY_OF, KINDS, MOST_NAMES, MOST_ROWS, NAME_LIMIT, SCHEMA, Baseline
from lmgraph.errors import UsageError
from lmgraph.settings import DAY_US

MAGIC: Final = b"PAR1"
MOST_BYTES: Final = 1 << 29
GROUP_ROWS: Final = 1 << 20
LAST_DAY: Final = 50_000  # in the year 2106

_TIME: Final = "first_us"  # no two are the same, and they ascend
_MARK: Final = b"lmgraph"  # the metadata key under which the schema's name stands
_DICTIONARY_BYTES: Final = 1 << 26  # beyond it a column would be written plain
_USE, _HOP, _DAY, _PATH, _LEFT, _SCORED = "use", "hop", "day", "path", "left", "scored"
_TYPES: Final = {
    "int32": pa.int32(),
    "int64": pa.int64(),
    "uint64": pa.uint64(),
    "bool": pa.bool_(),
    "str": pa.string(),
}
_COLUMNS: Final[frames.Spec] = {
    "kind": "str",
    **baseline.USES,
    **baseline.HOPS,
    **baseline.PATHS,
    **baseline.NAMES,
}
_ARROW: Final = pa.schema([(name, _TYPES[kind]) for name, kind in _COLUMNS.items()])
_TEXTS: Final = ("kind", "name")
_BOUNDS: Final = {"day": (0, LAST_DAY), "first_us": (0, LAST_DAY * DAY_US), "hours": (1, (1 << 24) - 1)}
_KINDS: Final[dict[str, frames.Spec]] = {
    _USE: baseline.USES,
    _HOP: baseline.HOPS,
    _DAY: {"day": "int32"},
    _PATH: baseline.PATHS,
    _LEFT: baseline.LEFT,
    _SCORED: baseline.SCORED,
    **{kind: {"key": "uint64", "name": "str"} for kind in KINDS},
}


def encode(whole: Baseline) -> bytes:
    """The file's bytes; equal baselines give equal bytes."""
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink,
        _ARROW,
        compression="none",
        store_schema=False,
        use_dictionary=[name for name, kind in _COLUMNS.items() if name != _TIME and kind != "bool"],
        column_encoding={_TIME: "DELTA_BINARY_PACKED"},
        dictionary_pagesize_limit=_DICTIONARY_BYTES,
    ) as writer:
        writer.add_key_value_metadata({_MARK.decode(): SCHEMA})
        for kind, table in _tables(whole):
            for begin in range(0, len(table), GROUP_ROWS):
                writer.write_table(_arrow(kind, table[begin : begin + GROUP_ROWS]))
    return bytes(sink.getvalue())


def is_parquet(path: str) -> bool:
    """Whether a file begins as Parquet files do."""
    if path == "-":
        return False
    try:
        if not Path(path).is_file():  # a pipe can be read once only: whoever looks takes it
            return False
        with Path(path).open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def sha256(path: str) -> str | None:
    """Hash of a file as ``read`` notes it; None where there is none, or a device or pipe."""
    try:
        if not Path(path).is_file():
            return None
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def read(path: str) -> Baseline:
    """The baseline in a file.

    Raises:
        UsageError: No such file, or one that is no baseline, is damaged or of another version; the
            error names file and field.
    """
    try:
        content = files.read_whole(path, MOST_BYTES)
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise UsageError(f"no baseline: larger than {MOST_BYTES:,} bytes", path=path) from error
        raise UsageError(f"cannot read the baseline: {error.strerror}", path=path) from error
    if content[: len(MAGIC)] != MAGIC:
        raise UsageError("no baseline: not a Parquet file", path=path)
    try:
        return _Reader(path, content).read()
    except (pa.ArrowException, OSError, ValueError, LookupError, OverflowError, MemoryError) as error:
        raise UsageError("damaged baseline: its Parquet cannot be read", path=path) from error


class _Reader:
    """Reads one file, a row group at a time, and believes nothing that it says."""

    def __init__(self, path: str, content: bytes) -> None:
        self._path = path
        self._sha256 = hashlib.sha256(content).hexdigest()
        limits = {"thrift_string_size_limit": 1 << 24, "thrift_container_size_limit": 1 << 20}
        self._check_head(pq.ParquetFile(pa.BufferReader(content), **limits))
        if footer.codecs(content) - {0}:
            raise self._error("damaged baseline: compressed columns", "metadata")
        self._file = pq.ParquetFile(pa.BufferReader(content), read_dictionary=list(_TEXTS), **limits)
        self._parts: dict[str, list[dict[str, npt.NDArray[np.generic]]]] = {kind: [] for kind in _KINDS}

    def read(self) -> Baseline:
        """The baseline, whatever the order of the rows."""
        for group in range(self._file.num_row_groups):
            # Other columns stay unread: of what is in them nothing is known, nor how much it is.
            self._take(self._file.read_row_group(group, columns=list(_COLUMNS), use_threads=False))
        names: dict[str, list[npt.NDArray[np.generic]]] = {name: [] for name in baseline.NAMES}
        for kind in KINDS:
            for part in self._parts[kind]:
                names["kind"].append(np.full(part["key"].size, kind, object))
                names["key"].append(part["key"])
                names["name"].append(part["name"])
        found = baseline.make(
            uses=self._columns(_USE),
            hops=self._columns(_HOP),
            paths=self._columns(_PATH),
            left=self._columns(_LEFT),
            scored=self._columns(_SCORED),
            names={name: np.concatenate(values) for name, values in names.items() if values},
            days=self._columns(_DAY).get("day", np.empty(0, np.int64)).tolist(),
        )
        return replace(found, sha256=self._sha256)

    def _check_head(self, file: pq.ParquetFile) -> None:
        said = (file.metadata.metadata or {}).get(_MARK)
        if said is None:
            raise self._error("no baseline: a Parquet file of another program", "metadata")
        if said != SCHEMA.encode():
            shown = said[:40].decode("ascii", "replace")
            raise self._error(f"the baseline's schema {shown!r} is not {SCHEMA!r}", "metadata")
        # Run lengths make a million rows of a few bytes: what the groups say counts, not the sum beside.
        rows = [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]
        if max(rows, default=0) > GROUP_ROWS:
            raise self._error(f"damaged baseline: {max(rows):,} rows in one group", "metadata")
        if sum(rows) > MOST_ROWS + MOST_NAMES + LAST_DAY:
            raise self._error(f"damaged baseline: {sum(rows):,} rows", "metadata")
        found = {field.name: field.type for field in file.schema_arrow}
        for name, kind in _COLUMNS.items():
            if name not in found:
                raise self._error("damaged baseline: a column is missing", name)
            if found[name] != _TYPES[kind]:
                raise self._error(f"damaged baseline: a column of another type than {kind}", name)

    def _take(self, table: pa.Table) -> None:
        """Sort the rows of one group by kind, after a look at every value."""
        table.validate(full=True)
        kinds = self._texts(table, "kind")
        for kind in dict.fromkeys(kinds.tolist()):
            if kind not in _KINDS:
                raise self._error("damaged baseline: a row of unknown kind", "kind")
            rows = table.filter(pa.array(kinds == kind))
            part = {name: self._values(rows, name, of) for name, of in _KINDS[kind].items()}
            if kind == _HOP and np.any(part["first_us"] // DAY_US != part["day"]):
                raise self._error("damaged baseline: a hop on another day than its time", "day")
            self._parts[kind].append(part)

    def _values(self, rows: pa.Table, name: str, of: str) -> npt.NDArray[np.generic]:
        if of == "str":
            return self._texts(rows, name)
        column = rows.column(name)
        if name in ENTITY_OF:
            column = column.fill_null(0)
        elif column.null_count:
            raise self._error("damaged baseline: a value is missing", name)
        values: npt.NDArray[np.generic] = column.to_numpy()
        least, most = _BOUNDS.get(name, (None, None))
        if least is not None and values.size and not least <= values.min() <= values.max() <= most:
            raise self._error(f"damaged baseline: a value that is not between {least} and {most}", name)
        return values

    def _texts(self, table: pa.Table, name: str) -> npt.NDArray[np.generic]:
        """The texts of a dictionary column: each was looked at once, and none is long."""
        column = table.column(name).combine_chunks()
        chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
        parts = [np.empty(0, object)]
        for chunk in chunks:
            if chunk.null_count:
                raise self._error("damaged baseline: a value is missing", name)
            texts = chunk.dictionary.to_pylist()
            if any(text is None or len(text) > NAME_LIMIT for text in texts):
                raise self._error(f"damaged baseline: a text of more than {NAME_LIMIT} characters", name)
            parts.append(np.array([*texts, ""], object)[chunk.indices.to_numpy()])
        return np.concatenate(parts)

    def _columns(self, kind: str) -> dict[str, npt.NDArray[np.generic]]:
        parts = self._parts[kind]
        return (
            {name: np.concatenate([part[name] for part in parts]) for name in _KINDS[kind]} if parts else {}
        )

    def _error(self, message: str, field: str) -> UsageError:
        return UsageError(message, path=self._path, field=field)


def _tables(whole: Baseline) -> Iterator[tuple[str, pd.DataFrame]]:
    yield _DAY, pd.DataFrame({"day": whole.days.astype(np.int32)})
    for kind in KINDS:
        yield kind, whole.names.loc[whole.names["kind"] == kind, ["key", "name"]]
    yield _PATH, whole.paths
    yield _LEFT, whole.left
    yield _SCORED, whole.scored
    yield _HOP, whole.hops
    yield _USE, whole.uses


def _arrow(kind: str, rows: pd.DataFrame) -> pa.Table:
    """The rows with all columns of the file; those that are not theirs are null."""
    columns = []
    for name, of in _COLUMNS.items():
        if name == "kind":
            columns.append(pa.array([kind] * len(rows), _TYPES[of]))
        elif name in rows:
            values = rows[name].to_numpy()
            unknown = values == 0 if name in ENTITY_OF else None
            columns.append(pa.array(values, _TYPES[of], mask=unknown))
        else:
            columns.append(pa.nulls(len(rows), _TYPES[of]))
    return pa.table(columns, schema=_ARROW)
