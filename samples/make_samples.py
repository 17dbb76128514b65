"""Writes the files beside it: eight days of a made-up company, and one intrusion (README.md tells it).

Run ``make samples``. The same records come out every time: chance is seeded and gz members carry no time.
The script knows the story, not the engine: it imports nothing of lmgraph.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import hashlib
import io
import itertools
import json
import random
import shutil
import uuid
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
SEED = 1021002
START = dt.datetime(2026, 5, 6, tzinfo=dt.UTC)  # a Wednesday; day 1 of the story
DAYS = 8
WEEKEND = (4, 5)  # days of the story without people
ATTACK = 7
ADMIN_SHARES = ("ADMIN$", "C$", "IPC$")

CID = hashlib.blake2b(b"CORP", digest_size=16).hexdigest()
DOMAIN, REALM = "CORP", "corp.example"
SYSTEM32 = r"\Device\HarddiskVolume3\Windows\System32"
PROGRAMS = r"\Device\HarddiskVolume3\Program Files"
NET = rf"{SYSTEM32}\net.exe"
KERNEL_LOGON, KERNEL_SID = "999", "S-1-5-18"

Record = dict[str, str]


@dataclass(slots=True)
class Host:
    """A computer; ``clock_ms`` is how far its clock is ahead, ``moves`` its address from ``moved_at`` on."""

    name: str
    first_ip: str
    product: str  # ProductType: 1 workstation, 2 domain controller, 3 server
    modern: bool = True  # its sensor writes ContextBaseFileName
    clock_ms: int = 0
    managed: bool = True
    moved_at: int = 0
    moves: str = ""
    processes: int = 0
    logons: int = 0

    def ip(self, when: int) -> str:
        """The address it holds at that time (ms)."""
        return self.moves if self.moves and when >= self.moved_at else self.first_ip

    @property
    def aid(self) -> str:
        """The sensor's id, 32 hexadecimal digits."""
        return hashlib.blake2b(self.name.encode(), digest_size=16).hexdigest()

    @property
    def kernel(self) -> str:
        """Falcon's id of the System process."""
        return str(int(self.aid[:8], 16) * 1000 + 4)


@dataclass(frozen=True, slots=True)
class Account:
    """A domain account."""

    name: str
    rid: int

    @property
    def sid(self) -> str:
        """Its security identifier."""
        return KERNEL_SID if self.rid == 18 else f"S-1-5-21-1004336348-1177238915-682003330-{self.rid}"


@dataclass(slots=True)
class Session:
    """An account logged on to a host."""

    user: Account
    logon_id: str
    host: Host


SYSTEM = Account("SYSTEM", 18)
NAMES = (
    "amir berta carl dave edda farid gitta hugo ines jonas kati lars mona nils olga piet quinn rosa sven "
    "tara ulla vera wim yara"
)
PEOPLE = {f"WS{n:03d}": Account(name, 1101 + n) for n, name in enumerate(NAMES.split(), start=1)}
PEOPLE |= {"WS042": Account("alice", 1142), "ADM01": Account("carol", 1143)}
ADM = Account("adm", 1501)
HELP_DESK = Account("hd_dave", 1502)
SVC_SQL = Account("svc_sql", 1601)
SVC_BACKUP = Account("svc_backup", 1602)
SVC_SCAN = Account("svc_scan", 1603)
SECRETS = {ADM: "Winter2026!", SVC_SQL: "S3rv1ce-Sql#9"}  # made up, like everything here


def estate() -> dict[str, Host]:
    """The company's 40 hosts with a sensor, and the one without."""
    hosts = [Host(name, f"10.20.1.{100 + int(name[2:])}", "1") for name in PEOPLE if name != "ADM01"]
    hosts += [Host("ADM01", "10.20.1.10", "1")]
    hosts += [Host(f"SRV{n}", f"10.20.10.{n}", "3", modern=n != 7) for n in range(5, 13)]
    hosts += [Host("DC1", "10.20.10.101", "2"), Host("DC2", "10.20.10.102", "2", modern=False)]
    hosts += [Host("FS01", "10.20.10.31", "3"), Host("JMP01", "10.20.10.41", "3")]
    hosts += [Host("BKP01", "10.20.10.42", "3", modern=False), Host("SCAN01", "10.20.10.43", "3")]
    hosts += [Host("NAS3", "10.20.10.33", "3", managed=False)]
    by_name = {host.name: host for host in hosts}
    moved, before = by_name["SRV12"], by_name["WS017"]
    moved.clock_ms, before.clock_ms = 6_000, -2_500
    moved.moved_at, moved.moves = at(ATTACK, "12:55"), before.first_ip
    before.moved_at, before.moves = at(ATTACK, "12:02:04"), "10.20.1.217"
    return by_name


def at(day: int, clock: str) -> int:
    """Milliseconds since 1970 of ``HH:MM[:SS[.mmm]]`` on that day of the story (1 is the first)."""
    hours = dt.time.fromisoformat(clock)
    moment = dt.datetime.combine(START.date() + dt.timedelta(days=day - 1), hours, tzinfo=dt.UTC)
    return round(moment.timestamp() * 1000)


def seconds(ms: int) -> str:
    """Falcon's ``sec.mmm``."""
    return f"{ms // 1000}.{ms % 1000:03d}"


def base_name(image: str) -> str:
    """The file name of a path."""
    return image.rsplit("\\", 1)[-1]


@dataclass(slots=True)
class Tape:
    """Everything that the sensors wrote, in the order of writing, and what the corrected query says of it."""

    chance: random.Random = field(default_factory=lambda: random.Random(SEED))
    records: list[tuple[int, Host, Record, Record]] = field(default_factory=list)  # raw and enrichment
    rows: list[tuple[int, list[str]]] = field(default_factory=list)

    def write(self, host: Host, when: int, event: str, fields: Record, more: Record | None = None) -> int:
        """One sensor record at the true time ``when`` (ms); returns its cloud time. ``more``: enrichment."""
        cloud = when + self.chance.randint(150, 1_900)
        if not host.managed:
            return cloud
        version = {"ProcessRollup2": "V19", "NetworkConnectIP4": "V12", "UserLogon": "V8"}.get(event, "V5")
        record = {
            "event_simpleName": event,
            "name": event + version,
            "aid": host.aid,
            "cid": CID,
            "id": str(uuid.UUID(int=self.chance.getrandbits(128), version=4)),
            "aip": "203.0.113.7",
            "event_platform": "Win",
            "timestamp": str(cloud),
            "ConfigBuild": "1007.3.0020104.1" if host.modern else "1007.3.0017213.1",
            "EffectiveTransmissionClass": "3",
            "Entitlements": "15",
        }
        enrichment = {"ComputerName": host.name} | (more or {})
        self.records.append((cloud, host, record | fields, enrichment))
        return cloud

    def context(self, host: Host, when: int) -> Record:
        """The endpoint's clock."""
        return {"ContextTimeStamp": seconds(when + host.clock_ms)}

    def row(self, cloud: int, host: Host, *cells: str) -> None:
        """One row of the query's result: UserName and the columns after it."""
        self.rows.append((cloud, [str(cloud), host.name, *cells]))

    def process(
        self, by: Session, when: int, image: str, command: str, parent: str = "cmd.exe", alert: str = ""
    ) -> str:
        """A process start; returns its Falcon id."""
        host = by.host
        host.processes += 1
        process_id = str(int(host.aid[:8], 16) * 1000 + 1000 + 37 * host.processes)
        digest = hashlib.sha256(base_name(image).lower().encode()).hexdigest()
        fields = {
            "TargetProcessId": process_id,
            "ParentProcessId": str(int(host.aid[:8], 16) * 1000 + 11),
            "RawProcessId": str(2000 + 4 * host.processes),
            "ImageFileName": image,
            "CommandLine": command,
            "ParentBaseFileName": parent,
            "UserSid": by.user.sid,
            "AuthenticationId": by.logon_id,
            "IntegrityLevel": "16384" if by.user is SYSTEM else "12288",
            "ProcessStartTime": seconds(when + host.clock_ms),
            "ProcessEndTime": "",
            "SHA256HashData": digest,
        }
        more = {"FileName": base_name(image), "UserName": by.user.name}
        cloud = self.write(host, when, "ProcessRollup2", fields, more)
        if alert:
            self.row(cloud, host, by.user.name, base_name(image), command, "", "", alert)
        return process_id

    def connect(
        self, host: Host, when: int, peer: Host, process_id: str, image: str, *, port: int = 445
    ) -> str:
        """An outbound connection; returns its local port. Not the kernel's to 445: a row of the query."""
        local, name = str(self.chance.randint(49_200, 65_400)), base_name(image)
        fields = self.ends(host, when, local, peer, str(port)) | {"ContextProcessId": process_id}
        fields |= {"ConnectionDirection": "0"} | ({"ContextBaseFileName": name} if host.modern else {})
        cloud = self.write(host, when, "NetworkConnectIP4", fields)
        if port == 445 and name not in {"System", "svchost.exe"}:
            self.row(cloud, host, "", name, "", peer.ip(when), "445", "SMB445Connection")
        return local

    def accept(self, host: Host, when: int, peer: Host, peer_port: str) -> None:
        """The same connection, seen on its target."""
        fields = self.ends(host, when, "445", peer, peer_port) | {"ContextProcessId": host.kernel}
        self.write(host, when, "NetworkReceiveAcceptIP4", fields | {"ConnectionDirection": "1"})

    def ends(self, host: Host, when: int, port: str, peer: Host, peer_port: str) -> Record:
        """The fields that say who is connected with whom."""
        local = {"LocalAddressIP4": host.ip(when), "LocalPort": port}
        remote = {"RemoteAddressIP4": peer.ip(when), "RemotePort": peer_port}
        return self.context(host, when) | local | remote | {"Protocol": "6", "InContext": "0"}

    def logon(self, host: Host, when: int, user: Account, kind: int, peer: Host | None = None) -> Session:
        """A logon of ``kind`` (2 interactive, 3 network, 5 service, 10 remote interactive)."""
        host.logons += 1
        session = Session(user, str(int(host.aid[8:13], 16) + 7919 * host.logons), host)
        fields = self.context(host, when) | {
            "UserName": user.name,
            "UserSid": user.sid,
            "UserPrincipal": f"{user.name}@{REALM}",
            "LogonDomain": DOMAIN,
            "LogonServer": "DC1",
            "LogonType": str(kind),
            "LogonTime": seconds(when + host.clock_ms),
            "AuthenticationId": session.logon_id,
            "AuthenticationPackage": "Kerberos",
            "ClientComputerName": peer.name if peer and kind == 10 else "-",
            "RemoteAccount": "1",
            "UserIsAdmin": "1" if user in {ADM, HELP_DESK, SVC_BACKUP} else "0",
        }
        if peer:
            fields["RemoteAddressIP4"] = peer.ip(when)
        self.write(host, when, "UserLogon", fields)
        return session

    def logoff(self, session: Session, when: int) -> None:
        """The end of a session."""
        fields = {"UserName": session.user.name, "UserSid": session.user.sid}
        fields |= self.context(session.host, when) | {"AuthenticationId": session.logon_id}
        self.write(session.host, when, "UserLogoff", fields)

    def share(self, host: Host, when: int, user: Account, share: str, peer: Host) -> None:
        """A share of ``host`` opened by ``peer``, seen on ``host``."""
        fields = {"UserName": user.name, "DomainName": DOMAIN, "RemoteAddressIP4": peer.ip(when)}
        self.write(host, when, "SmbServerShareOpenedEtw", fields | {"SmbShareName": rf"\\*\{share}"})

    def service(self, host: Host, when: int, image: str, peer: Host) -> str:
        """PsExec's service installed, started and running; returns its process id."""
        fields = self.context(host, when) | {
            "ServiceDisplayName": "PSEXESVC",
            "ServiceImagePath": r"%SystemRoot%\PSEXESVC.exe",
            "ClientComputerName": peer.name,
            "RemoteAddressIP4": peer.ip(when),
        }
        self.write(host, when, "CreateService", fields)
        system = Session(SYSTEM, KERNEL_LOGON, host)
        process_id = self.process(system, when + 310, image, r"C:\Windows\PSEXESVC.exe", "services.exe")
        fields = self.context(host, when + 400) | {
            "ServiceDisplayName": "PSEXESVC",
            "ImageFileName": image,
            "CommandLine": r"C:\Windows\PSEXESVC.exe",
            "TargetProcessId": process_id,
            "UserName": f"{host.name}$",
            "AuthenticationId": KERNEL_LOGON,
        }
        self.write(host, when + 400, "ServiceStarted", fields)
        return process_id

    def address(self, host: Host, when: int, *, removed: bool = False) -> None:
        """The host takes the address that it then holds, or gives it up."""
        event = "LocalIpAddressRemovedIP4" if removed else "LocalIpAddressIP4"
        self.write(host, when, event, self.context(host, when) | {"LocalAddressIP4": host.ip(when)})


# What people and programs do --------------------------------------------------------------------------------


def smb(tape: Tape, source: Host, target: Host, when: int, user: Account, share: str) -> Session:
    """The kernel's side of every access to a share; returns the network logon on the target."""
    port = tape.connect(source, when, target, source.kernel, "System")
    tape.accept(target, when + 12, source, port)
    session = tape.logon(target, when + 60, user, 3, source)
    tape.share(target, when + 95, user, share, source)
    if share in ADMIN_SHARES and target.managed:  # misleading: Falcon calls the server "client" here
        fields = {"ClientComputerName": target.name, "SmbShareName": rf"\\{target.name}\{share}"}
        tape.write(source, when + 110, "SmbClientShareOpenedEtw", fields)
    return session


def net_use(
    tape: Tape,
    by: Session,
    target: Host,
    when: int,
    share: str,
    token: str = "",
    typed: Account | None = None,
) -> None:
    """``net use`` of a share; ``token``: how the command names the target; ``typed``: an explicit account."""
    command = rf"net  use \\{token or target.name}\{share}"
    if typed:
        command += rf" /user:{DOMAIN}\{typed.name} {SECRETS[typed]}"
    alert = "NetUseAdminShare" if share in ADMIN_SHARES else ""
    tape.process(by, when, NET, command, alert=alert)
    smb(tape, by.host, target, when + 240, typed or by.user, share)


def psexec(
    tape: Tape,
    by: Session,
    target: Host,
    when: int,
    image: str,
    token: str = "",
    typed: Account | None = None,
) -> Session:
    """PsExec with a command prompt; returns the session that it opens on the target."""
    account = rf" -u {DOMAIN}\{typed.name} -p {SECRETS[typed]}" if typed else ""
    command = rf"{base_name(image)} \\{token or target.name}{account} -accepteula cmd.exe"
    tape.process(by, when, image, command, alert="PsExecExecution")
    landed = smb(tape, by.host, target, when + 420, typed or by.user, "ADMIN$")
    tape.service(target, when + 1_500, r"\Device\HarddiskVolume3\Windows\PSEXESVC.exe", by.host)
    if typed:  # typed credentials give a logon of their own
        landed = tape.logon(target, when + 2_100, typed, 2)
    tape.process(landed, when + 2_300, rf"{SYSTEM32}\cmd.exe", "cmd.exe", "PSEXESVC.exe")
    return landed


def probe(tape: Tape, by: Session, target: Host, when: int, token: str = "") -> None:
    """PowerShell asks whether port 445 answers: user-mode SMB, unlike the kernel's."""
    image = rf"{SYSTEM32}\WindowsPowerShell\v1.0\powershell.exe"
    command = f"powershell -nop -c Test-NetConnection {token or target.name} -Port 445"
    process_id = tape.process(by, when, image, command)
    port = tape.connect(by.host, when + 890, target, process_id, image)
    tape.accept(target, when + 900, by.host, port)


def workdays(tape: Tape, hosts: dict[str, Host]) -> dict[tuple[int, str], Session]:
    """Logons, logon scripts, mail, file shares; returns the interactive sessions by day and host."""
    sessions = {}
    programs = ("OUTLOOK.EXE", "chrome.exe", "EXCEL.EXE", "Teams.exe")
    for day, (name, user) in itertools.product(range(1, DAYS + 1), PEOPLE.items()):
        if day in WEEKEND:
            continue
        host, start = hosts[name], at(day, "07:40") + tape.chance.randint(0, 70 * 60_000)
        tape.address(host, start - 60_000)
        session = sessions[day, name] = tape.logon(host, start, user, 2)
        smb(tape, host, hosts["DC1"], start + 4_000, user, "SYSVOL")
        tape.process(session, start + 6_000, NET, r"net  use H: \\FS01\home")
        if name in {"WS006", "WS012", "WS018", "WS024"}:  # an old logon script still opens IPC$ first
            net_use(tape, session, hosts["FS01"], start + 9_000, "IPC$")
        for _ in range(2):
            later = start + tape.chance.randint(600_000, 8 * 3_600_000)
            smb(tape, host, hosts["FS01"], later, user, "projects")
            program = tape.chance.choice(programs)
            tape.process(
                session, later + 5_000, rf"{PROGRAMS}\Office\{program}", f'"{program}"', "explorer.exe"
            )
            fields = {"DomainName": f"{program.split('.')[0].lower()}.example", "RequestType": "1"}
            tape.write(host, later + 6_000, "DnsRequest", tape.context(host, later + 6_000) | fields)
        if name != "WS042" or day != ATTACK:  # alice leaves her session open on the evening that matters
            tape.logoff(session, start + tape.chance.randint(32_000_000, 34_000_000))
    return sessions


def administration(tape: Tape, hosts: dict[str, Host]) -> None:
    """What the administrator and the help desk do on purpose, day after day."""
    admin, desk, jump = hosts["ADM01"], hosts["WS003"], hosts["JMP01"]
    visits = {1: "WS005 WS011", 2: "WS008", 3: "WS017", 6: "WS017 WS020", 7: "WS009", 8: "WS014"}
    for day, visited in visits.items():
        work = tape.logon(admin, at(day, "09:30"), ADM, 2)
        for number, name in enumerate(("SRV5", "SRV6")):
            tool = r"\Device\HarddiskVolume3\Tools\PsExec64.exe"
            psexec(tape, work, hosts[name], at(day, f"10:0{4 * number}:20"), tool)
        if day >= ATTACK:  # is the server that moved still well?
            net_use(tape, work, hosts["SRV12"], at(day, "15:30"), "C$")
            probe(tape, work, hosts["SRV12"], at(day, "15:30:01"))
        tape.logoff(work, at(day, "17:00"))

        remote = tape.logon(jump, at(day, "13:10"), ADM, 10, admin)
        net_use(tape, remote, hosts["SRV8"], at(day, "13:14"), "C$")
        tape.logoff(remote, at(day, "13:40"))

        support = tape.logon(desk, at(day, "11:00"), HELP_DESK, 2)
        for number, name in enumerate(visited.split()):
            net_use(tape, support, hosts[name], at(day, f"11:{20 + 15 * number}"), "C$")
            probe(tape, support, hosts[name], at(day, f"11:{20 + 15 * number}:01"))
        tape.process(support, at(day, "11:50"), NET, rf"net  use \\{visited[:5]}\C$ /delete")
        tape.process(support, at(day, "11:51"), NET, r"net  view \\FS01 /all")
        tape.logoff(support, at(day, "12:00"))


def machines(tape: Tape, hosts: dict[str, Host]) -> None:
    """The nightly backup, the weekly scan, the sensor itself: user-mode SMB that is always the same."""
    backup, scan = hosts["BKP01"], hosts["SCAN01"]
    servers = [host for host in hosts.values() if host.product != "1" and host.managed and host is not backup]
    for host in servers:
        tape.address(host, at(1, "00:02") + tape.chance.randint(0, 60_000))
    service, agent = tape.logon(backup, at(1, "00:04"), SVC_BACKUP, 5), rf"{PROGRAMS}\NightBackup\bkagent.exe"
    agent_id = tape.process(service, at(1, "00:05"), agent, f'"{agent}" --service', "services.exe")
    for day, (number, host) in itertools.product(range(1, DAYS + 1), enumerate(servers)):
        moment = at(day, "01:00") + number * 240_000 + tape.chance.randint(0, 30_000)
        tape.accept(host, moment + 10, backup, tape.connect(backup, moment, host, agent_id, agent))
        tape.logon(host, moment + 70, SVC_BACKUP, 3, backup)
    scanner = rf"{PROGRAMS}\NetScan\netscand.exe"
    for day in (1, 8):
        service = tape.logon(scan, at(day, "21:58"), SVC_SCAN, 5)
        scan_id = tape.process(service, at(day, "21:59"), scanner, f'"{scanner}"', "services.exe")
        for number, host in enumerate(host for host in hosts.values() if host is not scan):
            moment = at(day, "22:00") + number * 7_000
            tape.accept(host, moment + 8, scan, tape.connect(scan, moment, host, scan_id, scanner))
    sensor = rf"{PROGRAMS}\CrowdStrike\CSFalconService.exe"
    for day, name in ((2, "WS006"), (3, "SRV9"), (6, "WS022"), (8, "SRV8")):
        system = Session(SYSTEM, KERNEL_LOGON, hosts[name])
        sensor_id = tape.process(system, at(day, "05:55"), sensor, f'"{sensor}"', "services.exe")
        tape.connect(hosts[name], at(day, "16:20"), hosts["FS01"], sensor_id, sensor)


def readdress(tape: Tape, hosts: dict[str, Host]) -> None:
    """Noon of the seventh day: SRV12 moves to the office floor and is given what WS017 held till then."""
    tape.address(hosts["WS017"], at(ATTACK, "12:02"), removed=True)
    tape.address(hosts["WS017"], at(ATTACK, "12:02:04"))
    tape.address(hosts["SRV12"], at(ATTACK, "12:40"), removed=True)
    tape.address(hosts["SRV12"], at(ATTACK, "12:55"))


def intrusion(tape: Tape, hosts: dict[str, Host], alice: Session) -> None:
    """The evening of the seventh day: WS042 → SRV7 → SRV12 → DC1, with a look into FS01 and at NAS3."""
    first, second, last = hosts["SRV7"], hosts["SRV12"], hosts["DC1"]
    tool = r"\Device\HarddiskVolume3\Users\Public\psexec.exe"
    net_use(tape, alice, first, at(ATTACK, "18:41:05"), "ADMIN$", typed=ADM)
    probe(tape, alice, first, at(ATTACK, "18:41:06"))
    adm = psexec(tape, alice, first, at(ATTACK, "18:42:10"), tool, typed=ADM)

    tool = r"\Device\HarddiskVolume3\Windows\Temp\PsExec64.exe"
    bare = second.ip(at(ATTACK, "19:06"))  # WS017's, when the day began
    net_use(tape, adm, second, at(ATTACK, "19:07:02"), "C$", bare, SVC_SQL)
    probe(tape, adm, second, at(ATTACK, "19:07:03"), bare)
    sql = psexec(tape, adm, second, at(ATTACK, "19:07:45"), tool, bare, SVC_SQL)

    net_use(tape, adm, hosts["FS01"], at(ATTACK, "19:16:20"), "C$")
    net_use(tape, adm, hosts["NAS3"], at(ATTACK, "19:19:10"), "C$")

    name = f"dc1.{REALM}"
    net_use(tape, sql, last, at(ATTACK, "19:31:30"), "C$", name)
    probe(tape, sql, last, at(ATTACK, "19:31:31"), name)
    gained = psexec(tape, sql, last, at(ATTACK, "19:32:10"), tool, name)
    command = r'ntdsutil "ac i ntds" "ifm" "create full C:\Windows\Temp\n" q q'
    tape.process(gained, at(ATTACK, "19:33:20"), rf"{SYSTEM32}\ntdsutil.exe", command)


# How it is delivered ----------------------------------------------------------------------------------------


def write_gz(path: Path, lines: list[str]) -> None:
    """NDJSON in a gz member without name and time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0, compresslevel=9) as member:
        member.write("".join(line + "\n" for line in lines).encode())
    path.write_bytes(packed.getvalue())


def line_of(record: Record) -> str:
    """One NDJSON line as Falcon writes it: keys in no order that means anything."""
    keys = sorted(record, key=lambda key: hashlib.blake2b(f"{record['aid']}{key}".encode()).digest())
    return json.dumps({key: record[key] for key in keys}, separators=(",", ":"))


def write_fdr(tape: Tape, folder: Path) -> None:
    """The sensor records as FDR delivers them: a folder a day, some twice, some late, some never."""
    lost = (at(ATTACK, "19:00"), at(ATTACK + 1, "00:00"))  # of DC1; the LogScale export has them
    late = (at(ATTACK, "18:30"), at(ATTACK, "19:00"))  # of SRV7
    parts: dict[tuple[int, int], list[str]] = {}
    for number, (cloud, host, record, _) in enumerate(
        sorted(tape.records, key=lambda row: (row[0], row[2]["id"]))
    ):
        day = (cloud - at(1, "00:00")) // 86_400_000 + 1
        part = int(cloud >= at(day, "12:00"))
        if host.name == "DC1" and lost[0] <= cloud < lost[1]:
            continue
        if host.name == "SRV7" and late[0] <= cloud < late[1]:
            day, part = ATTACK + 1, 2
        line = line_of(record)
        parts.setdefault((day, part), []).append(line)
        if number % 90 == 0 and day < DAYS:
            parts.setdefault((day + 1, 0), []).append(line)  # delivered once more
    parts[4, 0].insert(1, '{"event_simpleName":"DnsRequest","aid":"5f0c0a41')  # cut off in transit
    for (day, part), lines in sorted(parts.items()):
        batch = uuid.uuid5(uuid.NAMESPACE_DNS, f"{day}.{REALM}")
        write_gz(folder / "data" / str(batch) / f"part-{part:05d}.gz", lines)
        (folder / "data" / str(batch) / "_SUCCESS").write_bytes(b"")


def write_inventory(hosts: dict[str, Host], folder: Path) -> None:
    """The side files, taken on the first morning: what they say of addresses is old when it matters."""
    taken = seconds(at(1, "06:00"))
    managed = [host for host in hosts.values() if host.managed]
    masters, assets = [], []
    for number, host in enumerate(managed):
        key = {"aid": host.aid, "cid": CID}
        about = {"ComputerName": host.name, "MachineDomain": REALM, "ProductType": f"{host.product}.0"}
        version = "Windows 11" if host.product == "1" else "Windows Server 2022"
        more = {"Time": taken, "aip": "203.0.113.7", "event_platform": "Win", "Version": version}
        masters.append(
            json.dumps(key | about | more | {"AgentVersion": "7.29.20104.0"}, separators=(",", ":"))
        )
        mac = f"02-00-00-00-{number // 256:02x}-{number % 256:02x}"
        more = {"LocalAddressIP4": host.first_ip, "MAC": mac, "InterfaceAlias": "Ethernet", "_time": taken}
        assets.append(json.dumps(key | more, separators=(",", ":")))
    users = [
        json.dumps(
            {
                "UserSid_readable": user.sid,
                "UserName": user.name,
                "User": rf"{DOMAIN}\{user.name}",
                "AccountType": "Domain User",
                "UserIsAdmin": "1" if user in {ADM, HELP_DESK, SVC_BACKUP} else "0",
                "_time": taken,
                "cid": CID,
                "event_platform": "Win",
            },
            separators=(",", ":"),
        )
        for user in (*PEOPLE.values(), ADM, HELP_DESK, SVC_SQL, SVC_BACKUP, SVC_SCAN)
    ]
    write_gz(folder / "fdrv2" / "aidmaster" / "part-00000.gz", masters)
    write_gz(folder / "fdrv2" / "managedassets" / "part-00000.gz", assets)
    write_gz(folder / "fdrv2" / "userinfo" / "part-00000.gz", users)


def write_logscale(tape: Tape, path: Path) -> None:
    """What the analyst exported of four servers, from the seventh noon on: enriched, newest first."""
    lines = []
    for cloud, host, record, more in sorted(tape.records, key=lambda row: (-row[0], row[2]["id"])):
        if host.name not in {"SRV7", "SRV12", "FS01", "DC1"} or cloud < at(ATTACK, "18:00"):
            continue
        event = {key: value for key, value in record.items() if key != "event_simpleName"}
        tags = {"#event_simpleName": record["event_simpleName"], "#cid": CID, "#repo": "base_sensor"}
        head = tags | {"@timestamp": cloud, "@timezone": "Z"}
        lines.append(json.dumps(head | event | more, separators=(",", ":")) + "\n")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(lines).encode())


def write_table(tape: Tape, path: Path) -> None:
    """The corrected query's own result (docs/reading-your-data.md), newest first, as LogScale saves it."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\r\n")
    columns = "@timestamp ComputerName UserName FileName CommandLine RemoteAddressIP4 RemotePort alert_type"
    table.writerow(columns.split())
    table.writerows(row for _, row in sorted(tape.rows, key=lambda pair: (-pair[0], pair[1])))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.getvalue().encode())


def tell(tape: Tape, hosts: dict[str, Host]) -> None:
    """The eight days."""
    tape.logon(
        hosts["SRV7"], at(1, "00:03"), SVC_SQL, 5
    )  # where the service account lives, and can be stolen
    sessions = workdays(tape, hosts)
    administration(tape, hosts)
    machines(tape, hosts)
    readdress(tape, hosts)
    intrusion(tape, hosts, sessions[ATTACK, "WS042"])


def make(folder: Path) -> None:
    """Write all samples below ``folder``; what an earlier run left there goes."""
    hosts, tape = estate(), Tape()
    for name in ("fdr", "logscale", "query-result"):
        shutil.rmtree(folder / name, ignore_errors=True)
    write_inventory(hosts, folder / "fdr")
    tell(tape, hosts)
    write_fdr(tape, folder / "fdr")
    write_logscale(tape, folder / "logscale" / "export.ndjson")
    write_table(tape, folder / "query-result" / "t1021-002.csv")


if __name__ == "__main__":
    make(HERE)
