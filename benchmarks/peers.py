"""The same filter by other means: each gives the ids of the alerts, which must be the same set.

Each is written as its users would: columns projected, conditions pushed down where the tool can, one
thread. None does more than that: no witness is folded, no secret redacted, no duplicate found.
"""

from __future__ import annotations

import importlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from benchmarks.contest import Missing, Work

STARTS: Final = ("ProcessRollup2", "SyntheticProcessRollup2")
CONNECTIONS: Final = ("NetworkConnectIP4", "NetworkConnectIP6")
PSEXEC: Final = r"(?i)(?:^|[\\/])(?:psexec(?:64)?|paexec|remcom)\.exe$"
PSEXEC_ORIGINAL: Final = r"(?i)^(?:psexec\.c|(?:psexec(?:64)?|paexec|remcom)\.exe)$"
NET: Final = r"(?i)(?:^|[\\/])net1?\.exe$"
USE: Final = r"(?i)\buse\b"
SHARE: Final = r'(?i)\\\\[^\\\s"]+\\(?:admin|ipc|c)\$(?:[\\\s"]|$)'
NO_ALERT: Final = ("svchost.exe", "system")  # lower case
COLUMNS: Final = (
    "id", "ImageFileName", "OriginalFilename", "CommandLine", "RemotePort", "ConnectionDirection",
    "ContextBaseFileName",
)  # fmt: skip
RARE: Final = "PSEXESVC"  # a literal that few lines hold


def json_loop(path: str, name_key: str) -> Work:
    """Python's own parser, line by line."""
    return _loop(path, name_key, json.loads)


def orjson_loop(path: str, name_key: str) -> Work:
    """The fastest general parser for Python, line by line."""
    return _loop(path, name_key, _module("orjson").loads)


def polars_ndjson(path: str, name_key: str) -> Work:
    """Query JSON lines with polars, lazily; other fields are not read."""
    polars = _module("polars")
    schema = dict.fromkeys((name_key, *COLUMNS), polars.String)
    return Work(lambda: _by_polars(polars.scan_ndjson(path, schema=schema), name_key), answer=set)


def polars_parquet(path: str, name_key: str) -> Work:
    """Query Parquet with polars, lazily."""
    polars = _module("polars")
    return Work(lambda: _by_polars(polars.scan_parquet(path), name_key), answer=set)


def duckdb_ndjson(path: str, name_key: str) -> Work:
    """Query JSON lines with duckdb; other fields are not read."""
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in (name_key, *COLUMNS))
    return _by_duckdb(f"read_ndjson('{path}', columns={{{columns}}})", name_key)


def duckdb_parquet(path: str, name_key: str) -> Work:
    """Query Parquet with duckdb."""
    return _by_duckdb(f"read_parquet('{path}')", name_key)


def ripgrep(path: str) -> Work:
    """Count the lines with a rare literal: how fast the bytes can be looked at by a tool made for it."""
    return _command("rg", "--threads", "1", "--count", "--fixed-strings", RARE, path)


def igzip(path: str) -> Work:
    """Inflate and throw away: what any reader of gz must do at least."""
    files = sorted(map(str, Path(path).iterdir())) if Path(path).is_dir() else [path]
    return _command("igzip", "--decompress", "--stdout", *files)


def python() -> Work:
    """Start Python and do nothing."""
    return _command(sys.executable, "-c", "pass")


def numpy_sum(path: str) -> Work:
    """Read the memory: the sum of all bytes of a file that lies in memory."""
    import numpy as np

    words = np.fromfile(path, np.uint8, count=Path(path).stat().st_size // 8 * 8).view(np.uint64)
    return Work(words.sum)


def _loop(path: str, name_key: str, decode: Callable[[bytes], Any]) -> Work:
    return Work(lambda: list(_alerts(path, name_key, decode)), answer=set)


def _alerts(path: str, name_key: str, decode: Callable[[bytes], Any]) -> Iterator[str]:
    psexec, original = re.compile(PSEXEC).search, re.compile(PSEXEC_ORIGINAL).search
    net, use, share = re.compile(NET).search, re.compile(USE).search, re.compile(SHARE).search
    with Path(path).open("rb") as lines:
        for line in lines:
            record = decode(line)
            name = record.get(name_key)
            if name in STARTS:
                image, command = record.get("ImageFileName", ""), record.get("CommandLine", "")
                if (
                    psexec(image)
                    or original(record.get("OriginalFilename", ""))
                    or (net(image) and use(command) and share(command))
                ):
                    yield record["id"]
            elif (
                name in CONNECTIONS
                and record.get("RemotePort") == "445"
                and record.get("ConnectionDirection") != "1"
                and record.get("ContextBaseFileName", "").lower() not in NO_ALERT
            ):
                yield record["id"]


def _by_polars(frame: Any, name_key: str) -> list[str]:
    """Run one lazy query."""
    polars = _module("polars")
    name, column = polars.col(name_key), polars.col
    image, command = column("ImageFileName"), column("CommandLine")
    start = name.is_in(list(STARTS)) & (
        image.str.contains(PSEXEC)
        | column("OriginalFilename").str.contains(PSEXEC_ORIGINAL).fill_null(value=False)
        | (image.str.contains(NET) & command.str.contains(USE) & command.str.contains(SHARE))
    )
    process = column("ContextBaseFileName").fill_null("").str.to_lowercase()
    connection = (
        name.is_in(list(CONNECTIONS))
        & (column("RemotePort") == "445")
        & (column("ConnectionDirection").fill_null("0") != "1")
        & ~process.is_in(list(NO_ALERT))
    )
    found: list[str] = (
        frame.filter(start | connection).select("id").collect(engine="streaming")["id"].to_list()
    )
    return found


def _by_duckdb(table: str, name_key: str) -> Work:
    connection = _module("duckdb").connect()
    connection.execute("SET threads TO 1")
    query = f"""
        SELECT id FROM {table}
        WHERE (
            "{name_key}" IN {STARTS}
            AND (
                regexp_matches(ImageFileName, '{PSEXEC}')
                OR regexp_matches(coalesce(OriginalFilename, ''), '{PSEXEC_ORIGINAL}')
                OR (
                    regexp_matches(ImageFileName, '{NET}') AND regexp_matches(CommandLine, '{USE}')
                    AND regexp_matches(CommandLine, '{SHARE}')
                )
            )
        ) OR (
            "{name_key}" IN {CONNECTIONS} AND RemotePort = '445'
            AND coalesce(ConnectionDirection, '0') <> '1'
            AND lower(coalesce(ContextBaseFileName, '')) NOT IN {NO_ALERT}
        )
    """

    def run() -> list[str]:
        return [found for (found,) in connection.execute(query).fetchall()]

    return Work(run, answer=set)


def _module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise Missing("not installed") from error


def _command(name: str, *arguments: str) -> Work:
    program = shutil.which(name)
    if program is None:
        raise Missing("not installed")

    def run() -> None:
        subprocess.run((program, *arguments), check=True, stdout=subprocess.DEVNULL)

    return Work(run)
