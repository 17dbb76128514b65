"""Names and paths of programs."""

from __future__ import annotations

import pytest

from lmgraph.rules.names import on_volume


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (r"\Device\HarddiskVolume3\Tools\PsExec.exe", r"\tools\psexec.exe"),
        (r"C:\Tools/PsExec.exe", r"\tools\psexec.exe"),
        (r"\\?\C:\Tools\PsExec.exe", r"\tools\psexec.exe"),
        (r"\\SRV1\Tools\PsExec.exe", r"\\srv1\tools\psexec.exe"),
        (r"D:PsExec.exe", "d:psexec.exe"),
    ],
)
def test_a_path_without_its_volume(path: str, expected: str) -> None:
    assert on_volume(path) == expected
