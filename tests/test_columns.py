"""Types of columns."""

from __future__ import annotations

from typing import Literal

import msgspec

from lmgraph.columns import types_of


class Row(msgspec.Struct):
    count: int
    port: int | None
    share: float
    gap: float | None
    sure: bool
    managed: bool | None
    name: str
    role: Literal["a", "b"] | None
    since: str | None = msgspec.field(name="from")
    many: list[str] = []


def test_each_field_has_the_type_that_its_annotation_says():
    assert types_of(Row) == {
        "count": "int64",
        "port": "Int64",
        "share": "float64",
        "gap": "Float64",
        "sure": "bool",
        "managed": "boolean",
        "name": "string",
        "role": "string",
        "from": "string",
        "many": "object",
    }
