"""Bytes to rows: files, archives and streams in, canonical events with their origin out."""

from lmgraph.ingest.contract import InputReport, Item, Record, Reject, Remark, Source
from lmgraph.ingest.discover import discover
from lmgraph.ingest.reading import read

__all__ = ["InputReport", "Item", "Record", "Reject", "Remark", "Source", "discover", "read"]
