"""Public diagnostic datasets: fit, calibrate and evaluate with the fixed folds, beside standard classifiers.

``python -m benchmarks.datasets [NAME ...]`` reads the data in place, from the folder that BAYESDX_DATA names or from
``../shared/data`` beside the repository, and prints one table. Test folds are pooled and scored once; probabilities are
floored at 1e-6, ECE is of the first class in 10 bins of equal width.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import bayesdx as dx
from bayesdx.evaluation.performance import Forecasts, measure

Array = NDArray[np.float64]

DATASETS = ("dermatology", "vertebral_column", "hypothyroid", "acute_inflammations")
LABEL = "diagnosis"
NOT_FINDINGS = ("row", "fold", "bladder_inflammation", "nephritis")
COLUMNS = ("accuracy", "top-3", "log loss", "Brier", "ECE")


def data_folder() -> Path | None:
    """Where the datasets lie; None where they are absent."""
    given = os.environ.get("BAYESDX_DATA")
    folder = Path(given) if given else Path(__file__).resolve().parents[2] / "shared" / "data"
    return folder if folder.is_dir() else None


def read(name: str) -> tuple[pd.DataFrame, NDArray[np.str_], NDArray[np.intp]]:
    """Findings, labels and folds of a dataset."""
    folder = data_folder()
    if folder is None:
        raise SystemExit("no data: set BAYESDX_DATA, or put the datasets into ../shared/data beside the repository.")
    frame = pd.read_csv(folder / name / "data.csv")
    findings = frame.drop(columns=[LABEL, *(column for column in NOT_FINDINGS if column in frame)])
    return findings, frame[LABEL].to_numpy(dtype=str), frame["fold"].to_numpy()


Learner = Callable[[pd.DataFrame, NDArray[np.str_], pd.DataFrame, list[str]], Array]


def bayesdx_fit(structure: str, missing: str) -> Learner:
    """A bayesdx model fitted to the training folds."""

    def learn(train: pd.DataFrame, labels: NDArray[np.str_], test: pd.DataFrame, classes: list[str]) -> Array:
        fit = dx.fit_model(train.assign(**{LABEL: labels}), LABEL, structure=structure, missing=missing)
        return fit.posteriors(test).reindex(columns=classes, fill_value=0.0).to_numpy()

    return learn


def peers() -> dict[str, Learner]:
    """Categorical naive Bayes, logistic regression and gradient boosting, as BASELINES.md describes them."""
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import CategoricalNB
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

    def is_number(column: pd.Series) -> bool:
        return bool(pd.api.types.is_numeric_dtype(column) and column.nunique() > 12)

    def binned(train: pd.DataFrame, test: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        parts = []
        edges = {c: np.unique(train[c].quantile([0.2, 0.4, 0.6, 0.8])) for c in train if is_number(train[c])}
        for frame in (train, test):
            cells = {
                c: np.where(frame[c].isna(), "missing", np.searchsorted(edges[c], frame[c]).astype(str))
                if c in edges
                else frame[c].astype(object).where(frame[c].notna(), "missing").astype(str)
                for c in frame
            }
            parts.append(pd.DataFrame(cells))
        return parts[0], parts[1]

    def finish(model: object, x: object, y: object, test: object, classes: list[str]) -> Array:
        model.fit(x, y)  # type: ignore[attr-defined]
        found = pd.DataFrame(model.predict_proba(test), columns=model.classes_)  # type: ignore[attr-defined]
        return found.reindex(columns=classes, fill_value=0.0).to_numpy()

    def naive(train: pd.DataFrame, labels: NDArray[np.str_], test: pd.DataFrame, classes: list[str]) -> Array:
        a, b = binned(train, test)
        encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1).fit(a)
        x, z = encoder.transform(a) + 1, encoder.transform(b) + 1
        counts = [len(levels) + 1 for levels in encoder.categories_]
        return finish(CategoricalNB(min_categories=counts), x, labels, z, classes)

    def logistic(train: pd.DataFrame, labels: NDArray[np.str_], test: pd.DataFrame, classes: list[str]) -> Array:
        numbers = [c for c in train if is_number(train[c])]
        others = [c for c in train if c not in numbers]
        scale = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
        columns = make_column_transformer((scale, numbers), (OneHotEncoder(handle_unknown="ignore"), others))
        return finish(make_pipeline(columns, LogisticRegression(max_iter=2000)), train, labels, test, classes)

    def boosting(train: pd.DataFrame, labels: NDArray[np.str_], test: pd.DataFrame, classes: list[str]) -> Array:
        texts = [c for c in train if not pd.api.types.is_numeric_dtype(train[c])]
        encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1).fit(train[texts])
        a, b = train.copy(), test.copy()
        if texts:
            a[texts], b[texts] = encoder.transform(train[texts]), encoder.transform(test[texts])
        leaf = 5 if len(train) < 400 else 20
        model = HistGradientBoostingClassifier(
            max_iter=100, l2_regularization=1.0, min_samples_leaf=leaf, random_state=0, early_stopping=False
        )
        return finish(model, a.astype(float), labels, b.astype(float), classes)

    return {"CategoricalNB": naive, "logistic": logistic, "boosting": boosting}


def learners() -> dict[str, Learner]:
    """Everything that is compared."""
    return {
        "bayesdx naive, missing ignored": bayesdx_fit("naive", "ignore"),
        "bayesdx naive, missing a state": bayesdx_fit("naive", "state"),
        "bayesdx tree, missing ignored": bayesdx_fit("tree", "ignore"),
        "bayesdx tree, missing a state": bayesdx_fit("tree", "state"),
        **peers(),
    }


def cross_validated(name: str, learn: Learner) -> Forecasts:
    """Pooled forecasts of the five test folds."""
    findings, labels, folds = read(name)
    classes = sorted(set(labels))
    p = np.zeros((len(labels), len(classes)))
    for fold in np.unique(folds):
        train, test = folds != fold, folds == fold
        p[test] = learn(findings[train], labels[train], findings[test], classes)
    p = np.maximum(p, 1e-6)
    y = (labels[:, None] == np.array(classes)).astype(float)
    return Forecasts(tuple(classes), True, p / p.sum(axis=1, keepdims=True), y, np.ones(len(labels)))


def main(names: list[str]) -> int:
    """Print the table; returns the exit code."""
    print(f"{'data set':20} {'model':32} " + " ".join(f"{column:>9}" for column in COLUMNS))
    for name in names or DATASETS:
        for label, learn in learners().items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                forecasts = cross_validated(name, learn)
            found = measure(forecasts, forecasts.weights, 10)
            values = [found[key] for key in ("top_1", "top_3", "log_score", "brier_score", "calibration_error")]
            print(f"{name:20} {label:32} " + " ".join(f"{value:9.3f}" for value in values), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
