"""Scores: additive evidence in thousandths of a nat, every term with its reason (DESIGN §9).

The terms are pure functions of the columns of hops and features. ``docs/scoring.md`` explains
the weights for readers; a test holds both together.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from lmgraph.schema import SEVERITIES, Severity

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


class Weight(NamedTuple):
    """Weight of a term: thousandths of a nat, the group it is damped in, and why it is so."""

    weight: int
    group: str
    reason: str


#: Terms of hops. Within a group the strongest counts whole, the next half, the rest nothing:
#: they tell of the same thing and must not add up.
WEIGHTS: Final[dict[str, Weight]] = {
    "prior": Weight(-2000, "prior", "most hops are administration; an ordinary one lowers its path"),
    "full_chain": Weight(3000, "occurrence", "command, share and connection together are a remote execution"),
    "execution": Weight(
        2250,
        "occurrence",
        "a remote execution tool or a new service: listed even if nothing else was recorded",
    ),
    "executed": Weight(1500, "occurrence", "the target's own record proves that code ran"),
    "share": Weight(1000, "occurrence", "an admin share was used"),
    "accessed": Weight(500, "occurrence", "the target's own record proves that the share was opened"),
    "connection": Weight(500, "occurrence", "a user-mode process spoke SMB; scanners and agents do, too"),
    "new_pair": Weight(2000, "rarity", "these two hosts never spoke SMB before"),
    "new_user_target": Weight(1500, "rarity", "the account never used this target before"),
    "new_user_source": Weight(1000, "rarity", "the account never acted from this source before"),
    "masquerade": Weight(2500, "behaviour", "a system process's name from another folder"),
    "renamed": Weight(2000, "behaviour", "a known tool under another name hides on purpose"),
    "fan_out": Weight(1500, "behaviour", "one source reaches many targets within the window, unlike before"),
    "explicit_credential": Weight(1000, "credential", "acted as another account than the session's own"),
    "routine": Weight(-1500, "against", "this source executed remotely on several earlier days"),
    "known_pair": Weight(-1500, "against", "this very movement happened on several earlier days"),
    "known_user_target": Weight(
        -1000, "against", "this account moved to this target on several earlier days"
    ),
    "many_targets_daily": Weight(
        -1000, "against", "a scanner or deployment server: many targets on several days"
    ),
}

#: Terms of links; ``doubt`` is this weight × ln(certainty) / ln(1/2).
LINK_WEIGHTS: Final[dict[str, Weight]] = {
    "entered_then_moves": Weight(
        3000, "link", "a host that was just entered moves, which it never did before"
    ),
    "entered_then_moves_unproved": Weight(
        2250, "link", "the same, soon, where history is too short to say never"
    ),
    "credential_switch": Weight(2000, "link", "another account goes on than the one that came"),
    "left_before_entry": Weight(-2000, "link", "the movement left before the entry had succeeded"),
    "doubt": Weight(-350, "link", "other hops may as well have led here; per halving of the certainty"),
}
BRANCH: Final = Weight(500, "incident", "each further suspicious branch of an incident")
MOST_BRANCHES: Final = 6  # branches that add to an incident's score; never a sum over leaves

HABIT_DAYS: Final = 3  # earlier days from which something is a habit
FAN_OUT_TARGETS: Final = 5  # targets within the window that are a burst

#: Least score of a path or incident of each severity, in thousandths, the greatest first.
THRESHOLDS: Final[tuple[tuple[int, Severity], ...]] = (
    (12_000, "critical"),
    (7_000, "high"),
    (3_500, "medium"),
    (1_000, "low"),
)


def hops(hops: pd.DataFrame, features: pd.DataFrame) -> dict[str, I64]:
    """Terms of each hop: name → thousandths per hop, 0 where the term is absent.

    The order of names is that of WEIGHTS, ``suppressed`` last. A suppressed hop's positive score
    is brought to 0 by the term ``suppressed``; a negative one stays, so that no path gains.

    Args:
        hops: Frame HOPS.
        features: Frame FEATURES, row for row.
    """
    present = _present(hops, features)
    groups: dict[str, list[str]] = {}
    for name, weight in WEIGHTS.items():
        groups.setdefault(weight.group, []).append(name)
    terms: dict[str, I64] = {}
    for names in groups.values():
        # Among equal weights the order of WEIGHTS decides which one counts whole.
        names.sort(key=lambda name: -abs(WEIGHTS[name].weight))
        before = np.zeros(len(hops), np.int64)
        for name in names:
            whole = WEIGHTS[name].weight
            damped = np.where(before == 0, whole, np.where(before == 1, whole // 2, 0))
            terms[name] = np.where(present[name], damped, 0).astype(np.int64)
            before += present[name]
    terms = {name: terms[name] for name in WEIGHTS}
    gain = np.maximum(total(terms, len(hops)), 0)
    terms["suppressed"] = np.where(hops["suppressed"].to_numpy(), -gain, 0)
    return terms


def _present(hops: pd.DataFrame, features: pd.DataFrame) -> dict[str, Bool]:
    """Which terms each hop has."""
    stages = hops["stages"].to_numpy(np.int64)
    outcome = hops["outcome"].to_numpy()
    alert_types = hops["alert_types"].to_numpy(np.int64)
    given, actor = hops["credential"].to_numpy(), hops["source_user"].to_numpy()
    seen = {name: values.to_numpy() for name, values in features.items()}
    enough = seen["sufficient"]
    many = seen["days_source_many"] >= HABIT_DAYS
    return {
        "prior": np.ones(len(hops), bool),
        "full_chain": hops["full_chain"].to_numpy(),
        "execution": (stages & 7) > 0,
        "executed": outcome >= 3,
        "share": (stages >> 3 & 7) > 0,
        "accessed": outcome >= 2,
        "connection": (alert_types & 4) > 0,
        "new_pair": enough & (seen["days_pair"] == 0),
        "new_user_target": enough & (seen["days_user_target"] == 0),
        "new_user_source": enough & (seen["days_user_source"] == 0),
        "masquerade": hops["masquerade"].to_numpy(),
        "renamed": hops["renamed"].to_numpy(),
        "fan_out": (seen["targets_in_window"] >= FAN_OUT_TARGETS) & ~many,
        "explicit_credential": (given >= 0) & (given != actor),
        "routine": seen["days_source_exec"] >= HABIT_DAYS,
        "known_pair": seen["days_pair_hops"] >= HABIT_DAYS,
        "known_user_target": seen["days_user_target_hops"] >= HABIT_DAYS,
        "many_targets_daily": many,
    }


def total(terms: dict[str, I64], count: int) -> I64:
    """Score of each of ``count`` hops in thousandths: the exact sum of its terms."""
    return sum(terms.values(), np.zeros(count, np.int64))


def severity(score: int) -> Severity:
    """Severity of a path or an incident of that score, in thousandths."""
    return next((name for least, name in THRESHOLDS if score >= least), SEVERITIES[0])
