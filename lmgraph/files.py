"""Files that are read whole: never more of one than a limit, for what is named may be a device."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import BinaryIO, Final

_STEP: Final = 1 << 20


def read_whole(path: str, most: int) -> bytes:
    """The content of a file.

    Args:
        path: Its name; ``/dev/fd/3`` and a pipe are fine.
        most: Most bytes that it may have.

    Raises:
        OSError: It cannot be read, or is larger; ``strerror`` says which limit that is.
    """
    try:
        with Path(path).open("rb") as file:
            return read_stream(file, most)
    except ValueError as error:
        raise OSError(errno.EINVAL, "A NUL in its name", path) from error


def read_stream(file: BinaryIO, most: int) -> bytes:
    """What is left of an open file, as ``read_whole``."""
    content = bytearray()  # in steps: a single read would ask for the memory of the limit
    while piece := file.read(_STEP):
        content += piece
        if len(content) > most:
            raise OSError(errno.EFBIG, f"Larger than {most:,} bytes")
    return bytes(content)


def reason(error: OSError) -> str:
    """Why a file could not be read, to follow a colon."""
    return (error.strerror or "cannot be read").lower()


def why_not(error: OSError | ValueError) -> str:
    """Why a name is that of nothing that could be looked at."""
    if not isinstance(error, OSError) or error.errno in (errno.ENOENT, errno.ENOTDIR):
        return "no such file or directory"
    return "a symbolic link that leads back to itself" if error.errno == errno.ELOOP else reason(error)
