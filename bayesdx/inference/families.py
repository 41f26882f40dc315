"""Posteriors of families: a table with its parents, or what the leak and each link of a noisy gate drew."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayesdx.inference.factors import combined, numbers_of
from bayesdx.inference.parameter_draws import GateDraws, ParameterDraws
from bayesdx.inference.propagation import Family, GateFamily
from bayesdx.network import Network

Array = NDArray[np.float64]
Index = NDArray[np.intp]


def empty_family(network: Network, v: int, n_lanes: int) -> Family:
    """Zeros in the shape of the family of variable ``v`` for so many lanes."""
    numbers = numbers_of(network.nodes[v].cpd, None)
    if isinstance(numbers, GateDraws):
        leak = np.zeros((n_lanes, numbers.leak.shape[-1]))
        return GateFamily(leak, tuple(np.zeros((n_lanes, *link.shape[1:])) for link in numbers.links))
    return np.zeros((n_lanes, *numbers.shape[1:]))


def store_family(
    network: Network,
    v: int,
    family: Family,
    joints: list[Array],
    rows: Index,
    draw_of: Index,
    draws: ParameterDraws | None,
) -> None:
    """Write the family of one variable into ``rows`` from the joint posteriors of its factors.

    Parameters
    ----------
    network : Network
    v : int
    family : Family
        Arrays over all lanes.
    joints : list of ndarray, each of shape (n_rows, *cardinalities of a factor's scope)
        One for a table or an expanded gate; the leak and every link of an unrolled one.
    rows, draw_of : ndarray of int, shape (n_rows,)
        Where the lanes go, and the draw of parameters that each uses.
    draws : ParameterDraws or None
    """
    node = network.nodes[v]
    if not isinstance(family, GateFamily):
        family[rows] = joints[0]
        return
    drawn = draws.cpds.get(node.name) if draws else None
    numbers = numbers_of(node.cpd, drawn)
    assert isinstance(numbers, GateDraws)
    mine = draw_of if drawn is not None else np.zeros(1, dtype=np.intp)
    if len(joints) > 1:
        family.leak[rows] = joints[0]
        for place, link in enumerate(numbers.links):
            family.links[place][rows] = drawn_in_chain(joints[place + 1], link[mine])
        return
    joint = joints[0]
    parts = (family.leak, *family.links)
    for place, weights in enumerate(link_weights(numbers)):
        kept = (0, place) if place else (0,)
        summed = tuple(axis for axis in range(joint.ndim) if axis not in kept)
        shared = weights[mine]
        for grade in range(shared.shape[-1]):
            parts[place][rows, ..., grade] = (joint * shared[..., grade]).sum(axis=summed)


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
        others = combined([np.ones_like(p) * (grades == 0) if i == place else p for i, p in enumerate(parts)])
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
