"""Plain sentences of the result: why a path ranks where it does, why an alert type is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from lmgraph import result
from lmgraph.schema import ALERT_TYPES, STAGE_OF_ALERT, AlertType

_TERM: Final[dict[str, str]] = {
    "new_source": "the source never moved before",
    "new_account": "the account never moved before",
    "new_process": "a program new to SMB",
    "new_pair": "new pair of hosts",
    "first_execution": "the source never ran anything elsewhere before",
    "new_tool": "a tool that is new to the source",
    "new_user_target": "account new to the target",
    "new_user_source": "account new to the source",
    "new_credential": "an account given that is new to the source",
    "explicit_credential": "another account given",
    "fan_out": "many hosts at once",
    "fan_out_unproved": "many hosts at once",
    "surge": "more hosts within two hours than ever before",
    "role_jump": "against the usual direction",
    "off_hours": "at an hour unusual for the account",
    "renamed": "PsExec under another name",
    "masquerade": "a system process name from a foreign directory",
}
#: Of these the first says it all.
_SAME: Final = (
    ("new_credential", "explicit_credential"),
    ("new_source", "new_pair"),
    ("new_account", "new_user_target"),
)
_SEEN: Final = {"source": "the source", "target": "the target", "wire": "the wire"}


def missing_why(
    present: Sequence[str], stages: Mapping[str, Sequence[str]], *, source_managed: bool, kernel: bool
) -> dict[str, str]:
    """Per alert type that a hop lacks, why: an absent alert is no absent step.

    Args:
        present: The alert types that it has.
        stages: From which sides each stage was seen.
        source_managed: A sensor runs on the source.
        kernel: The source's kernel was seen to connect.
    """
    if not source_managed:
        return dict.fromkeys(missing_types(present), "the source has no sensor of its own in this data")
    return {kind: _why(kind, present, stages, kernel=kernel) for kind in missing_types(present)}


def missing_types(present: Sequence[str]) -> list[AlertType]:
    """The alert types that are not there, in their usual order."""
    return [kind for kind in ALERT_TYPES if kind not in present]


def path_why(
    path_hops: Sequence[result.HopRow],
    links: Sequence[result.LinkRow],
    names: dict[str, str],
    users: dict[str, str],
) -> list[str]:
    """What speaks for a path, hop by hop, in the words that an analyst would use."""
    lines = []
    for place, hop in enumerate(path_hops):
        who = f" as {users[hop.source_user]}" if hop.source_user else ""
        given = f" with {hop.credential}" if hop.credential else ""
        reasons = [_TERM[term] for term in _telling(hop)]
        steps = f"{names[hop.source]} → {names[hop.target]}{who}{given}: {hop.outcome}"
        lines.append("; ".join([steps, _seen(hop), *reasons]))
        if place:
            lines += _link_lines(links[place - 1], names[hop.source], path_hops[place - 1], hop, users)
    return lines


def _telling(hop: result.HopRow) -> list[str]:
    """The terms that speak for a hop, without those that another one implies."""
    terms = [term for term in _TERM if hop.score_terms.get(term, 0) > 0]
    implied = {less for more, less in _SAME if more in terms}
    return [term for term in terms if term not in implied]


def _seen(hop: result.HopRow) -> str:
    """Which stages were seen, and from which ends."""
    stages = {stage: sides for stage, sides in hop.stages.items() if sides}
    if hop.full_chain and len({tuple(sides) for sides in stages.values()}) == 1:
        return f"full chain seen from {_sides(stages['execution'])}"
    return ", ".join(f"{stage} ({' and '.join(sides)})" for stage, sides in stages.items())


def _link_lines(
    link: result.LinkRow, host: str, before: result.HopRow, hop: result.HopRow, users: dict[str, str]
) -> list[str]:
    """What speaks for and against one hop having followed from the other, at the host between them."""
    lines = []
    if link.score_terms.get("entered_then_moves", 0) > 0:
        lines.append(f"{host} began to move {_gap(link.gap_s)} after it was entered")
    if link.score_terms.get("credential_switch", 0) > 0:
        came, goes = _arrives_as(before, users), _arrives_as(hop, users)
        instead = f" instead of {came}" if came and came != goes else ""
        lines.append(f"from {host} it goes on as {goes or 'another account'}{instead}")
    if link.score_terms.get("left_before_entry", 0) < 0:
        lines.append(f"the step out of {host} comes before the entry was possible")
    if link.certainty < 0.5:
        lines.append(f"the step out of {host} may have other causes, or may have begun there")
    return lines


def _arrives_as(hop: result.HopRow, users: dict[str, str]) -> str | None:
    """The account under which a hop goes on at its target, as far as it is known."""
    seen = users[hop.target_user] if hop.target_user else None
    return seen or hop.credential or (users[hop.source_user] if hop.source_user else None)


def _why(kind: str, present: Sequence[str], stages: Mapping[str, Sequence[str]], *, kernel: bool) -> str:
    sides = stages.get(STAGE_OF_ALERT[kind], [])
    if kind == "SMB445Connection" and kernel:
        return "the kernel made the SMB connection, which the rule excludes"
    if "target" in sides or "wire" in sides:
        return f"the step shows only on {_sides([side for side in sides if side != 'source'])}"
    if kind == "NetUseAdminShare" and "PsExecExecution" in present:
        return "PsExec opens the admin share itself, without net use"
    if kind == "PsExecExecution":
        return "no PsExec or like tool was started on the source"
    if kind == "NetUseAdminShare":
        return "no net use of an admin share was started on the source"
    return "no connection by a user-mode process was recorded on the source"


def _sides(sides: Sequence[str]) -> str:
    return " and ".join(_SEEN[side] for side in sides)


def _gap(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{round(minutes / 60)} h"
