"""The scikit-learn interface: its own checks, cross-validation, missing values."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import check_estimator

import bayesdx as dx

CANNOT_APPLY: dict[str, str] = {}


def test_scikit_learns_own_checks() -> None:
    """All of them, but those that are listed with their reason."""
    check_estimator(dx.BayesDxClassifier(), expected_failed_checks=CANNOT_APPLY, on_skip=None)


@pytest.mark.parametrize("structure", ["naive", "tree"])
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
