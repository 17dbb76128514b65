"""The progress bar: on a terminal only, one line, labelled, gone at the end."""

from __future__ import annotations

import io
import re

import pytest

from lmgraph import cli_common
from lmgraph.pipeline import Progress

GIVEN = {"quiet": False, "verbose": 0, "no_progress": False, "no_color": True}
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\r\n]")
CLEARED = "\x1b[2K"


class Terminal(io.StringIO):
    """Remembers all that was written to it."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    return Terminal()


def drawn(terminal: Terminal, steps: list[Progress], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What each step, a second after the one before, shows without colours and moves of the cursor."""
    clock, shown = Clock(), []
    monkeypatch.setattr(cli_common, "time", clock)
    monkeypatch.setattr("sys.stderr", terminal)
    with cli_common.progress_bar(GIVEN) as show:
        assert show is not None
        for step in steps:
            clock.now += 1
            before = terminal.tell()
            show(step)
            shown.append(CONTROL.sub("", terminal.getvalue()[before:]))
    return shown


def test_bytes_rate_time_left_and_alerts_are_shown(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = [Progress(done * 10**6, 100 * 10**6, done, "a.gz", 1) for done in (0, 10, 20, 30)]
    last = drawn(terminal, steps, monkeypatch)[-1]
    assert "30.0/100.0 MB 10.0 MB/s 0:00:07 30 alerts, a.gz" in last


def test_a_pipe_has_bytes_and_a_rate(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = [Progress(done * 10**6, None, 0, "-", 1) for done in (0, 10, 20)]
    last = drawn(terminal, steps, monkeypatch)[-1]
    assert "20.0/? MB 10.0 MB/s" in last
    assert "%" not in last


def test_the_second_look_is_labelled_and_has_its_own_rate(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = [Progress(done * 10**6, 30 * 10**6, 5, "a", 1) for done in (10, 20, 30)]
    second = [Progress(done * 10**6, 30 * 10**6, 5, "a", 2) for done in (0, 1, 2, 3)]
    shown = drawn(terminal, first + second, monkeypatch)
    assert all("second look" not in line for line in shown[:3])
    assert all(line.count("second look, 5 alerts, a") == len(line) // 80 for line in shown[3:])
    assert "3.0/30.0 MB 1.0 MB/s 0:00:27" in shown[-1]


def test_it_stays_on_one_line_and_goes_at_the_end(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = [Progress(done * 10**9, 10**12, 10**9, "\x1b[2J\n" + "x" * 300, 2) for done in (1, 2)]
    shown = drawn(terminal, steps, monkeypatch)
    assert all(len(line) % 80 == 0 for line in shown)
    assert "\x1b[2J" not in terminal.getvalue()
    assert "1,000,000,000 alerts" in shown[-1]
    rows = 0  # below the one on which the bar began
    for move in re.findall(r"\n|\x1b\[\d*A", terminal.getvalue()):
        rows += 1 if move == "\n" else -int(move[2:-1])
    assert rows == 0
    assert CLEARED in terminal.getvalue()[-20:]


@pytest.mark.parametrize("name", ["quiet", "verbose", "no_progress"])
def test_it_is_not_drawn_where_it_is_unwanted(
    name: str, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr", terminal)
    with cli_common.progress_bar(GIVEN | {name: True}) as show:
        assert show is None
    assert not terminal.getvalue()


def test_it_is_drawn_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    monkeypatch.setattr("sys.stderr", file)
    with cli_common.progress_bar(GIVEN) as show:
        assert show is None
    assert not file.getvalue()
