"""What the benchmarks measure on: the samples' lines, repeated until there is something to measure."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
REPEATS = 8  # of some 4,000 records each: about 17 MB


@pytest.fixture(scope="session")
def lines() -> list[bytes]:
    """Raw FDR lines; each repeat is another estate, so that nothing is a duplicate."""
    parts = sorted(ROOT.glob("samples/fdr/data/*/*.gz"))
    once = [line for part in parts for line in gzip.decompress(part.read_bytes()).splitlines()]
    whole = [line for line in once if line.endswith(b"}")]
    copies = []
    for repeat in range(REPEATS):
        mark = f"{repeat:02x}".encode()
        for line in whole:
            at = line.index(b'"cid":"') + len(b'"cid":"')
            copies.append(line[:at] + mark + line[at + 2 :])
    return copies


@pytest.fixture(scope="session")
def ndjson(lines: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lines as one plain file."""
    path = tmp_path_factory.mktemp("plain") / "events.ndjson"
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


@pytest.fixture(scope="session")
def packed(ndjson: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, gz."""
    path = tmp_path_factory.mktemp("packed") / "part-00000.gz"
    path.write_bytes(gzip.compress(ndjson.read_bytes(), compresslevel=6, mtime=0))
    return path
