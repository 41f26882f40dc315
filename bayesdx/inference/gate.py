"""Noisy gates inside the engine: expansion, unrolling into a chain, and the posterior of what each link drew.

Everything here adds and multiplies only, so that small probabilities keep their relative precision.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bayesdx.inference.parameter_draws import GateDraws
from bayesdx.network import NoisyMax, Table

Array = NDArray[np.float64]


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


def _combined(parts: Sequence[Array]) -> Array:
    """Distribution of the highest grade for every combination of the parts' states, shape (draws, *states, grades)."""
    table = parts[0]
    for part in parts[1:]:
        spread = part.reshape(part.shape[0], *([1] * (table.ndim - 2)), *part.shape[1:])
        table = raise_grade(table[..., None, :], spread)
    return table


def expanded(gate: GateDraws) -> Array:
    """The gate as a full table, shape (n_draws, *parent_cardinalities, n_states)."""
    return _combined([gate.leak, *gate.links])


def chain_link(link: Array) -> Array:
    """P(grade after this link | grade before it, parent), shape (n_draws, n_states, n_parent_states, n_states).

    The grade so far stays when the link draws no higher one, and rises to what the link draws otherwise.
    """
    states = link.shape[-1]
    before, after = np.arange(states)[:, None, None], np.arange(states)
    stays = np.cumsum(link, axis=-1).swapaxes(-1, -2)[..., :, :, None] * (before == after)
    return np.asarray(np.where(after > before, link[:, None], stays), dtype=np.float64)


def link_weights(gate: GateDraws) -> list[Array]:
    """P(part i draws z | parents, child) for the leak and each link of an expanded gate.

    Returns
    -------
    list of ndarray, each of shape (n_draws, *parent_cardinalities, n_states, n_states)
        Last axes: state of the child, grade that the part draws. 0 where the child's state is impossible.
    """
    parts = [gate.leak[:, None], *gate.links]
    grades = np.arange(gate.leak.shape[-1])
    child, drawn = grades[:, None], grades
    weights = []
    for place, part in enumerate(parts):
        others = _combined([np.ones_like(p) * (grades == 0) if i == place else p for i, p in enumerate(parts)])
        rest = np.where(child > drawn, others[..., :, None], np.cumsum(others, axis=-1)[..., :, None])
        shape = [1] * (len(parts) + 1)
        shape[0], shape[place + 1] = part.shape[0], part.shape[1]
        joint = np.where(child >= drawn, rest * part.reshape(*shape, 1, part.shape[-1]), 0.0)
        total = joint.sum(axis=-1, keepdims=True)
        weights.append(np.divide(joint, total, out=np.zeros_like(joint), where=total > 0)[:, 0])
    return weights


def drawn_in_chain(posterior: Array, link: Array) -> Array:
    """Posterior of (parent, grade drawn) from the posterior of one factor of the chain.

    Parameters
    ----------
    posterior : ndarray, shape (n, n_states, n_parent_states, n_states)
        P(grade before, parent, grade after | evidence).
    link : ndarray, shape (n or 1, n_parent_states, n_states)

    Returns
    -------
    ndarray, shape (n, n_parent_states, n_states)
    """
    states = link.shape[-1]
    grades = np.arange(states)
    rose = np.where(grades[:, None, None] < grades, posterior, 0.0).sum(axis=1)
    stayed = np.diagonal(posterior, axis1=1, axis2=3)
    cumulative = np.cumsum(link, axis=-1)
    each = np.divide(stayed, cumulative, out=np.zeros_like(stayed), where=cumulative > 0)
    reached = np.cumsum(each[..., ::-1], axis=-1)[..., ::-1]
    return np.asarray(rose + link * reached, dtype=np.float64)


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
