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
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, TextIO

from lmgraph import output, summary
from lmgraph.result import PathRow, ResultData
from lmgraph.schema import Severity
from lmgraph.summary import Lookup
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
        top: Most paths shown.
        min_severity: Least severity shown.
        color: Use colour where the stream is a terminal.
        page: An HTML report was asked for, so none is recommended.
    """
    written = _Memory(stream or sys.stdout)
    out = console(written, color=color)
    arrow = "→" if out.encoding.lower().startswith("utf") else "->"
    limits = summary.limits(data)
    paths = summary.listed(data, top, min_severity)
    out.print(_text(f"{summary.what_was_read(data)} {summary.what_was_found(data)}"))
    if limits:
        count = summary.number(len(limits), "warning")
        out.print(_arrows(_text(f"{count} on what that is worth; the gravest: {limits[0][1]}"), arrow))
    if paths:
        out.print(_table(data, paths, arrow, wide=out.width >= _WIDE))
    if len(paths) < len(data.paths):
        count = summary.number(len(data.paths), "path")
        out.print(_text(f"{len(paths):,} of {count} shown (--top, --min-severity)."))
    if data.hops and not data.paths:
        out.print(_text(summary.without_paths(data)))
        out.print(_hops(data, top, arrow))
        if len(data.hops) > top:
            out.print(_text(f"{top:,} of {summary.number(len(data.hops), 'hop')} shown (--top)."))
    for line in _incidents(data, paths) + _next(data, paths, page=page):
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


def _table(data: ResultData, paths: Sequence[PathRow], arrow: str, *, wide: bool) -> Table:
    """One row per path. Narrow: the figures stand under each other and leave the width to the chain."""
    from rich import box
    from rich.table import Table

    names = Lookup(data)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, expand=False)
    table.add_column("#", justify="right", no_wrap=True)
    for title in ("severity", "score", "outcome", "certainty") if wide else ("severity",):
        table.add_column(
            title, overflow="fold", justify="right" if title in {"score", "certainty"} else "left"
        )
    table.add_column("path", overflow="fold", ratio=1)
    folded = _folded(paths)
    said: set[str] = set()  # reasons that a path above has given
    for path in paths:
        if path.id not in folded:
            continue
        figures = [_text(path.severity, _STYLE[path.severity]), *map(_text, _figures(path, wide=wide))]
        if not wide:
            figures = [_text("\n").join(figures)]
        story = _story(names, path, said, folded[path.id])
        table.add_row(_text(str(path.rank)), *figures, _arrows(story, arrow))
    return table


def _folded(paths: Sequence[PathRow]) -> dict[str, list[PathRow]]:
    """Paths to show, by id, each with those like it: one hop, of the same incident and severity."""
    first: dict[tuple[str, str], str] = {}
    shown: dict[str, list[PathRow]] = {}
    for path in paths:
        kind = (path.incident, path.severity)
        if len(path.hops) == 1 and kind in first:
            shown[first[kind]].append(path)
            continue
        shown[path.id] = []
        if len(path.hops) == 1:
            first[kind] = path.id
    return shown


def _figures(path: PathRow, *, wide: bool) -> tuple[str, str, str]:
    if wide:
        return f"{path.score:.2f}", path.outcome, f"{path.certainty:.2f}"
    return f"score {path.score:.2f}", path.outcome, f"sure {path.certainty:.2f}"


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
        targets = summary.several(dict.fromkeys(names.host(other.hosts[-1]) for other in alike), 4)
        ranks = summary.several((str(other.rank) for other in alike), 8)
        story.append(f"\n… and {len(alike)} more of this incident, to {targets}: rank {ranks}", "not bold")
    return story


def _reasons(names: Lookup, path: PathRow, said: set[str]) -> list[str]:
    """Why the path ranks where it does, without what ``said`` holds; links go before hops when cut."""
    reasons = [visible(reason, 300) for reason in path.why] + summary.doubts(names, path)
    new = [reason for reason in dict.fromkeys(reasons) if reason not in said]
    said.update(new)
    of_hops = [reason for reason in new if any(reason.startswith(start) for start in _starts(names, path))]
    room = max(_WHY - (len(new) - len(of_hops)), 1)
    cut = set(of_hops[room:])
    shown = [reason for reason in new if reason not in cut]
    return shown + ([f"… {summary.number(len(cut), 'further reason')} in the report"] if cut else [])


def _starts(names: Lookup, path: PathRow) -> list[str]:
    """How the reasons of its hops begin: ``WS042 → SRV7``."""
    hops = [names.hops[key] for key in path.hops]
    return [
        f"{visible(names.hosts[hop.source].name)} → {visible(names.hosts[hop.target].name)}" for hop in hops
    ]


def _hops(data: ResultData, top: int, arrow: str) -> Table:
    """The first hops in order of time, for a result in which no path ranks."""
    from rich import box
    from rich.table import Table

    names = Lookup(data)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, expand=False)
    for title, justify in (("time", "left"), ("hop", "left"), ("outcome", "left"), ("score", "right")):
        table.add_column(title, overflow="fold", justify=justify)  # type: ignore[arg-type]
    for hop in summary.hops_in_time(data, top):
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


def _incidents(data: ResultData, paths: Sequence[PathRow]) -> list[str]:
    """One line per incident of the paths shown."""
    names, shown, lines = Lookup(data), {path.incident for path in paths}, []
    for row in data.incidents:
        if row.id in shown:
            origins = summary.several([names.host(key) for key in row.origin_hosts], 3)
            size = f"{summary.number(len(row.hosts), 'host')}, {summary.number(len(row.paths), 'path')}"
            others = summary.related(data, row)
            lines.append(
                f"Incident {row.rank}: {row.severity}, score {row.score:.2f}, from {origins}: {size}"
                + (f"; may belong to {others}" if others else "")
            )
    return lines


def _next(data: ResultData, paths: Sequence[PathRow], *, page: bool) -> list[str]:
    steps = (summary.next_steps(Lookup(data), paths) if paths else []) + summary.loose_ends(data)
    if paths and not page:
        steps.append("Add --html FILE for the graph and the evidence of every hop.")
    return ["Next:", *(f"- {step}" for step in steps)] if steps else []
