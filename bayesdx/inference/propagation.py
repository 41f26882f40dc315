"""What one propagation returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GateFamily:
    """Posterior of the grades that the parts of one noisy gate draw; the expected counts of EM.

    Parameters
    ----------
    leak : ndarray, shape (n_cases, n_states)
        P(the leak draws grade g | evidence).
    links : tuple of ndarray, each of shape (n_cases, n_parent_states, n_states)
        Per parent, P(parent in state s and its own link draws grade g | evidence).

    Examples
    --------
    >>> from bayesdx.inference import Engine, Evidence
    >>> from bayesdx.network import Network, Node, NoisyMax, Table
    >>> rain = Node("rain", ("no", "yes"), (), Table([0.8, 0.2]))
    >>> wet = Node("wet", ("no", "yes"), ("rain",), NoisyMax([0.9, 0.1], ([[1, 0], [0.1, 0.9]],)))
    >>> engine = Engine(Network([rain, wet]), kernel="numpy")
    >>> family = engine.propagate(Evidence([[-1, 1]]), families=["wet"]).families["wet"]
    >>> family.leak.round(3)
    array([[0.618, 0.382]])
    >>> family.links[0][0].round(3)
    array([[0.305, 0.   ],
           [0.008, 0.687]])
    """

    leak: Array
    links: tuple[Array, ...]


Family = Array | GateFamily


@dataclass(frozen=True, eq=False)
class Approximation:
    """How good an importance-sampling answer is.

    Parameters
    ----------
    samples : int
        Number of weighted samples.
    effective_sample_size : ndarray, shape (n_cases,)
        (sum of weights)^2 / sum of squared weights.
    standard_error : mapping of variable name to ndarray, shape (n_cases, n_states)
        Standard error of each marginal.
    """

    samples: int
    effective_sample_size: Array
    standard_error: Mapping[str, Array]


@dataclass(frozen=True, eq=False)
class Propagation:
    """Posteriors of a batch of cases. With parameter draws every array has a leading axis of draws.

    Parameters
    ----------
    log_evidence : ndarray, shape (n_cases,)
        Natural logarithm of P(evidence); minus infinity where the evidence is impossible, never NaN.
    marginals : mapping of variable name to ndarray, shape (n_cases, n_states)
        P(state | evidence); NaN in the rows that are impossible.
    families : mapping of variable name to ndarray or GateFamily
        For a table, P(parents, child | evidence), shape (n_cases, *parent_cardinalities, n_states); for a noisy gate
        a ``GateFamily``. Empty unless asked for; NaN in the rows that are impossible.
    approximation : Approximation or None
        None for exact answers.

    Examples
    --------
    >>> from bayesdx.inference import Evidence
    >>> import bayesdx as dx
    >>> model = dx.load_model("chest_clinic@1.0.0")
    >>> engine = dx.Engine(model)
    >>> nothing_known = np.full((1, len(engine.network)), -1)
    >>> found = engine.propagate(Evidence(nothing_known), targets=["lung_cancer"])
    >>> found.marginals["lung_cancer"].round(3), abs(found.log_evidence.round(3))
    (array([[0.945, 0.055]]), array([0.]))
    """

    log_evidence: Array
    marginals: Mapping[str, Array]
    families: Mapping[str, Family] = field(default_factory=dict)
    approximation: Approximation | None = None

    @property
    def impossible(self) -> NDArray[np.bool_]:
        """Mask, shape (n_cases,): where P(evidence) is 0.

        Examples
        --------
        >>> Propagation(np.array([-1.5, -np.inf]), {}).impossible.tolist()
        [False, True]
        """
        return np.isneginf(self.log_evidence)
