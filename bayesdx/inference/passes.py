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

_TINY = np.finfo(np.float64).tiny
"""Messages below this are 0: a ratio to them could be infinite."""

MOST_PLAIN_FACTORS = 12
"""A clique that takes in more messages than this multiplies them as logarithms."""

FAINTEST_PLAIN = 1e-100
"""Where the mean of a product of messages is below this, it is computed again as logarithms: small cells may be 0."""


@dataclass(frozen=True, eq=False)
class Calibrated:
    """A junction tree after both passes.

    Parameters
    ----------
    program : Program
    log_evidence : ndarray, shape (n_lanes,)
    beliefs : mapping of clique to ndarray, shape (cells, n_lanes or 1)
        Posterior of the clique's variables, for the cliques asked for and those above them; 0 where the evidence is
        impossible.
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
            entering = _entering(step, inbox[place], likelihoods, scale)
            inbox[place] = []
            product = _product(potentials[place], entering, scale)
            total = _message(product, step)
            mean = total.sum(axis=0) / step.kept
            if entering and mean.min() < FAINTEST_PLAIN:
                faint = (mean < FAINTEST_PLAIN) & (scale > -np.inf)
                product = _scaled_product(product, potentials[place], entering, faint, scale)
                total = _message(product, step)
                mean = total.sum(axis=0) / step.kept
            inside.append(product)
            upward.append(total)
            scale += np.log(mean)
            message = np.divide(total, mean, out=np.zeros_like(total), where=mean > 0)
            if step.parent >= 0:
                inbox[step.parent].append((message, step.into_parent))
        wanted = {program.home_of(scope) for scope in scopes if scope}
        beliefs = _downward(steps, potentials, inside, upward, program.tree.up_to_roots(wanted))
    return Calibrated(program, scale, beliefs)


def _message(product: Array, step: Step) -> Array:
    """A clique summed to its separator, shape (kept, n_lanes or 1)."""
    return np.asarray(product.reshape(step.cells // step.kept, step.kept, -1).sum(axis=0))


def _entering(
    step: Step, messages: Sequence[tuple[Array, View]], likelihoods: Mapping[int, Array], scale: Array
) -> list[tuple[Array, View]]:
    """What is multiplied into a clique; ``scale`` takes up what is factored out."""
    entering = [(likelihoods[v], seen) for v, seen in step.evidence if v in likelihoods]
    entering.extend(messages)
    return _grouped(entering, scale) if len(entering) > MOST_PLAIN_FACTORS else entering


def _product(potential: Array, entering: Sequence[tuple[Array, View]], scale: Array) -> Array:
    """All of it multiplied; ``scale`` takes up what is factored out."""
    if len(entering) > MOST_PLAIN_FACTORS:
        return _product_of_many(potential, entering, scale)
    product = potential
    for values, seen in entering:
        spread = values.reshape(*seen.part, values.shape[-1])
        product = _times(product, seen.clique, spread, owned=product is not potential)
    return product


def _scaled_product(
    product: Array, potential: Array, entering: Sequence[tuple[Array, View]], faint: NDArray[np.bool_], scale: Array
) -> Array:
    """``product`` with the lanes in ``faint`` multiplied as logarithms."""
    if not faint.any():
        return product
    common = product.shape[-1] == 1
    lanes = np.zeros(1, dtype=np.intp) if common else np.flatnonzero(np.broadcast_to(faint, product.shape[-1:]))
    part = [(values if values.shape[-1] == 1 else values[:, lanes], seen) for values, seen in entering]
    own = potential if potential.shape[-1] == 1 else potential[:, lanes]
    taken_out = np.zeros(len(lanes))
    product = product.copy()
    product[:, lanes] = _product_of_many(own, part, taken_out)
    scale[... if common else lanes] += taken_out
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
    needed: set[int],
) -> dict[int, Array]:
    beliefs: dict[int, Array] = {}
    for place in sorted(needed, reverse=True):
        step = steps[place]
        if step.parent < 0:
            shared: Array = np.ones((1, 1))
        else:
            above, seen = beliefs[step.parent], step.into_parent
            shared = above.reshape(*seen.clique, above.shape[-1]).sum(axis=seen.summed).reshape(step.kept, -1)
        below = upward[place]
        ratio = np.divide(shared, below, out=np.zeros(np.broadcast(shared, below).shape), where=below >= _TINY)
        shape = (step.cells // step.kept, step.kept)
        beliefs[place] = _times(inside[place], shape, ratio, owned=inside[place] is not potentials[place])
    return beliefs
