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
    n = float(hot.sum())
    places = np.flatnonzero(np.diff(x) > 0) + 1
    if n < 4 or not len(places):
        return None
    left = np.cumsum(hot, axis=0)[places - 1]
    whole = hot.sum(axis=0)
    right = whole - left
    sizes = left.sum(axis=1)
    h_left, h_right, h = _entropy(left), _entropy(right), float(_entropy(whole[None])[0])
    gains = h - (sizes * h_left + (n - sizes) * h_right) / n
    best = int(gains.argmax())
    kinds, of_left, of_right = ((part > 0).sum() for part in (whole, left[best], right[best]))
    saved = kinds * h - of_left * h_left[best] - of_right * h_right[best]
    needed = (np.log2(n - 1) + np.log2(3.0**kinds - 2) - saved) / n
    return (int(places[best]), float(gains[best])) if gains[best] > needed else None


def _entropy(counts: Array) -> Array:
    share = counts / counts.sum(axis=1, keepdims=True)
    return np.asarray(-(share * np.log2(np.where(share > 0, share, 1.0))).sum(axis=1))
