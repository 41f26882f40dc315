"""Networks made up for timing: the shape of a diagnostic model, and a large noisy-OR network of diseases."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayesdx.network import Network, Node, NoisyMax, Table

BINARY = ("absent", "present")


def flagship_like(seed: int = 0) -> Network:
    """6 contexts, 11 binary causes that depend on them, 34 findings (3 graded) that depend on the causes."""
    rng = np.random.default_rng(seed)
    nodes = []
    for number, card in enumerate((5, 2, 2, 3, 2, 2)):
        states = tuple(f"s{state}" for state in range(card))
        nodes.append(Node(f"context_{number}", states, (), Table(rng.dirichlet(np.ones(card) * 3))))
    contexts = tuple(nodes)
    for number in range(11):
        parents = [contexts[int(place)] for place in np.sort(rng.permutation(6)[:2])]
        nodes.append(_gate(rng, f"cause_{number}", BINARY, parents, leak=0.05, strength=0.15))
    causes = nodes[6:]
    for number in range(34):
        states = ("normal", "reduced", "absent") if number < 3 else BINARY
        count = int(rng.integers(2, 7))
        parents = [causes[int(place)] for place in np.sort(rng.permutation(11)[:count])]
        nodes.append(_gate(rng, f"finding_{number}", states, parents, leak=0.1, strength=0.8))
    return Network(tuple(nodes), targets=tuple(node.name for node in causes))


def _gate(
    rng: np.random.Generator, name: str, states: tuple[str, ...], parents: list[Node], leak: float, strength: float
) -> Node:
    def row(most: float) -> NDArray[np.float64]:
        acts = most * rng.uniform(0.2, 1.0)
        return np.concatenate([[1 - acts], acts * rng.dirichlet(np.ones(len(states) - 1))])

    silent = np.eye(len(states))[0]
    links = [np.stack([silent, *(row(strength) for _ in parent.states[1:])]) for parent in parents]
    return Node(name, states, tuple(parent.name for parent in parents), NoisyMax(row(leak), tuple(links)))


def sampled_codes(network: Network, n_cases: int, seed: int = 0) -> NDArray[np.int32]:
    """Cases drawn from the network itself, shape (n_cases, n_variables)."""
    rng = np.random.default_rng(seed)
    codes = np.zeros((n_cases, len(network)), dtype=np.int32)
    for position, node in enumerate(network.nodes):
        parents = [codes[:, network.index[parent]] for parent in node.parents]
        if isinstance(node.cpd, Table):
            codes[:, position] = _drawn(rng, node.cpd.values[tuple(parents)], n_cases)
            continue
        drawn = _drawn(rng, node.cpd.leak, n_cases)
        for link, states in zip(node.cpd.links, parents, strict=True):
            drawn = np.maximum(drawn, _drawn(rng, link[states], n_cases))
        codes[:, position] = drawn
    return codes


def _drawn(rng: np.random.Generator, rows: NDArray[np.float64], n_cases: int) -> NDArray[np.int32]:
    below = np.cumsum(np.broadcast_to(rows, (n_cases, rows.shape[-1])), axis=1)[:, :-1]
    return (rng.random((n_cases, 1)) > below).sum(axis=1).astype(np.int32)
