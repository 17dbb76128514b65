"""What was read, what was not, and what that means for the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from lmgraph import result
from lmgraph.events import Partial
from lmgraph.schema import ALERT_TYPES, Origin, Severity, at_least
from lmgraph.settings import iso

_INCOMPLETE_FROM: Final[Severity] = "medium"  # a notice from here on: something was not read


@dataclass(frozen=True, slots=True)
class Counts:
    """What the stages counted."""

    alerts: int
    suppressed: int
    unresolved_targets: int
    rule_matches: Mapping[str, int]
    dropped_by_caps: Mapping[str, int]
    absorbed: int
    cloud_clock: int  # alerts whose time is the cloud's
    cut: int  # alerts whose command line was longer than is read
    hostless: int  # table rows without ComputerName
    warnings: Sequence[str]


class Inputs:
    """The inputs of the document, sorted by path, and the numbers by which rows refer to them."""

    def __init__(self, partial: Partial) -> None:
        self._partial = partial
        paths = {*partial.inputs, *(remark.path for remark in partial.remarks), *partial.rejected}
        self._paths = sorted(paths)
        self._numbers = {path: number for number, path in enumerate(self._paths)}

    def origin(self, origin: Origin) -> result.OriginRow:
        """The place of a record, by number."""
        return result.OriginRow(input=self._numbers[origin.path], record=origin.record)

    def rows(self) -> list[result.InputRow]:
        """All inputs, in the order of their numbers; an unreadable one has no format."""
        return [self._row(path) for path in self._paths]

    def notices(self) -> list[result.Notice]:
        """What the readers remarked, each once."""
        remarks = sorted({(r.path, r.code, r.severity, r.message) for r in self._partial.remarks})
        return [
            result.Notice(
                code=code,
                severity=severity,
                input=self._numbers[path],
                host=None,
                message=message,  # which names the input
            )
            for path, code, severity, message in remarks
        ]

    def _row(self, path: str) -> result.InputRow:
        report = self._partial.inputs.get(path)
        rejected = self._partial.rejected.get(path, 0)
        if report is None:
            return result.InputRow(
                path=path, format=None, bytes=0, records=0, rejected=rejected, first=None, last=None,
                sha256=None, truncated=False,
            )  # fmt: skip
        return result.InputRow(
            path=path,
            format=report.format,
            bytes=report.bytes,
            records=report.records,
            rejected=rejected,
            first=None if report.first_us is None else iso(report.first_us),
            last=None if report.last_us is None else iso(report.last_us),
            sha256=report.sha256,
            truncated=report.truncated,
        )


def coverage_of(partial: Partial, inputs: Inputs, counts: Counts) -> result.Coverage:
    """The coverage block; every loss is a number and, where it matters, a sentence."""
    input_rows, notices = inputs.rows(), inputs.notices()
    records = sum(row.records for row in input_rows)
    rejected = sum(row.rejected for row in input_rows)
    used = sum(row.copies for row in partial.kept.values())
    used += int(partial.folded.columns.records.sum())
    repeated = sum(row.copies - 1 for row in partial.kept.values())
    repeated += _repeated(partial)
    unknown = [report.path for report in partial.inputs.values() if report.format is None]
    warnings = _warnings(partial, counts, rejected)
    lost = any(at_least(notice.severity, _INCOMPLETE_FROM) for notice in notices)
    return result.Coverage(
        complete=not (lost or rejected or partial.evicted or any(row.truncated for row in input_rows)),
        records=records,
        rejected=rejected,
        duplicates=repeated + counts.absorbed,
        alerts=counts.alerts,
        suppressed=counts.suppressed,
        unresolved_targets=counts.unresolved_targets,
        rule_matches={name: counts.rule_matches.get(name, 0) for name in ALERT_TYPES},
        unknown_files=sorted(unknown),
        dropped_by_caps=dict(sorted(counts.dropped_by_caps.items())),
        warnings=warnings,
        notices=notices,
        ignored=max(records - rejected - used, 0),
    )


def _repeated(partial: Partial) -> int:
    """Repeats among folded records, as far as they can be counted.

    Deliveries may differ in what enrichment adds, so rows of one sensor, kind and hour are looked
    at together; a full sketch estimates, and an estimate is no count.
    """
    numbers: dict[tuple[str | None, ...], int] = {}
    places = np.zeros(len(partial.folded), np.int64)
    for seen in partial.folded.by_template():
        event = seen.event
        place = (event.cid, event.aid, event.aid or event.host_name, event.kind, event.event_code)
        places[seen.rows] = numbers.setdefault(place, len(numbers))
    return partial.folded.repeats(places)


def _warnings(partial: Partial, counts: Counts, rejected: int) -> list[str]:
    found = []
    if rejected:
        found.append(f"{_number(rejected, 'record')} could not be read; analyze --rejects FILE names each")
    if partial.evicted:
        found.append(
            f"{_number(partial.evicted, 'row')} of the pipe had to be forgotten, so names and accounts may "
            "be missing: read from files where you can"
        )
    if counts.hostless:
        found.append(f"{_number(counts.hostless, 'classified row')} without ComputerName: in no hop")
    if counts.cut:
        found.append(f"{_number(counts.cut, 'command line')} too long to read whole: targets may be missing")
    if counts.cloud_clock:
        found.append(
            f"{_number(counts.cloud_clock, 'alert')} with only the cloud's clock, which lags the endpoint's "
            "by seconds to days: the order is less sure; --skew may be raised"
        )
    return [*found, *counts.warnings]


def _number(count: int, thing: str) -> str:
    return f"{count} {thing if count == 1 else thing + 's'}"
