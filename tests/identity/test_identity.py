"""Who is who in time, from rows kept whole and from folds alike."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmgraph.events import Partial, collect
from lmgraph.identity import REALM_US, Identity
from lmgraph.ingest import Record
from lmgraph.rules.needed import Wants
from lmgraph.schema import Event, Origin
from lmgraph.settings import DAY_US, HOUR_US, Settings

NOON = 20_000 * DAY_US + 12 * HOUR_US


def partial_of(*events: Event, wants: Wants | None = None) -> Partial:
    items = [Record(event, Origin("f", line)) for line, event in enumerate(events, start=1)]
    return collect(items, Settings(), wants or Wants.nothing())


def event(kind: str, aid: str, time_us: int, **more: object) -> Event:
    place = f"{aid} {kind} {time_us}"
    return Event(kind=kind, time_us=time_us, event_id=place, cid="c", aid=aid, **more)  # type: ignore[arg-type]


def connection(aid: str, time_us: int, ip: str = "10.0.0.9", **more: object) -> Event:
    return event(
        "connection", aid, time_us, process_context_name="System", remote_ip=ip, remote_port=445, **more
    )


def test_folds_show_the_addresses_and_names_of_hosts() -> None:
    seen = [connection("a", NOON + hour * HOUR_US, host_ip="10.0.0.1", host_name="WS1") for hour in (0, 3)]
    partial = partial_of(*seen)
    assert (len(partial.kept), len(partial.folded)) == (0, 2)
    identity = Identity(partial)
    assert identity.hosts.all[identity.host_of(seen[0])].name == "WS1"
    (span,) = identity.addresses.spans()
    assert (span.ip, span.first_us, span.last_us) == ("10.0.0.1", NOON, NOON + 3 * HOUR_US)


def test_sightings_of_the_second_look_show_addresses_too() -> None:
    other = event("other", "a", NOON, host_ip="10.0.0.1")
    partial = partial_of(other, wants=Wants(addresses=frozenset({"10.0.0.1"})))
    assert [span.ip for span in Identity(partial).addresses.spans()] == ["10.0.0.1"]


def test_recordings_that_share_an_address_but_no_host_and_no_time_mean_two_hosts() -> None:
    later = NOON + REALM_US + HOUR_US
    identity = Identity(partial_of(connection("a", NOON), connection("b", later)))
    near = identity.host_of(connection("a", NOON))
    first, second = (identity.by_address("10.0.0.9", time_us, near)[0].host for time_us in (NOON, later))
    assert first != second
    both = identity.by_addresses("10.0.0.9", np.array([later, NOON, NOON + 1]), near)
    assert both.tolist() == [second, first, first]


@pytest.mark.parametrize(
    "told",
    [
        [("a", 0), ("b", REALM_US)],  # no gap
        [("a", 0), ("a", REALM_US + 1)],  # one host
        [("a", 0), ("b", REALM_US), ("a", REALM_US + 1), ("b", 2 * REALM_US + 2)],
    ],
)
def test_one_data_set_has_one_host_for_an_address(told: list[tuple[str, int]]) -> None:
    identity = Identity(partial_of(*(connection(aid, NOON + after) for aid, after in told)))
    times = np.array([NOON + after for _, after in told])
    assert len(set(identity.by_addresses("10.0.0.9", times, -1).tolist())) == 1


def realms(uses: list[tuple[int, str]]) -> list[int]:
    """The beginnings of further data sets, by the rule as written."""
    starts, hosts, until = [], set[str](), None
    for time_us, host in sorted(uses):
        if until is not None and time_us - until > REALM_US and host not in hosts:
            starts.append(time_us)
            hosts = set()
        hosts.add(host)
        until = time_us
    return starts


@given(st.lists(st.tuples(st.integers(0, 60).map(lambda day: NOON + day * DAY_US), st.sampled_from("abc"))))
def test_data_sets_are_parted_as_the_rule_says(uses: list[tuple[int, str]]) -> None:
    identity = Identity(partial_of(*(connection(host, time_us) for time_us, host in uses)))
    times = sorted({time_us for time_us, _ in uses})
    starts = realms([(time_us, host) for time_us, host in uses])
    expected = [sum(start <= time_us for start in starts) for time_us in times]
    found = identity.by_addresses("10.0.0.9", np.array(times, np.int64), -1)
    assert [identity.hosts.all[host].realm for host in found.tolist()] == expected


def test_the_process_start_that_comes_first_counts() -> None:
    starts = [
        event("process_start", "a", NOON + after, process_id="7", process_name="psexec.exe")
        for after in (5, 2)
    ]
    identity = Identity(partial_of(*starts))
    asked = connection("a", NOON, process_id="7")
    found = identity.process_of(asked)
    assert found is not None
    assert found.time_us == NOON + 2
