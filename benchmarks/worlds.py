"""Which simulated worlds quality is measured on, and how one is made and taken away again."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from lmgraph.simulate.options import SCENARIOS, Flavour, Options

#: Weights and thresholds may be chosen on these, and on no others.
TRAINING_SEEDS: Final = tuple(range(1, 7))
#: What is reported comes from these, which nothing was chosen on.
REPORTED_SEEDS: Final = tuple(range(101, 111))
MEASURED_FLAVOURS: Final[tuple[Flavour, ...]] = ("fdr", "logscale")


class Size(NamedTuple):
    """A company and a time, and how many attacks share one world of it."""

    hosts: int
    days: int
    attacks: int


SIZES: Final = (Size(100, 5, 4), Size(500, 7, 14), Size(1500, 10, 28))
#: Larger worlds are not made in peace, too: they take longest.
PEACE_MOST_HOSTS: Final = 500
#: A hop every 30 to 60 hours wants more days than the small size has, and a larger gap than the default.
SLOWER: Final = "slower"
SLOWER_SIZE: Final = Size(100, 10, 1)
SLOWER_GAP: Final = "72h"


class World(msgspec.Struct, frozen=True, kw_only=True):
    """One world to be simulated and analysed.

    Attributes:
        scenarios: Its attacks; none is peace.
        max_gap: ``--max-gap`` of the analysis; None is the default.
    """

    seed: int
    hosts: int
    days: int
    flavour: Flavour
    scenarios: tuple[str, ...]
    max_gap: str | None = None

    @property
    def size(self) -> str:
        """``100 × 5``: hosts and days."""
        return f"{self.hosts:,} × {self.days}"

    @property
    def commands(self) -> tuple[str, str]:
        """The command lines that make this world and analyse it."""
        attacks = "".join(f" --scenario {name}" for name in self.scenarios or ("none",))
        options = f"--hosts {self.hosts} --days {self.days} --seed {self.seed} --flavour {self.flavour}"
        gap = f" --max-gap {self.max_gap}" if self.max_gap else ""
        return (
            f"lmgraph simulate --out world {options}{attacks}",
            f"lmgraph analyze world/{self.flavour}{gap}",
        )


def deal(seed: int, size: Size) -> list[tuple[str, ...]]:
    """Every scenario but ``slower`` once, in hands of at most ``size.attacks``, mixed anew for each seed."""
    names = [name for name in SCENARIOS if name != SLOWER]
    random.Random(f"{seed} {size.hosts} {size.days}").shuffle(names)
    hands = -(-len(names) // size.attacks)
    return [tuple(sorted(names[start::hands], key=list(SCENARIOS).index)) for start in range(hands)]


def worlds(
    seeds: Sequence[int],
    sizes: Sequence[Size] = SIZES,
    flavours: Sequence[Flavour] = MEASURED_FLAVOURS,
) -> list[World]:
    """All worlds of these seeds, sizes and flavours, those of ``slower`` last; the order is fixed."""
    found = []
    for size in sizes:
        for seed in seeds:
            hands = [*deal(seed, size), *([()] if size.hosts <= PEACE_MOST_HOSTS else [])]
            found += [
                World(seed=seed, hosts=size.hosts, days=size.days, flavour=flavour, scenarios=hand)
                for flavour in flavours
                for hand in hands
            ]
    hosts, days = SLOWER_SIZE.hosts, SLOWER_SIZE.days
    return found + [
        World(seed=seed, hosts=hosts, days=days, flavour=flavour, scenarios=(SLOWER,), max_gap=SLOWER_GAP)
        for seed in seeds
        for flavour in flavours
    ]


@contextmanager
def made(world: World) -> Iterator[tuple[dict[str, Any], Path]]:
    """The truth about the world and the folder of its telemetry, which is gone afterwards."""
    from lmgraph.simulate.run import simulate

    options = Options(
        scenarios=world.scenarios,
        hosts=world.hosts,
        days=world.days,
        seed=world.seed,
        flavour=world.flavour,
    )
    with tempfile.TemporaryDirectory(prefix="lmgraph-quality-") as scratch:
        written = simulate(Path(scratch) / "world", options)
        yield json.loads(written.truth.read_bytes()), written.telemetry
