"""``python -m lmgraph``: the same as the command ``lmgraph``."""

from __future__ import annotations

from lmgraph.cli import main

main()
