"""Every numba function: plain arrays in and out, no checks, no Python objects.

A kernel calls no numba function of another file: numba's cache looks only at the file of the
function itself and would not notice an edit there.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numba
import numpy as np

from lmgraph._version import __version__

P = ParamSpec("P")
R = TypeVar("R")

_config: Any = numba.config  # its settings are made at run time


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile the function without the GIL and cache the machine code, where a cache is possible.

    The cache is a directory of the user's own (``cache_directory``). numba's own choice, beside
    the source, raises at import in a read-only install and is writable by others in a shared one;
    loading a cache runs what it holds.
    """
    if _config.DISABLE_JIT:  # machine words wrap around, and so they must when Python runs the function
        return np.errstate(over="ignore")(function)
    directory = cache_directory()
    if directory is None:
        return numba.njit(nogil=True)(function)
    before = _config.CACHE_DIR
    _config.CACHE_DIR = str(directory)
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except (RuntimeError, OSError):  # no place that numba can write to or stamp
        return numba.njit(nogil=True)(function)
    finally:
        _config.CACHE_DIR = before


def cache_directory() -> Path | None:
    """The user's own cache of machine code, made when missing; ``None`` when none is safe.

    Safe is a true directory that this user owns and nobody else can read or write. Its name
    holds the versions of lmgraph, numba and Python, so that none reads the code of another.
    """
    versions = f"{__version__}-numba{numba.__version__}-py{sys.version_info[0]}.{sys.version_info[1]}"
    try:
        directory = _cache_home() / "lmgraph" / f"kernels-{versions}"
        directory.parent.mkdir(parents=True, exist_ok=True)
        directory.mkdir(mode=0o700, exist_ok=True)
        state = directory.lstat()
    except (OSError, RuntimeError):  # RuntimeError: no home directory
        return None
    if not stat.S_ISDIR(state.st_mode) or not os.access(directory, os.W_OK | os.X_OK):
        return None
    if os.name == "posix" and (state.st_uid != os.geteuid() or state.st_mode & 0o077):
        return None
    return directory


def _cache_home() -> Path:
    """Where the platform keeps a user's caches: XDG, Apple's or Windows' place."""
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    named = Path(os.environ.get("XDG_CACHE_HOME") or "")
    return named if named.is_absolute() else Path.home() / ".cache"
