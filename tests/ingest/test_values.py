"""Values of a record: text, numbers, addresses."""

from __future__ import annotations

from typing import Any

import pytest

from lmgraph.errors import RecordError
from lmgraph.ingest import values


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        ("", ""),
        (None, None),
        (7, "7"),
        (2**70, str(2**70)),
        (1.5, "1.5"),
        ("x" * 9000, "x" * 8192),
    ],
)
def test_text(value: Any, text: str | None) -> None:
    assert values.text({"f": value}, "f") == text


@pytest.mark.parametrize("value", [["a"], {"a": 1}, True])
def test_text_of_another_type_is_refused(value: Any) -> None:
    with pytest.raises(RecordError, match=r"^text expected \[f\]$"):
        values.text({"f": value}, "f")


def test_name_takes_the_first_that_says_something() -> None:
    assert values.name({"a": "-", "b": " ", "c": "x"}, "a", "b", "c") == "x"
    assert values.name({"a": "-"}, "a", "missing") is None


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("445", 445),
        ("0", 0),
        ("0445", None),
        ("445.0", None),
        ("", None),
        ("-1", None),
        ("4٤5", None),
        ("65536", None),
        ("9" * 5000, None),
    ],
)
def test_port(value: str, number: int | None) -> None:
    assert values.port(value) == number


@pytest.mark.parametrize(
    ("value", "flag"),
    [("1", True), ("true", True), ("Yes", True), ("0", False), ("No", False), ("", None), ("2", None)],
)
def test_flag(value: str, flag: bool | None) -> None:
    assert values.flag(value) is flag


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("10.0.0.1", "10.0.0.1"),
        (" 10.0.0.1 ", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("FE80::1%12", "fe80::1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("0.0.0.0", None),
        ("::", None),
        ("::ffff:0.0.0.0", None),
        ("10.0.0.01", None),
        ("10.0.0.1 10.0.0.2", None),
        ("x", None),
        ("-", None),
        ("", None),
    ],
)
def test_address(written: str, canonical: str | None) -> None:
    assert values.address(written) == canonical
