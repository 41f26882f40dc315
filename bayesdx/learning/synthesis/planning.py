r"""Which study to do next: how much of the variance of patients' posteriors one more figure would remove.

With C the covariance of the unknowns and :math:`g_m` the slope of the log-odds of a cause in patient m, the variance of
that posterior is :math:`(p_m (1 - p_m))^2 g_m^T C g_m`. A figure with slopes J from n more patients, whose scaled
variance is :math:`v = \tau^2 + 1 / (n q (1 - q))`, removes :math:`(p_m (1 - p_m))^2 (g_m^T C J)^2 / (v + J^T C J)`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.diagnosis.simulate import simulate_cohort
from bayesdx.evaluation.heterogeneity import Readings, predict
from bayesdx.evaluation.implied import Questions
from bayesdx.evaluation.published import Reading
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import Conditions, Study
from bayesdx.learning.synthesis.uncertainty import SynthesisFit
from bayesdx.odds import expit

Array = NDArray[np.float64]

MOST_PATIENTS = 40
"""Patients whose posteriors are looked at."""

LEAST_POSTERIOR = 1e-3
"""Causes less probable than this, or more probable than its opposite, are nobody's open question."""

COLUMNS = [
    "finding", "state", "cause", "measure", "population", "implied", "lower", "upper", "removed", "studied"
]  # fmt: skip


def next_studies(model: Model, fit: SynthesisFit, n: int, most: int, seed: int) -> pd.DataFrame:
    """Candidates by what they would teach, as ``Synthesis.next_studies`` says."""
    patients = list(_patients(model, fit, seed))
    candidates = list(_candidates(model))
    asked = [*patients, *candidates]
    z, slopes = _ask(model, fit, asked)
    known = np.isfinite(z)
    of_patients = np.arange(len(asked)) < len(patients)
    odds = expit(np.where(known, z, 0.0))
    open_question = known & of_patients & (odds > LEAST_POSTERIOR) & (odds < 1 - LEAST_POSTERIOR)
    weight = (odds * (1 - odds))[open_question] ** 2
    towards = slopes[open_question]
    variance = float(weight @ (fit.uncertainty.spread_out(towards) * towards).sum(axis=1))
    chosen = np.flatnonzero(known & ~of_patients)
    figures = slopes[chosen]
    reached = fit.uncertainty.spread_out(figures)
    own = (reached * figures).sum(axis=1)
    share = odds[chosen]
    tau = fit.optimum.heterogeneity.tau
    noise = tau**2 + 1 / (n * share * (1 - share))
    shared = (towards * fit.movable) @ reached.T
    removed = (weight @ shared**2) / (noise + own) / variance if variance > 0 else np.zeros(len(chosen))
    expected = predict(
        Readings([Reading(n * q, float(n), 0.0, 0.0, False) for q in share]), z[chosen], own + tau**2
    )  # fmt: skip
    seen = Counter((row.finding, row.cause, row.measure) for row in fit.problem.questions.rows)
    order = np.argsort(-removed, kind="stable")[:most]
    rows = []
    for place in order:
        row = asked[chosen[place]]
        ends = float(expected.lower[place]), float(expected.upper[place])
        about = (row.finding, row.cause, row.measure)
        rows.append(
            [row.finding, row.state, row.cause, row.measure, model.population, float(share[place]), *ends,
             float(removed[place]), seen[about]]
        )  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def _ask(model: Model, fit: SynthesisFit, rows: list[Study]) -> tuple[Array, Array]:
    """Scaled figures of any rows with their slopes in the unknowns, at the maximum."""
    unknowns, eta = fit.problem.unknowns, fit.optimum.state.eta
    implied = Questions(model, rows).answer(unknowns.networks(eta), slopes=True)
    slopes = np.zeros((len(rows), len(unknowns)))
    for name, (places, of_cells) in implied.slopes.items():
        slopes[places] = unknowns.sheets[name].slopes(eta, of_cells, len(unknowns))
    return implied.z, slopes


def _causes(model: Model) -> Iterable[str]:
    """Lines of the differential that are no reference state."""
    for name in model.causes:
        states = model.by_name[name].states
        if len(states) == 2:
            yield name
        else:
            yield from (f"{name}={state}" for state in states[1:])


def _blank(finding: str, state: str, cause: str, measure: str) -> Study:
    return Study(
        "", "", finding, state, (), cause, measure, None, None, None, None, None, None, None, "", (), (), "cohort", "",
        "", "", "", "", "", "expert",
    )  # fmt: skip


def _candidates(model: Model) -> Iterable[Study]:
    for finding in model.findings:
        state = "|".join(model.by_name[finding].states[1:])
        for cause in _causes(model):
            for measure in ("sensitivity", "false_positive_rate"):
                yield _blank(finding, state, cause, measure)


def _patients(model: Model, fit: SynthesisFit, seed: int) -> Iterable[Study]:
    """Each patient with each cause: the predictive value of all findings together."""
    findings: list[tuple[str, Conditions]] = [
        (case.population, tuple(pair for pair in case.findings if pair[0] in model.by_name))
        for case in model.cases
        if case.population in fit.problem.unknowns.sheets and case.findings
    ]
    if not findings:
        cohort = simulate_cohort(model, MOST_PATIENTS, seed=seed)
        names = [name for name in cohort.columns if name in model.findings]
        drawn = cohort[names].to_dict("records")
        findings = [("", tuple((name, (str(row[name]),)) for name in names)) for row in drawn]
    step = max(1, len(findings) // MOST_PATIENTS)
    for population, known in findings[::step][:MOST_PATIENTS]:
        (finding, states), *others = known
        for cause in _causes(model):
            asked = _blank(finding, "|".join(states), cause, "predictive_value")
            yield replace(asked, population=population, also=tuple(others))
