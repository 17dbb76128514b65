"""A contestant's own process: ``python -m benchmarks.contestant MODULE:FACTORY ARGUMENTS``.

It takes a line on standard input for each round and writes a line of JSON: how long the round took, the
first time with a digest of the answer; or why it cannot take part.
"""

from __future__ import annotations

import gc
import hashlib
import importlib
import json
import os
import sys
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.contest import Missing, Work


def take_part(factory: str, arguments: Sequence[Any]) -> None:
    """Be a contestant until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever libraries print must not get between the answers
    module, _, name = factory.partition(":")
    try:
        work: Work | str = getattr(importlib.import_module(module), name)(*arguments)
    except Missing as why:
        work = str(why)
    told = False
    for _ in sys.stdin:
        if isinstance(work, str):
            said: dict[str, Any] = {"absent": work}
        else:
            gc.collect()
            began = time.perf_counter()
            result = work.run()
            said = {"seconds": time.perf_counter() - began, "answer": None}
            if not told and work.answer is not None:
                said["answer"] = _digest(work.answer(result))
            told = True
            del result
        answers.write(json.dumps(said) + "\n")
        answers.flush()


def _digest(answer: Any) -> str:
    listed = sorted(answer) if isinstance(answer, (set, frozenset)) else answer
    size = f"{len(listed)}:" if isinstance(listed, list) else ""
    return size + hashlib.sha256(json.dumps(listed).encode()).hexdigest()[:16]


if __name__ == "__main__":
    take_part(sys.argv[1], json.loads(sys.argv[2]))
