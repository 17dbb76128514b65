"""History: what the past of a hop's hosts and accounts says about it (DESIGN §9).

Only what lies more than ``max_gap`` before a hop counts, so that an attack does not make itself
known, and equal times see nothing of each other. Days are UTC days.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from lmgraph import frames
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
    members = table.members[witnesses["opens"].to_numpy()[table.members["row"].to_numpy()]]
    row, hop = members["row"].to_numpy(), members["hop"].to_numpy()
    source, target = (table.hops[end].to_numpy()[hop] for end in ("source", "target"))
    base = pd.DataFrame({"time_us": witnesses["time_us"].to_numpy()[row], "source": source, "target": target})
    alert_type = witnesses["alert_type"].to_numpy()[row]
    named = np.isin(alert_type, (SMB_ALERT, PSEXEC_ALERT))
    base["process"] = np.where(named, witnesses["process"].to_numpy()[row], -1)
    base["tool"] = (alert_type == PSEXEC_ALERT) & (base["process"] >= 0)
    base["moved"], base["executed"] = True, saw(_stages(table.hops)[hop], EXECUTION)
    accounts = [witnesses[name].to_numpy()[row] for name in ("source_user", "target_user", "credential")]
    parts = [base.assign(user=user)[user >= 0] for user in accounts]
    parts.append(base.assign(user=-1)[np.max(accounts, axis=0) < 0])
    parts.append(contacts.assign(process=-1, tool=False, moved=False, executed=False))
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
    before = hops["first_us"].to_numpy() - gap_us
    begun = _begun(hops, earlier)
    past = _Past(uses, before, days_read)
    columns = past.of_hosts(hops) | past.of_accounts(hops, effective_users(hops, user_kinds))
    columns["sufficient"] = past.sufficient()
    columns["days_process"] = past.days(
        "process", hops["process"].to_numpy(np.int64), past.use["process"] >= 0
    )
    own = slice(len(hops))
    since = begun.groupby("source")["first_us"].min()
    columns["source_since_us"] = since.reindex(hops["source"]).to_numpy(np.int64)
    columns["targets_in_window"], columns["most_in_window"] = _targets_near(begun, gap_us, window_us)[:, own]
    columns["targets_in_hours"], columns["most_in_hours"] = _targets_near(begun, gap_us, SURGE_US)[:, own]
    columns["periodic"] = _periodic(begun)[own]
    columns["role_jump"] = _role_jump(hops, roles)
    return frames.make(dict(columns), frames.FEATURES)


class _Past:
    """The uses before each hop's moment, counted in days.

    Args:
        uses: Frame USES.
        before_us: When each hop's past ends.
        days_read: As ``features`` has it.
    """

    def __init__(self, uses: pd.DataFrame, before_us: I64, days_read: I64) -> None:
        self.use = {name: uses[name].to_numpy(np.int64) for name in frames.USES}
        self._moved, self._executed, self._tool = (
            uses[name].to_numpy() for name in ("moved", "executed", "tool")
        )
        self._before = before_us
        self._days_read = days_read

    def sufficient(self) -> Bool:
        """Whether enough of the days before each hop's past ends were read.

        Saturdays and Sundays do not count: all that a Monday brings would be new after them.
        """
        end = self._before // DAY_US
        working = self._days_read[(self._days_read + FIRST_WEEKDAY) % 7 < 5]
        read = np.searchsorted(working, end) - np.searchsorted(working, end - RECENT_DAYS)
        return np.asarray(read >= ENOUGH_DAYS)

    def days(self, of: str | I64, asked: I64, which: Bool, *also: str) -> I64:
        """Distinct days with a chosen use of what each hop asks for; −1 where it asks for −1.

        ``of`` names a column of the uses, with ``also`` a second one, or is the key of each use.
        """
        key = self.use[of] if isinstance(of, str) else of
        if also:
            key = _code(key, self.use[also[0]])
        counted = _days(key[which], self.use["time_us"][which], asked, self._before)
        return np.where(asked >= 0, counted, -1)

    def of_hosts(self, hops: pd.DataFrame) -> dict[str, I64]:
        """What the past says of the two hosts."""
        source, target = (hops[name].to_numpy(np.int64) for name in ("source", "target"))
        pair, every = _code(source, target), np.ones(self._moved.size, bool)
        many_key, many_time = self._many_targets()
        new_key, new_time = self._new_targets()
        return {
            "days_pair": self.days("source", pair, every, "target"),
            "days_pair_hops": self.days("source", pair, self._moved, "target"),
            "days_source_out": self.days("source", source, self._moved),
            "days_source_exec": self.days("source", source, self._executed),
            "days_source_tool": self._with_tool(source, hops["tool"].to_numpy(np.int64)),
            "days_source_many": _days(many_key, many_time, source, self._before),
            "days_source_new": _days(new_key, new_time, source, self._before),
        }

    def _with_tool(self, source: I64, tool: I64) -> I64:
        """Days on which the source executed remotely with the tool; −1 where no earlier tool is known."""
        told = self.days("source", source, self._tool) > 0
        asked = np.where((tool >= 0) & told, _code(tool, source), -1)
        return self.days("process", asked, self._tool, "source")

    def of_accounts(self, hops: pd.DataFrame, user: I64) -> dict[str, npt.NDArray[np.generic]]:
        """What the past says of the accounts; ``user`` is the effective one."""
        source, target, actor, given = (
            hops[name].to_numpy(np.int64) for name in ("source", "target", "source_user", "credential")
        )
        used = self.use["user"] >= 0

        def at(account: I64, host: I64) -> I64:
            return np.where(account >= 0, _code(account, host), -1)

        return {
            "days_user_target": self.days("user", at(user, target), used, "target"),
            "days_user_target_hops": self.days("user", at(user, target), used & self._moved, "target"),
            "days_user_source": self.days("user", at(actor, source), used, "source"),
            "days_user_source_hops": self.days("user", at(actor, source), used & self._moved, "source"),
            "days_credential_source": self.days("user", at(given, source), used, "source"),
            "days_user_out": self.days("user", user, used & self._moved),
            "off_hours": self._off_hours(hops["first_us"].to_numpy(), user),
        }

    def _off_hours(self, first_us: I64, user: I64) -> Bool:
        """Whether the account has a habit and never an hour of the day like this one, give or take one.

        UTC hours: a change to summer time shifts a habit by one.
        """
        used = self.use["user"] >= 0
        of_use = self.use["user"] * 24 + self.use["time_us"] // HOUR_US % 24
        off = self.days("user", user, used) >= HABIT_DAYS
        for shift in (-1, 0, 1):
            asked = np.where(user >= 0, user * 24 + (first_us // HOUR_US + shift) % 24, -1)
            off &= self.days(of_use, asked, used) == 0
        return off

    def _many_targets(self) -> tuple[I64, I64]:
        """Source and moment of each day's MANY_TARGETS-th distinct target of a source."""
        seen = pd.DataFrame({name: self.use[name] for name in ("source", "target", "time_us")})
        seen["day"] = seen["time_us"] // DAY_US
        first = seen.groupby(["source", "day", "target"], sort=True)["time_us"].min().reset_index()
        first = first.sort_values(["source", "day", "time_us"], kind="stable")
        nth = first.groupby(["source", "day"]).cumcount() == MANY_TARGETS - 1
        return first["source"][nth].to_numpy(np.int64), first["time_us"][nth].to_numpy(np.int64)

    def _new_targets(self) -> tuple[I64, I64]:
        """Source and moment of the first movement of each pair; up to the first day read, all is new."""
        moves = pd.DataFrame({name: self.use[name][self._moved] for name in ("source", "target", "time_us")})
        first = moves.groupby(["source", "target"], sort=True)["time_us"].min().reset_index()
        later = first["time_us"] // DAY_US > (self._days_read[0] if self._days_read.size else -1)
        return first["source"][later].to_numpy(np.int64), first["time_us"][later].to_numpy(np.int64)


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


def _begun(hops: pd.DataFrame, earlier: pd.DataFrame | None) -> pd.DataFrame:
    """When the hops began, where and of which kind: those of the run in their order, then earlier ones."""
    own = hops[["first_us", "source", "target"]].assign(mere=mere(hops))
    if earlier is None:
        return own
    frames.check(earlier, frames.EARLIER, "earlier hops")
    pairs = [
        _code(table["source"].to_numpy(np.int64), table["target"].to_numpy(np.int64))
        for table in (own, earlier)
    ]
    days = [table["first_us"].to_numpy() // DAY_US for table in (own, earlier)]
    here = pd.MultiIndex.from_arrays([pairs[0], days[0]])
    again = pd.MultiIndex.from_arrays([pairs[1], days[1]]).isin(here)
    return pd.concat([own, earlier[~again]], ignore_index=True)


def _targets_near(begun: pd.DataFrame, gap_us: int, near_us: int) -> I64:
    """Distinct targets of each hop's source at most so long before and after it, its own included.

    Then, in the second row, the greatest such number among those of the source's hops whose span lies
    in its past.
    Hops that are mere connections count apart from the others: an agent's round is no burst of
    executions.
    """
    source, target, first = (begun[name].to_numpy(np.int64) for name in ("source", "target", "first_us"))
    kind = source * 2 + begun["mere"].to_numpy()
    order = np.lexsort((target, first, kind))
    near, most = np.empty(source.size, np.int64), np.empty(source.size, np.int64)
    seen = np.zeros(int(target.max(initial=-1)) + 1, np.int64)
    kernels.distinct_near(kind[order], first[order], target[order], near_us, seen, near)
    # Those so near to the end of the past would reach beyond it, to hops that a short gap leaves out.
    past_ends = first[order] - gap_us - near_us
    kernels.greatest_before(kind[order], first[order], near, past_ends, most)
    result = np.empty((2, source.size), np.int64)
    result[:, order] = near, most
    return result


def mere(hops: pd.DataFrame) -> Bool:
    """Whether each hop (frame HOPS) is a connection only: no execution, no share."""
    stages = _stages(hops)
    return ~saw(stages, EXECUTION) & ~saw(stages, SHARE)


def _stages(hops: pd.DataFrame) -> I64:
    return hops["stages"].to_numpy(np.int64)


def _periodic(begun: pd.DataFrame) -> Bool:
    """Whether each hop ends a run of PERIODIC_LEAST hops of its pair that ``tuning.is_periodic``."""
    source, target, first = (begun[name].to_numpy(np.int64) for name in ("source", "target", "first_us"))
    pair = _code(source, target)
    order = np.lexsort((first, pair))
    gaps = np.diff(first[order], prepend=0)
    width = PERIODIC_LEAST - 1
    result = np.zeros(first.size, bool)
    if first.size < PERIODIC_LEAST:
        return result
    runs = np.lib.stride_tricks.sliding_window_view(gaps, width)[1:]
    middle = np.median(runs, axis=1)
    spread = np.median(np.abs(runs - middle[:, None]), axis=1)
    one_pair = pair[order][width:] == pair[order][:-width]
    result[order[width:]] = one_pair & (middle > 0) & (spread <= PERIODIC_SPREAD * middle)
    return result


def _role_jump(hops: pd.DataFrame, roles: npt.NDArray[np.int8]) -> Bool:
    """Out of a domain controller, from a server to a workstation, or from a workstation into a controller."""
    source, target = roles[hops["source"].to_numpy()], roles[hops["target"].to_numpy()]
    out = (source == frames.CONTROLLER) & (target != frames.CONTROLLER)
    down = (source == frames.SERVER) & (target == frames.WORKSTATION)
    into = (source == frames.WORKSTATION) & (target == frames.CONTROLLER)
    return np.asarray(out | down | into)
