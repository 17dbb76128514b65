"""The literal rules do what the query text says, to the letter."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lmgraph.ingest import falcon
from lmgraph.rules import literal
from lmgraph.schema import Origin
from lmgraph.settings import Settings
from lmgraph.text import redact

from . import query_interpreter

BASE = {"aid": "a" * 32, "cid": "c" * 32, "timestamp": "1772409600000"}
START, CONNECT = "ProcessRollup2", "NetworkConnectIP4"


def alert_of(record: dict[str, Any]) -> str | None:
    event = falcon.event({**BASE, **record}, Origin("x", 1), Settings())
    return None if event is None else literal.decide(event, None, None).alert


def query_says(record: dict[str, Any]) -> str | None:
    # FDR writes the tag without its #. The command line that lmgraph keeps is redacted: a share that
    # a password spells is no share.
    seen = {("#" + key if key == "event_simpleName" else key): value for key, value in record.items()}
    if isinstance(seen.get("CommandLine"), str):
        seen["CommandLine"] = redact(seen["CommandLine"])[0]
    event = query_interpreter.run(query_interpreter.QUERY, seen)
    return None if event is None else event.get("alert_type")


@pytest.mark.parametrize(
    ("record", "alert"),
    [
        ({"event_simpleName": START, "FileName": "psexec64.exe"}, "PsExecExecution"),
        ({"event_simpleName": START, "FileName": "PSEXEC6.EXE"}, "PsExecExecution"),
        ({"event_simpleName": START, "FileName": "PsExec.exe"}, None),  # 64? binds to the 4 alone
        ({"event_simpleName": START, "FileName": "psexec64.exe\n"}, None),
        ({"event_simpleName": START, "FileName": "PAExec-12-HOST.exe"}, None),
        ({"event_simpleName": START, "ImageFileName": "\\x\\psexec64.exe"}, None),  # FileName alone counts
        ({"event_simpleName": "SyntheticProcessRollup2", "FileName": "psexec64.exe"}, None),
        ({"event_simpleName": "processrollup2", "FileName": "psexec64.exe"}, None),
        # no clause asks for the event type: a connection by psexec64 is PsExecExecution, at any port
        ({"event_simpleName": CONNECT, "FileName": "psexec64.exe", "RemotePort": "445"}, "PsExecExecution"),
        ({"event_simpleName": CONNECT, "FileName": "psexec64.exe", "RemotePort": "80"}, "PsExecExecution"),
        (
            {"event_simpleName": START, "FileName": "net.exe", "CommandLine": r"net use \\s\DOC$"},
            "NetUseAdminShare",
        ),
        (
            {"event_simpleName": START, "FileName": "NET1.EXE", "CommandLine": r"NET USE \\s\ipc$ /delete"},
            "NetUseAdminShare",
        ),
        ({"event_simpleName": START, "FileName": "net.exe", "CommandLine": r"net user x \\s\c$"}, None),
        ({"event_simpleName": START, "FileName": "net.exe"}, None),
        (
            {"event_simpleName": START, "FileName": "net.exe", "CommandLine": "net uſe c$"},
            None,
        ),  # no S, ASCII only
        ({"event_simpleName": START, "FileName": "pſexec64.exe"}, None),
        ({"event_simpleName": CONNECT, "RemotePort": "445"}, "SMB445Connection"),  # missing: != is true
        ({"event_simpleName": CONNECT, "RemotePort": 445, "FileName": ""}, "SMB445Connection"),
        ({"event_simpleName": CONNECT, "RemotePort": "445", "FileName": "svchost.exe"}, None),
        ({"event_simpleName": CONNECT, "RemotePort": "445", "FileName": "SVCHOST.EXE"}, "SMB445Connection"),
        ({"event_simpleName": CONNECT, "RemotePort": "445", "FileName": "System"}, None),
        ({"event_simpleName": CONNECT, "RemotePort": "445", "FileName": "system"}, "SMB445Connection"),
        (
            {"event_simpleName": CONNECT, "RemotePort": "445", "ContextBaseFileName": "System"},
            "SMB445Connection",
        ),
        ({"event_simpleName": CONNECT, "RemotePort": "0445"}, None),
        ({"event_simpleName": CONNECT, "RemotePort": "445.0"}, None),
        ({"event_simpleName": CONNECT}, None),
        ({"event_simpleName": "NetworkConnectIP6", "RemotePort": "445"}, None),
        ({"event_simpleName": CONNECT, "RemotePort": "445", "ConnectionDirection": "1"}, "SMB445Connection"),
    ],
)
def test_cases(record: dict[str, Any], alert: str | None) -> None:
    assert alert_of(record) == alert
    assert query_says(record) == alert


def cased(*names: str) -> st.SearchStrategy[str]:
    """These names, also in other case and with something before or behind them."""
    change = st.sampled_from([str, str.upper, str.lower, str.title, str.swapcase])
    edge = st.sampled_from(["", "", "", "", " ", "\n", "x", "ſ", "K"])
    return st.builds(lambda name, how, before, behind: before + how(name) + behind,
                     st.sampled_from(names), change, edge, edge)  # fmt: skip


optional = st.sampled_from(["absent", "null", "empty", "given"])


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    values = {
        "FileName": cased("psexec.exe", "psexec6.exe", "psexec64.exe", "paexec.exe", "remcom.exe", "net.exe",
                          "net1.exe", "svchost.exe", "System", "psexesvc.exe", "psexecXexe", "uſe"),
        "CommandLine": st.lists(
            st.sampled_from(["net", "use", "USE", "user", "reuse", "uſe", "\\\\h\\", "ADMIN$", "admin$", "C$",
                             "doc$", "IPC$", "İPC$", "D$", "/delete", "/user:pc$", " ", " ", " ", "\n", '"']),
            max_size=8,
        ).map("".join),
        "RemotePort": st.sampled_from(["445", 445, "0445", "445.0", 445.0, " 445", "80", 80, "4450"]),
        "ContextBaseFileName": cased("System", "svchost.exe", "psexec64.exe"),
        "ImageFileName": cased("\\Device\\HarddiskVolume1\\psexec64.exe"),
        "ConnectionDirection": st.sampled_from(["0", "1", "2"]),
    }  # fmt: skip
    key = draw(st.sampled_from(["event_simpleName", "#event_simpleName"]))
    names = (START, START, CONNECT, CONNECT, "NetworkConnectIP6", "SyntheticProcessRollup2", "processrollup2")
    record: dict[str, Any] = {key: draw(st.sampled_from(names))}
    for field, strategy in values.items():
        form = draw(optional)
        if form != "absent":
            record[field] = {"null": None, "empty": ""}.get(form, draw(strategy))
    return record


@given(records())
@settings(max_examples=800)
@example({"event_simpleName": CONNECT, "FileName": "net.exe", "CommandLine": "use c$", "RemotePort": "445"})
def test_literal_agrees_with_the_query_text(record: dict[str, Any]) -> None:
    assert alert_of(record) == query_says(record)


def test_every_clause_wins_in_its_order() -> None:
    """All combinations of what each clause looks at; at least one record reaches every outcome."""
    seen = set()
    for event, name, command, port in itertools.product(
        (START, CONNECT), ("psexec64.exe", "net.exe", "System", None), ("use c$", None), ("445", None)
    ):
        record = {"event_simpleName": event, "FileName": name, "CommandLine": command, "RemotePort": port}
        assert alert_of(record) == query_says(record)
        seen.add(alert_of(record))
    assert seen == {"PsExecExecution", "NetUseAdminShare", "SMB445Connection", None}


def flags(record: dict[str, Any], name: str | None = None, path: str | None = None) -> tuple[str, ...]:
    event = falcon.event({**BASE, **record}, Origin("x", 1), Settings())
    assert event is not None
    verdict = literal.decide(event, name, path)
    assert verdict.alert is not None
    return verdict.flags


def test_a_join_adds_flags_and_never_an_alert() -> None:
    connection = {"event_simpleName": CONNECT, "RemotePort": "445"}
    assert flags(connection) == ("process_unknown",)
    assert flags(connection, "System") == ("kernel",)
    assert flags(connection, "svchost.exe", "C:\\Windows\\System32\\svchost.exe") == ("svchost",)
    assert flags(connection, "svchost.exe") == ("path_unknown", "svchost")
    assert flags(connection, "backup.exe") == ()
    # the literal rule fires though the join names PsExec: FileName is absent on the record
    event = falcon.event({**BASE, **connection}, Origin("x", 1), Settings())
    assert event is not None
    assert literal.decide(event, "psexec64.exe", None).alert == "SMB445Connection"


def test_flags_of_net_use() -> None:
    net = {"event_simpleName": START, "FileName": "net.exe"}
    assert flags({**net, "CommandLine": r"net use \\s\DOC$"}) == ("accidental",)
    assert flags({**net, "CommandLine": r"net use \\s\c$ /delete"}) == ("disconnect",)
    assert flags({**net, "CommandLine": r"net use \\s\c$"}) == ()
