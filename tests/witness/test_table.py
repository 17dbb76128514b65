"""Witness rows as columns: what goes in comes out, in any order, one by one and many at once."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lmgraph.schema import ALERT_TYPES, OUTCOMES, SIDES, STAGES, Origin
from lmgraph.witness.table import BATCH, Row, Witnesses, distinct

CODE = st.integers(-1, 3)
TEXT = st.sampled_from([None, "", "a", "A", "\ud800", "nan"])
ROWS = st.builds(
    Row,
    key=st.integers(0, 2**64 - 1),
    time_us=st.integers(-(2**62), 2**62),
    stage=st.sampled_from(STAGES),
    side=st.sampled_from(SIDES),
    proves=st.sampled_from(OUTCOMES),
    alert_type=st.sampled_from([None, *ALERT_TYPES]),
    kind=st.sampled_from(["x", "4624"]),
    origin=st.builds(Origin, path=st.just("p"), record=st.integers(1, 9)),
    **dict.fromkeys(("source", "target", "of", "alert", "source_user", "target_user", "credential"), CODE),
    **dict.fromkeys(("host", "user"), CODE),
    **dict.fromkeys(("opens", "denied", "renamed", "masquerade"), st.booleans()),
    **dict.fromkeys(("process", "process_path", "object", "suppressed_by"), TEXT),
    certainty=st.floats(0.01, 1),
    reach_us=st.sampled_from([2**62, 90]),
    alternatives=st.lists(st.tuples(CODE, CODE, st.floats(0.01, 1)), max_size=2).map(tuple),
)


@given(st.lists(ROWS, max_size=8), st.data())
def test_rows_come_out_as_they_went_in(rows: list[Row], data: st.DataObject) -> None:
    table = Witnesses.of(rows)
    assert len(table) == len(rows)
    assert list(table) == [table[place] for place in range(len(rows))] == table[:] == rows
    assert table[1:-1] == rows[1:-1]
    places = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=9)) if rows else []
    chosen = [rows[place] for place in places]
    assert table.at(places) == list(table.take(np.array(places, np.int64))) == chosen


@given(st.lists(ROWS, max_size=8))
def test_the_order_is_that_of_time_and_content(rows: list[Row]) -> None:
    ordered = sorted(rows, key=lambda row: (row.time_us, row.key, row.source, row.target))
    assert list(Witnesses.of(rows).in_order()) == ordered


def test_more_rows_than_are_objects_at_once() -> None:
    rows = [
        Row(number, number, 0, 1, "share", "target", True, "accessed", "x", Origin("p", number))
        for number in range(2 * BATCH + 3)
    ]
    assert list(Witnesses.of(iter(rows))) == rows


@given(st.lists(st.tuples(CODE, TEXT, st.booleans()), max_size=20))
def test_distinct_rows_are_numbered_as_they_come(rows: list[tuple[int, str | None, bool]]) -> None:
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    first, number = distinct(
        np.array(columns[0], np.int32), np.fromiter(columns[1], object), np.array(columns[2], np.bool_)
    )
    known = {row: place for place, row in enumerate(dict.fromkeys(rows))}
    assert number.tolist() == [known[row] for row in rows]
    assert first.tolist() == [rows.index(row) for row in known]
