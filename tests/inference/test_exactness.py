"""The engine equals the definition."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from bayesdx.inference import Engine, Evidence, GateFamily
from bayesdx.network import Network
from tests import oracle
from tests.strategies import networks_with_evidence

ATOL = 1e-10


def row_likelihoods(evidence: Evidence, row: int) -> dict[str, np.ndarray]:
    return {name: values[row] for name, values in evidence.likelihoods.items()}


@pytest.mark.parametrize("backend", ["auto", "junction_tree"])
@settings(max_examples=150)
@given(case=networks_with_evidence())
def test_marginals_equal_the_joint_table(backend: str, case: tuple[Network, Evidence]) -> None:
    """P(state | evidence) is the joint table, restricted to the evidence and renormalised; so is log P(evidence)."""
    network, evidence = case
    result = Engine(network, backend=backend).propagate(evidence, targets=network.names)
    for row, codes in enumerate(evidence.codes):
        soft = row_likelihoods(evidence, row)
        assert_allclose(result.log_evidence[row], oracle.log_evidence(network, codes, soft), atol=ATOL)
        expected = oracle.posterior(network, codes, soft)
        for name in network.names:
            assert_allclose(result.marginals[name][row], expected[name], atol=ATOL)


@pytest.mark.parametrize("backend", ["auto", "junction_tree"])
@settings(max_examples=100)
@given(case=networks_with_evidence(most_variables=5))
def test_families_equal_the_joint_table(backend: str, case: tuple[Network, Evidence]) -> None:
    """Families are posteriors of (parents, child), and of (parent, grade its link draws) in noisy gates."""
    network, evidence = case
    result = Engine(network, backend=backend).propagate(evidence, families=True)
    for row, codes in enumerate(evidence.codes):
        if result.impossible[row]:
            continue
        for name, expected in oracle.families(network, codes, row_likelihoods(evidence, row)).items():
            found = result.families[name]
            if isinstance(found, GateFamily):
                assert_allclose(found.leak[row], expected[0], atol=ATOL)
                for link, other in zip(found.links, expected[1], strict=True):
                    assert_allclose(link[row], other, atol=ATOL)
            else:
                assert_allclose(found[row], expected, atol=ATOL)


@pytest.mark.parametrize("backend", ["auto", "junction_tree"])
@settings(max_examples=100)
@given(case=networks_with_evidence(most_cases=1), k=st.integers(1, 6), seed=st.integers(0, 1000))
def test_most_probable_sets_are_the_top_of_the_joint_table(
    backend: str, case: tuple[Network, Evidence], k: int, seed: int
) -> None:
    """The k most probable configurations are the k largest cells of the posterior joint, ties by code."""
    network, evidence = case
    engine = Engine(network, backend=backend)
    if engine.propagate(evidence).impossible[0]:
        return
    chosen = [str(name) for name in np.random.default_rng(seed).permutation(network.names)[:3]]
    codes, probabilities = engine.most_probable(evidence, chosen, k)
    expected = oracle.most_probable(network, evidence.codes[0], chosen, k, row_likelihoods(evidence, 0))
    assert_allclose(probabilities, [probability for _, probability in expected], atol=ATOL)
    for found, (states, probability) in zip(codes, expected, strict=True):
        if probability > 1e-9:
            assert tuple(found) == states


@settings(max_examples=100)
@given(case=networks_with_evidence(most_cases=1))
def test_conflict_is_a_smallest_impossible_subset(case: tuple[Network, Evidence]) -> None:
    """The conflict has probability 0, and no smaller subset of the observed variables has."""
    network, evidence = case
    engine = Engine(network)
    clash = engine.conflict(evidence)
    if not engine.propagate(evidence).impossible[0]:
        assert clash == ()
        return
    assert smallest_impossible_size(network, evidence) == len(clash)
    assert np.isneginf(log_evidence_of(network, evidence, clash))


def log_evidence_of(network: Network, evidence: Evidence, names: tuple[str, ...]) -> float:
    codes = [code if name in names else -1 for name, code in zip(network.names, evidence.codes[0], strict=True)]
    soft = {name: values[0] for name, values in evidence.likelihoods.items() if name in names}
    return oracle.log_evidence(network, codes, soft)


def smallest_impossible_size(network: Network, evidence: Evidence) -> int:
    codes = dict(zip(network.names, evidence.codes[0], strict=True))
    observed = [name for name in network.names if codes[name] >= 0 or name in evidence.likelihoods]
    for size in range(len(observed) + 1):
        if any(np.isneginf(log_evidence_of(network, evidence, s)) for s in itertools.combinations(observed, size)):
            return size
    raise AssertionError("the evidence is possible")
