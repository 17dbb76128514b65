"""What the first look leaves open."""

from __future__ import annotations

from lmgraph.events import Partial, collect
from lmgraph.ingest import Item, Record
from lmgraph.rules.needed import Wants
from lmgraph.schema import Event, Origin
from lmgraph.settings import SECOND_US, Settings
from lmgraph.wanted import wants_of

SETTINGS = Settings(window_us=600 * SECOND_US, skew_us=30 * SECOND_US)
NOON = 1_770_000_000 * SECOND_US
MARGIN = 630 * SECOND_US


def first_look(*events: Event) -> Partial:
    items: list[Item] = [Record(event, Origin("f", line)) for line, event in enumerate(events, start=1)]
    return collect(items, SETTINGS, Wants.nothing())


def connection(**more: object) -> Event:
    fields: dict[str, object] = {
        "kind": "connection",
        "event_code": "NetworkConnectIP4",
        "time_us": NOON,
        "cid": "c",
        "aid": "a",
        "event_id": "1",
        "process_id": "77",
        "remote_ip": "10.0.0.7",
        "remote_port": 445,
        "host_ip": "10.0.0.1",
    }
    return Event(**(fields | more))  # type: ignore[arg-type]


def test_nothing_open_wants_nothing() -> None:
    wants = wants_of(first_look(), SETTINGS)
    assert (wants.processes, wants.logons, wants.addresses) == (frozenset(), frozenset(), frozenset())
    assert wants.spans == {}
    assert not wants.first_pass


def test_a_raw_connection_wants_its_process_the_logons_of_its_host_and_who_has_the_address() -> None:
    wants = wants_of(first_look(connection()), SETTINGS)
    assert wants.processes == {("c", "a", "77")}
    assert wants.logon_hosts == {("c", "a")}
    assert wants.addresses == {"10.0.0.1", "10.0.0.7"}
    assert wants.spans[("aid", "c", "a")] == ((NOON - MARGIN, NOON + MARGIN),)
    assert wants.spans[("ip", "10.0.0.7")] == ((NOON - MARGIN, NOON + MARGIN),)


def test_a_process_wants_its_logon_and_spans_at_the_hosts_that_it_names() -> None:
    start = Event(
        kind="process_start",
        event_code="ProcessRollup2",
        time_us=NOON,
        cid="c",
        aid="a",
        event_id="2",
        logon_id="5",
        process_path="C:\\psexec.exe",
        process_command_line=r"psexec \\SRV7,10.0.0.9 cmd",
    )
    inventory = Event(kind="host_info", time_us=NOON, cid="c", aid="b", host_name="srv7.corp.example")
    wants = wants_of(first_look(start, inventory), SETTINGS)
    assert wants.logons == {("c", "a", "5")}
    assert wants.addresses == {"10.0.0.9"}
    assert {("name", "srv7"), ("ip", "10.0.0.9")} <= set(wants.spans)
    assert wants.names == {("c", "b"): ("srv7",)}


def test_spans_that_touch_are_one() -> None:
    late = connection(event_id="3", time_us=NOON + MARGIN)
    wants = wants_of(first_look(connection(), late), SETTINGS)
    assert wants.spans[("aid", "c", "a")] == ((NOON - MARGIN, NOON + 2 * MARGIN),)


def test_loopback_is_nobodys_address() -> None:
    assert wants_of(first_look(connection(remote_ip="127.0.0.1")), SETTINGS).addresses == {"10.0.0.1"}
