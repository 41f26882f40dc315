"""Answers equal rows once, where a sample shows that enough rows are equal."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

SAMPLE = 10_000
"""Rows looked at to decide."""

WORTH_GROUPING = 0.7
"""Share of distinct rows in the sample below which all rows are grouped."""

Codes = NDArray[np.int32]


def group_rows(codes: Codes) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
    """The distinct rows of a batch, where they are few; None where they are not.

    Parameters
    ----------
    codes : ndarray of int, shape (n_rows, n_variables)

    Returns
    -------
    first : ndarray of int, shape (n_distinct,)
        Position of the first row of each pattern.
    pattern : ndarray of int, shape (n_rows,)
        Position in ``first`` of the pattern of each row.

    Examples
    --------
    >>> group_rows(np.array([[0, 1], [1, 1], [0, 1], [0, 1]], dtype=np.int32))
    (array([0, 1]), array([0, 1, 0, 0]))
    """
    if len(codes) < 2:
        return None
    sample = _keys(codes[:SAMPLE])
    if len(pd.unique(sample)) > WORTH_GROUPING * len(sample):
        return None
    keys = sample if len(codes) <= SAMPLE else _keys(codes)
    pattern, distinct = pd.factorize(keys)
    first = np.full(len(distinct), -1, dtype=np.intp)
    first[pattern[::-1]] = np.arange(len(codes) - 1, -1, -1)
    # Keys are hashes: rows that share one must be the same, or every row is answered by itself.
    if not np.array_equal(codes[first][pattern], codes):
        return None
    return first, np.asarray(pattern, dtype=np.intp)


def _keys(codes: Codes) -> NDArray[np.uint64]:
    """A hash of each row, modulo 2**64."""
    rng = np.random.default_rng(0)
    keys = np.zeros(len(codes), dtype=np.uint64)
    for column in range(codes.shape[1]):
        factor, *_ = rng.integers(1, 2**64 - 1, size=1, dtype=np.uint64) | np.uint64(1)
        keys += (codes[:, column].astype(np.int64) + 1).astype(np.uint64) * factor
    return keys
