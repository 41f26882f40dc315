"""The two passes over a junction tree in numpy: many cases at once, as the last axis of every array.

Messages are scaled to a mean of 1 per case: scaled to a sum of 1, the product of the messages to a hub underflows.
0/0 is 0, which is what structural zeros need.

References
----------
F. V. Jensen, S. Lauritzen, K. Olesen (1990), "Bayesian updating in causal probabilistic networks by local
computations", Computational Statistics Quarterly 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesdx.inference.logs import exponentials
from bayesdx.inference.program import Program, Step, View, view

Array = NDArray[np.float64]

MOST_PLAIN_FACTORS = 12
"""A clique that takes in more messages than this multiplies them as logarithms."""

FAINTEST_PLAIN = 1e-100
"""So does one whose product, in some lane, has no cell above this: faint cells may have been lost."""


@dataclass(frozen=True, eq=False)
class Calibrated:
    """A junction tree after both passes.

    Parameters
    ----------
    program : Program
    log_evidence : ndarray, shape (n_lanes,)
    beliefs : mapping of clique to ndarray, shape (cells, n_lanes or 1)
        Posterior of the clique's variables, for the cliques asked for; 0 where the evidence is impossible.
    """

    program: Program
    log_evidence: Array
    beliefs: Mapping[int, Array]

    def joint(self, scope: tuple[int, ...]) -> Array:
        """Joint posterior of variables that share a clique, shape (n_lanes, *cardinalities), in their order."""
        home = self.program.home_of(scope)
        clique, cards = self.program.tree.cliques[home], self.program.cards
        ordered = [v for v in clique if v in scope]
        seen = view(clique, ordered, cards)
        belief = self.beliefs[home]
        values = belief.reshape(*seen.clique, belief.shape[-1]).sum(axis=seen.summed)
        values = values.reshape(*(cards[v] for v in ordered), belief.shape[-1])
        values = np.broadcast_to(values, (*values.shape[:-1], len(self.log_evidence)))
        return values.transpose(len(ordered), *(ordered.index(v) for v in scope))


def propagate(
    program: Program,
    potentials: Sequence[Array],
    alone: Array,
    likelihoods: Mapping[int, Array],
    n_lanes: int,
    scopes: Iterable[tuple[int, ...]],
    rows: Iterable[tuple[int, View, Array]] = (),
    taken_out: Array | float = 0.0,
) -> Calibrated:
    """Pass messages up, and down again to the cliques that hold ``scopes``.

    Parameters
    ----------
    program : Program
    potentials, alone
        As from ``Program.potentials``.
    likelihoods : mapping of variable to ndarray, shape (n_states, n_lanes)
        For every variable of the program that has evidence.
    n_lanes : int
    scopes : iterable of tuple of int
        Sets of variables, each in one clique, whose joint posteriors will be read.
    rows : iterable of (clique, View, ndarray of shape (cells, n_lanes or 1))
        Likelihoods over some variables of a clique: what leaves bring.
    taken_out : ndarray, shape (n_lanes,)
        Logarithm of what was factored out of ``rows``.
    """
    steps = program.steps
    with np.errstate(divide="ignore", invalid="ignore", under="ignore"):
        scale = np.log(np.broadcast_to(alone, (n_lanes,))) + taken_out
        inbox: list[list[tuple[Array, View]]] = [[] for _ in steps]
        for clique, seen, values in rows:
            inbox[clique].append((values, seen))
        inside: list[Array] = []
        upward: list[Array] = []
        for place, step in enumerate(steps):
            inside.append(_product(potentials[place], step, inbox[place], likelihoods, scale))
            inbox[place] = []
            total = inside[place].reshape(step.cells // step.kept, step.kept, -1).sum(axis=0)
            upward.append(total)
            mean = total.sum(axis=0) / step.kept
            scale += np.log(mean)
            message = np.divide(total, mean, out=np.zeros_like(total), where=mean > 0)
            if step.parent >= 0:
                inbox[step.parent].append((message, step.into_parent))
        beliefs = _downward(steps, potentials, inside, upward, {program.home_of(scope) for scope in scopes if scope})
    return Calibrated(program, scale, beliefs)


def _product(
    potential: Array,
    step: Step,
    messages: Sequence[tuple[Array, View]],
    likelihoods: Mapping[int, Array],
    scale: Array,
) -> Array:
    """Everything that enters a clique, multiplied; ``scale`` takes up what is factored out."""
    entering = [(likelihoods[v], seen) for v, seen in step.evidence if v in likelihoods]
    entering.extend(messages)
    if len(entering) > MOST_PLAIN_FACTORS:
        entering = _grouped(entering, scale)
    if len(entering) > MOST_PLAIN_FACTORS:
        return _product_of_many(potential, entering, scale)
    product = potential
    for values, seen in entering:
        spread = values.reshape(*seen.part, values.shape[-1])
        product = _times(product, seen.clique, spread, owned=product is not potential)
    if len(entering) > 1 and product.max(axis=0).min() < FAINTEST_PLAIN:
        return _product_of_many(potential, entering, scale)
    return product


def _times(values: Array, shape: tuple[int, ...], factor: Array, *, owned: bool) -> Array:
    """``values`` seen in ``shape`` times ``factor``; in place where the array is ours and has all lanes."""
    seen = values.reshape(*shape, values.shape[-1])
    out = seen if owned and values.shape[-1] >= factor.shape[-1] else None
    return np.multiply(seen, factor, out=out).reshape(len(values), -1)


def _grouped(entering: Sequence[tuple[Array, View]], scale: Array) -> list[tuple[Array, View]]:
    """Multiply, as logarithms, what enters over the same variables: a hub takes in many messages over itself."""
    groups: dict[View, list[Array]] = {}
    for values, seen in entering:
        groups.setdefault(seen, []).append(values)
    grouped = []
    for seen, parts in groups.items():
        if len(parts) == 1:
            grouped.append((parts[0], seen))
            continue
        total = np.log(parts[0])
        for values in parts[1:]:
            total = total + np.log(values)
        grouped.append((exponentials(total, scale), seen))
    return grouped


def _product_of_many(potential: Array, entering: Sequence[tuple[Array, View]], scale: Array) -> Array:
    total = np.log(potential)
    for values, seen in entering:
        spread = np.log(values).reshape(*seen.part, values.shape[-1])
        total = (total.reshape(*seen.clique, total.shape[-1]) + spread).reshape(len(potential), -1)
    return exponentials(total, scale)


def _downward(
    steps: Sequence[Step],
    potentials: Sequence[Array],
    inside: Sequence[Array],
    upward: Sequence[Array],
    wanted: set[int],
) -> dict[int, Array]:
    needed = set(wanted)
    for place, step in enumerate(steps):
        if place in needed and step.parent >= 0:
            needed.add(step.parent)
    beliefs: dict[int, Array] = {}
    for place in sorted(needed, reverse=True):
        step = steps[place]
        if step.parent < 0:
            shared: Array = np.ones((1, 1))
        else:
            above, seen = beliefs[step.parent], step.into_parent
            shared = above.reshape(*seen.clique, above.shape[-1]).sum(axis=seen.summed).reshape(step.kept, -1)
        below = upward[place]
        ratio = np.divide(shared, below, out=np.zeros(np.broadcast(shared, below).shape), where=below > 0)
        shape = (step.cells // step.kept, step.kept)
        beliefs[place] = _times(inside[place], shape, ratio, owned=inside[place] is not potentials[place])
    return {place: beliefs[place] for place in wanted}
