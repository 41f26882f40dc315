"""Draws of parameters: the second batch axis of a propagation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesdx.errors import NetworkError
from bayesdx.network import Network, Table

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GateDraws:
    """Draws of the numbers of one noisy gate.

    Parameters
    ----------
    leak : ndarray, shape (n_draws, n_states)
    links : tuple of ndarray, each of shape (n_draws, n_parent_states, n_states)

    Examples
    --------
    >>> from bayesdx.inference import Engine, Evidence
    >>> from bayesdx.network import Network, Node, NoisyMax, Table
    >>> rain = Node("rain", ("no", "yes"), (), Table([0.8, 0.2]))
    >>> wet = Node("wet", ("no", "yes"), ("rain",), NoisyMax([0.9, 0.1], ([[1, 0], [0.1, 0.9]],)))
    >>> draws = GateDraws([[0.9, 0.1], [0.8, 0.2]], ([[[1, 0], [0.1, 0.9]], [[1, 0], [0.3, 0.7]]],))
    >>> engine = Engine(Network([rain, wet]), kernel="numpy")
    >>> found = engine.propagate(Evidence([[-1, 1]]), ["rain"], parameters={"wet": draws})
    >>> found.marginals["rain"][:, 0].round(3)
    array([[0.305, 0.695],
           [0.513, 0.487]])
    """

    leak: Array
    links: tuple[Array, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "leak", _frozen(self.leak))
        object.__setattr__(self, "links", tuple(_frozen(link) for link in self.links))


@dataclass(frozen=True, eq=False)
class ParameterDraws:
    """Joint draws of some conditional distributions; variables that are not named keep those of the network.

    Parameters
    ----------
    cpds : mapping of variable name to draws
        For a ``Table`` an array of shape (n_draws, *parent_cardinalities, n_states); for a ``NoisyMax`` a
        ``GateDraws``, or the pair (leak, links). Every row is a distribution.

    Raises
    ------
    NetworkError
        The numbers of draws differ, or there is none.

    Examples
    --------
    >>> ParameterDraws({"rain": [[0.8, 0.2], [0.7, 0.3]]}).n_draws
    2
    """

    cpds: Mapping[str, Array | GateDraws]

    def __post_init__(self) -> None:
        cpds = {name: _draws(value) for name, value in self.cpds.items()}
        counts = {_count(value) for value in cpds.values()}
        if len(counts) != 1 or 0 in counts:
            raise NetworkError(f"parameter draws: numbers of draws {sorted(counts)}; expected one number above 0.")
        object.__setattr__(self, "cpds", cpds)

    @property
    def n_draws(self) -> int:
        """Number of draws."""
        return _count(next(iter(self.cpds.values())))

    def take(self, rows: NDArray[np.intp]) -> ParameterDraws:
        """Some of the draws, by position."""
        taken = object.__new__(ParameterDraws)  # they were checked when they were drawn
        object.__setattr__(taken, "cpds", {name: _taken(value, rows) for name, value in self.cpds.items()})
        return taken


def _draws(value: ArrayLike | GateDraws | tuple[ArrayLike, Sequence[ArrayLike]]) -> Array | GateDraws:
    if isinstance(value, GateDraws):
        return value
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], (tuple, list)):
        leak, links = value
        return GateDraws(np.asarray(leak, dtype=np.float64), tuple(np.asarray(link, np.float64) for link in links))
    return _frozen(np.asarray(value, dtype=np.float64))


def _taken(value: Array | GateDraws, rows: NDArray[np.intp]) -> Array | GateDraws:
    if not isinstance(value, GateDraws):
        return value[rows]
    taken = object.__new__(GateDraws)
    object.__setattr__(taken, "leak", value.leak[rows])
    object.__setattr__(taken, "links", tuple(link[rows] for link in value.links))
    return taken


def _count(value: Array | GateDraws) -> int:
    arrays = (value.leak, *value.links) if isinstance(value, GateDraws) else (value,)
    counts = {array.shape[0] if array.ndim else 0 for array in arrays}
    return counts.pop() if len(counts) == 1 else 0


def _frozen(values: Array) -> Array:
    array = np.array(values, dtype=np.float64)
    if not np.isfinite(array).all() or (array < 0).any():
        raise NetworkError("parameter draws: expected finite probabilities of at least 0.")
    array.setflags(write=False)
    return array


def check_draws(draws: ParameterDraws, network: Network) -> None:
    """Raise a NetworkError that names the first distribution that does not fit ``network``."""
    for name, value in draws.cpds.items():
        if name not in network.index:
            raise NetworkError(f"parameter draws: {name!r} is not a variable of the network.")
        cpd = network[name].cpd
        if isinstance(cpd, Table):
            found: object = value.shape[1:] if not isinstance(value, GateDraws) else "a gate"
            expected: object = cpd.values.shape
        else:
            found = _gate_shape(value) if isinstance(value, GateDraws) else "a table"
            expected = (cpd.leak.shape, tuple(link.shape for link in cpd.links))
        if found != expected:
            raise NetworkError(f"parameter draws: {name} has shape {found} after the draws; expected {expected}.")


def _gate_shape(value: GateDraws) -> tuple[object, object]:
    return value.leak.shape[1:], tuple(link.shape[1:] for link in value.links)
