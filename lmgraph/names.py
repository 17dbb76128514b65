"""Host names and addresses as written, brought to the one form in which they are compared."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from functools import lru_cache
from typing import Final

REMEMBERED: Final = 65_536  # names and addresses come back by the thousand; parsing one costs microseconds
NETBIOS_LENGTH: Final = 15  # a NetBIOS name is cut to 15 characters


_SELF: Final = frozenset(
    {"", ".", "localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback", "%computername%"}
)
# As most are written: its own canonical form, and twenty times quicker to see than to parse.
_OCTET: Final = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_PLAIN_IP: Final = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")
# What Windows still takes for an IPv4 address: fewer parts, octal, hexadecimal. A bare number below
# 2**24 may as well be a name.
_LOOSE_IP: Final = re.compile(
    r"(?:0x[0-9a-f]{1,8}|[0-9]{1,11})(?:\.(?:0x[0-9a-f]{1,8}|[0-9]{1,11})){0,3}", re.IGNORECASE
)


@lru_cache(REMEMBERED)
def split_name(name: str) -> tuple[str, str | None]:
    """Case-folded short name and DNS domain of a host name; ``None`` where it has no domain.

    Leading slashes are no part of it; what names nothing (``.``) has the short name ``""``.
    """
    short, _, domain = name.strip().lstrip("\\/").strip(".").casefold().partition(".")
    return short, domain or None


def same_domain(left: str | None, right: str | None) -> bool:
    """Whether two domain names can be one: equal, or NetBIOS and DNS form (``corp``, ``corp.example``)."""
    if left is None or right is None or left == right:
        return True
    if ("." in left) == ("." in right):
        return False
    return left.partition(".")[0] == right.partition(".")[0]


@lru_cache(REMEMBERED)
def canonical_ip(text: str | None) -> str | None:
    """Canonical text of an address, IPv4 of an IPv4-mapped one; ``None`` if it is none."""
    if text is None or _PLAIN_IP.fullmatch(text):
        return text
    try:
        address = ipaddress.ip_address(text.strip().strip("[]").partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def typed_ip(text: str) -> str | None:
    """Address that a command line means, in any form that Windows takes: ``127.1``, ``0x7f000001``.

    References:
        inet_addr, learn.microsoft.com/windows/win32/api/winsock2/nf-winsock2-inet_addr.
    """
    if (plain := canonical_ip(text)) is not None or not _LOOSE_IP.fullmatch(text):
        return plain
    parts = [_part(part) for part in text.split(".")]
    *leading, last = parts
    if None in parts or (not leading and (last or 0) < 2**24) or any((part or 0) > 255 for part in leading):
        return None
    if last is None or last >= 256 ** (4 - len(leading)):
        return None
    value = sum((part or 0) << (24 - 8 * place) for place, part in enumerate(leading)) + last
    return str(ipaddress.IPv4Address(value))


def _part(text: str) -> int | None:
    if text.casefold().startswith("0x"):
        return int(text, 16)
    try:
        return int(text, 8) if text.startswith("0") and len(text) > 1 else int(text)
    except ValueError:
        return None


@lru_cache(REMEMBERED)
def identifies(ip: str | None) -> bool:
    """Whether an address can belong to one host: not loopback, unspecified, link-local, multicast."""
    if ip is None:
        return False
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return False
    return not (
        address.is_loopback or address.is_unspecified or address.is_link_local or address.is_multicast
    ) and not (address.version == 4 and int(address) == 0xFFFFFFFF)


@lru_cache(REMEMBERED)
def is_self(token: str) -> bool:
    """Whether a target token names the host that uses it: ``localhost``, ``.``, a loopback address."""
    folded = token.strip().casefold()
    if folded in _SELF:
        return True
    ip = canonical_ip(folded)
    if ip is None:
        return False
    address = ipaddress.ip_address(ip)
    return address.is_loopback or address.is_unspecified


def content_key(*parts: str) -> str:
    """Sixteen hexadecimal digits that name content: the ``key`` of a row, the same in every run."""
    return hashlib.blake2b("\x00".join(parts).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
