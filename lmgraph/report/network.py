"""The picture of the report: which edges are drawn, where hosts stand, and pyvis' network of them.

pyvis only holds nodes, edges and options; positions are computed here and physics is off, since
its simulation takes half a minute for 500 hosts. Ids are small integers: no text of the input
becomes a key in the page.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from lmgraph import summary
from lmgraph.result import HostRow, ResultData
from lmgraph.rows import column
from lmgraph.summary import Lookup
from lmgraph.text import visible

EDGE_CAP: Final = 1500  # above that a browser without a graphics card falls under 15 frames a second
LABEL_LIMIT: Final = 20  # characters of a host's name under its node

_COLUMN, _LANE = 230, 130  # distance of neighbours in the picture's own units
_GRID, _GRID_COLUMN, _GRID_LANE = 12, 130, 100  # hosts on no path stand in rows of twelve below
_SHAPE: Final = {"workstation": "dot", "server": "square", "dc": "diamond", None: "triangle"}


@dataclass(slots=True)
class Edge:
    """All hops from one host to another under one account.

    Attributes:
        source: Host id.
        target: Host id.
        user: Id of the account that acted on the source, ``None`` if unknown.
        hops: Places of the hops among all, in time order.
        rank: Best rank of a path that one of them is on, ``None`` if none is.
        score: Greatest score among them.
    """

    source: str
    target: str
    user: str | None
    hops: list[int] = field(default_factory=list)
    rank: int | None = None
    score: float = float("-inf")


@dataclass(frozen=True, slots=True)
class Drawing:
    """What the page draws: at most ``EDGE_CAP`` of ``total`` edges, and the hosts at their ends.

    ``hosts[i]`` is node ``i``, ``edges[i]`` edge ``i`` of the page; ``positions`` are per host id.
    """

    hosts: list[str]
    edges: list[Edge]
    total: int
    positions: dict[str, tuple[int, int]]


def draw(data: ResultData, cap: int = EDGE_CAP) -> Drawing:
    """Choose the edges to draw: those on paths by rank, then the others by score."""
    edges = _merge(data)
    chosen = sorted(edges, key=_importance)[:cap]
    ends = {host for edge in chosen for host in (edge.source, edge.target)}
    hosts = [row.id for row in data.hosts if row.id in ends]
    return Drawing(hosts, chosen, len(edges), _positions(data, hosts))


def vis_network(data: ResultData, drawing: Drawing) -> dict[str, Any]:
    """``nodes``, ``edges`` and ``options`` for vis-network, as pyvis gives them."""
    from pyvis.network import Network

    names = Lookup(data, limit=LABEL_LIMIT)
    number = {host: index for index, host in enumerate(drawing.hosts)}
    network = Network(directed=True)
    for host, index in number.items():
        row, (x, y) = names.hosts[host], drawing.positions[host]
        size = 24 if row.role == "dc" else 18
        network.add_node(
            index, label=names.host(host), title=_title(row), shape=_SHAPE[row.role], size=size, x=x, y=y
        )
    parallel: Counter[tuple[str, str]] = Counter()
    for index, edge in enumerate(drawing.edges):
        bend = 0.08 + 0.12 * parallel[edge.source, edge.target]
        parallel[edge.source, edge.target] += 1
        user = names.user(edge.user) if edge.user else "account unknown"
        title = f"{names.host(edge.source)} → {names.host(edge.target)}\n{user}"
        curve = {"enabled": True, "type": "curvedCW", "roundness": round(min(bend, 0.9), 2)}
        # A label of "" could not be cleared again later (vis-network keeps the old one).
        network.add_edge(
            number[edge.source], number[edge.target], id=index, title=title, label=" ", smooth=curve
        )
    network.set_options(json.dumps(_OPTIONS))
    nodes, edges, *_, options = network.get_network_data()
    return {"nodes": nodes, "edges": edges, "options": json.loads(options)}


def _merge(data: ResultData) -> list[Edge]:
    names = Lookup(data)
    ranks: dict[int, int] = {}
    for path in data.paths:
        for place in map(names.hops.place, path.hops):
            ranks[place] = min(path.rank, ranks.get(place, path.rank))
    edges: dict[tuple[str, str, str | None], Edge] = {}
    places = summary.in_time(data.hops, range(len(data.hops)))
    columns = (column(data.hops, name, places) for name in ("source", "target", "score"))
    for place, source, target, score, user in zip(places, *columns, _users(data, places), strict=True):
        key = (source, target, user)
        edge = edges.get(key)
        if edge is None:
            edge = edges[key] = Edge(*key)
        edge.hops.append(place)
        edge.score = max(edge.score, score)
        rank = ranks.get(place)
        if rank is not None:
            edge.rank = rank if edge.rank is None else min(rank, edge.rank)
    return list(edges.values())


def _users(data: ResultData, places: Sequence[int]) -> list[str | None]:
    """The account of each hop's edge: who acted on the source, else the first one known."""
    users: list[str | None] = column(data.hops, "source_user", places)
    unknown = [number for number, user in enumerate(users) if user is None]
    others = column(data.hops, "users", [places[number] for number in unknown])
    for number, known in zip(unknown, others, strict=True):
        users[number] = known[0] if known else None
    return users


def _importance(edge: Edge) -> tuple[bool, int, float]:
    return edge.rank is None, edge.rank or 0, -edge.score


def _positions(data: ResultData, hosts: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Column = hops from the first host of the best path that holds it, one lane per path."""
    drawn = set(hosts)
    cells: dict[str, tuple[int, int]] = {}
    lane = 0
    for path in data.paths:
        news = [host for host in path.hosts if host in drawn and host not in cells]
        column = -1
        for host in path.hosts:
            column = cells[host][0] if host in cells else column + 1
            if host in news:
                cells[host] = (column, lane)
        lane += bool(news)
    placed = {host: (column * _COLUMN, row * _LANE) for host, (column, row) in cells.items()}
    rest = [host for host in hosts if host not in placed]
    below = lane * _LANE + _LANE
    for index, host in enumerate(rest):
        placed[host] = (index % _GRID * _GRID_COLUMN, below + index // _GRID * _GRID_LANE)
    return placed


def _title(row: HostRow) -> str:
    sensor = "" if row.managed else ", no sensor"
    return f"{visible(row.name, 80)}\n{summary.ROLE_NAME[row.role]}{sensor}"


_OPTIONS: Final[dict[str, Any]] = {
    "physics": {"enabled": False},
    "layout": {"improvedLayout": False},
    "interaction": {"hover": True, "tooltipDelay": 150, "multiselect": False, "keyboard": False},
    "nodes": {"font": {"face": "system-ui, sans-serif", "size": 18}, "borderWidth": 2},
    "edges": {
        "arrows": {"to": {"enabled": True, "scaleFactor": 0.8}},
        "font": {"face": "system-ui, sans-serif", "size": 14, "align": "top", "vadjust": -3},
        "selectionWidth": 0,
        "hoverWidth": 1,
    },
}
