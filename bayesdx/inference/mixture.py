r"""A large joint as a mixture: given the evidence and one or two further variables, the hub, its parts are independent.

Where the hub h separates the parts A, B, ... of the variables asked for,

.. math:: P(A, B, \dots | e) = \sum_h P(h | e) P(A | h, e) P(B | h, e) \dots

so that small joints of each part with the hub are propagated, and a matrix product over the hub's states makes the
large one: no clique has to hold it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesdx.inference.leaves import parents_of
from bayesdx.inference.sizes import USUAL, Sizes
from bayesdx.inference.tree import bits, moral_graph
from bayesdx.network import Network

Array = NDArray[np.float64]

MOST_HUBS = 8
"""Variables of most neighbours that are tried as the hub, alone and in pairs."""


@dataclass(frozen=True)
class Mixture:
    """A hub and the parts that it separates; positions in the network.

    Parameters
    ----------
    hub : tuple of int
    parts : tuple of tuple of int
    """

    hub: tuple[int, ...]
    parts: tuple[tuple[int, ...], ...]

    @property
    def scopes(self) -> tuple[tuple[int, ...], ...]:
        """What has to be propagated: each part with the hub as its last variables."""
        return tuple((*part, *self.hub) for part in self.parts)


def mixture_of(
    network: Network, scope: Sequence[int], relevant: frozenset[int], given: frozenset[int], sizes: Sizes = USUAL
) -> Mixture | None:
    """The hub that leaves the parts of ``scope`` with the fewest cells; None where no hub saves enough of them.

    Parameters
    ----------
    network : Network
    scope : sequence of int
    relevant : frozenset of int
        ``scope``, what is observed in some case, and everything above them.
    given : frozenset of int
        Variables whose state is known in every case.
    sizes : Sizes
    """
    cards, asked = network.cardinalities, set(scope)
    neighbours = _neighbours(network, relevant, given)
    candidates = sorted(set(relevant) - asked - given, key=lambda v: (-len(neighbours[v]), v))[:MOST_HUBS]
    best = None
    for count in sizes.hub_sizes:
        least = math.prod(cards[v] for v in scope) // sizes.mixture_saving
        for hub in itertools.combinations(candidates, count):
            parts = _parts(neighbours, asked, hub)
            cells = sum(math.prod(cards[v] for v in part) for part in parts)
            if cells <= least:
                best, least = Mixture(hub, tuple(parts)), cells
        if best is not None:
            break
    return best


def joined(mixture: Mixture, joints: Sequence[Array], scope: Sequence[int], product_cells: int) -> Array:
    """P(scope | evidence), shape (n_cases, *cardinalities), from the posteriors of ``mixture.scopes``."""
    width = len(mixture.hub)
    n, states = len(joints[0]), math.prod(joints[0].shape[-width:])
    hub = joints[0].reshape(n, -1, states).sum(axis=1)
    order = sorted(range(len(joints)), key=lambda place: -joints[place][0].size)
    halves = [np.ones((n, 1, states)), np.ones((n, 1, states))]
    held: list[list[int]] = [[], []]
    for place in order:
        smaller = int(halves[1].shape[1] < halves[0].shape[1])
        joint = joints[place].reshape(n, -1, states)
        part = np.divide(joint, hub[:, None], out=np.zeros_like(joint), where=hub[:, None] > 0)
        halves[smaller] = (halves[smaller][:, :, None] * part[:, None]).reshape(n, -1, states)
        held[smaller].extend(mixture.parts[place])
    rows, columns = halves[0] * hub.reshape(n, 1, states), halves[1].transpose(0, 2, 1)
    values = np.empty((n, rows.shape[1], columns.shape[2]))
    height = max(1, product_cells // (states * columns.shape[2]))
    for first in range(0, rows.shape[1], height):
        np.matmul(rows[:, first : first + height], columns, out=values[:, first : first + height])
    cards = dict(zip([v for part in mixture.parts for v in part], _shape(joints, width), strict=True))
    axes = [*held[0], *held[1]]
    shaped = values.reshape(n, *(cards[v] for v in axes))
    return np.asarray(shaped.transpose(0, *(1 + axes.index(v) for v in scope)))


def _shape(joints: Iterable[Array], width: int) -> list[int]:
    return [size for joint in joints for size in joint.shape[1:-width]]


def _neighbours(network: Network, relevant: frozenset[int], given: frozenset[int]) -> list[set[int]]:
    """Neighbours of each variable once parents of a common child are joined and what is given is taken out."""
    families = ({v, *parents_of(network, v)} - given for v in relevant)
    return [set(bits(mask)) for mask in moral_graph(families, len(network))]


def _parts(neighbours: Sequence[set[int]], asked: set[int], hub: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Variables asked for that are connected through anything but the hub."""
    left, parts = set(asked), []
    while left:
        stack, seen = [min(left)], {min(left), *hub}
        while stack:
            for v in neighbours[stack.pop()] - seen:
                seen.add(v)
                stack.append(v)
        parts.append(tuple(sorted(seen & left)))
        left -= seen
    return parts
