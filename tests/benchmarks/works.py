"""Contestants that are easy to judge."""

from __future__ import annotations

import sys
import time

from benchmarks.contest import Missing, Work


def sleeper(seconds: float, said: int) -> Work:
    """Sleep, then say a number."""

    def run() -> int:
        time.sleep(seconds)
        return said

    return Work(run, answer=lambda number: number)


def noisy() -> Work:
    """Print while working, and answer nothing."""
    return Work(lambda: sys.stdout.write("between the answers\n"))


def absent() -> Work:
    """Not be there."""
    raise Missing("not built")


def broken() -> Work:
    """Fail at once."""
    raise ValueError("broken")
