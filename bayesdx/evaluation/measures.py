"""Measures of forecasts against the truth: proper scores, calibration, discrimination, benefit. Arrays only.

Every function takes ``weights``, so that a bootstrap resample is a vector of counts; most take many of these at once,
shape (n_resamples, n), and give a value for each.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

FLOOR = 1e-6
"""Probabilities are kept this far from 0 and 1 where a logarithm is taken."""

Z = 1.959963984540054
"""Standard errors on either side of a 95 % interval."""

NEWTON_STEPS = 50

SAFE_STEP = 1.79
"""Change of a log-odds up to which a Newton step of a logistic regression raises the likelihood: with u the largest
change and l the decrement, the loss changes by at most -l**2 + l**2 (exp(u) - u - 1) / u**2 (F. Bach, 2010,
"Self-concordant analysis for logistic regression", Electronic Journal of Statistics 4, proposition 1)."""


def logit(p: Array) -> Array:
    """Log-odds, kept finite by ``FLOOR``.

    Examples
    --------
    >>> logit(np.array([0.0, 0.5])).round(2).tolist()
    [-13.82, 0.0]
    """
    kept = np.clip(p, FLOOR, 1 - FLOOR)
    return np.asarray(np.log(kept / (1 - kept)))


def brier_parts(p: Array, y: Array, weights: Array, bins: int) -> tuple[Array, Array, Array]:
    r"""Reliability, resolution and uncertainty of binary forecasts, in bins of equal width.

    Mean Brier score = reliability - resolution + uncertainty, up to the spread of forecasts within a bin.

    Parameters
    ----------
    p : ndarray, shape (n,), in [0, 1]
    y : ndarray of 0 and 1, shape (n,)
    weights : ndarray, shape (..., n), at least 0
    bins : int

    Returns
    -------
    three ndarray, shape (...)

    References
    ----------
    A. H. Murphy (1973), "A new vector partition of the probability score", Journal of Applied Meteorology 12.

    Examples
    --------
    >>> [float(part) for part in brier_parts(np.array([0.2, 0.2, 0.8, 0.8]), np.array([0, 0, 1, 1]), np.ones(4), 10)]
    [0.04, 0.25, 0.25]
    """
    total, mean_p, mean_y = _of_bins(p, y, weights, bins)
    share = total / total.sum(axis=-1, keepdims=True)
    rate = weights @ y / weights.sum(axis=-1)
    reliability = (share * (mean_p - mean_y) ** 2).sum(axis=-1)
    resolution = (share * (mean_y - rate[..., None]) ** 2).sum(axis=-1)
    return reliability.round(12), resolution.round(12), (rate * (1 - rate)).round(12)


def binned(p: Array, y: Array, weights: Array, bins: int) -> tuple[Array, Array, Array]:
    """Weight, mean forecast and observed share of the bins of equal width that are not empty."""
    total, mean_p, mean_y = _of_bins(p, y, weights, bins)
    used = total > 0
    return total[used], mean_p[used], mean_y[used]


def _of_bins(p: Array, y: Array, weights: Array, bins: int) -> tuple[Array, Array, Array]:
    """Weight, mean forecast and observed share of every bin, shape (..., bins); 0 where it is empty."""
    place = np.minimum((p * bins).astype(int), bins - 1)
    inside = (place[:, None] == np.arange(bins)).astype(np.float64)
    total = weights @ inside
    filled = np.where(total > 0, total, 1.0)
    return total, weights @ (inside * p[:, None]) / filled, weights @ (inside * y[:, None]) / filled


def expected_calibration_error(p: Array, y: Array, weights: Array, bins: int) -> Array:
    """Mean distance between forecast and observed share over bins of equal width, for weights of shape (..., n).

    References
    ----------
    M. Naeini, G. Cooper, M. Hauskrecht (2015), "Obtaining well calibrated probabilities using Bayesian binning", AAAI.

    Examples
    --------
    >>> float(expected_calibration_error(np.array([0.3, 0.3]), np.array([0.0, 1.0]), np.ones(2), 10))
    0.2
    """
    total, mean_p, mean_y = _of_bins(p, y, weights, bins)
    return np.asarray(((total * np.abs(mean_p - mean_y)).sum(axis=-1) / total.sum(axis=-1)).round(12))


def calibration_line(p: Array, y: Array, weights: Array) -> tuple[Array, Array]:
    """Calibration in the large and calibration slope, for weights of shape (..., n): 0 and 1 are perfect.

    The intercept is that of a logistic regression on the log-odds with the slope fixed at 1; the slope is that with
    both free. NaN where only one class was seen, or the classes are separated so that no finite slope fits.

    References
    ----------
    D. R. Cox (1958), "Two further applications of a model for binary regression", Biometrika 45; B. Van Calster et
    al. (2019), "Calibration: the Achilles heel of predictive analytics", BMC Medicine 17.

    Examples
    --------
    >>> p, y = np.repeat([0.2, 0.8], 10), np.r_[np.ones(2), np.zeros(8), np.ones(8), np.zeros(2)]
    >>> [round(float(value), 6) for value in calibration_line(p, y, np.ones(20))]
    [0.0, 1.0]
    """
    x = logit(p)
    rows = np.atleast_2d(np.asarray(weights, dtype=np.float64))
    rate = rows @ y / rows.sum(axis=1)
    both_seen = (rate > 0) & (rate < 1)
    intercept, slope = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    intercept[both_seen] = _newton(np.ones((len(x), 1)), y, rows[both_seen], x)[:, 0]
    slope[both_seen] = _newton(np.stack([np.ones_like(x), x], axis=1), y, rows[both_seen], np.zeros_like(x))[:, 1]
    shape = np.shape(weights)[:-1]
    return intercept.reshape(shape).round(12) + 0, slope.reshape(shape).round(12)


def _newton(columns: Array, y: Array, weights: Array, offset: Array) -> Array:
    """Logistic regression by Newton steps, each halved until the likelihood rises; a row per row of the weights.

    Rows start from the solution for their sum, which for bootstrap resamples is near. A step that changes no log-odds
    by more than ``SAFE_STEP`` always raises the likelihood, which need not be computed then.
    """
    beta = np.zeros((len(weights), columns.shape[1]))
    if len(weights) > 1:
        beta = beta + np.nan_to_num(_newton(columns, y, weights.sum(axis=0)[None], offset))
    found = np.full_like(beta, np.nan)
    products = np.stack([columns[:, a] * columns[:, b] for a, b in np.ndindex((columns.shape[1],) * 2)], axis=1)
    reach = np.abs(columns).max(axis=0)
    left = np.arange(len(weights))

    def loss(rows: NDArray[np.intp], at: Array) -> Array:
        eta = offset + at @ columns.T
        return np.asarray((weights[rows] * (np.logaddexp(0.0, eta) - y * eta)).sum(axis=1))

    for _ in range(NEWTON_STEPS):
        fitted = 1 / (1 + np.exp(-np.clip(offset + beta[left] @ columns.T, -500, 500)))
        slope = (weights[left] * (y - fitted)) @ columns
        curvature = ((weights[left] * fitted * (1 - fitted)) @ products).reshape(-1, *(columns.shape[1],) * 2)
        fits = ~(np.linalg.cond(curvature) > 1e14)
        left, slope, curvature = left[fits], slope[fits], curvature[fits]
        if not len(left):
            break
        step = np.linalg.solve(curvature, slope[:, :, None])[:, :, 0]
        far = np.flatnonzero(np.abs(step) @ reach > SAFE_STEP)
        here = loss(left[far], beta[left[far]])
        while far.size:
            lower = (loss(left[far], beta[left[far]] + step[far]) > here) & (np.abs(step[far]).max(axis=1) > 1e-12)
            far, here = far[lower], here[lower]
            step[far] /= 2
        beta[left] += step
        done = np.abs(step).max(axis=1) < 1e-9
        found[left[done]] = beta[left[done]]
        left = left[~done]
        if not len(left):
            break
    return found


def auc(p: Array, y: Array, weights: Array) -> Array:
    """Probability that a patient with the cause has the higher forecast; ties count half. NaN with one class.

    For weights of shape (..., n).

    References
    ----------
    J. Hanley, B. McNeil (1982), "The meaning and use of the area under a ROC curve", Radiology 143.

    Examples
    --------
    >>> float(auc(np.array([0.1, 0.4, 0.4, 0.9]), np.array([0.0, 0.0, 1.0, 1.0]), np.ones(4)))
    0.875
    """
    order = np.argsort(p, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(p[order]) > 0])
    with_cause = np.add.reduceat((weights * y)[..., order], starts, axis=-1)
    without = np.add.reduceat((weights * (1 - y))[..., order], starts, axis=-1)
    pairs = with_cause.sum(axis=-1) * without.sum(axis=-1)
    below = np.cumsum(without, axis=-1) - without / 2
    higher = (with_cause * below).sum(axis=-1)
    return np.asarray(np.divide(higher, pairs, out=np.full_like(pairs, np.nan), where=pairs > 0))


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


def wilson(successes: ArrayLike, n: ArrayLike) -> tuple[Array, Array]:
    """Wilson's 95 % interval of a share, for arrays of one shape; ``n`` is above 0.

    References
    ----------
    E. B. Wilson (1927), "Probable inference, the law of succession, and statistical inference", JASA 22.

    Examples
    --------
    >>> [float(end.round(3)) for end in wilson(48, 60)]
    [0.682, 0.882]
    """
    k, n = np.asarray(successes, dtype=np.float64), np.asarray(n, dtype=np.float64)
    centre = (k + Z**2 / 2) / (n + Z**2)
    half = Z / (n + Z**2) * np.sqrt(k * (n - k) / n + Z**2 / 4)
    return np.maximum(0.0, centre - half), np.minimum(1.0, centre + half)


def weighted_mean(values: Array, weights: Array) -> Array:
    """Of values, shape (n,), under each row of weights, shape (..., n); NaN where these are 0."""
    return ratio(weights @ values, weights.sum(axis=-1))


def ratio(above: Array, below: Array) -> Array:
    """Quotient of two arrays of one shape; NaN where ``below`` is 0."""
    found = np.full(np.shape(below), np.nan)
    return np.asarray(np.divide(above, below, out=found, where=np.asarray(below) > 0))
