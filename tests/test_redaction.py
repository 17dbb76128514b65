"""Secrets that only a reader of the command would find, and what must stay readable beside them."""

from __future__ import annotations

import re

import pytest

from lmgraph.text import redact

SECRET = re.compile("Winter2026xq|0123456789abcdef")


@pytest.mark.parametrize(
    "line",
    [
        r"winexe --user=CORP/adm%Winter2026xq //SRV7 cmd",
        r"psexec \\SRV7 --user=CORP/adm%Winter2026xq cmd",
        r"smbclient -U=a%Winter2026xq //SRV7/c$",
        r"smbclient //SRV7/c$ Winter2026xq -U a",
        r'"psexec" "\\SRV7" "-u" "CORP\adm" "-p" "Winter2026xq" cmd',
        r'psexec \\SRV7 -u adm -"p" Winter2026xq cmd',
        r"psexec \\SRV7 -u adm ^-p ^Winter2026xq cmd",
        r"psexec \\SRV7 -u adm -^p Winter2026xq cmd",
        r"n^et u^se \\SRV7\c$ Winter2026xq",
        "psexec \\\\SRV7 -u adm \u2013p Winter2026xq cmd",
        "psexec \\\\SRV7 \u2014u adm \u2014p Winter2026xq cmd",
        "psexec \\\\SRV7 -u adm -p\u00a0Winter2026xq cmd",
        "net use \\\\SRV7\\c$ \u2028Winter2026xq /user:adm",
        r"svc.exe \\SRV7 -p Winter2026xq cmd",
        r"cmd /c set V_PW=Winter2026xq&& net use \\SRV7\c$ %V_PW% /user:adm",
        r"setx PASSWORD Winter2026xq",
        r"cmd /c echo Winter2026xq| net use \\SRV7\c$ * /user:adm",
        r"powershell ConvertTo-SecureString 'Winter2026xq' -AsPlainText -Force; psexec \\SRV7 cmd",
        r"powershell New-Object NetworkCredential('a','Winter2026xq')",
        r"net time \\SRV7 /user:a Winter2026xq",
        r"crackmapexec smb SRV7 -u a -H 0123456789abcdef0123456789abcdef",
        r"cmdkey /add:SRV7 /user:adm /p:Winter2026xq",
        r"curl -u adm:Winter2026xq http://SRV7/",
        r"sshpass -p Winter2026xq ssh SRV7",
        r"osql -S SRV7 -U sa -PWinter2026xq",
        r"x --api-key Winter2026xq --host SRV7",
        r"x <password>Winter2026xq</password> SRV7",
    ],
)
def test_the_secret_goes_and_the_host_stays(line: str) -> None:
    shown, redacted = redact(line)
    assert redacted
    assert SECRET.search(shown) is None
    assert ("SRV7" in shown) == ("SRV7" in line)
    assert redact(shown) == (shown, False)
