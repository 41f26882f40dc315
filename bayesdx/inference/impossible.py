"""Which observations cannot occur together."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

MOST_SUBSETS = 20_000
"""Subsets tried in the search for a conflict smaller than the inclusion-minimal one."""

Impossible = Callable[[NDArray[np.bool_]], NDArray[np.bool_]]


def minimal_conflict(n_observed: int, impossible: Impossible) -> tuple[tuple[int, ...], bool]:
    """A smallest set of observations whose evidence alone has probability 0.

    Observations are first dropped one by one as long as the rest stays impossible, which leaves an
    inclusion-minimal set. Every smaller subset of the observations is then tried, as long as there are no more than
    ``MOST_SUBSETS`` of them.

    Parameters
    ----------
    n_observed : int
    impossible : callable
        Takes a mask of shape (n_subsets, n_observed), True where the observation is kept; returns, per subset,
        whether its evidence has probability 0. The full set has to be impossible.

    Returns
    -------
    members : tuple of int
        The observations in conflict.
    smallest : bool
        Whether no smaller conflict exists; otherwise the set is known to be inclusion-minimal only.
    """
    kept = _dropped(n_observed, impossible)
    for size in range(len(kept)):
        if math.comb(n_observed, size) > MOST_SUBSETS:
            return kept, False
        subsets = list(itertools.combinations(range(n_observed), size))
        found = np.flatnonzero(impossible(_masks(subsets, n_observed)))
        if found.size:
            return subsets[int(found[0])], True
    return kept, True


def _dropped(n_observed: int, impossible: Impossible) -> tuple[int, ...]:
    """An inclusion-minimal conflict.

    Each round looks, in one batch, for the shortest impossible prefix beside what is kept; the last observation of it
    has to be kept. The round that needs no prefix ends the search.
    """
    kept: list[int] = []
    end = n_observed
    while True:
        prefixes = [[*range(stop), *kept] for stop in range(end + 1)]
        stop = int(np.flatnonzero(impossible(_masks(prefixes, n_observed)))[0])
        if stop == 0:
            return tuple(sorted(kept))
        end = stop - 1
        kept.append(end)


def _masks(subsets: Sequence[Sequence[int]], n_observed: int) -> NDArray[np.bool_]:
    masks = np.zeros((len(subsets), n_observed), dtype=np.bool_)
    for row, subset in enumerate(subsets):
        masks[row, list(subset)] = True
    return masks
