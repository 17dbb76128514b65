"""The program: ``lmgraph`` and ``python -m lmgraph``; apart from ``cli``, for an interrupt may come early.

Ctrl-C ends it at once with 130 and without a traceback, whatever is being imported, read or waited for.
"""

from __future__ import annotations

import gc
import os
import signal
import sys

TYPE_CHECKING = False  # no more is imported than must be before an interrupt is heeded
if TYPE_CHECKING:
    from sys import UnraisableHookArgs
    from types import FrameType
    from typing import NoReturn

_INTERRUPTED = 130
# By default Python (3.11) looks for cycles whenever 700 more objects live, which took an eighth of a
# run's time and left its peak memory as it is without; what libraries leave behind is still found.
_OBJECTS_BETWEEN = 100_000
_SHOW_CURSOR = b"\x1b[?25h"  # a progress bar hides it


def main() -> NoReturn:
    """Run the command line and leave with its exit status."""
    gc.set_threshold(_OBJECTS_BETWEEN, 50, 1000)
    heeded = signal.getsignal(signal.SIGINT) != signal.SIG_IGN  # a job in the background ignores it
    try:
        if heeded:
            signal.signal(signal.SIGINT, _leave)
        import threading

        from lmgraph import cli

        if heeded:
            signal.signal(signal.SIGINT, _interrupt)
            sys.unraisablehook = _unraisable
        cli.main()
    except SystemExit as left:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done
        if left.code == _INTERRUPTED or threading.active_count() > 1:
            os._exit(int(left.code or 0))  # threads may still read
        raise
    except BaseException:
        if signal.getsignal(signal.SIGINT) == _leave:
            _leave()  # whatever error a library has made of the interrupt
        raise


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    """The first interrupt unwinds, so that staged files go; a second one does not wait for that."""
    signal.signal(signal.SIGINT, _leave)
    raise KeyboardInterrupt


def _leave(_signal: int = signal.SIGINT, _frame: FrameType | None = None) -> NoReturn:
    """End the process here and now."""
    try:  # noqa: SIM105 - contextlib would be imported early
        os.write(2, (_SHOW_CURSOR if os.isatty(2) else b"") + b"Interrupted.\n")
    except OSError:
        pass
    os._exit(_INTERRUPTED)


def _unraisable(told: UnraisableHookArgs) -> None:
    """Python drops an exception that is raised in a callback; an interrupt must not get lost there."""
    if issubclass(told.exc_type, KeyboardInterrupt):
        _leave()
    sys.__unraisablehook__(told)


if __name__ == "__main__":
    main()
