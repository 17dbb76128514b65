"""Grouping of rows by dense codes, in time linear in rows and codes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lmgraph.kernels import groups as kernels

I64 = npt.NDArray[np.int64]
Codes = npt.NDArray[np.signedinteger]


class Lists(NamedTuple):
    """Lists of numbers, one after the other: list i is ``item[start[i]:start[i + 1]]``."""

    start: I64
    item: I64

    def take(self, which: I64) -> Lists:
        """The chosen lists, in that order."""
        length = np.diff(self.start)[which]
        start = np.append(0, np.cumsum(length))
        return Lists(
            start, self.item[np.arange(start[-1]) + np.repeat(self.start[which] - start[:-1], length)]
        )

    def tuples(self) -> list[tuple[int, ...]]:
        """The lists as tuples."""
        ends, items = self.start.tolist(), self.item.tolist()
        return [tuple(items[begin:end]) for begin, end in pairwise(ends)]


def order_by(code: Codes, count: int) -> Lists:
    """The rows of each code, in their order.

    Args:
        code: Of each row, 0 … count−1.
        count: Number of codes.
    """
    start, order = np.zeros(count + 1, np.int64), np.empty(code.size, np.int64)
    kernels.order_by(np.array(code, np.int64), start, order)
    return Lists(start, order)


def order_by_pair(first: Codes, second: Codes) -> I64:
    """The rows by ``first``, then by ``second``, then in their order; both are codes ≥ 0."""
    _, by_second = order_by(second, size(second))
    _, by_first = order_by(first[by_second], size(first))
    return by_second[by_first]


def number_pairs(*pairs: tuple[Codes, Codes]) -> tuple[Sequence[I64], int]:
    """One dense code for each distinct pair of codes in some lists of pairs.

    Returns:
        The codes of each list, −1 where an end of a pair is −1; and how many there are.
    """
    first = np.concatenate([np.asarray(one, np.int64) for one, _ in pairs])
    second = np.concatenate([np.asarray(other, np.int64) for _, other in pairs])
    code = np.empty(first.size, np.int64)
    count = kernels.number_pairs(first, second, size(first), size(second), code)
    return np.split(code, np.cumsum([one.size for one, _ in pairs])[:-1]), count


def sorted_by(first: npt.NDArray[Any], *further: npt.NDArray[Any]) -> I64:
    """The rows sorted by the columns, the first one first; flags that are set come before others.

    Most often the first column decides: each further one is looked at only where those before do not.
    """
    order = np.argsort(first, kind="stable")
    place = np.arange(order.size)  # of rows that are still equal to a neighbour
    group = np.zeros(order.size, np.int64)
    column = first[order]
    for following in further:
        new = np.ones(place.size + 1, bool)
        new[1:-1] = (column[1:] != column[:-1]) | (group[1:] != group[:-1])
        equal = ~(new[1:] & new[:-1])
        if not equal.any():
            break
        place, group = place[equal], np.cumsum(new[:-1])[equal]
        some = order[place]
        column = ~following[some] if following.dtype == bool else following[some]
        by_column = np.lexsort((column, group))
        order[place], column = some[by_column], column[by_column]
    return order


def size(code: Codes) -> int:
    """How many codes there are at least: one more than the greatest."""
    return int(code.max(initial=-1)) + 1
