"""Times as telemetry writes them, read exactly: no float on the way, unit by magnitude."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from lmgraph.errors import RecordError
from lmgraph.settings import SECOND_US, to_us

EARLIEST_US: Final = 315_532_800 * SECOND_US  # 1980
LATEST_US: Final = 4_102_444_800 * SECOND_US  # 2100

# Digits of a second that a count of this unit holds. Between 1980 and 2100 no count of one unit is a
# count of another, so the magnitude tells seconds ("1697992784.144") from ms, µs and ns.
_UNITS: Final = ((0, 10**11), (3, 10**14), (6, 10**17), (9, 10**20))
# As most are written, of which no more need be looked at: milliseconds since 2001, in thirteen digits
# with or without a point before the last three.
_SECONDS_LENGTH: Final = len("1697992784.144")
_FIRST_MS: Final = "1000000000000"
_LAST_MS: Final = str(LATEST_US // 1000)


class Clock:
    """Reads times; ``assumed`` tells whether one had no zone, so that the set one was taken.

    Args:
        zone: The zone of times written without one.
    """

    def __init__(self, zone: dt.tzinfo) -> None:
        self._zone = zone
        self.assumed = False

    def read(self, value: Any, field: str, *, seconds: bool = False) -> int | None:
        """Microseconds since 1970 UTC; None where nothing is written (null, "", 0).

        ``seconds``: a count can only be one of seconds.

        Raises:
            RecordError: No time, or one outside 1980 to 2100.
        """
        if value is None:
            return None
        if type(value) is str:
            ms = value if not seconds else ""
            if len(value) == _SECONDS_LENGTH and value[10] == ".":
                ms = value[:10] + value[11:]
            if _FIRST_MS <= ms < _LAST_MS and len(ms) == len(_LAST_MS) and ms.isascii() and ms.isdigit():
                return int(ms) * 1000
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise RecordError("no time", field=field)
        text = value.strip() if isinstance(value, str) else str(value)
        whole, _, fraction = text.partition(".")
        digits = whole + fraction
        if whole and digits.isascii() and digits.isdigit():
            us = _counted(whole, fraction, _UNITS[:1] if seconds else _UNITS)
            if us == 0:
                return None
        elif not text:
            return None
        else:
            us = self._written(text, field)
        if not EARLIEST_US <= us < LATEST_US:
            raise RecordError("time out of range", field=field)
        return us

    def first(self, fields: Mapping[str, Any], names: Iterable[str], *, seconds: bool = False) -> int | None:
        """The first of these fields that holds a time, as ``read`` gives it.

        Raises:
            RecordError: As ``read`` does.
        """
        for name in names:
            us = self.read(fields.get(name), name, seconds=seconds)
            if us is not None:
                return us
        return None

    def _written(self, text: str, field: str) -> int:
        try:
            moment = dt.datetime.fromisoformat(text)
            if moment.tzinfo is None:
                self.assumed = True
                moment = moment.replace(tzinfo=self._zone)
            return to_us(moment)
        except (ValueError, OverflowError) as error:
            digits = text.lstrip("-").replace(".", "", 1)
            message = "time out of range" if digits.isdigit() else "no time"
            raise RecordError(message, field=field) from error


def _counted(whole: str, fraction: str, units: Sequence[tuple[int, int]]) -> int:
    # More digits are beyond any unit, and int() of long text is slow.
    count = int(whole) if len(whole) <= len(str(_UNITS[-1][1])) else _UNITS[-1][1]
    for digits, bound in units:
        if count < bound:
            # Millionths of the unit, of which a second has 10**(digits + 6).
            return int(int(whole + fraction.ljust(6, "0")[:6]) // 10**digits)
    return LATEST_US
