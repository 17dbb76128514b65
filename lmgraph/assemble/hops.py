"""Rows of hops, made when they are looked at: from the hop stage's tables and the witnesses behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from lmgraph import result
from lmgraph.assemble.entities import Entities, Sightings
from lmgraph.assemble.sentences import missing_types, missing_why
from lmgraph.assemble.times import isos
from lmgraph.rows import Rows
from lmgraph.schema import ALERT_TYPES, OUTCOMES, SIDES, STAGES, AlertType, Side, Stage
from lmgraph.witness import Row

if TYPE_CHECKING:
    from lmgraph.assemble import Analysis

I64 = npt.NDArray[np.int64]
_Visibility = Literal["full", "partial", "none"]
_Column = Callable[[I64], list[Any]]


class _Testimony(NamedTuple):
    """What the witnesses of one hop say: ``context`` are those that are no alerts, with their shares."""

    context: list[tuple[Row, float]]
    alternatives: list[tuple[int, int, float]]
    kernel: bool  # the source's kernel connected
    suppressed_by: str | None


def hop_rows(
    analysis: Analysis,
    codes: I64,
    entities: Entities,
    inputs: Mapping[str, int],
    telemetry: Mapping[int, Sightings],
) -> Rows[result.HopRow]:
    """All hops, in the order of time and key.

    Args:
        analysis: All tables.
        codes: Of the reported alerts, ascending.
        entities: Ids of hosts and accounts.
        inputs: Numbers of inputs by path.
        telemetry: What each host's sensor told.
    """
    maker = _Maker(analysis, codes, entities, inputs, telemetry)
    return Rows(len(analysis.hops.hops), maker.rows, maker.column)


class _Maker:
    """Makes any rows of the hops; see ``hop_rows``."""

    def __init__(
        self,
        analysis: Analysis,
        codes: I64,
        entities: Entities,
        inputs: Mapping[str, int],
        telemetry: Mapping[int, Sightings],
    ) -> None:
        self._entities = entities
        self._inputs = inputs
        self._witnesses = analysis.findings.rows
        self._managed = [host.managed for host in analysis.identity.hosts.all]
        self._hops = {name: values.to_numpy() for name, values in analysis.hops.hops.items()}
        self._terms = analysis.terms
        self._told = _Told(telemetry, len(self._managed))
        table, count = analysis.hops, len(analysis.hops.hops)
        self._member = _Grouped(table.members["hop"], [table.members["row"], table.members["share"]], count)
        listed = table.members[table.members["alert"] >= 0].drop_duplicates(["hop", "alert"])
        listed = listed.sort_values(["hop", "alert"])
        self._alert = _Grouped(listed["hop"], [np.searchsorted(codes, listed["alert"])], count)
        user = table.users["user"].to_numpy()
        by_number = np.lexsort((np.array(entities.user_places)[user], table.users["hop"]))
        self._user = _Grouped(table.users["hop"], [user[by_number]], count)
        self._plain = self._columns()

    def column(self, name: str, places: Sequence[int]) -> list[Any] | None:
        """One field of some hops, where it can be had without their witnesses."""
        make = self._plain.get(name)
        return None if make is None else make(np.asarray(places, np.int64))

    def rows(self, places: Sequence[int]) -> list[result.HopRow]:
        """The rows of some hops."""
        at = np.asarray(places, np.int64)
        plain = {name: make(at) for name, make in self._plain.items()}
        kinds = (self._hops[name][at].tolist() for name in ("alert_types", "stages", "source"))
        testimonies = list(self._testimonies(at))
        told = zip(
            testimonies,
            self._corroboration([testimony.context for testimony in testimonies]),
            self._scored(at),
            zip(*kinds, strict=True),
            strict=True,
        )
        return [
            result.HopRow(
                **dict(zip(plain, values, strict=True)),
                **_of_kind(types, stages, self._managed[source], testimony.kernel),
                score_terms=terms,
                alternatives=self._alternatives(testimony.alternatives),
                corroboration=corroboration,
                suppressed_by=testimony.suppressed_by,
            )
            for values, (testimony, corroboration, terms, (types, stages, source)) in zip(
                zip(*plain.values(), strict=True), told, strict=True
            )
        ]

    def _columns(self) -> dict[str, _Column]:
        """By name the fields of a hop that need no look at its witnesses."""
        hops, hosts, users = self._hops, self._entities.host_ids, self._entities.user_ids
        names: dict[str | None, str | None] = {None: None}
        names.update(self._entities.user_names)

        def host(column: str) -> _Column:
            return lambda at: [hosts[code] for code in hops[column][at].tolist()]

        def user(column: str) -> _Column:
            return lambda at: [users[code] for code in hops[column][at].tolist()]

        def time(column: str) -> _Column:
            return lambda at: isos(hops[f"{column}_us"][at])

        def same(column: str) -> _Column:
            return lambda at: cast("list[Any]", hops[column][at].tolist())

        def outcome_at(at: I64) -> list[Any]:
            since = hops["outcome_us"][at]
            return [shown if proved else None for shown, proved in zip(isos(since), since >= 0, strict=True)]

        return {
            "id": lambda at: [f"e{place}" for place in at.tolist()],
            "key": lambda at: [f"{key:016x}" for key in hops["key"][at].tolist()],
            **{name: time(name) for name in ("first", "last", "evidence_first", "evidence_last")},
            **{name: host(name) for name in ("source", "target")},
            "users": lambda at: [[users[code] for code in codes] for codes in self._user.of(at)[0]],
            **{name: user(name) for name in ("source_user", "target_user")},
            "credential": lambda at: [names[users[code]] for code in hops["credential"][at].tolist()],
            **{name: same(name) for name in ("full_chain", "denied", "suppressed")},
            "outcome": lambda at: [OUTCOMES[code] for code in hops["outcome"][at].tolist()],
            "outcome_at": outcome_at,
            "target_visibility": lambda at: self._told.visibility(*(hops[name][at] for name in _SEEN)),
            "score": lambda at: (self._thousandths(at).sum(axis=1) / 1000).tolist(),
            "certainty": lambda at: [round(value, 6) for value in hops["certainty"][at].tolist()],
            "alerts": lambda at: [[f"a{place}" for place in places] for places in self._alert.of(at)[0]],
        }

    def _testimonies(self, at: I64) -> Iterator[_Testimony]:
        """Of each hop what its witnesses say."""
        suppressed = self._hops["suppressed"][at].tolist()
        for places, shares, quiet in zip(*self._member.of(at), suppressed, strict=True):
            context: list[tuple[Row, float]] = []
            alternatives: list[tuple[int, int, float]] = []
            entries: list[str] = []
            kernel = False
            for place, share in zip(places, shares, strict=True):
                row = self._witnesses[place]
                if row.alert < 0:
                    context.append((row, share))
                    kernel |= row.stage == "connection" and row.side == "source" and not row.opens
                if row.alternatives:
                    alternatives += row.alternatives
                if quiet and row.suppressed_by:
                    entries.append(row.suppressed_by)
            yield _Testimony(context, alternatives, kernel, min(entries, default=None))

    def _thousandths(self, at: I64) -> I64:
        """The terms of some hops: one line per hop, in the order of the terms."""
        made: I64 = np.stack([values[at] for values in self._terms.values()], axis=1)
        return made

    def _scored(self, at: I64) -> list[dict[str, float]]:
        """The terms of some hops, those that are not 0."""
        names, thousandths = list(self._terms), self._thousandths(at)
        terms: list[dict[str, float]] = [{} for _ in range(len(at))]
        hop, term = np.nonzero(thousandths)
        values = thousandths[hop, term] / 1000
        for place, name, value in zip(hop.tolist(), term.tolist(), values.tolist(), strict=True):
            terms[place][names[name]] = value
        return terms

    def _alternatives(self, found: Sequence[tuple[int, int, float]]) -> list[result.Alternative]:
        """The other ends that the hop's witnesses fit, the surest first."""
        if not found:
            return []
        best: dict[tuple[int, int], float] = {}
        for source, target, share in found:
            best[source, target] = max(best.get((source, target), 0.0), share)
        places, ids = self._entities.host_places, self._entities.host_ids
        ranked = sorted(best, key=lambda ends: (-round(best[ends], 6), *map(places.__getitem__, ends)))
        return [
            result.Alternative(
                source=ids[source] or "", target=ids[target] or "", certainty=round(best[source, target], 6)
            )
            for source, target in ranked
        ]

    def _corroboration(self, hops: Sequence[Sequence[tuple[Row, float]]]) -> list[list[result.Corroboration]]:
        """The rows of each hop's witnesses that are no alerts of it, in the order of time."""
        groups = [_grouped(context) for context in hops]
        times = iter(isos([row.time_us for group in groups for row, _, _ in group]))
        made = [[self._witness(*one, next(times)) for one in group] for group in groups]
        for rows in made:
            if len(rows) > 1:
                rows.sort(key=_order)
        return made

    def _witness(self, row: Row, share: float, count: int, time: str) -> result.Corroboration:
        return result.Corroboration(
            time=time,
            stage=cast("Stage", row.stage),
            side=cast("Side", row.side),
            kind=row.kind,
            host=self._entities.host_ids[row.host],
            user=self._entities.user_ids[row.user],
            object=row.object,
            result="denied" if row.denied else "success",
            count=count,
            origin=result.OriginRow(input=self._inputs[row.origin.path], record=row.origin.record),
            certainty=round(share * row.certainty, 6),
        )


_SEEN: Final = ("target", "evidence_first_us", "evidence_last_us")


class _Told:
    """When the sensors of each host spoke.

    Args:
        telemetry: What each host's sensor told; a table holds alerts alone.
        count: How many hosts there are.
    """

    def __init__(self, telemetry: Mapping[int, Sightings], count: int) -> None:
        most = max((len(seen) for seen in telemetry.values()), default=0)
        self._seen = np.zeros(count, np.bool_)
        self._first = np.full((count, most), np.iinfo(np.int64).max)
        self._last = np.full((count, most), np.iinfo(np.int64).min)
        for host, seen in telemetry.items():
            self._seen[host] = True
            for place, (source, (first, last, _)) in enumerate(seen.items()):
                if source != "table":
                    self._first[host, place], self._last[host, place] = first, last

    def visibility(self, host: I64, begin: I64, end: I64) -> list[_Visibility]:
        """Whether a host's own sensor could have told of what happened there from begin to end."""
        spoke = (self._first[host] <= end[:, None]) & (self._last[host] >= begin[:, None])
        grade = np.where(spoke.any(axis=1), "full", np.where(self._seen[host], "partial", "none"))
        return cast("list[_Visibility]", grade.tolist())


class _Grouped:
    """Columns that are sorted by hop, and where each hop's part lies."""

    def __init__(self, hop: npt.ArrayLike, columns: Sequence[npt.ArrayLike], count: int) -> None:
        self._bounds = np.searchsorted(np.asarray(hop), np.arange(count + 1))
        self._columns = [np.asarray(column) for column in columns]

    def of(self, at: I64) -> list[list[list[Any]]]:
        """Of every column the parts of these hops."""
        starts, lengths = self._bounds[at], self._bounds[at + 1] - self._bounds[at]
        ends = np.cumsum(lengths)
        taken = np.arange(lengths.sum()) + np.repeat(starts - ends + lengths, lengths)
        bounds = list(zip((ends - lengths).tolist(), ends.tolist(), strict=True))
        flat = [column[taken].tolist() for column in self._columns]
        return [[values[start:end] for start, end in bounds] for values in flat]


def _grouped(context: Sequence[tuple[Row, float]]) -> list[tuple[Row, float, int]]:
    """The witnesses; of those that repeat one record the first, with their number."""
    if len(context) == 1:
        return [(*context[0], 1)]
    groups: dict[tuple[Any, ...], list[tuple[Row, float]]] = {}
    for row, share in context:
        place = (row.stage, row.side, row.kind, row.host, row.user, row.object, row.denied, share)
        groups.setdefault(place, []).append((row, share))
    return [
        (*(group[0] if len(group) == 1 else min(group, key=_when)), len(group)) for group in groups.values()
    ]


def _when(one: tuple[Row, float]) -> tuple[Any, ...]:
    return one[0].time_us, one[0].origin


def _order(row: result.Corroboration) -> tuple[str, ...]:
    return row.time, row.stage, row.side, row.kind, row.object or "", row.host or ""


@cache  # few differ; rows that say the same share it
def _of_kind(types: int, stages: int, source_managed: bool, kernel: bool) -> dict[str, Any]:  # noqa: FBT001
    """What follows from the bits of types and stages, the source's sensor and its kernel's connection."""
    present: list[AlertType] = [kind for bit, kind in enumerate(ALERT_TYPES) if types >> bit & 1]
    seen: dict[str, list[Side]] = {
        stage: [side for s, side in enumerate(SIDES) if stages >> (number * len(SIDES) + s) & 1]
        for number, stage in enumerate(STAGES)
    }
    return {
        "alert_types": present,
        "missing": missing_types(present),
        "missing_why": missing_why(present, seen, source_managed=source_managed, kernel=kernel),
        "stages": seen,
        "techniques": ["T1021.002", *(["T1569.002"] if seen["execution"] else [])],
    }
