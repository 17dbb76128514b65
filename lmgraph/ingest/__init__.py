"""Bytes to rows: files, archives and streams in, canonical events with their origin out."""

from lmgraph.ingest.contract import InputReport, Item, Record, Reject, Remark, Repeats, Source
from lmgraph.ingest.discover import discover
from lmgraph.ingest.parts import Parts, parts_of
from lmgraph.ingest.reading import read
from lmgraph.ingest.repeats import Memory

__all__ = [
    "InputReport",
    "Item",
    "Memory",
    "Parts",
    "Record",
    "Reject",
    "Remark",
    "Repeats",
    "Source",
    "discover",
    "parts_of",
    "read",
]
