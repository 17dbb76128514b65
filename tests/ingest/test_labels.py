"""Names of inputs: printable and never two alike."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from lmgraph.ingest.labels import apart, label

NAME = st.text(st.characters() | st.sampled_from("\\xuU0123abf!\n\x1b"), max_size=12)
ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8}))")


@given(NAME)
def test_a_label_can_be_read_back(name: str) -> None:
    shown = label(name)
    assert shown.isprintable()
    assert ESCAPE.sub(lambda found: chr(int("".join(filter(None, found.groups())), 16)), shown) == name


def test_what_is_no_escape_stays() -> None:
    assert label("C:\\x\\users!é") == "C:\\x\\users!é"
    assert label("a\\x0a") == "a\\x5cx0a"
    assert label("x" * 20, 10) == "x" * 9 + "…"


@given(st.sets(st.text("a!", min_size=1, max_size=4)), st.text("a!", min_size=1, max_size=4))
def test_no_file_is_named_like_a_member_of_another(names: set[str], member: str) -> None:
    paths = frozenset(names)
    final = [apart(path, paths) for path in names]
    assert len(set(final)) == len(names)
    assert not {f"{path}!{member}" for path in final} & set(final)
