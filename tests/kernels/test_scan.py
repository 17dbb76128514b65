"""The byte scan: what the test of single lines says of each, at every place in a block, and never less."""

from __future__ import annotations

import gzip
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from lmgraph.ingest.blocks import LINE_LIMIT, Block
from lmgraph.ingest.lines import SHORTEST, Finder, LineTest
from lmgraph.kernels import scan
from lmgraph.rules.needed import Wants

ROOT = Path(__file__).resolve().parents[2]
SECOND = Wants(
    processes=frozenset({(None, "a", "9654914742974"), (None, "a", "12168621487068014576")}),
    logons=frozenset({(None, "a", "77")}),
    addresses=frozenset({"10.20.0.13", "10.1.1.1", "2001:db8::1"}),
    spans={("aid", "", "a"): ((0, 1),)},
)
PASSES = [(Wants.nothing(), False), (Wants.nothing(), True), (SECOND, False)]
# What makes a difference somewhere, to be put anywhere.
PIECES = [
    b'"event_simpleName":"ProcessRollup2"',
    b'"event_simpleName"',
    b"event_simpleName",
    rb"\"event_simpleName\":\"UserLogon\"",
    b'"#event_simpleName" : "Foo"',
    rb"\u0065",
    rb"\u0026",
    rb"\U0065",
    b"{",
    b'":{',
    b'\\\\": {',
    b'\\": {',
    b" {",
    b"[{",
    b"}",
    b'"',
    b"\\",
    b"445",
    b"4450",
    b'"RemotePort":"445"',
    rb"\"RemotePort\":\"445\"",
    b'"LPort": 445,',
    b"psexec.exe",
    b"PSEXESVC",
    b"NET.EXE",
    rb"\\net1.exe$",
    b"$",
    b"\r",
    b" ",
    b"\t",
    b"\x0b",
    b'"LocalAddressIP4":"10.1.1.1"',
    b'"LocalIP":"fe80::1"',
    b'"LocalAddressIP4":"10.20.0.13"',
    b"LocalIP",
    b"null",
    b"\x00",
    b"\xff",
    b"7",
    b'"TargetProcessId":"9654914742974"',
    b"12168621487068014576",
]


def raw_lines() -> list[bytes]:
    """Lines of the samples, a few of every event."""
    found: dict[bytes, list[bytes]] = {}
    for part in sorted(ROOT.glob("samples/fdr/data/*/*.gz")):
        for line in gzip.decompress(part.read_bytes()).splitlines():
            found.setdefault(line[:50], []).append(line)
    return [line for lines in found.values() for line in lines[:8]]


def mutated(line: bytes, chance: random.Random) -> bytes:
    """The line with things put in, taken out or changed."""
    out = bytearray(line)
    for _ in range(chance.choice([0, 1, 1, 2, 3, 5])):
        key = out.find(b"event_simpleName")
        near = key + chance.randrange(-4, 34) if key >= 4 and chance.random() < 0.4 else None
        at = chance.randrange(len(out) + 1) if near is None else min(near, len(out))
        what = chance.random()
        if what < 0.6:
            out[at:at] = chance.choice(PIECES)
        elif what < 0.85:
            del out[at : at + chance.randrange(12)]
        elif at < len(out):
            out[at] = chance.randrange(256)
    return bytes(out).replace(b"\n", b" ")


def found(
    lines: Sequence[bytes], test: LineTest, *, by_scan: bool, pad: int = 0, offset: int = 0
) -> list[list[int]]:
    """Rows of the candidates; lines begin ``pad`` bytes into the buffer, at ``offset`` of a stream."""
    data = b"\n".join(lines) + b"\n"
    begin = scan.SLACK + pad
    buffer = np.zeros(begin + len(data) + scan.SLACK, np.uint8)
    buffer[begin : begin + len(data)] = np.frombuffer(data, np.uint8)
    finder = Finder(test, by_scan=by_scan)
    block = Block(buffer, begin, begin + len(data), offset - begin, final=True)
    rows = []
    while begin < block.end:
        some, begin = finder.find(block, begin, block.end)
        rows += [[row[scan.BEGIN] - pad, row[scan.END] - pad, *row[scan.END + 1 :]] for row in some.tolist()]
    assert (finder.lines, finder.records) == (len(lines), sum(bool(line.strip()) for line in lines))
    return rows


def expected(lines: Sequence[bytes], test: LineTest) -> list[list[int]]:
    """The same, line by line, by what a candidate is said to be."""
    rows, at, records = [], scan.SLACK, 0
    for number, line in enumerate(lines):
        raw = line.strip()
        records += bool(raw)
        edge = number in (0, len(lines) - 1)
        candidate, repeats = (True, 0) if edge or raw[:1] != b"{" or raw[-1:] != b"}" else test.look(raw)
        if raw and candidate and (edge or len(line) >= SHORTEST or (raw[:1], raw[-1:]) != (b"{", b"}")):
            begin = at + len(line) - len(line.lstrip())
            rows.append([begin, begin + len(raw), number + 1, records, repeats])
        at += len(line) + 1
    return rows


@pytest.mark.parametrize(("wants", "held"), PASSES)
def test_the_scan_agrees_with_the_test_of_single_lines(wants: Wants, held: bool) -> None:
    chance, test, usual = random.Random(7), LineTest(wants, held=held), raw_lines()
    for _ in range(60):
        lines = [mutated(chance.choice(usual), chance) for _ in range(200)]
        assert found(lines, test, by_scan=True, pad=chance.randrange(200)) == expected(lines, test)


@pytest.mark.parametrize(("wants", "held"), PASSES)
def test_plain_reading_finds_the_same(wants: Wants, held: bool) -> None:
    chance, test, usual = random.Random(8), LineTest(wants, held=held), raw_lines()
    lines = [mutated(chance.choice(usual), chance) for _ in range(3000)]
    for offset in (0, 5, (1 << 20) - 700_000):
        by_scan = found(lines, test, by_scan=True, offset=offset)
        assert [row[:4] for row in by_scan] == [
            row[:4] for row in found(lines, test, by_scan=False, offset=offset)
        ]


def test_every_offset_in_a_block_gives_the_same() -> None:
    chance, usual = random.Random(9), raw_lines()
    test = LineTest(Wants.nothing())
    for _ in range(20):
        lines = [mutated(chance.choice(usual), chance) for _ in range(12)]
        once = expected(lines, test)
        for pad in range(scan.BLOCK):
            assert found(lines, test, by_scan=True, pad=pad) == once, pad


def test_a_key_across_two_blocks_is_seen_at_every_place() -> None:
    test = LineTest(Wants.nothing())
    for before in range(2 * scan.BLOCK):
        plain = b'{"x":"' + b"y" * before + b'","event_simpleName":"%s","z":"psexec"}'
        lines = [
            plain % name for name in (b"DnsRequest", b"DnsRequest", b"ProcessRollup2", b"UserLogon", b"Dns")
        ]
        assert [row[2] for row in found(lines, test, by_scan=True)] == [1, 3, 4, 5], before


def test_more_candidates_than_are_found_at_a_time() -> None:
    lines = [b'{"alert_type":"PsExecExecution"}'] * 40_000
    assert [row[2] for row in found(lines, LineTest(Wants.nothing()), by_scan=True)] == list(range(1, 40_001))


def test_lines_that_are_too_long_are_marked() -> None:
    line = b'{"event_simpleName":"DnsRequest","x":"' + b"y" * LINE_LIMIT + b'"}'
    rows = found([line, line], LineTest(Wants.nothing()), by_scan=True)
    assert [row[scan.REPEATS] for row in rows] == [scan.TOO_LONG] * 2
    assert found([line, line], LineTest(Wants.nothing()), by_scan=False) == rows


def test_without_compilation_it_gives_the_same() -> None:
    program = """
import random
from tests.kernels.test_scan import PASSES, expected, found, mutated, raw_lines
from lmgraph.ingest.lines import LineTest
chance, usual = random.Random(3), raw_lines()
for wants, held in PASSES:
    test = LineTest(wants, held=held)
    lines = [mutated(chance.choice(usual), chance)[:700] for _ in range(12)]
    assert found(lines, test, by_scan=True, pad=3) == expected(lines, test)
print("done")
"""
    environment = {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
