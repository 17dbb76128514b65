"""Partial: folding, merging, de-duplication; whatever the order and the split."""

from __future__ import annotations

import pickle
import random
from functools import reduce
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmgraph import events
from lmgraph.events import Held, Partial, collect, combine, digest, fold_key, look_again, merge
from lmgraph.ingest import InputReport, Item, Record, Reject, Remark
from lmgraph.rules.needed import Wants
from lmgraph.schema import Event, Origin
from lmgraph.settings import HOUR_US, Settings

SETTINGS = Settings()
FIRST = Wants.nothing()
BASE = 1_770_000_000_000_000


def psexec(number: int = 0, **more: object) -> Event:
    fields: dict[str, object] = {
        "kind": "process_start",
        "event_code": "ProcessRollup2",
        "time_us": BASE + number,
        "event_id": f"id{number}",
        "cid": "c",
        "aid": "a",
        "process_path": "C:\\Tools\\psexec.exe",
        "process_command_line": r"psexec \\srv7 cmd",
    }
    return Event(**(fields | more))  # type: ignore[arg-type]


def kernel_smb(number: int = 0, **more: object) -> Event:
    fields: dict[str, object] = {
        "kind": "connection",
        "event_code": "NetworkConnectIP4",
        "time_us": BASE + number,
        "event_id": f"n{number}",
        "cid": "c",
        "aid": "a",
        "process_context_name": "System",
        "remote_ip": "10.0.0.7",
        "remote_port": 445,
        "host_port": 50_000 + number % 1000,
        "process_id": "4",
    }
    return Event(**(fields | more))  # type: ignore[arg-type]


def records(*found: Event, path: str = "f") -> list[Item]:
    return [Record(event, Origin(path, line)) for line, event in enumerate(found, start=1)]


def test_an_alert_is_kept_whole_and_kernel_smb_is_folded_by_the_hour() -> None:
    partial = collect(records(psexec(), kernel_smb(1), kernel_smb(2), kernel_smb(HOUR_US)), SETTINGS, FIRST)
    assert [row.event for row in partial.kept.values()] == [psexec()]
    assert partial.folded.columns.records.tolist() == [2, 1]
    (seen,) = partial.folded.by_template()
    assert (seen.event.time_us, seen.event.process_id, seen.rows) == (0, None, slice(0, 2))
    assert (seen.first_us, seen.last_us, seen.records) == (BASE + 1, BASE + HOUR_US, 3)


def test_one_record_delivered_twice_is_one_event_with_two_copies() -> None:
    partial = collect(records(psexec(), psexec()), SETTINGS, FIRST)
    (row,) = partial.kept.values()
    assert (row.copies, row.origin) == (2, Origin("f", 1))


def test_the_fuller_of_two_deliveries_fills_what_the_other_lacks() -> None:
    raw = psexec(parent_process_name="cmd.exe")
    enriched = psexec(process_name="psexec.exe", host_name="WS1", time_basis="cloud", time_us=BASE + 9)
    both = combine(raw, enriched)
    assert (both.host_name, both.process_name, both.parent_process_name) == ("WS1", "psexec.exe", "cmd.exe")
    assert (both.time_us, both.time_basis) == (BASE, "sensor")


def test_an_id_names_a_record_only_together_with_its_sensor() -> None:
    assert digest(psexec(process_name="x")) == digest(psexec())
    assert digest(psexec(aid="b")) != digest(psexec())
    assert digest(psexec(event_id=None, process_name="x")) != digest(psexec(event_id=None))


def test_a_folded_record_delivered_twice_counts_once() -> None:
    folded = collect(records(kernel_smb(1), kernel_smb(1), kernel_smb(2)), SETTINGS, FIRST).folded
    assert (folded.columns.records.tolist(), folded.columns.starts.tolist()) == ([3], [0, 2])


def test_the_second_look_keeps_the_process_that_is_wanted() -> None:
    start = psexec(process_path="C:\\x.exe", process_id="77")
    other = psexec(1, process_path="C:\\x.exe", process_id="78")
    wants = Wants(processes=frozenset({("c", "a", "77")}))
    found = collect(records(start, other), SETTINGS, wants).found
    assert [row.event for row in found.values()] == [start]


def test_giving_an_address_up_is_no_sighting_of_it() -> None:
    removal = Event(kind="address_removed", time_us=BASE, cid="c", aid="a", host_ip="10.0.0.5", event_id="r")
    wants = Wants(addresses=frozenset({"10.0.0.5"}))
    assert not collect(records(removal), SETTINGS, wants).sightings
    held = Held()
    collect(records(removal), SETTINGS, FIRST, held=held)
    assert not look_again(held, SETTINGS, wants).sightings


def test_a_pipe_answers_a_second_look_as_a_file_does() -> None:
    start = psexec(process_path="C:\\x.exe", process_id="77", host_ip="10.0.0.5")
    logon = Event(
        kind="logon",
        time_us=BASE,
        event_id="l",
        cid="c",
        aid="a",
        logon_type=3,
        logon_id="0x9",
        remote_ip="10.0.0.1",
    )
    items = records(start, logon, kernel_smb(1))
    wants = Wants(
        processes=frozenset({("c", "a", "77")}),
        logons=frozenset({("c", "a", "0x9")}),
        addresses=frozenset({"10.0.0.5"}),
        spans={("aid", "c", "a"): ((BASE, BASE + 5),)},
    )
    held = Held()
    collect(items, SETTINGS, FIRST, held=held)
    from_file = collect(items, SETTINGS, wants)
    from_pipe = look_again(held, SETTINGS, wants)
    assert from_pipe.found == from_file.found
    # A pipe's index also holds the addresses of rows that are kept whole.
    assert from_pipe.sightings.templates.keys() >= from_file.sightings.templates.keys()
    assert from_pipe.sightings.columns.records.tolist() == [1]


def test_a_pipe_forgets_the_oldest_and_counts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "HELD_ROWS", 3)
    held = Held()
    starts = [psexec(n, process_path="C:\\x.exe", process_id=str(n)) for n in range(5)]
    collect(records(*starts), SETTINGS, FIRST, held=held)
    assert held.evicted == 2
    assert [row.event.process_id for row in held.rows.values()] == ["2", "3", "4"]


def test_a_pipe_forgets_the_oldest_sightings_and_counts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "HELD_ROWS", 2)
    held = Held()
    seen = [kernel_smb(hour * HOUR_US, host_ip="10.0.0.5") for hour in (3, 0, 4, 1, 2)]
    collect(records(*seen), SETTINGS, FIRST, held=held)
    assert held.sightings.columns.first_us.tolist() == [BASE + 3 * HOUR_US, BASE + 4 * HOUR_US]
    # Each kernel connection is held as a row, too.
    assert held.evicted == 3 + 3


def test_rejects_are_kept_up_to_a_bound_and_all_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "REJECTS_KEPT", 2)
    items: list[Item] = [Reject(Origin("f", line), "x") for line in (9, 3, 5, 1, 7)]
    partial = collect(items, SETTINGS, FIRST)
    assert partial.rejected == {"f": 5}
    assert [reject.origin.record for reject in partial.rejects] == [1, 3]


EVENTS = st.builds(
    lambda kind, number, name, host: (psexec if kind else kernel_smb)(
        number, process_name=name, host_name=host
    ),
    st.booleans(),
    st.integers(0, 6),
    st.sampled_from([None, "", "psexec.exe", "PsExec64.exe"]),
    st.sampled_from([None, "WS1", "WS1.corp.example"]),
)


@given(
    st.lists(EVENTS, max_size=12), st.randoms(use_true_random=False), st.lists(st.integers(0, 12), max_size=3)
)
def test_any_split_and_any_order_merge_to_the_same(
    found: list[Event], chance: random.Random, cuts: list[int]
) -> None:
    items = records(*found)
    whole = collect(items, SETTINGS, FIRST)
    chance.shuffle(items)
    bounds = [0, *sorted(cuts), len(items)]
    parts = [collect(items[start:end], SETTINGS, FIRST) for start, end in pairwise(bounds)]
    chance.shuffle(parts)
    left = reduce(merge, parts, Partial())
    right = reduce(lambda joined, part: merge(part, joined), parts, Partial())
    for merged in (left, right):
        assert merged.kept == whole.kept
        assert merged.folded == whole.folded


@given(EVENTS, EVENTS, EVENTS)
def test_combining_deliveries_is_associative_commutative_and_idempotent(a: Event, b: Event, c: Event) -> None:
    a, b, c = (msgspec.structs.replace(event, kind="connection") for event in (a, b, c))
    assert combine(a, b) == combine(b, a)
    assert combine(combine(a, b), c) == combine(a, combine(b, c))
    assert combine(a, a) == a


def test_merge_joins_reports_remarks_and_rejects_and_leaves_its_arguments() -> None:
    one = collect([InputReport(path="a", format="x", bytes=1), Reject(Origin("a", 1), "r")], SETTINGS, FIRST)
    two = collect(
        [InputReport(path="b", format="x", bytes=1), Remark("b", "unreadable", "high", "m")], SETTINGS, FIRST
    )
    both = merge(one, two)
    assert list(both.inputs) == ["a", "b"]
    assert both.rejected == {"a": 1}
    assert [remark.path for remark in both.remarks] == ["b"]
    assert list(one.inputs) == ["a"]


def test_a_session_keeps_its_logon_id_when_folded_and_a_network_logon_does_not() -> None:
    logon = Event(kind="logon", time_us=BASE, logon_type=2, logon_id="7", event_id="x")
    assert fold_key(logon).logon_id == "7"
    assert fold_key(msgspec.structs.replace(logon, logon_type=3)).logon_id is None


def test_a_partial_travels_between_workers() -> None:
    partial = collect(records(psexec(), kernel_smb(1)), SETTINGS, FIRST)
    assert pickle.loads(pickle.dumps(partial)) == partial
    wants = Wants(processes=frozenset({("c", "a", "77")}), spans={("ip", "10.0.0.7"): ((0, 1),)})
    assert pickle.loads(pickle.dumps(wants)) == wants
