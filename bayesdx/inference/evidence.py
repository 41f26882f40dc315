"""Evidence of many cases: codes of states, and likelihoods over states."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from bayesdx.errors import FindingsError, did_you_mean
from bayesdx.network import Network

Array = NDArray[np.float64]
Codes = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Evidence:
    """What was observed of a batch of cases.

    Parameters
    ----------
    codes : array_like of int, shape (n_cases, n_variables)
        State of each variable in the order of ``network.names``; -1 is "not observed" (never "absent").
    likelihoods : mapping of variable name to array_like, shape (n_cases, n_states), at least 0
        Factors multiplied in: P(what was seen | state), up to a constant. A set of possible states is a row of 0 and
        1; a row of ones says nothing. A variable may have both a code and a likelihood.

    Raises
    ------
    FindingsError
        Codes are not whole numbers in two dimensions, or a likelihood is negative, not finite or of the wrong length.

    Examples
    --------
    >>> evidence = Evidence([[0, -1], [1, 1]], {"fever": [[1.0, 1.0], [0.2, 0.8]]})
    >>> len(evidence)
    2
    """

    codes: Codes
    likelihoods: Mapping[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        codes = np.asarray(self.codes)
        if codes.ndim != 2 or (codes.dtype.kind not in "iu" and codes.size):
            raise FindingsError(
                f"evidence: codes of shape {codes.shape} and type {codes.dtype}; "
                "expected whole numbers of shape (n_cases, n_variables)."
            )
        likelihoods = {name: _likelihood(name, values, len(codes)) for name, values in self.likelihoods.items()}
        object.__setattr__(self, "codes", _read_only(codes.astype(np.int32)))
        object.__setattr__(self, "likelihoods", MappingProxyType(likelihoods))

    def __len__(self) -> int:
        return int(self.codes.shape[0])

    def take(self, cases: NDArray[np.integer] | Sequence[int]) -> Evidence:
        """Some of the cases, by position.

        Examples
        --------
        >>> Evidence([[0, -1], [1, 1]]).take([1]).codes.tolist()
        [[1, 1]]
        """
        chosen = np.asarray(cases, dtype=np.intp)
        return Evidence(self.codes[chosen], {name: v[chosen] for name, v in self.likelihoods.items()})

    def scaled(self) -> tuple[Evidence, Array | float]:
        """Every likelihood vector times the power of 2 that brings its largest value between a half and 1.

        Returns
        -------
        Evidence
        ndarray, shape (n_cases,), or 0
            What to add to log evidence for that; 0 where there are no likelihoods.
        """
        if not self.likelihoods:
            return self, 0.0
        shift = np.zeros(len(self))
        likelihoods = {}
        for name, values in self.likelihoods.items():
            _, power = np.frexp(values.max(axis=1, initial=0.0))
            likelihoods[name] = np.ldexp(values, -power[:, None])
            shift += power * math.log(2)
        return Evidence(self.codes, likelihoods), shift


def _read_only(array: Codes) -> Codes:
    array.setflags(write=False)
    return array


def _likelihood(name: str, values: object, n_cases: int) -> Array:
    array = np.array(values, dtype=np.float64)
    if array.ndim != 2 or len(array) != n_cases:
        raise FindingsError(f"evidence: likelihood of {name} has shape {array.shape}; expected ({n_cases}, n_states).")
    if not np.isfinite(array).all() or (array < 0).any():
        raise FindingsError(f"evidence: likelihood of {name} has a value below 0 or not finite.")
    array.setflags(write=False)
    return array


def certain_where_seen(marginal: Array, codes: Codes) -> Array:
    """The marginal of a variable, shape (n_cases, n_states), made certain in place in the cases that observed it."""
    seen = (codes >= 0).nonzero()[0]
    if seen.size:
        marginal[seen] = 0.0
        marginal[seen, codes[seen]] = 1.0
    return marginal


def check_evidence(evidence: Evidence, network: Network) -> None:
    """Raise a FindingsError that names the first code or likelihood that does not fit ``network``."""
    if evidence.codes.shape[1] != len(network):
        raise FindingsError(
            f"evidence: codes have {evidence.codes.shape[1]} columns; the network has {len(network)} variables."
        )
    wrong = (evidence.codes < -1) | (evidence.codes >= network.state_counts)
    if wrong.any():
        row, column = (int(place) for place in np.argwhere(wrong)[0])
        raise FindingsError(
            f"evidence: row {row}, {network.names[column]} = {evidence.codes[row, column]}; "
            f"its codes are 0 to {network.cardinalities[column] - 1}, or -1 for not observed."
        )
    for name, values in evidence.likelihoods.items():
        if name not in network.index:
            raise FindingsError(f"evidence: {name!r} is not a variable.{did_you_mean(name, network.names)}")
        expected = network.cardinalities[network.index[name]]
        if values.shape[1] != expected:
            raise FindingsError(
                f"evidence: likelihood of {name} has {values.shape[1]} columns; it has {expected} states."
            )
