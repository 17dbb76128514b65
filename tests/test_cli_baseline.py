"""``lmgraph baseline`` and ``analyze --baseline`` on the command line."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lmgraph import baseline, cli, cli_baseline
from lmgraph.baseline import HOST, parquet
from tests.falcon import at
from tests.test_learning import story

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def lmgraph(capfd: pytest.CaptureFixture[str]) -> Command:
    """Run the command; gives exit status, standard output and standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            cli.main([str(argument) for argument in arguments])
        return int(left.value.code or 0), *capfd.readouterr()

    return run


@pytest.fixture
def days(tmp_path: Path) -> Path:
    for day in range(5):
        story(day).write(tmp_path / "days" / f"{day}")
    return tmp_path / "days"


def test_a_file_is_made_grows_and_does_not_change_by_what_it_knows(
    lmgraph: Command, days: Path, tmp_path: Path
) -> None:
    file = tmp_path / "usual.parquet"
    status, out, err = lmgraph("baseline", days / "0", "--out", file)
    assert (status, out) == (0, "")
    assert f"Wrote {file} ({file.stat().st_size:,} bytes): 1 day (2026-03-02 to 2026-03-02)" in err
    first = file.read_bytes()
    assert lmgraph("baseline", days / "1", days / "2", "--out", file, "--quiet") == (0, "", "")
    assert parquet.read(str(file)).counts.days == 3
    grown = file.read_bytes()
    assert lmgraph("baseline", days / "1", "--out", file)[0] == 0
    assert lmgraph("baseline", file, "--out", file)[0] == 0
    assert file.read_bytes() == grown != first
    assert not list(tmp_path.glob(".lmgraph-*"))


def test_baselines_are_merged_in_any_order(lmgraph: Command, days: Path, tmp_path: Path) -> None:
    a, b, left, right = (tmp_path / name for name in ("a", "b", "left", "right"))
    lmgraph("baseline", days / "0", "--out", a)
    lmgraph("baseline", days / "1", "--out", b)
    assert lmgraph("baseline", a, b, "--out", left)[0] == 0
    assert lmgraph("baseline", b, a, "--out", right, "--verbose")[0] == 0
    assert left.read_bytes() == right.read_bytes()
    together = tmp_path / "together"
    assert lmgraph("baseline", a, days / "1", "--out", together)[0] == 0
    assert together.read_bytes() == left.read_bytes()


def test_a_summary_names_the_usual_and_is_safe_to_show(lmgraph: Command, tmp_path: Path) -> None:
    uses = {name: [1, 1, 1] for name in baseline.USES}
    uses |= {
        "day": [20_577, 20_578, 20_577],
        "target": [2, 2, 3],
        "user": [0, 0, 0],
        "moved": [True, True, False],
    }
    names = {"kind": [HOST] * 3, "key": [1, 2, 3], "name": ["ADM01", "SRV\x1b[2J", "SRV8"]}
    whole = baseline.make(uses=uses, names=names, days=[20_577, 20_578])
    file = tmp_path / "b.parquet"
    file.write_bytes(parquet.encode(whole))
    status, out, err = lmgraph("baseline", file)
    assert (status, err) == (0, "")
    sizes = "0 accounts, 2 pairs of hosts (1 of them mere contacts), 3 uses, 0 hops, 0 paths."
    assert out.splitlines() == [
        f"1 baseline of {file.stat().st_size:,} bytes: 2 days (2026-05-04 to 2026-05-05), 3 hosts, {sizes}",
        "Most usual movements, by days:",
        "     2  ADM01 → SRV\\x1b[2J",
    ]
    file.write_bytes(parquet.encode(baseline.make()))
    assert lmgraph("baseline", file, file)[1].count("\n") == 1


def test_what_is_left_out_is_said(lmgraph: Command, tmp_path: Path) -> None:
    story(6, attack=True).write(tmp_path / "day")
    status, _, err = lmgraph("baseline", tmp_path / "day", "--out", tmp_path / "a")
    assert status == 0
    left = "Left out 1 incident of severity high or above: 2 hops, "
    assert left in err
    assert "Look into it; --include-incidents" in err
    _, _, err = lmgraph("baseline", tmp_path / "day", "--out", tmp_path / "b", "--include-incidents")
    assert "Learnt from 1 incident of severity high or above (2 hops), too, as asked." in err
    assert parquet.read(str(tmp_path / "a")).counts.uses < parquet.read(str(tmp_path / "b")).counts.uses


def test_what_the_file_already_held_of_it_goes_and_is_counted(lmgraph: Command, tmp_path: Path) -> None:
    out = tmp_path / "b"
    story(6, attack=True).write(tmp_path / "day")
    lmgraph("baseline", tmp_path / "day", "--out", out, "--include-incidents")
    all_of_it = parquet.read(str(out)).counts
    _, _, err = lmgraph("baseline", tmp_path / "day", "--out", out)
    less = parquet.read(str(out)).counts
    assert less.uses < all_of_it.uses
    assert f" ({all_of_it.uses - less.uses} known before went, too). Look into it" in err
    assert "known before" not in lmgraph("baseline", tmp_path / "day", "--out", out)[2]
    lmgraph("baseline", tmp_path / "day", "--out", out, "--include-incidents")
    assert parquet.read(str(out)).counts == all_of_it


def test_what_is_grave_no_longer_stays_left_out_until_it_is_cleared(lmgraph: Command, tmp_path: Path) -> None:
    out, tuning, day = tmp_path / "b", tmp_path / "tuning.toml", tmp_path / "day"
    tuning.write_text('[[allow]]\nname = "own-work"\nreason = "ours"\ntarget = ["SRV7", "DC1"]\n')
    story(6, attack=True).write(day)
    lmgraph("baseline", day, "--out", out)
    assert len(parquet.read(str(out)).left) == 2
    less = parquet.read(str(out)).counts.uses
    _, _, err = lmgraph("baseline", day, "--out", out, "--tuning", tuning)
    assert "of severity high or above" not in err, "nothing is grave in this run"
    assert "Left out for an incident of an earlier run: " in err
    assert parquet.read(str(out)).counts.uses == less
    _, _, err = lmgraph("baseline", day, "--out", out, "--tuning", tuning, "--include-incidents")
    assert "No longer left out for an incident of an earlier run: 2 pairs of hosts, by day." in err
    assert "Left out for" not in err
    whole = parquet.read(str(out))
    assert whole.left.empty
    assert whole.counts.uses > less
    assert "earlier run" not in lmgraph("baseline", day, "--out", out, "--tuning", tuning)[2]


def test_of_two_runs_into_one_file_none_is_lost(
    lmgraph: Command, days: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, other = tmp_path / "b", tmp_path / "other"
    lmgraph("baseline", days / "1", "--out", other)
    learn = cli_baseline.api.learn

    def slowly(*given: Any, **options: Any) -> Any:
        lesson = learn(*given, **options)
        out.write_bytes(other.read_bytes())  # what another run has written meanwhile
        return lesson

    monkeypatch.setattr(cli_baseline.api, "learn", slowly)
    assert lmgraph("baseline", days / "0", "--out", out)[0] == 0
    both = [at(day, "00:00") // 86400 for day in (0, 1)]
    assert parquet.read(str(out)).days.tolist() == both
    counter = iter(range(99))
    encode = parquet.encode

    def meanwhile(whole: baseline.Baseline) -> bytes:
        out.write_bytes(encode(baseline.make(days=[next(counter)])))
        return encode(whole)

    monkeypatch.setattr(parquet, "encode", meanwhile)
    status, _, err = lmgraph("baseline", days / "0", "--out", out)
    assert status == 1
    assert f"the output is written by other runs all the time [{out}]" in err


def test_a_device_takes_a_baseline(lmgraph: Command, days: Path) -> None:
    assert lmgraph("baseline", days / "0", "--out", "/dev/null")[0] == 0


def test_what_had_to_go_is_said(
    lmgraph: Command, days: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "b"
    for day in (20, 21, 22):
        story(day).write(tmp_path / "later" / f"{day}")
    _, _, err = lmgraph("baseline", days, tmp_path / "later", "--out", out, "--keep-days", 7)
    assert "5 days expired: 7 days are kept (--keep-days)." in err
    assert parquet.read(str(out)).days.tolist() == [at(day, "00:00") // 86400 for day in (20, 21, 22)]
    monkeypatch.setattr(baseline, "MOST_ROWS", 1)
    _, _, err = lmgraph("baseline", out, "--out", tmp_path / "small")
    assert "Warning: the baseline is full: the oldest 2 days had to go" in err


def test_days_far_ahead_expire_the_known_ones_only_when_somebody_says_so(
    lmgraph: Command, days: Path, tmp_path: Path
) -> None:
    out = tmp_path / "b"
    for day in (3000, 3001, 3002):
        story(day).write(tmp_path / "later" / f"{day}")
    lmgraph("baseline", days, "--out", out)
    _, _, err = lmgraph("baseline", tmp_path / "later", "--out", out, "--keep-days", 90)
    assert "Warning: 2034-05-21 was not taken for the newest day: more than half" in err
    assert f"lmgraph baseline {out} --out {out} --keep-days 90." in err
    assert "expired:" not in err
    assert parquet.read(str(out)).counts.days == 8
    assert "was not taken" in lmgraph("baseline", out, "--out", out)[2]
    _, _, err = lmgraph("baseline", out, "--out", out, "--keep-days", 90)
    assert "5 days expired" in err
    assert "was not taken" not in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["days/0"], "without --out only baseline files can be given [days/0]"),
        (["-"], "without --out only baseline files can be given [-]"),
        (["notes.txt/a"], "no such file or directory [notes.txt/a]"),
        (["n" * 300], "file name too long [nnn"),
        (["nosuch.parquet"], "no such file or directory [nosuch.parquet]"),
        (["days/0", "--out", "-"], "a baseline goes to a file"),
        (["days/0", "--out", ""], "the name of an output is empty"),
        (["days/0", "--out", "notes.txt"], "the output is there already and cannot grow"),
        (["days/0", "--out", "cut.parquet"], "cannot grow: damaged baseline"),
        (["cut.parquet", "--out", "new"], "damaged baseline: its Parquet cannot be read [cut.parquet]"),
        (["gone", "--out", "new"], "gone"),
        (["days/0", "--out", "new", "--keep-days", "3"], "--keep-days"),
        (["days/0", "--out", "new", "--since", "2026-01-01"], "--since"),
    ],
)
def test_wrong_usage_leaves_everything_as_it_was(
    lmgraph: Command,
    days: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").write_text("evidence")
    (tmp_path / "cut.parquet").write_bytes(parquet.encode(baseline.make(days=[5]))[:-9])
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    status, out, err = lmgraph("baseline", *arguments)
    assert (status, out) == (2, "")
    assert message in err
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_what_fails_leaves_the_file_as_it_was(lmgraph: Command, days: Path, tmp_path: Path) -> None:
    file = tmp_path / "b.parquet"
    lmgraph("baseline", days / "0", "--out", file)
    before = file.read_bytes()
    (tmp_path / "noise.txt").write_text("nothing to read")
    status, _, err = lmgraph("baseline", tmp_path / "noise.txt", "--out", file)
    assert status == 1
    assert "nothing readable" in err
    (days / "0" / "bad.ndjson").write_text('{"event_simpleName":"ProcessRollup2"}\n{\n')
    assert lmgraph("baseline", days / "0", "--out", file, "--strict")[0] == 1
    assert file.read_bytes() == before


def test_the_file_may_lie_among_its_inputs(lmgraph: Command, days: Path) -> None:
    file = days / "usual.parquet"
    for _ in range(2):
        status, _, err = lmgraph("baseline", days, "--out", file)
        assert status == 0
        assert "no known format" not in err
    assert "is an output of this run and was not read" in err


def test_analyze_with_a_baseline(lmgraph: Command, days: Path, tmp_path: Path) -> None:
    file, today = tmp_path / "b.parquet", tmp_path / "today"
    story(6, attack=True).write(today)
    lmgraph("baseline", days, "--out", file)
    status, out, err = lmgraph("analyze", today, "--baseline", file, "--format", "csv")
    assert status == 0
    assert "history from a baseline of 5 days" in err
    assert {row["path_p_value"] for row in csv.DictReader(io.StringIO(out))} == {"1.0"}, "it knows no path"
    assert "the baseline holds no paths: p_value is 1 throughout and says nothing" in err
    assert "history from" in lmgraph("analyze", today, "--baseline", file)[1]
    _, out, err = lmgraph("analyze", today, "--format", "csv")
    assert "baseline" not in err
    assert {row["path_p_value"] for row in csv.DictReader(io.StringIO(out))} == {""}


@pytest.mark.parametrize("name", ["gone", "notes.txt", ""])
def test_analyze_with_what_is_no_baseline(lmgraph: Command, days: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").write_text("evidence")
    status, out, err = lmgraph("analyze", days, "--baseline", tmp_path / name if name else "")
    assert (status, out) == (2, "")
    assert "baseline" in err


def test_analyze_never_writes_over_its_baseline(lmgraph: Command, days: Path, tmp_path: Path) -> None:
    file = tmp_path / "b.parquet"
    lmgraph("baseline", days, "--out", file)
    before = file.read_bytes()
    status, _, err = lmgraph("analyze", days, "--baseline", file, "--json", file, "--force")
    assert status == 2
    assert "is itself one of the inputs" in err
    assert file.read_bytes() == before


def test_figures_that_are_written_twice_are_the_same() -> None:
    assert (cli_baseline._KEEP_DAYS, cli_baseline._LEAST_DAYS) == (baseline.KEEP_DAYS, baseline.LEAST_DAYS)
