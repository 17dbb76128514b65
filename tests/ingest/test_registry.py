"""Every registered reader keeps the contract."""

from __future__ import annotations

import inspect
import typing

import pytest

from lmgraph.ingest import registry
from lmgraph.ingest.contract import Reader


@pytest.mark.parametrize("reader", registry.readers(), ids=lambda reader: type(reader).__name__)
def test_conformance(reader: Reader) -> None:
    documentation = inspect.getdoc(type(reader)) or ""
    assert "References:" in documentation
    assert reader.shape
    for method in (reader.detect, reader.read):
        assert inspect.getdoc(method)
        assert "return" in typing.get_type_hints(method)
    for head in (b"", b"\0" * 100, b"\xff" * 100, b"plain text\n", b"{" * 70_000, b'"' * 70_000):
        assert reader.detect(head, "name") in (True, False)
    assert not reader.detect(b"", "x.json")


def test_registering_is_lazy_and_ordered() -> None:
    names = [type(reader).__name__ for reader in registry.readers()]
    assert names == ["ParquetReader", "NdjsonReader", "ObjectsReader", "CsvReader"]
    assert registry.find(b"", "x") is None
    assert registry.readers() is registry.readers()
