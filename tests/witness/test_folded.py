"""Contacts and sessions of folds, against a plain walk over every row of every hour."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from lmgraph.events import Kept, collect, fold_key, record_name
from lmgraph.identity import Identity
from lmgraph.ingest import Record
from lmgraph.rules.needed import Use, Wants, use
from lmgraph.rules.witnesses import session_kind
from lmgraph.schema import Event, Origin
from lmgraph.settings import DAY_US, HOUR_US, Settings
from lmgraph.witness.contacts import contacts_of
from lmgraph.witness.rows import of_context
from lmgraph.witness.sessions import sessions_of
from lmgraph.witness.table import Row, Witnesses

MORNING = 20_000 * DAY_US
FIRST = Wants.nothing()
Hour = list[Event]  # folded records of one template and hour

# Few of each, so that they meet.
TIMES = st.integers(0, 5).map(lambda step: MORNING + step * HOUR_US // 3)
SENSORS = st.sampled_from("ab")
ADDRESSES = st.sampled_from(["10.0.0.1", "10.0.0.1", "10.0.0.2", "127.0.0.1"])


def events(kind: str, **fields: Any) -> st.SearchStrategy[Event]:
    said = {"time_us": TIMES, "aid": SENSORS, "event_id": st.integers(0, 12).map(str), **fields}
    return st.builds(lambda **more: Event(kind=kind, cid="c", **more), **said)  # type: ignore[arg-type]


USERS = st.sampled_from([None, "alice"])
MET = st.one_of(
    events("address", host_ip=st.just("10.0.0.1")),
    events(
        "connection", process_context_name=st.just("System"), remote_ip=ADDRESSES, remote_port=st.just(445)
    ),
    events("accept", host_ip=ADDRESSES, host_port=st.just(445), remote_ip=ADDRESSES),
    events(
        "logon",
        logon_type=st.just(3),
        user_name=USERS,
        remote_ip=ADDRESSES,
        remote_name=st.sampled_from([None, "SRV7", "10.0.0.1"]),
    ),
    events("logon_failed", logon_type=st.just(3), remote_ip=ADDRESSES),
    events("share_server", share_name=st.sampled_from(["ADMIN$", "x"]), user_name=USERS, remote_ip=ADDRESSES),
)
LOGGED = st.one_of(
    *(
        events(
            kind,
            event_code=st.sampled_from(["UserLogon", "UserIdentity"]),
            logon_type=st.sampled_from([2, 3, 5, 7]),
            logon_id=st.sampled_from([None, "7", "8"]),
            user_name=USERS,
        )
        for kind in ("logon", "logoff")
    )
)


def hours(told: list[Event]) -> list[Hour]:
    found: dict[tuple[Event, int], Hour] = defaultdict(list)
    for event in told:
        if use(event, FIRST, "corrected") is Use.FOLD:
            found[fold_key(event), event.time_us // HOUR_US].append(event)
    return list(found.values())


def ends(hour: Hour) -> tuple[int, int]:
    times = [event.time_us for event in hour]
    return min(times), max(times)


def shown(event: Event, identity: Identity) -> list[Row]:
    return list(of_context([(b"", Kept(event, 1, Origin("f", 1)))], identity))


@settings(max_examples=100)
@given(st.lists(MET, max_size=14))
def test_contacts_are_those_of_every_hours_first_and_last_record(told: list[Event]) -> None:
    partial = collect([Record(event, Origin("f", 1)) for event in told], Settings(), FIRST)
    identity = Identity(partial)
    openers = Witnesses.of(of_context([(name, row) for name, row in partial.kept.items()], identity))
    met: dict[tuple[int, int, int], dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    times: dict[tuple[int, int, int], set[int]] = defaultdict(set)

    def meet(row: Row, names: set[int]) -> None:
        if row.source < 0 or row.target < 0 or row.denied:
            return
        user = row.target_user if row.target_user >= 0 else row.source_user
        place = (row.source, row.target, user)
        met[place][row.kind] |= names
        times[place].add(row.time_us)

    for hour in hours(told):
        for time_us in ends(hour):
            for row in shown(msgspec.structs.replace(fold_key(hour[0]), time_us=time_us), identity):
                meet(row, {record_name(event) for event in hour})
    for row in openers:
        if row.opens:
            meet(row, {row.key})
    found = contacts_of(partial, openers, identity)
    counts = {(one.source, one.target, one.user): one.count for one in found}
    assert counts == {place: max(map(len, kinds.values())) for place, kinds in met.items()}
    assert {(one.source, one.target, one.user): one.times.tolist() for one in found} == {
        place: sorted(of_place) for place, of_place in times.items()
    }


@settings(max_examples=100)
@given(st.lists(LOGGED, max_size=14))
def test_sessions_are_those_of_every_hours_first_record(told: list[Event]) -> None:
    partial = collect([Record(event, Origin("f", 1)) for event in told], Settings(), FIRST)
    identity = Identity(partial)
    opened: dict[tuple[int, int, str], list[Hour]] = defaultdict(list)
    offs: dict[tuple[int, str | None], int] = {}
    for hour in hours(told):
        first, last = ends(hour)
        event = msgspec.structs.replace(fold_key(hour[0]), time_us=first)
        host, kind = identity.host_of(event), session_kind(event.logon_type)
        if event.kind == "logoff" and event.logon_id:
            offs[host, event.logon_id] = max(last, offs.get((host, event.logon_id), last))
        if event.kind == "logon" and kind is not None:
            user = identity.accounts.of_event(event)
            if user >= 0:
                opened[user, host, kind].append(hour)
    expected = {}
    for (user, host, kind), found in opened.items():
        logoffs = [offs.get((host, hour[0].logon_id), -1) for hour in found]
        ended = all(end >= ends(hour)[0] for end, hour in zip(logoffs, found, strict=True))
        logons = {record_name(one) for hour in found for one in hour if one.event_code != "UserIdentity"}
        expected[user, host, kind] = (
            min(ends(hour)[0] for hour in found),
            max(ends(hour)[1] for hour in found),
            max(logoffs) if ended else None,
            len(logons) or 1,
        )
    assert expected == {
        (one.user, one.host, one.kind): (one.first_us, one.last_us, one.ended_us, one.count)
        for one in sessions_of(partial, identity)
    }
