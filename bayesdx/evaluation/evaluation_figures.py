"""Figures of an evaluation: calibration, ROC, precision and recall, decision curve; also as SVG for a page."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
import pandas as pd

from bayesdx.display.figures import Curve, as_svg, curves
from bayesdx.errors import LearningError, nearest_hint
from bayesdx.evaluation.forecasts import Forecasts, calibration_curve
from bayesdx.evaluation.measures import auc

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Kind = Literal["calibration", "roc", "precision_recall", "decision"]
KINDS: tuple[Kind, ...] = ("calibration", "roc", "precision_recall", "decision")

MOST_CAUSES = 6
"""Causes drawn in one figure: those that most patients have."""

MOST_DECISIONS = 4
"""Decision curves on a page."""

LEAST_SHOWN = 0.35
"""How far below 0 treating all is drawn, as a share of the highest net benefit."""


class Drawn(Protocol):
    """What the figures need of an evaluation."""

    @property
    def forecasts(self) -> Forecasts:
        """The forecast for each patient, and the truth."""

    @property
    def causes(self) -> pd.DataFrame:
        """A row per cause, as ``Evaluation.causes``."""

    @property
    def curve(self) -> pd.DataFrame:
        """Calibration of all causes together, as ``Evaluation.curve``."""

    @property
    def decisions(self) -> pd.DataFrame:
        """A row per cause and threshold, as ``Evaluation.decisions``."""

    @property
    def bins(self) -> int:
        """Bins of the calibration curve."""

    def title(self) -> str:
        """The model and the patients."""


def draw(evaluation: Drawn, kind: str, cause: str | None, ax: Axes | None) -> Axes:
    """One figure.

    Raises
    ------
    LearningError
        Unknown kind or cause.
    MissingExtraError
        matplotlib is not installed.
    """
    if kind not in KINDS:
        raise LearningError(f"plot: {kind!r}; the figures are {', '.join(KINDS)}.")
    names = evaluation.forecasts.names
    if cause is not None and cause not in names:
        raise LearningError(f"plot: {cause!r} is not a cause{nearest_hint(cause, names)}.")
    if kind == "calibration":
        return _calibration(evaluation, cause, ax)
    if kind == "decision":
        return _decision(evaluation, cause or _decisive(evaluation)[0], ax)
    return _ranking(evaluation, kind, [cause] if cause else _frequent(evaluation), ax)


def svgs(evaluation: Drawn) -> list[tuple[str, str]]:
    """Caption and SVG of every figure; none where matplotlib is not installed."""
    drawings: list[tuple[str, str, str | None]] = [("Calibration: observed share by forecast", "calibration", None)]
    if _frequent(evaluation):
        drawings.append(("ROC: how well each cause is told from the others", "roc", None))
        drawings.append(("Precision and recall", "precision_recall", None))
    drawings += [(f"Decision curve: {name}", "decision", name) for name in _decisive(evaluation)[:MOST_DECISIONS]]
    made = []
    for caption, kind, cause in drawings:
        svg = as_svg(partial(_untitled, evaluation, kind, cause), caption)
        if svg is not None:
            made.append((caption, svg))
    return made


def _untitled(evaluation: Drawn, kind: str, cause: str | None, ax: Axes) -> None:
    draw(evaluation, kind, cause, ax).set_title("", loc="left")  # the page has a caption


def _frequent(evaluation: Drawn) -> list[str]:
    """The causes that some patients have and others do not, most frequent first."""
    causes = evaluation.causes[evaluation.causes["auc"].notna()]
    return [str(name) for name in causes.sort_values("patients", ascending=False)["cause"].head(MOST_CAUSES)]


def _decisive(evaluation: Drawn) -> list[str]:
    """Causes that must not be missed, then the most frequent ones."""
    forecasts = evaluation.forecasts
    critical = [forecasts.names[place] for place in forecasts.critical if forecasts.y[:, place].any()]
    names = [*critical, *(name for name in _frequent(evaluation) if name not in critical)]
    return names or list(forecasts.names[:1])


def _calibration(evaluation: Drawn, cause: str | None, ax: Axes | None) -> Axes:
    curve = evaluation.curve
    if cause is not None:
        curve = calibration_curve(evaluation.forecasts.of(cause), evaluation.bins)
    line = Curve(
        f"{evaluation.bins} bins of equal width, area by patients",
        curve["forecast"].to_numpy(),
        curve["observed"].to_numpy(),
        curve["lower"].to_numpy(),
        curve["upper"].to_numpy(),
        curve["patients"].to_numpy(),
    )
    return curves(
        [line],
        xlabel="forecast probability",
        ylabel="observed share, 95 % interval",
        title=f"Calibration{f', {cause}' if cause else ''}: {evaluation.title()}",
        diagonal="perfect",
        ax=ax,
    )


def _ranking(evaluation: Drawn, kind: str, causes: Sequence[str], ax: Axes | None) -> Axes:
    from sklearn.metrics import precision_recall_curve, roc_curve

    forecasts, lines = evaluation.forecasts, []
    for name in causes:
        column = forecasts.names.index(name)
        p, y, weights = forecasts.p[:, column], forecasts.y[:, column], forecasts.weights
        if not 0 < float(y @ weights) < float(weights.sum()):
            raise LearningError(f"plot: all patients or none have {name}; it needs both.")
        if kind == "roc":
            x, height, _ = roc_curve(y, p, sample_weight=weights)
            lines.append(Curve(f"{name} ({auc(p, y, weights):.2f})", x, height))
        else:
            precision, recall, _ = precision_recall_curve(y, p, sample_weight=weights)
            share = evaluation.causes.set_index("cause")["average_precision"][name]
            lines.append(Curve(f"{name} ({share:.2f})", recall, precision, steps=True))
    roc = kind == "roc"
    return curves(
        lines,
        xlabel="false-positive rate" if roc else "recall (sensitivity)",
        ylabel="sensitivity" if roc else "precision (predictive value)",
        title=f"{'ROC' if roc else 'Precision and recall'}: {evaluation.title()}",
        diagonal="no information" if roc else None,
        ax=ax,
    )


def _decision(evaluation: Drawn, cause: str, ax: Axes | None) -> Axes:
    rows = evaluation.decisions[evaluation.decisions["cause"] == cause]
    t = rows["threshold"].to_numpy()
    order = np.argsort(t)
    named = (("model", "model"), ("treat all", "treat_all"), ("treat none", "treat_none"))
    lines = [Curve(label, t[order], rows[column].to_numpy()[order]) for label, column in named]
    most = max(float(rows["model"].max()), float(rows["treat_all"].max()), 1e-4)
    # The line of treating all falls steeply: it leaves the figure, so that the model's stays legible.
    least = min(0.0, float(rows["model"].min()), max(float(rows["treat_all"].min()), -LEAST_SHOWN * most))
    return curves(
        lines,
        xlabel="threshold probability",
        ylabel="net benefit per patient",
        title=f"Decision curve, {cause}: {evaluation.title()}",
        limits=(least - 0.05 * (most - least), 1.1 * most),
        ax=ax,
    )
