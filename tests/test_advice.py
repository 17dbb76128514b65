"""What a responder is told to do next."""

from __future__ import annotations

import copy

from hypothesis import given
from hypothesis import strategies as st

from lmgraph import advice
from lmgraph.result import ResultData
from lmgraph.schema import SEVERITIES
from lmgraph.summary import Lookup
from tests.fixtures.story import harmful, story


def steps_of(data: ResultData) -> list[str]:
    return advice.on_incidents(Lookup(data), data.incidents)


def test_steps_follow_the_evidence():
    assert steps_of(story()) == [
        "Incident 1: isolate and examine WS042 (it starts there), SRV7 (code ran there).",
        "Incident 1: verify DC1 (attempted): no code is proved to have run.",
        "Incident 1: reset or watch the accounts that were used: CORP\\alice, CORP\\adm.",
        "Incident 1: collect logs from DC1: nothing here tells what happened there.",
    ]


def test_domain_controller_is_not_cut_off():
    data = story()
    data.hops[1].outcome = "executed"
    steps = steps_of(data)
    assert "Incident 1: examine without cutting off: DC1 (code ran there); a domain controller." in steps
    assert not any("isolate" in step and "DC1" in step for step in steps)
    assert not any("verify" in step for step in steps)


def test_host_that_it_moved_on_from_is_isolated_whatever_is_proved():
    data = story()
    data.hops[0].outcome = "accessed"
    steps = steps_of(data)
    assert steps[0].endswith("WS042 (it starts there), SRV7 (it moved on from there).")
    assert "verify DC1 (attempted):" in steps[1]


def test_what_the_tuning_sanctions_is_no_work():
    data = story()
    data.hops[1].suppressed = True
    assert "DC1" not in " ".join(steps_of(data))


def test_every_host_where_code_ran_counts_and_not_only_those_on_paths():
    data = story()
    for number in range(57):
        hop = copy.deepcopy(data.hops[0])
        hop.id, hop.target = f"x{number:02}", f"t{number}"
        data.hops.append(hop)
        data.hosts.append(copy.deepcopy(data.hosts[1]))
        data.hosts[-1].id, data.hosts[-1].name = f"t{number}", f"SRV{100 + number}"
        data.incidents[0].hops.append(hop.id)
    steps = steps_of(data)
    assert "and 53 more." in steps[0], "the origin and 58 hosts, six of them named"
    assert "Incident 1: go through all 58 hosts where code ran: `hops` of the incident in the JSON." in steps


def test_below_high_somebody_is_asked_and_nothing_cut_off():
    data = story()
    data.incidents[0].severity = data.paths[0].severity = "medium"
    data.hosts[0].owner = "desk\x1b"
    general = [
        "Look at the evidence before anything is cut off: none of this is of high severity.",
        "If it was expected and will come back, consider a tuning entry: lmgraph tune proposes some.",
    ]
    asked = "sk the owner of WS042 (desk\\x1b) and of CORP\\alice, CORP\\adm whether this was expected work."
    logs = "ollect logs from DC1: nothing here tells what happened there."
    assert steps_of(data) == [f"Incident 1: a{asked}", f"Incident 1: c{logs}", *general]
    assert advice.on_path(Lookup(data), data.paths[0]) == [f"A{asked}", f"C{logs}", *general]


def test_of_slight_incidents_the_first_alone_is_told_of():
    data = story()
    data.incidents[0].severity = "informational"
    steps = " ".join(steps_of(data))
    assert "Incident 1: ask" in steps
    assert "Incident 2" not in steps
    assert advice.on_incidents(Lookup(data), []) == []


def test_a_slight_path_of_a_grave_incident_is_no_slight_matter():
    data = story()
    data.paths[0].severity = "low"
    assert advice.on_path(Lookup(data), data.paths[0])[0].startswith("Isolate and examine WS042")
    data.incidents[0].severity = "medium"
    assert advice.on_path(Lookup(data), data.paths[0])[0].startswith("Ask the owner of WS042")


def test_further_grave_incidents_are_named_and_medium_ones_asked_about():
    data = story()
    for rank, severity in enumerate(("high", "high", "high", "high", "medium", "medium", "low"), 2):
        incident = copy.deepcopy(data.incidents[0])
        incident.rank, incident.severity = rank, severity
        data.incidents[rank - 1 :] = [incident]
    steps = steps_of(data)
    assert [step for step in steps if "isolate" in step][-1].startswith("Incident 3: ")
    assert steps[-2:] == [
        "Do the same for incidents 4, 5: high or above, too.",
        "Ask the owners of the hosts in incidents 6, 7 (medium) about that work.",
    ]


@given(st.text(), st.sampled_from(SEVERITIES))
def test_no_text_of_the_input_leaves_unescaped(text, severity):
    data = story()
    for row in (*data.hosts, *data.users):
        row.name = text
    for host in data.hosts:
        host.owner = text
    for hop in data.hops:
        hop.credential = text
    for graded in (*data.incidents, *data.paths):
        graded.severity = severity
    said = steps_of(data) + [step for path in data.paths for step in advice.on_path(Lookup(data), path)]
    assert said
    assert harmful("".join(said)) == set()
