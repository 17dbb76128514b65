"""Rows that are made when somebody asks for them, so that a million of them take no memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import eq
from typing import Any, Final, TypeVar, overload

Row = TypeVar("Row")

BATCH: Final = 512  # rows that are alive at once while all are gone through; more are no faster


class Rows(Sequence[Row]):
    """A sequence whose rows exist while they are looked at; each look makes them anew.

    Args:
        count: How many there are.
        make: Makes the rows of some places, in that order; a pure function.
        column: Makes one field of the rows of some places without the rest, or answers ``None``.
    """

    def __init__(
        self,
        count: int,
        make: Callable[[Sequence[int]], list[Row]],
        column: Callable[[str, Sequence[int]], list[Any] | None] | None = None,
    ) -> None:
        self._count = count
        self._make = make
        self._column = column

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...
    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        places = range(self._count)[place]
        return self.take(places) if isinstance(places, range) else self._make([places])[0]

    def __iter__(self) -> Iterator[Row]:
        for batch in batches(self):
            yield from batch

    def __eq__(self, other: object) -> bool:
        """Whether a list, or other rows, hold equal ones."""
        if not isinstance(other, list | Rows):
            return NotImplemented
        return len(self) == len(other) and all(map(eq, self, other))

    __hash__ = None  # type: ignore[assignment]  # as a list's

    def take(self, places: Sequence[int]) -> list[Row]:
        """The rows of these places (0 … n - 1), in that order."""
        return self._make(places) if len(places) else []

    def column(self, name: str, places: Sequence[int]) -> list[Any]:
        """One field of the rows of these places."""
        found = None if self._column is None else self._column(name, places)
        return [getattr(row, name) for row in self.take(places)] if found is None else found


def batches(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """All rows in order, up to ``BATCH`` at a time."""
    for start in range(0, len(rows), BATCH):
        yield rows[start : start + BATCH]


def column(rows: Sequence[Any], name: str, places: Sequence[int] | None = None) -> list[Any]:
    """One field of the rows of these places, by default of all."""
    places = range(len(rows)) if places is None else places
    if isinstance(rows, Rows):
        return rows.column(name, places)
    return [getattr(rows[place], name) for place in places]


def take(rows: Sequence[Row], places: Sequence[int]) -> list[Row]:
    """The rows of these places, in that order."""
    return rows.take(places) if isinstance(rows, Rows) else [rows[place] for place in places]
