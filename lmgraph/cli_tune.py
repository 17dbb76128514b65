"""``lmgraph tune``: the command; what it does is loaded when it is called."""

from __future__ import annotations

import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from lmgraph import files
from lmgraph.cli_common import say
from lmgraph.errors import OutputError, ResultError, UsageError
from lmgraph.text import visible

if TYPE_CHECKING:
    from lmgraph.proposals import Proposals
    from lmgraph.result import ResultData

_STREAM: Final = "-"
_DAYS: Final = 3  # a habit, as in lmgraph.history


@click.command(no_args_is_help=True)
@click.argument("source", metavar="RESULT.json")
@click.option("--out", metavar="FILE", help="Write the entries there instead of to standard output.")
@click.option(
    "--min-days",
    type=click.IntRange(min=2),
    default=_DAYS,
    show_default=True,
    metavar="N",
    help="Days on which something must recur, apart from incidents of medium or above.",
)
@click.option(
    "--top",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    metavar="N",
    help="Most entries to write, those first that suppress most.",
)
@click.option("--force", is_flag=True, help="Replace an existing output file.")
@click.option("-q", "--quiet", is_flag=True, help="Nothing on standard error.")
def tune(
    source: str, out: str | None, min_days: int, top: int, force: bool, quiet: bool  # noqa: FBT001 - click passes every option by name
) -> None:  # fmt: skip
    """Propose tuning entries for what recurs in a result.

    RESULT.json is what lmgraph analyze --json wrote, or - for standard input. The proposals are
    a tuning file: above each entry stands how often it was seen, and what it would have
    suppressed. Nothing is applied: a person has to confirm each entry (docs/tuning.md).

    \b
    Examples:
      lmgraph analyze fdr/ --json result.json
      lmgraph tune result.json --out proposed.toml
      lmgraph analyze fdr/ --tuning proposed.toml
    """  # noqa: D301 - click wants the character \b itself
    from lmgraph import output, proposals
    from lmgraph.proposals import toml

    if out is None and sys.stdout is None:
        raise OutputError("the output cannot be written: it is closed", path="standard output")
    if out is not None and out != _STREAM:
        output.check([out], [source] if source != _STREAM else [], force=force)
    data = _read(source)
    try:
        found = proposals.propose(data, min_days=min_days)
    except ResultError as error:
        error.path = _shown(source)
        raise
    content = toml.render(found, top=top).encode()
    if out is None or out == _STREAM:
        output.to_stdout(content)
    else:
        output.write_all([(out, content)])
    if not quiet:
        for line in _said(data, found, top, min_days):
            say(line)
        if out is not None and out != _STREAM:
            say(f"Wrote {visible(out)} ({len(content):,} bytes).")


def _read(source: str) -> ResultData:
    """The result that the command line names."""
    from lmgraph import result

    if source != _STREAM:
        _check(source)
        return result.read(source)
    if sys.stdin is None:
        raise UsageError("standard input is closed", path=_shown(source))
    try:
        document = files.read_stream(sys.stdin.buffer, result.MOST_BYTES)
    except OSError as error:
        raise ResultError(f"the result cannot be read: {error.strerror}", path=_shown(source)) from error
    return result.decode(document, path=_shown(source))


def _check(source: str) -> None:
    """Refuse a name that can be that of no result, as ``analyze`` does."""
    if not source:
        raise UsageError("the name of the result is empty")
    try:
        mode = Path(source).stat().st_mode
    except PermissionError:
        return  # who reads it will say so
    except (OSError, ValueError) as error:
        raise UsageError(files.why_not(error), path=visible(source)) from error
    if stat.S_ISDIR(mode):
        raise UsageError("a folder is no result", path=visible(source))


def _shown(source: str) -> str:
    return "standard input" if source == _STREAM else source


def _said(data: ResultData, found: Proposals, top: int, min_days: int) -> Iterator[str]:
    """What is worth knowing of the proposals as a whole."""
    from lmgraph.summary import number

    if data.settings.since is not None or data.settings.until is not None:
        yield "The result was limited by --since or --until; what lies outside is not counted."
    if found.days < min_days:
        yield (
            f"Nothing proposed: there are unsuppressed alerts on {number(found.days, 'day')}, "
            f"and a habit takes {min_days} (--min-days)."
        )
        return
    entries, written = len(found.entries), found.entries[:top]
    covered = {alert for one in written for alert in one.effect.suppressed}
    touched = {incident.id for one in written for incident in one.effect.incidents}
    alerts, incidents = len(data.alerts) - data.coverage.suppressed, len(data.incidents)
    yield (
        f"Proposed {number(entries, 'entry', 'entries')}"
        + (f", {len(written)} of them written (--top)" if len(written) < entries else "")
        + f". What is written covers {len(covered):,} of {number(alerts, 'unsuppressed alert')} and hops of "
        f"{len(touched):,} of {number(incidents, 'incident')}: confirm each entry before you use it."
    )
    if found.refused:
        reasons = "; ".join(f"{count:,} × {reason}" for reason, count in found.refused.items())
        yield f"Not proposed: {reasons}."
