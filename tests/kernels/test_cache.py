"""The cache of machine code: one's own, private, keyed by versions, and never an import error."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

from lmgraph import kernels
from lmgraph._version import __version__

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import numpy as np
from lmgraph.kernels import cache_directory, history
days = np.empty(1, np.int64)
one = np.zeros(1, np.int64)
history.earlier_days(one, one, one, one.copy(), one + 1, 1, days)
print(days[0], cache_directory())
"""


def run(**environment: str) -> str:
    names = {"PATH", "SYSTEMROOT", "TEMP"}
    kept = {name: value for name, value in os.environ.items() if name in names}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM],
        env={**kept, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_cache_is_private_and_keyed_by_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "_cache_home", lambda: tmp_path / "home")
    directory = kernels.cache_directory()
    assert directory is not None
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert directory.name == f"kernels-{__version__}-numba{numba.__version__}-py{version}"
    if os.name == "posix":
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert kernels.cache_directory() == directory


@pytest.mark.parametrize("mode", [0o750, 0o707, 0o777])
def test_cache_that_others_can_enter_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    monkeypatch.setattr(kernels, "_cache_home", lambda: tmp_path)
    directory = kernels.cache_directory()
    assert directory is not None
    directory.chmod(mode)
    assert kernels.cache_directory() is None


def test_cache_of_another_user_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "_cache_home", lambda: tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 987_654)
    assert kernels.cache_directory() is None


def test_link_in_the_place_of_the_cache_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "_cache_home", lambda: tmp_path)
    directory = kernels.cache_directory()
    assert directory is not None
    directory.rename(tmp_path / "elsewhere")
    directory.symlink_to(tmp_path / "elsewhere")
    assert kernels.cache_directory() is None


def test_kernel_works_without_a_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = numba.config.CACHE_DIR
    for place in (tmp_path / "file" / "x", tmp_path):
        (tmp_path / "file").write_text("")
        monkeypatch.setattr(kernels, "_cache_home", lambda place=place: place)
        double = kernels.kernel(_double)
        assert double(np.int64(4)) == 8
        assert before == numba.config.CACHE_DIR, "other users of numba keep their own"


def _double(value: np.int64) -> np.int64:
    return value * 2


def test_compiled_code_is_written_and_an_unwritable_home_is_no_error(tmp_path: Path) -> None:
    first, directory = run(XDG_CACHE_HOME=str(tmp_path)).split(" ", 1)
    assert first == "1"
    assert list(Path(directory).rglob("history.earlier_days-*.nbi"))
    (tmp_path / "no").write_text("a file where a directory should be")
    assert run(XDG_CACHE_HOME=str(tmp_path / "no")) == "1 None"
