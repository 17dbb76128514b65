"""Seeded chance: one stream for each concern, so that a further concern does not disturb the others."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


class Chance:
    """A numpy generator with the draws that a story needs; every value is a plain Python one."""

    def __init__(self, seed: int, *concern: str | int) -> None:
        # crc32, not hash(): Python's is salted anew in every process.
        words = [seed % 2**32, seed >> 32, *(zlib.crc32(str(word).encode()) for word in concern)]
        self.generator = np.random.default_rng(words)

    def happens(self, probability: float) -> bool:
        """Whether something of this probability happens."""
        return bool(self.generator.random() < probability)

    def between(self, least: float, most: float) -> float:
        """A number of that interval, all equally likely."""
        return float(least + (most - least) * self.generator.random())

    def whole(self, least: int, most: int) -> int:
        """An integer from ``least`` to ``most``, both included."""
        return int(self.generator.integers(least, most + 1))

    def normal(self, mean: float, deviation: float) -> float:
        """A normally distributed number."""
        return float(self.generator.normal(mean, deviation))

    def spread(self, median: float, sigma: float) -> float:
        """A log-normally distributed number: delays and pauses."""
        return float(median * np.exp(self.generator.normal(0.0, sigma)))

    def count(self, mean: float) -> int:
        """A Poisson-distributed count."""
        return int(self.generator.poisson(mean))

    def pick(self, items: Sequence[T]) -> T:
        """One of the items."""
        return items[int(self.generator.integers(len(items)))]

    def habit(self, items: Sequence[T]) -> T:
        """One of the items; the n-th is about 1/n as likely as the first."""
        weights = 1.0 / np.arange(1, len(items) + 1)
        return items[int(self.generator.choice(len(items), p=weights / weights.sum()))]

    def sample(self, items: Sequence[T], number: int) -> list[T]:
        """So many different items (all, if there are no more) in random order."""
        order = self.generator.permutation(len(items))[:number]
        return [items[int(index)] for index in order]

    def clocks(self, number: int, first: int, last: int) -> list[int]:
        """So many moments (ms) of an interval, in order."""
        return sorted(int(value) for value in self.generator.integers(first, max(last, first + 1), number))
