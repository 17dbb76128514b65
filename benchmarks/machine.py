"""What kind of machine the figures are from, in general words: no name and no path."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Final

_VECTORS: Final = (("avx512bw", "AVX-512"), ("avx2", "AVX2"), ("asimd", "NEON"))


def described() -> dict[str, str]:
    """Kind of processor, cores, memory, system and Python."""
    return {
        "processor": f"{platform.machine()} with {_vectors()}",
        "cores": str(os.cpu_count()),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": platform.system(),
        "python": platform.python_version(),
    }


def _vectors() -> str:
    """The widest vector instructions that the processor names."""
    try:
        said = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return "unknown vector instructions"
    return next((name for flag, name in _VECTORS if flag in said), "no vector instructions known here")
