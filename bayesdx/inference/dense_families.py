"""Families from the dense joint: what EM needs of many cases, without a second pass over the network.

A gate below the joint needs no table over its parents: given the joint posterior, what each link drew follows from one
sum per parent. The grade 0 of a binary link is what the other grade leaves of the parent's posterior, so its absolute,
not its relative, error is that of float64.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from bayesdx.inference import gate
from bayesdx.inference.dense import DenseTables
from bayesdx.inference.draws import GateDraws, numbers_of
from bayesdx.inference.evidence import Codes
from bayesdx.inference.result import Family, GateFamily
from bayesdx.network import Network, NoisyMax

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Index = NDArray[np.intp]


class DenseFamilies:
    """Reads families out of the posterior of the joint.

    Parameters
    ----------
    network : Network
    tables : DenseTables
    pattern_priors : ndarray, shape (n_patterns, n_cells)
        The prior of every pattern of contexts, as ``DenseTables.pattern_of`` counts them.
    """

    def __init__(self, network: Network, tables: DenseTables, pattern_priors: Array) -> None:
        self.network = network
        self.pattern_priors = pattern_priors
        self._indicators: dict[tuple[int, ...], Array] = {}
        self._others_of: dict[tuple[int, int, int], tuple[Array, Array]] = {}
        self.tables = tables
        self.above = set(tables.contexts)
        self.starts = dict(zip(tables.joint, np.cumsum([0, *tables.joint_cards[:-1]]).tolist(), strict=True))

    def fill(
        self, families: dict[int, Family], rows: slice, codes: Codes, posterior: Array, columns: Array, prior: Array
    ) -> None:
        """Write the families of some cases into their rows.

        Parameters
        ----------
        families : dict of variable to Family
            Arrays over all cases.
        rows : slice
        codes : ndarray, shape (n_rows, n_variables)
        posterior, prior : ndarray, shape (n_rows, n_cells)
            Of the joint; the prior is that of the case's contexts.
        columns : ndarray, shape (n_rows, n_joint_states)
            Marginals of the joint's states.
        """
        share = posterior / _safe(prior)
        contexts = self._contexts(codes, share) if any(v in self.above for v in families) else None
        for v, family in families.items():
            if isinstance(family, GateFamily) and v in self.tables.offsets:
                self._fill_gate(v, family, rows, codes[:, v], posterior, columns)
                continue
            joint = self._family_posterior(v, codes, posterior, share, contexts)
            if isinstance(family, GateFamily):
                _fill_expanded(self.network, v, family, rows, joint)
            else:
                family[rows] = joint

    def _fill_gate(
        self, v: int, family: GateFamily, rows: slice, column: Codes, posterior: Array, columns: Array
    ) -> None:
        """A gate below the joint: nothing learned where it is not observed, one division per state where it is."""
        node = self.network.nodes[v]
        cpd = node.cpd
        assert isinstance(cpd, NoisyMax)
        spans = [self._span(self.network.index[name]) for name in node.parents]
        family.leak[rows] = cpd.leak
        for target, link, span in zip(family.links, cpd.links, spans, strict=True):
            target[rows] = columns[:, span, None] * link
        for state in range(len(node.states)):
            cases = np.flatnonzero(column == state)
            if not cases.size:
                continue
            share = posterior[cases]
            if state > 0:
                share /= _safe(self.tables.rows[self.tables.offsets[v] + state])
            parts = self._gate_parts(v, state, share, columns[cases], spans)
            for target, values in zip((family.leak, *family.links), parts, strict=True):
                target[rows.start + cases] = values

    def _span(self, v: int) -> slice:
        start = self.starts[v]
        return slice(start, start + self.network.cardinalities[v])

    def _gate_parts(self, v: int, state: int, share: Array, columns: Array, spans: Sequence[slice]) -> Iterator[Array]:
        """Per part of a gate seen in ``state``, P(parent state, grade drawn | evidence); the leak comes first."""
        cpd = self.network.nodes[v].cpd
        assert isinstance(cpd, NoisyMax)
        if state == 0:
            yield np.broadcast_to(np.eye(len(cpd.leak))[0], (len(share), len(cpd.leak)))
            for link, span in zip(cpd.links, spans, strict=True):
                yield columns[:, span, None] * (np.arange(link.shape[1]) == 0)
            return
        if len(cpd.leak) == 2:
            sums = share @ self.tables.columns
            drawn = np.minimum(share.sum(axis=1) * cpd.leak[1], 1.0)
            yield np.stack([1.0 - drawn, drawn], axis=1)
            for link, span in zip(cpd.links, spans, strict=True):
                acts = np.minimum(sums[:, span] * link[:, 1], columns[:, span])
                yield np.stack([columns[:, span] - acts, acts], axis=2)
            return
        parts = [cpd.leak[None], *cpd.links]
        masks = [np.ones((share.shape[1], 1)), *(self.tables.columns[:, span] for span in spans)]
        for place, (part, mask) in enumerate(zip(parts, masks, strict=True)):
            key = (v, place, state)
            if key not in self._others_of:
                self._others_of[key] = self._others(v, place, state)
            exact, most = self._others_of[key]
            below, equal = (share * exact) @ mask, (share * most) @ mask
            grades = np.arange(part.shape[1])
            values = np.where(grades < state, below[:, :, None], np.where(grades == state, equal[:, :, None], 0.0))
            yield (values * part)[:, 0] if place == 0 else values * part

    def _others(self, v: int, place: int, state: int) -> tuple[Array, Array]:
        """P(highest grade of the other parts = state | joint), and P(at most state | joint)."""
        node = self.network.nodes[v]
        assert isinstance(node.cpd, NoisyMax)
        states = len(node.states)
        grade = np.broadcast_to(np.eye(states)[0] if place == 0 else node.cpd.leak, (self.tables.cells, states))
        for number, (name, link) in enumerate(zip(node.parents, node.cpd.links, strict=True), start=1):
            if number != place:
                grade = gate.raise_grade(grade, self.tables.columns[:, self._span(self.network.index[name])] @ link)
        return grade[:, state], grade[:, : state + 1].sum(axis=1)

    def _family_posterior(
        self,
        v: int,
        codes: Codes,
        posterior: Array,
        share: Array,
        contexts: Array | None,
    ) -> Array:
        """Joint posterior of (parents, child) as a table, shape (n_rows, *parent_cardinalities, n_states)."""
        network = self.network
        scope = [*(network.index[name] for name in network.nodes[v].parents), v]
        if v in self.tables.offsets:
            parents = self._fold(posterior, scope[:-1])
            values = numbers_of(network.nodes[v].cpd, None)
            assert not isinstance(values, GateDraws)
            seen = (codes[:, v, None] == np.arange(network.cardinalities[v])).astype(np.float64)
            seen = seen.reshape(len(seen), *([1] * len(scope[:-1])), -1)
            hard = (codes[:, v] >= 0).reshape(-1, *([1] * len(scope)))
            return np.asarray(parents[..., None] * np.where(hard, seen, values[0]))
        if v in self.above:
            assert contexts is not None
            kept = [u for u in self.tables.contexts if u in scope]
            gone = tuple(1 + axis for axis, u in enumerate(self.tables.contexts) if u not in scope)
            return np.asarray(contexts.sum(axis=gone)).transpose(0, *(1 + kept.index(u) for u in scope))
        above = [u for u in scope if u in self.above]
        joint = [u for u in scope if u not in self.above]
        order = [*above, *joint]
        found = np.zeros((len(codes), *(network.cardinalities[u] for u in order)))
        missing = codes[:, above] < 0
        for open_ in {tuple(row) for row in missing.tolist()}:
            cases = np.flatnonzero((missing == np.array(open_, dtype=np.bool_)).all(axis=1))
            values = share if any(open_) else posterior
            self._fill_cases(found, cases, above, joint, open_, codes[cases], values[cases])
        return found.transpose(0, *(1 + order.index(u) for u in scope))

    def _fill_cases(
        self,
        found: Array,
        cases: Index,
        above: Sequence[int],
        joint: Sequence[int],
        open_: Sequence[bool],
        codes: Codes,
        values: Array,
    ) -> None:
        """Cases in which the same contexts of the family are missing; their states are enumerated."""
        if not any(open_):
            found[(cases, *codes[:, above].T)] = self._fold(values, joint)
            return
        hidden = [u for u, missing in zip(above, open_, strict=True) if missing]
        filled = codes.copy()
        for states in np.ndindex(*(self.network.cardinalities[u] for u in hidden)):
            filled[:, hidden] = states
            weights = self.pattern_priors[self.tables.pattern_of(filled)]
            weights *= values
            found[(cases, *filled[:, above].T)] = self._fold(weights, joint)

    def _contexts(self, codes: Codes, share: Array) -> Array:
        """Posterior of every configuration of the contexts, shape (n_rows, *context_cardinalities)."""
        tables = self.tables
        found = (share @ tables.prior.reshape(-1, tables.cells).T).reshape(len(codes), *tables.context_cards)
        for axis, (v, card) in enumerate(zip(tables.contexts, tables.context_cards, strict=True), start=1):
            column = codes[:, v, None]
            seen = (column == np.arange(card)) | (column < 0)
            found *= seen.reshape(len(codes), *(card if a == axis else 1 for a in range(1, found.ndim)))
        return np.asarray(found)

    def _fold(self, weights: Array, variables: Sequence[int]) -> Array:
        """Sum the cells of the joint to some of its variables, shape (n_rows, *cardinalities)."""
        if not variables:
            return np.asarray(weights.sum(axis=1))
        cards = [self.network.cardinalities[u] for u in variables]
        return np.asarray((weights @ self._indicator(tuple(variables))).reshape(len(weights), *cards))

    def _indicator(self, variables: tuple[int, ...]) -> Array:
        """1 where a cell of the joint lies in a configuration of ``variables``, shape (n_cells, n_configurations)."""
        if variables not in self._indicators:
            product = np.ones((self.tables.cells, 1))
            for u in variables:
                column = self.tables.columns[:, self._span(u)]
                product = (product[:, :, None] * column[:, None, :]).reshape(self.tables.cells, -1)
            self._indicators[variables] = product
        return self._indicators[variables]


def _safe(divisor: Array) -> Array:
    """``divisor`` with 1 for 0: what is divided is 0 there."""
    return np.asarray(np.where(divisor > 0, divisor, 1.0))


def _fill_expanded(network: Network, v: int, family: GateFamily, rows: slice, joint: Array) -> None:
    """A gate whose whole family is at hand: contract it with what each part draws given parents and child."""
    numbers = numbers_of(network.nodes[v].cpd, None)
    assert isinstance(numbers, GateDraws)
    cells = math.prod(joint.shape[1:])
    for place, (target, weights) in enumerate(
        zip((family.leak, *family.links), gate.link_weights(numbers), strict=True)
    ):
        shared = weights[0].reshape(*joint.shape[1:], -1)
        if place == 0:
            target[rows] = joint.reshape(-1, cells) @ shared.reshape(cells, -1)
            continue
        first = np.moveaxis(joint, place, 1)
        second = np.moveaxis(shared, place - 1, 0)
        flat = first.reshape(*first.shape[:2], -1)
        target[rows] = np.stack(
            [flat[:, s] @ second[s].reshape(flat.shape[2], -1) for s in range(flat.shape[1])], axis=1
        )
