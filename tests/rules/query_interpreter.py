"""Runs the published LogScale query from its text, slowly, under the documented semantics.

No second copy of the rules: it parses the pipeline, ``case``, comparisons and assignments, and
knows nothing of PsExec or SMB. Two readings are its own (FALCON.md §0): ``field in [...]`` means
``in()``, and ``drop()`` drops the event.

References:
    library.humio.com: syntax-conditional, syntax-operators, syntax-regex-flags, functions-in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

QUERY = r"""
#event_simpleName in ["ProcessRollup2", "NetworkConnectIP4"]
| case {
    FileName = /(?i)^(psexec64?|paexec|remcom)\.exe$/ | alert_type := "PsExecExecution" ;
    FileName = /(?i)^net1?\.exe$/ | CommandLine = /(?i)\buse\b/ | CommandLine = /(?i)(ADMIN\$|IPC\$|C\$)/ | alert_type := "NetUseAdminShare" ;
    #event_simpleName = "NetworkConnectIP4" | RemotePort = "445" | FileName != "svchost.exe" | FileName != "System" | alert_type := "SMB445Connection" ;
    * | drop()
  }
| table([@timestamp, ComputerName, UserName, FileName, CommandLine, RemoteAddressIP4, RemotePort, alert_type], limit=1000, sortby=@timestamp, order=desc)
"""  # noqa: E501 - as published

Fields = dict[str, str]
Stage = Callable[[Fields], Fields | None]


def run(query: str, record: Mapping[str, Any]) -> Fields | None:
    """The event that leaves the query, ``None`` when it is dropped; ``table`` shows and does not filter."""
    return _pipeline(query)(fields_of(record))


def fields_of(record: Mapping[str, Any]) -> Fields:
    """LogScale's view of a JSON record: values are untyped text, null is a missing field."""
    return {
        key: value if isinstance(value, str) else str(value)
        for key, value in record.items()
        if value is not None
    }


def _pipeline(text: str) -> Stage:
    stages = [_stage(part.strip()) for part in _split(text, "|")]

    def stage(fields: Fields) -> Fields | None:
        current: Fields | None = dict(fields)  # what a clause that fails has assigned does not leak
        for step in stages:
            if current is None:
                return None
            current = step(current)
        return current

    return stage


def _split(text: str, separator: str) -> list[str]:
    """Parts at that separator outside strings, regular expressions and brackets."""
    parts, start, depth, at = [], 0, 0, 0
    while at < len(text):
        char = text[at]
        if char in '"/':
            at += 1
            while text[at] != char:
                at += 2 if text[at] == "\\" else 1
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif char == separator and depth == 0:
            parts.append(text[start:at])
            start = at + 1
        at += 1
    return [*parts, text[start:]]


def _stage(text: str) -> Stage:
    if text == "*":
        return lambda fields: fields
    if text == "drop()":
        return lambda fields: None
    if text.startswith("table("):
        return lambda fields: fields
    if text.startswith("case"):
        return _case(text[text.index("{") + 1 : text.rindex("}")])
    if assignment := re.fullmatch(r'(\S+)\s*:=\s*"(.*)"', text, re.DOTALL):
        return lambda fields: {**fields, assignment[1]: assignment[2]}
    return _filter(text)


def _case(body: str) -> Stage:
    clauses = [_pipeline(clause) for clause in _split(body, ";")]

    def stage(fields: Fields) -> Fields | None:
        for clause in clauses:
            outcome = clause(fields)
            if outcome is not None:
                return outcome
        return None

    return stage


def _filter(text: str) -> Stage:
    listed = re.fullmatch(r"(\S+)\s+in\s+\[(.*)\]", text)
    if listed:
        values = [_string(part.strip()) for part in _split(listed[2], ",")]
        return lambda fields: (
            fields if any(_equal(fields.get(listed[1]), value) for value in values) else None
        )
    compared = re.fullmatch(r"(\S+)\s*(!?=)\s*(.*)", text, re.DOTALL)
    assert compared is not None, text
    name, sign, value = compared.groups()
    if value.startswith("/"):
        assert sign == "="
        return _search(name, value[1:-1])
    wanted = sign == "="
    return lambda fields: fields if _equal(fields.get(name), _string(value)) is wanted else None


def _string(text: str) -> str:
    assert text[0] == text[-1] == '"', text
    return text[1:-1]


def _equal(value: str | None, pattern: str) -> bool:
    """Case counts, ``*`` stands for anything, and a missing field equals nothing."""
    if value is None:
        return False
    parts = pattern.split("*")
    if len(parts) == 1:
        return value == pattern
    if not (value.startswith(parts[0]) and value.endswith(parts[-1])):
        return False
    at = len(parts[0])
    for part in parts[1:-1]:
        at = value.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return at <= len(value) - len(parts[-1])


def _search(name: str, pattern: str) -> Stage:
    """A regular expression finds, it need not match all; without flag m, ``$`` is the very end."""
    assert pattern.startswith("(?i)")
    translated = re.sub(r"(?<!\\)\$", r"\\Z", pattern.removeprefix("(?i)"))
    compiled = re.compile(translated, re.IGNORECASE | re.ASCII)
    return lambda fields: fields if name in fields and compiled.search(fields[name]) else None
