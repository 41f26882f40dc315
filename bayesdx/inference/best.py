"""The k most probable configurations of a joint table, with ties broken by code."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

TIE = 1e-12
"""Probabilities closer than this, relatively, count as equal."""


def most_probable(joint: Array, k: int) -> tuple[Codes, Array]:
    """The ``k`` most probable cells of ``joint``, highest first; equal ones by their codes, lowest first.

    Parameters
    ----------
    joint : ndarray, shape (*cardinalities)
    k : int, at least 1

    Returns
    -------
    codes : ndarray of int, shape (min(k, cells), n_variables)
    probabilities : ndarray, shape (min(k, cells),)

    Examples
    --------
    >>> codes, probabilities = most_probable(np.array([[0.1, 0.4], [0.4, 0.1]]), 2)
    >>> codes.tolist()
    [[0, 1], [1, 0]]
    """
    flat = joint.reshape(-1)
    k = min(k, flat.size)
    least = np.partition(flat, flat.size - k)[flat.size - k]
    near = np.flatnonzero(flat >= least * (1 - TIE))
    near = near[np.argsort(-flat[near], kind="stable")]
    values = flat[near]
    rank = np.concatenate([[0], np.cumsum(values[1:] < values[:-1] * (1 - TIE))])
    chosen = near[np.lexsort((near, rank))][:k]
    codes = np.stack(np.unravel_index(chosen, joint.shape), axis=-1) if joint.ndim else np.zeros((k, 0))
    return codes.astype(np.int64), flat[chosen]
