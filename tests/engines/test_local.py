"""The engine of one machine: every source once, in order, and an interrupt that waits for nobody."""

from __future__ import annotations

import threading

import pytest

from lmgraph.engines.local import LocalEngine
from lmgraph.errors import RecordError
from lmgraph.events import Partial
from lmgraph.ingest import Source
from lmgraph.pipeline import Spread

FILES = [Source(name, name, 1) for name in "abcdefg"]
PIPE = Source("-", "-", rereadable=False)


def counted(source: Source, _spread: Spread | None = None) -> Partial:
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

    def read(source: Source, _spread: Spread | None) -> Partial:
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


class Reading:
    """Reads ``b`` until it is freed; all else is read at once, but not before ``b`` is being read."""

    def __init__(self, error: BaseException, *, fails: str = "") -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self._error, self._fails = error, fails
        self._blocked, self._free = threading.Event(), threading.Event()

    def read(self, source: Source, _spread: Spread | None) -> Partial:
        self.begun.append(source.path)
        if source.path == "b":
            self._blocked.set()
            self._free.wait(20)
        else:
            self._blocked.wait(20)
            if source.path == self._fails:
                raise self._error
        self.ended.append(source.path)
        return Partial()

    def fail(self, _source: Source, _partial: Partial) -> None:
        raise self._error

    def gather(self) -> list[str]:
        """What was read whole when the error came out."""
        before = set(threading.enumerate())
        with pytest.raises(type(self._error)):
            LocalEngine(2).gather(self.read, FILES, self.fail)
        ended = list(self.ended)
        threads = set(threading.enumerate()) - before
        assert all(thread.daemon for thread in threads)
        self._free.set()
        for thread in threads:
            thread.join(20)
        return ended


def test_an_interrupt_waits_for_no_thread():
    assert "b" not in Reading(KeyboardInterrupt()).gather()


def test_an_error_of_a_thread_comes_out_and_waits_for_no_other():
    assert Reading(RecordError("not an object"), fails="a").gather() == []


def test_no_further_source_is_begun_after_an_error():
    reading = Reading(RecordError("not an object"), fails="a")
    reading.gather()
    assert sorted(reading.begun) == ["a", "b"]
