"""Expected counts: how often each distribution drew each state, given what was observed of the patients.

Two ways to the same numbers. Where a small joint of causes separates the network, the patients are first added up, by
what was seen of each finding, into weights over the cells of that joint; the gates are then split once, not once per
patient. Every other network sums joint posteriors of families, which are split once as well. A variable of which
nothing was seen, neither itself nor anything below it, carries no information about its distribution: it is left out,
or drawn as its numbers predict.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from bayesdx.inference import Engine
from bayesdx.inference.dense import dense_tables
from bayesdx.inference.factors import can_be_quiet, full_table, numbers_of
from bayesdx.inference.kernels import processors
from bayesdx.inference.parameter_draws import GateDraws
from bayesdx.inference.plan import Roles, roles
from bayesdx.learning.layout import Layout
from bayesdx.learning.patients import Patients
from bayesdx.network import Network, Node

Array = NDArray[np.float64]
Index = NDArray[np.intp]

T = TypeVar("T")

CHUNK_BYTES = 2**25
"""Memory of the posteriors that are held at a time, per thread."""

MOST_THREADS = 8

PASSES = 10
"""Passes that EM takes over the patients, about, for the choice of the kernel."""


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

    def cases(
        self, network: Network, rows: Index, names: Collection[str] | None = None
    ) -> Iterator[tuple[Index, Array]]:
        """(rows, counts of shape (n_rows, layout.size)) of some patients, a chunk at a time.

        With ``names``, those of these variables at least; the others may be left at 0.
        """
        ...


def expectation(layout: Layout, patients: Patients) -> Expectation:
    """The quicker way for this network."""
    chosen = roles(layout.network)
    return _General(layout, patients) if chosen is None else _Dense(layout, patients, chosen)


class _General:
    """Joint posteriors of families, added up over the patients before gates are split into their draws.

    A finding without children needs its parents only: patients in whom it showed a state add their posterior of the
    parents to that state, and findings with the same parents share it. Gates too large for a table of their own are
    summed from the engine's families.
    """

    def __init__(self, layout: Layout, patients: Patients) -> None:
        network = layout.network
        self.layout = layout
        self.patients = patients
        self.informed = _informed(network, patients.codes)
        inner = {network.index[name] for node in network.nodes for name in node.parents}
        self.large = [v for v in range(len(network)) if can_be_quiet(network, v)]
        self.leaves: dict[tuple[int, ...], list[int]] = {}
        self.inner: dict[tuple[int, ...], list[int]] = {}
        for v in range(len(network)):
            if v not in self.large:
                scope = {network.index[name] for name in network.nodes[v].parents}
                groups, scope = (self.inner, scope | {v}) if v in inner else (self.leaves, scope)
                groups.setdefault(tuple(sorted(scope)), []).append(v)
        self.scopes = tuple(dict.fromkeys(scope for scope in (*self.inner, *self.leaves) if scope))
        cells = sum(prod(network.cardinalities[v] for v in scope) for scope in self.scopes)
        cells += sum(layout.starts[v + 1] - layout.starts[v] for v in self.large)
        self.width = max(1, CHUNK_BYTES // (8 * max(cells, 1)))

    def totals(self, network: Network) -> Totals:
        chunks = self._chunks(np.arange(len(self.patients)), self.width)
        # chunks have threads of their own
        engine = Engine(network, workers=1 if len(chunks) > 1 else None, batches=PASSES * len(chunks))
        log_evidence = 0.0
        families = [np.zeros(prod(self._shape(v))) for v in range(len(network))]
        counts = np.zeros(self.layout.size)
        for logs, parts, of_large in _in_threads(lambda rows: self._added_up(engine, rows), chunks):
            log_evidence += logs
            counts += of_large
            for v, part in parts.items():
                families[v] += part
        for v in (v for group in (*self.inner.values(), *self.leaves.values()) for v in group):
            counts[self._columns(v)] = _counted(network.nodes[v], families[v][None])[0]
        return Totals(log_evidence, counts)

    def _chunks(self, rows: Index, width: int) -> list[Index]:
        return [rows[start : start + width] for start in range(0, len(rows), width)]

    def _added_up(self, engine: Engine, rows: Index) -> tuple[float, dict[int, Array], Array]:
        """Log evidence; expected patients per configuration of each family; counts of the large gates."""
        weights, codes = self.patients.weights[rows], self.patients.codes[rows]
        logs, joints = self._joints(engine, rows)
        parts: dict[int, Array] = {}
        for scope, group in self.inner.items():
            for v in group:
                summed = (weights * self.informed[rows, v]) @ joints[scope]
                parts[v] = self._arranged(v, summed[None], scope)[0]
        for scope, group in self.leaves.items():
            cards = [self.layout.network.cardinalities[v] for v in group]
            firsts = np.cumsum([0, *cards])
            seen = np.zeros((len(rows), firsts[-1]))
            for v, first in zip(group, firsts[:-1], strict=True):
                known = np.flatnonzero(codes[:, v] >= 0)
                seen[known, first + codes[known, v]] = weights[known]
            summed = seen.T @ joints[scope]
            for v, first, last in zip(group, firsts[:-1], firsts[1:], strict=True):
                parts[v] = self._arranged(v, summed[first:last], scope).T.ravel()
        return float(weights @ logs), parts, weights @ self._large_counts(engine, rows)

    def _joints(self, engine: Engine, rows: Index) -> tuple[Array, dict[tuple[int, ...], Array]]:
        """Log evidence, and the posterior of every scope, shape (n_rows, n_configurations)."""
        names = self.layout.network.names
        logs, found = engine.joints(self.patients.evidence(rows), [[names[v] for v in scope] for scope in self.scopes])
        joints = {scope: joint.reshape(len(rows), -1) for scope, joint in zip(self.scopes, found, strict=True)}
        return logs, {(): np.ones((len(rows), 1)), **joints}

    def _arranged(self, v: int, values: Array, scope: tuple[int, ...]) -> Array:
        """Rows over a sorted scope as rows over the parents of ``v``, and ``v`` itself where it belongs to it."""
        network = self.layout.network
        wanted = [*(network.index[name] for name in network.nodes[v].parents), *((v,) if v in scope else ())]
        shaped = values.reshape(len(values), *(network.cardinalities[u] for u in scope))
        return shaped.transpose(0, *(1 + scope.index(u) for u in wanted)).reshape(len(values), -1)

    def _shape(self, v: int) -> tuple[int, ...]:
        network = self.layout.network
        return (
            *(network.cardinalities[network.index[name]] for name in network.nodes[v].parents),
            network.cardinalities[v],
        )

    def _columns(self, v: int) -> slice:
        return slice(*self.layout.starts[v : v + 2])

    def _large_counts(self, engine: Engine, rows: Index) -> Array:
        counts = np.zeros((len(rows), self.layout.size))
        if self.large:
            names = [self.layout.network.names[v] for v in self.large]
            found = engine.propagate(self.patients.evidence(rows), targets=(), families=names)
            for v, name in zip(self.large, names, strict=True):
                self.layout.put(v, found.families[name], counts)
                counts[:, self._columns(v)] *= self.informed[rows, v, None]
        return counts

    def cases(
        self, network: Network, rows: Index, names: Collection[str] | None = None
    ) -> Iterator[tuple[Index, Array]]:
        width = max(1, min(self.width, CHUNK_BYTES // (8 * self.layout.size)))
        chunks = self._chunks(rows, width)
        engine = Engine(network, batches=max(1, len(chunks)))
        wanted = _positions(network, names)
        for part in chunks:
            codes = self.patients.codes[part]
            _, joints = self._joints(engine, part)
            counts = self._large_counts(engine, part)
            for scope, group in self.inner.items():
                for v in wanted.intersection(group):
                    found = _counted(network.nodes[v], self._arranged(v, joints[scope], scope))
                    counts[:, self._columns(v)] = found * self.informed[part, v, None]
            for scope, group in self.leaves.items():
                for v in wanted.intersection(group):
                    parents = self._arranged(v, joints[scope], scope)
                    seen = codes[:, v, None] == np.arange(network.cardinalities[v])
                    family = (parents[:, :, None] * seen[:, None, :]).reshape(len(part), -1)
                    counts[:, self._columns(v)] = _counted(network.nodes[v], family)
            yield part, counts


def _positions(network: Network, names: Collection[str] | None) -> set[int]:
    return {network.index[name] for name in (network.names if names is None else names)}


def _in_threads(work: Callable[[Index], T], chunks: Sequence[Index]) -> Iterator[T]:
    """Results in the order of the chunks; the first alone, since it prepares what the others share."""
    yield work(chunks[0])
    if len(chunks) > 1:
        with ThreadPoolExecutor(min(MOST_THREADS, processors())) as pool:
            yield from pool.map(work, chunks[1:])


def _counted(node: Node, families: Array) -> Array:
    """What each distribution of a variable drew, from rows over its parents and itself, shape (n_rows, n_places).

    As ``_drawn`` says. What a part itself draws depends on one parent only, so that the other parents are summed out
    before its own distribution is divided out.
    """
    numbers = numbers_of(node.cpd, None)
    if not isinstance(numbers, GateDraws):
        return families
    table = full_table(node.cpd)[0]
    chosen = _chosen_by_part(table.shape[:-1])
    table = table.reshape(-1, table.shape[-1])
    reached = np.cumsum(table, axis=1)
    weight = _ratio(families.reshape(len(families), *table.shape), table[None])
    own = np.concatenate([numbers.leak, *(link[0] for link in numbers.links)])
    at_most = np.cumsum(own, axis=1)
    shown = _ratio(chosen @ (weight * reached), at_most[None])
    risen = shown[..., 1:] - _ratio(chosen @ (weight[..., 1:] * reached[:, :-1]), at_most[None, :, :-1])
    shown[..., :-1] += np.maximum(risen, 0.0)[..., ::-1].cumsum(axis=2)[..., ::-1]  # it shows more than was drawn
    return np.asarray((shown * own).reshape(len(families), -1))


@lru_cache(maxsize=256)
def _chosen_by_part(cards: tuple[int, ...]) -> Array:
    """1 where a configuration of the parents has the state of a distribution: the leak's, then those of each link."""
    digits = np.indices(cards).reshape(len(cards), prod(cards))
    chosen = [states == np.arange(card)[:, None] for states, card in zip(digits, cards, strict=True)]
    return np.concatenate([np.ones((1, prod(cards))), *chosen])


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
        engine = Engine(network, batches=PASSES * (1 + len(self.patients) // self.width))
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
            counts[self._columns(v)] = _counted(node, family.reshape(1, -1))[0]
        prior = self._prior(network)
        above = prior * (self.allowed.T @ _ratio(by_pattern, self.allowed @ prior))
        above = above.reshape(1, *self.context_cards, *self.joint_cards)
        scope = (*self.roles.contexts, *self.roles.joint)
        for v in scope:
            node = network.nodes[v]
            family = _reduced(above, [scope.index(network.index[name]) for name in (*node.parents, node.name)])
            counts[self._columns(v)] = _counted(node, family.reshape(1, -1))[0]
        return counts

    def _prior(self, network: Network) -> Array:
        """P(contexts, joint), shape (n_configurations, n_cells)."""
        return dense_tables(network, self.roles).prior.reshape(-1, self.cells)

    def _columns(self, v: int) -> slice:
        return slice(*self.layout.starts[v : v + 2])

    def cases(
        self, network: Network, rows: Index, names: Collection[str] | None = None
    ) -> Iterator[tuple[Index, Array]]:
        engine = Engine(network)
        prior = self._prior(network)
        wanted = _positions(network, names)
        drawn = {v: _drawn(network.nodes[v]) for v in wanted}
        place = np.empty(len(self.order), dtype=np.intp)
        place[self.order] = np.arange(len(self.order))
        mine = np.sort(place[rows])
        width = max(1, min(self.width, CHUNK_BYTES // (8 * self.layout.size)))
        for start in range(0, len(mine), width):
            part = mine[start : start + width]
            _, joint = engine.joint(self.patients.evidence(part), self.names)
            posterior = joint.reshape(len(part), self.cells)
            counts = np.zeros((len(part), self.layout.size))
            for v in wanted.intersection(self.offsets):
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
            for v in drawn.keys() & {*self.roles.contexts, *self.roles.joint}:
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
    table = full_table(node.cpd)[0]
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
