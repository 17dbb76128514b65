"""Who is who in time: every host, address, account and process behind what the records say."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from lmgraph.assets import Asset
from lmgraph.events import Partial
from lmgraph.folds import Folds
from lmgraph.identity.accounts import Accounts
from lmgraph.identity.addresses import Addresses, Holder
from lmgraph.identity.hosts import Hosts
from lmgraph.names import identifies, is_self
from lmgraph.rules.verdict import movements
from lmgraph.schema import Event
from lmgraph.settings import DAY_US
from lmgraph.text import visible

__all__ = ["Holder", "Identity"]

I64 = npt.NDArray[np.int64]
_Process = tuple[str, str, str]  # cid or "", aid, process id

REALM_US: Final = 7 * DAY_US  # recordings this far apart that share no host are two data sets
_EVIDENCE: Final = {"address": "address-event", "host_info": "inventory"}


class Identity:
    """The entities of a run. Ask by record, name or address; ``seal`` before reading keys.

    Args:
        partial: All that was read.
        assets: Lines of the assets file.
    """

    def __init__(self, partial: Partial, assets: Iterable[Asset] = ()) -> None:
        events = [row.event for rows in (partial.kept, partial.found) for row in rows.values()]
        folds = (partial.folded, partial.sightings)
        folded = [seen for each in folds for seen in each.by_template()]
        self.warnings: list[str] = []
        self.hosts = Hosts(
            [*((event, event.time_us) for event in events), *((seen.event, seen.last_us) for seen in folded)]
        )
        targets, credentials = _named_in(chain(events, (seen.event for seen in folded)))
        self.hosts.meet(targets)
        self.accounts = Accounts(
            chain(events, *map(_tellings, folds)), credentials, {host.short for host in self.hosts.all}
        )
        self.addresses = Addresses()
        self._processes = _processes(partial)
        self._realms = self._part_realms(events, folds)
        for event in events:
            self._learn_address(event, (event.time_us,), event.time_us)
        for each in folds:
            columns = each.columns
            for seen in each.by_template():
                times = array("q", columns.first_us[seen.rows].tobytes())
                times.frombytes(columns.last_us[seen.rows].tobytes())
                self._learn_address(seen.event, times, seen.first_us)
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

    def by_addresses(self, ip: str, times: I64, near: int) -> I64:
        """The likeliest of ``by_address`` at each time."""
        hosts = self.hosts.all
        cid = hosts[near].cid if near >= 0 else None
        found = self.addresses.likeliest(
            ip, times, lambda host: cid is None or hosts[host].cid in {None, cid}
        )
        unknown = found < 0
        realms = np.searchsorted(self._realms.get(ip, []), times[unknown], "right")
        stand_ins = {realm: self.hosts.unknown(ip, near, realm) for realm in np.unique(realms).tolist()}
        found[unknown] = [stand_ins[realm] for realm in realms.tolist()]
        return found

    def seal(self) -> None:
        """Settle keys and spellings; call once everything has been resolved."""
        self.hosts.seal()
        self.accounts.seal()

    def _learn_address(self, event: Event, times: Iterable[int], first_us: int) -> None:
        """Take what a record, or a template seen at those times, says of who has an address."""
        host = self.host_of(event)
        ip, name = event.remote_ip, event.remote_name
        if ip and name and event.kind != "share_client" and identifies(ip) and not is_self(name):
            named = self.hosts.named(name, host)
            if len(named) == 1:
                self.addresses.tell(named[0], ip, times)
        if host < 0 or event.host_ip is None or not identifies(event.host_ip):
            return
        if event.kind == "address_removed":
            self.addresses.remove(host, event.host_ip, event.time_us)
            return
        by = _EVIDENCE.get(event.kind, "local-address")
        self.addresses.see(host, event.host_ip, times, by=by, given=event.kind == "address")
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

    def _part_realms(self, events: Iterable[Event], folds: Iterable[Folds]) -> dict[str, list[int]]:
        """Per address, the times at which its next data set begins (DESIGN §6: no shared host or time)."""
        uses: dict[str, tuple[array[int], array[int], array[int]]] = defaultdict(_three)
        for event in events:
            if event.remote_ip is not None:
                for column, value in zip(
                    uses[event.remote_ip], (event.time_us, event.time_us, self.host_of(event)), strict=True
                ):
                    column.append(value)
        for each in folds:
            columns = each.columns
            for seen in each.by_template():
                if seen.event.remote_ip is not None:
                    first, last, host = uses[seen.event.remote_ip]
                    first.frombytes(columns.first_us[seen.rows].tobytes())
                    last.frombytes(columns.last_us[seen.rows].tobytes())
                    host.extend([self.host_of(seen.event)] * (len(first) - len(host)))
        # Only what reaches over more than the gap can have one.
        return {
            ip: _starts(*map(np.array, found))
            for ip, found in uses.items()
            if max(found[1]) - min(found[0]) > REALM_US
        }

    def _realm(self, ip: str, time_us: int) -> int:
        return sum(start <= time_us for start in self._realms.get(ip, ()))


def _three() -> tuple[array[int], array[int], array[int]]:
    return array("q"), array("q"), array("q")


def _starts(first: I64, last: I64, host: I64) -> list[int]:
    """The times at which a further data set begins: after a gap, by a host that the last one lacks."""
    order = np.lexsort((host, last, first))
    first, last, host = first[order], last[order], host[order]
    gaps = np.flatnonzero(first[1:] - np.maximum.accumulate(last)[:-1] > REALM_US) + 1
    begin, starts = 0, []
    for gap in gaps.tolist():
        if host[gap] not in host[begin:gap]:
            starts.append(int(first[gap]))
            begin = gap
    return starts


def _tellings(folds: Folds) -> Iterator[Event]:
    """Events that say of accounts what the templates say: at their latest time, of a logon id at each."""
    first_us = folds.columns.first_us
    for seen in folds.by_template():
        times = first_us[seen.rows] if seen.event.logon_id else first_us[seen.rows][-1:]
        for time_us in times.tolist():
            yield msgspec.structs.replace(seen.event, time_us=time_us)


def _named_in(events: Iterable[Event]) -> tuple[set[tuple[str, str | None]], set[str]]:
    """What records name: hosts at their other end, with the cid of who names them; accounts as written."""
    hosts: set[tuple[str, str | None]] = set()
    accounts: set[str] = set()
    for event in events:
        if event.remote_name and not is_self(event.remote_name):
            hosts.add((event.remote_name, event.cid))
        for movement in movements(event):
            hosts.update(
                (target.token, event.cid)
                for target in movement.targets
                if target.kind in {"name", "ip"} and not is_self(target.token)
            )
            if movement.credential is not None:
                accounts.add(movement.credential)
    return hosts, accounts


def _processes(partial: Partial) -> dict[_Process, Event]:
    """Process starts by (cid, aid, process id); of two, the one whose record comes first."""
    starts: dict[_Process, tuple[int, int, bytes, Event]] = {}
    for look, rows in enumerate((partial.kept, partial.found)):
        for name, row in rows.items():
            event = row.event
            if event.kind == "process_start" and event.aid and event.process_id:
                place = (event.cid or "", event.aid, event.process_id)
                start = (look, event.time_us, name, event)
                known = starts.get(place)
                if known is None or start[:3] < known[:3]:
                    starts[place] = start
    return {place: start[3] for place, start in starts.items()}
