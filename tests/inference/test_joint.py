"""The joint posterior of a few variables is the joint table, summed over the others."""

from __future__ import annotations

import functools
import math
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from bayesdx.errors import FindingsError, TooLargeError
from bayesdx.inference import Engine, Evidence, mixture
from bayesdx.inference.sizes import Sizes
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
    sizes = Sizes(mixture_saving=1e-9, hub_sizes=(hub,), product_cells=4) if hub else Sizes()
    log_evidence, joint = Engine(network, backend=backend, sizes=sizes).joint(evidence, chosen)
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


@pytest.mark.parametrize("faint", [False, True])
def test_a_large_joint_is_put_together_from_parts(faint: bool) -> None:
    """Ten causes below one hub need no clique of 1,024 cells, however little is left of a state of the hub."""
    rng = np.random.default_rng(1)
    tables = rng.dirichlet([1, 1], (10, 2))
    causes = [Node(f"c{k}", ("no", "yes"), ("hub",), Table(tables[k])) for k in range(10)]
    rows = [[1e-10, 1 - 1e-10], [1 - 1e-10, 1e-10]]
    signs = [Node(f"f{k}", ("no", "yes"), ("hub",), Table(rows)) for k in range(31)]
    network = Network((Node("hub", ("no", "yes"), (), Table([0.5, 0.5])), *causes, *signs))
    codes = np.full((1, len(network)), -1)
    codes[0, 11:] = 1 if faint else -1
    engine = Engine(network)
    names = [node.name for node in causes]
    found = mixture.mixture_of(network, tuple(range(1, 11)), frozenset(range(42)), frozenset())
    assert found is not None
    assert found.hub == (0,)
    assert sorted(len(part) for part in found.parts) == [1] * 10
    log_evidence, joint = engine.joint(Evidence(codes), names)
    hub = np.array([1.0, 1e-310 / (1 - 1e-10) ** 31]) if faint else np.array([0.5, 0.5])
    expected = sum(share * functools.reduce(np.multiply.outer, tables[:, state]) for state, share in enumerate(hub))
    assert_allclose(joint[0], expected, atol=1e-12)
    assert_allclose(log_evidence, math.log(0.5) + 31 * math.log1p(-1e-10) if faint else 0.0, atol=1e-9)


def test_joints_that_do_not_fit_are_refused() -> None:
    """Twice the same variable, and more than the memory allows."""
    network = Network([Node(f"c{k}", ("no", "yes"), (), Table([0.5, 0.5])) for k in range(12)])
    engine = Engine(network, memory_limit=10_000)
    nothing = Evidence(np.full((1, 12), -1))
    with pytest.raises(FindingsError) as caught:
        engine.joints(nothing, [["c0"], ["c1", "c1"]])
    assert str(caught.value) == "joints: a variable is named twice: ['c1', 'c1']."
    with pytest.raises(TooLargeError) as too_large:
        engine.joints(nothing, [network.names])
    assert "joints: 4096 configurations of 12 variables need 6.55e-05 GB a case" in str(too_large.value)


def test_a_joint_larger_than_any_float_is_refused_like_another() -> None:
    """Its size is told in three digits, whatever their exponent."""
    network = Network([Node(f"c{k}", ("no", "yes"), (), Table([0.5, 0.5])) for k in range(1100)])
    with pytest.raises(TooLargeError, match=r"joint: 1\.36e\+331 configurations of 1100 variables need 2\.17e\+323 GB"):
        Engine(network).joint(Evidence(np.full((1, 1100), -1)), network.names)


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
