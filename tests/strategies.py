"""Small random networks with mixed cardinalities, zeros and gates, and evidence of every kind."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from bayesdx.inference import Evidence
from bayesdx.network import Network, Node, NoisyMax, Table

Array = NDArray[np.float64]


def distribution(rng: np.random.Generator, shape: tuple[int, ...], zeros: float = 0.2) -> Array:
    """Random distributions over the last axis; some entries are 0, some rows deterministic, some entries tiny."""
    values = rng.gamma(0.7, size=shape) + 1e-3
    values *= 10.0 ** -rng.choice([0, 0, 0, 3, 8], size=shape)
    values[rng.random(shape) < zeros] = 0.0
    certain = rng.integers(shape[-1], size=shape[:-1])[..., None] == np.arange(shape[-1])
    lost = (values.sum(axis=-1, keepdims=True) == 0) | (rng.random((*shape[:-1], 1)) < zeros / 4)
    values = np.where(lost, certain, values)
    return values / values.sum(axis=-1, keepdims=True)


def random_node(
    rng: np.random.Generator, name: str, card: int, parents: list[tuple[str, int]], gate: bool, zeros: float
) -> Node:
    """A node with a random table, or a random noisy gate whose parents' first states bring about nothing."""
    cards = tuple(size for _, size in parents)
    states = tuple(f"s{state}" for state in range(card))
    names = tuple(parent for parent, _ in parents)
    if not gate:
        return Node(name, states, names, Table(distribution(rng, (*cards, card), zeros)))
    links = [distribution(rng, (size, card), zeros) for size in cards]
    for link in links:
        link[0] = np.eye(card)[0]
    return Node(name, states, names, NoisyMax(distribution(rng, (card,), zeros), tuple(links)))


def random_network(
    seed: int, n_variables: int, most_parents: int = 3, most_states: int = 3, zeros: float = 0.2
) -> Network:
    """A random network, possibly disconnected; about half of the nodes with parents are noisy gates."""
    rng = np.random.default_rng(seed)
    cards = [int(card) for card in rng.integers(2, most_states + 1, size=n_variables)]
    if n_variables > 2 and rng.random() < 0.1:
        cards[0] = 1
    nodes = []
    for place in range(n_variables):
        count = int(rng.integers(0, min(place, most_parents) + 1))
        chosen = rng.permutation(place)[:count]
        parents = [(f"x{parent}", cards[parent]) for parent in chosen]
        nodes.append(random_node(rng, f"x{place}", cards[place], parents, count > 0 and rng.random() < 0.5, zeros))
    order = rng.permutation(n_variables)
    targets = tuple(f"x{place}" for place in range(n_variables) if rng.random() < 0.5)
    return Network(tuple(nodes[place] for place in order), targets)


def random_evidence(network: Network, seed: int, n_cases: int, observed: float = 0.4, soft: float = 0.2) -> Evidence:
    """Random codes with missing cells, sets of states and likelihoods; some of it may be impossible."""
    rng = np.random.default_rng(seed)
    cards = np.array(network.cardinalities)
    codes = rng.integers(0, cards, size=(n_cases, len(cards)))
    codes[rng.random(codes.shape) >= observed] = -1
    likelihoods = {}
    for name, card in zip(network.names, cards, strict=True):
        if rng.random() < soft:
            values = rng.random((n_cases, card)) * 10.0 ** rng.integers(-3, 4)
            sets = rng.random((n_cases, 1)) < 0.5
            likelihoods[name] = np.where(sets, rng.random((n_cases, card)) < 0.7, values).astype(float)
    return Evidence(codes, likelihoods)


@st.composite
def small_networks(draw: st.DrawFn, most_variables: int = 6) -> Network:
    """Networks of up to ``most_variables`` variables with up to 3 states and 3 parents."""
    size = draw(st.integers(1, most_variables))
    zeros = draw(st.sampled_from([0.0, 0.2, 0.5]))
    return random_network(draw(st.integers(0, 2**32 - 1)), size, zeros=zeros)


@st.composite
def networks_with_evidence(draw: st.DrawFn, most_variables: int = 6, most_cases: int = 3) -> tuple[Network, Evidence]:
    """A small network with evidence of every kind on a few cases."""
    network = draw(small_networks(most_variables))
    share = draw(st.sampled_from([0.0, 0.3, 0.7, 1.0]))
    soft = draw(st.sampled_from([0.0, 0.3]))
    cases = draw(st.integers(1, most_cases))
    return network, random_evidence(network, draw(st.integers(0, 2**32 - 1)), cases, share, soft)
