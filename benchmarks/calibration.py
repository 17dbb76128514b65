"""How fast the machine is at this moment: what makes figures of different runs comparable."""

from __future__ import annotations

import time
from typing import Final

import numpy as np

_WORDS: Final = np.arange(8_000_000, dtype=np.int64)  # 64 MB, more than a core's own caches hold
_STEPS: Final = 100_000
_ROUNDS: Final = 7


def calibrate() -> float:
    """Seconds of a fixed piece of work, half of it memory and half of it Python; the best of some rounds."""
    return min(_seconds() for _ in range(_ROUNDS))


def _seconds() -> float:
    began = time.perf_counter()
    int(_WORDS.sum())
    total = 0
    for step in range(_STEPS):
        total += step & 7
    return time.perf_counter() - began
