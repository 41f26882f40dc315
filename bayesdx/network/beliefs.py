"""A number with its interval as a Beta distribution; a graded row as a Dirichlet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

SMALLEST_SAMPLE = 1.0
"""Fewest patients that an interval may be worth; wider intervals are treated as this wide."""

LARGEST_SAMPLE = 1e9
"""Most patients that an interval may be worth."""

_TAIL = 0.025

# Sizes looked at first: dense where a Beta of small mean has valleys within a factor of 2.
_LOG_SIZES = np.log(
    np.concatenate([np.geomspace(SMALLEST_SAMPLE, 30.0, 24)[:-1], np.geomspace(30.0, LARGEST_SAMPLE, 24)])
)

MOST_FITTED = 100_000
"""Distributions whose sizes a process remembers: populations and versions of a model share most of their numbers."""

_FITTED: dict[bytes, float] = {}

_STEPS = 24
_GOLDEN = (np.sqrt(5.0) - 1) / 2


def is_constant(value: float, lower: float, upper: float) -> bool:
    """Whether a number is known for certain: exactly 0, exactly 1, or with an interval of no width."""
    return value <= 0 or value >= 1 or upper <= lower


@dataclass(frozen=True)
class Beta:
    """A Beta distribution given by its mean and its equivalent sample size.

    Parameters
    ----------
    mean : float in [0, 1]
    sample_size : float, above 0
        a + b; infinite where the number is a constant.

    Examples
    --------
    >>> Beta(0.2, 10.0).a, Beta(0.2, 10.0).b
    (2.0, 8.0)
    """

    mean: float
    sample_size: float

    @property
    def a(self) -> float:
        """First parameter: patients in whom it happened."""
        return self.mean * self.sample_size

    @property
    def b(self) -> float:
        """Second parameter: patients in whom it did not."""
        return (1 - self.mean) * self.sample_size

    def interval(self, mass: float = 0.95) -> tuple[float, float]:
        """Equal-tailed interval that holds this share of the distribution; both ends the mean for a constant."""
        if not np.isfinite(self.sample_size):
            return self.mean, self.mean
        from scipy.special import betaincinv

        tail = (1 - mass) / 2
        return float(betaincinv(self.a, self.b, tail)), float(betaincinv(self.a, self.b, 1 - tail))


def beta_of(value: float, lower: float, upper: float) -> Beta:
    """The Beta distribution of a number with its 95 % interval.

    Its mean is the value. Its equivalent sample size is the one whose equal-tailed 95 % interval is nearest to the one
    given, by least squares of the ends on the arcsine-root scale (on which a Beta of given size is about equally wide
    everywhere), between 1 and 1e9 patients. With the mean fixed there is one number to choose for two ends: an
    interval more or less skewed than a Beta of this mean, or one that does not hold its value, is matched as well as
    it can be, not exactly.

    Parameters
    ----------
    value, lower, upper : float in [0, 1]

    Returns
    -------
    Beta
        With an infinite sample size where the value is exactly 0 or 1 or the interval has no width: a constant.

    References
    ----------
    Interval to Beta: A. O'Hagan et al. (2006), "Uncertain judgements: eliciting experts' probabilities", chapter 6.
    Arcsine root: F. Anscombe (1948), "The transformation of Poisson, binomial and negative-binomial data".

    Examples
    --------
    >>> beta = beta_of(0.2, 0.0281, 0.4825)  # the 95 % interval of Beta(2, 8)
    >>> round(beta.a, 2), round(beta.b, 2)
    (2.0, 8.0)
    """
    if is_constant(value, lower, upper):
        return Beta(value, np.inf)
    return Beta(value, float(fit_sample_sizes([value], [lower], [upper], [0])[0]))


def fit_sample_sizes(mean: ArrayLike, lower: ArrayLike, upper: ArrayLike, row: ArrayLike) -> Array:
    """Equivalent sample sizes of many distributions at once.

    The marginals of a Dirichlet of size n are Betas of size n; one n per row is chosen that is nearest to all intervals
    of the row together, as ``beta_of`` says. Below about one patient on a side a Beta's interval first widens and then
    narrows as its size grows, so that the distance has several valleys: each of them is searched, and the deepest wins.

    Parameters
    ----------
    mean, lower, upper : array_like, shape (n_numbers,)
        Means strictly between 0 and 1 with their 95 % intervals.
    row : array_like of int, shape (n_numbers,)
        The distribution that each number belongs to, counted from 0 without gaps.

    Returns
    -------
    ndarray, shape (n_rows,), between ``SMALLEST_SAMPLE`` and ``LARGEST_SAMPLE``; empty where there are no numbers

    Examples
    --------
    >>> fit_sample_sizes([0.2, 0.5], [0.0281, 0.2993], [0.4825, 0.7007], [0, 1]).round()
    array([10., 22.])
    """
    index = np.asarray(row, dtype=np.intp)
    if not index.size:
        return np.empty(0)
    numbers = np.stack([np.asarray(part, dtype=np.float64) for part in (mean, lower, upper)], axis=1)
    rows = np.split(numbers[index.argsort(kind="stable")], np.bincount(index).cumsum()[:-1])
    keys = [part.tobytes() for part in rows]
    known = {key: size for key in keys if (size := _FITTED.get(key)) is not None}
    fresh = {key: part for key, part in zip(keys, rows, strict=True) if key not in known}
    if fresh:
        place = np.repeat(np.arange(len(fresh)), [len(part) for part in fresh.values()])
        found = dict(zip(fresh, _fit(np.concatenate([*fresh.values()]), place).tolist(), strict=True))
        known |= found
        if len(_FITTED) > MOST_FITTED:
            _FITTED.clear()
        _FITTED.update(found)
    return np.array([known[key] for key in keys])


def _fit(numbers: Array, index: NDArray[np.intp]) -> Array:
    """The sizes of distributions by the numbers of each: mean, lower and upper end, shape (n_numbers, 3)."""
    mean, ends = numbers[:, 0].copy(), _angle(numbers[:, 1:].T)
    n_rows = int(index.max()) + 1
    losses = np.stack([_distance(mean, ends, index, np.full(n_rows, log_size)) for log_size in _LOG_SIZES])
    walls = np.pad(losses, ((1, 1), (0, 0)), constant_values=np.inf)
    valley = (losses < walls[:-2]) & (losses <= walls[2:])
    best, least = np.full(n_rows, np.nan), np.full(n_rows, np.inf)
    last = len(_LOG_SIZES) - 1
    while valley.any():
        rows = np.flatnonzero(valley.any(axis=0))
        place = valley[:, rows].argmax(axis=0)
        valley[place, rows] = False
        mine = np.isin(index, rows)
        part = mean[mine], ends[:, mine], np.searchsorted(rows, index[mine])
        found, loss = _descend(part, _LOG_SIZES[np.maximum(place - 1, 0)], _LOG_SIZES[np.minimum(place + 1, last)])
        nearer = loss < least[rows]
        best[rows[nearer]], least[rows[nearer]] = found[nearer], loss[nearer]
    return np.asarray(np.exp(best))


def _descend(numbers: tuple[Array, Array, NDArray[np.intp]], low: Array, high: Array) -> tuple[Array, Array]:
    """The log size of least distance in each row's bracket, and that distance: search by the golden section."""
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = _distance(*numbers, left), _distance(*numbers, right)
    for _ in range(_STEPS):
        shrink = at_left < at_right
        low, high = np.where(shrink, low, left), np.where(shrink, right, high)
        left, right = (
            np.where(shrink, high - _GOLDEN * (high - low), right),
            np.where(shrink, left, low + _GOLDEN * (high - low)),
        )
        fresh = _distance(*numbers, np.where(shrink, left, right))
        at_left, at_right = np.where(shrink, fresh, at_right), np.where(shrink, at_left, fresh)
    middle = (low + high) / 2
    return middle, _distance(*numbers, middle)


def _distance(mean: Array, ends: Array, row: NDArray[np.intp], log_size: Array) -> Array:
    """Squared distance, on the arcsine-root scale, of each row's intervals from those of Betas of this size."""
    apart = _angle(_quantiles(mean, np.exp(log_size)[row])) - ends
    return np.bincount(row, weights=(apart**2).sum(axis=0), minlength=len(log_size)).astype(np.float64)


def _quantiles(mean: Array, size: Array) -> Array:
    from scipy.special import betaincinv

    tails = np.array([[_TAIL], [1 - _TAIL]])
    return np.asarray(betaincinv(mean * size, (1 - mean) * size, tails), dtype=np.float64)


def _angle(probability: Array) -> Array:
    return np.arcsin(np.sqrt(np.clip(probability, 0.0, 1.0)))
