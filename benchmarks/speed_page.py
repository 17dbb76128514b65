"""The figures of ``targets.py`` as the page docs/benchmarks.md: only its words are written by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.markdown import fence, prose, table
from benchmarks.measurements import SIZES, exponent

LIMITS: Final = Path("docs/benchmarks-limits.md")
_TITLES: Final[Mapping[str, str]] = {
    "memory_scan": "scan in memory",
    "ndjson": "NDJSON, full filter",
    "gz": "gz, full filter",
    "threads": "gz files, by threads",
    "whole": "`analyze`, no second look needed",
    "whole_raw": "`analyze`, second look needed",
    "parquet": "Parquet, full filter",
}


def page(document: Mapping[str, Any]) -> str:
    """The whole page."""
    return "\n\n".join(_sections(document)) + "\n"


def table_of(document: Mapping[str, Any]) -> str:
    """The table of targets."""
    head = ("what", "beside", "must", "stretch", "measured", "", "note")
    return table(head, (_row(row) for row in document["rows"]))


def _sections(document: Mapping[str, Any]) -> Iterator[str]:
    yield "# How fast it is"
    yield prose(
        "This page is written by a program and not edited. It shows the targets of the project with what was",
        "measured beside them, each as a ratio within one run: machines differ, and this one was shared, so",
        "trust ratios and not seconds. To measure it anew:",
    )
    yield fence("python -m benchmarks.targets --pipe-gb 20")
    yield "## Targets"
    yield table_of(document)
    yield prose(
        "A ratio is how many times as fast the tool is as what stands beside it; 0.5 is half as fast.",
        "Contestants run in processes of their own and take turns; a figure is the median over",
        f"{document['rounds']} rounds of the ratio within a round. All filters of one input gave exactly",
        "the same alerts. Peers filter and do no more; the tool's filter also keeps witnesses, folds context",
        "into contacts, redacts secrets and finds duplicates. One thread does it all but where two are",
        "named. Of memory, 1 kB per alert, execution and share witness and 100 B per distinct contact are",
        "taken off.",
    )
    yield "## Rates"
    rates = list(_rates(document))
    if rates:
        yield table(("what", "who", "seconds", "MB/s of uncompressed bytes"), rates)
    if "growth" in document["seconds"]:
        yield "## Cost against size"
        yield from _growth(document)
    if LIMITS.exists():
        yield LIMITS.read_text().strip()
    yield "## What it was measured on"
    yield prose(*_conditions(document))


def _row(row: Mapping[str, Any]) -> Sequence[str]:
    unit, sign = row["unit"], row["sign"]
    reached = {None: "–", False: "**missed**", True: "must"}[row["must_reached"]]
    if row["stretch_reached"]:
        reached = "stretch"
    value = "–" if row["value"] is None else _measure(row["value"], unit)
    return (
        row["what"], row["versus"], f"{sign} {_measure(row['must'], unit)}",
        f"{sign} {_measure(row['stretch'], unit)}", value, reached, row["note"],
    )  # fmt: skip


def _measure(value: float, unit: str) -> str:
    shown = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{shown} {unit}"


def _rates(document: Mapping[str, Any]) -> Iterator[Sequence[str]]:
    for name, title in _TITLES.items():
        for who, seconds in document["seconds"].get(name, {}).items():
            taken = median(seconds)
            yield title, who, f"{taken:.3f}", f"{document['megabytes'] / taken:,.0f}"


def _growth(document: Mapping[str, Any]) -> Iterator[str]:
    medians = [median(document["seconds"]["growth"][str(size)]) for size in SIZES]
    sizes = [document["megabytes"] * size / SIZES[-1] for size in SIZES]
    rows = (
        (f"{size:g} MB", f"{taken:.2f}", f"{taken / medians[0]:.2f}")
        for size, taken in zip(sizes, medians, strict=True)
    )
    yield table(("`analyze` of", "seconds", "× the first"), rows)
    yield prose(f"Time grows with the size to the power of {exponent(medians, sizes):.2f}.")


def _conditions(document: Mapping[str, Any]) -> Iterator[str]:
    machine = document["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in document["versions"].items() if version)
    yield f"{machine['cores']} cores, {machine['processor']}, {machine['memory']} of memory,"
    yield f"{machine['system']},"
    yield f"Python {machine['python']}, {versions}."
    yield f"The input is {document['megabytes']:g} MB of generated Falcon NDJSON (benchmarks/README.md),"
    yield f"that of the pipe {document['pipe_megabytes']:g} MB."
