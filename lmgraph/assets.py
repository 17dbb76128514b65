"""The assets file: what an organisation knows of its hosts (``--assets``).

CSV with a header: ``host,ip[,role][,criticality][,owner][,valid_from][,valid_to]``.
"""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass
from typing import Final, Literal, cast

from lmgraph import files
from lmgraph.errors import UsageError
from lmgraph.names import canonical_ip
from lmgraph.settings import parse_time, parse_zone

_COLUMNS: Final = ("host", "ip", "role", "criticality", "owner", "valid_from", "valid_to")
_MOST_BYTES: Final = 1 << 28
Role = Literal["workstation", "server", "dc"]


@dataclass(frozen=True, slots=True)
class Asset:
    """One line: a host, an address it has in the half-open interval, and what it is worth."""

    host: str
    ip: str | None
    role: Role | None = None
    criticality: str | None = None
    owner: str | None = None
    valid_from_us: int | None = None
    valid_to_us: int | None = None


def read_assets(path: str | None, tz: str = "UTC") -> tuple[tuple[Asset, ...], str | None]:
    """The lines of an assets file and its SHA-256; nothing for ``None``.

    Raises:
        UsageError: The file cannot be read, lacks a column, or holds a line that makes no sense;
            the error names file, line and column.
    """
    if path is None:
        return (), None
    try:
        content = files.read_whole(path, _MOST_BYTES)
        rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig")), strict=True)
        header = [(name or "").strip().casefold() for name in rows.fieldnames or ()]
        if not {"host", "ip"} <= set(header):
            raise UsageError(
                "the assets file needs a header with the columns host and ip", path=path, record=1
            )
        unknown = sorted(set(header) - set(_COLUMNS))
        if unknown:
            raise UsageError(f"unknown column {unknown[0]!r}", path=path, record=1, field=unknown[0])
        rows.fieldnames = header
        assets = tuple(_asset(row, path, line, tz) for line, row in enumerate(rows, start=2))
    except OSError as error:
        raise UsageError(f"cannot read the assets file: {error.strerror}", path=path) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError("the assets file is no CSV in UTF-8", path=path) from error
    return assets, hashlib.sha256(content).hexdigest()


def _asset(row: dict[str, str | None], path: str, line: int, tz: str) -> Asset:
    def cell(name: str) -> str | None:
        return (row.get(name) or "").strip() or None

    host, role = cell("host"), cell("role")
    if host is None:
        raise UsageError("a line without a host", path=path, record=line, field="host")
    if role is not None and role not in {"workstation", "server", "dc"}:
        raise UsageError(
            f"role {role!r} is none of workstation, server, dc", path=path, record=line, field="role"
        )
    ip = cell("ip")
    address = canonical_ip(ip)
    if ip is not None and address is None:
        raise UsageError(f"{ip!r} is no address", path=path, record=line, field="ip")
    times = []
    for name in ("valid_from", "valid_to"):
        written = cell(name)
        try:
            times.append(None if written is None else parse_time(written, parse_zone(tz)))
        except UsageError as error:
            raise UsageError(error.message, path=path, record=line, field=name) from error
    if times[0] is not None and times[1] is not None and times[0] >= times[1]:
        raise UsageError("valid_from is not before valid_to", path=path, record=line, field="valid_to")
    return Asset(host, address, cast("Role | None", role), cell("criticality"), cell("owner"), *times)
