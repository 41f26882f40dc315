"""A network is a value: checked once, in topological order, equal to what says the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import bayesdx as dx
from bayesdx.errors import NetworkError
from bayesdx.network import Network, Node, NoisyMax, Table, as_network
from tests.network.networks import expanded
from tests.strategies import small_networks

COIN = Table([0.5, 0.5])
SEEN = Table([[0.9, 0.1], [0.2, 0.8]])
YES = ("no", "yes")


@pytest.mark.parametrize(
    ("nodes", "sentence"),
    [
        ([Node("a", YES, (), COIN), Node("a", YES, (), COIN)], "network: duplicated variables ['a']."),
        ([Node("a", ("no", "no"), (), COIN)], "network: a needs one or more different states, not ['no', 'no']."),
        ([Node("a", (), (), COIN)], "network: a needs one or more different states, not []."),
        ([Node("a", YES, ("b",), SEEN)], "network: parents ['b'] of a are not variables."),
        ([Node("b", YES, (), COIN), Node("a", YES, ("b", "b"), SEEN)], "network: a names a parent twice: ['b', 'b']."),
        ([Node("a", YES, ("a",), SEEN)], "network: the links form a cycle: a -> a."),
        ([Node("a", YES, ("b",), SEEN), Node("b", YES, ("a",), SEEN)], "network: the links form a cycle: a -> b -> a."),
        ([Node("a", (*YES, "maybe"), (), COIN)], "network: the distribution of a has shape (2,); expected (3,)."),
        ([Node("b", YES, (), COIN), Node("a", YES, ("b",), COIN)],
         "network: the distribution of a has shape (2,); expected (2, 2)."),
        ([Node("b", YES, (), COIN), Node("a", YES, ("b",), NoisyMax([1, 0], ([[1, 0]],)))],
         "network: the distribution of a has shape ((1,), 2); expected ((2,), 2)."),
    ],
)  # fmt: skip
def test_what_is_no_network(nodes: list[Node], sentence: str) -> None:
    """Each fault has its sentence."""
    with pytest.raises(NetworkError) as raised:
        Network(tuple(nodes))
    assert str(raised.value) == sentence


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([[0.5, 0.5], [0.5, 0.4]], "table: a row sums to 0.9; expected 1."),
        ([0.5, -0.5, 1], "table: expected finite probabilities of at least 0."),
        ([0.5, float("inf")], "table: expected finite probabilities of at least 0."),
        (0.5, "table: shape (); expected a last axis of states."),
    ],
)
def test_what_is_no_table(values: object, sentence: str) -> None:
    with pytest.raises(NetworkError) as raised:
        Table(values)
    assert str(raised.value) == sentence


def test_a_target_is_a_variable() -> None:
    with pytest.raises(NetworkError) as raised:
        Network((Node("a", YES, (), COIN),), targets=("b",))
    assert str(raised.value) == "network: target 'b' is not a variable."


@given(network=small_networks())
def test_parents_come_before_children(network: Network) -> None:
    """Otherwise the order is the one that was given; each name leads to its node."""
    for position, node in enumerate(network.nodes):
        assert all(network.index[parent] < position for parent in node.parents)
        assert network[node.name] is node
        assert network.cardinalities[position] == len(node.states)
    assert Network(network.nodes).names == network.names
    assert len(network) == len(network.names)


@given(network=small_networks(), seed=st.integers(0, 99))
def test_a_network_equals_what_says_the_same(network: Network, seed: int) -> None:
    """Equal nodes in the same order are an equal network with an equal hash; targets are only a hint."""
    again = Network(
        tuple(
            Node(
                node.name,
                node.states,
                node.parents,
                Table(node.cpd.values.copy())
                if isinstance(node.cpd, Table)
                else NoisyMax(node.cpd.leak, node.cpd.links),
            )
            for node in network.nodes
        )
    )
    assert again == network
    assert hash(again) == hash(network)
    assert expanded(expanded(network)) == expanded(network)


def test_a_network_differs_from_what_says_something_else() -> None:
    """Another number, state or name is another network."""
    coin = Network((Node("coin", YES, (), COIN),))
    others = [
        Network((Node("coin", YES, (), Table([0.4, 0.6])),)),
        Network((Node("coin", ("no", "YES"), (), COIN),)),
        Network((Node("penny", YES, (), COIN),)),
        Network((Node("coin", YES, (), NoisyMax([0.5, 0.5], ())),)),
    ]
    assert all(coin != other for other in others)


def test_rows_are_renormalised_and_then_stay() -> None:
    """A rounded row is mended once; a row that sums to 1 up to rounding is kept to the last bit."""
    assert Table([0.3333333, 0.6666666]).values.sum() == pytest.approx(1, abs=1e-15)
    thirds = np.array([0.1, 0.2, 0.7])
    assert_array_equal(Table(thirds).values, thirds)


def test_numbers_of_a_network_cannot_be_changed() -> None:
    """A value stays what it is, also when the array it came from changes."""
    mine = np.array([0.5, 0.5])
    table = Table(mine)
    mine[0] = 0.0
    assert_array_equal(table.values, [0.5, 0.5])
    with pytest.raises(ValueError, match="read-only"):
        table.values[0] = 1.0


def test_what_stands_for_a_network() -> None:
    """A network does; anything else that is no model and no pgmpy network does not."""
    coin = Network((Node("coin", YES, (), COIN),))
    assert as_network(coin) is coin
    with pytest.raises(dx.NetworkError) as raised:
        as_network("coin")
    assert str(raised.value) == "expected a bayesdx model, a Network or a pgmpy DiscreteBayesianNetwork, not str."
