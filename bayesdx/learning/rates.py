"""Sensitivities and false-positive rates of one finding, turned into a leak and links of a noisy-OR."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEAST = 1e-4
"""Least leak: a finding that no modelled cause brings about is rare, never impossible."""

ROUNDS = 2000
SETTLED = 1e-10


@dataclass(frozen=True)
class GateFromRates:
    """The noisy-OR of a finding; the first axis of its arrays is that of the draws.

    Parameters
    ----------
    leak : ndarray, shape (draws,), in [0, 1]
        P(finding) when nothing acts.
    present, absent : ndarray, shape (draws, causes), in [0, 1]
        Link of a cause that is present, and of one that is not; of each pair one is zero. For exclusive causes
        ``absent`` is not used.
    none : ndarray, shape (draws,), in [0, 1]
        Link of every state of an exclusive cause that has no figure, its reference state among them.
    sensitivity, false_positive : ndarray, shape (draws, causes), in [0, 1]
        P(finding | cause present) and P(finding | cause absent) that the gate and the priors together predict.
    """

    leak: Array
    present: Array
    absent: Array
    none: Array
    sensitivity: Array
    false_positive: Array


def exclusive_gate(prior: Array, sensitivity: Array, rate: Array, weight: Array) -> GateFromRates:
    r"""The gate of a finding whose causes are states of one variable.

    With :math:`q_i` = P(finding | cause i), its sensitivity, and :math:`\lambda` = P(finding | none of the causes that
    have a figure), a false-positive rate is a mixture,

    .. math:: f_i = \Bigl(\sum_{j \ne i} p_j q_j + \bigl(1 - \sum_j p_j\bigr) \lambda\Bigr) / (1 - p_i),

    from which weighted least squares find :math:`\lambda`. The state with the lowest probability of the finding brings
    nothing about; its probability is the leak :math:`\lambda_0`, and every other state has the link
    :math:`1 - (1 - q) / (1 - \lambda_0)`. So a cause that makes the finding rarer is exact too: all others act.

    Parameters
    ----------
    prior : ndarray, shape (causes,), with a sum below 1
    sensitivity : ndarray, shape (draws, causes), in (0, 1)
    rate : ndarray, shape (draws, causes), in (0, 1), NaN where none was published
        At least one of each draw is a number.
    weight : ndarray, shape (causes,), above 0
        Patients behind each rate.

    Returns
    -------
    GateFromRates

    Examples
    --------
    >>> gate = exclusive_gate(np.array([0.2, 0.1]), np.array([[0.6, 0.1]]), np.array([[0.2, np.nan]]), np.ones(2))
    >>> gate.leak.round(3), gate.present.round(3), gate.none.round(3), gate.false_positive.round(3)
    (array([0.1]), array([[0.556, 0.   ]]), array([0.127]), array([[0.2, 0.3]]))
    """
    others = sensitivity @ prior
    rest = (1.0 - prior.sum()) / (1.0 - prior)
    known = np.isfinite(rate)
    from_causes = (others[:, None] - prior * sensitivity) / (1.0 - prior)
    wanted = np.where(known, rate - from_causes, 0.0)
    scale = (known * weight * rest**2).sum(axis=1)
    none = np.clip((wanted * weight * rest).sum(axis=1) / scale, LEAST, 1.0 - LEAST)
    leak = np.minimum(none, sensitivity.min(axis=1))
    link = 1.0 - (1.0 - sensitivity) / (1.0 - leak)[:, None]
    predicted = from_causes + rest * none[:, None]
    return GateFromRates(leak, link, np.zeros_like(link), 1.0 - (1.0 - none) / (1.0 - leak), sensitivity, predicted)


def independent_gate(prior: Array, sensitivity: Array, rate: Array, weight: Array) -> GateFromRates:
    r"""The gate of a finding whose causes may coexist, independent of each other.

    With :math:`b` = P(no finding | no cause) and :math:`g_i` the factor by which cause i changes that,

    .. math:: 1 - s_i = b\,g_i \prod_{j \ne i} m_j, \quad 1 - f_i = b \prod_{j \ne i} m_j

    where :math:`m_j = 1 - p_j + p_j g_j`. Iteration solves it; where several causes have a false-positive rate,
    :math:`\log b` is their weighted mean.
    A factor above 1 says that the cause makes the finding rarer: then its absence acts, with the link
    :math:`1 - 1/g_i`, and :math:`b` is multiplied by :math:`g_i`.

    Parameters
    ----------
    prior : ndarray, shape (causes,), in (0, 1)
    sensitivity, rate, weight
        As ``exclusive_gate``.

    Returns
    -------
    GateFromRates

    Examples
    --------
    >>> gate = independent_gate(np.array([0.2, 0.1]), np.array([[0.6, 0.2]]), np.array([[0.2, 0.3]]), np.ones(2))
    >>> gate.leak.round(3), gate.present.round(3), gate.absent.round(3)
    (array([0.112]), array([[0.496, 0.   ]]), array([[0.   , 0.118]]))
    """
    known = np.isfinite(rate)
    share = known * weight / (known * weight).sum(axis=1, keepdims=True)
    spared = np.log1p(-np.where(known, rate, 0.5))
    step = 1.0 / len(prior)  # a whole step would let the factors of several causes swing
    effect = np.zeros_like(sensitivity)  # logarithms of the factors
    for _ in range(ROUNDS):
        elsewhere = _elsewhere(prior, effect)
        base = np.minimum((share * (spared - elsewhere)).sum(axis=1, keepdims=True), np.log1p(-LEAST))
        change = step * (np.log1p(-sensitivity) - base - elsewhere - effect)
        effect = effect + change
        if np.abs(change).max() < SETTLED:
            break
    rarer = np.maximum(effect, 0.0)
    # Causes that all make the finding rarer may ask for a leak below zero: then it is the least one.
    base = np.minimum(base, np.log1p(-LEAST) - rarer.sum(axis=1, keepdims=True))
    without = base + _elsewhere(prior, effect)
    return GateFromRates(
        -np.expm1(base + rarer.sum(axis=1, keepdims=True))[:, 0],
        np.maximum(-np.expm1(effect), 0.0),
        -np.expm1(-rarer),
        np.zeros(len(effect)),
        -np.expm1(without + effect),
        -np.expm1(without),
    )


def _elsewhere(prior: Array, effect: Array) -> Array:
    """Log of what the other causes leave of "no finding", for each cause."""
    mixed = np.log1p(prior * np.expm1(effect))
    return np.asarray(mixed.sum(axis=1, keepdims=True) - mixed, dtype=np.float64)
