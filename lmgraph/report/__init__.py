"""The report: one self-contained page that opens offline and runs nothing of the input.

pyvis makes the network; the page around it is our own autoescaped template, with the
vis-network file that the pyvis wheel carries. A Content-Security-Policy lists the hashes of the
two scripts and the style sheet, so that nothing else runs even if an escape were wrong.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from lmgraph import advice, score, summary
from lmgraph.report import evidence, network
from lmgraph.result import ResultData
from lmgraph.rows import take
from lmgraph.schema import Severity
from lmgraph.summary import Lookup

if TYPE_CHECKING:
    from markupsafe import Markup

_VIS: Final = "templates/lib/vis-9.1.2/vis-network.min.js"
_SOURCE_MAP: Final = "//# sourceMappingURL="  # a developer console would ask for that file
_PIECE: Final = 1 << 16  # bytes that are written at once
_MEMBERS: Final = 64  # evidence is made for as many hops at once: a hop may have forty alerts of 8 KB
_FIRST_WARNINGS: Final = 4  # shown open; further ones behind a counted fold


def render(
    data: ResultData, *, top: int = summary.DEFAULT_TOP, min_severity: Severity = "informational"
) -> str:
    """The page as text, to be written as UTF-8; see ``chunks``."""
    return b"".join(chunks(data, top=top, min_severity=min_severity)).decode()


def chunks(
    data: ResultData, *, top: int = summary.DEFAULT_TOP, min_severity: Severity = "informational"
) -> Iterator[bytes]:
    """The page piece by piece; evidence is made while it is written.

    Args:
        data: The result.
        top: Paths listed at first (``summary.shown``); a button shows the others.
        min_severity: Least severity listed at first.
    """
    drawing = network.draw(data)
    names = Lookup(data)
    listed = [row.path for row in summary.shown(data, top, min_severity)]
    incidents = [row for row in data.incidents if row.id in {path.incident for path in listed}]
    view = evidence.page_data(data, names, drawing)
    script, style, vis = _own("app.js"), _own("app.css"), vis_script()
    warnings = summary.warnings(data)
    open_ = len(warnings) if len(warnings) <= _FIRST_WARNINGS + 1 else _FIRST_WARNINGS
    in_time = [] if data.paths else summary.hops_in_time(data, top)
    pieces = _template().generate(
        policy=policy([vis, script], style),
        style=_raw(style),
        vis=_raw(vis),
        script=_raw(script),
        network_data=script_json(network.vis_network(data, drawing)),
        page_data=_script_pieces(view),
        headline=_headline(names, data),
        read=summary.what_was_read(data),
        found=summary.what_was_found(data),
        figures=_figures(data),
        warnings=warnings[:open_],
        more_warnings=warnings[open_:],
        next_steps=advice.on_incidents(names, incidents) + summary.loose_ends(data),
        without_paths=summary.without_paths(data),
        hops_in_time=[evidence.hop_line(names, hop) for hop in in_time],
        all_hops=len(data.hops),
        severities=[(name, least / 1000) for least, name in score.THRESHOLDS],
        incidents=_incidents(names, data, view["paths"], {path.rank for path in listed}),
        paths=view["paths"],
        tables=_tables(view),
        listed=len(listed),
        top_score=max((path.score for path in data.paths), default=1.0),
        drawn=len(drawing.edges),
        edges=drawing.total,
        outcomes=summary.OUTCOME_MEANING,
        tool=f"{data.tool.name} {data.tool.version}",
    )
    yield from _encoded(pieces)


def _encoded(pieces: Iterable[str]) -> Iterator[bytes]:
    """The pieces of text, which are tiny, in larger ones."""
    held = io.BytesIO()
    for piece in pieces:
        held.write(piece.encode())
        if held.tell() >= _PIECE:
            yield held.getvalue()
            held = io.BytesIO()
    yield held.getvalue()


def _tables(view: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Each path with its hops."""
    for start in range(0, len(view["paths"]), _MEMBERS):
        paths = view["paths"][start : start + _MEMBERS]
        hops = iter(take(view["hops"], [index for path in paths for index in path["hops"]]))
        for path in paths:
            yield path, [next(hops) for _ in path["hops"]]


def _script_pieces(view: Mapping[str, Any]) -> Iterator[Markup]:
    """``script_json`` of the view, a few members at a time of what it lists."""
    opening = "{"
    for name, value in view.items():
        yield _raw(f'{opening}"{name}":')
        opening = ","
        if not isinstance(value, Sequence):
            yield script_json(value)
            continue
        yield _raw("[")
        for start in range(0, len(value), _MEMBERS):
            yield _raw(("," if start else "") + script_json(value[start : start + _MEMBERS])[1:-1])
        yield _raw("]")
    yield _raw("}")


def script_json(value: Any) -> Markup:
    """JSON that can stand in a ``script`` element: ASCII, and none of ``< > &`` as such.

    Raises:
        ValueError: A number that JSON has no notation for (NaN).
    """
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return _raw(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def policy(scripts: list[str], style: str) -> str:
    """The Content-Security-Policy that lets these scripts and this style sheet run, and nothing else."""
    allowed = " ".join(_hash(script) for script in scripts)
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_hash(style)}; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'; object-src 'none'; require-trusted-types-for 'script'"
    )


def vis_script() -> str:
    """vis-network as the pyvis wheel carries it, banner included, without its source-map line."""
    text = resources.files("pyvis").joinpath(_VIS).read_text(encoding="utf-8")
    return text.partition(_SOURCE_MAP)[0].rstrip() + "\n"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _own(name: str) -> str:
    return resources.files(__name__).joinpath(name).read_text(encoding="utf-8")


def _raw(text: str) -> Markup:
    """Text of this program (or JSON that ``script_json`` made safe) that must not be escaped."""
    from markupsafe import Markup

    return Markup(text)  # noqa: S704 - never text of the input


def _template() -> Any:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_own("page.html.j2"))


def _headline(names: Lookup, data: ResultData) -> str:
    """One sentence that says what happened; the page's first words."""
    if not data.paths and data.hops:
        count = summary.number(len(data.hops), "hop")
        return f"{count} between hosts, and no path: none scores above 0."
    if not data.paths:
        return "No lateral-movement path was found."
    best = data.paths[0]
    return f"Most suspicious: {names.chain(best)} ({best.severity}, {best.outcome})"


def _figures(data: ResultData) -> list[tuple[str, str]]:
    on_paths = {host for path in data.paths for host in path.hosts}
    accounts = {user for path in data.paths for user in path.users}
    firsts = [row.first for row in data.inputs if row.first]
    lasts = [row.last for row in data.inputs if row.last]
    return [
        ("Incidents", f"{len(data.incidents):,}"),
        ("Paths", f"{len(data.paths):,}"),
        ("Top score", f"{data.paths[0].score:.2f}" if data.paths else "none"),
        ("Hosts on paths", f"{len(on_paths):,} of {len(data.hosts):,}"),
        ("Accounts on paths", f"{len(accounts):,}"),
        ("Alerts", f"{data.coverage.alerts:,} of {data.coverage.records:,} records"),
        ("From (UTC)", summary.clock(min(firsts)) if firsts else "unknown"),
        ("To (UTC)", summary.clock(max(lasts)) if lasts else "unknown"),
    ]


def _incidents(
    names: Lookup, data: ResultData, paths: list[dict[str, Any]], listed: set[int]
) -> list[dict[str, Any]]:
    """The incidents in order of rank, each with the indices of its paths and those listed at first."""
    members: dict[str, list[int]] = {row.id: [] for row in data.incidents}
    for index, path in enumerate(data.paths):
        members[path.incident].append(index)
    return [
        {
            "rank": row.rank,
            "severity": row.severity,
            "score": row.score,
            "origin": summary.several([names.host(key) for key in row.origin_hosts], 3),
            "hosts": summary.number(len(row.hosts), "host"),
            "size": summary.number(len(row.paths), "path"),
            "related": summary.related(names, row),
            "paths": [(index, paths[index]) for index in members[row.id]],
            "listed": any(paths[index]["rank"] in listed for index in members[row.id]),
            "listed_paths": [index for index in members[row.id] if paths[index]["rank"] in listed],
        }
        for row in data.incidents
    ]
