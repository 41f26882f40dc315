"""The 95 % interval of a number that data have moved."""

from __future__ import annotations

import numpy as np

from bayesdx.network.beliefs import Beta
from bayesdx.odds import log_odds

HALF = 0.5
"""Patients per state in Jeffreys' prior of a share."""

NORMAL = 1.96
"""Standard deviations of a normal distribution to either end."""


def interval(
    value: float, size: float, left: float = 1.0, own: float = 0.0, others: float = 0.0, doubt: float = 0.0
) -> tuple[float, float]:
    """95 % interval of a number worth ``size`` patients.

    Where a weak prior lets an estimate come near 0 or 1, its own Beta is far too sure of it; up to half a patient in
    the state and in the others gives the end that such an estimate needs (Jeffreys' interval).

    Parameters
    ----------
    value : float in [0, left]
    size : float, above 0
        Patients whose complete data would leave the same uncertainty; infinite for a constant.
    left : float in (0, 1]
        What the states that are certain leave to the free ones.
    own, others : float, at least 0
        Patients added to the state, and to the others.
    doubt : float, at least 0
        Standard deviation of its log-odds that comes from other numbers, as part of ``size``: a share near 0 may be
        several times as large, where its own Beta ends soon.

    Returns
    -------
    (float, float)
        Around the value.

    References
    ----------
    L. Brown, T. Cai, A. DasGupta (2001), "Interval estimation for a binomial proportion", Statistical Science 16.

    Examples
    --------
    >>> [round(end, 3) for end in interval(0.0, 100.0, own=0.5, others=0.5)]
    [0.0, 0.025]
    >>> [round(end, 4) for end in interval(0.001, 500.0)], [round(end, 4) for end in interval(0.001, 500.0, doubt=1.2)]
    ([0.0, 0.005], [0.0, 0.0104])
    """
    ends = [value]
    share, added = value / left, own + others
    if 0 < share < 1:
        ends += [left * end for end in Beta(share, size).interval()]
        moved = log_odds(share) + NORMAL * doubt * np.array([-1.0, 1.0])
        ends += (left * np.exp(-np.logaddexp(0.0, -moved))).tolist()
    if added > 0 and np.isfinite(size):
        ends += [left * end for end in Beta((share * size + own) / (size + added), size + added).interval()]
    return min(ends), max(ends)
