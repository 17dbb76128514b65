"""The state of reading one input, and the record border: where a bad record becomes a reject."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, Final, TypeVar

from lmgraph.errors import RecordError
from lmgraph.ingest import falcon, wrappers
from lmgraph.ingest.clock import Clock
from lmgraph.ingest.contract import Record, Reject
from lmgraph.ingest.repeats import Memory
from lmgraph.rules.needed import Wants
from lmgraph.schema import Origin

_LOG: Final = logging.getLogger(__name__)
_Raw = TypeVar("_Raw")


class Session:
    """What is known of one input so far.

    Args:
        path: Name of the input, as in every origin.
        memory: What all inputs of the pass share.
        clock: Reads the input's times.
        shape: The shape of the reader, which may find a narrower one.
        once: The input is a pipe: there is no second look, so what one may want is read now.
        offset: Where the part that is read begins in the input, in bytes; its lines count from 1.
        scan: Whether a byte scan finds the candidates; else every record is looked at by itself.
        file: The input as it is stored, to be sought in; None where it is wrapped in something.
    """

    def __init__(
        self,
        path: str,
        memory: Memory,
        clock: Clock,
        shape: str,
        *,
        once: bool = False,
        offset: int = 0,
        scan: bool = True,
        file: BinaryIO | None = None,
    ) -> None:
        self.path = path
        self.once = once
        self.offset = offset
        self.shape = shape
        self.scan = scan
        self.file = file
        self.memory = memory
        self.clock = clock
        self.records = 0
        self.lines = 0  # of JSON lines, at their end
        self.rejected = 0
        self.family: falcon.Family | None = None
        self.gave_up = False  # too many records could not be read
        self.first_us: int | None = None
        self.last_us: int | None = None

    def add(self, later: Session) -> None:
        """Count in what was read of a later part of the same input."""
        self.records += later.records
        self.rejected += later.rejected
        self.clock.assumed |= later.clock.assumed
        self.saw(later.first_us, later.last_us)

    @property
    def wants(self) -> Wants:
        """What the pass looks for."""
        return self.memory.wants

    def reject(self, record: int, reason: str) -> Reject:
        """A reject at that line or ordinal."""
        return Reject(Origin(self.path, record), reason)

    def saw(self, *times_us: int | None) -> None:
        """Records of these times were looked at."""
        for us in times_us:
            if us is not None:
                self.first_us = us if self.first_us is None else min(self.first_us, us)
                self.last_us = us if self.last_us is None else max(self.last_us, us)

    def take(
        self, raw: _Raw, decode: Callable[[_Raw], Mapping[str, Any]], record: int
    ) -> Record | Reject | None:
        """The event of one record, a reject, or None for a record that says nothing.

        The one border at which every exception is caught: whatever a record holds, the next is read.
        """
        fields: Mapping[str, Any] = {}
        try:
            fields = decode(raw)
            reading = falcon.read(fields, self.clock)
        except RecordError as error:
            self.family = self.family or falcon.family_of(falcon.unwrapped(fields))
            return self.reject(record, f"{error.field}: {error.message}" if error.field else error.message)
        except Exception as error:  # noqa: BLE001 - the record border
            _LOG.debug("%s:%d", self.path, record, exc_info=True)
            return self.reject(record, f"cannot be read ({type(error).__name__})")
        if reading.family is None and wrappers.arrays_of(fields):
            return self.reject(record, "an array of records in a record")
        self.family = self.family or reading.family
        self.saw(reading.time_us)
        if reading.event is None:
            return None
        return Record(reading.event, Origin(self.path, record))
