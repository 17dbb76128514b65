"""Compressed files whose bytes depend on their content alone, and JSON as Falcon writes it."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Final

_encode: Final = json.JSONEncoder(separators=(",", ":")).encode
_LEVEL: Final = 3  # a third of the time of the default level, a tenth larger


def write_gz(path: Path, lines: list[bytes]) -> None:
    """Lines in a gz member that carries neither name nor time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0, compresslevel=_LEVEL) as member:
        member.write(b"".join(line + b"\n" for line in lines))
    path.write_bytes(packed.getvalue())


def json_line(record: dict[str, str | int]) -> bytes:
    """One object on one line."""
    return _encode(record).encode()
