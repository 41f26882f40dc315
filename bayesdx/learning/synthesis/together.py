r"""Studies beside patients: one more term of what expectation-maximisation maximises.

With the patients y, the numbers :math:`\theta` and the figures :math:`z_i(\theta)` that the network implies, a
calibration with studies maximises

.. math:: \log P(y \mid \theta) + \log \pi(\theta) + \sum_i \ell_i(z_i(\theta)).

The expected counts of the patients are added to the Beta prior of each stick, as ever; the maximum of that and of the
studies together is what ``synthesise`` looks for with these priors, a few rounds of Gauss-Newton. Numbers that may not
learn from studies (those that may not move, and the case mix: who comes is for patients to say) are left to the
patients, and their uncertainty widens what a study says.

References: A. Dempster, N. Laird, D. Rubin (1977), JRSS B 39 (EM with a prior; a step that only raises what it
maximises is enough); A. E. Ades, A. J. Sutton (2006), JRSS A 169; M. Plummer (2015), Statistics and Computing 25 (cut).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.evaluation.implied import figures
from bayesdx.knowledge.schema import Study
from bayesdx.learning.belief import Belief
from bayesdx.learning.layout import Layout
from bayesdx.learning.literature import Brought
from bayesdx.learning.synthesis.optimum import Objective, State
from bayesdx.learning.synthesis.result import Synthesis
from bayesdx.learning.synthesis.unknowns import PopulationNumbers, Unknowns
from bayesdx.odds import expit

Array = NDArray[np.float64]
Index = NDArray[np.intp]

ROUNDS = 3
"""Rounds of Gauss-Newton in one step of EM."""

CLOSE = 1e-6
"""Gain (nats) of a round from which a step of EM is content."""

SHOWN = (
    "study", "source", "finding", "state", "cause", "measure", "value", "lower", "upper", "before", "verdict", "reason",
)  # fmt: skip

FURTHEST = 30.0
"""Log-odds beyond which a number counts as 0 or 1."""


class StudiesBeside:
    """Studies as a term of the objective of a calibration.

    Parameters
    ----------
    layout : Layout
        Of the network that the patients are about.
    belief : Belief
        What may move.
    found : Synthesis
        Of the same studies alone, which says how far studies differ and which of them can be used.
    """

    def __init__(self, layout: Layout, belief: Belief, found: Synthesis) -> None:
        fit = found.fit
        assert fit is not None
        self.layout = layout
        self.problem = fit.problem
        self.rows: tuple[Study, ...] = tuple(fit.problem.questions.rows)
        self.given = found.model.studies
        unknowns = fit.problem.unknowns
        self.home: PopulationNumbers = unknowns.sheets[found.parent.population]
        place = {int(cell): position for position, cell in enumerate(self.home.belief.cells)}
        self.stick = self.home.stick[[place[int(cell)] for cell in belief.cells]]
        learns = np.zeros(len(unknowns), dtype=bool)
        learns[self.stick[self.stick >= 0]] = True
        self.learns: NDArray[np.bool_] = learns & fit.movable
        start = self.problem.look(unknowns.start, fit.optimum.spread)
        held = start.jacobian[:, ~self.learns]
        widening = (held**2) @ (1 / unknowns.prior_weight(unknowns.start)[~self.learns])
        self.spread = np.sqrt(fit.optimum.spread**2 + widening)
        self.start = unknowns.start

    def __len__(self) -> int:
        return len(self.rows)

    def log_likelihood(self, values: Array) -> float:
        """Logarithm of the likelihood of the studies under these numbers."""
        z = self._figures(values)
        if not np.isfinite(z).all():
            return -np.inf
        return float(self.problem.readings.likelihood(z, self.spread).log.sum())

    def implied(self, values: Array) -> Array:
        """The published figures as these numbers imply them, shape (n_rows,)."""
        unknowns = self.problem.unknowns
        return figures(self.rows, self.problem.questions.answer(unknowns.networks(self._unknowns(values))))

    def update(self, belief: Belief, values: Array, counts: Array) -> Array:
        """One step of EM: the numbers that these counts, the priors and the studies make more probable."""
        following = belief.update(values, counts)
        eta = np.where(self.learns, self._unknowns(values), self._unknowns(following))
        stay = expit(eta)
        a, b = stay.copy(), 1 - stay  # of numbers that do not learn here: they are where they are
        drawn = counts[belief.cells]
        here = np.flatnonzero((self.stick >= 0) & self.learns[self.stick])
        a[self.stick[here]] = (belief.alpha + drawn)[here]
        b[self.stick[here]] = (belief.beyond + belief.passed(drawn))[here]
        problem = _Held(replace(self.problem.unknowns, a=np.maximum(a, 1e-9), b=np.maximum(b, 1e-9)), self)
        state, _ = problem.maximise(problem.look(eta, self.spread), self.spread, CLOSE, ROUNDS)
        values_now = self.layout.values(self.home.network(state.eta))
        moved = np.unique(belief.row[here])
        cells = belief.cells[np.isin(belief.row, moved)]
        following[cells] = values_now[cells]
        return following

    def brought(self, belief: Belief, kept: Index, values: Array) -> Brought:
        r"""The studies' information, in the log-odds of the kept states against the first of each distribution.

        A stick k has slope 1 in the log-odds of its own state, and :math:`-p_m / \sum_{j > k} p_j` in those of a later
        state m.
        """
        eta = self._unknowns(values)
        state = _Held(self.problem.unknowns, self).look(eta, self.spread)
        weight = self.problem.readings.likelihood(state.z, self.spread).weight
        share = values[belief.cells]
        behind = belief.passed(share)
        inner = self.stick >= 0
        of_sticks = np.zeros((len(self), len(belief.cells)))
        of_sticks[:, inner] = state.jacobian[:, self.stick[inner]]
        earlier, later = belief.pairs
        before = inner[earlier] & (behind[earlier] > 0)
        earlier, later = earlier[before], later[before]
        of_cells = of_sticks.copy()
        np.add.at(of_cells.T, later, -(of_sticks[:, earlier] * (share[later] / behind[earlier])).T)
        slopes = of_cells[:, kept]
        return Brought([row.source for row in self.rows], slopes, weight)

    def _figures(self, values: Array) -> Array:
        unknowns = self.problem.unknowns
        return self.problem.questions.answer(unknowns.networks(self._unknowns(values))).z

    def _unknowns(self, values: Array) -> Array:
        """The log-odds of all sticks: those of these numbers, and of other populations as they are."""
        belief = self.home.belief
        share = np.maximum(values[belief.cells], 0.0)
        behind = belief.passed(share)
        with np.errstate(divide="ignore"):
            odds = np.log(share) - np.log(behind)
        eta = self.start.copy()
        inner = self.home.stick >= 0
        eta[self.home.stick[inner]] = np.clip(np.nan_to_num(odds[inner]), -FURTHEST, FURTHEST)
        return eta


class _Held(Objective):
    """The problem of a step of EM: numbers that do not learn from studies have no slopes."""

    def __init__(self, unknowns: Unknowns, literature: StudiesBeside) -> None:
        super().__init__(unknowns, literature.problem.questions, literature.problem.readings)
        self.learns = literature.learns

    def look(self, eta: Array, spread: Array) -> State:
        state = super().look(eta, spread)
        return replace(state, jacobian=np.where(self.learns, state.jacobian, 0.0))


def tabulate(literature: StudiesBeside, found: Synthesis, values: Array) -> pd.DataFrame:
    """Every study with what the network implied of it before and implies now."""
    table = found.studies[list(SHOWN)].copy()
    used = np.flatnonzero(table["verdict"] != "excluded")
    table["after"] = np.nan
    table.loc[used, "after"] = literature.implied(values)
    return table.drop(columns="verdict")


def merged(old: Sequence[Study], new: Sequence[Study]) -> tuple[Study, ...]:
    """The studies of a model with those that were learned from now; a row that is there already stands once."""
    known = set(new)
    return (*(row for row in old if row not in known), *new)
