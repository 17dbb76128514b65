"""Hops: which witnesses of one (source, target) close in time are one movement (DESIGN §7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd


@dataclass(frozen=True, slots=True)
class HopTable:
    """Hops and what they are made of; the frames are those of ``lmgraph.frames``.

    Attributes:
        hops: HOPS.
        members: MEMBERS; a row may be in several hops, each with its share.
        users: HOP_USERS.
        unplaced: UNPLACED.
    """

    hops: pd.DataFrame
    members: pd.DataFrame
    users: pd.DataFrame
    unplaced: pd.DataFrame


def build(
    witnesses: pd.DataFrame, host_keys: Sequence[str], user_kinds: npt.NDArray[np.int8], *, window_us: int
) -> HopTable:
    """Hops of the witnesses (frame WITNESSES)."""
    raise NotImplementedError


def select(table: HopTable, keep: npt.NDArray[np.bool_]) -> HopTable:
    """The table with only the hops that ``keep`` holds, renumbered."""
    raise NotImplementedError
