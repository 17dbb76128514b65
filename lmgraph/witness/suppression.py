"""Tuning applied: what an entry covers, and where suppression ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from lmgraph.identity import Identity
from lmgraph.identity.accounts import Account
from lmgraph.tuning import PERIODIC_LEAST, Entry, Subject, is_periodic, match, possible
from lmgraph.witness.alerts import Alert
from lmgraph.witness.table import Witnesses, distinct

_ASKED: Final = ("source", "target", "user", "process", "process_path", "of", "time_us")
_REMEMBERED: Final = 65_536  # addresses of a host at a time

Columns = dict[str, npt.NDArray[Any]]
Held = Callable[[int, int], tuple[str, ...]]  # addresses of a host at a time, ascending


@dataclass(frozen=True, slots=True)
class Taken:
    """From when an intruder has each host and each account, by code: µs UTC, the greatest int64 for never.

    Either array has one more place at its end, which is never taken: that of the code -1.
    """

    hosts: npt.NDArray[np.int64]
    users: npt.NDArray[np.int64]


def suppress(
    rows: Witnesses, alerts: Sequence[Alert], identity: Identity, entries: tuple[Entry, ...]
) -> frozenset[str]:
    """Mark what an entry covers: each alert, and each witness that could open a hop.

    An alert of several targets is suppressed when all its rows are. Returns the names of the
    entries that covered something.
    """
    if not entries:
        return frozenset()
    by = rows.columns
    asking = np.flatnonzero((by["of"] >= 0) | by["opens"])
    asked = {name: by[name][asking] for name in _ASKED}
    periodic = any(entry.periodic for entry in entries)
    asked["periodic"] = _periodic(rows)[asking] if periodic else np.zeros(asking.size, np.bool_)
    # An alert that names no other host has no row.
    known = np.array([alert.host >= 0 for alert in alerts], np.bool_)
    known[by["of"][by["of"] >= 0]] = False
    lone = _lone(np.flatnonzero(known), alerts)
    asked = {name: np.concatenate([values, lone[name]]) for name, values in asked.items()}
    names = _names(asked, alerts, identity, entries)
    by["suppressed_by"][asking] = names[: asking.size]
    covered = names.astype(np.bool_)
    bare = set(asked["of"][~covered].tolist())
    whole, first = np.unique(asked["of"][covered], return_index=True)
    for index, name in zip(whole.tolist(), names[covered][first].tolist(), strict=True):
        if index >= 0:
            alerts[index].suppressed_by = None if index in bare else name
    return frozenset(names[covered].tolist())


def lift(rows: Witnesses, alerts: Sequence[Alert], taken: Taken) -> bool:
    """Unsuppress what starts at a host that an intruder took, or by an account that he was given.

    Args:
        rows: All witnesses.
        alerts: All alerts.
        taken: Since when.

    Returns whether anything changed.
    """
    by = rows.columns
    since = np.minimum(taken.hosts[by["source"]], taken.users[by["source_user"]])
    lifted = by["suppressed_by"].astype(np.bool_) & (by["time_us"] >= since)
    by["suppressed_by"][lifted] = None
    for index in np.unique(by["of"][lifted]).tolist():
        if index >= 0:
            alerts[index].suppressed_by = None
    return bool(lifted.any())


def _lone(indices: npt.NDArray[np.int64], alerts: Sequence[Alert]) -> Columns:
    """The columns of ``_ASKED`` of alerts without a row."""
    lone = [alerts[index] for index in indices.tolist()]
    return {
        "source": np.array([alert.host for alert in lone], np.int32),
        "target": np.full(len(lone), -1, np.int32),
        "user": np.array([alert.user for alert in lone], np.int32),
        "process": np.array([alert.process for alert in lone], object),
        "process_path": np.array([alert.process_path for alert in lone], object),
        "of": indices.astype(np.int32),
        "time_us": np.array([alert.event.time_us for alert in lone], np.int64),
        "periodic": np.zeros(len(lone), np.bool_),
    }


def _names(
    asked: Columns, alerts: Sequence[Alert], identity: Identity, entries: tuple[Entry, ...]
) -> npt.NDArray[np.object_]:
    """The name of the entry that covers each row of ``asked``, or ``None``; acts that are alike are one."""
    ends = sorted(entry.expires_us for entry in entries if entry.expires_us is not None)
    expired = np.searchsorted(ends, asked["time_us"], side="right")
    what = [asked[name] for name in ("user", "process", "process_path", "periodic")]
    first, number = distinct(*what, expired)
    names = np.full(number.size, None, object)
    by_number = np.argsort(number, kind="stable")
    bounds = np.searchsorted(number[by_number], np.arange(first.size + 1))
    hosts = _Hosts(asked, alerts, identity)
    for place, start, end in zip(first.tolist(), bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        subject = _subject(asked, place, identity)
        fitting = possible(entries, subject)
        same = by_number[start:end]
        if fitting and not any(entry.asks_hosts for entry in fitting):
            names[same] = fitting[0].name
        elif fitting:
            names[same] = hosts.names(fitting, subject, same)
    return names


class _Hosts:
    """What entries say of the hosts of acts that are alike in all else."""

    def __init__(self, asked: Columns, alerts: Sequence[Alert], identity: Identity) -> None:
        self._asked = asked
        self._alerts = alerts
        self._identity = identity
        self._held = lru_cache(_REMEMBERED)(identity.addresses.held)

    def names(
        self, entries: tuple[Entry, ...], subject: Subject, places: npt.NDArray[np.int64]
    ) -> list[str | None]:
        """The name of the first of these entries that covers each place, or ``None``."""
        own, far = (any(entry.asks_address(end) for entry in entries) for end in ("source", "target"))
        answers: dict[tuple[object, ...], str | None] = {}
        out = []
        for source, target, of, time_us in zip(
            *(self._asked[name][places].tolist() for name in ("source", "target", "of", "time_us")),
            strict=True,
        ):
            event = self._alerts[of].event if of >= 0 else None
            own_ips = self._addresses(event.host_ip if event else None, source, time_us) if own else ()
            far_ips = self._addresses(event.remote_ip if event else None, target, time_us) if far else ()
            act = (source, target, own_ips, far_ips)
            if act not in answers:
                answers[act] = match(entries, self._at(subject, *act))
            out.append(answers[act])
        return out

    def _addresses(self, told: str | None, host: int, time_us: int) -> tuple[str, ...]:
        """The address that the record tells, else those of the host then."""
        return (told,) if told else self._held(host, time_us)

    def _at(
        self, subject: Subject, source: int, target: int, own_ips: tuple[str, ...], far_ips: tuple[str, ...]
    ) -> Subject:
        return replace(
            subject,
            source=_called(source, self._identity),
            source_ips=own_ips,
            target=_called(target, self._identity),
            target_ips=far_ips,
            source_listed=source in self._identity.listed,
        )


def _subject(asked: Columns, place: int, identity: Identity) -> Subject:
    """What an entry is held against, but for the hosts."""
    code, process, path = int(asked["user"][place]), asked["process"][place], asked["process_path"][place]
    user = identity.accounts.all[code] if code >= 0 else None
    return Subject(
        source=(),
        source_ips=(),
        target=(),
        target_ips=(),
        user=_spelled(user) if user is not None else (),
        process=(process,) if process else (),
        process_path=(path,) if path else (),
        source_listed=False,
        privileged=user.privileged if user is not None else None,
        periodic=bool(asked["periodic"][place]),
        time_us=int(asked["time_us"][place]),
    )


def _called(code: int, identity: Identity) -> tuple[str, ...]:
    if code < 0:
        return ()
    host = identity.hosts.all[code]
    return tuple(name for name in (host.name, host.fqdn) if name)


def _spelled(account: Account) -> tuple[str, ...]:
    """The account as any record has it: which spelling will be shown is not settled yet."""
    written = {f"{domain}\\{name}" for domain, name in account.spellings if domain}
    return (account.name, account.shown, *sorted(written))


def _periodic(rows: Witnesses) -> npt.NDArray[np.bool_]:
    """Whether each row's pair and process come back at regular intervals, as an agent's do."""
    by = rows.columns
    codes, values = pd.factorize(by["process"])
    folded = np.array([*(value.casefold() for value in values), ""], object)[codes]
    first, beat = distinct(by["source"], by["target"], folded)
    opens = np.flatnonzero(by["opens"])
    opens = opens[np.lexsort((by["time_us"][opens], beat[opens]))]
    bounds = np.searchsorted(beat[opens], np.arange(first.size + 1))
    regular = np.zeros(first.size, np.bool_)
    for one in np.flatnonzero(np.diff(bounds) >= PERIODIC_LEAST).tolist():
        times = by["time_us"][opens[bounds[one] : bounds[one + 1]]]
        regular[one] = is_periodic(np.unique(times).tolist())
    return regular[beat]
