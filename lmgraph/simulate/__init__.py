"""Labelled synthetic telemetry: a company at work, attacks in it, and the truth about both.

It shares no code with the engine, and none of its figures is taken from there: it writes what
sensors write (see ``sensor``), so that whoever reads the files can be measured against the truth.
"""

from __future__ import annotations

from lmgraph.simulate.options import FLAVOURS, SCENARIOS, Options

__all__ = ["FLAVOURS", "SCENARIOS", "Options"]
