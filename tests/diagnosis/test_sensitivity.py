"""What would change my mind: the functions pass through recomputed posteriors."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import bayesdx as dx
from bayesdx.diagnosis.compiled import compiled
from bayesdx.diagnosis.sensitivity import Function
from bayesdx.network import Network, compile_network
from bayesdx.network.compile import place_values
from tests.diagnosis import brute
from tests.diagnosis.cases import naive_model, possible_cases


def moved(case: dx.Diagnosis, function: Function, x: float) -> tuple[Network, np.ndarray]:
    """The network with the number at x and the rest of its distribution in proportion, and its weighed joint."""
    place, state = function.number.place, function.number.state
    network = compile_network(case.model)
    row = place_values(network, place).copy()
    others = [other for other in range(len(row)) if other != state]
    left = row[others].sum()
    row[others] = (1 - x) * row[others] / left if left > 0 else [(1 - x) * (other == others[0]) for other in others]
    row[state] = x
    changed = brute.with_row(network, place.node, place.part, place.parent, place.given, row)
    codes = case.evidence.codes.tolist()
    return changed, brute.weighed(brute.joint_array(changed), changed, codes, case.evidence.likelihoods)


def posterior(network: Network, joint: np.ndarray, variable: str, states: tuple[int, ...]) -> float:
    cells = np.moveaxis(joint, network.index[variable], 0)
    return float(cells[list(states)].sum() / joint.sum()) if joint.sum() > 0 else math.nan


@settings(max_examples=60)
@given(case=possible_cases(), number=st.integers(0, 20), x=st.sampled_from([0.0, 0.03, 0.4, 0.77, 1.0]))
def test_functions_pass_through_recomputed_posteriors(case: dx.Diagnosis, number: int, x: float) -> None:
    """(a x + b)/(c x + d) is the posterior of the model with the number at x, for every number, 0 and 1 included."""
    names = [*case.posterior.index, *case.model.causes]
    what_if = dx.sensitivity_analysis(case, names[number % len(names)])
    event = what_if.event
    assert len(what_if.functions) == len(compiled(case.model).parameters)
    for function in what_if.functions:
        assert_allclose(function(function.value), what_if.posterior, atol=1e-9)
        assert_allclose(function.c * function.value + function.d, 1.0, atol=1e-9)
        network, joint = moved(case, function, x)
        expected = posterior(network, joint, event.variable, event.states)
        if joint.sum() > 1e-9 * math.exp(case.log_evidence):
            assert_allclose(function(x), expected, atol=1e-9)
            weight = joint.sum() / math.exp(case.log_evidence)
            assert_allclose(function.c * x + function.d, weight, rtol=1e-8, atol=1e-9)


@settings(max_examples=40)
@given(case=possible_cases(zeros=False))
def test_derivatives_and_swings(case: dx.Diagnosis) -> None:
    """The derivative is the slope of the function; swings are what the ends of the interval make, widest first."""
    what_if = dx.sensitivity_analysis(case)
    for function in what_if.functions:
        step = 1e-6
        slope = (function(function.value + step) - function(function.value - step)) / (2 * step)
        assert_allclose(function.derivative, slope, atol=1e-4, rtol=1e-4)
        assert_allclose(function.swing, abs(function(function.number.upper) - function(function.number.lower)))
    swings = [function.swing for function in what_if.functions]
    assert swings == sorted(swings, reverse=True)


@settings(max_examples=40)
@given(case=possible_cases(zeros=False))
def test_the_first_rank_and_thresholds_change_where_it_says(case: dx.Diagnosis) -> None:
    """At ``first_rank`` the rival draws level with the first cause; at ``threshold`` the cause stands on it."""
    what_if = dx.sensitivity_analysis(case)
    lines = {line.name: line for line in compiled(case.model).lines}
    top = lines[str(case.posterior.index[0])]
    for function in what_if.functions[:8]:
        if not math.isnan(function.first_rank):
            network, joint = moved(case, function, function.first_rank)
            rival = lines[function.rival]
            levels = [posterior(network, joint, line.variable, (line.state,)) for line in (top, rival)]
            assert_allclose(levels[0], levels[1], atol=1e-7)
        if not math.isnan(function.threshold):
            assert_allclose(function(function.threshold), function.crossed, atol=1e-7)
            names = (what_if.event.name, what_if.event.variable)  # a row may name a graded cause as a whole
            assert function.crossed in {s.threshold for s in case.model.management if s.cause in names}


def test_no_root_is_missed() -> None:
    """A fine grid over a number crosses the threshold between two points exactly where the function says."""
    model = dx.load_model("hip_flexion_weakness@1.0.0")
    case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"})
    what_if = dx.sensitivity_analysis(case, "lumbar_radiculopathy")
    limits = sorted({step.threshold for step in model.management if step.cause == "lumbar_radiculopathy"})
    grid = np.linspace(0, 1, 2001)
    for function in what_if.functions[:40]:
        values = np.array([function(x) for x in grid])
        crossed = [abs(grid[i] - function.value) for t in limits
                   for i in np.flatnonzero((values[:-1] < t) != (values[1:] < t))]  # fmt: skip
        if crossed:
            assert_allclose(abs(function.threshold - function.value), min(crossed), atol=1.1e-3)
        else:
            assert math.isnan(function.threshold)


def test_the_smallest_changes_are_named() -> None:
    """The nearest number by log-odds distance, as a sentence; a certain cause has none."""
    model = dx.load_model("hip_flexion_weakness@1.0.0")
    case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"})
    what_if = dx.sensitivity_analysis(case)
    nearest = what_if.nearest_first_rank
    assert nearest is not None
    assert nearest.rival == "lumbar_radiculopathy"
    assert "The smallest single change that puts another cause (Lumbar radiculopathy (L2-L4)) first" in str(what_if)
    assert what_if.function(nearest.number.label) is nearest
    assert what_if.function(nearest.number.key) is nearest
    with pytest.raises(dx.FindingsError) as caught:
        what_if.function("P(onset = sudden | no cause acts)")
    assert str(caught.value) == (
        "'P(onset = sudden | no cause acts)' is no number of hip_flexion_weakness 1.0.0. "
        "Did you mean 'P(onset = sudden | no cause of it acts)'?"
    )
    certain = dx.sensitivity_analysis(dx.diagnose(naive_model([0.1], [0.8]), {"c": "yes"}))
    assert certain.nearest_first_rank is None
    assert certain.nearest_threshold is None
    assert "No single number moves the posterior of 100 %." in str(certain)
    assert not certain.table[["a", "b", "c", "d", "swing"]].isna().any(axis=None)


def test_zero_numbers_have_functions() -> None:
    """A leak of exactly 0 makes the cause certain; the function says what any other leak would make of it."""
    case = dx.diagnose(naive_model([0.0], [0.8], prior=0.1), {"f0": "yes"})
    function = dx.sensitivity_analysis(case).function("P(f0 = yes | no cause of it acts)")
    assert function(0.0) == 1.0
    x = 0.2
    expected = 0.1 * (1 - 0.8 * 0.2) / (0.1 * (1 - 0.8 * 0.2) + 0.9 * 0.2)
    assert_allclose(function(x), expected, atol=1e-12)
