"""Many times at once are written as one is."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lmgraph.assemble.times import isos, isos_or_none
from lmgraph.settings import iso, parse_time

TIMES = st.integers(parse_time("0001-01-01"), parse_time("9999-12-31T23:59:59.999999"))


@given(st.lists(TIMES))
def test_as_one_by_one(times):
    assert isos(np.array(times, np.int64)) == isos(times) == [iso(time_us) for time_us in times]


@given(st.lists(TIMES | st.none()))
def test_an_unknown_time_is_none(times):
    assert isos_or_none(times) == [None if time_us is None else iso(time_us) for time_us in times]
