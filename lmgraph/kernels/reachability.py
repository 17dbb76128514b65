"""Kernel of reachability: when each host can first have been reached, along hops in order of time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lmgraph.kernels import kernel

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]


@kernel
def earliest_arrival(time_us: I64, source: I32, target: I32, arrival_us: I64, by: I64) -> int:
    """The earliest arrival at each host, and the hop that brings it; in one pass.

    Hops are in order of time. One goes on from its source if that was reached by a hop before it, or is a
    seed and its moment no later; of equal times the order of the hops decides.

    Args:
        time_us: When each hop begins.
        source: Host of each.
        target: Host of each.
        arrival_us: One per host: of a seed its moment, of the others the greatest int64. The moments of
            those that are reached are written here.
        by: One per host, −1: the hop that reached it is written here. It stays of a seed that none
            reached before its moment.

    Returns:
        How many hosts a hop reached.
    """
    reached = 0
    for hop in range(time_us.size):
        time = time_us[hop]
        if time < arrival_us[target[hop]] and arrival_us[source[hop]] <= time:
            reached += by[target[hop]] < 0
            arrival_us[target[hop]] = time
            by[target[hop]] = hop
    return reached
