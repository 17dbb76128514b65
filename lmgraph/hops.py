"""Hops: which witnesses of one (source, target) close in time are one movement (DESIGN §7)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from lmgraph import frames
from lmgraph.kernels import hops as kernels

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
F64 = npt.NDArray[np.float64]
Columns = dict[str, npt.NDArray[Any]]

EXECUTION, SHARE, CONNECTION = 0, 1, 2
PSEXEC_ALERT: Final = 0  # positions of PsExecExecution and SMB445Connection in schema.ALERT_TYPES
SMB_ALERT: Final = 2
ATTEMPTED: Final = 0
COUNTS_FROM: Final = 0.5  # a share of certainty below this only corroborates
MOST_FITS: Final = 16  # an opener that fits more hops than this says nothing of any of them


@dataclass(frozen=True, slots=True)
class HopTable:
    """Hops and what they are made of; the frames are those of ``lmgraph.frames``.

    Attributes:
        hops: HOPS.
        members: MEMBERS; a row may be in several hops, each with its share.
        users: HOP_USERS.
        unplaced: UNPLACED.
    """

    hops: pd.DataFrame
    members: pd.DataFrame
    users: pd.DataFrame
    unplaced: pd.DataFrame


def build(
    witnesses: pd.DataFrame, host_keys: Sequence[str], user_kinds: npt.NDArray[np.int8], *, window_us: int
) -> HopTable:
    """Hops of the witnesses.

    A witness joins at most the nearest hop of each pair. One that lacks an end joins the hops at
    its known end, each with its share; a denied one and one that does not open attach only.
    Connection-only witnesses that fit no hop, or more than two, are context and drop out.

    Args:
        witnesses: Frame WITNESSES, in any order.
        host_keys: Content key of each host code.
        user_kinds: Kind of each user code (``frames.PERSON``, ``MACHINE``, ``SYSTEM``).
        window_us: The window, microseconds.

    Raises:
        TypeError: The frame is not as specified.
    """
    frames.check(witnesses, frames.WITNESSES, "witnesses")
    w = {name: witnesses[name].to_numpy() for name in frames.WITNESSES}
    w["opens"] = w["opens"] & ~w["denied"]
    w["command"] = w["opens"] & (w["alert_type"] != SMB_ALERT)
    # Position of each row in an order that its content alone decides.
    ties = (
        w[name] for name in ("credential", "target_user", "source_user", "side", "stage", "target", "source")
    )
    w["rank"] = _ranks(*ties, w["key"], ~w["command"], w["time_us"])
    base = _segments(w, window_us)
    members, unplaced = _members(w, base, window_us)
    columns = _columns(w, members, base, user_kinds)
    columns["key"] = _keys(columns, host_keys)
    return _sorted(columns, members, w, unplaced)


def select(table: HopTable, keep: Bool) -> HopTable:
    """The table with only the hops that ``keep`` (bool per hop) holds, renumbered.

    Unplaced rows stay; of their candidates those that are kept.
    """
    number = np.where(keep, np.cumsum(keep) - 1, -1)

    def renumbered(frame: pd.DataFrame) -> pd.DataFrame:
        chosen: pd.DataFrame = frame[keep[frame["hop"].to_numpy()]].reset_index(drop=True)
        return chosen.assign(hop=number[chosen["hop"].to_numpy()].astype(np.int32))

    candidates = [tuple(int(number[hop]) for hop in fit if keep[hop]) for fit in table.unplaced["candidates"]]
    return HopTable(
        hops=table.hops[keep].reset_index(drop=True),
        members=renumbered(table.members),
        users=renumbered(table.users),
        unplaced=table.unplaced.assign(candidates=pd.Series(candidates, dtype="object")),
    )


def weigh_again(table: HopTable, witnesses: pd.DataFrame) -> HopTable:
    """The table after nothing but ``suppressed`` has changed in the witnesses that it was built from."""
    hop, row = table.members["hop"].to_numpy(), table.members["row"].to_numpy()
    alert = table.members["alert"].to_numpy() >= 0
    w = {name: witnesses[name].to_numpy()[row] for name in ("opens", "denied", "suppressed")}
    opens = w["opens"] & ~w["denied"] & (table.members["share"].to_numpy() >= COUNTS_FROM)
    count = len(table.hops)
    has_alert = np.bincount(hop[alert], minlength=count) > 0
    left = np.where(has_alert[hop], alert, opens) & ~w["suppressed"]
    suppressed = np.bincount(hop[left], minlength=count) == 0
    return replace(table, hops=table.hops.assign(suppressed=suppressed))


_Unplaced = tuple[int, str, tuple[int, ...]]  # row, reason, candidates


@dataclass(frozen=True, slots=True)
class _Members:
    """Which row is in which hop with which share."""

    row: I64
    hop: I64
    share: F64

    def counting(self, w: Columns) -> Bool:
        """Those that prove something of the hop; the rest only corroborate, or were refused."""
        return (self.share >= COUNTS_FROM) & ~w["denied"][self.row]


@dataclass(frozen=True, slots=True)
class _Base:
    """Hops as their openers make them, sorted by (pair, first): the skeleton that others join."""

    row: I64  # opener rows, by hop
    hop: I64
    pair: I64
    source: I64
    target: I64
    first: I64
    last: I64
    rank: npt.NDArray[np.int8]  # how well it suits an execution witness that lacks an end


def _ranks(*keys: npt.NDArray[np.generic]) -> I64:
    """Rank of each row when sorted by the keys, the last key first."""
    order = np.lexsort(keys)
    rank = np.empty(order.size, np.int64)
    rank[order] = np.arange(order.size)
    return rank


def _segments(w: Columns, window_us: int) -> _Base:
    """Cut the openers that know both ends into hops."""
    both = (w["source"] >= 0) & (w["target"] >= 0) & (w["source"] != w["target"])
    row = np.flatnonzero(both & w["opens"])
    pair = _pairs(w["source"][row], w["target"][row])
    order = np.lexsort((w["rank"][row], pair))
    row, pair = row[order], pair[order]
    time = w["time_us"][row]
    hop = np.empty(row.size, np.int64)
    count = kernels.segment(pair, time, w["command"][row], window_us, hop)
    start = np.searchsorted(hop, np.arange(count))
    end = np.searchsorted(hop, np.arange(count), side="right") - 1
    executed = np.zeros(count, bool)
    executed[hop[w["stage"][row] == EXECUTION]] = True
    shared = np.zeros(count, bool)
    shared[hop[w["stage"][row] == SHARE]] = True
    return _Base(
        row=row,
        hop=hop,
        pair=pair[start],
        source=w["source"][row[start]].astype(np.int64),
        target=w["target"][row[start]].astype(np.int64),
        first=time[start],
        last=time[end],
        rank=np.where(executed, 0, np.where(shared, 1, 2)).astype(np.int8),
    )


def _pairs(source: I32, target: I32) -> I64:
    return (source.astype(np.int64) << 32) | target.astype(np.int64)


def _members(w: Columns, base: _Base, window_us: int) -> tuple[_Members, list[_Unplaced]]:
    """The members of the hops of ``base``, and the openers that found no good place."""
    attached, to = _attached(w, base, window_us)
    rows, hops = [base.row, attached], [base.hop, to]
    shares = [np.ones(base.row.size), np.ones(attached.size)]
    unplaced: list[_Unplaced] = []
    for known, unknown, reason in (("target", "source", "no source"), ("source", "target", "no target")):
        lost = np.flatnonzero((w[unknown] < 0) & (w[known] >= 0))
        found, count = _fitting(w, base, lost, known, window_us)
        opens = w["opens"][lost]
        for i in np.flatnonzero(opens & ((count == 0) | (count > 2))):
            fit = tuple(int(hop) for hop in found[i, : min(count[i], MOST_FITS)])
            unplaced.append((int(lost[i]), "several hops fit" if fit else reason, fit))
        good = (count > 0) & np.where(opens, count <= MOST_FITS, count <= 2)
        taken = good[:, None] & (np.arange(MOST_FITS) < count[:, None])
        which, place = np.nonzero(taken)
        rows.append(lost[which])
        hops.append(found[which, place])
        shares.append(1.0 / count[which])
    nowhere = np.flatnonzero((w["source"] < 0) & (w["target"] < 0) & w["opens"])
    unplaced.extend((int(row), "no source", ()) for row in nowhere)
    return _Members(np.concatenate(rows), np.concatenate(hops), np.concatenate(shares)), unplaced


def _attached(w: Columns, base: _Base, window_us: int) -> tuple[I64, I64]:
    """The witnesses of known ends that do not open, and the hop of their pair that each joins."""
    row = np.flatnonzero((w["source"] >= 0) & (w["target"] >= 0) & ~w["opens"])
    pair = _pairs(w["source"][row], w["target"][row])
    order = np.lexsort((w["rank"][row], pair))
    row, pair = row[order], pair[order]
    found = np.empty(row.size, np.int64)
    kernels.nearest(pair, w["time_us"][row], base.pair, base.first, base.last, window_us, found)
    return row[found >= 0], found[found >= 0]


def _fitting(w: Columns, base: _Base, lost: I64, known: str, window_us: int) -> tuple[I64, I64]:
    """For rows that know only one end: the hops that each fits, and how many these are."""
    found = np.full((lost.size, MOST_FITS), -1, np.int64)
    count = np.zeros(lost.size, np.int64)
    host = base.source if known == "source" else base.target
    order = np.lexsort((base.pair, base.first, host))
    longest = int((base.last - base.first).max(initial=0))
    kernels.fits(
        w[known][lost].astype(np.int64),
        w["time_us"][lost],
        w["stage"][lost] == EXECUTION,
        host,
        order,
        base.pair,
        base.first,
        base.last,
        base.rank,
        np.minimum(w["reach_us"][lost], window_us),
        longest,
        MOST_FITS,
        found,
        count,
    )
    return found, count


def _columns(w: Columns, members: _Members, base: _Base, user_kinds: npt.NDArray[np.int8]) -> Columns:
    """The columns of the hops, but for the key."""
    n = base.pair.size
    row, hop = members.row, members.hop
    counts = members.counting(w)
    opens = counts & w["opens"][row]
    alert = opens & (w["alert"][row] >= 0)
    time = w["time_us"][row]
    low, high = _span(n, hop, time, opens & (w["stage"][row] != CONNECTION))
    alert_low, alert_high = _span(n, hop, time, alert)
    has_alert = alert_low <= alert_high
    evidence_first, evidence_last = _span(n, hop, time, np.ones(hop.size, bool))
    outcome = np.zeros(n, np.int64)
    np.maximum.at(outcome, hop[counts], w["proves"][row[counts]].astype(np.int64))
    proved, _ = _span(n, hop, time, counts & (w["proves"][row] == outcome[hop]))
    stages = _bits(n, hop, w["stage"][row] * 3 + w["side"][row], counts)
    seen = [saw(stages, stage) for stage in (EXECUTION, SHARE, CONNECTION)]
    certainty = np.zeros(n)
    np.maximum.at(certainty, hop[opens], w["certainty"][row[opens]])
    columns = {
        "source": base.source,
        "target": base.target,
        "first_us": np.where(has_alert, alert_low, low),
        "last_us": np.where(has_alert, alert_high, high),
        "evidence_first_us": evidence_first,
        "evidence_last_us": evidence_last,
        "stages": stages,
        "full_chain": seen[0] & seen[1] & seen[2],
        "alert_types": _bits(n, hop, w["alert_type"][row], alert),
        "outcome": outcome,
        "outcome_us": np.where(outcome > ATTEMPTED, proved, -1),
        "denied": np.bincount(hop[(members.share >= COUNTS_FROM) & w["denied"][row]], minlength=n),
        "certainty": certainty,
        # The target's side of a sanctioned command carries nothing that an allow list could name.
        "suppressed": ~_any(n, hop, np.where(has_alert[hop], alert, opens) & ~w["suppressed"][row]),
        "renamed": _any(n, hop, opens & w["renamed"][row]),
        "masquerade": _any(n, hop, opens & w["masquerade"][row]),
    }
    for account in ("source_user", "target_user", "credential"):
        columns[account] = _account(w, row[counts], hop[counts], account, user_kinds, n)
    columns["process"] = _process(w, row[alert], hop[alert], n, SMB_ALERT)
    columns["tool"] = _process(w, row[alert], hop[alert], n, PSEXEC_ALERT)
    return columns


def saw(stages: I64, stage: int) -> Bool:
    """Whether any side saw the stage, per hop; ``stages`` as in frame HOPS."""
    return np.asarray(stages >> (3 * stage) & 7 > 0)


def _span(n: int, hop: I64, time: I64, which: Bool) -> tuple[I64, I64]:
    """Least and greatest time of the chosen members of each hop; least > greatest where none is."""
    low, high = np.full(n, np.iinfo(np.int64).max), np.full(n, np.iinfo(np.int64).min)
    np.minimum.at(low, hop[which], time[which])
    np.maximum.at(high, hop[which], time[which])
    return low, high


def _any(n: int, hop: I64, which: Bool) -> Bool:
    result = np.zeros(n, bool)
    result[hop[which]] = True
    return result


def _bits(n: int, hop: I64, bit: npt.NDArray[np.int8], which: Bool) -> I64:
    result = np.zeros(n, np.int64)
    np.bitwise_or.at(result, hop[which], np.int64(1) << bit[which].astype(np.int64))
    return result


def _account(w: Columns, row: I64, hop: I64, column: str, kinds: npt.NDArray[np.int8], n: int) -> I64:
    """The account of each hop: a person before a machine, an opener's, the strongest stage's, the earliest.

    Machine accounts and SYSTEM are no actors where a better one is known (DESIGN §6).
    """
    known = w[column][row] >= 0
    row, hop = row[known], hop[known]
    user = w[column][row]
    order = np.lexsort((w["rank"][row], w["stage"][row], ~w["opens"][row], kinds[user] != frames.PERSON, hop))
    result = np.full(n, -1, np.int64)
    which, place = np.unique(hop[order], return_index=True)
    result[which] = user[order][place]
    return result


def _process(w: Columns, row: I64, hop: I64, n: int, alert_type: int) -> I64:
    """The process of each hop's earliest alert of that type that has one, else −1."""
    spoke = (w["alert_type"][row] == alert_type) & (w["process"][row] >= 0)
    row, hop = row[spoke], hop[spoke]
    order = np.lexsort((w["rank"][row], hop))
    result = np.full(n, -1, np.int64)
    which, place = np.unique(hop[order], return_index=True)
    result[which] = w["process"][row[order]][place]
    return result


def _users(w: Columns, members: _Members) -> pd.DataFrame:
    """Accounts of the hops with their roles, sorted by (hop, user); refused ones took no part."""
    counts = members.counting(w)
    row, hop = members.row[counts], members.hop[counts]
    gave = np.where(w["credential"][row] >= 0, frames.ACTED | frames.GAVE, frames.ACTED)
    roles = {"source_user": gave, "target_user": frames.SEEN, "credential": frames.GIVEN}
    parts = [
        pd.DataFrame({"hop": hop, "user": w[account][row], "roles": role}) for account, role in roles.items()
    ]
    users = pd.concat(parts, ignore_index=True)
    users = users[users["user"] >= 0]
    code = (users["hop"].to_numpy(np.int64) << 32) | users["user"].to_numpy(np.int64)
    distinct, inverse = np.unique(code, return_inverse=True)
    merged = np.zeros(distinct.size, np.int64)
    np.bitwise_or.at(merged, inverse, users["roles"].to_numpy(np.int64))
    return frames.make(
        {"hop": distinct >> 32, "user": distinct & 0xFFFFFFFF, "roles": merged}, frames.HOP_USERS
    )


def _keys(columns: Columns, host_keys: Sequence[str]) -> npt.NDArray[np.uint64]:
    """Content key of each hop: of its ends' keys and its first time; equal in every run that sees it."""
    rows = zip(columns["source"], columns["target"], columns["first_us"], strict=True)
    texts = (f"{host_keys[source]}\0{host_keys[target]}\0{first}" for source, target, first in rows)
    return np.array([hash64(text) for text in texts], np.uint64)


def hash64(text: str) -> int:
    """64 bits of BLAKE2b of the text: a content key that no run or machine changes."""
    return int.from_bytes(
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big"
    )


def _sorted(columns: Columns, members: _Members, w: Columns, unplaced: list[_Unplaced]) -> HopTable:
    """The table with the hops in their final order, (first, key)."""
    number = _ranks(columns["key"], columns["first_us"])
    order = np.argsort(number)
    by_hop = np.lexsort((w["rank"][members.row], number[members.hop]))
    members = _Members(members.row[by_hop], number[members.hop[by_hop]], members.share[by_hop])
    listed = members.counting(w) & w["opens"][members.row]
    unplaced.sort(key=lambda entry: w["rank"][entry[0]])
    return HopTable(
        hops=frames.make({name: values[order] for name, values in columns.items()}, frames.HOPS),
        members=frames.make(
            {
                "hop": members.hop,
                "row": members.row,
                "share": members.share,
                "alert": np.where(listed, w["alert"][members.row], -1),
            },
            frames.MEMBERS,
        ),
        users=_users(w, members),
        unplaced=frames.make(
            {
                "row": [row for row, _, _ in unplaced],
                "reason": [reason for _, reason, _ in unplaced],
                "candidates": [tuple(sorted(int(number[hop]) for hop in fit)) for _, _, fit in unplaced],
            },
            frames.UNPLACED,
        ),
    )
