"""The program as a process: an interrupt ends it at once, wherever it is."""

from __future__ import annotations

import array
import fcntl
import os
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TextIO

import pytest

from lmgraph import __main__ as program

INTERRUPTED_AT_IMPORT = """
import os, signal, sys
from importlib.abc import MetaPathFinder
wanted = sys.argv.pop(1)
class Finder(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == wanted:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
from lmgraph.__main__ import main
main()
"""


def start(root: Path, *command: str, **options):
    environment = {**os.environ, "PYTHONPATH": str(root)}
    return subprocess.Popen(
        [sys.executable, *command], env=environment, stderr=subprocess.PIPE, text=True, **options
    )


@pytest.mark.parametrize("module", ["click", "lmgraph.pipeline", "lmgraph.finish", "numba"])
def test_interrupt_while_something_is_imported(root, samples, tmp_path, module):
    arguments = (module, "analyze", str(samples / "logscale"), "--json", "r.json", "--html", "r.html")
    with start(
        root, "-c", INTERRUPTED_AT_IMPORT, *arguments, cwd=tmp_path, stdout=subprocess.PIPE
    ) as process:
        out, err = process.communicate()
    assert (process.returncode, out, list(tmp_path.iterdir())) == (130, "", [])
    assert err.strip() in {"Interrupted.", "Interrupted; no file is half-written."}


def test_little_is_imported_before_an_interrupt_is_heeded(root):
    early = (
        "import sys, lmgraph.__main__; print(*sorted(sys.modules.keys() & {'contextlib', 're', 'typing'}))"
    )
    with start(root, "-S", "-c", early, stdout=subprocess.PIPE) as process:
        assert process.communicate() == ("\n", "")


def unread(pipe: TextIO) -> int:
    """How many bytes wait in the pipe."""
    waiting = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, waiting)
    return waiting[0]


def interrupt(root: Path, *arguments: str, times: int = 1) -> tuple[int, str]:
    """Exit status and last words of a run that waits for a silent pipe when the interrupt comes."""
    command = ("-m", "lmgraph", "analyze", *arguments)
    with start(root, *command, stdin=subprocess.PIPE) as process:
        process.stdin.write("{")
        process.stdin.flush()
        while unread(process.stdin):
            assert process.poll() is None
        time.sleep(0.2)  # a signal just before the call that waits would not wake it
        for _ in range(times):
            process.send_signal(signal.SIGINT)
        status = process.wait(60)
        return status, process.stderr.read()


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("more", [[], ["samples/fdr"]])
def test_interrupt_while_a_silent_pipe_is_read(root, monkeypatch, times, more):
    monkeypatch.chdir(root)
    status, err = interrupt(root, "-", *more, times=times)
    assert status == 130
    assert "Interrupted" in err.splitlines()[-1]
    assert "Traceback" not in err
    assert "Fatal" not in err


class Left(BaseException):
    """Stands for the end of the process."""


@pytest.fixture
def end(monkeypatch):
    def leave(status: int) -> None:
        raise Left(status)

    monkeypatch.setattr(os, "_exit", leave)


def test_interrupt_that_a_callback_would_lose(end, capfd):
    with pytest.raises(Left, match="130"):
        program._unraisable(SimpleNamespace(exc_type=KeyboardInterrupt))
    assert capfd.readouterr().err == "Interrupted.\n"


def test_second_interrupt_leaves_without_cleaning_up(end):
    before = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(KeyboardInterrupt):
            program._interrupt(signal.SIGINT, None)
        with pytest.raises(Left, match="130"):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_ignored_interrupt_stays_ignored(root, samples):
    arguments = ("lmgraph.finish", "analyze", str(samples / "logscale"), "-q", "--format", "csv")
    ignoring = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n" + INTERRUPTED_AT_IMPORT
    with start(root, "-c", ignoring, *arguments, stdout=subprocess.PIPE) as process:
        out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert out.startswith("rank,")
