"""What people and programs do over SMB, as both ends' sensors see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from lmgraph.simulate.estate import DOMAIN, REALM, SYSTEM, Account, Host
from lmgraph.simulate.ledger import Ledger
from lmgraph.simulate.sensor import (
    KERNEL_LOGON,
    PROGRAMS,
    SYSTEM32,
    VOLUME,
    Pen,
    Session,
    base_name,
    kernel,
    lasting,
)
from lmgraph.simulate.times import day_of

Spelling = Literal["short", "full", "address"]
SPELLINGS: Final[tuple[Spelling, ...]] = ("short", "address", "full")  # most used first
ADMIN_SHARES: Final = ("ADMIN$", "C$", "IPC$")
FILE_SHARE: Final = "file share"  # what is no movement
NET: Final = rf"{SYSTEM32}\net.exe"
SC: Final = rf"{SYSTEM32}\sc.exe"
CMD: Final = rf"{SYSTEM32}\cmd.exe"
POWERSHELL: Final = rf"{SYSTEM32}\WindowsPowerShell\v1.0\powershell.exe"


@dataclass(frozen=True, slots=True)
class Tool:
    """A PsExec or its like: where it lies, and the service half that it leaves on the target."""

    image: str
    service: str
    half: str

    @property
    def command(self) -> str:
        """Its name as it is typed."""
        return base_name(self.image)

    def left_by(self, source: Host, number: int) -> tuple[str, str]:
        """Service and program on the target. PAExec's carry its process id and host in their name."""
        if self.service != "PAExec":
            return self.service, self.half
        name = f"PAExec-{number}-{source.name}"
        return name, rf"{VOLUME}\Windows\{name}.exe"


def psexec_named(name: str, folder: str) -> Tool:
    """PsExec or PAExec under one of its own names."""
    stem = "PAExec" if name.lower().startswith("paexec") else "PSEXESVC"
    return Tool(rf"{VOLUME}\{folder}\{name}", stem, rf"{VOLUME}\Windows\{stem}.exe")


def spell(target: Host, when: int, how: Spelling = "short", *, lower: bool = False) -> str:
    """How a command names the target."""
    token = {"short": target.name, "full": f"{target.name}.{REALM}", "address": target.ip(when)}[how]
    return token.lower() if lower else token


def system(host: Host) -> Session:
    """The session of the system itself."""
    return Session(SYSTEM, KERNEL_LOGON, host)


def network_account(session: Session) -> Account:
    """As whom a session appears on other hosts: the system itself as its machine's account."""
    if session.account is not SYSTEM:
        return session.account
    return Account(f"{session.host.name}$", 40_000 + session.host.number)


class Acts:
    """Acts of one concern; with a ledger they are noted there as movements of the background.

    ``on`` says whether a host is switched on at a time (ms). Where the target is not, an act goes in
    vain: the connection leaves the source, nothing is written on the target, and the session that is
    returned never began. Without ``on`` everybody answers; a remote desktop and a toolkit presuppose it.
    """

    def __init__(
        self, pen: Pen, ledger: Ledger | None = None, on: Callable[[Host, int], bool] | None = None
    ) -> None:
        self.pen = pen
        self._ledger, self._on = ledger, on

    def answers(self, target: Host, when: int) -> bool:
        """Whether an act reaches the target at that time."""
        return self._on is None or self._on(target, when)

    def _touch(self, source: Host, target: Host, when: int, kind: str = "") -> None:
        if self._ledger is not None and source is not target:
            self._ledger.touched(source, target, when, kind)

    def note(self, source: Host, target: Host, account: Account, when: int, kind: str) -> None:
        """A movement of the background, for the ledger."""
        if self._ledger is not None:
            self._ledger.moved(source, target, account, when, kind)

    def stay(
        self, host: Host, first: int, last: int, account: Account, kind: int, peer: Host | None = None
    ) -> Session:
        """A session from logon to logoff."""
        session = self.pen.logon(host, first, account, kind, peer)
        self.pen.logoff(session, last)
        if self._ledger is not None:
            self._ledger.stayed(session, first, last)
        return session

    def smb(
        self, source: Host, target: Host, when: int, account: Account, share: str, *, refused: bool = False
    ) -> Session:
        """The kernel's part of every access to a share; returns the network logon on the target."""
        pen = self.pen
        self._touch(source, target, when, "" if share.upper() in ADMIN_SHARES else FILE_SHARE)
        port = pen.connect(source, when, target.ip(when), kernel(source), "System")
        if not self.answers(target, when):
            return Session(account, "", target)
        when += pen.delay(2, 30)
        pen.accept(target, when, source.ip(when), port)
        if refused:
            pen.logon_failed(target, when + pen.delay(20, 90), account, source)
            return Session(account, "", target)
        session = pen.logon(target, when + pen.delay(20, 90), account, 3, source)
        pen.share(target, when + pen.delay(91, 300), account, share, source)
        if share.upper() in ADMIN_SHARES or pen.number() % 5 == 0:
            pen.client_share(source, when + pen.delay(91, 300), target.name, share)
        return session

    def net_use(
        self, by: Session, target: Host, when: int, share: str, *,
        token: str = "", typed: Account | None = None, refused: bool = False, drive: str = "",
    ) -> Session:  # fmt: skip
        """``net use`` of a share; ``token``: how the target is named; ``typed``: credentials on the line."""
        command = rf"net  use {drive}\\{token or target.name}\{share}"
        if typed:
            command += rf" /user:{DOMAIN}\{typed.name} {typed.secret}"
        self.pen.process(by, when, NET, command)
        account = typed or network_account(by)
        if share.upper() in ADMIN_SHARES and target is not by.host:
            self.note(by.host, target, account, when, "net use")
        return self.smb(by.host, target, when + self.pen.delay(120, 600), account, share, refused=refused)

    def unmap(self, by: Session, target: Host, when: int, share: str) -> None:
        """``net use /delete``."""
        self.pen.process(by, when, NET, rf"net  use \\{target.name}\{share} /delete /y")

    def psexec(
        self, by: Session, target: Host, when: int, tool: Tool, *,
        token: str = "", typed: Account | None = None, as_system: bool = False, run: str = "cmd.exe",
    ) -> Session:  # fmt: skip
        """PsExec or its like with a program to run; returns the session of that program."""
        account = rf" -u {DOMAIN}\{typed.name} -p {typed.secret}" if typed else ""
        options = " -s" if as_system else ""
        command = rf"{tool.command} \\{token or target.name}{account} -accepteula{options} {run}"
        self.pen.process(by, when, tool.image, command)
        self.note(by.host, target, typed or by.account, when, "psexec")
        return self.land(
            by, target, when + self.pen.delay(300, 900), tool, typed=typed, as_system=as_system, run=run
        )

    def land(
        self, by: Session, target: Host, when: int, tool: Tool, *,
        typed: Account | None = None, as_system: bool = False, run: str = "cmd.exe",
    ) -> Session:  # fmt: skip
        """What a command of PsExec does to one target, without the command itself."""
        pen = self.pen
        landed = self.smb(by.host, target, when, typed or by.account, "ADMIN$")
        if not self.answers(target, when):
            return landed
        when += pen.delay(700, 3_000) if pen.number() % 10 else pen.delay(14_000, 22_000)
        service, half = tool.left_by(by.host, 1000 + pen.number() % 30_000)
        self.serve(target, when, service, half, rf"%SystemRoot%\{base_name(half)}", by.host)
        when += pen.delay(500, 900)
        if as_system:
            landed = system(target)
        elif typed:  # typed credentials give a logon of their own
            landed = pen.logon(target, when, typed, 2)
        image = CMD if run.startswith("cmd") else rf"{SYSTEM32}\{run.split(maxsplit=1)[0]}"
        pen.process(landed, when + pen.delay(80, 300), image, run, base_name(half))
        return landed

    def call_in_vain(self, by: Session, target: Host, when: int, image: str = "", command: str = "") -> None:
        """A program tries a host that is switched off; without one: the kernel does, for a command before."""
        if image:
            self.pen.process(by, when, image, command)
        when += self.pen.delay(300, 900)
        self.pen.connect(by.host, when, target.ip(when), kernel(by.host), "System")

    def serve(self, target: Host, when: int, name: str, image: str, path: str, peer: Host) -> None:
        """A service installed from ``peer``, started, and running."""
        pen = self.pen
        pen.service(target, when, name, path, peer)
        command = path.replace("%SystemRoot%", r"C:\Windows")
        number = pen.process(system(target), when + pen.delay(100, 350), image, command, "services.exe")
        pen.service_started(target, when + pen.delay(351, 480), name, image, command, number)

    def remote_service(
        self, by: Session, target: Host, when: int, name: str, path: str, *,
        token: str = "", run: str = "cmd.exe /c whoami",
    ) -> Session:  # fmt: skip
        """A program copied to ``ADMIN$`` and started by ``sc``: Windows' own tools, no alert."""
        pen = self.pen
        token, program = token or target.name, base_name(path)
        pen.process(by, when, CMD, rf"cmd.exe /c copy {program} \\{token}\ADMIN$\{program}")
        self.note(by.host, target, network_account(by), when, "remote service")
        landed = self.smb(by.host, target, when + pen.delay(100, 400), network_account(by), "ADMIN$")
        if not self.answers(target, when):
            return landed
        when += pen.delay(3_000, 12_000)
        pen.process(by, when, rf"{SYSTEM32}\sc.exe", rf"sc.exe \\{token} create {name} binPath= {path}")
        pen.process(
            by, when + pen.delay(900, 2_500), rf"{SYSTEM32}\sc.exe", rf"sc.exe \\{token} start {name}"
        )
        image = rf"{VOLUME}\Windows\{program}"
        self.serve(target, when + pen.delay(2_600, 4_000), name, image, rf"%SystemRoot%\{program}", by.host)
        if run:
            pen.process(system(target), when + pen.delay(5_000, 9_000), CMD, run, program)
        return landed

    def install(
        self, by: Session, target: Host, when: int, name: str, *, image: str = "", run: str = ""
    ) -> None:
        """A product puts a service of its own on the target through ``ADMIN$`` and starts it.

        Args:
            by: The session of the product's own service.
            target: Where to.
            when: When (ms).
            name: Of the service and of its program.
            image: The program that speaks SMB itself; without one the kernel does.
            run: What the service starts there.
        """
        pen, account = self.pen, by.account
        self.note(by.host, target, account, when, "remote service")
        if image:
            self.dial(by.host, target, when, lasting(by.host, image), image)
        else:
            self.smb(by.host, target, when, account, "ADMIN$")
        if not self.answers(target, when):
            return
        if image:
            pen.logon(target, when + pen.delay(40, 200), account, 3, by.host)
            pen.share(target, when + pen.delay(210, 500), account, "ADMIN$", by.host)
        when += pen.delay(1_500, 6_000)
        program = f"{name}.exe"
        self.serve(target, when, name, rf"{VOLUME}\Windows\{program}", rf"%SystemRoot%\{program}", by.host)
        if run:
            image = rf"{SYSTEM32}\{run.split(maxsplit=1)[0]}"
            pen.process(system(target), when + pen.delay(600, 3_000), image, run, program)

    def control(
        self, by: Session, target: Host, when: int, verb: str, service: str, *, token: str = ""
    ) -> None:
        """``sc`` asks for a service of the target, or stops, creates or starts it; nothing is copied."""
        pen, account = self.pen, network_account(by)
        said = f"{service} binPath= {_installed(service)}" if verb == "create" else service
        pen.process(by, when, SC, rf"sc  \\{token or target.name} {verb} {said}".rstrip())
        self.note(by.host, target, account, when, "service control")
        self.smb(by.host, target, when + pen.delay(100, 400), account, "IPC$")
        when += pen.delay(700, 1_500)
        if verb == "create" and self.answers(target, when):
            pen.service(target, when, service, _installed(service), by.host)
        if verb == "start" and self.answers(target, when):
            path = _installed(service)
            number = pen.process(system(target), when, path, path, "services.exe")
            pen.service_started(target, when + pen.delay(100, 400), service, path, path, number)

    def copy(self, by: Session, target: Host, when: int, what: str) -> None:
        """Files copied to ``C$`` of the target on the command line."""
        image, account = rf"{SYSTEM32}\Robocopy.exe", network_account(by)
        self.pen.process(by, when, image, rf"robocopy  {what} \\{target.name}\C$\{base_name(what)} /E /R:1")
        self.note(by.host, target, account, when, "admin share")
        self.smb(by.host, target, when + self.pen.delay(100, 500), account, "C$")

    def run_as(self, by: Session, when: int, account: Account, hours: float = 1.5) -> Session:
        """``runas /netonly``: a shell on the same host that is the other account to other hosts."""
        command = rf"runas  /netonly /user:{DOMAIN}\{account.name} cmd.exe"
        self.pen.process(by, when, rf"{SYSTEM32}\runas.exe", command, "explorer.exe")
        when += self.pen.delay(4_000, 15_000)
        return self.stay(by.host, when, when + round(hours * 3_600_000), account, 9)

    def misspell(self, by: Session, when: int, token: str) -> None:
        """``net use`` of a host that does not exist: the name is looked up, and that is all."""
        self.pen.process(by, when, NET, rf"net  use \\{token}\C$")
        if self._ledger is not None:
            self._ledger.misspelt.add((by.host, token, day_of(when)))
        self.pen.domain_name(by.host, when + self.pen.delay(50, 300), f"{token.lower()}.{REALM}")

    def probe(self, by: Session, target: Host, when: int, *, token: str = "") -> None:
        """PowerShell asks whether port 445 answers: user-mode SMB, unlike the kernel's."""
        command = f"powershell -nop -c Test-NetConnection {token or target.name} -Port 445"
        number = self.pen.process(by, when, POWERSHELL, command)
        self.dial(by.host, target, when + self.pen.delay(500, 1_200), number, POWERSHELL)

    def dial(self, source: Host, target: Host, when: int, process: str, image: str) -> None:
        """A process connects to port 445 itself."""
        self._touch(source, target, when)
        port = self.pen.connect(source, when, target.ip(when), process, image)
        if self.answers(target, when):
            self.pen.accept(target, when + self.pen.delay(2, 30), source.ip(when), port)

    def remote_desktop(self, by: Session, target: Host, when: int, account: Account, hours: float) -> Session:
        """A session by remote desktop that lasts so many hours."""
        pen = self.pen
        image = rf"{SYSTEM32}\mstsc.exe"
        number = pen.process(by, when, image, f"mstsc.exe /v:{target.name}", "explorer.exe")
        when += pen.delay(800, 3_000)
        port = pen.connect(by.host, when, target.ip(when), number, image, 3389)
        pen.accept(target, when + 20, by.host.ip(when), port, 3389)
        when += pen.delay(3_000, 9_000)
        return self.stay(target, when, when + round(hours * 3_600_000), account, 10, by.host)


def _installed(service: str) -> str:
    """The image of the program of a service."""
    return rf"{PROGRAMS}\{service}\{service}.exe"


def program(name: str) -> str:
    """The image of an installed program."""
    return rf"{PROGRAMS}\{name.split('.', maxsplit=1)[0]}\{name}"
