"""The engine of one machine: every source once, in order, and an interrupt that waits for nobody."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from lmgraph.engines.local import LocalEngine
from lmgraph.errors import RecordError
from lmgraph.events import Partial
from lmgraph.ingest import Source

FILES = [Source(name, name, 1) for name in "abcdefg"]
PIPE = Source("-", "-", rereadable=False)


def counted(source: Source) -> Partial:
    return Partial(rejected={source.path: 1})


def nothing(_source: Source, _partial: Partial) -> None:
    pass


@pytest.mark.parametrize("jobs", [1, 2, 9])
@pytest.mark.parametrize("sources", [[], FILES[:1], FILES, [*FILES, PIPE], [PIPE]])
def test_every_source_is_read_once_and_told_in_order(jobs, sources):
    told = []
    whole = LocalEngine(jobs).gather(counted, sources, lambda source, partial: told.append((source, partial)))
    assert whole.rejected == {source.path: 1 for source in sources}
    assert told == [(source, counted(source)) for source in sources]


def threads_of(jobs: int, sources: list[Source]) -> dict[str, bool]:
    """Which sources the main thread reads."""
    main: dict[str, bool] = {}

    def read(source: Source) -> Partial:
        main[source.path] = threading.current_thread() is threading.main_thread()
        return Partial()

    LocalEngine(jobs).gather(read, sources, nothing)
    return main


def test_standard_input_is_read_where_an_interrupt_arrives():
    assert threads_of(2, [FILES[0], PIPE, FILES[1]]) == {"a": False, "-": True, "b": False}
    assert threads_of(2, [PIPE]) == {"-": True}


def test_one_file_or_one_worker_needs_no_thread():
    assert threads_of(1, FILES[:2]) == {"a": True, "b": True}
    assert threads_of(9, FILES[:1]) == {"a": True}


def gather_until(error: BaseException, fails: Callable[[Source], bool]) -> tuple[list[str], list[str], bool]:
    """What two threads have begun and ended when ``error`` ends the run while one is still reading."""
    begun: list[str] = []
    ended: list[str] = []
    daemons: list[bool] = []
    free = threading.Event()

    def read(source: Source) -> Partial:
        begun.append(source.path)
        if source.path == "b":
            daemons.append(threading.current_thread().daemon)
            free.wait(20)
            ended.append(source.path)
        elif fails(source):
            raise error
        return Partial()

    def done(source: Source, _partial: Partial) -> None:
        raise error

    with pytest.raises(type(error)):
        LocalEngine(2).gather(read, FILES[:3] if fails(FILES[0]) else FILES[:2], done)
    state = (list(begun), list(ended), all(daemons))
    free.set()
    return state


def test_an_interrupt_waits_for_no_thread():
    begun, ended, daemon = gather_until(KeyboardInterrupt(), lambda _: False)
    assert "a" in begun
    assert ended == []
    assert daemon


def test_an_error_of_a_thread_comes_out_and_waits_for_no_other():
    _, ended, _ = gather_until(RecordError("not an object"), lambda source: source.path == "a")
    assert ended == []


def test_no_further_source_is_begun_after_an_interrupt():
    begun: list[str] = []
    blocked, free = threading.Event(), threading.Event()

    def read(source: Source) -> Partial:
        begun.append(source.path)
        if source.path != "a":
            blocked.set()
            free.wait(20)
        return Partial()

    def done(_source: Source, _partial: Partial) -> None:
        blocked.wait(20)
        raise KeyboardInterrupt

    before = set(threading.enumerate())
    with pytest.raises(KeyboardInterrupt):
        LocalEngine(2).gather(read, FILES, done)
    free.set()
    for thread in set(threading.enumerate()) - before:
        thread.join(20)
    assert set(begun) <= {"a", "b", "c"}
