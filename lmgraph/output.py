"""Writing output files, whole or not at all, and the standard streams, whatever their encoding.

A regular file is written beside its place and moved there when every output of the run is
complete; a device or a pipe is written in place.
"""

from __future__ import annotations

import codecs
import os
import re
import stat
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO, Final, TextIO

from lmgraph.errors import LmgraphError, OutputError, UsageError
from lmgraph.text import visible

Content = bytes | Iterable[bytes]
"""What goes into a file: as a whole, or in pieces that are made while it is written."""

_IN_PLACE = ("/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/")  # a redirected stream looks regular
_HEAD = 4096  # bytes in which an earlier output is known
_OURS = re.compile(
    rb'\s*(?:\{\s*"schema":\s*"lmgraph/|\{"file": "(?:[^"\\]|\\.)*", "record": \d+, "reason": "'
    rb"|<!doctype html>.*<title>lmgraph: |$)",
    re.DOTALL,
)
_LENIENT: Final = "lmgraph.lenient"
_PLAIN: Final = {"→": "->", "…": "...", "×": "x"}


def check(targets: Sequence[str], inputs: Sequence[str] = (), *, force: bool = False) -> frozenset[str]:
    """Refuse, before anything is read, what could not or must not be written.

    A folder of inputs may hold outputs: new ones, or with ``force`` those of an earlier run. The run
    must not read them; nothing else in that folder is ever replaced, for it may be evidence.

    Args:
        targets: Paths of output files; ``-`` is not one of them.
        inputs: Files and directories that the run reads.
        force: Existing files may be replaced.

    Returns:
        The real paths of the files to be, those of devices and pipes left out.

    Raises:
        UsageError: No name, an existing file without ``force``, one file for two outputs, or an input.
        OutputError: A directory, or a place where nothing can be written.
    """
    seen: set[str] = set()
    for target in targets:
        if _in_place(target):
            if not os.access(target, os.W_OK):
                raise _failure("cannot be written", target)
            continue
        try:
            place = _place(target)
            exists = _exists(place)
        except OSError as error:
            raise _failure(f"cannot be written: {error.strerror}", target) from error
        if place in seen:
            raise UsageError("two outputs are to go to the same file", path=visible(target))
        seen.add(place)
        if exists:
            _check_existing(place, target, inputs, force=force)
        _probe(place, target)
    return frozenset(seen)


def write_all(outputs: Iterable[tuple[str, Content]]) -> list[int]:
    """Write every ``(path, content)``; the files appear together, after all are complete.

    A new file gets the mode that the umask leaves, a replaced one keeps its own.

    Returns:
        The bytes of each.

    Raises:
        OutputError: One of them cannot be written; then none has appeared, but for those
            written in place and for a failure between two moves.
    """
    return _write(outputs)


def _write(outputs: Iterable[tuple[str, Content]], *, move: bool = True) -> list[int]:
    """``write_all``; without ``move`` only to find out whether it would succeed."""
    staged: list[tuple[str, str, str]] = []
    sizes = []
    try:
        for target, content in outputs:
            try:
                if _in_place(target):
                    with Path(target).open("wb") as file:
                        sizes.append(_copy(content, file))
                else:
                    place = _place(target)
                    beside = str(Path(place).parent / f".lmgraph-{os.urandom(8).hex()}.tmp")
                    staged.append((beside, place, target))  # before it is there: an interrupt may come
                    sizes.append(_stage(beside, place, content))
            except OSError as error:
                raise _failure(f"cannot be written: {error.strerror}", target) from error
        for beside, place, target in staged if move else ():
            try:
                Path(beside).replace(place)
            except OSError as error:
                raise _failure(f"cannot be written: {error.strerror}", target) from error
    finally:
        try:
            _remove(staged)
        finally:  # the first round may have been interrupted; a second interrupt ends the process
            _remove(staged)
    return sizes


def _copy(content: Content, file: BinaryIO) -> int:
    """Write the content, piece by piece as it comes, and say how many bytes it was."""
    return sum(file.write(piece) for piece in ((content,) if isinstance(content, bytes) else content))


def _remove(staged: Iterable[tuple[str, str, str]]) -> None:
    for beside, _, _ in staged:
        Path(beside).unlink(missing_ok=True)


def to_stdout(content: Content | str) -> None:
    """Write to standard output; a reader that has seen enough (``| head``) is no error.

    Text may hold what the stream cannot encode: see ``make_lenient``.

    Raises:
        OutputError: It is closed, or takes no more.
    """
    if sys.stdout is None:
        raise OutputError("the output cannot be written: it is closed", path="standard output")
    try:
        if isinstance(content, str):
            make_lenient(sys.stdout)
            sys.stdout.write(content)
        else:
            _copy(content, sys.stdout.buffer)
        sys.stdout.flush()
    except BrokenPipeError:
        _forget(sys.stdout)
    except OSError as error:
        _forget(sys.stdout)
        raise OutputError(
            f"the output cannot be written: {error.strerror}", path="standard output"
        ) from error


def to_stderr(text: str) -> None:
    """Write to standard error; nobody's result stands there, so that a failure is no error of the run."""
    try:
        make_lenient(sys.stderr)
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        forget_stderr()


def forget_stderr() -> None:
    """Give up standard error, which takes no more."""
    _forget(sys.stderr)


def make_lenient(stream: TextIO) -> None:
    """Let a character that the stream cannot encode come out as ``->`` or an escape, not as an error."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors=_LENIENT)


def _replacement(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    failed = error.object[error.start : error.end]
    escaped = (char.encode("ascii", "backslashreplace").decode() for char in failed)
    return "".join(map(_PLAIN.get, failed, escaped)), error.end


codecs.register_error(_LENIENT, _replacement)


def _forget(stream: TextIO) -> None:
    """Send what is still buffered nowhere, or Python would fail on it again while it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _in_place(target: str) -> bool:
    """Whether the target exists and is neither a regular file nor a directory."""
    if target.startswith(_IN_PLACE):
        return True
    try:
        mode = Path(target).stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _place(target: str) -> str:
    """The real path of the file that the target names.

    Raises:
        UsageError: The target is empty.
        OutputError: It is, or by its end can only be, a directory.
        OSError: The file system takes no such name.
    """
    if not target:
        raise UsageError("the name of an output is empty")
    place = os.path.realpath(target)
    if _exists(place) and Path(place).is_dir():
        raise _failure("is a directory", target)
    if re.split(r"[/\\]" if os.sep == "\\" else "/", target)[-1] in {"", ".", ".."}:
        raise _failure("is named as a directory", target)
    return place


def _exists(place: str) -> bool:
    """Whether something is there; unlike that of ``Path``, no answer is no ``False``."""
    try:
        Path(place).lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _check_existing(place: str, target: str, inputs: Sequence[str], *, force: bool) -> None:
    for given in inputs:
        whole = os.path.realpath(given)
        within = place.startswith(whole.rstrip(os.sep) + os.sep) if Path(whole).is_dir() else False
        if (within and not _ours(place)) or (Path(whole).exists() and Path(whole).samefile(place)):
            raise _misuse("is itself one of the inputs; write it elsewhere", target)
    if not force:
        raise _misuse("exists already; --force replaces it", target)


def _ours(place: str) -> bool:
    """Whether an earlier run wrote this file: a result, a page, a list of rejects, or an empty one."""
    try:
        with Path(place).open("rb") as file:
            return _OURS.match(file.read(_HEAD)) is not None
    except OSError:
        return False


def _probe(place: str, target: str) -> None:
    """Find out now, not after an hour of work, that the directory takes no file."""
    folder = Path(place).parent
    if not folder.is_dir():
        raise _failure(f"cannot be written: the folder {visible(str(folder))} is missing", target)
    _write([(target, b"")], move=False)


def _stage(beside: str, place: str, content: Content) -> int:
    """Write ``content`` to the new file ``beside``, on disk, with the mode of what is at ``place``.

    Returns:
        How many bytes it was.
    """
    # Not tempfile: its files are 0600 whatever the umask says.
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    with os.fdopen(handle, "wb") as file:
        if Path(place).exists():
            Path(beside).chmod(stat.S_IMODE(Path(place).stat().st_mode))
        size = _copy(content, file)
        file.flush()
        os.fsync(file.fileno())
    return size


def _failure(message: str, target: str) -> LmgraphError:
    return OutputError(f"the output {message}", path=visible(target))


def _misuse(message: str, target: str) -> LmgraphError:
    return UsageError(f"the output {message}", path=visible(target))
