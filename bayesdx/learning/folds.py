"""Folds of cross-validation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.intp]


def folds(labels: Codes, groups: Codes, number: int) -> Codes:
    """The fold of each row: all rows of a group in one, each class spread over the folds as evenly as groups allow.

    Parameters
    ----------
    labels, groups : ndarray of int, shape (n_rows,), 0, 1, ...
        A group with rows of several classes counts as one of the rarest of these.
    number : int

    Returns
    -------
    ndarray of int, shape (n_rows,)

    Examples
    --------
    >>> found = folds(np.repeat([0, 1], 6), np.repeat(np.arange(6), 2), 3)
    >>> bool((found[::2] == found[1::2]).all()), np.bincount(found).tolist()
    (True, [4, 4, 4])
    """
    rarity = np.bincount(labels)
    rarest_last = np.lexsort((labels, -rarity[labels]))
    of_group = np.empty(groups.max() + 1, dtype=np.intp)
    of_group[groups[rarest_last]] = labels[rarest_last]
    sizes = np.bincount(groups)
    shuffled = np.random.default_rng(0).permutation(len(of_group))
    order = shuffled[np.lexsort((-sizes[shuffled], of_group[shuffled]))]
    fold = np.empty(len(of_group), dtype=np.intp)
    fold[order] = np.arange(len(order)) % number
    return np.asarray(fold[groups])
