"""Slow, obvious references for the engine: another algorithm each, over plain lists and networkx."""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Any

import networkx as nx
import pandas as pd

from lmgraph.score import LINK_WEIGHTS
from lmgraph.tuning import Entry, Subject, is_periodic, match

Row = Mapping[str, Any]

HOURS = 2 * 3600 * 1_000_000  # a surge


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
    alerts = [row for row in openers if row["alert"] >= 0]
    hop["suppressed"] = all(row["suppressed"] for row in alerts or openers)
    users: dict[int, int] = defaultdict(int)
    for row in good:
        if row["source_user"] >= 0:
            users[row["source_user"]] |= 1 | (8 if row["credential"] >= 0 else 0)
        if row["target_user"] >= 0:
            users[row["target_user"]] |= 2
        if row["credential"] >= 0:
            users[row["credential"]] |= 4
    hop["users"] = dict(users)


# --- suppression ----------------------------------------------------------------------------------


def suppressed(
    rows: Sequence[Any], alerts: Sequence[Any], identity: Any, entries: tuple[Entry, ...]
) -> tuple[list[str | None], list[str | None]]:
    """What covers each witness and each alert; one question per row, everything known put into it."""

    def beat(row: Any) -> tuple[int, int, str]:
        return row.source, row.target, (row.process or "").casefold()

    times: dict[tuple[int, int, str], set[int]] = defaultdict(set)
    for row in rows:
        if row.opens:
            times[beat(row)].add(row.time_us)
    of_rows = [
        match(
            entries,
            _subject(
                identity,
                row.source,
                row.target,
                row.user,
                row.time_us,
                alerts[row.of] if row.of >= 0 else None,
                is_periodic(times[beat(row)]),
            ),
        )
        if row.of >= 0 or row.opens
        else None
        for row in rows
    ]
    of_alerts: list[str | None] = []
    for index, alert in enumerate(alerts):
        names = [name for name, row in zip(of_rows, rows, strict=True) if row.of == index]
        if not names and alert.host >= 0:
            lone = _subject(identity, alert.host, -1, alert.user, alert.event.time_us, alert, False)
            names = [match(entries, lone)]
        of_alerts.append(names[0] if names and all(names) else None)
    return of_rows, of_alerts


def _subject(
    identity: Any,
    source: int,
    target: int,
    user: int,
    time_us: int,
    alert: Any,
    periodic: bool,
) -> Subject:
    def called(code: int) -> tuple[str, ...]:
        host = identity.hosts.all[code] if code >= 0 else None
        return tuple(name for name in (host.name, host.fqdn) if name) if host else ()

    account = identity.accounts.all[user] if user >= 0 else None
    own = alert.event.host_ip if alert else None
    far = alert.event.remote_ip if alert else None
    written = {f"{domain}\\{name}" for domain, name in account.spellings if domain} if account else set()
    return Subject(
        source=called(source),
        source_ips=(own,) if own else identity.addresses.held(source, time_us),
        target=called(target),
        target_ips=(far,) if far else identity.addresses.held(target, time_us),
        user=(account.name, account.shown, *sorted(written)) if account else (),
        process=(alert.process,) if alert and alert.process else (),
        process_path=(alert.process_path,) if alert and alert.process_path else (),
        source_listed=source in identity.listed,
        privileged=account.privileged if account else None,
        periodic=periodic,
        time_us=time_us,
    )


# --- command lines --------------------------------------------------------------------------------


def split(command_line: str) -> list[str]:
    """Words of a Windows command line, character by character."""
    words: list[str] = []
    word: list[str] = []
    quoted = started = False
    for char in command_line:
        if char == '"':
            quoted, started = not quoted, True
        elif char.isspace() and not quoted:
            if started:
                words.append("".join(word))
            word, started = [], False
        else:
            word.append(char)
            started = True
    return [*words, "".join(word)] if started else words


# --- history --------------------------------------------------------------------------------------


def features(
    hops: pd.DataFrame,
    uses: pd.DataFrame,
    roles: Sequence[int],
    *,
    days_read: list[int],
    gap: int,
    window: int,
    day: int,
) -> list[dict[str, Any]]:
    """Features of hops whose accounts are persons: for each hop, look at every use there is."""
    past = uses.to_dict("records")
    made = hops.to_dict("records")
    near = {span: [_targets_near(hop, made, span) for hop in made] for span in (window, HOURS)}
    result = []
    for number, hop in enumerate(made):
        before = hop["first_us"] - gap
        earlier = [use for use in past if use["time_us"] < before]
        kind = [other for other in made if (other["source"], _mere(other)) == (hop["source"], _mere(hop))]

        def days(earlier: list[dict[Any, Any]] = earlier, *, moved: bool = False, **same: int) -> int:
            return len(
                {
                    use["time_us"] // day
                    for use in earlier
                    if all(use[name] == value for name, value in same.items()) and (use["moved"] or not moved)
                }
            )

        def most(span: int, kind: list[dict[Any, Any]] = kind, before: int = before) -> int:
            inside = [other for other in kind if other["first_us"] + span < before]
            return max((near[span][made.index(other)] for other in inside), default=0)

        source, target, actor, given = (
            hop[name] for name in ("source", "target", "source_user", "credential")
        )
        user = next(
            (hop[name] for name in ("target_user", "credential", "source_user") if hop[name] >= 0), -1
        )
        executed = {use["time_us"] // day for use in earlier if use["source"] == source and use["executed"]}
        tools = [use for use in earlier if use["source"] == source and use["tool"]]
        targets: dict[int, set[int]] = defaultdict(set)
        for use in earlier:
            if use["source"] == source:
                targets[use["time_us"] // day].add(use["target"])
        hours = {use["time_us"] // (day // 24) % 24 for use in earlier if use["user"] == user}
        hour = hop["first_us"] // (day // 24) % 24
        result.append(
            {
                "sufficient": sum(
                    before // day - 30 <= read < before // day and (read + 3) % 7 < 5 for read in days_read
                )
                >= 2,
                "days_pair": days(source=source, target=target),
                "days_pair_hops": days(source=source, target=target, moved=True),
                "days_user_target": days(user=user, target=target) if user >= 0 else -1,
                "days_user_target_hops": days(user=user, target=target, moved=True) if user >= 0 else -1,
                "days_user_source": days(user=actor, source=source) if actor >= 0 else -1,
                "days_user_source_hops": days(user=actor, source=source, moved=True) if actor >= 0 else -1,
                "days_credential_source": days(user=given, source=source) if given >= 0 else -1,
                "days_user_out": days(user=user, moved=True) if user >= 0 else -1,
                "days_source_out": days(source=source, moved=True),
                "source_since_us": min(other["first_us"] for other in made if other["source"] == source),
                "days_source_new": len(_new_days(past, source, days_read, day, before)),
                "days_source_exec": len(executed),
                "days_source_many": sum(len(distinct) >= 5 for distinct in targets.values()),
                "days_process": days(process=hop["process"]) if hop["process"] >= 0 else -1,
                "days_source_tool": (
                    days(process=hop["tool"], source=source, tool=True) if hop["tool"] >= 0 and tools else -1
                ),
                "targets_in_window": near[window][number],
                "most_in_window": most(window),
                "targets_in_hours": near[HOURS][number],
                "most_in_hours": most(HOURS),
                "off_hours": user >= 0
                and days(user=user) >= 3
                and not hours & {(hour - 1) % 24, hour, (hour + 1) % 24},
                "periodic": _periodic(hop, made),
                "role_jump": (roles[source], roles[target]) in {(2, -1), (2, 0), (2, 1), (1, 0), (0, 2)},
            }
        )
    return result


def _mere(hop: Row) -> bool:
    return not hop["stages"] & 0b111111


def _targets_near(hop: Row, made: Sequence[Row], span: int) -> int:
    return len(
        {
            other["target"]
            for other in made
            if other["source"] == hop["source"]
            and _mere(other) == _mere(hop)
            and abs(other["first_us"] - hop["first_us"]) <= span
        }
    )


def _new_days(past: Sequence[Row], source: int, days_read: list[int], day: int, before: int) -> set[int]:
    """Days on which the source first moved to some target, the first day of all left out."""
    first: dict[int, int] = {}
    for use in past:
        if use["source"] == source and use["moved"]:
            first[use["target"]] = min(use["time_us"], first.get(use["target"], use["time_us"]))
    return {
        time // day for time in first.values() if time < before and time // day > min(days_read, default=-1)
    }


def _periodic(hop: Row, made: Sequence[Row]) -> bool:
    """Whether the hop and the four of its pair before it come at steady intervals."""
    pair = [other for other in made if (other["source"], other["target"]) == (hop["source"], hop["target"])]
    pair.sort(key=lambda other: other["first_us"])
    place = next(i for i, other in enumerate(pair) if other["key"] == hop["key"])
    times = [other["first_us"] for other in pair[: place + 1][-5:]]
    if len(times) < 5:
        return False
    gaps = [later - sooner for sooner, later in pairwise(times)]
    middle = median(gaps)
    return middle > 0 and bool(median(abs(gap - middle) for gap in gaps) <= 0.1 * middle)


# --- paths ----------------------------------------------------------------------------------------


class Story:
    """The chosen chains of hops, found by trying every chain; ``incidents`` and paths out of them.

    Accounts are persons all. ``chain[b]`` is the chosen chain that ends in hop b.
    """

    def __init__(
        self,
        table: Any,
        scores: Sequence[int],
        features: pd.DataFrame,
        sessions: pd.DataFrame,
        *,
        gap: int,
        skew: int,
    ) -> None:
        self.hops = table.hops.to_dict("records")
        self.scores = list(scores)
        self.past = features.to_dict("records")
        self.sessions = sessions.to_dict("records")
        self.gap, self.skew = gap, skew
        self.users: dict[int, dict[int, int]] = defaultdict(dict)
        for entry in table.users.to_dict("records"):
            self.users[entry["hop"]][entry["user"]] = entry["roles"]
        self.position = self._order()
        self.order = sorted(range(len(self.hops)), key=lambda b: self.position[b])
        self.certainty: dict[tuple[int, int], float] = {}
        self.chain: dict[int, list[int]] = {}
        for b in self.order:
            self._follow(b)

    def fits(self, a: int, b: int) -> bool:
        one, other = self.hops[a], self.hops[b]
        return (
            one["target"] == other["source"]
            and other["target"] != one["source"]
            and other["first_us"] <= one["last_us"] + self.gap
        )

    def _order(self) -> dict[int, tuple[int, int, int]]:
        first = [hop["first_us"] for hop in self.hops]
        position = {b: (first[b], 0, b) for b in range(len(first))}
        for turn in range(8):
            before = dict(position)
            for b in sorted(position, reverse=turn == 0):
                led = [a for a in position if self.fits(a, b)]
                if position[b][1] or any(position[a] < position[b] for a in led):
                    continue
                late = [position[a] for a in led if position[a][0] <= first[b] + self.skew]
                if late:
                    position[b] = (min(late)[0], min(late)[1] + 1, b)
            if before == position:
                break
        return position

    def acting(self, b: int) -> set[int]:
        return {user for user, roles in self.users[b].items() if roles & 1} or self.effective(b)

    def effective(self, b: int) -> set[int]:
        users = self.users[b]
        seen = {user for user, roles in users.items() if roles & 2}
        return seen or {user for user, roles in users.items() if roles & 4 or (roles & 1 and not roles & 8)}

    def _weight(self, a: int, b: int) -> float:
        one, other = self.hops[a], self.hops[b]
        account = 1.0
        if self.users[a] and self.acting(b):
            account = 3.0 if set(self.users[a]) & self.acting(b) else 0.6
        day = 24 * 3600 * 10**6
        weight = account / (1.0 + max(0, other["first_us"] - one["last_us"]) / day)
        return weight * (1.0 if one["stages"] & 0b111 else 0.5 if one["stages"] & 0b111000 else 0.1)

    def _began(self, b: int, led: list[int]) -> float:
        hop, past = self.hops[b], self.past[b]
        habit = min(max(min(past["days_pair_hops"], past["days_user_target_hops"]), 0), 4)
        own = [
            session["first_us"]
            for session in self.sessions
            if (session["user"], session["host"]) == (hop["source_user"], hop["source"])
            and session["kind"] not in {"network", "new credentials"}
        ]
        entries = [self.hops[a]["first_us"] - self.skew for a in led]
        return (1.0 + habit) * (2.0 if own and entries and min(own) < min(entries) else 1.0)

    def link(self, chain: list[int], b: int) -> dict[str, int]:
        """Terms of the link from the end of the chain to b."""
        a = chain[-1]
        one, other, past = self.hops[a], self.hops[b], self.past[b]
        gap = max(0, other["first_us"] - one["last_us"])
        hour = 3600 * 10**6
        name, within = ("entered_then_moves", 4) if past["sufficient"] else ("entered_then_moves_unproved", 1)
        starts = past["days_source_out"] == 0 and past["source_since_us"] >= one["first_us"] - self.skew
        held = next((self.effective(hop) for hop in reversed(chain) if self.effective(hop)), set())
        switch = bool(held and self.effective(b) and not held & self.effective(b))
        left = one["outcome_us"] >= 0 and other["first_us"] < one["outcome_us"] - self.skew
        return {
            "entered_then_moves": LINK_WEIGHTS[name].weight * (starts and gap <= within * hour),
            "credential_switch": LINK_WEIGHTS["credential_switch"].weight * (switch and gap <= within * hour),
            "left_before_entry": LINK_WEIGHTS["left_before_entry"].weight * left,
            "doubt": math.floor(-LINK_WEIGHTS["doubt"].weight * math.log2(self.certainty[a, b]) + 0.5),
        }

    def score(self, chain: list[int]) -> int:
        """Score of a chain, from scratch."""
        links = sum(sum(self.link(chain[:i], chain[i]).values()) for i in range(1, len(chain)))
        return links + sum(self.scores[hop] for hop in chain)

    def _follow(self, b: int) -> None:
        led = [a for a in self.order if self.position[a] < self.position[b] and self.fits(a, b)]
        weights = {a: self._weight(a, b) for a in led}
        strongest: dict[int, float] = defaultdict(float)
        for a in led:  # whoever came twice from one host is one explanation
            strongest[self.hops[a]["source"]] = max(strongest[self.hops[a]["source"]], weights[a])
        total = math.fsum([self._began(b, led), *strongest.values()])
        for a in led:
            self.certainty[a, b] = weights[a] / total
        tree = nx.DiGraph()
        tree.add_nodes_from(self.chain)
        for chain in self.chain.values():
            nx.add_path(tree, chain)
        options = [[b]]
        for a in led:
            if self.certainty[a, b] < 0.2 or self.score(self.chain[a]) <= 0:
                continue
            for root in (node for node, degree in tree.in_degree() if degree == 0):
                for chain in [[a]] if root == a else nx.all_simple_paths(tree, root, a):
                    hosts = {self.hops[hop][end] for hop in chain for end in ("source", "target")}
                    if self.hops[b]["target"] not in hosts:
                        options.append([*chain, b])
        alone = self.scores[b]
        options = [chain for chain in options if len(chain) == 1 or self.score(chain) > alone]
        self.chain[b] = min(
            options,
            key=lambda chain: (-self.score(chain), self.hops[chain[-2]]["key"] if len(chain) > 1 else 0),
        )

    def incidents(self, suspicious: Sequence[bool]) -> list[dict[str, Any]]:
        """Incidents as dicts: ``hops``, ``chains`` (all, uncapped) and ``score``."""
        tree = nx.DiGraph()
        tree.add_nodes_from(self.chain)
        tree.add_edges_from(chain[-2:] for chain in self.chain.values() if len(chain) > 1)
        keep = set()
        for hop in tree:
            behind = any(suspicious[other] for other in nx.descendants(tree, hop))
            parent = next(iter(tree.predecessors(hop)), None)
            entered = (
                parent is not None and suspicious[parent] and bool(set(self.users[parent]) & self.acting(hop))
            )
            if suspicious[hop] or behind or entered:
                keep.add(hop)
        kept = nx.DiGraph(tree.subgraph(keep))
        joined = nx.Graph(kept)
        self._join(joined, [hop for hop in self.order if hop in kept and not kept.in_degree(hop)])
        result = []
        for part in nx.connected_components(joined):
            best = {hop: self.score(self.chain[hop]) for hop in part}
            ends = set()
            for leaf in (hop for hop in part if not kept.out_degree(hop)):
                ends |= {leaf, max(self.chain[leaf], key=lambda hop: best[hop])}
            top = min(ends, key=lambda hop: (-best[hop], self.position[hop]))
            notable = {hop for hop in part if suspicious[hop] and self.scores[hop] >= 3500}
            tips = sum(not notable & nx.descendants(kept, hop) for hop in notable - set(self.chain[top]))
            result.append(
                {
                    "hops": tuple(sorted(part)),
                    "chains": {tuple(self.chain[end]): best[end] for end in ends},
                    "score": max(best.values()) + 500 * min(tips, 6),
                }
            )
        return result

    def _join(self, joined: nx.Graph, roots: list[int]) -> None:
        """Join roots out of one host: each with the latest before it of each of its accounts."""
        groups = nx.Graph()
        for i, root in enumerate(roots):
            groups.add_node(root)
            before = [other for other in roots[:i] if self.hops[other]["source"] == self.hops[root]["source"]]
            partners = []
            if not self.users[root]:
                partners = self._latest(before)
            else:
                for account in self.users[root]:
                    partners += self._latest([other for other in before if account in self.users[other]])
                group = nx.node_connected_component(groups, before[-1]) if before else set()
                if not any(self.users[other] for other in group):
                    partners += self._latest([other for other in before if other in group])
            for other in partners:
                if self.hops[root]["first_us"] <= self.hops[other]["last_us"] + min(
                    self.gap, 2 * 3_600_000_000
                ):
                    groups.add_edge(root, other)
        joined.add_edges_from(groups.edges)

    def _latest(self, roots: list[int]) -> list[int]:
        """The root that ends last, of equals the later one; in a list, empty when there is none."""
        return sorted(roots, key=lambda root: self.hops[root]["last_us"])[-1:]


def related(
    hops: pd.DataFrame, members: Sequence[tuple[int, ...]], gap: int | None, *, most: int
) -> tuple[list[tuple[int, ...]], int]:
    """For each incident those that touch one of its hosts within the gap; and what the cap cut."""
    made = hops.to_dict("records")
    others: list[set[int]] = [set() for _ in members]
    dropped = 0
    for host in {hop[end] for hop in made for end in ("source", "target")}:
        touches = sorted(
            (made[hop]["first_us"], made[hop]["last_us"], number)
            for number, part in enumerate(members)
            for hop in part
            for end in ("source", "target")
            if made[hop][end] == host
        )
        runs: list[list[int]] = []
        for first, last, number in touches:
            if runs and runs[-1][2] == number:
                runs[-1][1] = max(runs[-1][1], last)
            else:
                runs.append([first, last, number])
        for place, (_, last, number) in enumerate(runs):
            after = [run for run in runs[place + 1 :] if gap is None or run[0] <= last + gap]
            dropped += sum(run[2] != number for run in after[most:])
            for run in after[:most]:
                if run[2] != number:
                    others[number].add(run[2])
                    others[run[2]].add(number)
    return [tuple(sorted(found)) for found in others], dropped


# --- reachability ---------------------------------------------------------------------------------


def temporal_graph(source: Sequence[int], target: Sequence[int], time: Sequence[int]) -> nx.MultiDiGraph:
    """Hosts and hops; the key of an edge is its place in the order of time."""
    graph = nx.MultiDiGraph()
    for place, (one, other, when) in enumerate(zip(source, target, time, strict=True)):
        graph.add_edge(one, other, key=place, time=when)
    return graph


def earliest_arrival(graph: nx.MultiDiGraph, seeds: Mapping[int, int]) -> dict[int, tuple[int, int]]:
    """For each host that is reached, when and by which hop, −1 of a seed: Dijkstra over moments."""
    best = {host: (when, -1) for host, when in seeds.items()}
    waiting = [(label, host) for host, label in best.items()]
    heapq.heapify(waiting)
    done = set()
    while waiting:
        label, host = heapq.heappop(waiting)
        if host in done or host not in graph:
            continue
        done.add(host)
        for _, other, place, when in graph.out_edges(host, keys=True, data="time"):
            arrival = (when, place)
            if arrival > label and arrival < best.get(other, (math.inf, 0)):
                best[other] = arrival
                heapq.heappush(waiting, (arrival, other))
    return best


def best_chains(graph: nx.MultiDiGraph, scores: Sequence[int], gap: int) -> tuple[list[int], list[int]]:
    """Best score of a chain that ends in each hop, and the hop before it, −1 where none is.

    The rule of the paths for hops that execute, last no time and have no accounts and no history;
    ties go to the earlier hop.
    """
    source, target, first = [-1] * len(scores), [-1] * len(scores), [0] * len(scores)
    for one, other, place, when in graph.edges(keys=True, data="time"):
        source[place], target[place], first[place] = one, other, when
    best, before = list(scores), [-1] * len(scores)
    for b in range(len(scores)):
        into = graph.in_edges(source[b], keys=True, data="time")
        led = [
            (when, a) for other, _, a, when in into if a < b and other != target[b] and when >= first[b] - gap
        ]
        weight = {a: 1.0 / (1.0 + (first[b] - when) / (24 * 3600 * 10**6)) for when, a in led}
        strongest: dict[int, float] = {}
        for _, a in sorted(led, reverse=True):
            strongest[source[a]] = max(strongest.get(source[a], 0.0), weight[a])
        total = sum(strongest.values(), 1.0)
        gain = 0
        for _, a in sorted(led):
            certainty = weight[a] / total
            if certainty < 0.2 or best[a] <= 0:
                continue
            through = best[a] + math.floor(-LINK_WEIGHTS["doubt"].weight * math.log2(certainty) + 0.5)
            if through <= gain:
                continue
            chain = [a]
            while before[chain[-1]] >= 0:
                chain.append(before[chain[-1]])
            if target[b] not in {host for hop in chain for host in (source[hop], target[hop])}:
                gain, before[b] = through, a
        best[b] += gain
    return best, before
