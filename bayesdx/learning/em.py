"""Expectation-maximisation: the most probable numbers when parts of the patients' data were never seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.learning.belief import Belief
from bayesdx.learning.expected import Expectation, Totals
from bayesdx.learning.layout import Layout
from bayesdx.learning.literature import Literature

Array = NDArray[np.float64]
Progress = Callable[[int, int], None]

REMEMBERED = 8
"""Points, besides the present one, that a longer step is drawn from."""

NEAR = 0.005
"""How far below its maximum the objective may end, as the last steps let expect: a tenth of a standard deviation."""

SAME_DIRECTION = 1e-6
"""Part of the longest of some steps below which what another adds is rounding."""

TRACE = ["start", "round", "iteration", "objective", "log_evidence", "largest_change"]


@dataclass(frozen=True, eq=False)
class Fit:
    """Where one run of EM ended.

    Parameters
    ----------
    values : ndarray, shape (layout.size,)
    totals : Totals
        Expected counts under these values.
    objective : float
        Log evidence of the patients plus log prior of the numbers, plus the log likelihood of studies beside them.
    converged : bool
    trace : DataFrame
        A row per iteration: start, round, iteration, objective, log_evidence (both before its update), largest_change.
    """

    values: Array
    totals: Totals
    objective: float
    converged: bool
    trace: pd.DataFrame


def maximise(
    layout: Layout,
    belief: Belief,
    expected: Expectation,
    start: Array,
    *,
    max_iterations: int,
    tolerance: float,
    number: int = 0,
    weighing: int = 0,
    progress: Progress | None = None,
    literature: Literature | None = None,
) -> Fit:
    """Run EM until no number moves by more than ``tolerance``, and the maximum is near.

    Where most of the data are missing, steps are short long before the maximum, and much shorter than an estimate is
    uncertain once there are many patients. So EM goes on until the slowest rate at which the last steps shrank leaves
    less than ``NEAR`` to be gained (``_still_to_gain``).

    A pass tries a longer step: the last points and their steps say where these lead to, on the scale of logarithms. It
    is taken where it does not lower what is maximised; where it does, a step of EM follows.

    Parameters
    ----------
    layout, belief, expected
    start : ndarray, shape (layout.size,)
    max_iterations : int, at least 1
        Passes over the patients.
    tolerance : float, above 0
        Largest change of a probability in one step of EM.
    number : int
        Which start this is, for the trace.
    weighing : int
        How often the priors had been weighed before, for the trace.
    progress : callable, optional
        Called with (iteration, max_iterations).
    literature : Literature, optional
        Studies that the numbers have to fit as well.

    References
    ----------
    A. Dempster, N. Laird, D. Rubin (1977), "Maximum likelihood from incomplete data via the EM algorithm", JRSS B 39;
    S. Lauritzen (1995), "The EM algorithm for graphical association models with missing data"; R. Varadhan, C. Roland
    (2008), "Simple and globally convergent methods for accelerating the convergence of any EM algorithm", Scandinavian
    Journal of Statistics 35.
    """
    rows: list[list[float]] = []
    path: list[tuple[Array, Array]] = []
    recent: list[tuple[Array, Array]] = []  # the path, with the points from which a longer step failed
    now = _at(layout, belief, expected, start, literature)
    converged, plain = False, True
    for iteration in range(1, max_iterations + 1):
        counts = now.totals.counts
        following = (
            belief.update(now.values, counts) if literature is None else literature.update(belief, now.values, counts)
        )
        change = float(np.abs(following - now.values).max())
        rows.append([number, weighing, iteration, now.objective, now.totals.log_evidence, change])
        path, recent = ([*points[-REMEMBERED:], (now.values, following)] for points in (path, recent))
        converged = change <= tolerance and _still_to_gain(belief, recent, counts) <= NEAR
        ahead = None if plain or converged else _further(belief, path, counts)
        found = _at(layout, belief, expected, following if ahead is None else ahead, literature)
        plain = ahead is not None and not found.objective >= now.objective
        if plain:
            path = []
        else:
            now = found
        if progress is not None:
            progress(iteration, max_iterations)
        if converged:
            break
    rows.append([number, weighing, len(rows) + 1, now.objective, now.totals.log_evidence, 0.0])
    return Fit(now.values, now.totals, now.objective, converged, pd.DataFrame(rows, columns=TRACE))


@dataclass(frozen=True, eq=False)
class _Point:
    values: Array
    totals: Totals
    objective: float


def _at(layout: Layout, belief: Belief, expected: Expectation, values: Array, literature: Literature | None) -> _Point:
    totals = expected.totals(layout.network_with(values))
    objective = totals.log_evidence + belief.log_prior(values)
    return _Point(values, totals, objective if literature is None else objective + literature.log_likelihood(values))


def _still_to_gain(belief: Belief, points: list[tuple[Array, Array]], counts: Array) -> float:
    r"""How much higher the objective is at its maximum, as the last points and their steps let expect.

    A step s is the slope of the objective divided by the information C of complete data, and its Jacobian is
    :math:`J = I - C^{-1} H`, H being the information of what was observed (Dempster, Laird, Rubin 1977). So
    :math:`\frac 1 2 s^T C (I - J)^{-1} s` is still to be gained, at most :math:`s^T C s / 2 \mu` where the slowest
    direction keeps :math:`1 - \mu` of its way in every step. The points say :math:`\mu` in the directions between
    them, which the slow ones soon dominate (Rayleigh, Ritz). Infinite where one point, or a bend upwards, says nothing.
    """
    from_, to = (np.log(np.maximum([pair[side][belief.cells] for pair in points], 1e-300)) for side in (0, 1))
    weight = np.sqrt(belief.alpha + counts[belief.cells])  # the metric of complete data
    step = (to[-1] - from_[-1]) * weight
    square = float(step @ step)
    if square == 0:
        return 0.0
    ways, shorter = np.diff(from_, axis=0) * weight, np.diff(from_ - to, axis=0) * weight
    length = np.linalg.norm(ways, axis=1)
    gone = length > 0
    if not gone.any():
        return np.inf
    ways, shorter = (each[gone] / length[gone, None] for each in (ways, shorter))
    mixed, sizes, directions = np.linalg.svd(ways, full_matrices=False)
    kept = sizes > SAME_DIRECTION * sizes[0]
    rates = (directions[kept] @ shorter.T @ mixed[:, kept]) / sizes[kept]
    slowest = float(np.linalg.eigvalsh((rates + rates.T) / 2)[0])
    return square / (2 * slowest) if slowest > 0 else np.inf


def _further(belief: Belief, path: list[tuple[Array, Array]], counts: Array) -> Array | None:
    """Where the last points and their steps lead to: the point whose step would be the shortest, were steps linear."""
    if len(path) < 2:
        return None
    from_, to = (np.log(np.maximum([pair[side][belief.cells] for pair in path], 1e-300)) for side in (0, 1))
    weight = np.sqrt(belief.alpha + counts[belief.cells])  # the metric of complete data
    steps = (to - from_) * weight
    bends = np.diff(steps, axis=0).T
    square = bends.T @ bends
    square += np.diag(1e-8 * np.diag(square) + 1e-300)
    share = np.linalg.solve(square, bends.T @ steps[-1])
    logs = to[-1] - share @ np.diff(to, axis=0)
    if not np.isfinite(logs).all():
        return None
    values = path[-1][1].copy()
    odds = np.exp(np.clip(logs, -690.0, 0.0))
    values[belief.cells] = odds * (belief.left / belief.sums(odds))[belief.row]
    return values
