"""``make quality``: how much the ranking finds and how high it puts it, on simulated worlds with truth.

``python -m benchmarks.quality --help`` lists the options; benchmarks/README.md says what is measured.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

import lmgraph
from benchmarks import ablation, figures, page
from benchmarks.figures import Run
from benchmarks.runs import ROOT, Done, run, source, tasks
from benchmarks.worlds import REPORTED_SEEDS, SIZES, TRAINING_SEEDS, World, worlds

PAGE: Final = ROOT / "docs" / "quality.md"
WORST_BY_HAND: Final = ROOT / "docs" / "quality-worst.md"
SCHEMA: Final = "lmgraph/quality/1"
QUICK_SEEDS: Final = REPORTED_SEEDS[:2]
QUICK_SIZES: Final = SIZES[:1]
_MOST_JOBS: Final = 61  # as ProcessPoolExecutor on Windows
ALL_SEEDS: Final = [len(REPORTED_SEEDS)] * len(SIZES)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the worlds, write the page and the figures."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if not any(options.seeds):
        parser.error("argument --seeds: no world is left")
    chosen = worlds(QUICK_SEEDS, QUICK_SIZES) if options.quick else _chosen(options.seeds)
    about = page.About(lmgraph.__version__, source(page=True), _command(options))
    done = run(tasks(chosen), jobs=options.jobs, keep=options.results, say=_say)
    plain = [Run(each.task.world, each.verdicts[ablation.WHOLE]) for each in done if not each.task.ablation]
    left_out = _left_out(done)
    by_hand = WORST_BY_HAND.read_text(encoding="utf-8") if WORST_BY_HAND.exists() else None
    text = page.page(plain, left_out, about, None if options.quick else by_hand)
    to = options.page or (None if options.quick else PAGE)
    if to:
        to.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_bytes(
            msgspec.json.format(_document(about, done, plain, left_out), indent=1) + b"\n"
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    add = parser.add_argument
    add("--quick", action="store_true", help="two seeds, the smallest size; the page on standard output")
    add(
        "--seeds",
        type=_within(0, len(REPORTED_SEEDS)),
        nargs=len(SIZES),
        default=ALL_SEEDS,
        metavar="N",
        help="how many of the reported seeds at each size, the smallest first (default all)",
    )
    add("--jobs", type=_within(1, _MOST_JOBS), default=2, metavar="N", help="processes (default 2)")
    add("--results", type=_file, metavar="FILE", help="NDJSON of finished worlds, to take a run up again")
    add("--json", type=_file, metavar="FILE", help="every figure and every verdict")
    add("--page", type=_file, metavar="FILE", help="where the page goes (default docs/quality.md)")
    return parser


def _command(options: argparse.Namespace) -> str:
    """The command line that gives the same page."""
    if not options.quick and options.seeds == ALL_SEEDS:
        return "make quality"
    some = "--quick" if options.quick else " ".join(["--seeds", *map(str, options.seeds)])
    return f"python -m benchmarks.quality {some}"


def _within(least: int, most: int) -> Callable[[str], int]:
    """A type of an option: an integer in that range."""

    def number(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{value} is not in the range {least} to {most}")
        return value

    return number


def _file(text: str) -> Path:
    """A type of an option: a file to write to, now and not after hours of work found to be one."""
    try:
        folder = not text or Path(text).is_dir()
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error.strerror}") from error
    if folder:
        raise argparse.ArgumentTypeError(f"{text!r} is no file")
    return Path(text)


def _chosen(seeds: Sequence[int]) -> list[World]:
    """The worlds of the first so many reported seeds at each size; ``slower`` has those of the first."""
    found = [
        world
        for size, count in zip(SIZES, seeds, strict=True)
        for world in worlds(REPORTED_SEEDS[:count], [size])
        if world.max_gap is None
    ]
    return found + [world for world in worlds(REPORTED_SEEDS[: seeds[0]], []) if world.max_gap]


def _left_out(done: Sequence[Done]) -> dict[str, list[Run]]:
    """The runs without each part of the score, by part."""
    found: dict[str, list[Run]] = {}
    for each in done:
        if each.task.ablation:
            for name, verdict in each.verdicts.items():
                found.setdefault(name, []).append(Run(each.task.world, verdict))
    return found


def _document(
    about: page.About, done: Sequence[Done], runs: Sequence[Run], left_out: dict[str, list[Run]]
) -> bytes:
    """Every figure, and the verdicts that they are made of."""
    return msgspec.json.encode(
        {
            "schema": SCHEMA,
            "tool": {"name": "lmgraph", "version": about.version, "source": about.source},
            "training_seeds": TRAINING_SEEDS,
            "aims": {aim.label: {"bound": aim.bound, "measured": aim.of(runs)} for aim in page.AIMS},
            "figures": figures.all_figures(runs),
            "left_out": {name: figures.all_figures(part) for name, part in left_out.items()},
            "worlds": done,
        }
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
