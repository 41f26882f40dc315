"""Logarithms with a finite floor, so that matrix products of them hold no NaN."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LOG_ZERO = -1e9
"""Stands for the logarithm of 0 inside matrix products, where minus infinity times 0 would be NaN."""

IMPOSSIBLE = -5e8
"""A sum of logarithms below this contains a LOG_ZERO."""

FAINT = 1e-200
"""A case whose P(evidence) is below this is propagated again as logarithms: cells of it may have underflowed to 0."""


def floored_log(values: Array) -> Array:
    """Logarithm, with ``LOG_ZERO`` for 0.

    Examples
    --------
    >>> floored_log(np.array([1.0, 0.0])).tolist()
    [0.0, -1000000000.0]
    """
    return np.log(values, out=np.full_like(values, LOG_ZERO), where=values > 0)


def exponentials(logs: Array, scale: Array) -> Array:
    """Exponentials of logarithms, shape (n_cells, n_lanes), the largest of each lane scaled to 1.

    The logarithm of what is factored out is added to ``scale`` (n_lanes,), in place; a lane in which no cell is
    possible becomes 0 and leaves ``scale`` alone. Both minus infinity and ``LOG_ZERO`` stand for 0.
    """
    top = logs.max(axis=0)
    possible = top > IMPOSSIBLE
    scale += np.where(possible, top, 0.0)
    return np.where(possible, np.exp(logs - np.where(possible, top, 0.0)), 0.0)
