"""What the program imports: nothing that the command at hand does not need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("IPython", "jinja2", "networkx", "numba", "numpy", "pandas", "pyarrow", "pyvis", "rich", "zstandard")
TOLD_AT_EXIT = """
import atexit, gc, sys
from lmgraph.__main__ import main
atexit.register(lambda: print({told}, file=sys.stderr))
main()
"""


def at_exit(told: str, *arguments: str) -> str:
    """What the program, run with these arguments, says last on standard error."""
    code = TOLD_AT_EXIT.format(told=told)
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stderr.splitlines()[-1]


def imported(names: tuple[str, ...], *arguments: str) -> str:
    return at_exit(f"sorted({set(names)} & sys.modules.keys())", *arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("--version",),
        ("analyze", "--help"),
        ("simulate", "--help"),
        ("analyze", "--top", "0", "x"),
    ],
)
def test_what_needs_no_data_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    names = (*HEAVY, "lmgraph.ingest", "lmgraph.pipeline", "secrets")
    assert imported(names, *arguments) == "[]"


def test_tables_are_not_at_hand_before_there_is_something_to_compute(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    for path in (tmp_path / "empty", tmp_path / "missing"):
        assert imported(("pandas", "pyarrow", "rich"), "analyze", str(path)) == "[]"


def test_an_analysis_without_a_page_imports_nothing_of_one(samples: Path) -> None:
    page = (
        "IPython",
        "jinja2",
        "networkx",
        "pyvis",
        "lmgraph.report",
        "lmgraph.proposals",
        "pyarrow.parquet",
    )
    arguments = ("analyze", str(samples / "query-result"), "-q")
    assert imported((*page, "pandas"), *arguments) == "['pandas']"
    assert imported((*page, "rich"), *arguments, "--json", "-") == "[]"


def test_cycles_are_sought_seldom() -> None:
    assert int(at_exit("gc.get_threshold()[0]", "--version")) >= 100_000
