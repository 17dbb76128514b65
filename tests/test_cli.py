"""The command line: options, streams, exit statuses; a pipeline that tells the story stands in."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from lmgraph import api, cli, cli_common, export, report, result
from lmgraph.errors import InputError, RecordError
from lmgraph.ingest import Reject
from lmgraph.schema import Origin
from lmgraph.settings import Settings
from tests.fixtures.story import harmful, pathless, quiet, story

REJECTS = (Reject(Origin("fdr/a\udcff.gz", 7), "not an object"), Reject(Origin("b.csv", 2), "9 cells, not 8"))


class Engine:
    """Stands for the pipeline; notes what it was asked and answers with ``data``."""

    def __init__(self) -> None:
        self.asked: list[tuple[tuple[str, ...], Settings]] = []
        self.data = story()
        self.error: BaseException | None = None

    def run(self, paths, settings, progress=None, outputs=()):
        self.asked.append((tuple(paths), settings))
        if self.error is not None:
            raise self.error
        if progress is not None:
            progress(SimpleNamespace(bytes_done=1, bytes_total=2, alerts=1, path="a\x1b[2J", look=1))
        return SimpleNamespace(data=self.data, rejects=REJECTS)


@pytest.fixture
def engine(monkeypatch):
    made = Engine()
    monkeypatch.setattr(api, "run", made.run)
    return made


@pytest.fixture
def lmgraph(engine, capfdbinary):
    """Run the command; gives exit status, standard output and standard error."""

    def run(*arguments: object) -> tuple[int, bytes, str]:
        with pytest.raises(SystemExit) as left:
            cli.main([str(argument) for argument in arguments])
        out, err = capfdbinary.readouterr()
        return int(left.value.code or 0), out, err.decode()

    return run


@pytest.fixture(autouse=True)
def quiet_logger():
    yield
    logger = logging.getLogger("lmgraph")
    logger.handlers, logger.propagate = [], True


def test_table_on_standard_output_and_the_rest_on_standard_error(lmgraph):
    status, out, err = lmgraph("analyze", "x")
    assert status == 0
    assert "WS042 → SRV7 → DC1" in out.decode()
    assert [line.partition(": ")[0] for line in err.splitlines()] == ["warning"] * 5 + ["note"]
    assert "warning:" not in out.decode()


def test_every_setting_reaches_the_pipeline(lmgraph, engine):
    options = (
        "--window 10m --max-gap off --skew 1s --since 2026-05-04 --until 2026-05-05 --tz Europe/Berlin"
        " --rules literal --assets a.csv --tuning t.toml --no-default-tuning --hash --strict --jobs 3"
    )
    assert lmgraph("analyze", "x", "-", *options.split())[0] == 0
    berlin = Settings(
        window_us=600_000_000,
        max_gap_us=None,
        skew_us=1_000_000,
        since_us=1777845600_000_000,
        until_us=1777932000_000_000,
        tz="Europe/Berlin",
        rules="literal",
        assets="a.csv",
        tuning="t.toml",
        default_tuning=False,
        hash_inputs=True,
        strict=True,
        jobs=3,
    )
    assert engine.asked == [(("x", "-"), berlin)]


def test_without_options_the_settings_are_the_defaults(lmgraph, engine):
    lmgraph("analyze", "x")
    assert engine.asked == [(("x",), Settings())]


def test_json_and_html_files(lmgraph, tmp_path):
    status, out, err = lmgraph("analyze", "x", "--json", tmp_path / "r.json", "--html", tmp_path / "r.html")
    assert status == 0
    assert (tmp_path / "r.json").read_bytes() == result.encode(story())
    assert (tmp_path / "r.html").read_text("utf-8") == report.render(story())
    assert b"WS042" in out
    assert f"Wrote {tmp_path / 'r.json'}" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.html", "r.json"]


@pytest.mark.parametrize("more", [[], ["--format", "csv"], ["--top", "1", "--min-severity", "critical"]])
def test_json_stream_holds_the_document_and_nothing_else(lmgraph, more, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, out, err = lmgraph("analyze", "x", "--json", "-", *more)
    assert (status, out) == (0, result.encode(story()))
    assert "Read 1,200 records" in err
    assert list(tmp_path.iterdir()) == []


def test_html_stream_holds_the_page_and_nothing_else(lmgraph):
    status, out, _ = lmgraph("analyze", "x", "--html", "-", "--top", "1", "--min-severity", "low")
    assert (status, out.decode()) == (0, report.render(story(), top=1, min_severity="low"))


@pytest.mark.parametrize("shape", ["csv", "tsv"])
def test_tables_hold_every_path_unless_told_otherwise(lmgraph, shape):
    assert lmgraph("analyze", "x", "--format", shape)[1].decode() == export.table(story(), shape)
    assert lmgraph("analyze", "x", "--format", shape, "--top", "1")[1].decode() == export.table(
        story(), shape, top=1
    )
    shown = lmgraph("analyze", "x", "--format", shape, "--min-severity", "high")[1].decode()
    assert shown == export.table(story(), shape, min_severity="high")


def test_format_json(lmgraph):
    assert lmgraph("analyze", "x", "--format", "json")[1] == result.encode(story())


def test_top_and_severity_on_the_terminal(lmgraph):
    assert "1 of 2 paths shown" in lmgraph("analyze", "x", "--top", "1")[1].decode()
    assert "0 of 2 paths shown" in lmgraph("analyze", "x", "--min-severity", "critical")[1].decode()


def test_quiet_says_nothing_on_standard_error(lmgraph, tmp_path):
    assert lmgraph("analyze", "x", "-q", "--json", tmp_path / "r.json")[2] == ""
    assert lmgraph("analyze", "x", "-q", "--format", "csv")[2] == ""


@pytest.mark.parametrize(("level", "status"), [("low", 3), ("high", 3), ("critical", 0)])
def test_fail_on(lmgraph, tmp_path, level, status):
    assert lmgraph("analyze", "x", "--fail-on", level, "--json", tmp_path / "r.json")[0] == status
    assert (tmp_path / "r.json").exists()


def test_fail_on_without_any_path(lmgraph, engine):
    engine.data = quiet()
    assert lmgraph("analyze", "x", "--fail-on", "informational")[0] == 0


def test_zero_alerts_is_a_good_result(lmgraph, engine):
    engine.data = quiet()
    status, out, _ = lmgraph("analyze", "x")
    assert status == 0
    assert out.decode().startswith("Read 1,200 records from 2 inputs")
    assert "No lateral movement was found" in out.decode().replace("\n", " ")


def test_rejects_are_named_without_their_text(lmgraph, tmp_path):
    assert lmgraph("analyze", "x", "--rejects", tmp_path / "rejects.ndjson")[0] == 0
    lines = (tmp_path / "rejects.ndjson").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"file": "fdr/a\udcff.gz", "record": 7, "reason": "not an object"},
        {"file": "b.csv", "record": 2, "reason": "9 cells, not 8"},
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x", "--json", "-", "--html", "-"], "only one output can go to standard output"),
        (["x", "--rejects", "-"], "rejects go to a file"),
        (["-", "-"], "standard input can be read only once"),
        (
            ["x", "--since", "2026-05-05", "--until", "2026-05-04"],
            "--since 2026-05-05T00:00:00.000000Z is not before --until 2026-05-04T00:00:00.000000Z",
        ),
        (["x", "--window", "soon"], "is no duration"),
        (["x", "--window", "10001d"], "cannot be longer than 10,000 days [--window]"),
        (["x", "--since", "0001-01-01", "--tz", "Europe/Berlin"], "outside of the years 1 to 9999 [--since]"),
        (["x", "--tz", "Mars/Base"], "unknown time zone"),
        (["x", "--json", "same", "--html", "./same"], "two outputs are to go to the same file"),
        (["x", "--jobs", "0"], "0 is not in the range"),
        (["x", "--fail-on", "often"], "'often' is not one of"),
        (["x", "--colour"], "No such option"),
        ([], "Usage:"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_read(
    lmgraph, engine, tmp_path, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    status, out, err = lmgraph("analyze", *arguments)
    assert (status, engine.asked, list(tmp_path.iterdir())) == (2, [], [])
    assert message in err + out.decode()


@pytest.mark.parametrize("option", ["--json", "--html", "--rejects"])
def test_existing_output_needs_force(lmgraph, engine, tmp_path, option):
    target = tmp_path / "out"
    target.write_text("old")
    status, _, err = lmgraph("analyze", "x", option, target)
    assert (status, engine.asked, target.read_text()) == (2, [], "old")
    assert "exists already; --force replaces it" in err
    assert lmgraph("analyze", "x", option, target, "--force")[0] == 0
    assert target.read_text() != "old"


@pytest.mark.parametrize(
    "given", [["events"], ["."], ["other", "--assets", "events"], ["other", "--tuning", "events"]]
)
def test_output_that_is_an_input(lmgraph, engine, tmp_path, monkeypatch, given):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "events").write_text("evidence")
    status, _, err = lmgraph("analyze", *given, "--json", "events", "--force")
    assert (status, engine.asked) == (2, [])
    assert "is itself one of the inputs" in err


def test_unwritable_output_is_told_before_anything_is_read(lmgraph, engine, tmp_path):
    status, _, err = lmgraph("analyze", "x", "--json", tmp_path / "missing" / "r.json")
    assert (status, engine.asked) == (1, [])
    assert f"cannot be written: the folder {tmp_path / 'missing'} is missing" in err


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (InputError("nothing readable", path="a\x1b[2J.gz"), 1, "error: nothing readable [a\\x1b[2J.gz]"),
        (RecordError("not an object", path="a", record=7), 1, "error: not an object [a:7]"),
        (KeyboardInterrupt(), 130, "Interrupted; no file is half-written."),
    ],
)
def test_failures_leave_no_file(lmgraph, engine, tmp_path, error, status, message):
    engine.error = error
    left, out, err = lmgraph("analyze", "x", "--json", tmp_path / "r.json", "--html", tmp_path / "r.html")
    assert (left, out, list(tmp_path.iterdir())) == (status, b"", [])
    assert err.strip().splitlines()[-1] == message


def test_log_lines_cannot_be_forged(lmgraph, engine, monkeypatch):
    def run(paths, settings, progress=None, outputs=()):
        logging.getLogger("lmgraph.ingest").warning("cannot read %s", "a\nERROR: forged\x1b[2J")
        return SimpleNamespace(data=story(), rejects=())

    monkeypatch.setattr(api, "run", run)
    assert "WARNING: cannot read a\\x0aERROR: forged\\x1b[2J\n" in lmgraph("analyze", "x")[2]


@pytest.fixture
def real(monkeypatch, tmp_path):
    """A file that the real pipeline reads, and the command that says what it does on the way."""
    record = {
        "event_simpleName": "ProcessRollup2",
        "aid": "a" * 32,
        "ProcessStartTime": "1777881600.123",
        "FileName": "PsExec.exe",
        "CommandLine": "psexec \\\\srv7 cmd",
        "TargetProcessId": "7",
    }
    monkeypatch.undo()
    path = tmp_path / "x\x1b.ndjson"
    path.write_text(json.dumps(record) + "\nnot json\n")
    return path


def test_verbose_says_what_is_done(lmgraph, real):
    status, out, err = lmgraph("analyze", real, "-v", "--jobs", "1", "--json", "-")
    said = [line for line in err.splitlines() if line.startswith("INFO: ")]
    assert status == 0
    assert json.loads(out)["coverage"]["records"] == 2
    assert said[0] == "INFO: 1 to read"
    assert said[1].endswith("x\\x1b.ndjson: falcon-ndjson, records 2, rejects 1")
    assert said[2].startswith("INFO: the second look seeks processes ")
    assert said[-1] == (
        "INFO: hosts 2, accounts 0, alerts 1, witness rows 1, hops 1, unplaced 0, paths 0, incidents 0"
    )
    assert "DEBUG" not in err
    assert "\x1b" not in err


def test_very_verbose_says_more_and_quiet_by_default(lmgraph, real):
    assert "DEBUG: look 2: " in lmgraph("analyze", real, "-vv", "--jobs", "1", "--format", "csv")[2]
    assert "INFO" not in lmgraph("analyze", real, "--jobs", "1", "--format", "csv")[2]


def test_empty_standard_input_is_named(root):
    command = [sys.executable, "-m", "lmgraph", "analyze", "-"]
    with subprocess.Popen(
        command, cwd=root, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        _, err = process.communicate()
    assert process.returncode == 1
    assert err == "error: nothing readable: standard input: an empty file\n"


def test_streamed_result_says_why_there_is_no_path(lmgraph, engine):
    engine.data = pathless()
    for arguments in (["--json", "-"], ["--format", "tsv"]):
        status, out, err = lmgraph("analyze", "x", *arguments)
        assert status == 0
        assert "None of the 4 hops scores above 0" in err
        assert b"None of" not in out
    assert len(out.splitlines()) == 1  # the head of a table of paths


def test_progress_is_drawn_on_a_terminal_only(lmgraph, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    shown = lmgraph("analyze", "x")[2]
    assert "a\\x1b[2J" in shown
    assert "a\\x1b[2J" not in lmgraph("analyze", "x", "--no-progress")[2]
    assert "a\\x1b[2J" not in lmgraph("analyze", "x", "-q")[2]


def test_version_and_help(lmgraph):
    assert lmgraph("--version")[1].startswith(b"lmgraph, version ")
    assert b"lmgraph analyze fdr/ --html out.html" in lmgraph("analyze", "--help")[1]


STORYTELLER = """
import sys
from pathlib import Path
from types import SimpleNamespace
from lmgraph import api, cli
from tests.fixtures.story import story
api.run = lambda *_: SimpleNamespace(data=story(), rejects=())
cli.main(sys.argv[1:])
"""


def start(root, *arguments: str, **options):
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONIOENCODING": "utf-8"}
    return subprocess.Popen(
        [sys.executable, "-c", STORYTELLER, *arguments], env=environment, cwd=root, **options
    )


@pytest.mark.parametrize("arguments", [[], ["--json", "-"], ["--format", "csv"]])
def test_reader_that_stops_early_is_no_error(root, arguments):
    read, write = os.pipe()
    os.close(read)
    with start(root, "analyze", "x", "-q", *arguments, stdout=write, stderr=subprocess.PIPE) as process:
        os.close(write)
        _, err = process.communicate()
    assert (process.returncode, err) == (0, b"")


def test_full_disk_behind_standard_output_is_an_error(root):
    with (
        Path("/dev/full").open("wb") as full,
        start(root, "analyze", "x", "-q", stdout=full, stderr=subprocess.PIPE) as process,
    ):
        _, err = process.communicate()
    assert process.returncode == 1
    assert (
        err.decode().strip()
        == "error: the output cannot be written: No space left on device [standard output]"
    )


@pytest.mark.parametrize("arguments", [["-v"], ["--nonsense"], ["--json", "/nowhere/r.json"]])
def test_full_disk_behind_standard_error_changes_nothing(root, arguments):
    with (
        Path("/dev/full").open("wb") as full,
        start(root, "analyze", "x", *arguments, stdout=subprocess.PIPE, stderr=full) as process,
    ):
        out, _ = process.communicate()
    expected = {"-v": 0, "--nonsense": 2, "--json": 1}[arguments[0]]
    assert process.returncode == expected
    assert ("WS042 → SRV7 → DC1" in out.decode()) is (expected == 0)


def test_reader_of_warnings_that_stops_early_takes_no_data_with_it(root):
    read, write = os.pipe()
    os.close(read)
    with start(root, "analyze", "x", stdout=subprocess.PIPE, stderr=write) as process:
        os.close(write)
        out, _ = process.communicate()
    assert process.returncode == 0
    assert "WS042 → SRV7 → DC1" in out.decode()


def test_a_log_line_that_standard_error_does_not_take_is_given_up(monkeypatch, capfd):
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr("sys.stderr", full)
        cli_common.log_to_stderr(quiet=False, verbose=0)
        logging.getLogger("lmgraph").warning("lost")
        full.flush()


@pytest.mark.parametrize("option", ["--json", "--html", "--rejects", "--assets", "--tuning"])
def test_an_empty_name_is_wrong_usage(lmgraph, engine, option):
    status, _, err = lmgraph("analyze", "x", option, "")
    assert (status, engine.asked) == (2, [])
    assert f"the name of the file is empty [{option}]" in err


def test_an_output_in_a_folder_of_inputs_is_not_read_and_can_be_replaced(real, tmp_path, capfdbinary):
    made = tmp_path / "out.json"
    for _ in range(2):
        with pytest.raises(SystemExit) as left:
            cli.main(["analyze", str(tmp_path), "--json", str(made), "--force", "-q"])
        assert not left.value.code
    capfdbinary.readouterr()
    document = json.loads(made.read_bytes())
    assert document["coverage"]["unknown_files"] == []
    assert [notice["code"] for notice in document["coverage"]["notices"]] == ["own-result"]
    assert document["inputs"][0]["records"] == 0  # out.json


@pytest.mark.parametrize("more", [[], ["-"]])
def test_an_empty_path_is_wrong_usage(lmgraph, real, more):
    status, out, err = lmgraph("analyze", "", *more)
    assert (status, out, err) == (2, b"", "error: the name of an input is empty\n")


@pytest.mark.parametrize("arguments", [["--json", "-"], ["--format", "json"]])
def test_json_on_a_terminal_means_the_same_and_controls_nothing(lmgraph, monkeypatch, arguments):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    status, out, _ = lmgraph("analyze", "x", *arguments)
    assert status == 0
    assert json.loads(out) == json.loads(result.encode(story()))
    assert "\u202e" in result.encode(story()).decode()
    assert harmful(out.decode()) == set()


@pytest.mark.parametrize("shape", ["csv", "tsv"])
def test_tables_on_a_terminal_control_nothing(lmgraph, engine, monkeypatch, shape):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    engine.data.hosts[0].name = "\x9b2J\u202e"
    out = lmgraph("analyze", "x", "--format", shape)[1].decode()
    assert harmful(out) <= {"\t"}
    assert "\\x9b2J\\u202e" in out


CLOSED = """
import os, sys
os.close(int(sys.argv.pop(1)))
os.execv(sys.executable, [sys.executable, "-m", "lmgraph", *sys.argv[1:]])
"""


def without(root: Path, stream: int, *arguments: str) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of a run that has not got that stream."""
    done = subprocess.run(
        [sys.executable, "-c", CLOSED, str(stream), "analyze", *arguments],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_closed_standard_input_is_named(root):
    assert without(root, 0, "-") == (1, "", "error: standard input is closed [-]\n")


@pytest.mark.parametrize("arguments", [[], ["--json", "-"]])
def test_closed_standard_output_is_named(root, tmp_path, arguments):
    message = "error: the output cannot be written: it is closed [standard output]\n"
    page = ["--html", str(tmp_path / "r.html")]
    assert without(root, 1, "samples/logscale", *arguments, *(page if not arguments else [])) == (
        1,
        "",
        message,
    )
    assert list(tmp_path.iterdir()) == []


def test_closed_standard_error_leaves_standard_output_to_the_result(root):
    status, out, _ = without(root, 2, "samples/logscale", "--json", "-")
    assert status == 0
    assert json.loads(out)["schema"] == "lmgraph/result/1"
