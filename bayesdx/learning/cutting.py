"""Cut points of numeric columns: where the classes part, by minimum description length."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def cut_points(values: Array, classes: NDArray[np.intp], weights: Array | None = None, most: int = 7) -> list[float]:
    """Cuts that tell the classes apart, each worth its description; the median where none is.

    Parameters
    ----------
    values : ndarray, shape (n,), finite
    classes : ndarray of int, shape (n,)
    weights : ndarray, shape (n,), above 0, optional
        Patients that each value stands for.
    most : int, at least 1
        Largest number of cuts; those with the largest gain come first.

    Returns
    -------
    list of float
        Rising; a number equal to a cut belongs to the band above it. Empty where all values are equal.

    References
    ----------
    U. Fayyad, K. Irani (1993), "Multi-interval discretization of continuous-valued attributes for classification
    learning", IJCAI.

    Examples
    --------
    >>> cut_points(np.arange(20.0), (np.arange(20) >= 12).astype(int))
    [11.5]
    """
    order = np.argsort(values, kind="stable")
    x, c = values[order], classes[order]
    hot = (c[:, None] == np.arange(c.max(initial=0) + 1)).astype(np.float64)
    if weights is not None:
        hot *= weights[order, None]
    found: list[tuple[float, float]] = []
    open_parts = [(0, len(x))]
    while open_parts:
        start, end = open_parts.pop()
        split = _split(x[start:end], hot[start:end])
        if split is not None:
            place, gain = split
            found.append((gain * float(hot[start:end].sum()), float(x[start + place - 1] + x[start + place]) / 2))
            open_parts += [(start, start + place), (start + place, end)]
    cuts = sorted(cut for _, cut in sorted(found, reverse=True)[:most])
    if cuts or not len(x) or x[0] == x[-1]:
        return cuts
    reached = np.cumsum(hot.sum(axis=1))
    ends = np.searchsorted(reached, reached[-1] / 2, side="left"), np.searchsorted(reached, reached[-1] / 2, "right")
    middle = float(x[ends[0]] + x[ends[1]]) / 2
    return [middle if middle > x[0] else float(x[x > middle][0])]


def _split(x: Array, hot: Array) -> tuple[int, float] | None:
    """(place, information gain) of the best cut, where it is worth its description."""
    places = np.flatnonzero(x[1:] > x[:-1]) + 1
    reached = hot.cumsum(axis=0)
    whole = reached[-1]
    n = float(whole.sum())
    if n < 4 or not len(places):
        return None
    left = reached[places - 1]
    right = whole - left
    bits_left, bits_right, bits = _bits(left), _bits(right), float(_bits(whole[None])[0])
    best = int((bits_left + bits_right).argmin())
    gain = (bits - bits_left[best] - bits_right[best]) / n
    kinds, of_left, of_right = (int((part > 0).sum()) for part in (whole, left[best], right[best]))
    h_left, h_right = bits_left[best] / left[best].sum(), bits_right[best] / right[best].sum()
    saved = kinds * bits / n - of_left * h_left - of_right * h_right
    needed = (np.log2(n - 1) + np.log2(3.0**kinds - 2) - saved) / n
    return (int(places[best]), float(gain)) if gain > needed else None


def _bits(counts: Array) -> Array:
    """Entropy of the classes times the patients, in bits, of every row of counts."""
    total = counts.sum(axis=1)
    return np.asarray(_xlog2x(total) - _xlog2x(counts).sum(axis=1))


def _xlog2x(counts: Array) -> Array:
    return np.asarray(counts * np.log2(np.maximum(counts, 1e-300)))
