"""Archives: tar and zip, nested, hostile, truncated."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from lmgraph.ingest import archives, streams, tar
from lmgraph.ingest import zip as zip_archive
from lmgraph.ingest.archives import Member, Opener
from lmgraph.ingest.contract import Remark
from lmgraph.ingest.streams import Budget, ByteStream


def tar_of(*members: tuple[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    stored = io.BytesIO()
    with tarfile.open(fileobj=stored, mode="w", format=form) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return stored.getvalue()


def zip_of(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED, seekable: bool = True) -> bytes:
    stored = io.BytesIO()
    target = stored if seekable else Pipe(stored)
    with zipfile.ZipFile(target, "w", method) as archive:  # type: ignore[call-overload]
        for name, content in members:
            archive.writestr(name, content)
    return stored.getvalue()


class Pipe:
    """A file that cannot be sought in, so that sizes follow the data."""

    def __init__(self, target: io.BytesIO) -> None:
        self.write = target.write
        self.flush = target.flush


def opened(stored: bytes, *, seekable: bool = True) -> tuple[list[tuple[str, bytes]], list[tuple[str, str]]]:
    """Names and content of all inputs, and the remarks as (path, code)."""
    inputs, remarks = [], []
    file = io.BytesIO(stored)
    stream = ByteStream(streams.FileSource(file, Budget()))
    opener = Opener(Budget(len(stored)))
    for found in opener.inputs(stream, "a", len(stored), file if seekable else None):
        if isinstance(found, Remark):
            remarks.append((found.path, found.code))
        else:
            inputs.append((found.path, b"".join(found.content.chunks())))
            if found.content.problem:
                remarks.append((found.path, found.content.problem.code))
    return inputs, remarks


BIG = bytes(range(256)) * 5000
TWO = (("d/x", b"one"), ("y", BIG))
ALL = ([("a!d/x", b"one"), ("a!y", BIG)], [])


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_tar(form: int) -> None:
    long = "d/" * 60 + "name"
    assert opened(tar_of(*TWO, (long, b"z"), form=form)) == ([*ALL[0], (f"a!{long}", b"z")], [])


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("seekable", [True, False])
def test_zip_by_directory_and_as_a_stream(method: int, seekable: bool) -> None:
    assert opened(zip_of(*TWO, method=method), seekable=seekable) == ALL


@pytest.mark.parametrize("read_as_file", [True, False])
def test_zip_with_sizes_after_the_data(read_as_file: bool) -> None:
    assert opened(zip_of(*TWO, seekable=False), seekable=read_as_file) == ALL


def test_stored_zip_member_without_a_size_needs_the_directory() -> None:
    stored = zip_of(*TWO, method=zipfile.ZIP_STORED, seekable=False)
    assert opened(stored) == ALL
    assert opened(stored, seekable=False) == ([], [("a!d/x", "member-skipped"), ("a", "corrupt-archive")])


def test_zip64_sizes_in_a_stream() -> None:
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w", zipfile.ZIP_STORED) as archive:
        with archive.open("x", "w", force_zip64=True) as member:
            member.write(b"one")
        archive.writestr("y", b"two")
    content = bytearray(stored.getvalue())
    struct.pack_into("<II", content, 18, 0xFFFFFFFF, 0xFFFFFFFF)
    at = content.index(b"\x01\x00\x10\x00")
    struct.pack_into("<QQ", content, at + 4, 3, 3)
    assert opened(bytes(content), seekable=False)[0] == [("a!x", b"one"), ("a!y", b"two")]


def test_nested_in_every_way() -> None:
    inner = zip_of(("in.gz", gzip.compress(b"deep")))
    middle = gzip.compress(tar_of(("m.zip", inner), ("n.zst", zstandard.compress(b"flat"))))
    expected = ([("a!t.tgz!m.zip!in.gz", b"deep"), ("a!t.tgz!n.zst", b"flat")], [])
    assert opened(zip_of(("t.tgz", middle))) == expected


def test_nested_too_deep(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = b"x"
    for _ in range(archives.LAYER_LIMIT):
        stored = gzip.compress(stored)
    assert opened(stored) == ([], [("a", "archive-limit")])
    stored = zip_of(("x", b"1"))
    for _ in range(archives.LAYER_LIMIT):
        stored = zip_of(("z", stored))
    assert opened(stored)[0] == []
    assert [code for _, code in opened(stored)[1]] == ["archive-limit"]


def test_names_are_data() -> None:
    names = ["../../etc/passwd", "/abs", "C:\\x", "\x1b[31m", "\u202e"]
    inputs, remarks = opened(tar_of(*((name, b"x") for name in names)))
    assert [name for name, _ in inputs] == [
        "a!../../etc/passwd",
        "a!/abs",
        "a!C:\\x",
        "a!\\x1b[31m",
        "a!\\u202e",
    ]
    assert not remarks


def test_equal_names_stay_apart() -> None:
    assert [name for name, _ in opened(tar_of(("x", b"1"), ("x", b"2")))[0]] == ["a!x", "a!x#2"]
    names = ["x#2", "x", "x", "x", "x#2", "a\n", "a\\x0a"]
    inputs = [name for name, _ in opened(tar_of(*((name, b"1") for name in names)))[0]]
    assert inputs == ["a!x#2", "a!x", "a!x#3", "a!x#4", "a!x#2#2", "a!a\\x0a", "a!a\\x5cx0a"]


def test_links_and_devices_are_named_and_skipped() -> None:
    stored = io.BytesIO()
    with tarfile.open(fileobj=stored, mode="w") as archive:
        for name, kind in (
            ("l", tarfile.SYMTYPE),
            ("h", tarfile.LNKTYPE),
            ("d", tarfile.DIRTYPE),
            ("c", tarfile.CHRTYPE),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        archive.addfile(tarfile.TarInfo("x"))
    inputs, remarks = opened(stored.getvalue())
    assert inputs == [("a!x", b"")]
    assert remarks == [(f"a!{name}", "member-skipped") for name in "lhc"]


def test_password_and_unknown_method_are_remarks() -> None:
    stored = bytearray(zip_of(("x", b"secret"), ("y", b"plain")))
    local, directory = stored.index(b"PK\x03\x04"), stored.index(b"PK\x01\x02")
    stored[local + 6] |= 1
    stored[directory + 8] |= 1
    for seekable in (True, False):
        assert opened(bytes(stored), seekable=seekable) == ([("a!y", b"plain")], [("a!x", "encrypted")])
    lzma = zip_of(("x", b"packed"), method=zipfile.ZIP_LZMA)
    assert opened(lzma) == ([], [("a!x", "member-skipped")])


def test_zip_checksum_loses_nothing() -> None:
    stored = bytearray(zip_of(*TWO))
    directory = stored.index(b"PK\x01\x02")
    stored[directory + 16] ^= 1
    stored[stored.index(b"PK\x03\x04") + 14] ^= 1
    for seekable in (True, False):
        assert opened(bytes(stored), seekable=seekable) == (ALL[0], [("a!d/x", "corrupt-archive")])


@pytest.mark.parametrize("seekable", [True, False])
def test_truncated_zip_gives_what_it_held(seekable: bool) -> None:
    stored = zip_of(("x", b"one"), ("y", BIG), ("z", b"lost"))
    cut = stored.index(b"PK\x03\x04", stored.index(b"PK\x03\x04", 4) + 4) - 20
    inputs, remarks = opened(stored[:cut], seekable=seekable)
    assert inputs[0] == ("a!x", b"one")
    assert inputs[1][0] == "a!y"
    assert BIG.startswith(inputs[1][1])
    assert inputs[1][1]
    assert remarks == [("a!y", "truncated-archive")]
    assert opened(stored[: stored.index(b"PK\x01\x02")], seekable=seekable)[1] == [("a", "truncated-archive")]


def test_truncated_tar_gives_what_it_held() -> None:
    stored = tar_of(*TWO)
    inputs, remarks = opened(stored[:600_000])
    assert inputs[0] == ALL[0][0]
    assert BIG.startswith(inputs[1][1])
    assert len(inputs[1][1]) > 500_000
    assert remarks == [("a!y", "truncated-archive")]
    assert opened(stored[:1100]) == ([("a!d/x", b"one")], [("a", "corrupt-archive")])
    packed = gzip.compress(stored)
    assert opened(packed[: len(packed) - 9])[1] == []  # all members whole: only zero blocks are gone


def test_tar_header_that_claims_too_much() -> None:
    header = bytearray(tar_of(("x", b"1"))[:512])
    header[156:157] = b"x"
    header[124:136] = b"77777777777\0"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    assert opened(bytes(header) + bytes(100_000)) == ([], [("a", "corrupt-archive")])


def test_member_count_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MEMBER_LIMIT", 2)
    inputs, remarks = opened(tar_of(("x", b"1"), ("y", b"2"), ("z", b"3")))
    assert [name for name, _ in inputs] == ["a!x", "a!y"]
    assert remarks == [("a", "archive-limit")]


def test_a_zip_directory_too_long_to_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_archive, "_DIRECTORY_LIMIT", 50)
    assert opened(zip_of(*TWO)) == ([], [("a", "archive-limit")])


def test_what_expands_beyond_telemetry_ends_early() -> None:
    ((name, content),), remarks = opened(zip_of(("x", b"\n" * (100 << 20))))
    assert (name, remarks) == ("a!x", [("a!x", "archive-limit")])
    assert len(content) <= 64 << 20


def test_members_overlapping_by_the_directory_share_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "EXPANSION_FREE", 1 << 20)
    once = zip_of(("x", bytes(900_000)))
    directory = once.index(b"PK\x01\x02")
    end = once.index(b"PK\x05\x06")
    entries = once[directory:end] * 50
    tail = bytearray(once[end:])
    struct.pack_into("<HHI", tail, 8, 50, 50, len(entries))
    inputs, remarks = opened(once[:directory] + entries + bytes(tail))
    assert sum(len(content) for _, content in inputs) < 4_000_000
    assert "archive-limit" in {code for _, code in remarks}


@given(
    st.binary(max_size=400),
    st.sampled_from([b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b\x08\0", b""]),
    st.booleans(),
)
def test_random_bytes_never_raise(noise: bytes, magic: bytes, seekable: bool) -> None:
    opened(magic + noise, seekable=seekable)


@given(
    st.sampled_from(
        [zip_of(*TWO[:1], ("z", b"two" * 50)), tar_of(*TWO[:1], ("z", b"two" * 50), form=tarfile.GNU_FORMAT)]
    ),
    st.lists(st.tuples(st.integers(0, 1999), st.integers(0, 255)), max_size=4),
    st.integers(0, 2000),
    st.booleans(),
)
def test_damaged_archives_never_raise(
    stored: bytes, changes: list[tuple[int, int]], cut: int, seekable: bool
) -> None:
    damaged = bytearray(stored)
    for at, value in changes:
        damaged[at % len(damaged)] = value
    opened(bytes(damaged[: max(cut, 1)]), seekable=seekable)


def test_is_tar_needs_a_checksum() -> None:
    header = tar_of(("x", b"1"))[:512]
    assert tar.is_tar(header)
    assert not tar.is_tar(header[:511])
    assert not tar.is_tar(b"y" + header[1:])
    assert not tar.is_tar(bytes(512))


def test_member_carries_its_stored_size() -> None:
    found: Callable[[bytes], list[int]] = lambda stored: [  # noqa: E731
        item.size
        for item in Opener(Budget(1)).inputs(ByteStream(iter([stored])), "a", len(stored))
        if isinstance(item, Member)
    ]
    assert found(b"plain") == [5]
    assert found(tar_of(("x", b"12"), ("y", b"123"))) == [2, 3]
