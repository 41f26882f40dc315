r"""How well the numbers are known, which study says it, and what would be predicted of a source without it.

All from the linearised problem at its maximum, with D the curvature of the priors and W that of the likelihood:

- covariance :math:`C = (D + J^T W J)^{-1}`;
- share of row i in what is known of a number with slopes a: :math:`w_i (J_i C a)^2 / a^T C a`, that of its priors
  :math:`(C a)^T D (C a) / a^T C a`; all of them add to 1;
- a source left out: the maximum without it of the problem linearised at the maximum with it, what the network implies
  there, and the covariance. Nothing is fitted again; this is exact where figures are linear in the unknowns, and within
  0.1 (log-odds) of a refit where the source carries at most half of what is known of its figures.

References: R. D. Riley, J. Ensor, D. Jackson, D. L. Burke (2017), "Deriving percentage study weights in
multi-parameter meta-analysis models", Statistical Methods in Medical Research 27; A. M. Presanis, D. Ohlssen,
D. J. Spiegelhalter, D. De Angelis (2013), "Conflict diagnostics in directed acyclic graphs", Statistical Science 28.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesdx.evaluation.heterogeneity import holm, joint_p, predict
from bayesdx.learning.synthesis.optimum import Objective, Optimum, State
from bayesdx.learning.synthesis.unknowns import Number

Array = NDArray[np.float64]
Index = NDArray[np.intp]


class Uncertainty:
    """The covariance at a maximum.

    Parameters
    ----------
    problem : Objective
    state : State
        The maximum.
    spread : ndarray, shape (n_rows,)
    """

    def __init__(self, problem: Objective, state: State, spread: Array) -> None:
        self.state = state
        found = problem.readings.likelihood(state.z, spread)
        self.slope, self.weight = found.slope, found.weight
        self.prior = problem.unknowns.prior_weight(state.eta)
        self.active = np.flatnonzero((state.jacobian != 0).any(axis=0))
        self.place = np.full(len(self.prior), -1, dtype=np.intp)
        self.place[self.active] = np.arange(len(self.active))
        jacobian, inverse = state.jacobian[:, self.active], 1 / self.prior[self.active]
        scaled = np.sqrt(self.weight)[:, None] * jacobian
        inner = np.eye(len(scaled)) + (scaled * inverse) @ scaled.T
        reached = scaled * inverse
        self.covariance = np.diag(inverse) - reached.T @ np.linalg.solve(inner, reached)
        self.of_rows = jacobian @ self.covariance

    def variance(self, sticks: Index, slopes: Array) -> tuple[float, float]:
        """Variance of a combination of unknowns, and what it would be without any study."""
        before = float((slopes**2 / self.prior[sticks]).sum())
        inside = self.place[sticks] >= 0
        chosen, weights = self.place[sticks[inside]], slopes[inside]
        after = float(weights @ self.covariance[np.ix_(chosen, chosen)] @ weights)
        return after + float((slopes[~inside] ** 2 / self.prior[sticks[~inside]]).sum()), before

    def shares(self, number: Number) -> tuple[Array, float]:
        """Share of every row in what is known of a number, and that of all priors; together 1."""
        slopes = number.slopes(self.state.eta)
        after, _ = self.variance(number.sticks, slopes)
        inside = self.place[number.sticks] >= 0
        chosen, weights = self.place[number.sticks[inside]], slopes[inside]
        of_rows = self.weight * (self.of_rows[:, chosen] @ weights) ** 2 / after
        along = self.covariance[:, chosen] @ weights
        of_prior = float(self.prior[self.active] @ along**2)
        outside = number.sticks[~inside]
        of_prior += float((slopes[~inside] ** 2 / self.prior[outside]).sum())
        return of_rows, of_prior / after

    def spread_out(self, slopes: Array) -> Array:
        """C times each row of slopes, shape (n_rows, n_unknowns)."""
        found = slopes / self.prior
        found[:, self.active] = slopes[:, self.active] @ self.covariance
        return found


@dataclass(frozen=True, eq=False)
class SynthesisFit:
    """What a synthesis rests on: the problem, its maximum, the covariance there, and which unknowns may move."""

    problem: Objective
    optimum: Optimum
    uncertainty: Uncertainty
    movable: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class SourcesLeftOut:
    """Every source predicted from everything else.

    Parameters
    ----------
    middle, lower, upper, p : ndarray, shape (n_rows,)
        As ``Prediction``.
    source_p, adjusted_p : ndarray, shape (n_rows,)
        p of all figures of the row's source together, and the same after Holm's correction over the sources.
    """

    middle: Array
    lower: Array
    upper: Array
    p: Array
    source_p: Array
    adjusted_p: Array


def without(problem: Objective, state: State, spread: Array, rows: Index) -> tuple[Array, Array]:
    """Scaled figures of some rows, were these left out: means, shape (n,), and their covariance, shape (n, n).

    Parameters
    ----------
    problem : Objective
    state : State
        The maximum with all rows.
    spread : ndarray, shape (n_rows,)
    rows : ndarray of int, shape (n,)
    """
    silent = spread.copy()
    silent[rows] = np.inf
    there = problem.linear(state, silent, exactness=1e-8)
    weight = problem.readings.likelihood(there.z, silent).weight
    prior = problem.unknowns.prior_weight(there.eta)
    z = problem.questions.answer(problem.unknowns.networks(there.eta)).z
    active = (state.jacobian != 0).any(axis=0)
    jacobian = state.jacobian[:, active]
    scaled = np.sqrt(weight)[:, None] * jacobian
    inner = np.eye(len(scaled)) + (scaled / prior[active]) @ scaled.T
    own = jacobian[rows] / prior[active]
    reached = own @ scaled.T
    variance = own @ jacobian[rows].T - reached @ np.linalg.solve(inner, reached.T)
    return np.where(np.isfinite(z), z, there.z)[rows], (variance + variance.T) / 2


def left_out(problem: Objective, state: State, spread: Array, between: Array, sources: Sequence[str]) -> SourcesLeftOut:
    """Predict each source without it.

    Parameters
    ----------
    problem : Objective
    state : State
        The maximum with all rows.
    spread, between : ndarray, shape (n_rows,)
        Heterogeneity of each row on its scale: as it was fitted, and as the row is predicted (finite).
    sources : sequence of str, one per row
    """
    readings = problem.readings
    n_rows = len(readings)
    z, variance = np.zeros(n_rows), np.zeros(n_rows)
    members = {
        name: np.array([i for i, other in enumerate(sources) if other == name]) for name in dict.fromkeys(sources)
    }
    correlations = {}
    for name, rows in members.items():
        z[rows], together = without(problem, state, spread, rows)
        together = together + np.diag(between[rows] ** 2)
        variance[rows] = np.diag(together)
        total = together + np.diag(readings.variance(z)[rows])
        scale = np.sqrt(np.diag(total))
        correlations[name] = total / np.outer(scale, scale)
    found = predict(readings, z, variance)
    p = np.array([joint_p(found.score[rows], correlations[name]) for name, rows in members.items()])
    adjusted = holm(p)
    of_source, of_family = np.zeros(n_rows), np.zeros(n_rows)
    for place, rows in enumerate(members.values()):
        of_source[rows], of_family[rows] = p[place], adjusted[place]
    return SourcesLeftOut(found.middle, found.lower, found.upper, found.p, of_source, of_family)
