"""Settings of a run, and the readings of durations and times that options give."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from lmgraph.errors import UsageError

SECOND_US: Final = 1_000_000
HOUR_US: Final = 3600 * SECOND_US
DAY_US: Final = 24 * HOUR_US
LONGEST_US: Final = 10_000 * DAY_US  # longer than any telemetry, and far from where int64 sums overflow

_UNITS: Final = {"ms": 1_000, "s": SECOND_US, "m": 60 * SECOND_US, "h": HOUR_US, "d": DAY_US, "w": 7 * DAY_US}
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_FIRST_US: Final = (dt.datetime.min.replace(tzinfo=dt.UTC) - _EPOCH) // dt.timedelta(microseconds=1)
_LAST_US: Final = (dt.datetime.max.replace(tzinfo=dt.UTC) - _EPOCH) // dt.timedelta(microseconds=1)
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a run is asked for; the defaults are those of the command line.

    Durations and times are int64 microseconds; a duration is 10,000 days at most, a time lies in the
    years 1 to 9999. ``max_gap_us`` of ``None`` means no limit.

    Raises:
        UsageError: An interval that ends before it begins, or a value out of range.
    """

    window_us: int = 15 * 60 * SECOND_US
    max_gap_us: int | None = DAY_US
    skew_us: int = 30 * SECOND_US
    since_us: int | None = None
    until_us: int | None = None
    rules: Literal["corrected", "literal"] = "corrected"
    tz: str = "UTC"
    assets: str | None = None
    tuning: str | None = None
    default_tuning: bool = True
    baseline: str | None = None
    hash_inputs: bool = False
    strict: bool = False
    jobs: int | None = None
    scan: bool = True

    def __post_init__(self) -> None:
        for option, time_us in (("--since", self.since_us), ("--until", self.until_us)):
            if time_us is not None:
                _check_time(time_us, option)
        if self.since_us is not None and self.until_us is not None and self.since_us >= self.until_us:
            interval = f"--since {iso(self.since_us)} is not before --until {iso(self.until_us)}"
            raise UsageError(f"the interval is empty: {interval}")
        if self.window_us <= 0:
            raise UsageError("a window must be longer than nothing", path="--window")
        durations = {"--window": self.window_us, "--skew": self.skew_us, "--max-gap": self.max_gap_us}
        for option, duration_us in durations.items():
            if duration_us is not None:
                _check_duration(duration_us, option)
        files = {"--assets": self.assets, "--tuning": self.tuning, "--baseline": self.baseline}
        for option, file in files.items():
            if file == "":
                raise UsageError("the name of the file is empty", path=option)
        if self.jobs is not None and self.jobs < 1:
            raise UsageError("at least one worker is needed", path="--jobs")
        parse_zone(self.tz)


def parse_zone(name: str) -> dt.tzinfo:
    """The time zone of that IANA name.

    Raises:
        UsageError: No such zone on this machine.
    """
    if name.upper() in {"UTC", "Z"}:
        return dt.UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(f"unknown time zone {name!r}", path="--tz") from error


def parse_duration(text: str, *, option: str = "duration") -> int:
    """Microseconds of ``90s``, ``15m``, ``1h30m``, ``2d``.

    Raises:
        UsageError: The text is no duration, or one of more than 10,000 days.
    """
    folded = text.strip().lower()
    end = total = 0
    for match in _DURATION.finditer(folded):
        if match.start() != end:
            break
        # Bounded before it is rounded: enough digits make a float infinite.
        total += round(min(float(match[1]) * _UNITS[match[2]], 2.0 * LONGEST_US))
        end = match.end()
    if not folded or end != len(folded):
        raise UsageError(f"{text!r} is no duration; write 90s, 15m, 1h30m or 2d", path=option)
    _check_duration(total, option)
    return total


def parse_time(text: str, zone: dt.tzinfo = dt.UTC, *, option: str = "time") -> int:
    """Microseconds since 1970 UTC of an ISO-8601 time; ``zone`` is that of a time without one.

    Raises:
        UsageError: The text is no time, or one that in UTC lies outside of the years 1 to 9999.
    """
    try:
        moment = dt.datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise UsageError(f"{text!r} is no time; write 2026-05-04T08:00:00Z", path=option) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return checked_us(moment, option=option)


def checked_us(moment: dt.datetime, *, option: str = "time") -> int:
    """``to_us`` of a time that a user gave.

    Raises:
        UsageError: In UTC it lies outside of the years 1 to 9999.
    """
    try:
        time_us = to_us(moment)
    except OverflowError:  # a zone that reckons its offset in UTC
        time_us = _LAST_US + 1
    _check_time(time_us, option)
    return time_us


def to_us(moment: dt.datetime) -> int:
    """Microseconds since 1970 UTC of an aware datetime, exactly (no float in between)."""
    return (moment - _EPOCH) // dt.timedelta(microseconds=1)


def iso(us: int) -> str:
    """``2026-05-04T08:00:00.000000Z``: the one way in which lmgraph writes a time."""
    moment = dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=us)  # noqa: DTZ001 - written as UTC below
    return moment.isoformat(timespec="microseconds") + "Z"


def _check_duration(duration_us: int, option: str) -> None:
    if duration_us < 0:
        raise UsageError("a duration cannot be negative", path=option)
    if duration_us > LONGEST_US:
        raise UsageError("a duration cannot be longer than 10,000 days", path=option)


def _check_time(time_us: int, option: str) -> None:
    if not _FIRST_US <= time_us <= _LAST_US:
        raise UsageError("in UTC, the time lies outside of the years 1 to 9999", path=option)
