"""The order of severities."""

from __future__ import annotations

from lmgraph.schema import SEVERITIES, at_least


def test_at_least() -> None:
    assert [severity for severity in SEVERITIES if at_least(severity, "high")] == ["high", "critical"]
