"""The command line: the only room that prints, draws progress and sets exit statuses.

Exit status: 0 done, 1 failed, 2 wrong usage, 3 ``--fail-on`` met, 130 interrupted.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from lmgraph import api, output, result, summary
from lmgraph import cli_common as common
from lmgraph._version import __version__
from lmgraph.cli_baseline import baseline
from lmgraph.cli_simulate import simulate
from lmgraph.cli_tune import tune
from lmgraph.errors import LmgraphError, OutputError, UsageError
from lmgraph.result import ResultData
from lmgraph.schema import SEVERITIES, at_least
from lmgraph.settings import Settings
from lmgraph.text import visible

if TYPE_CHECKING:
    from lmgraph.ingest import Reject
    from lmgraph.pipeline import Outcome

FAILED, MISUSED, FOUND, INTERRUPTED = 1, 2, 3, 130
STREAM: Final = "-"

_SETTINGS: Final = (
    *("window", "max_gap", "skew", "since", "until", "tz", "rules", "assets", "tuning"),
    *("default_tuning", "baseline", "hash_inputs", "strict", "jobs", "scan"),
)
_FILES: Final = {"json_to": "--json", "html_to": "--html", "rejects": "--rejects"}


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit status."""
    if sys.stderr is None:  # closed: rich would take standard output for it
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - for the rest of the process
    sys.exit(_status(arguments))


def _status(arguments: Sequence[str] | None) -> int:
    try:
        status = cli.main(arguments, prog_name="lmgraph", standalone_mode=False)
    except click.ClickException as error:
        shown = io.StringIO()  # click would fail where standard error cannot be written
        error.show(shown)
        output.to_stderr(shown.getvalue())
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        common.say("Interrupted; no file is half-written.")
        return INTERRUPTED
    except LmgraphError as error:
        common.say(f"error: {visible(str(error))}")
        return MISUSED if isinstance(error, UsageError) else FAILED
    return status if isinstance(status, int) else 0


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version", prog_name="lmgraph")
def cli() -> None:
    """Rank SMB lateral-movement paths out of endpoint telemetry, offline.

    \b
    Example:
      lmgraph analyze fdr/ --html out.html
    """  # noqa: D301 - click wants the character \b itself, before what it must not wrap


@cli.command(no_args_is_help=True)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--html", "html_to", metavar="FILE", help="Write the report, one offline page; - is standard output."
)
@click.option("--json", "json_to", metavar="FILE", help="Write the whole result; - is standard output.")
@click.option(
    "--format",
    "shape",
    type=click.Choice(["table", "json", "csv", "tsv"]),
    default="table",
    show_default=True,
    help="What goes to standard output; nothing else does with --json - or --html -.",
)
@click.option(
    "--top",
    type=click.IntRange(min=1),
    metavar="N",
    help="Rows that table and page show first (20), by incident; paths in csv and tsv (all).",
)
@click.option(
    "--min-severity",
    type=click.Choice(SEVERITIES),
    default="informational",
    show_default=True,
    help="Least severity of those paths; JSON always holds all.",
)
@click.option(
    "--fail-on", type=click.Choice(SEVERITIES), help="Exit with 3 when a path is of that severity or above."
)
@common.options("window", "max_gap", "skew")
@click.option(
    "--since", metavar="TIME", help="Report hops from then on; earlier records still serve as history."
)
@click.option("--until", metavar="TIME", help="Report hops before then.")
@common.options("tz", "rules", "assets", "tuning", "default_tuning")
@click.option(
    "--baseline",
    metavar="FILE",
    help="What lmgraph baseline kept of earlier days: the past of this data, and p-values.",
)
@click.option("--hash", "hash_inputs", is_flag=True, help="SHA-256 of every input in the result.")
@click.option("--rejects", metavar="FILE", help="One JSON line per rejected record: file, record, reason.")
@common.options("strict", "jobs", "scan")
@click.option("--force", is_flag=True, help="Replace existing output files.")
@common.options("quiet", "verbose", "no_color", "no_progress")
def analyze(paths: tuple[str, ...], **options: Any) -> int:
    """Read telemetry and rank the lateral-movement paths in it.

    PATH is a file, a directory (read recursively) or - for standard input; formats are
    recognised by content, compressed or not, and may be mixed. Data goes to standard output or
    to the named file, everything else to standard error.

    \b
    Examples:
      lmgraph analyze fdr/ --html out.html
      lmgraph analyze - --json - < export.ndjson
      lmgraph analyze a.gz b.csv c.zip --fail-on high

    Exit status: 0 done, 1 failed, 2 wrong usage, 3 --fail-on met, 130 interrupted.
    """  # noqa: D301
    common.log_to_stderr(quiet=options["quiet"], verbose=options["verbose"])
    settings = api.make_settings(**{name: options[name] for name in _SETTINGS})
    outputs = _check(paths, options)
    data = _write_files(_run(paths, settings, options, outputs), options)
    fail_on = options["fail_on"]
    if fail_on and any(at_least(path.severity, fail_on) for path in data.paths):
        return FOUND
    return 0


cli.add_command(baseline)
cli.add_command(simulate)
cli.add_command(tune)


def _check(paths: Sequence[str], options: dict[str, Any]) -> frozenset[str]:
    """Refuse what could not be written, before anything is read; the real paths of what will be."""
    if options["json_to"] == options["html_to"] == STREAM:
        raise UsageError("only one output can go to standard output", path="--json - --html -")
    if options["rejects"] == STREAM:
        raise UsageError("rejects go to a file", path="--rejects -")
    for name, option in _FILES.items():
        if options[name] == "":
            raise UsageError("the name of the file is empty", path=option)
    if paths.count(STREAM) > 1:
        raise UsageError("standard input can be read only once", path="- -")
    if sys.stdout is None:
        raise OutputError("the output cannot be written: it is closed", path="standard output")
    targets = [options[name] for name in _FILES if options[name] and options[name] != STREAM]
    inputs = [
        path
        for path in (*paths, options["assets"], options["tuning"], options["baseline"])
        if path and path != STREAM
    ]
    return output.check(targets, inputs, force=options["force"])


def _run(
    paths: Sequence[str], settings: Settings, options: dict[str, Any], outputs: frozenset[str]
) -> Outcome:
    with common.progress_bar(options) as progress:
        return api.run(paths, settings, progress, outputs)


def _write_files(outcome: Outcome, options: dict[str, Any]) -> ResultData:
    """Write the files, all or none, then standard output, then what is worth saying about them."""
    data, quiet = outcome.data, options["quiet"]
    contents: dict[str, Iterable[bytes]] = {}  # by option, in pieces that are made while they are written
    if options["json_to"]:
        contents["json_to"] = result.chunks(data)
    if options["html_to"]:
        from lmgraph import report

        top = options["top"] or summary.DEFAULT_TOP
        contents["html_to"] = report.chunks(data, top=top, min_severity=options["min_severity"])
    if options["rejects"]:
        contents["rejects"] = map(_reject_line, outcome.rejects)
    streamed = [name for name in contents if options[name] == STREAM]
    files = [(options[name], content) for name, content in contents.items() if name not in streamed]
    sizes = output.write_all(files)
    if not quiet:
        from lmgraph import terminal

        terminal.print_warnings(data, color=not options["no_color"])
        if streamed or options["shape"] != "table":
            said = (summary.what_was_read(data), summary.what_was_found(data), summary.without_paths(data))
            common.say(" ".join(filter(None, said)))
        for (target, _), size in zip(files, sizes, strict=True):
            common.say(f"Wrote {visible(target)} ({size:,} bytes).")
    shown = contents[streamed[0]] if streamed else _shown(data, options)
    if sys.stdout.isatty() and not isinstance(shown, str) and streamed != ["html_to"]:
        from lmgraph import terminal

        shown = map(terminal.safe_json, shown)
    output.to_stdout(shown)
    return data


def _shown(data: ResultData, options: dict[str, Any]) -> Iterable[bytes] | str:
    """What ``--format`` asks for on standard output."""
    shape, top, least = options["shape"], options["top"], options["min_severity"]
    if shape == "json":
        return result.chunks(data)
    if shape in {"csv", "tsv"}:
        from lmgraph import export

        lines = export.lines(data, shape, top=top, min_severity=least)
        return (line.encode() for line in lines)
    from lmgraph import terminal

    return terminal.result_text(
        data,
        top=top or summary.DEFAULT_TOP,
        min_severity=least,
        color=not options["no_color"],
        page=bool(options["html_to"]),
    )


def _reject_line(reject: Reject) -> bytes:
    # Not msgspec: a file name may hold lone surrogates, which ASCII escapes can carry.
    row = {"file": reject.origin.path, "record": reject.origin.record, "reason": reject.reason}
    return json.dumps(row).encode() + b"\n"
