"""The alert rules as the published query means them (DESIGN §5); the default."""

from __future__ import annotations

from lmgraph.rules.command_line import parse
from lmgraph.rules.names import (
    PSEXEC_ORIGINAL_NAMES,
    has_directory,
    in_system_directory,
    is_kernel,
    is_net,
    is_psexec,
    is_service_half,
    is_svchost,
    process_names,
)
from lmgraph.rules.verdict import NOTHING, Verdict, best_name, flagged
from lmgraph.schema import SMB_PORT, Event

__all__ = ["Verdict", "decide", "open_process", "process_names"]


def decide(event: Event, process_name: str | None, process_path: str | None) -> Verdict:
    """What the corrected rules say of one record.

    Args:
        event: The record; its command line is redacted already.
        process_name: Name of the process start that it was joined with, ``None`` when not joined.
        process_path: Path of that process start.

    Returns:
        The alert and its flags. A connection by a process that nobody can name is no alert.
    """
    if event.kind == "process_start":
        return _process_start(event)
    if event.kind == "connection" and event.remote_port == SMB_PORT:
        return _connection(event, best_name(event, process_name), event.process_path or process_path)
    if event.kind == "table_alert" and event.alert_type is not None:
        return flagged(event.alert_type, event, process_name, process_path)
    return NOTHING


def open_process(event: Event) -> bool:
    """An outbound connection to port 445 whose process only a join with its start can name.

    A connection by ``svchost.exe`` without a path is open too: where the file lies decides.
    """
    if event.kind != "connection" or event.remote_port != SMB_PORT or event.process_id is None:
        return False
    name = process_names(event)
    return name is None or (is_svchost(name) and not has_directory(event.process_path))


def _process_start(event: Event) -> Verdict:
    name = process_names(event)
    if is_psexec(name):
        return flagged("PsExecExecution", event, None, None)
    if _renamed_psexec(event, name):
        return flagged("PsExecExecution", event, None, None, "renamed")
    if is_net(name):
        movement = parse("net", event.process_command_line)
        if movement.targets and not movement.accidental:
            return flagged("NetUseAdminShare", event, None, None)
    return NOTHING


def _renamed_psexec(event: Event, name: str | None) -> bool:
    original = (event.process_original_name or "").lower()
    # PAExec's service half is a copy of its source half and keeps its version resource.
    return original in PSEXEC_ORIGINAL_NAMES and not is_service_half(name)


def _connection(event: Event, name: str | None, path: str | None) -> Verdict:
    if name is None or is_kernel(name, path):
        return NOTHING
    if is_svchost(name):
        if path is None or not has_directory(path):
            return Verdict(None, ("path_unknown",))
        if in_system_directory(path):
            return NOTHING
        return flagged("SMB445Connection", event, name, path, "masquerade")
    if name.lower() == "system":
        return flagged("SMB445Connection", event, name, path, "masquerade")
    return flagged("SMB445Connection", event, name, path)
