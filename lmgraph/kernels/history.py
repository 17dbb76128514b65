"""Kernels of the history: counting the days before a moment on which something was used."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lmgraph.kernels import kernel

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


@kernel
def earlier_days(key: I64, time_us: I64, day: I64, asked: I64, before_us: I64, keys: int, days: I64) -> None:
    """Distinct days with a use of ``asked[i]`` strictly before ``before_us[i]``, into ``days[i]``.

    Uses and questions are in order of time; keys are less than ``keys``. A use whose key is < 0 does
    not count, a question that asks for such a key gets −1.
    """
    count = np.zeros(keys, np.int64)
    latest = np.empty(keys, np.int64)
    use = 0
    for i in range(asked.size):
        while use < key.size and time_us[use] < before_us[i]:
            of = key[use]
            if of >= 0 and (count[of] == 0 or latest[of] != day[use]):
                count[of] += 1
                latest[of] = day[use]
            use += 1
        days[i] = count[asked[i]] if asked[i] >= 0 else -1


@kernel
def target_days(
    source: I64,
    pair: I64,
    moved: Bool,
    time_us: I64,
    day: I64,
    first_day: int,
    many: int,
    asked: I64,
    before_us: I64,
    sources: int,
    pairs: int,
    days_many: I64,
    days_new: I64,
) -> None:
    """Days of a source, strictly before each moment: with ``many`` targets, and with a new one.

    Uses and questions are in order of time; ``pair`` is a code of a use's source and target, < 0 where
    it has none. New is a target at the first use that ``moved`` there, but for those up to
    ``first_day``. The counts of source ``asked[i]`` before ``before_us[i]`` go to ``days_many[i]`` and
    ``days_new[i]``.
    """
    used = np.full(pairs, np.iinfo(np.int64).min, np.int64)  # the last day of the pair
    known = np.zeros(pairs, np.bool_)  # the pair has moved
    today = np.full(sources, np.iinfo(np.int64).min, np.int64)  # the last day of the source
    targets = np.zeros(sources, np.int64)  # on that day
    newest = np.full(sources, np.iinfo(np.int64).min, np.int64)  # the last day with a new target
    with_many = np.zeros(sources, np.int64)
    with_new = np.zeros(sources, np.int64)
    use = 0
    for i in range(asked.size):
        while use < source.size and time_us[use] < before_us[i]:
            who, to, when = source[use], pair[use], day[use]
            if to >= 0:
                if used[to] != when:
                    used[to] = when
                    if today[who] != when:
                        today[who] = when
                        targets[who] = 0
                    targets[who] += 1
                    if targets[who] == many:
                        with_many[who] += 1
                if moved[use] and not known[to]:
                    known[to] = True
                    if when > first_day and newest[who] != when:
                        newest[who] = when
                        with_new[who] += 1
            use += 1
        days_many[i] = with_many[asked[i]]
        days_new[i] = with_new[asked[i]]


@kernel
def targets_near(
    group: I64, time_us: I64, target: I64, window: int, gap: int, targets: int, near: I64, most: I64
) -> None:
    """Distinct targets of the same group at most ``window`` before or after each row, into ``near``.

    And into ``most`` the greatest such number among the rows of the group whose window ends before the
    row's past does, ``gap`` before it; 0 where there is none.

    Rows are sorted by (group, time); a target is less than ``targets``.
    """
    seen = np.zeros(targets, np.int64)  # rows of each target from ``first`` up to ``last``
    first = last = done = 0
    count = 0
    greatest = np.int64(0)
    for i in range(group.size):
        if i > 0 and group[i] != group[i - 1]:
            for j in range(first, last):
                seen[target[j]] = 0
            first = last = done = i
            count = 0
            greatest = np.int64(0)
        while last < group.size and group[last] == group[i] and time_us[last] <= time_us[i] + window:
            if seen[target[last]] == 0:
                count += 1
            seen[target[last]] += 1
            last += 1
        while time_us[first] < time_us[i] - window:
            seen[target[first]] -= 1
            if seen[target[first]] == 0:
                count -= 1
            first += 1
        near[i] = count
        while done < i and time_us[done] < time_us[i] - gap - window:
            greatest = max(greatest, near[done])
            done += 1
        most[i] = greatest
