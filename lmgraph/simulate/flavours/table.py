"""The result of the published query, repaired, as CSV: a file a day, newest first, nothing but alert rows.

Repaired means: ``psexec.exe`` is found, a connection takes its program's name from
``ContextBaseFileName`` where the sensor writes it, and what matches no clause is dropped. A
connection by an older sensor keeps a blank name, whoever made it: so the query has it.
"""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Final

from lmgraph.simulate.estate import Estate
from lmgraph.simulate.sensor import Written

COLUMNS: Final = (
    *("@timestamp", "ComputerName", "UserName", "FileName", "CommandLine"),
    *("RemoteAddressIP4", "RemotePort", "alert_type"),
)
_PSEXEC: Final = re.compile(r"(psexec(64)?|paexec|remcom)\.exe", re.IGNORECASE)
_NET: Final = re.compile(r"net1?\.exe", re.IGNORECASE)
_USE: Final = re.compile(r"\buse\b", re.IGNORECASE)
_SHARE: Final = re.compile(r"(ADMIN\$|IPC\$|C\$)", re.IGNORECASE)


class Table:
    """Rows of ``table([@timestamp, ComputerName, …, alert_type])``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def line(self, written: Written) -> bytes | None:
        """The row of a record that the query matches."""
        alert = _alert(written)
        if alert is None:
            return None
        record, more = written.record, written.more
        name = more.get("FileName") or record.get("ContextBaseFileName", "")
        peer = (record["RemoteAddressIP4"], record["RemotePort"]) if "RemotePort" in record else ("", "")
        cells = (more.get("UserName", ""), name, record.get("CommandLine", ""), *peer, alert)
        return _row([str(written.cloud), written.host.name, *cells])

    def begin(self, estate: Estate, days: int) -> None:
        """Nothing: a table holds rows alone."""

    def write(self, day: int, lines: list[bytes]) -> None:
        """The table of a day."""
        if lines:
            self._folder.mkdir(parents=True, exist_ok=True)
            content = b"".join(line + b"\r\n" for line in [_row(list(COLUMNS)), *lines[::-1]])
            (self._folder / f"t1021-002-{day + 1:03d}.csv").write_bytes(content)


def _alert(written: Written) -> str | None:
    if written.event == "ProcessRollup2":
        name, command = written.more["FileName"], written.record["CommandLine"]
        if _PSEXEC.fullmatch(name):
            return "PsExecExecution"
        if _NET.fullmatch(name) and _USE.search(command) and _SHARE.search(command):
            return "NetUseAdminShare"
    if written.event == "NetworkConnectIP4" and written.record["RemotePort"] == "445":
        exempt = written.record.get("ContextBaseFileName") in {"svchost.exe", "System"}
        return None if exempt else "SMB445Connection"
    return None


def _row(cells: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue().encode()
