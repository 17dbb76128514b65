"""Writes samples.json beside it: what the tool says of the samples. Run ``make golden``, read the changes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import lmgraph

ROOT = Path(__file__).resolve().parent.parent.parent
HOP = ("id", "key", "first", "last", "source", "target", "outcome", "score_terms", "certainty", "alerts")
ALERT = ("id", "key", "time", "alert_type", "host", "user", "targets", "flags", "copies")
FOLDERS = ("samples/fdr", "samples/logscale", "samples/query-result")
GOLDEN = Path(__file__).with_name("samples.json")


def render(*paths: str) -> str:
    """The result for ``paths``, which are seen from the project's root."""
    before = Path.cwd()
    os.chdir(ROOT)
    try:
        return lmgraph.analyze(*paths).to_json()
    finally:
        os.chdir(before)


def pinned(document: str) -> str:
    """The result, a line for each row, so that a change is a line in the difference.

    Hops in no incident, and alerts of no such hop, are cut to what they come to.
    """
    result = json.loads(document)
    inside = {hop for incident in result["incidents"] for hop in incident["hops"]}
    alerts = {alert for hop in result["hops"] if hop["id"] in inside for alert in hop["alerts"]}
    cut = {"hops": (inside, HOP), "alerts": (alerts, ALERT)}
    parts = []
    for key, value in result.items():
        whole, columns = cut.get(key, (None, ()))
        if isinstance(value, list):
            rows = [
                row if whole is None or row["id"] in whole else {name: row[name] for name in columns}
                for row in value
            ]
            text = "[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]"
        else:
            text = json.dumps(value, ensure_ascii=False)
        parts.append(f"{json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    GOLDEN.write_text(pinned(render(*FOLDERS)), encoding="utf-8")
