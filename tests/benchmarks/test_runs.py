"""Runs of worlds: what is known is not done again, and each part that is left out comes back."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from benchmarks import ablation, runs
from benchmarks.runs import Done, Task, kept, tasks, work
from benchmarks.worlds import REPORTED_SEEDS, worlds
from lmgraph import score
from tests.benchmarks.documents import judged, verdict, world

SMALL = world(3, ("chain", "worm"), hosts=30, days=3)


def test_leaving_parts_out_changes_nothing_else() -> None:
    whole = work(Task(SMALL))
    again = work(Task(SMALL, ablation=True))
    assert again[ablation.WHOLE] == whole[ablation.WHOLE]
    assert list(again) == [ablation.WHOLE, *ablation.parts()]
    assert any(attack.best for attack in whole[ablation.WHOLE].attacks)
    assert not any(attack.best for attack in again["occurrence"].attacks)


def test_parts_are_the_groups_the_links_and_each_link() -> None:
    parts = ablation.parts()
    assert {"occurrence", "rarity", "behaviour", "credential", "against", "links"} <= set(parts)
    assert "prior" not in parts
    assert parts["links"] == tuple(score.LINK_WEIGHTS)
    assert set(score.LINK_WEIGHTS) <= set(parts)
    assert {score.WEIGHTS[name].group for name in parts["rarity"]} == {"rarity"}


def test_weights_come_back_even_after_an_error() -> None:
    before = {**score.WEIGHTS}, {**score.LINK_WEIGHTS}
    assert before[0]["new_pair"].weight

    def fail() -> None:
        with ablation.without(("new_pair", "doubt")):
            assert score.WEIGHTS["new_pair"] == before[0]["new_pair"]._replace(weight=0)
            assert score.LINK_WEIGHTS["doubt"].weight == 0
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert before == (score.WEIGHTS, score.LINK_WEIGHTS)


def test_parts_are_left_out_in_some_of_the_reported_worlds() -> None:
    chosen = [task.world for task in tasks(worlds(REPORTED_SEEDS)) if task.ablation]
    assert {each.seed for each in chosen} == set(ablation.SEEDS)
    assert {(each.hosts, each.flavour) for each in chosen} == {(100, "fdr"), (500, "fdr")}
    assert all(each.max_gap is None for each in chosen)


def test_what_is_known_is_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "source", lambda: "now")
    file = tmp_path / "results.ndjson"
    first, second = Task(SMALL), Task(world())
    old = {ablation.WHOLE: verdict()}
    known = {ablation.WHOLE: verdict(judged(), hops=7)}
    lines = [Done("now", second, known), Done("now", first, old), Done("before", second, old)]
    file.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines) + b'{"source": "no')
    said: list[str] = []
    done = runs.run([first, second], jobs=1, keep=file, say=said.append)
    assert done == [lines[1], lines[0]]
    assert said == ["2 worlds, 2 of them known"]


def test_a_line_that_is_no_answer_is_passed_over(tmp_path: Path) -> None:
    whole = {ablation.WHOLE: verdict()}
    known = Done("now", Task(SMALL), whole)
    lines = [
        b"[" * 100_000,
        b'{"source": ' + b"[" * 100_000,
        b'{"\xff": 1}',
        b'{"x": "\xff"}',
        b"\x00\x0b\x0c\x1c",
        msgspec.json.encode(Done("now", Task(SMALL), {})),
        msgspec.json.encode(Done("now", Task(SMALL), {**whole, "links": verdict()})),
        msgspec.json.encode(Done("now", Task(SMALL, ablation=True), whole)),
        msgspec.json.encode(known),
    ]
    (tmp_path / "results.ndjson").write_bytes(b"\n".join(lines))
    assert kept(tmp_path / "results.ndjson") == [known]


@pytest.mark.parametrize("before", [b"", b'{"source": "no', b'{"source": "no"}\n', b"\n"])
def test_an_answer_stands_on_a_line_of_its_own(tmp_path: Path, before: bytes) -> None:
    file = tmp_path / "results.ndjson"
    if before:
        file.write_bytes(before)
    answers = [Done("now", Task(world(seed)), {ablation.WHOLE: verdict()}) for seed in (1, 2)]
    for answer in answers:
        runs._add(file, answer)
    assert kept(file) == answers
    assert file.read_bytes().startswith(before)


def test_answers_are_kept_and_in_the_order_of_the_tasks(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "results.ndjson"
    todo = [Task(world(seed, (), hosts=20, days=2 + seed)) for seed in (0, 1)]
    said: list[str] = []
    done = runs.run(todo, jobs=1, keep=file, say=said.append)
    assert [each.task for each in done] == todo
    assert sorted(kept(file), key=lambda each: each.task.world.seed) == done
    assert [line.rpartition(": ")[2] for line in said[1:3]] == [
        "seed 1, 20 × 3, fdr, 0 attacks",
        "seed 0, 20 × 2, fdr, 0 attacks",
    ]


def test_the_source_is_that_of_the_tool_and_its_judges(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (
        "lmgraph/rules/data.toml",
        "lmgraph/__pycache__/x.pyc",
        *map("benchmarks/{}".format, runs._JUDGES),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    monkeypatch.setattr(runs, "ROOT", tmp_path)
    before = runs.source()
    (tmp_path / "lmgraph/__pycache__/x.pyc").write_text("2")
    assert runs.source() == before
    for name in ("lmgraph/rules/data.toml", "benchmarks/judge.py", "benchmarks/runs.py"):
        (tmp_path / name).write_text("2")
        assert runs.source() != before
        before = runs.source()


def test_what_only_the_page_depends_on_makes_no_verdict_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("figures.py", "page.py", *runs._JUDGES):
        (tmp_path / "benchmarks").mkdir(exist_ok=True)
        (tmp_path / "benchmarks" / name).write_text("1")
    monkeypatch.setattr(runs, "ROOT", tmp_path)
    verdicts, page = runs.source(), runs.source(page=True)
    (tmp_path / "benchmarks/figures.py").write_text("2")
    assert runs.source() == verdicts
    assert runs.source(page=True) != page
