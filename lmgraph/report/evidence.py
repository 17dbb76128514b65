"""What the report shows of paths, hops, hosts and edges, as plain data for the page.

Every text is made visible here, once; the page only puts it into text nodes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from lmgraph import advice, summary
from lmgraph.report.network import Drawing, Edge
from lmgraph.result import AlertRow, Corroboration, HopRow, PathRow, ResultData
from lmgraph.rows import Rows, batches, column, take
from lmgraph.schema import OUTCOMES, STAGES
from lmgraph.summary import Lookup
from lmgraph.text import visible

ALERT_CAP: Final = 40  # per hop; the rest is counted and stays in the JSON
WITNESS_CAP: Final = 20
HOP_CAP: Final = 20  # per edge, those on paths apart: an agent may connect every minute for a month

TECHNIQUE: Final = {
    "T1021.002": "T1021.002 SMB/Windows Admin Shares",
    "T1569.002": "T1569.002 Service Execution",
    "T1053.005": "T1053.005 Scheduled Task",
}
# What a term of a score says, in few words; one that is not here shows its own name.
TERM: Final[Mapping[str, str]] = {
    "prior": "most such hops are ordinary",
    "full_chain": "execution, share and connection together",
    "execution": "a remote execution was seen",
    "executed": "code is proved to have run",
    "share": "an admin share was used",
    "accessed": "a share is proved to have been opened",
    "connection": "a process connected to port 445",
    "new_source": "the source never moved before",
    "new_account": "the account never moved before",
    "new_process": "this program never spoke SMB before",
    "new_pair": "these hosts never did so before",
    "first_execution": "the source never ran anything elsewhere before",
    "new_tool": "the source never used a tool from there before",
    "new_user_target": "the account was new on the target",
    "new_user_source": "the account was new on the source",
    "masquerade": "a system process's name from elsewhere",
    "renamed": "a renamed tool",
    "fan_out": "many targets in a short time",
    "surge": "more targets within two hours than ever before",
    "fan_out_unproved": "many targets in a short time (short history)",
    "role_jump": "out of or into a controller, or down to a workstation",
    "off_hours": "an hour of the day unusual for the account",
    "new_credential": "a credential that is new on the source was given",
    "explicit_credential": "another account's credential was given",
    "routine": "this source does so on many days",
    "known_pair": "these hosts did so on many days",
    "known_user_target": "the account did so on many days",
    "known_user_source": "the account acts from here on many days",
    "many_targets_daily": "this source reaches many targets daily",
    "meets_new": "this source meets new targets day after day",
    "periodic": "connections at regular intervals",
    "suppressed": "allow-listed by the tuning",
    "entered_then_moves": "a host just entered starts to move",
    "entered_then_moves_unproved": "a host just entered moves on (short history)",
    "credential_switch": "the account changes on the way",
    "left_before_entry": "it moved on before it was entered",
    "doubt": "other hops may have led here, too",
}


def page_data(data: ResultData, names: Lookup, drawing: Drawing) -> dict[str, Any]:
    """The page's data block: ``paths``, ``hops``, ``edges``, ``hosts``; they refer to each other by index.

    Hops are those of the paths and of the drawn edges, made when they are looked at; ``nodes`` and
    ``edges`` of a path hold ``None`` where a limit left one out of the picture. ``company`` are the nodes
    of its incident.
    """
    on_paths = {names.hops.place(key) for path in data.paths for key in path.hops}
    of_edges = [_first_hops(edge, on_paths) for edge in drawing.edges]
    wanted = sorted(on_paths.union(*of_edges))
    node_number = {host: index for index, host in enumerate(drawing.hosts)}
    hop_number = {place: index for index, place in enumerate(wanted)}

    def make(indices: Sequence[int]) -> list[dict[str, Any]]:
        hops = take(data.hops, [wanted[index] for index in indices])
        names.alerts.hold(key for hop in hops for key in hop.alerts[:ALERT_CAP])
        ends = [[node_number.get(hop.source), node_number.get(hop.target)] for hop in hops]
        return [{**hop_view(names, hop), "nodes": nodes} for hop, nodes in zip(hops, ends, strict=True)]

    return {
        "paths": _paths(data, names, drawing, node_number, hop_number),
        "hops": Rows(len(wanted), make),
        "edges": _edges(data, names, drawing, of_edges, hop_number),
        "hosts": [host_view(names, host) for host in drawing.hosts],
        "total": drawing.total,
    }


def _paths(
    data: ResultData,
    names: Lookup,
    drawing: Drawing,
    node_number: Mapping[str, int],
    hop_number: Mapping[int, int],
) -> list[dict[str, Any]]:
    edge_of = {
        place: index
        for index, edge in enumerate(drawing.edges)
        if edge.rank is not None
        for place in edge.hops
        if place in hop_number
    }
    incident_number = {row.id: number for number, row in enumerate(data.incidents)}
    company = {
        row.id: [node_number[host] for host in row.hosts if host in node_number] for row in data.incidents
    }
    views: list[dict[str, Any]] = []
    for paths in batches(data.paths):
        names.hold(paths)
        for path in paths:
            places = [names.hops.place(key) for key in path.hops]
            views.append(
                {
                    **path_view(names, path),
                    "nodes": [node_number.get(host) for host in path.hosts],
                    "hops": [hop_number[place] for place in places],
                    "edges": [edge_of.get(place) for place in places],
                    "incident": incident_number[path.incident],
                    "company": company[path.incident],
                }
            )
    return views


def _edges(
    data: ResultData,
    names: Lookup,
    drawing: Drawing,
    of_edges: Sequence[Sequence[int]],
    hop_number: Mapping[int, int],
) -> list[dict[str, Any]]:
    outcomes = column(data.hops, "outcome")
    incident_of: list[int | None] = [None] * len(data.hops)
    for number, row in enumerate(data.incidents):
        for key in row.hops:
            incident_of[names.hops.place(key)] = number
    return [
        {
            "title": f"{names.host(edge.source)} → {names.host(edge.target)}",
            "user": names.user(edge.user) if edge.user else "account unknown",
            "on_path": edge.rank is not None,
            "incidents": sorted({incident_of[place] for place in edge.hops} - {None}),
            "outcome": max({outcomes[place] for place in edge.hops}, key=OUTCOMES.index),
            "hops": [hop_number[place] for place in shown],
            "more_hops": len(edge.hops) - len(shown),
        }
        for edge, shown in zip(drawing.edges, of_edges, strict=True)
    ]


def _first_hops(edge: Edge, on_paths: Collection[int]) -> list[int]:
    """The edge's hops on paths and its first others, in time order."""
    others = {*[place for place in edge.hops if place not in on_paths][:HOP_CAP]}
    return [place for place in edge.hops if place in on_paths or place in others]


def path_view(names: Lookup, path: PathRow) -> dict[str, Any]:
    """One path: chain, figures, reasons, links, next steps."""
    return {
        "rank": path.rank,
        "title": names.chain(path),
        "severity": path.severity,
        "score": path.score,
        "outcome": path.outcome,
        "meaning": summary.OUTCOME_MEANING[path.outcome],
        "certainty": f"{path.certainty:.2f}",
        "doubts": summary.doubts(names, path),
        "when": summary.when(path.first, path.last),
        "accounts": summary.several(names.accounts(path)) or "account unknown",
        "reaches": summary.several(names.reaches(path)),
        "why": [visible(reason, 1000) for reason in path.why],
        "next": advice.on_path(names, path),
        "links": [
            {
                "gap": summary.duration(link.gap_s),
                "certainty": summary.certainty(link.certainty),
                "terms": _terms(link.score_terms),
            }
            for link in path.links
        ],
    }


def hop_line(names: Lookup, hop: HopRow) -> dict[str, Any]:
    """One hop as a row of a table: when, where, who, how far, by which alerts."""
    return {
        "time": summary.exact(hop.first),
        "ends": f"{names.host(hop.source)} → {names.host(hop.target)}",
        "user": names.user(hop.source_user) if hop.source_user else "account unknown",
        "outcome": hop.outcome,
        "alerts": summary.alerts_of(hop),
        "score": hop.score,
    }


def hop_view(names: Lookup, hop: HopRow) -> dict[str, Any]:
    """One hop with its evidence: alerts, further witnesses, what is missing and why, score terms."""
    hidden_alerts, hidden_witnesses = len(hop.alerts) - ALERT_CAP, len(hop.corroboration) - WITNESS_CAP
    return {
        "source": names.host(hop.source),
        "target": names.host(hop.target),
        "first": summary.exact(hop.first),
        "span": summary.span(hop.first, hop.last),
        "says": summary.hop_sentence(names, hop),
        "accounts": _accounts(names, hop),
        "types": list(hop.alert_types),
        "techniques": [TECHNIQUE.get(key, visible(key)) for key in hop.techniques],
        "outcome": hop.outcome,
        "outcome_at": summary.exact(hop.outcome_at) if hop.outcome_at else None,
        "denied": hop.denied,
        "visibility": hop.target_visibility,
        "suppressed": visible(hop.suppressed_by or "the tuning file") if hop.suppressed else None,
        "score": hop.score,
        "terms": _terms(hop.score_terms),
        "certainty": summary.certainty(hop.certainty),
        "alternatives": summary.alternatives(names, hop.alternatives),
        "stages": [[stage, ", ".join(hop.stages.get(stage, []))] for stage in STAGES],
        "missing": [[kind, visible(hop.missing_why.get(kind, "not seen"), 300)] for kind in hop.missing],
        "alerts": [_alert(names, names.alerts[key]) for key in hop.alerts[:ALERT_CAP]],
        "more_alerts": max(0, hidden_alerts),
        "witnesses": [_witness(names, row) for row in hop.corroboration[:WITNESS_CAP]],
        "more_witnesses": max(0, hidden_witnesses),
    }


def host_view(names: Lookup, key: str) -> dict[str, Any]:
    """One host: role, addresses with their times, what its sensors told."""
    host = names.hosts[key]
    return {
        "name": visible(host.name, 200),
        "role": summary.ROLE_NAME[host.role],
        "managed": host.managed,
        "facts": [
            ["Domain", visible(host.domain) if host.domain else "unknown"],
            ["Sensor", ", ".join(visible(aid) for aid in host.aids[:6]) if host.managed else "none known"],
            ["Criticality", visible(host.criticality) if host.criticality else "not given"],
            ["Owner", visible(host.owner) if host.owner else "not given"],
        ],
        "addresses": [
            [
                visible(row.ip),
                f"{_clock(row.from_, 'start')} to {_clock(row.to, 'end')}",
                f"{visible(row.by)}, certainty {row.certainty:.2f}",
            ]
            for row in host.addresses[:20]
        ],
        "telemetry": [
            f"{visible(row.source)}: {summary.number(row.records, 'record')}, "
            f"{summary.clock(row.first)} to {summary.clock(row.last)}"
            for row in host.telemetry
        ],
    }


def _accounts(names: Lookup, hop: HopRow) -> list[list[str]]:
    rows = [
        ["acted on the source", names.user(hop.source_user) if hop.source_user else "unknown"],
        ["seen on the target", names.user(hop.target_user) if hop.target_user else "unknown"],
    ]
    return rows + ([["explicit credential", visible(hop.credential, 80)]] if hop.credential else [])


def _terms(terms: Mapping[str, float]) -> list[list[Any]]:
    """``[meaning, name, value]``, the greatest value first."""
    order = sorted(terms.items(), key=lambda item: (-item[1], item[0]))
    return [[TERM.get(name, visible(name).replace("_", " ")), visible(name), value] for name, value in order]


def _alert(names: Lookup, row: AlertRow) -> dict[str, Any]:
    peer = f"{row.remote_ip}:{row.remote_port}" if row.remote_ip and row.remote_port else row.remote_ip
    return {
        "time": summary.exact(row.time),
        "clock": "the endpoint's clock" if row.time_basis == "sensor" else "the cloud's clock",
        "type": row.alert_type,
        "process": _shown(row.process),
        "parent": _shown(row.parent_process),
        "user": names.user(row.user) if row.user else None,
        "host": names.host(row.host),
        "peer": _shown(peer),
        "command": visible(row.command_line) if row.command_line is not None else None,
        "redacted": row.redacted,
        "flags": [visible(flag) for flag in row.flags],
        "copies": row.copies,
        "origin": names.origin(row.origin),
    }


def _witness(names: Lookup, row: Corroboration) -> dict[str, Any]:
    return {
        "time": summary.exact(row.time),
        "stage": row.stage,
        "side": row.side,
        "kind": visible(row.kind),
        "host": names.host(row.host),
        "user": names.user(row.user) if row.user else None,
        "object": _shown(row.object),
        "result": row.result,
        "count": row.count,
        "origin": names.origin(row.origin),
    }


def _clock(time: str | None, open_end: str) -> str:
    return summary.clock(time) if time else open_end


def _shown(text: str | None) -> str | None:
    return None if text is None else visible(text, 300)
