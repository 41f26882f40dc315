r"""Studies that differ by more than chance: the likelihood of a study, and the prediction of the next one.

The figure of a study varies around what the network implies. On the log-odds of a probability

.. math:: x \sim N(z, \tau^2), \qquad k \sim \mathrm{Binomial}(n, \mathrm{expit}(x)),

with x integrated out by Gauss-Hermite quadrature centred and scaled at its mode; the logarithm of a ratio is normal
with the variance of its error plus what heterogeneity of both groups adds.

References: T. H. Hamza, H. C. van Houwelingen, T. Stijnen (2008), "The binomial distribution of meta-analysis was
preferred to model within-study variability", Journal of Clinical Epidemiology 61; Q. Liu, D. A. Pierce (1994), "A note
on Gauss-Hermite quadrature", Biometrika 81; J. P. T. Higgins, S. G. Thompson, D. J. Spiegelhalter (2009), "A
re-evaluation of random-effects meta-analysis", JRSS A 172 (prediction); S. Holm (1979), Scandinavian Journal of
Statistics 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesdx.evaluation.published import Reading
from bayesdx.odds import expit

Array = NDArray[np.float64]

_NODES, _WEIGHTS = np.polynomial.hermite.hermgauss(31)
_LOG_WEIGHTS = np.log(_WEIGHTS) + _NODES**2

SMALLEST = 1e-6
"""A standard deviation between studies below this counts as 0."""

_STEPS = 60
_MIDPOINTS = (np.arange(401) + 0.5) / 401


@dataclass(frozen=True, eq=False)
class Likelihood:
    """Logarithm of the likelihood of each row in its scaled figure, with its first two derivatives.

    ``weight`` is minus the second one, never below 0, since both kinds of likelihood are log-concave.
    """

    log: Array
    slope: Array
    weight: Array


class Readings:
    """Readings of some rows as arrays.

    Parameters
    ----------
    rows : sequence of Reading
        None of them excluded.
    """

    def __init__(self, rows: Sequence[Reading]) -> None:
        self.k = np.array([row.k for row in rows], dtype=np.float64)
        self.n = np.array([row.n for row in rows], dtype=np.float64)
        self.log_ratio = np.array([row.log_ratio for row in rows], dtype=np.float64)
        self.error = np.array([row.error for row in rows], dtype=np.float64)
        self.is_ratio = np.array([row.is_ratio for row in rows], dtype=bool)

    def __len__(self) -> int:
        return len(self.k)

    def likelihood(self, z: Array, spread: Array) -> Likelihood:
        """The likelihood at the implied figures.

        Parameters
        ----------
        z : ndarray, shape (n_rows,)
            Log-odds of probabilities, logarithms of ratios.
        spread : ndarray, shape (n_rows,), at least 0
            Standard deviation between studies on that scale; a row where it is infinite does not count.
        """
        log, slope, weight = (np.zeros(len(self)) for _ in range(3))
        heard = np.isfinite(spread)
        ratio = self.is_ratio & heard
        variance = self.error[ratio] ** 2 + spread[ratio] ** 2
        apart = self.log_ratio[ratio] - z[ratio]
        log[ratio] = -0.5 * (apart**2 / variance + np.log(2 * np.pi * variance))
        slope[ratio], weight[ratio] = apart / variance, 1 / variance
        exact = ~self.is_ratio & heard & (spread < SMALLEST)
        k, n, x = self.k[exact], self.n[exact], z[exact]
        p = expit(x)
        log[exact] = k * x - n * np.logaddexp(0.0, x)
        slope[exact], weight[exact] = k - n * p, n * p * (1 - p)
        mixed = ~self.is_ratio & heard & (spread >= SMALLEST)
        found = _mixed(self.k[mixed], self.n[mixed], z[mixed], spread[mixed])
        log[mixed], slope[mixed], weight[mixed] = found
        return Likelihood(log, slope, weight)

    def variance(self, z: Array) -> Array:
        """Variance of each row's own figure from its patients, were the implied figure true, shape (n_rows,)."""
        p = expit(z)
        with np.errstate(divide="ignore"):
            return np.where(self.is_ratio, self.error**2, 1 / (np.maximum(self.n, 1e-12) * p * (1 - p)))


def _mixed(k: Array, n: Array, z: Array, tau: Array) -> tuple[Array, Array, Array]:
    """Binomial with a normal effect on the log-odds, by quadrature around the mode."""
    if not len(k):
        return k, k, k
    low, high = z - (n - k) * tau**2, z + k * tau**2  # the slope has its root between these
    x = np.clip(z, low, high)
    for _ in range(_STEPS):
        p = expit(x)
        slope = k - n * p - (x - z) / tau**2
        low, high = np.where(slope >= 0, x, low), np.where(slope <= 0, x, high)
        step = x + slope / (n * p * (1 - p) + 1 / tau**2)
        x_new = np.where((step > low) & (step < high), step, (low + high) / 2)
        done = np.abs(x_new - x) <= 1e-12 * np.maximum(1.0, np.abs(x))
        x = x_new
        if done.all():
            break
    p = expit(x)
    width = 1 / np.sqrt(n * p * (1 - p) + 1 / tau**2)
    at = x[:, None] + np.sqrt(2.0) * width[:, None] * _NODES
    logs = (
        k[:, None] * at
        - n[:, None] * np.logaddexp(0.0, at)
        - 0.5 * ((at - z[:, None]) / tau[:, None]) ** 2
        + _LOG_WEIGHTS
    )
    top = logs.max(axis=1, keepdims=True)
    mass = np.exp(logs - top)
    total = mass.sum(axis=1)
    log = top[:, 0] + np.log(total) + np.log(width / tau) - 0.5 * np.log(np.pi)
    share = mass / total[:, None]
    chance = expit(at)
    score = k[:, None] - n[:, None] * chance
    mean = (share * score).sum(axis=1)
    curve = (share * (n[:, None] * chance * (1 - chance) - (score - mean[:, None]) ** 2)).sum(axis=1)
    return log, mean, np.maximum(curve, 0.0)


@dataclass(frozen=True, eq=False)
class Prediction:
    """What is expected of the figures of studies before they are seen.

    Parameters
    ----------
    middle, lower, upper : ndarray, shape (n_rows,)
        Median and 95 % interval of the figure, as a probability or a ratio.
    p : ndarray, shape (n_rows,), in (0, 1]
        Two-sided probability of a figure as far out as the one seen, half of its own probability counted (mid-p).
    score : ndarray, shape (n_rows,)
        The normal deviate of that, positive where the figure is higher than expected.
    """

    middle: Array
    lower: Array
    upper: Array
    p: Array
    score: Array


def predict(readings: Readings, z: Array, variance: Array) -> Prediction:
    """Predict figures whose scaled mean is known with a variance, heterogeneity included.

    Parameters
    ----------
    readings : Readings
    z, variance : ndarray, shape (n_rows,)
        Mean and variance of the study's own scaled figure, before its patients are drawn.
    """
    from scipy.special import ndtr, ndtri

    n_rows = len(readings)
    middle, lower, upper, below = (np.full(n_rows, np.nan) for _ in range(4))
    deviates = ndtri(_MIDPOINTS)
    for row in range(n_rows):
        spread = float(np.sqrt(variance[row]))
        if readings.is_ratio[row]:
            total = float(np.hypot(spread, readings.error[row]))
            middle[row] = np.exp(z[row])
            lower[row], upper[row] = np.exp(z[row] + total * ndtri([0.025, 0.975]))
            below[row] = float(ndtr((readings.log_ratio[row] - z[row]) / total)) if total > 0 else 0.5
        else:
            chances = expit(z[row] + spread * deviates)
            n = max(1, round(float(readings.n[row])))
            k = min(n, round(float(readings.k[row]) * n / float(readings.n[row])))
            middle[row], lower[row], upper[row] = (_quantile(chances, n, at) / n for at in (0.5, 0.025, 0.975))
            below[row] = 0.5 * (_at_most(chances, n, k) + _at_most(chances, n, k - 1))
    below = np.clip(below, 1e-15, 1 - 1e-15)
    return Prediction(middle, lower, upper, 2 * np.minimum(below, 1 - below), ndtri(below))


def joint_p(score: Array, correlation: Array) -> float:
    """Joint p of several figures, from their normal deviates and the correlation of their predictions."""
    from scipy.special import chdtrc

    distance = float(score @ np.linalg.lstsq(correlation, score, rcond=1e-10)[0])
    return float(chdtrc(len(score), max(0.0, distance)))


def holm(p: Array) -> Array:
    """Adjust p for the number of tests, step by step (Holm 1979).

    Examples
    --------
    >>> holm(np.array([0.01, 0.04, 0.03])).tolist()
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p)
    adjusted = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    found = np.empty(len(p))
    found[order] = np.minimum(1.0, adjusted)
    return found


def _at_most(chances: Array, n: int, k: int) -> float:
    from scipy.special import bdtr

    return float(bdtr(k, n, chances).mean()) if k >= 0 else 0.0


def _quantile(chances: Array, n: int, at: float) -> int:
    """The smallest count that at least this share of the predictions do not exceed."""
    low, high = -1, n
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _at_most(chances, n, middle) >= at else (middle, high)
    return high
