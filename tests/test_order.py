"""Equal records give equal bytes, whatever their order and split: small estates made by chance."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.falcon import Telemetry, at, write_parts
from tests.test_pipeline import ADM, ALICE, analyze, bare

HOSTS = {"WS1": "10.0.0.1", "SRV7": "10.0.0.7", "DC1": "10.0.0.9", "WS2": "10.0.0.50"}
IPS = [*HOSTS.values(), "10.9.9.9"]
NAMES = [
    "srv7",
    "srv7.corp.example",
    "srv7.other.example",
    "nas7",
    "nas7.corp.example",
    "nas7.other.example",
    "dc1",
    "ws2",
    *IPS,
]
USERS = ["alice", "adm", "bob", "Alice@corp.example", "WS1$", "SYSTEM"]
SIDS = [ADM, ALICE, "S-1-5-18", ""]


def estate(chance: random.Random) -> Telemetry:
    """Four hosts of one or two domains, and up to sixty records that contradict each other freely."""
    told = Telemetry()
    for name, ip in HOSTS.items():
        if chance.random() < 0.8:
            told.host(name, ip, domain=chance.choice(["corp.example", "CORP", "other.example"]))
    for _ in range(chance.randrange(10, 60)):
        add(told, chance)
    return told


def add(told: Telemetry, chance: random.Random) -> None:
    host = chance.choice(list(HOSTS))
    own = HOSTS[host] if chance.random() < 0.8 else chance.choice(IPS)
    when = at(chance.randrange(5), "10:00") + chance.randrange(40) * 60 + chance.randrange(2)
    far, name, pid, logon = (
        chance.choice(IPS),
        chance.choice(NAMES),
        str(chance.randrange(6)),
        str(chance.randrange(4)),
    )
    user, domain, sid = (
        chance.choice(USERS),
        chance.choice(["CORP", "WS1", "", "corp.example"]),
        chance.choice(SIDS),
    )
    match chance.randrange(10):
        case 0:
            given = chance.choice(["", "-u CORP\\adm -p x ", "-u .\\adm "])
            told.process(
                host, when, "C:\\psexec.exe", rf"psexec \\{name} {given}cmd", pid=pid, sid=sid, logon=logon
            )
        case 1:
            tail = chance.choice(["", " /delete", " pw /user:adm"])
            image = chance.choice(["net.exe", "net1.exe"])
            told.process(host, when, image, rf"net use \\{name}\c${tail}", pid=pid, sid=sid, logon=logon)
        case 2:
            more = chance.choice([{}, {"ContextBaseFileName": "System"}, {"ContextBaseFileName": "x.exe"}])
            told.connect(host, when, own, far, pid=pid, **more)
        case 3:
            told.accept(host, when, own, far)
        case 4:
            kind = chance.choice([2, 3, 3, 10])
            told.logon(host, when, user, sid=sid, logon=logon, kind=kind, remote=far, domain=domain)
        case 5:
            told.share(host, when, chance.choice(["ADMIN$", "C$", "data", "IPC$"]), user, far, domain=domain)
        case 6:
            told.service(host, when, chance.choice(["PSEXESVC", "Update"]), "x", chance.choice(["", far]))
        case 7:
            told._add(host, "SmbClientShareOpenedEtw", when, ClientComputerName=name, SmbShareName="d")
        case 8:
            told.process(host, when, "C:\\x.exe", "x", pid=pid, sid=sid, logon=logon)
        case _:
            told.address(host, far, when, removed=chance.random() < 0.4)


@pytest.mark.parametrize("seed", range(40))
def test_order_and_split_mean_nothing(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    told = estate(chance)
    expected = bare(analyze(told.write(tmp_path / "one")))
    chance.shuffle(told.records)
    write_parts(tmp_path / "other" / "a", told.records[::2], parts=chance.randrange(1, 4))
    write_parts(tmp_path / "other" / "b", told.records[1::2] + told.records[:1], parts=1)
    found = bare(analyze(tmp_path / "other"))
    # One record came twice: that is counted, and changes nothing else.
    for key in ("records", "duplicates", "ignored"):
        del found["coverage"][key], expected["coverage"][key]
    for document in (found, expected):
        for host in document["hosts"]:
            del host["telemetry"]
        for alert in document["alerts"]:
            del alert["copies"]
    del found["coverage"]["rule_matches"], expected["coverage"]["rule_matches"]
    assert found == expected
