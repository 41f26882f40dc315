"""The scikit-learn interface: its own checks, cross-validation, missing values."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import check_estimator

import bayesdx as dx

IN_ONE_FOLD = "a row is in one fold, however much it weighs; copies of it, too few here to be told, are in several"
CANNOT_APPLY = {"check_sample_weight_equivalence_on_dense_data": IN_ONE_FOLD}


@pytest.mark.parametrize("chosen", [True, False])
def test_scikit_learns_own_checks(chosen: bool) -> None:
    """All of them where nothing is chosen; where cross-validation chooses, but those listed with their reason."""
    classifier = dx.BayesDxClassifier() if chosen else dx.BayesDxClassifier("tree", "ignore", 1, 1)
    check_estimator(classifier, expected_failed_checks=CANNOT_APPLY if chosen else {}, on_skip=None, on_fail="raise")


@pytest.mark.parametrize("structure", ["auto", "naive", "tree"])
def test_cross_validation_on_a_real_dataset(structure: str) -> None:
    """Breast cancer, 5 folds: accuracy above 0.93, with a tenth of the cells missing too."""
    X, y = load_breast_cancer(return_X_y=True)
    assert cross_val_score(dx.BayesDxClassifier(structure), X, y, cv=5).mean() > 0.93
    if structure == "naive":
        X[np.random.default_rng(0).random(X.shape) < 0.1] = np.nan
        assert cross_val_score(dx.BayesDxClassifier(structure), X, y, cv=5).mean() > 0.92


def test_nothing_observed_gives_the_class_shares() -> None:
    """A row of missing cells has the prior as its posterior."""
    X, y = np.array([[0.0], [1.0], [1.0], [0.0], [1.0]] * 4), np.array([0, 1, 1, 0, 0] * 4)
    found = dx.BayesDxClassifier().fit(X, y).predict_proba([[np.nan]])
    assert found == pytest.approx(np.array([[0.6, 0.4]]))


def test_the_core_does_not_import_scikit_learn() -> None:
    """``import bayesdx`` imports neither scikit-learn, pgmpy nor scipy.stats."""
    code = "import sys, bayesdx; print([m for m in ('sklearn', 'pgmpy', 'scipy.stats') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_names_of_features_are_kept_and_weights_count() -> None:
    """A frame's columns are the variables of the model; rows of weight 0 are not there."""
    frame = load_breast_cancer(as_frame=True)
    X, y = frame.data[["mean radius", "mean texture", "worst area"]], frame.target
    fitted = dx.BayesDxClassifier().fit(X, y)
    assert fitted.model_.findings == ("mean_radius", "mean_texture", "worst_area")
    kept = np.arange(len(y)) % 2
    halved = dx.BayesDxClassifier().fit(X, y, sample_weight=kept)
    alone = dx.BayesDxClassifier().fit(X[kept == 1], y[kept == 1])
    assert halved.predict_proba(X) == pytest.approx(alone.predict_proba(X), abs=1e-9)


def test_its_probabilities_can_be_believed() -> None:
    """Breast cancer, 5 folds: a low log loss and a calibration slope near 1, where plain naive Bayes has neither."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss
    from sklearn.model_selection import cross_val_predict

    X, y = load_breast_cancer(return_X_y=True)
    loss, slope = [], []
    for classifier in (dx.BayesDxClassifier(), dx.BayesDxClassifier("naive", temperature=1)):
        p = cross_val_predict(classifier, X, y, cv=5, method="predict_proba")[:, 1].clip(1e-9, 1 - 1e-9)
        loss.append(log_loss(y, p))
        line = LogisticRegression(C=1e6).fit(np.log(p / (1 - p))[:, None], y)
        slope.append(float(line.coef_[0, 0]))
    assert loss[0] < 0.2 < loss[1] and 0.7 < slope[0] < 1.35


def test_columns_of_arrow_are_columns_of_numpy() -> None:
    """Text, numbers, truth values and missing cells of a frame that pyarrow holds, in training and in use."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=80).round(2)
    frame = pd.DataFrame({"s": np.where(x > 0.3, "f", "m"), "x": x, "n": rng.integers(0, 9, 80), "b": x > -0.5})
    frame.loc[::7, "x"] = np.nan
    frame["s"] = frame["s"].mask(rng.random(80) < 0.1)
    labels = np.where(x + rng.normal(size=80) > 0, "ill", "well")
    other = frame.convert_dtypes(dtype_backend="pyarrow")
    one, two = (dx.BayesDxClassifier().fit(table, labels) for table in (frame, other))
    assert one.model_ == two.model_ and list(two.feature_names_in_) == ["s", "x", "n", "b"]
    np.testing.assert_array_equal(one.predict_proba(frame), two.predict_proba(other))


def test_rows_of_one_patient_are_told_to_it() -> None:
    """``groups`` of ``fit`` are those of ``fit_model``, without the rows of weight 0; one for each row."""
    rng = np.random.default_rng(0)
    X, y, groups = np.repeat(rng.integers(0, 4, (40, 6)), 4, axis=0), np.arange(160) // 4 % 2, np.arange(160) // 4
    weights = np.where(np.arange(160) < 8, 0.0, 1.0)
    frame = pd.DataFrame(X[8:], columns=[f"x{place}" for place in range(6)]).assign(c=[f"c{label}" for label in y[8:]])
    fit = dx.fit_model(frame, "c", groups=groups[8:])
    found = dx.BayesDxClassifier().fit(X, y, weights, groups)
    assert_allclose(found.predict_proba(X), fit.posteriors(pd.DataFrame(X).add_prefix("x"))[["c0", "c1"]])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        dx.BayesDxClassifier().fit(X, y, groups=groups[:3])
