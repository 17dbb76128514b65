"""From records to witnesses: final alerts, corroboration, sessions, contacts; tuning applied here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import chain

from lmgraph.events import Partial
from lmgraph.identity import Identity
from lmgraph.settings import Settings
from lmgraph.tuning import Entry
from lmgraph.witness.alerts import Alert, decide
from lmgraph.witness.contacts import Contact, contacts_of
from lmgraph.witness.inference import infer_addresses
from lmgraph.witness.rows import of_alerts, of_context, spread
from lmgraph.witness.sessions import Session, sessions_of
from lmgraph.witness.suppression import Taken, lift, suppress
from lmgraph.witness.table import Row, Witnesses, distinct

__all__ = [
    "Alert",
    "Contact",
    "Findings",
    "Row",
    "Session",
    "Taken",
    "Witnesses",
    "distinct",
    "lift",
    "testimony",
]


@dataclass(slots=True)
class Findings:
    """All that the records say once they are joined; in content order."""

    alerts: list[Alert]
    rows: Witnesses
    sessions: list[Session]
    contacts: list[Contact]
    rule_matches: Counter[str]
    absorbed: int  # table rows whose full record lay beside them
    matched_entries: frozenset[str]  # tuning entries that covered an alert


def testimony(
    partial: Partial,
    identity: Identity,
    settings: Settings,
    entries: tuple[Entry, ...],
) -> Findings:
    """Decide the rules, resolve both ends of every witness, and apply the tuning entries.

    Args:
        partial: All that was read.
        identity: Of the same records; learns addresses that only co-occurrence shows.
        settings: Of the run.
        entries: Tuning entries in force.
    """
    decided = decide(partial, identity, settings)
    infer_addresses(decided.alerts, decided.context, identity)
    made = chain(of_alerts(decided.alerts, identity), of_context(decided.context, identity))
    rows = spread(Witnesses.of(made), decided.alerts, settings)
    matched = suppress(rows, decided.alerts, identity, entries)
    rows = rows.in_order()
    return Findings(
        alerts=decided.alerts,
        rows=rows,
        sessions=sessions_of(partial, identity),
        contacts=contacts_of(partial, rows, identity),
        rule_matches=decided.rule_matches,
        absorbed=decided.absorbed,
        matched_entries=matched,
    )
