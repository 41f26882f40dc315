"""What a calibration asks of studies beside its patients; ``bayesdx.learning.synthesis.together`` answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bayesdx.learning.belief import Belief

Array = NDArray[np.float64]
Index = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Brought:
    """What studies bring to the numbers of a belief.

    Parameters
    ----------
    sources : sequence of str
        Source of each row.
    slopes : ndarray, shape (n_rows, n_kept)
        Of the scaled figures in the log-odds of the numbers.
    weight : ndarray, shape (n_rows,)
        Minus the second derivative of each row's log likelihood in its figure.
    """

    sources: Sequence[str]
    slopes: Array
    weight: Array

    @property
    def curvature(self) -> Array:
        """Minus the second derivative of the studies' term in the log-odds, shape (n_kept, n_kept)."""
        return np.asarray((self.slopes * self.weight[:, None]).T @ self.slopes)

    def shares(self, covariance: Array, of_numbers: Array) -> dict[str, Array]:
        """Share of each source in what is known of every number, shape (n_numbers,).

        Parameters
        ----------
        covariance : ndarray, shape (n_kept, n_kept)
            Of the log-odds: patients, priors and studies together.
        of_numbers : ndarray, shape (n_numbers, n_kept)
            Slopes of the numbers in the log-odds.
        """
        along = of_numbers @ covariance
        variance = np.einsum("kp,kp->k", along, of_numbers)
        part = (self.slopes @ along.T) ** 2 * self.weight[:, None]
        share = np.divide(part, variance, out=np.zeros_like(part), where=variance > 0)
        found: dict[str, Array] = defaultdict(lambda: np.zeros(len(of_numbers)))
        for source, own in zip(self.sources, share, strict=True):
            found[source] = found[source] + own
        return dict(found)


class Literature(Protocol):
    """Studies as a term of the objective of a calibration."""

    def log_likelihood(self, values: Array) -> float:
        """Logarithm of the likelihood of the studies under these numbers."""

    def update(self, belief: Belief, values: Array, counts: Array) -> Array:
        """One step of EM: numbers that these counts, the priors and the studies make more probable."""

    def brought(self, belief: Belief, kept: Index, values: Array) -> Brought:
        """The studies' information at these numbers, in the log-odds of the kept states against the first."""
