"""The assets file."""

from __future__ import annotations

from pathlib import Path

import pytest

from lmgraph.assets import Asset, read_assets
from lmgraph.errors import UsageError
from lmgraph.settings import parse_time


def write(tmp_path: Path, text: str) -> str:
    path = tmp_path / "assets.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_every_column_is_read(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "\ufeffHost,ip,role,criticality,owner,valid_from,valid_to\n"
        "SRV7,::ffff:10.0.0.7,server,high,ops,2026-03-01,2026-04-01T00:00:00Z\n"
        "NAS3,,,,,,\n",
    )
    assets, digest = read_assets(path)
    assert assets == (
        Asset(
            "SRV7", "10.0.0.7", "server", "high", "ops", parse_time("2026-03-01"), parse_time("2026-04-01")
        ),
        Asset("NAS3", None),
    )
    assert digest is not None
    assert len(digest) == 64


def test_times_without_a_zone_are_in_the_zone_of_the_run(tmp_path: Path) -> None:
    path = write(tmp_path, "host,ip,valid_from\nA,10.0.0.1,2026-03-01T00:00:00\n")
    (asset,), _ = read_assets(path, "Europe/Berlin")
    assert asset.valid_from_us == parse_time("2026-02-28T23:00:00Z")


def test_no_file_is_no_asset() -> None:
    assert read_assets(None) == ((), None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,address\n", "header with the columns host and ip"),
        ("host,ip,colour\n", r"unknown column 'colour' \[.*:1:colour\]"),
        ("host,ip\nA,10.0.0.1\n,10.0.0.2\n", r"without a host \[.*:3:host\]"),
        ("host,ip\nA,999\n", r"'999' is no address \[.*:2:ip\]"),
        ("host,ip,role\nA,10.0.0.1,printer\n", "none of workstation, server, dc"),
        ("host,ip,valid_from\nA,10.0.0.1,soon\n", r"no time.*\[.*:2:valid_from\]"),
        (
            "host,ip,valid_from,valid_to\nA,10.0.0.1,2026-03-02,2026-03-01\n",
            "valid_from is not before valid_to",
        ),
        ('host,ip\n"A,10.0.0.1\n', "no CSV"),
    ],
)
def test_a_wrong_line_is_refused_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_assets(write(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read the assets file.*nowhere\.csv"):
        read_assets(str(tmp_path / "nowhere.csv"))
