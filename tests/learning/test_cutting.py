"""Cut points: the recursion of Fayyad and Irani, written out here as they define it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bayesdx.learning.cutting import cut_all, cut_points, rising

Array = NDArray[np.float64]
Index = NDArray[np.intp]
SEEDS = st.integers(0, 2**31 - 1)


def patients(seed: int) -> tuple[Array, Index, Array]:
    """Numbers that say something of a class, many of them equal, and patients behind each."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 150))
    classes = rng.integers(0, rng.integers(1, 5), n)
    values = np.round(rng.normal(size=n) + classes * rng.choice([0.0, 1.0, 3.0]), int(rng.integers(0, 3)))
    return values, classes, rng.choice([0.5, 1.0, 2.0], n)


def entropy(classes: Index, weights: Array) -> tuple[float, int]:
    """In bits, and how many classes there are."""
    shares = np.bincount(classes, weights) / weights.sum()
    shares = shares[shares > 0]
    return float(-(shares * np.log2(shares)).sum()), len(shares)


def by_definition(values: Array, classes: Index, weights: Array) -> list[float]:
    """The cut of the least entropy, kept where it gains more than its description costs; then each side again."""
    n, distinct = weights.sum(), np.unique(values)
    cuts = (distinct[1:] + distinct[:-1]) / 2
    if n < 4 or not len(cuts):
        return []
    h, kinds = entropy(classes, weights)
    found = []
    for cut in cuts:
        sides = [(classes[own], weights[own]) for own in (values < cut, values > cut)]
        each = [(*entropy(*side), side[1].sum() / n) for side in sides]
        gain = h - sum(part * bits for bits, _, part in each)
        saved = kinds * h - sum(states * bits for bits, states, _ in each)
        found.append((gain, -cut, gain > (np.log2(n - 1) + np.log2(3.0**kinds - 2) - saved) / n))
    best = max(gain for gain, _, _ in found)
    _, cut, worth = next(each for each in found if each[0] > best - 1e-12)
    if not worth:
        return []
    low, high = values < -cut, values > -cut
    sides_of = [by_definition(values[own], classes[own], weights[own]) for own in (low, high)]
    return [*sides_of[0], -cut, *sides_of[1]]


@given(SEEDS)
def test_cuts_are_those_of_the_definition(seed: int) -> None:
    """Every cut is worth its description, none that is worth it is left out; where there is none, the median."""
    values, classes, weights = patients(seed)
    expected = by_definition(values, classes, weights)
    found = cut_points(values, classes, weights, most=1000)
    if expected:
        assert found == expected
    else:
        assert len(found) == (values.min() < values.max())
        assert all(values.min() < cut <= values.max() for cut in found)


@given(st.lists(SEEDS, min_size=1, max_size=4))
def test_columns_are_cut_side_by_side_as_each_alone(seeds: list[int]) -> None:
    """The others change nothing, nor do rows that are not looked at."""
    values, classes, weights = patients(seeds[0])
    columns = [np.random.default_rng(seed).permutation(values) for seed in seeds]
    looked_at = [np.random.default_rng(seed).random(len(values)) < 0.7 for seed in seeds]
    rows = [rising(column) for column in columns]
    rows = [each[own[each]] for each, own in zip(rows, looked_at, strict=True)]
    alone = [
        cut_points(column[own], classes[own], weights[own]) for column, own in zip(columns, looked_at, strict=True)
    ]
    assert cut_all(columns, rows, classes, weights) == alone
