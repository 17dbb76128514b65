"""What the report says of a hop, in words."""

from __future__ import annotations

from lmgraph import score
from lmgraph.report import evidence
from lmgraph.summary import Lookup
from tests.fixtures.story import story


def test_every_term_of_a_score_has_words():
    assert set(evidence.TERM) == {*score.WEIGHTS, *score.LINK_WEIGHTS, "suppressed"}


def test_term_of_another_version_shows_its_name():
    data = story()
    data.hops[0].score_terms = {"off_hours\x1b": 0.5}
    assert evidence.hop_view(Lookup(data), data.hops[0])["terms"] == [
        ["off hours\\x1b", "off_hours\\x1b", 0.5]
    ]


def test_blank_process_is_not_an_unknown_one():
    data = story()
    data.alerts[0].process, data.alerts[1].process = "", None
    alerts = evidence.hop_view(Lookup(data), data.hops[0])["alerts"]
    assert [alert["process"] for alert in alerts] == ["", None]


def test_suppressed_hop_says_by_what():
    data = story()
    data.hops[0].suppressed, data.hops[0].suppressed_by = True, "backup"
    assert evidence.hop_view(Lookup(data), data.hops[0])["suppressed"] == "backup"
    assert evidence.hop_view(Lookup(data), data.hops[1])["suppressed"] is None


def test_silence_of_a_host_without_sensor_is_said():
    data = story()
    host = evidence.host_view(Lookup(data), "h3")
    assert (host["managed"], host["role"], host["telemetry"]) == (False, "role unknown", [])
    assert ["Sensor", "none known"] in host["facts"]
