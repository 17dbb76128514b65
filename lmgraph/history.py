"""History: what the past of a hop's hosts and accounts says about it (DESIGN §9).

Only what lies more than ``max_gap`` before a hop counts, so that an attack does not make itself
known, and equal times see nothing of each other. Days are UTC days.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from lmgraph import frames
from lmgraph.hops import HopTable
from lmgraph.kernels import history as kernels
from lmgraph.settings import DAY_US

I64 = npt.NDArray[np.int64]

ENOUGH_DAYS: Final = 3  # with fewer days of data before a hop, nothing is called new
RECENT_DAYS: Final = 30  # … of the last days: a stray record of long ago is no history
MANY_TARGETS: Final = 5  # distinct targets in a day (or window) that make a source one of many targets


def uses(witnesses: pd.DataFrame, table: HopTable, contacts: pd.DataFrame) -> pd.DataFrame:
    """Frame USES: a row per opener of a hop and account in it, and the contacts.

    Args:
        witnesses: Frame WITNESSES that the table was built from.
        table: All hops, also those outside ``--since``/``--until``.
        contacts: Frame CONTACTS, in any order.

    Raises:
        TypeError: A frame is not as specified.
    """
    frames.check(contacts, frames.CONTACTS, "contacts")
    members = table.members[witnesses["opens"].to_numpy()[table.members["row"].to_numpy()]]
    row, hop = members["row"].to_numpy(), members["hop"].to_numpy()
    source, target = (table.hops[end].to_numpy()[hop] for end in ("source", "target"))
    base = pd.DataFrame({"time_us": witnesses["time_us"].to_numpy()[row], "source": source, "target": target})
    base["moved"], base["executed"] = True, (table.hops["stages"].to_numpy()[hop] & 7) > 0
    accounts = [witnesses[name].to_numpy()[row] for name in ("source_user", "target_user", "credential")]
    parts = [base.assign(user=user)[user >= 0] for user in accounts]
    parts.append(base.assign(user=-1)[np.max(accounts, axis=0) < 0])
    parts.append(contacts.assign(moved=False, executed=False))
    columns = list(frames.USES)
    together = pd.concat([part[columns] for part in parts], ignore_index=True).drop_duplicates()
    together = together.sort_values(columns, ignore_index=True)
    return frames.make({name: together[name].to_numpy() for name in columns}, frames.USES)


def effective_users(hops: pd.DataFrame, user_kinds: npt.NDArray[np.int8]) -> I64:
    """The account of each hop (frame HOPS) as its target knows it, or −1: a person where one is known.

    What the target saw, else the explicit credential, else the source user (DESIGN §8).
    """
    result = np.full(len(hops), -1, np.int64)
    for persons_only in (False, True):
        for column in ("source_user", "credential", "target_user"):  # the later one wins
            user = hops[column].to_numpy(np.int64)
            take = user >= 0
            if persons_only:
                take[take] = user_kinds[user[take]] == frames.PERSON
            result = np.where(take, user, result)
    return result


def features(
    table: HopTable,
    uses: pd.DataFrame,
    user_kinds: npt.NDArray[np.int8],
    *,
    days_read: I64,
    max_gap_us: int | None,
    window_us: int,
) -> pd.DataFrame:
    """Frame FEATURES, one row per hop.

    Args:
        table: All hops.
        uses: Frame USES, of all hops and contacts.
        user_kinds: Kind of each user code.
        days_read: UTC days (since 1970, ascending) of which any record was read; history is
            sufficient where ENOUGH_DAYS of the RECENT_DAYS before a hop's past ends are among them.
        max_gap_us: What lies closer before a hop than this is not its past; None counts as 24 h.
        window_us: The window in which targets of one source are counted.

    Raises:
        TypeError: A frame is not as specified.
    """
    frames.check(uses, frames.USES, "uses")
    hops = table.hops
    source, target, first = (hops[name].to_numpy(np.int64) for name in ("source", "target", "first_us"))
    actor, user = hops["source_user"].to_numpy(np.int64), effective_users(hops, user_kinds)
    before = first - (DAY_US if max_gap_us is None else max_gap_us)
    past = {name: uses[name].to_numpy(np.int64) for name in frames.CONTACTS}
    moved, executed = uses["moved"].to_numpy(), uses["executed"].to_numpy()
    pair, user_target = _code(past["source"], past["target"]), _code(past["user"], past["target"])
    used = past["user"] >= 0

    def days(key: I64, which: npt.NDArray[np.bool_], asked: I64) -> I64:
        return _days(key[which], past["time_us"][which], asked, before)

    def of_account(account: I64, counted: I64) -> I64:
        return np.where(account >= 0, counted, -1)

    def read_since(days_back: int) -> I64:
        return np.searchsorted(days_read, before // DAY_US - days_back)

    everything = np.ones(moved.size, bool)
    asked_pair, asked_user = _code(source, target), _code(user, target)
    many_key, many_time = _many_targets(past)
    columns: dict[str, Any] = {
        "sufficient": read_since(0) - read_since(RECENT_DAYS) >= ENOUGH_DAYS,
        "days_pair": days(pair, everything, asked_pair),
        "days_pair_hops": days(pair, moved, asked_pair),
        "days_user_target": of_account(user, days(user_target, used, asked_user)),
        "days_user_target_hops": of_account(user, days(user_target, used & moved, asked_user)),
        "days_user_source": of_account(
            actor, days(_code(past["user"], past["source"]), used, _code(actor, source))
        ),
        "days_source_out": days(past["source"], moved, source),
        "days_source_exec": days(past["source"], executed, source),
        "days_source_many": _days(many_key, many_time, source, before),
        "targets_in_window": _targets_near(source, target, first, window_us),
    }
    return frames.make(columns, frames.FEATURES)


def _code(first: I64, second: I64) -> I64:
    return first * (1 << 32) + second


def _days(key: I64, time_us: I64, asked: I64, before_us: I64) -> I64:
    """Distinct days with a use of each asked key before its moment."""
    uses, questions = np.lexsort((time_us, key)), np.lexsort((before_us, asked))
    answer = np.empty(asked.size, np.int64)
    never = np.iinfo(np.int64).min
    kernels.earlier_days(
        key[uses], time_us[uses], asked[questions], before_us[questions], DAY_US, answer, never
    )
    days = np.empty(asked.size, np.int64)
    days[questions] = answer
    return days


def _many_targets(past: dict[str, I64]) -> tuple[I64, I64]:
    """Source and moment of each day's MANY_TARGETS-th distinct target of a source."""
    day = past["time_us"] // DAY_US
    seen = pd.DataFrame(
        {"source": past["source"], "day": day, "target": past["target"], "time": past["time_us"]}
    )
    first = seen.groupby(["source", "day", "target"], sort=True)["time"].min().reset_index()
    first = first.sort_values(["source", "day", "time"], kind="stable")
    nth = first.groupby(["source", "day"]).cumcount() == MANY_TARGETS - 1
    return first["source"][nth].to_numpy(np.int64), first["time"][nth].to_numpy(np.int64)


def _targets_near(source: I64, target: I64, first: I64, window_us: int) -> I64:
    """Distinct targets of each hop's source within the window before and after it, its own included."""
    order = np.lexsort((target, first, source))
    near = np.empty(source.size, np.int64)
    seen = np.zeros(int(target.max(initial=-1)) + 1, np.int64)
    kernels.distinct_near(source[order], first[order], target[order], window_us, seen, near)
    result = np.empty(source.size, np.int64)
    result[order] = near
    return result
