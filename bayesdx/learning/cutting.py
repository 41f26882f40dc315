"""Cut points of numeric columns: where the classes part, by minimum description length."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.intp]

AT_ONCE = 2_000_000
"""Counts of classes at all places that are held at a time."""


def cut_points(values: Array, classes: Index, weights: Array | None = None, most: int = 7) -> list[float]:
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
    return cut_all([values], [rising(values)], classes, np.ones(len(values)) if weights is None else weights, most)[0]


def rising(values: Array) -> Index:
    """The places of the finite values, by rising value."""
    order = np.argsort(values, kind="stable")  # NaN comes last
    return order[np.isfinite(values[order])]


def cut_all(
    columns: Sequence[Array], rows: Sequence[Index], classes: Index, weights: Array, most: int = 7
) -> list[list[float]]:
    """The cut points of many columns, found side by side.

    Parameters
    ----------
    columns : sequence of ndarray, shape (n,)
    rows : sequence of ndarray of int
        The rows of each column that are looked at, by rising value, which is finite.
    classes : ndarray of int, shape (n,)
    weights : ndarray, shape (n,), above 0
    most : int, at least 1
        As ``cut_points``.

    Returns
    -------
    list of list of float
        Of each column.
    """
    found: list[list[float]] = []
    many = int(classes.max(initial=0)) + 1
    while len(found) < len(columns):
        begin = end = len(found)
        size = 0
        while end < len(columns) and (end == begin or size + len(rows[end]) * many <= AT_ONCE):
            size += len(rows[end]) * many
            end += 1
        found += _cut_together(columns[begin:end], rows[begin:end], classes, weights, many, most)
    return found


def _cut_together(
    columns: Sequence[Array], rows: Sequence[Index], classes: Index, weights: Array, many: int, most: int
) -> list[list[float]]:
    x = np.concatenate([column[own] for column, own in zip(columns, rows, strict=True)])
    own = np.concatenate(rows)
    hot = np.zeros((len(own) + 1, many))
    hot[np.arange(1, len(own) + 1), classes[own]] = weights[own]
    reached = hot.cumsum(axis=0)
    ends = np.cumsum([len(each) for each in rows])
    begins = ends - [len(each) for each in rows]
    places = _boundaries(x, classes[own], begins)
    cuts: list[list[tuple[float, float]]] = [[] for _ in columns]
    column, first, last = np.arange(len(columns)), begins, ends
    while len(column):
        column, first, last, gain, place = _split_all(reached, places, column, first, last)
        middle = (x[place - 1] + x[place]) / 2
        for number, worth, cut in zip(column.tolist(), gain.tolist(), middle.tolist(), strict=True):
            cuts[number].append((worth, cut))
        column, first, last = (
            np.concatenate([column, column]),
            np.concatenate([first, place]),
            np.concatenate([place, last]),
        )
        order = np.argsort(first)
        column, first, last = column[order], first[order], last[order]
    return [
        sorted(cut for _, cut in sorted(pairs, reverse=True)[:most]) or _median(x[begin:end], weights[each])
        for pairs, begin, end, each in zip(cuts, begins, ends, rows, strict=True)
    ]


def _boundaries(x: Array, classes: Index, begins: Index) -> Index:
    """Places between two values that are not of one and the same class throughout, where alone a cut can be best."""
    first = np.r_[True, x[1:] > x[:-1]][: len(x)]
    first[begins[begins < len(x)]] = True
    starts = np.flatnonzero(first)
    if not len(starts):
        return starts
    low, high = np.minimum.reduceat(classes, starts), np.maximum.reduceat(classes, starts)
    mixed = (low[1:] != high[1:]) | (low[:-1] != high[:-1]) | (low[1:] != low[:-1])
    kept = starts[1:][mixed]
    return np.asarray(kept[~np.isin(kept, begins)])


def _split_all(
    reached: Array, places: Index, column: Index, first: Index, last: Index
) -> tuple[Index, Index, Index, Array, Index]:
    """Of parts in rising order, those whose best cut is worth its description: with information gained, and place."""
    after, before = np.searchsorted(places, first, side="right"), np.searchsorted(places, last, side="left")
    some = before > after
    column, first, last, after, before = (each[some] for each in (column, first, last, after, before))
    whole = reached[last] - reached[first]
    n = whole.sum(axis=1)
    wide = n >= 4
    column, first, last, after, before, whole, n = (
        each[wide] for each in (column, first, last, after, before, whole, n)
    )
    if not len(column):
        return column, first, last, n, first
    sizes = before - after
    part = np.repeat(np.arange(len(column)), sizes)
    starts = np.cumsum(sizes) - sizes
    tried = places[np.arange(len(part)) - starts[part] + after[part]]
    left = reached[tried] - reached[first][part]
    right = whole[part] - left
    bits_left, bits_right, bits = _bits(left), _bits(right), _bits(whole)
    both = bits_left + bits_right
    least = np.minimum.reduceat(both, starts)
    hits = np.flatnonzero(both == least[part])
    best = hits[np.searchsorted(hits, starts)]
    gain = bits - bits_left[best] - bits_right[best]
    kinds, of_left, of_right = ((each > 0).sum(axis=1) for each in (whole, left[best], right[best]))
    h_left, h_right = bits_left[best] / left[best].sum(axis=1), bits_right[best] / right[best].sum(axis=1)
    saved = kinds * bits / n - of_left * h_left - of_right * h_right
    needed = np.log2(n - 1) + np.log2(3.0**kinds - 2) - saved
    good = gain > needed
    return column[good], first[good], last[good], gain[good], tried[best[good]]


def _median(x: Array, weights: Array) -> list[float]:
    if not len(x) or x[0] == x[-1]:
        return []
    reached = np.cumsum(weights)
    ends = np.searchsorted(reached, reached[-1] / 2, side="left"), np.searchsorted(reached, reached[-1] / 2, "right")
    middle = float(x[ends[0]] + x[ends[1]]) / 2
    return [middle if middle > x[0] else float(x[x > middle][0])]


def _bits(counts: Array) -> Array:
    """Entropy of the classes times the patients, in bits, of every row of counts."""
    total = counts.sum(axis=1)
    return np.asarray(_xlog2x(total) - _xlog2x(counts).sum(axis=1))


def _xlog2x(counts: Array) -> Array:
    return np.asarray(counts * np.log2(np.maximum(counts, 1e-300)))
