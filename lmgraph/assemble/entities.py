"""Rows of hosts and accounts: sorted by content, numbered after that, with what was seen of each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, cast

from lmgraph import result
from lmgraph.events import Partial, of_inventory
from lmgraph.identity import Identity
from lmgraph.settings import iso

Sightings = dict[str, tuple[int, int, int]]  # telemetry source -> first, last, records


def telemetry_of(partial: Partial, identity: Identity) -> dict[int, Sightings]:
    """Per host and source, what its sensor told: first, last (µs UTC) and the number of records."""
    seen: dict[int, Sightings] = {}
    told = [(row.event, row.event.time_us, row.event.time_us, row.copies) for row in partial.kept.values()]
    told += [
        (folded.event, folded.first_us, folded.last_us, folded.records)
        for folded in partial.folded.by_template()
    ]
    for event, first, last, records in told:
        host = identity.host_of(event)
        if host < 0 or of_inventory(event):
            continue
        sources = seen.setdefault(host, {})
        known = sources.get(event.source, (first, last, 0))
        sources[event.source] = (min(known[0], first), max(known[1], last), known[2] + records)
    return seen


class Entities:
    """Hosts and accounts of the output, by the codes that the stages use.

    Args:
        identity: Sealed.
        hosts: Codes that the document refers to, beside every host with telemetry of its own.
        users: Codes that the document refers to.
        telemetry: See ``telemetry_of``.
    """

    def __init__(
        self, identity: Identity, hosts: Iterable[int], users: Iterable[int], telemetry: dict[int, Sightings]
    ) -> None:
        self._identity = identity
        self._telemetry = telemetry
        all_hosts, all_users = identity.hosts.all, identity.accounts.all
        shown = {code for code in hosts if code >= 0}
        shown |= {code for code, host in enumerate(all_hosts) if host.token is None}
        self._hosts = sorted(shown, key=lambda code: (all_hosts[code].name.casefold(), all_hosts[code].key))
        named = {code for code in users if code >= 0}
        self._users = sorted(named, key=lambda code: (all_users[code].shown.casefold(), all_users[code].key))
        self._host_ids = {code: f"h{place}" for place, code in enumerate(self._hosts)}
        self._user_ids = {code: f"u{place}" for place, code in enumerate(self._users)}

    def host(self, code: int) -> str | None:
        """Id of a host; ``None`` for an unknown one."""
        return self._host_ids[code] if code >= 0 else None

    def user(self, code: int) -> str | None:
        """Id of an account; ``None`` for an unknown one."""
        return self._user_ids[code] if code >= 0 else None

    def host_rows(self) -> list[result.HostRow]:
        """All hosts, in the order of their ids."""
        addresses: dict[int, list[result.AddressRow]] = {}
        for span in self._identity.addresses.spans():
            addresses.setdefault(span.host, []).append(
                result.AddressRow(
                    ip=span.ip,
                    from_=None if span.first_us is None else iso(span.first_us),
                    to=None if span.last_us is None else iso(span.last_us),
                    by=span.by,
                    certainty=round(span.certainty, 6),
                )
            )
        return [self._host_row(code, addresses.get(code, [])) for code in self._hosts]

    def user_rows(self) -> list[result.UserRow]:
        """All accounts, in the order of their ids."""
        accounts = [(code, self._identity.accounts.all[code]) for code in self._users]
        return [
            result.UserRow(
                id=self._user_ids[code],
                key=account.key,
                name=account.shown,
                domain=account.domain,
                sid=account.sid,
                kind=account.kind,
                privileged=account.privileged,
            )
            for code, account in accounts
        ]

    def _host_row(self, code: int, addresses: list[result.AddressRow]) -> result.HostRow:
        host = self._identity.hosts.all[code]
        addresses.sort(key=lambda row: (row.ip, row.from_ or "", row.to or "", row.by))
        role = host.role if host.role in {"workstation", "server", "dc"} else None
        return result.HostRow(
            id=self._host_ids[code],
            key=host.key,
            name=host.name,
            fqdn=host.fqdn,
            domain=host.domain,
            aids=sorted(host.aids),
            ips=sorted({row.ip for row in addresses}),
            addresses=addresses,
            role=cast("Literal['workstation', 'server', 'dc'] | None", role),
            criticality=host.criticality,
            managed=host.managed,
            telemetry=[
                result.TelemetryRow(source=source, first=iso(first), last=iso(last), records=records)
                for source, (first, last, records) in sorted(self._telemetry.get(code, {}).items())
            ],
            owner=host.owner,
        )
