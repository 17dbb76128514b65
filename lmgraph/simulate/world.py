"""What the parts of a simulation share: the estate, the calendar, the ledger, and the way out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lmgraph.simulate.acts import Acts
from lmgraph.simulate.calendar import Calendar
from lmgraph.simulate.chance import Chance
from lmgraph.simulate.estate import Estate, Host
from lmgraph.simulate.ledger import Ledger
from lmgraph.simulate.options import Options
from lmgraph.simulate.sensor import Pen, Written


@dataclass(frozen=True, slots=True)
class World:
    """One simulated company; ``outlet`` takes every record."""

    options: Options
    estate: Estate
    calendar: Calendar
    ledger: Ledger
    outlet: Callable[[Written], None]

    def chance(self, *concern: str | int) -> Chance:
        """The stream of a concern."""
        return Chance(self.options.seed, *concern)

    def background(self, *concern: str | int) -> Acts:
        """Acts of the background, noted in the ledger."""
        return Acts(self._pen(*concern), self.ledger, self.on)

    def intruder(self, *concern: str | int) -> Acts:
        """Acts of an attack, noted nowhere."""
        return Acts(self._pen(*concern))

    def on(self, host: Host, when: int) -> bool:
        """Whether the host is there already, and switched on."""
        return when >= host.since if host.is_server else self.calendar.at_work(host, when) is not None

    def _pen(self, *concern: str | int) -> Pen:
        return Pen(self.chance("pen", *concern), self.outlet, self.calendar.outage, self.calendar.lost)
