"""Scores: additive evidence in thousandths of a nat, every term with its reason (DESIGN §9)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from lmgraph.schema import Severity


def hops(hops: pd.DataFrame, features: pd.DataFrame) -> dict[str, npt.NDArray[np.int64]]:
    """Terms of each hop (frames HOPS, FEATURES): name → thousandths per hop, 0 where absent."""
    raise NotImplementedError


def total(terms: dict[str, npt.NDArray[np.int64]], count: int) -> npt.NDArray[np.int64]:
    """Score of each of ``count`` hops in thousandths: the exact sum of its terms."""
    raise NotImplementedError


def severity(score: int) -> Severity:
    """Severity of a path or an incident of that score, in thousandths."""
    raise NotImplementedError
