"""Where administrators keep their tools, and which of those speak SMB themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from lmgraph.simulate.acts import Acts, Tool, psexec_named
from lmgraph.simulate.chance import Chance
from lmgraph.simulate.estate import Administrator, Host
from lmgraph.simulate.sensor import PROGRAMS, VOLUME, Session, base_name
from lmgraph.simulate.world import World

PYTHON: Final = rf"{PROGRAMS}\Python312\python.exe"
IP_SCANNER: Final = rf"{VOLUME}\Tools\ipscan.exe"
SHARE: Final = "share"  # run from where all administrators have it
_FOLDERS: Final = ("Tools", SHARE, "Downloads", "Sysinternals", "Desktop", r"ProgramData\Tools")
_RARE: Final = r"Windows\Temp"
HOMES: Final = ("Downloads", "Desktop")


def folder_of(world: World, admin: Administrator) -> str:
    """Where the administrator's PsExec mostly lies: a folder of every host, or ``SHARE``."""
    return world.chance("folder", admin.account.name).habit(_FOLDERS)


def psexec(world: World, admin: Administrator, by: Session, chance: Chance) -> Tool:
    """The administrator's PsExec: from one folder mostly, from another one now and then."""
    folder = folder_of(world, admin)
    if chance.happens(0.12 * world.options.noise):
        folder = chance.pick((*_FOLDERS, _RARE))
    if folder == SHARE:
        files = world.estate.file_server(by.host.site).name
        tool = psexec_named(admin.tool, "Tools")
        return replace(tool, image=rf"\Device\Mup\{files}\it\tools\{admin.tool}")
    if folder in HOMES:
        folder = rf"Users\{by.account.name}\{folder}"
    return psexec_named(admin.tool, folder)


def look(acts: Acts, by: Session, target: Host, when: int, token: str, chance: Chance) -> None:
    """Whether port 445 answers, asked by PowerShell, or an inventory taken by a script."""
    if chance.happens(0.7):
        acts.probe(by, target, when, token=token)
    else:
        command = rf"python.exe C:\Scripts\inventory.py --host {token}"
        number = acts.pen.process(by, when, PYTHON, command)
        acts.dial(by.host, target, when + acts.pen.delay(400, 2_000), number, PYTHON)
    acts.note(by.host, target, by.account, when, "user-mode smb")


def sweep(acts: Acts, by: Session, targets: list[Host], when: int) -> None:
    """A scanner with a window asks a row of hosts on port 445 within a minute or two."""
    number = acts.pen.process(by, when, IP_SCANNER, base_name(IP_SCANNER), "explorer.exe")
    for target in targets:
        when += acts.pen.delay(200, 4_000)
        acts.dial(by.host, target, when, number, IP_SCANNER)
        acts.note(by.host, target, by.account, when, "user-mode smb")
