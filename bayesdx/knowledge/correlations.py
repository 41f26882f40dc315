"""Correlations between numbers of a model as a matrix."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Name = tuple[str, str]
"""File and row of a number."""

SMALLEST = 1e-6
"""Least eigenvalue of a matrix of correlations."""


def matrix_of(pairs: Iterable[tuple[Name, Name, float]]) -> tuple[list[Name], Array]:
    """The numbers that are named, in the order of their first mention, and their correlations; 0 for other pairs.

    Examples
    --------
    >>> matrix_of([(("links.csv", "a"), ("links.csv", "b"), -0.5)])[1].tolist()
    [[1.0, -0.5], [-0.5, 1.0]]
    """
    rows = list(pairs)
    names = list(dict.fromkeys(name for one, other, _ in rows for name in (one, other)))
    place = {name: position for position, name in enumerate(names)}
    matrix = np.eye(len(names))
    for one, other, value in rows:
        matrix[place[one], place[other]] = matrix[place[other], place[one]] = value
    return names, matrix


def are_possible(pairs: Iterable[tuple[Name, Name, float]]) -> bool:
    """Whether some numbers can have these correlations together.

    Examples
    --------
    >>> a, b, c = (("links.csv", name) for name in "abc")
    >>> are_possible([(a, b, 0.9), (b, c, 0.9)]), are_possible([(a, b, 0.9), (b, c, 0.9), (a, c, 0.7)])
    (False, True)
    """
    return is_definite(matrix_of(pairs)[1])


def is_definite(matrix: Array) -> bool:
    """Whether all eigenvalues are clearly above 0."""
    try:
        np.linalg.cholesky(matrix - SMALLEST * np.eye(len(matrix)))
    except np.linalg.LinAlgError:
        return False
    return True
