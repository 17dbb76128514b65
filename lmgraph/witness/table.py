"""Witness rows as columns: 130 bytes a row; a row is an object only while somebody looks at it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, overload

import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd

from lmgraph.schema import ALERT_TYPES, OUTCOMES, SIDES, STAGES, Origin

ANY_REACH: Final = 2**62  # the window alone bounds it
BATCH: Final = 1024  # rows that are objects at once
Places = npt.NDArray[np.int64]


class Row(msgspec.Struct, frozen=True, gc=False):
    """One witness of one (source, target); codes are -1 where unknown. Times in microseconds UTC."""

    key: int  # the first 64 bits of the record's content key
    time_us: int
    source: int
    target: int
    stage: str
    side: str
    opens: bool
    proves: str
    kind: str
    origin: Origin
    of: int = -1  # index of the alert that it comes from
    alert: int = -1  # the same where the alert itself belongs to the hop
    alert_type: str | None = None
    denied: bool = False
    source_user: int = -1
    target_user: int = -1
    credential: int = -1
    certainty: float = 1.0
    process: str | None = None
    process_path: str | None = None
    object: str | None = None
    host: int = -1  # who recorded it
    user: int = -1
    renamed: bool = False
    masquerade: bool = False
    suppressed_by: str | None = None
    reach_us: int = ANY_REACH
    alternatives: tuple[tuple[int, int, float], ...] = ()


_TYPES: Final[Mapping[str, str]] = {
    "key": "uint64",
    "certainty": "float64",
    **dict.fromkeys(("time_us", "reach_us"), "int64"),
    **dict.fromkeys(("source", "target", "source_user", "target_user", "credential"), "int32"),
    **dict.fromkeys(("of", "alert", "host", "user"), "int32"),
    **dict.fromkeys(("stage", "side", "proves", "alert_type"), "int8"),
    **dict.fromkeys(("opens", "denied", "renamed", "masquerade"), "bool"),
    **dict.fromkeys(("kind", "origin", "process", "process_path", "object"), "object"),
    **dict.fromkeys(("suppressed_by", "alternatives"), "object"),
}
# Columns of positions in a list of texts; -1 is ``None``.
_CODED: Final[Mapping[str, tuple[str | None, ...]]] = {
    "stage": (*STAGES, None),
    "side": (*SIDES, None),
    "proves": (*OUTCOMES, None),
    "alert_type": (*ALERT_TYPES, None),
}
_CODED_FIELDS: Final = [(Row.__struct_fields__.index(name), texts) for name, texts in _CODED.items()]
_CODES: Final = {
    name: {text: code for code, text in enumerate(texts[:-1])} | {None: -1} for name, texts in _CODED.items()
}


class Witnesses(Sequence[Row]):
    """Rows, one array per field of ``Row``; ``stage``, ``side``, ``proves`` and ``alert_type`` are codes.

    Args:
        columns: All of equal length.
    """

    def __init__(self, columns: dict[str, npt.NDArray[Any]]) -> None:
        self.columns = columns

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Witnesses:
        """The table of the rows, in their order."""
        left = iter(rows)
        parts = [_arrays([])]
        while batch := list(islice(left, BATCH)):
            parts.append(_arrays(batch))
        return cls({name: np.concatenate([part[name] for part in parts]) for name in _TYPES})

    def __len__(self) -> int:
        return int(self.columns["key"].size)

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...
    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        places = range(len(self))[place]
        if isinstance(places, range):
            return self.at(places)
        values = [self.columns[name].item(places) for name in Row.__struct_fields__]
        for field, texts in _CODED_FIELDS:
            values[field] = texts[values[field]]
        return Row(*values)

    def __iter__(self) -> Iterator[Row]:
        for start in range(0, len(self), BATCH):
            yield from self[start : start + BATCH]

    def at(self, places: Sequence[int] | Places) -> list[Row]:
        """The rows of these places, in that order."""
        chosen = np.asarray(places, np.int64)
        listed = [self.columns[name][chosen].tolist() for name in Row.__struct_fields__]
        for field, texts in _CODED_FIELDS:
            listed[field] = [texts[code] for code in listed[field]]
        return [Row(*values) for values in zip(*listed, strict=True)]

    def take(self, places: Places) -> Witnesses:
        """The table of the rows of these places, in that order."""
        return Witnesses({name: values[places] for name, values in self.columns.items()})

    def in_order(self) -> Witnesses:
        """The table in the order of time, then content."""
        by = self.columns
        return self.take(np.lexsort((by["target"], by["source"], by["key"], by["time_us"])))


def distinct(*columns: npt.NDArray[Any]) -> tuple[Places, Places]:
    """For rows of several columns: the place of the first of each distinct one, and the number of each row.

    Distinct rows are numbered as they come.
    """
    number = np.zeros(columns[0].size, np.int64)
    for column in columns:
        codes, values = pd.factorize(column)
        number = pd.factorize(number * (len(values) + 1) + codes + 1)[0]
    return np.unique(number, return_index=True)[1], number


def _arrays(rows: Sequence[Row]) -> dict[str, npt.NDArray[Any]]:
    values = list(zip(*map(msgspec.structs.astuple, rows), strict=True)) or [()] * len(_TYPES)
    made = {}
    for name, column in zip(Row.__struct_fields__, values, strict=True):
        known = _CODES.get(name)
        given = [known[value] for value in column] if known else column
        made[name] = np.fromiter(given, np.dtype(_TYPES[name]), len(column))
    return made
