"""Scores: additive evidence in thousandths of a nat, every term with its reason (DESIGN §9).

The terms are pure functions of the columns of hops and features. ``docs/scoring.md`` explains
the weights for readers; a test holds both together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from lmgraph.history import HABIT_DAYS, mere
from lmgraph.hops import EXECUTION, SHARE, SMB_ALERT, saw
from lmgraph.schema import OUTCOMES, SEVERITIES, Severity

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
    "prior": Weight(-3500, "prior", "most hops are administration; an ordinary one lowers its path"),
    "full_chain": Weight(2750, "occurrence", "command, share and connection together are a remote execution"),
    "execution": Weight(
        2500,
        "occurrence",
        "a remote execution tool or a new service: listed even if nothing else was recorded",
    ),
    "executed": Weight(1500, "occurrence", "the target's own record proves that code ran"),
    "share": Weight(1000, "occurrence", "an admin share was used"),
    "accessed": Weight(500, "occurrence", "the target's own record proves that the share was opened"),
    "connection": Weight(1000, "occurrence", "a user-mode process spoke SMB; scanners and agents do, too"),
    "new_source": Weight(2000, "rarity", "this host never moved to any other before"),
    "new_account": Weight(1250, "rarity", "this account never moved anywhere before"),
    "new_process": Weight(2750, "rarity", "this program never spoke SMB anywhere before"),
    "new_pair": Weight(1500, "rarity", "these two hosts never spoke SMB before"),
    "first_execution": Weight(1750, "rarity", "this host moved before, but never ran anything elsewhere"),
    "new_tool": Weight(
        1500, "rarity", "this host executed remotely before, but never with a tool that lies there"
    ),
    "new_user_target": Weight(1250, "rarity", "the account never used this target before"),
    "new_user_source": Weight(1500, "rarity", "the account never acted from this source before"),
    "masquerade": Weight(2500, "behaviour", "a system process's name from another folder"),
    "renamed": Weight(2000, "behaviour", "a known tool under another name hides on purpose"),
    "fan_out": Weight(750, "behaviour", "one source reaches many targets within the window, unlike before"),
    "surge": Weight(
        1500, "behaviour", "one source reaches more targets within two hours than it ever did before"
    ),
    "fan_out_unproved": Weight(
        250, "behaviour", "one source reaches many targets within the window; history is too short to compare"
    ),
    "role_jump": Weight(
        250,
        "behaviour",
        "out of a domain controller, down to a workstation, or up from one into a controller",
    ),
    "off_hours": Weight(1250, "behaviour", "the account was never used at this time of the day"),
    "new_credential": Weight(
        2000, "credential", "acted as another account, one that was never used from this source before"
    ),
    "explicit_credential": Weight(1750, "credential", "acted as another account than the session's own"),
    "routine": Weight(-1000, "against", "this source executed remotely on several earlier days"),
    "known_pair": Weight(-1500, "against", "this very movement happened on several earlier days"),
    "known_user_target": Weight(
        -1000, "against", "this account moved to this target on several earlier days"
    ),
    "known_user_source": Weight(
        -500, "against", "this account acts from this source on several earlier days"
    ),
    "many_targets_daily": Weight(
        -750, "against", "a scanner or deployment server: many targets on several days"
    ),
    "meets_new": Weight(
        -250, "against", "this source moves to new targets day after day, as a help desk does"
    ),
    "periodic": Weight(-2000, "against", "connections at regular intervals, as an agent makes them"),
}

#: Terms of links; ``doubt`` is this weight × ln(certainty) / ln(1/2).
LINK_WEIGHTS: Final[dict[str, Weight]] = {
    "entered_then_moves": Weight(
        2000, "link", "a host that was just entered moves, which it never did before"
    ),
    "entered_then_moves_unproved": Weight(
        3000, "link", "the same, soon, where history is too short to say never"
    ),
    "credential_switch": Weight(1500, "link", "another account goes on, soon, than the one that came"),
    "left_before_entry": Weight(-2000, "link", "the movement left before the entry had succeeded"),
    "doubt": Weight(-350, "link", "other hops may as well have led here; per halving of the certainty"),
}
BRANCH: Final = Weight(500, "incident", "each further branch of an incident that is notable by itself")
MOST_BRANCHES: Final = 6  # branches that add to an incident's score; never a sum over leaves

FAN_OUT_TARGETS: Final = 5  # targets within the window that are a burst …
FAN_OUT_FACTOR: Final = 2  # … if that is more than so many times what the source ever did before
SURGE_TARGETS: Final = 4  # the same within two hours
SURGE_FACTOR: Final = 1.5
NEW_DAYS: Final = 2  # earlier days with a new target from which a source is known to meet new ones

#: Least score of a path or incident of each severity, in thousandths, the greatest first.
#: From simulated peace: ``high`` came less than once a day per 1,000 hosts (docs/quality.md).
THRESHOLDS: Final[tuple[tuple[int, Severity], ...]] = (
    (8_000, "critical"),
    (4_500, "high"),
    (2_000, "medium"),
    (500, "low"),
)
#: Score of a hop, thousandths, from which it makes a further branch: more than a hop of an ordinary roll-out
#: comes to. A deployment to sixty new hosts is sixty such hops, and their number is no evidence.
NOTABLE: Final = 3_500


def hops(hops: pd.DataFrame, features: pd.DataFrame) -> dict[str, I64]:
    """Terms of each hop: name → thousandths per hop, 0 where the term is absent.

    The order of names is that of WEIGHTS, ``suppressed`` last. A suppressed hop's positive score
    is brought to 0 by the term ``suppressed``; a negative one stays, so that no path gains.

    Args:
        hops: Frame HOPS.
        features: Frame FEATURES, row for row.
    """
    has = present(hops, features)
    halves = damped(has, {name: weight.weight for name, weight in WEIGHTS.items()})
    terms = {
        name: np.array([0, weight.weight // 2, weight.weight])[halves[name]]
        for name, weight in WEIGHTS.items()
    }
    gain = np.maximum(total(terms, len(hops)), 0)
    terms["suppressed"] = np.where(hops["suppressed"].to_numpy(), -gain, 0)
    return terms


def damped(has: Mapping[str, Bool], strength: Mapping[str, float]) -> dict[str, npt.NDArray[np.int8]]:
    """In how many halves each term counts in each hop: of a group the strongest in two, the next in one.

    Args:
        has: Which terms each hop has (``present``).
        strength: Weight of each term, of any sign; of equal ones the first in WEIGHTS counts whole.
    """
    halves: dict[str, npt.NDArray[np.int8]] = {}
    for group in dict.fromkeys(weight.group for weight in WEIGHTS.values()):
        names = [name for name, weight in WEIGHTS.items() if weight.group == group]
        left = np.full(len(has[names[0]]), 2, np.int8)
        for name in sorted(names, key=lambda name: -abs(strength[name])):
            halves[name] = left * has[name]
            left = np.maximum(left - has[name], 0)
    return halves


def present(hops: pd.DataFrame, features: pd.DataFrame) -> dict[str, Bool]:
    """Which terms each hop has, but for ``suppressed``: name → one flag per hop.

    Args:
        hops: Frame HOPS.
        features: Frame FEATURES, row for row.
    """
    stages = hops["stages"].to_numpy(np.int64)
    outcome = hops["outcome"].to_numpy()
    alert_types = hops["alert_types"].to_numpy(np.int64)
    given, actor = hops["credential"].to_numpy(), hops["source_user"].to_numpy()
    seen = {name: values.to_numpy() for name, values in features.items()}
    enough = seen["sufficient"]
    executes = saw(stages, EXECUTION)
    burst = (seen["targets_in_window"] >= FAN_OUT_TARGETS) & (
        seen["targets_in_window"] > FAN_OUT_FACTOR * seen["most_in_window"]
    )
    surge = (seen["targets_in_hours"] >= SURGE_TARGETS) & (
        seen["targets_in_hours"] > SURGE_FACTOR * seen["most_in_hours"]
    )
    explicit = (given >= 0) & (given != actor)
    return {
        "prior": np.ones(len(hops), bool),
        "full_chain": hops["full_chain"].to_numpy(),
        "execution": executes,
        "executed": outcome >= OUTCOMES.index("executed"),
        "share": saw(stages, SHARE),
        "accessed": outcome >= OUTCOMES.index("accessed"),
        "connection": (alert_types >> SMB_ALERT & 1) > 0,
        "new_source": enough & (seen["days_source_out"] == 0),
        "new_account": enough & (seen["days_user_out"] == 0),
        "new_process": enough & (seen["days_process"] == 0),
        "new_pair": enough & (seen["days_pair"] == 0),
        "first_execution": enough
        & executes
        & (seen["days_source_exec"] == 0)
        & (seen["days_source_out"] > 0),
        "new_tool": enough & (seen["days_source_tool"] == 0),
        "new_user_target": enough & (seen["days_user_target"] == 0),
        "new_user_source": enough & (seen["days_user_source"] == 0),
        "masquerade": hops["masquerade"].to_numpy(),
        "renamed": hops["renamed"].to_numpy(),
        "fan_out": enough & burst,
        "fan_out_unproved": ~enough & burst,
        "surge": enough & surge,
        "role_jump": seen["role_jump"],
        "off_hours": seen["off_hours"],
        "new_credential": enough & explicit & (seen["days_credential_source"] == 0),
        "explicit_credential": explicit,
        "routine": seen["days_source_exec"] >= HABIT_DAYS,
        "known_pair": seen["days_pair_hops"] >= HABIT_DAYS,
        "known_user_target": seen["days_user_target_hops"] >= HABIT_DAYS,
        "known_user_source": seen["days_user_source_hops"] >= HABIT_DAYS,
        "many_targets_daily": seen["days_source_many"] >= HABIT_DAYS,
        "meets_new": seen["days_source_new"] >= NEW_DAYS,
        "periodic": seen["periodic"] & mere(hops),
    }


def total(terms: dict[str, I64], count: int) -> I64:
    """Score of each of ``count`` hops in thousandths: the exact sum of its terms."""
    return sum(terms.values(), np.zeros(count, np.int64))


def severity(score: int) -> Severity:
    """Severity of a path or an incident of that score, in thousandths."""
    return next((name for least, name in THRESHOLDS if score >= least), SEVERITIES[0])


def severities(scores: I64) -> I64:
    """Position in SEVERITIES of the severity of each score."""
    codes = [SEVERITIES.index(name) for _, name in THRESHOLDS]
    least = np.array([least for least, _ in THRESHOLDS])
    reached = (scores[:, None] >= least).argmax(axis=1)  # the first that it reaches, else also the first
    return np.where(scores >= least.min(), np.array(codes)[reached], 0)
