"""What sensors write: Falcon events as FDR has them, flat objects of strings.

Every method of ``Pen`` writes the records of one thing that happened on one host, at a true time in
milliseconds; the host's clock, the way to the cloud and ids are added here.

References:
    Field names and what each event means: CrowdStrike's events data dictionary and public FDR samples.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

from lmgraph.simulate.chance import Chance
from lmgraph.simulate.estate import CID, DOMAIN, REALM, SYSTEM, Account, Host
from lmgraph.simulate.times import seconds

Record = dict[str, str]
SMB = 445
KERNEL_LOGON: Final = "999"
VOLUME: Final = r"\Device\HarddiskVolume3"
SYSTEM32: Final = rf"{VOLUME}\Windows\System32"
PROGRAMS: Final = rf"{VOLUME}\Program Files"
_BLOCK: Final = 2_048  # draws made at once; one by one they would cost more than the record
_VERSIONS: Final = {"ProcessRollup2": "V19", "NetworkConnectIP4": "V12", "UserLogon": "V8"}


@dataclass(frozen=True, slots=True)
class Session:
    """An account logged on to a host."""

    account: Account
    logon_id: str
    host: Host


@dataclass(frozen=True, slots=True)
class Written:
    """A record on its way: ``record`` as FDR has it, ``more`` what LogScale adds; ``lost``: never arrives."""

    cloud: int
    host: Host
    event: str
    record: Record
    more: Record
    lost: bool = False


@cache
def _digest(name: str) -> str:
    return hashlib.sha256(name.lower().encode()).hexdigest()


@cache
def _identity(host: Host) -> tuple[str, int]:
    """Sensor id of a host, and a number that its process ids begin with."""
    return host.aid, int(host.aid[:8], 16)


def kernel(host: Host) -> str:
    """Falcon's id of the System process."""
    return str(_identity(host)[1] * 1000 + 4)


def lasting(host: Host, program: str) -> str:
    """Falcon's id of a process that was running before all days and runs on."""
    return str(_identity(host)[1] * 1000 + 100 + int(_digest(program)[:2], 16))


def base_name(image: str) -> str:
    """The file name of a path."""
    return image.rsplit("\\", 1)[-1]


class Pen:
    """Writes for one concern, with chance of its own.

    ``ids`` and ``latest`` are the ids of the records written that are not lost, and the last time
    (ms); whoever wants to know what one act wrote clears them before.
    """

    def __init__(
        self, chance: Chance, outlet: Callable[[Written], None], outage: Callable[[Host, int], int],
        lost: Callable[[Host, int, str], bool] = lambda host, when, number: False,  # noqa: ARG005 - a stand-in
    ) -> None:  # fmt: skip
        self.chance = chance
        self.ids: list[str] = []
        self.latest = 0
        self._outlet, self._outage, self._lost = outlet, outage, lost
        self._numbers: list[int] = []
        self._lags: list[float] = []
        self._ids: list[str] = []

    def number(self) -> int:
        """A fresh number below 2**31."""
        if not self._numbers:
            self._numbers = self.chance.generator.integers(0, 2**31, _BLOCK).tolist()
        return self._numbers.pop()

    def delay(self, least: int, most: int) -> int:
        """So many milliseconds."""
        return least + self.number() % (most - least + 1)

    def write(self, host: Host, when: int, event: str, fields: Record, more: Record | None = None) -> None:
        """One record of the host's sensor, if there is one."""
        self.latest = max(self.latest, when)
        if not host.managed:
            return
        cloud = max(when + self._lag(), self._outage(host, when))
        aid, _ = _identity(host)
        record = {
            "event_simpleName": event,
            "name": event + _VERSIONS.get(event, "V5"),
            "aid": aid,
            "cid": CID,
            "id": self._id(),
            "aip": f"203.0.113.{7 + host.site.number}",
            "event_platform": "Win",
            "timestamp": str(cloud),
            "ConfigBuild": "1007.3.0020104.1" if host.modern else "1007.3.0017213.1",
            "EffectiveTransmissionClass": "3",
            "Entitlements": "15",
        }
        if host.modern:
            record["ComputerName"] = host.name
        lost = self._lost(host, when, record["id"])
        if not lost:
            self.ids.append(record["id"])
        self._outlet(Written(cloud, host, event, record | fields, more or {}, lost))

    def stamp(self, host: Host, when: int) -> Record:
        """The time on the endpoint's clock."""
        return {"ContextTimeStamp": seconds(when + host.clock_ms)}

    def process(
        self, by: Session, when: int, image: str, command: str, parent: str = "cmd.exe", number: str = ""
    ) -> str:
        """A process start; returns its Falcon id. ``number``: an id already in use, found by a rundown."""
        host, name, synthetic = by.host, base_name(image), bool(number)
        number = number or str(_identity(host)[1] * 1000 + 1_000_000_000_000 + self.number())
        fields = {
            "TargetProcessId": number,
            "ParentProcessId": lasting(host, parent),
            "RawProcessId": str(1000 + self.number() % 16_000 * 4),
            "ImageFileName": image,
            "CommandLine": command,
            "ParentBaseFileName": parent,
            "UserSid": by.account.sid,
            "AuthenticationId": by.logon_id,
            "IntegrityLevel": "16384" if by.account is SYSTEM else "12288",
            "ProcessStartTime": seconds(when + host.clock_ms),
            "ProcessEndTime": "",
            "SHA256HashData": _digest(name),
        }
        if synthetic:
            fields |= self.stamp(host, when) | {"SyntheticPR2Flags": "0"}
        user = f"{host.name}$" if by.account is SYSTEM else by.account.name
        more = {"FileName": name, "FilePath": image[: -len(name)], "UserName": user}
        event = "SyntheticProcessRollup2" if synthetic else "ProcessRollup2"
        self.write(host, when, event, fields, more)
        return number

    def connect(self, host: Host, when: int, peer: str, process: str, image: str, port: int = SMB) -> str:
        """An outbound connection of a process; returns its local port."""
        local = str(49_200 + self.number() % 16_000)
        fields = self._ends(host, when, local, peer, str(port)) | {"ContextProcessId": process}
        fields |= {"ConnectionDirection": "0"}
        if host.modern:
            fields["ContextBaseFileName"] = base_name(image)
        self.write(host, when, "NetworkConnectIP4", fields)
        return local

    def accept(self, host: Host, when: int, peer: str, peer_port: str, port: int = SMB) -> None:
        """A connection accepted; ``peer_port`` is the local port of the other side."""
        fields = self._ends(host, when, str(port), peer, peer_port) | {"ContextProcessId": kernel(host)}
        self.write(host, when, "NetworkReceiveAcceptIP4", fields | {"ConnectionDirection": "1"})

    def _ends(self, host: Host, when: int, port: str, peer: str, peer_port: str) -> Record:
        local = {"LocalAddressIP4": host.ip(when), "LocalPort": port}
        remote = {"RemoteAddressIP4": peer, "RemotePort": peer_port}
        return self.stamp(host, when) | local | remote | {"Protocol": "6", "InContext": "0"}

    def logon(
        self, host: Host, when: int, account: Account, kind: int, peer: Host | None = None, logon_id: str = ""
    ) -> Session:
        """A logon of ``kind``: 2 interactive, 3 network, 5 service, 9 new credentials, 10 remote."""
        session = Session(account, logon_id or str(1_000_000 + self.number()), host)
        fields = (
            self.stamp(host, when)
            | self._account(account)
            | {
                "LogonServer": f"{host.site.code}-DC",
                "LogonType": str(kind),
                "LogonTime": seconds(when + host.clock_ms),
                "AuthenticationId": session.logon_id,
                "AuthenticationPackage": "Kerberos" if kind != 9 else "Negotiate",
                "ClientComputerName": peer.name if peer and kind == 10 else "-",
                "RemoteAccount": "1",
                "UserIsAdmin": "0" if account.reach == "none" else "1",
            }
        )
        if peer:
            fields["RemoteAddressIP4"] = peer.ip(when)
        self.write(host, when, "UserLogon", fields)
        if kind in {2, 10}:
            again = {key: value for key, value in fields.items() if key not in _NOT_IN_IDENTITY}
            self.write(
                host, when + 40, "UserIdentity", again | {"LogonId": session.logon_id, "SessionId": "1"}
            )
        return session

    def logon_failed(self, host: Host, when: int, account: Account, peer: Host) -> None:
        """A network logon refused."""
        fields = (
            self.stamp(host, when)
            | self._account(account)
            | {
                "LogonType": "3",
                "Status": "-1073741715",
                "SubStatus": "-1073741718",
                "ClientComputerName": peer.name,
                "RemoteAddressIP4": peer.ip(when),
            }
        )
        self.write(host, when, "UserLogonFailed2", fields)

    @staticmethod
    def _account(account: Account) -> Record:
        principal = f"{account.name}@{REALM}"
        names = {"UserName": account.name, "UserPrincipal": principal, "LogonDomain": DOMAIN}
        return names | {"UserSid": account.sid}

    def logoff(self, session: Session, when: int) -> None:
        """The end of a session."""
        fields = {"UserName": session.account.name, "UserSid": session.account.sid}
        fields |= self.stamp(session.host, when) | {"AuthenticationId": session.logon_id}
        self.write(session.host, when, "UserLogoff", fields)

    def share(self, host: Host, when: int, account: Account, share: str, peer: Host) -> None:
        """A share of the host opened from ``peer``; this event carries no clock of the endpoint."""
        fields = {"UserName": account.name, "DomainName": DOMAIN, "RemoteAddressIP4": peer.ip(when)}
        self.write(host, when, "SmbServerShareOpenedEtw", fields | {"SmbShareName": rf"\\*\{share}"})

    def client_share(self, host: Host, when: int, server: str, share: str) -> None:
        """A share opened by the host. Falcon calls the server "client" here."""
        fields = {"ClientComputerName": server, "SmbShareName": rf"\\{server}\{share}"}
        self.write(host, when, "SmbClientShareOpenedEtw", fields)

    def service(self, host: Host, when: int, name: str, path: str, peer: Host | None) -> None:
        """A service installed; ``peer``: from there, where the sensor saw it."""
        fields = self.stamp(host, when) | {"ServiceDisplayName": name, "ServiceImagePath": path}
        if peer:
            fields |= {"ClientComputerName": peer.name, "RemoteAddressIP4": peer.ip(when)}
        self.write(host, when, "CreateService", fields)

    def service_started(
        self, host: Host, when: int, name: str, image: str, command: str, process: str
    ) -> None:
        """A service started."""
        fields = self.stamp(host, when) | {
            "ServiceDisplayName": name,
            "ImageFileName": image,
            "CommandLine": command,
            "TargetProcessId": process,
            "UserName": f"{host.name}$",
            "AuthenticationId": KERNEL_LOGON,
        }
        self.write(host, when, "ServiceStarted", fields)

    def address(self, host: Host, when: int, address: str, *, removed: bool = False) -> None:
        """The host takes an address, or gives it up."""
        event = "LocalIpAddressRemovedIP4" if removed else "LocalIpAddressIP4"
        self.write(host, when, event, self.stamp(host, when) | {"LocalAddressIP4": address})

    def online(self, host: Host, when: int) -> None:
        """The host has started: its sensor reports, and the address that it has."""
        fields = self.stamp(host, when) | {"ComputerName": host.name, "AgentVersion": "7.29.20104.0"}
        self.write(host, when, "AgentOnline", fields)
        self.address(host, when + 900, host.ip(when))

    def domain_name(self, host: Host, when: int, name: str) -> None:
        """A name looked up."""
        self.write(
            host, when, "DnsRequest", self.stamp(host, when) | {"DomainName": name, "RequestType": "1"}
        )

    def _lag(self) -> int:
        """On the way to the cloud: 0.4 s at the median, up to a minute."""
        if not self._lags:
            self._lags = self.chance.generator.lognormal(-0.9, 0.8, _BLOCK).tolist()
        return min(round(self._lags.pop() * 1000), 60_000)

    def _id(self) -> str:
        if not self._ids:
            digits = self.chance.generator.bytes(16 * _BLOCK).hex()
            self._ids = [digits[start : start + 32] for start in range(0, len(digits), 32)]
        digits = self._ids.pop()
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


_NOT_IN_IDENTITY: Final = frozenset({"ContextTimeStamp", "ClientComputerName", "RemoteAddressIP4"})
