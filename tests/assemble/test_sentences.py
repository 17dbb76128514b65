"""What is said of a path, hop by hop."""

from __future__ import annotations

import copy

from lmgraph import result as r
from lmgraph.assemble.sentences import path_why
from tests.fixtures.story import story

NAMES = {"h0": "WS042", "h1": "SRV7", "h2": "DC1"}
USERS = {"u0": "CORP\\alice", "u1": "CORP\\adm"}


def why(link: r.LinkRow, **second: str | None) -> list[str]:
    """The lines of the story's first path with that link, which differs in its second hop."""
    first, then = copy.deepcopy(story().hops[:2])
    for name, value in second.items():
        setattr(then, name, value)
    return path_why([first, then], [link], NAMES, USERS)


def link(certainty: float = 0.75, **terms: float) -> r.LinkRow:
    return r.LinkRow(from_="e0", to="e1", gap_s=1500.0, certainty=certainty, score_terms=terms)


def test_the_account_that_goes_on_is_named_with_the_one_that_came():
    lines = why(link(credential_switch=2.0), target_user=None, credential="CORP\\svc_sql")
    assert "from SRV7 it goes on as CORP\\svc_sql instead of CORP\\adm" in lines


def test_an_account_that_nobody_saw_is_another_one():
    lines = why(link(credential_switch=2.0), target_user=None, credential=None, source_user=None)
    assert "from SRV7 it goes on as another account instead of CORP\\adm" in lines


def test_nothing_is_said_of_a_link_without_terms():
    assert [line.partition(" as ")[0] for line in why(link())] == ["WS042 → SRV7", "SRV7 → DC1"]


def test_a_step_that_has_other_causes_says_so():
    said = "the step out of SRV7 may have other causes, or may have begun there"
    assert said in why(link(0.4))
    assert said not in why(link(0.5))
