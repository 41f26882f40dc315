"""Random networks whose variables and states have any names."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from bayesdx.network import Network, Node, NoisyMax, Table
from tests.strategies import distribution, random_network

MARKS = ["", " ", "(", "}", "{", "\n", '"', "/*", "//", "|", "$x", "a;b", "a b", "a,b", "MRC 3-4", "\0"]
ESCAPES = ["_x20_", "_x_", "x20_", "_", "__", "_x", "_x5f_", "_xffffff_"]
WORDS = ["table", "default", "variable", "probability", "network", "type", "property", "discrete", "yes", "A", "a"]
OTHERS = ["0", "1e-3", "nan", "None", "é", "名", "\U0001f9b4", "\ud800"]
NASTY = st.one_of(st.sampled_from(MARKS + ESCAPES + WORDS + OTHERS), st.text(max_size=5))


def names(count: int) -> st.SearchStrategy[list[str]]:
    """Different names, as odd as can be."""
    return st.lists(NASTY, min_size=count, max_size=count, unique=True)


@st.composite
def nasty_networks(draw: st.DrawFn, least: int = 1, most: int = 4) -> Network:
    """A few variables with tables and gates, all names as odd as can be."""
    plain = random_network(draw(st.integers(0, 2**32 - 1)), draw(st.integers(least, most)))
    odd = dict(zip(plain.names, draw(names(len(plain))), strict=True))
    return Network(
        tuple(
            Node(
                odd[node.name],
                tuple(draw(names(len(node.states)))),
                tuple(odd[parent] for parent in node.parents),
                node.cpd,
            )
            for node in plain.nodes
        )
    )


def expanded(network: Network) -> Network:
    """The network with a table in place of every gate."""
    return Network(
        tuple(Node(node.name, node.states, node.parents, Table(node.cpd.table())) for node in network.nodes),
        network.targets,
    )


def random_gate(seed: int, parents: int, states: int) -> NoisyMax:
    """A noisy gate with random distributions, some of them with zeros."""
    rng = np.random.default_rng(seed)
    cards = rng.integers(1, 4, size=parents)
    return NoisyMax(distribution(rng, (states,)), tuple(distribution(rng, (card, states)) for card in cards))
