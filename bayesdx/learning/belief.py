"""Which numbers may move, what is believed of them beforehand, and the update of all of them at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bayesdx.errors import LearningError, nearest
from bayesdx.knowledge.model import Model
from bayesdx.learning.layout import Layout
from bayesdx.network.parameters import Distribution, distributions, parameters

Array = NDArray[np.float64]
Index = NDArray[np.intp]

PARTS = ("priors", "leaks", "links", "tables")
"""Parts of a model that may move: rows of priors.csv; leaks of findings; links; rows of tables.csv."""


@dataclass(frozen=True, eq=False)
class Belief:
    """The distributions that may move, each a Dirichlet over its free states.

    Parameters
    ----------
    distributions : tuple of Distribution
    cells : ndarray of int, shape (n_cells,)
        Place of every free state in the layout's vector.
    row : ndarray of int, shape (n_cells,)
        The distribution it belongs to.
    alpha : ndarray, shape (n_cells,), at least 0
        Patients that the parent's number is worth.
    left : ndarray, shape (n_distributions,)
        What the states that are certain leave to the free ones.
    """

    distributions: tuple[Distribution, ...]
    cells: Index
    row: Index
    alpha: Array
    left: Array

    @cached_property
    def prior_size(self) -> Array:
        """Equivalent sample size of each distribution's prior, shape (n_distributions,)."""
        return self.sums(self.alpha)

    def sums(self, of_cells: Array) -> Array:
        """Sum over the states of each distribution."""
        return np.bincount(self.row, weights=of_cells, minlength=len(self.left)).astype(np.float64)

    def update(self, values: Array, counts: Array) -> Array:
        """The numbers that maximise the objective given expected counts; unchanged where nothing is known of them.

        The mode of the Dirichlet posterior on the scale of log-odds, which for a binary number is the mean
        (a + n) / (a + b + N) of its Beta: without data it is the parent's number.

        References
        ----------
        D. MacKay (1998), "Choice of basis for Laplace approximation", Machine Learning 33.
        """
        patients = self.alpha + counts[self.cells]
        total = self.sums(patients)[self.row]
        moved = values.copy()
        share = np.divide(patients, total, out=np.zeros_like(patients), where=total > 0)
        moved[self.cells] = np.where(total > 0, share * self.left[self.row], values[self.cells])
        return moved

    def log_prior(self, values: Array) -> float:
        """Logarithm of the prior density of the log-odds, up to a constant."""
        used = self.alpha > 0
        return float(self.alpha[used] @ np.log(values[self.cells[used]] / self.left[self.row[used]]))

    def draw(self, values: Array, rng: np.random.Generator) -> Array:
        """Numbers drawn from the priors, as another start; a prior worth less than two patients counts as two."""
        boost = np.maximum(1.0, 2.0 / np.maximum(self.prior_size, 1e-12))[self.row]
        share = values[self.cells] / self.left[self.row]
        variates = rng.standard_gamma(np.where(self.alpha > 0, self.alpha * boost, 2 * share)) + 1e-300
        moved = values.copy()
        moved[self.cells] = variates / self.sums(variates)[self.row] * self.left[self.row]
        return moved


def believe(
    model: Model,
    layout: Layout,
    move: Iterable[str],
    variables: Collection[str] | None,
    strength: float,
    most: float = np.inf,
) -> Belief:
    """What may move, and how firmly the parent's numbers are believed.

    Parameters
    ----------
    model : Model
    layout : Layout of its network
    move : iterable of {"priors", "leaks", "links", "tables"}
    variables : collection of str, optional
        Only distributions of these variables.
    strength : float, at least 0
        Multiplies the equivalent sample size of every prior.
    most : float
        Largest equivalent sample size of a prior, before that.

    Raises
    ------
    LearningError
        Unknown words or variables, or nothing may move.
    """
    parts = [move] if isinstance(move, str) else list(move)
    for word in parts:
        if word not in PARTS:
            raise LearningError(f"move: {word!r}; the parts are {', '.join(PARTS)}{_hint(word, PARTS)}.")
    for name in variables or ():
        if name not in model.by_name:
            raise LearningError(f"variables: {name!r} is not a variable{_hint(name, model.by_name)}.")
    if not (np.isfinite(strength) and strength >= 0):
        raise LearningError(f"prior_strength: {strength}; expected a finite number of at least 0.")
    chosen = [
        row
        for row in distributions(model)
        if row.free and _part(model, row) in parts and (variables is None or row.place.node in variables)
    ]
    if not chosen:
        raise LearningError("nothing may move: none of the chosen parts has a number with an interval.")
    cells, rows, alpha, left = [], [], [], []
    for number, row in enumerate(chosen):
        start = layout.start(row.place)
        scale = strength * min(1.0, most / row.sample_size)
        cells += [start + state for state in row.free]
        rows += [number] * len(row.free)
        alpha += [scale * value for value in row.alpha]
        left.append(sum(row.mean[state] for state in row.free))
    return Belief(tuple(chosen), np.array(cells), np.array(rows), np.array(alpha), np.array(left))


def _part(model: Model, row: Distribution) -> str:
    file = parameters(model)[row.parameters[0]].file
    return "leaks" if file == "links.csv" and row.place.part != "link" else file.removesuffix(".csv")


def _hint(name: str, valid: Iterable[str]) -> str:
    hit = nearest(name, valid)
    return f" (nearest: {hit!r})" if hit else ""
