"""A fitted model as a scikit-learn classifier: for cross-validation, pipelines and comparisons."""

from __future__ import annotations

import re
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_consistent_length
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from bayesdx.errors import LearningError
from bayesdx.learning.fitting import fit_model

CLASS = "class"


class BayesDxClassifier(ClassifierMixin, BaseEstimator):
    """Bayesian network classifier with exact posteriors; missing values are allowed in training and in use.

    Parameters
    ----------
    structure : {"auto", "naive", "tree"}
    missing : {"auto", "ignore", "state"}
    temperature : "auto", or float above 0
    smoothing : "auto", or float above 0
        As ``fit_model`` takes them: "auto" is what has the least cross-validated log loss.

    Attributes
    ----------
    classes_ : ndarray of the labels, sorted
    model_ : Model
        An ordinary model: save it, diagnose with it, explain it.
    n_features_in_ : int

    References
    ----------
    N. Friedman, D. Geiger, M. Goldszmidt (1997), "Bayesian network classifiers", Machine Learning 29.

    Examples
    --------
    >>> from bayesdx import BayesDxClassifier
    >>> X, y = [["yes"], ["no"], ["yes"], ["no"]] * 5, [1, 0, 1, 0] * 5
    >>> BayesDxClassifier().fit(X, y).predict_proba([["yes"]]).round(2)
    array([[0.08, 0.92]])
    """

    def __init__(
        self,
        structure: Literal["auto", "naive", "tree"] = "auto",
        missing: Literal["auto", "ignore", "state"] = "auto",
        temperature: float | Literal["auto"] = "auto",
        smoothing: float | Literal["auto"] = "auto",
    ) -> None:
        self.structure = structure
        self.missing = missing
        self.temperature = temperature
        self.smoothing = smoothing

    def __sklearn_tags__(self) -> Any:
        """What the estimator takes: missing values and text."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Self:
        """Fit the network to findings (n_patients, n_findings) and labels (n_patients,).

        Parameters
        ----------
        X : array_like or DataFrame, shape (n_patients, n_findings)
            Text or numbers; a missing cell is "not observed".
        y : array_like, shape (n_patients,)
            Labels of two or more classes.
        sample_weight : array_like, shape (n_patients,), at least 0, optional
            How many patients a row stands for.
        groups : array_like, shape (n_patients,), optional
            Whose each row is, as ``fit_model`` takes it.

        Returns
        -------
        BayesDxClassifier
            Itself.

        Raises
        ------
        LearningError
            One class only, or no finding that varies.

        Examples
        --------
        >>> from bayesdx import BayesDxClassifier
        >>> BayesDxClassifier().fit([["yes"], ["no"]] * 10, ["ill", "well"] * 10).classes_.tolist()
        ['ill', 'well']
        """
        cells, labels = validate_data(self, _in_numpy(X), y, dtype=None, ensure_all_finite="allow-nan")
        check_classification_targets(labels)
        weights = _check_sample_weight(sample_weight, cells, dtype=np.float64, ensure_non_negative=True)
        if groups is not None:
            check_consistent_length(cells, groups)
            groups = np.asarray(groups)[weights > 0]
        cells, labels, weights = cells[weights > 0], labels[weights > 0], weights[weights > 0]
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise LearningError(f"y has one class only, {self.classes_[0]!r}; expected at least two classes.")
        frame = self._frame(cells)
        if all(frame[column].nunique() < 2 for column in frame):
            raise LearningError("X: every finding is constant; expected one that varies.")
        taken = set(frame.columns)
        self.class_ = next(name for name in (CLASS, "diagnosis", f"{CLASS}_") if name not in taken)
        weight = next(name for name in ("weight", "patients", "weight_") if name not in taken)
        frame = frame.assign(**{self.class_: [f"c{code}" for code in codes], weight: weights})
        self.fit_ = fit_model(
            frame,
            self.class_,
            findings=[column for column in frame.columns if column not in (self.class_, weight)],
            structure=self.structure,
            missing=self.missing,
            temperature=self.temperature,
            smoothing=self.smoothing,
            weight=weight,
            groups=groups,
        )
        self.model_ = self.fit_.model
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """P(class | findings), shape (n_patients, n_classes), in the order of ``classes_``.

        Parameters
        ----------
        X : array_like or DataFrame, shape (n_patients, n_findings)
            Columns as in ``fit``; a missing cell, or a code that was not seen there, is "not observed".

        Returns
        -------
        ndarray in [0, 1], shape (n_patients, n_classes)
            Columns in the order of ``classes_``; rows sum to 1.

        Examples
        --------
        >>> from bayesdx import BayesDxClassifier
        >>> classifier = BayesDxClassifier().fit([["yes"], ["no"]] * 10, ["ill", "well"] * 10)
        >>> classifier.predict_proba([["yes"], [None]]).round(2)
        array([[0.92, 0.08],
               [0.5 , 0.5 ]])
        """
        check_is_fitted(self)
        cells = validate_data(self, _in_numpy(X), dtype=None, ensure_all_finite="allow-nan", reset=False)
        columns = [f"c{code}" for code in range(len(self.classes_))]
        return self.fit_.posteriors(self._frame(cells))[columns].to_numpy(dtype=float)

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable class of each patient.

        Parameters
        ----------
        X : array_like or DataFrame, shape (n_patients, n_findings)
            As ``predict_proba`` takes it.

        Returns
        -------
        ndarray, shape (n_patients,)
            Labels of ``classes_``; the first of those that are equally probable.

        Examples
        --------
        >>> from bayesdx import BayesDxClassifier
        >>> BayesDxClassifier().fit([["yes"], ["no"]] * 10, ["ill", "well"] * 10).predict([["yes"], ["no"]]).tolist()
        ['ill', 'well']
        """
        found = self.predict_proba(X)
        return np.asarray(self.classes_[found.argmax(axis=1)])

    def _frame(self, cells: NDArray[Any]) -> pd.DataFrame:
        """The findings under the names that they were fitted with, where these can be kept."""
        names = [str(name) for name in getattr(self, "feature_names_in_", ())]
        usable = len({re.sub(r"[^A-Za-z0-9]", "_", name).casefold() for name in names}) == len(names) > 0
        columns = names if usable else [f"x{place}" for place in range(cells.shape[1])]
        return pd.DataFrame(cells, columns=columns).infer_objects()


def _in_numpy(table: Any) -> Any:
    """A frame whose columns are Arrow's with numpy's instead, since scikit-learn would make numbers of all of them."""
    if not isinstance(table, pd.DataFrame):
        return table
    arrow = [column for column in range(table.shape[1]) if isinstance(table.dtypes.iloc[column], pd.ArrowDtype)]
    columns = [table.iloc[:, place] for place in range(table.shape[1])]
    for place in arrow:
        cells = columns[place]
        plain = cells.astype(object).where(cells.notna(), np.nan)
        columns[place] = plain.infer_objects()
    return pd.concat(columns, axis=1) if arrow else table
