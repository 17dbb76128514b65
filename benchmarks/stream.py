"""A stream of Falcon records in a realistic mix: the same bytes for the same seed, any length, fast.

Times advance at a steady rate, so that a longer stream is a longer time in the same estate: what a
host does today it did yesterday. Each block depends on the seed and its number alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from benchmarks.everyday import CONTEXT, ORDINARY
from benchmarks.falcon import Kinds, Line, Order, Side, Template, episodes, template

Bytes = npt.NDArray[np.uint8]  # one row per record, as wide as the text
Numbers = npt.NDArray[np.int64]

ROWS: Final = 20_000  # records of a block, about 21 MB
HOUR_MS: Final = 3_600_000
BLOCK_MS: Final = 2_016_000  # 1 GB, 47 blocks, is 26 hours
START_MS: Final = 1_772_780_400_000  # 2026-03-06T07:00:00Z
SERVERS, HOSTS, CONTROLLERS, ADMINS, AGENTS = 300, 4_000, 4, 40, 6
TALKERS: Final = 150  # workstations that use file shares within an hour
_HASHES, _WORDS, _WANS = 20_000, 8_192, 150
_LETTERS: Final = np.frombuffer(b"bdfgklmnprstvz", np.uint8)
_VOWELS: Final = np.frombuffer(b"aeiou", np.uint8)
_HEX: Final = np.frombuffer("".join(f"{number:02x}" for number in range(256)).encode(), np.uint8).reshape(
    256, 2
)
_DIGITS: Final = np.frombuffer(
    "".join(f"{number:04d}" for number in range(10_000)).encode(), np.uint8
).reshape(-1, 4)
_ENDS: Final[Mapping[str, str]] = {"peer": "ip", "peerhost": "host"}


@dataclass(frozen=True, slots=True)
class Block:
    """Lines and what is in them.

    Attributes:
        data: Whole lines.
        records: How many.
        alerts: Ids of the alerts.
        openers: How many records testify to an execution or to the use of an administrative share.
        contacts: (n,) int64, one number per (source, target, account, hour) that records of context tell
            of; not distinct.
    """

    data: bytes
    records: int
    alerts: tuple[str, ...]
    openers: int
    contacts: Numbers


@dataclass(frozen=True, slots=True)
class _Pools:
    """What the estate is made of: one row of text per thing."""

    aid: Bytes
    host: Bytes
    ip: Bytes
    user: Bytes
    hash: Bytes
    word: Bytes
    wan: Bytes


@dataclass(slots=True)
class _Rows:
    """Records of one template to be: when, on which host, with which peer, by whose account."""

    ms: Numbers
    host: Numbers
    peer: Numbers
    who: Numbers
    texts: dict[str, Bytes] = field(default_factory=dict)

    def take(self, which: Any) -> _Rows:
        """Some of the rows."""
        texts = {name: text[which] for name, text in self.texts.items()}
        return _Rows(self.ms[which], self.host[which], self.peer[which], self.who[which], texts)


@dataclass(frozen=True, slots=True)
class _Book:
    """All templates in one order of keys: of the episodes, of the SMB traffic of every day, of the rest."""

    stories: list[tuple[float, list[tuple[Line, list[Template]]]]]
    context: list[tuple[float, list[Template]]]
    ordinary: list[tuple[float, list[Template]]]


def blocks(seed: int = 1, *, raw: bool = False, order: Order = "fdr") -> Iterator[Block]:
    """Endless blocks of lines in the order of time.

    Args:
        seed: Of everything.
        raw: Write alerts as raw FDR does: only a second look finds their processes and accounts.
        order: Of keys: the event name first as in FDR, or sorted as LogScale exports them.
    """
    pools = _pools(seed)
    number = 0
    while True:
        yield _block(seed, number, pools, raw=raw, order=order)
        number += 1


def _block(seed: int, number: int, pools: _Pools, *, raw: bool, order: Order) -> Block:
    chance = np.random.default_rng([seed, number])
    book = _book(order, raw)
    lines: list[bytes] = []
    times: list[Numbers] = []
    alerts: list[bytes] = []
    contacts: list[Numbers] = []
    openers = 0

    def write(form: Template, rows: _Rows, *, alert: bool = False) -> None:
        if len(rows.ms):
            lines.extend(_fill(form, rows, pools, chance))
            times.append(rows.ms)
        if alert:
            alerts.extend(rows.texts["uuid"].view("S36").ravel().tolist())

    for position, (share, story) in enumerate(book.stories):
        whole = _movements(chance, number, round(share * ROWS), by_agents=position == 2)
        whole.texts["pid"] = _pid(chance, len(whole.ms))
        for line, forms in story:
            told = whole.take(chance.random(len(whole.ms)) < line.portion)
            told = _seen_by(told, line)
            if line.role == "context":
                contacts.append(_contacts(told, line.side))
            openers += len(told.ms) if line.role == "opener" else 0
            for form, rows in _dealt(chance, forms, told):
                rows.texts["uuid"] = _uuid(chance, len(rows.ms))
                write(form, rows, alert=line.role == "alert")
    for position, (share, forms) in enumerate(book.context):
        rows = _talk(chance, number, round(share * ROWS), on_server=position == 1)
        contacts.append(_contacts(rows, "target" if position == 1 else "source"))
        for form, some in _dealt(chance, forms, rows):
            write(form, some)
    left = ROWS - len(lines)
    counts = _counts([share for share, _ in book.ordinary], left)
    for count, (_, forms) in zip(counts, book.ordinary, strict=True):
        for form, rows in _dealt(chance, forms, _anything(chance, number, count)):
            write(form, rows)
    return Block(
        data=_in_order(lines, np.concatenate(times)),
        records=len(lines),
        alerts=tuple(each.decode() for each in alerts),
        openers=openers,
        contacts=np.concatenate(contacts),
    )


def _contacts(rows: _Rows, side: Side) -> Numbers:
    """A number per source, target, account and hour; only the target knows the account."""
    source, target = (rows.host, rows.peer) if side == "source" else (rows.peer, rows.host)
    account = rows.who + 1 if side == "target" else 0
    hour = (rows.ms - START_MS) // HOUR_MS
    return ((hour * HOSTS + source) * HOSTS + target) * (HOSTS + 1) + account


def _in_order(lines: Sequence[bytes], times: Numbers) -> bytes:
    return b"".join([lines[at] for at in np.argsort(times, kind="stable").tolist()])


def _counts(shares: Sequence[float], whole: int) -> list[int]:
    """``whole`` divided by shares, without a remainder."""
    bounds = np.rint(np.cumsum([0.0, *shares]) / sum(shares) * whole).astype(int)
    return [int(count) for count in np.diff(bounds)]


def _dealt(
    chance: np.random.Generator, forms: Sequence[Template], rows: _Rows
) -> Iterator[tuple[Template, _Rows]]:
    """The rows, dealt out to the variants of their kind."""
    drawn = chance.integers(len(forms), size=len(rows.ms))
    for variant, form in enumerate(forms):
        yield form, rows.take(drawn == variant)


# Who does what


def _times(chance: np.random.Generator, number: int, count: int) -> Numbers:
    return START_MS + number * BLOCK_MS + np.sort(chance.integers(BLOCK_MS, size=count))


def _anything(chance: np.random.Generator, number: int, count: int) -> _Rows:
    """Records of any host; the peer is a domain controller or the host's own server."""
    host = chance.integers(HOSTS, size=count)
    peer = np.where(chance.random(count) < 0.5, chance.integers(CONTROLLERS, size=count), _server_of(host))
    return _Rows(_times(chance, number, count), host, peer, host)


def _talk(chance: np.random.Generator, number: int, count: int, *, on_server: bool) -> _Rows:
    """SMB of every day: within an hour few workstations, each again and again with the same two servers."""
    ms = _times(chance, number, count)
    host = _talker(chance, ms)
    server = np.where(chance.random(count) < 0.2, host % CONTROLLERS, _server_of(host))
    return _Rows(ms, server, host, host) if on_server else _Rows(ms, host, server, host)


def _movements(chance: np.random.Generator, number: int, count: int, *, by_agents: bool) -> _Rows:
    """Source, target and account of each episode: most repeat what their source does every day."""
    ms = _times(chance, number, count)
    if by_agents:
        source = np.where(
            chance.random(count) < 0.7, CONTROLLERS + chance.integers(AGENTS, size=count), _talker(chance, ms)
        )
    else:
        source = SERVERS + chance.integers(ADMINS, size=count)
    target = _server_of(source * 8 + chance.integers(8, size=count))
    rare = chance.random(count) < 0.05
    target = np.where(rare, chance.integers(HOSTS, size=count), target)
    target = np.where(target == source, (target + 1) % HOSTS, target)
    return _Rows(ms, source, target, source)


def _talker(chance: np.random.Generator, ms: Numbers) -> Numbers:
    hour = (ms - START_MS) // HOUR_MS
    return SERVERS + (hour * TALKERS + chance.integers(TALKERS, size=len(ms))) % (HOSTS - SERVERS)


def _server_of(host: Numbers) -> Numbers:
    return CONTROLLERS + AGENTS + host * 2_654_435_761 % (SERVERS - CONTROLLERS - AGENTS)


def _seen_by(rows: _Rows, line: Line) -> _Rows:
    """The episode's rows as records of one of its sides."""
    host, peer = (rows.host, rows.peer) if line.side == "source" else (rows.peer, rows.host)
    return _Rows(rows.ms + line.after_ms, host, peer, rows.who, dict(rows.texts))


# Text


@lru_cache
def _book(order: Order, raw: bool) -> _Book:  # noqa: FBT001 - a cache takes no keywords
    def forms(kinds: Kinds) -> list[tuple[float, list[Template]]]:
        return [
            (share, [template(code, version, fields, order) for fields in variants])
            for code, version, share, variants in kinds
        ]

    def lines(story: Sequence[Line]) -> list[tuple[Line, list[Template]]]:
        return [
            (line, [template(line.code, line.version, fields, order) for fields in line.variants])
            for line in story
        ]

    stories = [(share, lines(story)) for share, story in episodes(raw=raw)]
    return _Book(stories, forms(CONTEXT), forms(ORDINARY))


def _fill(form: Template, rows: _Rows, pools: _Pools, chance: np.random.Generator) -> list[bytes]:
    """The lines of one template."""
    count = len(rows.ms)
    for hole in form.holes:
        if hole not in rows.texts:
            rows.texts[hole] = _text(hole, rows, pools, chance)
    width = sum(map(len, form.texts)) + sum(rows.texts[hole].shape[1] for hole in form.holes)
    lines = np.empty((count, width), np.uint8)
    at = 0
    fillings = [*(rows.texts[hole] for hole in form.holes), np.empty((count, 0), np.uint8)]
    for text, filling in zip(form.texts, fillings, strict=True):
        lines[:, at : at + len(text)] = np.frombuffer(text, np.uint8)
        at += len(text)
        lines[:, at : at + filling.shape[1]] = filling
        at += filling.shape[1]
    found: list[bytes] = lines.view(f"S{width}").ravel().tolist()
    return found


def _text(hole: str, rows: _Rows, pools: _Pools, chance: np.random.Generator) -> Bytes:
    """What goes into a hole: a place in a pool, an id, a time, or a number of so many digits."""
    count = len(rows.ms)
    own: Mapping[str, Bytes] = {"aid": pools.aid, "host": pools.host, "ip": pools.ip}
    if hole in own:
        return own[hole][rows.host]
    if hole in _ENDS:
        return own[_ENDS[hole]][rows.peer]
    if hole == "user":
        return pools.user[rows.who]
    if hole == "rid":
        return _decimal(1_000 + rows.who, 4)
    if hole == "luid":
        return _decimal(10_000_000 + rows.who * 7_919, 8)
    if hole == "ms":
        return _decimal(rows.ms + chance.integers(200, 3_000, size=count), 13)
    if hole == "sec":
        return _seconds(rows.ms)
    if hole == "uuid":
        return _uuid(chance, count)
    if hole == "pid":
        return _pid(chance, count)
    if hole == "port":
        return _decimal(chance.integers(49_152, 65_536, size=count), 5)
    for pool in ("hash", "word", "wan"):
        if hole.startswith(pool):
            texts: Bytes = getattr(pools, pool)
            # Not evenly: some things are met more often than others.
            return texts[(chance.random(count) ** 1.5 * len(texts)).astype(np.int64)]
    width = int("".join(filter(str.isdigit, hole)))
    if hole.startswith("x"):
        return _hex(chance, count, width)
    return _decimal(chance.integers(10 ** (width - 1), 10**width, size=count), width)


def _decimal(numbers: Numbers, width: int) -> Bytes:
    """Numbers in so many digits, with zeros before."""
    groups = -(-width // 4)
    out = np.empty((len(numbers), groups, 4), np.uint8)
    for group in range(groups - 1, -1, -1):
        numbers, low = np.divmod(numbers, 10_000)
        out[:, group] = _DIGITS[low]
    return out.reshape(len(numbers), -1)[:, 4 * groups - width :]


def _seconds(ms: Numbers) -> Bytes:
    """Seconds and three digits behind a point."""
    digits = _decimal(ms, 13)
    out = np.full((len(ms), 14), ord("."), np.uint8)
    out[:, :10], out[:, 11:] = digits[:, :10], digits[:, 10:]
    return out


def _hex(chance: np.random.Generator, count: int, width: int) -> Bytes:
    raw = np.frombuffer(chance.bytes(count * width // 2), np.uint8).reshape(count, width // 2)
    return _HEX[raw].reshape(count, width)


def _uuid(chance: np.random.Generator, count: int) -> Bytes:
    digits = _hex(chance, count, 32)
    out = np.full((count, 36), ord("-"), np.uint8)
    for first, last, gap in ((0, 8, 0), (8, 12, 1), (12, 16, 2), (16, 20, 3), (20, 32, 4)):
        out[:, first + gap : last + gap] = digits[:, first:last]
    return out


def _pid(chance: np.random.Generator, count: int) -> Bytes:
    return _decimal(chance.integers(10**12, 10**13, size=count), 13)


@lru_cache(maxsize=2)
def _pools(seed: int) -> _Pools:
    chance = np.random.default_rng([seed, 2**32])
    number = np.arange(HOSTS)
    names = [f"BER-{'SV' if host < SERVERS else 'WS'}{host:04d}".encode() for host in range(HOSTS)]
    ips = [
        f"10.{100 + host // 10_000}.{100 + host // 100 % 100}.{100 + host % 100}".encode()
        for host in range(HOSTS)
    ]
    users = np.concatenate([_words(chance, HOSTS, 2), _decimal(number, 4)], axis=1)
    wans = [f"198.51.100.{100 + last}".encode() for last in range(_WANS)]
    return _Pools(
        aid=_hex(chance, HOSTS, 32),
        host=_matrix(names),
        ip=_matrix(ips),
        user=users,
        hash=_hex(chance, _HASHES, 64),
        word=_words(chance, _WORDS, 4),
        wan=_matrix(wans),
    )


def _words(chance: np.random.Generator, count: int, syllables: int) -> Bytes:
    out = np.empty((count, syllables, 2), np.uint8)
    out[:, :, 0] = chance.choice(_LETTERS, size=(count, syllables))
    out[:, :, 1] = chance.choice(_VOWELS, size=(count, syllables))
    return out.reshape(count, -1)


def _matrix(texts: Sequence[bytes]) -> Bytes:
    return np.frombuffer(b"".join(texts), np.uint8).reshape(len(texts), -1)
