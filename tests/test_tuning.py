"""The tuning file: what it accepts, what it refuses, what it covers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lmgraph.errors import UsageError
from lmgraph.settings import parse_time
from lmgraph.tuning import Subject, _pattern, load, match

SUBJECT = Subject(
    source=("BKP01", "bkp01.corp.example"),
    source_ips=("10.0.5.5",),
    target=("SRV7",),
    target_ips=("10.0.0.7",),
    user=("svc_backup", "CORP\\svc_backup"),
    process=("Veeam.exe",),
    process_path=("C:\\Program Files\\Veeam\\Veeam.exe",),
    source_listed=False,
    privileged=None,
    periodic=False,
    time_us=parse_time("2026-03-02T10:00:00Z"),
)


def covers(tmp_path: Path, body: str, subject: Subject = SUBJECT) -> bool:
    entries, _ = load(write(tmp_path, f'[[allow]]\nname = "n"\nreason = "r"\n{body}'), default=False)
    return match(entries, subject) == "n"


def write(tmp_path: Path, text: str) -> str:
    path = tmp_path / "allow.toml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('source = "bkp*"', True),
        ('source = "*.corp.example"', True),
        ('source = "10.0.5.0/24"', True),
        ('source = "10.0.6.0/24"', False),
        ('source = "10.0.5.*"', True),
        ('target = "10.0.0.7/32"\nprocess = "veeam.exe"', True),
        ('target = "SRV8"\nprocess = "veeam.exe"', False),
        ('user = "CORP\\\\SVC_*"', True),
        ('process_path = "*\\\\veeam\\\\*"', True),
        ('process_path = "*\\\\temp\\\\*"', False),
        ('source = "BKP01"\nexpires = 2026-03-02', True),
        ('source = "BKP01"\nexpires = 2026-03-01', False),
        ('source = "BKP01"\nexpires = 9999-12-31', True),
        ('source = "BKP01"\nexpires = 9999-12-31T23:59:59-12:00', True),
        ('source = "BKP01"\nexpires = 0001-01-01', False),
        ('source = ["*0*"]', True),
        ('source = "BKP01"\nexpires = 2026-03-02T09:00:00Z', False),
        ('source = "BKP01"\nsource_not_in_assets = true', True),
        ('source = "BKP01"\nsource_not_in_assets = false', False),
        ('user = "*"\nuser_privileged = true', False),
        ('source = "BKP01"\nrequires = "periodic"', False),
    ],
)
def test_an_entry_covers_what_all_its_keys_fit(tmp_path: Path, body: str, expected: bool) -> None:
    assert covers(tmp_path, body) is expected


def test_a_periodic_entry_needs_a_period(tmp_path: Path) -> None:
    assert covers(tmp_path, 'process = "veeam.exe"\nrequires = "periodic"', replace(SUBJECT, periodic=True))


def test_an_unknown_process_path_fits_no_pattern(tmp_path: Path) -> None:
    assert not covers(
        tmp_path, 'process_path = "*"\nprocess = "veeam.exe"', replace(SUBJECT, process_path=())
    )


def test_one_of_several_patterns_is_enough(tmp_path: Path) -> None:
    assert covers(tmp_path, 'source = ["SRV*", "BKP*"]')
    assert not covers(tmp_path, 'source = ["SRV*", "WS*"]')


@given(
    st.text("0189abfgsx.:*?[]!-", min_size=1, max_size=6),
    st.sampled_from(["10.0.0.7", "fe80::1", "2001:db8::5", "9.9.9.9"]),
)
@example("[!x]*", "10.0.0.7")
@example("F*", "fe80::1")
def test_a_pattern_that_fits_an_address_says_that_it_may(written: str, ip: str) -> None:
    pattern = _pattern(written, "source", None)
    assert pattern.asks_address or not pattern.matches((), (ip,))


def test_names_ask_no_address() -> None:
    for written, asks in (("SRV*", False), ("*.corp.example", False), ("10.0.0.0/8", True), ("10.0.*", True)):
        assert _pattern(written, "source", None).asks_address is asks


@pytest.mark.parametrize(
    ("path", "ours"),
    [
        ("C:\\Program Files\\CrowdStrike\\CSFalconService.exe", True),
        ("\\Device\\HarddiskVolume12\\Program Files\\CrowdStrike\\CSFalconService.exe", True),
        ("C:\\Users\\Public\\Program Files\\CrowdStrike\\CSFalconService.exe", False),
        ("\\Device\\HarddiskVolume3\\x\\Program Files\\CrowdStrike\\CSFalconService.exe", False),
        (None, False),
    ],
)
def test_the_shipped_entry_covers_the_sensor_at_its_own_path_only(path: str | None, ours: bool) -> None:
    subject = replace(SUBJECT, process=("CSFalconService.exe",), process_path=(path,) if path else ())
    assert (match(load(None)[0], subject) == "falcon-sensor") is ours


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[allow]]\nreason = "r"\nsource = "x"', r"needs a name \[.*allow\.toml:1:name\]"),
        ('[[allow]]\nname = "n"\nsource = "x"', "needs a reason"),
        ('[[allow]]\nname = "n"\nreason = "r"', "needs a source, target, user or process"),
        ('[[allow]]\nname = "n"\nreason = "r"\nsource = "*"', "matches everything"),
        ('[[allow]]\nname = "n"\nreason = "r"\nsource = "0.0.0.0/0"\nuser = "*"', "matches everything"),
        ('[[allow]]\nname = "n"\nreason = "r"\nsource = "***"', "matches everything"),
        ('[[allow]]\nname = "n"\nreason = "r"\nsource = ["X", "?*"]', "matches everything"),
        ('[[allow]]\nname = "n"\nreason = "r"\nsource = "1.2.3.4/0"\ntarget = "::1/0"', "matches everything"),
        ('[[allow]]\nname = "n"\nreason = "r"\nsorce = "x"', r"unknown key 'sorce' \[.*:1:sorce\]"),
        ('[[allow]]\nname = "n"\nreason = "r"\nsource = 7', "a text or a list of texts"),
        ('[[allow]]\nname = "n"\nreason = "r"\nsource = ["a", 7]', "a text or a list of texts"),
        ('[[allow]]\nname = "n"\nreason = 7\nsource = "a"', "must be a text"),
        ('[[allow]]\nname = "n"\nreason = "r"\nsource = "10.0.0.0/99"', "no network"),
        ('[[allow]]\nname = "n"\nreason = "r"\nsource = "x"\nrequires = "luck"', "'periodic'"),
        ('[[allow]]\nname = "n"\nreason = "r"\nsource = "x"\nexpires = "soon"', "must be a date"),
        ('[[allow]]\nname = "n"\nreason = "r"\nsource = "x"\nuser_privileged = 1', "true or false"),
        ('[[allow]]\nname = "n"\nreason = "r"\nsource = ""', "a pattern has 1 to"),
        ('[[deny]]\nname = "n"', "unknown table 'deny'"),
        ("allow = 3", r"\[\[allow\]\]"),
        ("[[allow", "no TOML"),
        ("allow = " + "[" * 5000, "nested too deeply"),
        ("allow = " + "{a=" * 5000, "nested too deeply"),
        ("allow = " + "9" * 5000, "a number in the tuning file is too long"),
        ("x" * 100_000 + " = 1", r"unknown table 'x{79}…'; .*:x{79}…\]$"),
        ("[[allow]]\n" + "x" * 100_000 + " = 1", r"unknown key 'x{79}…' \[.*:1:x{79}…\]$"),
        (
            '[[allow]]\nname = "n"\nreason = "r"\nsource = "x"\n' * 2,
            r"two entries are named 'n' \[.*:2:name\]",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load(write(tmp_path, text))


def test_the_second_of_two_names_is_the_wrong_one(tmp_path: Path) -> None:
    entry = '[[allow]]\nname = "{}"\nreason = "r"\nsource = "x"\n'
    text = "".join(map(entry.format, ["a", "b" * 100, "c", "b" * 100, "a"]))
    with pytest.raises(UsageError, match=r"two entries are named 'b{79}…' \[.*:4:name\]"):
        load(write(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read the tuning file.*nowhere\.toml"):
        load(str(tmp_path / "nowhere.toml"))


def test_the_shipped_entry_is_there_and_can_be_left_out() -> None:
    entries, digest = load(None)
    assert [entry.name for entry in entries] == ["falcon-sensor"]
    assert digest is None
    assert load(None, default=False)[0] == ()
