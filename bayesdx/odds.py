"""Probability, log-odds and decibans."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

DECIBANS_PER_NAT = 10.0 / np.log(10.0)


def log_odds(probability: ArrayLike) -> NDArray[np.float64]:
    """Natural log-odds of a probability; 0 and 1 give minus and plus infinity.

    Parameters
    ----------
    probability : array_like of float in [0, 1], any shape

    Returns
    -------
    ndarray, same shape, in nats

    Examples
    --------
    >>> float(log_odds(0.5))
    0.0
    """
    p = np.asarray(probability, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(p) - np.log1p(-p), dtype=np.float64)


def expit(nats: ArrayLike) -> NDArray[np.float64]:
    """The probability that has these log-odds, 1 / (1 + exp(-x)).

    Parameters
    ----------
    nats : array_like of float, any shape

    Returns
    -------
    ndarray, same shape, in [0, 1]

    Examples
    --------
    >>> float(expit(log_odds(0.2)).round(12))
    0.2
    """
    return np.asarray(0.5 * (1 + np.tanh(0.5 * np.asarray(nats, dtype=np.float64))))


def decibans(nats: ArrayLike) -> NDArray[np.float64]:
    """Weight of evidence in decibans (tenths of a power of ten) from nats.

    10 decibans multiply the odds by 10, 3 double them (I. J. Good 1985, "Weight of evidence: a brief survey").

    Parameters
    ----------
    nats : array_like of float, any shape

    Returns
    -------
    ndarray, same shape, in decibans

    Examples
    --------
    >>> round(float(decibans(np.log(100.0))), 9)
    20.0
    """
    return np.asarray(np.asarray(nats, dtype=np.float64) * DECIBANS_PER_NAT, dtype=np.float64)
