"""Measures of probabilities against what was so: proper scores, calibration, discrimination, benefit. Arrays only.

Every function takes ``weights``, so that a bootstrap resample is a vector of counts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FLOOR = 1e-6
"""Probabilities are kept this far from 0 and 1 where a logarithm is taken."""

NEWTON_STEPS = 50


def logit(p: Array) -> Array:
    """Log-odds, kept finite by ``FLOOR``."""
    kept = np.clip(p, FLOOR, 1 - FLOOR)
    return np.asarray(np.log(kept / (1 - kept)))


def brier_parts(p: Array, y: Array, weights: Array, bins: int) -> tuple[float, float, float]:
    r"""Reliability, resolution and uncertainty of binary forecasts, in bins of equal width.

    Mean Brier score = reliability - resolution + uncertainty, up to the spread of forecasts within a bin.

    Parameters
    ----------
    p : ndarray, shape (n,), in [0, 1]
    y : ndarray of 0 and 1, shape (n,)
    weights : ndarray, shape (n,), at least 0
    bins : int

    References
    ----------
    A. H. Murphy (1973), "A new vector partition of the probability score", Journal of Applied Meteorology 12.

    Examples
    --------
    >>> brier_parts(np.array([0.2, 0.2, 0.8, 0.8]), np.array([0, 0, 1, 1]), np.ones(4), 10)
    (0.04, 0.25, 0.25)
    """
    total, mean_p, mean_y = binned(p, y, weights, bins)
    share = total / total.sum()
    rate = float(np.average(y, weights=weights))
    reliability = float((share * (mean_p - mean_y) ** 2).sum())
    resolution = float((share * (mean_y - rate) ** 2).sum())
    return round(reliability, 12), round(resolution, 12), round(rate * (1 - rate), 12)


def binned(p: Array, y: Array, weights: Array, bins: int) -> tuple[Array, Array, Array]:
    """Weight, mean forecast and observed share of the bins of equal width that are not empty."""
    place = np.minimum((p * bins).astype(int), bins - 1)
    total = np.bincount(place, weights=weights, minlength=bins)
    used = total > 0
    mean_p = np.bincount(place, weights=weights * p, minlength=bins)[used] / total[used]
    mean_y = np.bincount(place, weights=weights * y, minlength=bins)[used] / total[used]
    return total[used].astype(np.float64), mean_p, mean_y


def expected_calibration_error(p: Array, y: Array, weights: Array, bins: int) -> float:
    """Mean distance between forecast and observed share over bins of equal width.

    References
    ----------
    M. Naeini, G. Cooper, M. Hauskrecht (2015), "Obtaining well calibrated probabilities using Bayesian binning", AAAI.

    Examples
    --------
    >>> expected_calibration_error(np.array([0.3, 0.3]), np.array([0.0, 1.0]), np.ones(2), 10)
    0.2
    """
    total, mean_p, mean_y = binned(p, y, weights, bins)
    return round(float((total * np.abs(mean_p - mean_y)).sum() / total.sum()), 12)


def calibration_line(p: Array, y: Array, weights: Array) -> tuple[float, float]:
    """Calibration in the large and calibration slope: 0 and 1 are perfect.

    The intercept is that of a logistic regression on the log-odds with the slope fixed at 1; the slope is that with
    both free. NaN where only one class was seen, or the classes are separated so that no finite slope fits.

    References
    ----------
    D. R. Cox (1958), "Two further applications of a model for binary regression", Biometrika 45; B. Van Calster et
    al. (2019), "Calibration: the Achilles heel of predictive analytics", BMC Medicine 17.

    Examples
    --------
    >>> p, y = np.repeat([0.2, 0.8], 10), np.r_[np.ones(2), np.zeros(8), np.ones(8), np.zeros(2)]
    >>> [round(value, 6) + 0 for value in calibration_line(p, y, np.ones(20))]
    [0.0, 1.0]
    """
    x = logit(p)
    rate = float(np.average(y, weights=weights))
    if not 0 < rate < 1:
        return float("nan"), float("nan")
    intercept = _newton(np.ones((len(x), 1)), y, weights, x)
    both = _newton(np.stack([np.ones_like(x), x], axis=1), y, weights, np.zeros_like(x))
    return float(intercept[0]), float(both[1])


def _newton(columns: Array, y: Array, weights: Array, offset: Array) -> Array:
    """Logistic regression by Newton steps, each halved until the likelihood rises."""
    beta = np.zeros(columns.shape[1])

    def loss(at: Array) -> float:
        eta = offset + columns @ at
        return float(weights @ (np.logaddexp(0.0, eta) - y * eta))

    here = loss(beta)
    for _ in range(NEWTON_STEPS):
        fitted = 1 / (1 + np.exp(-np.clip(offset + columns @ beta, -500, 500)))
        slope = columns.T @ (weights * (y - fitted))
        curvature = (columns * (weights * fitted * (1 - fitted))[:, None]).T @ columns
        if np.linalg.cond(curvature) > 1e14:
            return np.full_like(beta, np.nan)
        step = np.linalg.solve(curvature, slope)
        while loss(beta + step) > here and np.abs(step).max() > 1e-12:
            step = step / 2
        beta = beta + step
        here = loss(beta)
        if np.abs(step).max() < 1e-9:
            return beta
    return np.full_like(beta, np.nan)


def auc(p: Array, y: Array, weights: Array) -> float:
    """Probability that a patient with the cause has the higher forecast; ties count half. NaN with one class.

    References
    ----------
    J. Hanley, B. McNeil (1982), "The meaning and use of the area under a ROC curve", Radiology 143.

    Examples
    --------
    >>> auc(np.array([0.1, 0.4, 0.4, 0.9]), np.array([0.0, 0.0, 1.0, 1.0]), np.ones(4))
    0.875
    """
    _, place = np.unique(p, return_inverse=True)
    with_cause = np.bincount(place, weights=weights * y)
    without = np.bincount(place, weights=weights * (1 - y))
    pairs = with_cause.sum() * without.sum()
    below = np.cumsum(without) - without / 2
    return float(with_cause @ below / pairs) if pairs > 0 else float("nan")


def net_benefit(p: Array, y: Array, weights: Array, thresholds: Array) -> Array:
    r"""Net benefit of acting at each threshold, per patient.

    .. math:: \frac{TP}{n} - \frac{FP}{n} \cdot \frac{t}{1 - t}

    References
    ----------
    A. Vickers, E. Elkin (2006), "Decision curve analysis", Medical Decision Making 26.

    Examples
    --------
    >>> net_benefit(np.array([0.9, 0.4]), np.array([1.0, 0.0]), np.ones(2), np.array([0.2, 0.5])).tolist()
    [0.375, 0.5]
    """
    acts = p[None, :] >= thresholds[:, None]
    gained = acts @ (weights * y)
    lost = acts @ (weights * (1 - y))
    return np.asarray((gained - lost * thresholds / (1 - thresholds)) / weights.sum())


def wilson(successes: Array, n: Array) -> tuple[Array, Array]:
    """95 % interval of a share.

    References
    ----------
    E. B. Wilson (1927), "Probable inference, the law of succession, and statistical inference", JASA 22.
    """
    z = 1.959963984540054
    share = successes / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return np.maximum(0.0, centre - half), np.minimum(1.0, centre + half)
