"""Times as telemetry writes them."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmgraph.errors import RecordError
from lmgraph.ingest.clock import EARLIEST_US, LATEST_US, Clock


@pytest.mark.parametrize(
    ("written", "us"),
    [
        ("1625677521.137", 1625677521137000),
        (1625677521.137, 1625677521137000),
        ("1625677521", 1625677521000000),
        ("1625677521162", 1625677521162000),
        (1625677521162, 1625677521162000),
        ("1625677521162.5", 1625677521162500),
        ("1625677521162003", 1625677521162003),
        ("1625677521162003999", 1625677521162003),
        ("1625677521.12345678", 1625677521123456),
        ("2021-07-07T17:05:21.162Z", 1625677521162000),
        ("2021-07-07T19:05:21.162+02:00", 1625677521162000),
        (" 1625677521 ", 1625677521000000),
    ],
)
def test_reads_exactly(written: object, us: int) -> None:
    clock = Clock(ZoneInfo("Europe/Berlin"))
    assert clock.read(written, "f") == us
    assert not clock.assumed


@pytest.mark.parametrize("written", [None, "", "  ", 0, "0", "0.000"])
def test_nothing_written_is_no_time(written: object) -> None:
    assert Clock(dt.UTC).read(written, "f") is None


def test_zone_is_assumed_and_remembered() -> None:
    clock = Clock(ZoneInfo("Europe/Berlin"))
    assert clock.read("2021-07-07 19:05:21.162", "f") == 1625677521162000
    assert clock.assumed


@pytest.mark.parametrize(
    "written",
    [
        "1",
        "-5",
        "99999999999",
        "9999999999999999",
        10**30,
        "9" * 5000,
        "1601-01-01T00:00:00Z",
        "2100-01-01T00:00:00Z",
    ],
)
def test_out_of_range(written: object) -> None:
    with pytest.raises(RecordError, match=r"^time out of range \[f\]$"):
        Clock(dt.UTC).read(written, "f")


@pytest.mark.parametrize(
    "written", ["x", ".", "1.x", True, [1], {}, float("nan"), "2021-13-01", "1e400", "½"]
)
def test_no_time(written: object) -> None:
    with pytest.raises(RecordError, match=r"^no time \[f\]$"):
        Clock(dt.UTC).read(written, "f")


@given(st.integers(EARLIEST_US // 1000, LATEST_US // 1000 - 1))
def test_seconds_and_milliseconds_agree(ms: int) -> None:
    clock = Clock(dt.UTC)
    assert clock.read(str(ms), "f") == clock.read(f"{ms // 1000}.{ms % 1000:03}", "f") == ms * 1000


def test_a_count_that_can_only_be_seconds_is_nothing_else() -> None:
    clock = Clock(dt.UTC)
    assert clock.read("1625677521.137", "f", seconds=True) == 1625677521137000
    assert clock.first({"f": "2021-07-07T17:05:21Z"}, ("f",), seconds=True) == 1625677521000000
    for written in ("999999999999999999", "1625677521137", 10**30):
        with pytest.raises(RecordError, match=r"^time out of range \[f\]$"):
            clock.first({"f": written}, ("f",), seconds=True)


def test_first_skips_what_is_empty() -> None:
    fields = {"a": "", "b": None, "c": "1625677521", "d": "x"}
    assert Clock(dt.UTC).first(fields, ("a", "b", "c", "d")) == 1625677521000000
    assert Clock(dt.UTC).first(fields, ("a", "missing")) is None


def test_usual_spellings_are_read_as_any_other() -> None:
    clock = Clock(dt.UTC)
    for written in ("1000000000.000", "999999999.999", "4102444799.999", "0999999999.999", "1700000000.250"):
        whole, fraction = written.split(".")
        expected = (int(whole) * 1000 + int(fraction)) * 1000
        for text in (written, f" {written}", f"{written}0"):
            assert clock.read(text, "f") == clock.read(text, "f", seconds=True) == expected
    assert clock.read("1700000000250", "f") == 1700000000250000
    assert clock.read("4102444799999", "f") == 4102444799999000
    assert clock.read("0000000000.000", "f") is clock.read("0000000000000", "f") is None
    for wrong in (
        "4102444800.000",
        "4102444800000",
        "1700000000_00",
        "1700000000.٢٥٠",
        "١٧٠٠٠٠٠٠٠٠٢٥٠",
        "+700000000.250",
    ):
        with pytest.raises(RecordError, match=r"^(time out of range|no time) \[f\]$"):
            clock.read(wrong, "f")
    with pytest.raises(RecordError, match=r"^time out of range \[f\]$"):
        clock.read("1700000000250", "f", seconds=True)
