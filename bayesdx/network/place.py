"""Where a distribution stands: in a network, in draws of its numbers, in expected counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from bayesdx.network.network import Network, Table

Array = NDArray[np.float64]


class GateNumbers(Protocol):
    """Anything that has the shape of a noisy gate: its probabilities, draws of them, or expected counts."""

    @property
    def leak(self) -> Array:
        """Shape (..., n_states)."""

    @property
    def links(self) -> Sequence[Array]:
        """One array per parent, each of shape (..., n_parent_states, n_states)."""


@dataclass(frozen=True)
class Place:
    """One distribution of a compiled network.

    Parameters
    ----------
    node : str
        The variable whose distribution it is.
    part : {"leak", "link", "table"}
    parent : str
        For a link, the parent that acts; empty otherwise.
    given : tuple of int
        For a link, the state of that parent; for a table, the states of all parents; empty for a leak.
    """

    node: str
    part: Literal["leak", "link", "table"]
    parent: str
    given: tuple[int, ...]

    def array(self, parents: Sequence[str]) -> int:
        """Which array of ``arrays_of`` it stands in, where the node has these parents."""
        return 1 + list(parents).index(self.parent) if self.part == "link" else 0


def arrays_of(numbers: Table | GateNumbers | Array) -> tuple[Array, ...]:
    """The arrays of a distribution: the table alone, or the leak and then the link of each parent.

    Examples
    --------
    >>> from bayesdx.network import NoisyMax
    >>> [array.shape for array in arrays_of(NoisyMax([0.9, 0.1], ([[1, 0], [0.2, 0.8]],)))]
    [(2,), (2, 2)]
    """
    if isinstance(numbers, Table):
        return (numbers.values,)
    if isinstance(numbers, np.ndarray):
        return (numbers,)
    return (numbers.leak, *numbers.links)


def view(arrays: Sequence[Array], place: Place, parents: Sequence[str]) -> Array:
    """The numbers of one distribution, shape (..., n_states): a view, so writing to it changes the arrays.

    Parameters
    ----------
    arrays : sequence of ndarray
        Of the node, as ``arrays_of`` gives them; leading axes (draws, cases) stay.
    place : Place
    parents : sequence of str
        The parents of the node, in order.

    Examples
    --------
    >>> from bayesdx.network import NoisyMax
    >>> gate = NoisyMax([0.9, 0.1], ([[1, 0], [0.2, 0.8]],))
    >>> view(arrays_of(gate), Place("wet", "link", "rain", (1,)), ("rain",))
    array([0.2, 0.8])
    """
    index: tuple[Any, ...] = (..., *place.given, slice(None))
    return np.asarray(arrays[place.array(parents)][index])


def place_values(network: Network, place: Place) -> Array:
    """The probabilities of a distribution of a network, shape (n_states,)."""
    node = network[place.node]
    return view(arrays_of(node.cpd), place, node.parents)
