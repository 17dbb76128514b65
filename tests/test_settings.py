"""Settings and the readings of durations and times: every value is in range, whoever gives it."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmgraph.api import make_settings
from lmgraph.errors import UsageError
from lmgraph.settings import DAY_US, Settings, iso, parse_duration, parse_time

LONGEST = 10_000 * DAY_US


@pytest.mark.parametrize(
    ("text", "duration_us"),
    [("90s", 90_000_000), ("1h30m", 5_400_000_000), ("1.5ms", 1_500), ("10000d", LONGEST)],
)
def test_durations(text, duration_us):
    assert parse_duration(text) == duration_us


@pytest.mark.parametrize("text", ["10001d", "10000d1ms", "99999999999999999999d", "9" * 400 + "d"])
def test_duration_beyond_all_telemetry(text):
    with pytest.raises(UsageError, match=r"cannot be longer than 10,000 days \[--skew\]"):
        parse_duration(text, option="--skew")


@pytest.mark.parametrize("name", ["window", "skew", "max_gap"])
@pytest.mark.parametrize("duration_us", [LONGEST + 1, 2**63, 10**30])
def test_settings_bound_their_durations(name, duration_us):
    flag = "--" + name.replace("_", "-")
    with pytest.raises(UsageError, match=rf"cannot be longer than 10,000 days \[{flag}\]"):
        Settings(**{f"{name}_us": duration_us})
    with pytest.raises(UsageError, match=rf"cannot be longer than 10,000 days \[{flag}\]"):
        make_settings(**{name: dt.timedelta.max})


def test_settings_refuse_what_is_less_than_nothing():
    with pytest.raises(UsageError, match=r"longer than nothing \[--window\]"):
        Settings(window_us=0)
    with pytest.raises(UsageError, match=r"cannot be negative \[--skew\]"):
        Settings(skew_us=-1)
    with pytest.raises(UsageError, match=r"cannot be negative \[--max-gap\]"):
        Settings(max_gap_us=-1)


EDGES = [
    ("9999-12-31T23:59:59-12:00", "UTC"),
    ("0001-01-01T00:00:00+14:00", "UTC"),
    ("0001-01-01", "Europe/Berlin"),
    ("9999-12-31T23:59:59", "America/New_York"),
]


@pytest.mark.parametrize(("text", "zone"), EDGES)
@pytest.mark.parametrize("name", ["since", "until"])
def test_time_that_has_no_year_in_utc(text, zone, name):
    with pytest.raises(UsageError, match=rf"outside of the years 1 to 9999 \[--{name}\]"):
        make_settings(tz=zone, **{name: text})
    with pytest.raises(UsageError, match=rf"outside of the years 1 to 9999 \[--{name}\]"):
        make_settings(tz=zone, **{name: dt.datetime.fromisoformat(text)})
    with pytest.raises(UsageError, match=rf"outside of the years 1 to 9999 \[--{name}\]"):
        Settings(**{f"{name}_us": 10**30})


def test_first_and_last_time():
    assert iso(parse_time("0001-01-01")) == "0001-01-01T00:00:00.000000Z"
    assert iso(parse_time("9999-12-31T23:59:59.999999")) == "9999-12-31T23:59:59.999999Z"


@given(st.datetimes(), st.sampled_from(["UTC", "Asia/Tokyo", "America/New_York", "Pacific/Kiritimati"]))
def test_every_time_is_read_or_refused(moment, zone):
    try:
        time_us = parse_time(moment.isoformat(), ZoneInfo(zone))
    except UsageError:
        assert moment.year in {1, 9999}
    else:
        # A difference, for == between two zones is never true where a clock is set back.
        assert (
            dt.datetime.fromisoformat(iso(time_us)) - moment.replace(tzinfo=ZoneInfo(zone)) == dt.timedelta()
        )


@pytest.mark.parametrize("name", ["assets", "tuning"])
def test_file_without_a_name(name):
    with pytest.raises(UsageError, match=rf"the name of the file is empty \[--{name}\]"):
        make_settings(**{name: ""})
