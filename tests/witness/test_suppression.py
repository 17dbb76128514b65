"""Suppression over columns covers what one question per row does, and ends where an intruder was."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lmgraph.identity.accounts import Account
from lmgraph.schema import Origin
from lmgraph.tuning import Entry, _pattern
from lmgraph.witness.suppression import Taken, lift, suppress
from lmgraph.witness.table import Row, Witnesses
from tests import naive

NEVER = np.iinfo(np.int64).max
HOSTS = [
    SimpleNamespace(name="WS1", fqdn="ws1.corp.example"),
    SimpleNamespace(name="SRV7", fqdn=None),
    SimpleNamespace(name="10.0.0.9", fqdn=None),
]
ACCOUNTS = [
    Account("alice", "corp", "person", privileged=True, spellings={("CORP", "alice"), ("", "alice")}),
    Account("svc", None, "person", privileged=False),
    Account("x", None, "person"),
]


def held(host: int, time_us: int) -> tuple[str, ...]:
    """Which changes in the midst of the times that are tried."""
    return () if host < 0 else (f"10.0.{int(time_us >= 50)}.{host}",)


IDENTITY: Any = SimpleNamespace(
    hosts=SimpleNamespace(all=HOSTS),
    accounts=SimpleNamespace(all=ACCOUNTS),
    addresses=SimpleNamespace(held=held),
    listed=frozenset({1}),
)

TIMES = st.sampled_from([0, 29, 30, 40, 49, 50, 60, 80, 99])
ALERTS = st.builds(
    SimpleNamespace,
    host=st.integers(-1, 2),
    user=st.integers(-1, 2),
    process=st.sampled_from([None, "Agent.exe", "psexec.exe"]),
    process_path=st.sampled_from([None, "C:\\a\\Agent.exe"]),
    event=st.builds(
        SimpleNamespace,
        time_us=TIMES,
        host_ip=st.sampled_from([None, "10.0.0.0", "10.9.9.9"]),
        remote_ip=st.sampled_from([None, "10.0.0.1"]),
    ),
    suppressed_by=st.none(),
)
HOST_PATTERNS = st.sampled_from(["ws*", "SRV7", "10.0.0.0/24", "10.0.1.*", "*.example", "*"])
ENTRIES = st.builds(
    Entry,
    name=st.sampled_from("abc"),
    patterns=st.fixed_dictionaries(
        {},
        optional={
            "source": HOST_PATTERNS,
            "target": HOST_PATTERNS,
            "user": st.sampled_from(["alice", "corp\\*", "svc"]),
            "process": st.sampled_from(["agent.exe", "*"]),
            "process_path": st.sampled_from(["*\\a\\*", "c:*"]),
        },
    ).map(lambda written: {key: (_pattern(text, key, None),) for key, text in written.items()}),
    source_not_in_assets=st.sampled_from([None, True, False]),
    user_privileged=st.sampled_from([None, True, False]),
    periodic=st.booleans(),
    expires_us=st.sampled_from([None, 30, 60]),
)


def opener(place: int, time_us: int, of: int, alert: Any, target: int) -> Row:
    """The row of an alert or, where it has none, of a witness of the target's side."""
    return Row(
        key=place,
        time_us=alert.event.time_us if alert else time_us,
        source=alert.host if alert else place % 3,
        target=target,
        stage="execution",
        side="source",
        opens=place % 4 > 0,
        proves="attempted",
        kind="x",
        origin=Origin("p", place),
        of=of,
        source_user=alert.user if alert else -1,
        process=alert.process if alert else None,
        process_path=alert.process_path if alert else None,
        user=alert.user if alert else place % 3,
    )


@st.composite
def stories(draw: st.DrawFn) -> tuple[list[Row], list[Any]]:
    alerts = draw(st.lists(ALERTS, max_size=4))
    rows = []
    for place in range(draw(st.integers(0, 12))):
        known = [index for index, alert in enumerate(alerts) if alert.host >= 0]
        of = draw(st.sampled_from([-1, *known]))
        alert = alerts[of] if of >= 0 else None
        rows.append(opener(place, draw(TIMES), of, alert, draw(st.integers(-1, 2))))
    return rows, alerts


@given(stories(), st.lists(ENTRIES, max_size=3))
def test_as_one_question_per_row(story: tuple[list[Row], list[Any]], entries: list[Entry]) -> None:
    rows, alerts = story
    of_rows, of_alerts = naive.suppressed(rows, alerts, IDENTITY, tuple(entries))
    table = Witnesses.of(rows)
    matched = suppress(table, alerts, IDENTITY, tuple(entries))
    assert [row.suppressed_by for row in table] == of_rows
    assert [alert.suppressed_by for alert in alerts] == of_alerts
    assert matched == {name for name in (*of_rows, *of_alerts) if name}


def test_regular_is_asked_of_distinct_times_of_what_opens() -> None:
    entry = Entry("beat", {"source": (_pattern("*", "source", None),)}, periodic=True)
    for gaps, regular in (([10] * 4, True), ([10, 0, 10, 10], False), ([10, 70, 1, 40, 9], False)):
        times = np.cumsum([0, *gaps]).tolist()
        rows = [opener(1 + 12 * place, time_us, -1, None, 2) for place, time_us in enumerate(times)]
        silent = opener(4, 3, -1, None, 2)  # it opens nothing, so it is no beat
        assert not silent.opens
        table = Witnesses.of([*rows, silent])
        assert naive.suppressed(rows, [], IDENTITY, (entry,))[0] == ["beat" if regular else None] * len(rows)
        suppress(table, [], IDENTITY, (entry,))
        assert [row.suppressed_by == "beat" for row in table] == [regular] * len(rows) + [False]


def alert_of(time_us: int, process: str) -> Any:
    event = SimpleNamespace(time_us=time_us, host_ip=None, remote_ip=None)
    return SimpleNamespace(
        host=0, user=0, process=process, process_path=None, event=event, suppressed_by=None
    )


def test_a_program_is_regular_however_it_is_spelled() -> None:
    entry = Entry("beat", {"process": (_pattern("agent.exe", "process", None),)}, periodic=True)
    alerts = [alert_of(10 * place, process) for place, process in enumerate(["Agent.exe", "AGENT.EXE"] * 3)]
    rows = [opener(1, 0, index, alert, 1) for index, alert in enumerate(alerts)]
    suppress(Witnesses.of(rows), alerts, IDENTITY, (entry,))
    assert {alert.suppressed_by for alert in alerts} == {"beat"}


def test_an_entry_ends_at_the_time_at_which_it_expires() -> None:
    entry = Entry("e", {"process": (_pattern("agent.exe", "process", None),)}, expires_us=30)
    alerts = [alert_of(time_us, "agent.exe") for time_us in (29, 30, 31)]
    suppress(Witnesses.of([]), alerts, IDENTITY, (entry,))  # they name no other host
    assert [alert.suppressed_by for alert in alerts] == ["e", None, None]


def test_an_alert_is_suppressed_when_all_its_targets_are() -> None:
    entries = [Entry(name, {"target": (_pattern(name, "target", None),)}) for name in ("SRV7", "ws1")]
    for count, suppressed_by in ((1, None), (2, "ws1")):
        alert = alert_of(0, "psexec.exe")
        table = Witnesses.of([opener(1, 0, 0, alert, target) for target in (0, 1)])
        suppress(table, [alert], IDENTITY, tuple(entries[-count:]))
        assert [row.suppressed_by for row in table] == ["ws1", "SRV7" if count == 2 else None]
        assert alert.suppressed_by == suppressed_by


@given(stories(), st.lists(st.sampled_from([NEVER, 0, 40, 80]), min_size=6, max_size=6))
def test_suppression_ends_where_an_intruder_was(story: tuple[list[Row], list[Any]], since: list[int]) -> None:
    rows, alerts = story
    entry = Entry("all", {"process": (_pattern("*", "process", None),)})
    table = Witnesses.of(rows)
    suppress(table, alerts, IDENTITY, (entry,))
    before = [row.suppressed_by for row in table]
    hosts, users = since[:3], since[3:]
    freed = [
        name is not None
        and row.time_us >= min(hosts[row.source], users[row.source_user] if row.source_user >= 0 else NEVER)
        for row, name in zip(rows, before, strict=True)
    ]
    taken = Taken(np.array([*hosts, NEVER]), np.array([*users, NEVER]))
    assert lift(table, alerts, taken) is any(freed)
    after = [None if free else name for name, free in zip(before, freed, strict=True)]
    assert [row.suppressed_by for row in table] == after
    for index, alert in enumerate(alerts):
        if any(free and row.of == index for row, free in zip(rows, freed, strict=True)):
            assert alert.suppressed_by is None
    assert not lift(table, alerts, taken)
