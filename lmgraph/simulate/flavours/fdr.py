"""Falcon Data Replicator: batches of gz parts, and the inventory beside them.

References:
    Layout and side files: the FDR guide and the configuration of its public consumers.
"""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Final

from lmgraph.simulate.estate import CID, DOMAIN, REALM, Estate, Host
from lmgraph.simulate.flavours.files import json_line, write_gz
from lmgraph.simulate.sensor import Written
from lmgraph.simulate.times import moment, seconds

_PART: Final = 30_000  # lines; FDR keeps parts below 25 MB
_VERSIONS: Final = {"1": "Windows 11", "2": "Windows Server 2022", "3": "Windows Server 2019"}


class Fdr:
    """Raw events: no host, user or file names but what the sensor itself writes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def line(self, written: Written) -> bytes:
        """The record itself; its keys in an order that means nothing."""
        record: dict[str, str | int] = dict(written.record)
        keys = list(record)
        turn = int(written.record["id"][9:13], 16) % len(keys)
        return json_line({key: record[key] for key in keys[turn:] + keys[:turn]})

    def begin(self, estate: Estate, days: int) -> None:
        """The inventory: hosts and accounts once, addresses every morning."""
        managed = [host for host in estate.hosts if host.managed]
        taken = moment(0, 6)
        write_gz(self._folder / "fdrv2/aidmaster/part-00000.gz", [_master(host, taken) for host in managed])
        for day in range(days):
            rows = [_asset(host, moment(day, 6)) for host in managed]
            write_gz(self._folder / f"fdrv2/managedassets/part-{day:05d}.gz", rows)
        users = [
            json_line(
                {
                    "UserSid_readable": account.sid,
                    "UserName": account.name,
                    "User": rf"{DOMAIN}\{account.name}",
                    "AccountType": "Domain User",
                    "UserIsAdmin": "0" if account.reach == "none" else "1",
                    "_time": seconds(taken),
                    "cid": CID,
                    "event_platform": "Win",
                }
            )
            for account in estate.accounts
        ]
        write_gz(self._folder / "fdrv2/userinfo/part-00000.gz", users)

    def write(self, day: int, lines: list[bytes]) -> None:
        """A batch a day."""
        if not lines:
            return
        batch = self._folder / "data" / str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{day}.{REALM}"))
        for number, start in enumerate(range(0, len(lines), _PART)):
            write_gz(batch / f"part-{number:05d}.gz", lines[start : start + _PART])
        (batch / "_SUCCESS").write_bytes(b"")


def _master(host: Host, taken: int) -> bytes:
    return json_line(
        {
            "aid": host.aid,
            "cid": CID,
            "ComputerName": host.name,
            "MachineDomain": REALM,
            "ProductType": f"{host.product}.0",
            "SiteName": host.site.code,
            "Version": _VERSIONS[host.product],
            "AgentVersion": "7.29.20104.0",
            "Time": seconds(taken),
            "aip": f"203.0.113.{7 + host.site.number}",
            "event_platform": "Win",
        }
    )


def _asset(host: Host, taken: int) -> bytes:
    return json_line(
        {
            "aid": host.aid,
            "cid": CID,
            "LocalAddressIP4": host.ip(taken),
            "MAC": f"02-00-00-00-{host.number // 256:02x}-{host.number % 256:02x}",
            "GatewayIP": host.ip(taken).rpartition(".")[0] + ".1",
            "InterfaceAlias": "Ethernet",
            "_time": seconds(taken),
        }
    )
