"""Expected counts: how often each distribution drew each state, given what was observed of the patients.

Two ways to the same numbers. Where a small joint of causes separates the network, the patients are first added up, by
what was seen of each finding, into weights over the cells of that joint; the gates are then split once, not once per
patient. Every other network sums the engine's family marginals. A variable of which nothing was seen, neither itself
nor anything below it, carries no information about its distribution: it is left out, or drawn as its numbers predict.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bayesdx.inference import Engine
from bayesdx.inference.dense import Roles, dense_tables, roles
from bayesdx.inference.draws import GateDraws, numbers_of
from bayesdx.inference.gate import expanded
from bayesdx.learning.layout import Layout
from bayesdx.learning.patients import Patients
from bayesdx.network import Network, Node

Array = NDArray[np.float64]
Index = NDArray[np.intp]

CHUNK_BYTES = 2**24
"""Memory of the posteriors that are held at a time."""


@dataclass(frozen=True, eq=False)
class Totals:
    """What one pass over the patients gives.

    Parameters
    ----------
    log_evidence : float
        Sum over the patients of the natural logarithm of P(what was observed).
    counts : ndarray, shape (layout.size,)
        Expected number of patients in whom each distribution drew each state.
    """

    log_evidence: float
    counts: Array


class Expectation(Protocol):
    """Expected counts under any numbers of one network's shape."""

    def totals(self, network: Network) -> Totals:
        """Over all patients."""
        ...

    def cases(self, network: Network, rows: Index) -> Iterator[tuple[Index, Array]]:
        """(rows, counts of shape (n_rows, layout.size)) of some patients, a chunk at a time."""
        ...


def expectation(layout: Layout, patients: Patients) -> Expectation:
    """The quicker way for this network."""
    chosen = roles(layout.network)
    return _General(layout, patients) if chosen is None else _Dense(layout, patients, chosen)


class _General:
    """Sums of the engine's family marginals."""

    def __init__(self, layout: Layout, patients: Patients) -> None:
        self.layout = layout
        self.patients = patients
        self.informed = _informed(layout.network, patients.codes)
        self.width = max(1, CHUNK_BYTES // (8 * 4 * layout.size))

    def totals(self, network: Network) -> Totals:
        engine = Engine(network)
        counts, log_evidence = np.zeros(self.layout.size), 0.0
        for start in range(0, len(self.patients), self.width):
            rows = np.arange(start, min(start + self.width, len(self.patients)))
            weights = self.patients.weights[rows]
            logs, families = self._families(engine, rows)
            log_evidence += float(weights @ logs)
            counts += weights @ families
        return Totals(log_evidence, counts)

    def cases(self, network: Network, rows: Index) -> Iterator[tuple[Index, Array]]:
        engine = Engine(network)
        for start in range(0, len(rows), self.width):
            part = rows[start : start + self.width]
            yield part, self._families(engine, part)[1]

    def _families(self, engine: Engine, rows: Index) -> tuple[Array, Array]:
        found = engine.propagate(self.patients.evidence(rows), targets=(), families=True)
        counts = np.empty((len(rows), self.layout.size))
        for position, name in enumerate(self.layout.network.names):
            self.layout.put(position, found.families[name], counts)
            ends = self.layout.starts[position : position + 2]
            counts[:, slice(*ends)] *= self.informed[rows, position, None]
        return found.log_evidence, counts


def _informed(network: Network, codes: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Where a variable, or something below it, was observed."""
    informed = codes >= 0
    for position in reversed(range(len(network))):
        for parent in network.nodes[position].parents:
            informed[:, network.index[parent]] |= informed[:, position]
    return informed


class _Dense:
    """Posteriors of the joint of causes, added up before anything else is done with them."""

    def __init__(self, layout: Layout, patients: Patients, chosen: Roles) -> None:
        network = layout.network
        self.layout = layout
        self.roles = chosen
        self.names = [network.names[v] for v in chosen.joint]
        self.joint_cards = tuple(network.cardinalities[v] for v in chosen.joint)
        self.context_cards = tuple(network.cardinalities[v] for v in chosen.contexts)
        self.cells = prod(self.joint_cards)
        contexts = patients.codes[:, list(chosen.contexts)]
        patterns, pattern = _distinct_rows(contexts)
        self.order = np.argsort(pattern, kind="stable")
        self.patients = Patients(patients.codes[self.order], patients.weights[self.order])
        self.pattern = pattern[self.order]
        states = np.indices(self.context_cards).reshape(len(self.context_cards), prod(self.context_cards))
        agree = (patterns[:, :, None] < 0) | (patterns[:, :, None] == states)
        self.allowed = agree.all(axis=1).astype(np.float64)
        self.width = max(1, CHUNK_BYTES // (8 * self.cells))
        cards = [network.cardinalities[v] for v in chosen.findings]
        self.offsets = dict(zip(chosen.findings, np.cumsum([0, *cards])[:-1].tolist(), strict=True))
        self.n_seen = sum(cards)
        self.digits = dict(zip(chosen.joint, np.indices(self.joint_cards).reshape(-1, self.cells), strict=True))
        self.context_digits = dict(zip(chosen.contexts, states, strict=True))

    def totals(self, network: Network) -> Totals:
        engine = Engine(network)
        seen, by_pattern, log_evidence = (
            np.zeros((self.n_seen, self.cells)),
            np.zeros((len(self.allowed), self.cells)),
            0.0,
        )
        for start in range(0, len(self.patients), self.width):
            rows = slice(start, min(start + self.width, len(self.patients)))
            weights = self.patients.weights[rows]
            logs, joint = engine.joint(self.patients.evidence(rows), self.names)
            posterior = joint.reshape(len(weights), self.cells)
            log_evidence += float(weights @ logs)
            seen += (self._seen(rows) * weights[:, None]).T @ posterior
            ids, firsts = np.unique(self.pattern[rows], return_index=True)
            for pattern, first, last in zip(ids, firsts, [*firsts[1:], len(weights)], strict=True):
                by_pattern[pattern] += weights[first:last] @ posterior[first:last]
        return Totals(log_evidence, self._split_totals(network, seen, by_pattern))

    def _seen(self, rows: slice) -> Array:
        """1 where a patient has a state of a finding, shape (n_rows, n_states of all findings)."""
        codes = self.patients.codes[rows]
        seen = np.zeros((len(codes), self.n_seen))
        for v, first in self.offsets.items():
            known = np.flatnonzero(codes[:, v] >= 0)
            seen[known, first + codes[known, v]] = 1.0
        return seen

    def _split_totals(self, network: Network, seen: Array, by_pattern: Array) -> Array:
        counts = np.zeros(self.layout.size)
        for v, first in self.offsets.items():
            node = network.nodes[v]
            n_states = len(node.states)
            cells = seen[first : first + n_states].reshape(n_states, *self.joint_cards)
            axes = [self.roles.joint.index(network.index[parent]) for parent in node.parents]
            family = np.moveaxis(_reduced(cells, axes), 0, -1)
            counts[self._columns(v)] = family.ravel() @ _drawn(node).reshape(family.size, -1)
        prior = self._prior(network)
        above = prior * (self.allowed.T @ _ratio(by_pattern, self.allowed @ prior))
        above = above.reshape(1, *self.context_cards, *self.joint_cards)
        scope = (*self.roles.contexts, *self.roles.joint)
        for v in scope:
            node = network.nodes[v]
            family = _reduced(above, [scope.index(network.index[name]) for name in (*node.parents, node.name)])
            counts[self._columns(v)] = family.ravel() @ _drawn(node).reshape(family.size, -1)
        return counts

    def _prior(self, network: Network) -> Array:
        """P(contexts, joint), shape (n_configurations, n_cells)."""
        return dense_tables(network, self.roles).prior.reshape(-1, self.cells)

    def _columns(self, v: int) -> slice:
        return slice(*self.layout.starts[v : v + 2])

    def cases(self, network: Network, rows: Index) -> Iterator[tuple[Index, Array]]:
        engine = Engine(network)
        prior = self._prior(network)
        drawn = {v: _drawn(network.nodes[v]) for v in range(len(network))}
        place = np.empty(len(self.order), dtype=np.intp)
        place[self.order] = np.arange(len(self.order))
        mine = np.sort(place[rows])
        width = max(1, min(self.width, CHUNK_BYTES // (8 * self.layout.size)))
        for start in range(0, len(mine), width):
            part = mine[start : start + width]
            _, joint = engine.joint(self.patients.evidence(part), self.names)
            posterior = joint.reshape(len(part), self.cells)
            counts = np.zeros((len(part), self.layout.size))
            for v in self.offsets:
                node, codes = network.nodes[v], self.patients.codes[part, v]
                of_cell = drawn[v][self._configuration(network, node, 0)]
                for state in np.unique(codes[codes >= 0]):
                    chosen = np.flatnonzero(codes == state)
                    counts[chosen, self._columns(v)] = posterior[chosen] @ of_cell[:, state]
            self._add_above(network, part, posterior, prior, drawn, counts)
            yield self.order[part], counts

    def _add_above(
        self, network: Network, rows: Index, posterior: Array, prior: Array, drawn: dict[int, Array], counts: Array
    ) -> None:
        """Contexts and causes: one matrix from cells to counts per configuration of the contexts."""
        allowed = self.allowed[self.pattern[rows]]
        share = _ratio(posterior, allowed @ prior)
        for number in range(len(prior)):
            chosen = np.flatnonzero(allowed[:, number])
            if not chosen.size:
                continue
            weighted = share[chosen] * prior[number]
            for v in (*self.roles.contexts, *self.roles.joint):
                node = network.nodes[v]
                own = np.broadcast_to(self._states(v, number), self.cells)
                of_cell = drawn[v][self._configuration(network, node, number), own]
                counts[chosen, self._columns(v)] += weighted @ of_cell

    def _states(self, v: int, number: int) -> Index:
        """State of a variable in every cell; contexts are in configuration ``number``."""
        digits = self.digits.get(v)
        return np.asarray(self.context_digits[v][number] if digits is None else digits)

    def _configuration(self, network: Network, node: Node, number: int) -> Index:
        """Configuration of a variable's parents in every cell, as a flat number."""
        parents = [network.index[name] for name in node.parents]
        flat = np.zeros(self.cells, dtype=np.intp)
        for u in parents:
            flat = flat * network.cardinalities[u] + self._states(u, number)
        return flat


def _distinct_rows(codes: NDArray[np.int32]) -> tuple[NDArray[np.int32], Index]:
    """The different rows, and which of them each row is; all rows are equal where there is no column."""
    if not codes.shape[1]:
        return codes[:1], np.zeros(len(codes), dtype=np.intp)
    rows, which = np.unique(codes, axis=0, return_inverse=True)
    return rows, which.reshape(-1)


def _reduced(table: Array, axes: list[int]) -> Array:
    """Sums over all axes but the first and these, which then follow in this order."""
    kept = sorted(axes)
    summed = table.sum(axis=tuple(1 + axis for axis in range(table.ndim - 1) if axis not in axes))
    return np.asarray(summed.transpose(0, *(1 + kept.index(axis) for axis in axes)))


def _drawn(node: Node) -> Array:
    r"""What each distribution of a variable drew, given its parents and itself: the expected counts of one patient.

    In a gate, with :math:`F_i` the cumulative distribution of part i and :math:`F = \prod_i F_i` that of the child, the
    parts other than i stay at or below x with probability :math:`F(x) / F_i(x)`. So part i draws g, and the child shows
    x, with probability :math:`p_i(g) F(x) / F_i(x)` for x = g, and
    :math:`p_i(g) (F(x) / F_i(x) - F(x - 1) / F_i(x - 1))` for x > g.

    Returns
    -------
    ndarray, shape (n_parent_configurations, n_states, n_places of the variable)
    """
    numbers = numbers_of(node.cpd, None)
    if not isinstance(numbers, GateDraws):
        n_states = node.cpd.n_states
        rows = numbers.size // n_states
        return np.eye(rows * n_states).reshape(rows, n_states, rows * n_states)
    table = expanded(numbers)[0]
    digits = np.indices(table.shape[:-1]).reshape(table.ndim - 1, -1)
    table = table.reshape(digits.shape[1], -1)
    grades = np.arange(table.shape[1])
    reached = np.cumsum(table, axis=1)
    parts = []
    for place, own in enumerate((numbers.leak[0][None], *(link[0] for link in numbers.links))):
        states = digits[place - 1] if place else np.zeros(len(table), dtype=np.intp)
        others = _ratio(reached, np.cumsum(own, axis=1)[states])
        risen = np.diff(others, axis=1, prepend=0.0)
        at = np.where(
            grades[:, None] == grades, others[:, :, None], np.where(grades[:, None] > grades, risen[:, :, None], 0)
        )
        share = np.clip(_ratio(at * own[states][:, None, :], table[:, :, None]), 0.0, 1.0)
        spread = np.zeros((*table.shape, len(own), table.shape[1]))
        spread[np.arange(len(table)), :, states] = share
        parts.append(spread.reshape(*table.shape, -1))
    return np.concatenate(parts, axis=2)


def _ratio(above: Array, below: Array) -> Array:
    """Quotient, 0 where the divisor is 0."""
    shape = np.broadcast_shapes(above.shape, below.shape)
    return np.divide(above, below, out=np.zeros(shape), where=np.broadcast_to(below > 0, shape))
