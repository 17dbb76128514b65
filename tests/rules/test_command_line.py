"""Command lines of PsExec and net: hosts, shares, account, disconnect, nothing where nothing is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmgraph.rules.command_line import Movement, Target, parse, split
from tests import naive

SRV = Target("srv7", "name")


@pytest.mark.parametrize(
    ("line", "targets", "credential"),
    [
        (r"psexec \\SRV7 cmd", (SRV,), None),
        (r"PsExec64.exe -accepteula -s \\srv7 -u CORP\adm -p [redacted] cmd /c dir", (SRV,), r"CORP\adm"),
        (r'"C:\Program Files\psexec.exe" "\\srv7" -u "CORP\my adm" cmd', (SRV,), r"CORP\my adm"),
        (r"psexec \\srv7 -u .\x -i 1 -d calc", (SRV,), r".\x"),
        (r"psexec -i \\srv7 calc", (SRV,), None),  # the session number is optional
        (r"psexec -u adm@corp.example -p [redacted] \\srv7 cmd", (SRV,), "adm@corp.example"),
        (r"psexec \\srv7,srv8,\\SRV7 cmd", (SRV, Target("srv8", "name")), None),
        (r"psexec \\* ipconfig", (Target("*", "all"),), None),
        (r"psexec @C:\lists\Hosts.txt -n 5 cmd", (Target(r"c:\lists\hosts.txt", "file"),), None),
        (r"psexec \\10.0.0.5 cmd", (Target("10.0.0.5", "ip"),), None),
        (r"psexec \\srv7.corp.example cmd", (Target("srv7.corp.example", "name"),), None),
        (r"psexec \\fe80--1s4.ipv6-literal.net cmd", (Target("fe80::1", "ip"),), None),
        (r"psexec \\2001:DB8:0:0::1 cmd", (Target("2001:db8::1", "ip"),), None),
        (r"psexec \\::ffff:10.0.0.5 cmd", (Target("10.0.0.5", "ip"),), None),
        (r"psexec //srv7 cmd", (SRV,), None),
        (r"psexec \\srv7\ cmd", (SRV,), None),
        (r"psexec \\srv7 cmd /c copy \\fs\share\a \\fs2\c$", (SRV,), None),
        (r"psexec \\srv7 \\fs\share\tool.exe -u not", (SRV,), None),
        (r"psexec \\srv7 -w \\fs\dir -r svc -c tool.exe \\other", (SRV,), None),
        (r"paexec \\srv7 -lo C:\x.log -p@ C:\pw -u adm cmd", (SRV,), "adm"),
        (r"remcom \\srv7 /user:adm /pwd:[redacted] cmd", (SRV,), "adm"),
        (r"psexec \\srv7 --user=CORP/adm%[redacted] cmd", (SRV,), "CORP/adm"),
        (r"psexec \\srv7 -u adm:[redacted] cmd", (SRV,), "adm"),
        (r"psexec /accepteula /s \\srv7 cmd", (SRV,), None),
        (r"psexec \\localhost cmd", (Target("localhost", "name"),), None),
        (r"psexec \\. cmd", (Target("localhost", "name"),), None),
    ],
)
def test_psexec(line: str, targets: tuple[Target, ...], credential: str | None) -> None:
    assert parse("psexec", line) == Movement(targets, credential)


@pytest.mark.parametrize(
    "line",
    [
        r"psexec -s cmd",
        r"psexec cmd \\srv7",
        r"psexec",
        r"psexec \\fs\share\tool.exe",
        r"psexec -i 1 -s \\ cmd",
        "psexec @",
    ],
)
def test_psexec_that_runs_here(line: str) -> None:
    assert parse("psexec", line) == Movement(local=True)


def net(
    *targets: Target, credential: str | None = None, disconnect: bool = False, accidental: bool = False
) -> Movement:
    return Movement(targets, credential, disconnect=disconnect, accidental=accidental)


C = Target("h", "name", "c$")


@pytest.mark.parametrize(
    ("line", "movement"),
    [
        (r"net use \\H\c$", net(C)),
        (r"net use X: \\h\c$ [redacted] /user:CORP\adm /persistent:no", net(C, credential=r"CORP\adm")),
        (r'net use * "\\h\c$" * /USER:"CORP\my adm"', net(C, credential=r"CORP\my adm")),
        (r"C:\Windows\system32\net1 USE \\h\C$", net(Target("h", "name", "C$"))),
        (r"net use //h/c$", net(C)),
        (r"net use \\h\/c$/windows\temp", net(C)),
        (r"net use \\h\c$ /u:x", net(C, credential="x")),
        (r"net use \\h\c$ /user:", net(C)),
        (r"net use \\h\c$ /user:adm:[redacted]", net(C, credential="adm")),
        (r"net use \\h\c$ \\g\data", net(C, Target("g", "name", "data"))),
        (r"net use \\h\c$ /DELETE", net(C, disconnect=True)),
        (r"net use \\h\c$ /d /y", net(C, disconnect=True)),
        (r"net use /delete \\h\c$", net(C, disconnect=True)),
        (r"net use \\?\UNC\h\c$", net(C)),
        (r"net use \\h@SSL@8443\c$", net(C)),
        (r"net use \\h@SSL\DavWWWRoot", net(Target("h", "name", "DavWWWRoot"), accidental=True)),
        (r"net use \\10.0.0.5\ADMIN$", net(Target("10.0.0.5", "ip", "ADMIN$"))),
        (r"net use \\fe80--1.ipv6-literal.net\ipc$", net(Target("fe80::1", "ip", "ipc$"))),
        (r"net use \\h\DOC$", net(Target("h", "name", "DOC$"), accidental=True)),
        (r"net use \\h", net(Target("h", "name"), accidental=True)),
        (r"net use Z: /delete", net(disconnect=True, accidental=True)),
        (r"net use", net(accidental=True)),
        (r"net view \\h /all", net(accidental=True)),
        (r"net use \\", net(accidental=True)),
        (r"net use \\?\UNC", net(accidental=True)),
    ],
)
def test_net_use(line: str, movement: Movement) -> None:
    assert parse("net", line) == movement


def test_admin_shares() -> None:
    shares = ("ADMIN$", "c$", "IPC$", "D$", "doc$", "", None)
    assert [share for share in shares if Target("h", "name", share).admin] == ["ADMIN$", "c$", "IPC$"]


def test_a_missing_line_says_nothing() -> None:
    for line in (None, "", "  \t"):
        assert parse("psexec", line) == parse("net", line) == Movement()


def test_split() -> None:
    assert split(r'a "b c"d  "" \\h\c$') == ["a", "b cd", "", r"\\h\c$"]
    assert split('a "b c') == ["a", "b c"]


@given(
    st.text(alphabet=st.one_of(st.sampled_from('ab"\\ \t\x1c\x85\u2003\ufeff'), st.characters(codec=None)))
)
def test_split_as_the_reference_does(line: str) -> None:
    assert split(line) == naive.split(line)


def test_every_kind_of_space_separates() -> None:
    odd = [
        chr(code)
        for code in range(0x110000)
        if split(f'"q"a{chr(code)}b') != naive.split(f'"q"a{chr(code)}b')
    ]
    assert odd == []


def test_a_line_reads_the_same_however_long_and_however_often() -> None:
    for length in (0, 600):
        line = "psexec \\\\h cmd " + "x" * length
        assert parse("psexec", line) == parse("psexec", line) == Movement((Target("h", "name"),))
        assert parse("net", line).accidental  # another program reads the same line otherwise


def test_a_host_name_has_an_end() -> None:
    assert parse("net", "net use \\\\" + "h" * 255 + "\\c$").targets != ()
    assert parse("net", "net use \\\\" + "h" * 256 + "\\c$").targets == ()


pieces = st.sampled_from(
    ["psexec ", "net use ", "\\\\", "\\", "/", "//", "h", ",", "@", "*", " ", '"', "-u ", "/user:", "c$",
     "::1", "%", ".", "ipv6-literal.net", "?", "UNC\\", "-i ", "[", "\x00", "\ud800"]
)  # fmt: skip


@given(st.lists(pieces, max_size=20).map("".join), st.sampled_from(["psexec", "net"]))
def test_any_line_can_be_read(line: str, program) -> None:
    movement = parse(program, line)
    assert len(set(movement.targets)) == len(movement.targets)
    for target in movement.targets:
        assert target.token
        if target.kind != "file":
            assert target.token == target.token.lower()
            assert "\\" not in target.token
