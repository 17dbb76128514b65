"""The table of targets from one command: ``python -m benchmarks.targets``.

Writes the figures as JSON and the page docs/benchmarks.md; with ``--quick`` or ``--only`` it shows the
table alone. Exits with 1 when a "must" is missed or answers differ.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from benchmarks.contest import ROOT, Outcome
from benchmarks.inputs import FOLDER
from benchmarks.machine import described
from benchmarks.measurements import Measurements
from benchmarks.rows import ROWS, Figure, Row
from benchmarks.speed_page import page, table_of

_LIBRARIES: Final = ("numpy", "numba", "isal", "pyarrow", "networkx", "polars", "duckdb", "orjson")
_QUICK_MB, _FULL_MB = 100, 1_000


def measure(measured: Measurements, rows: Sequence[Row]) -> dict[str, Any]:
    """All figures as one document."""
    found = []
    for row in rows:
        figure = _figure(row, measured)
        found.append(
            {
                "what": row.what,
                "versus": row.versus,
                "sign": row.sign,
                "unit": row.unit,
                "must": row.must,
                "stretch": row.stretch,
                "value": figure.value,
                "note": figure.note,
                "must_reached": _reached(row, figure, row.must),
                "stretch_reached": _reached(row, figure, row.stretch),
            }
        )
        print(_line(row, figure), file=sys.stderr, flush=True)
    outcomes = {name: each for name, each in vars(measured).items() if isinstance(each, Outcome)}
    return {
        "megabytes": measured.megabytes,
        "rounds": measured.rounds,
        "pipe_megabytes": measured.pipe_megabytes,
        "machine": described(),
        "versions": {name: _version(name) for name in _LIBRARIES},
        "rows": found,
        "seconds": {
            name: {who: list(taken) for who, taken in each.seconds.items()} for name, each in outcomes.items()
        },
    }


def passed(document: Mapping[str, Any]) -> bool:
    """Whether every "must" that could be measured is reached and no answer was wrong."""
    return all(row["must_reached"] is not False and "**" not in row["note"] for row in document["rows"])


def _figure(row: Row, measured: Measurements) -> Figure:
    """The figure, or what went wrong: one wrong answer must not cost the other rows."""
    try:
        return row.measure(measured)
    except (AssertionError, RuntimeError) as error:
        return Figure(None, f"**{error}**")


def _reached(row: Row, figure: Figure, bound: float) -> bool | None:
    return None if figure.value is None else row.reached(figure.value, bound)


def _line(row: Row, figure: Figure) -> str:
    value = "–" if figure.value is None else f"{figure.value:.3g} {row.unit}"
    return f"{row.what} / {row.versus}: {value} (must {row.sign} {row.must:g}) {figure.note}"


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description="Measure the targets and show them beside what must be reached."
    )
    parser.add_argument("--quick", action="store_true", help=f"{_QUICK_MB} MB instead of {_FULL_MB}; no page")
    parser.add_argument("--mb", type=float, help="size of the NDJSON, 10^6 bytes")
    parser.add_argument("--rounds", type=int, default=5, help="of each contest (default 5)")
    parser.add_argument("--pipe-gb", type=float, help="stream through the pipe (default: the size)")
    parser.add_argument("--only", help="rows whose text holds this regular expression; no page")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of the inputs (default build/bench)")
    parser.add_argument("--json", type=Path, default=FOLDER / "targets.json")
    parser.add_argument("--page", type=Path, help="the page (default docs/benchmarks.md for a whole run)")
    chosen = parser.parse_args(arguments)
    size = chosen.mb or (_QUICK_MB if chosen.quick else _FULL_MB)
    piped = 1_000 * chosen.pipe_gb if chosen.pipe_gb else size
    rows = [row for row in ROWS if re.search(chosen.only or "", f"{row.what} {row.versus}")]
    document = measure(Measurements(size, chosen.rounds, piped, chosen.folder), rows)
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    chosen.json.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    whole = not chosen.quick and not chosen.only and not chosen.mb
    written = chosen.page or (ROOT / "docs" / "benchmarks.md" if whole else None)
    if written is not None:
        written.write_text(page(document))
    print(table_of(document))
    return 0 if passed(document) else 1


if __name__ == "__main__":
    sys.exit(main())
