"""Scores: exact sums, damped groups, sense in the weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmgraph import frames, score
from lmgraph.schema import SEVERITIES

CHAIN = 0b001_001_001  # every stage, seen on the source
PLAIN: dict[str, Any] = {
    **dict.fromkeys(frames.HOPS, 0),
    "source_user": -1,
    "target_user": -1,
    "credential": -1,
    "full_chain": False,
    "suppressed": False,
    "renamed": False,
    "masquerade": False,
}
FLAGS = [name for name, dtype in frames.FEATURES.items() if dtype == "bool"]
NO_PAST: dict[str, Any] = dict.fromkeys(frames.FEATURES, 0) | dict.fromkeys(FLAGS, False)
NO_PAST |= {"days_user_out": -1, "days_user_target": -1, "days_user_source": -1, "days_process": -1}
NO_PAST |= {"days_credential_source": -1, "days_source_tool": -1}


def terms(hop: dict[str, Any] | None = None, past: dict[str, Any] | None = None) -> dict[str, int]:
    """The terms of one hop, those of 0 left out."""
    hops = pd.DataFrame([{**PLAIN, **(hop or {})}])
    features = pd.DataFrame([{**NO_PAST, **(past or {})}])
    return {name: int(values[0]) for name, values in score.hops(hops, features).items() if values[0]}


PSEXEC = {"stages": CHAIN, "full_chain": True, "alert_types": 0b111, "outcome": 3, "source_user": 1}
NEW = dict.fromkeys(("days_user_target", "days_user_source", "days_user_out"), 0) | {"sufficient": True}
#: A source with a past, but no habit.
MOVED = dict.fromkeys(("days_pair", "days_source_out", "days_source_exec"), 1) | {"sufficient": True}
HABIT = {
    "sufficient": True,
    "days_pair": 9,
    "days_pair_hops": 9,
    "days_user_target": 9,
    "days_user_target_hops": 9,
    "days_source_out": 9,
    "days_source_exec": 9,
    "days_user_out": 9,
}


def whole(*names: str) -> dict[str, int]:
    return {name: score.WEIGHTS[name].weight for name in names}


def half(*names: str) -> dict[str, int]:
    return {name: score.WEIGHTS[name].weight // 2 for name in names}


@pytest.mark.parametrize(
    ("hop", "past", "expected"),
    [
        ({}, {}, {}),
        ({"stages": 0b001}, {}, whole("execution")),
        ({"stages": 0b001, "outcome": 3}, {}, whole("execution") | half("executed")),
        ({"stages": 0b001_000, "outcome": 2}, {}, whole("share") | half("accessed")),
        ({"stages": 0b001_000, "outcome": 3}, {}, whole("executed") | half("share")),
        ({"outcome": 3}, {}, whole("executed") | half("accessed")),
        ({"outcome": 1}, {}, {}),
        ({"stages": 0b001_000_000, "alert_types": 4}, {}, whole("connection")),
        ({"stages": 0b001_000_000, "alert_types": 0}, {}, {}),
        (PSEXEC, {}, whole("full_chain") | half("execution")),
        ({}, {"sufficient": True}, whole("new_source") | half("new_pair")),
        ({}, {**MOVED, "days_pair": 0, "days_user_target": 0}, whole("new_pair") | half("new_user_target")),
        ({}, {**MOVED, "days_user_source": 0}, whole("new_user_source")),
        ({}, {**MOVED, "days_user_source": -1}, {}),
        ({}, {**MOVED, "days_user_out": 0}, whole("new_account")),
        ({}, {**MOVED, "days_process": 0}, whole("new_process")),
        ({"stages": 0b001}, {**MOVED, "days_source_exec": 0}, whole("execution", "first_execution")),
        ({"stages": 0b001}, {**MOVED, "days_source_tool": 0}, whole("execution", "new_tool")),
        ({"stages": 0b001}, {**MOVED, "days_source_tool": 1}, whole("execution")),
        ({"stages": 0b001_000}, {**MOVED, "days_source_exec": 0}, whole("share")),
        ({"masquerade": True, "renamed": True}, {}, whole("masquerade") | half("renamed")),
        ({}, {"targets_in_window": 5}, whole("fan_out_unproved")),
        ({}, {"targets_in_window": 4}, {}),
        ({}, {**MOVED, "targets_in_window": 5, "most_in_window": 2}, whole("fan_out")),
        ({}, {**MOVED, "targets_in_window": 6, "most_in_window": 3}, {}),
        ({}, {**MOVED, "targets_in_hours": 4, "most_in_hours": 2}, whole("surge")),
        ({}, {**MOVED, "targets_in_hours": 6, "most_in_hours": 4}, {}),
        ({}, {"targets_in_hours": 9}, {}),
        ({}, {"role_jump": True, "off_hours": True}, whole("off_hours") | half("role_jump")),
        ({"credential": 2, "source_user": 1}, {}, whole("explicit_credential")),
        (
            {"credential": 2, "source_user": 1},
            {**MOVED, "days_credential_source": 0},
            whole("new_credential") | half("explicit_credential"),
        ),
        ({"credential": 1, "source_user": 1}, {**MOVED, "days_credential_source": 0}, {}),
        ({}, {"days_pair_hops": 2, "days_source_exec": 2, "days_source_new": 1}, {}),
        ({}, HABIT, whole("known_pair") | half("routine")),
        ({}, {"days_user_target_hops": 3}, whole("known_user_target")),
        ({}, {"days_user_source_hops": 3}, whole("known_user_source")),
        ({}, {"days_user_source": 3}, {}),
        ({}, {"days_source_many": 3, "days_source_new": 2}, whole("many_targets_daily") | half("meets_new")),
        ({"stages": 0b001_000_000}, {"periodic": True}, whole("periodic")),
        ({"stages": 0b001_001_000}, {"periodic": True}, whole("share")),
    ],
)
def test_terms(hop: dict[str, Any], past: dict[str, Any], expected: dict[str, int]) -> None:
    assert terms(hop, past) == whole("prior") | expected


def test_suppression_brings_a_positive_score_to_nothing_and_leaves_a_negative_one() -> None:
    assert sum(terms({**PSEXEC, "suppressed": True}).values()) == 0
    assert terms({"stages": 0b001_000, "suppressed": True}) == whole("prior", "share")


def test_sense_of_the_weights() -> None:
    def severity(hop: dict[str, Any], past: dict[str, Any]) -> str:
        return score.severity(sum(terms(hop, past).values()))

    sniff = {"stages": 0b001_000_000, "alert_types": 4}
    assert severity(PSEXEC, HABIT) == "informational"
    assert severity({**PSEXEC, "credential": 2}, HABIT) == "informational"
    assert severity(PSEXEC, {}) == "low", "nothing is new where there is no history"
    assert severity(PSEXEC, NEW) == "medium"
    assert severity({**PSEXEC, "credential": 2, "masquerade": True}, NEW) == "high"
    assert severity(sniff, {}) == "informational"
    assert severity(sniff, NEW) == "informational"


@given(
    st.lists(
        st.tuples(
            st.integers(0, 511),
            st.booleans(),
            st.integers(0, 7),
            st.integers(0, 3),
            st.booleans(),
            st.integers(-1, 2),
            st.integers(-1, 2),
            st.booleans(),
            st.lists(st.integers(-1, 6), min_size=len(frames.FEATURES), max_size=len(frames.FEATURES)),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_groups_never_add_up_and_suppression_never_raises(rows: list[Any]) -> None:
    names = ("stages", "full_chain", "alert_types", "outcome", "renamed", "source_user", "credential")
    hops = pd.DataFrame([{**PLAIN, **dict(zip(names, row, strict=False))} for row in rows])
    features = pd.DataFrame([dict(zip(frames.FEATURES, row[-1], strict=True)) for row in rows])
    features[FLAGS] = features[FLAGS] > 0
    features["sufficient"] = [row[7] for row in rows]
    found = score.hops(hops, features)
    assert list(found) == [*score.WEIGHTS, "suppressed"]
    for group in {weight.group for weight in score.WEIGHTS.values()}:
        some = {name: weight.weight for name, weight in score.WEIGHTS.items() if weight.group == group}
        strongest = max(map(abs, some.values()))
        together = np.abs(sum(found[name] for name in some))
        assert (together <= strongest * 1.5).all()
        assert (sum((found[name] != 0).astype(int) for name in some) <= 2).all()
    total = score.total(found, len(hops))
    assert total.dtype == np.int64
    hidden = score.total(score.hops(hops.assign(suppressed=True), features), len(hops))
    assert (hidden == np.minimum(total, 0)).all()


@pytest.mark.parametrize(
    ("thousandths", "expected"),
    [
        (-5000, "informational"),
        (499, "informational"),
        (500, "low"),
        (2000, "medium"),
        (4499, "medium"),
        (4500, "high"),
        (8000, "critical"),
    ],
)
def test_severity(thousandths: int, expected: str) -> None:
    assert score.severity(thousandths) == expected
    assert expected in SEVERITIES


def test_every_weight_has_a_reason_and_the_page_says_the_same(root: Any) -> None:
    page = (root / "docs" / "scoring.md").read_text(encoding="utf-8")
    for name, (weight, _, reason) in {**score.WEIGHTS, **score.LINK_WEIGHTS}.items():
        assert reason
        assert f"| `{name}` | {weight / 1000:+.3g} |" in page
    for least, name in score.THRESHOLDS:
        assert f"| {name} | {least / 1000:g} |" in page
