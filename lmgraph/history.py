"""History: what the past of a hop's hosts and accounts says about it (DESIGN §9)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from lmgraph.hops import HopTable


def uses(witnesses: pd.DataFrame, table: HopTable, contacts: pd.DataFrame) -> pd.DataFrame:
    """Frame USES: one row per account and opener of each hop, and one per contact (frame CONTACTS)."""
    raise NotImplementedError


def features(
    table: HopTable,
    uses: pd.DataFrame,
    user_kinds: npt.NDArray[np.int8],
    *,
    begin_us: int,
    max_gap_us: int | None,
    window_us: int,
) -> pd.DataFrame:
    """Frame FEATURES, one row per hop; ``begin_us`` is where the data begin."""
    raise NotImplementedError
