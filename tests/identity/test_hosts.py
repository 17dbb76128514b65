"""One host behind its sensor ids, names and spellings."""

from __future__ import annotations

from itertools import permutations

import pytest

from lmgraph.identity.hosts import Hosts
from lmgraph.schema import Event


def seen(name: str | None, aid: str | None = None, domain: str | None = None, *, cid: str = "c") -> Event:
    return Event(
        kind="host_info" if aid else "table_alert",
        time_us=0,
        cid=cid if aid else None,
        aid=aid,
        host_name=name,
        host_domain=domain,
    )


def book(*events: Event) -> Hosts:
    return Hosts((event, place) for place, event in enumerate(events))


def test_a_reinstalled_host_is_one_host() -> None:
    old, new = seen("WS1", "a1", "corp.example"), seen("ws1", "a2", "corp.example")
    hosts = book(old, new)
    assert hosts.of_row(old) == hosts.of_row(new)
    assert hosts.all[hosts.of_row(old)].aids == {"a1", "a2"}


def test_two_domains_that_share_a_short_name_are_two_hosts() -> None:
    red, blue = seen("SRV1", "a1", "red.example"), seen("SRV1", "a2", "blue.example")
    near = seen("WS1", "a3", "blue.example")
    hosts = book(red, blue, near)
    assert hosts.of_row(red) != hosts.of_row(blue)
    assert hosts.named("srv1.red.example") == [hosts.of_row(red)]
    assert hosts.named("SRV1", hosts.of_row(near)) == [hosts.of_row(blue)]
    assert sorted(hosts.named("SRV1")) == sorted([hosts.of_row(red), hosts.of_row(blue)])
    hosts.seal()
    assert len({host.key for host in hosts.all}) == 3


def test_a_netbios_domain_and_a_dns_domain_can_be_one() -> None:
    one, other = seen("SRV1", "a1", "CORP"), seen("SRV1.corp.example", "a2")
    hosts = book(one, other)
    assert hosts.of_row(one) == hosts.of_row(other)
    assert hosts.all[0].fqdn == "srv1.corp.example"


def test_a_row_without_a_sensor_joins_the_host_of_that_name() -> None:
    sensor, row = seen("WS1", "a1", "corp.example"), seen("WS1.corp.example")
    hosts = book(row, sensor)
    assert hosts.of_row(row) == hosts.of_row(sensor)


def test_two_customers_are_never_one_host() -> None:
    one, other = seen("WS1", "a1", cid="c1"), seen("WS1", "a1", cid="c2")
    hosts = book(one, other)
    assert hosts.of_row(one) != hosts.of_row(other)


def test_a_name_cut_to_fifteen_characters_means_the_longer_one() -> None:
    long = seen("FILESERVER-BERLIN-01", "a1")
    hosts = book(long)
    assert hosts.named("FILESERVER-BERL") == [hosts.of_row(long)]
    assert hosts.named("FILESERVER-BER") == []
    cut = seen("FILESERVER-MUNI", "a2")
    hosts = book(cut)
    assert hosts.named("fileserver-munich-02") == [hosts.of_row(cut)]


def test_a_former_name_still_leads_to_the_host_unless_another_bears_it() -> None:
    hosts = book(seen("OLD", "a1"), seen("NEW", "a1"))
    assert hosts.named("old") == [0]
    assert hosts.all[0].name == "NEW"
    again = seen("OLD", "a2")
    hosts = book(seen("OLD", "a1"), seen("NEW", "a1"), again)
    assert hosts.named("old") == [hosts.of_row(again)]


def test_a_target_that_nothing_knows_is_one_unmanaged_host() -> None:
    hosts = book(seen("WS1", "a1"))
    made = hosts.unknown("nas3.corp.example")
    assert hosts.unknown("NAS3.corp.example") == made
    assert hosts.named("nas3") == [made]
    assert (hosts.all[made].name, hosts.all[made].managed) == ("NAS3", False)
    assert hosts.all[hosts.unknown("::ffff:10.0.0.9")].name == "10.0.0.9"
    assert hosts.unknown("10.0.0.9", realm=1) != hosts.unknown("10.0.0.9")


def test_a_sensor_that_nothing_names_is_a_host_by_its_id() -> None:
    lone = seen(None, "ab12")
    hosts = book(lone)
    assert hosts.all[hosts.of_row(lone)].name == "ab12"


def test_a_row_that_names_no_host_has_none() -> None:
    assert book().of_row(Event(kind="table_alert", time_us=0)) == -1


def test_a_host_of_the_assets_file_alone_is_known_but_not_managed() -> None:
    hosts = book(seen("WS1", "a1"))
    made = hosts.listed("PRINTER9")
    assert not hosts.all[made].managed
    assert hosts.named("printer9") == [made]


@pytest.mark.parametrize("order", list(permutations(["nas7", "nas7.a.example", "nas7.b.example"])))
def test_targets_that_only_names_tell_of_do_not_depend_on_their_order(order: tuple[str, ...]) -> None:
    hosts = book()
    hosts.meet((name, None) for name in order)
    full = {hosts.named("nas7.a.example")[0], hosts.named("NAS7.b.example")[0]}
    assert len(hosts.all) == len(full) == 2
    assert set(hosts.named("nas7")) == full
    assert set(hosts.named("\\\\NAS7")) == full


def test_a_short_name_means_who_has_a_sensor_before_who_has_none() -> None:
    sensor = seen("NAS7", "a1", "corp.example")
    hosts = book(sensor)
    hosts.meet([("nas7.other.example", None)])
    assert hosts.named("nas7") == [hosts.of_row(sensor)]
    assert hosts.named("nas7.other.example") != [hosts.of_row(sensor)]


@pytest.mark.parametrize("name", [".", "\\\\", " "])
def test_a_name_that_names_nothing_is_none(name: str) -> None:
    assert book(seen(name)).of_row(seen(name)) == -1
