"""Runs the worlds, a process each, and keeps what came of them so that a run can be taken up again."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any, Final

import msgspec

from benchmarks import ablation
from benchmarks.judge import Verdict, judge
from benchmarks.worlds import World, made

ROOT: Final = Path(__file__).resolve().parent.parent
#: What verdicts depend on besides the tool itself.
_JUDGES: Final = ("worlds.py", "judge.py", "plain.py", "ablation.py", "runs.py")


class Task(msgspec.Struct, frozen=True):
    """A world, and whether it is weighed without each part of the score, too."""

    world: World
    ablation: bool = False


class Done(msgspec.Struct, frozen=True):
    """What came of a task: the verdicts by what was left out, and the tool that it is about."""

    source: str
    task: Task
    verdicts: dict[str, Verdict]


def source(*, page: bool = False) -> str:
    """SHA-256 over all that verdicts depend on, the tool's files and those that judge it.

    Args:
        page: Of all that the page depends on: those that count the verdicts and write them down, too.
            Kept verdicts are none the worse when only these change.
    """
    inside = [path for path in (ROOT / "lmgraph").rglob("*") if path.is_file()]
    files = [path for path in inside if "__pycache__" not in path.parts]
    benchmarks = ROOT / "benchmarks"
    files += benchmarks.glob("*.py") if page else [benchmarks / name for name in _JUDGES]
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path.relative_to(ROOT).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def tasks(worlds: Sequence[World]) -> list[Task]:
    """All that is to be done for these worlds."""
    again = [Task(world, ablation=True) for world in worlds if ablation.chosen(world)]
    return [Task(world) for world in worlds] + again


def work(task: Task) -> dict[str, Verdict]:
    """Make the world, analyse it, judge the result."""
    import lmgraph

    with made(task.world) as (truth, telemetry):
        if task.ablation:
            return ablation.verdicts(truth, telemetry)
        options: dict[str, Any] = {"max_gap": task.world.max_gap} if task.world.max_gap else {}
        result = lmgraph.analyze(telemetry, jobs=1, **options)
        return {ablation.WHOLE: judge(truth, msgspec.to_builtins(result.data))}


def run(todo: Sequence[Task], *, jobs: int, keep: Path | None, say: Callable[[str], None]) -> list[Done]:
    """Do the tasks, ``jobs`` at a time; the answers are in the order of the tasks.

    Args:
        todo: The tasks.
        jobs: Processes; each reads with one thread.
        keep: NDJSON to which each answer is added as it comes. Those already there are taken over if
            they are about the same source.
        say: Told of each task that is done.
    """
    about = source()
    if keep:
        keep.parent.mkdir(parents=True, exist_ok=True)
    known = {done.task: done for done in kept(keep) if done.source == about} if keep else {}
    found = {task: known[task] for task in todo if task in known}
    # The longest first, so that the processes end together.
    waiting = sorted((task for task in todo if task not in found), key=_effort, reverse=True)
    say(f"{len(todo)} worlds, {len(found)} of them known")
    started = time.monotonic()
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        futures = {pool.submit(work, task): task for task in waiting}
        try:
            for future in as_completed(futures):
                done = found[futures[future]] = Done(about, futures[future], future.result())
                if keep:
                    _add(keep, done)
                say(f"{len(found)}/{len(todo)} {time.monotonic() - started:.0f} s: {_said(done.task)}")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    if source() != about:
        say("the source was changed during the run: these figures are of no one version")
    return [found[task] for task in todo]


def kept(file: Path) -> list[Done]:
    """The answers in the file; a line that cannot be read, as an interrupted run may leave, is none.

    Nor is one without the verdicts that its task asks for.
    """
    found = []
    for line in file.read_bytes().split(b"\n") if file.exists() else ():
        try:
            done = msgspec.json.decode(line, type=Done)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if set(done.verdicts) == {ablation.WHOLE, *(ablation.parts() if done.task.ablation else ())}:
            found.append(done)
    return found


def _add(keep: Path, done: Done) -> None:
    """Add a line; what an interrupted run left of one is ended first, or it would spoil this one."""
    with keep.open("a+b") as file:
        file.seek(max(file.seek(0, os.SEEK_END) - 1, 0))
        torn = file.read() not in {b"", b"\n"}
        file.write(b"\n" * torn + msgspec.json.encode(done) + b"\n")


def _effort(task: Task) -> int:
    return task.world.hosts * task.world.days * (3 if task.ablation else 1)


def _said(task: Task) -> str:
    world = task.world
    part = ", each part left out" if task.ablation else ""
    return f"seed {world.seed}, {world.size}, {world.flavour}, {len(world.scenarios)} attacks{part}"
