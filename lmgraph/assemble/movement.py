"""Rows of hops, paths, incidents and unplaced witnesses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from lmgraph import result
from lmgraph.assemble.coverage import Inputs
from lmgraph.assemble.entities import Entities, Sightings
from lmgraph.assemble.sentences import missing_types, missing_why, path_why
from lmgraph.schema import ALERT_TYPES, OUTCOMES, SEVERITIES, SIDES, STAGES, AlertType, Side, Stage
from lmgraph.settings import SECOND_US, iso
from lmgraph.witness import Row

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
        inputs: Numbers of inputs.
        alert_ids: Ids of the reported alerts, by their code.
        telemetry: What each host's sensor told.
    """

    def __init__(
        self,
        analysis: Analysis,
        entities: Entities,
        inputs: Inputs,
        alert_ids: Mapping[int, str],
        telemetry: Mapping[int, Sightings],
    ) -> None:
        self._analysis = analysis
        self._entities = entities
        self._inputs = inputs
        self._alert_ids = alert_ids
        self._telemetry = telemetry
        self._names = {row.id: row.name for row in entities.host_rows()}
        self._user_names = {row.id: row.name for row in entities.user_rows()}

    def hop_rows(self) -> list[result.HopRow]:
        """All hops, in the order of time and key."""
        table = self._analysis.hops
        members: dict[int, list[tuple[Row, float, int]]] = {}
        rows = self._analysis.findings.rows.at(table.members["row"].to_numpy())
        hop_share_alert = table.members[["hop", "share", "alert"]].itertuples(index=False)
        for row, (hop, share, alert) in zip(rows, hop_share_alert, strict=True):
            members.setdefault(hop, []).append((row, share, alert))
        users: dict[int, set[int]] = {}
        for hop, user in table.users[["hop", "user"]].itertuples(index=False):
            users.setdefault(hop, set()).add(user)
        columns = _records(table.hops)
        return [
            self._hop_row(place, columns[place], members.get(place, []), users.get(place, set()))
            for place in range(len(columns))
        ]

    def path_rows(
        self, hops: Sequence[result.HopRow]
    ) -> tuple[list[result.PathRow], list[result.IncidentRow]]:
        """All paths and incidents, in order of rank."""
        table = self._analysis.paths
        links = {int(link["to"]): self._link_row(link, hops) for link in _records(table.links)}
        paths = [self._path_row(place, row, hops, links) for place, row in enumerate(_records(table.paths))]
        incidents = [
            self._incident_row(place, row, hops) for place, row in enumerate(_records(table.incidents))
        ]
        return paths, incidents

    def unplaced_rows(self) -> list[result.UnplacedRow]:
        """Witnesses that no hop took, in the order of time."""
        rows = self._analysis.findings.rows
        settings = self._analysis.settings
        out = []
        for place, reason, candidates in self._analysis.hops.unplaced[
            ["row", "reason", "candidates"]
        ].itertuples(index=False):
            row = rows[place]
            if settings.since_us is not None and row.time_us < settings.since_us:
                continue
            if settings.until_us is not None and row.time_us >= settings.until_us:
                continue
            out.append(
                result.UnplacedRow(
                    time=iso(row.time_us),
                    host=self._entities.host(row.host),
                    user=self._entities.user(row.user),
                    stage=cast("Stage", row.stage),
                    kind=row.kind,
                    object=row.object,
                    reason=reason,
                    candidates=[f"e{hop}" for hop in sorted(candidates)],
                    origin=self._inputs.origin(row.origin),
                )
            )
        return out

    def _hop_row(
        self, place: int, hop: dict[str, Any], members: Sequence[tuple[Row, float, int]], users: set[int]
    ) -> result.HopRow:
        rows = [(row, share) for row, share, _ in members]
        alerts = sorted({alert for _, _, alert in members if alert >= 0})
        types: list[AlertType] = [
            kind for bit, kind in enumerate(ALERT_TYPES) if int(hop["alert_types"]) >> bit & 1
        ]
        stages = _stages(int(hop["stages"]))
        host, user = self._entities.host, self._entities.user
        credential = user(hop["credential"])
        terms = {name: int(values[place]) for name, values in self._analysis.terms.items() if values[place]}
        row = result.HopRow(
            id=f"e{place}",
            key=f"{int(hop['key']):016x}",
            first=iso(hop["first_us"]),
            last=iso(hop["last_us"]),
            evidence_first=iso(hop["evidence_first_us"]),
            evidence_last=iso(hop["evidence_last_us"]),
            source=host(hop["source"]) or "",
            target=host(hop["target"]) or "",
            users=_by_number(user(code) for code in users),
            source_user=user(hop["source_user"]),
            target_user=user(hop["target_user"]),
            credential=self._user_names[credential] if credential else None,
            alert_types=types,
            missing=missing_types(types),
            missing_why={},
            stages=stages,
            full_chain=bool(hop["full_chain"]),
            outcome=OUTCOMES[hop["outcome"]],
            outcome_at=iso(hop["outcome_us"]) if hop["outcome_us"] >= 0 else None,
            denied=int(hop["denied"]),
            target_visibility=self._visibility(hop),
            suppressed=bool(hop["suppressed"]),
            score=sum(terms.values()) / 1000,
            score_terms={name: value / 1000 for name, value in terms.items()},
            certainty=round(float(hop["certainty"]), 6),
            alternatives=self._alternatives(rows),
            techniques=["T1021.002", *(["T1569.002"] if stages["execution"] else [])],
            alerts=[self._alert_ids[code] for code in alerts],
            corroboration=self._corroboration(rows),
            suppressed_by=min((one.suppressed_by for one, _ in rows if one.suppressed_by), default=None)
            if hop["suppressed"]
            else None,
        )
        source = self._analysis.identity.hosts.all[hop["source"]]
        kernel = any(one.stage == "connection" and one.side == "source" and not one.opens for one, _ in rows)
        row.missing_why = missing_why(row, source_managed=source.managed, kernel=kernel)
        return row

    def _visibility(self, hop: dict[str, Any]) -> Literal["full", "partial", "none"]:
        """Whether the target's own sensor could have told of the hop; a table holds alerts alone."""
        seen = self._telemetry.get(hop["target"], {})
        sensors = [(first, last) for source, (first, last, _) in seen.items() if source != "table"]
        if any(
            first <= hop["evidence_last_us"] and last >= hop["evidence_first_us"] for first, last in sensors
        ):
            return "full"
        return "partial" if seen else "none"

    def _alternatives(self, rows: Sequence[tuple[Row, float]]) -> list[result.Alternative]:
        best: dict[tuple[int, int], float] = {}
        for row, _ in rows:
            for source, target, share in row.alternatives:
                best[source, target] = max(best.get((source, target), 0.0), share)
        made = [
            result.Alternative(
                source=self._entities.host(source) or "",
                target=self._entities.host(target) or "",
                certainty=round(share, 6),
            )
            for (source, target), share in best.items()
        ]
        return sorted(made, key=lambda one: (-one.certainty, int(one.source[1:]), int(one.target[1:])))

    def _corroboration(self, rows: Sequence[tuple[Row, float]]) -> list[result.Corroboration]:
        """Witnesses that are no alert of the hop; what one record repeats is one row with a count."""
        groups: dict[tuple[Any, ...], list[tuple[Row, float]]] = {}
        for row, share in rows:
            if row.alert < 0:
                place = (row.stage, row.side, row.kind, row.host, row.user, row.object, row.denied, share)
                groups.setdefault(place, []).append((row, share))
        made = []
        for group in groups.values():
            row, share = min(group, key=lambda one: (one[0].time_us, one[0].origin))
            made.append(
                result.Corroboration(
                    time=iso(row.time_us),
                    stage=cast("Stage", row.stage),
                    side=cast("Side", row.side),
                    kind=row.kind,
                    host=self._entities.host(row.host),
                    user=self._entities.user(row.user),
                    object=row.object,
                    result="denied" if row.denied else "success",
                    count=len(group),
                    origin=self._inputs.origin(row.origin),
                    certainty=round(share * row.certainty, 6),
                )
            )
        return sorted(
            made, key=lambda one: (one.time, one.stage, one.side, one.kind, one.object or "", one.host or "")
        )

    def _link_row(self, link: dict[str, Any], hops: Sequence[result.HopRow]) -> result.LinkRow:
        terms = {name: int(link[name]) / 1000 for name in _LINK_TERMS if link[name]}
        return result.LinkRow(
            from_=hops[link["from"]].id,
            to=hops[link["to"]].id,
            gap_s=int(link["gap_us"]) / SECOND_US,
            certainty=round(float(link["certainty"]), 6),
            score_terms=terms,
        )

    def _path_row(
        self,
        place: int,
        row: dict[str, Any],
        hops: Sequence[result.HopRow],
        links: Mapping[int, result.LinkRow],
    ) -> result.PathRow:
        chain = [hops[hop] for hop in row["hops"]]
        chain_links = [links[hop] for hop in row["hops"][1:]]
        hosts = [chain[0].source, *(hop.target for hop in chain)]
        user = self._entities.user(row["causal_user"])
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
            why=path_why(chain, chain_links, self._names, self._user_names),
            causal_user=self._user_names[user] if user else None,
        )

    def _reaches(self, hops: Sequence[int], end: str) -> list[str]:
        """The targets that matter most: domain controllers and critical hosts, else where it ends."""
        codes = [int(self._analysis.hops.hops["target"].iloc[hop]) for hop in hops]
        hosts = self._analysis.identity.hosts.all
        grave = [
            code
            for code in codes
            if hosts[code].role == "dc" or (hosts[code].criticality or "").casefold() in _GRAVE_CRITICALITY
        ]
        return [self._entities.host(code) or "" for code in grave] or [end]

    def _incident_row(
        self, place: int, row: dict[str, Any], hops: Sequence[result.HopRow]
    ) -> result.IncidentRow:
        members = [hops[hop] for hop in row["hops"]]
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
            origin_hosts=_by_number(self._entities.host(code) for code in row["origins"]),
            hosts=_by_number(end for hop in members for end in (hop.source, hop.target)),
            users=_by_number(user for hop in members for user in hop.users),
            hops=[hop.id for hop in members],
            paths=[f"p{path}" for path in row["paths"]],
            credential_switches=int(row["credential_switches"]),
            first=iso(row["first_us"]),
            last=iso(row["last_us"]),
            related=[f"i{other}" for other in row["related"]],
        )


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame, each by column name."""
    return cast("list[dict[str, Any]]", frame.to_dict("records"))


def _stages(bits: int) -> dict[str, list[Side]]:
    """From which sides each stage was seen; bit = stage × 3 + side."""
    return {
        stage: cast("list[Side]", [side for s, side in enumerate(SIDES) if bits >> (number * 3 + s) & 1])
        for number, stage in enumerate(STAGES)
    }


def _by_number(names: Any) -> list[str]:
    return sorted({name for name in names if name}, key=lambda name: int(name[1:]))
