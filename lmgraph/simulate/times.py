"""Days and hours of a simulation: milliseconds since 1970, UTC, as integers."""

from __future__ import annotations

import datetime as dt
from typing import Final

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
START: Final = round(dt.datetime(2026, 3, 2, tzinfo=dt.UTC).timestamp() * 1000)  # a Monday
_WEEKEND: Final = (5, 6)


def moment(day: int, hour: float, zone: int = 0) -> int:
    """That hour of a day (0 is the first) where clocks are ``zone`` hours ahead of UTC."""
    return START + day * DAY + round((hour - zone) * HOUR)


def day_of(when: int) -> int:
    """The day of a time, in UTC."""
    return (when - START) // DAY


def is_working_day(day: int) -> bool:
    """Whether it is no Saturday or Sunday."""
    return day % 7 not in _WEEKEND


def horizon(days: int) -> tuple[int, int]:
    """First moment of a simulation, and the first one after it."""
    return START, START + days * DAY


def seconds(when: int) -> str:
    """Falcon's ``sec.mmm``."""
    return f"{when // 1000}.{when % 1000:03d}"


def iso(when: int) -> str:
    """ISO-8601 with microseconds and ``Z``, as every result of lmgraph has it."""
    return dt.datetime.fromtimestamp(when / 1000, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
