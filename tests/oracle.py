"""The definition of inference: every state of every variable, one after another.

Hidden grades of noisy gates are enumerated too, so that families follow from the definition alone. Exponential; for
networks of a few variables. Sums are exact to the last bit (``math.fsum``).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bayesdx.network import Network, Table

Array = NDArray[np.float64]
Likelihoods = Mapping[str, Sequence[float]]
Weighted = list[tuple[tuple[int, ...], float]]


def joint(
    network: Network, codes: Sequence[int], likelihoods: Likelihoods | None = None
) -> Iterator[tuple[tuple[int, ...], float]]:
    """Every configuration that the codes allow, with its probability times its likelihoods."""
    soft = likelihoods or {}
    pairs = zip(network.cardinalities, codes, strict=True)
    choices = [range(card) if code < 0 else (int(code),) for card, code in pairs]
    for states in itertools.product(*choices):
        weight = 1.0
        for position, node in enumerate(network.nodes):
            parents = [states[network.index[parent]] for parent in node.parents]
            weight *= probability(node.cpd, parents, states[position])
        for name, values in soft.items():
            weight *= float(values[states[network.index[name]]])
        yield states, weight


def probability(cpd: object, parents: Sequence[int], state: int) -> float:
    """P(state | parents) of a table or a noisy gate."""
    if isinstance(cpd, Table):
        return float(cpd.values[(*parents, state)])
    return math.fsum(weight for _, weight in grades(cpd, parents, state))


def grades(cpd: object, parents: Sequence[int], state: int) -> list[tuple[tuple[int, ...], float]]:
    """The grades that leak and links may draw such that the highest is ``state``, with their probability."""
    rows = [cpd.leak, *(link[parent] for link, parent in zip(cpd.links, parents, strict=True))]
    drawn = itertools.product(range(state + 1), repeat=len(rows))
    return [
        (each, math.prod(float(row[grade]) for row, grade in zip(rows, each, strict=True)))
        for each in drawn
        if max(each) == state
    ]


def log_evidence(network: Network, codes: Sequence[int], likelihoods: Likelihoods | None = None) -> float:
    """Logarithm of P(evidence), minus infinity where it is 0."""
    total = math.fsum(weight for _, weight in joint(network, codes, likelihoods))
    return math.log(total) if total > 0 else -math.inf


def posterior(network: Network, codes: Sequence[int], likelihoods: Likelihoods | None = None) -> dict[str, Array]:
    """P(state | evidence) of every variable; NaN where the evidence is impossible."""
    terms: list[list[list[float]]] = [[[] for _ in range(card)] for card in network.cardinalities]
    for states, weight in joint(network, codes, likelihoods):
        for position, state in enumerate(states):
            terms[position][state].append(weight)
    return {
        name: _normalised(np.array([math.fsum(values) for values in terms[position]]))
        for position, name in enumerate(network.names)
    }


def families(network: Network, codes: Sequence[int], likelihoods: Likelihoods | None = None) -> dict[str, object]:
    """Per table the joint posterior of (parents, child); per gate the pair (leak, links) of posteriors of grades."""
    weighted = [(states, weight) for states, weight in joint(network, codes, likelihoods) if weight > 0]
    total = math.fsum(weight for _, weight in weighted)
    return {
        node.name: _table_family(network, position, weighted, total)
        if isinstance(node.cpd, Table)
        else _gate_family(network, position, weighted, total)
        for position, node in enumerate(network.nodes)
    }


def most_probable(
    network: Network, codes: Sequence[int], variables: Sequence[str], k: int, likelihoods: Likelihoods | None = None
) -> list[tuple[tuple[int, ...], float]]:
    """The k most probable configurations of ``variables``, equal ones (to 1e-12) by their codes."""
    places = [network.index[name] for name in variables]
    sums: dict[tuple[int, ...], list[float]] = {
        states: [] for states in itertools.product(*(range(network.cardinalities[place]) for place in places))
    }
    for states, weight in joint(network, codes, likelihoods):
        sums[tuple(states[place] for place in places)].append(weight)
    total = math.fsum(weight for weights in sums.values() for weight in weights)
    ranked = [(states, math.fsum(weights) / total) for states, weights in sums.items()]
    ranked.sort(key=lambda pair: (-float(f"{pair[1]:.11e}"), pair[0]))
    return ranked[:k]


def _table_family(network: Network, position: int, weighted: Weighted, total: float) -> Array:
    node = network.nodes[position]
    assert isinstance(node.cpd, Table)
    places = [*(network.index[parent] for parent in node.parents), position]
    counts = np.zeros(node.cpd.values.shape)
    for states, weight in weighted:
        counts[tuple(states[place] for place in places)] += weight / total
    return counts


def _gate_family(network: Network, position: int, weighted: Weighted, total: float) -> tuple[Array, tuple[Array, ...]]:
    node = network.nodes[position]
    assert not isinstance(node.cpd, Table)
    leak, links = np.zeros_like(node.cpd.leak), tuple(np.zeros_like(link) for link in node.cpd.links)
    places = [network.index[parent] for parent in node.parents]
    for states, weight in weighted:
        parents = [states[place] for place in places]
        drawn = grades(node.cpd, parents, states[position])
        all_of_them = math.fsum(probability_drawn for _, probability_drawn in drawn)
        for each, probability_drawn in drawn:
            share = weight / total * probability_drawn / all_of_them
            leak[each[0]] += share
            for link, parent, grade in zip(links, parents, each[1:], strict=True):
                link[parent, grade] += share
    return leak, links


def _normalised(values: Array) -> Array:
    total = math.fsum(values)
    return values / total if total > 0 else np.full_like(values, np.nan)
