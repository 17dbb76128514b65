"""One JSON object from bytes, strictly."""

from __future__ import annotations

import pytest

from lmgraph.errors import RecordError
from lmgraph.ingest.json_text import decode


def test_reads_an_object() -> None:
    assert decode(b'{"a": "1", "b": [1, {"c": null}], "n": 12345678901234567890123}') == {
        "a": "1",
        "b": [1, {"c": None}],
        "n": 12345678901234567890123,
    }


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b'{"a": ', "no valid JSON"),
        (b'{"a": NaN}', "no valid JSON"),
        (b'{"a": 1e400}', "no valid JSON"),
        (b'{"a": "\0"}', "no valid JSON"),
        (b'{"a": 1} x', "no valid JSON"),
        (b'{"a": "\\ud800", "b": NaN}', "no valid JSON"),
        (b'{"a": "\\u12"}', "no valid JSON"),
        (b"\0\0\0", "no valid JSON"),
        (b'{"a": "\xff"}', "invalid UTF-8"),
        (b'["a"]', "no JSON object"),
        (b"7", "no JSON object"),
        (b'{"a": ' * 10_000, "nested too deep"),
        (b'{"a": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", "nested too deep"),
        (b'{"b": "\\ud800", "a": ' + b"[" * 100_000, "nested too deep"),
        (b'{"a": 1, "a": 2}', "one key with two values"),
        (b'{"a": 1, "b": {"c": 1, "c" : 2}}', "one key with two values"),
        (b'{"a":"C:\\\\x","a":"D:\\\\x"}', "one key with two values"),
        (b'{"a" : "", "a"\t: ":\\\\"}', "one key with two values"),
        (b'{"a": 1, "a": 1}', None),
        (b'{"a":"C:\\\\x","b":"\\":"}', None),
        (b'{"a": "\\": \\": "}', None),
    ],
)
def test_what_is_refused(raw: bytes, reason: str | None) -> None:
    if reason is None:
        assert decode(raw)["a"]
        return
    with pytest.raises(RecordError, match=f"^{reason}$"):
        decode(raw)


def test_lone_surrogates_are_shown_and_pairs_kept() -> None:
    record = decode(b'{"a\\udc00": ["\\ud800x", {"b": "\\ud83d\\ude00"}], "c": 1}')
    assert record == {"a\\udc00": ["\\ud800x", {"b": "\N{GRINNING FACE}"}], "c": 1}
