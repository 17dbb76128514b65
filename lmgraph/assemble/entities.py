"""Rows of hosts and accounts: sorted by content, numbered after that, with what was seen of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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

    Attributes:
        host_ids: Id of a host by its code; ``None`` for the unknown one, whose code is -1.
        host_places: Number of a host in the order of ids by its code.
        host_names: Name of a host by its id.
        user_ids, user_places, user_names: The same of accounts.
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
        self.host_ids, self.host_places = _numbered("h", self._hosts, len(all_hosts))
        self.user_ids, self.user_places = _numbered("u", self._users, len(all_users))
        self.host_names = {f"h{place}": all_hosts[code].name for place, code in enumerate(self._hosts)}
        self.user_names = {f"u{place}": all_users[code].shown for place, code in enumerate(self._users)}

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
        return [
            self._host_row(place, code, addresses.get(code, [])) for place, code in enumerate(self._hosts)
        ]

    def user_rows(self) -> list[result.UserRow]:
        """All accounts, in the order of their ids."""
        accounts = [self._identity.accounts.all[code] for code in self._users]
        return [
            result.UserRow(
                id=f"u{place}",
                key=account.key,
                name=account.shown,
                domain=account.domain,
                sid=account.sid,
                kind=account.kind,
                privileged=account.privileged,
            )
            for place, account in enumerate(accounts)
        ]

    def _host_row(self, place: int, code: int, addresses: list[result.AddressRow]) -> result.HostRow:
        host = self._identity.hosts.all[code]
        addresses.sort(key=lambda row: (row.ip, row.from_ or "", row.to or "", row.by))
        role = host.role if host.role in {"workstation", "server", "dc"} else None
        return result.HostRow(
            id=f"h{place}",
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


def sorted_ids(codes: Iterable[int], places: Sequence[int], ids: Sequence[str | None]) -> list[str]:
    """Ids of hosts or accounts of known codes, in the order of their numbers."""
    return [ids[code] or "" for code in sorted(codes, key=places.__getitem__)]


def _numbered(letter: str, shown: Sequence[int], count: int) -> tuple[list[str | None], list[int]]:
    """By code the id, ``None`` behind the last for -1, and the number in it."""
    ids: list[str | None] = [None] * (count + 1)
    places = [-1] * (count + 1)
    for place, code in enumerate(shown):
        ids[code], places[code] = f"{letter}{place}", place
    return ids, places
