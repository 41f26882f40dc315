r"""How good the posteriors of cases are: ranks, recall, proper scores, each with a bootstrap interval.

With :math:`p_{ic}` the probability that the model gives cause c in case i, and :math:`y_{ic} = 1` where c was diagnosed
in it (as the main cause or beside it; every other cause counts as absent):

====================  =================================================================================================
measure               meaning
====================  =================================================================================================
top_1, top_3          share of the cases with a modelled cause whose main cause has rank 1, or 1 to 3; a single cause
                      is ranked beside its absence
mean_rank             mean rank of the main cause in these cases
none_first            share of the cases without a modelled cause in which no cause is more probable than none at all
must_not_miss_recall  share of the must-not-miss causes that were diagnosed that the model notices
log_score             mean over cases of :math:`-\sum_c \ln P(c\ \text{as it was})`, in nats; 0 is perfect
brier_score           mean over cases of :math:`\sum_c (p_{ic} - y_{ic})^2`; 0 is perfect
====================  =================================================================================================

A cause is must-not-miss where its first step of management.csv is an emergency. The model notices it where its
posterior reaches the threshold of that step, or where the findings raise an emergency flag for it. A case whose
findings have probability 0 counts as wrong about every cause.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.evaluation.outcomes import CaseOutcome, competing, rivals
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import CASE_USES, Case

Array = NDArray[np.float64]

MEASURES = ("top_1", "top_3", "mean_rank", "none_first", "must_not_miss_recall", "log_score", "brier_score")

SUMMARY_COLUMNS = ["use", "findings", "measure", "value", "lower", "upper", "n"]


@dataclass(frozen=True, eq=False)
class CaseScores:
    """What each case adds to each measure, and what it adds to the number that the measure is divided by.

    Parameters
    ----------
    parts : mapping of measure to ndarray, shape (n_cases,)
    weights : mapping of measure to ndarray, shape (n_cases,)
        A measure over some cases is the sum of their parts over the sum of their weights.
    """

    parts: Mapping[str, Array]
    weights: Mapping[str, Array]


def must_not_miss(model: Model) -> dict[str, float]:
    """Causes whose first step of management is an emergency, with the threshold of that step.

    Examples
    --------
    >>> import bayesdx as dx
    >>> must_not_miss(dx.load_model("hip_flexion_weakness@1.0.0"))
    {'cauda_equina_syndrome': 0.02, 'severe_infection': 0.03}
    """
    first = {}
    for step in sorted(model.steps, key=lambda step: step.step, reverse=True):
        first[step.cause] = step
    return {
        cause: first[cause].threshold
        for cause in model.causes
        if cause in first and first[cause].urgency == "emergency"
    }


def score(model: Model, cases: Sequence[Case], outcomes: Sequence[CaseOutcome]) -> CaseScores:
    """The part of each case in every measure."""
    missable_in = {one.name: must_not_miss(model.with_population(one.name)) for one in model.info.populations}
    parts: dict[str, list[float]] = {measure: [] for measure in MEASURES}
    weights: dict[str, list[float]] = {measure: [] for measure in MEASURES}
    for row, outcome in zip(cases, outcomes, strict=True):
        modelled = float(bool(row.causes))
        rank = outcome.rank(model.causes.index(row.causes[0]) if row.causes else None)
        critical = missable_in[row.population]
        missable = [cause for cause in row.causes if cause in critical]
        noticed = sum(_noticed(model, outcome, cause, critical[cause]) for cause in missable)
        log_score, brier_score = proper_scores(
            np.array([cause in row.causes for cause in rivals(model)]), outcome.probabilities[competing(model)]
        )
        for measure, part, weight in (
            ("top_1", modelled * (rank <= 1), modelled),
            ("top_3", modelled * (rank <= 3), modelled),
            ("mean_rank", modelled * rank, modelled),
            ("none_first", (1 - modelled) * (rank <= 1), 1 - modelled),
            ("must_not_miss_recall", noticed, len(missable)),
            ("log_score", log_score, 1.0),
            ("brier_score", brier_score, 1.0),
        ):
            parts[measure].append(float(part))
            weights[measure].append(float(weight))
    return CaseScores(
        {measure: np.array(values) for measure, values in parts.items()},
        {measure: np.array(values) for measure, values in weights.items()},
    )


def proper_scores(truth: NDArray[np.bool_], probabilities: Array) -> tuple[float, float]:
    """Logarithmic and Brier score of one case, summed over the causes; lower is better.

    Parameters
    ----------
    truth : ndarray of bool, shape (n_causes,)
    probabilities : ndarray of float in [0, 1], shape (n_causes,)
        NaN where the findings have probability 0, which counts as certain and wrong.

    Returns
    -------
    (float, float)

    References
    ----------
    T. Gneiting, A. E. Raftery (2007), "Strictly proper scoring rules, prediction, and estimation", JASA 102.

    Examples
    --------
    >>> log_score, brier_score = proper_scores(np.array([True, False]), np.array([0.5, 0.5]))
    >>> round(log_score, 4), brier_score
    (1.3863, 0.5)
    """
    of_truth = np.where(np.isnan(probabilities), 0.0, np.where(truth, probabilities, 1 - probabilities))
    with np.errstate(divide="ignore"):
        return float(-np.log(of_truth).sum()) + 0.0, float(((1 - of_truth) ** 2).sum())


def _noticed(model: Model, outcome: CaseOutcome, cause: str, threshold: float) -> bool:
    if outcome.diagnosis is None:
        return False
    flagged = any(
        flag.cause == cause and flag.urgency == "emergency" and not flag.answered
        for flag in outcome.diagnosis.red_flags
    )
    return flagged or bool(outcome.probabilities[model.causes.index(cause)] >= threshold)


def summarise(uses: pd.Series, scores: Mapping[str, CaseScores], seed: int, resamples: int) -> pd.DataFrame:
    """Every measure over all cases and over those of each use, with 95 % bootstrap intervals.

    Cases are drawn with replacement, the same draws for every measure and every set of findings; the ends of the
    intervals are percentiles.

    Parameters
    ----------
    uses : Series of str, shape (n_cases,)
    scores : mapping of the name of a set of findings to CaseScores
    seed, resamples : int

    Returns
    -------
    DataFrame
        Columns: use, findings, measure, value, lower, upper, n. Measures that no case has a part in are left out.

    References
    ----------
    B. Efron, R. J. Tibshirani (1993), "An introduction to the bootstrap", chapter 13 (percentile intervals).

    Examples
    --------
    >>> parts = {measure: np.array([1.0, 0.0]) for measure in MEASURES}
    >>> scores = CaseScores(parts, {measure: np.ones(2) for measure in MEASURES})
    >>> table = summarise(pd.Series(["tuning", "tuning"]), {"all findings": scores}, seed=0, resamples=100)
    >>> table[["use", "measure", "value", "n"]].head(1)
       use measure  value  n
    0  all   top_1    0.5  2
    """
    rows: list[list[object]] = []
    for use in ("all", *CASE_USES):
        chosen = np.flatnonzero((uses == use).to_numpy() | (use == "all"))
        if not len(chosen):
            continue
        draws = np.random.default_rng(seed).choice(chosen, size=(resamples, len(chosen)))
        for findings, of_cases in scores.items():
            for measure in MEASURES:
                part, weight = of_cases.parts[measure], of_cases.weights[measure]
                n = weight[chosen].sum()
                if n == 0:
                    continue
                drawn = weight[draws].sum(axis=1)
                values = part[draws].sum(axis=1)[drawn > 0] / drawn[drawn > 0]
                # A percentile that is one of the values stays defined where some are infinite.
                lower, upper = np.quantile(values, (0.025, 0.975), method="inverted_cdf")
                rows.append([use, findings, measure, part[chosen].sum() / n, float(lower), float(upper), int(n)])
    return pd.DataFrame(rows, columns=SUMMARY_COLUMNS)
