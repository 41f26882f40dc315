r"""Whether a model says the truth about patients whose diagnosis is known.

Every cause is scored by its marginal posterior given everything else that was observed of the patient. Where a model
has one cause of several states, these exclude each other and are the classes; where it has several causes, each is
present or not, and "present" is any state but the reference state.

==========================  ==========================================================================================
measure                     meaning
==========================  ==========================================================================================
log_score                   mean over patients of :math:`-\sum \ln P(\text{as it was})`, nats; 0 is perfect
brier_score                 mean over patients of the squared errors, summed over classes or causes; 0 is perfect
reliability, resolution,    Murphy's parts of the mean binary Brier score over all (patient, class) pairs, in bins of
uncertainty                 equal width
calibration_intercept       calibration in the large over all pairs; 0 is perfect. Over classes that exclude each other
                            it is always 0, since forecasts and truth sum to 1 in every patient: it is left out there,
                            and stands per class in ``causes``
calibration_slope           1 is perfect; below 1 forecasts are too extreme
calibration_error           ECE: of the first class (or of all pairs, with several causes), bins of equal width
top_1, top_3                share of the patients with a cause in whom one that they have is among the k most probable;
                            where a model has one cause, present or absent, both are classes and every patient counts
auc                         mean over classes of the area under the ROC curve
must_not_miss_recall        share of must-not-miss causes whose posterior reaches the threshold of their first step
==========================  ==========================================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.display.blocks import Block, Figure, Grid, Title
from bayesdx.display.html import as_page
from bayesdx.display.report import Report
from bayesdx.errors import LearningError, nearest_hint
from bayesdx.evaluation.dataset import COHORT, Cohort, Table, read_cohort
from bayesdx.evaluation.evaluation_figures import draw, svgs
from bayesdx.evaluation.forecasts import MEASURES, Forecasts, Progress, calibration_curve, forecast, measure, measures
from bayesdx.evaluation.mapping import Source
from bayesdx.evaluation.measures import auc, calibration_line, net_benefit, ratio, weighted_mean
from bayesdx.evaluation.outcomes import rivals
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.versions import as_model

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]


ABSENT = {
    "calibration_slope": "no finite slope fits, since the forecasts tell the classes apart without a mistake, or one "
    "class only was seen",
    "calibration_intercept": "no finite intercept fits, since one class only was seen",
    "auc": "no cause that some of these patients have and others do not",
    "top_1": "none of these patients has a cause",
    "top_3": "none of these patients has a cause",
    "must_not_miss_recall": "none of these patients has a cause that must not be missed",
}
"""Why a measure is not there."""

OF_CLASSES = "over classes that exclude each other it is 0 whatever the forecasts; causes has that of each class"
"""Why there is no calibration in the large of all classes together."""

THRESHOLDS = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation(Report):
    """How well a model does on labelled patients.

    Parameters
    ----------
    model : Model
    cohort : Cohort
        The patients that were scored: those whose causes are all known.
    forecasts : Forecasts
    table : DataFrame
        A row per measure: measure, value, lower, upper (95 % bootstrap percentiles).
    causes : DataFrame
        A row per cause or class: patients, mean_posterior, observed share, auc, average_precision and
        calibration_intercept, calibration in the large of this cause or class against all else (above 0: it is more
        frequent than forecast; NaN where all patients have it or none).
    curve : DataFrame
        Calibration: per bin of equal width patients, forecast, observed, lower, upper (Wilson).
    decisions : DataFrame
        Per cause and threshold, net benefit (model, treat_all, treat_none), recall (share of the patients with the
        cause whose posterior reaches the threshold; NaN without any) and flagged (share of all patients).
    subgroups : DataFrame
        The measures within each state of the variables asked for.
    comparison : DataFrame
        Against another model on the same patients: difference of each measure with its interval; empty without one.
    bins : int
    warnings : tuple of str
        That a model has learned from these very patients.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("chest_clinic@1.0.0")
    >>> result = dx.evaluate(model, dx.simulate_cohort(model, 300, seed=1), resamples=20)
    >>> result.table.query("measure == 'brier_score'").round(2)
           measure  value  lower  upper
    1  brier_score   0.15   0.13   0.17
    >>> result.causes[["cause", "mean_posterior", "observed"]].round(2)
              cause  mean_posterior  observed
    0  tuberculosis            0.01      0.01
    1   lung_cancer            0.06      0.07
    2    bronchitis            0.43      0.43
    """

    model: Model
    cohort: Cohort
    forecasts: Forecasts
    table: pd.DataFrame
    causes: pd.DataFrame
    curve: pd.DataFrame
    decisions: pd.DataFrame
    subgroups: pd.DataFrame
    comparison: pd.DataFrame
    bins: int
    warnings: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> float:
        """The value of a measure; a LearningError says why there is none."""
        if name not in MEASURES:
            raise LearningError(f"{name!r} is not a measure{nearest_hint(name, MEASURES)}.")
        values = self.table.set_index("measure")["value"]
        if name not in values:
            raise LearningError(f"{name}: {self._absent(name)}.")
        return float(values[name])

    def _absent(self, name: str) -> str:
        return OF_CLASSES if name == "calibration_intercept" and self.forecasts.exclusive else ABSENT[name]

    def title(self) -> str:
        """The model, its version, its setting where it has several, and the patients.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> dx.evaluate(model, dx.simulate_cohort(model, 50, seed=1), resamples=0).title()
        'chest_clinic 1.0.0 on 50 labelled rows of table'
        """
        assumed = ", assumed" if self.model.population_assumed else ""
        setting = f" ({self.model.population}{assumed})" if len(self.model.info.populations) > 1 else ""
        name = f"{self.model.name} {self.model.version}{setting}"
        return f"{name} on {len(self.cohort)} labelled rows of {self.cohort.name}"

    def blocks(self) -> Sequence[Block]:
        """Title, measures, causes, subgroups, comparison."""
        said = f"Calibration error and parts of the Brier score use {self.bins} bins of equal width."
        blocks: list[Block] = [Title(self.title()), *self.warnings, _grid(self.table), *self._missing(), said]
        blocks.append(_grid(self.causes))
        for name, frame in (("Subgroups", self.subgroups), ("Difference to the other model", self.comparison)):
            if len(frame):
                blocks += [Title(name), _grid(frame)]
        return blocks

    def _missing(self) -> list[str]:
        """Why a measure of calibration is not in the table."""
        names = ("calibration_intercept", "calibration_slope")
        return [f"No {name}: {self._absent(name)}." for name in names if name not in set(self.table["measure"])]

    def to_html(self) -> str:
        """Everything in one HTML page without scripts or outside references, figures as SVG inside it.

        Figures need matplotlib (extra ``plot``); without it a sentence stands in their place.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> page = dx.evaluate(model, dx.simulate_cohort(model, 50, seed=1), resamples=0).to_html()
        >>> page[:15], "<script" in page
        ('<!DOCTYPE html>', False)
        """
        parts: list[Block] = [Title(self.title(), 1), *self.warnings]
        sections = (
            ("Measures", self.table),
            ("Causes", self.causes),
            (f"Calibration in {self.bins} bins of equal width", self.curve),
            ("Decisions: net benefit per patient, recall, share of patients flagged", self.decisions),
            ("Subgroups", self.subgroups),
            ("Difference to the other model", self.comparison),
        )
        figures = [Figure(svg, caption) for caption, svg in svgs(self)]
        for heading, frame in sections:
            if len(frame):
                parts += [Title(heading), _grid(frame)]
            if heading == "Measures":
                parts += self._missing()
                parts.append(Title("Figures"))
                parts += figures or [
                    "Figures need matplotlib: install bayesdx with its plot extra (pip install matplotlib)."
                ]
        return as_page(parts, self.title())

    def plot(self, kind: str = "calibration", *, cause: str | None = None, ax: Axes | None = None) -> Axes:
        """One figure.

        Parameters
        ----------
        kind : {"calibration", "roc", "precision_recall", "decision"}
            "calibration": observed share by forecast with 95 % intervals; all causes together where none is named.
            "roc", "precision_recall": per cause, with the area or the average precision; the six most frequent causes
            where none is named. "decision": net benefit of acting on the model beside treating all and none, of one
            cause (the first that must not be missed, else the most frequent, where none is named).
        cause : str, optional
        ax : matplotlib Axes, optional

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        LearningError
            Unknown kind or cause, or a cause that all patients or none have.
        MissingExtraError
            matplotlib is not installed.

        Examples
        --------
        >>> from matplotlib.figure import Figure
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> result = dx.evaluate(model, dx.simulate_cohort(model, 50, seed=1), resamples=0)
        >>> result.plot("calibration", ax=Figure().subplots()).get_xlabel()
        'forecast probability'
        """
        return draw(self, kind, cause, ax)


def _grid(frame: pd.DataFrame) -> Grid:
    numeric = [place for place, name in enumerate(frame.columns) if frame[name].dtype.kind in "fi"]
    rows = [
        [f"{value:.4g}" if isinstance(value, float) else str(value) for value in row]
        for row in frame.itertuples(index=False, name=None)
    ]
    return Grid([str(name).replace("_", " ") for name in frame.columns], rows, numeric)


def evaluate(
    model: Model | str | PathLike[str],
    cohort: Cohort | Table,
    *,
    mapping: Source | None = None,
    weight: str | None = None,
    ignore: Iterable[str] = (),
    against: Model | None = None,
    subgroups: Iterable[str] = (),
    thresholds: Iterable[float] = THRESHOLDS,
    bins: int = 10,
    resamples: int = 500,
    seed: int = 0,
    progress: Progress | None = None,
) -> Evaluation:
    """Score a model on patients whose diagnosis is known.

    Parameters
    ----------
    model : Model, str or path
        A model, or what ``load_model`` takes.
    cohort : Cohort, DataFrame, or path of a table, as ``read_cohort`` takes it
        Columns of causes are the truth; all other columns are what the model is told. Rows in which a cause is
        unknown are left out.
    mapping, weight, ignore
        As ``read_cohort``, where ``cohort`` is a table.
    against : Model, optional
        Another model with the same causes, scored on the same patients; differences are paired in the bootstrap.
    subgroups : iterable of str
        Variables within whose states the measures are given again.
    thresholds : iterable of float, each above 0 and below 1
        Of the decision curve.
    bins : int, at least 2
    resamples : int, at least 0
        Bootstrap resamples of patients; 0 gives no intervals.
    seed : int
    progress : callable, optional
        Called with (resamples scored, resamples).

    Returns
    -------
    Evaluation

    Raises
    ------
    DatasetError
        As ``read_cohort``.
    LearningError
        Nobody is labelled, or an option is out of range.

    References
    ----------
    E. Steyerberg et al. (2010), "Assessing the performance of prediction models", Epidemiology 21; B. Efron,
    R. J. Tibshirani (1993), "An introduction to the bootstrap", chapter 13.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("chest_clinic@1.0.0")
    >>> result = dx.evaluate(model, dx.simulate_cohort(model, 300, seed=1), resamples=20)
    >>> result.table.set_index("measure").loc[["calibration_slope", "top_1"]].round(2)
                       value  lower  upper
    measure
    calibration_slope   1.06   0.91   1.15
    top_1               0.95   0.90   0.98
    """
    model = as_model(model)
    levels = _check_options(model, against, subgroups, thresholds, bins, resamples)
    known = cohort if isinstance(cohort, Cohort) else read_cohort(model, cohort, mapping, weight=weight, ignore=ignore)
    labelled = _labelled(model, known)
    forecasts = forecast(model, labelled)
    other = forecast(against, labelled) if against is not None else None
    draws = _resampled(labelled.weights, resamples, seed)
    here = measure(forecasts, labelled.weights, bins)
    drawn = measures(forecasts, draws, bins, progress)
    comparison = pd.DataFrame()
    if other is not None:
        there = measure(other, labelled.weights, bins)
        differences = {name: drawn[name] - values for name, values in measures(other, draws, bins).items()}
        comparison = _tabulated({name: here[name] - there[name] for name in MEASURES}, differences, "difference")
    return Evaluation(
        model,
        labelled,
        forecasts,
        _tabulated(here, drawn, "value"),
        _causes(forecasts),
        calibration_curve(forecasts, bins),
        _decisions(forecasts, levels),
        _subgroups(model, labelled, forecasts, subgroups, bins),
        comparison,
        bins,
        tuple(said for each in (model, against) if each is not None for said in _learned_from(each, known)),
    )


def _learned_from(model: Model, cohort: Cohort) -> list[str]:
    learned = [source.source for source in model.sources if source.source.startswith(COHORT)]
    if not learned or cohort.source not in learned:
        return []
    return [
        f"{model.name} {model.version} has learned from these very patients (source {cohort.source}), which flatters "
        "it: judge it on patients that it has not seen."
    ]


def _check_options(
    model: Model,
    against: Model | None,
    subgroups: Iterable[str],
    thresholds: Iterable[float],
    bins: int,
    resamples: int,
) -> Array:
    if against is not None and against.causes != model.causes:
        raise LearningError(f"against: {against.name} {against.version} has other causes than {model.name}.")
    for name in subgroups:
        if name not in model.by_name:
            raise LearningError(f"subgroups: {name!r} is not a variable{nearest_hint(name, model.by_name)}.")
    if bins < 2:
        raise LearningError(f"bins: {bins}; expected at least 2.")
    if resamples < 0:
        raise LearningError(f"resamples: {resamples}; expected at least 0.")
    levels = np.array(list(thresholds), dtype=np.float64)
    if not ((levels > 0) & (levels < 1)).all():
        raise LearningError(f"thresholds: {levels.tolist()}; expected numbers above 0 and below 1.")
    return levels


def _labelled(model: Model, cohort: Cohort) -> Cohort:
    absent = [name for name in rivals(model) if name not in cohort.frame]
    if absent:
        raise LearningError(
            f"{cohort.name} has no column for {', '.join(absent)}: evaluation needs every cause of {model.name}."
        )
    known = cohort.frame[list(rivals(model))].notna().all(axis=1).to_numpy() & (cohort.weights > 0)
    if not known.any():
        raise LearningError(f"{cohort.name}: no row in which every cause is known; evaluation needs labelled patients.")
    return cohort.take(known)


def _resampled(weights: Array, resamples: int, seed: int) -> Array:
    n = len(weights)
    return np.asarray(np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=resamples) * weights)


def _tabulated(here: dict[str, float], drawn: dict[str, Array], column: str) -> pd.DataFrame:
    rows = []
    for name in MEASURES:
        values = drawn.get(name, np.zeros(0))
        values = values[~np.isnan(values)]
        ends = np.quantile(values, (0.025, 0.975)).tolist() if len(values) else [float("nan")] * 2
        if not np.isnan(here[name]):
            rows.append([name, here[name], *ends])
    return pd.DataFrame(rows, columns=["measure", column, "lower", "upper"])


def _causes(forecasts: Forecasts) -> pd.DataFrame:
    from sklearn.metrics import average_precision_score

    rows = []
    for column, name in enumerate(forecasts.names):
        p, y, weights = forecasts.p[:, column], forecasts.y[:, column], forecasts.weights
        both = 0 < float(y @ weights) < float(weights.sum())
        precision = float(average_precision_score(y, p, sample_weight=weights)) if both else float("nan")
        share, mean = float(weighted_mean(y, weights)), float(weighted_mean(p, weights))
        intercept = float(calibration_line(p, y, weights)[0])
        rows.append([name, float(y @ weights), mean, share, float(auc(p, y, weights)), precision, intercept])
    columns = ["cause", "patients", "mean_posterior", "observed", "auc", "average_precision", "calibration_intercept"]
    return pd.DataFrame(rows, columns=columns)


def _decisions(forecasts: Forecasts, thresholds: Array) -> pd.DataFrame:
    parts = []
    for column, name in enumerate(forecasts.names):
        p, y, weights = forecasts.p[:, column], forecasts.y[:, column], forecasts.weights
        reached = p >= thresholds[:, None]
        parts.append(
            pd.DataFrame(
                {
                    "cause": name,
                    "threshold": thresholds,
                    "model": net_benefit(p, y, weights, thresholds),
                    "treat_all": net_benefit(np.ones_like(p), y, weights, thresholds),
                    "treat_none": 0.0,
                    "recall": ratio(reached @ (weights * y), np.full(len(thresholds), weights @ y)),
                    "flagged": reached @ weights / weights.sum(),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _subgroups(model: Model, cohort: Cohort, forecasts: Forecasts, variables: Iterable[str], bins: int) -> pd.DataFrame:
    rows = []
    for name in variables:
        for state in (*model.by_name[name].states, None):
            cells = cohort.frame[name] if name in cohort.frame else pd.Series(None, index=cohort.frame.index)
            chosen = (cells.isna() if state is None else cells == state).to_numpy(dtype=bool)
            if chosen.any():
                part = forecasts.take(chosen)
                said = measure(part, part.weights, bins)
                if forecasts.exclusive:
                    del said["calibration_intercept"]
                rows.append({"variable": name, "state": state or "not observed", "rows": int(chosen.sum()), **said})
    return pd.DataFrame(rows)
