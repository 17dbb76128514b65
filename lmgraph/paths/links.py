"""Links: the causal order of hops, and which earlier hop most likely led to each (DESIGN §8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from lmgraph import frames, groups
from lmgraph.groups import Lists
from lmgraph.hops import EXECUTION, SHARE, HopTable, saw
from lmgraph.kernels import paths as kernels
from lmgraph.score import LINK_WEIGHTS
from lmgraph.settings import DAY_US, HOUR_US, Settings

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

TERMS: Final = ("entered_then_moves", "credential_switch", "left_before_entry", "doubt")

# Weights of explanations, relative to "it began here" of a pair without a habit.
SAME_ACCOUNT: Final = 3.0  # the account that came goes on: three times as likely as a newcomer
UNKNOWN_ACCOUNT: Final = 1.0  # says nothing either way
OTHER_ACCOUNT: Final = 0.6  # attackers switch accounts, but most strangers are just strangers
# Who only opened a share has not yet run anything there; who only connected acts on the host rarely.
EXECUTED, SHARED, CONNECTED = 1.0, 0.5, 0.1
BEGAN_HERE: Final = 1.0
MOST_HABIT: Final = 4.0  # a daily habit explains itself, up to five times as well
FADE_US: Final = DAY_US  # a gap of a day halves a weight
LEAST_CERTAINTY: Final = 0.2

ENTERED_WITHIN_US: Final = 4 * HOUR_US  # an intruder who enters to move on does so the same shift
ENTERED_WITHIN_UNPROVED_US: Final = HOUR_US  # without history to show that it never moved: sooner

MOST_CANDIDATES: Final = 256  # latest hops into the source that are weighed
MOST_LOOKED_AT: Final = 4096  # … out of this many; more is a scanner's target, not a trail
MOST_PASSES: Final = 8  # over the order; a chain within the skew that needs more is no human's
NO_LIMIT: Final = 2**61  # a gap in microseconds that no two times exceed


@dataclass(frozen=True, slots=True)
class Links:
    """The chosen predecessor of each hop and what speaks for it; arrays per hop.

    Attributes:
        order: Hops in the corrected causal order.
        parent: Chosen predecessor, −1 where none is.
        best: Score of the chosen chain that ends in the hop, thousandths.
        certainty: Of the link to the parent.
        terms: n × 4, thousandths, columns TERMS.
        gap_us: From the parent's last to the hop's first, 0 when they overlap.
        same: The hop's account is one of its parent's.
        persons: All persons of each hop: who acted, what was typed, whom the target saw.
        dropped: Candidates that the caps left out.
    """

    order: I64
    parent: I64
    best: I64
    certainty: F64
    terms: I64
    gap_us: I64
    same: Bool
    persons: Lists
    dropped: int


def choose(
    table: HopTable,
    scores: I64,
    features: pd.DataFrame,
    sessions: pd.DataFrame,
    user_kinds: npt.NDArray[np.int8],
    settings: Settings,
) -> Links:
    """Choose the predecessor of each hop; the arguments are those of ``paths.build``."""
    hops = _hops(table, scores, features, sessions)
    limits = kernels.Limits(
        max_gap=NO_LIMIT if settings.max_gap_us is None else settings.max_gap_us,
        skew=settings.skew_us,
        longest=int((hops.last - hops.first).max(initial=0)),
        most=MOST_CANDIDATES,
        look=MOST_LOOKED_AT,
    )
    n = len(table.hops)
    order_us, depth = np.empty(n, np.int64), np.empty(n, np.int64)
    hosts = int(max(hops.source.max(initial=-1), hops.target.max(initial=-1))) + 1
    kernels.corrected_order(
        hops, into(hops.target, np.arange(n), hosts), limits, MOST_PASSES, order_us, depth
    )
    order = np.lexsort((depth, order_us))
    accounts = _accounts(table, user_kinds)
    chosen = kernels.Chosen(
        parent=np.full(n, -1, np.int64),
        best=np.zeros(n, np.int64),
        certainty=np.ones(n),
        terms=np.zeros((n, len(TERMS)), np.int64),
        same=np.zeros(n, bool),
    )
    dropped = kernels.choose(
        order, order_us, hops, accounts, into(hops.target, order, hosts), limits, weights(), chosen
    )
    return Links(
        order=order,
        parent=chosen.parent,
        best=chosen.best,
        certainty=chosen.certainty,
        terms=chosen.terms,
        gap_us=np.maximum(hops.first - hops.last[chosen.parent], 0),
        same=chosen.same,
        persons=Lists(*accounts.any),
        dropped=dropped,
    )


def weights() -> kernels.Weights:
    """The weights of explanations and of the terms of links."""
    return kernels.Weights(
        same=SAME_ACCOUNT,
        unknown=UNKNOWN_ACCOUNT,
        other=OTHER_ACCOUNT,
        fade=FADE_US,
        least=LEAST_CERTAINTY,
        switch=LINK_WEIGHTS["credential_switch"].weight,
        left=LINK_WEIGHTS["left_before_entry"].weight,
        doubt=LINK_WEIGHTS["doubt"].weight,
    )


def _hops(table: HopTable, scores: I64, features: pd.DataFrame, sessions: pd.DataFrame) -> kernels.Hops:
    """The columns of the hops that the kernels need."""
    column = {name: table.hops[name].to_numpy() for name in frames.HOPS}
    source, first = column["source"].astype(np.int64), column["first_us"]
    stages = column["stages"].astype(np.int64)
    habit = np.minimum(features["days_pair_hops"].to_numpy(), features["days_user_target_hops"].to_numpy())
    proved = features["sufficient"].to_numpy()
    never = features["days_source_out"].to_numpy() == 0
    entered = np.where(
        proved,
        LINK_WEIGHTS["entered_then_moves"].weight,
        LINK_WEIGHTS["entered_then_moves_unproved"].weight,
    )
    return kernels.Hops(
        source=source,
        target=column["target"].astype(np.int64),
        first=first,
        last=column["last_us"],
        outcome=column["outcome_us"],
        weight=np.select([saw(stages, EXECUTION), saw(stages, SHARE)], [EXECUTED, SHARED], default=CONNECTED),
        key=column["key"],
        score=scores,
        began=BEGAN_HERE + np.clip(habit, 0, MOST_HABIT),
        own_since=_own_since(table.hops, sessions),
        moves_since=features["source_since_us"].to_numpy(),
        entered=np.where(never, entered, 0),
        entered_within=np.where(proved, ENTERED_WITHIN_US, ENTERED_WITHIN_UNPROVED_US),
    )


def _own_since(hops: pd.DataFrame, sessions: pd.DataFrame) -> I64:
    """When the source account of each hop first had a session of its own there.

    Not over the network, nor with new credentials: whoever is on the host can begin such a one.
    """
    own = ~sessions["kind"].isin(("network", "new credentials")).to_numpy()
    user, host, first = (sessions[name].to_numpy()[own] for name in ("user", "host", "first_us"))
    asked = hops["source_user"].to_numpy(), hops["source"].to_numpy()
    (known, found), count = groups.number_pairs((user, host), asked)
    since = np.full(count + 1, np.iinfo(np.int64).max)  # the last is that of the code −1
    np.minimum.at(since, known, first)
    since[-1] = np.iinfo(np.int64).max
    return np.asarray(since[found])


def into(target: I64, order: I64, hosts: int) -> kernels.Into:
    """The hops into each of so many hosts, in that order of hops."""
    start, by_host = groups.order_by(target[order], hosts)
    return kernels.Into(start=start, hop=order[by_host])


def _accounts(table: HopTable, user_kinds: npt.NDArray[np.int8]) -> kernels.Accounts:
    """The persons of each hop; SYSTEM and machine accounts carry nothing on (DESIGN §8).

    An account that gave an explicit credential is not what the target knew; where the target
    itself saw accounts, these are.
    """
    n = len(table.hops)
    person = user_kinds[table.users["user"].to_numpy()] == frames.PERSON
    users = table.users[person]
    hop, roles = users["hop"].to_numpy(np.int64), users["roles"].to_numpy(np.int64)
    account = users["user"].to_numpy(np.int64)

    def some(which: Bool) -> Bool:
        """Whether each row's hop has a chosen row."""
        has = np.zeros(n, bool)
        has[hop[which]] = True
        of_row: Bool = has[hop]
        return of_row

    seen, acted = (roles & frames.SEEN) > 0, (roles & frames.ACTED) > 0
    went_as = ((roles & frames.GIVEN) > 0) | (acted & ((roles & frames.GAVE) == 0))
    effective = np.where(some(seen), seen, went_as)
    acting = np.where(some(acted), acted, effective)

    def lists(which: Bool) -> kernels.Lists:
        return kernels.Lists(start=np.searchsorted(hop[which], np.arange(n + 1)), user=account[which])

    return kernels.Accounts(
        any=lists(np.ones(hop.size, bool)), acting=lists(acting), effective=lists(effective)
    )
