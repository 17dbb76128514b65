"""What the commands that read telemetry share: options, the progress bar, log lines."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TextIO, TypeVar

import click

from lmgraph import output, summary
from lmgraph.text import visible

if TYPE_CHECKING:
    from lmgraph.pipeline import Progress

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS: Final[dict[str, Callable[[Any], Any]]] = {
    "window": click.option(
        "--window",
        default="15m",
        show_default=True,
        metavar="DURATION",
        help="Alerts of one source and target closer than this belong to one hop.",
    ),
    "max_gap": click.option(
        "--max-gap",
        default="24h",
        show_default=True,
        metavar="DURATION",
        help="Longest time between a hop into a host and the next one out of it; off for no limit.",
    ),
    "skew": click.option(
        "--skew",
        default="30s",
        show_default=True,
        metavar="DURATION",
        help="Disagreement of two hosts' clocks that still counts as in order.",
    ),
    "tz": click.option(
        "--tz", default="UTC", show_default=True, metavar="ZONE", help="Zone of times written without one."
    ),
    "rules": click.option(
        "--rules",
        type=click.Choice(["corrected", "literal"]),
        default="corrected",
        show_default=True,
        help="The alert rules: what the published query means, or what it says.",
    ),
    "assets": click.option(
        "--assets", metavar="FILE", help="CSV of hosts: host,ip[,role][,criticality][,owner]..."
    ),
    "tuning": click.option(
        "--tuning", metavar="FILE", help="TOML allow list; what it matches is kept, and loses rank."
    ),
    "default_tuning": click.option(
        "--no-default-tuning",
        "default_tuning",
        is_flag=True,
        flag_value=False,
        default=True,
        help="Do not apply the allow list that comes with lmgraph.",
    ),
    "strict": click.option(
        "--strict", is_flag=True, help="A rejected record is an error instead of a counted warning."
    ),
    "jobs": click.option(
        "--jobs", type=click.IntRange(min=1), metavar="N", help="Workers; by default one for every core."
    ),
    "scan": click.option(
        "--no-scan",
        "scan",
        is_flag=True,
        flag_value=False,
        default=True,
        help="Look at every record by itself instead of scanning for those that matter: slow, same result.",
    ),
    "quiet": click.option(
        "-q", "--quiet", is_flag=True, help="No progress and no warnings on standard error."
    ),
    "verbose": click.option(
        "-v",
        "--verbose",
        count=True,
        help="Say on standard error what is being done: each input, each stage; -vv says more.",
    ),
    "no_color": click.option(
        "--no-color", is_flag=True, help="No colour (NO_COLOR in the environment does the same)."
    ),
    "no_progress": click.option("--no-progress", is_flag=True, help="No progress bar."),
}


def options(*names: str) -> Callable[[Command], Command]:
    """A decorator that gives a command the options of those names, in that order."""

    def decorate(command: Command) -> Command:
        for name in reversed(names):
            command = _OPTIONS[name](command)
        return command

    return decorate


def say(message: str) -> None:
    """One line on standard error; the message is safe to show."""
    output.to_stderr(f"{message}\n")


@contextmanager
def progress_bar(given: Mapping[str, Any]) -> Iterator[Callable[[Progress], None] | None]:
    """A bar of bytes read on standard error that vanishes at the end, unless it is unwanted there.

    Args:
        given: The command's options ``quiet``, ``verbose``, ``no_progress`` and ``no_color``.
    """
    if given["quiet"] or given["verbose"] or given["no_progress"] or not sys.stderr.isatty():
        yield None
        return
    from rich import progress as rich_progress
    from rich.table import Column

    from lmgraph import terminal

    columns = (
        rich_progress.BarColumn(12),
        rich_progress.DownloadColumn(table_column=Column(no_wrap=True)),
        rich_progress.TransferSpeedColumn(table_column=Column(no_wrap=True)),
        rich_progress.TimeRemainingColumn(table_column=Column(no_wrap=True)),
        # What does not fit on the line goes from its end.
        rich_progress.TextColumn(
            "{task.description}", markup=False, table_column=Column(no_wrap=True, ratio=1)
        ),
    )
    console = terminal.console(sys.stderr, color=not given["no_color"])
    # No thread of rich's own: it would draw ten times a second, whether or not there is news.
    with rich_progress.Progress(
        *columns,
        console=console,
        expand=True,
        transient=True,
        auto_refresh=False,
        redirect_stdout=False,
        redirect_stderr=False,
        get_time=time.monotonic,
    ) as bar:
        task = bar.add_task("reading", total=None)
        look = 1

        def show(now: Progress) -> None:
            nonlocal look
            # Each look has its own rate and time left.
            step = bar.update if now.look == look else bar.reset
            look = now.look
            label = "second look, " if look > 1 else ""
            said = f"{label}{summary.number(now.alerts, 'alert')}, {visible(now.path, 40)}"
            step(task, completed=now.bytes_done, total=now.bytes_total, description=said)
            bar.refresh()

        yield show


class _SafeFormatter(logging.Formatter):
    """Log lines in which no text of the input can move the cursor or forge a line."""

    def format(self, record: logging.LogRecord) -> str:
        record.msg, record.args = visible(record.getMessage()), ()
        return "\n".join(visible(line) for line in super().format(record).split("\n"))


class _Handler(logging.StreamHandler[TextIO]):
    """Gives up standard error once it takes no more, as everything else that is said there."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        if isinstance(sys.exception(), OSError):
            output.forget_stderr()
        else:
            super().handleError(record)


def log_to_stderr(*, quiet: bool, verbose: int) -> None:
    """Log lines of ``lmgraph`` go to standard error: warnings, with ``-v`` steps, with ``-vv`` details."""
    handler = _Handler(sys.stderr)
    handler.setFormatter(_SafeFormatter("%(levelname)s: %(message)s"))
    logger = logging.getLogger("lmgraph")
    logger.handlers = [handler]
    logger.propagate = False
    steps = logging.INFO if verbose == 1 else logging.DEBUG
    logger.setLevel(steps if verbose else logging.ERROR if quiet else logging.WARNING)
