"""The table of a record's fields: types, and the first that says something."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from lmgraph.errors import RecordError
from lmgraph.ingest import falcon, fields
from lmgraph.schema import Event


def test_every_field_is_one_of_the_event() -> None:
    names = {field.name for field in msgspec.structs.fields(Event)} | {"account"}
    for kind in {*falcon.KINDS.values(), "table_alert", "user_info", "other"}:
        assert names.issuperset(field.name for field in fields.fields_of(kind))


@pytest.mark.parametrize(
    ("value", "found"), [(445, 445), (445.0, None), ("445", 445), (None, None), (65536, None)]
)
def test_a_number_is_read_as_it_is_written(value: Any, found: int | None) -> None:
    assert fields.value_of({"RemotePort": value}, "remote_port") == found


@pytest.mark.parametrize(
    ("value", "found"), [(True, True), (False, False), (1, True), (0, False), ("Yes", True), (None, None)]
)
def test_a_truth_value_is_read_where_one_belongs(value: Any, found: bool | None) -> None:
    assert fields.value_of({"UserIsAdmin": value}, "user_privileged") is found


def test_the_first_that_says_something_is_taken() -> None:
    record = {"LocalAddressIP4": "0.0.0.0", "LocalAddressIP6": "FE80::1"}
    assert fields.value_of(record, "host_ip") == "fe80::1"
    assert (
        fields.value_of({**record, "LocalAddressIP4": "10.0.0.1", "LocalAddressIP6": []}, "host_ip")
        == "10.0.0.1"
    )
    with pytest.raises(RecordError, match=r"^text expected \[LocalAddressIP6\]$"):
        fields.value_of({**record, "LocalAddressIP6": []}, "host_ip")
    principal = {"UserName": "-", "UserPrincipal": "alice@corp.example"}
    assert fields.value_of(principal, "user_name") == "alice@corp.example"


def test_an_account_of_the_inventory_wins_as_a_whole() -> None:
    record = {"UserName": "Alice A.", "LogonDomain": "OLD", "User": "CORP\\alice"}
    for user, domain, name in (
        ("CORP\\alice", "CORP", "alice"),
        ("\\alice", None, "alice"),
        (" \\a%hunter2", " ", "a%[redacted]"),
        ("CORP\\", "OLD", "Alice A."),
        ("-", "OLD", "Alice A."),
    ):
        found = fields.values_of({**record, "User": user}, "user_info")
        assert (found["user_domain"], found["user_name"]) == (domain, name)
        assert "account" not in found
    assert fields.values_of(record, "logon") == {"user_name": "Alice A.", "user_domain": "OLD"}


def test_of_several_wrong_fields_the_first_is_named() -> None:
    for wrong in (
        ("aid", "ComputerName"),
        ("CommandLine", "ContextProcessId"),
        ("SmbShareName", "RemotePort"),
    ):
        for order in (wrong, wrong[::-1]):
            with pytest.raises(RecordError, match=rf"^text expected \[{wrong[0]}\]$"):
                fields.values_of({key: [] for key in order}, "other")
