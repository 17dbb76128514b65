"""Kernels of the history: counting the days before a moment on which something was used."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lmgraph.kernels import kernel

I64 = npt.NDArray[np.int64]


@kernel
def earlier_days(
    key: I64, time_us: I64, asked: I64, before_us: I64, day_us: int, days: I64, last_key: int
) -> None:
    """Distinct days with a use of ``asked[i]`` strictly before ``before_us[i]``, into ``days[i]``.

    Uses are sorted by (key, time), questions by (asked, before). A day is a whole multiple of
    ``day_us`` since 1970. ``last_key`` is a key that occurs in neither.
    """
    use = 0
    group = np.int64(last_key)
    count = 0
    day = np.int64(0)
    for i in range(asked.size):
        if asked[i] != group:
            group = asked[i]
            count = 0
            while use < key.size and key[use] < group:
                use += 1
        while use < key.size and key[use] == group and time_us[use] < before_us[i]:
            if count == 0 or time_us[use] // day_us != day:
                count += 1
                day = time_us[use] // day_us
            use += 1
        days[i] = count


@kernel
def distinct_near(group: I64, time_us: I64, value: I64, window: int, seen: I64, distinct: I64) -> None:
    """Distinct values of the same group at most ``window`` before or after each row.

    Rows are sorted by (group, time); ``seen`` is a scratch array of zeros, one per value. The
    count goes to ``distinct``.
    """
    first = 0
    last = 0
    count = 0
    for i in range(group.size):
        if i > 0 and group[i] != group[i - 1]:
            for j in range(first, last):
                seen[value[j]] = 0
            first = last = i
            count = 0
        while last < group.size and group[last] == group[i] and time_us[last] <= time_us[i] + window:
            if seen[value[last]] == 0:
                count += 1
            seen[value[last]] += 1
            last += 1
        while time_us[first] < time_us[i] - window:
            seen[value[first]] -= 1
            if seen[value[first]] == 0:
                count -= 1
            first += 1
        distinct[i] = count


@kernel
def greatest_before(group: I64, time_us: I64, value: I64, before_us: I64, greatest: I64) -> None:
    """The greatest value of the same group strictly before each row's moment, 0 where none is.

    Rows are sorted by (group, time); within a group the moments ascend, too. The answer goes to
    ``greatest``.
    """
    done = 0
    most = np.int64(0)
    for i in range(group.size):
        if i > 0 and group[i] != group[i - 1]:
            done = i
            most = np.int64(0)
        while done < i and time_us[done] < before_us[i]:
            most = max(most, value[done])
            done += 1
        greatest[i] = most
