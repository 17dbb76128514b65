"""Slow, obvious references for the engine: another algorithm each, over plain lists and networkx."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

Row = Mapping[str, Any]


# --- hops -----------------------------------------------------------------------------------------


def hops(witnesses: pd.DataFrame, window: int) -> tuple[list[dict[str, Any]], list[tuple[int, str]]]:
    """Hops as dicts with ``members`` {row: share}, and the unplaced rows with their reasons.

    For each witness it looks at every hop there is.
    """
    rows = witnesses.to_dict("records")
    made: list[dict[str, Any]] = []
    for i in sorted(
        range(len(rows)), key=lambda i: (rows[i]["time_us"], not _command(rows[i]), rows[i]["key"])
    ):
        row = rows[i]
        if not _opens(row) or row["source"] < 0 or row["target"] < 0 or row["source"] == row["target"]:
            continue
        same = [hop for hop in made if (hop["source"], hop["target"]) == (row["source"], row["target"])]
        if not same or _closed(same[-1], row, window):
            same.append({"source": row["source"], "target": row["target"], "openers": [], "members": {}})
            made.append(same[-1])
        same[-1]["openers"].append(row)
        same[-1]["members"][i] = 1.0
    unplaced = []
    for i, row in enumerate(rows):
        if any(i in hop["members"] for hop in made):
            continue
        known = {end: row[end] for end in ("source", "target") if row[end] >= 0}
        fitting = _fitting(
            row, [hop for hop in made if all(hop[end] == host for end, host in known.items())], window
        )
        if len(known) == 2:
            for hop in fitting:
                hop["members"][i] = 1.0
        elif not known:
            if _opens(row):
                unplaced.append((i, "no source"))
        else:
            if row["stage"] == 0 and fitting:
                best = min(_suits(hop) for hop in fitting)
                fitting = [hop for hop in fitting if _suits(hop) == best]
            if fitting and (len(fitting) <= 2 or (_opens(row) and len(fitting) <= 16)):
                for hop in fitting:
                    hop["members"][i] = 1.0 / len(fitting)
            if _opens(row) and not fitting:
                unplaced.append((i, "no source" if row["source"] < 0 else "no target"))
            elif _opens(row) and len(fitting) > 2:
                unplaced.append((i, "several hops fit"))
    for hop in made:
        _describe(hop, rows)
    return made, unplaced


def _opens(row: Row) -> bool:
    return bool(row["opens"] and not row["denied"])


def _command(row: Row) -> bool:
    return _opens(row) and row["alert_type"] != 2


def _closed(hop: dict[str, Any], row: Row, window: int) -> bool:
    start, last = hop["openers"][0]["time_us"], hop["openers"][-1]["time_us"]
    if row["time_us"] - last >= window or row["time_us"] - start >= 4 * window:
        return True
    connections_only = not any(_command(opener) for opener in hop["openers"])
    return connections_only and _command(row) and row["time_us"] - start > window


def _away(hop: dict[str, Any], time: int) -> int:
    times = [opener["time_us"] for opener in hop["openers"]]
    return max(min(times) - time, time - max(times), 0)


def _fitting(row: Row, candidates: list[dict[str, Any]], window: int) -> list[dict[str, Any]]:
    """The nearest hop of each pair, if it is near enough; of two equally near the earlier."""
    nearest: dict[tuple[int, int], dict[str, Any]] = {}
    for hop in candidates:
        pair = (hop["source"], hop["target"])
        if pair not in nearest or _away(hop, row["time_us"]) < _away(nearest[pair], row["time_us"]):
            nearest[pair] = hop
    return [hop for hop in nearest.values() if _away(hop, row["time_us"]) <= window]


def _suits(hop: dict[str, Any]) -> int:
    return min(opener["stage"] for opener in hop["openers"])


def _describe(hop: dict[str, Any], rows: Sequence[Row]) -> None:
    members = [(rows[i], share) for i, share in hop["members"].items()]
    good = [row for row, share in members if share >= 0.5 and not row["denied"]]
    openers = [row for row in good if row["opens"]]
    alerts = [row for row in openers if row["alert"] >= 0]
    basis = alerts or [row for row in openers if row["stage"] < 2]
    furthest = max(row["proves"] for row in good)
    hop["first_us"] = min(row["time_us"] for row in basis)
    hop["last_us"] = max(row["time_us"] for row in basis)
    hop["evidence_first_us"] = min(row["time_us"] for row, _ in members)
    hop["evidence_last_us"] = max(row["time_us"] for row, _ in members)
    hop["stages"] = sum({1 << (row["stage"] * 3 + row["side"]) for row in good})
    hop["full_chain"] = {row["stage"] for row in good} == {0, 1, 2}
    hop["alert_types"] = sum({1 << row["alert_type"] for row in alerts})
    hop["outcome"] = furthest
    hop["outcome_us"] = min(row["time_us"] for row in good if row["proves"] == furthest) if furthest else -1
    hop["denied"] = sum(row["denied"] and share >= 0.5 for row, share in members)
    hop["certainty"] = max(row["certainty"] for row in openers)
    hop["suppressed"] = all(row["suppressed"] for row in openers)
    users: dict[int, int] = defaultdict(int)
    for row in good:
        if row["source_user"] >= 0:
            users[row["source_user"]] |= 1 | (8 if row["credential"] >= 0 else 0)
        if row["target_user"] >= 0:
            users[row["target_user"]] |= 2
        if row["credential"] >= 0:
            users[row["credential"]] |= 4
    hop["users"] = dict(users)


# --- history --------------------------------------------------------------------------------------


def features(
    hops: pd.DataFrame, uses: pd.DataFrame, *, begin: int, gap: int, window: int, day: int
) -> list[dict[str, Any]]:
    """Features of hops whose accounts are persons: for each hop, look at every use there is."""
    past = uses.to_dict("records")
    made = hops.to_dict("records")
    result = []
    for hop in made:
        before = hop["first_us"] - gap
        earlier = [use for use in past if use["time_us"] < before]

        def days(earlier: list[dict[Any, Any]] = earlier, *, moved: bool = False, **same: int) -> int:
            return len(
                {
                    use["time_us"] // day
                    for use in earlier
                    if all(use[name] == value for name, value in same.items())
                    and (use["hop"] >= 0 or not moved)
                }
            )

        source, target, actor = hop["source"], hop["target"], hop["source_user"]
        user = next(
            (hop[name] for name in ("target_user", "credential", "source_user") if hop[name] >= 0), -1
        )
        executed = {
            use["time_us"] // day
            for use in earlier
            if use["source"] == source and use["hop"] >= 0 and made[use["hop"]]["stages"] & 7
        }
        targets: dict[int, set[int]] = defaultdict(set)
        for use in earlier:
            if use["source"] == source:
                targets[use["time_us"] // day].add(use["target"])
        near = [other for other in made if other["source"] == source]
        result.append(
            {
                "sufficient": before - begin >= 3 * day,
                "days_pair": days(source=source, target=target),
                "days_pair_hops": days(source=source, target=target, moved=True),
                "days_user_target": days(user=user, target=target) if user >= 0 else -1,
                "days_user_target_hops": days(user=user, target=target, moved=True) if user >= 0 else -1,
                "days_user_source": days(user=actor, source=source) if actor >= 0 else -1,
                "days_source_out": days(source=source, moved=True),
                "days_source_exec": len(executed),
                "days_source_many": sum(len(distinct) >= 5 for distinct in targets.values()),
                "targets_in_window": len(
                    {other["target"] for other in near if abs(other["first_us"] - hop["first_us"]) <= window}
                ),
            }
        )
    return result
