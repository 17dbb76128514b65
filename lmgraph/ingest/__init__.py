"""Bytes to rows: files, archives and streams in, canonical events with their origin out."""

from lmgraph.ingest.contract import InputReport, Item, Record, Reject, Remark, Repeats, Source
from lmgraph.ingest.discover import discover
from lmgraph.ingest.reading import read
from lmgraph.ingest.repeats import Memory

__all__ = ["InputReport", "Item", "Memory", "Record", "Reject", "Remark", "Repeats", "Source", "discover", "read"]
