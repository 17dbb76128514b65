"""``lmgraph baseline``: the command; numpy, pandas and pyarrow are loaded when it is called."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from lmgraph import api, files, output, summary
from lmgraph import cli_common as common
from lmgraph.errors import OutputError, UsageError
from lmgraph.text import visible

if TYPE_CHECKING:
    from lmgraph.baseline import Baseline
    from lmgraph.baseline.bounds import Dropped
    from lmgraph.learning import Lesson

_SETTINGS: Final = (
    *("window", "max_gap", "skew", "tz", "rules", "assets", "tuning", "default_tuning"),
    *("strict", "jobs"),
)
_KEEP_DAYS: Final = 90  # as lmgraph.baseline, which loads numpy; a test holds the two together
_LEAST_DAYS: Final = 7
_TRIES: Final = 5  # to write a file that other runs write at the same time
_STREAM: Final = "-"
_CLEARED: Final = "--include-incidents learns from what has been cleared."
_USUAL: Final = 10  # habitual movements that the summary shows


@click.command(no_args_is_help=True)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--out", metavar="FILE", help="Write the baseline there; one that is there already grows by what is new."
)
@click.option(
    "--keep-days",
    type=click.IntRange(min=_LEAST_DAYS),
    default=_KEEP_DAYS,
    show_default=True,
    metavar="N",
    help="Days older than that expire, counted from the newest day that was read.",
)
@click.option(
    "--include-incidents",
    is_flag=True,
    help="Learn from incidents of severity high and above, too: someone has cleared them.",
)
@common.options(*_SETTINGS, "quiet", "verbose", "no_color", "no_progress")
def baseline(paths: tuple[str, ...], **options: Any) -> None:
    """Keep what is usual, so that one day's data has a past.

    PATH is telemetry as analyze reads it, or a baseline file, which is merged. What is new is
    judged by what the baselines know already, so days are best given in their order. What belongs
    to an incident of severity high or above is left out. Without --out, the given baseline files
    are summed up on standard output. The file holds names of hosts and accounts.

    \b
    Examples:
      lmgraph baseline fdr/2026-05-04 --out usual.parquet
      lmgraph analyze fdr/2026-05-05 --baseline usual.parquet
      lmgraph baseline site1.parquet site2.parquet --out both.parquet
      lmgraph baseline usual.parquet

    Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
    """  # noqa: D301 - click wants the character \b itself
    common.log_to_stderr(quiet=options["quiet"], verbose=options["verbose"])
    settings = api.make_settings(**{name: options[name] for name in _SETTINGS})
    from lmgraph import baseline as memory
    from lmgraph.baseline import parquet

    out: str | None = options["out"]
    known = [path for path in paths if parquet.is_parquet(path)]
    telemetry = [path for path in paths if path not in known]
    if out is None:
        if telemetry:
            raise UsageError(_why_no_baseline(telemetry[0]), path=visible(telemetry[0]))
        lines = _summary(memory.merge(*map(parquet.read, known)), known)
        output.to_stdout("".join(f"{line}\n" for line in lines))
        return
    if out == _STREAM:
        raise UsageError("a baseline goes to a file", path="--out -")
    places = output.check([out], force=True)  # what is there is replaced only by what it has grown to
    present, given = _present(out), memory.merge(*map(parquet.read, known))
    lesson = None
    if telemetry:
        with common.progress_bar(options) as progress:
            lesson = api.learn(
                telemetry,
                settings,
                memory.merge(given, present),
                include_incidents=options["include_incidents"],
                progress=progress,
                outputs=places,
            )
    grown, content = _to_write(out, given, present, lesson, options["keep_days"])
    output.write_all([(out, content)])
    if not options["quiet"]:
        _report(grown, lesson, options)
        common.say(f"Wrote {visible(out)} ({len(content):,} bytes): {_sizes(grown.whole)}.")


def _why_no_baseline(path: str) -> str:
    """Why what was given without --out cannot be summed up."""
    try:
        if path != _STREAM:
            Path(path).stat()
    except (OSError, ValueError) as error:
        return files.why_not(error)
    return "without --out only baseline files can be given"


class _Grown(NamedTuple):
    """A baseline as it is to be written, and how it came by what it lacks.

    ``left_out`` counts the uses that it knew and now leaves out, ``kept_out`` those of this run that
    it leaves out for an incident of an earlier one, ``cleared`` the pairs, by day, that count again.
    """

    whole: Baseline
    dropped: Dropped
    left_out: int
    kept_out: int
    cleared: int


def _grown(earlier: Baseline, lesson: Lesson | None, keep_days: int, *, confirmed: bool) -> _Grown:
    """The earlier baseline with what was learnt, within its bounds."""
    from lmgraph import baseline as memory
    from lmgraph.baseline import bounds

    whole, left_out, kept_out, cleared = earlier, 0, 0, 0
    if lesson:
        left_out = memory.left_by(earlier, lesson.learnt)
        opened = memory.cleared(earlier, lesson.cleared)
        kept_out, cleared = memory.left_by(lesson.learnt, opened), len(earlier.left) - len(opened.left)
        whole = memory.merge(opened, lesson.learnt)
    whole, dropped = bounds.bounded(whole, keep_days, held=() if confirmed else earlier.days)
    return _Grown(whole, dropped, left_out, kept_out, cleared)


def _to_write(
    out: str, given: Baseline, present: Baseline, lesson: Lesson | None, keep_days: int
) -> tuple[_Grown, bytes]:
    """The grown baseline and the bytes of it, made of what stands in the file at this moment.

    Args:
        out: The file.
        given: The baselines that were named.
        present: What stood in the file before the telemetry was read.
        lesson: What the telemetry taught.
        keep_days: As the option.

    Raises:
        OutputError: The file changes all the time.
    """
    from lmgraph import baseline as memory
    from lmgraph.baseline import parquet

    confirmed = lesson is None and _is_given("keep_days")
    for _ in range(_TRIES):
        grown = _grown(memory.merge(given, present), lesson, keep_days, confirmed=confirmed)
        content = parquet.encode(grown.whole)
        if parquet.sha256(out) == present.sha256:
            return grown, content
        present = _present(out)  # another run was faster: what it has learnt is not lost
    raise OutputError("the output is written by other runs all the time", path=visible(out))


def _is_given(option: str) -> bool:
    """Whether the user gave the option, if only with its default."""
    source = click.get_current_context().get_parameter_source(option)
    return source is click.core.ParameterSource.COMMANDLINE


def _doubt(day: int, out: str, keep_days: int) -> str:
    """Said where a newest day was not believed, with the way to confirm it."""
    from lmgraph.baseline.bounds import date

    return (
        f"Warning: {date(day)} was not taken for the newest day: more than half of the days in the baseline "
        f"would have expired by it. If no clock runs ahead, confirm it: lmgraph baseline {visible(out)} "
        f"--out {visible(out)} --keep-days {keep_days}."
    )


def _present(out: str) -> Baseline:
    """The baseline that is to grow; empty, without a hash, where there is none.

    Raises:
        UsageError: What is there is no baseline.
    """
    from lmgraph import baseline as memory
    from lmgraph.baseline import parquet

    if not Path(out).is_file():
        return memory.empty()
    try:
        return parquet.read(out)
    except UsageError as error:
        message = f"the output is there already and cannot grow: {error.message}"
        raise UsageError(message, path=visible(out), field=error.field) from error


def _report(grown: _Grown, lesson: Lesson | None, options: dict[str, Any]) -> None:
    """What was read, what was kept out of the baseline, and what had to leave it."""
    dropped = grown.dropped
    if lesson:
        from lmgraph import terminal

        terminal.print_warnings(lesson.data, color=not options["no_color"])
        common.say(f"{summary.what_was_read(lesson.data)} {summary.what_was_found(lesson.data)}")
        if lesson.incidents:
            common.say(_left_out(lesson, grown.left_out, included=options["include_incidents"]))
        if grown.kept_out:
            uses = summary.number(grown.kept_out, "use")
            common.say(f"Left out for an incident of an earlier run: {uses}. {_CLEARED}")
        if grown.cleared:
            pairs = summary.number(grown.cleared, "pair")
            common.say(f"No longer left out for an incident of an earlier run: {pairs} of hosts, by day.")
    if dropped.expired:
        kept = f"{options['keep_days']:,} days are kept"
        common.say(f"{summary.number(dropped.expired, 'day')} expired: {kept} (--keep-days).")
    if dropped.doubted is not None:
        common.say(_doubt(dropped.doubted, options["out"], options["keep_days"]))
    if dropped.over:
        common.say(
            f"Warning: the baseline is full: the oldest {summary.number(dropped.over, 'day')} had to go, "
            f"with {dropped.rows:,} rows. A smaller --keep-days does so on purpose."
        )


def _left_out(lesson: Lesson, known: int, *, included: bool) -> str:
    grave = f"{summary.number(lesson.incidents, 'incident')} of severity high or above"
    hops = summary.number(lesson.hops, "hop")
    if included:
        return f"Learnt from {grave} ({hops}), too, as asked."
    pronoun = "it" if lesson.incidents == 1 else "them"
    also = f" ({known:,} known before went, too)" if known else ""
    return (
        f"Left out {grave}: {hops}, {summary.number(lesson.uses, 'use')}{also}. Look into {pronoun}; "
        f"{_CLEARED}"
    )


def _summary(whole: Baseline, files: Sequence[str]) -> list[str]:
    size = sum(Path(file).stat().st_size for file in files)
    lines = [f"{summary.number(len(files), 'baseline')} of {size:,} bytes: {_sizes(whole)}."]
    usual = whole.usual(_USUAL)
    if usual:
        lines.append("Most usual movements, by days:")
    for days, source, target, user in usual:
        account = f" as {visible(user, summary.NAME_LIMIT)}" if user else ""
        ends = " → ".join(visible(name, summary.NAME_LIMIT) for name in (source, target))
        lines.append(f"{days:>6}  {ends}{account}")
    return lines


def _sizes(whole: Baseline) -> str:
    from lmgraph.baseline.bounds import date

    count, number = whole.counts, summary.number
    span = f" ({date(whole.days[0])} to {date(whole.days[-1])})" if count.days else ""
    return (
        f"{number(count.days, 'day')}{span}, {number(count.hosts, 'host')}, "
        f"{number(count.accounts, 'account')}, {number(count.pairs, 'pair')} of hosts "
        f"({count.contacts:,} of them mere contacts), "
        f"{number(count.uses, 'use')}, {number(count.hops, 'hop')}, {number(count.paths, 'path')}"
    )
