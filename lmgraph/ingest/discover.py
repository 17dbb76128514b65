"""From the paths that were asked for to the files to read, in a fixed order."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from lmgraph.errors import UsageError
from lmgraph.files import reason, why_not
from lmgraph.ingest.contract import Source
from lmgraph.ingest.labels import apart, label
from lmgraph.text import visible

STDIN = "-"


def discover(paths: Sequence[str]) -> list[Source]:
    """The sources behind ``paths``: files, directories (walked whole, sorted) or ``-``.

    A linked directory is not followed, so that no walk is endless. What exists and cannot be
    read becomes a source with ``error``. A file given twice, under whatever names, is read once, under
    the first of them, and one source has a ``note`` on it. No two sources have the same ``path``, and
    none has that of a member of another.

    Raises:
        UsageError: A path that does not exist, or none given.
    """
    if not paths:
        raise UsageError("nothing to read: give a file, a directory or -")
    sources: dict[str, Source] = {}  # by real path: numbers of inodes mean nothing on some file systems
    again: dict[str, str] = {}  # the second name of each file that was found twice
    for path in paths:
        for source in _sources(path):
            key = STDIN if source.file == STDIN else os.path.realpath(source.file)
            if sources.setdefault(key, source) is not source and sources[key].error is None:
                again.setdefault(key, source.path)
    names = frozenset(source.path for source in sources.values())
    found = {key: replace(source, path=apart(source.path, names)) for key, source in sources.items()}
    if again:
        key = next(iter(again))
        found[key] = replace(found[key], note=_note(found[key].path, again[key], len(again) - 1))
    return list(found.values())


def _note(path: str, also: str, more: int) -> str:
    other = "" if also == path else f", also as {also},"
    like = f"; so were {more} other files" if more > 1 else "; so was 1 other file" if more else ""
    return f"{path} was given more than once{other} and is read once{like}"


def _sources(path: str) -> Iterator[Source]:
    if not path:
        raise UsageError("the name of a file is empty")
    if path == STDIN:
        yield Source(STDIN, STDIN, rereadable=False)
        return
    try:
        mode = Path(path).stat().st_mode
    except PermissionError:
        yield _broken(path, "permission denied")
        return
    except (OSError, ValueError) as error:
        raise UsageError(why_not(error), path=visible(path)) from error
    if stat.S_ISDIR(mode):
        yield from _walk(path)
    else:
        yield _file(path, given=True)


def _walk(root: str) -> Iterator[Source]:
    """Every file below ``root``, sorted; a loop and no recursion, for any depth of directories."""
    pending = [os.path.normpath(root)]
    while pending:
        path = pending.pop()
        try:
            if Path(path).is_dir():
                with os.scandir(path) as entries:
                    inner = sorted(os.path.normpath(entry.path) for entry in entries if not _linked(entry))
                pending.extend(reversed(inner))
                continue
        except OSError as error:
            yield _broken(path, reason(error))
            continue
        yield _file(f"./{path}" if path == STDIN else path, given=False)


def _linked(entry: os.DirEntry[str]) -> bool:
    """Whether this is a link to a directory; a link that leads nowhere is reported as a file."""
    try:
        return entry.is_symlink() and entry.is_dir()
    except OSError:
        return False


def _file(path: str, *, given: bool) -> Source:
    """One file; a pipe or device is read only when it was itself asked for: it may never end."""
    try:
        status = Path(path).stat()
    except OSError as error:
        return _broken(path, reason(error))
    regular = stat.S_ISREG(status.st_mode)
    if not regular and not given:
        return _broken(path, "it is no regular file")
    return Source(_shown(path), path, status.st_size if regular else None, rereadable=regular)


def _broken(path: str, reason: str) -> Source:
    return Source(_shown(path), path, error=reason)


def _shown(path: str) -> str:
    return label(path.replace(os.sep, "/"))
