"""Who is who in time: every host, address, account and process behind what the records say."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from lmgraph.assets import Asset
from lmgraph.events import Kept, Partial, dated, ordered
from lmgraph.identity.accounts import Accounts
from lmgraph.identity.addresses import Addresses, Holder
from lmgraph.identity.hosts import Hosts
from lmgraph.names import identifies, is_self
from lmgraph.rules.verdict import movements, tokens
from lmgraph.schema import Event
from lmgraph.settings import DAY_US
from lmgraph.text import visible

__all__ = ["Holder", "Identity"]

REALM_US: Final = 7 * DAY_US  # recordings this far apart that share no host are two data sets


class Identity:
    """The entities of a run. Ask by record, name or address; ``seal`` before reading keys.

    Args:
        partial: All that was read.
        assets: Lines of the assets file.
    """

    def __init__(self, partial: Partial, assets: Iterable[Asset] = ()) -> None:
        whole = [row for rows in (partial.kept, partial.found) for _, row in ordered(rows)]
        folds = [row for rows in (partial.folded, partial.sightings) for row in dated(rows)]
        rows = [(row.event, row.event.time_us, row.event.time_us) for row in whole]
        rows += [(event, tally.first_us, tally.last_us) for event, tally in folds]
        self.warnings: list[str] = []
        self.hosts = Hosts((event, last) for event, _, last in rows)
        self.hosts.meet(_targets(event for event, _, _ in rows))
        self.accounts = Accounts(
            (event for event, _, _ in rows), _credentials(whole), {host.short for host in self.hosts.all}
        )
        self.addresses = Addresses()
        self._processes = _processes(whole)
        self._realms = self._part_realms(rows)
        for event, first, last in rows:
            self._learn_address(event, first, last)
        self.listed = frozenset(self._enlist(asset) for asset in assets) - {-1}

    def host_of(self, event: Event) -> int:
        """The host that wrote the record; -1 where the record does not say."""
        return self.hosts.of_row(event)

    def process_of(self, event: Event) -> Event | None:
        """The start of the process behind a record, by (cid, aid, process id)."""
        if event.kind == "process_start" or not event.aid or not event.process_id:
            return None
        return self._processes.get((event.cid or "", event.aid, event.process_id))

    def user_of(self, event: Event) -> int:
        """The account behind a record: its own, else that of its process; -1 for none."""
        own = self.accounts.of_event(event)
        start = self.process_of(event) if own < 0 else None
        return self.accounts.of_event(start) if start is not None else own

    def by_name(self, token: str, near: int) -> list[Holder]:
        """The hosts that a name in a command or record can mean, equal shares; made where unknown."""
        found = self.hosts.named(token, near) or [self.hosts.unknown(token, near)]
        return [Holder(host, 1 / len(found), "name") for host in sorted(found)]

    def by_address(self, ip: str, time_us: int, near: int) -> list[Holder]:
        """The hosts that may have held an address; the one that stands for it where none is known."""
        cid = self.hosts.all[near].cid if near >= 0 else None
        hosts = self.hosts.all
        found = self.addresses.holders(
            ip, time_us, lambda host: cid is None or hosts[host].cid in {None, cid}
        )
        if found:
            return found
        return [Holder(self.hosts.unknown(ip, near, self._realm(ip, time_us)), 1.0, "unresolved")]

    def seal(self) -> None:
        """Settle keys and spellings; call once everything has been resolved."""
        self.hosts.seal()
        self.accounts.seal()

    def _learn_address(self, event: Event, first_us: int, last_us: int) -> None:
        host = self.host_of(event)
        if (
            event.remote_name
            and identifies(event.remote_ip)
            and event.remote_ip
            and event.kind != "share_client"
        ):
            named = self.hosts.named(event.remote_name, host)
            if len(named) == 1 and not is_self(event.remote_name):
                self.addresses.tell(named[0], event.remote_ip, (first_us, last_us))
        if host < 0 or event.host_ip is None or not identifies(event.host_ip):
            return
        if event.kind == "address_removed":
            self.addresses.remove(host, event.host_ip, last_us)
            return
        by = {"address": "address-event", "host_info": "inventory"}.get(event.kind, "local-address")
        given = event.kind == "address"
        self.addresses.see(host, event.host_ip, (first_us, last_us), by=by, given=given)
        if event.kind == "accept" and event.remote_ip and event.remote_port:
            connection = (event.cid or "", event.remote_ip, event.remote_port, event.host_ip)
            self.addresses.accept(host, connection, first_us)

    def _enlist(self, asset: Asset) -> int:
        """Apply a line of the assets file; the host it speaks of, -1 where that stays open."""
        found = self.hosts.named(asset.host)
        if len(found) > 1:  # two domains share the name: the address may tell which is meant
            found = [host for host in found if asset.ip in self.addresses.of_host(host)]
            if len(found) != 1:
                self.warnings.append(
                    f"assets: {visible(asset.host)} names several hosts; write its full name"
                )
                return -1
        index = found[0] if found else self.hosts.listed(asset.host)
        host = self.hosts.all[index]
        host.role = asset.role or host.role
        host.criticality = asset.criticality or host.criticality
        host.owner = asset.owner or host.owner
        if asset.ip is not None:
            self.addresses.enlist(index, asset.ip, asset.valid_from_us, asset.valid_to_us)
        return index

    def _part_realms(self, rows: list[tuple[Event, int, int]]) -> dict[str, list[int]]:
        """Per address, the times at which its next data set begins (DESIGN §6: no shared host or time)."""
        uses: dict[str, set[tuple[int, int, int]]] = {}
        for event, first, last in rows:
            if event.remote_ip is not None:
                uses.setdefault(event.remote_ip, set()).add((first, last, self.host_of(event)))
        starts: dict[str, list[int]] = {}
        for ip, seen in uses.items():
            hosts: set[int] = set()
            until: int | None = None
            for first, last, host in sorted(seen):
                if until is not None and first - until > REALM_US and host not in hosts:
                    starts.setdefault(ip, []).append(first)
                    hosts = set()
                hosts.add(host)
                until = last if until is None else max(until, last)
        return starts

    def _realm(self, ip: str, time_us: int) -> int:
        return sum(start <= time_us for start in self._realms.get(ip, ()))


def _targets(events: Iterable[Event]) -> set[tuple[str, str | None]]:
    """Names of hosts that records give as their other end, with the cid of who gave them."""
    found: set[tuple[str, str | None]] = set()
    for event in events:
        if event.remote_name and not is_self(event.remote_name):
            found.add((event.remote_name, event.cid))
        found.update((token, event.cid) for token in tokens(event) if not is_self(token))
    return found


def _credentials(rows: Iterable[Kept]) -> set[str]:
    """Accounts that command lines give explicitly, as written."""
    found = {movement.credential for row in rows for movement in movements(row.event)}
    return {written for written in found if written is not None}


def _processes(rows: Iterable[Kept]) -> dict[tuple[str, str, str], Event]:
    """Process starts by (cid, aid, process id); of two, the one whose record comes first."""
    starts: dict[tuple[str, str, str], Event] = {}
    for row in rows:
        event = row.event
        if event.kind == "process_start" and event.aid and event.process_id:
            starts.setdefault((event.cid or "", event.aid, event.process_id), event)
    return starts
