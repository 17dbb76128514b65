"""Hops: which witnesses of one (source, target) close in time are one movement (DESIGN §7)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from lmgraph import frames, groups
from lmgraph.kernels import hops as kernels

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
F64 = npt.NDArray[np.float64]
Columns = dict[str, npt.NDArray[Any]]

EXECUTION, SHARE, CONNECTION = 0, 1, kernels.CONNECTION
PSEXEC_ALERT, SMB_ALERT = kernels.PSEXEC_ALERT, kernels.SMB_ALERT
ATTEMPTED: Final = 0
_AS_DESCRIBED: Final = (
    *("stages", "alert_types", "outcome", "denied", "source_user", "target_user", "credential"),
    *("process", "tool", "certainty", "renamed", "masquerade"),
)
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
    # Copies, since a kernel is compiled anew for what may not be written to.
    w: Columns = {name: np.array(witnesses[name]) for name in frames.WITNESSES}
    w["opens"] &= ~w["denied"]
    w["command"] = w["opens"] & (w["alert_type"] != SMB_ALERT)
    # Position of each row in an order that its content alone decides.
    order = groups.sorted_by(
        *(w[name] for name in ("time_us", "command", "key", "source", "target", "stage", "side")),
        *(w[name] for name in ("source_user", "target_user", "credential")),
    )
    w["rank"] = _inverse(order)
    base = _segments(w, order, window_us)
    members, unplaced = _members(w, order, base, window_us)
    # By time, near to the final order: what follows then touches hops that lie side by side.
    by_first = np.argsort(base.first, kind="stable")
    members, unplaced = members.renumbered(_inverse(by_first)), unplaced.renumbered(_inverse(by_first))
    columns = _columns(w, members, base.source[by_first], base.target[by_first], user_kinds)
    columns["key"] = _keys(columns, host_keys)
    return _sorted(columns, members, w, unplaced)


def select(table: HopTable, keep: Bool) -> HopTable:
    """The table with only the hops that ``keep`` (bool per hop) holds, renumbered.

    Unplaced rows stay; of their candidates those that are kept.
    """
    if keep.all():
        return table
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


@dataclass(frozen=True, slots=True)
class _Members:
    """Which row is in which hop with which share, sorted by the rank of the row."""

    row: I64
    hop: I64
    share: F64

    def renumbered(self, number: I64) -> _Members:
        """The same with those numbers of the hops."""
        return replace(self, hop=number[self.hop])

    def good(self) -> Bool:
        """Those that prove something of the hop, unless they were refused; the rest only corroborate."""
        return np.asarray(self.share >= COUNTS_FROM)


@dataclass(frozen=True, slots=True)
class _Unplaced:
    """Openers without a good place, and of each the hops that it fits, the unused places −1."""

    row: I64
    reason: npt.NDArray[np.object_]
    fits: I64

    def renumbered(self, number: I64) -> _Unplaced:
        """The same with those numbers of the hops."""
        return replace(self, fits=np.append(number, -1)[self.fits])


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


def _inverse(order: I64) -> I64:
    place = np.empty(order.size, np.int64)
    place[order] = np.arange(order.size)
    return place


def _by_pair(w: Columns, order: I64, which: Bool) -> tuple[I64, I64]:
    """The chosen rows sorted by (source, target, rank), and the pair of each as one number."""
    row = order[which[order]]
    row = row[groups.order_by_pair(w["source"][row], w["target"][row])]
    return row, (w["source"][row].astype(np.int64) << 32) | w["target"][row]


def _segments(w: Columns, order: I64, window_us: int) -> _Base:
    """Cut the openers that know both ends into hops."""
    both = (w["source"] >= 0) & (w["target"] >= 0) & (w["source"] != w["target"])
    row, pair = _by_pair(w, order, both & w["opens"])
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


def _members(w: Columns, order: I64, base: _Base, window_us: int) -> tuple[_Members, _Unplaced]:
    """The members of the hops of ``base``, and the openers that found no good place."""
    attached, to = _attached(w, order, base, window_us)
    rows, hops = [base.row, attached], [base.hop, to]
    shares = [np.ones(base.row.size), np.ones(attached.size)]
    nowhere = np.flatnonzero((w["source"] < 0) & (w["target"] < 0) & w["opens"])
    left, reasons = [nowhere], [np.full(nowhere.size, "no source", object)]
    fits = [np.full((nowhere.size, MOST_FITS), -1, np.int64)]
    for known, unknown, reason in (("target", "source", "no source"), ("source", "target", "no target")):
        lost = np.flatnonzero((w[unknown] < 0) & (w[known] >= 0))
        found, count = _fitting(w, base, lost, known, window_us)
        opens = w["opens"][lost]
        unplaced = opens & ((count == 0) | (count > 2))
        left.append(lost[unplaced])
        reasons.append(np.where(count[unplaced] > 0, "several hops fit", reason).astype(object))
        taken = np.arange(MOST_FITS) < count[:, None]
        fits.append(np.where(taken[unplaced], found[unplaced], -1))
        good = (count > 0) & np.where(opens, count <= MOST_FITS, count <= 2)
        which, place = np.nonzero(good[:, None] & taken)
        rows.append(lost[which])
        hops.append(found[which, place])
        shares.append(1.0 / count[which])
    row, hop, share = np.concatenate(rows), np.concatenate(hops), np.concatenate(shares)
    _, by_rank = groups.order_by(w["rank"][row], w["rank"].size)
    return (
        _Members(row[by_rank], hop[by_rank], share[by_rank]),
        _Unplaced(np.concatenate(left), np.concatenate(reasons), np.concatenate(fits)),
    )


def _attached(w: Columns, order: I64, base: _Base, window_us: int) -> tuple[I64, I64]:
    """The witnesses of known ends that do not open, and the hop of their pair that each joins."""
    row, pair = _by_pair(w, order, (w["source"] >= 0) & (w["target"] >= 0) & ~w["opens"])
    found = np.empty(row.size, np.int64)
    kernels.nearest(pair, w["time_us"][row], base.pair, base.first, base.last, window_us, found)
    return row[found >= 0], found[found >= 0]


def _fitting(w: Columns, base: _Base, lost: I64, known: str, window_us: int) -> tuple[I64, I64]:
    """For rows that know only one end: the hops that each fits, and how many these are."""
    found = np.full((lost.size, MOST_FITS), -1, np.int64)
    count = np.zeros(lost.size, np.int64)
    if not lost.size or not base.pair.size:
        return found, count
    host = base.source if known == "source" else base.target
    by_first = np.argsort(base.first, kind="stable")  # and by pair
    order = by_first[groups.order_by(host[by_first], groups.size(host))[1]]
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


def _columns(
    w: Columns, members: _Members, source: I64, target: I64, user_kinds: npt.NDArray[np.int8]
) -> Columns:
    """The columns of the hops, but for the key.

    Machine accounts and SYSTEM are no actors where a better one is known (DESIGN §6).
    """
    made = _undescribed(source.size)
    kernels.describe(
        members.row,
        members.hop,
        members.good(),
        kernels.Witnesses(**{name: w[name] for name in kernels.Witnesses._fields}),
        user_kinds == frames.PERSON,
        made,
    )
    seen = [saw(made.stages, stage) for stage in (EXECUTION, SHARE, CONNECTION)]
    has_alert = made.alert_first <= made.alert_last
    return {
        "source": source,
        "target": target,
        "first_us": np.where(has_alert, made.alert_first, made.moved_first),
        "last_us": np.where(has_alert, made.alert_last, made.moved_last),
        "evidence_first_us": made.evidence_first,
        "evidence_last_us": made.evidence_last,
        "full_chain": seen[0] & seen[1] & seen[2],
        "outcome_us": np.where(made.outcome > ATTEMPTED, made.outcome_us, -1),
        # The target's side of a sanctioned command carries nothing that an allow list could name.
        "suppressed": ~np.where(has_alert, made.alert_unsuppressed, made.opener_unsuppressed),
        **{name: getattr(made, name) for name in _AS_DESCRIBED},
    }


def _undescribed(n: int) -> kernels.Described:
    """What ``kernels.describe`` begins with."""
    greatest, least = np.iinfo(np.int64).max, np.iinfo(np.int64).min
    return kernels.Described(
        alert_first=np.full(n, greatest),
        alert_last=np.full(n, least),
        moved_first=np.full(n, greatest),
        moved_last=np.full(n, least),
        evidence_first=np.full(n, greatest),
        evidence_last=np.full(n, least),
        stages=np.zeros(n, np.int64),
        alert_types=np.zeros(n, np.int64),
        outcome=np.zeros(n, np.int64),
        outcome_us=np.full(n, greatest),
        denied=np.zeros(n, np.int64),
        source_user=np.full(n, -1),
        target_user=np.full(n, -1),
        credential=np.full(n, -1),
        process=np.full(n, -1),
        tool=np.full(n, -1),
        certainty=np.zeros(n),
        alert_unsuppressed=np.zeros(n, bool),
        opener_unsuppressed=np.zeros(n, bool),
        renamed=np.zeros(n, bool),
        masquerade=np.zeros(n, bool),
    )


def saw(stages: I64, stage: int) -> Bool:
    """Whether any side saw the stage, per hop; ``stages`` as in frame HOPS."""
    return np.asarray(stages >> (3 * stage) & 7 > 0)


def _users(w: Columns, members: _Members) -> pd.DataFrame:
    """Accounts of the hops with their roles, sorted by (hop, user); refused ones took no part."""
    counts = members.good() & ~w["denied"][members.row]
    row, hop = members.row[counts], members.hop[counts]
    gave = np.where(w["credential"][row] >= 0, frames.ACTED | frames.GAVE, frames.ACTED)
    parts = []
    for account, roles in ("source_user", gave), ("target_user", frames.SEEN), ("credential", frames.GIVEN):
        user = w[account][row].astype(np.int64)
        known = user >= 0
        # One number to sort by: a hop's number, a user's and the roles have 28 bits more than they need.
        parts.append(((hop << 35) | (user << 4) | roles)[known])
    code = np.sort(np.concatenate(parts))
    new = np.flatnonzero(np.diff(code >> 4, prepend=-1))
    roles = np.bitwise_or.reduceat(code & 15, new) if new.size else code
    code = code[new] >> 4
    return frames.make({"hop": code >> 31, "user": code & 0x7FFFFFFF, "roles": roles}, frames.HOP_USERS)


def _keys(columns: Columns, host_keys: Sequence[str]) -> npt.NDArray[np.uint64]:
    """Content key of each hop: of its ends' keys and its first time; equal in every run that sees it."""
    ends = [f"{key}\0".encode("utf-8", "surrogatepass") for key in host_keys]
    rows = zip(*(columns[name].tolist() for name in ("source", "target", "first_us")), strict=True)
    texts = (ends[source] + ends[target] + b"%d" % first for source, target, first in rows)
    digests = b"".join([hashlib.blake2b(text, digest_size=8).digest() for text in texts])
    return np.frombuffer(digests, ">u8").astype(np.uint64)


def hash64(text: str) -> int:
    """64 bits of BLAKE2b of the text: a content key that no run or machine changes."""
    return int.from_bytes(
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big"
    )


def _sorted(columns: Columns, members: _Members, w: Columns, unplaced: _Unplaced) -> HopTable:
    """The table with the hops in their final order, (first, key)."""
    order = groups.sorted_by(columns["first_us"], columns["key"])
    number = _inverse(order)
    hop = number[members.hop]
    _, by_hop = groups.order_by(hop, number.size)
    members = _Members(members.row[by_hop], hop[by_hop], members.share[by_hop])
    unplaced = unplaced.renumbered(number)
    listed = members.good() & w["opens"][members.row]
    by_rank = np.argsort(w["rank"][unplaced.row])
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
                "row": unplaced.row[by_rank],
                "reason": unplaced.reason[by_rank],
                "candidates": _candidates(unplaced.fits[by_rank]),
            },
            frames.UNPLACED,
        ),
    )


def _candidates(fits: I64) -> list[tuple[int, ...]]:
    """The hops that each unplaced row fits, ascending."""
    candidates: list[tuple[int, ...]] = [()] * len(fits)
    for place in np.flatnonzero(fits[:, 0] >= 0).tolist():
        fit = fits[place]
        candidates[place] = tuple(np.sort(fit[fit >= 0]).tolist())
    return candidates
