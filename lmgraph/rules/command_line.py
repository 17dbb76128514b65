"""Where a PsExec or ``net use`` command line leads: targets, shares, account, disconnect.

Works on redacted lines (``lmgraph.text.redact``); ``[redacted]`` is an ordinary word here.

References:
    PsExec: learn.microsoft.com/sysinternals/downloads/psexec. PAExec: poweradmin.com/paexec.
    net use: learn.microsoft.com, "Net use" (Windows commands).
    IPv6 literal names: MS-WPO, ``ipv6-literal.net``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, Literal

import msgspec

from lmgraph.names import typed_ip
from lmgraph.text import REDACTED

Program = Literal["psexec", "net"]
TargetKind = Literal["name", "ip", "file", "all"]

ADMIN_SHARES: Final = frozenset({"admin$", "c$", "ipc$"})
_MAX_HOST: Final = 255
# Several stages read the same line. An attacker writes as many as he likes: few and short ones are kept.
_REMEMBERED: Final = 512
_SHORT: Final = 512  # characters

# Flags of PsExec, PAExec and RemCom that take the next word; PsExec's priorities and switches do not.
_VALUE_FLAGS: Final = frozenset(
    {"u", "p", "n", "r", "w", "a", "g", "lo", "rlo", "to", "p@", "csrc", "clist", "user", "pwd"}
)
# A word ends at white space outside quotes; the quote that is never closed goes on to the end.
_QUOTED_WORD: Final = re.compile(r'(?:[^\s"]++|"[^"]*+(?:"|\Z))++')
_DISCONNECTS: Final = frozenset({"/d", "/de", "/del", "/dele", "/delet", "/delete"})
_USER_FLAG: Final = re.compile(r"(?:[-/]|--)(?:user|use|us|u)[:=](.*)", re.IGNORECASE | re.DOTALL)
_IPV6_LITERAL: Final = ".ipv6-literal.net"


class Target(msgspec.Struct, frozen=True, order=True, gc=False):
    """One host that a command line names.

    ``token`` is the host part without slashes in lower case, an address in canonical form, for
    kind ``file`` the name of the list, for kind ``all`` ``*``; ``share`` as written, if any.
    """

    token: str
    kind: TargetKind
    share: str | None = None

    @property
    def admin(self) -> bool:
        """Whether the share is one that the ``NetUseAdminShare`` rule speaks of."""
        return self.share is not None and self.share.lower() in ADMIN_SHARES


class Movement(msgspec.Struct, frozen=True, gc=False):
    r"""What a command line says of a movement.

    Attributes:
        targets: Hosts in the order written, each once.
        credential: Explicit account as written (``CORP\adm``, ``.\x``, ``user@realm``).
        disconnect: ``net use … /delete``.
        accidental: A ``net`` command line that is no ``use`` of an admin share.
        local: A PsExec command line without a target: it runs here.
    """

    targets: tuple[Target, ...] = ()
    credential: str | None = None
    disconnect: bool = False
    accidental: bool = False
    local: bool = False


def parse(program: Program, command_line: str | None) -> Movement:
    """Read a redacted command line of PsExec (PAExec, RemCom) or of ``net``.

    ``None`` and an empty line say nothing: no target, not local, not accidental.
    """
    line = command_line or ""
    return _remembered(program, line) if len(line) <= _SHORT else _read(program, line)


def _read(program: Program, line: str) -> Movement:
    words = split(line)
    if not words:
        return Movement()
    return _psexec(words[1:]) if program == "psexec" else _net(words)


_remembered: Final = lru_cache(_REMEMBERED)(_read)


def split(command_line: str) -> list[str]:
    """Words of a Windows command line: white space separates outside double quotes, quotes go.

    A backslash before a quote stays a backslash, since most here belong to UNC paths. Linear.
    """
    if '"' not in command_line:
        return command_line.split()
    return [word.replace('"', "") for word in _QUOTED_WORD.findall(command_line)]


def _psexec(words: list[str]) -> Movement:
    targets: list[Target] = []
    credential: str | None = None
    position = 0
    while position < len(words):
        word = words[position]
        position += 1
        slashed = word.replace("/", "\\")
        if slashed.startswith("\\\\"):
            if targets or any("\\" in part.strip("\\") for part in slashed.split(",")):
                break  # a UNC path to a program: the command begins here
            targets = _hosts(slashed)
        elif word.startswith("@") and len(word) > 1 and not targets:
            targets = [Target(word[1:].lower(), "file")]
        elif word.startswith(("-", "/")):
            given, position = _flag(word, words, position)
            credential = credential or given
        else:
            break
    return Movement(tuple(dict.fromkeys(targets)), credential, local=not targets)


def _flag(word: str, words: list[str], position: int) -> tuple[str | None, int]:
    """The account that a PsExec flag gives, if any, and the position after the flag's value."""
    attached = _USER_FLAG.fullmatch(word)
    if attached:
        return _account(attached[1]), position
    name = word.lstrip("-/").lower()
    if name == "i":  # its session number is optional
        return None, position + (position < len(words) and words[position].isdecimal())
    if name in _VALUE_FLAGS:
        value = words[position] if position < len(words) else None
        return _account(value) if name in {"u", "user"} else None, position + 1
    return None, position


def _account(written: str | None) -> str | None:
    """The account of ``adm:[redacted]``, ``adm%[redacted]``; a password is no part of it."""
    return (written or "").partition(REDACTED)[0].rstrip(":%") or None


def _hosts(slashed: str) -> list[Target]:
    r"""Targets of ``\\h1,h2``, ``\\*`` (backslashes only)."""
    found = []
    for part in slashed.split(","):
        host = part.strip("\\ ")
        target = Target("*", "all") if host == "*" else _target(host, None)
        if target is not None:
            found.append(target)
    return found


def _net(words: list[str]) -> Movement:
    lowered = [word.lower() for word in words]
    if "use" not in lowered:
        return Movement(accidental=True)
    targets: list[Target] = []
    credential: str | None = None
    disconnect = False
    for word in words[lowered.index("use") + 1 :]:
        slashed = word.replace("/", "\\")
        if slashed.startswith("\\\\"):
            target = _unc(slashed)
            if target is not None:
                targets.append(target)
        elif word.lower() in _DISCONNECTS:
            disconnect = True
        else:
            given = _USER_FLAG.fullmatch(word)
            if given:
                credential = _account(given[1]) or credential
    unique = tuple(dict.fromkeys(targets))
    return Movement(unique, credential, disconnect, accidental=not any(target.admin for target in unique))


def _unc(slashed: str) -> Target | None:
    parts = [part for part in slashed.split("\\") if part]
    if len(parts) > 1 and parts[0] in {"?", "."} and parts[1].lower() == "unc":
        parts = parts[2:]
    if not parts:
        return None
    return _target(parts[0], parts[1] if len(parts) > 1 else None)


def _target(written: str, share: str | None) -> Target | None:
    """A host as target; WebDAV's ``@SSL`` and ``@8443`` go, addresses become canonical."""
    host = written.partition("@")[0].strip().lower().rstrip(".")
    if written == ".":
        host = "localhost"
    if not host or len(host) > _MAX_HOST:
        return None
    address = _address(host)
    return Target(address, "ip", share) if address else Target(host, "name", share)


def _address(host: str) -> str | None:
    text = host.strip("[]")
    if text.endswith(_IPV6_LITERAL):
        text = text.removesuffix(_IPV6_LITERAL).replace("-", ":").partition("s")[0]
    return typed_ip(text)
