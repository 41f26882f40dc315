"""Forecasts of a model for labelled patients beside the truth, and every measure of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.diagnosis.compiled import compiled
from bayesdx.evaluation.case_scores import must_not_miss
from bayesdx.evaluation.dataset import Cohort
from bayesdx.evaluation.measures import (
    FLOOR,
    auc,
    binned,
    brier_parts,
    calibration_line,
    expected_calibration_error,
    ratio,
    weighted_mean,
    wilson,
)
from bayesdx.evaluation.outcomes import rivals
from bayesdx.knowledge.model import Model

Array = NDArray[np.float64]
Progress = Callable[[int, int], None]

MEASURES = (
    "log_score",
    "brier_score",
    "reliability",
    "resolution",
    "uncertainty",
    "calibration_intercept",
    "calibration_slope",
    "calibration_error",
    "top_1",
    "top_3",
    "auc",
    "must_not_miss_recall",
)
CHUNK_CELLS = 2**22
"""Resamples times forecasts that are worked on at a time."""


@dataclass(frozen=True, eq=False)
class Forecasts:
    """Forecasts for labelled patients beside the truth.

    Parameters
    ----------
    names : tuple of str
        A class or cause per column.
    exclusive : bool
        Whether exactly one column holds in each patient.
    p : ndarray, shape (n_patients, n_columns)
        Forecast probabilities.
    y : ndarray of 0 and 1, shape (n_patients, n_columns)
        The truth.
    weights : ndarray, shape (n_patients,)
    critical : mapping of column to threshold
        Causes that must not be missed.

    Examples
    --------
    >>> forecasts = Forecasts(("cause",), False, np.array([[0.9], [0.2]]), np.array([[1.0], [0.0]]), np.ones(2))
    >>> forecasts.brier_scores().round(2).tolist()
    [0.01, 0.04]
    """

    names: tuple[str, ...]
    exclusive: bool
    p: Array
    y: Array
    weights: Array
    critical: dict[int, float] = field(default_factory=dict)

    def take(self, rows: NDArray[Any]) -> Forecasts:
        """Some of the patients."""
        return Forecasts(self.names, self.exclusive, self.p[rows], self.y[rows], self.weights[rows], self.critical)

    def of(self, name: str) -> Forecasts:
        """The forecasts of one cause or class by itself, as present or absent."""
        column = self.names.index(name)
        columns = [column]
        critical = {0: self.critical[column]} if column in self.critical else {}
        return Forecasts((name,), False, self.p[:, columns], self.y[:, columns], self.weights, critical)

    def log_scores(self) -> Array:
        """Per patient, in nats."""
        if self.exclusive:
            kept = np.maximum(self.p, FLOOR)
            return np.asarray(-np.log((kept * self.y).sum(axis=1) / kept.sum(axis=1)))
        said = np.where(self.y == 1, self.p, 1 - self.p)
        return np.asarray(-np.log(np.maximum(said, FLOOR)).sum(axis=1))

    def brier_scores(self) -> Array:
        """Per patient."""
        return np.asarray(((self.p - self.y) ** 2).sum(axis=1))

    def ranked(self) -> tuple[Array, Array]:
        """Forecasts and truth of the columns that are ranked; one binary cause counts as two, absent and present."""
        if len(self.names) > 1:
            return self.p, self.y
        return np.hstack([1 - self.p, self.p]), np.hstack([1 - self.y, self.y])

    def hits(self, k: int) -> Array:
        """1 where a cause or class that the patient has is among the k most probable; equal ones share the places.

        Examples
        --------
        >>> p, y = np.array([[0.9], [0.4], [0.5], [0.2]]), np.array([[1.0], [1.0], [0.0], [0.0]])
        >>> Forecasts(("cause",), False, p, y, np.ones(4)).hits(1).tolist()
        [1.0, 0.0, 0.5, 1.0]
        """
        p, y = self.ranked()
        best = np.where(y == 1, p, -1.0).max(axis=1)
        above = (p > best[:, None]).sum(axis=1)
        equal = (p == best[:, None]).sum(axis=1)
        return np.asarray(np.clip((k - above) / np.maximum(equal, 1), 0.0, 1.0) * (best >= 0))


def measure(forecasts: Forecasts, weights: Array, bins: int) -> dict[str, float]:
    """Every measure under these weights, shape (n_patients,); NaN where no patient enters it."""
    return {name: float(values[0]) for name, values in measures(forecasts, weights[None], bins).items()}


def measures(forecasts: Forecasts, weights: Array, bins: int, progress: Progress | None = None) -> dict[str, Array]:
    """Every measure under each row of weights, shape (n_resamples, n_patients), some rows at a time."""
    width = max(1, CHUNK_CELLS // forecasts.p.size)
    parts = []
    for start in range(0, len(weights), width):
        parts.append(_measures(forecasts, weights[start : start + width], bins))
        if progress is not None:
            progress(min(start + width, len(weights)), len(weights))
    return {name: np.concatenate([part[name] for part in parts]) for name in MEASURES} if parts else {}


def _measures(forecasts: Forecasts, weights: Array, bins: int) -> dict[str, Array]:
    p, y = forecasts.p.ravel(), forecasts.y.ravel()
    pairs = np.repeat(weights, forecasts.p.shape[1], axis=1)
    reliability, resolution, uncertainty = brier_parts(p, y, pairs, bins)
    intercept, slope = calibration_line(p, y, pairs)
    if forecasts.exclusive:  # 0 whatever the forecasts: they and the truth sum to 1 in every patient
        intercept = np.full_like(intercept, np.nan)
    having = weights * (forecasts.ranked()[1].sum(axis=1) > 0)
    if forecasts.exclusive:
        first = forecasts.p.argmax(axis=1)
        rows = np.arange(len(first))
        error = expected_calibration_error(forecasts.p[rows, first], forecasts.y[rows, first], weights, bins)
    else:
        error = expected_calibration_error(p, y, pairs, bins)
    areas = np.stack([auc(forecasts.p[:, c], forecasts.y[:, c], weights) for c in range(len(forecasts.names))])
    known = ~np.isnan(areas)
    caught, missable = np.zeros(len(weights)), np.zeros(len(weights))
    for column, threshold in forecasts.critical.items():
        caught += weights @ (forecasts.y[:, column] * (forecasts.p[:, column] >= threshold))
        missable += weights @ forecasts.y[:, column]
    return {
        "log_score": weighted_mean(forecasts.log_scores(), weights),
        "brier_score": weighted_mean(forecasts.brier_scores(), weights),
        "reliability": reliability,
        "resolution": resolution,
        "uncertainty": uncertainty,
        "calibration_intercept": intercept,
        "calibration_slope": slope,
        "calibration_error": error,
        "top_1": weighted_mean(forecasts.hits(1), having),
        "top_3": weighted_mean(forecasts.hits(3), having),
        "auc": ratio(np.where(known, areas, 0.0).sum(axis=0), known.sum(axis=0)),
        "must_not_miss_recall": ratio(caught, missable),
    }


def forecast(model: Model, cohort: Cohort) -> Forecasts:
    """Posteriors of the causes of labelled patients given all other variables; causes that are sums are left out."""
    names = rivals(model)
    told = cohort.frame.drop(columns=[name for name in model.causes if name in cohort.frame])
    posteriors = compiled(model).engine.marginals(told, targets=model.causes)
    truth = cohort.frame
    critical = must_not_miss(model)
    if len(model.causes) == 1 and len(model.by_name[model.causes[0]].states) > 2:
        cause = model.causes[0]
        states = model.by_name[cause].states
        y: Array = np.stack([(truth[cause] == state).to_numpy(dtype=float) for state in states], axis=1)
        return Forecasts(states, True, posteriors[cause].to_numpy(dtype=float), y, cohort.weights)
    present = [posteriors[cause].iloc[:, 1:].sum(axis=1).to_numpy(dtype=float) for cause in names]
    p = np.minimum(np.stack(present, axis=1), 1.0)
    columns = [(truth[cause] != model.by_name[cause].reference).to_numpy(dtype=float) for cause in names]
    places = {names.index(cause): threshold for cause, threshold in critical.items() if cause in names}
    return Forecasts(names, False, p, np.stack(columns, axis=1), cohort.weights, places)


def calibration_curve(forecasts: Forecasts, bins: int) -> pd.DataFrame:
    """Observed share by forecast over bins of equal width, all columns together: ``Evaluation.curve``."""
    pairs = np.repeat(forecasts.weights, forecasts.p.shape[1])
    total, mean_p, mean_y = binned(forecasts.p.ravel(), forecasts.y.ravel(), pairs, bins)
    lower, upper = wilson(mean_y * total, total)
    columns = {"patients": total, "forecast": mean_p, "observed": mean_y, "lower": lower, "upper": upper}
    return pd.DataFrame(columns)
