"""Shapley values: what each player adds to a game, averaged over all orders of joining."""

from __future__ import annotations

from collections.abc import Callable
from math import factorial

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Masks = NDArray[np.bool_]
Worth = Callable[[Masks], Array]
"""Worth of coalitions: masks of shape (n_coalitions, n_players) to values of shape (n_coalitions,)."""


def all_coalitions(n_players: int) -> Masks:
    """Every coalition, shape (2**n_players, n_players); row r holds the players whose bits are set in r."""
    return (np.arange(2**n_players)[:, None] >> np.arange(n_players)) & 1 > 0


def exact_shapley(worth: Array) -> Array:
    r"""Shapley values from the worth of every coalition.

    .. math:: \phi_i = \sum_{S \not\ni i} \frac{|S|! (n - |S| - 1)!}{n!} (v(S \cup i) - v(S))

    Parameters
    ----------
    worth : ndarray, shape (2**n_players,), finite
        In the order of ``all_coalitions``.

    Returns
    -------
    ndarray, shape (n_players,)
        Their sum is the worth of all players minus that of none.

    References
    ----------
    L. Shapley (1953), "A value for n-person games".

    Examples
    --------
    >>> exact_shapley(np.array([0.0, 1.0, 2.0, 5.0]))  # none, first, second, both
    array([2., 3.])
    """
    n = int(np.log2(worth.size))
    coalitions = all_coalitions(n)
    sizes = coalitions.sum(axis=1)
    share = np.array([factorial(size) * factorial(n - size - 1) / factorial(n) for size in range(n)])
    values = np.empty(n)
    for player in range(n):
        without = np.flatnonzero(~coalitions[:, player])
        values[player] = share[sizes[without]] @ (worth[without | (1 << player)] - worth[without])
    return values


def sampled_shapley(worth: Worth, n_players: int, orders: int, seed: int) -> tuple[Array, Array]:
    """Shapley values estimated from random orders of joining, each paired with its reverse.

    Every pair of orders shares out the whole worth, so the estimates add up exactly.

    Parameters
    ----------
    worth : callable
        Asked once, about all coalitions of all orders.
    n_players : int, at least 1
    orders : int, at least 4
        Number of orders; rounded down to an even one.
    seed : int

    Returns
    -------
    values, standard_errors : ndarray, shape (n_players,)

    References
    ----------
    J. Castro, D. Gomez, J. Tejada (2009), "Polynomial calculation of the Shapley value based on sampling"; reversed
    orders as antithetic variates: R. Mitchell et al. (2022), "Sampling permutations for Shapley value estimation".

    Examples
    --------
    >>> values, errors = sampled_shapley(lambda masks: masks @ np.array([1.0, 2.0]), 2, orders=10, seed=0)
    >>> values, errors
    (array([1., 2.]), array([0., 0.]))
    """
    rng = np.random.default_rng(seed)
    half = rng.permuted(np.tile(np.arange(n_players), (orders // 2, 1)), axis=1)
    joining = np.stack([half, half[:, ::-1]], axis=1).reshape(-1, n_players)
    position = np.argsort(joining, axis=1)
    masks = position[:, None, :] < np.arange(n_players + 1)[:, None]
    distinct, where = np.unique(masks.reshape(-1, n_players), axis=0, return_inverse=True)
    steps = np.diff(worth(distinct)[where.reshape(-1)].reshape(len(joining), n_players + 1), axis=1)
    gains = np.take_along_axis(steps, position, axis=1).reshape(-1, 2, n_players).mean(axis=1)
    return gains.mean(axis=0), gains.std(axis=0, ddof=1) / np.sqrt(len(gains))
