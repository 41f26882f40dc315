"""The joint table of a whole model, written out: the definition that answers are compared with."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

import bayesdx as dx
from bayesdx.diagnosis.events import Event
from bayesdx.network import Network, NoisyMax, Table, compile_network

Array = NDArray[np.float64]


def joint_array(network: Network) -> Array:
    """P(every configuration), one axis per variable."""
    joint = np.ones((1,) * len(network))
    for position, node in enumerate(network.nodes):
        scope = [*(network.index[name] for name in node.parents), position]
        table = node.cpd.table()
        order = sorted(range(len(scope)), key=scope.__getitem__)
        shape = [1] * len(network)
        for place in scope:
            shape[place] = network.cardinalities[place]
        joint = joint * table.transpose(order).reshape(shape)
    return joint


def weighed(
    joint: Array, network: Network, codes: Sequence[int], likelihoods: Mapping[str, Array] | None = None
) -> Array:
    """The joint with everything that the evidence excludes at 0."""
    for place, code in enumerate(codes):
        if code >= 0:
            joint = joint * _axis(network, place, np.arange(network.cardinalities[place]) == code)
    for name, values in (likelihoods or {}).items():
        joint = joint * _axis(network, network.index[name], values)
    return joint


def _axis(network: Network, place: int, values: Array) -> Array:
    shape = [1] * len(network)
    shape[place] = network.cardinalities[place]
    return np.asarray(values, dtype=float).reshape(shape)


def total(values: Array) -> float:
    """Sum of all cells, exact to the last bit."""
    return math.fsum(values.ravel().tolist())


def log_odds(joint: Array, network: Network, event: Event) -> float:
    """Log-odds of an event from a weighed joint."""
    place = network.index[event.variable]
    cells = np.moveaxis(joint, place, 0)
    inside = math.fsum(cells[list(event.states)].ravel().tolist())
    rest = [state for state in range(network.cardinalities[place]) if state not in event.states]
    outside = math.fsum(cells[rest].ravel().tolist())
    if inside == 0 or outside == 0:
        return -math.inf if inside == 0 else math.inf
    return math.log(inside) - math.log(outside)


def of_case(case: dx.Diagnosis) -> tuple[Network, Array]:
    """Network of a case and its joint, weighed by the findings."""
    network = compile_network(case.model)
    return network, weighed(joint_array(network), network, case.evidence.codes.tolist(), case.evidence.likelihoods)


def shapley(worth: Mapping[frozenset[int], float], n: int) -> list[float]:
    """The definition: what each player adds, averaged over every order of joining."""
    gains: list[list[float]] = [[] for _ in range(n)]
    for order in itertools.permutations(range(n)):
        joined: frozenset[int] = frozenset()
        for player in order:
            gains[player].append(worth[joined | {player}] - worth[joined])
            joined |= {player}
    return [math.fsum(each) / len(each) for each in gains]


def with_row(network: Network, name: str, part: str, parent: str, given: tuple[int, ...], row: Array) -> Network:
    """The network with one distribution replaced."""
    nodes = []
    for node in network.nodes:
        if node.name == name:
            if isinstance(node.cpd, Table):
                values = node.cpd.values.copy()
                values[given] = row
                cpd: Table | NoisyMax = Table(values)
            else:
                leak, links = node.cpd.leak.copy(), [link.copy() for link in node.cpd.links]
                if part == "leak":
                    leak[:] = row
                else:
                    links[node.parents.index(parent)][given] = row
                cpd = NoisyMax(leak, tuple(links))
            node = type(node)(node.name, node.states, node.parents, cpd)
        nodes.append(node)
    return Network(tuple(nodes), network.targets)
