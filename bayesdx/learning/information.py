r"""How much the patients say about each number: intervals, effective patients, numbers that cannot be told apart.

With :math:`s_i` the score of patient i (expected draws minus what the number predicts), the observed information of
one distribution is Louis' (1982): complete information, minus what is lost because the draws were not seen,

.. math:: I = \sum_i N_i (\mathrm{diag}\,\rho - \rho\rho^T) - \sum_i E[s s^T \mid y_i] + \sum_i s_i s_i^T .

A distribution draws at most once in a patient, so the middle term follows from the expected counts. Between two
distributions only the last term remains, whose expectation is the information that they share; it is kept within a
variable, and elsewhere where it stands out from its own standard error. The prior adds its own information. With
complete data this is exactly Beta(a + n, b + N - n).

Where little is known of a number near 0, that Beta is too sure that it is not 0: draws that other causes may explain do
not exclude it. The likelihood of one patient is linear in one number,

.. math:: L_i(p) / L_i(\hat p) = 1 + s_i \frac{p - \hat p}{\hat p (1 - \hat p)},

so its posterior with all other numbers at their estimates is summed on a grid, and the lower end is the lower one of
both. Nor does the information at an estimate near 0 say how far away the number may be. Where its prior was weakened or
the data count for a part, both ends come from a grid on which the other states of its distribution follow the number by
steps of Newton and are summed out by Laplace's method.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bayesdx.learning.belief import Belief
from bayesdx.learning.expected import Expectation
from bayesdx.learning.layout import Layout
from bayesdx.learning.literature import Literature
from bayesdx.learning.moved_interval import HALF
from bayesdx.learning.patients import Patients

Array = NDArray[np.float64]
Index = NDArray[np.intp]

MOST_HELD = 20_000_000
"""Expected draws, of all rows together, that are kept in memory rather than computed again."""

MOST_ROWS = 20_000
"""Different rows that the information is taken from; more are represented by a random part of them."""

FEW_ROWS = 1_000
"""Different rows that show which share of the information is not lost."""

STANDS_OUT = 4.0
"""Standard errors from which the information shared by distributions of two variables is kept."""

UNKNOWN = 1e-9
"""Information that stands for none, so that a number of which nothing is known has a finite, vast variance."""

FEW = 5.0
"""Patients behind a number, prior and data together, below which its lower end is looked at on a grid."""

FIRM = 1.5
"""Patients of the prior alone from which 0 is excluded anyway."""

LOG_ODDS = np.concatenate([np.linspace(-16.0, 0.0, 33), np.linspace(0.25, 6.0, 24)])
"""The grid, around the estimate."""

LIKELY, FURTHER, FURTHEST = 3.0, 33, 6.0
"""Grid of both ends: log-odds reached anyway, points from the estimate on, log-odds above the estimate at least."""

MOST_FOLLOWED = 5_000
"""Different rows that say how other states follow."""

TAIL = 0.025

CONFOUNDED = 0.9
"""Correlation from which two numbers are said not to be told apart."""


@dataclass(frozen=True, eq=False)
class Information:
    """What is known of the numbers that may move, data and prior together.

    Parameters
    ----------
    size : ndarray, shape (n_cells,)
        Equivalent sample size of each number: the patients whose complete data would leave the same uncertainty.
    effective : ndarray, shape (n_cells,)
        The part of it that the data brought, at least 0.
    lower : ndarray, shape (n_cells,)
        What the lower end of the interval is at most, as a share of the free states.
    upper : ndarray, shape (n_cells,)
        The upper end of its posterior on a grid, as such a share; NaN where its size says enough.
    pairs : tuple of (int, int, float)
        Distributions whose numbers cannot be told apart, with the correlation.
    studies : mapping of source to ndarray, shape (n_cells,)
        Share of each source of studies in what is known of every number.
    """

    size: Array
    effective: Array
    lower: Array
    upper: Array
    pairs: tuple[tuple[int, int, float], ...]
    studies: Mapping[str, Array] = field(default_factory=dict)


def information(
    layout: Layout,
    belief: Belief,
    expected: Expectation,
    patients: Patients,
    values: Array,
    counts: Array,
    seed: int,
    literature: Literature | None = None,
    counted: Array | None = None,
) -> Information:
    """The information about every number that may move, at its estimate; studies add theirs.

    Upper ends are those of data that count for a part ``counted``, shape (n_cells,), of what they are; 1 where left
    out.

    References
    ----------
    T. Louis (1982), "Finding the observed information matrix when using the EM algorithm", JRSS B 44.
    """
    basis = Basis(belief, values)
    rows, scale = _chosen(patients, seed)
    weights = patients.weights * scale
    held = None
    if len(rows) * len(belief.cells) <= MOST_HELD:
        held = list(_draws(layout, belief, expected, values, rows))

    def draws() -> Iterable[tuple[Index, Array]]:
        return _draws(layout, belief, expected, values, rows) if held is None else held

    data = _observed(belief, basis, draws(), weights, counts)
    prior = basis.prior(belief)
    touched = np.zeros(len(belief.left), dtype=bool)
    brought = None
    if literature is not None:
        brought = literature.brought(belief, basis.kept, values)
        data = data + brought.curvature
        touched[belief.row[basis.kept[np.diag(brought.curvature) > 0]]] = True
    covariance = _inverse(prior, data, basis.same_row)
    spread = basis.variance(covariance)
    rho = basis.share
    size = np.divide(rho * (1 - rho), spread, out=np.full_like(spread, np.inf), where=spread > 0)
    drew = belief.sums(counts[belief.cells])
    effective = np.maximum(0.0, size - belief.prior_size_at(values))
    effective = np.where(touched[belief.row], effective, np.minimum(effective, drew[belief.row]))
    seen = (touched | (drew > 0))[belief.row]
    effective = np.where(seen, effective, 0.0)
    behind = np.multiply(rho, size, out=np.full_like(spread, np.inf), where=spread > 0)
    alone = seen & ~touched[belief.row]
    weak = np.flatnonzero(alone & (behind < FEW) & (belief.alpha > 0) & (belief.alpha < FIRM))
    lower = np.ones_like(rho)
    if weak.size:
        lower[weak] = _lower(belief, basis, draws(), weights, weak)
    upper = np.full_like(rho, np.nan)
    weakened = (belief.whole > 0) & ((belief.alpha < np.minimum(HALF, belief.whole)) | (counted is not None))
    faint = np.flatnonzero(alone & (behind < FEW) & (rho > 0) & (rho < 1) & weakened)
    if faint.size:
        part = np.ones_like(rho) if counted is None else counted
        chosen, more = _chosen(patients, seed, MOST_FOLLOWED)
        seen_in = patients.weights * more
        held = list(_draws(layout, belief, expected, values, chosen))
        ends = np.array([_ends(belief, basis, held, seen_in, cell, float(part[cell])) for cell in faint.tolist()])
        lower[faint], upper[faint] = np.minimum(lower[faint], ends[:, 0]), ends[:, 1]
    pairs = tuple(_confounded(covariance, belief.row[basis.kept]))
    studies = {} if brought is None else brought.shares(covariance, basis.slopes())
    return Information(size, effective, lower, upper, pairs, studies)


def kept_share(
    layout: Layout, belief: Belief, expected: Expectation, patients: Patients, values: Array, counts: Array, seed: int
) -> Array:
    """Share of the information of complete data that the patients hold about each number by itself.

    Of those who get as far as a state, what is not lost because their draws were not seen (Louis 1982), from a random
    part of the rows; shape (n_cells,), between 0 and 1, and 1 where every draw was seen.
    """
    rows, scale = _chosen(patients, seed, FEW_ROWS)
    share = values[belief.cells]
    behind = share + belief.passed(share)
    stage = np.divide(share, behind, out=np.zeros_like(share), where=behind > 0)
    lost, arrived = np.zeros_like(share), np.zeros_like(share)
    earlier, later = belief.pairs
    for part, drawn in _draws(layout, belief, expected, values, rows):
        reach = drawn.copy()
        np.add.at(reach.T, earlier, drawn.T[later])
        weight = patients.weights[part] * scale
        lost += weight @ (drawn * (1 - stage) ** 2 + (reach - drawn) * stage**2 - (drawn - stage * reach) ** 2)
        arrived += weight @ reach
    whole = arrived * stage * (1 - stage)
    return np.asarray(np.clip(1 - np.divide(lost, whole, out=np.zeros_like(whole), where=whole > 0), 0.0, 1.0))


class Basis:
    """Log-odds of the free states against the first of each distribution."""

    def __init__(self, belief: Belief, values: Array) -> None:
        self.row = belief.row
        self.share = values[belief.cells] / belief.left[belief.row]
        first = np.r_[True, belief.row[1:] != belief.row[:-1]]
        self.kept = np.flatnonzero(~first)
        rows = belief.row[self.kept]
        self.same_row = rows[:, None] == rows[None, :]

    @property
    def log_odds(self) -> Array:
        """Of every kept state against the first of its distribution, shape (n_kept,)."""
        logs = np.log(np.maximum(self.share, 1e-300))
        first = np.flatnonzero(np.r_[True, self.row[1:] != self.row[:-1]])
        return np.asarray(logs[self.kept] - logs[first[self.row[self.kept]]])

    def complete(self, patients: Array) -> Array:
        """N (diag rho - rho rho^T) of every distribution, as one block-diagonal matrix."""
        total = np.bincount(self.row, weights=patients)[self.row][self.kept]
        rho = self.share[self.kept]
        return np.asarray(np.diag(total * rho) - np.where(self.same_row, total[:, None] * np.outer(rho, rho), 0.0))

    def prior(self, belief: Belief) -> Array:
        r"""Curvature of the log prior of every distribution, as one block-diagonal matrix.

        With :math:`R_k` state k and those after it, :math:`q` their shares among each other, and :math:`a_k + b_k`
        patients who get as far, it is the sum over k of
        :math:`(a_k + b_k - b_{k-1}) (\mathrm{diag}\, q - q q^T)`; of a Dirichlet only the first term is left.
        """
        arrived = belief.alpha + belief.beyond
        order = np.argsort(belief.rank)
        first = np.r_[True, belief.row[order][1:] != belief.row[order][:-1]]
        fresh = arrived[order] - np.where(first, 0.0, np.r_[0.0, belief.beyond[order][:-1]])
        whole = np.zeros_like(arrived)
        whole[order[first]] = fresh[first]
        matrix = self.complete(whole)
        place = np.full(len(self.row), -1)
        place[self.kept] = np.arange(len(self.kept))
        for position in np.flatnonzero(~first & (np.abs(fresh) > 0)):
            start = order[position]
            behind = (belief.row == belief.row[start]) & (belief.rank >= belief.rank[start])
            q = np.where(behind, self.share, 0.0)
            total = q.sum()
            if total <= 0:
                continue
            cells = np.flatnonzero(behind & (place >= 0))
            q = q[cells] / total
            matrix[np.ix_(place[cells], place[cells])] += fresh[position] * (np.diag(q) - np.outer(q, q))
        return matrix

    def lost(self, counts: Array) -> Array:
        """Sum over patients of E[s s^T | what was seen]."""
        total = np.bincount(self.row, weights=counts)[self.row][self.kept]
        n, rho = counts[self.kept], self.share[self.kept]
        cross = -np.outer(n, rho) - np.outer(rho, n) + total[:, None] * np.outer(rho, rho)
        return np.asarray(np.where(self.same_row, cross, 0.0) + np.diag(n))

    def slopes(self) -> Array:
        """Slopes of every share in the log-odds, shape (n_cells, n_kept)."""
        rho = self.share
        slope = np.where(self.row[:, None] == self.row[self.kept][None, :], -np.outer(rho, rho[self.kept]), 0.0)
        slope[self.kept, np.arange(len(self.kept))] += rho[self.kept]
        return slope

    def variance(self, covariance: Array) -> Array:
        """Variance of every share from the covariance of the log-odds."""
        slopes = self.slopes()
        return np.asarray(np.einsum("kp,pq,kq->k", slopes, covariance, slopes, optimize=True))


def observed(
    layout: Layout, belief: Belief, expected: Expectation, patients: Patients, values: Array, counts: Array, seed: int
) -> Array:
    """Information that the patients hold about all log-odds together, from a random part of the rows, (n_kept, n_kept).

    What its random error makes negative is left out.
    """
    rows, scale = _chosen(patients, seed, FEW_ROWS)
    draws = _draws(layout, belief, expected, values, rows)
    found = _observed(belief, Basis(belief, values), draws, patients.weights * scale, counts)
    sizes, directions = np.linalg.eigh(found)
    return np.asarray((directions * np.maximum(sizes, 0.0)) @ directions.T)


def _observed(
    belief: Belief, basis: Basis, draws: Iterable[tuple[Index, Array]], weights: Array, counts: Array
) -> Array:
    """Louis' information; what distributions of two variables share is kept where it stands out."""
    shared, square = _shared(belief, basis, draws, weights)
    own = basis.complete(counts[belief.cells]) - basis.lost(counts[belief.cells])
    node = np.array([belief.distributions[row].place.node for row in belief.row[basis.kept]])
    with np.errstate(divide="ignore", invalid="ignore"):
        certain = np.abs(shared) > STANDS_OUT * np.sqrt(square)
    return np.asarray(own + np.where((node[:, None] == node[None, :]) | certain, shared, 0.0))


def _draws(
    layout: Layout, belief: Belief, expected: Expectation, values: Array, rows: Index
) -> Iterator[tuple[Index, Array]]:
    """(rows, expected draws of the numbers that may move) of some patients, a chunk at a time."""
    names = {row.place.node for row in belief.distributions}
    for part, counts in expected.cases(layout.network_with(values), rows, names):
        yield part, counts[:, belief.cells]


def _shared(belief: Belief, basis: Basis, draws: Iterable[tuple[Index, Array]], weights: Array) -> tuple[Array, Array]:
    """Sum over patients of s s^T, and of its square."""
    size = len(basis.kept)
    outer, square = np.zeros((size, size)), np.zeros((size, size))
    for part, drawn in draws:
        total = np.zeros((len(part), len(belief.left)))
        np.add.at(total.T, belief.row, drawn.T)
        score = (drawn - basis.share * total[:, belief.row])[:, basis.kept]
        weight = weights[part][:, None]
        outer += (score * weight).T @ score
        square += (score**2 * weight).T @ score**2
    return outer, square


def _chosen(patients: Patients, seed: int, most: int = MOST_ROWS) -> tuple[Index, float]:
    """The rows that are looked at, and the patients that each of them stands for."""
    rows = np.arange(len(patients))
    if len(rows) <= most:
        return rows, 1.0
    rows = np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
    return rows, patients.total / float(patients.weights[rows].sum())


def _lower(
    belief: Belief,
    basis: Basis,
    draws: Iterable[tuple[Index, Array]],
    weights: Array,
    weak: Index,
) -> Array:
    """2.5 % quantile of the posterior of some numbers, each with all others at their estimates."""
    share, a = basis.share[weak], belief.alpha[weak]
    b = np.maximum(belief.prior_size[weak] - a, 0.0)
    grid = np.log(share / (1 - share))[:, None] + LOG_ODDS
    logs = -np.logaddexp(0.0, -grid)
    p = np.exp(logs)
    log_density = a[:, None] * logs - b[:, None] * np.logaddexp(0.0, grid)
    for part, drawn in draws:
        total = np.zeros((len(part), len(belief.left)))
        np.add.at(total.T, belief.row, drawn.T)
        score = drawn[:, weak] - share * total[:, belief.row[weak]]
        for place, slope in enumerate((score / (share * (1 - share))).T):
            used = np.abs(slope) > 1e-9
            ratio = 1 + slope[used, None] * (p[place] - share[place])
            log_density[place] += weights[part][used] @ np.log(np.maximum(ratio, 1e-300))
    density = np.exp(log_density - log_density.max(axis=1, keepdims=True))
    below = density[:, :1] / a[:, None]  # below the grid only the prior's p^a is left
    between = (density[:, 1:] + density[:, :-1]) / 2 * np.diff(grid, axis=1)
    reached = np.concatenate([below, between], axis=1).cumsum(axis=1)
    reached = reached / reached[:, -1:]
    ends = [np.interp(TAIL, mass, at) for mass, at in zip(reached, logs, strict=True)]
    further = np.log(np.minimum(1.0, TAIL / reached[:, 0])) / a
    return np.asarray(np.exp(np.array(ends) + further))


def _ends(
    belief: Belief,
    basis: Basis,
    draws: Iterable[tuple[Index, Array]],
    weights: Array,
    cell: int,
    part: float,
) -> Array:
    """2.5 and 97.5 % quantile of the posterior of one number, of Jeffreys' prior at least, the other states summed out.

    References
    ----------
    L. Tierney, J. Kadane (1986), "Accurate approximations for posterior moments and marginal densities", JASA 81.
    """
    mates = np.flatnonzero(belief.row == belief.row[cell])
    others = mates != cell
    share = basis.share[mates]
    own = float(share[~others][0])
    alpha = np.maximum(belief.alpha[mates], np.minimum(HALF, belief.whole[mates]))
    a, b = float(alpha[~others][0]), alpha[others]
    parts = [(weights[rows] * part, drawn[:, mates]) for rows, drawn in draws]
    weight = np.concatenate([each for each, _ in parts])
    drawn = np.concatenate([each for _, each in parts])
    rest = 1 - drawn.sum(axis=1)
    ratio = np.divide(drawn, share, out=np.zeros_like(drawn), where=share > 0)  # likelihood of a draw of each state
    of_own, of_others = ratio[:, ~others][:, 0], ratio[:, others]
    theta = float(np.log(own / (1 - own)))
    grid = np.concatenate([theta + LOG_ODDS[LOG_ODDS < 0], np.linspace(theta, max(LIKELY, theta + FURTHEST), FURTHER)])
    q = share[others] / share[others].sum()
    logs, width = np.empty(len(grid)), np.zeros(len(grid))
    for point, p in enumerate(np.exp(-np.logaddexp(0.0, -grid))):
        base = rest + of_own * p

        def height(q: Array, base: Array = base, p: float = p) -> float:
            found = np.log(np.maximum(base + (1 - p) * (of_others @ q), 1e-300))
            return float(weight @ found + b @ np.log(np.maximum(q, 1e-300)))

        if len(q) > 1 and grid[point] >= theta:
            q, width[point] = _followed(q, b, weight, base, (1 - p) * of_others, height)
        logs[point] = height(q) - a * np.logaddexp(0.0, -grid[point]) - b.sum() * np.logaddexp(0.0, grid[point])
    above = grid >= theta
    logs[above] -= (width[above] - width[above][0]) / 2
    density = np.exp(logs - logs.max())
    between = (density[1:] + density[:-1]) / 2 * np.diff(grid)
    reached = np.r_[density[0] / a, between].cumsum()  # below the grid only the prior's p^a is left
    ends = np.interp([TAIL, 1 - TAIL], reached / reached[-1], grid)
    return np.asarray(np.exp(-np.logaddexp(0.0, -ends)))


def _followed(
    q: Array, alpha: Array, weight: Array, base: Array, ratio: Array, height: Callable[[Array], float]
) -> tuple[Array, float]:
    """Shares of the other states after a step of Newton that raises the height, and ln det of the information there."""
    drawn = ratio * q / np.maximum(base + ratio @ q, 1e-300)[:, None]
    score = drawn - q * drawn.sum(axis=1, keepdims=True)
    total = alpha.sum()
    kept = np.arange(len(q)) != q.argmax()  # log-odds against the commonest
    slope = (weight @ score + alpha - total * q)[kept]
    curvature = ((score * weight[:, None]).T @ score + total * (np.diag(q) - np.outer(q, q)))[kept][:, kept]
    curvature += np.diag(UNKNOWN + UNKNOWN * np.diag(curvature))
    step = np.zeros(len(q))
    step[kept] = np.clip(np.linalg.solve(curvature, slope), -2.0, 2.0)
    before = height(q)
    for length in (1.0, 0.5, 0.25, 0.1):
        moved = q * np.exp(length * step)
        moved /= moved.sum()
        if height(moved) > before:
            q = moved
            break
    return q, float(np.linalg.slogdet(curvature)[1])


def _inverse(prior: Array, data: Array, same_row: NDArray[np.bool_]) -> Array:
    """Covariance; what distributions share is shrunk until the information is positive, as it is at a maximum."""
    own, shared = np.where(same_row, data, 0.0), np.where(same_row, 0.0, data)
    ridge = UNKNOWN * np.maximum(np.diag(prior + own), 1.0)
    for kept in (1.0, 0.95, 0.9, 0.8, 0.6, 0.4, 0.2, 0.0):
        matrix = prior + own + kept * shared + np.diag(ridge)
        if _positive(_scaled(matrix) - 1e-6 * np.eye(len(matrix))):
            return np.asarray(np.linalg.inv(matrix))
    return np.diag(1.0 / np.maximum(np.diag(prior + own), np.diag(prior) + UNKNOWN))


def _positive(matrix: Array) -> bool:
    """Whether all eigenvalues are above 0."""
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True


def _scaled(matrix: Array) -> Array:
    root = np.sqrt(np.maximum(np.diag(matrix), 1e-300))
    return np.asarray(matrix / np.outer(root, root))


def _confounded(covariance: Array, row: NDArray[np.intp]) -> list[tuple[int, int, float]]:
    """Each two distributions once, with the strongest correlation of their states."""
    correlation = _scaled(covariance)
    strongest: dict[tuple[int, int], float] = {}
    for a, b in np.argwhere(np.triu(np.abs(correlation) > CONFOUNDED, 1)):
        pair, found = (int(row[a]), int(row[b])), float(correlation[a, b])
        if row[a] != row[b] and abs(found) > abs(strongest.get(pair, 0.0)):
            strongest[pair] = found
    return [(*pair, found) for pair, found in strongest.items()]
