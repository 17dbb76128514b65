"""Who had an address at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmgraph.identity.addresses import FAR_US, NEAR_US, Addresses, Holder
from lmgraph.settings import DAY_US, HOUR_US, SECOND_US

IP = "10.0.0.5"
MINUTE = 60 * SECOND_US
NOON = 20_000 * DAY_US + 12 * HOUR_US
A, B, C = 1, 2, 3


def hosts(found: list[Holder]) -> list[int]:
    return [holder.host for holder in found]


def test_the_only_host_seen_with_an_address_has_it() -> None:
    book = Addresses()
    book.see(A, IP, (NOON - HOUR_US,), by="local-address")
    assert book.holders(IP, NOON) == [Holder(A, 1.0, "local-address")]


def test_an_address_re_used_belongs_to_whoever_had_it_then() -> None:
    book = Addresses()
    book.see(A, IP, (NOON - 5 * HOUR_US, NOON - HOUR_US), by="local-address")
    book.see(B, IP, (NOON,), by="address-event", given=True)
    book.see(B, IP, (NOON + 3 * HOUR_US,), by="local-address")
    assert book.holders(IP, NOON - 2 * HOUR_US) == [Holder(A, 1.0, "local-address")]
    assert hosts(book.holders(IP, NOON + HOUR_US)) == [B]
    # Before it was given to B it was not B's, however near that is.
    assert hosts(book.holders(IP, NOON - MINUTE)) == [A]


def test_an_address_given_up_belongs_to_nobody_until_somebody_takes_it() -> None:
    book = Addresses()
    book.see(A, IP, (NOON,), by="local-address")
    book.remove(A, IP, NOON + HOUR_US)
    assert hosts(book.holders(IP, NOON + 30 * MINUTE)) == [A]
    assert book.holders(IP, NOON + 2 * HOUR_US) == []


def test_two_hosts_that_fit_one_address_equally_share_it() -> None:
    book = Addresses()
    for host in (A, B):
        book.see(host, IP, (NOON - HOUR_US, NOON + HOUR_US), by="local-address")
    found = book.holders(IP, NOON)
    assert hosts(found) == [A, B]
    assert [holder.certainty for holder in found] == [0.5, 0.5]


def test_the_nearer_of_two_that_come_and_go_is_likelier() -> None:
    book = Addresses()
    book.see(A, IP, (NOON - 30 * MINUTE, NOON + 30 * MINUTE), by="local-address")
    book.see(B, IP, (NOON - 10 * MINUTE, NOON + 10 * MINUTE), by="local-address")
    found = book.holders(IP, NOON)
    assert hosts(found) == [B, A]
    assert found[0].certainty > 0.6
    assert sum(holder.certainty for holder in found) == pytest.approx(1.0)


def test_evidence_comes_in_its_order() -> None:
    book = Addresses()
    book.guess(C, IP, NOON)
    assert hosts(book.holders(IP, NOON)) == [C]
    book.tell(B, IP, (NOON - 2 * DAY_US,))
    assert book.holders(IP, NOON) == [Holder(B, 1.0, "logon")]
    book.see(A, IP, (NOON - 3 * DAY_US,), by="local-address")
    assert hosts(book.holders(IP, NOON)) == [A]
    book.enlist(C, IP, NOON - DAY_US, NOON + DAY_US)
    assert book.holders(IP, NOON) == [Holder(C, 1.0, "assets")]
    book.see(B, IP, (NOON - HOUR_US,), by="local-address")
    assert hosts(book.holders(IP, NOON)) == [B]


def test_an_assets_line_holds_in_its_half_open_interval_only() -> None:
    book = Addresses()
    book.enlist(A, IP, NOON, NOON + HOUR_US)
    assert book.holders(IP, NOON - 1) == []
    assert hosts(book.holders(IP, NOON)) == [A]
    assert book.holders(IP, NOON + HOUR_US) == []


def test_a_sighting_of_long_ago_says_nothing() -> None:
    book = Addresses()
    book.see(A, IP, (NOON,), by="local-address")
    assert hosts(book.holders(IP, NOON + FAR_US)) == [A]
    assert book.holders(IP, NOON + FAR_US + 1) == []
    assert NEAR_US < FAR_US


def test_co_occurrence_is_never_certain_and_surer_when_repeated() -> None:
    book = Addresses()
    book.guess(A, IP, NOON)
    once = book.holders(IP, NOON)[0].certainty
    book.guess(A, IP, NOON + HOUR_US)
    twice = book.holders(IP, NOON)[0].certainty
    assert (once, twice) == (pytest.approx(1 / 2), pytest.approx(2 / 3))


def test_of_two_names_used_with_an_address_the_nearer_in_time_is_meant() -> None:
    book = Addresses()
    book.guess(A, IP, NOON - 8 * HOUR_US)
    book.guess(B, IP, NOON)
    assert book.holders(IP, NOON) == [Holder(B, pytest.approx(1 / 2), "co-occurrence")]
    assert hosts(book.holders(IP, NOON - 8 * HOUR_US)) == [A]


def test_the_same_connection_at_both_ends_names_the_server() -> None:
    book = Addresses()
    book.accept(B, ("c", "10.0.0.1", 50_000, IP), NOON)
    assert book.server(("c", "10.0.0.1", 50_000, IP), NOON + 5 * SECOND_US) == B
    assert book.server(("c", "10.0.0.1", 50_001, IP), NOON) == -1
    assert book.server(("another customer", "10.0.0.1", 50_000, IP), NOON) == -1
    assert book.server(("c", "10.0.0.1", 50_000, IP), NOON + HOUR_US) == -1


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40), st.booleans()), min_size=1, max_size=10),
    st.integers(0, 40),
    st.randoms(use_true_random=False),
)
def test_shares_add_up_and_do_not_depend_on_order(
    sightings: list[tuple[int, int, bool]], hour: int, chance: object
) -> None:
    def book(rows: list[tuple[int, int, bool]]) -> Addresses:
        made = Addresses()
        for host, at, given_then in rows:
            made.see(host, IP, (NOON + at * HOUR_US,), by="local-address", given=given_then)
        return made

    found = book(sightings).holders(IP, NOON + hour * HOUR_US)
    assert found
    assert sum(holder.certainty for holder in found) == pytest.approx(1.0)
    shuffled = list(sightings)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert book(shuffled).holders(IP, NOON + hour * HOUR_US) == found


def reference(
    rows: list[tuple[int, int, bool]], removals: list[tuple[int, int]], time_us: int
) -> dict[int, float]:
    """Shares by the rule as written, over every host: no index, no shortcut."""
    sides: dict[int, tuple[int | None, int | None]] = {}
    for host in {host for host, _, _ in rows}:
        times = [at for who, at, _ in rows if who == host and abs(at - time_us) <= NEAR_US]
        before = max((at for at in times if at <= time_us), default=None)
        after = min((at for at in times if at >= time_us), default=None)
        if before is not None and any(who == host and before <= at <= time_us for who, at in removals):
            before = None
        if before is not None or after is not None:
            sides[host] = (before, after)
    last = max((before for before, _ in sides.values() if before is not None), default=None)
    first = min((after for _, after in sides.values() if after is not None), default=None)
    weights = {}
    for host, (before, after) in sides.items():
        given = any(who == host and at == after and then for who, at, then in rows)
        if after is None and before != last:
            continue
        if before is None and (after != first or (given and last is not None)):
            continue
        near = min(abs(side - time_us) for side in (before, after) if side is not None)
        weights[host] = 1 / (near + 60 * SECOND_US)
    shares = {host: weight / sum(weights.values()) for host, weight in weights.items()}
    shares = {host: share for host, share in shares.items() if share >= 0.1}
    return {host: share / sum(shares.values()) for host, share in shares.items()}


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 60), st.booleans()), min_size=1, max_size=14),
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 60)), max_size=5),
    st.integers(0, 60),
)
def test_the_index_finds_what_looking_at_every_host_finds(
    sightings: list[tuple[int, int, bool]], removals: list[tuple[int, int]], hour: int
) -> None:
    book = Addresses()
    rows = [(host, NOON + at * HOUR_US, given_then) for host, at, given_then in sightings]
    gone = [(host, NOON + at * HOUR_US) for host, at in removals]
    for host, at, given_then in rows:
        book.see(host, IP, (at,), by="local-address", given=given_then)
    for host, at in gone:
        book.remove(host, IP, at)
    time_us = NOON + hour * HOUR_US
    expected = reference(rows, gone, time_us)
    found = {one.host: one.certainty for one in book.holders(IP, time_us)}
    if expected:
        assert found == pytest.approx(expected)


HOSTS = st.integers(0, 2)
# Few, so that they meet; beyond NEAR and FAR, too.
MOMENTS = [NOON + hour * HOUR_US for hour in (0, 1, 2, 24, 27, 240, 241, 1000)]
STEPS = st.sampled_from(MOMENTS)
SIGHTED = st.lists(st.tuples(HOSTS, STEPS, st.booleans()), max_size=8)


@given(
    own=SIGHTED,
    told=st.lists(st.tuples(HOSTS, STEPS), max_size=3),
    removed=st.lists(st.tuples(HOSTS, STEPS), max_size=2),
    listed=st.lists(st.tuples(HOSTS, STEPS, STEPS), max_size=1),
    guessed=st.lists(st.tuples(HOSTS, STEPS), max_size=1),
    foreign=st.sets(HOSTS, max_size=1),
)
def test_many_times_at_once_are_answered_as_one_by_one(
    own: list[tuple[int, int, bool]],
    told: list[tuple[int, int]],
    removed: list[tuple[int, int]],
    listed: list[tuple[int, int, int]],
    guessed: list[tuple[int, int]],
    foreign: set[int],
) -> None:
    book = Addresses()
    for host, at, given_then in own:
        book.see(host, IP, (at,), by="local-address", given=given_then)
    for host, at in told:
        book.tell(host, IP, (at,))
    for host, at in removed:
        book.remove(host, IP, at)
    for host, begin, end in listed:
        book.enlist(host, IP, begin, end)
    for host, at in guessed:
        book.guess(host, IP, at)

    def fits(host: int) -> bool:
        return host not in foreign

    asked = [at + after for at in MOMENTS for after in (-MINUTE, 0, MINUTE)]
    found = book.likeliest(IP, np.array(asked), fits)
    one_by_one = [book.holders(IP, at, fits) for at in asked]
    assert found.tolist() == [holders[0].host if holders else -1 for holders in one_by_one]


def test_what_is_learned_after_a_question_counts_for_the_next() -> None:
    book = Addresses()
    book.see(A, IP, (NOON,), by="local-address")
    assert hosts(book.holders(IP, NOON + 2 * HOUR_US)) == [A]
    book.see(B, IP, (NOON + 3 * HOUR_US, NOON + HOUR_US), by="local-address")
    assert hosts(book.holders(IP, NOON + 2 * HOUR_US)) == [B]
    assert book.likeliest(IP, np.array([NOON + 2 * HOUR_US])).tolist() == [B]
