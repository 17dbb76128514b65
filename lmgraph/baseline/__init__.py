"""The baseline: what earlier runs saw of hosts, accounts and paths, kept so that one day's data has a past.

Everything in it is keyed by content, so that merging is a union of sets: of uses (a pair of hosts,
an account, a day, and the hours of it), of days read, of path scores, of names, and of what is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from lmgraph import frames
from lmgraph.names import content_key
from lmgraph.settings import DAY_US, HOUR_US, Settings

I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]

SCHEMA: Final = "lmgraph/baseline/1"
KEEP_DAYS: Final = 90
LEAST_DAYS: Final = 7  # fewer hold no history that counts
MOST_ROWS: Final = 4_000_000  # of the tables with days; at some 9 bytes each in the file
MOST_NAMES: Final = 1_000_000
NAME_LIMIT: Final = 256  # characters of a name; a hostile one may be of any length

HOST, ACCOUNT, PROCESS = "host", "account", "process"
#: What the codes of a column of frame USES stand for; in a baseline the entity's key takes their place.
ENTITY_OF: Final[dict[str, str]] = {
    "source": HOST,
    "target": HOST,
    "user": ACCOUNT,
    "process": PROCESS,
}
KINDS: Final = tuple(dict.fromkeys(ENTITY_OF.values()))

#: A row per day and whatever else frame USES tells apart; key 0 is unknown. ``hours`` has a bit for
#: each hour of the UTC day with a use.
USES: Final[frames.Spec] = {
    "day": "int32",  # since 1970
    **{
        name: "uint64" if name in ENTITY_OF else kind
        for name, kind in frames.USES.items()
        if name != "time_us"
    },
    "hours": "int32",
}
#: When hops began: to tell a burst, and what comes back at regular intervals.
HOPS: Final[frames.Spec] = {
    "day": "int32",
    "first_us": "int64",
    **{name: "uint64" for name in frames.EARLIER if name in ENTITY_OF},
    "mere": "bool",
}
#: Paths by content key, with the score in thousandths and the UTC day on which each began.
PATHS: Final[frames.Spec] = {"day": "int32", "key": "uint64", "score": "int64"}
#: Pairs of hosts left out on a day, for an incident: what any other part knows of them then goes.
LEFT: Final[frames.Spec] = {"day": "int32", "source": "uint64", "target": "uint64"}
#: Under which settings (``scoring_key``) the paths of a day were scored; more than one if it was read so.
SCORED: Final[frames.Spec] = {"day": "int32", "key": "uint64"}
#: Names of the entities in USES, for people.
NAMES: Final[frames.Spec] = {"kind": "str", "key": "uint64", "name": "str"}


TABLES: Final = ("uses", "hops", "paths", "left", "scored", "names")  # attributes of a Baseline

DAILY: Final = ("uses", "hops", "paths", "left", "scored")  # of them, those with days
_NOTHING: Final[Mapping[str, object]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How much a baseline holds; ``contacts`` are pairs that only talked, ``pairs`` are all."""

    days: int
    hosts: int
    accounts: int
    pairs: int
    contacts: int
    uses: int
    hops: int
    paths: int


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What is remembered: frames USES, HOPS, PATHS, LEFT, SCORED and NAMES, sorted, without repeats.

    Attributes:
        days: UTC days since 1970 that were read, that is on which enough sensors spoke, ascending.
        sha256: Of the file that it was read from.
    """

    uses: pd.DataFrame
    hops: pd.DataFrame
    paths: pd.DataFrame
    left: pd.DataFrame
    scored: pd.DataFrame
    names: pd.DataFrame
    days: I64
    sha256: str | None = None

    @cached_property
    def counts(self) -> Counts:
        """How much there is of everything."""
        pairs = self.uses[["source", "target"]].drop_duplicates()
        moved = self.uses.loc[self.uses["moved"], ["source", "target"]].drop_duplicates()
        return Counts(
            days=len(self.days),
            hosts=len(_keys_in(self.uses, HOST)),
            accounts=len(_keys_in(self.uses, ACCOUNT)),
            pairs=len(pairs),
            contacts=len(pairs) - len(moved),
            uses=len(self.uses),
            hops=len(self.hops),
            paths=len(self.paths),
        )

    def usual(self, most: int) -> list[tuple[int, str, str, str | None]]:
        """Movements used on the most days: days, source, target, account; by name where they are equal."""
        by = ["source", "target", "user"]
        moved = self.uses.loc[self.uses["moved"], ["day", *by]].drop_duplicates()
        names = {(kind, key): name for kind, key, name in self.names.itertuples(index=False)}

        def name(column: str, key: int) -> str:
            return str(names.get((ENTITY_OF[column], key), f"{key:016x}"))

        counted = moved.groupby(by).size().reset_index(name="days")
        # A name costs more than a comparison: only of those that can be among the first.
        least = counted["days"].nlargest(most).min()
        counted = counted[counted["days"] >= least]
        rows = [
            (days, name("source", source), name("target", target), name("user", user) if user else None)
            for source, target, user, days in counted.itertuples(index=False)
        ]
        return sorted(rows, key=lambda row: (-row[0], row[1], row[2], row[3] or ""))[:most]

    def since(self, oldest: int) -> Baseline:
        """What is not older than that day."""
        daily = {name: getattr(self, name) for name in DAILY}
        daily = {name: table[table["day"] >= oldest].reset_index(drop=True) for name, table in daily.items()}
        names = _in_use(self.names, daily["uses"], daily["left"])
        return Baseline(**daily, names=names, days=self.days[self.days >= oldest])

    def uses_for(self, keys: Mapping[str, U64]) -> pd.DataFrame:
        """Frame USES in a run's codes: each use once, at the last moment of its first hour of the day.

        So it is never taken for earlier than it was, and a count of days needs no later hour. When in
        the day an account is used does: for that there is, without hosts, its first use in each hour
        of the day. (A row for each hour of each use would be up to 24 times as many, and say the same.)
        Entities that the run does not know get codes beyond its own: a known source's targets of that
        time count, whoever they were.

        Args:
            keys: Of each kind of entity, the run's keys by code.
        """
        columns = self._coded(self.uses, [name for name in frames.USES if name != "time_us"], keys)
        hours, day_us = self.uses["hours"].to_numpy(np.int64), self.uses["day"].to_numpy(np.int64) * DAY_US
        first_hour = np.frexp(hours & -hours)[1].astype(np.int64) - 1  # the lowest bit
        columns["time_us"] = day_us + (first_hour + 1) * HOUR_US - 1
        by_hour: dict[str, list[npt.NDArray[np.generic]]] = {"user": [], "time_us": []}
        for hour in range(24):
            used = np.flatnonzero((hours >> hour & 1 == 1) & (columns["user"] >= np.int32(0)))
            users, first = np.unique(columns["user"][used], return_index=True)  # uses ascend by day
            by_hour["user"].append(users)
            by_hour["time_us"].append(day_us[used[first]] + (hour + 1) * HOUR_US - 1)
        added = {name: np.concatenate(parts) for name, parts in by_hour.items()}
        none = {"source": -1, "target": -1, "process": -1, "tool": False, "moved": False, "executed": False}
        size = added["user"].size
        added |= {name: np.full(size, value, columns[name].dtype) for name, value in none.items()}
        return frames.make(
            {name: np.concatenate([columns[name], added[name]]) for name in frames.USES}, frames.USES
        )

    def hops_for(self, keys: Mapping[str, U64]) -> pd.DataFrame:
        """Frame EARLIER in a run's codes; ``keys`` as for ``uses_for``, whose codes are the same."""
        return frames.make(dict(self._coded(self.hops, list(frames.EARLIER), keys)), frames.EARLIER)

    def _coded(
        self, table: pd.DataFrame, names: list[str], keys: Mapping[str, U64]
    ) -> dict[str, npt.NDArray[np.generic]]:
        """Columns of the table, with codes for the keys of entities."""
        columns = {name: table[name].to_numpy() for name in names}
        for kind in {ENTITY_OF[name] for name in names if name in ENTITY_OF}:
            strangers = np.union1d(_keys_in(self.uses, kind), _keys_in(self.hops, kind))
            index = _Codes(keys[kind], strangers)
            columns |= {name: index.of(columns[name]) for name in names if ENTITY_OF.get(name) == kind}
        return columns

    def scored_otherwise(self, key: int) -> int:
        """On how many days paths were scored under other settings than those of this ``scoring_key``."""
        return int(self.scored.loc[self.scored["key"] != np.uint64(key), "day"].nunique())

    def p_values(self, keys: U64, scores: I64) -> npt.NDArray[np.float64]:
        """Share of the baseline's paths that score at least as high as each path, in (0, 1].

        ``(k + 1) / (n + 1)`` over the other paths: one that is itself in the baseline does not count,
        whatever it scored there, or reading a day again would change what is rare on it.
        """
        ranked = np.sort(self.paths["score"].to_numpy(np.int64))
        above = ranked.size - np.searchsorted(ranked, scores)
        own_keys, own_scores = self.paths["key"].to_numpy(np.uint64), self.paths["score"].to_numpy(np.int64)
        by_key = np.argsort(own_keys, kind="stable")
        place = np.searchsorted(own_keys, keys, side="right", sorter=by_key) - 1
        own = np.append(by_key, -1)[place]  # of those before the first, the −1
        itself = (own >= 0) & (np.append(own_keys, np.uint64(0))[own] == keys)
        itself_above = itself & (np.append(own_scores, 0)[own] >= scores)
        return np.asarray((above - itself_above + 1) / (ranked.size - itself + 1), np.float64)


def empty() -> Baseline:
    """A baseline that remembers nothing."""
    return make()


def make(
    uses: Mapping[str, object] = _NOTHING,
    hops: Mapping[str, object] = _NOTHING,
    paths: Mapping[str, object] = _NOTHING,
    left: Mapping[str, object] = _NOTHING,
    scored: Mapping[str, object] = _NOTHING,
    names: Mapping[str, object] = _NOTHING,
    days: Sequence[int] = (),
) -> Baseline:
    """A baseline of columns in any order, with repeats: uses add up their hours, paths keep the best score.

    Uses and hops of what is left out go. Of two spellings of one name the shorter one is kept, then the
    one that sorts first.
    """
    gone, under = _distinct(left, LEFT), _distinct(scored, SCORED)
    use_table = _without(frames.make(dict(uses), USES), gone)
    hop_table, name_table = frames.make(dict(hops), HOPS), frames.make(dict(names), NAMES)
    length = name_table["name"].str.len()
    best = name_table.assign(length=length).sort_values(["kind", "key", "length", "name"])
    best = best.drop_duplicates(["kind", "key"])[list(NAMES)]
    return Baseline(
        uses=_union(use_table, "hours", np.bitwise_or),
        hops=_union(_without(hop_table, gone), "mere", np.logical_and),
        paths=_union(frames.make(dict(paths), PATHS), "score", np.maximum),
        left=gone,
        scored=under,
        names=_in_use(best, use_table, gone),
        days=np.unique(np.asarray(days, np.int64)),
    )


def scoring_key(settings: Settings, assets_sha256: str | None, tuning_sha256: str | None) -> int:
    """Names what the scores of paths depend on, beside the records and the program."""
    spans = (settings.window_us, settings.max_gap_us, settings.skew_us)
    tuning = (tuning_sha256 or "", str(settings.default_tuning))
    return int(content_key("scoring", settings.rules, *map(str, spans), assets_sha256 or "", *tuning), 16)


def merge(*parts: Baseline) -> Baseline:
    """All of them together; associative, commutative and idempotent.

    But for one thing: of a name whose uses are all left out, another spelling may come back.
    """
    if not parts:
        return make()

    def all_of(name: str) -> dict[str, object]:
        table = pd.concat([getattr(part, name) for part in parts], ignore_index=True)
        return {str(column): table[column] for column in table}

    days = np.concatenate([part.days for part in parts]).tolist()
    return make(**{name: all_of(name) for name in TABLES}, days=days)


def cleared(whole: Baseline, of: pd.DataFrame) -> Baseline:
    """The baseline, which leaves out those pairs on those days (frame LEFT) no longer."""
    return replace(whole, left=_without(whole.left, of))


def left_by(whole: Baseline, more: Baseline) -> int:
    """How many uses the baseline loses by what ``more`` leaves out."""
    return len(whole.uses) - len(_without(whole.uses, more.left))


def record(uses: pd.DataFrame, keys: Mapping[str, U64]) -> dict[str, npt.NDArray[np.generic]]:
    """Columns of the baseline's USES out of a run's frame USES.

    Args:
        uses: Frame USES of ``lmgraph.frames``.
        keys: Of each kind of entity, the run's keys by code.
    """
    time_us = uses["time_us"].to_numpy(np.int64)
    columns = _keyed(uses, [name for name in frames.USES if name != "time_us"], keys)
    columns["day"] = (time_us // DAY_US).astype(np.int32)
    columns["hours"] = np.left_shift(1, time_us % DAY_US // HOUR_US).astype(np.int32)
    return columns


def record_hops(earlier: pd.DataFrame, keys: Mapping[str, U64]) -> dict[str, npt.NDArray[np.generic]]:
    """Columns of the baseline's HOPS out of a run's frame EARLIER; ``keys`` as in ``record``."""
    columns = _keyed(earlier, list(frames.EARLIER), keys)
    columns["day"] = (earlier["first_us"].to_numpy(np.int64) // DAY_US).astype(np.int32)
    return columns


def _keyed(
    table: pd.DataFrame, names: list[str], keys: Mapping[str, U64]
) -> dict[str, npt.NDArray[np.generic]]:
    """Columns of the table, with keys for the codes of entities."""
    columns: dict[str, npt.NDArray[np.generic]] = {name: table[name].to_numpy() for name in names}
    for name, kind in ENTITY_OF.items():
        if name in columns:  # the code −1 finds the last
            columns[name] = np.append(keys[kind], np.uint64(0))[columns[name].astype(np.int64)]
    return columns


class _Codes:
    """The codes of one kind of entity: those of the run, then those that only the baseline knows."""

    def __init__(self, own: U64, remembered: U64) -> None:
        strange = np.setdiff1d(remembered, own)
        keys = np.concatenate([own, strange])
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]

    def of(self, keys: npt.NDArray[np.generic]) -> npt.NDArray[np.int32]:
        """Code of each key, −1 of the key 0."""
        if not self._keys.size:
            return np.full(keys.size, -1, np.int32)
        place = np.minimum(np.searchsorted(self._keys, keys), self._keys.size - 1)
        return np.where(keys == np.uint64(0), -1, self._order[place]).astype(np.int32)


def _keys_in(table: pd.DataFrame, kind: str) -> U64:
    """Keys of the entities of a kind in frame USES or HOPS, ascending, without 0."""
    names = [name for name, of in ENTITY_OF.items() if of == kind and name in table]
    columns: list[U64] = [np.empty(0, np.uint64), *(table[name].to_numpy(np.uint64) for name in names)]
    return np.setdiff1d(np.concatenate(columns), np.zeros(1, np.uint64))


def _union(table: pd.DataFrame, value: str, join: np.ufunc) -> pd.DataFrame:
    """The table sorted by all columns but one, which is joined over rows that are else the same."""
    by = [str(name) for name in table if name != value]
    columns = {name: table[name].to_numpy() for name in [*by, value]}
    order = np.lexsort([columns[name] for name in reversed(by)])
    columns = {name: values[order] for name, values in columns.items()}
    new = np.ones(len(table), bool)
    if len(table):
        new[1:] = np.any([columns[name][1:] != columns[name][:-1] for name in by], axis=0)
        columns[value] = join.reduceat(columns[value], np.flatnonzero(new))
    kept = {name: columns[name] if name == value else columns[name][new] for name in map(str, table)}
    return pd.DataFrame(kept)


def _distinct(columns: Mapping[str, object], spec: frames.Spec) -> pd.DataFrame:
    """A frame of the spec, sorted and free of repeats."""
    return frames.make(dict(columns), spec).drop_duplicates().sort_values(list(spec), ignore_index=True)


def _without(table: pd.DataFrame, left: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table with day, source and target that are none of those."""
    near = np.flatnonzero(np.isin(table["day"], left["day"].unique()))
    if not near.size:
        return table
    by = list(LEFT)
    rows = pd.MultiIndex.from_frame(table[by].iloc[near])
    gone = near[rows.isin(pd.MultiIndex.from_frame(left[by]))]
    return table.drop(index=table.index[gone]).reset_index(drop=True)


def _in_use(names: pd.DataFrame, uses: pd.DataFrame, left: pd.DataFrame) -> pd.DataFrame:
    """The names of what the uses, or what is left out, speak of: the first ``MOST_NAMES``."""
    used = np.zeros(len(names), bool)
    for kind in KINDS:
        of_kind = (names["kind"] == kind).to_numpy()
        keys = np.union1d(_keys_in(uses, kind), _keys_in(left, kind))
        used |= of_kind & np.isin(names["key"], keys)
    return names[used][:MOST_NAMES].reset_index(drop=True)
