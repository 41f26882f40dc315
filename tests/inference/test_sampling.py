"""Samples given evidence are drawn from the joint posterior."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

import bayesdx as dx
from bayesdx.errors import FindingsError, ImpossibleEvidenceError
from bayesdx.inference import Engine, Evidence
from bayesdx.network import Network, Node, NoisyMax, Table
from tests import oracle
from tests.strategies import networks_with_evidence

BINARY = ("no", "yes")


@settings(max_examples=60)
@given(case=networks_with_evidence(most_variables=5, most_cases=1), seed=st.integers(0, 100))
def test_samples_follow_the_joint_table(case: tuple[Network, Evidence], seed: int) -> None:
    """Counts of whole configurations pass a chi-square test; what is impossible, or contradicts, is never drawn."""
    network, evidence = case
    engine = Engine(network)
    if engine.propagate(evidence, targets=()).impossible[0]:
        with pytest.raises(ImpossibleEvidenceError):
            engine.sample(evidence, 1)
        return
    n = 3000
    codes = engine.sampled_codes(evidence, n, seed=seed)
    soft = {name: values[0] for name, values in evidence.likelihoods.items()}
    weights = {states: weight for states, weight in oracle.joint(network, evidence.codes[0], soft) if weight > 0}
    total = sum(weights.values())
    found, counts = np.unique(codes, axis=0, return_counts=True)
    counted = {tuple(row): int(count) for row, count in zip(found.tolist(), counts, strict=True)}
    assert set(counted) <= set(weights)
    expected = {states: n * weight / total for states, weight in weights.items()}
    often = [states for states, mean in expected.items() if mean >= 5]
    rest = n - sum(expected[states] for states in often)
    seen = [counted.get(states, 0) for states in often]
    if rest > 1e-6:
        seen, wanted = [*seen, n - sum(seen)], [*(expected[states] for states in often), rest]
    else:
        wanted = [expected[states] for states in often]
    if len(seen) > 1:
        assert chisquare(seen, np.array(wanted) * sum(seen) / sum(wanted)).pvalue > 1e-6


def test_equal_seeds_give_equal_samples_and_names_of_states() -> None:
    """A frame in the order of the network; what was observed is what was observed."""
    rain = Node("rain", BINARY, (), Table([0.8, 0.2]))
    wet = Node("wet", BINARY, ("rain",), Table([[0.9, 0.1], [0.1, 0.9]]))
    engine = Engine(Network([rain, wet]))
    one, two = (engine.sample({"wet": "yes"}, 500, seed=3) for _ in range(2))
    pd.testing.assert_frame_equal(one, two)
    assert list(one.columns) == ["rain", "wet"]
    assert set(one["wet"]) == {"yes"}
    assert not one.equals(engine.sample({"wet": "yes"}, 500, seed=4))
    assert abs((one["rain"] == "yes").mean() - 0.18 / 0.26) < 0.1


def test_a_gate_of_a_thousand_causes_is_sampled() -> None:
    """Given the finding, the mean number of causes is the sum of their posteriors; at least a cause, or the leak."""
    roots = [Node(f"c{place}", BINARY, (), Table([0.999, 0.001])) for place in range(1000)]
    names = tuple(root.name for root in roots)
    gate = NoisyMax([0.999, 0.001], ([[1, 0], [0.2, 0.8]],) * 1000)
    engine = Engine(Network((*roots, Node("x", BINARY, names, gate)), names))
    evidence = Evidence([[*[-1] * 1000, 1]])
    drawn = engine.sampled_codes(evidence, 2000)[:, :1000].sum(axis=1)
    expected = sum(values[0, 1] for values in engine.propagate(evidence).marginals.values())
    assert abs(drawn.mean() - expected) < 5 * drawn.std() / np.sqrt(2000)


def test_what_is_no_number_of_samples() -> None:
    """Whole, and at least 1."""
    engine = Engine(Network([Node("rain", BINARY, (), Table([0.8, 0.2]))]))
    for samples in (0, -1, 2.0, True):
        with pytest.raises(FindingsError, match="expected a whole number of at least 1"):
            engine.sample({}, samples)


def test_patients_who_share_findings() -> None:
    """A cohort of patients with a finding: everybody has it, the others are as the posterior says."""
    model = dx.load_model("hip_flexion_weakness")
    findings = {"fever": "present", "patellar_reflex": ["reduced", "absent"]}
    cohort = dx.simulate_cohort(model, 4000, seed=2, findings=findings)
    assert set(cohort["fever"]) == {"present"}
    assert set(cohort["patellar_reflex"]) <= {"reduced", "absent"}
    case = dx.diagnose(model, findings)
    for line in case.differential[:6]:
        if "=" not in line.cause:
            assert abs((cohort[line.cause] == "present").mean() - line.posterior) < 0.04
    assert len(dx.simulate_cohort(model, 0, findings=findings)) == 0
    with pytest.raises(FindingsError, match="feverr"):
        dx.simulate_cohort(model, 3, findings={"feverr": "present"})
