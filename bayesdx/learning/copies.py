"""Which rows of a table are copies of one patient."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bayesdx.learning.classes import tree

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

FEW = 10
"""Fewer patterns than these prove nothing."""

UNEXPECTED, RARE = 0.1, 1.0
"""Expected patients below which it is remarkable that a pattern is there twice; below which, once copies are proved,
those of a pattern there twice are taken for copies too."""

FAR_MORE = 5.0
"""Times as many repeated patterns as chance brings."""


def copies(codes: Codes, labels: Codes, numbers: Mapping[int, Array]) -> Codes:
    """A group for each row: its own, or that of all rows identical to it where the table holds copies of patients.

    Few findings of few states are identical in many patients, so that identical rows alone prove nothing. A pattern of
    cells is remarkable that several rows have though the tree of the findings given the class (``tree``, a missing cell
    being a state) expects less than 0.1 of them, and though fewer rows differ from it in one cell than share it: where
    a form is filled in alike for many patients, as when all is normal, some differ in a cell. The table holds copies
    where remarkable patterns are 10 or more, and five times as many as the tree expects to be there twice.

    Parameters
    ----------
    codes : ndarray of int, shape (n_rows, n_findings)
        -1 where missing.
    labels : ndarray of int, shape (n_rows,)
    numbers : mapping of a finding's place to its numbers, shape (n_rows,), NaN where missing
        Of which the codes are bands.

    Returns
    -------
    ndarray of int, shape (n_rows,), 0, 1, ...

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> codes, labels = rng.integers(0, 4, (40, 8)), np.arange(40) % 2
    >>> once = copies(codes, labels, {})
    >>> twice = copies(np.r_[codes, codes], np.r_[labels, labels], {})
    >>> int(once.max()) + 1, int(twice.max()) + 1, bool((twice[:40] == twice[40:]).all())
    (40, 40, True)
    """
    rows, many = codes.shape
    cells = codes.copy()
    for place, values in numbers.items():
        cells[:, place] = np.where(np.isfinite(values), np.unique(values, return_inverse=True)[1], -1)
    signs = np.random.default_rng(0).integers(1, 2**62, many + 2) * 2 + 1  # sums of 64 bits tell patterns apart
    key = cells @ signs[:many] + labels * signs[many]
    _, at, pattern, times = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    if rows - len(at) < FEW:
        return np.arange(rows)
    states = np.where(codes < 0, codes.max(axis=0) + 1, codes)
    parents = tree(states, labels, np.ones(rows))
    log_expected, near = np.log(_alike(labels)), -(many + 0.0) * times[pattern]
    for place in range(many):
        given = labels * signs[many] + (states[:, parents[place]] * signs[many + 1] if place in parents else 0)
        log_expected += np.log(_alike(given + cells[:, place] * signs[place]) / _alike(given))
        near += _alike(key - cells[:, place] * signs[place])
    expected, repeated = np.exp(log_expected[at]), times > 1
    unexpected = expected < UNEXPECTED
    remarkable = int((unexpected & repeated & (near[at] < times)).sum())
    by_chance = float((expected * times)[unexpected].sum()) / 2
    if remarkable < FEW or remarkable <= FAR_MORE * by_chance:
        return np.arange(rows)
    together = (repeated & (expected < RARE))[pattern]
    return np.asarray(np.unique(np.where(together, at[pattern], np.arange(rows)), return_inverse=True)[1])


def _alike(keys: Codes) -> Array:
    """How many rows have the key of each row."""
    _, place, times = np.unique(keys, return_inverse=True, return_counts=True)
    return times[place].astype(np.float64)
