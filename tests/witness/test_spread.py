"""Commands to a file of hosts or to all of them, resolved from the connections that follow."""

from __future__ import annotations

from types import SimpleNamespace

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from lmgraph.schema import Origin
from lmgraph.settings import Settings
from lmgraph.witness.rows import FOLLOWS, spread
from lmgraph.witness.table import Row, Witnesses

WINDOW = 10
PLACES = st.tuples(st.sampled_from([0, 9, 10, 11, 20]), st.integers(0, 1), st.integers(-1, 3))
CERTAINTIES = st.sampled_from([0.25, 0.5, 1.0])


def row(place: int, time_us: int, source: int, target: int, stage: str, certainty: float) -> Row:
    return Row(
        key=place,
        time_us=time_us,
        source=source,
        target=target,
        stage=stage,
        side="source" if place % 5 else "target",
        opens=True,
        proves="attempted",
        kind="x",
        origin=Origin("p", place),
        of=place,
        alert=-1 if place % 7 == 3 else place,
        certainty=certainty,
    )


@example([((0, 0, -1), "execution", 1.0), ((10, 0, 1), "connection", 1.0)])
@given(st.lists(st.tuples(PLACES, st.sampled_from(["execution", "connection"]), CERTAINTIES), max_size=14))
def test_as_a_look_at_every_connection_does(drawn: list[tuple[tuple[int, int, int], str, float]]) -> None:
    rows = [row(place, *ends, stage, sure) for place, (ends, stage, sure) in enumerate(drawn)]
    alerts = [SimpleNamespace(targets=(3,)) for _ in rows]
    expected: list[Row] = []
    targets = []
    for one in rows:
        after = [
            other
            for other in rows
            if other.stage == "connection" and other.side == "source" and other.source == one.source
            if other.target >= 0 and one.time_us <= other.time_us < one.time_us + WINDOW
        ]
        met = sorted({other.target for other in after}) if one.target < 0 and one.alert >= 0 else []
        targets.append({3, *met})
        expected += [
            msgspec.structs.replace(
                one,
                target=target,
                certainty=max(other.certainty * FOLLOWS for other in after if other.target == target),
            )
            for target in met
        ] or [one]
    assert list(spread(Witnesses.of(rows), alerts, Settings(window_us=WINDOW))) == expected
    assert [sorted(alert.targets) for alert in alerts] == [sorted(known) for known in targets]
