"""A network as factors over small scopes: tables as they are, small noisy gates expanded, large ones unrolled.

Gates are expanded and unrolled by sums and products only, so that small probabilities keep their relative precision.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesdx.inference.parameter_draws import GateDraws, ParameterDraws
from bayesdx.inference.sizes import USUAL, Sizes
from bayesdx.network import Network, NoisyMax, Table

Array = NDArray[np.float64]

MOST_CELLS_EXPANDED = 2048
"""A gate whose table would have more cells than this is unrolled into a chain."""


@dataclass(frozen=True)
class Factor:
    """One factor: where its numbers come from and which variables it joins.

    Parameters
    ----------
    scope : tuple of int
        Variables in the order of the table's axes. Those from ``len(network)`` on are grades inside unrolled gates.
    node : int
        Position of the node whose distribution it belongs to.
    part : int or None
        None for a whole distribution; in an unrolled gate -1 for the leak, i for link i.
    quiet : bool
        The gate is seen in its reference state, where it is a product of one factor per part: P(part draws 0).
    """

    scope: tuple[int, ...]
    node: int
    part: int | None = None
    quiet: bool = False


@dataclass(frozen=True)
class FactorGraph:
    """The factors of a network over its variables and the grades inside its unrolled gates.

    Parameters
    ----------
    factors : tuple of Factor
    cards : tuple of int
        Number of states of each variable, the network's own first.
    """

    factors: tuple[Factor, ...]
    cards: tuple[int, ...]

    def sweep(self) -> list[int]:
        """All variables in the order of the network, a grade inside a gate just before the parent that acts on it.

        Large gates over the same parents are chains that run side by side: in this order no clique holds more than
        one grade of each. Empty where no gate is unrolled.
        """
        beside = {
            f.scope[0]: f.scope[1] - 0.5 for f in self.factors if not f.quiet and f.part is not None and f.part >= 0
        }
        return sorted(range(len(self.cards)), key=lambda v: beside.get(v, float(v))) if beside else []


def factor_graph(
    network: Network, keep: frozenset[int], quiet: frozenset[int] = frozenset(), sizes: Sizes = USUAL
) -> FactorGraph:
    """The factors of the nodes in ``keep``, which has to contain their ancestors.

    Gates in ``quiet`` are seen in their reference state.
    """
    cards = list(network.cardinalities)
    factors: list[Factor] = []
    for position, node in enumerate(network.nodes):
        if position not in keep:
            continue
        parents = tuple(network.index[parent] for parent in node.parents)
        if position in quiet:
            factors.append(Factor((), position, -1, quiet=True))
            factors.extend(Factor((parent,), position, place, quiet=True) for place, parent in enumerate(parents))
            continue
        if isinstance(node.cpd, Table) or not unrolled(tuple(cards[p] for p in parents), cards[position], sizes):
            factors.append(Factor((*parents, position), position))
            continue
        grade = len(cards)
        cards.extend([cards[position]] * len(parents))
        factors.append(Factor((grade,), position, -1))
        for place, parent in enumerate(parents):
            after = grade + 1 if place + 1 < len(parents) else position
            factors.append(Factor((grade, parent, after), position, place))
            grade += 1
    return FactorGraph(tuple(factors), tuple(cards))


def unrolled(parent_cards: tuple[int, ...], states: int, sizes: Sizes = USUAL) -> bool:
    """Whether a gate with these parents is unrolled into a chain instead of expanded."""
    return len(parent_cards) > sizes.expanded_parents or math.prod(parent_cards) * states > MOST_CELLS_EXPANDED


def can_be_quiet(network: Network, position: int, sizes: Sizes = USUAL) -> bool:
    """Whether a node is a gate that would be unrolled, so that seeing its reference state takes it apart."""
    node = network.nodes[position]
    cards = tuple(len(network[parent].states) for parent in node.parents)
    return not isinstance(node.cpd, Table) and unrolled(cards, len(node.states), sizes)


def factor_values(network: Network, factor: Factor, draws: ParameterDraws | None = None) -> Array:
    """Numbers of a factor, shape (n_draws or 1, *cardinalities of its scope)."""
    node = network.nodes[factor.node]
    drawn = draws.cpds.get(node.name) if draws else None
    if factor.part is None:
        return full_table(node.cpd, drawn)
    part = _part(node.cpd, drawn, factor.part)
    if factor.quiet:
        return part[..., 0]
    return part if factor.part < 0 else chain_link(part)


def _part(cpd: Table | NoisyMax, drawn: Array | GateDraws | None, part: int) -> Array:
    """The leak (-1) or a link of a gate, shape (n_draws or 1, ...): one of them, since a gate may have thousands."""
    if isinstance(drawn, GateDraws):
        return drawn.leak if part < 0 else drawn.links[part]
    assert isinstance(cpd, NoisyMax)
    return cpd.leak[None] if part < 0 else cpd.links[part][None]


def numbers_of(cpd: Table | NoisyMax, drawn: Array | GateDraws | None) -> Array | GateDraws:
    """The numbers of a distribution with a leading axis of draws; of length 1 where nothing was drawn."""
    if drawn is not None:
        return drawn
    if isinstance(cpd, Table):
        return cpd.values[None]
    numbers = object.__new__(GateDraws)  # they were checked when the network was made
    object.__setattr__(numbers, "leak", cpd.leak[None])
    object.__setattr__(numbers, "links", tuple(link[None] for link in cpd.links))
    return numbers


def full_table(cpd: Table | NoisyMax, drawn: Array | GateDraws | None = None) -> Array:
    """P(state | parents), shape (n_draws or 1, *parent_cardinalities, n_states); a gate is expanded."""
    numbers = numbers_of(cpd, drawn)
    return combined([numbers.leak, *numbers.links]) if isinstance(numbers, GateDraws) else numbers


def combined(parts: Sequence[Array]) -> Array:
    """Distribution of the highest grade for every combination of the parts' states, shape (draws, *states, grades)."""
    table = parts[0]
    for part in parts[1:]:
        spread = part.reshape(part.shape[0], *([1] * (table.ndim - 2)), *part.shape[1:])
        table = raise_grade(table[..., None, :], spread)
    return table


def raise_grade(grade: Array, link: Array) -> Array:
    """Distribution of the higher of two independent grades, over the last axis.

    Examples
    --------
    >>> raise_grade(np.array([0.9, 0.1]), np.array([0.2, 0.8])).round(2)
    array([0.18, 0.82])
    """
    raised = np.empty(np.broadcast_shapes(grade.shape, link.shape))
    below, reached = np.zeros(grade.shape[:-1]), np.zeros(link.shape[:-1])
    for state in range(grade.shape[-1]):  # few states: a loop over them is faster than sums along a short axis
        reached = reached + link[..., state]
        raised[..., state] = grade[..., state] * reached + below * link[..., state]
        below = below + grade[..., state]
    return raised


def chain_link(link: Array) -> Array:
    """P(grade after this link | grade before it, parent), shape (n_draws, n_states, n_parent_states, n_states).

    The grade so far stays when the link draws no higher one, and rises to what the link draws otherwise.
    """
    states = link.shape[-1]
    before, after = np.arange(states)[:, None, None], np.arange(states)
    stays = np.cumsum(link, axis=-1).swapaxes(-1, -2)[..., :, :, None] * (before == after)
    return np.asarray(np.where(after > before, link[:, None], stays), dtype=np.float64)
