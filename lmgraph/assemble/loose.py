"""Rows of what belongs to no hop: unplaced witnesses, sessions, contacts; made when they are looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from lmgraph import result
from lmgraph.assemble.entities import Entities
from lmgraph.assemble.times import isos, isos_or_none
from lmgraph.rows import Rows
from lmgraph.witness import Contact, Findings, Session

if TYPE_CHECKING:
    from lmgraph.assemble import Analysis
    from lmgraph.schema import Stage


def unplaced_rows(
    analysis: Analysis, entities: Entities, inputs: Mapping[str, int]
) -> Rows[result.UnplacedRow]:
    """Witnesses that no hop took, those inside the interval asked for, in the order of time."""
    settings, witnesses = analysis.settings, analysis.findings.rows
    columns = (analysis.hops.unplaced[name].tolist() for name in ("row", "reason", "candidates"))
    found = [
        (witnesses[row], reason, candidates)
        for row, reason, candidates in zip(*columns, strict=True)
        if (settings.since_us is None or witnesses[row].time_us >= settings.since_us)
        and (settings.until_us is None or witnesses[row].time_us < settings.until_us)
    ]

    def make(places: Sequence[int]) -> list[result.UnplacedRow]:
        chosen = [found[place] for place in places]
        times = isos([row.time_us for row, _, _ in chosen])
        return [
            result.UnplacedRow(
                time=time,
                host=entities.host_ids[row.host],
                user=entities.user_ids[row.user],
                stage=cast("Stage", row.stage),
                kind=row.kind,
                object=row.object,
                reason=reason,
                candidates=[f"e{hop}" for hop in sorted(candidates)],
                origin=result.OriginRow(input=inputs[row.origin.path], record=row.origin.record),
            )
            for (row, reason, candidates), time in zip(chosen, times, strict=True)
        ]

    return Rows(len(found), make)


def session_rows(findings: Findings, entities: Entities) -> Rows[result.SessionRow]:
    """All sessions by their beginning, account and host."""
    users, hosts = entities.user_places, entities.host_places

    def order(session: Session) -> tuple[Any, ...]:
        return session.first_us, users[session.user], hosts[session.host], session.kind

    ordered = sorted(findings.sessions, key=order)

    def make(places: Sequence[int]) -> list[result.SessionRow]:
        chosen = [ordered[place] for place in places]
        firsts, lasts = (isos([getattr(row, name) for row in chosen]) for name in ("first_us", "last_us"))
        ends = isos_or_none([row.ended_us for row in chosen])
        return [
            result.SessionRow(
                user=entities.user_ids[session.user] or "",
                host=entities.host_ids[session.host] or "",
                kind=session.kind,
                first=first,
                last=last,
                ended=ended,
                count=session.count,
            )
            for session, first, last, ended in zip(chosen, firsts, lasts, ends, strict=True)
        ]

    return Rows(len(ordered), make)


def contact_rows(findings: Findings, entities: Entities) -> Rows[result.ContactRow]:
    """All contacts by their ends and account."""
    hosts, users = entities.host_places, entities.user_places

    def order(contact: Contact) -> tuple[int, int, int]:
        return hosts[contact.source], hosts[contact.target], users[contact.user]

    ordered = sorted(findings.contacts, key=order)

    def make(places: Sequence[int]) -> list[result.ContactRow]:
        chosen = [ordered[place] for place in places]
        firsts, lasts = (isos([row.times[place] for row in chosen]) for place in (0, -1))
        return [
            result.ContactRow(
                source=entities.host_ids[contact.source] or "",
                target=entities.host_ids[contact.target] or "",
                user=entities.user_ids[contact.user],
                days=contact.days,
                count=contact.count,
                first=first,
                last=last,
            )
            for contact, first, last in zip(chosen, firsts, lasts, strict=True)
        ]

    return Rows(len(ordered), make)
