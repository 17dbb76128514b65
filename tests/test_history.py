"""History: only the past, only what is far enough, days instead of counts."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from lmgraph import frames, history
from tests import naive
from tests.builders import (
    DAY,
    HOUR,
    MINUTE,
    PERSONS,
    PSEXEC,
    ROLES,
    SMB,
    START,
    UNKNOWN_ROLES,
    WINDOW,
    build,
    days_from,
    row,
    witnesses,
)

Contact = tuple[int, int, int, int]


def contacts(rows: list[Contact]) -> pd.DataFrame:
    """Contacts of (time after START, source, target, user)."""
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    given = dict(zip(frames.CONTACTS, columns, strict=True))
    return frames.make({**given, "time_us": [START + time for time in given["time_us"]]}, frames.CONTACTS)


def features(
    rows: list[dict[str, Any]],
    known: list[Contact] | None = None,
    *,
    begin: int = -30 * DAY,
    gap: int | None = DAY,
    roles: npt.NDArray[np.int8] = UNKNOWN_ROLES,
) -> pd.DataFrame:
    table = build(rows)
    uses = history.uses(witnesses(rows), table, contacts(known or []))
    found = history.features(
        table, uses, PERSONS, roles, days_read=days_from(begin), max_gap_us=gap, window_us=WINDOW
    )
    return frames.check(found, frames.FEATURES, "features")


times = st.integers(0, 12 * 24).map(lambda hours: hours * HOUR)
host = st.integers(0, 3)
account = st.integers(-1, 2)


@given(
    st.lists(
        st.tuples(st.sampled_from([PSEXEC, SMB]), times, host, host, account, account, account, account),
        max_size=15,
    ),
    st.lists(st.tuples(times, host, host, account), max_size=25),
    st.sampled_from([0, HOUR, DAY]),
)
def test_same_features_as_the_reference(openers: list[Any], known: list[Contact], gap: int) -> None:
    rows = [
        row(kind, time, source, target, source_user=a, target_user=b, credential=c, process=process)
        for kind, time, source, target, a, b, c, process in openers
    ]
    table = build(rows)
    uses = history.uses(witnesses(rows), table, contacts(known))
    found = history.features(
        table, uses, PERSONS, ROLES, days_read=days_from(0), max_gap_us=gap, window_us=WINDOW
    )
    expected = naive.features(
        table.hops, uses, ROLES.tolist(), days_read=days_from(0).tolist(), gap=gap, window=WINDOW, day=DAY
    )
    assert found.to_dict("records") == expected


@given(st.lists(st.tuples(times, host, host, account), max_size=12), st.randoms(use_true_random=False))
def test_order_of_contacts_does_not_matter(known: list[Contact], random: Any) -> None:
    rows = [row(PSEXEC, 10 * DAY, 0, 1, source_user=1)]
    shuffled = random.sample(known, len(known))
    pd.testing.assert_frame_equal(features(rows, known), features(rows, shuffled))


def test_history_is_not_poisoned_by_the_attack_itself() -> None:
    attack = [row(PSEXEC, minutes * MINUTE, 0, 1, source_user=1) for minutes in range(0, 24 * 60, 20)]
    found = features(attack)
    assert (found[["days_pair", "days_user_target", "days_source_out", "days_source_exec"]] == 0).all(
        axis=None
    )
    later = features([*attack, row(PSEXEC, 3 * DAY, 0, 1, source_user=1)])
    assert later["days_pair"].iloc[-1] == 1


def test_equal_times_see_nothing_of_each_other() -> None:
    assert features([row(PSEXEC, 0, 0, 1)], [(0, 0, 1, -1)], gap=0)["days_pair"][0] == 0
    assert features([row(PSEXEC, 1, 0, 1)], [(0, 0, 1, -1)], gap=0)["days_pair"][0] == 1


def test_days_count_once_and_contacts_are_no_hops() -> None:
    known = [(hours * HOUR, 0, 1, 5) for hours in (0, 1, 2, 25)]
    found = features([row(PSEXEC, 9 * DAY, 0, 1, source_user=5)], known)
    assert found["days_pair"][0] == 2
    assert found["days_user_target"][0] == 2
    assert found["days_pair_hops"][0] == 0
    assert found["days_source_out"][0] == 0


def test_a_tool_is_known_by_its_source() -> None:
    rows = [
        row(PSEXEC, 0, 0, 1, process=7),
        row(SMB, DAY, 2, 1, process=8),
        row(PSEXEC, 5 * DAY, 0, 1, process=7),
        row(PSEXEC, 5 * DAY, 0, 2, process=9),
        row(PSEXEC, 5 * DAY, 0, 3),
        row(PSEXEC, 5 * DAY, 2, 3, process=7),
        *[row(kind, 0, 3, 1, **more) for kind, more in ((PSEXEC, {}), (SMB, {"process": 8}))],
        row(PSEXEC, 5 * DAY, 3, 2, process=7),
    ]
    table = build(rows)
    known = dict(
        zip(
            zip(table.hops["source"], table.hops["target"], strict=True),
            features(rows)["days_source_tool"],
            strict=True,
        )
    )
    # Where no tool of the source is known, none is new: host 2 only spoke SMB, and host 3 executed with
    # a tool that nobody knows while another program spoke SMB.
    assert known[3, 2] == -1
    assert {pair: known[pair] for pair in [(0, 2), (0, 3), (2, 3)]} == {(0, 2): 0, (0, 3): -1, (2, 3): -1}
    assert features(rows)["days_source_tool"].max() == 1


def test_only_a_hop_with_an_execution_has_executed() -> None:
    rows = [row(SMB, 0, 0, 1), row(PSEXEC, 2 * DAY, 0, 1), row(PSEXEC, 9 * DAY, 0, 1)]
    found = features(rows, [(DAY, 0, 1, -1)])
    assert found["days_source_out"].iloc[-1] == 2
    assert found["days_source_exec"].iloc[-1] == 1


def test_unknown_account_has_no_history_of_its_own() -> None:
    found = features([row(PSEXEC, 9 * DAY, 0, 1)], [(0, 0, 1, -1)])
    assert found["days_user_target"][0] == -1
    assert found["days_user_source"][0] == -1
    assert found["days_pair"][0] == 1


def test_little_data_is_not_sufficient() -> None:
    hop = [row(PSEXEC, 0, 0, 1)]
    assert features(hop, begin=-4 * DAY)["sufficient"][0]
    assert not features(hop, begin=-3 * DAY)["sufficient"][0]
    assert features(hop, begin=-4 * DAY, gap=None)["sufficient"][0], "no gap limit: a day, as by default"


def test_without_a_gap_limit_the_past_ends_a_day_before() -> None:
    for since, days in ((DAY, 0), (DAY + 1, 1), (2 * DAY, 1)):
        assert features([row(PSEXEC, since, 0, 1)], [(0, 0, 1, -1)], gap=None)["days_pair"][0] == days


def test_sufficient_history_lies_in_the_last_thirty_days() -> None:
    hop = [row(PSEXEC, 0, 0, 1)]
    table = build(hop)
    uses, end = history.uses(witnesses(hop), table, contacts([])), START // DAY - 1

    def sufficient(*days: int) -> bool:
        found = history.features(
            table,
            uses,
            PERSONS,
            UNKNOWN_ROLES,
            days_read=np.array([end - day for day in days]),
            max_gap_us=DAY,
            window_us=WINDOW,
        )
        return bool(found["sufficient"][0])

    # Days before the past ends; 30 and 31 are a Friday and a Thursday, 27 the Monday after.
    assert sufficient(30, 27)
    assert not sufficient(31, 27)


def test_a_stray_record_of_long_ago_is_no_history() -> None:
    today = START // DAY
    for days, enough in (([today - 900, today - 2], False), ([today - 4, today - 3, today - 2], True)):
        table = build([row(PSEXEC, 0, 0, 1)])
        uses = history.uses(witnesses([row(PSEXEC, 0, 0, 1)]), table, contacts([]))
        found = history.features(
            table, uses, PERSONS, UNKNOWN_ROLES, days_read=np.array(days), max_gap_us=DAY, window_us=WINDOW
        )
        assert found["sufficient"][0] == enough


def test_targets_near_count_both_ways_within_the_window() -> None:
    rows = [
        row(PSEXEC, minutes * MINUTE, 0, target) for minutes, target in ((0, 1), (10, 2), (20, 3), (60, 4))
    ]
    assert features(rows)["targets_in_window"].tolist() == [2, 3, 2, 1]


def test_scanner_has_days_of_many_targets() -> None:
    known = [(day * DAY + target, 0, target, -1) for day in range(3) for target in range(1, 7)]
    assert features([row(SMB, 9 * DAY, 0, 1)], known)["days_source_many"][0] == 3
    few = [(time, source, target % 4 + 1, user) for time, source, target, user in known]
    assert features([row(SMB, 9 * DAY, 0, 1)], few)["days_source_many"][0] == 0


def test_intervals_may_spread_by_a_tenth() -> None:
    # The middle one of 9, 11, 9 and 11 hours is 10, from which all are an hour off.
    for short, periodic in ((9 * HOUR, True), (9 * HOUR - 1, False)):
        times = accumulate([0, short, 11 * HOUR, short, 11 * HOUR])
        assert features([row(SMB, time, 0, 1) for time in times])["periodic"].iloc[-1] == periodic


def test_only_a_controller_makes_a_jump_of_a_role_that_is_not_known() -> None:
    workstation, server, controller, unknown = range(4)
    roles = np.array([frames.WORKSTATION, frames.SERVER, frames.CONTROLLER, -1], np.int8)
    pairs = [(source, target) for source in range(4) for target in range(4) if source != target]
    rows = [row(PSEXEC, number * HOUR, *pair) for number, pair in enumerate(pairs)]
    ends = build(rows).hops[["source", "target"]].itertuples(index=False, name=None)
    jumps = features(rows, roles=roles)["role_jump"]
    assert {pair for pair, jump in zip(ends, jumps, strict=True) if jump} == {
        (controller, workstation),
        (controller, server),
        (controller, unknown),
        (server, workstation),
        (workstation, controller),
    }


def test_effective_account_is_what_the_target_saw_and_a_person() -> None:
    kinds = np.array([frames.PERSON, frames.PERSON, frames.SYSTEM], np.int8)
    cases = [
        ((0, 1, -1), 1),
        ((0, -1, 1), 1),
        ((0, 2, -1), 0),
        ((2, -1, -1), 2),
        ((-1, -1, -1), -1),
        ((0, -1, -1), 0),
    ]
    for (source, target, credential), expected in cases:
        hop = pd.DataFrame({"source_user": [source], "target_user": [target], "credential": [credential]})
        assert history.effective_users(hop, kinds).tolist() == [expected]


def earlier(rows: list[tuple[int, int, int]]) -> pd.DataFrame:
    """Frame EARLIER of (time after START, source, target), mere connections."""
    times, sources, targets = zip(*rows, strict=True)
    columns = {"first_us": [START + time for time in times], "source": sources, "target": targets}
    return frames.make({**columns, "mere": [True] * len(rows)}, frames.EARLIER)


def with_earlier(rows: list[dict[str, Any]], known: list[tuple[int, int, int]]) -> pd.DataFrame:
    table = build(rows)
    return history.features(
        table,
        history.uses(witnesses(rows), table, contacts([])),
        PERSONS,
        UNKNOWN_ROLES,
        days_read=days_from(0),
        max_gap_us=DAY,
        window_us=WINDOW,
        earlier=earlier(known),
    )


def test_hops_that_a_baseline_remembers_make_periods_and_bursts() -> None:
    nights = [(day * DAY, 0, 1) for day in range(5)]
    round_ = [(2 * DAY + target * MINUTE, 3, target) for target in range(4, 10)]
    found = with_earlier([row(SMB, 5 * DAY, 0, 1), row(SMB, 5 * DAY, 3, 9)], nights + round_)
    assert len(found) == 2
    assert found["periodic"].tolist() == [True, False]
    assert found["most_in_hours"].tolist() == [1, 6]
    assert with_earlier([row(SMB, 5 * DAY, 0, 1)], nights[2:])["periodic"].tolist() == [False]


def test_a_day_of_a_pair_that_is_in_both_counts_once() -> None:
    hours = [(5 * DAY + hour * HOUR, 0, 1) for hour in range(4)]
    rows = [row(SMB, time, source, target) for time, source, target in hours]
    cut_elsewhere = [(time + 7 * MINUTE, source, target) for time, source, target in hours]
    assert not with_earlier(rows, cut_elsewhere)["periodic"].any(), "four hops are no period"
    assert not with_earlier(rows, hours)["periodic"].any()
    fifth = (4 * DAY + 23 * HOUR, 0, 1)
    assert with_earlier(rows, [fifth, *hours])["periodic"].tolist() == [False] * 3 + [True]
