"""What a responder does next, as far as the evidence tells; nothing is advised that was not seen.

Every text that leaves this module is safe to show, as in ``lmgraph.summary``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from lmgraph.result import HopRow, IncidentRow, PathRow
from lmgraph.schema import OUTCOMES, Outcome, Severity, at_least
from lmgraph.summary import Lookup, Move, number, several
from lmgraph.text import visible

GRAVE: Final = "high"  # from here on a host is worth cutting off; below it somebody is asked first
_WORTH_ASKING: Final = "medium"
_IN_FULL: Final = 3  # incidents of which each step is told
_NAMED: Final = 6  # hosts of a step; the default of ``several``

_EVIDENCE: Final = (
    "Look at the evidence before anything is cut off: none of this is of high severity.",
    "If it was expected and will come back, consider a tuning entry: lmgraph tune proposes some.",
)


def on_path(names: Lookup, path: PathRow) -> list[str]:
    """The steps for one path: as grave as it or its incident, whichever is the graver."""
    hops = [names.hops[key] for key in path.hops]
    accounts = names.accounts(path)
    incident = names.incidents.get(path.incident)
    if _is_grave(path.severity) or (incident is not None and _is_grave(incident.severity)):
        return _respond(names, hops, accounts)
    return [*_ask(names, path.hosts[:1], hops, accounts), *_EVIDENCE]


def on_incidents(names: Lookup, incidents: Sequence[IncidentRow]) -> list[str]:
    """The steps for these incidents, the gravest first, each of all of its hops.

    Those of ``high`` or above are told of; where there is none, those of ``medium``, else the first.
    """
    grave = [row for row in incidents if _is_grave(row.severity)]
    lesser = [row for row in incidents if not _is_grave(row.severity)]
    asked = [row for row in lesser if at_least(row.severity, _WORTH_ASKING)]
    if not grave:
        told = [_of(row, _asking(names, row)) for row in asked[:_IN_FULL] or lesser[:1]]
        return [*(step for steps in told for step in steps), *(_EVIDENCE if told else ())]
    steps = [step for row in grave[:_IN_FULL] for step in _of(row, _responding(names, row))]
    if grave[_IN_FULL:]:
        steps.append(f"Do the same for {_ranks(grave[_IN_FULL:])}: {GRAVE} or above, too.")
    if asked:
        steps.append(f"Ask the owners of the hosts in {_ranks(asked)} ({_WORTH_ASKING}) about that work.")
    return steps


def _is_grave(severity: Severity) -> bool:
    return at_least(severity, GRAVE)


def _of(incident: IncidentRow, steps: Iterable[str]) -> list[str]:
    """The steps, each with the incident that it is for."""
    return [f"Incident {incident.rank}: {step[0].lower()}{step[1:]}" for step in steps]


def _ranks(incidents: Sequence[IncidentRow]) -> str:
    ranks = several((str(row.rank) for row in incidents), 8)
    return f"incident{'s' if len(incidents) > 1 else ''} {ranks}"


def _responding(names: Lookup, incident: IncidentRow) -> list[str]:
    hops = names.moves(incident)
    steps = _respond(names, hops, names.accounts_of(hops, incident.users))
    taken = {hop.target for hop in hops if hop.outcome == "executed"}
    if len(taken) > _NAMED:
        steps.append(
            f"Go through all {number(len(taken), 'host')} where code ran: `hops` of the incident in the JSON."
        )
    return steps


def _asking(names: Lookup, incident: IncidentRow) -> list[str]:
    hops = names.moves(incident)
    return _ask(names, incident.origin_hosts, hops, names.accounts_of(hops, incident.users))


def _ask(
    names: Lookup, origins: Sequence[str], hops: Sequence[HopRow | Move], accounts: Sequence[str]
) -> list[str]:
    """What is found out first where administration is the likelier explanation."""
    whom = several([_owned(names, host) for host in origins], 3)
    whom += f" and of {several(accounts, 3)}" if accounts else ""
    return [f"Ask the owner of {whom} whether this was expected work.", *_blind(names, hops)]


def _owned(names: Lookup, host: str) -> str:
    """The host, and whose it is where the assets file tells."""
    row = names.hosts.get(host)
    return names.host(host) + (f" ({visible(row.owner, 40)})" if row and row.owner else "")


def _respond(names: Lookup, hops: Sequence[HopRow | Move], accounts: Sequence[str]) -> list[str]:
    """What is done about an attack."""
    steps = _hosts_to_visit(names, hops)
    if accounts:
        steps.append(f"Reset or watch the accounts that were used: {several(accounts)}.")
    return steps + _blind(names, hops)


def _blind(names: Lookup, hops: Sequence[HopRow | Move]) -> list[str]:
    blind = dict.fromkeys(names.host(hop.target) for hop in hops if hop.target_visibility == "none")
    return [f"Collect logs from {several(blind)}: nothing here tells what happened there."] if blind else []


def _hosts_to_visit(names: Lookup, hops: Sequence[HopRow | Move]) -> list[str]:
    reached = {hop.target for hop in hops}
    because: dict[str, str] = {}
    for hop in hops:
        because.setdefault(
            hop.source, "it moved on from there" if hop.source in reached else "it starts there"
        )
    because |= {hop.target: "code ran there" for hop in hops if hop.outcome == "executed"}
    isolate: list[str] = []
    keep: list[str] = []
    for host, reason in because.items():
        row = names.hosts.get(host)
        (keep if row and row.role == "dc" else isolate).append(f"{names.host(host)} ({reason})")
    furthest: dict[str, Outcome] = {}
    for hop in (hop for hop in hops if hop.target not in because):
        furthest[hop.target] = max(furthest.get(hop.target, "attempted"), hop.outcome, key=OUTCOMES.index)
    verify = [f"{names.host(host)} ({outcome})" for host, outcome in furthest.items()]
    steps = [f"Isolate and examine {several(isolate, _NAMED)}."] if isolate else []
    steps += [f"Examine without cutting off: {several(keep)}; a domain controller."] if keep else []
    return steps + ([f"Verify {several(verify)}: no code is proved to have run."] if verify else [])
