r"""Which numbers may move, what is believed of them beforehand, and the update of all of them at once.

A number of two states has a Beta. A distribution of more states has a generalized Dirichlet (Connor, Mosimann 1969):
the states stand in an order, the rarest first and the reference last, and of the patients who get as far as state k the
share :math:`s_k` stays there,

.. math:: p_k = s_k \prod_{j < k} (1 - s_j), \qquad s_k \sim \mathrm{Beta}(a_k, b_k),

which data update as :math:`\mathrm{Beta}(a_k + n_k, b_k + \sum_{j > k} n_j)`. So each number keeps the weight of its
own interval: that an emergency occurs in 1 of 300 may be known from hundreds of patients where the common causes beside
it rest on thirty. Where all intervals are worth the same, this is the Dirichlet.

References: R. Connor, J. Mosimann (1969), "Concepts of independence for proportions with a generalization of the
Dirichlet distribution", JASA 64; T.-T. Wong (1998), "Generalized Dirichlet distribution in Bayesian analysis", Applied
Mathematics and Computation 97.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bayesdx.diagnosis.compiled import compiled
from bayesdx.errors import LearningError, nearest_hint
from bayesdx.knowledge.model import Model
from bayesdx.learning.layout import Layout
from bayesdx.learning.moved_interval import HALF
from bayesdx.network.beliefs import fit_sample_sizes
from bayesdx.network.parameters import Distribution

Array = NDArray[np.float64]
Index = NDArray[np.intp]

PARTS = ("priors", "leaks", "links", "tables")
"""Parts of a model that may move: rows of priors.csv; leaks of findings; links; rows of tables.csv."""


@dataclass(frozen=True, eq=False)
class Belief:
    """The distributions that may move, each a generalized Dirichlet over its free states.

    Parameters
    ----------
    distributions : tuple of Distribution
    cells : ndarray of int, shape (n_cells,)
        Place of every free state in the layout's vector.
    row : ndarray of int, shape (n_cells,)
        The distribution it belongs to.
    rank : ndarray of int, shape (n_cells,)
        Its place in the order of that distribution.
    alpha, beyond : ndarray, shape (n_cells,), at least 0
        Patients of the parent's number who stay at the state, and who go on to a later one; 0 beyond the last.
    left : ndarray, shape (n_distributions,)
        What the states that are certain leave to the free ones.
    whole : ndarray, shape (n_cells,)
        ``alpha`` before the prior was weakened or strengthened.
    """

    distributions: tuple[Distribution, ...]
    cells: Index
    row: Index
    rank: Index
    alpha: Array
    beyond: Array
    left: Array
    whole: Array

    @cached_property
    def prior_size(self) -> Array:
        """Equivalent sample size of each number's prior, shape (n_cells,)."""
        return self.worth(self.alpha, self.beyond)

    def prior_size_at(self, values: Array) -> Array:
        """What the prior would be worth if it were as sure of these numbers, shape (n_cells,)."""
        share = values[self.cells]
        behind = self.passed(share)
        arrived = np.divide(
            self.alpha + self.beyond, share + behind, out=np.zeros_like(share), where=share + behind > 0
        )
        return self.worth(arrived * share, arrived * behind)

    @cached_property
    def pairs(self) -> tuple[Index, Index]:
        """Every two states of one distribution, the earlier one first."""
        return _pairs(self.row, self.rank)

    def passed(self, of_cells: Array) -> Array:
        """Sum over the later states of the same distribution, shape (n_cells,)."""
        return _passed(self.pairs, of_cells)

    def shares(self, stay: Array, go_on: Array) -> Array:
        """Share of each state among the free ones, given who stays at it and who goes on; one of both is above 0."""
        earlier, later = self.pairs
        found = stay / (stay + go_on)
        np.multiply.at(found, later, (go_on / (stay + go_on))[earlier])
        return np.asarray(found)

    def worth(self, stay: Array, go_on: Array) -> Array:
        r"""Patients whose complete data would leave the same uncertainty of each number, shape (n_cells,).

        From the variance of :math:`\ln p_k = \ln s_k + \sum_{j < k} \ln (1 - s_j)` to first order; exact for the
        Dirichlet.
        """
        earlier, later = self.pairs
        total = stay + go_on
        with np.errstate(divide="ignore", invalid="ignore"):
            rest = np.ones_like(stay)
            np.multiply.at(rest, later, (go_on / total)[earlier])
            share = rest * stay / total
            of_earlier = np.zeros_like(stay)
            np.add.at(of_earlier, later, (stay / (go_on * total))[earlier])
            inverse = (rest * go_on / total**2 + share * of_earlier) / (1 - share)
            found = 1 / inverse
        return np.asarray(np.where(np.isfinite(found), found, self.sums(stay)[self.row]))

    def with_rows_of(self, other: Belief, rows: NDArray[np.bool_]) -> Belief:
        """The same distributions, some of them as another belief has them; ``rows`` of shape (n_distributions,)."""
        there = rows[self.row]

        def chosen(own: Array, others: Array) -> Array:
            return np.where(there, others, own)

        return replace(
            self,
            alpha=chosen(self.alpha, other.alpha),
            beyond=chosen(self.beyond, other.beyond),
            whole=chosen(self.whole, other.whole),
        )

    def sums(self, of_cells: Array) -> Array:
        """Sum over the states of each distribution."""
        return np.bincount(self.row, weights=of_cells, minlength=len(self.left)).astype(np.float64)

    def update(self, values: Array, counts: Array) -> Array:
        """The numbers that maximise the objective given expected counts; unchanged where nothing is known of them.

        The mode of the posterior on the scale of log-odds, which for a binary number is the mean
        (a + n) / (a + b + N) of its Beta: without data it is the parent's number.

        References
        ----------
        D. MacKay (1998), "Choice of basis for Laplace approximation", Machine Learning 33.
        """
        drawn = counts[self.cells]
        return self._put(values, self.alpha + drawn, self.beyond + self.passed(drawn))

    def _put(self, values: Array, stay: Array, go_on: Array) -> Array:
        """The numbers with these shares, as they were where nobody stays or goes on."""
        nobody = stay + go_on <= 0
        if nobody.any():
            share = values[self.cells] / self.left[self.row]
            behind = self.passed(share)
            stay = np.where(nobody, np.where(share + behind > 0, share, 1.0), stay)
            go_on = np.where(nobody, behind, go_on)
        moved = values.copy()
        moved[self.cells] = self.shares(stay, go_on) * self.left[self.row]
        return moved

    def log_prior(self, values: Array) -> float:
        """Logarithm of the prior density of the log-odds, up to a constant."""
        share = values[self.cells]
        behind = self.passed(share)
        stay, go_on = self.alpha > 0, self.beyond > 0
        reached = np.log(share + behind, out=np.zeros_like(share), where=stay | go_on)
        logs = self.alpha[stay] @ (np.log(share[stay]) - reached[stay])
        return float(logs + self.beyond[go_on] @ (np.log(behind[go_on]) - reached[go_on]))

    def draw(self, values: Array, rng: np.random.Generator, least: float = 0.0) -> Array:
        """Numbers drawn from the priors; one worth fewer than ``least`` patients counts as that many.

        Gamma variates too small for a float count as 1e-300.
        """
        share = values[self.cells] / self.left[self.row]
        size = np.where(self.alpha > 0, self.prior_size, 0.0)
        boost = np.maximum(1.0, np.divide(least, size, out=np.ones_like(size), where=size > 0))
        stay = np.where(size > 0, self.alpha * boost, least * share)
        go_on = np.where(size > 0, self.beyond * boost, least * self.passed(share))
        drawn = [np.where(a > 0, np.maximum(rng.standard_gamma(a), 1e-300), 0.0) for a in (stay, go_on)]
        return self._put(values, *drawn)


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
        Multiplies the equivalent sample size of every prior; 0 puts Jeffreys' half patient per state in its place.
    most : float
        Largest equivalent sample size of a number's prior, before that.

    Raises
    ------
    LearningError
        Unknown words or variables, or nothing may move.
    """
    parts = [move] if isinstance(move, str) else list(move)
    for word in parts:
        if word not in PARTS:
            raise LearningError(f"move: {word!r}; the parts are {', '.join(PARTS)}{nearest_hint(word, PARTS)}.")
    for name in variables or ():
        if name not in model.by_name:
            raise LearningError(f"variables: {name!r} is not a variable{nearest_hint(name, model.by_name)}.")
    if not (np.isfinite(strength) and strength >= 0):
        raise LearningError(f"prior_strength: {strength}; expected a finite number of at least 0.")
    chosen = [
        row
        for row in compiled(model).distributions
        if row.free and _part(model, row) in parts and (variables is None or row.place.node in variables)
    ]
    if not chosen:
        raise LearningError("nothing may move: none of the chosen parts has a number with an interval.")
    starts = [layout.start(row.place) for row in chosen]
    cells = np.array([start + state for start, row in zip(starts, chosen, strict=True) for state in row.free])
    rows = np.repeat(np.arange(len(chosen)), [len(row.free) for row in chosen])
    left = np.array([sum(row.mean[state] for state in row.free) for row in chosen])
    share = np.array([row.mean[state] for row in chosen for state in row.free]) / left[rows]
    size = _own_sizes(model, chosen)
    rank = np.empty(len(cells), dtype=np.intp)
    order = np.lexsort((share, np.isinf(size), rows))
    rank[order] = np.arange(len(cells))
    reference = np.flatnonzero(np.isinf(size[order]))  # has no number of its own: it takes what the others leave
    size[order[reference]] = size[order[reference - 1]]
    reach = share + _passed(_pairs(rows, rank), share)
    scale = strength * np.minimum(1.0, np.divide(most, size, out=np.ones_like(size), where=size > most))
    alpha, beyond = size * share, size * (reach - share)
    if strength == 0:
        half = np.full(len(cells), HALF)
        return dirichlet(tuple(chosen), cells, rows, rank, half, left)
    return Belief(tuple(chosen), cells, rows, rank, scale * alpha, scale * beyond, left, alpha)


def dirichlet(
    chosen: tuple[Distribution, ...], cells: Index, row: Index, rank: Index, alpha: Array, left: Array
) -> Belief:
    """A belief of one weight for all numbers of a distribution."""
    return Belief(chosen, cells, row, rank, alpha, _passed(_pairs(row, rank), alpha), left, alpha)


def _own_sizes(model: Model, chosen: list[Distribution]) -> Array:
    """Equivalent sample size of each free state's own interval; infinite for a state without one."""
    numbers = compiled(model).parameters
    sizes: list[float] = []
    places, values = [], []
    for row in chosen:
        left = sum(row.mean[state] for state in row.free)
        own = {numbers[position].state: numbers[position] for position in row.parameters}
        for state in row.free:
            sizes.append(row.sample_size if state in own else np.inf)
            if state in own and len(row.free) > 2:
                places.append(len(sizes) - 1)
                values.append([row.mean[state] / left, own[state].lower / left, own[state].upper / left])
    found = np.array(sizes)
    if places:
        mean, lower, upper = np.array(values).T
        found[places] = fit_sample_sizes(mean, lower, upper, np.arange(len(places)))
    return found


def _pairs(row: Index, rank: Index) -> tuple[Index, Index]:
    order = np.lexsort((rank, row))
    counts = np.bincount(row)
    starts = np.cumsum(counts) - counts
    earlier, later = [np.zeros(0, dtype=np.intp)], [np.zeros(0, dtype=np.intp)]
    for size in np.unique(counts[counts > 1]):
        first, second = np.triu_indices(size, 1)
        begin = starts[counts == size][:, None]
        earlier.append(order[(begin + first).ravel()])
        later.append(order[(begin + second).ravel()])
    return np.concatenate(earlier), np.concatenate(later)


def _passed(pairs: tuple[Index, Index], of_cells: Array) -> Array:
    earlier, later = pairs
    return np.bincount(earlier, weights=of_cells[later], minlength=len(of_cells)).astype(np.float64)


def _part(model: Model, row: Distribution) -> str:
    file = compiled(model).parameters[row.parameters[0]].file
    return "leaks" if file == "links.csv" and row.place.part != "link" else file.removesuffix(".csv")
