"""What a simulation is asked for; light, so that the command line can show it without loading numpy."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, get_args

from lmgraph.errors import UsageError

Flavour = Literal["fdr", "logscale", "table"]
FLAVOURS: Final[tuple[Flavour, ...]] = get_args(Flavour)
MIN_HOSTS, MAX_HOSTS = 20, 10_000
MIN_DAYS, MAX_DAYS = 2, 60
MAX_NOISE = 10.0

# Name to what happens. The order is the order of the attacks in a world that has several.
SCENARIOS: Final = MappingProxyType(
    {
        "chain": "a chain of hosts with one stolen account",
        "new-accounts": "a chain with an account stolen anew on each host",
        "ransomware": "a short way to a controller, then code on most hosts that are on, within the hour",
        "worm": "every host that is hit tries others; a program of its own speaks SMB",
        "insider": "an administrator, own account and machine, on servers that are none of the job",
        "renamed": "PsExec under another name, its service renamed too: no PsExec alert",
        "toolkit": "a user-mode SMB client that starts services which run a shell",
        "slow": "a hop every 12 to 20 hours",
        "slower": "a hop every 30 to 60 hours: needs a larger --max-gap",
        "rider": "through a jump host in the administrator's own name and hours",
        "rdp": "enters by RDP and goes on by SMB",
        "names": "targets by address, by full name and by short name",
        "no-sensor": "through a host that has no sensor",
        "dhcp": "an address changes hands in the middle of the attack",
        "skew": "hosts whose clocks are off by up to 25 seconds",
        "late": "the telemetry of the hosts on the way arrives a day or two late",
        "explore": "wander about with whatever account is at hand",
        "explore-known": "the same, only where that source went before",
        "explore-active": "the same, only with accounts logged on where it stands",
        "explore-both": "the same, both restrictions",
        "spread": "reach as many hosts as possible",
        "spread-known": "the same, only where that source went before",
        "spread-active": "the same, only with accounts logged on where it stands",
        "spread-both": "the same, both restrictions",
        "target": "the shortest way to a domain controller",
        "target-known": "the same, only where that source went before",
        "target-active": "the same, only with accounts logged on where it stands",
        "target-both": "the same, both restrictions",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """One simulation.

    Attributes:
        scenarios: Names out of ``SCENARIOS``; a name given twice is two attacks; none: peace.
        hosts: Number of hosts, those without a sensor included.
        days: Number of days, the first of them a Monday.
        seed: Chooses the world; the same options and seed give the same bytes.
        flavour: How the telemetry is written.
        noise: Factor on everything irregular in the background and in delivery; 0 is none of it.
    """

    scenarios: tuple[str, ...] = ("chain",)
    hosts: int = 100
    days: int = 5
    seed: int = 1
    flavour: Flavour = "fdr"
    noise: float = 1.0

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            UsageError: A value out of range or an unknown name.
        """
        unknown = [name for name in self.scenarios if name not in SCENARIOS]
        if unknown:
            raise UsageError(f"no such scenario; there are {', '.join(SCENARIOS)}", path="--scenario")
        if self.flavour not in FLAVOURS:
            raise UsageError(f"no such flavour; there are {', '.join(FLAVOURS)}", path="--flavour")
        _within("hosts", self.hosts, MIN_HOSTS, MAX_HOSTS)
        _within("days", self.days, MIN_DAYS, MAX_DAYS)
        _within("seed", self.seed, 0, 2**63 - 1)
        _within("noise", self.noise, 0, MAX_NOISE)


def _within(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise UsageError(f"{name} must be {least:g} to {most:g}", path=f"--{name}")
