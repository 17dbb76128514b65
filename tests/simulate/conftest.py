"""One world with every scenario in it, written once and read by many tests."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lmgraph.simulate import SCENARIOS, Options, calendar
from lmgraph.simulate.run import simulate


def lines(folder: Path) -> list[bytes]:
    """Every line of every event part below a folder."""
    parts = sorted([*folder.rglob("data/*/*.gz"), *folder.rglob("*.ndjson.gz")])
    return [line for part in parts for line in gzip.decompress(part.read_bytes()).splitlines()]


def records(folder: Path) -> list[dict[str, Any]]:
    """Every record that can be read."""
    found = []
    for line in lines(folder):
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


@dataclass(frozen=True)
class World:
    """What was written, and the truth about it."""

    truth: dict[str, Any]
    records: list[dict[str, Any]]

    def attack(self, name: str) -> dict[str, Any]:
        return next(attack for attack in self.truth["attacks"] if attack["scenario"] == name)

    def of(self, hop: dict[str, Any]) -> list[dict[str, Any]]:
        """The records of a hop, once each."""
        wanted = set(hop["events"])
        return list({record["id"]: record for record in self.records if record["id"] in wanted}.values())


@pytest.fixture(scope="session")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Eight days of 150 hosts, and every scenario; nothing is lost, so that each hop shows whole."""
    out = tmp_path_factory.mktemp("crowded") / "world"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calendar, "_LOST", 0)
        patch.setattr(calendar, "_DOWN", 0)
        simulate(out, Options(scenarios=tuple(SCENARIOS), hosts=150, days=8, seed=4))
    return World(json.loads((out / "truth.json").read_bytes()), records(out))
