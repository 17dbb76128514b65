"""Many times at once as the document writes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def isos(times_us: npt.NDArray[np.int64] | Sequence[int]) -> list[str]:
    """``settings.iso`` of each time (microseconds UTC), five times as fast."""
    moments = np.asarray(times_us, np.int64).view("M8[us]")
    made: list[str] = np.datetime_as_string(moments, timezone="UTC").tolist()
    return made


def isos_or_none(times_us: Sequence[int | None]) -> list[str | None]:
    """``isos`` where a time may be unknown."""
    made = isos([0 if time_us is None else time_us for time_us in times_us])
    return [None if time_us is None else one for time_us, one in zip(times_us, made, strict=True)]
