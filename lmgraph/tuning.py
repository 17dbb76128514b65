"""The tuning file: an allow list of sanctioned movement, as named TOML entries (DESIGN §9).

An entry suppresses, it never removes: what it matches stays in the output, loses rank and score,
and goes on to serve history, explanations and scope.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
import re
import tomllib
from collections.abc import Collection
from dataclasses import dataclass, replace
from fnmatch import translate
from functools import lru_cache
from importlib import resources
from itertools import pairwise
from statistics import median
from typing import Any, Final

from lmgraph import files
from lmgraph.errors import UsageError
from lmgraph.settings import DAY_US, to_us
from lmgraph.text import visible

_PATTERNS: Final = ("source", "target", "user", "process", "process_path")
_OTHER: Final = ("name", "source_not_in_assets", "user_privileged", "requires", "reason", "owner", "expires")
_HOSTS: Final = ("source", "target")
_EVERYTHING: Final = re.compile(r"[*?]*\*[*?]*")
_OF_ADDRESS: Final = re.compile(r"[0-9a-f:.*?]*+(?:\[.*)?", re.DOTALL)  # a set may hold anything
_MOST_BYTES: Final = 1 << 24
_NAME_LIMIT: Final = 80  # of what an error quotes
LONGEST_PATTERN: Final = 256
PERIODIC_LEAST: Final = 5  # fewer runs than this show no period
PERIODIC_SPREAD: Final = 0.1  # median deviation of the intervals, relative to their median


@lru_cache(65_536)
def _address(ip: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(ip)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A glob (any case) or a network in CIDR form."""

    written: str
    glob: re.Pattern[str] | None
    network: ipaddress.IPv4Network | ipaddress.IPv6Network | None

    @property
    def matches_everything(self) -> bool:
        """Whether it is seen at once to fit whatever there is: ``*``, ``?*``, ``0.0.0.0/0``."""
        if self.network is not None:
            return self.network.prefixlen == 0
        return _EVERYTHING.fullmatch(self.written) is not None

    @property
    def asks_address(self) -> bool:
        """Whether it may fit an address, and not names alone."""
        return self.network is not None or _OF_ADDRESS.fullmatch(self.written.casefold()) is not None

    def matches(self, names: tuple[str, ...], ips: tuple[str, ...]) -> bool:
        """Whether a glob fits one of the names or addresses, or a network holds one of the addresses."""
        if self.network is not None:
            return any(_address(ip) in self.network for ip in ips)
        assert self.glob is not None
        return any(self.glob.fullmatch(name.casefold()) for name in (*names, *ips))


@dataclass(frozen=True, slots=True)
class Entry:
    """One named entry; every pattern and condition it has must hold."""

    name: str
    patterns: dict[str, tuple[Pattern, ...]]  # of each key one must fit
    source_not_in_assets: bool | None = None
    user_privileged: bool | None = None
    periodic: bool = False
    reason: str = ""
    owner: str = ""
    expires_us: int | None = None
    shipped: bool = False

    @property
    def asks_hosts(self) -> bool:
        """Whether it covers some hosts and not others."""
        return self.source_not_in_assets is not None or any(end in self.patterns for end in _HOSTS)

    def asks_address(self, end: str) -> bool:
        """Whether addresses of the ``source`` or ``target`` may decide."""
        return any(pattern.asks_address for pattern in self.patterns.get(end, ()))


@dataclass(frozen=True, slots=True)
class Subject:
    """What an entry is held against: the two hosts, the account and the process of an alert."""

    source: tuple[str, ...]
    source_ips: tuple[str, ...]
    target: tuple[str, ...]
    target_ips: tuple[str, ...]
    user: tuple[str, ...]
    process: tuple[str, ...]
    process_path: tuple[str, ...]
    source_listed: bool
    privileged: bool | None
    periodic: bool
    time_us: int


def load(path: str | None, *, default: bool = True) -> tuple[tuple[Entry, ...], str | None]:
    """The entries in force and the SHA-256 of the user's file; ``default`` adds the shipped ones.

    Raises:
        UsageError: The file cannot be read or is no TOML, or an entry has no name, no pattern, an
            unknown key, a key of the wrong type, or matches everything.
    """
    entries: list[Entry] = []
    if default:
        shipped = resources.files("lmgraph").joinpath("default_tuning.toml").read_text("utf-8")
        ours = _parse(tomllib.loads(shipped), "default_tuning.toml")
        entries += [replace(entry, shipped=True) for entry in ours]
    if path is None:
        return tuple(entries), None
    try:
        content = files.read_whole(path, _MOST_BYTES)
    except OSError as error:
        raise UsageError(f"cannot read the tuning file: {error.strerror}", path=path) from error
    entries += _parse(_document(content, path), path)
    return tuple(entries), hashlib.sha256(content).hexdigest()


def _document(content: bytes, path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except RecursionError as error:
        raise UsageError("the tuning file is nested too deeply", path=path) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"the tuning file is no TOML: {error}", path=path) from error
    except ValueError as error:  # an integer longer than Python converts
        raise UsageError("a number in the tuning file is too long", path=path) from error


def match(entries: tuple[Entry, ...], subject: Subject) -> str | None:
    """The name of the first entry that covers the subject, else ``None``."""
    return next((entry.name for entry in possible(entries, subject) if _covers_hosts(entry, subject)), None)


def possible(entries: tuple[Entry, ...], subject: Subject) -> tuple[Entry, ...]:
    """The entries that cover the subject but for its hosts, which are not looked at."""
    return tuple(entry for entry in entries if _covers_act(entry, subject))


def is_periodic(times_us: Collection[int]) -> bool:
    """Whether these distinct times come back at regular intervals, as what an agent does."""
    if len(times_us) < PERIODIC_LEAST:
        return False
    gaps = [later - earlier for earlier, later in pairwise(sorted(times_us))]
    middle = median(gaps)
    return median(abs(gap - middle) for gap in gaps) <= PERIODIC_SPREAD * middle


def _covers_act(entry: Entry, subject: Subject) -> bool:
    if entry.expires_us is not None and subject.time_us >= entry.expires_us:
        return False
    if entry.user_privileged is not None and entry.user_privileged != subject.privileged:
        return False
    if entry.periodic and not subject.periodic:
        return False
    return all(
        any(pattern.matches(getattr(subject, key), ()) for pattern in patterns)
        for key, patterns in entry.patterns.items()
        if key not in _HOSTS
    )


def _covers_hosts(entry: Entry, subject: Subject) -> bool:
    if entry.source_not_in_assets is not None and entry.source_not_in_assets == subject.source_listed:
        return False
    return all(
        any(
            pattern.matches(getattr(subject, end), getattr(subject, f"{end}_ips"))
            for pattern in entry.patterns[end]
        )
        for end in _HOSTS
        if end in entry.patterns
    )


def _parse(document: dict[str, Any], path: str) -> list[Entry]:
    unknown = sorted(set(document) - {"allow"})
    if unknown:
        key = visible(unknown[0], _NAME_LIMIT)
        raise UsageError(f"unknown table {key!r}; entries are [[allow]]", path=path, field=key)
    rows = document.get("allow", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UsageError("entries are tables named [[allow]]", path=path, field="allow")
    entries = [_entry(row, path, number) for number, row in enumerate(rows, start=1)]
    names: set[str] = set()
    for number, entry in enumerate(entries, start=1):
        if entry.name in names:
            shown = visible(entry.name, _NAME_LIMIT)
            raise UsageError(f"two entries are named {shown!r}", path=path, record=number, field="name")
        names.add(entry.name)
    return entries


def _entry(row: dict[str, Any], path: str, number: int) -> Entry:
    def wrong(message: str, field: str) -> UsageError:
        return UsageError(message, path=path, record=number, field=field)

    for key in sorted(set(row) - {*_PATTERNS, *_OTHER}):
        shown = visible(key, _NAME_LIMIT)
        raise wrong(f"unknown key {shown!r}", shown)
    for key in ("name", "requires", "reason", "owner"):
        if key in row and not isinstance(row[key], str):
            raise wrong("must be a text", key)
    for key in ("source_not_in_assets", "user_privileged"):
        if key in row and not isinstance(row[key], bool):
            raise wrong("must be true or false", key)
    if not row.get("name"):
        raise wrong("an entry needs a name", "name")
    if not row.get("reason"):
        raise wrong("an entry needs a reason: whoever reads it next must know why", "reason")
    if row.get("requires", "periodic") != "periodic":
        raise wrong("the only requirement known is 'periodic'", "requires")
    patterns: dict[str, tuple[Pattern, ...]] = {
        key: _patterns(row[key], key, wrong) for key in _PATTERNS if key in row
    }
    if not patterns:
        raise wrong("an entry needs a source, target, user or process pattern", "source")
    conditions = {"source_not_in_assets", "user_privileged", "requires"} & set(row)
    if not conditions and all(any(one.matches_everything for one in key) for key in patterns.values()):
        raise wrong("the entry matches everything", next(iter(patterns)))
    return Entry(
        name=row["name"],
        patterns=patterns,
        source_not_in_assets=row.get("source_not_in_assets"),
        user_privileged=row.get("user_privileged"),
        periodic="requires" in row,
        reason=row["reason"],
        owner=row.get("owner", ""),
        expires_us=_expiry(row.get("expires"), wrong),
    )


def _patterns(written: object, key: str, wrong: Any) -> tuple[Pattern, ...]:
    listed = written if isinstance(written, list) else [written]
    texts = [one for one in listed if isinstance(one, str)]
    if not texts or len(texts) < len(listed):
        raise wrong("must be a text or a list of texts", key)
    return tuple(_pattern(one, key, wrong) for one in texts)


def _pattern(written: str, key: str, wrong: Any) -> Pattern:
    if not written or len(written) > LONGEST_PATTERN:
        raise wrong(f"a pattern has 1 to {LONGEST_PATTERN} characters", key)
    if key in {"source", "target"} and "/" in written:
        try:
            return Pattern(written, None, ipaddress.ip_network(written, strict=False))
        except ValueError as error:
            raise wrong(f"{written!r} is no network", key) from error
    return Pattern(written, re.compile(translate(written.casefold())), None)


def _expiry(written: object, wrong: Any) -> int | None:
    if written is None:
        return None
    if isinstance(written, dt.datetime):
        return to_us(written if written.tzinfo else written.replace(tzinfo=dt.UTC))
    if isinstance(written, dt.date):  # the whole day still counts
        return to_us(dt.datetime(written.year, written.month, written.day, tzinfo=dt.UTC)) + DAY_US
    raise wrong("must be a date", "expires")
