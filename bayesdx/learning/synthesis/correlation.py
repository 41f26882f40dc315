"""What studies leave tied together: correlations of the numbers behind the same figures.

Two numbers behind one published figure, such as the leak of a finding and a link to it, are known better together than
apart: one may be higher if the other is lower. The correlations are those of the covariance at the maximum, between the
log-odds of sticks (``bayesdx.network.parameters.Stick``). Sticks of one distribution stay independent of each other, so
that each number keeps the interval of its row. A number that did not move, since studies say too little about it alone,
is tied to others like any other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bayesdx.knowledge.correlations import is_definite
from bayesdx.knowledge.schema import Correlation, number_name
from bayesdx.learning.synthesis.uncertainty import SynthesisFit
from bayesdx.learning.synthesis.unknowns import Number, Unknowns
from bayesdx.network.parameters import order_of

Array = NDArray[np.float64]

LEAST = (0.05, 0.02, 0.01, 0.005, 0.0)
"""Correlation from which a pair is kept: the first that leaves a matrix which is possible."""

SHRUNK = (1.0, 0.99, 0.95, 0.9, 0.8, 0.6, 0.4, 0.2)
"""What all are multiplied with where none does."""

DIGITS = 3


def correlations(fit: SynthesisFit, numbers: Sequence[Number]) -> tuple[Correlation, ...]:
    """The correlations of some numbers; small ones are left out.

    Parameters
    ----------
    fit : SynthesisFit
    numbers : sequence of Number

    Returns
    -------
    tuple of Correlation
        A positive definite matrix, together with 1 for each number and 0 for the pairs that are left out.
    """
    chosen, slopes = _sticks(fit.problem.unknowns, fit.optimum.state.eta, numbers)
    if not chosen:
        return ()
    covariance = fit.uncertainty.spread_out(slopes) @ slopes.T
    scale = np.sqrt(np.diag(covariance))
    places: dict[tuple[str, object], int] = {}
    of = np.array([places.setdefault(_distribution(number), len(places)) for number in chosen])
    matrix = np.where(of[:, None] == of[None, :], np.eye(len(of)), covariance / np.outer(scale, scale))
    tied = np.flatnonzero((np.abs(matrix) >= LEAST[0]).sum(axis=1) > 1)
    matrix = _sparse(matrix[np.ix_(tied, tied)])
    found = []
    for one, other in np.argwhere(np.triu(matrix, 1)).tolist():
        both = [chosen[tied[place]] for place in (one, other)]
        (file, name), (other_file, other_name) = ((number.key[0], number_name(number.key[1])) for number in both)
        found.append(Correlation(file, name, other_file, other_name, float(matrix[one, other])))
    return tuple(found)


def _distribution(number: Number) -> tuple[str, object]:
    return number.population_of_row, number.parameter.place


def _sticks(unknowns: Unknowns, eta: Array, numbers: Sequence[Number]) -> tuple[list[Number], Array]:
    """The numbers that have a stick of their own, and the slopes of its log-odds, shape (n, n_unknowns)."""
    together: dict[tuple[str, object], dict[int, Number]] = defaultdict(dict)
    for number in unknowns.numbers:
        together[_distribution(number)][number.parameter.state] = number
    wanted = {number.key for number in numbers}
    chosen: list[Number] = []
    rows: list[Array] = []
    for members in together.values():
        first = next(iter(members.values()))
        belief = unknowns.sheets[first.population].belief
        free = belief.distributions[belief.row[first.cell]].free
        rest, passed = 1.0, np.zeros(len(unknowns))
        for state in [free[place] for place in order_of(free)][:-1]:
            number = members[state]
            share, change = number.share(eta), np.zeros(len(unknowns))
            change[number.sticks] = share * (1 - share) * number.slopes(eta)
            rest -= share
            passed += change
            if number.key in wanted:
                chosen.append(number)
                rows.append(change / share + passed / max(rest, 1e-300))
    return chosen, np.array(rows).reshape(len(chosen), len(unknowns))


def _sparse(matrix: Array) -> Array:
    """The matrix rounded, without as many of its small correlations as leave it possible."""
    tries = [(least, 1.0) for least in LEAST] + [(0.0, factor) for factor in SHRUNK]
    for least, factor in tries:
        kept = np.asarray(np.round(np.where(np.abs(matrix) >= least, factor * matrix, 0.0), DIGITS), np.float64)
        np.fill_diagonal(kept, 1.0)
        if is_definite(kept):
            return kept
    return np.eye(len(matrix))
