"""From all that was read to the result: the table stages, one after the other."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from lmgraph import frames, history, hops, paths, score
from lmgraph.assemble import Analysis, assemble
from lmgraph.assets import Asset
from lmgraph.baseline import ACCOUNT, HOST, PROCESS, Baseline, scoring_key
from lmgraph.events import Partial, of_inventory
from lmgraph.hops import HopTable
from lmgraph.identity import Identity
from lmgraph.names import content_key
from lmgraph.result import ResultData
from lmgraph.rules.names import has_directory, on_volume
from lmgraph.schema import ALERT_TYPES, OUTCOMES, SIDES, STAGES, Event
from lmgraph.settings import DAY_US, Settings
from lmgraph.tuning import Entry
from lmgraph.witness import Findings, Row, Taken, lift, testimony

_LOG = logging.getLogger(__name__)
_KINDS: Final = {"person": frames.PERSON, "machine": frames.MACHINE, "system": frames.SYSTEM}
_ROLES: Final[dict[str | None, int]] = {
    "workstation": frames.WORKSTATION,
    "server": frames.SERVER,
    "dc": frames.CONTROLLER,
}
_LEAST_PART: Final = 20  # a day was read if this part of the busiest day's sensors spoke, one in so many
_EXECUTED: Final = OUTCOMES.index("executed")


@dataclass(frozen=True, slots=True)
class Evidence:
    """Hops and what is known of them, before anything is weighed.

    Attributes:
        table: All hops, also those outside ``--since``/``--until``.
        features: Frame FEATURES, row for row.
        sessions: Frame SESSIONS.
        user_kinds: Kind of each user code.
        keys: Content keys of hosts, accounts and processes, by code.
        uses: Frame USES of what was read, without a baseline's.
        days_read: UTC days since 1970 of what was read, ascending, without a baseline's.
        baseline: What earlier runs saw; ``None`` where none was given.
    """

    partial: Partial
    settings: Settings
    identity: Identity
    findings: Findings
    table: HopTable
    features: pd.DataFrame
    sessions: pd.DataFrame
    user_kinds: npt.NDArray[np.int8]
    keys: Mapping[str, npt.NDArray[np.uint64]]
    uses: pd.DataFrame
    days_read: npt.NDArray[np.int64]
    baseline: Baseline | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The result, the paths and incidents that it shows, as numbers, and ``baseline.scoring_key``."""

    data: ResultData
    story: paths.PathTable
    scoring: int


def finish(
    partial: Partial,
    settings: Settings,
    assets: tuple[Asset, ...],
    entries: tuple[Entry, ...],
    assets_sha256: str | None,
    tuning_sha256: str | None,
    baseline: Baseline | None = None,
) -> ResultData:
    """The result of everything that was read; a pure function of its arguments."""
    return conclude(evidence(partial, settings, assets, entries, baseline), assets_sha256, tuning_sha256)


def evidence(
    partial: Partial,
    settings: Settings,
    assets: tuple[Asset, ...],
    entries: tuple[Entry, ...],
    baseline: Baseline | None = None,
) -> Evidence:
    """Who is who, which alerts stand, which hops they make, and what the past says of these.

    The past is that of the records and of ``baseline``: a day that both know counts once.
    """
    identity = Identity(partial, assets)
    findings = testimony(partial, identity, settings, entries)
    identity.seal()
    user_kinds = np.array([_KINDS[account.kind] for account in identity.accounts.all], dtype=np.int8)
    witnesses, table = _hops(findings, identity, user_kinds, settings)
    uses, days_read = history.uses(witnesses, table, _contacts(findings)), _days_read(partial)
    keys = _keys(identity, images_of(findings.rows))
    past, past_days, earlier = uses, days_read, None
    if baseline is not None:
        past = pd.concat([uses, baseline.uses_for(keys)], ignore_index=True)
        past_days, earlier = np.union1d(days_read, baseline.days), baseline.hops_for(keys)
    features = history.features(
        table,
        past,
        user_kinds,
        np.array([_ROLES.get(host.role, -1) for host in identity.hosts.all], dtype=np.int8),
        days_read=past_days,
        max_gap_us=settings.max_gap_us,
        window_us=settings.window_us,
        earlier=earlier,
    )
    return Evidence(
        partial=partial,
        settings=settings,
        identity=identity,
        findings=findings,
        table=table,
        features=features,
        sessions=_sessions(findings),
        user_kinds=user_kinds,
        keys=keys,
        uses=uses,
        days_read=days_read,
        baseline=baseline,
        warnings=(*identity.warnings, *_tuning_warnings(entries, findings, partial)),
    )


def conclude(
    found: Evidence, assets_sha256: str | None = None, tuning_sha256: str | None = None
) -> ResultData:
    """The result of the evidence."""
    return concluded(found, assets_sha256, tuning_sha256).data


def concluded(
    found: Evidence, assets_sha256: str | None = None, tuning_sha256: str | None = None
) -> Conclusion:
    """Scores, paths and incidents of the evidence, and the result that shows them."""
    table, features, settings = found.table, found.features, found.settings
    terms = score.hops(table.hops, features)
    # Hops outside the interval are not reported, and go on explaining those inside.
    inside = _inside(table.hops, settings)
    scores = score.total(terms, len(table.hops))
    story = paths.build(table, scores, features, found.sessions, found.user_kinds, settings, inside)
    scoring = scoring_key(settings, assets_sha256, tuning_sha256)
    _log(found, story)
    data = assemble(
        Analysis(
            partial=found.partial,
            identity=found.identity,
            findings=found.findings,
            hops=hops.select(table, inside),
            terms={name: values[inside] for name, values in terms.items()},
            paths=story,
            p_values=_p_values(found.baseline, story),
            settings=settings,
            baseline=found.baseline,
            assets_sha256=assets_sha256,
            tuning_sha256=tuning_sha256,
            warnings=[
                *found.warnings,
                *_history_warning(features[inside]),
                *_paths_warning(found.baseline, story, scoring),
            ],
        )
    )
    return Conclusion(data, story, scoring)


def _keys(identity: Identity, images: Sequence[str]) -> dict[str, npt.NDArray[np.uint64]]:
    keys = {
        HOST: [host.key for host in identity.hosts.all],
        ACCOUNT: [account.key for account in identity.accounts.all],
        PROCESS: [content_key("process", image) for image in images],
    }
    return {kind: np.array([int(key, 16) for key in of_kind], np.uint64) for kind, of_kind in keys.items()}


def _p_values(baseline: Baseline | None, story: paths.PathTable) -> list[float | None]:
    if baseline is None:
        return [None] * len(story.paths)
    keys, scores = story.paths["key"].to_numpy(np.uint64), story.paths["score"].to_numpy(np.int64)
    # Six digits, not six places: 1 of more than two million paths is little, not nothing.
    return [float(f"{value:.6g}") for value in baseline.p_values(keys, scores).tolist()]


def _log(found: Evidence, story: paths.PathTable) -> None:
    """What each stage came to."""
    counts: dict[str, Sized] = {
        "hosts": found.identity.hosts.all,
        "accounts": found.identity.accounts.all,
        "alerts": found.findings.alerts,
        "witness rows": found.findings.rows,
        "hops": found.table.hops,
        "unplaced": found.table.unplaced,
        "paths": story.paths,
        "incidents": story.incidents,
    }
    _LOG.info("%s", ", ".join(f"{name} {len(rows)}" for name, rows in counts.items()))


def witness_frame(rows: Sequence[Row]) -> pd.DataFrame:
    """Frame WITNESSES of the rows, in their order."""
    records = {name: number for number, name in enumerate(dict.fromkeys(row.name for row in rows))}
    images = {name: number for number, name in enumerate(images_of(rows))}
    columns: dict[str, object] = {
        "witness": [records[row.name] for row in rows],
        "stage": [STAGES.index(row.stage) for row in rows],
        "side": [SIDES.index(row.side) for row in rows],
        "alert_type": [ALERT_TYPES.index(row.alert_type) if row.alert_type else -1 for row in rows],
        "proves": [OUTCOMES.index(row.proves) for row in rows],
        "process": [images.get(_image(row), -1) for row in rows],
        "renamed": ["renamed" in row.flags for row in rows],
        "masquerade": ["masquerade" in row.flags for row in rows],
        "suppressed": [row.suppressed_by is not None for row in rows],
        "reach_us": [row.reach_us for row in rows],
        "key": [int(row.name[:16], 16) for row in rows],
    }
    for name in ("time_us", "source", "target", "opens", "alert", "denied", "certainty"):
        columns[name] = [getattr(row, name) for row in rows]
    for name in ("source_user", "target_user", "credential"):
        columns[name] = [getattr(row, name) for row in rows]
    return frames.check(frames.make(columns, frames.WITNESSES), frames.WITNESSES, "witnesses")


def _hops(
    findings: Findings, identity: Identity, user_kinds: npt.NDArray[np.int8], settings: Settings
) -> tuple[pd.DataFrame, HopTable]:
    """Hops, with suppression lifted from where an intruder already was (DESIGN §9).

    Each round can only lift more, so this ends.
    """
    keys = [host.key for host in identity.hosts.all]
    while True:
        witnesses = witness_frame(findings.rows)
        table = hops.build(witnesses, keys, user_kinds, window_us=settings.window_us)
        if not lift(findings.rows, findings.alerts, _taken(table)):
            return witnesses, table


def _taken(table: HopTable) -> dict[Taken, int]:
    """Hosts and accounts that an unsuppressed hop took or was given, and from when."""
    proved = table.hops[(~table.hops["suppressed"]) & (table.hops["outcome"] == _EXECUTED)]
    taken: dict[Taken, int] = {}
    for kind, column in (("host", "target"), ("user", "credential")):
        for code, since in zip(proved[column].tolist(), proved["outcome_us"].tolist(), strict=True):
            if code >= 0:
                taken[kind, code] = min(taken.get((kind, code), since), since)
    return taken


def _inside(table: pd.DataFrame, settings: Settings) -> npt.NDArray[np.bool_]:
    first = table["first_us"].to_numpy()
    inside = np.ones(len(first), dtype=np.bool_)
    if settings.since_us is not None:
        inside &= first >= settings.since_us
    if settings.until_us is not None:
        inside &= first < settings.until_us
    return inside


def _days_read(partial: Partial) -> npt.NDArray[np.int64]:
    """UTC days since 1970 that were read, ascending: those on which enough sensors recorded something.

    A few late records of a laptop that was away, or of a clock that runs ahead, are no day of
    history: all that the others did that day would be missing from it. Rows of the query's table
    are no measure, for a host has one only where something happened: any of them makes its day.
    """
    numbers: dict[tuple[str | None, ...], int] = {}

    def sensor(event: Event) -> int:
        if event.source == "table":
            return -1
        return numbers.setdefault((event.cid, event.aid or event.host_name), len(numbers))

    events = [row.event for row in partial.kept.values()]
    events = [event for event in events if event.source == "table" or not of_inventory(event)]
    folded = partial.folded.columns
    kept, times = [sensor(event) for event in events], [event.time_us for event in events]
    spoke = np.empty(len(folded.name), np.int64)
    for seen in partial.folded.by_template():
        spoke[seen.rows] = sensor(seen.event)
    sensors = np.concatenate([np.array(kept, np.int64), spoke])
    days = np.concatenate([np.array(times, np.int64), folded.first_us]) // DAY_US
    of_table = np.unique(days[sensors < 0])
    # One number per day and sensor, so that each pair counts once.
    pairs = np.unique((days * max(len(numbers), 1) + sensors)[sensors >= 0])
    told, counts = np.unique(pairs // max(len(numbers), 1), return_counts=True)
    most = int(counts.max(initial=0))
    return np.union1d(of_table, told[counts * _LEAST_PART >= most])


def _contacts(findings: Findings) -> pd.DataFrame:
    contacts = findings.contacts
    sizes = [len(contact.times) for contact in contacts]
    columns: dict[str, object] = {
        name: np.repeat(np.array([getattr(contact, name) for contact in contacts], np.int32), sizes)
        for name in ("source", "target", "user")
    }
    columns["time_us"] = np.concatenate([contact.times for contact in contacts] or [np.zeros(0, np.int64)])
    return frames.make(columns, frames.CONTACTS)


def _sessions(findings: Findings) -> pd.DataFrame:
    rows = [
        (session.user, session.host, session.kind, session.first_us, session.last_us)
        for session in findings.sessions
    ]
    columns = dict(zip(frames.SESSIONS, zip(*rows, strict=True), strict=True)) if rows else {}
    return frames.make(dict(columns), frames.SESSIONS)


def _tuning_warnings(entries: tuple[Entry, ...], findings: Findings, partial: Partial) -> list[str]:
    """Entries that can no longer match, or never did; the shipped one may be idle."""
    out = []
    last = max((row.event.time_us for row in partial.kept.values()), default=None)
    for entry in entries:
        expired = entry.expires_us is not None and last is not None and last >= entry.expires_us
        if expired:
            out.append(f"tuning entry {entry.name!r} has expired before these records end")
        elif not entry.shipped and entry.name not in findings.matched_entries:
            out.append(f"tuning entry {entry.name!r} matched nothing")
    return out


def _history_warning(features: pd.DataFrame) -> list[str]:
    short = int((~features["sufficient"]).sum())
    if not short:
        return []
    sentence = (
        f"too little history before {short} of {len(features)} hops to tell new from usual; "
        "their rarity is not scored"
    )
    return [sentence]


def _paths_warning(baseline: Baseline | None, story: paths.PathTable, scoring: int) -> list[str]:
    """Why the baseline's paths are nothing to compare with."""
    if baseline is None or story.paths.empty:
        return []
    if baseline.paths.empty:
        return ["the baseline holds no paths: p_value is 1 throughout and says nothing"]
    others = baseline.scored_otherwise(scoring)
    if not others:
        return []
    sentence = (
        f"{others} of the baseline's {len(baseline.days)} days were read with other settings (rules, window, "
        "max-gap, skew, tuning or assets): p_value compares scores that are not alike"
    )
    return [sentence]


def images_of(rows: Sequence[Row]) -> list[str]:
    """Names of processes (of tools of remote execution: paths), lower case, by their code in frames."""
    return sorted({image for row in rows if (image := _image(row))})


def _image(row: Row) -> str:
    """What is new or usual of its program, empty if unknown: of a tool of remote execution where it lies.

    Everybody's PsExec has one name, and an intruder's own copy lies elsewhere than the administrator's.
    An agent keeps its name, and changes its folder with every version.
    """
    if row.alert_type == "PsExecExecution":
        path = row.process_path
        return on_volume(path) if path and has_directory(path) else ""
    return (row.process or "").casefold()
