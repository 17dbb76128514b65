"""The company: who is there, and who holds which address when."""

from __future__ import annotations

from itertools import pairwise

import pytest

from lmgraph.simulate.estate import Account, Host, Site, build, may
from lmgraph.simulate.times import DAY, START

SITE = Site(0, "BER", 1)


@pytest.mark.parametrize("hosts", [20, 100, 700])
def test_everybody_is_there(hosts):
    estate = build(1, hosts, 5, 1.0)
    assert len(estate.hosts) == hosts
    assert len({host.name for host in estate.hosts}) == hosts
    assert all(len(host.name) <= 15 for host in estate.hosts)  # a NetBIOS name
    for role in (
        "dc",
        "file",
        "jump",
        "backup",
        "monitor",
        "scan",
        "deploy",
        "admin",
        "desk",
        "server",
        "workstation",
    ):
        assert estate.having(role), role
    assert 2 <= sum(not host.managed for host in estate.hosts) < hosts / 5
    assert len({account.rid for account in estate.accounts}) == len(estate.accounts)


def test_more_hosts_mean_more_sites():
    assert [len(build(1, hosts, 2, 1.0).sites) for hosts in (59, 60, 100, 400, 3000)] == [1, 2, 2, 3, 6]


@pytest.mark.parametrize("seed", [1, 2])
def test_no_address_is_held_twice_at_a_time(seed):
    held: dict[str, list[tuple[int, int]]] = {}
    for host in build(seed, 200, 8, 1.0).hosts:
        ends = [*(since for since, _ in host.leases[1:]), START + 9 * DAY]
        for (first, address), last in zip(host.leases, ends, strict=True):
            held.setdefault(address, []).append((first, last))
    assert any(len(spans) > 1 for spans in held.values()), "an address goes round"
    for spans in held.values():
        assert all(before[1] <= after[0] for before, after in pairwise(sorted(spans)))


def test_more_days_do_not_change_the_first():
    short, long = build(3, 80, 3, 1.0), build(3, 80, 8, 1.0)
    for before, after in zip(short.hosts, long.hosts, strict=True):
        assert (before.name, before.clock_ms, before.managed) == (after.name, after.clock_ms, after.managed)
        assert after.leases[: len(before.leases)] == before.leases
    for one, other in zip(short.administrators, long.administrators, strict=True):
        assert [host.name for host in one.habits] == [host.name for host in other.habits]
        assert [day for day, _ in other.adopted if day < 3] == [day for day, _ in one.adopted]


def test_without_noise_no_habit_changes():
    assert not any(administrator.adopted for administrator in build(1, 300, 10, 0.0).administrators)


def test_an_address_counts_from_its_lease_on():
    host = Host(0, "A", "workstation", SITE, leases=[(0, "10.0.0.1"), (500, "10.0.0.2"), (900, "10.0.0.3")])
    assert [host.ip(when) for when in (-1, 0, 499, 500, 899, 900)] == [
        f"10.0.0.{last}" for last in (1, 1, 1, 2, 2, 3)
    ]


@pytest.mark.parametrize(
    ("reach", "where"),
    [("none", ""), ("workstations", "w"), ("servers", "s"), ("all", "wsd")],
)
def test_rights(reach, where):
    hosts = {"w": "workstation", "s": "server", "d": "dc"}
    account = Account("x", 1000, reach)
    able = {key for key, role in hosts.items() if may(account, Host(0, "A", role, SITE))}
    assert able == set(where)
