"""Noisy-OR and noisy-MAX: how causes that act by themselves combine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def noisy_or(leak: ArrayLike, link: ArrayLike, present: ArrayLike) -> Array:
    r"""Probability of a finding given its causes (leaky noisy-OR).

    .. math:: P(f = 1 \mid c) = 1 - (1 - \lambda_0) \prod_i (1 - \lambda_i)^{c_i}

    Parameters
    ----------
    leak : float in [0, 1]
        :math:`\lambda_0`, probability of the finding when no listed cause is present.
    link : array_like, shape (n_causes,), in [0, 1]
        :math:`\lambda_i`, probability that cause i by itself produces the finding (Diez's link). Not
        P(f | only cause i), which includes the leak (Henrion's link); see ``link_from_henrion``.
    present : array_like of 0 and 1, shape (..., n_causes)

    Returns
    -------
    ndarray, shape (...), in [0, 1]

    References
    ----------
    F. J. Diez (1993), "Parameter adjustment in Bayes networks: the generalized noisy OR-gate", UAI.

    Examples
    --------
    >>> noisy_or(0.1, np.array([0.8, 0.5]), np.array([[0, 0], [1, 0], [1, 1]])).round(2)
    array([0.1 , 0.82, 0.91])
    """
    kept = np.prod((1.0 - np.asarray(link, dtype=np.float64)) ** np.asarray(present), axis=-1)
    return np.asarray(1.0 - (1.0 - np.asarray(leak, dtype=np.float64)) * kept, dtype=np.float64)


def noisy_max(leak: ArrayLike, links: Sequence[ArrayLike], parents: Sequence[ArrayLike]) -> Array:
    r"""Distribution of a graded finding given its causes (leaky noisy-MAX).

    Each parent draws a grade by itself and the finding shows the highest of them:

    .. math:: P(f \le x \mid c) = P_0(f \le x) \prod_i P_i(f \le x \mid c_i)

    With two states this is the leaky noisy-OR.

    Parameters
    ----------
    leak : array_like, shape (n_states,)
        Distribution of the finding when no listed cause acts; sums to 1, lowest grade first.
    links : sequence of array_like, each of shape (n_parent_states, n_states)
        Row s: distribution of the grade that the parent in state s brings about by itself (leak excluded).
    parents : sequence of array_like of int, each of shape (...)
        States of the parents, as codes.

    Returns
    -------
    ndarray, shape (..., n_states); the last axis sums to 1

    References
    ----------
    M. Henrion (1988), "Practical issues in constructing a Bayes' belief network";
    F. J. Diez (1993), "Parameter adjustment in Bayes networks: the generalized noisy OR-gate", UAI.

    Examples
    --------
    >>> link = np.array([[1.0, 0.0, 0.0], [0.2, 0.5, 0.3]])
    >>> noisy_max([0.9, 0.1, 0.0], [link], [np.array([0, 1])]).round(2)
    array([[0.9 , 0.1 , 0.  ],
           [0.18, 0.52, 0.3 ]])
    """
    cumulative = np.cumsum(np.asarray(leak, dtype=np.float64), axis=-1)
    for link, codes in zip(links, parents, strict=True):
        cumulative = cumulative * np.cumsum(np.asarray(link, dtype=np.float64), axis=-1)[np.asarray(codes)]
    return np.asarray(np.diff(cumulative, axis=-1, prepend=0.0), dtype=np.float64)


def link_from_henrion(only_cause: ArrayLike, leak: ArrayLike) -> Array:
    r"""Diez's link from P(grade | only this cause), which includes the leak.

    The cumulative distributions divide: :math:`L(x) = H(x) / P_0(x)`. Where the cause would make a grade rarer than
    the leak alone does, no noisy gate can say so and the link is zero there.

    Parameters
    ----------
    only_cause : array_like, shape (..., n_states)
        Distribution of the finding when this is the only cause present (Henrion's convention).
    leak : array_like, shape (n_states,)
        Distribution of the finding when no listed cause is present.

    Returns
    -------
    ndarray, shape (..., n_states)
        Distribution of the grade that the cause brings about by itself.

    References
    ----------
    F. J. Diez (1993), UAI, section 3; A. Zagorecki, M. Druzdzel (2013), "Knowledge engineering for Bayesian
    networks: how common are noisy-MAX distributions in practice?", IEEE SMC.

    Examples
    --------
    >>> link_from_henrion([0.18, 0.82], [0.9, 0.1]).round(3)
    array([0.2, 0.8])
    >>> link_from_henrion([0.95, 0.05], [0.9, 0.1]).round(3)  # rarer than the leak: no link
    array([1., 0.])
    """
    top = np.cumsum(np.asarray(only_cause, dtype=np.float64), axis=-1)
    base = np.cumsum(np.asarray(leak, dtype=np.float64), axis=-1)
    ratio = np.divide(top, base, out=np.ones(np.broadcast_shapes(top.shape, base.shape)), where=base > 0)
    ratio = np.minimum.accumulate(np.clip(ratio, 0.0, 1.0)[..., ::-1], axis=-1)[..., ::-1]
    ratio[..., -1] = 1.0
    return np.asarray(np.diff(ratio, axis=-1, prepend=0.0), dtype=np.float64)


def henrion_from_link(link: ArrayLike, leak: ArrayLike) -> Array:
    """P(grade | only this cause), leak included, from Diez's link; the inverse of ``link_from_henrion``.

    Parameters
    ----------
    link : array_like, shape (..., n_states)
        Distribution of the grade that the cause brings about by itself.
    leak : array_like, shape (n_states,)
        Distribution of the finding when no listed cause is present.

    Returns
    -------
    ndarray, shape (..., n_states)

    References
    ----------
    F. J. Diez (1993), "Parameter adjustment in Bayes networks: the generalized noisy OR-gate", UAI.

    Examples
    --------
    >>> henrion_from_link([0.2, 0.8], [0.9, 0.1]).round(2)
    array([0.18, 0.82])
    """
    cumulative = np.cumsum(np.asarray(link, dtype=np.float64), axis=-1) * np.cumsum(np.asarray(leak), axis=-1)
    return np.asarray(np.diff(cumulative, axis=-1, prepend=0.0), dtype=np.float64)
