"""Records that testify to a hop without being an alert: what each proves, and from which side.

One function over one record; joins, spans and suppression are decided elsewhere.

References:
    DESIGN §5 "Witnesses that are no alerts"; FALCON.md §2 for what each Falcon event means.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from lmgraph.rules.names import is_service_half, is_service_of_psexec, is_shell_service, process_names
from lmgraph.schema import SMB_PORT, Event, Outcome, Side, Stage

NETWORK_LOGON: Final = 3

# Drive shares of any letter; the narrower list of the alert rule is in command_line.ADMIN_SHARES.
_ADMIN_SHARE: Final = re.compile(r"admin\$|[a-z]\$", re.IGNORECASE | re.ASCII)

_SESSIONS: Final[dict[int, str]] = {
    2: "interactive",
    4: "batch",
    5: "service",
    7: "interactive",  # an unlock goes on with the session that was locked
    9: "new credentials",
    10: "remote interactive",
    11: "cached interactive",
}


class Testimony(msgspec.Struct, frozen=True, gc=False):
    """What one record that is no alert says of a hop.

    ``opens``: it may open or extend a hop by itself (execution, admin share); the rest is context.
    ``proves``: the furthest step it proves. ``kind``: the source's own name of the record.
    ``object``: share, service or program it is about. ``denied``: access was refused.
    """

    stage: Stage
    side: Side
    opens: bool
    proves: Outcome
    kind: str
    object: str | None = None
    denied: bool = False


def testify(event: Event) -> Testimony | None:
    """What the record testifies to, ``None`` when it says nothing of SMB movement."""
    code = event.event_code or event.kind
    if event.kind == "connection":
        if event.remote_port != SMB_PORT:
            return None
        return _context("source", "attempted", code, process_names(event))
    if event.kind == "accept":
        return _context("target", "connected", code) if event.host_port == SMB_PORT else None
    if event.kind == "share_client":
        return _context("source", "connected", code, event.share_name)
    if event.kind == "share_server":
        return _share(event, code)
    if event.kind in {"logon", "logon_failed"}:
        return _logon(event, code)
    return _execution(event, code)


def is_admin_share(share: str | None) -> bool:
    """``ADMIN$`` or a drive share such as ``C$``; ``IPC$`` is none: every client opens it."""
    return share is not None and _ADMIN_SHARE.fullmatch(share) is not None


def session_kind(logon_type: int | None) -> str | None:
    """Kind of the session that a logon type opens; ``None`` for network logons (type 3) and the rest."""
    return None if logon_type is None else _SESSIONS.get(logon_type)


def _context(side: Side, proves: Outcome, code: str, about: str | None = None) -> Testimony:
    return Testimony(stage="connection", side=side, opens=False, proves=proves, kind=code, object=about)


def _opener(stage: Stage, proves: Outcome, code: str, about: str | None) -> Testimony:
    return Testimony(stage=stage, side="target", opens=True, proves=proves, kind=code, object=about)


def _denied(stage: Stage, code: str, about: str | None) -> Testimony:
    return Testimony(
        stage=stage, side="target", opens=False, proves="attempted", kind=code, object=about, denied=True
    )


def _share(event: Event, code: str) -> Testimony:
    admin = is_admin_share(event.share_name)
    if event.failed:
        return _denied("share" if admin else "connection", code, event.share_name)
    if admin:
        return _opener("share", "accessed", code, event.share_name)
    return _context("target", "connected", code, event.share_name)


def _logon(event: Event, code: str) -> Testimony | None:
    if event.logon_type != NETWORK_LOGON:
        return None
    if event.failed or event.kind == "logon_failed":
        return _denied("connection", code, None)
    # UserIdentity repeats a logon without saying from where it came.
    if event.event_code == "UserIdentity" and event.remote_ip is None and event.remote_name is None:
        return None
    return _context("target", "connected", code)


def _execution(event: Event, code: str) -> Testimony | None:
    about: str | None
    if event.kind == "process_start":
        about = process_names(event)
        original = event.process_original_name
        if not any(map(is_service_half, (about, original, event.parent_process_name))):
            return None
    elif event.kind == "service_start":
        about = event.service_name
        path = event.service_path or event.process_command_line or event.process_path
        half = is_service_half(process_names(event)) or is_service_of_psexec(about, path)
        if not half and not is_shell_service(path):
            return None
    elif event.kind == "service_install":
        about = event.service_name
    elif event.kind == "smb_execution":
        about = process_names(event)
    else:
        return None
    if event.failed:
        return _denied("execution", code, about)
    return _opener("execution", "executed", code, about)
