"""All numbers of a network in one vector, and back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import prod

import numpy as np
from numpy.typing import NDArray

from bayesdx.inference import GateFamily
from bayesdx.network import Network, NoisyMax, Table
from bayesdx.network.compile import Place
from bayesdx.network.network import arrays_of

Array = NDArray[np.float64]
Family = Array | GateFamily


@dataclass(frozen=True, eq=False)
class Layout:
    """Where the distributions of a network stand in one flat vector.

    The nodes follow each other; within a table the configurations of the parents, within a gate the leak and then
    each link with the states of its parent. A family of expected counts has the same shape as the numbers, so that
    one layout serves both.

    Parameters
    ----------
    network : Network

    Examples
    --------
    >>> from bayesdx.network import Node
    >>> rain = Node("rain", ("no", "yes"), (), Table([0.8, 0.2]))
    >>> wet = Node("wet", ("no", "yes"), ("rain",), NoisyMax([0.9, 0.1], ([[1, 0], [0.2, 0.8]],)))
    >>> layout = Layout(Network([rain, wet]))
    >>> layout.values(layout.network).tolist()
    [0.8, 0.2, 0.9, 0.1, 1.0, 0.0, 0.2, 0.8]
    >>> layout.start(Place("wet", "link", "rain", (1,)))
    6
    """

    network: Network

    @cached_property
    def shapes(self) -> tuple[tuple[tuple[int, ...], ...], ...]:
        """Shapes of the arrays of each node: one of a table; leak and links of a gate."""
        return tuple(tuple(array.shape for array in arrays_of(node.cpd)) for node in self.network.nodes)

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """First place of each node, and behind them the length of the vector."""
        sizes = [sum(prod(shape) for shape in shapes) for shapes in self.shapes]
        return tuple(int(place) for place in np.cumsum([0, *sizes]))

    @property
    def size(self) -> int:
        """Length of the vector."""
        return self.starts[-1]

    def start(self, place: Place) -> int:
        """First place of a distribution; its states follow."""
        position = self.network.index[place.node]
        node, shapes = self.network.nodes[position], self.shapes[position]
        part = place.array(node.parents)
        before = self.starts[position] + sum(prod(shape) for shape in shapes[:part])
        row = int(np.ravel_multi_index(place.given, shapes[part][:-1])) if place.given else 0
        return before + row * shapes[part][-1]

    def values(self, network: Network) -> Array:
        """The numbers of a network of this shape, shape (size,)."""
        return np.concatenate([array.ravel() for node in network.nodes for array in arrays_of(node.cpd)])

    def network_with(self, values: Array) -> Network:
        """The network with other numbers."""
        nodes = []
        for position, node in enumerate(self.network.nodes):
            arrays = self.split(position, values)
            cpd = Table(arrays[0]) if isinstance(node.cpd, Table) else NoisyMax(arrays[0], tuple(arrays[1:]))
            nodes.append(replace(node, cpd=cpd))
        return Network(tuple(nodes), self.network.targets)

    def split(self, position: int, values: Array) -> list[Array]:
        """The arrays of one node out of a vector, or out of a matrix with a leading axis of cases."""
        arrays, start = [], self.starts[position]
        for shape in self.shapes[position]:
            part = values[..., start : start + prod(shape)]
            arrays.append(part.reshape(*values.shape[:-1], *shape))
            start += prod(shape)
        return arrays

    def put(self, position: int, family: Family, into: Array) -> None:
        """Write the family of a node, with a leading axis of cases, into its columns of a matrix."""
        start = self.starts[position]
        for array, shape in zip(arrays_of(family), self.shapes[position], strict=True):
            into[:, start : start + prod(shape)] = array.reshape(len(into), -1)
            start += prod(shape)
