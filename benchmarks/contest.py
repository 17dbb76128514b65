"""Work measured side by side: each contestant in a process of its own, all of them by turns.

A machine that others use is slow now and fast then; contestants that take turns see the same. What is
compared are therefore ratios within a round. Each answers once before the clock runs (caches, kernels),
and all that answer must answer the same. A contestant's own process is ``contestant.py``.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
ONE_THREAD: Final = {"POLARS_MAX_THREADS": "1"}  # must be set before polars is imported


class Missing(Exception):  # noqa: N818 - a state, not an error
    """What is to be measured is not there: a tool that is not installed, a part not yet built."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a contestant does in a round, everything needed prepared, and what it answers.

    Attributes:
        run: The timed part.
        answer: What must be equal among contestants, from what ``run`` returned; None: no answer.
    """

    run: Callable[[], Any]
    answer: Callable[[Any], Any] | None = None


@dataclass(frozen=True, slots=True)
class Contestant:
    """Who takes part: a factory ``module:function`` of ``Work``, and its arguments.

    ``prepare`` is done once in this process before the first round, ``environment`` is set in the
    contestant's own.
    """

    factory: str
    arguments: tuple[Any, ...] = ()
    environment: Mapping[str, str] = field(default_factory=lambda: ONE_THREAD)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Seconds of each round by contestant, and why those that are absent took no part."""

    seconds: Mapping[str, tuple[float, ...]]
    absent: Mapping[str, str]

    def median(self, name: str) -> float:
        """Seconds of the middle round."""
        return median(self.seconds[name])

    def ratio(self, slow: str, fast: str) -> float:
        """How many times as long ``slow`` takes as ``fast``: the middle of the rounds' ratios."""
        pairs = zip(self.seconds[slow], self.seconds[fast], strict=True)
        return median(one / other for one, other in pairs)


def compete(contestants: Mapping[str, Contestant], rounds: int) -> Outcome:
    """Measure all contestants by turns.

    Raises:
        AssertionError: They do not answer the same.
        RuntimeError: One of them failed.
    """
    with contextlib.ExitStack() as stack:
        processes = {name: stack.enter_context(_process(who)) for name, who in contestants.items()}
        absent: dict[str, str] = {}
        answers: dict[str, str] = {}
        for name, process in processes.items():
            said = _round(name, process)
            if "absent" in said:
                absent[name] = said["absent"]
            elif said["answer"] is not None:
                answers[name] = said["answer"]
        assert len(set(answers.values())) <= 1, f"different answers: {answers}"
        seconds: dict[str, list[float]] = {name: [] for name in contestants if name not in absent}
        for _ in range(rounds):
            for name, taken in seconds.items():
                taken.append(_round(name, processes[name])["seconds"])
    return Outcome({name: tuple(taken) for name, taken in seconds.items()}, absent)


@contextlib.contextmanager
def _process(who: Contestant) -> Iterator[subprocess.Popen[bytes]]:
    command = (sys.executable, "-m", "benchmarks.contestant", who.factory, json.dumps(who.arguments))
    environment = {**os.environ, **who.environment}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _round(name: str, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(BrokenPipeError):  # it has ended already: what follows is the end of its output
        process.stdin.write(b"\n")
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"{name} ended with {process.wait()}")
    said: dict[str, Any] = json.loads(line)
    return said
