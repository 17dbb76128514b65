"""The command: what is written where."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import ablation, quality, runs
from benchmarks.runs import Done, Task
from tests.benchmarks.documents import judged, verdict, world


@pytest.fixture(autouse=True)
def ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[Task]]:
    """Answers without any world, and a page that is not the project's; gives what was asked."""
    asked = []

    def run(todo: list[Task], **_: Any) -> list[Done]:
        asked.append(todo)
        found = {ablation.WHOLE: verdict(judged(best=None, plain_rank=None))}
        plain = [Task(world(seed)) for seed in (101, 102)]
        again = {**found, "links": verdict(judged())}
        return [
            *(Done("abc", task, found) for task in plain),
            Done("abc", Task(world(), ablation=True), again),
        ]

    monkeypatch.setattr(quality, "run", run)
    monkeypatch.setattr(quality, "PAGE", tmp_path / "quality.md")
    monkeypatch.setattr(quality, "WORST_BY_HAND", tmp_path / "worst.md")
    return asked


def test_the_whole_run_writes_the_page_with_what_was_seen_by_hand(
    tmp_path: Path, ready: list[list[Task]], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "worst.md").write_text("## By hand\n")
    quality.main([])
    page = (tmp_path / "quality.md").read_text()
    assert "```\nmake quality\n```" in page
    assert "\n## By hand\n" in page
    assert "| `links` |" in page
    assert capsys.readouterr().out == ""
    assert {task.world.seed for task in ready[0]} == set(quality.REPORTED_SEEDS)


def test_part_of_the_run_says_which(tmp_path: Path, ready: list[list[Task]]) -> None:
    quality.main(["--seeds", "2", "1", "0"])
    page = (tmp_path / "quality.md").read_text()
    assert "```\npython -m benchmarks.quality --seeds 2 1 0\n```" in page
    seen = {(task.world.seed, task.world.hosts) for task in ready[0] if task.world.max_gap is None}
    assert seen == {(101, 100), (102, 100), (101, 500)}
    assert {task.world.seed for task in ready[0] if task.world.max_gap} == {101, 102}


def test_a_quick_look_is_printed_and_replaces_nothing(
    tmp_path: Path, ready: list[list[Task]], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "worst.md").write_text("## By hand\n")
    quality.main(["--quick"])
    assert "benchmarks.quality --quick" in capsys.readouterr().out
    assert not (tmp_path / "quality.md").exists()
    assert {(task.world.seed, task.world.hosts) for task in ready[0]} == {(101, 100), (102, 100)}


def test_page_and_figures_name_all_that_they_come_from(tmp_path: Path) -> None:
    quality.main(["--json", str(tmp_path / "all.json")])
    source = runs.source(page=True)
    assert source != runs.source()
    assert f"(source `{source[:12]}`)" in " ".join((tmp_path / "quality.md").read_text().split())
    assert json.loads((tmp_path / "all.json").read_bytes())["tool"]["source"] == source


def test_every_figure_is_in_the_json(tmp_path: Path) -> None:
    quality.main(["--json", str(tmp_path / "new/all.json"), "--page", str(tmp_path / "here.md")])
    document = json.loads((tmp_path / "new/all.json").read_bytes())
    assert document["schema"] == "lmgraph/quality/1"
    assert document["figures"]["recall"]["mean"] == 0.75
    assert document["figures"]["rank"]["mean"] is None  # infinite
    assert document["aims"]["hop recall"] == {"bound": 0.98, "measured": document["figures"]["recall"]}
    assert set(document["left_out"]) == {"", "links"}
    assert [done["task"]["world"]["seed"] for done in document["worlds"]] == [101, 102, 101]
    assert (tmp_path / "here.md").exists()
    assert not (tmp_path / "quality.md").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seeds", "0", "0", "0"], "--seeds: no world is left"),
        (["--seeds", "-1", "1", "1"], "--seeds: -1 is not in the range 0 to"),
        (["--seeds", "1", "1", "999"], "--seeds: 999 is not in the range 0 to"),
        (["--seeds", "1", "1", "x"], "--seeds: invalid"),
        (["--jobs", "0"], "--jobs: 0 is not in the range 1 to"),
        (["--jobs", "100000"], "--jobs: 100000 is not in the range 1 to"),
        (["--results", "/"], "--results: '/' is no file"),
        (["--json", ""], "--json: '' is no file"),
        (["--page", "a" * 300], "File name too long"),
    ],
)
def test_wrong_usage_is_found_before_any_world_is_made(
    ready: list[list[Task]], capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        quality.main(arguments)
    assert message in capsys.readouterr().err
    assert ready == []
