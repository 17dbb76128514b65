"""What each part of the score is worth: the same evidence, weighed without it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from benchmarks.judge import Verdict, judge
from benchmarks.worlds import REPORTED_SEEDS, World
from lmgraph import finish, pipeline, score, tuning
from lmgraph.engines.local import LocalEngine
from lmgraph.result import in_full
from lmgraph.settings import Settings

#: The part of the run on which terms are left out: small enough to be weighed a dozen times.
SEEDS: Final = REPORTED_SEEDS[:3]
MOST_HOSTS: Final = 500
FLAVOUR: Final = "fdr"
WHOLE: Final = ""  # the name under which nothing is left out


def chosen(world: World) -> bool:
    """Whether terms are left out in this world."""
    small = world.hosts <= MOST_HOSTS and world.max_gap is None
    return small and world.seed in SEEDS and world.flavour == FLAVOUR


def parts() -> dict[str, tuple[str, ...]]:
    """What is left out, by name: the terms of each group of hops, of all links, and each link's alone."""
    groups: dict[str, tuple[str, ...]] = {}
    for name, weight in score.WEIGHTS.items():
        if weight.group != "prior":
            groups[weight.group] = (*groups.get(weight.group, ()), name)
    return groups | {"links": tuple(score.LINK_WEIGHTS)} | {name: (name,) for name in score.LINK_WEIGHTS}


@contextmanager
def without(terms: tuple[str, ...]) -> Iterator[None]:
    """The engine with these terms weighing nothing, in this process and until the block ends."""
    tables = (score.WEIGHTS, score.LINK_WEIGHTS)
    kept = [(table, name, table[name]) for table in tables for name in terms if name in table]
    try:
        for table, name, weight in kept:
            table[name] = weight._replace(weight=0)
        yield
    finally:
        for table, name, weight in kept:
            table[name] = weight


def verdicts(truth: Mapping[str, Any], telemetry: Path) -> dict[str, Verdict]:
    """The verdict on the whole engine, and on it without each part."""
    settings = Settings(jobs=1)
    entries, _ = tuning.load(None, default=True)
    partial = pipeline.gather([str(telemetry)], settings, LocalEngine(settings.jobs))
    evidence = finish.evidence(partial, settings, (), entries)
    found = {}
    for name, terms in {WHOLE: (), **parts()}.items():
        with without(terms):
            found[name] = judge(truth, msgspec.to_builtins(in_full(finish.conclude(evidence))))
    return found
