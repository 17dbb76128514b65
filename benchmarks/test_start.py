"""How long a new process takes to be of use; a command that only answers must not load the engine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

Benchmark = Callable[..., Any]
COMMANDS = {
    "python": ("-c", "pass"),
    "import": ("-c", "import lmgraph"),
    "help": ("-m", "lmgraph", "--help"),
}


@pytest.mark.benchmark(group="start")
@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_start(benchmark: Benchmark, name: str) -> None:
    command = (sys.executable, *COMMANDS[name])
    benchmark.pedantic(  # type: ignore[attr-defined]
        subprocess.run,
        args=(command,),
        kwargs={"check": True, "capture_output": True},
        rounds=9,
        warmup_rounds=1,
    )
