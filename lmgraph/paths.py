"""Paths and incidents: which hop followed which, and what belongs to one actor (DESIGN §8)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from lmgraph.hops import HopTable
from lmgraph.settings import Settings


@dataclass(frozen=True, slots=True)
class PathTable:
    """Ranked paths and incidents; the frames are those of ``lmgraph.frames``.

    Attributes:
        paths: PATHS.
        links: LINKS; every two consecutive hops of a path are a row.
        incidents: INCIDENTS.
        dropped_by_caps: What a cap cut, by name: ``link_candidates``, ``paths``, ``related``.
    """

    paths: pd.DataFrame
    links: pd.DataFrame
    incidents: pd.DataFrame
    dropped_by_caps: dict[str, int]


def build(
    table: HopTable,
    scores: npt.NDArray[np.int64],
    features: pd.DataFrame,
    sessions: pd.DataFrame,
    user_kinds: npt.NDArray[np.int8],
    settings: Settings,
) -> PathTable:
    """Paths and incidents of the hops; ``scores`` are ``score.total``, ``sessions`` frame SESSIONS."""
    raise NotImplementedError
