"""Contests: who takes part, that answers must be equal, what a ratio is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.contest import Contestant, Outcome, compete
from benchmarks.rss import measured

WORKS = "tests.benchmarks.works"


def sleeper(seconds: float, said: int) -> Contestant:
    return Contestant(f"{WORKS}:sleeper", (seconds, said))


def test_all_take_as_many_turns_and_the_absent_say_why() -> None:
    outcome = compete(
        {
            "slow": sleeper(0.05, 1),
            "fast": sleeper(0.0, 1),
            "noisy": Contestant(f"{WORKS}:noisy"),
            "absent": Contestant(f"{WORKS}:absent"),
        },
        rounds=3,
    )
    assert {name: len(taken) for name, taken in outcome.seconds.items()} == {"slow": 3, "fast": 3, "noisy": 3}
    assert outcome.absent == {"absent": "not built"}
    assert outcome.median("slow") >= 0.05


def test_different_answers_end_the_contest() -> None:
    with pytest.raises(AssertionError, match="different answers"):
        compete({"one": sleeper(0, 1), "two": sleeper(0, 2)}, rounds=1)


def test_a_contestant_that_fails_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="it ended with 1"):
        compete({"it": Contestant(f"{WORKS}:broken")}, rounds=1)
    assert "ValueError: broken" in capfd.readouterr().err


def test_a_ratio_is_the_middle_of_the_rounds_own() -> None:
    outcome = Outcome({"slow": (10.0, 4.0, 9.0), "fast": (1.0, 2.0, 3.0)}, {})
    assert outcome.ratio("slow", "fast") == 3.0  # of 10, 2 and 3, not 9 / 2
    assert outcome.median("slow") == 9.0


def test_peak_memory_is_the_commands_own(root: Path) -> None:
    hold = [bytearray(200_000_000)]  # what this process holds must not count
    small = measured((sys.executable, "-S", "-c", "pass"))
    command = (sys.executable, "-m", "benchmarks.rss", sys.executable, "-c", "held = b'x' * 100_000_000")
    said = json.loads(subprocess.run(command, cwd=root, capture_output=True, check=True).stdout)
    assert len(hold) == 1
    assert 100 < said["mib"] < 150
    assert said["status"] == small["status"] == 0


def test_a_command_that_fails_says_so() -> None:
    assert measured((sys.executable, "-c", "raise SystemExit(3)"))["status"] == 3
