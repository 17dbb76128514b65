"""A LogScale export of events as NDJSON: enriched, a file a day, newest first."""

from __future__ import annotations

from pathlib import Path

from lmgraph.simulate.estate import Estate
from lmgraph.simulate.flavours.files import json_line, write_gz
from lmgraph.simulate.sensor import Written


class LogScale:
    """Events as the search shows them: tags, ``@timestamp``, ComputerName, and names from the enrichment."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def line(self, written: Written) -> bytes:
        """The record with what the platform adds."""
        head: dict[str, str | int] = {
            "#event_simpleName": written.event,
            "#cid": written.record["cid"],
            "#repo": "base_sensor",
            "@timestamp": written.cloud,
            "@timezone": "Z",
        }
        event = {key: value for key, value in written.record.items() if key != "event_simpleName"}
        return json_line(head | event | written.more | {"ComputerName": written.host.name})

    def begin(self, estate: Estate, days: int) -> None:
        """Nothing: an export holds events alone."""

    def write(self, day: int, lines: list[bytes]) -> None:
        """The file of a day."""
        if lines:
            write_gz(self._folder / f"export-{day + 1:03d}.ndjson.gz", lines[::-1])
