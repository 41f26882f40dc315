"""Leaves of a junction tree: a variable without children enters as one row of likelihoods over its parents.

A leaf that is observed need not be in any clique: its evidence is P(state seen | parents), one number per configuration
of the parents. A leaf that is not observed changes no posterior. So the cliques hold only the variables that have
children (causes, lesions, contexts), which keeps them small. Leaves over the same parents form a group, whose
likelihoods are multiplied together before they enter the clique.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce

import numpy as np
from numpy.typing import NDArray

from bayesdx.inference.evidence import Evidence
from bayesdx.inference.factors import full_table, unrolled
from bayesdx.inference.logs import exponentials, floored_log
from bayesdx.inference.parameter_draws import ParameterDraws
from bayesdx.inference.sizes import Sizes
from bayesdx.network import Network, NoisyMax

Array = NDArray[np.float64]
Index = NDArray[np.intp]


@dataclass(frozen=True)
class LeafGroup:
    """Leaves over the same parents.

    Parameters
    ----------
    scope : tuple of int
        The parents, in the order of the cells.
    leaves : tuple of int
    """

    scope: tuple[int, ...]
    leaves: tuple[int, ...]


def leaves_of(network: Network, sizes: Sizes) -> frozenset[int]:
    """Variables that have parents and no children, and are no gates so large that they are unrolled."""
    with_children = {network.index[parent] for node in network.nodes for parent in node.parents}
    found = set()
    for v, node in enumerate(network.nodes):
        cards = tuple(len(network[parent].states) for parent in node.parents)
        large_gate = isinstance(node.cpd, NoisyMax) and unrolled(cards, len(node.states), sizes)
        if node.parents and v not in with_children and not large_gate:
            found.add(v)
    return frozenset(found)


def parents_of(network: Network, v: int) -> tuple[int, ...]:
    """Positions of the parents of a variable."""
    return tuple(network.index[parent] for parent in network.nodes[v].parents)


def leaf_groups(network: Network, leaves: Sequence[int]) -> list[LeafGroup]:
    """Leaves by the set of their parents; each scope in ascending order."""
    found: dict[tuple[int, ...], list[int]] = {}
    for v in sorted(leaves):
        found.setdefault(tuple(sorted(parents_of(network, v))), []).append(v)
    return [LeafGroup(scope, tuple(members)) for scope, members in found.items()]


def drawn_rows(network: Network, v: int, scope: Sequence[int], draws: ParameterDraws | None) -> Array:
    """P(state | parents) of a leaf, shape (n_draws or 1, n_states, n_cells), ``scope`` its parents in any order."""
    node = network.nodes[v]
    table = full_table(node.cpd, draws.cpds.get(node.name) if draws else None)
    parents = parents_of(network, v)
    cells = math.prod(network.cardinalities[u] for u in scope)
    axes = (0, table.ndim - 1, *(1 + parents.index(u) for u in scope))
    return np.ascontiguousarray(table.transpose(axes).reshape(len(table), -1, cells))


def leaf_rows(network: Network, v: int, scope: Sequence[int]) -> Array:
    """P(state | parents) of a leaf by the network's own numbers, shape (n_states, n_cells)."""
    return np.asarray(drawn_rows(network, v, scope, None)[0])


@dataclass(frozen=True, eq=False)
class LeafTables:
    """The rows of one group in numpy.

    Parameters
    ----------
    group : LeafGroup
    rows : ndarray, shape (n_rows, n_cells)
        P(state | parents), a row per state of each leaf, then a row of ones.
    first : ndarray of int, shape (n_leaves,)
        First row of each leaf.
    """

    group: LeafGroup
    rows: Array
    first: Index

    @cached_property
    def logs(self) -> Array:
        """Logarithms of the rows, floored."""
        return floored_log(self.rows)

    @classmethod
    def of(cls, network: Network, group: LeafGroup) -> LeafTables:
        """The tables of a group, cells in the order of its scope."""
        parts = [leaf_rows(network, v, group.scope) for v in group.leaves]
        rows = np.concatenate([*parts, np.ones((1, parts[0].shape[1]))])
        first = np.cumsum([0, *(len(part) for part in parts[:-1])]).astype(np.intp)
        return cls(group, rows, first)

    def span_of(self, v: int) -> slice:
        """The rows of one leaf."""
        place = self.group.leaves.index(v)
        ends = [*self.first[1:].tolist(), len(self.rows) - 1]
        return slice(int(self.first[place]), ends[place])

    def rows_of(self, v: int) -> Array:
        """P(state | parents) of one leaf, shape (n_states, n_cells)."""
        return self.rows[self.span_of(v)]

    def product(self, network: Network, evidence: Evidence, scale: Array) -> Array | None:
        """P(what was seen of these leaves | parents), shape (n_cells, n_lanes); None where nothing was seen.

        The logarithm of what is factored out of each lane is added to ``scale`` (n_lanes,), in place.
        """
        leaves = list(self.group.leaves)
        codes = evidence.codes[:, leaves]
        soft = {v: evidence.likelihoods[network.names[v]] for v in leaves if network.names[v] in evidence.likelihoods}
        hard = codes >= 0
        if not soft and not hard.any():
            return None
        used = np.flatnonzero(hard.any(axis=0))
        row = np.where(hard, self.first + codes, len(self.rows) - 1)[:, used]
        alike = (row == row[:1]).all(axis=0)
        factors = []
        if alike.any():
            factors.append(exponentials(self.logs.take(row[0, alike], axis=0).sum(axis=0)[:, None], scale))
        if not alike.all():
            factors.append(self._rows_of_each(row[:, ~alike], scale))
        if soft:
            logs = [floored_log(self._soft(leaves.index(v), v, codes, values, network)) for v, values in soft.items()]
            factors.append(exponentials(reduce(np.add, logs), scale))
        return np.asarray(reduce(np.multiply, factors))

    def _rows_of_each(self, row: Index, scale: Array) -> Array:
        """P(what each lane has seen | parents), shape (n_cells, n_lanes), from its rows, shape (n_lanes, n_leaves)."""
        none = len(self.rows) - 1
        if (row < none).sum(axis=1).max() <= 1:
            return np.asarray(self.rows.take(row.min(axis=1), axis=0).T)
        seen = np.zeros((len(row), len(self.rows)))
        seen[np.arange(len(row))[:, None], row] = 1.0
        return exponentials((seen @ self.logs).T, scale)

    def _soft(self, place: int, v: int, codes: NDArray[np.int32], values: Array, network: Network) -> Array:
        """The factor of the likelihood vector of a leaf, shape (n_cells, n_lanes).

        In a lane that gives its state too, the likelihood of that state; elsewhere its mean given the parents.
        """
        first, states = self.first[place], network.cardinalities[v]
        factor = values @ self.rows[first : first + states]
        hard = np.flatnonzero(codes[:, place] >= 0)
        factor[hard] = values[hard, codes[hard, place]][:, None]
        return np.asarray(factor.T)


def leaf_marginal(
    joint: Array, rows: Array, codes: NDArray[np.int32], soft: Array | None, expected: Array | None = None
) -> Array:
    """Posterior of a leaf, shape (n, n_states).

    Parameters
    ----------
    joint : ndarray, shape (n, n_cells)
        Posterior of its parents.
    rows : ndarray, shape (n or 1, n_states, n_cells)
        P(state | parents).
    codes : ndarray of int, shape (n,)
        Its state, -1 where it was not observed.
    soft : ndarray, shape (n, n_states), or None
        Its likelihood vector.
    expected : ndarray, shape (n, n_states), optional
        P(state) given everything but the leaf's own evidence, where it is at hand already.
    """
    if soft is not None:
        return np.asarray(leaf_family(joint, rows, codes, soft).sum(axis=2))
    if expected is None:
        expected = joint @ rows[0].T if len(rows) == 1 else np.matmul(rows, joint[:, :, None])[:, :, 0]
    found = expected
    hard = np.flatnonzero(codes >= 0)
    if hard.size:
        found[hard] = 0.0
        found[hard, codes[hard]] = joint[hard].sum(axis=1)
    return np.asarray(found)


def leaf_family(joint: Array, rows: Array, codes: NDArray[np.int32], soft: Array | None) -> Array:
    """Joint posterior of a leaf and its parents, shape (n, n_states, n_cells); parameters as in ``leaf_marginal``."""
    states = np.arange(rows.shape[1])
    seen = ((codes[:, None] == states) | (codes[:, None] < 0)).astype(np.float64)
    weights = rows * (seen if soft is None else seen * soft)[:, :, None]
    total = weights.sum(axis=1)
    share = np.divide(joint, total, out=np.zeros_like(joint), where=total > 0)
    return np.asarray(weights * share[:, None, :])
