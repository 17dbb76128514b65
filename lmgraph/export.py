"""The paths as CSV or TSV: one row per hop of a path, for spreadsheets and other programs."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Final, Literal

from lmgraph.result import HopRow, PathRow, ResultData
from lmgraph.rows import batches
from lmgraph.schema import Severity
from lmgraph.summary import Lookup, link_into, ranked
from lmgraph.text import csv_cell, visible

COLUMNS: Final = (
    "rank",
    "path_key",
    "severity",
    "path_score",
    "path_certainty",
    "path_outcome",
    "incident",
    "hop",
    "hop_key",
    "first",
    "last",
    "source",
    "target",
    "source_user",
    "target_user",
    "credential",
    "alert_types",
    "outcome",
    "hop_score",
    "hop_certainty",
    "link_gap_s",
    "link_certainty",
    "processes",
    "command_lines",
    "path_p_value",
)
_SEPARATOR: Final = " | "  # between several values in one cell


def table(
    data: ResultData,
    kind: Literal["csv", "tsv"],
    *,
    top: int | None = None,
    min_severity: Severity = "informational",
) -> str:
    """The table with a header row; ``top`` of ``None`` means every path.

    No cell starts a formula, holds a line break or a control character (``text.csv_cell``).
    Times are ISO-8601 UTC, unknown is an empty cell, several values are joined by `` | ``.
    """
    return "".join(lines(data, kind, top=top, min_severity=min_severity))


def lines(
    data: ResultData,
    kind: Literal["csv", "tsv"],
    *,
    top: int | None = None,
    min_severity: Severity = "informational",
) -> Iterator[str]:
    """``table`` line by line."""
    writer = csv.writer(_Line, dialect="excel" if kind == "csv" else "excel-tab", lineterminator="\n")
    yield writer.writerow(COLUMNS)
    names = Lookup(data, limit=None)
    ranks = {row.id: row.rank for row in data.incidents}
    for paths in batches(ranked(data, top, min_severity)):
        names.hold(paths)
        for path in paths:
            for row in _rows(names, path, ranks.get(path.incident)):
                yield writer.writerow([_cell(value) for value in row])


class _Line:
    """Where a line goes: back to who writes it, since ``writerow`` returns what ``write`` does."""

    @staticmethod
    def write(line: str) -> str:
        return line


def _rows(names: Lookup, path: PathRow, incident: int | None) -> Iterator[tuple[object, ...]]:
    """The cells of one path, in the order of ``COLUMNS``."""
    head = (path.rank, path.key, path.severity, path.score, path.certainty, path.outcome, incident)
    for position, key in enumerate(path.hops, 1):
        yield (*head, position, *_hop(names, path, names.hops[key]), path.p_value)


def _hop(names: Lookup, path: PathRow, hop: HopRow) -> tuple[object, ...]:
    ran = [(row.process, row.command_line) for row in names.alerts.several(hop.alerts)]
    link = link_into(path, hop.id)
    return (
        hop.key,
        hop.first,
        hop.last,
        names.host(hop.source),
        names.host(hop.target),
        names.user(hop.source_user) if hop.source_user else None,
        names.user(hop.target_user) if hop.target_user else None,
        hop.credential,
        _SEPARATOR.join(hop.alert_types),
        hop.outcome,
        hop.score,
        hop.certainty,
        link.gap_s if link else None,
        link.certainty if link else None,
        _SEPARATOR.join(dict.fromkeys(process for process, _ in ran if process)),
        _SEPARATOR.join(dict.fromkeys(command for _, command in ran if command)),
    )


def _cell(value: object) -> object:
    """Numbers as they are (a negative one is no formula); text safe to open in a spreadsheet."""
    if value is None:
        return ""
    return value if isinstance(value, int | float) else csv_cell(visible(str(value)))
