"""The engine of one machine: a thread per source being read, partials merged as a tree."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from lmgraph.events import Partial, merge
from lmgraph.ingest import Source


class LocalEngine:
    """Reads with ``jobs`` threads (default: one per core); implements ``pipeline.Engine``."""

    def __init__(self, jobs: int | None = None) -> None:
        self._jobs = jobs or os.cpu_count() or 1

    def gather(
        self,
        read: Callable[[Source], Partial],
        sources: Sequence[Source],
        done: Callable[[Source, Partial], None],
    ) -> Partial:
        """The merged partials of all sources; ``done`` is called after each, in their order."""
        level: list[Partial] = []
        with ThreadPoolExecutor(self._jobs) as pool:
            for source, partial in zip(sources, pool.map(read, sources), strict=True):
                done(source, partial)
                level.append(partial)
        # Pairwise, so that a thousand files cost n log n and not n² copies of a growing table.
        while len(level) > 1:
            pairs = zip(level[::2], level[1::2], strict=False)
            level = [merge(left, right) for left, right in pairs] + level[len(level) & ~1 :]
        return level[0] if level else Partial()
