"""The engine of one machine: a thread per source being read, partials merged as a tree."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future

from lmgraph.events import Partial, merge
from lmgraph.ingest import Source
from lmgraph.ingest.discover import STDIN


class LocalEngine:
    """Reads with ``jobs`` threads (default: one per core); implements ``pipeline.Engine``.

    An interrupt ends ``gather`` at once: no thread is waited for, none takes a further source, and
    none keeps the process alive.
    """

    def __init__(self, jobs: int | None = None) -> None:
        self._jobs = jobs or os.cpu_count() or 1

    def gather(
        self,
        read: Callable[[Source], Partial],
        sources: Sequence[Source],
        done: Callable[[Source, Partial], None],
    ) -> Partial:
        """The merged partials of all sources; ``done`` is called after each, in their order."""
        alone = self._jobs == 1 or len(sources) == 1
        partials = map(read, sources) if alone else _in_threads(read, sources, self._jobs)
        level: list[Partial] = []
        for source, partial in zip(sources, partials, strict=True):
            done(source, partial)
            level.append(partial)
        # Pairwise, so that a thousand files cost n log n and not n² copies of a growing table.
        while len(level) > 1:
            pairs = zip(level[::2], level[1::2], strict=False)
            level = [merge(left, right) for left, right in pairs] + level[len(level) & ~1 :]
        return level[0] if level else Partial()


def _in_threads(read: Callable[[Source], Partial], sources: Sequence[Source], jobs: int) -> Iterator[Partial]:
    """The partials in the order of their sources; standard input is read here, the rest by threads.

    Not a ThreadPoolExecutor: Python joins its threads before it ends. And Python cannot end while
    another thread waits for standard input.
    """
    futures: list[Future[Partial]] = [Future() for _ in sources]
    tasks = list(zip(sources, futures, strict=True))
    waiting: queue.SimpleQueue[tuple[Source, Future[Partial]]] = queue.SimpleQueue()
    for source, future in tasks:
        if source.file != STDIN:
            waiting.put((source, future))
    try:
        for _ in range(min(jobs, waiting.qsize())):
            threading.Thread(target=_work, args=(read, waiting), daemon=True).start()
        for source, future in tasks:
            if source.file == STDIN:
                future.set_result(read(source))
        for future in futures:
            yield future.result()
    finally:
        for future in futures:
            future.cancel()


def _work(
    read: Callable[[Source], Partial], waiting: queue.SimpleQueue[tuple[Source, Future[Partial]]]
) -> None:
    """Read one source after the other until none is waiting, or one fails: nothing behind it counts."""
    while True:
        try:
            source, future = waiting.get_nowait()
        except queue.Empty:
            return
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(read(source))
            except BaseException as error:  # noqa: BLE001 - raised again where the result is taken
                future.set_exception(error)
                return
