"""The published query, as written, under LogScale's documented semantics (``--rules literal``).

Read from the query text (FALCON.md quotes it) with ``in […]`` taken as ``in()`` and ``drop()`` as
dropping the event: exact, case-sensitive comparison; ``!=`` true on a missing field; a regular
expression searches; the first clause that matches wins; of all names only ``FileName`` counts.
``tests/rules/query_interpreter.py`` runs the query text itself and must agree.

References:
    FALCON.md §0 and §1; library.humio.com: syntax-conditional, syntax-operators, functions-in.
"""

from __future__ import annotations

import re
from typing import Final

from lmgraph.rules.verdict import NOTHING, Verdict, flagged
from lmgraph.schema import SMB_PORT, AlertType, Event

_EVENTS: Final = frozenset({"ProcessRollup2", "NetworkConnectIP4"})
# \Z for $: without the flag m, $ is the end of the value, not the place before a last line feed.
# ASCII: (?i) folds ASCII only, and \b knows ASCII words only, in the engines that LogScale documents.
_PSEXEC: Final = re.compile(r"^(psexec64?|paexec|remcom)\.exe\Z", re.IGNORECASE | re.ASCII)
_NET: Final = re.compile(r"^net1?\.exe\Z", re.IGNORECASE | re.ASCII)
_USE: Final = re.compile(r"\buse\b", re.IGNORECASE | re.ASCII)
_SHARE: Final = re.compile(r"(ADMIN\$|IPC\$|C\$)", re.IGNORECASE | re.ASCII)


def decide(event: Event, process_name: str | None, process_path: str | None) -> Verdict:
    """What the query as written says of one record.

    Args:
        event: The record. ``process_name`` is its literal ``FileName``, ``event_code`` its event name.
        process_name: Name from a join; the query makes none, so it serves the flags alone.
        process_path: Path from that join; likewise.
    """
    alert = event.alert_type if event.kind == "table_alert" else _clause(event)
    return NOTHING if alert is None else flagged(alert, event, process_name, process_path)


def _clause(event: Event) -> AlertType | None:
    if event.event_code not in _EVENTS:
        return None
    file_name, command_line = event.process_name, event.process_command_line
    if file_name is not None:
        if _PSEXEC.search(file_name):
            return "PsExecExecution"
        if (
            _NET.search(file_name)
            and command_line is not None
            and _USE.search(command_line)
            and _SHARE.search(command_line)
        ):
            return "NetUseAdminShare"
    if (
        event.event_code == "NetworkConnectIP4"
        and event.remote_port == SMB_PORT
        and file_name not in {"svchost.exe", "System"}
    ):
        return "SMB445Connection"
    return None
