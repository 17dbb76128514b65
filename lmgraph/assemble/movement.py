"""Rows of paths and incidents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, cast

from lmgraph import result
from lmgraph.assemble.entities import Entities, sorted_ids
from lmgraph.assemble.sentences import path_why
from lmgraph.rows import BATCH, Rows
from lmgraph.schema import OUTCOMES, SEVERITIES
from lmgraph.settings import SECOND_US, iso

if TYPE_CHECKING:
    import pandas as pd

    from lmgraph.assemble import Analysis

_LINK_TERMS: Final = ("entered_then_moves", "credential_switch", "left_before_entry", "doubt")
_GRAVE_CRITICALITY: Final = frozenset({"high", "critical", "crown jewel", "tier0", "tier 0"})


class MovementWriter:
    """Writes what moved where, from the tables of the hop and path stages.

    Args:
        analysis: All tables.
        entities: Ids of hosts and accounts.
        hops: The rows of the hops.
    """

    def __init__(self, analysis: Analysis, entities: Entities, hops: Rows[result.HopRow]) -> None:
        self._analysis = analysis
        self._entities = entities
        self._hops = hops
        self._targets = analysis.hops.hops["target"].to_numpy()

    def path_rows(self) -> list[result.PathRow]:
        """All paths, in order of rank."""
        table = self._analysis.paths
        links = {int(link["to"]): self._link_row(link) for link in _records(table.links)}
        paths = _records(table.paths)
        made: list[result.PathRow] = []
        for start in range(0, len(paths), BATCH):
            batch = paths[start : start + BATCH]
            places = sorted({hop for row in batch for hop in row["hops"]})
            hops = dict(zip(places, self._hops.take(places), strict=True))
            made += [self._path_row(place, row, hops, links) for place, row in enumerate(batch, start)]
        return made

    def incident_rows(self) -> list[result.IncidentRow]:
        """All incidents, in order of rank."""
        rows = _records(self._analysis.paths.incidents)
        members = [hop for row in rows for hop in row["hops"]]
        columns = (self._hops.column(name, members) for name in ("source", "target", "users"))
        ends = iter(zip(*columns, strict=True))
        return [
            self._incident_row(place, row, list(islice(ends, len(row["hops"]))))
            for place, row in enumerate(rows)
        ]

    def _link_row(self, link: dict[str, Any]) -> result.LinkRow:
        terms = {name: int(link[name]) / 1000 for name in _LINK_TERMS if link[name]}
        return result.LinkRow(
            from_=f"e{link['from']}",
            to=f"e{link['to']}",
            gap_s=int(link["gap_us"]) / SECOND_US,
            certainty=round(float(link["certainty"]), 6),
            score_terms=terms,
        )

    def _path_row(
        self,
        place: int,
        row: dict[str, Any],
        hops: Mapping[int, result.HopRow],
        links: Mapping[int, result.LinkRow],
    ) -> result.PathRow:
        chain = [hops[hop] for hop in row["hops"]]
        chain_links = [links[hop] for hop in row["hops"][1:]]
        hosts = [chain[0].source, *(hop.target for hop in chain)]
        user = self._entities.user_ids[row["causal_user"]]
        return result.PathRow(
            id=f"p{place}",
            key=f"{int(row['key']):016x}",
            rank=place + 1,
            score=int(row["score"]) / 1000,
            severity=SEVERITIES[row["severity"]],
            p_value=self._analysis.p_values[place],
            certainty=round(float(row["certainty"]), 6),
            outcome=OUTCOMES[row["outcome"]],
            incident=f"i{row['incident']}",
            hops=[hop.id for hop in chain],
            links=chain_links,
            hosts=hosts,
            users=list(dict.fromkeys(name for hop in chain for name in hop.users)),
            credential_switches=int(row["credential_switches"]),
            reaches=self._reaches(row["hops"], hosts[-1]),
            first=iso(row["first_us"]),
            last=iso(row["last_us"]),
            why=path_why(chain, chain_links, self._entities.host_names, self._entities.user_names),
            causal_user=self._entities.user_names[user] if user else None,
        )

    def _reaches(self, hops: Sequence[int], end: str) -> list[str]:
        """The targets that matter most: domain controllers and critical hosts, else where it ends."""
        codes = self._targets[list(hops)].tolist()
        hosts = self._analysis.identity.hosts.all
        grave = [
            code
            for code in codes
            if hosts[code].role == "dc" or (hosts[code].criticality or "").casefold() in _GRAVE_CRITICALITY
        ]
        return [self._entities.host_ids[code] or "" for code in grave] or [end]

    def _incident_row(
        self, place: int, row: dict[str, Any], ends: Sequence[tuple[str, str, list[str]]]
    ) -> result.IncidentRow:
        """The row; ``ends`` are source, target and accounts of its hops."""
        entities = self._entities
        return result.IncidentRow(
            id=f"i{place}",
            key=f"{int(row['key']):016x}",
            rank=place + 1,
            score=int(row["score"]) / 1000,
            score_terms={
                "best_path": int(row["score"] - row["branches"]) / 1000,
                **({"branches": int(row["branches"]) / 1000} if row["branches"] else {}),
            },
            severity=SEVERITIES[row["severity"]],
            origin_hosts=sorted_ids(row["origins"], entities.host_places, entities.host_ids),
            hosts=_by_number({host for source, target, _ in ends for host in (source, target)}),
            users=_by_number({user for _, _, users in ends for user in users}),
            hops=[f"e{hop}" for hop in row["hops"]],
            paths=[f"p{path}" for path in row["paths"]],
            credential_switches=int(row["credential_switches"]),
            first=iso(row["first_us"]),
            last=iso(row["last_us"]),
            related=[f"i{other}" for other in row["related"]],
        )


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame, each by column name."""
    return cast("list[dict[str, Any]]", frame.to_dict("records"))


def _by_number(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: int(name[1:]))
