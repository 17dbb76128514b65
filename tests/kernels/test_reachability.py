"""The kernel of reachability, against Dijkstra over moments on networkx graphs."""

from __future__ import annotations

import numpy as np
import pytest

from lmgraph.kernels import reachability
from tests import naive

NEVER = np.iinfo(np.int64).max


@pytest.mark.parametrize("seed", range(60))
def test_earliest_arrival_is_that_of_the_reference(seed: int) -> None:
    dice = np.random.default_rng(seed)
    hosts, count = int(dice.integers(1, 25)), int(dice.integers(0, 80))
    source, target = dice.integers(0, hosts, (2, count)).astype(np.int32)
    time = np.sort(dice.integers(0, dice.choice([5, 40, 1000]), count))
    seeds = {int(host): int(dice.integers(-5, 30)) for host in dice.integers(0, hosts, dice.integers(0, 4))}
    arrival, by = np.full(hosts, NEVER), np.full(hosts, -1)
    for host, when in seeds.items():
        arrival[host] = when
    reached = reachability.earliest_arrival(time, source, target, arrival, by)
    graph = naive.temporal_graph(source.tolist(), target.tolist(), time.tolist())
    expected = naive.earliest_arrival(graph, seeds)
    found = {host: (when, by[host]) for host, when in enumerate(arrival.tolist()) if when < NEVER}
    assert found == expected
    assert reached == sum(hop >= 0 for _, hop in expected.values())


def test_of_equal_times_the_order_of_the_hops_decides() -> None:
    time, hosts = np.zeros(2, np.int64), np.arange(3, dtype=np.int32)
    for order, reached in (([0, 1], 2), ([1, 0], 1)):
        arrival, by = np.array([0, NEVER, NEVER]), np.full(3, -1)
        source, target = hosts[:2][order], hosts[1:][order]
        assert reachability.earliest_arrival(time, source, target, arrival, by) == reached
