"""How much memory a command takes at its peak: ``python -m benchmarks.rss COMMAND …`` runs it and tells.

A process of its own, and a small one: a child counts as its own what its parent held when it was started.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence


def measured(command: Sequence[str]) -> dict[str, float]:
    """Run a command on this process's standard input: seconds, peak in MiB and exit status."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return {
        "seconds": time.perf_counter() - began,
        "mib": usage.ru_maxrss / 1024,
        "status": process.returncode,
    }


if __name__ == "__main__":
    print(json.dumps(measured(sys.argv[1:])))
