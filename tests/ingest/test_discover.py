"""From paths to sources."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

from lmgraph.errors import UsageError
from lmgraph.ingest import Source, discover


def shown(*paths: str | Path) -> list[str]:
    return [source.path for source in discover([str(path) for path in paths])]


def test_walks_sorted_and_names_from_what_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("in/b/y", "in/b/x", "in/a", "in/.hidden", "z"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(b"12")
    walked = ["in/.hidden", "in/a", "in/b/x", "in/b/y"]
    assert shown("in") == shown("in/") == shown("./in") == walked
    assert shown(".") == [*walked, "z"]
    assert shown("z", "in/b/x", "in") == ["z", "in/b/x", "in/.hidden", "in/a", "in/b/y"]
    assert shown(tmp_path / "z") == [str(tmp_path / "z")]
    assert discover(["z"]) == [Source("z", "z", 2)]


def test_standard_input_cannot_be_read_again() -> None:
    (source,) = discover(["-"])
    assert (source.path, source.rereadable, source.error) == ("-", False, None)


def test_what_does_not_exist_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no such file or directory \[.*missing\]"):
        discover([str(tmp_path / "missing")])
    with pytest.raises(UsageError, match="no such file"):
        discover(["a\0b"])
    with pytest.raises(UsageError, match="nothing to read"):
        discover([])
    with pytest.raises(UsageError, match="the name of a file is empty"):
        discover([""])


def test_a_given_link_to_itself_is_named_as_such(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(UsageError, match=r"^a symbolic link that leads back to itself \[.*/loop\]$"):
        discover([str(tmp_path / "loop")])
    with pytest.raises(UsageError, match=r"^file name too long"):
        discover([str(tmp_path / ("x" * 300))])


def test_a_file_given_twice_is_read_once_with_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    for name in ("in/a", "in/b", "z"):
        Path(name).write_bytes(b"12")
    Path("link").symlink_to("in/a")
    (source,) = discover(["z", str(tmp_path / "z")])
    assert (source.path, source.note) == (
        "z",
        f"z was given more than once, also as {tmp_path}/z, and is read once",
    )
    (source,) = discover(["./link", "in/a", "link"])
    assert (source.path, source.note) == (
        "./link",
        "./link was given more than once, also as in/a, and is read once",
    )
    (source,) = discover(["z", "z"])
    assert source.note == "z was given more than once and is read once"
    notes = [source.note for source in discover(["in", "z", "in", "z"])]
    assert notes == ["in/a was given more than once and is read once; so were 2 other files", None, None]
    assert [source.note for source in discover(["in", "z"])] == [None] * 3
    assert len(discover(["-", "-"])) == 1


def test_names_that_would_be_shown_alike_stay_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a\n", "a\\x0a", "o.zip", "o.zip!m", "o.zip!m!k", "p!m", "c\\d", "-"):
        Path(name).write_bytes(b"1")
    assert shown(".") == [
        "./-",
        "a\\x0a",
        "a\\x5cx0a",
        "c\\d",
        "o.zip",
        "o.zip\\x21m",
        "o.zip\\x21m\\x21k",
        "p!m",
    ]
    assert len(set(shown("-", "."))) == 9


def test_links_to_directories_are_not_followed(tmp_path: Path) -> None:
    inner = tmp_path / "in"
    inner.mkdir()
    (inner / "file").write_bytes(b"1")
    (inner / "loop").symlink_to(inner)
    (inner / "self").symlink_to("self")
    (inner / "nowhere").symlink_to("missing")
    (inner / "other").symlink_to("loop/../nowhere")
    sources = {Path(source.path).name: source.error for source in discover([str(inner)])}
    assert sources.pop("self") is not None
    gone = "no such file or directory"
    assert sources == {"file": None, "other": gone, "nowhere": gone}


def test_pipes_in_a_directory_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (source,) = discover([str(tmp_path)])
    assert source.error == "it is no regular file"
    (source,) = discover([str(tmp_path / "pipe")])
    assert (source.error, source.size, source.rereadable) == (None, None, False)


def test_a_directory_that_cannot_be_opened_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shut").mkdir()
    (tmp_path / "file").write_bytes(b"1")
    scandir = os.scandir

    def refusing(path: str) -> object:
        if path.endswith("shut"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    errors = {Path(source.path).name: source.error for source in discover([str(tmp_path)])}
    assert errors == {"file": None, "shut": "permission denied"}


def test_names_are_shown_printable_and_sources_travel(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/a\xff\x1b"
    Path(os.fsdecode(name)).write_bytes(b"1")
    (source,) = discover([str(tmp_path)])
    assert source.path == f"{tmp_path}/a\\udcff\\x1b"
    assert pickle.loads(pickle.dumps(source)) == source
    assert Path(source.file).read_bytes() == b"1"
