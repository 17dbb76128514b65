"""Reachability and best paths over hops in order of time: the tool's kernels beside networkx.

Both answer the same question on the same seeded hops and must give the same numbers.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from benchmarks.contest import Work

DAYS, DAY_US, HOUR_US = 7, 86_400_000_000, 3_600_000_000
GAP_US: Final = HOUR_US  # between two hops of a path
NEVER: Final = 2**63 - 1
_HOPS_PER_HOST: Final = 20
_MOST, _LOOK = 256, 4096  # as lmgraph.paths.links has them


@dataclass(frozen=True, slots=True)
class Hops:
    """Hops in order of time: microseconds, hosts, scores in thousandths."""

    time: npt.NDArray[np.int64]
    source: npt.NDArray[np.int64]
    target: npt.NDArray[np.int64]
    score: npt.NDArray[np.int64]
    hosts: int


def hops(count: int, seed: int = 1) -> Hops:
    """Seeded hops over a week; few sources make most of them, few targets are in most."""
    chance = np.random.default_rng(seed)
    hosts = max(1_000, count // _HOPS_PER_HOST)
    time = np.sort(chance.integers(0, DAYS * DAY_US, count))
    source = (hosts * chance.random(count) ** 2).astype(np.int64)
    target = (hosts * chance.random(count) ** 1.5).astype(np.int64)
    target = np.where(source == target, (target + 1) % hosts, target)
    score = chance.choice(np.array([1_000, 2_000, 3_000]), count, p=[0.8, 0.15, 0.05])
    return Hops(time, source, target, score, hosts)


def arrival_by_networkx(count: int) -> Work:
    """Earliest arrival at each host from the first hop's source, by Dijkstra over a multigraph."""
    import networkx as nx

    given = hops(count)
    graph = nx.MultiDiGraph()
    ends = zip(given.source.tolist(), given.target.tolist(), given.time.tolist(), strict=True)
    graph.add_edges_from((source, target, {"time": time}) for source, target, time in ends)
    start = int(given.source[0])

    def run() -> dict[int, int]:
        arrival, done, waiting = {start: 0}, set(), [(0, start)]
        while waiting:
            at, host = heapq.heappop(waiting)
            if host in done:
                continue
            done.add(host)
            for _, target, time in graph.out_edges(host, data="time"):
                if at <= time < arrival.get(target, NEVER):
                    arrival[target] = time
                    heapq.heappush(waiting, (time, target))
        return arrival

    return Work(run, answer=lambda arrival: [arrival.get(host, NEVER) for host in range(given.hosts)])


def arrival(count: int) -> Work:
    """The same by the kernel."""
    from lmgraph.kernels import reachability

    given = hops(count)
    source, target = given.source.astype(np.int32), given.target.astype(np.int32)
    times = np.empty(given.hosts, np.int64)
    led = np.empty(given.hosts, np.int64)

    def run() -> npt.NDArray[np.int64]:
        times.fill(NEVER)
        times[given.source[0]] = 0
        led.fill(-1)
        reachability.earliest_arrival(given.time, source, target, times, led)
        return times

    return Work(run, answer=lambda arrival: arrival.tolist())


def paths_by_networkx(count: int) -> Work:
    """Score of the best path that ends in each hop, by dynamic programming over a multigraph.

    A predecessor comes before the hop, at most ``GAP_US``; its own path does not touch the hop's target.
    """
    import networkx as nx

    given = hops(count)
    graph = nx.MultiDiGraph()
    rows = zip(
        given.source.tolist(), given.target.tolist(), given.time.tolist(), given.score.tolist(), strict=True
    )
    for number, (source, target, time, score) in enumerate(rows):
        graph.add_edge(source, target, key=number, time=time, score=score)

    def run() -> dict[int, int]:
        best: dict[int, int] = {}
        came: dict[int, tuple[int, int] | None] = {}  # hop: its predecessor and the source of it
        in_time = sorted(graph.edges(keys=True, data=True), key=lambda edge: (edge[3]["time"], edge[2]))
        for source, target, number, hop in in_time:
            gain, chosen = 0, None
            for before, _, earlier, data in graph.in_edges(source, keys=True, data=True):
                if (
                    earlier in best
                    and hop["time"] - data["time"] <= GAP_US
                    and (
                        best[earlier] > gain
                        or (best[earlier] == gain and (chosen is None or earlier < chosen[0]))
                    )
                    and not _touches(earlier, before, target, came)
                ):
                    gain, chosen = best[earlier], (earlier, before)
            best[number] = hop["score"] + gain
            came[number] = chosen
        return best

    return Work(run, answer=lambda best: [best[number] for number in range(count)])


def _touches(hop: int, source: int, host: int, came: dict[int, tuple[int, int] | None]) -> bool:
    """Whether the chosen path that ends in ``hop`` touches the host."""
    while source != host:
        before = came[hop]
        if before is None:
            return False
        hop, source = before
    return True


def paths(count: int) -> Work:
    """The same by the kernel that chooses predecessors; every link is certain and scores nothing."""
    from lmgraph.kernels import paths as kernels

    given = hops(count)
    order = np.arange(count)
    nothing, none = np.zeros(count, np.int64), np.full(count, -1, np.int64)
    table = kernels.Hops(
        source=given.source,
        target=given.target,
        first=given.time,
        last=given.time,
        outcome=none,
        weight=np.ones(count),
        key=order.astype(np.uint64),
        score=given.score,
        began=np.zeros(count),
        own_since=np.full(count, NEVER),
        moves_since=nothing,
        entered=nothing,
        entered_within=none,
    )
    nobody = kernels.Lists(np.zeros(count + 1, np.int64), np.zeros(0, np.int64))
    by_target = np.argsort(given.target, kind="stable")
    starts = np.searchsorted(given.target[by_target], np.arange(given.hosts + 1))
    limits = kernels.Limits(max_gap=GAP_US, skew=0, longest=0, most=_MOST, look=_LOOK)
    weights = kernels.Weights(
        same=1.0, unknown=1.0, other=1.0, fade=NEVER, least=0.0, switch=0, left=0, doubt=0
    )
    chosen = kernels.Chosen(
        parent=np.empty(count, np.int64),
        best=np.empty(count, np.int64),
        certainty=np.empty(count),
        terms=np.empty((count, 4), np.int64),
        same=np.empty(count, bool),
    )

    def run() -> npt.NDArray[Any]:
        people = kernels.Accounts(nobody, nobody, nobody)
        kernels.choose(
            order, given.time, table, people, kernels.Into(starts, by_target), limits, weights, chosen
        )
        return chosen.best

    return Work(run, answer=lambda best: best.tolist())
