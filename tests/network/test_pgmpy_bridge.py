"""pgmpy reads the same network, with our names."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from numpy.testing import assert_allclose

import bayesdx as dx
from bayesdx.errors import NetworkError
from bayesdx.network import Network, compile_network, from_pgmpy, to_pgmpy
from tests import oracle
from tests.knowledge.example import FOLDER
from tests.network.networks import expanded, nasty_networks
from tests.strategies import small_networks

SLOW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@SLOW
@given(network=nasty_networks())
def test_to_pgmpy_and_back_is_the_identity(network: Network) -> None:
    """To the last bit, noisy gates as tables; whatever the names."""
    assert from_pgmpy(to_pgmpy(network)) == expanded(network)


def test_state_names_stand_on_every_node_and_parent() -> None:
    """pgmpy accepts the model, and every table names the states of its parents as they name them."""
    network = compile_network(dx.load_model(FOLDER))
    model = to_pgmpy(network)
    assert model.check_model()
    for node in network.nodes:
        names = model.get_cpds(node.name).state_names
        assert names == {name: list(network[name].states) for name in (node.name, *node.parents)}
        assert model.get_cpds(node.name).variables == [node.name, *node.parents]


@settings(max_examples=25, deadline=None)
@given(network=small_networks(5))
def test_variable_elimination_reads_the_same_joint(network: Network) -> None:
    """Marginals of every variable given a finding, to 1e-9."""
    from pgmpy.inference import VariableElimination

    inference = VariableElimination(to_pgmpy(network))
    prior = oracle.posterior(network, [-1] * len(network))
    last = network.nodes[-1]
    likely = int(np.argmax(prior[last.name]))
    codes = [-1] * (len(network) - 1) + [likely]
    expected = oracle.posterior(network, codes)
    for node in network.nodes[:-1]:
        found = inference.query([node.name], evidence={last.name: last.states[likely]}, show_progress=False)
        values = [found.get_value(**{node.name: state}) for state in node.states]
        assert_allclose(values, expected[node.name], atol=1e-9)


def test_states_of_a_parent_in_another_order_are_put_right() -> None:
    """pgmpy lets a child's table name the states of its parent in an order of its own."""
    from pgmpy.factors.discrete import TabularCPD
    from pgmpy.models import DiscreteBayesianNetwork

    model = DiscreteBayesianNetwork([("rain", "wet")])
    model.add_cpds(
        TabularCPD("rain", 2, [[0.8], [0.2]], state_names={"rain": ["no", "yes"]}),
        TabularCPD("wet", 2, [[0.1, 0.9], [0.9, 0.1]], ["rain"], [2],
                   state_names={"wet": ["no", "yes"], "rain": ["yes", "no"]}),
    )  # fmt: skip
    network = from_pgmpy(model)
    assert network["rain"].states == ("no", "yes")
    assert_allclose(network["wet"].cpd.table(), [[0.9, 0.1], [0.1, 0.9]])


def test_what_pgmpy_has_that_is_no_network() -> None:
    """A node without table; a table that knows other states of its parent than the parent."""
    from pgmpy.factors.discrete import TabularCPD
    from pgmpy.models import DiscreteBayesianNetwork

    model = DiscreteBayesianNetwork([("rain", "wet")])
    model.add_cpds(TabularCPD("rain", 2, [[0.8], [0.2]], state_names={"rain": ["no", "yes"]}))
    with pytest.raises(NetworkError) as raised:
        from_pgmpy(model)
    assert str(raised.value) == "network: wet has no conditional table."
    names = {"wet": ["no", "yes"], "rain": ["dry", "yes"]}
    model.add_cpds(TabularCPD("wet", 2, [[0.1, 0.9], [0.9, 0.1]], ["rain"], [2], state_names=names))
    with pytest.raises(NetworkError) as raised:
        from_pgmpy(model)
    assert str(raised.value) == "network: the table of wet has other states of rain than rain itself."
