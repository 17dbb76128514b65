"""Is anything slower than it was: the figures of one run beside a saved baseline.

``python -m benchmarks.regression RUN.json`` compares what pytest-benchmark wrote and exits with 1 where a
figure has grown past the threshold; ``--save`` makes the run the baseline instead. A figure is the best
round divided by the run's best calibration (``calibration.py``): the best, because others use the machine,
and what they add is never less than nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.machine import described
from benchmarks.markdown import table

BASELINE: Final = Path(__file__).resolve().parent / "baseline.json"
THRESHOLD: Final = 25.0  # percent; what an idle machine of the same kind repeats to within 10


def figures(run: Mapping[str, Any]) -> dict[str, float]:
    """Of each benchmark of a run, its best round in units of the run's best calibration.

    Raises:
        ValueError: A run without benchmarks.
    """
    unit = min(each["extra_info"]["calibration"] for each in run["benchmarks"])
    return {each["name"]: each["stats"]["min"] / unit for each in run["benchmarks"]}


def changes(now: Mapping[str, float], before: Mapping[str, float]) -> dict[str, float | None]:
    """Percent by which each figure of either has grown; None: only one of both has it."""
    names = sorted({*now, *before})
    return {
        name: 100 * (now[name] / before[name] - 1) if name in now and name in before else None
        for name in names
    }


def slower(grown: Mapping[str, float | None], threshold: float) -> list[str]:
    """Those that have grown past a threshold in percent."""
    return [name for name, percent in grown.items() if percent is not None and percent > threshold]


def _rows(
    now: Mapping[str, float], before: Mapping[str, float], grown: Mapping[str, float | None]
) -> Iterator[Sequence[str]]:
    for name, percent in grown.items():
        change = "–" if percent is None else f"{percent:+.0f} %"
        yield name, _shown(before.get(name)), _shown(now.get(name)), change


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Compare a run of the benchmarks with the baseline.")
    parser.add_argument("run", type=Path, help="what pytest --benchmark-json wrote")
    parser.add_argument("--baseline", type=Path, default=BASELINE, help="default benchmarks/baseline.json")
    parser.add_argument("--threshold", type=float, default=THRESHOLD, help="percent (default 25)")
    parser.add_argument("--save", action="store_true", help="make this run the baseline")
    chosen = parser.parse_args(arguments)
    now = figures(json.loads(chosen.run.read_text()))
    if chosen.save:
        document = {"machine": described(), "figures": now}
        chosen.baseline.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
        print(f"{len(now)} figures saved")
        return 0
    if not chosen.baseline.exists():
        print("no baseline to compare with: make bench-baseline saves one")
        return 0
    saved = json.loads(chosen.baseline.read_text())
    if saved["machine"]["processor"] != described()["processor"]:
        print("the baseline is from another kind of processor: read the changes with care")
    grown = changes(now, saved["figures"])
    print(table(("benchmark", "baseline", "now", "change"), _rows(now, saved["figures"], grown)))
    behind = slower(grown, chosen.threshold)
    print(f"slower by more than {chosen.threshold:g} %: {', '.join(behind) or 'none'}")
    return 1 if behind else 0


if __name__ == "__main__":
    sys.exit(main())
