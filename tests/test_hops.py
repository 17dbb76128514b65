"""Hops: cutting, attaching, sharing; against the reference and by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmgraph import frames, hops
from lmgraph.settings import SECOND_US
from tests import naive
from tests.builders import (
    HOSTS,
    KERNEL,
    LOGON,
    MINUTE,
    NET_USE,
    PERSONS,
    PSEXEC,
    SERVICE,
    SHARE,
    SMB,
    START,
    WINDOW,
    build,
    full_chain,
    row,
    witness_rows,
    witnesses,
)

ATTRIBUTES = [
    "first_us",
    "last_us",
    "evidence_first_us",
    "evidence_last_us",
    "stages",
    "full_chain",
    "alert_types",
    "outcome",
    "outcome_us",
    "denied",
    "certainty",
    "suppressed",
]


def described(table: hops.HopTable) -> list[tuple[Any, ...]]:
    members = table.members.groupby("hop")[["row", "share"]].apply(
        lambda part: dict(zip(*part.T.values, strict=True))
    )
    users = table.users.groupby("hop")[["user", "roles"]].apply(
        lambda part: dict(zip(*part.T.values, strict=True))
    )
    return sorted(
        (
            (hop["source"], hop["target"], *(hop[name] for name in ATTRIBUTES)),
            tuple(sorted(members[number].items())),
            tuple(sorted(users.get(number, {}).items())),
        )
        for number, hop in enumerate(table.hops.to_dict("records"))
    )


@given(witness_rows())
def test_same_hops_as_the_reference(rows: list[dict[str, Any]]) -> None:
    frame = witnesses(rows)
    table = hops.build(frame, HOSTS, PERSONS, window_us=WINDOW)
    expected, unplaced = naive.hops(frame, WINDOW)
    assert described(table) == sorted(
        (
            (hop["source"], hop["target"], *(hop[name] for name in ATTRIBUTES)),
            tuple(sorted(hop["members"].items())),
            tuple(sorted(hop["users"].items())),
        )
        for hop in expected
    )
    found = zip(table.unplaced["row"], table.unplaced["reason"], strict=True)
    assert sorted(found) == sorted(unplaced)


@given(witness_rows(), st.randoms(use_true_random=False))
def test_row_order_does_not_matter(rows: list[dict[str, Any]], random: Any) -> None:
    frame = witnesses(rows)
    order = list(range(len(frame)))
    random.shuffle(order)
    table = hops.build(frame, HOSTS, PERSONS, window_us=WINDOW)
    other = hops.build(frame.iloc[order].reset_index(drop=True), HOSTS, PERSONS, window_us=WINDOW)
    pd.testing.assert_frame_equal(table.hops, other.hops)
    pd.testing.assert_frame_equal(table.users, other.users)
    back = np.array(order, np.int64)
    keys = frame["key"].to_numpy()
    assert keys[table.members["row"]].tolist() == keys[back[other.members["row"]]].tolist()
    assert keys[table.unplaced["row"]].tolist() == keys[back[other.unplaced["row"]]].tolist()
    assert table.unplaced["candidates"].tolist() == other.unplaced["candidates"].tolist()


@given(witness_rows())
def test_every_opener_is_in_a_hop_or_unplaced(rows: list[dict[str, Any]]) -> None:
    frame = witnesses(rows)
    table = hops.build(frame, HOSTS, PERSONS, window_us=WINDOW)
    placed = set(table.members["row"]) | set(table.unplaced["row"])
    itself = (frame["source"] == frame["target"]) & (frame["source"] >= 0)
    openers = frame.index[frame["opens"] & ~frame["denied"] & ~itself]
    assert set(openers) <= placed
    assert table.members.groupby("row")["share"].sum().sub(1).abs().max() < 1e-9 or table.members.empty


def test_keys_are_distinct_and_of_the_content() -> None:
    table = build([row(PSEXEC, 0, 0, 1), row(PSEXEC, 0, 1, 0), row(PSEXEC, 60 * MINUTE, 0, 1)])
    assert table.hops["key"].is_unique
    apart = hops.build(witnesses([row(PSEXEC, 0, 5, 6)]), ["x"] * 5 + HOSTS[:2], PERSONS, window_us=WINDOW)
    assert int(apart.hops["key"][0]) in table.hops["key"].tolist()
    frames.check(table.hops, frames.HOPS, "hops")
    frames.check(table.members, frames.MEMBERS, "members")
    frames.check(table.users, frames.HOP_USERS, "users")
    frames.check(table.unplaced, frames.UNPLACED, "unplaced")


def test_nothing_makes_empty_frames() -> None:
    table = build([])
    frames.check(table.hops, frames.HOPS, "hops")
    assert table.hops.empty
    assert table.members.empty
    assert table.unplaced.empty


def test_silence_of_a_window_closes() -> None:
    assert len(build([row(SMB, 0, 0, 1), row(SMB, WINDOW - 1, 0, 1)]).hops) == 1
    assert len(build([row(SMB, 0, 0, 1), row(SMB, WINDOW, 0, 1)]).hops) == 2


def test_agent_that_connects_every_ten_minutes_is_many_hops() -> None:
    table = build([row(SMB, 10 * MINUTE * i, 0, 1) for i in range(6 * 24)])
    assert len(table.hops) == 24
    assert (table.hops["last_us"] - table.hops["first_us"]).max() < 4 * WINDOW


def test_command_ends_a_run_of_connections() -> None:
    run = [row(SMB, 10 * MINUTE * i, 0, 1) for i in range(3)]
    assert len(build([*run, row(PSEXEC, 20 * MINUTE, 0, 1)]).hops) == 2
    assert len(build([*run, row(SERVICE, 20 * MINUTE, 0, 1)]).hops) == 2
    assert len(build([*run[:2], row(PSEXEC, WINDOW, 0, 1)]).hops) == 1, "not yet more than a window"
    assert len(build([row(NET_USE, 0, 0, 1), *run, row(PSEXEC, 20 * MINUTE, 0, 1)]).hops) == 1, (
        "held a command"
    )


def test_target_record_may_come_first() -> None:
    table = build([row(SERVICE, 0, 0, 1), row(PSEXEC, 2 * SECOND_US, 0, 1)])
    assert len(table.hops) == 1
    assert table.hops["first_us"][0] == START + 2 * SECOND_US, "first is of the alerts"
    assert table.hops["evidence_first_us"][0] == START


def test_two_actors_on_one_pair_are_one_hop_with_both_accounts() -> None:
    table = build([row(PSEXEC, 0, 0, 1, source_user=3), row(PSEXEC, 5 * MINUTE, 0, 1, source_user=7)])
    assert len(table.hops) == 1
    assert table.users["user"].tolist() == [3, 7]
    assert table.hops["source_user"][0] == 3, "the earlier"


def test_context_attaches_and_never_extends_or_opens() -> None:
    table = build(
        [row(SMB, 0, 0, 1), row(KERNEL, 10 * MINUTE, 0, 1), row(SMB, 20 * MINUTE, 0, 1), row(LOGON, 0, 1, 2)]
    )
    assert len(table.hops) == 2
    assert table.members["row"].tolist() == [0, 1, 2], "of two equally near hops the earlier; alone none"


def test_denied_access_never_opens_and_proves_nothing() -> None:
    denied = row(SHARE, MINUTE, 0, 1, denied=True, target_user=2)
    assert build([denied]).hops.empty
    table = build([row(SMB, 0, 0, 1), denied])
    assert table.hops["denied"][0] == 1
    assert table.hops["outcome"][0] == 0
    assert table.users.empty


def test_landing_without_source_joins_the_hop_with_an_execution() -> None:
    landing = row(SERVICE, 20 * SECOND_US, -1, 1)
    table = build([row(PSEXEC, 0, 0, 1), row(NET_USE, 0, 2, 1), landing])
    hop = table.hops[table.hops["source"] == 0].iloc[0]
    assert hop["outcome"] == 3
    assert (table.members["share"] == 1.0).all()
    assert table.unplaced.empty


def test_landing_that_fits_two_hops_is_shared() -> None:
    table = build([row(PSEXEC, 0, 0, 1), row(PSEXEC, 0, 2, 1), row(SERVICE, MINUTE, -1, 1)])
    assert table.members["share"].tolist() == [1.0, 0.5, 1.0, 0.5]
    assert table.hops["outcome"].tolist() == [3, 3]


def test_landing_that_fits_three_hops_only_corroborates_and_is_unplaced() -> None:
    table = build([*(row(PSEXEC, 0, source, 1) for source in (0, 2, 3)), row(SERVICE, MINUTE, -1, 1)])
    assert table.hops["outcome"].tolist() == [0, 0, 0]
    assert table.unplaced["reason"].tolist() == ["several hops fit"]
    assert table.unplaced["candidates"][0] == (0, 1, 2)


def test_landing_among_many_connections_finds_the_execution() -> None:
    many = [row(SMB, 2 * MINUTE, source, 1) for source in range(2, 26)]
    landing = row(SERVICE, 3 * MINUTE, -1, 1)
    table = build([row(PSEXEC, 0, 0, 1), *many, landing])
    assert table.unplaced.empty
    assert table.hops["source"][table.hops["outcome"] == 3].tolist() == [0]
    crowd = build([*many, landing])
    assert crowd.unplaced["reason"].tolist() == ["several hops fit"]
    assert len(crowd.unplaced["candidates"][0]) == hops.MOST_FITS


def test_landing_without_source_is_unplaced() -> None:
    table = build([row(SERVICE, 0, -1, 1), row(PSEXEC, 0, 2, -1)])
    assert table.hops.empty
    assert sorted(table.unplaced["reason"]) == ["no source", "no target"]


def test_sixty_targets_are_sixty_hops_and_869_accesses_one() -> None:
    command = [{**row(PSEXEC, 0, 0, target), "witness": 0} for target in range(1, 31)]
    assert len(build(command).hops) == 30
    assert len(build([row(SHARE, SECOND_US * i, 0, 1) for i in range(869)]).hops) == 1


def test_persons_go_before_machine_accounts() -> None:
    kinds = np.array([frames.SYSTEM, frames.PERSON], np.int8)
    rows = [row(PSEXEC, 0, 0, 1, source_user=0), row(SMB, MINUTE, 0, 1, source_user=1)]
    table = hops.build(witnesses(rows), HOSTS, kinds, window_us=WINDOW)
    assert table.hops["source_user"][0] == 1


def test_suppressed_only_when_no_opener_is_left() -> None:
    first, second = row(PSEXEC, 0, 0, 1, suppressed=True), row(SMB, MINUTE, 0, 1)
    assert not build([first, second]).hops["suppressed"][0]
    assert build([first, {**second, "suppressed": True}]).hops["suppressed"][0]


@given(witness_rows(), st.randoms(use_true_random=False))
def test_weighed_again_is_built_again(rows: list[dict[str, Any]], random: Any) -> None:
    before = witnesses(rows)
    after = before.assign(suppressed=np.array([random.random() < 0.5 for _ in rows], np.bool_))
    old, new = (hops.build(frame, HOSTS, PERSONS, window_us=WINDOW) for frame in (before, after))
    table = hops.weigh_again(old, after)
    for name in ("hops", "members", "users", "unplaced"):
        pd.testing.assert_frame_equal(getattr(table, name), getattr(new, name))


def test_the_targets_side_goes_with_a_suppressed_alert() -> None:
    alert = row(PSEXEC, 0, 0, 1, suppressed=True)
    sides = [row(SERVICE, MINUTE, -1, 1), row(SERVICE, MINUTE, 0, 1)]
    for side in sides:
        assert build([alert, side]).hops["suppressed"][0]
    assert not build([sides[1]]).hops["suppressed"][0]


def test_full_chain_needs_all_three_stages() -> None:
    rows = full_chain(0, 0, 1)
    assert build(rows).hops["full_chain"][0]
    for stage in (0, 1, 2):
        assert not build([one for one in rows if one["stage"] != stage]).hops["full_chain"][0]


def test_select_renumbers() -> None:
    rows = [*(row(PSEXEC, 0, source, 1) for source in (0, 2, 3)), row(SERVICE, MINUTE, -1, 1)]
    table = build(rows)
    some = hops.select(table, np.array([True, False, True]))
    assert some.hops["key"].tolist() == table.hops["key"].tolist()[::2]
    assert some.members["hop"].tolist() == [0, 0, 1, 1]
    assert some.unplaced["candidates"][0] == (0, 1)
    frames.check(some.members, frames.MEMBERS, "members")


def test_a_frame_of_another_shape_is_refused() -> None:
    frame = witnesses([row(PSEXEC, 0, 0, 1)])
    with pytest.raises(TypeError, match="no column 'opens'"):
        hops.build(frame.drop(columns="opens"), HOSTS, PERSONS, window_us=WINDOW)
    with pytest.raises(TypeError, match="'time_us' is float64, not int64"):
        hops.build(frame.astype({"time_us": float}), HOSTS, PERSONS, window_us=WINDOW)
    with pytest.raises(TypeError, match="index"):
        hops.build(frame.set_index(pd.Index([4])), HOSTS, PERSONS, window_us=WINDOW)


def test_a_witness_with_a_short_reach_fits_only_what_is_near() -> None:
    for minutes, fits in ((1, True), (3, False)):
        rows = [row(PSEXEC, 0, 0, 1), row(SERVICE, minutes * MINUTE, -1, 1, reach_us=2 * MINUTE)]
        assert (build(rows).hops["outcome"].tolist() == [3]) is fits
        assert len(build(rows).unplaced) == (not fits)
