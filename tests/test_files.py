"""Files that are read whole, and no further than a limit."""

from __future__ import annotations

import errno
import io
import os

import pytest

from lmgraph import assets, files, result, tuning
from lmgraph.errors import LmgraphError


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20])
def test_what_is_within_the_limit_is_read(tmp_path, size):
    (tmp_path / "x").write_bytes(bytes(size))
    assert files.read_whole(str(tmp_path / "x"), 1 << 20) == bytes(size)


def test_the_limit_is_named_and_no_more_is_read():
    endless = io.BytesIO(bytes(10 << 20))
    with pytest.raises(OSError, match="Larger than 1,000,000 bytes") as raised:
        files.read_stream(endless, 1_000_000)
    assert raised.value.errno == errno.EFBIG
    assert endless.tell() == 1 << 20


@pytest.mark.parametrize(
    ("module", "limit", "read"),
    [
        (assets, "_MOST_BYTES", assets.read_assets),
        (tuning, "_MOST_BYTES", tuning.load),
        (result, "MOST_BYTES", result.read),
    ],
)
def test_every_small_file_has_a_limit(monkeypatch, module, limit, read):
    monkeypatch.setattr(module, limit, 1000)
    with pytest.raises(LmgraphError, match=r"Larger than 1,000 bytes \[/dev/zero\]"):
        read("/dev/zero")


def test_a_nul_in_a_name_is_an_error_of_reading():
    with pytest.raises(LmgraphError, match="A NUL in its name"):
        tuning.load("a\0b")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOENT, os.strerror(errno.ENOENT)), "no such file or directory"),
        (OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)), "no such file or directory"),
        (ValueError("embedded null byte"), "no such file or directory"),
        (OSError(errno.ELOOP, os.strerror(errno.ELOOP)), "a symbolic link that leads back to itself"),
        (OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG)), "file name too long"),
        (OSError(), "cannot be read"),
    ],
)
def test_why_a_name_is_of_no_use(error, said):
    assert files.why_not(error) == said
