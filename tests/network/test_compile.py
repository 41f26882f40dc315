"""What the rows of a model mean as a network."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from numpy.testing import assert_allclose

import bayesdx as dx
from bayesdx.network import Network, NoisyMax, Table, compile_network, noisy_or
from tests.knowledge.example import FOLDER
from tests.knowledge.strategies import models


@pytest.fixture(scope="module")
def town() -> Network:
    return compile_network(dx.load_model(FOLDER, population="town"))


@pytest.fixture(scope="module")
def country() -> Network:
    return compile_network(dx.load_model(FOLDER, population="country"))


def test_every_variable_is_a_node_and_causes_are_the_targets(town: Network) -> None:
    """With the states of variables.csv, parents in the order of variables.csv."""
    model = dx.load_model(FOLDER)
    assert set(town.names) == set(model.by_name)
    assert town.targets == model.causes
    assert town["voltage_test"].states == ("normal", "low", "None")
    assert town["cranking"].parents == ("starter_broken", "immobiliser_fault", "low_voltage")


def test_a_root_has_the_prior_of_the_population(town: Network, country: Network) -> None:
    """The reference state takes what the others leave, unless it is given."""
    for network, cold, age in ((town, 0.2, [0.3, 0.5, 0.2]), (country, 0.4, [0.2, 0.3, 0.5])):
        assert_allclose(network["cold_night"].cpd.table(), [1 - cold, cold])
        assert_allclose(network["car_age"].cpd.table(), age)


def test_a_cause_with_parents_has_the_leak_of_the_population(town: Network, country: Network) -> None:
    """Its prior is the probability where no parent brings it about; links hold for every population."""
    for network, leak in ((town, 0.25), (country, 0.35)):
        node = network["battery_flat"]
        assert isinstance(node.cpd, NoisyMax)
        assert node.parents == ("cold_night", "alternator_broken")
        assert_allclose(node.cpd.leak, [1 - leak, leak])
        present = [[0, 0], [0, 1], [1, 0], [1, 1]]
        assert_allclose(node.cpd.table()[..., 1].ravel(), noisy_or(leak, [0.3, 0.9], present))


def test_a_table_may_depend_on_the_population(town: Network, country: Network) -> None:
    """Rows of the chosen population, or those of every population."""
    assert_allclose(town["alternator_broken"].cpd.table()[:, 1], [0.01, 0.03, 0.06])
    assert_allclose(country["alternator_broken"].cpd.table()[:, 1], [0.02, 0.05, 0.1])
    for network in (town, country):
        node = network["fuel_gauge"]
        assert isinstance(node.cpd, Table)
        assert node.parents == ("fuel_missing", "dashboard_dark")
        assert_allclose(node.cpd.values[..., 1], [[0.02, 0.9], [0.02, 0.9], [0.99, 1]])


def test_the_reference_state_of_a_parent_may_act(town: Network) -> None:
    """car_age = new brings the immobiliser's fault about; the other ages leave its leak."""
    assert_allclose(town["immobiliser_fault"].cpd.table()[:, 1], [noisy_or(0.01, [0.02], [1]), 0.01, 0.01])


def test_a_graded_finding_is_a_noisy_max(town: Network) -> None:
    """Rows of links.csv are rows of the gate; what they leave is the reference state."""
    gate = town["cranking"].cpd
    assert isinstance(gate, NoisyMax)
    assert_allclose(gate.leak, [0.985, 0.01, 0.005])
    starter, immobiliser, voltage = gate.links
    assert_allclose(starter, [[1, 0, 0], [0.05, 0.1, 0.85]])
    assert_allclose(immobiliser, [[1, 0, 0], [0.4, 0, 0.6]])
    assert_allclose(voltage, [[1, 0, 0], [0.1, 0.8, 0.1], [0, 0, 1]])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(model=models())
def test_every_sound_model_compiles_in_every_population(model: dx.Model) -> None:
    """And the order of its rows is irrelevant."""
    for population in model.info.populations:
        chosen = model.with_population(population.name)
        network = compile_network(chosen)
        assert set(network.names) == set(model.by_name)
        for node in network.nodes:
            assert_allclose(node.cpd.table().sum(axis=-1), 1)
        assert compile_network(replace(chosen, links=chosen.links[::-1], tables=chosen.tables[::-1])) == network
