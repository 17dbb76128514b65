"""Secrets of known shapes are found, behind evasions too, and what stands beside them is left."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lmgraph import text
from lmgraph.redaction import Folded, may_hold_secret, spots, variable
from lmgraph.text import redact

HASH = "0f1e2d3c4b5a69780f1e2d3c4b5a6978"


# S3cret stands for the secret in each line; nothing else is gone.
@pytest.mark.parametrize(
    "line",
    [
        # the account's own password
        r"winexe --user=CORP/adm%S3cret //SRV7 cmd",
        r"psexec \\SRV7 --user=CORP/adm%S3cret cmd",
        r"smbclient -U=adm%S3cret //SRV7/c$",
        r"smbclient -U adm%S3cret //SRV7/c$",
        r"smbclient -Uadm%S3cret //SRV7/c$",
        r"winexe -U adm%pa%S3cret //SRV7 cmd",
        r"curl -u adm:S3cret https://SRV7/",
        r"curl -uadm:S3cret https://SRV7/",
        r"curl -u adm:/S3cret https://SRV7/",
        r"net use \\SRV7\c$ /user:adm:S3cret",
        r"net time \\SRV7 /user:adm S3cret",
        r"psexec.py adm:S3cret@SRV7 cmd",
        # flags in quotes, behind carets, with other dashes
        r'psexec \\SRV7 "-u" "CORP\adm" "-p" S3cret cmd',
        r'psexec \\SRV7 -u CORP\adm -"p" S3cret cmd',
        r'psexec \\SRV7 -u CORP\adm -p"" S3cret cmd',
        r"psexec \\SRV7 -u CORP\adm ^-p S3cret cmd",
        r"psexec \\SRV7 -u CORP\adm -^p S3cret cmd",
        r"n^et u^se \\SRV7\c$ S3cret /user:adm",
        "psexec \\\\SRV7 –u CORP\\adm –p S3cret cmd",
        "psexec \\\\SRV7 —u CORP\\adm —p S3cret cmd",
        "psexec \\\\SRV7 ―u CORP\\adm −p S3cret cmd",
        "psexec \\\\SRV7 ‐u CORP\\adm －p S3cret cmd",
        # other spaces
        "psexec \\\\SRV7 -u\u00a0CORP\\adm -p\u00a0S3cret cmd",
        "net use \\\\SRV7\\c$\u00a0S3cret /user:adm",
        "net use \\\\SRV7\\c$\x00S3cret /user:adm",
        "net use \\\\SRV7\\c$\u2028S3cret /user:adm",
        "net\u3000use \\\\SRV7\\c$ S3cret /user:adm",
        # a program of any name that is given a mere host
        r"svc.exe \\SRV7 -p S3cret cmd",
        r"svc.exe \\SRV7 -pS3cret cmd",
        # variables
        r'cmd /c "set SECRET=S3cret& net use \\SRV7\c$"',
        r"cmd /c set PW=S3cret& net use \\SRV7\c$",
        r'cmd /c set "PW=S3cret" & net use \\SRV7\c$',
        r"cmd /c set p=S3cret&& net use \\SRV7\c$",
        r"setx PASSWORD S3cret /m",
        r"cmd /c set V_PW=S3cret&& net use \\SRV7\c$ %V_PW% /user:adm",
        r"$pw=S3cret; net use \\SRV7\c$".replace("S3cret;", "'S3cret' ;"),
        # pipes and calls
        r"cmd /c echo S3cret| net use \\SRV7\c$ /user:adm *",
        r'echo S3cret | runas /user:CORP\adm "psexec \\SRV7 cmd"',
        r"'S3cret' | ConvertTo-SecureString -AsPlainText -Force; psexec \\SRV7",
        r"[Net.NetworkCredential]::new('adm', 'S3cret', 'CORP')",
        r"powershell New-Object NetworkCredential('a','S3cret')",
        r"(New-Object Net.NetworkCredential('adm','S3cret')); psexec \\SRV7",
        r"$n.MapNetworkDrive('Z:','\\SRV7\c$',$false,'adm','S3cret')",
        r"New-SmbMapping -RemotePath \\SRV7\c$ -UserName adm -Passw S3cret",
        # what net takes for a password
        r"net use Z: https://SRV7/c$ S3cret /user:adm",
        r"net use \\SRV7\c$ \\S3cret /user:adm",
        r"net use \\SRV7\c$ /S3cret /user:adm",
        # hashes and other tools
        r"nxc smb SRV7 -u adm -H S3cret".replace("S3cret", HASH),
        r"nxc smb SRV7 -u adm -H :S3cret".replace(":S3cret", ":" + HASH),
        r"xfreerdp /u:adm /pth:S3cret /v:SRV7",
        r"cmdkey /add:SRV7 /user:adm /p:S3cret",
        r"netdom join SRV7 /ud:adm /pd:S3cret /po:S3cret",
        r"sshpass -p S3cret ssh adm@SRV7",
        r"osql -S SRV7 -U sa -PS3cret",
        r"bcp t out f -S SRV7 -Usa -P S3cret",
        r"mysql -h SRV7 -uroot -pS3cret",
        r"7z a -pS3cret x.7z C:\data",
        r"smbclient //SRV7/c$ S3cret -U adm",
        r"Rubeus.exe ptt /ticket:S3cret",
        r"x.exe <password>S3cret</password> h",
        r"bitsadmin /setcredentials job SERVER BASIC adm S3cret",
        r"reg add HKLM\x\Winlogon /v DefaultPassword /t REG_SZ /d S3cret /f",
        r"autologon adm corp S3cret",
        r"tool --api-key S3cret --host SRV7",
        r"tool token=S3cret h",
    ],
)
def test_secret_goes_and_the_rest_stays(line: str) -> None:
    redacted, taken = redact(line)
    assert taken
    secret = "S3cret" if "S3cret" in line else HASH
    assert secret not in redacted
    kept = [word for word in ("SRV7", "c$", "adm", "cmd") if word in line]
    assert [word for word in kept if word in redacted] == kept
    assert redact(redacted) == (redacted, False)


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("&setx pw a:b@c", "&setx pw [redacted]"),  # a secret that reaches behind the one in its word
        (r"psexec \\SRV7 -u adm -p : S3cret cmd", r"psexec \\SRV7 -u adm -p [redacted] [redacted] cmd"),
        (r'psexec.py adm:"a b S3cret"@SRV7 cmd', r"psexec.py adm:[redacted]@SRV7 cmd"),
        (
            r'cmd /c "set x=S3cret&& net use \\SRV7\c$ %x% /user:adm"',
            r'cmd /c "set x=[redacted]&& net use \\SRV7\c$ [redacted] /user:adm"',
        ),
        (
            r"for %x in (S3cret a) do net use \\SRV7\c$ %x /user:adm",
            r"for %x in ([redacted]) do net use \\SRV7\c$ [redacted] /user:adm",
        ),
        (r"$x='S3cret' ; net use \\SRV7\c$ $x", r"$x=[redacted] ; net use \\SRV7\c$ [redacted]"),
        (
            r"net use \\SRV7\c$ /user:a S3cret&net use \\SRV8\c$ S3cret",
            r"net use \\SRV7\c$ /user:a [redacted] [redacted] \\SRV8\c$ [redacted]",
        ),
        (
            r'"psexec" "\\SRV7" "-u" "CORP\adm" "-p" "S3cret" cmd',
            r'"psexec" "\\SRV7" "-u" "CORP\adm" "-p" [redacted] cmd',
        ),
        (r"psexec \\SRV7 -u adm ^-p ^S3cret cmd", r"psexec \\SRV7 -u adm ^-p [redacted] cmd"),
        (r"curl -uadm:S3cret h", r"curl -uadm:[redacted] h"),
        (
            r"ConvertTo-SecureString 'S3cret' -AsPlainText -Force; psexec \\SRV7 cmd",
            r"ConvertTo-SecureString [redacted] -AsPlainText -Force; psexec \\SRV7 cmd",
        ),
        ('psexec \\\\h -p ^"S3cret x^" cmd', r"psexec \\h -p [redacted] cmd"),
    ],
)
def test_exactly_the_secret_goes(line: str, left: str) -> None:
    assert redact(line) == (left, True)


@pytest.mark.parametrize(
    "line",
    [
        r"set PATH=C:\x& dir",
        r"set -u %USERDOMAIN%\%USERNAME% x",
        r"tool -path C:\x7zQ -port 1",
        r"curl -url http://h/ -useragent x",
        r"echo y| net use \\SRV7\c$ /delete",
        r"$p='C:\x'; dir $p",
        r"sqlcmd -S SRV7 -E -p",
        r"x.exe -h C:\x /d y",
        r"System, PublicKeyToken=b77a5c561934e089",
        f"certutil -hashfile:no {HASH}",
        r"net use \\SRV7\c$ /persistent:no /y",
        r"net view \\SRV7 /all",
        r"robocopy \\a\b \\c\d -p",
        "n^et u^se \\\\SRV7\\c$",
        "a – b — c",
    ],
)
def test_lines_without_a_secret_are_left_alone(line: str) -> None:
    assert redact(line) == (line, False)


def test_folded_knows_where_a_character_came_from() -> None:
    folded = Folded("^-p ^P^W –x")
    assert folded.text == "-p PW -x"
    assert folded.raw[folded.behind(3) : folded.before(5)] == "^P^W"


@pytest.mark.parametrize(
    ("word", "name"), [("%Pw%", "pw"), ("!p!", "p"), ("$env:pw", "pw"), ("%%i", "i"), ("pw", None)]
)
def test_variable(word: str, name: str | None) -> None:
    assert variable(word) == name


def test_spots_are_in_order() -> None:
    found = spots(Folded("cmdkey /p:a & sshpass -p b & setx PW c & x <password>d</password>"))
    assert found == sorted(found)
    assert len(found) == 4


PIECES = [
    "psexec ", "net ", "use ", "user ", " -p", "-p ", "/p:", " -u", "/user:", "pw=", "secret", "\\\\h ",
    "\\\\h\\c$ ", "a:b@c", "a ", "'x'", '"x"', " ", "&", "set p=b", "echo a", "-H ", HASH, ":", "|", " : ",
    "bypass", " bypass ", "$p='", "%p%", "mysql ", "x%y", "curl ", "-uS", "-user-", "-username", "setx ", "$",
    "='x'", " = ", "-p", "-", "/", '-"', '"', "-rp ", "7zip ", "b:c", "use", "net",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=10).map("".join))
@settings(max_examples=1000)
@example("-p x -u")
@example("bypass : x")
@example("setx bypass x")
@example("$bypass ='x'")
def test_no_line_that_is_passed_over_holds_a_secret(line: str) -> None:
    """A lone caret far off makes any line worth a search, and changes nothing else."""
    if not may_hold_secret(line):
        assert redact(line + "  ^") == (line + "  ^", False)


@pytest.mark.parametrize(
    "line",
    [
        r"C:\Windows\system32\svchost.exe -k netsvcs -p -s Schedule",
        r"powershell.exe -NoProfile -ExecutionPolicy Bypass -File C:\x\inventory.ps1",
        r'"C:\x\msedge.exe" --type=renderer --js-flags=--ms-user-locale= --user-agent-x /prefetch:8',
        r"C:\Windows\System32\RuntimeBroker.exe -Embedding",
    ],
)
def test_an_everyday_line_is_passed_over(line: str) -> None:
    assert not may_hold_secret(line)


def test_a_line_that_holds_a_secret_is_not_kept_in_memory() -> None:
    for line in ("net use \\\\h\\c$ PW9 /user:a", "cmd /c dir"):
        for _ in range(2):
            assert redact(line)[1] == ("PW9" in line)
    assert "cmd /c dir" in text._HARMLESS
    assert not any("PW9" in line for line in text._HARMLESS)


def test_few_and_short_lines_are_kept_in_memory() -> None:
    for number in range(text._REMEMBERED + 10):
        redact(f"dir {number}")
    redact("d" * 1000)
    assert len(text._HARMLESS) <= text._REMEMBERED
    assert max(map(len, text._HARMLESS)) <= text._SHORT
