"""Output files appear whole or not at all."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest

from lmgraph import output, report, result
from lmgraph.errors import OutputError, UsageError
from tests.fixtures.story import quiet


@pytest.fixture
def mask():
    before = os.umask(0o027)
    yield 0o027
    os.umask(before)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_new_file_has_the_mode_that_the_umask_leaves(tmp_path, mask):
    output.write_all([(str(tmp_path / "a.json"), b"x")])
    assert (tmp_path / "a.json").read_bytes() == b"x"
    assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == 0o640
    assert names(tmp_path) == ["a.json"]


def test_replaced_file_keeps_its_mode(tmp_path, mask):
    target = tmp_path / "a.json"
    target.write_bytes(b"old")
    target.chmod(0o600)
    output.write_all([(str(target), b"new")])
    assert target.read_bytes() == b"new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_symbolic_link_stays_and_its_file_is_replaced(tmp_path):
    (tmp_path / "real.json").write_bytes(b"old")
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    output.write_all([(str(tmp_path / "link.json"), b"new")])
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "real.json").read_bytes() == b"new"


def test_pieces_are_written_as_they_come_and_counted(tmp_path):
    pieces = (piece for piece in (b"ab", b"", b"cde"))
    assert output.write_all([(str(tmp_path / "a"), pieces), (str(tmp_path / "b"), b"xy")]) == [5, 2]
    assert (tmp_path / "a").read_bytes() == b"abcde"


def test_nothing_appears_when_a_piece_cannot_be_made(tmp_path):
    def pieces():
        yield b"half"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        output.write_all([(str(tmp_path / "a"), b"x"), (str(tmp_path / "b"), pieces())])
    assert names(tmp_path) == []


def test_who_has_seen_enough_is_sent_no_more(monkeypatch):
    reader, writer = os.pipe()
    made = []

    def pieces():
        for number in range(100):
            made.append(number)
            yield b"x" * (1 << 16)

    with os.fdopen(writer, "w") as stream:
        os.close(reader)
        monkeypatch.setattr("sys.stdout", stream)
        output.to_stdout(pieces())
    assert len(made) < 5


def test_nothing_appears_when_one_of_two_cannot_be_written(tmp_path):
    with pytest.raises(OutputError, match=r"cannot be written: No such file.*\[.*missing/b.json\]"):
        output.write_all([(str(tmp_path / "a.json"), b"x"), (str(tmp_path / "missing" / "b.json"), b"x")])
    assert names(tmp_path) == []


def test_nothing_is_left_when_the_disk_is_full(tmp_path, monkeypatch):
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        output.write_all([(str(tmp_path / "a.json"), b"x")])
    assert names(tmp_path) == []


def test_pipe_is_written_in_place(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        output.check([str(pipe)])
        output.write_all([(str(pipe), b"through")])
        assert os.read(reader, 100) == b"through"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_device_may_be_given_twice_and_needs_no_force():
    output.check(["/dev/null", "/dev/null"])
    output.write_all([("/dev/null", b"x")])


def test_check_leaves_no_trace(tmp_path):
    output.check([str(tmp_path / "a.json"), str(tmp_path / "b.html")])
    assert names(tmp_path) == []


def test_existing_file_needs_force(tmp_path):
    target = tmp_path / "a.json"
    target.write_bytes(b"old")
    with pytest.raises(UsageError, match=r"exists already; --force replaces it \[.*a.json\]"):
        output.check([str(target)])
    output.check([str(target)], force=True)
    assert target.read_bytes() == b"old"


def test_one_file_for_two_outputs(tmp_path):
    (tmp_path / "sub").mkdir()
    with pytest.raises(UsageError, match="two outputs are to go to the same file"):
        output.check([str(tmp_path / "a.json"), str(tmp_path / "sub" / ".." / "a.json")])


@pytest.mark.parametrize("given", ["events.json", ".", "hard.json"])
def test_output_that_is_an_input(tmp_path, given):
    (tmp_path / "events.json").write_bytes(b"evidence")
    os.link(tmp_path / "events.json", tmp_path / "hard.json")
    with pytest.raises(UsageError, match="is itself one of the inputs"):
        output.check([str(tmp_path / "events.json")], [str(tmp_path / given)], force=True)


def test_new_file_inside_an_input_folder_is_no_input(tmp_path):
    assert output.check([str(tmp_path / "new.json")], [str(tmp_path)]) == {str(tmp_path / "new.json")}


OURS = {
    "result": result.encode(quiet()),
    "page": report.render(quiet()).encode(),
    "rejects": b'{"file": "a\\"b", "record": 7, "reason": "not an object"}\n',
    "no rejects": b"",
}


@pytest.mark.parametrize("kind", OURS)
def test_output_of_an_earlier_run_inside_an_input_folder_is_replaced_with_force(tmp_path, kind):
    target = tmp_path / "x"
    target.write_bytes(OURS[kind])
    with pytest.raises(UsageError, match="exists already; --force replaces it"):
        output.check([str(target)], [str(tmp_path)])
    assert output.check([str(target)], [str(tmp_path)], force=True) == {str(target)}
    with pytest.raises(UsageError, match="is itself one of the inputs"):
        output.check([str(target)], [str(target)], force=True)


@pytest.mark.parametrize(
    "content", [b'{"aid": "1"}\n', b'{"file": "x"}\n', b"<!doctype html><title>mine</title>", b"\x1f\x8b\x08"]
)
def test_what_no_run_wrote_inside_an_input_folder_is_never_replaced(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(UsageError, match="is itself one of the inputs"):
        output.check([str(tmp_path / "x")], [str(tmp_path)], force=True)


def test_devices_are_not_among_the_files_to_be(tmp_path):
    assert output.check(["/dev/null", str(tmp_path / "a")]) == {str(tmp_path / "a")}


def test_directory_and_missing_folder_fail_before_reading(tmp_path):
    with pytest.raises(OutputError, match="is a directory"):
        output.check([str(tmp_path)])
    with pytest.raises(OutputError, match=r"cannot be written: the folder .*missing is missing"):
        output.check([str(tmp_path / "missing" / "a.json")])


@pytest.mark.parametrize("name", ["new/", "new//", "new/."])
def test_name_of_a_directory_is_no_file(tmp_path, name):
    with pytest.raises(OutputError, match="is named as a directory"):
        output.check([f"{tmp_path}/{name}"])
    with pytest.raises(OutputError, match="is named as a directory"):
        output.write_all([(f"{tmp_path}/{name}", b"x")])
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["a" * 300, "a" * 300 + "/b"])
def test_name_that_is_too_long(tmp_path, name):
    with pytest.raises(OutputError, match="cannot be written: File name too long"):
        output.check([str(tmp_path / name)])
    with pytest.raises(OutputError, match="cannot be written: File name too long"):
        output.write_all([(str(tmp_path / name), b"x")])
    assert names(tmp_path) == []


def test_no_name():
    with pytest.raises(UsageError, match="the name of an output is empty"):
        output.check([""])
    with pytest.raises(UsageError, match="the name of an output is empty"):
        output.write_all([("", b"x")])


def test_hostile_file_name_is_shown_escaped(tmp_path):
    with pytest.raises(OutputError, match=r"\\x1b\[2J"):
        output.check([str(tmp_path / "missing" / "\x1b[2J")])


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8", "WS1 → 例\\udc80…\n"),
        ("cp1252", "WS1 -> \\u4f8b\\udc80…\n"),
        ("latin-1", "WS1 -> \\u4f8b\\udc80...\n"),
        ("ascii", "WS1 -> \\u4f8b\\udc80...\n"),
    ],
)
def test_text_is_written_whatever_the_encoding_of_the_stream(monkeypatch, encoding, said):
    for name, write in (("stdout", output.to_stdout), ("stderr", output.to_stderr)):
        stream = io.TextIOWrapper(io.BytesIO(), encoding)
        monkeypatch.setattr(f"sys.{name}", stream)
        write("WS1 → 例\udc80…\n")
        assert stream.buffer.getvalue().decode(encoding) == said


def test_full_standard_error_is_no_error_then_or_later(monkeypatch):
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr("sys.stderr", full)
        output.to_stderr("lost\n")
        full.write("lost, too\n")
        full.flush()


def interrupted_at(number: int, act: Callable[[], None]) -> bool:
    """Whether an interrupt came while ``act`` ran: at the ``number``-th call or return in ``output``."""
    left = number

    def count(frame: FrameType, *_: object) -> None:
        nonlocal left
        left -= frame.f_code.co_filename == output.__file__
        if left == 0:
            sys.setprofile(None)
            raise KeyboardInterrupt

    sys.setprofile(count)
    try:
        act()
    except KeyboardInterrupt:
        return True
    finally:
        sys.setprofile(None)
    return False


@pytest.mark.filterwarnings("ignore:unclosed file", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("fails", [False, True])
def test_an_interrupt_at_any_moment_leaves_no_temporary_file(tmp_path, monkeypatch, fails):
    def act() -> None:
        with contextlib.suppress(OutputError):
            output.check([str(tmp_path / "a"), str(tmp_path / "b")], force=True)
            output.write_all([(str(tmp_path / "a"), b"x"), (str(tmp_path / "b"), b"y")])

    def refuse(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", lambda _: None)  # slow
    if fails:
        monkeypatch.setattr(Path, "replace", refuse)
    for number in itertools.count(1):
        interrupted = interrupted_at(number, act)
        assert {"a", "b"}.issuperset(names(tmp_path)), number
        if not interrupted:
            break
    assert number > 50
