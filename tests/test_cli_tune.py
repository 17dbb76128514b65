"""``lmgraph tune`` on the command line."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

import lmgraph
from lmgraph import cli, cli_tune, history, result, tuning
from tests.fixtures.recurring import Move, result_of

HABIT = [Move(day) for day in range(3)]


@pytest.fixture
def command(capfd):
    """Run the command; gives exit status, standard output and standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            cli.main(["tune", *map(str, arguments)])
        return int(left.value.code or 0), *capfd.readouterr()

    return run


@pytest.fixture
def saved(tmp_path):
    """A saved result of the moves; gives its path."""

    def save(moves=HABIT, **settings: object):
        data = result_of(moves)
        for name, value in settings.items():
            setattr(data.settings, name, value)
        path = tmp_path / "result.json"
        path.write_bytes(result.encode(data))
        return path

    return save


def test_proposes_on_standard_output_and_says_so(command, saved, tmp_path):
    status, said, told = command(saved([*HABIT, Move(3, suppressed_by="x"), Move(0, source="ADM2")]))
    assert status == 0
    (tmp_path / "said.toml").write_text(said)
    assert [entry.name for entry in tuning.load(str(tmp_path / "said.toml"), default=False)[0]] == [
        "net.exe on ADM1 as CORP\\adm"
    ]
    assert "Proposed 1 entry. What is written covers 3 of 4 unsuppressed alerts and hops of 0 of 0" in told


def test_says_what_was_not_proposed_and_why(command, saved):
    entry = Move(0, source="WS1", target="ADM1", process="x.exe", path="C:\\x.exe", minute=1, executed=True)
    _, _, told = command(saved([entry, *HABIT]))
    assert "Proposed 0 entries" in told
    assert "Not proposed: 1 × suppression would end there: code had been run" in told


def test_a_file_appears_whole_and_is_not_replaced(command, saved, tmp_path):
    source, out = saved(), tmp_path / "proposed.toml"
    status, said, told = command(source, "--out", out)
    assert (status, said) == (0, "")
    assert f"Wrote {out}" in told
    assert tuning.load(str(out), default=False)[0]
    out.write_text("mine")
    status, _, told = command(source, "--out", out)
    assert (status, out.read_text()) == (2, "mine")
    assert "--force" in told
    assert command(source, "--out", out, "--force", "--quiet") == (0, "", "")
    assert tuning.load(str(out), default=False)[0]


def test_the_result_itself_is_not_overwritten(command, saved):
    source = saved()
    status, _, told = command(source, "--out", source, "--force")
    assert status == 2
    assert "is itself one of the inputs" in told
    assert result.read(str(source)).alerts


def test_standard_input(command, saved, monkeypatch):
    document = saved().read_bytes()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(document)))
    assert "[[allow]]" in command("-", "--out", "-")[1]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(document[:-9])))
    status, said, told = command("-")
    assert (status, said) == (1, "")
    assert "[standard input]" in told


def test_options_count(command, saved):
    moves = [Move(day, source=source) for source in ("A", "B") for day in range(2)]
    assert "[[allow]]" not in command(saved(moves))[1]
    status, said, told = command(saved(moves), "--min-days", 2, "--top", 1)
    assert (status, said.count("[[allow]]")) == (0, 1)
    assert "Proposed 2 entries, 1 of them written (--top)." in told


def test_only_what_is_written_is_counted(command, saved):
    moves = [Move(day, source=source, severity="low") for source in ("A", "B") for day in range(3)]
    source = saved([*moves, Move(3, source="B")])
    assert "covers 7 of 7 unsuppressed alerts and hops of 6 of 6 incidents:" in command(source)[2]
    told = command(source, "--top", 1)[2]
    assert "covers 4 of 7 unsuppressed alerts and hops of 3 of 6 incidents:" in told


def test_full_disk_behind_standard_error_changes_nothing(command, saved, tmp_path, monkeypatch):
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr("sys.stderr", full)
        assert command(saved(), "--out", tmp_path / "proposed.toml")[0] == 0
    assert tuning.load(str(tmp_path / "proposed.toml"), default=False)[0]


def test_too_little_data_is_said(command, saved):
    status, said, told = command(saved(HABIT[:2]))
    assert (status, "[[allow]]" in said) == (0, False)
    assert "Nothing proposed: there are unsuppressed alerts on 2 days, and a habit takes 3" in told


def test_a_limited_result_is_said(command, saved):
    assert "limited by --since or --until" in command(saved(since="2026-03-02T00:00:00.000000Z"))[2]
    assert "limited" not in command(saved())[2]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"", "not a result of lmgraph analyze --json"),
        (b"alert_type,host\n", "not a result of lmgraph analyze --json"),
        (b"\xff\xfe{", "not a result of lmgraph analyze --json"),
        (b'{"alerts": []}', "not a result of lmgraph analyze --json"),
        (b"[" * 100_000, "not a result of lmgraph analyze --json"),
        (b'{"schema": "lmgraph/scope/1"}', "schema 'lmgraph/scope/1' is not 'lmgraph/result/1'"),
        (b'{"schema": "lmgraph/result/1", "alerts": 7}', "damaged result"),
        (b'{"schema": "' + b"x" * 100_000 + b'"}', "x…' is not"),
        (b'{"schema": "lmgraph/result/1", "alerts": ' + b"[" * 100_000, "not a result"),
    ],
)
def test_a_file_that_is_no_result_is_named(command, tmp_path, document, message):
    path = tmp_path / "odd.json"
    path.write_bytes(document)
    status, said, told = command(path)
    assert (status, said) == (1, "")
    assert message in told
    assert "odd.json" in told
    assert len(told) < 500


def test_a_result_that_contradicts_itself_is_named(command, saved):
    path = saved()
    path.write_bytes(path.read_bytes().replace(b'"host": "h0"', b'"host": "h7"'))
    status, _, told = command(path)
    assert status == 1
    assert f"damaged result: a time is none, or a row it refers to is missing [{path}]" in told


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere.json",), "no such file or directory [nowhere.json]"),
        (("a" * 300,), "file name too long [aaa"),
        (("",), "the name of the result is empty"),
        (("/",), "a folder is no result [/]"),
        ((), "Usage: lmgraph tune"),
        (("x", "--min-days", 1), "1 is not in the range"),
        (("x", "--top", 0), "0 is not in the range"),
    ],
)
def test_wrong_usage(command, arguments, message):
    status, said, told = command(*arguments)
    assert status == 2
    assert message in said + told


def test_a_file_that_cannot_be_read_is_no_wrong_usage(command, tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", refuse)
    monkeypatch.setattr(Path, "open", refuse)
    status, _, told = command("x.json")
    assert status == 1
    assert "the result cannot be read: Permission denied [x.json]" in told


def test_standard_input_has_a_limit_too(command, monkeypatch):
    monkeypatch.setattr(result, "MOST_BYTES", 1000)
    with Path("/dev/zero").open() as endless:
        monkeypatch.setattr("sys.stdin", endless)
        status, _, told = command("-")
    assert status == 1
    assert "the result cannot be read: Larger than 1,000 bytes [standard input]" in told


def test_a_byte_order_mark_before_the_result_is_passed_over(command, saved):
    path = saved()
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert "[[allow]]" in command(path)[1]
    assert result.decode(path.read_text("utf-8")).alerts


def test_a_long_value_is_not_quoted_whole(command, saved):
    path = saved()
    path.write_bytes(path.read_bytes().replace(b'"sensor"', b'"' + b"x" * 100_000 + b'"'))
    status, _, told = command(path)
    assert (status, len(told) < 500) == (1, True)
    assert "damaged result" in told


@pytest.mark.parametrize(
    "code",
    [
        "import lmgraph.cli; assert 'lmgraph.proposals' not in sys.modules",
        "from lmgraph import cli\ntry: cli.main(['tune', sys.argv[1], '--quiet'])\nexcept SystemExit: pass",
    ],
)
def test_loads_no_more_than_it_needs(saved, code):
    heavy = "sys.exit(any(name in sys.modules for name in ('numpy', 'pandas', 'numba', 'networkx', 'rich')))"
    subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\n{heavy}", str(saved())], check=True, capture_output=True
    )


def test_the_days_of_a_habit_are_those_of_the_score():
    assert cli_tune._DAYS == history.HABIT_DAYS


def test_the_example_in_the_manual_is_what_comes_out(command, tmp_path, root):
    from lmgraph.simulate import run
    from lmgraph.simulate.options import Options

    run.simulate(tmp_path / "peace", Options(scenarios=(), hosts=50))
    lmgraph.analyze(tmp_path / "peace/fdr").to_json(tmp_path / "peace.json")
    first = command(tmp_path / "peace.json", "--top", 1)[1].split("\n\n")[1]
    assert f"```toml\n{first}\n```" in (root / "docs/tuning.md").read_text(encoding="utf-8")
