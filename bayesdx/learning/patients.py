"""Patients as codes, equal ones once, each with its weight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesdx.evaluation.dataset import Cohort
from bayesdx.inference import Engine, Evidence
from bayesdx.network import Network

Array = NDArray[np.float64]
Codes = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Patients:
    """Rows that differ, and how many patients each stands for.

    Parameters
    ----------
    codes : ndarray of int, shape (n_rows, n_variables)
        In the order of the network's variables; -1 is "not observed".
    weights : ndarray, shape (n_rows,), above 0
    """

    codes: Codes
    weights: Array

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def total(self) -> float:
        """Number of patients."""
        return float(self.weights.sum())

    def evidence(self, rows: slice | NDArray[np.intp] = slice(None)) -> Evidence:
        """The rows as evidence for the engine."""
        return Evidence(self.codes[rows])

    def hide(self, columns: NDArray[np.intp]) -> Patients:
        """The same patients with some variables not observed."""
        codes = self.codes.copy()
        codes[:, columns] = -1
        return distinct(codes, self.weights)


def distinct(codes: Codes, weights: Array) -> Patients:
    """Equal rows put together; rows of weight 0 left out.

    Examples
    --------
    >>> distinct(np.array([[0, 1], [0, 1], [1, -1]], dtype=np.int32), np.ones(3)).weights.tolist()
    [2.0, 1.0]
    """
    kept = weights > 0
    rows, inverse = np.unique(codes[kept], axis=0, return_inverse=True)
    counted = np.bincount(inverse.reshape(-1), weights=weights[kept], minlength=len(rows))
    return Patients(rows, counted.astype(np.float64))


def patients_of(network: Network, cohort: Cohort) -> Patients:
    """The patients of a cohort in the codes of a network."""
    return distinct(Engine(network).encode(cohort.frame).codes, cohort.weights)
