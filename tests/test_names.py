"""Names and addresses in the form in which they are compared."""

from __future__ import annotations

import pytest

from lmgraph.names import (
    canonical_ip,
    content_key,
    identifies,
    is_self,
    same_domain,
    split_name,
    typed_ip,
)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("[FE80::1%eth0]", "fe80::1"),
        ("0:0:0:0:0:0:0:1", "::1"),
        ("srv7", None),
        ("10.1.2", None),
        ("", None),
        (None, None),
    ],
)
def test_addresses_have_one_form(written: str | None, expected: str | None) -> None:
    assert canonical_ip(written) == expected


@pytest.mark.parametrize(
    "ip",
    [
        "127.0.0.1",
        "::1",
        "0.0.0.0",
        "::",
        "169.254.1.1",
        "fe80::1",
        "224.0.0.5",
        "255.255.255.255",
        None,
        "x",
    ],
)
def test_some_addresses_identify_nobody(ip: str | None) -> None:
    assert not identifies(ip)


def test_other_addresses_do() -> None:
    assert identifies("10.0.0.1")
    assert identifies("2001:db8::1")


def test_a_name_is_compared_by_its_short_form() -> None:
    assert split_name(" SRV7.Corp.Example. ") == ("srv7", "corp.example")
    assert split_name("SRV7") == ("srv7", None)


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (None, "corp", True),
        ("corp", "corp.example", True),
        ("corp.example", "corp", True),
        ("corp.example", "corp.other", False),
        ("corp", "sales", False),
        ("sales", "corp.example", False),
    ],
)
def test_netbios_and_dns_domains_are_compared_by_their_first_label(
    left: str | None, right: str, same: bool
) -> None:
    assert same_domain(left, right) is same


@pytest.mark.parametrize(
    "token", ["localhost", "127.0.0.1", "::1", ".", "0.0.0.0", "LOCALHOST", "%ComputerName%", "ip6-localhost"]
)
def test_a_host_can_name_itself(token: str) -> None:
    assert is_self(token)
    assert not is_self("srv7")


def test_a_content_key_parts_its_parts() -> None:
    assert content_key("a", "bc") != content_key("ab", "c")
    assert len(content_key("\ud800")) == 16


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("127.1", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("010.0.0.1", "8.0.0.1"),
        ("10.0.258", "10.0.1.2"),
        ("10.1.2.3", "10.1.2.3"),
        ("12345", None),
        ("300.1", None),
        ("09.0.0.1", None),
        ("1.2.3.4.5", None),
        ("10.0.0.256", None),
        ("srv7", None),
    ],
)
def test_an_address_is_what_windows_takes_for_one(typed: str, meant: str | None) -> None:
    assert typed_ip(typed) == meant
