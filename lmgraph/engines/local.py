"""The engine of one machine: a thread per source or part being read, partials merged as a tree."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import TypeVar

from lmgraph.events import Partial
from lmgraph.ingest import Source
from lmgraph.ingest.discover import STDIN
from lmgraph.pipeline import Spread, join

Task = TypeVar("Task")


class LocalEngine:
    """Reads with ``jobs`` threads (default: one per core); implements ``pipeline.Engine``.

    A source that holds more than its share of all bytes has its parts read by as many threads as are
    its share; so there are never more than twice as many threads as jobs.

    An interrupt ends ``gather`` at once: no thread is waited for, none takes a further source, and
    none keeps the process alive.
    """

    def __init__(self, jobs: int | None = None) -> None:
        self._jobs = jobs or os.cpu_count() or 1

    def gather(
        self,
        read: Callable[[Source, Spread | None], Partial],
        sources: Sequence[Source],
        done: Callable[[Source, Partial], None],
    ) -> Partial:
        """The merged partials of all sources; ``done`` is called after each, in their order."""
        total = sum(source.size or 0 for source in sources) or 1

        def read_one(source: Source) -> Partial:
            threads = -(-self._jobs * (source.size or 0) // total)
            return read(source, _Threads(threads) if threads > 1 else None)

        alone = self._jobs == 1 or len(sources) == 1
        partials = map(read_one, sources) if alone else _in_threads(read_one, sources, self._jobs)
        level: list[Partial] = []
        for source, partial in zip(sources, partials, strict=True):
            done(source, partial)
            level.append(partial)
        return join(level)


class _Threads:
    """A ``pipeline.Spread`` over a number of threads."""

    def __init__(self, threads: int) -> None:
        self._threads = threads

    def __call__(self, read: Callable[[int], Partial], parts: Sequence[int]) -> Iterator[Partial]:
        return _in_threads(read, parts, self._threads)


def _in_threads(read: Callable[[Task], Partial], tasks: Sequence[Task], jobs: int) -> Iterator[Partial]:
    """The partials in the order of their tasks; standard input is read here, the rest by threads.

    Not a ThreadPoolExecutor: Python joins its threads before it ends. And Python cannot end while
    another thread waits for standard input.
    """
    futures: list[Future[Partial]] = [Future() for _ in tasks]
    pairs = list(zip(tasks, futures, strict=True))
    waiting: queue.SimpleQueue[tuple[Task, Future[Partial]]] = queue.SimpleQueue()
    for task, future in pairs:
        if not _is_standard_input(task):
            waiting.put((task, future))
    try:
        for _ in range(min(jobs, waiting.qsize())):
            threading.Thread(target=_work, args=(read, waiting), daemon=True).start()
        for task, future in pairs:
            if _is_standard_input(task):
                future.set_result(read(task))
        for future in futures:
            yield future.result()
    finally:
        for future in futures:
            future.cancel()


def _is_standard_input(task: object) -> bool:
    return isinstance(task, Source) and task.file == STDIN


def _work(read: Callable[[Task], Partial], waiting: queue.SimpleQueue[tuple[Task, Future[Partial]]]) -> None:
    """Read one task after the other until none is waiting, or one fails: nothing behind it counts."""
    while True:
        try:
            task, future = waiting.get_nowait()
        except queue.Empty:
            return
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(read(task))
            except BaseException as error:  # noqa: BLE001 - raised again where the result is taken
                future.set_exception(error)
                return
