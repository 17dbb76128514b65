"""From the paths that were asked for to the files to read, in a fixed order."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from lmgraph.errors import UsageError
from lmgraph.ingest.contract import Source
from lmgraph.text import visible

STDIN = "-"


def discover(paths: Sequence[str]) -> list[Source]:
    """The sources behind ``paths``: files, directories (walked whole, sorted) or ``-``.

    A linked directory is not followed, so that no walk is endless. What exists and cannot be
    read becomes a source with ``error``. A file given twice is read once.

    Raises:
        UsageError: A path that does not exist, or none given.
    """
    if not paths:
        raise UsageError("nothing to read: give a file, a directory or -")
    sources: dict[str, Source] = {}
    for path in paths:
        for source in _sources(path):
            sources.setdefault(os.path.normpath(source.file), source)
    return list(sources.values())


def _sources(path: str) -> Iterator[Source]:
    if path == STDIN:
        yield Source(STDIN, STDIN, rereadable=False)
        return
    try:
        mode = Path(path).stat().st_mode
    except PermissionError:
        yield _broken(path, "permission denied")
        return
    except (OSError, ValueError) as error:
        raise UsageError("no such file or directory", path=visible(path)) from error
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
            yield _broken(path, _reason(error))
            continue
        yield _file(path, given=False)


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
        return _broken(path, _reason(error))
    regular = stat.S_ISREG(status.st_mode)
    if not regular and not given:
        return _broken(path, "it is no regular file")
    return Source(_shown(path), path, status.st_size if regular else None, rereadable=regular)


def _broken(path: str, reason: str) -> Source:
    return Source(_shown(path), path, error=reason)


def _reason(error: OSError) -> str:
    return (error.strerror or "cannot be read").lower()


def _shown(path: str) -> str:
    return visible(path.replace(os.sep, "/"))
