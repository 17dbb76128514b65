"""Small frames for tests of the engine: witnesses, hops, features and sessions in a few words."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from hypothesis import strategies as st

from lmgraph import frames, hops
from lmgraph.kernels import paths as kernels
from lmgraph.paths import links
from lmgraph.settings import DAY_US, HOUR_US, SECOND_US

MINUTE = 60 * SECOND_US
HOUR = HOUR_US
DAY = DAY_US
WINDOW = 15 * MINUTE
START = 1_770_000_000 * SECOND_US - (1_770_000_000 * SECOND_US) % DAY  # a midnight

EMPTY: dict[str, Any] = {
    "witness": 0,
    "time_us": 0,
    "source": -1,
    "target": -1,
    "stage": 2,
    "side": 0,
    "opens": True,
    "alert": -1,
    "alert_type": -1,
    "proves": 0,
    "denied": False,
    "source_user": -1,
    "target_user": -1,
    "credential": -1,
    "certainty": 1.0,
    "process": -1,
    "renamed": False,
    "masquerade": False,
    "suppressed": False,
    "reach_us": 2**62,
}
PSEXEC = {"stage": 0, "alert_type": 0, "alert": 0}
NET_USE = {"stage": 1, "alert_type": 1, "alert": 0}
SMB = {"stage": 2, "alert_type": 2, "alert": 0}
SERVICE = {"stage": 0, "side": 1, "proves": 3}
SHARE = {"stage": 1, "side": 1, "proves": 2}
LOGON = {"stage": 2, "side": 1, "proves": 1, "opens": False}
KERNEL = {"stage": 2, "side": 0, "opens": False}


def days_from(begin: int) -> npt.NDArray[np.int64]:
    """UTC days of which records were read, from START + begin on for a year."""
    first = (START + begin) // DAY
    return np.arange(first, first + 365, dtype=np.int64)


def row(kind: Mapping[str, Any], time_us: int, source: int, target: int, **more: Any) -> dict[str, Any]:
    """One witness row; times are relative to START."""
    return {**EMPTY, **kind, "time_us": START + time_us, "source": source, "target": target, **more}


def witnesses(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Frame WITNESSES: numbers the records and alerts, and hashes the content into the key."""
    table = []
    for number, given in enumerate(rows):
        content = repr(sorted(given.items())).encode()
        key = zlib.crc32(content) << 32 | zlib.crc32(content[::-1])
        alert = number if given["alert"] >= 0 and given["opens"] else -1
        table.append({**given, "witness": number, "alert": alert, "key": key})
    return frames.make(
        {name: [entry[name] for entry in table] for name in frames.WITNESSES}, frames.WITNESSES
    )


def full_chain(time_us: int, source: int, target: int, **more: Any) -> list[dict[str, Any]]:
    """PsExec as a well-logged pair of hosts shows it: command, connection, logon, share, service."""
    seen = {name: more[name] for name in ("target_user", "credential", "suppressed") if name in more}
    return [
        row(PSEXEC, time_us, source, target, **more),
        row(KERNEL, time_us + SECOND_US, source, target),
        row(LOGON, time_us + 2 * SECOND_US, source, target, target_user=seen.get("target_user", -1)),
        row(SHARE, time_us + 3 * SECOND_US, source, target, suppressed=seen.get("suppressed", False)),
        row(SERVICE, time_us + 20 * SECOND_US, source, target, suppressed=seen.get("suppressed", False)),
    ]


HOSTS = [f"host-{number}" for number in range(32)]
PERSONS = np.zeros(16, np.int8)
ROLES = np.array([0, 0, 1, 2, -1, *[-1] * 27], np.int8)  # of HOSTS: two workstations, a server, a controller
UNKNOWN_ROLES = np.full(len(HOSTS), -1, np.int8)


def build(rows: Iterable[Mapping[str, Any]], *, window_us: int = WINDOW) -> hops.HopTable:
    """The hops of the rows; all accounts are persons."""
    return hops.build(witnesses(rows), HOSTS, PERSONS, window_us=window_us)


@st.composite
def witness_rows(draw: st.DrawFn, *, hosts: int = 4, size: int = 25) -> list[dict[str, Any]]:
    """Rows of all kinds on few hosts and a coarse clock, so that everything collides."""
    kinds = st.sampled_from([PSEXEC, NET_USE, SMB, SMB, SERVICE, SHARE, LOGON, KERNEL])
    host = st.integers(-1, hosts - 1)
    user = st.integers(-1, 2)
    rows = []
    for _ in range(draw(st.integers(0, size))):
        more = {
            "source_user": draw(user),
            "target_user": draw(user),
            "credential": draw(user),
            "denied": draw(st.sampled_from([False, False, False, True])),
            "suppressed": draw(st.booleans()),
            "certainty": draw(st.sampled_from([1.0, 0.5])),
        }
        time = draw(st.integers(0, 60)) * 2 * MINUTE + draw(st.sampled_from([0, 0, 1]))
        rows.append(row(draw(kinds), time, draw(host), draw(host), **more))
    return rows


def bare_hops(
    source: npt.NDArray[np.int64],
    target: npt.NDArray[np.int64],
    time_us: npt.NDArray[np.int64],
    score: npt.NDArray[np.int64],
    *,
    max_gap_us: int = DAY,
) -> tuple[Any, ...]:
    """Arguments of ``kernels.paths.choose``, the last one its results, for hops in order of time.

    They execute, last no time, and have no accounts and no history; of equals the earlier has the
    lesser key.
    """
    n, hosts = source.size, int(max(source.max(initial=-1), target.max(initial=-1))) + 1
    never = np.full(n, np.iinfo(np.int64).max)
    made = kernels.Hops(
        source=source,
        target=target,
        first=time_us,
        last=time_us,
        outcome=np.full(n, -1),
        weight=np.ones(n),
        key=np.arange(n, dtype=np.uint64),
        score=score,
        began=np.ones(n),
        own_since=never,
        moves_since=never,
        entered=np.zeros(n, np.int64),
        entered_within=np.zeros(n, np.int64),
    )
    nobody = kernels.Lists(start=np.zeros(n + 1, np.int64), user=np.empty(0, np.int64))
    limits = kernels.Limits(
        max_gap=max_gap_us, skew=0, longest=0, most=links.MOST_CANDIDATES, look=links.MOST_LOOKED_AT
    )
    chosen = kernels.Chosen(
        parent=np.full(n, -1),
        best=np.zeros(n, np.int64),
        certainty=np.ones(n),
        terms=np.zeros((n, 4), np.int64),
        same=np.zeros(n, bool),
    )
    order = np.arange(n)
    into = links.into(target, order, hosts)
    accounts = kernels.Accounts(any=nobody, acting=nobody, effective=nobody)
    return order, time_us, made, accounts, into, limits, links.weights(), chosen
