"""Paths and incidents: against the reference on random graphs, and the cases that matter by name."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lmgraph import frames, history, hops, paths, score
from lmgraph.paths import links
from lmgraph.settings import SECOND_US, Settings
from tests import naive
from tests.builders import (
    DAY,
    HOSTS,
    HOUR,
    MINUTE,
    NET_USE,
    PERSONS,
    PSEXEC,
    SERVICE,
    SMB,
    START,
    UNKNOWN_ROLES,
    WINDOW,
    build,
    days_from,
    full_chain,
    row,
    witnesses,
)

SETTINGS = Settings()
ENTERED, SWITCH = (score.LINK_WEIGHTS[name].weight for name in ("entered_then_moves", "credential_switch"))
Rows = list[dict[str, Any]]


@dataclasses.dataclass
class Run:
    """What the engine makes of witness rows."""

    table: hops.HopTable
    features: pd.DataFrame
    terms: dict[str, Any]
    scores: Any
    found: paths.PathTable

    def lines(self) -> list[list[tuple[int, int]]]:
        """The paths as (source, target) per hop, by rank."""
        pairs = list(zip(self.table.hops["source"], self.table.hops["target"], strict=True))
        return [[pairs[hop] for hop in chain] for chain in self.found.paths["hops"]]

    def incidents(self) -> list[set[tuple[int, int]]]:
        pairs = list(zip(self.table.hops["source"], self.table.hops["target"], strict=True))
        return [{pairs[hop] for hop in chain} for chain in self.found.incidents["hops"]]

    def severities(self) -> list[int]:
        return self.found.paths["severity"].tolist()


def sessions(rows: list[tuple[int, int, str, int]]) -> pd.DataFrame:
    """Sessions of (user, host, kind, start after START)."""
    user, host, kind, first = list(zip(*rows, strict=True)) or [(), (), (), ()]
    start = [START + time for time in first]
    return frames.make(
        {"user": user, "host": host, "kind": kind, "first_us": start, "last_us": start}, frames.SESSIONS
    )


def analyse(
    rows: Rows,
    *,
    begin: int = -30 * DAY,
    own: list[tuple[int, int, str, int]] | None = None,
    settings: Settings = SETTINGS,
    kinds: Any = PERSONS,
) -> Run:
    frame = witnesses(rows)
    table = hops.build(frame, HOSTS, kinds, window_us=WINDOW)
    contacts = frames.make({}, frames.CONTACTS)
    features = history.features(
        table,
        history.uses(frame, table, contacts),
        kinds,
        UNKNOWN_ROLES,
        days_read=days_from(begin),
        max_gap_us=settings.max_gap_us,
        window_us=WINDOW,
    )
    terms = score.hops(table.hops, features)
    scores = score.total(terms, len(table.hops))
    found = paths.build(
        table, scores, features, sessions(own or []), kinds, settings, np.ones(len(scores), bool)
    )
    return Run(table, features, terms, scores, found)


# --- against the reference ------------------------------------------------------------------------


def world(seed: int, count: int) -> tuple[hops.HopTable, Any, pd.DataFrame, pd.DataFrame]:
    """Random hops on few hosts, with ties and clock skew, and random scores and features."""
    dice = random.Random(seed)
    hosts, spread = max(4, count // 6), count * dice.choice([20 * SECOND_US, 6 * MINUTE, HOUR])
    rows = []
    for _ in range(count):
        source, target = dice.sample(range(min(hosts, len(HOSTS))), 2)
        time = dice.randrange(0, spread, 10 * SECOND_US)
        kind = dice.choice([PSEXEC, NET_USE, SMB, SERVICE])
        accounts = {name: dice.choice([-1, 0, 1, 2]) for name in ("source_user", "target_user")}
        given = dice.choice([-1, -1, 3])
        suppressed = dice.random() < 0.2
        rows.append(row(kind, time, source, target, credential=given, suppressed=suppressed, **accounts))
    table = build(rows)
    n = len(table.hops)
    scores = np.array([dice.choice([-2000, -500, 0, 500, 1000, 4000]) for _ in range(n)], np.int64)
    scores[table.hops["suppressed"].to_numpy()] = np.minimum(scores[table.hops["suppressed"].to_numpy()], 0)
    days: dict[str, object] = {
        name: [dice.choice([-1, 0, 0, 1, 4]) for _ in range(n)] for name in frames.FEATURES
    }
    days["sufficient"] = [dice.random() < 0.5 for _ in range(n)]
    # A baseline may know earlier hops than those of the run.
    first = table.hops.groupby("source")["first_us"].transform("min")
    before = {source: dice.choice([0, 0, 0, HOUR]) for source in range(len(HOSTS))}
    days["source_since_us"] = (first - table.hops["source"].map(before)).tolist()
    features = frames.make(days, frames.FEATURES)
    own = [(dice.randrange(3), dice.randrange(hosts), dice.choice(["network", "batch"]), 0) for _ in range(4)]
    return table, scores, features, sessions(own)


@pytest.mark.parametrize("seed", range(40))
def test_same_paths_as_the_reference(seed: int) -> None:
    count = [5, 12, 30, 60, 200][seed % 5]
    table, scores, features, own = world(seed, count)
    found = paths.build(table, scores, features, own, PERSONS, SETTINGS, np.ones(len(scores), bool))
    assert isinstance(SETTINGS.max_gap_us, int)
    story = naive.Story(table, scores.tolist(), features, own, gap=SETTINGS.max_gap_us, skew=SETTINGS.skew_us)
    chosen = links.choose(table, scores, features, own, PERSONS, SETTINGS)
    assert chosen.order.tolist() == story.order
    for hop, chain in story.chain.items():
        assert chosen.parent[hop] == (chain[-2] if len(chain) > 1 else -1)
        assert chosen.best[hop] == story.score(chain)
    for link in found.links.to_dict("records"):
        assert link["certainty"] == pytest.approx(story.certainty[link["from"], link["to"]], rel=1e-12)
        terms = story.link(story.chain[link["from"]], link["to"])
        assert {name: link[name] for name in links.TERMS} == terms
    suspicious = (scores > 0) & ~table.hops["suppressed"].to_numpy()
    expected = {incident["hops"]: incident for incident in story.incidents(suspicious)}
    assert set(found.incidents["hops"]) == set(expected)
    assert found.dropped_by_caps.get("link_candidates", 0) == 0
    for number, incident in enumerate(found.incidents.to_dict("records")):
        reference = expected[incident["hops"]]
        assert incident["score"] == reference["score"]
        listed = found.paths[found.paths["incident"] == number]
        pairs = dict(zip(listed["hops"], listed["score"], strict=True))
        if len(reference["chains"]) <= 20:
            assert pairs == reference["chains"]
        else:
            assert pairs.items() <= reference["chains"].items()
            assert len(pairs) == 20


@pytest.mark.parametrize("seed", range(20))
def test_paths_keep_the_contract(seed: int) -> None:
    table, scores, features, own = world(seed, 80)
    found = paths.build(table, scores, features, own, PERSONS, SETTINGS, np.ones(len(scores), bool))
    frames.check(found.paths, frames.PATHS, "paths")
    frames.check(found.links, frames.LINKS, "links")
    frames.check(found.incidents, frames.INCIDENTS, "incidents")
    made = table.hops.to_dict("records")
    linked = {(one, other): terms for one, other, *terms in found.links.itertuples(index=False)}
    for path in found.paths.to_dict("records"):
        total, certainty = sum(int(scores[hop]) for hop in path["hops"]), 1.0
        for hop in path["hops"]:
            certainty *= made[hop]["certainty"]
        for one, other in zip(path["hops"], path["hops"][1:], strict=False):
            assert made[one]["target"] == made[other]["source"]
            assert made[other]["first_us"] >= made[one]["first_us"] - SETTINGS.skew_us
            assert made[other]["first_us"] <= made[one]["last_us"] + (SETTINGS.max_gap_us or 0)
            _, link_certainty, *terms = linked[one, other]
            assert link_certainty >= links.LEAST_CERTAINTY
            total += sum(terms)
            certainty *= link_certainty
        visited = [made[path["hops"][0]]["source"], *(made[hop]["target"] for hop in path["hops"])]
        assert len(set(visited)) == len(visited)
        assert path["score"] == total
        assert path["certainty"] == pytest.approx(certainty)
    suspicious = {int(hop) for hop in np.flatnonzero(scores > 0)}
    assert suspicious <= {hop for chain in found.paths["hops"] for hop in chain}
    placed = [hop for part in found.incidents["hops"] for hop in part]
    assert len(set(placed)) == len(placed)
    assert set(placed) >= suspicious
    ranked = found.paths["score"].tolist()
    assert ranked == sorted(ranked, reverse=True)
    for number, other in enumerate(found.incidents["related"]):
        assert number not in other
        assert all(number in found.incidents["related"][one] for one in other)


def test_row_order_does_not_matter() -> None:
    rows = [*full_chain(0, 0, 1, source_user=1), *full_chain(HOUR, 1, 2, source_user=1), row(SMB, 0, 3, 1)]
    shuffled = random.Random(1).sample(rows, len(rows))
    for one, other in zip(
        dataclasses.astuple(analyse(rows).found)[:3],
        dataclasses.astuple(analyse(shuffled).found)[:3],
        strict=True,
    ):
        pd.testing.assert_frame_equal(one, other)


# --- order ----------------------------------------------------------------------------------------


def test_clock_skew_still_gives_the_path() -> None:
    rows = [*full_chain(20 * SECOND_US, 0, 1, source_user=1), *full_chain(0, 1, 2, source_user=1)]
    assert analyse(rows).lines()[0] == [(0, 1), (1, 2)]
    far = [*full_chain(31 * SECOND_US, 0, 1, source_user=1), *full_chain(0, 1, 2, source_user=1)]
    assert sorted(analyse(far).lines()) == [[(0, 1)], [(1, 2)]]


def test_there_and_back_within_the_skew_is_no_path_and_no_cycle() -> None:
    rows = [*full_chain(0, 0, 1, source_user=1), *full_chain(10 * SECOND_US, 1, 0, source_user=1)]
    assert sorted(analyse(rows).lines()) == [[(0, 1)], [(1, 0)]]
    ring = [*rows[:5], *full_chain(5 * SECOND_US, 1, 2), *full_chain(9 * SECOND_US, 2, 0)]
    assert max(len(line) for line in analyse(ring).lines()) == 2


def test_moving_one_hop_does_not_tear_it_from_its_successor() -> None:
    rows = [
        *full_chain(20 * SECOND_US, 0, 1, source_user=1),
        *full_chain(0, 1, 2, source_user=1),
        *full_chain(10 * SECOND_US, 2, 3, source_user=1),
    ]
    assert analyse(rows).lines()[0] == [(0, 1), (1, 2), (2, 3)]


def test_equal_times_link_in_causal_order_whatever_their_keys() -> None:
    for source in range(8):
        rows = [
            *full_chain(0, source, source + 1, source_user=1),
            *full_chain(0, source + 1, source + 2, source_user=1),
        ]
        assert analyse(rows).lines()[0] == [(source, source + 1), (source + 1, source + 2)]


def test_a_hop_that_something_explains_is_not_moved_behind_what_comes_later() -> None:
    rows = [
        *full_chain(-10 * SECOND_US, 2, 1, source_user=1),
        *full_chain(0, 1, 2, source_user=1),
        *full_chain(20 * SECOND_US, 0, 1, source_user=1),
    ]
    assert [(0, 1), (1, 2)] in analyse(rows).lines()


def test_gap_ends_a_path() -> None:
    first = full_chain(0, 0, 1, source_user=1)
    for last_step, length in ((DAY, 2), (DAY + 1, 1)):
        rows = [*first, *full_chain(last_step, 1, 2, source_user=1)]
        assert len(analyse(rows).lines()[0]) == length
    without = dataclasses.replace(SETTINGS, max_gap_us=None)
    rows = [*first, *full_chain(40 * HOUR, 1, 2, source_user=1)]
    assert len(analyse(rows, settings=without).lines()[0]) == 2


# --- what must come out ---------------------------------------------------------------------------


def test_attack_over_two_hops_with_a_switch_is_high_even_without_history() -> None:
    rows = [*full_chain(0, 0, 1, source_user=1), *full_chain(30 * MINUTE, 1, 2, source_user=2)]
    known = analyse(rows)
    assert known.severities()[0] == 4
    assert known.found.paths["credential_switches"][0] == 1
    assert known.found.paths["causal_user"][0] == 1
    assert analyse(rows, begin=0).severities()[0] == 3


def test_sanctioned_psexec_is_informational() -> None:
    daily = [one for day in range(12) for one in full_chain(day * DAY, 0, 1, source_user=1)]
    run = analyse(daily, begin=-5 * DAY)
    assert run.scores[-1] < 0
    assert len(run.found.paths[run.found.paths["first_us"] > START + 6 * DAY]) == 0


def test_lone_connection_is_no_finding() -> None:
    assert analyse([row(SMB, 0, 0, 1, source_user=1)], begin=0).found.paths.empty
    assert max(analyse([row(SMB, 0, 0, 1, source_user=1)]).severities(), default=0) <= 1


def test_agent_every_ten_minutes_is_no_finding() -> None:
    run = analyse([row(SMB, 10 * MINUTE * i, 0, 1, source_user=1) for i in range(200)], begin=0)
    assert run.found.incidents.empty


def test_fan_out_is_one_incident_with_representative_paths() -> None:
    rows = [
        one for target in range(1, 31) for one in full_chain(target * SECOND_US, 0, target, source_user=1)
    ]
    run = analyse(rows)
    assert len(run.found.incidents) == 1
    assert len(run.found.incidents["hops"][0]) == 30
    assert len(run.found.paths) == 20
    assert run.found.dropped_by_caps == {"paths": 10}, "nothing else exists that could be related"
    assert run.found.incidents["score"][0] == run.found.paths["score"][0] + 3000


def test_two_accounts_of_one_host_are_two_incidents() -> None:
    rows = [*full_chain(0, 0, 1, source_user=1), *full_chain(HOUR, 0, 2, source_user=2)]
    assert len(analyse(rows).found.incidents) == 2
    nameless = [*rows, *full_chain(30 * MINUTE, 0, 3)]
    assert len(analyse(nameless).found.incidents) == 2, "a hop without an account ties none together"
    assert analyse(rows).found.incidents["related"].tolist() == [(1,), (0,)]


def test_of_a_busy_host_runs_of_one_incident_are_compared_once() -> None:
    """Forty hops of one account out of a host lie between two hops of two others."""
    ends = [*full_chain(0, 0, 1, source_user=1), *full_chain(100 * MINUTE, 0, 2, source_user=2)]
    between = [
        one for target in range(3, 32) for one in full_chain(2 * target * MINUTE, 0, target, source_user=3)
    ]
    between += [
        one for target in range(3, 15) for one in full_chain((70 + target) * MINUTE, 0, target, source_user=3)
    ]
    run = analyse([*ends, *between])
    assert run.found.incidents["related"].map(len).tolist() == [2, 2, 2]
    assert "related" not in run.found.dropped_by_caps


def test_two_actors_on_one_pair_can_either_be_followed() -> None:
    for follower in (3, 7):
        rows = [
            row(PSEXEC, 0, 0, 1, source_user=3),
            row(PSEXEC, 5 * MINUTE, 0, 1, source_user=7),
            *full_chain(0, 0, 1)[2:],
            *full_chain(HOUR, 1, 2, source_user=follower),
        ]
        run = analyse(rows)
        assert run.lines()[0] == [(0, 1), (1, 2)]
        assert run.found.links["certainty"][0] > 0.7, "the same account"
        assert run.found.links["credential_switch"][0] == 0


def test_habitual_pair_is_no_bridge_between_two_incidents() -> None:
    habit = [one for day in range(-10, 1) for one in full_chain(day * DAY, 1, 2, source_user=5)]
    intruder = full_chain(-HOUR, 0, 1, source_user=1)
    other = full_chain(HOUR, 2, 3, source_user=9)
    run = analyse([*habit, *intruder, *other], begin=-40 * DAY)
    parts = [part for part in run.incidents() if part & {(0, 1), (2, 3)}]
    assert sorted(map(sorted, parts)) == [[(0, 1)], [(2, 3)]]


def test_ordinary_hop_stays_where_the_same_account_entered() -> None:
    habit = [one for day in range(-10, 0) for one in full_chain(day * DAY, 1, 2, source_user=5)]
    intruder = full_chain(-HOUR, 0, 1, source_user=5)
    run = analyse([*habit, *intruder, *full_chain(0, 1, 2, source_user=5)], begin=-40 * DAY)
    assert {(0, 1), (1, 2)} in run.incidents()


def test_ordinary_hop_after_an_attack_does_not_hide_it() -> None:
    habit = [one for day in range(-10, 0) for one in full_chain(day * DAY, 1, 2, source_user=5)]
    intruder = full_chain(-HOUR, 0, 1, source_user=5)
    alone = analyse([*habit, *intruder], begin=-40 * DAY)
    after = analyse([*habit, *intruder, *full_chain(0, 1, 2, source_user=5)], begin=-40 * DAY)
    score_of = [
        run.found.incidents["score"][[(0, 1) in part for part in run.incidents()].index(True)]
        for run in (alone, after)
    ]
    assert score_of[0] == score_of[1]


def test_leaving_before_the_entry_succeeded_counts_against() -> None:
    rows = [
        row(PSEXEC, 0, 0, 1, source_user=1),
        row(SERVICE, 10 * MINUTE, 0, 1),
        *full_chain(5 * MINUTE, 1, 2, source_user=1),
    ]
    assert analyse(rows).found.links["left_before_entry"].tolist() == [-2000]
    rows[1] = row(SERVICE, 5 * MINUTE + 30 * SECOND_US, 0, 1)
    assert analyse(rows).found.links["left_before_entry"].tolist() == [0]


def test_entered_then_moves_only_where_it_never_moved_before() -> None:
    attack = [*full_chain(0, 0, 1, source_user=1), *full_chain(HOUR, 1, 2, source_user=1)]
    assert analyse(attack).found.links["entered_then_moves"].tolist() == [ENTERED]
    jump_host = [row(NET_USE, -2 * HOUR, 1, 5, source_user=1), *attack]
    assert analyse(jump_host).found.links["entered_then_moves"].tolist() == [0]
    long_ago = [row(NET_USE, -9 * DAY, 1, 5, source_user=1), *attack]
    assert analyse(long_ago).found.links["entered_then_moves"].tolist() == [0]
    late = [*attack[:5], *full_chain(4 * HOUR + 1, 1, 2, source_user=1)]
    assert analyse(late).found.links["entered_then_moves"].tolist() == [0]


def test_system_after_entry_is_no_switch_and_carries_the_account_on() -> None:
    kinds = PERSONS.copy()
    kinds[4] = frames.SYSTEM
    rows = [
        *full_chain(0, 0, 1, source_user=1),
        *full_chain(20 * MINUTE, 1, 2, source_user=4),
        *full_chain(40 * MINUTE, 2, 3, source_user=2),
    ]
    run = analyse(rows, kinds=kinds)
    assert run.lines()[0] == [(0, 1), (1, 2), (2, 3)]
    assert run.found.links["credential_switch"].tolist() == [0, SWITCH]


def test_explicit_credential_is_what_goes_on() -> None:
    rows = [*full_chain(0, 0, 1, source_user=1, credential=2), *full_chain(20 * MINUTE, 1, 2, source_user=2)]
    assert analyse(rows).found.links["credential_switch"].tolist() == [0]
    back = [*rows[:5], *full_chain(20 * MINUTE, 1, 2, source_user=1)]
    assert analyse(back).found.links["credential_switch"].tolist() == [SWITCH]


# --- certainty ------------------------------------------------------------------------------------


def certainty(rows: Rows, **more: Any) -> float:
    found = analyse(rows, **more).found
    return float(found.links["certainty"].iloc[-1])


def test_equal_explanations_share_the_certainty() -> None:
    # Accounts unknown, no gap: each entry weighs as much as "it began here".
    entries = [*full_chain(0, 0, 1), *full_chain(0, 5, 1)]
    leave = full_chain(0, 1, 2)
    assert certainty([*entries[:5], *leave]) == pytest.approx(1 / 2)
    assert certainty([*entries, *leave]) == pytest.approx(1 / 3)


def test_the_gap_of_a_link_is_from_the_end_of_one_to_the_beginning_of_the_other() -> None:
    for start, gap_us in ((50 * SECOND_US, 30 * SECOND_US), (20 * SECOND_US, 0), (10 * SECOND_US, 0)):
        entry = [*full_chain(0, 0, 1, source_user=1), row(SMB, 20 * SECOND_US, 0, 1, source_user=1)]
        rows = [*entry, *full_chain(start, 1, 2, source_user=1)]
        assert analyse(rows).found.links["gap_us"].tolist() == [gap_us]


def test_of_equal_predecessors_the_lesser_key_is_chosen() -> None:
    for other in range(3, 9):
        rows = [*full_chain(0, 0, 1), *full_chain(0, other, 1), *full_chain(HOUR, 1, 2)]
        run = analyse(rows)
        keys = run.table.hops["key"].tolist()
        assert keys[run.found.links["from"][0]] == min(keys[:2])


def test_own_session_makes_the_beginning_likelier() -> None:
    rows = [*full_chain(0, 0, 1, source_user=1), *full_chain(0, 1, 2, source_user=1)]
    assert certainty(rows) == pytest.approx(3 / 4)
    assert certainty(rows, own=[(1, 1, "interactive", -HOUR)]) == pytest.approx(3 / 5)
    assert certainty(rows, own=[(1, 1, "network", -HOUR)]) == pytest.approx(3 / 4), "exposes nobody"
    assert certainty(rows, own=[(1, 1, "new credentials", -HOUR)]) == pytest.approx(3 / 4), "begun from there"
    assert certainty(rows, own=[(1, 1, "interactive", -SECOND_US)]) == pytest.approx(3 / 4), (
        "may be the entry"
    )
    assert certainty(rows, own=[(2, 1, "interactive", -HOUR)]) == pytest.approx(3 / 4), "another account"


def test_suppressed_explanation_still_counts() -> None:
    backup = full_chain(0, 5, 1, source_user=1)
    rows = [*full_chain(0, 0, 1, source_user=1), *full_chain(0, 1, 2, source_user=1)]
    suppressed = [{**one, "suppressed": True} for one in backup]
    assert certainty([*suppressed, *rows]) == certainty([*backup, *rows]) == pytest.approx(3 / 7)


def test_gap_fades_the_certainty_and_a_mere_connection_is_a_tenth() -> None:
    assert certainty([*full_chain(0, 0, 1), *full_chain(DAY, 1, 2)]) == pytest.approx(1 / 3)
    mere = row(SMB, 0, 0, 1, masquerade=True, source_user=1)
    assert certainty([mere, *full_chain(0, 1, 2, source_user=1)]) == pytest.approx(0.3 / 1.3)
    monitoring = [row(SMB, 0, source, 1) for source in range(3, 23)]
    entry, onward = full_chain(0, 0, 1, source_user=1), full_chain(HOUR, 1, 2, source_user=1)
    assert len(analyse([*monitoring, *entry, *onward]).lines()[0]) == 2, "many connections hide no entry"


def test_the_rounds_of_a_daily_agent_are_no_one_incident() -> None:
    agent = [
        witness
        for day in range(3)
        for target in range(1, 6)
        for witness in full_chain(day * DAY + 1000 * target, 0, target, source_user=1)
    ]
    run = analyse(agent, begin=0)
    assert [len(hops) for hops in run.found.incidents["hops"]] == [5, 5, 5]


# --- what may not change --------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(25))
def test_suppressing_never_raises_a_hop_or_a_path(seed: int) -> None:
    dice = random.Random(seed)
    rows: Rows = []
    for _ in range(14):
        source, target = dice.sample(range(6), 2)
        make = dice.choice([full_chain, full_chain, lambda *args, **more: [row(PSEXEC, *args, **more)]])
        rows += make(dice.randrange(0, 30) * 20 * MINUTE, source, target, source_user=dice.choice([-1, 1, 2]))
    before = analyse(rows)
    chosen = set(dice.sample(range(len(rows)), 25))
    after = analyse([{**one, "suppressed": i in chosen} for i, one in enumerate(rows)])
    # Keys of hops are of their content, which suppressing leaves alone.
    assert before.table.hops["key"].tolist() == after.table.hops["key"].tolist()
    assert (after.scores <= before.scores).all()
    was = dict(zip(before.found.paths["key"], before.found.paths["score"], strict=True))
    now = dict(zip(after.found.paths["key"], after.found.paths["score"], strict=True))
    assert all(value <= was[key] for key, value in now.items() if key in was)


@pytest.mark.parametrize("seed", range(10))
def test_a_stranger_leaves_the_paths_alone(seed: int) -> None:
    dice = random.Random(seed)
    rows: Rows = []
    for _ in range(10):
        source, target = dice.sample(range(6), 2)
        rows += full_chain(
            dice.randrange(0, 30) * 20 * MINUTE, source, target, source_user=dice.choice([-1, 1, 2])
        )
    stranger = [
        one
        for hop in range(5)
        for one in full_chain(dice.randrange(-900, 60) * 20 * MINUTE, 20 + hop, 21 + hop, source_user=9)
    ]
    before, after = analyse(rows, begin=-2 * DAY), analyse([*rows, *stranger], begin=-2 * DAY)
    keys = after.found.paths["key"].tolist()
    for key, value in zip(before.found.paths["key"], before.found.paths["score"], strict=True):
        assert after.found.paths["score"][keys.index(key)] == value


def test_nothing_gives_empty_frames() -> None:
    found = analyse([]).found
    frames.check(found.paths, frames.PATHS, "paths")
    assert found.paths.empty
    assert found.incidents.empty
    assert found.dropped_by_caps == {}


def test_caps_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [one for source in range(3, 8) for one in full_chain(source * SECOND_US, source, 1)]
    rows = [*entries, *full_chain(HOUR, 1, 2)]
    assert "link_candidates" not in analyse(rows).found.dropped_by_caps
    monkeypatch.setattr(links, "MOST_CANDIDATES", 2)
    assert analyse(rows).found.dropped_by_caps["link_candidates"] == 3
