"""What really happened: ``truth.json``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

from lmgraph.simulate.acts import FILE_SHARE
from lmgraph.simulate.delivery import Tally
from lmgraph.simulate.estate import DOMAIN, Account, Estate, Host
from lmgraph.simulate.times import horizon, iso
from lmgraph.simulate.world import World

SCHEMA: Final = "lmgraph/truth/1"
_ROWS: Final = "rows"  # stands for a list that is written a row a line
Outcome = Literal["attempted", "connected", "accessed", "executed"]
Protocol = Literal["smb", "rdp"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One movement of an attack. Times are true ones (ms), whatever the hosts' clocks say.

    Attributes:
        number: Counts from 0 within the attack.
        parent: Number of the hop that led to the source; None at the origin.
        account: Whose rights were used on the target.
        actor: Who acted on the source.
        explicit: The account was typed, or its secret passed, rather than that of the session.
        token: How the command named the target; None without one.
        events: Ids of the records that the sensors wrote of it.
    """

    number: int
    parent: int | None
    source: Host
    target: Host
    account: Account
    actor: Account
    explicit: bool
    first: int
    last: int
    outcome: Outcome
    how: str
    protocol: Protocol
    token: str | None
    events: tuple[str, ...]


@dataclass(slots=True)
class Attack:
    """An attack: where and as whom it began, and its hops in the order of time."""

    number: str
    scenario: str
    goal: str
    stealth: str
    origin: Host
    account: Account
    entered: int
    hops: list[Hop] = field(default_factory=list)


def document(world: World, attacks: Sequence[Attack], tally: Tally) -> bytes:
    """``truth.json``; the page ``docs/simulate.md`` explains its keys."""
    first, last = horizon(world.options.days)
    movements = dict(sorted(world.ledger.movements.items()))
    truth = {
        "schema": SCHEMA,
        "settings": asdict(world.options) | {"scenarios": list(world.options.scenarios)},
        "from": iso(first),
        "to": iso(last),
        "hosts": _hosts(world.estate),
        "benign": {
            "movements": sum(movements.values()),
            "by_kind": movements,
            "pairs": len(world.ledger.pairs),
            "misspelt": sorted((host.name, name, day) for host, name, day in world.ledger.misspelt),
            "moved": _ROWS,
        },
        "delivery": asdict(tally),
        "attacks": [_attack(attack) for attack in attacks],
    }
    rows = ",\n   ".join(json.dumps(row) for row in _moved(world))
    text = json.dumps(truth, indent=1).replace(json.dumps(_ROWS), f"[\n   {rows}\n  ]" if rows else "[]")
    return text.encode() + b"\n"


def _hosts(estate: Estate) -> dict[str, Any]:
    managed = [host for host in estate.hosts if host.managed]
    bare = [host for host in estate.hosts if not host.managed]
    return {
        "total": len(estate.hosts),
        "managed": len(managed),
        "without_sensor": [host.name for host in bare],
        "clock_ms": {host.name: host.clock_ms for host in managed if abs(host.clock_ms) >= 5_000},
        "addresses": {host.name: list(dict.fromkeys(address for _, address in host.leases)) for host in bare},
    }


def _moved(world: World) -> list[tuple[str, str, list[int], list[str]]]:
    """Every pair of hosts between which the background touched port 445: on which days, by what."""
    return sorted(
        (source.name, target.name, sorted(contact.days), sorted(contact.kinds) or [FILE_SHARE])
        for (source, target), contact in world.ledger.contacts.items()
    )


def _attack(attack: Attack) -> dict[str, Any]:
    hops = attack.hops
    reached = {hop.target.name for hop in hops if hop.outcome == "executed"}
    return {
        "id": attack.number,
        "scenario": attack.scenario,
        "goal": attack.goal,
        "stealth": attack.stealth,
        "origin": attack.origin.name,
        "origin_account": _name(attack.account),
        "entered": iso(attack.entered),
        "first": iso(hops[0].first) if hops else None,
        "last": iso(max(hop.last for hop in hops)) if hops else None,
        "accounts": sorted({_name(hop.account) for hop in hops}),
        "reached": sorted(reached),
        "touched": sorted({hop.target.name for hop in hops} - reached),
        "hops": [_hop(attack, hop) for hop in hops],
    }


def _hop(attack: Attack, hop: Hop) -> dict[str, Any]:
    return {
        "id": f"{attack.number}/{hop.number}",
        "parent": None if hop.parent is None else f"{attack.number}/{hop.parent}",
        "source": hop.source.name,
        "target": hop.target.name,
        "source_ip": hop.source.ip(hop.first),
        "target_ip": hop.target.ip(hop.first),
        "source_managed": hop.source.managed,
        "target_managed": hop.target.managed,
        "account": _name(hop.account),
        "actor": _name(hop.actor),
        "explicit": hop.explicit,
        "first": iso(hop.first),
        "last": iso(hop.last),
        "outcome": hop.outcome,
        "how": hop.how,
        "protocol": hop.protocol,
        "token": hop.token,
        "events": list(hop.events),
    }


def _name(account: Account) -> str:
    return account.name if account.rid < 100 else rf"{DOMAIN}\{account.name}"
