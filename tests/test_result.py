"""The document is written in pieces, and the pieces are the document."""

from __future__ import annotations

import copy

import msgspec
import pytest

from lmgraph import result
from lmgraph.rows import BATCH, Rows
from tests.fixtures.story import pathless, quiet, story


def at_once(data):
    return msgspec.json.format(msgspec.json.encode(data), indent=1) + b"\n"


@pytest.mark.parametrize("make", [story, quiet, pathless])
def test_the_pieces_are_the_document(make):
    assert b"".join(result.chunks(make())) == at_once(make())


@pytest.mark.parametrize("count", [0, 1, BATCH - 1, BATCH, BATCH + 1, 2 * BATCH])
def test_batches_do_not_show(count):
    data = story()
    data.alerts = [copy.copy(data.alerts[0]) for _ in range(count)]
    for number, row in enumerate(data.alerts):
        row.id, row.command_line = f"a{number}", '"alerts": [\n  0\n ]\n} 例\u2028'
    whole = at_once(data)
    assert result.encode(data) == whole
    listed = data.alerts
    data.alerts = Rows(count, lambda places: [listed[place] for place in places])
    assert result.encode(data) == whole
    assert result.in_full(data) == result.decode(whole)


def test_every_piece_is_whole_text():
    for piece in result.chunks(story()):
        piece.decode()


def test_a_section_is_not_made_before_it_is_written():
    asked = []
    data = story()
    row = data.contacts[0]
    data.contacts = Rows(3 * BATCH, lambda places: asked.append(len(places)) or [row] * len(places))
    pieces = result.chunks(data)
    for piece in pieces:
        if b'"contacts"' in piece:
            break
    assert sum(asked) <= BATCH
    list(pieces)
    assert asked == [BATCH] * 3
