"""The joint posterior of a few variables is the joint table, summed over the others."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from bayesdx.errors import FindingsError
from bayesdx.inference import Engine, Evidence, mixture
from bayesdx.network import Network, Node, Table
from tests import oracle
from tests.strategies import networks_with_evidence


@pytest.mark.parametrize(
    ("backend", "hub"), [("auto", 0), ("junction_tree", 0), ("junction_tree", 1), ("junction_tree", 2)]
)
@settings(max_examples=100)
@given(case=networks_with_evidence(), seed=st.integers(0, 1000))
def test_joint_equals_the_joint_table(
    backend: Literal["auto", "junction_tree"], hub: int, case: tuple[Network, Evidence], seed: int
) -> None:
    """P(configuration | evidence) of every case, held by a clique or put together from parts; NaN if impossible."""
    network, evidence = case
    chosen = [str(name) for name in np.random.default_rng(seed).permutation(network.names)[:4]]
    with pytest.MonkeyPatch.context() as patch:
        if hub:
            patch.setattr(mixture, "WORTH_PARTS", 1e-9)
            patch.setattr(mixture, "HUB_SIZES", (hub,))
            patch.setattr(mixture, "MOST_PRODUCT", 4)
        log_evidence, joint = Engine(network, backend=backend).joint(evidence, chosen)
    places = [network.index[name] for name in chosen]
    for row, codes in enumerate(evidence.codes):
        soft = {name: values[row] for name, values in evidence.likelihoods.items()}
        expected = np.zeros([network.cardinalities[place] for place in places])
        for states, weight in oracle.joint(network, codes, soft):
            expected[tuple(states[place] for place in places)] += weight
        if expected.sum() == 0:
            assert log_evidence[row] == -np.inf
            assert np.isnan(joint[row]).all()
        else:
            assert_allclose(log_evidence[row], math.log(expected.sum()), atol=1e-10)
            assert_allclose(joint[row], expected / expected.sum(), atol=1e-10)


def test_a_variable_named_twice_is_refused() -> None:
    """Each variable is one axis."""
    network = Network((Node("coin", ("heads", "tails"), (), Table([0.5, 0.5])),))
    with pytest.raises(FindingsError) as caught:
        Engine(network).joint(Evidence([[-1]]), ["coin", "coin"])
    assert str(caught.value) == "joint: a variable is named twice: ['coin', 'coin']."


@settings(max_examples=50)
@given(case=networks_with_evidence(), seed=st.integers(0, 1000))
def test_joints_of_several_scopes_are_the_joints_one_by_one(case: tuple[Network, Evidence], seed: int) -> None:
    """One propagation for all scopes gives what each gives alone, impossible cases included."""
    network, evidence = case
    names = [str(name) for name in np.random.default_rng(seed).permutation(network.names)]
    scopes = [names[:1], names[:2], names[1:3] or names[:1]]
    engine = Engine(network)
    log_evidence, joints = engine.joints(evidence, scopes)
    for scope, joint in zip(scopes, joints, strict=True):
        alone, expected = engine.joint(evidence, scope)
        assert_allclose(log_evidence, alone, atol=1e-10)
        assert_allclose(joint, expected, atol=1e-10)


def test_joints_of_unknown_variables() -> None:
    """The same sentence as everywhere."""
    network = Network([Node("coin", ("heads", "tails"), (), Table([0.5, 0.5]))])
    with pytest.raises(FindingsError) as caught:
        Engine(network).joints(Evidence([[-1]]), [["coin"], ["con"]])
    assert str(caught.value) == "'con' is not a variable. Did you mean 'coin'?"
