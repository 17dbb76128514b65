"""Proposals written as a tuning file: entries that load as they are, the evidence as comments above.

Names come from telemetry and are hostile: a comment shows them through ``text.visible``, a pattern
holds them escaped for TOML and for globs.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Final

from lmgraph.proposals import Kind, Proposal, Proposals
from lmgraph.proposals.habits import as_pattern, is_interpreter
from lmgraph.proposals.trial import ALARMING
from lmgraph.result import IncidentRow
from lmgraph.schema import SEVERITIES, at_least
from lmgraph.settings import SECOND_US
from lmgraph.summary import NAME_LIMIT, clock, duration, number, several
from lmgraph.text import visible

EXPIRES_DAYS: Final = 90
_SHOWN: Final = 5
_HEAD: Final = """\
# Proposed by lmgraph tune; in force only once this file is given to lmgraph analyze --tuning.
# Confirm each entry with its owner, write in its reason why it is sanctioned, delete the others.
# What an entry would have done is counted as if it alone had been added to the run of the result."""
_EPOCH: Final = dt.date(1970, 1, 1)
_WHAT: Final[dict[Kind, str]] = {
    "agent": "an agent: a program of its own that comes back {interval}",
    "fleet": "an agent on many hosts: a program of its own that comes back {interval}",
    "program": "a program of its own, installed under Program Files",
    "habit": "general tools that anyone can run, on targets that recur",
    "habits": "the same programs on many hosts, always on the same targets",
    "rounds": "general tools that anyone can run, on many and changing targets",
}
_REASON: Final = "proposed by lmgraph tune: confirm with the owner{of}, then write here why it is sanctioned"
_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def render(found: Proposals, *, top: int | None = None) -> str:
    """The tuning file; the same proposals give the same text.

    Args:
        found: The proposals.
        top: Most entries to write; the rest is counted.
    """
    shown = found.entries[:top]
    parts = [_HEAD, *(_entry(proposal, found) for proposal in shown)]
    if not found.entries:
        parts.append("# There is nothing to propose.")
    if len(shown) < len(found.entries):
        parts.append(f"# {number(len(found.entries) - len(shown), 'further proposal')} left out; see --top.")
    return "\n\n".join(parts) + "\n"


def text(value: str) -> str:
    """The value as a TOML string: literal where it can be, else basic with escapes.

    Raises:
        ValueError: A lone surrogate, which TOML cannot hold.
    """
    if value.isprintable() and "'" not in value:
        return f"'{value}'"
    return '"' + "".join(map(_escaped, value)) + '"'


def _escaped(char: str) -> str:
    if "\ud800" <= char <= "\udfff":
        raise ValueError("TOML holds no lone surrogate")
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable():
        return char
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


def _entry(proposal: Proposal, found: Proposals) -> str:
    lines = [f"# {line}" for line in _evidence(proposal, found.days)]
    lines += ["[[allow]]", f"name = {text(proposal.name)}"]
    for key, names in proposal.criteria.names.items():
        lines.append(f"{key} = {_patterns(names)}")
    if proposal.criteria.periodic:
        lines.append('requires = "periodic"')
    of = " of the program" if proposal.kind == "fleet" else " of the source"
    lines.append(f'reason = "{_REASON.format(of=of)}"')
    lines.append(f"owner = {text(visible(proposal.owner))}" if proposal.owner else '# owner = ""')
    if found.last_day is not None:
        lines.append(f"# expires = {_date(found.last_day + EXPIRES_DAYS)}")
    return "\n".join(lines)


def _patterns(names: Sequence[str]) -> str:
    written = [text(as_pattern(name)) for name in names]
    if len(written) == 1:
        return written[0]
    flat = f"[{', '.join(written)}]"
    return flat if len(flat) <= 90 else "[\n" + "".join(f"    {one},\n" for one in written) + "]"


def _evidence(proposal: Proposal, of_days: int) -> Iterator[str]:
    effect = proposal.effect
    yield f"What: {_WHAT[proposal.kind].format(interval=_interval(proposal.interval_us))}"
    first, last = _date(proposal.days[0]), _date(proposal.days[-1])
    yield f"Seen: on {len(proposal.days)} of {number(of_days, 'day')}, {first} to {last}"
    ends = [(proposal.sources, "source"), (proposal.targets, "target"), (proposal.users, "account")]
    counts = [number(proposal.alerts, "alert"), number(proposal.hops, "hop")]
    yield "Counts: " + ", ".join(counts + [number(len(names), thing) for names, thing in ends])
    yield f"Targets: {_several(proposal.targets)}"
    suppressed = number(len(effect.suppressed), "alert"), number(len(effect.hops), "hop")
    yield f"Would have suppressed: {suppressed[0]}, {suppressed[1]}"
    lost = f"{number(len(effect.incidents), 'incident')}, the gravest {_gravest(effect.incidents)}"
    yield f"Would have taken hops from: {lost if effect.incidents else 'no incident'}"
    yield from (f"CAUTION: {line}" for line in _cautions(proposal))


def _interval(interval_us: tuple[int, int]) -> str:
    """How often: ``every 15 min``, ``every 15 min to 1 h``."""
    texts = dict.fromkeys(duration(one // SECOND_US) for one in interval_us)
    return f"every {' to '.join(texts)}"


def _cautions(proposal: Proposal) -> Iterator[str]:
    names, effect = proposal.criteria.names, proposal.effect
    alarming = [one for one in effect.incidents if at_least(one.severity, ALARMING)]
    if alarming:
        count = number(len(alarming), "incident")
        yield f"it would have hidden hops of {count} of {ALARMING} or above: look at them first"
    yield from _suspects(proposal)
    runs = [name for name in names["process"] if is_interpreter(name)]
    if runs:
        yield f"{_several(runs)} can be anything: it runs what it is given, also by an intruder"
    if proposal.grave_days:
        others = len(set(proposal.days) - set(proposal.grave_days))
        yield (
            f"part of incidents of medium or above on {number(len(proposal.grave_days), 'day')}; "
            f"{number(others, 'other day')} show it apart from them"
        )
    if effect.kept and proposal.kept:
        source, target, when = proposal.kept
        count = number(len(effect.kept), "alert")
        hop = f"{_safe(source)} → {_safe(target)}"
        yield f"{count} would have stayed: {hop} ran code at {clock(visible(when))}, which ends suppression"
    if "process_path" not in names:
        yield "the program's path is not known: one of that name in any folder is meant"
    if "target" not in names:
        yield "any target: all that the program does as this entry has it is hidden, wherever it leads"
    if "source" not in names:
        yield "any host, also one that joins later"
    if "user" not in names:
        yield "any account"


def _suspects(proposal: Proposal) -> Iterator[str]:
    """Which incident that needs a look holds the entry's source or account."""
    for suspect in proposal.suspects[:_SHOWN]:
        ends = [("source", suspect.sources), ("account", suspect.users)]
        who = " and ".join(
            f"{thing if len(found) == 1 else thing + 's'} {_several(found)}" for thing, found in ends if found
        )
        verb = "is" if len(suspect.sources) + len(suspect.users) == 1 else "are"
        incident = f"incident {suspect.incident.rank}, {suspect.incident.severity}"
        yield f"{who} {verb} in {incident}: clear that up first"
    if proposal.suspects[_SHOWN:]:
        yield f"so it is with {number(len(proposal.suspects) - _SHOWN, 'further incident')}"


def _gravest(incidents: Sequence[IncidentRow]) -> str:
    if not incidents:
        return ""
    worst = max(incidents, key=lambda one: (SEVERITIES.index(one.severity), one.score))
    return f"{worst.severity} (score {worst.score:.2f}, rank {worst.rank})"


def _several(names: Sequence[str]) -> str:
    return several([_safe(name) for name in names], _SHOWN) or "none is known"


def _safe(name: str) -> str:
    return visible(name, NAME_LIMIT)


def _date(day: int) -> str:
    last = (dt.date.max - _EPOCH).days  # telemetry may claim any year
    return (_EPOCH + dt.timedelta(days=min(day, last))).isoformat()
