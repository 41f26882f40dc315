r"""The numbers that judgement and studies together make most probable, and how far studies differ.

With the unknowns :math:`\eta` (log-odds of sticks), the implied figures :math:`z(\eta)` and their slopes J, the
objective is :math:`\sum_i \ell_i(z_i(\eta)) + \sum_j \log \pi_j(\eta_j)`. Each round linearises z alone, maximises the
rest exactly (it is concave), and shortens the step until the objective itself rises. The Newton steps within use the
Woodbury identity, a solve of rows by rows,

.. math:: (D + J^T W J)^{-1} g = D^{-1} g - D^{-1} J^T W^{1/2} M^{-1} W^{1/2} J D^{-1} g, \qquad
   M = I + W^{1/2} J D^{-1} J^T W^{1/2}.

The heterogeneity tau has the marginal likelihood of Laplace's approximation, with the half-normal prior of scale 0.5,
on the linearised figures.

References: A. E. Ades, A. J. Sutton (2006), "Multiparameter evidence synthesis in epidemiology and medical
decision-making", JRSS A 169; L. Tierney, J. B. Kadane (1986), JASA 81 (Laplace); A. Gelman (2006), Bayesian Analysis 1
(half-normal priors of a variance between groups).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bayesdx.evaluation.heterogeneity import Likelihood, Readings
from bayesdx.evaluation.implied import Implied, Questions, spread_of
from bayesdx.learning.synthesis.unknowns import Unknowns

Array = NDArray[np.float64]

Progress = Callable[[int, int], None]

HYPERPRIOR = 0.5
"""Scale of the half-normal prior of tau (log-odds)."""

GRID = np.concatenate([np.arange(0.0, 1.0, 0.05), np.arange(1.0, 3.01, 0.25)])
SETTLED = 0.01
"""Change of tau below which it is not looked for again."""

MOST_LOOKS = 4
MOST_HALVINGS = 30
LONGEST_STEP = 4.0
"""Log-odds that an unknown moves at most in one round."""


@dataclass(frozen=True, eq=False)
class State:
    """A point, with everything that was asked there.

    Parameters
    ----------
    eta : ndarray, shape (n_unknowns,)
    z : ndarray, shape (n_rows,)
        Implied figures, scaled.
    jacobian : ndarray, shape (n_rows, n_unknowns)
    implied : Implied
    objective : float
    """

    eta: Array
    z: Array
    jacobian: Array
    implied: Implied
    objective: float


@dataclass(frozen=True, eq=False)
class Heterogeneity:
    """Standard deviation between studies on the scale of log-odds.

    Parameters
    ----------
    estimate : float
        The most probable one; NaN where it was given.
    lower, upper : float
        Its 95 % interval; NaN where it was given.
    tau : float
        The one used, apart from rows with a floor or a value of their own.
    of_row : ndarray, shape (n_rows,)
        The one used of each row.
    grid, density : ndarray
        Where it was looked for, and the posterior mass there.
    """

    estimate: float
    lower: float
    upper: float
    tau: float
    of_row: Array
    grid: Array
    density: Array


class Objective:
    """Unknowns, questions and readings together.

    Parameters
    ----------
    unknowns : Unknowns
    questions : Questions
        Of the rows that are used.
    readings : Readings
        Of the same rows.
    """

    def __init__(self, unknowns: Unknowns, questions: Questions, readings: Readings) -> None:
        self.unknowns = unknowns
        self.questions = questions
        self.readings = readings

    def look(self, eta: Array, spread: Array) -> State:
        """Figures and slopes at a point."""
        implied = self.questions.answer(self.unknowns.networks(eta), slopes=True)
        jacobian = np.zeros((len(self.readings), len(self.unknowns)))
        for name, (rows, of_cells) in implied.slopes.items():
            jacobian[rows] = self.unknowns.sheets[name].slopes(eta, of_cells, len(self.unknowns))
        return State(eta, implied.z, jacobian, implied, self.objective(eta, implied.z, spread))

    def objective(self, eta: Array, z: Array, spread: Array) -> float:
        """Logarithm of likelihood times prior; minus infinity where a figure is not determined."""
        if not np.isfinite(z).all():
            return -np.inf
        return float(self.readings.likelihood(z, spread).log.sum() + self.unknowns.log_prior(eta))

    def objective_at(self, eta: Array, spread: Array) -> float:
        """The objective at a point, without slopes."""
        return self.objective(eta, self.questions.answer(self.unknowns.networks(eta)).z, spread)

    def slope(self, state: State, spread: Array) -> Array:
        """Gradient of the objective, shape (n_unknowns,)."""
        found = self.readings.likelihood(state.z, spread)
        return np.asarray(state.jacobian.T @ found.slope + self.unknowns.prior_slope(state.eta))

    def maximise(
        self, state: State, spread: Array, tolerance: float, most: int, progress: Progress | None = None
    ) -> tuple[State, bool]:
        """The most probable numbers from here, and whether they settled.

        Stops where the next round promises a gain below ``tolerance`` (nats).
        """
        state = replace(state, objective=self.objective(state.eta, state.z, spread))
        damping = 0.0
        for number in range(most):
            if progress is not None:
                progress(number, most)
            target = self.linear(state, spread, damping)
            gain = target.objective - state.objective
            step = target.eta - state.eta
            longest = float(np.abs(step).max(initial=0.0))
            if gain < 1e-14 or longest == 0:
                return state, True
            length = min(1.0, LONGEST_STEP / longest)
            for _ in range(MOST_HALVINGS):
                eta = state.eta + length * step
                if self.objective_at(eta, spread) > state.objective:
                    break
                length /= 2
            else:
                return state, gain < tolerance
            before, state = state.objective, self.look(eta, spread)
            if gain < tolerance and not damping:
                return state, True
            kept = (state.objective - before) / gain
            if kept < 0.5:  # the figures bend: shorter steps, most of all where they bend most
                damping = min(16.0, max(0.25, 4 * damping))
            elif kept > 0.75 or gain < tolerance:
                damping = damping / 4 if damping > 0.25 and gain >= tolerance else 0.0
        return state, False

    def linear(self, state: State, spread: Array, damping: float = 0.0, exactness: float = 1e-13) -> State:
        """The maximum with the figures linearised at a point: a concave problem, solved by Newton steps.

        Parameters
        ----------
        state : State
            Any point of the linearised problem with its figures and slopes.
        spread : ndarray, shape (n_rows,)
        damping : float, at least 0
            Weight of a penalty on the distance from the point, in multiples of the curvature of each unknown
            (Marquardt 1963).
        exactness : float
            Gain below which no further step is taken.
        """
        unknowns, readings = self.unknowns, self.readings
        active = np.flatnonzero((state.jacobian != 0).any(axis=0))
        jacobian = state.jacobian[:, active]
        eta, z = state.eta, state.z
        found = readings.likelihood(z, spread)
        penalty = damping * unknowns.prior_weight(eta)
        penalty[active] += damping * (found.weight @ jacobian**2)

        def value_of(at: Array, heard: Likelihood) -> float:
            return float(heard.log.sum() + unknowns.log_prior(at))

        def penalised(at: Array, heard: Likelihood) -> float:
            return value_of(at, heard) - 0.5 * float(penalty @ (at - state.eta) ** 2)

        value = penalised(eta, found)
        for _ in range(100):
            weight = unknowns.prior_weight(eta) + penalty
            slope = unknowns.prior_slope(eta) - penalty * (eta - state.eta)
            slope[active] += jacobian.T @ found.slope
            step = slope / weight
            step[active] = solve(weight[active], jacobian, found.weight, slope[active])
            if float(0.5 * slope @ step) < exactness:
                break
            length = min(1.0, LONGEST_STEP / float(np.abs(step).max()))
            for _ in range(MOST_HALVINGS):
                eta_new = eta + length * step
                z_new = z + length * (jacobian @ step[active])
                found_new = readings.likelihood(z_new, spread)
                value_new = penalised(eta_new, found_new)
                if value_new >= value:
                    break
                length /= 2
            else:
                break
            eta, z, value, found = eta_new, z_new, value_new, found_new
        return replace(state, eta=eta, z=z, objective=value_of(eta, found))

    def log_marginal(self, state: State, spread: Array) -> float:
        """Laplace's logarithm of the marginal likelihood of a spread, at the maximum of a linearised problem.

        Up to the constant of the unknowns' dimension, which is the same for every spread.
        """
        found = self.readings.likelihood(state.z, spread)
        weight = self.unknowns.prior_weight(state.eta)
        active = (state.jacobian != 0).any(axis=0)
        scaled = np.sqrt(found.weight)[:, None] * state.jacobian[:, active]
        inner = np.eye(len(scaled)) + (scaled / weight[active]) @ scaled.T
        return float(state.objective - 0.5 * np.log(weight).sum() - 0.5 * np.linalg.slogdet(inner)[1])

    def spreads(self, implied: Implied, tau: float | Array, floors: Array, own: Array) -> tuple[Array, Array]:
        """Heterogeneity of each row on the log-odds, and on the row's scale; ``own`` is NaN where it has none."""
        of_row = np.where(np.isnan(own), np.maximum(tau, floors), own)
        share = np.sqrt(np.nan_to_num(spread_of(self.questions.rows, implied), nan=1.0))
        return of_row, np.where(np.isinf(of_row), np.inf, of_row * share)


@dataclass(frozen=True, eq=False)
class Optimum:
    """Where it settled.

    Parameters
    ----------
    state : State
    spread : ndarray, shape (n_rows,)
        Heterogeneity on each row's scale.
    heterogeneity : Heterogeneity
    converged : bool
    """

    state: State
    spread: Array
    heterogeneity: Heterogeneity
    converged: bool


def optimum(
    problem: Objective,
    start: State,
    *,
    tau: float | None,
    floor: float,
    floors: Array,
    own: Array,
    tolerance: float,
    most: int,
    progress: Progress | None = None,
) -> Optimum:
    """Numbers and heterogeneity in turn, until neither moves.

    Parameters
    ----------
    problem : Objective
    start : State
        Looked at with any spread.
    tau : float or None
        The heterogeneity of all rows; None: estimated.
    floor : float
        The least tau that is used where it is estimated.
    floors : ndarray, shape (n_rows,)
        What a row's own design adds to that: its least tau while it is looked for.
    own : ndarray, shape (n_rows,)
        A row's own tau, NaN where it has none.
    tolerance, most
        As ``Objective.maximise``.
    """
    if tau is not None:
        of_row, spread = problem.spreads(start.implied, tau, np.zeros_like(floors), own)
        state, converged = start, True
        for _ in range(MOST_LOOKS):  # what heterogeneity does to a ratio depends on where it stands
            state, converged = problem.maximise(state, spread, tolerance, most, progress)
            _, changed = problem.spreads(state.implied, tau, np.zeros_like(floors), own)
            if np.allclose(changed, spread, rtol=0.01):
                break
            spread = changed
        missing = np.zeros(0)
        return Optimum(state, spread, Heterogeneity(np.nan, np.nan, np.nan, tau, of_row, missing, missing), converged)
    used = max(floor, 0.3)
    of_row, spread = problem.spreads(start.implied, used, floors, own)
    state, converged = problem.maximise(start, spread, tolerance, most, progress)
    found = Heterogeneity(np.nan, np.nan, np.nan, used, of_row, GRID, np.ones_like(GRID))
    for _ in range(MOST_LOOKS):
        density = _posterior(problem, state, floors, own)
        estimate, lower, upper = _summary(GRID, density)
        before, used = used, max(floor, estimate)
        of_row, spread = problem.spreads(state.implied, used, np.maximum(floors, floor), own)
        found = Heterogeneity(estimate, lower, upper, used, of_row, GRID, density)
        state, converged = problem.maximise(state, spread, tolerance, most, progress)
        if abs(used - before) < SETTLED:
            break
    return Optimum(state, spread, found, converged)


def _posterior(problem: Objective, state: State, floors: Array, own: Array) -> Array:
    """Posterior mass of tau on the grid."""
    logs = np.zeros(len(GRID))
    for place, tau in enumerate(GRID.tolist()):
        spread = problem.spreads(state.implied, tau, floors, own)[1]
        state = problem.linear(state, spread, exactness=1e-6)  # begins at the maximum of the value before
        logs[place] = problem.log_marginal(state, spread) - 0.5 * (tau / HYPERPRIOR) ** 2
    mass = np.exp(logs - logs.max()) * np.gradient(GRID)
    return np.asarray(mass / mass.sum())


def _summary(grid: Array, mass: Array) -> tuple[float, float, float]:
    """Mode, refined by a parabola through the three points around it, and the ends of the central 95 %."""
    density = mass / np.gradient(grid)
    best = int(density.argmax())
    mode = float(grid[best])
    if 0 < best < len(grid) - 1:
        x, y = grid[best - 1 : best + 2], np.log(np.maximum(density[best - 1 : best + 2], 1e-300))
        curve = np.polyfit(x - mode, y, 2)
        if curve[0] < 0:
            mode += float(np.clip(-curve[1] / (2 * curve[0]), x[0] - mode, x[2] - mode))
    below = np.cumsum(mass)
    return mode, float(np.interp(0.025, below, grid)), float(np.interp(0.975, below, grid))


def solve(weight: Array, jacobian: Array, of_rows: Array, slope: Array) -> Array:
    """(diag(weight) + J' diag(of_rows) J)^-1 slope by Woodbury's identity."""
    scaled = np.sqrt(of_rows)[:, None] * jacobian
    inner = np.eye(len(scaled)) + (scaled / weight) @ scaled.T
    first = slope / weight
    return np.asarray(first - (scaled.T @ np.linalg.solve(inner, scaled @ first)) / weight)
