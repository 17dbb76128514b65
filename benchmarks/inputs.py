"""The inputs of the speed benchmarks: written once into a cache folder, one function per form.

``python -m benchmarks.inputs --mb 1000 plain gz`` writes some and says where they lie;
``python -m benchmarks.inputs --mb 20000 pipe`` writes to standard output.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import shutil
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

from benchmarks.falcon import Order
from benchmarks.stream import Block, Numbers, blocks

FOLDER: Final = Path(__file__).resolve().parent.parent / "build" / "bench"
MB: Final = 1_000_000
GZ_PARTS: Final = 16
GZ_LEVEL: Final = 6  # what gzip and most shippers take
_FORM: Final = 4  # of the stream: another one makes what lies in the cache stale


@dataclass(frozen=True, slots=True)
class Input:
    """Which records: at least so many bytes of them, whole blocks cut at a line.

    Attributes:
        megabytes: Of uncompressed NDJSON, 10⁶ bytes each.
        raw: Whether alerts are as raw FDR writes them, so that a second look is needed.
        order: Of keys.
        seed: Of the stream.
        folder: Where the cache lies.
    """

    megabytes: float
    raw: bool = False
    order: Order = "fdr"
    seed: int = 1
    folder: Path = FOLDER

    @property
    def home(self) -> Path:
        """The folder of this input's forms."""
        kind = "raw" if self.raw else "enriched"
        return self.folder / f"v{_FORM}-{self.megabytes:g}mb-{kind}-{self.order}-seed{self.seed}"

    def blocks(self) -> Iterator[Block]:
        """The blocks; the last is cut: its ids of alerts, too, its other counts stay those of the whole."""
        left = int(self.megabytes * MB)
        for block in blocks(self.seed, raw=self.raw, order=self.order):
            if len(block.data) >= left:
                yield _cut(block, left)
                return
            left -= len(block.data)
            yield block

    def alerts(self) -> frozenset[str]:
        """The ids of all alerts, from the generator: what every filter must find."""
        return frozenset(plain(self).with_name("alerts.txt").read_text().split())


def _cut(block: Block, size: int) -> Block:
    data = block.data[: block.data.rfind(b"\n", 0, size) + 1]
    # The id of an alert stands in a record of its own alone.
    kept = tuple(each for each in block.alerts if each.encode() in data)
    return replace(block, data=data, records=data.count(b"\n"), alerts=kept)


def plain(what: Input) -> Path:
    """One NDJSON file."""

    def write(folder: Path) -> None:
        with (folder / "events.ndjson").open("wb") as file:
            _stream(what, file, folder / "counts.json", folder / "alerts.txt")

    return _once(what, "plain", write) / "events.ndjson"


def gz(what: Input) -> Path:
    """A folder of gz parts, as FDR delivers."""

    def write(folder: Path) -> None:
        def part(number: int, text: bytes) -> None:
            packer = zlib.compressobj(GZ_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
            (folder / f"part-{number:05d}.gz").write_bytes(packer.compress(text) + packer.flush())

        with ThreadPoolExecutor() as threads:
            list(threads.map(part, itertools.count(), _parts(what)))

    return _once(what, "gz", write)


def one_gz(what: Input) -> Path:
    """One gz file of all: the parts behind each other, a gz file of several members."""

    def write(folder: Path) -> None:
        with (folder / "events.ndjson.gz").open("wb") as file:
            for part in sorted(gz(what).iterdir()):
                file.write(part.read_bytes())

    return _once(what, "one-gz", write) / "events.ndjson.gz"


def zst(what: Input) -> Path:
    """One zst file."""
    import zstandard

    def write(folder: Path) -> None:
        with (folder / "events.ndjson.zst").open("wb") as file, plain(what).open("rb") as lines:
            zstandard.ZstdCompressor(level=3).copy_stream(lines, file)

    return _once(what, "zst", write) / "events.ndjson.zst"


def zipped(what: Input) -> Path:
    """One zip file with one deflated member."""

    def write(folder: Path) -> None:
        with zipfile.ZipFile(
            folder / "events.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=GZ_LEVEL
        ) as archive:
            archive.write(plain(what), "events.ndjson")

    return _once(what, "zip", write) / "events.zip"


def csv(what: Input) -> Path:
    """One CSV file with a column for every field, as LogScale exports a search."""
    from pyarrow import csv as writer

    def write(folder: Path) -> None:
        tables = _tables(what)
        first = next(tables)
        with writer.CSVWriter(folder / "events.csv", first.schema) as file:
            for table in itertools.chain([first], tables):
                file.write(table)

    return _once(what, "csv", write) / "events.csv"


def parquet(what: Input) -> Path:
    """One Parquet file with a column of text for every field."""
    from pyarrow import parquet as writer

    def write(folder: Path) -> None:
        tables = _tables(what)
        first = next(tables)
        with writer.ParquetWriter(folder / "events.parquet", first.schema, compression="zstd") as file:
            for table in itertools.chain([first], tables):
                file.write_table(table)

    return _once(what, "parquet", write) / "events.parquet"


def pipe(what: Input, counts: Path | None) -> None:
    """The lines to standard output; nothing is kept but, on demand, what was in them."""
    _stream(what, sys.stdout.buffer, counts)


FORMS: Final[dict[str, Callable[[Input], Path]]] = {
    "plain": plain, "gz": gz, "one-gz": one_gz, "zst": zst, "zip": zipped, "csv": csv, "parquet": parquet,
}  # fmt: skip


def _stream(what: Input, out: BinaryIO, counts: Path | None = None, alerts: Path | None = None) -> None:
    """Write the lines, then as JSON what was in them, and the ids of the alerts."""
    said = dict.fromkeys(("bytes", "records", "alerts", "openers"), 0)
    contacts: list[Numbers] = []
    ids: list[str] = []
    for block in what.blocks():
        out.write(block.data)
        these = (len(block.data), block.records, len(block.alerts), block.openers)
        said = {name: count + more for (name, count), more in zip(said.items(), these, strict=True)}
        contacts.append(block.contacts)
        if alerts is not None:
            ids.extend(block.alerts)
    if counts is not None:
        said["contacts"] = len(np.unique(np.concatenate(contacts)))
        counts.write_text(json.dumps(said) + "\n")
    if alerts is not None:
        alerts.write_text("\n".join(ids) + "\n")


def _once(what: Input, form: str, write: Callable[[Path], None]) -> Path:
    """The folder of a form, written whole or not at all."""
    folder = what.home / form
    if not folder.is_dir():
        draft = folder.with_name(f"{form}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        write(draft)
        draft.rename(folder)
    return folder


def _parts(what: Input) -> Iterator[bytes]:
    """About equal parts, cut at lines."""
    size = int(what.megabytes * MB / GZ_PARTS) + 1
    with plain(what).open("rb") as file:
        while part := file.read(size):
            yield part + file.readline()


def _tables(what: Input) -> Iterator[Any]:
    """One Arrow table per 64 MB, all with the same columns of text."""
    import pyarrow as pa
    from pyarrow import json as reader

    kinds = {"@timestamp": pa.int64()}  # the one number in an export
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in columns(what.order)])
    options = reader.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error")
    whole = reader.ReadOptions(block_size=256 * MB)
    with plain(what).open("rb") as file:
        while part := file.read(64 * MB):
            yield reader.read_json(io.BytesIO(part + file.readline()), whole, options).select(schema.names)


def columns(order: Order) -> list[str]:
    """Every field that a record of the stream may have, in an order of their own."""
    names = {name: None for line in next(blocks(order=order)).data.splitlines() for name in json.loads(line)}
    return list(names)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Write inputs of the speed benchmarks.")
    parser.add_argument("forms", nargs="+", choices=[*FORMS, "pipe"])
    parser.add_argument(
        "--mb", type=float, default=1_000, help="uncompressed size, 10^6 bytes (default 1000)"
    )
    parser.add_argument("--raw", action="store_true", help="alerts as raw FDR writes them")
    parser.add_argument("--sorted", action="store_true", help="keys sorted, as LogScale exports them")
    parser.add_argument("--counts", type=Path, help="with pipe: write there, as JSON, what was in the lines")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="the cache (default build/bench)")
    chosen = parser.parse_args(arguments)
    what = Input(chosen.mb, chosen.raw, "sorted" if chosen.sorted else "fdr", chosen.seed, chosen.folder)
    for form in chosen.forms:
        if form == "pipe":
            pipe(what, chosen.counts)
        else:
            print(FORMS[form](what))


if __name__ == "__main__":
    main()
