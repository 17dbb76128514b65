"""What a process or service name says: PsExec and its like, their service halves, net, svchost, the kernel.

Names are compared without case (ASCII); a path may use either slash.

References:
    FALCON.md §1, §2 (where a record keeps its process name) and §5 (other people's hunts).
"""

from __future__ import annotations

import re
from typing import Final

from lmgraph.schema import Event

PSEXEC_NAMES: Final = frozenset({"psexec.exe", "psexec64.exe", "paexec.exe", "remcom.exe"})
# The version resource of PsExec says psexec.c, after its source file.
PSEXEC_ORIGINAL_NAMES: Final = PSEXEC_NAMES | {"psexec.c"}
NET_NAMES: Final = frozenset({"net.exe", "net1.exe"})
SERVICE_HALVES: Final = frozenset(
    {"psexesvc.exe", "psexesvc64.exe", "remcomsvc.exe", "winexesvc.exe", "csexecsvc.exe"}
)
_KERNEL_NAMES: Final = frozenset({"system", "ntoskrnl.exe"})
_NO_NAMES: Final = frozenset({"", "-", "?", "<unknown process>", "unknown"})

_SERVICE_COPY: Final = re.compile(r"paexec-\d{1,10}-[^\\/]{1,64}\.exe")
_SERVICE_NAME: Final = re.compile(r"psexesvc|remcomsvc|winexesvc|csexecsvc|paexec(?:-\d{1,10}-.{1,64})?")
_VOLUME: Final = re.compile(r"(?:\\device\\harddiskvolume\d{1,4}|(?:\\\\[?.]\\|\\\?\?\\)?[a-z]:)(?=\\)")
_WINDOWS_DIRECTORY: Final = re.compile(
    rf"{_VOLUME.pattern}\\windows\\(?:system32|syswow64)\\"
    r"|(?:\\systemroot|%systemroot%|%windir%)\\(?:system32|syswow64)\\"
)
_SHELLS: Final = frozenset({"%comspec%", "cmd", "cmd.exe", "powershell", "powershell.exe"})


def basename(path: str) -> str:
    """The last part of a Windows path, split on either slash; case as written."""
    return path.replace("/", "\\").rpartition("\\")[2]


def has_directory(path: str | None) -> bool:
    """Whether a path says where the file lies; a source may give the bare name."""
    return path is not None and 0 < len(basename(path)) < len(path)


def on_volume(path: str) -> str:
    """The path without its volume, in lower case: the kernel and the shell name volumes differently."""
    return _VOLUME.sub("", path.replace("/", "\\").lower(), count=1)


def known(name: str | None) -> bool:
    """Whether this text names a process; sources write ``""``, ``-`` and the like where they cannot."""
    return name is not None and name.strip().lower() not in _NO_NAMES


def process_names(event: Event) -> str | None:
    """The process name that the record itself gives, ``None`` when it gives none.

    ``FileName``, else ``ContextBaseFileName``, else the last part of ``ImageFileName``
    (DESIGN §5); a blank one counts as absent.
    """
    for name in (event.process_name, event.process_context_name):
        if known(name):
            return name
    path_name = basename(event.process_path) if event.process_path else None
    return path_name if known(path_name) else None


def is_psexec(name: str | None) -> bool:
    """The source half of PsExec, PAExec or RemCom under its own name."""
    return name is not None and name.lower() in PSEXEC_NAMES


def is_net(name: str | None) -> bool:
    """``net.exe`` or the ``net1.exe`` that it starts."""
    return name is not None and name.lower() in NET_NAMES


def is_service_half(name: str | None) -> bool:
    """What PsExec and its like run on the target: ``PSEXESVC.exe``, ``PAExec-<pid>-<host>.exe``."""
    if name is None:
        return False
    folded = name.lower()
    return folded in SERVICE_HALVES or _SERVICE_COPY.fullmatch(folded) is not None


def is_service_of_psexec(service_name: str | None, service_path: str | None) -> bool:
    """A service that PsExec or its like installs, known by its name or by its program.

    Args:
        service_name: Key or display name.
        service_path: Command that the service runs; its first word is looked at.
    """
    if service_name is not None and _SERVICE_NAME.fullmatch(service_name.strip().lower()):
        return True
    return is_service_half(basename(_program(service_path)))


def is_shell_service(service_path: str | None) -> bool:
    """A service whose program is a command interpreter, as smbexec and psexec modules install it."""
    return basename(_program(service_path)).lower() in _SHELLS


def is_svchost(name: str | None) -> bool:
    """The name of Windows' service host, wherever the file lies."""
    return name is not None and name.lower() == "svchost.exe"


def in_system_directory(path: str) -> bool:
    r"""Whether the file lies in ``Windows\System32`` or ``Windows\SysWOW64`` of a local volume itself.

    Directories below those two do not count: some of them are writable by users.
    """
    folded = path.replace("/", "\\").lower()
    match = _WINDOWS_DIRECTORY.match(folded)
    return match is not None and "\\" not in folded[match.end() :]


def is_kernel(name: str | None, path: str | None) -> bool:
    """The Windows kernel: ``System`` without a directory, or ``ntoskrnl.exe`` in the system directory.

    A file that is merely called ``System`` lies somewhere, so a path with a directory rules it out.
    """
    if name is None or name.lower() not in _KERNEL_NAMES:
        return False
    if path is None or not has_directory(path):
        return True
    return basename(path).lower() == "ntoskrnl.exe" and in_system_directory(path)


def _program(command: str | None) -> str:
    """First word of a command, without quotes; an unquoted path may not hold a space."""
    text = (command or "").strip()
    if text.startswith('"'):
        return text[1:].partition('"')[0]
    return text.split(maxsplit=1)[0] if text else ""
