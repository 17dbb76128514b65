"""``lmgraph simulate``: the command; what it does is loaded when it is called."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from lmgraph.cli_common import say
from lmgraph.errors import UsageError
from lmgraph.simulate.options import (
    FLAVOURS,
    MAX_DAYS,
    MAX_HOSTS,
    MAX_NOISE,
    MIN_DAYS,
    MIN_HOSTS,
    SCENARIOS,
    Flavour,
    Options,
)
from lmgraph.text import visible

_NONE, _ALL = "none", "all"


@click.command()
@click.option(
    "--out", required=True, metavar="DIR", help="Folder to write to: truth.json, and the telemetry below it."
)
@click.option(
    "--scenario",
    "names",
    multiple=True,
    type=click.Choice([_NONE, _ALL, *SCENARIOS]),
    metavar="NAME",
    help="An attack (chain unless given); may be repeated, the same one too; all, or none.",
)
@click.option(
    "--hosts",
    type=click.IntRange(MIN_HOSTS, MAX_HOSTS),
    default=100,
    show_default=True,
    metavar="N",
    help="Number of hosts.",
)
@click.option(
    "--days",
    type=click.IntRange(MIN_DAYS, MAX_DAYS),
    default=5,
    show_default=True,
    metavar="N",
    help="Number of days; the first is a Monday.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    default=1,
    show_default=True,
    metavar="N",
    help="Which world; the same seed gives the same bytes.",
)
@click.option(
    "--flavour",
    type=click.Choice(FLAVOURS),
    default="fdr",
    show_default=True,
    help="How the telemetry is written: raw, as an export, or as the query's result.",
)
@click.option(
    "--noise",
    type=click.FloatRange(0, MAX_NOISE),
    default=1.0,
    show_default=True,
    metavar="X",
    help="Factor on all that is irregular besides the attacks: exceptions, delays, duplicates, broken lines.",
)
@click.option("--force", is_flag=True, help="Replace an earlier simulation in that folder.")
@click.option("-q", "--quiet", is_flag=True, help="Nothing on standard error.")
def simulate(
    out: str, names: tuple[str, ...], hosts: int, days: int, seed: int, flavour: Flavour, noise: float,
    force: bool, quiet: bool,  # noqa: FBT001 - click passes every option by name
) -> None:  # fmt: skip
    """Write synthetic telemetry with attacks in it, and the truth about them.

    A company at work (administrators, help desk, backup, scans, roll-outs) and attacks of known
    course, to try a tuning or a rule against. See docs/simulate.md for the scenarios and for
    truth.json.

    \b
    Examples:
      lmgraph simulate --out world
      lmgraph analyze world/fdr
      lmgraph simulate --out big --hosts 500 --days 7 --scenario worm --scenario rider
      lmgraph simulate --out peace --scenario none --flavour logscale
    """  # noqa: D301 - click wants the character \b itself
    from lmgraph.simulate import run
    from lmgraph.summary import number

    _check(out, names)
    wanted = tuple(name for name in names or ("chain",) if name != _NONE)
    if _ALL in wanted:
        wanted = tuple(SCENARIOS)
    options = Options(scenarios=wanted, hosts=hosts, days=days, seed=seed, flavour=flavour, noise=noise)

    def tell(day: int) -> None:
        say(f"Day {day + 1} of {days} written.")

    summary = run.simulate(Path(out), options, force=force, progress=None if quiet else tell)
    if quiet:
        return
    attacks = number(len(summary.attacks), "attack")
    hops = number(sum(len(attack.hops) for attack in summary.attacks), "hop")
    telemetry, truth = visible(str(summary.telemetry)), visible(str(summary.truth))
    say(
        f"Wrote {telemetry} ({summary.tally.records:,} records) and {truth}: "
        f"{attacks} with {hops} among {number(summary.movements, 'benign movement')}."
    )


def _check(out: str, names: Sequence[str]) -> None:
    """Refuse what can only be a slip, before anything is written."""
    if not out:
        raise UsageError("the name of the folder is empty", path="--out")
    if out == "-":
        raise UsageError("a simulation goes to a folder", path="--out -")
    for alone in (_NONE, _ALL):
        if alone in names and set(names) != {alone}:
            raise UsageError(f"{alone} goes with no other scenario", path="--scenario")
