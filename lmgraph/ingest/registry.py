"""Which readers there are: an ordered list of lazy lines; the first that knows an input reads it."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Final

from lmgraph.ingest.contract import Reader

HEAD: Final = 64 * 1024
_READERS: Final[list[tuple[str, str]]] = []


def register(module: str, name: str) -> None:
    """Add the reader class ``name`` of ``lmgraph.ingest.<module>``; it is imported when first tried."""
    _READERS.append((module, name))


# The order is the priority.
register("parquet", "ParquetReader")  # by its magic
register("ndjson", "NdjsonReader")  # before objects: lines are the surest frame after a bad record
register("objects", "ObjectsReader")
register("csv", "CsvReader")  # last: any text may have a first line


@cache
def readers() -> tuple[Reader, ...]:
    """An instance of every registered reader, in order of priority."""
    return tuple(
        getattr(importlib.import_module(f"lmgraph.ingest.{module}"), name)() for module, name in _READERS
    )


def find(head: bytes, name: str) -> Reader | None:
    """The reader that knows an input by its first ``HEAD`` bytes (as UTF-8) and its name."""
    return next((reader for reader in readers() if reader.detect(head, name)), None)
