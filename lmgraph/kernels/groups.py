"""Kernels of grouping: rows by small codes, and small codes for pairs of codes, without a sort."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lmgraph.kernels import kernel

I64 = npt.NDArray[np.int64]


@kernel
def order_by(code: I64, start: I64, order: I64) -> None:
    """The rows of each code in their order: those of code c go to ``order[start[c]:start[c + 1]]``.

    ``start`` holds zeros, one per code and one more. Rows with a code < 0 go nowhere.
    """
    for i in range(code.size):
        if code[i] >= 0:
            start[code[i] + 1] += 1
    for group in range(1, start.size):
        start[group] += start[group - 1]
    filled = start.copy()
    for i in range(code.size):
        if code[i] >= 0:
            order[filled[code[i]]] = i
            filled[code[i]] += 1


@kernel
def number_pairs(first: I64, second: I64, firsts: int, seconds: int, code: I64) -> int:
    """A dense code for each distinct pair, into ``code``; −1 where an end is < 0. Returns how many.

    The ends are less than ``firsts`` and ``seconds``.
    """
    start = np.zeros(firsts + 1, np.int64)
    order = np.empty(first.size, np.int64)
    order_by(first, start, order)
    seen_by = np.full(seconds, -1, np.int64)
    number = np.empty(seconds, np.int64)
    code[:] = -1
    count = 0
    for group in range(firsts):
        for place in range(start[group], start[group + 1]):
            i = order[place]
            other = second[i]
            if other < 0:
                continue
            if seen_by[other] != group:
                seen_by[other] = group
                number[other] = count
                count += 1
            code[i] = number[other]
    return count
