"""What an attacker carries and how it goes about: drawn once for each attack, so that attacks differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lmgraph.simulate.acts import CMD, Acts, Tool, psexec_named, spell, system
from lmgraph.simulate.chance import Chance
from lmgraph.simulate.estate import SYSTEM, Account, Host
from lmgraph.simulate.sensor import SYSTEM32, VOLUME, Session, base_name

# Where administrators keep such tools, too; ``{who}`` is whoever acts.
_FOLDERS: Final = (
    "Tools",
    "Sysinternals",
    r"Users\{who}\Downloads",
    r"Users\{who}\Desktop",
    r"Users\Public",
    r"Windows\Temp",
    "ProgramData",
    "PerfLogs",
    r"Windows\System32",
)
_NAMES: Final = ("PsExec.exe", "PsExec64.exe", "psexec.exe", "PAExec.exe")
_DISGUISES: Final = ("svcupdate.exe", "wuahost.exe", "mcagent.exe", "dllhost32.exe", "ps.exe", "remote.exe")
_SERVICES: Final = ("WinUpdSvc", "NetHelper", "VssProviderX", "AppAgent", "SysMonitor", "PrintNotify2")
_TOOLKITS: Final = ("smbx.exe", "sync64.exe", "py.exe", "python.exe", "client.exe", "netagent.exe")
_ARGUMENTS: Final = ("-t {to} -x {run}", "{to} {run}", "agent.py {to}", "--host {to} --exec {run}", "-c {to}")
# What is run on a target is mostly what an administrator would run there; some have a look round, too.
_ORDINARY: Final = (
    "cmd.exe",
    "cmd.exe /c sc query",
    "tasklist.exe",
    "gpupdate.exe /force",
    "ipconfig.exe /flushdns",
)
_CURIOUS: Final = (
    "ipconfig.exe /all",
    "systeminfo.exe",
    "whoami.exe /all",
    "cmd.exe /c whoami",
    "net.exe localgroup administrators",
    "quser.exe",
)
_SHELLS: Final = (
    r"%COMSPEC% /Q /c echo {run} ^> \\127.0.0.1\C$\__output 2^>^&1 > %TEMP%\{name}.bat",
    r"%COMSPEC% /Q /c {run} 1> \\127.0.0.1\ADMIN$\__{name} 2>&1",
    r"%COMSPEC% /c {run} > %windir%\Temp\{name}.tmp",
    "%COMSPEC% /C start /b %COMSPEC% /C {run}",
)
_COPIES: Final = (
    (CMD, r"cmd.exe /c copy {file} \\{to}\{share}\{file}"),
    (rf"{SYSTEM32}\xcopy.exe", r"xcopy.exe /y {file} \\{to}\{share}" + "\\"),
    (rf"{SYSTEM32}\robocopy.exe", r"robocopy.exe . \\{to}\{share} {file}"),
)
_PAYLOADS: Final = (
    r"cmd.exe /c C:\PerfLogs\x.exe",
    r"cmd.exe /c C:\Windows\Temp\update.exe",
    r"cmd.exe /c \\deploy\patch\run.cmd",
    "msiexec.exe /i agent.msi /qn",
    r"msiexec.exe /i \\{server}\deploy\agent.msi /qn",
)
_LISTS: Final = ("h.txt", "servers.txt", "hosts.txt", "comps1.txt", "list.txt")
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Craft:
    """The tools and habits of one attack.

    Attributes:
        folder: Where the tools lie on whatever host it acts from; ``{who}``: the account's folder.
        name: PsExec's file name.
        disguise: The file name of a renamed one, and ``service`` that of its service and program.
        program: The file name of a program that speaks SMB itself, and ``arguments`` how it is called.
        shell: What a service of that program runs.
        copy: Program and command that bring a file to ``share`` for a service by ``sc``.
        runs: What it runs on targets.
        payload: What it runs on many, and ``list`` the file that names them.
        passes: How often a secret is passed to a session of its own rather than typed.
        haste: Seconds between ``net use`` and PsExec, at the median.
    """

    folder: str
    name: str
    disguise: str
    service: str
    program: str
    arguments: str
    shell: str
    copy: tuple[str, str]
    share: str
    runs: tuple[str, ...]
    payload: str
    list: str
    passes: float
    haste: float

    def at(self, who: Account) -> str:
        """The folder of the tools for whoever acts."""
        if who is SYSTEM and "{who}" in self.folder:  # it has no such folder
            return r"Windows\Temp"
        return self.folder.format(who=who.name)

    def tool(self, who: Account, *, disguised: bool = False) -> Tool:
        """PsExec as it lies there."""
        if not disguised:
            return psexec_named(self.name, self.at(who))
        half = rf"{VOLUME}\Windows\{self.service}.exe"
        return Tool(rf"{VOLUME}\{self.at(who)}\{self.disguise}", self.service, half)

    def toolkit(self, who: Account) -> str:
        """The program that speaks SMB itself, as it lies there."""
        return rf"{VOLUME}\{self.at(who)}\{self.program}"

    def call(self, target: str, run: str) -> str:
        """The command line of that program."""
        return f"{self.program} {self.arguments.format(to=target, run=run)}"


def draw(chance: Chance) -> Craft:
    """The craft of an attack."""
    folder = chance.pick(_FOLDERS)
    return Craft(
        folder=folder,
        name=chance.pick(_NAMES),
        disguise=chance.pick(_DISGUISES),
        service=service_name(chance),
        program=chance.pick(_TOOLKITS),
        arguments=chance.pick(_ARGUMENTS),
        shell=chance.pick(_SHELLS),
        copy=chance.pick(_COPIES),
        share=chance.pick(("ADMIN$", "ADMIN$", r"C$\Windows")),
        runs=_runs(chance),
        payload=chance.pick(_PAYLOADS),
        list=rf"C:\{folder.format(who='Public')}\{chance.pick(_LISTS)}",
        passes=chance.pick((0.0, 0.4, 0.9)),
        haste=chance.pick((20.0, 45.0, 120.0)),
    )


def _runs(chance: Chance) -> tuple[str, ...]:
    ordinary = chance.sample(_ORDINARY, chance.whole(2, 4))
    return (*ordinary, *chance.sample(_CURIOUS, chance.pick((0, 0, 1, 2))))


def service_name(chance: Chance) -> str:
    """A name that says something, or letters: as many, and as large, as the program at hand gives."""
    if chance.happens(0.4):
        return chance.pick(_SERVICES)
    letters = "".join(chance.sample(_LETTERS, chance.pick((4, 6, 8, 8, 12))))
    return letters.capitalize() if chance.happens(0.3) else letters


def user_mode(
    acts: Acts, chance: Chance, craft: Craft, by: Session, target: Host, when: int, account: Account
) -> Session:
    """A program that speaks SMB itself starts a service which runs a shell; returns the shell's session."""
    pen, image, run = acts.pen, craft.toolkit(by.account), chance.pick(craft.runs)
    number = pen.process(by, when, image, craft.call(spell(target, when, "address"), run))
    when += pen.delay(300, 900)
    acts.dial(by.host, target, when, number, image)
    pen.logon(target, when + pen.delay(40, 200), account, 3, by.host)
    pen.share(target, when + pen.delay(210, 500), account, "IPC$", by.host)
    pen.share(target, when + pen.delay(501, 900), account, "ADMIN$", by.host)
    name = service_name(chance)
    path = craft.shell.format(run=run, name=name)
    when += pen.delay(1_000, 2_500)
    pen.service(target, when, name, path, by.host)
    command = path.replace("%COMSPEC%", r"C:\Windows\system32\cmd.exe")
    number = pen.process(system(target), when + pen.delay(80, 200), CMD, command, "services.exe")
    pen.service_started(target, when + pen.delay(210, 400), name, CMD, command, number)
    return system(target)


def remote_service(
    acts: Acts, chance: Chance, craft: Craft, by: Session, target: Host, when: int, token: str
) -> Session:
    """A program copied to the target and started there by ``sc``; returns its session."""
    pen, sc, name, run = acts.pen, rf"{SYSTEM32}\sc.exe", service_name(chance), chance.pick(craft.runs)
    program = f"{name}.exe" if chance.happens(0.5) else craft.disguise
    image, command = copy_command(craft, token, program)
    pen.process(by, when, image, command)
    share = craft.share.split("\\", maxsplit=1)[0]
    acts.smb(by.host, target, when + pen.delay(100, 400), by.account, share)
    when += round(min(max(chance.spread(7, 0.8), 2), 120) * 1000)
    pen.process(by, when, sc, rf"sc.exe \\{token} create {name} binPath= C:\Windows\{program}")
    pen.process(by, when + pen.delay(900, 2_500), sc, rf"sc.exe \\{token} start {name}")
    path = rf"{VOLUME}\Windows\{program}"
    acts.serve(target, when + pen.delay(2_600, 4_000), name, path, rf"%SystemRoot%\{program}", by.host)
    shell = rf"{SYSTEM32}\{base_name(run.split(maxsplit=1)[0])}"
    pen.process(system(target), when + pen.delay(5_000, 9_000), shell, run, program)
    return system(target)


def copy_command(craft: Craft, token: str, program: str) -> tuple[str, str]:
    """Program and command line that bring a file to a target."""
    image, command = craft.copy
    return image, command.format(to=token, share=craft.share, file=program)
