"""Which edges the report draws, and where hosts stand."""

from __future__ import annotations

import copy
from itertools import pairwise

import networkx as nx
import pytest

from lmgraph.report import network
from tests.fixtures.story import HOSTILE_HOST, quiet, story


def many(edges: int):
    """The story with that many further hops of other accounts, none on a path."""
    data = story()
    for number in range(edges):
        hop = copy.deepcopy(data.hops[3])
        hop.id, hop.key, hop.score = f"x{number}", f"x{number:06}", number / 1000
        hop.source_user, hop.users = None, [f"u{number + 100}"]
        data.hops.append(hop)
    return data


def test_hops_of_one_pair_and_account_are_one_edge():
    data = story()
    again = copy.deepcopy(data.hops[0])
    again.id, again.key, again.score, again.first = "e9", "again", 9.0, "2026-05-03T00:00:00.000000Z"
    other = copy.deepcopy(again)
    other.id, other.source_user = "e8", "u1"
    data.hops += [again, other]
    edges = {(edge.source, edge.target, edge.user): edge for edge in network.draw(data).edges}
    assert edges["h0", "h1", "u0"].hops == [4, 0]
    assert edges["h0", "h1", "u0"].score == 9.0
    assert edges["h0", "h1", "u0"].rank == 1
    assert edges["h0", "h1", "u1"].hops == [5]
    assert edges["h0", "h1", "u1"].rank is None


def test_paths_come_first_then_the_score():
    drawing = network.draw(many(10), cap=5)
    assert [edge.hops for edge in drawing.edges] == [[0], [1], [2], [13], [12]]
    assert drawing.total == 14


def test_only_ends_of_drawn_edges_are_nodes():
    drawing = network.draw(story(), cap=2)
    assert drawing.hosts == ["h0", "h1", "h2"]
    assert set(drawing.positions) == set(drawing.hosts)


def test_path_runs_from_left_to_right_on_one_line():
    positions = network.draw(story()).positions
    xs, ys = zip(*(positions[host] for host in ("h0", "h1", "h2")), strict=True)
    assert list(xs) == sorted(set(xs))
    assert len(set(ys)) == 1
    assert positions["h3"][1] > ys[0]


def test_no_two_hosts_share_a_place():
    data = story()
    # A fan-out: sixty targets of SRV7, each a path of its own through WS042.
    for number in range(60):
        host, hop, path = (copy.deepcopy(rows[0]) for rows in (data.hosts, data.hops, data.paths))
        host.id, hop.id, hop.key = f"t{number}", f"f{number}", f"f{number:04}"
        hop.source, hop.target = "h1", host.id
        path.rank, path.hops, path.hosts = 3 + number, ["e0", hop.id], ["h0", "h1", host.id]
        data.hosts.append(host)
        data.hops.append(hop)
        data.paths.append(path)
    places = list(network.draw(data).positions.values())
    assert len(places) == 65
    assert len(set(places)) == len(places)


def test_vis_network_has_numbers_for_ids_and_no_physics():
    data = story()
    made = network.vis_network(data, network.draw(data))
    assert [node["id"] for node in made["nodes"]] == [0, 1, 2, 3, 4]
    assert [edge["id"] for edge in made["edges"]] == [0, 1, 2, 3]
    assert {(edge["from"], edge["to"]) for edge in made["edges"]} == {(0, 1), (1, 2), (3, 4), (0, 3)}
    assert made["options"]["physics"] == {"enabled": False}
    assert all(isinstance(node["x"], int) and isinstance(node["y"], int) for node in made["nodes"])
    assert [node["shape"] for node in made["nodes"]] == ["dot", "square", "diamond", "triangle", "square"]


def test_labels_are_visible_and_short():
    data = story()
    made = network.vis_network(data, network.draw(data))
    assert [node["label"] for node in made["nodes"]][:3] == ["WS042", "SRV7", "DC1"]
    assert all(len(node["label"]) <= network.LABEL_LIMIT for node in made["nodes"])
    assert HOSTILE_HOST in made["nodes"][3]["title"]
    assert all(line.isprintable() for node in made["nodes"] for line in node["title"].split("\n"))


def test_parallel_edges_bend_apart():
    data = many(3)
    made = network.vis_network(data, network.draw(data))
    bends = [edge["smooth"]["roundness"] for edge in made["edges"] if (edge["from"], edge["to"]) == (0, 3)]
    assert len(set(bends)) == len(bends) == 4


def test_nothing_to_draw():
    drawing = network.draw(quiet())
    assert (drawing.hosts, drawing.edges, drawing.total) == ([], [], 0)


@pytest.mark.parametrize("seed", range(5))
def test_every_path_goes_rightwards_in_a_random_tree(seed):
    data = story()
    tree = nx.random_labeled_rooted_tree(30, seed=seed)
    directed = nx.bfs_tree(tree, tree.graph["root"])
    host, hop, path = data.hosts[0], data.hops[0], data.paths[0]
    data.hosts, data.hops, data.paths = [], [], []
    for node in sorted(directed):
        data.hosts.append(_with(host, id=f"n{node}"))
    for source, target in sorted(directed.edges):
        key = f"k{source}-{target}"
        data.hops.append(_with(hop, id=key, key=key, source=f"n{source}", target=f"n{target}"))
    leaves = sorted(node for node in directed if directed.out_degree(node) == 0)
    for rank, leaf in enumerate(leaves, 1):
        chain = nx.shortest_path(directed, tree.graph["root"], leaf)
        hops = [f"k{source}-{target}" for source, target in pairwise(chain)]
        data.paths.append(
            _with(path, id=f"p{rank}", rank=rank, hops=hops, hosts=[f"n{node}" for node in chain])
        )
    positions = network.draw(data).positions
    for found in data.paths:
        xs = [positions[key][0] for key in found.hosts]
        assert xs == sorted(set(xs))
    assert len(set(positions.values())) == 30


def _with(row, **fields):
    changed = copy.deepcopy(row)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed
