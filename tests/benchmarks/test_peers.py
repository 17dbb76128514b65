"""All who filter find the same alerts, which are those that the generator put there; all graphs agree.

The short form of the benchmarks: equality alone, nothing is timed. polars, duckdb and orjson take part
where they are installed (``make bench`` does that); the alerts that all must find come from the generator.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import graphs, inputs, ours, peers
from benchmarks.contest import Missing, Work
from benchmarks.falcon import NAME_KEY, Order
from benchmarks.inputs import FORMS, Input
from benchmarks.stream import Block, blocks

NDJSON = {
    "json_loop": "json",
    "orjson_loop": "orjson",
    "polars_ndjson": "polars",
    "duckdb_ndjson": "duckdb",
}
PARQUET = {"polars_parquet": "polars", "duckdb_parquet": "duckdb"}
HOPS = 10_000
LIKELY = re.compile(rb"net1?[.]exe|dotnet|psexec|PSEXE|\"445\"|\"4450\"", re.IGNORECASE)


class Dense(Input):
    """One block with all its alerts and all that looks like one, but few of its other records."""

    def blocks(self) -> Iterator[Block]:
        block = next(blocks(self.seed, raw=self.raw, order=self.order))
        alerts = frozenset(block.alerts)
        lines = [
            line
            for number, line in enumerate(block.data.splitlines(keepends=True))
            if number % 25 == 0 or LIKELY.search(line) or json.loads(line)["id"] in alerts
        ]
        yield replace(block, data=b"".join(lines), records=len(lines))


@pytest.fixture(scope="module", params=[(False, "fdr"), (True, "sorted")])
def what(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Input:
    raw, order = request.param
    return Dense(2, raw=raw, order=order, folder=tmp_path_factory.mktemp("inputs"))


def answer(work: Work) -> object:
    assert work.answer is not None
    return work.answer(work.run())


@pytest.mark.parametrize("name", NDJSON)
def test_peers_find_the_alerts_in_json_lines(name: str, what: Input) -> None:
    pytest.importorskip(NDJSON[name])
    path = str(inputs.plain(what))
    assert answer(getattr(peers, name)(path, NAME_KEY[what.order])) == what.alerts()


@pytest.mark.parametrize("name", PARQUET)
def test_peers_find_the_alerts_in_parquet(name: str, what: Input) -> None:
    pytest.importorskip(PARQUET[name])
    path = str(inputs.parquet(what))
    assert answer(getattr(peers, name)(path, NAME_KEY[what.order])) == what.alerts()


@pytest.mark.parametrize("form", FORMS)
def test_we_find_the_alerts_in_every_form(form: str, what: Input) -> None:
    try:
        work = ours.filtered(str(FORMS[form](what)))
    except Missing as why:
        pytest.skip(f"{form}: {why}")
    assert len(what.alerts()) > 50
    assert answer(work) == what.alerts()


def test_we_find_the_alerts_by_two_threads_and_two_looks(what: Input) -> None:
    parts = str(inputs.gz(what))
    assert answer(ours.filtered(parts, jobs=2)) == answer(ours.gathered(parts)) == what.alerts()


@pytest.mark.parametrize("order", ["fdr", "sorted"])
def test_the_result_names_all_alerts_once_processes_are_known(order: Order, tmp_path: Path) -> None:
    for raw in (False, True):
        what = Input(1, raw=raw, order=order, folder=tmp_path)
        text = ours.analyzed(str(inputs.plain(what))).run()
        assert all(alert in text for alert in what.alerts())


@pytest.mark.parametrize("name", ["arrival", "paths"])
def test_graphs_agree_with_networkx(name: str) -> None:
    try:
        work = getattr(graphs, name)(HOPS)
    except Missing as why:
        pytest.skip(str(why))
    given = answer(work)
    assert given == answer(getattr(graphs, f"{name}_by_networkx")(HOPS))
    assert len(set(given)) > 5  # type: ignore[call-overload]


def test_a_tool_that_is_not_installed_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Missing, match="not installed"):
        peers.ripgrep("anything")
    with pytest.raises(Missing, match="not installed"):
        peers._module("no_such_module_anywhere")
