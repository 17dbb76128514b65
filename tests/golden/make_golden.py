"""Writes samples.json beside it: what the tool says of the samples. Run ``make golden``, read the changes."""

from __future__ import annotations

import os
from pathlib import Path

import lmgraph

ROOT = Path(__file__).resolve().parent.parent.parent
GOLDEN = Path(__file__).with_name("samples.json")


def render(*paths: str) -> str:
    """The result for ``paths``, which are seen from the project's root."""
    before = Path.cwd()
    os.chdir(ROOT)
    try:
        return lmgraph.analyze(*paths).to_json()
    finally:
        os.chdir(before)


if __name__ == "__main__":
    GOLDEN.write_text(render("samples/fdr", "samples/logscale", "samples/query-result"), encoding="utf-8")
