"""What comes late, twice, out of order or broken."""

from __future__ import annotations

import json

from lmgraph.simulate.delivery import Delivery
from lmgraph.simulate.estate import build
from lmgraph.simulate.sensor import Written
from lmgraph.simulate.times import HOUR, moment

DAYS = 3


class Lines:
    """A flavour that writes the number of a record."""

    def line(self, written):
        return json.dumps(written.record["number"]).encode()


def deliver(noise: float, count: int = 3000, hold=None) -> tuple[list[list[bytes]], Delivery]:
    """Records spread over the days, one as every other; gives the lines of each day and of the rest."""
    estate = build(1, 20, DAYS, noise)
    delivery = Delivery(1, estate, Lines(), noise)
    if hold:
        delivery.hold(estate.hosts[0], *hold)
    step = DAYS * 24 * HOUR // count
    for number in range(count):
        number_id = f"{number * 2654435761 % 2**32:08x}-{number * 40503 * 65537 % 2**32:08x}"
        record = {"id": number_id, "number": number + 10**6}
        delivery.take(Written(moment(0, 0) + number * step, estate.hosts[0], "X", record, {}))
    days = [delivery.day(day) for day in range(DAYS)]
    return [*days, [line for _, lines in delivery.rest(DAYS) for line in lines]], delivery


def test_without_noise_everything_comes_once_and_in_order():
    days, delivery = deliver(0)
    lines = [line for day in days for line in day]
    assert lines == [str(number + 10**6).encode() for number in range(3000)]
    assert (delivery.tally.records, delivery.tally.duplicates, delivery.tally.malformed) == (3000, 0, 0)


def test_with_noise_nothing_is_lost_and_some_comes_twice_or_broken():
    days, delivery = deliver(5)
    lines = [line for day in days for line in day]
    whole = [int(line) for line in lines if len(line) == 7]
    assert set(whole) == {number + 10**6 for number in range(3000)}
    assert len(whole) - 3000 == delivery.tally.duplicates > 20
    assert len(lines) - len(whole) == delivery.tally.malformed > 5
    assert whole != sorted(whole)


def test_a_hold_keeps_lines_back():
    hold = (moment(0, 6), moment(0, 12), moment(2, 3))
    days, delivery = deliver(0, hold=hold)
    assert delivery.tally.late == 250
    assert [len(day) for day in days] == [750, 1000, 1250, 0]


def test_what_is_held_beyond_the_end_is_delivered_afterwards():
    days, _ = deliver(0, hold=(moment(2, 0), moment(2, 12), moment(5, 0)))
    assert [len(day) for day in days] == [1000, 1000, 500, 500]


def test_what_is_lost_is_counted_and_not_delivered():
    estate = build(1, 20, DAYS, 1.0)
    delivery = Delivery(1, estate, Lines(), 0)
    for number in range(10):
        record = {"id": f"{number:08x}-{number:08x}", "number": number}
        delivery.take(Written(moment(0, 1) + number, estate.hosts[0], "X", record, {}, number % 2 == 0))
    assert delivery.day(0) == [b"1", b"3", b"5", b"7", b"9"]
    assert (delivery.tally.records, delivery.tally.lost) == (5, 5)
