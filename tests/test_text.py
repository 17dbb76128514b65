"""Text made safe: what is shown is harmless, what is secret is gone, what an analyst needs is left."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from lmgraph import text as of_text
from lmgraph.text import REDACTED, csv_cell, redact, visible, without_surrogates

INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
anything = st.text(st.characters(codec=None), max_size=60)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("WS042", "WS042"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\tb\r\nc", r"a\x09b\x0d\x0ac"),
        ("exe\u202etxt", r"exe\u202etxt"),
        ("\u2028\u2029", r"\u2028\u2029"),
        ("\ud800", r"\ud800"),
        ("\U000e0001", r"\U000e0001"),
        ("\x00\x85", r"\x00\x85"),
        ("Mosfellsbær 東京", "Mosfellsbær 東京"),
        ("", ""),
    ],
)
def test_visible_escapes(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(anything, st.none() | st.integers(1, 30))
def test_visible_leaves_nothing_invisible_and_keeps_the_limit(text: str, limit: int | None) -> None:
    shown = visible(text, limit)
    assert not any(unicodedata.category(char) in INVISIBLE for char in shown)
    assert limit is None or len(shown) <= limit
    shown.encode("utf-8")


def test_visible_marks_a_cut() -> None:
    assert visible("abcdef", 6) == "abcdef"
    assert visible("abcdefg", 6) == "abcde…"
    assert visible("abcde\x1b", 6) == "abcde…"


@given(anything)
def test_without_surrogates_can_be_encoded(text: str) -> None:
    clean = without_surrogates(text)
    clean.encode("utf-8")
    assert clean == text or any("\ud800" <= char <= "\udfff" for char in text)


def test_without_surrogates_is_visible() -> None:
    assert without_surrogates("a\udc80b") == r"a\udc80b"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", " ="])
def test_csv_cell_guards_formulas(start: str) -> None:
    assert csv_cell(start + "cmd|' /C calc'!A0") == "'" + start + "cmd|' /C calc'!A0"


def test_csv_cell_leaves_others_alone() -> None:
    for text in ("", "WS042", "a=b", "10.0.0.1", "\\\\h\\c$"):
        assert csv_cell(text) == text


@given(anything.filter(lambda text: "\x00" not in text))
def test_csv_cell_survives_a_csv_file(text: str) -> None:
    clean = csv_cell(without_surrogates(text))
    handle = io.StringIO(newline="")
    csv.writer(handle).writerow([clean])
    assert next(csv.reader(io.StringIO(handle.getvalue(), newline=""))) == [clean]


# The secret is S3cret in each; what stands beside it is what must be left.
@pytest.mark.parametrize(
    ("line", "left"),
    [
        (r"psexec64 \\srv7 -u CORP\adm -p S3cret cmd", r"psexec64 \\srv7 -u CORP\adm -p [redacted] cmd"),
        (r"psexec \\srv7 -u CORP\adm -pS3cret cmd", r"psexec \\srv7 -u CORP\adm -p[redacted] cmd"),
        (r'PsExec.exe \\srv7 -p "S3cret x" cmd', r"PsExec.exe \\srv7 -p [redacted] cmd"),
        (r'psexec \\srv7 -p "S3cret\" x" cmd', r"psexec \\srv7 -p [redacted] cmd"),
        (r'psexec \\srv7 -p S3"cr et"x cmd', r"psexec \\srv7 -p [redacted] cmd"),
        (r"psexec \\srv7 -u adm -p -S3cret cmd", r"psexec \\srv7 -u adm -p [redacted] cmd"),
        (r"paexec.exe \\srv7 /u adm /p S3cret cmd", r"paexec.exe \\srv7 /u adm /p [redacted] cmd"),
        (r"remcom \\srv7 /user:adm /pwd:S3cret cmd", r"remcom \\srv7 /user:adm /pwd:[redacted] cmd"),
        (r"renamed.exe \\srv7 -u adm -p S3cret cmd", r"renamed.exe \\srv7 -u adm -p [redacted] cmd"),
        (r"net use \\h\c$ S3cret /user:CORP\x", r"net use \\h\c$ [redacted] /user:CORP\x"),
        (r"net use \\h\c$ /user:x S3cret", r"net use \\h\c$ /user:x [redacted]"),
        (r"net use \\h\c$ /user:x@corp.local S3cret", r"net use \\h\c$ /user:x@corp.local [redacted]"),
        (
            r"net.exe  USE Z: \\h\c$ S3cret /persistent:no",
            r"net.exe  USE Z: \\h\c$ [redacted] /persistent:no",
        ),
        (
            r'net use "\\h\c$" "S3 S3cret" /user:"CORP\my adm"',
            r'net use "\\h\c$" [redacted] /user:"CORP\my adm"',
        ),
        (r'net use "\\h\my share" S3cret', r'net use "\\h\my share" [redacted]'),
        (r"net use \\h\c$ S3cret&x /user:x", r"net use \\h\c$ [redacted] /user:x"),
        (r"net use \\h\c$ 'S3cret x' /user:x", r"net use \\h\c$ [redacted] /user:x"),
        (r"net use //h/c$ S3cret", r"net use //h/c$ [redacted]"),
        # Windows drops the quotes of a share; where no host can be, there may be one all the same
        (r'net use \\"h"\c$ S3cret /user:x', r'net use \\"h"\c$ [redacted] /user:x'),
        (r'net use z: //"h"/c$ S3cret', r'net use z: //"h"/c$ [redacted]'),
        (r'net use \"\h\c$" S3cret', r'net use \"\h\c$" [redacted]'),
        (r'net use /user:x \\"h"\c$ S3cret', r'net use /user:x \\"h"\c$ [redacted]'),
        (r'cmd /c "net use \\"h"\c$ S3cret /user:x"', r'cmd /c "net use \\"h"\c$ [redacted] /user:x"'),
        ("net use \\\\\ufeffh\\c$ S3cret /user:x", "net use \\\\\ufeffh\\c$ [redacted] /user:x"),
        (r"net use \\h|x\c$ S3cret /user:x", r"net use \\h|x\c$ [redacted] /user:x"),
        (r"net use \\h&x\c$ S3cret", r"net use \\h&x\c$ [redacted]"),
        (r"net use a/pass:S3cret\b S3cret", r"net use a/pass:[redacted] [redacted]"),
        (r"C:\Windows\system32\net1 use \\h\c$ S3cret", r"C:\Windows\system32\net1 use \\h\c$ [redacted]"),
        (r'"C:\Windows\net.exe" use \\h\c$ S3cret', r'"C:\Windows\net.exe" use \\h\c$ [redacted]'),
        (r"n.exe use \\h\c$ S3cret /user:x", r"n.exe use \\h\c$ [redacted] /user:x"),
        ("net use \\\\h\\c$ S3cret\u00a0S3cret /user:x", r"net use \\h\c$ [redacted] /user:x"),
        (r'tool "--password=a b"S3cret h', r'tool "--password=[redacted]"[redacted] h'),
        (r"ps -c \"net use \\h\c$ S3cret /user:x\"", r"ps -c \"net use \\h\c$ [redacted] /user:x\""),
        (r"net user bob S3cret /add", r"net user bob [redacted] /add"),
        (r'cmd /c "net use \\h\c$ S3cret /user:x"', r'cmd /c "net use \\h\c$ [redacted] /user:x"'),
        (r'cmd /c "net use "\\h\c$" S3cret /user:x"', r'cmd /c "net use "\\h\c$" [redacted] /user:x"'),
        (r'cmd /c "net use \\h\c$ \"a S3cret\" /user:x"', r'cmd /c "net use \\h\c$ [redacted] /user:x"'),
        (
            r'cmd /c"net use \\h\c$ /user:x S3cret"&dir x',
            r'cmd /c"net use \\h\c$ /user:x [redacted] [redacted]',
        ),
        (r'cmd /c "psexec \\h -u a -p S3cret"', r'cmd /c "psexec \\h -u a -p [redacted]"'),
        (r'cmd /c "psexec \\h -u a -p ""a S3cret"" x"', r'cmd /c "psexec \\h -u a -p [redacted] x"'),
        (
            r"cmd /c net use \\h\c$ S3cret && psexec \\h -u b -p S3cret calc",
            r"cmd /c net use \\h\c$ [redacted] && psexec \\h -u b -p [redacted] calc",
        ),
        (
            r"%COMSPEC% /Q /c net use \\h\c$ S3cret >nul 2>&1",
            r"%COMSPEC% /Q /c net use \\h\c$ [redacted] >nul 2>&1",
        ),
        (
            r"powershell -Command New-SmbMapping -RemotePath \\h\c$ -UserName adm -Password S3cret",
            r"powershell -Command New-SmbMapping -RemotePath \\h\c$ -UserName adm -Password [redacted]",
        ),
        (
            r"ConvertTo-SecureString 'S3cret x' -AsPlainText",
            r"ConvertTo-SecureString [redacted] -AsPlainText",
        ),
        (
            r'(ConvertTo-SecureString "S3 S3cret" -AsPlainText -Force)); Invoke-Command -ComputerName srv7',
            r"(ConvertTo-SecureString [redacted] -AsPlainText -Force)); Invoke-Command -ComputerName srv7",
        ),
        (r"$password = 'S3cret x' ", r"$password = [redacted] "),
        (
            r"cmdkey /add:srv7 /user:CORP\adm /pass:S3cret",
            r"cmdkey /add:srv7 /user:CORP\adm /pass:[redacted]",
        ),
        (r'wmic /node:h /user:a /password:"S3 S3cret" x', r"wmic /node:h /user:a /password:[redacted] x"),
        (
            r"schtasks /s h /u a /p S3cret /rp S3cret /tn x",
            r"schtasks /s h /u a /p [redacted] /rp [redacted] /tn x",
        ),
        (r"sc \\h config x obj= a password= S3cret", r"sc \\h config x obj= a password= [redacted]"),
        (r"winrs -r:h -u:a -p:S3cret cmd", r"winrs -r:h -u:a -p:[redacted] cmd"),
        (r"psexec.py CORP/adm:S3cret@10.0.0.5", r"psexec.py CORP/adm:[redacted]@10.0.0.5"),
        (r"x CORP/adm:S3c'ret@S3cret@10.0.0.5", r"x CORP/adm:[redacted]@10.0.0.5"),
        (r"git clone https://a:S3cret@h/x", r"git clone https://a:[redacted]@h/x"),
        (r"x -hashes :S3cret adm@10.0.0.5", r"x -hashes [redacted] adm@10.0.0.5"),
        ("x " + "aB" * 16 + ":" + "0f" * 16 + " h", "x [redacted] h"),
        (r"tool --password=S3cret --host h", r"tool --password=[redacted] --host h"),
        (r"tool --admin-password S3cret h", r"tool --admin-password [redacted] h"),
        (r"curl -u bob:S3cret http://h/", r"curl -u bob:[redacted] http://h/"),
        (r"smbclient -U bob%S3cret //h/c$", r"smbclient -U bob%[redacted] //h/c$"),
        (r"mysql -u root -pS3cret db", r"mysql -u root -p[redacted] db"),
    ],
)
def test_redact_takes_the_secret_and_leaves_the_rest(line: str, left: str) -> None:
    assert redact(line) == (left, True)


@pytest.mark.parametrize(
    "line",
    [
        "",
        r"net use \\h\c$ * /user:CORP\x",
        r"net use * \\h\c$ /user:x",
        r"net use \\h\c$ /delete",
        r"net use Z: \\h\c$",
        r"net use \\h\c$|findstr OK",
        r"net use \\h\c$&dir \\h\c$",
        r'net use "Z:" "\\h\c$"',
        r"net view \\h /all",
        r"psexec \\srv7 -s -u CORP\adm cmd /c whoami",
        r"C:\Windows\system32\svchost.exe -k netsvcs -p -s Schedule",
        r"runas /user:adm@corp.local cmd",
        r"xcopy C:\a\b@c \\h\c$\x",
        r"ssh -p 22 user@host",
        r"mkdir -p a/b",
        r"powershell -ExecutionPolicy Bypass -File C:\x.ps1 -PassThru",
        r"msiexec /i x.msi /passive",
        r"cl -u x -port 22 -path y",
        r"set -u %USERDOMAIN%\%USERNAME% x",
        "\x00\ud800",
    ],
)
def test_redact_leaves_lines_without_a_secret_alone(line: str) -> None:
    assert redact(line) == (line, False)


# Passwords as people set them, and worse: quotes, spaces, separators, look-alikes of flags.
letters = st.text("ABCDEFGHJKLMNPQRSTUVWXYZ", min_size=6, max_size=10).map(lambda text: "q7" + text)
odd = st.text("ab1!#$%^&*()_+-=[]{}|;:',.<>/?~\\ \u00a0\"", max_size=6)
secrets = st.tuples(odd, letters, odd).map("".join)
COMMANDS = [
    ["psexec.exe", r"\\srv7", "-u", r"CORP\adm", "-p", "SECRET", "cmd.exe"],
    ["psexec64", "-accepteula", r"\\srv7,srv8", "-s", "/p", "SECRET", "ipconfig"],
    ["PAExec.exe", r"\\srv7", "-p", "SECRET", "-u", r"CORP\adm", "cmd"],
    ["x.exe", r"\\srv7", "-u", r"CORP\adm", "-p", "SECRET", "cmd.exe"],
    ["net", "use", r"\\srv7\c$", "SECRET", r"/user:CORP\adm"],
    ["net", "use", r"\\srv7\c$", r"/user:CORP\adm", "SECRET"],
    ["net1.exe", "use", "Z:", r"\\srv7\ADMIN$", r"/user:CORP\adm", "SECRET", "/persistent:no"],
    ["net.exe", "user", "adm", "SECRET", "/add"],
    ["tool", "--password", "SECRET", r"\\srv7"],
    ["tool", "--password=SECRET", r"\\srv7"],
    ["cmdkey", "/add:srv7", r"/user:CORP\adm", "/pass:SECRET"],
    ["psexec.py", "CORP/adm:SECRET@srv7"],
    ["wmic", "/node:srv7", "/password:SECRET", "process"],
    ["wmiexec.py", "-hashes", "SECRET", "adm@srv7"],
]
wrappers = st.sampled_from(
    [
        lambda line, words: line,
        lambda line, words: f"cmd.exe /c {line}",
        lambda line, words: f'cmd.exe /c "{line}"',
        lambda line, words: subprocess.list2cmdline(["cmd.exe", "/c", line]),
        lambda line, words: subprocess.list2cmdline(
            ["cmd", "/c", subprocess.list2cmdline(["powershell", "-c", line])]
        ),
        lambda line, words: f"powershell -Command {line} ; exit",
        lambda line, words: f"schtasks /create /tn x /tr {subprocess.list2cmdline([line])}",
    ]
)


def core(secret: str) -> str:
    """The letters in the middle of a secret: they must be gone however the rest was cut."""
    start = secret.index("q7")
    return secret[start : start + 8]


def is_argument(secret: str, words: list[str]) -> bool:
    """Whether the program could take this text as that secret, and a reader tell it from what it closes."""
    bare = secret.lstrip("\"'")
    if words[0].startswith("net"):  # it takes such a word for a switch, a second share, a device
        return not bare.startswith(("/", "\\\\", "\\/", " ", "\u00a0")) and ":" not in secret[1:2]
    return not bare.startswith(" ")


@given(secrets, st.sampled_from(COMMANDS), wrappers)
@settings(max_examples=600)
def test_no_secret_survives(secret: str, words: list[str], wrap) -> None:
    assume(is_argument(secret, words))
    line = subprocess.list2cmdline([word.replace("SECRET", secret) for word in words])
    line = wrap(line, words)
    redacted, taken = redact(line)
    assert core(secret) not in redacted
    assert taken
    assert redact(redacted)[0] == redacted


@given(letters, st.sampled_from(COMMANDS), wrappers)
def test_host_share_and_account_stay_readable(secret: str, words: list[str], wrap) -> None:
    line = wrap(subprocess.list2cmdline([word.replace("SECRET", secret) for word in words]), words)
    redacted, _ = redact(line)
    for part in ("srv7", "c$", "ADMIN$", "adm", r"CORP\adm"):
        assert (part in line) == (part in redacted)
    assert redacted.count(REDACTED) == 1


PIECES = [
    *(
        "psexec ",
        "net use ",
        "net user ",
        " -p ",
        "-p",
        "/p:",
        " -u ",
        "-u",
        "/user:",
        "/pass:",
        "--password ",
        "use ",
    ),
    *(
        '"',
        "'",
        '\\"',
        '""',
        "`",
        "\\",
        "\\\\h\\c$",
        '\\\\"h"\\c$ ',
        "\\\\h|x\\c$ ",
        "//",
        " ",
        " & ",
        "&",
        ";",
        "a",
        "pw",
        "a:b@c",
        ":",
        "@",
        "%",
        "*",
    ),
    *(
        "=",
        "$password",
        "convertto-securestring ",
        REDACTED,
        "\t",
        "\n",
        "\u00a0",
        "x@y",
        "http://",
        "z:",
        "-hashes ",
        *("^", "\0", "\u2013p ", "\u201c", "set p=", "$p='", "%p% ", "setx pw ", "echo a", "|net use ", "&&"),
        *("'a'|convertto-securestring ", "networkcredential('a','b", "for %p in (", "<password>", ':"b"@c'),
        *("curl ", "smbclient //h ", "cmdkey ", "mysql ", "-H " + "0f" * 16, ":" + "0f" * 16, " : ", "/x "),
    ),
]


@given(st.lists(st.sampled_from(PIECES), max_size=24).map("".join))
@settings(max_examples=1500)
@example(r"-p a\" b\" c")
def test_redact_is_idempotent(line: str) -> None:
    once, taken = redact(line)
    assert redact(once) == (once, False)
    assert taken == (once != line)


@pytest.mark.parametrize(
    "piece", [*PIECES, '-u"a"', '-u"a%b%"', "a:'", '-p ""a ', '"\\\\h ', "net use '\\\\h ", '\\"-p ']
)
@pytest.mark.parametrize("head", ["", "psexec -u a ", "net use \\\\h\\c$ "])
def test_redact_is_linear(head: str, piece: str) -> None:
    """Steps of the interpreter, not seconds: eight times the input takes about eight times the steps.

    What a step scans in C does not count there, so 200,000 characters have to end, too.
    """
    few, many = (_steps(head + piece * count) for count in (250, 2000))
    assert many <= 8.5 * few + 2000
    redact(head + piece * (200_000 // len(piece)))


def _steps(line: str) -> int:
    count = 0

    def trace(frame, event, argument):
        nonlocal count
        count += 1
        return trace

    of_text._HARMLESS.clear()  # a line that it remembers takes no step
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        redact(line)
    finally:
        sys.settrace(before)
    return count
