"""The one predicate of what a pass needs."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from lmgraph.rules.needed import Use, Wants, use
from lmgraph.schema import Event

FIRST = Wants.nothing()
AID, CID = "a" * 32, "c" * 32


def record(kind: Any, **fields: Any) -> Event:
    return Event(kind=kind, time_us=1_000, **{"aid": AID, "cid": CID, **fields})


KERNEL = record(
    "connection", remote_port=445, process_name="System", host_ip="10.0.0.1", remote_ip="10.0.0.2"
)
LOGON = record("logon", logon_type=3, logon_id="77", event_code="UserLogon", remote_name="WS042.corp.example")
START = record("process_start", process_id="9", process_path=r"\cmd.exe", host_ip="10.0.0.1")


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (record("process_start", process_name="psexec.exe"), Use.KEEP),
        (record("process_start", process_name="PSEXESVC.exe"), Use.KEEP),
        (record("connection", remote_port=445, process_name="x.exe"), Use.KEEP),
        (record("connection", remote_port=445, process_id="4"), Use.KEEP),  # open: only a join can name it
        (record("connection", remote_port=445), Use.FOLD),
        (KERNEL, Use.FOLD),
        (record("connection", remote_port=443, process_name="x.exe"), Use.DROP),
        (record("accept", host_port=445), Use.FOLD),
        (record("accept", host_port=80), Use.DROP),
        (record("share_server", share_name="C$"), Use.KEEP),
        (record("share_server", share_name="C$", failed=True), Use.FOLD),
        (record("share_server", share_name="IPC$"), Use.FOLD),
        (record("share_client", share_name="C$"), Use.FOLD),
        (record("service_install", service_name="x"), Use.KEEP),
        (record("service_start", service_name="Spooler"), Use.DROP),
        (record("smb_execution"), Use.KEEP),
        (record("table_alert", alert_type="SMB445Connection"), Use.KEEP),
        (LOGON, Use.FOLD),
        (record("logon", logon_type=2), Use.FOLD),
        (record("logon"), Use.FOLD),
        (record("logon_failed", logon_type=3), Use.FOLD),
        (record("logoff"), Use.FOLD),
        (record("host_info"), Use.KEEP),
        (record("user_info"), Use.KEEP),
        (record("address", host_ip="10.0.0.1"), Use.KEEP),
        (record("address_removed", host_ip="10.0.0.1"), Use.KEEP),
        (START, Use.DROP),
        (record("other", host_ip="10.0.0.1"), Use.DROP),
    ],
)
def test_first_pass(event: Event, expected: Use) -> None:
    assert use(event, FIRST, "corrected") is expected


def test_the_rule_set_decides_what_is_kept() -> None:
    by_original_name = record("process_start", process_original_name="psexec.c")
    assert use(by_original_name, FIRST, "corrected") is Use.KEEP
    assert use(by_original_name, FIRST, "literal") is Use.DROP
    by_any_port = record(
        "connection", event_code="NetworkConnectIP4", remote_port=80, process_name="psexec64.exe"
    )
    assert use(by_any_port, FIRST, "corrected") is Use.DROP
    assert use(by_any_port, FIRST, "literal") is Use.KEEP


@pytest.mark.parametrize(
    ("event", "wants", "expected"),
    [
        (START, Wants(processes=frozenset({(CID, AID, "9")})), Use.KEEP),
        (START, Wants(processes=frozenset({(CID, "b" * 32, "9"), (CID, AID, "99")})), Use.DROP),
        (LOGON, Wants(logons=frozenset({(CID, AID, "77")})), Use.KEEP),
        (LOGON, Wants(logons=frozenset({(None, AID, "77")})), Use.DROP),
        (LOGON, Wants(logon_hosts=frozenset({(CID, AID)})), Use.KEEP),
        (record("logon", logon_type=2, logon_id="1"), Wants(logon_hosts=frozenset({(CID, AID)})), Use.DROP),
        (KERNEL, Wants(spans={("aid", CID, AID): ((0, 10), (990, 1_000))}), Use.KEEP),
        (KERNEL, Wants(spans={("aid", CID, AID): ((0, 999), (1_001, 9_999))}), Use.DROP),
        (KERNEL, Wants(spans={("ip", "10.0.0.2"): ((1_000, 1_000),)}), Use.KEEP),
        (KERNEL, Wants(spans={("ip", "10.0.0.1"): ((0, 5_000),)}), Use.KEEP),
        (KERNEL, Wants(spans={("ip", "10.0.0.3"): ((0, 5_000),)}), Use.DROP),
        (LOGON, Wants(spans={("name", "ws042"): ((0, 5_000),)}), Use.KEEP),
        (record("logon", logon_type=2), Wants(spans={("aid", CID, AID): ((0, 5_000),)}), Use.DROP),
        (START, Wants(spans={("aid", CID, AID): ((0, 5_000),)}), Use.DROP),
        (KERNEL, Wants(addresses=frozenset({"10.0.0.1"})), Use.FOLD),
        (KERNEL, Wants(addresses=frozenset({"10.0.0.2"})), Use.DROP),
        (record("other", host_ip="10.0.0.1"), Wants(addresses=frozenset({"10.0.0.1"})), Use.FOLD),
        # kept by the first pass: never kept twice
        (
            record("service_install", host_ip="10.0.0.1"),
            Wants(spans={("aid", CID, AID): ((0, 5_000),)}),
            Use.DROP,
        ),
        (
            record("process_start", process_id="9", process_name="psexec.exe"),
            Wants(processes=frozenset({(CID, AID, "9")})),
            Use.DROP,
        ),
    ],
)
def test_second_pass(event: Event, wants: Wants, expected: Use) -> None:
    assert use(event, wants, "corrected") is expected


def test_wants_travel() -> None:
    wants = Wants(processes=frozenset({(CID, AID, "9")}), spans={("ip", "10.0.0.1"): ((0, 1),)})
    assert pickle.loads(pickle.dumps(wants)) == wants
    assert Wants.nothing().first_pass
    assert not Wants().first_pass
