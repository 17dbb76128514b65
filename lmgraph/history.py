"""History: what the past of a hop's hosts and accounts says about it (DESIGN §9).

Only what lies more than ``max_gap`` before a hop counts, so that an attack does not make itself
known, and equal times see nothing of each other. Days are UTC days.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from lmgraph import frames, groups
from lmgraph.hops import EXECUTION, PSEXEC_ALERT, SHARE, SMB_ALERT, HopTable, saw
from lmgraph.kernels import history as kernels
from lmgraph.settings import DAY_US, HOUR_US
from lmgraph.tuning import PERIODIC_LEAST, PERIODIC_SPREAD

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

ENOUGH_DAYS: Final = 2  # with fewer working days of data before a hop, nothing is called new
RECENT_DAYS: Final = 30  # … of the last days: a stray record of long ago is no history
HABIT_DAYS: Final = 3  # earlier days from which something is a habit
MANY_TARGETS: Final = 5  # distinct targets in a day that make a source one of many targets
SURGE_US: Final = 2 * HOUR_US  # in which a source may reach more targets than it ever did
FIRST_WEEKDAY: Final = 3  # 1 January 1970 was a Thursday, when Monday is 0


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
    row, hop = table.members["row"].to_numpy(), table.members["hop"].to_numpy()
    opens = witnesses["opens"].to_numpy()[row]
    row, hop = row[opens], hop[opens]
    alert_type = witnesses["alert_type"].to_numpy()[row]
    process = witnesses["process"].to_numpy()[row]
    process = np.where((alert_type == SMB_ALERT) | (alert_type == PSEXEC_ALERT), process, -1)
    base = {
        "time_us": witnesses["time_us"].to_numpy()[row],
        "source": table.hops["source"].to_numpy()[hop],
        "target": table.hops["target"].to_numpy()[hop],
        "process": process,
        "tool": (alert_type == PSEXEC_ALERT) & (process >= 0),
        "moved": np.ones(row.size, bool),
        "executed": saw(_stages(table.hops), EXECUTION)[hop],
    }
    accounts = [witnesses[name].to_numpy()[row] for name in ("source_user", "target_user", "credential")]
    nobody = np.max(accounts, axis=0) < 0
    parts = [
        {**{name: column[of] for name, column in base.items()}, "user": user[of]}
        for user, of in [(user, user >= 0) for user in accounts] + [(accounts[0], nobody)]
    ]
    silent = {"process": -1, "tool": False, "moved": False, "executed": False}
    mere_contacts = {name: np.full(len(contacts), value) for name, value in silent.items()}
    parts.append({**mere_contacts, **{name: contacts[name].to_numpy() for name in frames.CONTACTS}})
    return _distinct({name: np.concatenate([part[name] for part in parts]) for name in frames.USES})


def _distinct(uses: dict[str, npt.NDArray[Any]]) -> pd.DataFrame:
    """Frame USES of the columns: the distinct rows, sorted by all columns."""
    # Two codes of 32 bits make one of 64: of eight columns to sort by, four are left.
    ends = _packed(uses["source"], uses["target"])
    who = _packed(uses["user"], uses["process"])
    how = uses["tool"] * np.int8(4) + uses["moved"] * np.int8(2) + uses["executed"]
    order = groups.sorted_by(uses["time_us"], ends, who, how)
    again = np.ones(max(order.size - 1, 0), bool)
    for column in (uses["time_us"][order], ends[order], who[order], how[order]):
        again &= column[1:] == column[:-1]
    kept = order[np.append(True, ~again)] if order.size else order
    return frames.make({name: column[kept] for name, column in uses.items()}, frames.USES)


def _packed(high: npt.NDArray[Any], low: npt.NDArray[Any]) -> I64:
    """Two columns of codes as one that sorts like both."""
    return np.asarray((high.astype(np.int64) << 32) + (low.astype(np.int64) + 1))


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
    roles: npt.NDArray[np.int8],
    *,
    days_read: I64,
    max_gap_us: int | None,
    window_us: int,
    earlier: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Frame FEATURES, one row per hop.

    Args:
        table: All hops.
        uses: Frame USES, of all hops and contacts.
        user_kinds: Kind of each user code.
        roles: Role of each host code, −1 unknown.
        days_read: UTC days (since 1970, ascending) that were read: on which enough sensors spoke;
            history is sufficient where ENOUGH_DAYS of the RECENT_DAYS before a hop's past ends are
            among them.
        max_gap_us: What lies closer before a hop than this is not its past; None counts as 24 h.
        window_us: The window in which targets of one source are counted.
        earlier: Frame EARLIER, of a baseline; what it knows of a pair on a day on which that pair has
            hops of its own here is the same again and does not count.

    Raises:
        TypeError: A frame is not as specified.
    """
    frames.check(uses, frames.USES, "uses")
    hops = table.hops
    gap_us = DAY_US if max_gap_us is None else max_gap_us
    past = _Past(uses, hops["first_us"].to_numpy() - gap_us, days_read)
    begun = _Begun(hops, earlier)
    columns = past.of_hosts(hops) | past.of_accounts(hops, effective_users(hops, user_kinds))
    columns |= begun.features(gap_us, window_us)
    columns["role_jump"] = _role_jump(hops, roles)
    return frames.make(dict(columns), frames.FEATURES)


class _Past:
    """The uses before each hop's moment, counted in days.

    Args:
        uses: Frame USES.
        before_us: When each hop's past ends, ascending as frame HOPS is.
        days_read: As ``features`` has it.
    """

    def __init__(self, uses: pd.DataFrame, before_us: I64, days_read: I64) -> None:
        order = np.argsort(uses["time_us"].to_numpy(), kind="stable")
        use = {name: uses[name].to_numpy()[order] for name in frames.USES}
        self._time_us, self._day = use["time_us"], use["time_us"] // DAY_US
        self._source, self._target, self._user, self._process = (
            use[name].astype(np.int64) for name in ("source", "target", "user", "process")
        )
        self._moved, self._executed, self._tool = (use[name] for name in ("moved", "executed", "tool"))
        self._before = before_us
        self._days_read = days_read

    def _sufficient(self) -> Bool:
        """Whether enough of the days before each hop's past ends were read.

        Saturdays and Sundays do not count: all that a Monday brings would be new after them.
        """
        end = self._before // DAY_US
        working = self._days_read[(self._days_read + FIRST_WEEKDAY) % 7 < 5]
        read = np.searchsorted(working, end) - np.searchsorted(working, end - RECENT_DAYS)
        return np.asarray(read >= ENOUGH_DAYS)

    def _days(self, key: I64, asked: I64, which: Bool | None = None) -> I64:
        """Distinct days with a chosen use of what each hop asks for; −1 where it asks for −1.

        Args:
            key: Code of each use of what may be asked for, −1 where it is none.
            asked: The same for each hop.
            which: Uses that count; all by default.
        """
        key = key if which is None else np.where(which, key, -1)
        days = np.empty(asked.size, np.int64)
        keys = max(groups.size(key), groups.size(asked))
        kernels.earlier_days(key, self._time_us, self._day, asked, self._before, keys, days)
        return days

    def of_hosts(self, hops: pd.DataFrame) -> dict[str, npt.NDArray[np.generic]]:
        """What the past says of the two hosts, and of the programs that ran there."""
        source, target, process, tool = (
            hops[name].to_numpy(np.int64) for name in ("source", "target", "process", "tool")
        )
        (used, pair), pairs = groups.number_pairs((self._source, self._target), (source, target))
        (lay, lies), _ = groups.number_pairs((self._process, self._source), (tool, source))
        told = self._days(self._source, source, self._tool) > 0
        many, new = self._target_days(source, used, pairs)
        return {
            "sufficient": self._sufficient(),
            "days_pair": self._days(used, pair),
            "days_pair_hops": self._days(used, pair, self._moved),
            "days_source_out": self._days(self._source, source, self._moved),
            "days_source_exec": self._days(self._source, source, self._executed),
            "days_source_many": many,
            "days_source_new": new,
            "days_process": self._days(self._process, process),
            "days_source_tool": self._days(lay, np.where(told, lies, -1), self._tool),
        }

    def _target_days(self, asked: I64, pair: I64, pairs: int) -> tuple[I64, I64]:
        """Days on which the source used MANY_TARGETS, and on which it first moved to some target.

        Up to the first day read, all is new. ``pair`` is the code of each use's two hosts.
        """
        many, new = np.empty(asked.size, np.int64), np.empty(asked.size, np.int64)
        first_day = int(self._days_read[0]) if self._days_read.size else -1
        sources = max(groups.size(self._source), groups.size(asked))
        kernels.target_days(
            self._source,
            pair,
            self._moved,
            self._time_us,
            self._day,
            first_day,
            MANY_TARGETS,
            asked,
            self._before,
            sources,
            pairs,
            many,
            new,
        )
        return many, new

    def of_accounts(self, hops: pd.DataFrame, user: I64) -> dict[str, npt.NDArray[np.generic]]:
        """What the past says of the accounts; ``user`` is the effective one."""
        source, target, actor, given = (
            hops[name].to_numpy(np.int64) for name in ("source", "target", "source_user", "credential")
        )
        (went, goes), _ = groups.number_pairs((self._user, self._target), (user, target))
        (left, leaves, gives), _ = groups.number_pairs(
            (self._user, self._source), (actor, source), (given, source)
        )
        return {
            "days_user_target": self._days(went, goes),
            "days_user_target_hops": self._days(went, goes, self._moved),
            "days_user_source": self._days(left, leaves),
            "days_user_source_hops": self._days(left, leaves, self._moved),
            "days_credential_source": self._days(left, gives),
            "days_user_out": self._days(self._user, user, self._moved),
            "off_hours": self._off_hours(hops["first_us"].to_numpy(), user),
        }

    def _off_hours(self, first_us: I64, user: I64) -> Bool:
        """Whether the account has a habit and never an hour of the day like this one, give or take one.

        UTC hours: a change to summer time shifts a habit by one.
        """
        of_use = np.where(self._user >= 0, self._user * 24 + self._time_us // HOUR_US % 24, -1)
        off = self._days(self._user, user) >= HABIT_DAYS
        for shift in (-1, 0, 1):
            asked = np.where(user >= 0, user * 24 + (first_us // HOUR_US + shift) % 24, -1)
            off &= self._days(of_use, asked) == 0
        return off


class _Begun:
    """When and where hops began, and of which kind: those of the run in their order, then earlier ones.

    Args:
        hops: Frame HOPS.
        earlier: Frame EARLIER, of a baseline, or None.
    """

    def __init__(self, hops: pd.DataFrame, earlier: pd.DataFrame | None) -> None:
        self._own = len(hops)
        columns = [{name: hops[name].to_numpy() for name in ("first_us", "source", "target")}]
        columns[0]["mere"] = mere(hops)
        if earlier is not None:
            frames.check(earlier, frames.EARLIER, "earlier hops")
            known = {name: earlier[name].to_numpy() for name in frames.EARLIER}
            further = _not_among(known, columns[0])
            columns.append({name: column[further] for name, column in known.items()})
        self._first, self._source, self._target, kind = (
            np.concatenate([part[name] for part in columns]).astype(np.int64)
            for name in ("first_us", "source", "target", "mere")
        )
        self._kind = self._source * 2 + kind
        self._by_time = np.argsort(self._first, kind="stable")

    def features(self, gap_us: int, window_us: int) -> dict[str, npt.NDArray[np.generic]]:
        """What the beginnings say of each hop of the run; arguments as for ``history.features``."""
        order = self._by_time[groups.order_by(self._kind[self._by_time], groups.size(self._kind))[1]]
        near, most = self._targets_near(order, gap_us, window_us)
        surge, most_surge = self._targets_near(order, gap_us, SURGE_US)
        return {
            "source_since_us": self._since(),
            "targets_in_window": near,
            "most_in_window": most,
            "targets_in_hours": surge,
            "most_in_hours": most_surge,
            "periodic": self._periodic(),
        }

    def _since(self) -> I64:
        """When the first hop of each hop's source began."""
        since = np.full(groups.size(self._source), np.iinfo(np.int64).max)
        np.minimum.at(since, self._source, self._first)
        return since[self._source[: self._own]]

    def _targets_near(self, order: I64, gap_us: int, near_us: int) -> tuple[I64, I64]:
        """Distinct targets of each hop's source at most so long before and after it, its own included.

        And the greatest such number among those of the source's hops whose span lies in its past.
        Hops that are mere connections count apart from the others: an agent's round is no burst of
        executions. ``order`` lists the hops by source and kind, then by time.
        """
        near, most = np.empty(order.size, np.int64), np.empty(order.size, np.int64)
        kernels.targets_near(
            self._kind[order],
            self._first[order],
            self._target[order],
            near_us,
            gap_us,
            groups.size(self._target),
            near,
            most,
        )
        result = np.empty((2, order.size), np.int64)
        result[:, order] = near, most
        return result[0, : self._own], result[1, : self._own]

    def _periodic(self) -> Bool:
        """Whether each hop ends a run of PERIODIC_LEAST hops of its pair that ``tuning.is_periodic``."""
        order = self._by_time[groups.order_by_pair(self._source[self._by_time], self._target[self._by_time])]
        width = PERIODIC_LEAST - 1
        result = np.zeros(order.size, bool)
        source, target = self._source[order], self._target[order]
        one_pair = (source[width:] == source[:-width]) & (target[width:] == target[:-width])
        ends = width + np.flatnonzero(one_pair)
        gaps = np.diff(self._first[order], prepend=0)[ends[:, None] + np.arange(1 - width, 1)]
        middle = np.median(gaps, axis=1)
        spread = np.median(np.abs(gaps - middle[:, None]), axis=1)
        result[order[ends]] = (middle > 0) & (spread <= PERIODIC_SPREAD * middle)
        return result[: self._own]


def _not_among(earlier: Mapping[str, npt.NDArray[Any]], own: Mapping[str, npt.NDArray[Any]]) -> Bool:
    """The earlier hops whose pair has none of the own on the same day."""
    days = [table["first_us"] // DAY_US for table in (own, earlier)]
    known = np.unique(days[0])
    place = np.minimum(np.searchsorted(known, days[1]), max(known.size - 1, 0))
    day = np.where(np.isin(days[1], known), place, -1)
    pairs, _ = groups.number_pairs(*((table["source"], table["target"]) for table in (own, earlier)))
    codes, count = groups.number_pairs((pairs[0], np.searchsorted(known, days[0])), (pairs[1], day))
    here = np.zeros(count + 1, bool)  # the last is that of the code −1
    here[codes[0]] = True
    return ~here[codes[1]]


def mere(hops: pd.DataFrame) -> Bool:
    """Whether each hop (frame HOPS) is a connection only: no execution, no share."""
    stages = _stages(hops)
    return ~saw(stages, EXECUTION) & ~saw(stages, SHARE)


def _stages(hops: pd.DataFrame) -> I64:
    return hops["stages"].to_numpy(np.int64)


def _role_jump(hops: pd.DataFrame, roles: npt.NDArray[np.int8]) -> Bool:
    """Out of a domain controller, from a server to a workstation, or from a workstation into a controller."""
    source, target = roles[hops["source"].to_numpy()], roles[hops["target"].to_numpy()]
    out = (source == frames.CONTROLLER) & (target != frames.CONTROLLER)
    down = (source == frames.SERVER) & (target == frames.WORKSTATION)
    into = (source == frames.WORKSTATION) & (target == frames.CONTROLLER)
    return np.asarray(out | down | into)
