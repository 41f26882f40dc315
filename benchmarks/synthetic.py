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


def many_diseases(n_diseases: int = 500, n_findings: int = 4000, links_each: int = 80, seed: int = 0) -> Network:
    """A two-layer noisy-OR network of the size of QMR-DT; each disease brings about ``links_each`` findings.

    A few findings are common to hundreds of diseases and most belong to few, as in that network.
    """
    rng = np.random.default_rng(seed)
    popularity = 1.0 / (np.arange(n_findings) + 50.0)
    popularity /= popularity.sum()
    parents: list[list[int]] = [[] for _ in range(n_findings)]
    for disease in range(n_diseases):
        for finding in rng.choice(n_findings, size=links_each, replace=False, p=popularity):
            parents[int(finding)].append(disease)
    nodes = []
    for disease in range(n_diseases):
        prior = 10.0 ** rng.uniform(-3.5, -1.5)
        nodes.append(Node(f"disease_{disease}", BINARY, (), Table([1 - prior, prior])))
    for finding, above in enumerate(parents):
        leak = 10.0 ** rng.uniform(-3, -1)
        links = tuple(np.array([[1.0, 0.0], [1 - link, link]]) for link in rng.uniform(0.05, 0.95, size=len(above)))
        names = tuple(f"disease_{disease}" for disease in above)
        cpd = NoisyMax([1 - leak, leak], links) if links else Table([1 - leak, leak])
        nodes.append(Node(f"finding_{finding}", BINARY, names, cpd))
    return Network(tuple(nodes), targets=tuple(f"disease_{disease}" for disease in range(n_diseases)))


def many_findings_case(network: Network, negative: int, positive: int, seed: int = 0) -> NDArray[np.int32]:
    """One case with so many negative and positive findings, the common ones more often, shape (1, n_variables)."""
    rng = np.random.default_rng(seed)
    findings = np.array([v for v, node in enumerate(network.nodes) if node.parents])
    weights = np.array([len(network.nodes[v].parents) for v in findings], dtype=np.float64)
    chosen = rng.choice(findings, size=negative + positive, replace=False, p=weights / weights.sum())
    codes = np.full((1, len(network)), -1, dtype=np.int32)
    codes[0, chosen[:negative]] = 0
    codes[0, chosen[negative:]] = 1
    return codes


def one_cause(states: int, findings: int, seed: int = 0) -> Network:
    """A cause whose states exclude each other, over binary findings that are independent given it."""
    rng = np.random.default_rng(seed)
    cause = Node("cause", tuple(f"s{k}" for k in range(states)), (), Table(rng.dirichlet(np.ones(states))))
    rows = rng.uniform(0.05, 0.95, (findings, states))
    below = [Node(f"f{k}", BINARY, ("cause",), Table(np.stack([1 - p, p], axis=-1))) for k, p in enumerate(rows)]
    return Network((cause, *below), targets=("cause",))
