"""Makes Falcon records as FDR writes them: flat objects of strings (FALCON.md §2). Times are in seconds."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Record = dict[str, Any]

CID = "c" * 32
DAY0 = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)  # a Monday
IMAGES = "\\Device\\HarddiskVolume3\\Windows\\System32\\"


def at(day: int, clock: str) -> float:
    """Seconds since 1970 of ``HH:MM[:SS]`` on a day counted from ``DAY0``."""
    parts = [float(part) for part in clock.split(":")]
    seconds = parts[0] * 3600 + parts[1] * 60 + (parts[2] if len(parts) > 2 else 0)
    return DAY0.timestamp() + day * 86400 + seconds


def aid(host: str) -> str:
    """The sensor id of a host: its name in hexadecimal, filled up."""
    return host.encode().hex().ljust(32, "0")[:32]


class Telemetry:
    """Collects the records of a small estate; every method adds one and returns it."""

    def __init__(self, cid: str = CID) -> None:
        self.cid = cid
        self.records: list[Record] = []

    def host(
        self, name: str, ip: str, *, domain: str = "corp.example", product: str = "1", day: int = 0
    ) -> None:
        """A sensor's inventory row, and the address that it holds from the day on."""
        row = {
            "aid": aid(name),
            "cid": self.cid,
            "ComputerName": name,
            "MachineDomain": domain,
            "ProductType": product,
            "Time": f"{at(day, '00:00'):.3f}",
            "event_platform": "Win",
            "aip": "203.0.113.9",
            "AgentVersion": "7.01",
            "Version": "Windows 10",
        }
        self.records.append(row)
        self.address(name, ip, at(day, "00:00"))

    def address(self, host: str, ip: str, when: float, *, removed: bool = False) -> Record:
        """The host has an address from then on, or no longer."""
        name = "LocalIpAddressRemovedIP4" if removed else "LocalIpAddressIP4"
        return self._add(host, name, when, LocalAddressIP4=ip)

    def process(
        self,
        host: str,
        when: float,
        image: str,
        command: str,
        *,
        pid: str,
        sid: str = "",
        logon: str = "",
        **more: str,
    ) -> Record:
        """A process start; ``image`` without a directory lies in System32."""
        path = image if "\\" in image else IMAGES + image
        return self._add(
            host,
            "ProcessRollup2",
            when,
            clock="ProcessStartTime",
            TargetProcessId=pid,
            ImageFileName=path,
            CommandLine=command,
            UserSid=sid,
            AuthenticationId=logon,
            **more,
        )

    def connect(
        self,
        host: str,
        when: float,
        local: str,
        remote: str,
        *,
        pid: str,
        port: int = 445,
        local_port: int = 50000,
        **more: str,
    ) -> Record:
        """An outbound connection."""
        return self._add(
            host,
            "NetworkConnectIP4",
            when,
            LocalAddressIP4=local,
            LocalPort=str(local_port),
            RemoteAddressIP4=remote,
            RemotePort=str(port),
            Protocol="6",
            ConnectionDirection="0",
            ContextProcessId=pid,
            **more,
        )

    def accept(self, host: str, when: float, local: str, remote: str, *, remote_port: int = 50000) -> Record:
        """An inbound connection to port 445."""
        return self._add(
            host,
            "NetworkReceiveAcceptIP4",
            when,
            LocalAddressIP4=local,
            LocalPort="445",
            RemoteAddressIP4=remote,
            RemotePort=str(remote_port),
            Protocol="6",
            ConnectionDirection="1",
            ContextProcessId="4",
        )

    def logon(
        self,
        host: str,
        when: float,
        user: str,
        *,
        sid: str,
        logon: str,
        kind: int = 2,
        remote: str = "",
        domain: str = "CORP",
    ) -> Record:
        """A logon; ``kind`` 3 is a network logon from ``remote``."""
        more = {"RemoteAddressIP4": remote} if remote else {}
        return self._add(
            host,
            "UserLogon",
            when,
            UserName=user,
            LogonDomain=domain,
            UserSid=sid,
            AuthenticationId=logon,
            LogonType=str(kind),
            **more,
        )

    def share(
        self, host: str, when: float, share: str, user: str, remote: str, *, domain: str = "CORP"
    ) -> Record:
        """A share opened, as the target's sensor tells it."""
        return self._add(
            host,
            "SmbServerShareOpenedEtw",
            when,
            clock="",
            UserName=user,
            DomainName=domain,
            SmbShareName=share,
            RemoteAddressIP4=remote,
        )

    def service(self, host: str, when: float, name: str, image: str, remote: str = "") -> Record:
        """A service installed, from ``remote`` where the sensor saw it."""
        more = {"RemoteAddressIP4": remote} if remote else {}
        return self._add(host, "CreateService", when, ServiceDisplayName=name, ServiceImagePath=image, **more)

    def write(self, folder: Path, *, parts: int = 1) -> Path:
        """The records as an FDR folder of gzip parts; returns the folder."""
        write_parts(folder, self.records, parts=parts)
        return folder

    def _add(
        self, host: str, name: str, when: float, *, clock: str = "ContextTimeStamp", **fields: str
    ) -> Record:
        record: Record = {
            "event_simpleName": name,
            "name": f"{name}V1",
            "aid": aid(host),
            "cid": self.cid,
            "aip": "203.0.113.9",
            "event_platform": "Win",
            "id": f"{len(self.records):08x}-{aid(host)[:8]}",
            "timestamp": str(round((when + 0.4) * 1000)),
            **fields,
        }
        if clock:
            record[clock] = f"{when:.3f}"
        self.records.append(record)
        return record


def write_parts(folder: Path, records: Iterable[Record], *, parts: int = 1) -> None:
    """Records dealt in turn to ``part-*.gz`` files of NDJSON."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(record).encode() for record in records]
    for part in range(parts):
        content = b"".join(line + b"\n" for line in lines[part::parts])
        (folder / f"part-{part:05}.gz").write_bytes(gzip.compress(content, mtime=0))
