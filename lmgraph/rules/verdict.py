"""What a rule set says of one record: the alert, and the flags that qualify it."""

from __future__ import annotations

from typing import Final

import msgspec

from lmgraph.rules.command_line import Movement, Program, parse
from lmgraph.rules.names import has_directory, is_kernel, is_svchost, known, process_names
from lmgraph.schema import AlertType, Event

# An alert with one of these says that no movement is proved by it: it opens no hop (DESIGN §7).
NO_MOVEMENT: Final = frozenset({"accidental", "disconnect", "kernel", "process_unknown", "svchost"})
PROGRAM_OF_ALERT: Final[dict[AlertType, Program]] = {"PsExecExecution": "psexec", "NetUseAdminShare": "net"}


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """The alert that a record is, if any, and its flags, sorted.

    Flags: ``renamed`` (PsExec under another name), ``masquerade`` (a system name from a foreign
    directory), ``path_unknown`` (svchost, its directory not known), ``process_unknown``,
    ``disconnect`` (``/delete``), ``accidental`` (the text matched, the share is no admin share),
    ``kernel``, ``svchost``, ``rundown`` (the process was running before the sensor saw it).
    """

    alert: AlertType | None
    flags: tuple[str, ...] = ()

    @property
    def moves(self) -> bool:
        """Whether the alert may open or extend a hop."""
        return self.alert is not None and NO_MOVEMENT.isdisjoint(self.flags)


NOTHING: Final = Verdict(None)


def best_name(event: Event, joined_name: str | None) -> str | None:
    """The record's own process name, else that of the process start it was joined with."""
    own = process_names(event)
    if own is not None:
        return own
    return joined_name if known(joined_name) else None


def flagged(
    alert: AlertType, event: Event, process_name: str | None, process_path: str | None, *extra: str
) -> Verdict:
    """The alert with the flags that any rule set and any source of alerts gives it.

    Args:
        alert: The alert type, already decided.
        event: The record.
        process_name: Name from a join with the process start, ``None`` if there was none.
        process_path: Path from that join.
        extra: Flags that the caller found.
    """
    flags = set(extra)
    if event.event_code == "SyntheticProcessRollup2":
        flags.add("rundown")
    if alert == "SMB445Connection":
        flags |= _connection_flags(best_name(event, process_name), event.process_path or process_path, flags)
    elif alert == "NetUseAdminShare" and event.process_command_line is not None:
        movement = parse("net", event.process_command_line)
        if movement.disconnect:
            flags.add("disconnect")
        if movement.accidental:
            flags.add("accidental")
    return Verdict(alert, tuple(sorted(flags)))


def _connection_flags(name: str | None, path: str | None, found: set[str]) -> set[str]:
    if name is None:
        return {"process_unknown"}
    if is_kernel(name, path):
        return {"kernel"}
    if is_svchost(name) and "masquerade" not in found:
        return {"svchost"} if has_directory(path) else {"path_unknown", "svchost"}
    return set()


def movements(event: Event) -> list[Movement]:
    """What the record's command line says of movements, as each program that it may be of reads it."""
    if event.process_command_line is None:
        return []
    if event.kind == "table_alert" and event.alert_type is not None:
        programs = {PROGRAM_OF_ALERT[event.alert_type]} if event.alert_type in PROGRAM_OF_ALERT else set()
    else:
        programs = set(PROGRAM_OF_ALERT.values())
    return [parse(program, event.process_command_line) for program in sorted(programs)]


def tokens(event: Event) -> list[str]:
    """Names and addresses of hosts that the record's command line gives as targets, ascending."""
    named = {
        target.token
        for movement in movements(event)
        for target in movement.targets
        if target.kind in {"name", "ip"}
    }
    return sorted(named)
