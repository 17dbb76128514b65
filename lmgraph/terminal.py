"""The result on a terminal: what was read, the ranked paths, the incidents, what next.

rich makes nothing safe: every string comes out of ``lmgraph.summary`` or ``text.visible`` and
goes into a ``Text``, never into markup. rich is imported only when something is printed.
"""

from __future__ import annotations

import io
import os
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, TextIO

from lmgraph import advice, output, summary
from lmgraph.result import HopRow, IncidentRow, PathRow, ResultData
from lmgraph.schema import OUTCOMES, Severity
from lmgraph.summary import Lookup, Shown
from lmgraph.text import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

_STYLE: Final = {
    "critical": "bold red",
    "high": "red",
    "medium": "yellow",
    "low": "cyan",
    "informational": "dim",
}
_WIDE: Final = 110  # columns from which severity, score, outcome and certainty get columns of their own
_WHY: Final = 8  # reasons shown per path, those of links before those of hops; the page holds all
_SIZE: Final = re.compile(r"0*[1-9][0-9]{0,4}")
_BEYOND_ASCII: Final = re.compile(r"[^\x00-\x7e]")
_END: Final = re.compile(r"(?: |\x1b\[[0-9;]*m)+$")


def console(stream: TextIO, *, color: bool = True) -> Console:
    """A console that interprets nothing: no markup, no emoji, no highlighting.

    ``NO_COLOR`` is respected; a stream that is no terminal gets no colour and 80 columns
    (``COLUMNS`` overrides, where it is a width). A character that the stream cannot encode is shown as
    an escape.
    """
    from rich.console import Console

    output.make_lenient(stream)
    # rich takes 0 columns at their word, and fails on ² for it is a digit.
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"COLUMNS", "LINES"} or _SIZE.fullmatch(value)
    }
    return Console(
        file=stream,
        no_color=None if color else True,
        markup=False,
        emoji=False,
        highlight=False,
        _environ=environment,
    )


def result_text(
    data: ResultData,
    stream: TextIO | None = None,
    *,
    top: int = summary.DEFAULT_TOP,
    min_severity: Severity = "informational",
    color: bool = True,
    page: bool = False,
) -> str:
    """The sentences and the table, made for ``stream`` but not written to it.

    Args:
        data: The result.
        stream: Where it will go; standard output by default. Decides width, colour and arrows.
        top: Most rows shown: paths, each with those that differ from it in the last host alone.
        min_severity: Least severity shown.
        color: Use colour where the stream is a terminal.
        page: An HTML report was asked for, so none is recommended.
    """
    written = _Memory(stream or sys.stdout)
    out = console(written, color=color)
    arrow = "→" if out.encoding.lower().startswith("utf") else "->"
    limits = summary.limits(data)
    names = Lookup(data)
    rows = summary.shown(data, top, min_severity)
    names.hold(row.path for row in rows)
    out.print(_text(f"{summary.what_was_read(data)} {summary.what_was_found(data)}"))
    if limits:
        count = summary.number(len(limits), "warning")
        out.print(_arrows(_text(f"{count} on what that is worth; the gravest: {limits[0][1]}"), arrow))
    if rows:
        out.print(_table(names, rows, arrow, wide=out.width >= _WIDE))
    paths = sum(1 + len(row.alike) for row in rows)
    if paths < len(data.paths):
        count = summary.number(len(data.paths), "path")
        out.print(_text(f"{paths:,} of {count} shown (--top, --min-severity)."))
    if data.hops and not data.paths:
        out.print(_text(summary.without_paths(data)))
        out.print(_hops(names, summary.hops_in_time(data, top), arrow))
        if len(data.hops) > top:
            out.print(_text(f"{top:,} of {summary.number(len(data.hops), 'hop')} shown (--top)."))
    left = summary.not_shown(data, rows, min_severity)
    for line in _incidents(names, data, rows) + left + _next(names, data, rows, page=page):
        out.print(_arrows(_text(line), arrow))
    return "".join(f"{_without_end(line)}\n" for line in written.getvalue().splitlines())


def _without_end(line: str) -> str:
    """The line without the spaces that fill up its last column; its colours stay."""
    return _END.sub(lambda end: end[0].replace(" ", ""), line)


class _Memory(io.StringIO):
    """Takes the text and answers rich's questions as the stream would that the text is for.

    rich itself must not write to a standard stream: it ends the program when a pipe is closed.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        output.make_lenient(stream)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding

    def isatty(self) -> bool:
        return self._stream.isatty()


def print_warnings(data: ResultData, stream: TextIO | None = None, *, color: bool = True) -> None:
    """Print what limits the answer, one line each, to standard error by default."""
    written = _Memory(stream or sys.stderr)
    out = console(written, color=color)
    for severity, message in summary.warnings(data):
        line = _text("note: " if severity == "informational" else "warning: ", _STYLE[severity])
        out.print(line.append(message), soft_wrap=True)
    if stream:
        stream.write(written.getvalue())
    else:
        output.to_stderr(written.getvalue())


def safe_json(document: bytes) -> bytes:
    r"""The JSON document, of equal meaning, without a character that moves or hides what is shown.

    Control and format characters and line separators become ``\uXXXX``. They can only stand in
    strings: those that may stand between tokens are ASCII.
    """
    return _BEYOND_ASCII.sub(_escaped, document.decode()).encode()


def _escaped(found: re.Match[str]) -> str:
    if unicodedata.category(found[0]) not in {"Cc", "Cf", "Zl", "Zp"}:
        return found[0]
    units = found[0].encode("utf-16-be").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def _text(content: str, style: str = "") -> Text:
    from rich.text import Text

    return Text(content, style=style, overflow="fold")


def _table(names: Lookup, rows: Sequence[Shown], arrow: str, *, wide: bool) -> Table:
    """The rows, by incident. Narrow: the figures stand under each other and leave the width to the chain."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, expand=False)
    table.add_column("#", justify="right", no_wrap=True)
    for title in ("severity", "score", "outcome", "certainty", "incident") if wide else ("severity",):
        right = title in {"score", "certainty", "incident"}
        table.add_column(title, overflow="fold", justify="right" if right else "left")
    table.add_column("path", overflow="fold", ratio=1)
    said: set[str] = set()  # reasons that a path above has given
    for path, alike, others in rows:
        figures = [_text(path.severity, _STYLE[path.severity])]
        figures += map(_text, _figures(path, names.incidents[path.incident].rank, wide=wide))
        if not wide:
            figures = [_text("\n").join(figures)]
        story = _story(names, path, said, alike)
        if others:
            ranks = summary.several(_runs([other.rank for other in others]), 8)
            story.append(
                f"\n… {summary.number(len(others), 'other path')} of this incident: rank {ranks}", "not bold"
            )
        table.add_row(_text(str(path.rank)), *figures, _arrows(story, arrow))
    return table


def _figures(path: PathRow, incident: int, *, wide: bool) -> tuple[str, str, str, str]:
    if wide:
        return f"{path.score:.2f}", path.outcome, f"{path.certainty:.2f}", str(incident)
    return f"score {path.score:.2f}", path.outcome, f"sure {path.certainty:.2f}", f"incident {incident}"


def _story(names: Lookup, path: PathRow, said: set[str], alike: Sequence[PathRow]) -> Text:
    """The chain of hosts, then who and when and where to, then why; ``said`` grows by the reasons."""
    when = summary.when(path.first, path.last)
    who = summary.several(names.accounts(path), 4) or "account unknown"
    story = _text(names.chain(path), "bold").append(f"\n{when}; {who}", "not bold")
    reached = names.reaches(path)
    if reached:
        story.append(f"\nreaches {summary.several(reached, 4)}", "not bold magenta")
    for reason in _reasons(names, path, said):
        story.append(f"\n- {reason}", "not bold dim")
    if alike:
        story.append(f"\n{_siblings(names, path, alike)}", "not bold")
    return story


def _siblings(names: Lookup, path: PathRow, alike: Sequence[PathRow]) -> str:
    """``… and 6 more of this incident, to SRV1, SRV2 and 4 more (attempted 6): rank 3 to 8``.

    A goal among them is named, whatever is cut.
    """
    targets = summary.several(dict.fromkeys(names.host(other.hosts[-1]) for other in alike), 4)
    counts = Counter(other.outcome for other in alike)
    graded = ", ".join(f"{name} {counts[name]:,}" for name in reversed(OUTCOMES) if counts[name])
    outcomes = f" ({graded})" if set(counts) != {path.outcome} else ""
    known = names.reaches(path)
    goals = dict.fromkeys(goal for other in alike for goal in names.reaches(other) if goal not in known)
    reaching = f", reaching {summary.several(goals, 4)}" if goals else ""
    ranks = summary.several(_runs([other.rank for other in alike]), 8)
    return f"… and {len(alike):,} more of this incident, to {targets}{outcomes}{reaching}: rank {ranks}"


def _runs(numbers: Sequence[int]) -> list[str]:
    """Ascending numbers, three and more without a gap as one: ``3``, ``5 to 8``."""
    runs: list[list[int]] = []
    for one in numbers:
        if runs and one == runs[-1][-1] + 1:
            runs[-1].append(one)
        else:
            runs.append([one])
    return [f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs]


def _reasons(names: Lookup, path: PathRow, said: set[str]) -> list[str]:
    """Why the path ranks where it does; what ``said`` holds is counted. Links go before hops when cut."""
    reasons = [visible(reason, 300) for reason in path.why] + summary.doubts(names, path)
    new = [reason for reason in dict.fromkeys(reasons) if reason not in said]
    above = len(set(reasons)) - len(new)
    said.update(new)
    of_hops = [reason for reason in new if any(reason.startswith(start) for start in _starts(names, path))]
    room = max(_WHY - (len(new) - len(of_hops)), 1)
    cut = set(of_hops[room:])
    shown = [reason for reason in new if reason not in cut]
    shown += [f"… {summary.number(len(cut), 'further reason')} in the report"] if cut else []
    if above:
        shown.append(f"… and {summary.number(above, 'reason')} as above" if new else "as above")
    return shown


def _starts(names: Lookup, path: PathRow) -> list[str]:
    """How the reasons of its hops begin: ``WS042 → SRV7``."""
    hops = [names.hops[key] for key in path.hops]
    return [
        f"{visible(names.hosts[hop.source].name)} → {visible(names.hosts[hop.target].name)}" for hop in hops
    ]


def _hops(names: Lookup, hops: Sequence[HopRow], arrow: str) -> Table:
    """The first hops in order of time, for a result in which no path ranks."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, expand=False)
    for title, justify in (("time", "left"), ("hop", "left"), ("outcome", "left"), ("score", "right")):
        table.add_column(title, overflow="fold", justify=justify)  # type: ignore[arg-type]
    for hop in hops:
        who = names.user(hop.source_user) if hop.source_user else "account unknown"
        ends = _text(f"{names.host(hop.source)} → {names.host(hop.target)}", "bold")
        ends.append(f"\n{who}; {summary.alerts_of(hop)}", "not bold")
        table.add_row(
            _text(summary.clock(hop.first)),
            _arrows(ends, arrow),
            _text(hop.outcome),
            _text(f"{hop.score:.2f}"),
        )
    return table


def _arrows(text: Text, arrow: str) -> Text:
    """The text with arrows, and dots, that the stream can show: before it is folded, not after."""
    from rich.text import Text

    if arrow == "→":
        return text
    for char, plain in (("→", arrow), ("…", "...")):
        text = Text(plain).join(text.split(char, allow_blank=True))
    text.overflow = "fold"
    return text


def _incidents(names: Lookup, data: ResultData, rows: Sequence[Shown]) -> list[str]:
    """One line per incident of the rows shown."""
    lines = []
    for row in _incidents_of(data, rows):
        origins = summary.several([names.host(key) for key in row.origin_hosts], 3)
        size = f"{summary.number(len(row.hosts), 'host')}, {summary.number(len(row.paths), 'path')}"
        others = summary.related(names, row)
        lines.append(
            f"Incident {row.rank}: {row.severity}, score {row.score:.2f}, from {origins}: {size}"
            + (f"; may belong to {others}" if others else "")
        )
    return lines


def _incidents_of(data: ResultData, rows: Sequence[Shown]) -> list[IncidentRow]:
    """The incidents of the rows, in order of rank."""
    seen = {row.path.incident for row in rows}
    return [row for row in data.incidents if row.id in seen]


def _next(names: Lookup, data: ResultData, rows: Sequence[Shown], *, page: bool) -> list[str]:
    steps = advice.on_incidents(names, _incidents_of(data, rows)) + summary.loose_ends(data)
    if rows and not page:
        steps.append("Add --html FILE for the graph and the evidence of every hop.")
    return ["Next:", *(f"- {step}" for step in steps)] if steps else []
