"""Names of inputs as they are shown: printable, and no two names of files shown alike."""

from __future__ import annotations

import re
from typing import Final

from lmgraph.text import visible

# A backslash that would read as the start of an escape of ``visible``.
_LIKE_AN_ESCAPE: Final = re.compile(r"\\(?=x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})")
MEMBER_MARK: Final = "!"  # between an archive and its member
_MARK_ESCAPED: Final = rf"\x{ord(MEMBER_MARK):02x}"


def label(name: str, limit: int | None = None) -> str:
    r"""``name`` on one line, different for different names (unless cut to ``limit`` characters).

    ``visible`` leaves a backslash alone, so that a file named ``a\x0a`` would look like one with a
    line feed in its name; here the former is ``a\x5cx0a``.
    """
    return visible(_LIKE_AN_ESCAPE.sub(r"\\x5c", name), limit)


def apart(path: str, paths: frozenset[str]) -> str:
    """``path``, with each ``!`` escaped that would make it look like a member of one of ``paths``."""
    if MEMBER_MARK not in path:
        return path
    return "".join(
        _MARK_ESCAPED if char == MEMBER_MARK and path[:at] in paths else char for at, char in enumerate(path)
    )
