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

from bayesdx.inference.program import Program, Step, View

Array = NDArray[np.float64]

MOST_PLAIN_FACTORS = 12
"""A clique that takes in more messages than this multiplies them as logarithms, so that no product underflows."""


@dataclass(frozen=True, eq=False)
class Calibrated:
    """A junction tree after both passes.

    Parameters
    ----------
    log_evidence : ndarray, shape (n_lanes,)
    beliefs : mapping of clique to ndarray, shape (cells, n_lanes or 1)
        Posterior of the clique's variables, for the cliques asked for; 0 where the evidence is impossible.
    """

    log_evidence: Array
    beliefs: Mapping[int, Array]


def propagate(
    program: Program,
    potentials: Sequence[Array],
    alone: Array,
    likelihoods: Mapping[int, Array],
    n_lanes: int,
    wanted: Iterable[int],
) -> Calibrated:
    """Pass messages up, and down again to the cliques in ``wanted``.

    Parameters
    ----------
    program : Program
    potentials, alone
        As from ``Program.potentials``.
    likelihoods : mapping of variable to ndarray, shape (n_states, n_lanes)
        For every variable of the program that has evidence.
    n_lanes : int
    wanted : iterable of int
        Cliques whose beliefs are returned.
    """
    steps = program.steps
    with np.errstate(divide="ignore", invalid="ignore", under="ignore"):
        scale = np.log(np.broadcast_to(alone, (n_lanes,)).copy())
        inbox: list[list[tuple[Array, View]]] = [[] for _ in steps]
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
        beliefs = _downward(steps, inside, upward, set(wanted))
    return Calibrated(scale, beliefs)


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
        return _product_of_many(potential, entering, scale)
    product = potential
    for values, seen in entering:
        spread = values.reshape(*seen.part, values.shape[-1])
        product = (product.reshape(*seen.clique, product.shape[-1]) * spread).reshape(step.cells, -1)
    return product


def _product_of_many(potential: Array, entering: Sequence[tuple[Array, View]], scale: Array) -> Array:
    total = np.log(potential)
    for values, seen in entering:
        spread = np.log(values).reshape(*seen.part, values.shape[-1])
        total = (total.reshape(*seen.clique, total.shape[-1]) + spread).reshape(len(potential), -1)
    top = total.max(axis=0)
    top = np.where(np.isneginf(top), 0.0, top)
    scale += top
    return np.asarray(np.exp(total - top), dtype=np.float64)


def _downward(
    steps: Sequence[Step], inside: Sequence[Array], upward: Sequence[Array], wanted: set[int]
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
        spread = inside[place].reshape(step.cells // step.kept, step.kept, -1) * ratio
        beliefs[place] = spread.reshape(step.cells, -1)
    return {place: beliefs[place] for place in wanted}
