"""The frames that engine stages hand to each other: column → dtype, checked at stage borders.

Integer codes are dense positions (host in the hosts frame, user in the users frame, hop in the
hops frame); −1 is unknown. ``*_us`` are int64 microseconds since 1970-01-01 UTC; scores and terms
are int64 thousandths of a nat; certainties are float64 in (0, 1]. Every frame has the index
0 … n−1. ``str`` stands for any text dtype, ``object`` for tuples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pandas as pd

Spec = dict[str, str]

PERSON, MACHINE, SYSTEM = 0, 1, 2  # codes of user kinds
WORKSTATION, SERVER, CONTROLLER = 0, 1, 2  # codes of host roles, −1 unknown

#: One row per (witness record, source, target). Codes of stage, outcome and alert type are the
#: positions in schema.STAGES, OUTCOMES and ALERT_TYPES.
WITNESSES: Final[Spec] = {
    "witness": "int64",  # number of the record; a command with several targets has several rows
    "time_us": "int64",
    "source": "int32",
    "target": "int32",
    "stage": "int8",
    "side": "int8",
    "opens": "bool",  # may open and extend a hop
    "alert": "int32",  # row of the alerts frame; −1 unless the alert opens
    "alert_type": "int8",
    "proves": "int8",  # outcome that it proves
    "denied": "bool",
    "source_user": "int32",  # who acted on the source
    "target_user": "int32",  # who was seen on the target
    "credential": "int32",  # account given explicitly
    "certainty": "float64",
    "process": "int32",
    "renamed": "bool",
    "masquerade": "bool",
    "suppressed": "bool",
    "reach_us": "int64",  # how far from a hop it may lie when it lacks an end; the window at most
    "key": "uint64",  # hash of the content; breaks ties
}

#: Hops, sorted by (first_us, key).
HOPS: Final[Spec] = {
    "source": "int32",
    "target": "int32",
    "first_us": "int64",  # of its alerts; without alerts, of its execution and share witnesses
    "last_us": "int64",
    "evidence_first_us": "int64",  # of all its members
    "evidence_last_us": "int64",
    "stages": "uint16",  # bit stage × 3 + side
    "full_chain": "bool",
    "alert_types": "uint8",  # bit alert type
    "outcome": "int8",
    "outcome_us": "int64",  # when the outcome was first proved; −1 when only attempted
    "denied": "int32",
    "source_user": "int32",
    "target_user": "int32",
    "credential": "int32",
    "process": "int32",  # of its earliest 445 alert, −1 without
    "tool": "int32",  # of its earliest PsExec alert, −1 without
    "certainty": "float64",
    "suppressed": "bool",  # no alert is left unsuppressed; without alerts, no opener
    "renamed": "bool",
    "masquerade": "bool",
    "key": "uint64",  # of (source host key, target host key, first_us)
}

#: Which witness row belongs to which hop, sorted by (hop, time, key of the witness).
MEMBERS: Final[Spec] = {
    "hop": "int32",
    "row": "int64",  # position in the WITNESSES frame as it was given
    "share": "float64",  # 1 / number of hops that the row fits; below 0.5 it only corroborates
    "alert": "int32",  # row of the alerts frame that the hop lists under ``alerts``, else −1
}

#: Accounts of each hop, sorted by (hop, user).
HOP_USERS: Final[Spec] = {"hop": "int32", "user": "int32", "roles": "uint8"}
ACTED, SEEN, GIVEN, GAVE = 1, 2, 4, 8  # roles: on the source, on the target, as credential, gave one

#: Openers that no hop took, or that several fit too poorly, sorted by (time, key).
UNPLACED: Final[Spec] = {
    "row": "int64",  # position in the WITNESSES frame as it was given
    "reason": "str",  # "no source", "no target", "several hops fit"
    "candidates": "object",  # tuple of hops
}

#: Contacts folded by the hour: a pair of hosts that talk SMB, alert or not.
CONTACTS: Final[Spec] = {"time_us": "int64", "source": "int32", "target": "int32", "user": "int32"}

#: Uses of a pair by an account, by hops and contacts alike.
USES: Final[Spec] = {
    **CONTACTS,
    "process": "int32",  # that spoke SMB itself, or the tool of a PsExec alert; −1 where none is known
    "tool": "bool",  # the process is such a tool
    "moved": "bool",  # by a hop, not a mere contact
    "executed": "bool",  # by a hop with an execution
}

#: Hops of earlier runs that a baseline remembers; their uses are in USES.
EARLIER: Final[Spec] = {
    "first_us": "int64",
    "source": "int32",
    "target": "int32",
    "mere": "bool",  # a connection only (``history.mere``)
}

#: What the past says of each hop; ``days_*`` are distinct earlier UTC days, −1 without the account
#: or process. The "effective account" is the one that the target knew.
FEATURES: Final[Spec] = {
    "sufficient": "bool",  # the data reach back far enough to call anything new
    "days_pair": "int64",  # source → target, contacts included
    "days_pair_hops": "int64",  # source → target, hops only
    "days_user_target": "int64",  # effective account → target, contacts included
    "days_user_target_hops": "int64",
    "days_user_source": "int64",  # source account on the source, contacts included
    "days_user_source_hops": "int64",
    "days_credential_source": "int64",  # account given explicitly on the source, contacts included
    "days_user_out": "int64",  # hops of the effective account from anywhere to anywhere
    "days_source_out": "int64",  # hops from the source to anywhere
    "source_since_us": "int64",  # when the source's first hop of all began, this one perhaps
    "days_source_new": "int64",  # of them, with a first movement to some target; not the first day of all
    "days_source_exec": "int64",  # hops with an execution from the source
    "days_source_many": "int64",  # days on which the source used many targets, contacts included
    "days_process": "int64",  # its process that spoke SMB, anywhere
    "days_source_tool": "int64",  # its tool of remote execution, on the source; −1 also where none was known
    "targets_in_window": "int64",  # distinct targets of the source's hops of that kind within ± window
    "most_in_window": "int64",  # the greatest such number among the source's earlier hops
    "targets_in_hours": "int64",  # the same two within ± history.SURGE_US
    "most_in_hours": "int64",
    "off_hours": "bool",  # the effective account was never used within an hour of this time of the day
    "periodic": "bool",  # the pair's hops come at regular intervals so far
    "role_jump": "bool",  # out of a domain controller, from a server to a workstation, or into a controller
}

#: Accounts' sessions on hosts; kind "network" exposes nobody.
SESSIONS: Final[Spec] = {
    "user": "int32",
    "host": "int32",
    "kind": "str",
    "first_us": "int64",
    "last_us": "int64",
}

#: Paths, in order of rank. ``hops`` are in causal order.
PATHS: Final[Spec] = {
    "incident": "int32",
    "hops": "object",  # tuple of hops
    "score": "int64",
    "severity": "int8",  # position in schema.SEVERITIES
    "certainty": "float64",
    "outcome": "int8",  # of its last hop
    "credential_switches": "int32",
    "causal_user": "int32",  # who acted at its first host
    "first_us": "int64",
    "last_us": "int64",
    "key": "uint64",  # of its hops' keys
}

#: The chosen predecessor of each hop that has one, sorted by ``to``; terms of 0 are absent ones.
LINKS: Final[Spec] = {
    "from": "int32",
    "to": "int32",
    "gap_us": "int64",
    "certainty": "float64",
    "entered_then_moves": "int64",
    "credential_switch": "int64",
    "left_before_entry": "int64",
    "doubt": "int64",
}

#: Incidents, in order of rank.
INCIDENTS: Final[Spec] = {
    "hops": "object",  # tuple of hops, sorted
    "paths": "object",  # tuple of rows of the paths frame, sorted
    "origins": "object",  # tuple of hosts, sorted
    "related": "object",  # tuple of rows of this frame, sorted
    "score": "int64",
    "branches": "int64",  # which part of the score is of further branches; the rest is the best path's
    "severity": "int8",
    "credential_switches": "int32",
    "first_us": "int64",
    "last_us": "int64",
    "key": "uint64",  # of its hops' keys
}


def check(frame: pd.DataFrame, spec: Spec, name: str) -> pd.DataFrame:
    """The frame itself, when it has the spec's columns and dtypes and the index 0 … n−1.

    Further columns are allowed. ``name`` is the frame's, for the message.

    Raises:
        TypeError: A column is missing or of another dtype, or the index is another: a mistake of
            the stage before, never of the input.
    """
    for column, dtype in spec.items():
        if column not in frame.columns:
            raise TypeError(f"{name}: no column {column!r}")
        found = str(frame[column].dtype)
        if found != dtype and not (dtype == "str" and found in {"object", "string"}):
            raise TypeError(f"{name}: column {column!r} is {found}, not {dtype}")
    if len(frame) and (frame.index[0] != 0 or frame.index[-1] != len(frame) - 1):
        raise TypeError(f"{name}: the index is not 0 … {len(frame) - 1}")
    return frame


def make(columns: dict[str, object], spec: Spec) -> pd.DataFrame:
    """A frame of these columns in the spec's order and dtypes; without any columns it is empty.

    Raises:
        KeyError: A column is missing.
    """
    import numpy as np
    import pandas as pd

    given = columns or dict.fromkeys(spec, ())
    made = {
        name: (pd.Series if dtype in {"str", "object"} else np.asarray)(given[name], dtype=dtype)
        for name, dtype in spec.items()
    }
    return pd.DataFrame(made, copy=False)
