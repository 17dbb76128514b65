"""Small truths and results, made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.judge import Attack, Best, Verdict
from benchmarks.worlds import World

Row = dict[str, Any]


def at(minute: float, day: int = 4) -> str:
    """A time on a day in March 2026, so many minutes after nine."""
    seconds = round(minute * 60)
    return f"2026-03-{day:02}T{9 + seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.000000Z"


def move(source: str, target: str, minute: float = 0, **more: Any) -> Row:
    """A hop of an attack that lasts a minute; its ``id`` is given by ``attack``."""
    return {
        "source": source,
        "target": target,
        "source_ip": "10.0.0.1",
        "target_ip": "10.0.0.2",
        "source_managed": True,
        "target_managed": True,
        "first": at(minute),
        "last": at(minute + 1),
        "outcome": "executed",
        "how": "psexec",
        "protocol": "smb",
        "events": ["some record"],
        **more,
    }


def attack(name: str, *hops: Row) -> Row:
    """An attack of the truth, ``chain-1``."""
    numbered = [{**hop, "id": f"{name}/{number}"} for number, hop in enumerate(hops)]
    return {"id": name, "scenario": name.rpartition("-")[0], "hops": numbered}


def truth(
    *attacks: Row, moved: Sequence[Row] = (), misspelt: Sequence[Row] = (), addresses: Row | None = None
) -> Row:
    """The truth of a world that began on 2 March; ``moved``: ordinary ``[from, to, days, kinds]``."""
    return {
        "from": "2026-03-02T00:00:00.000000Z",
        "hosts": {"addresses": addresses or {}},
        "benign": {"moved": list(moved), "misspelt": list(misspelt)},
        "attacks": list(attacks),
    }


def hop(name: str, source: str, target: str, minute: float = 0, **more: Any) -> Row:
    """A hop of a result between two hosts, given by name, whose evidence spans a minute."""
    return {
        "id": name,
        "source": source,
        "target": target,
        "evidence_first": at(minute),
        "evidence_last": at(minute + 1),
        "outcome": "executed",
        "alerts": [],
        **more,
    }


def incident(rank: int, *hops: str, severity: str = "medium", origins: Sequence[str] = ()) -> Row:
    return {
        "id": f"i{rank}",
        "rank": rank,
        "score": 10.0 - rank,
        "severity": severity,
        "origin_hosts": list(origins),
        "hops": list(hops),
    }


def alert(name: str, event: str, source: str = "WS1", targets: Sequence[str] = ("SRV1",), **more: Any) -> Row:
    """An alert whose record has the id ``event``."""
    return {
        "id": name,
        "event_id": event,
        "host": source,
        "targets": list(targets),
        "time": at(0),
        "alert_type": "PsExecExecution",
        "suppressed_by": None,
        **more,
    }


def result(
    hops: Sequence[Row] = (),
    incidents: Sequence[Row] = (),
    alerts: Sequence[Row] = (),
    paths: Sequence[Row] = (),
) -> Row:
    """A result whose hosts are the ends of its hops; a host's id is its name in angle brackets."""
    ends = sorted({row[end] for row in hops for end in ("source", "target")})
    return {
        "hosts": [{"id": f"<{name}>", "name": name} for name in ends],
        "hops": [{**row, "source": f"<{row['source']}>", "target": f"<{row['target']}>"} for row in hops],
        "incidents": [
            {**row, "origin_hosts": [f"<{name}>" for name in row["origin_hosts"]]} for row in incidents
        ],
        "alerts": list(alerts),
        "paths": list(paths),
    }


BEST = Best(
    rank=1,
    rank_shown=1,
    score=12.5,
    severity="critical",
    hops=4,
    share=1.0,
    purity=0.5,
    others=0.25,
    own=True,
    origin_listed=True,
    origin_first=False,
)


def judged(name: str = "chain-1", *, best: Best | None = BEST, **more: Any) -> Attack:
    """What became of an attack with four hops."""
    fields: Row = {
        "hops": 4,
        "found": 3,
        "missed": (f"{name}/3",),
        "outcomes_right": 2,
        "judged": 2,
        "rightly_placed": 1,
        "misplaced": (f"{name}/0",),
        "invisible": 0,
        "invisible_found": 0,
        "plain_rank": 2,
    }
    return Attack(id=name, scenario=name.rpartition("-")[0], best=best, **{**fields, **more})


def verdict(*attacks: Attack, **more: int) -> Verdict:
    fields = dict.fromkeys(
        [
            "hops",
            "hops_true",
            "incidents",
            "false_incidents",
            "high_hops",
            "high_hops_true",
            "high_incidents",
        ],
        0,
    )
    return Verdict(attacks=attacks, **{**fields, "high_incidents_true": 0, **more})


def world(seed: int = 101, scenarios: Sequence[str] = ("chain",), **more: Any) -> World:
    fields: Row = {"hosts": 100, "days": 5, "flavour": "fdr", "max_gap": None, **more}
    return World(seed=seed, scenarios=tuple(scenarios), **fields)
