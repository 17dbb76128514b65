"""The catalog and its Sigma forms: valid for pySigma, and true to the corrected rules on the same records."""

from __future__ import annotations

import re
import uuid
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sigma.collection import SigmaCollection
from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionItem,
    ConditionNOT,
    ConditionOR,
)
from sigma.plugins import InstalledSigmaPlugins
from sigma.rule import SigmaRule
from sigma.types import SigmaNull, SigmaNumber, SigmaRegularExpression, SigmaString
from sigma.validation import SigmaValidator

from lmgraph.rules.catalog import RULE_OF, RULES, Rule
from lmgraph.rules.corrected import decide
from lmgraph.schema import AlertType, Event

# These two fetch ATT&CK and D3FEND from the network.
ONLINE = {"attacktag", "d3_fendtag"}


def parsed(rule: Rule) -> SigmaRule:
    (sigma,) = SigmaCollection.from_yaml(rule.sigma()).rules
    assert isinstance(sigma, SigmaRule)
    return sigma


def test_one_rule_for_each_alert_type() -> None:
    assert tuple(RULE_OF) == get_args(AlertType)
    assert [rule.stage for rule in RULES] == ["execution", "share", "connection"]
    assert len({rule.id for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert str(uuid.UUID(rule.id)) == rule.id
        assert rule.references
        assert rule.false_positives


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.alert_type)
def test_sigma_says_what_the_catalog_says(rule: Rule) -> None:
    sigma = parsed(rule)
    assert sigma.errors == []
    assert str(sigma.id) == rule.id
    assert sigma.title == rule.title
    assert " ".join((sigma.description or "").split()) == rule.description
    assert str(sigma.level).lower() == rule.level
    assert tuple(sigma.references) == rule.references
    assert tuple(sigma.falsepositives) == rule.false_positives
    techniques = {tag.name.upper() for tag in sigma.tags if tag.name[0] == "t" and tag.name[1].isdigit()}
    assert techniques == set(rule.techniques)


def test_sigma_validators_find_nothing() -> None:
    validators = InstalledSigmaPlugins.autodiscover().validators
    chosen = {validator for name, validator in validators.items() if name not in ONLINE}
    assert len(chosen) > 20
    collection = SigmaCollection.merge([SigmaCollection.from_yaml(rule.sigma()) for rule in RULES])
    assert SigmaValidator(chosen).validate_rules(collection) == []


def matches(rule: Rule, record: dict[str, Any]) -> bool:
    """Whether the Sigma rule matches a record: a plain evaluation of pySigma's condition tree."""
    (condition,) = parsed(rule).detection.parsed_condition
    return _holds(condition.parsed, record)


def _holds(node: Any, record: dict[str, Any]) -> bool:
    if isinstance(node, ConditionAND):
        return all(_holds(part, record) for part in node.args)
    if isinstance(node, ConditionOR):
        return any(_holds(part, record) for part in node.args)
    if isinstance(node, ConditionNOT):
        return not _holds(node.args[0], record)
    assert isinstance(node, ConditionFieldEqualsValueExpression), type(node)
    value, wanted = record.get(node.field), node.value
    if isinstance(wanted, SigmaNull):
        return value is None
    if value is None:
        return False
    if isinstance(wanted, SigmaNumber):
        return str(value) == str(wanted.number)
    if isinstance(wanted, SigmaRegularExpression):
        return re.search(str(wanted.regexp), str(value)) is not None
    assert isinstance(wanted, SigmaString), type(wanted)
    return re.fullmatch(str(wanted.to_regex().regexp), str(value), re.IGNORECASE | re.DOTALL) is not None


def sysmon(event: Event) -> dict[str, Any]:
    """The record as Sysmon names its fields."""
    record = {
        "Image": event.process_path,
        "OriginalFileName": event.process_original_name,
        "CommandLine": event.process_command_line,
        "DestinationPort": event.remote_port,
        "Initiated": "true" if event.kind == "connection" else None,
    }
    return {field: value for field, value in record.items() if value is not None}


def start(**fields: Any) -> Event:
    return Event(kind="process_start", time_us=0, **fields)


def alerts(event: Event, alert_type: AlertType) -> bool:
    verdict = decide(event, None, None)
    return verdict.alert == alert_type and "disconnect" not in verdict.flags


folders = st.sampled_from(["C:\\tools\\", "C:\\Windows\\System32\\", "C:\\Windows\\SysWOW64\\", "D:\\x\\"])
images = st.sampled_from(
    [
        "psexec.exe",
        "PsExec64.exe",
        "PAEXEC.EXE",
        "remcom.exe",
        "psexec6.exe",
        "PSEXESVC.exe",
        "PAExec-12-H.exe",
        "a.exe",
    ]
)
originals = st.sampled_from([None, "psexec.c", "PSEXEC.C", "PAExec.exe", "psexesvc.exe", "x"])
shares = st.sampled_from(
    ["\\\\h\\c$", "//h/ADMIN$", "\\\\h\\ipc$\\x", "\\\\h\\doc$", "\\\\h\\d$", '"\\\\h\\C$"', "x", "\\\\h"]
)
tails = st.sampled_from(["", " /delete", " /del /y", " /user:corp\\a", " /domain:x"])


@given(folders, images, originals)
def test_sigma_psexec_is_the_corrected_rule(folder: str, image: str, original: str | None) -> None:
    event = start(process_path=folder + image, process_original_name=original)
    assert matches(RULE_OF["PsExecExecution"], sysmon(event)) == alerts(event, "PsExecExecution")


@given(
    st.sampled_from(["net.exe", "NET1.EXE", "netsh.exe"]),
    st.sampled_from(["use", "USE", "user", "view"]),
    shares,
    tails,
)
@settings(max_examples=300)
def test_sigma_net_use_is_the_corrected_rule(image: str, verb: str, share: str, tail: str) -> None:
    event = start(
        process_path="C:\\Windows\\System32\\" + image, process_command_line=f"net {verb} {share}{tail}"
    )
    assert matches(RULE_OF["NetUseAdminShare"], sysmon(event)) == alerts(event, "NetUseAdminShare")


connecting = st.sampled_from(
    [None, "", "-", "System", "<unknown process>", "svchost.exe", "C:\\Windows\\System32\\svchost.exe",
     "C:\\WINDOWS\\SysWOW64\\SVCHOST.EXE", "C:\\Temp\\svchost.exe", "C:\\Windows\\System32\\ntoskrnl.exe",
     "C:\\Temp\\System", "C:\\a\\backup.exe"]
)  # fmt: skip


@given(st.sampled_from(["connection", "accept"]), connecting, st.sampled_from([445, 139, None]))
@settings(max_examples=300)
def test_sigma_connection_is_the_corrected_rule(kind: Any, image: str | None, port: int | None) -> None:
    event = Event(kind=kind, time_us=0, process_path=image, remote_port=port)
    assert matches(RULE_OF["SMB445Connection"], sysmon(event)) == alerts(event, "SMB445Connection")


def test_the_evaluator_tells_apart() -> None:
    """Each rule matches something and not everything."""
    assert matches(RULES[0], {"Image": "C:\\psexec.exe"})
    assert not matches(RULES[0], {"Image": "C:\\xpsexec.exe"})
    assert matches(RULES[1], {"Image": "C:\\net.exe", "CommandLine": "net use \\\\h\\c$"})
    assert not matches(RULES[1], {"Image": "C:\\net.exe", "CommandLine": "net use \\\\h\\c$ /d"})
    assert matches(RULES[2], {"Initiated": "true", "DestinationPort": 445, "Image": "C:\\a.exe"})
    assert not matches(RULES[2], {"Initiated": "true", "DestinationPort": 445})
    assert isinstance(parsed(RULES[0]).detection.parsed_condition[0].parsed, ConditionItem)
