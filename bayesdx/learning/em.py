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

Array = NDArray[np.float64]
Progress = Callable[[int, int], None]

TRACE = ["start", "iteration", "objective", "log_evidence", "largest_change"]


@dataclass(frozen=True, eq=False)
class Fit:
    """Where one run of EM ended.

    Parameters
    ----------
    values : ndarray, shape (layout.size,)
    totals : Totals
        Expected counts under these values.
    objective : float
        Log evidence of the patients plus log prior of the numbers.
    converged : bool
    trace : DataFrame
        A row per iteration: start, iteration, objective, log_evidence (both before its update), largest_change.
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
    progress: Progress | None = None,
) -> Fit:
    """Run EM until no number moves by more than ``tolerance``.

    Parameters
    ----------
    layout, belief, expected
    start : ndarray, shape (layout.size,)
    max_iterations : int, at least 1
    tolerance : float, above 0
        Largest change of a probability in the last iteration.
    number : int
        Which start this is, for the trace.
    progress : callable, optional
        Called with (iteration, max_iterations).

    References
    ----------
    A. Dempster, N. Laird, D. Rubin (1977), "Maximum likelihood from incomplete data via the EM algorithm", JRSS B 39;
    S. Lauritzen (1995), "The EM algorithm for graphical association models with missing data".
    """
    values, rows, converged = start, [], False
    totals = expected.totals(layout.network_with(values))
    for iteration in range(1, max_iterations + 1):
        moved = belief.update(values, totals.counts)
        change = float(np.abs(moved - values).max())
        rows.append([number, iteration, totals.log_evidence + belief.log_prior(values), totals.log_evidence, change])
        values = moved
        totals = expected.totals(layout.network_with(values))
        if progress is not None:
            progress(iteration, max_iterations)
        if change <= tolerance:
            converged = True
            break
    objective = totals.log_evidence + belief.log_prior(values)
    rows.append([number, len(rows) + 1, objective, totals.log_evidence, 0.0])
    return Fit(values, totals, objective, converged, pd.DataFrame(rows, columns=TRACE))
