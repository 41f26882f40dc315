"""Scenarios are values: nothing asked changes what it was asked of."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import bayesdx as dx
from tests.diagnosis.cases import naive_model, possible_cases


@settings(max_examples=60)
@given(case=possible_cases(), seed=st.integers(0, 1000))
def test_a_path_is_the_diagnosis_of_each_prefix(case: dx.Diagnosis, seed: int) -> None:
    """Step k of the path is the diagnosis of the first k findings; the last is the case itself."""
    order = [str(name) for name in np.random.default_rng(seed).permutation(list(case.findings))]
    path = dx.posterior_path(case, order)
    for step in range(len(order) + 1):
        prefix = dx.diagnose(case.model, {name: case.findings[name] for name in order[:step]})
        assert_allclose(path.table.iloc[step][prefix.posterior.index].astype(float), prefix.posterior, atol=1e-12)
    assert list(path.table.columns) == list(case.posterior.index)


@settings(max_examples=60)
@given(case=possible_cases(), number=st.integers(0, 20))
def test_without_then_with_gives_the_case_back(case: dx.Diagnosis, number: int) -> None:
    """Taking a finding away and giving it back changes nothing, and the case stays as it was."""
    if not case.findings:
        return
    name = list(case.findings)[number % len(case.findings)]
    before = dict(case.findings)
    less = case.without(name)
    assert name not in less.findings
    again = less.with_findings({name: case.findings[name]})
    assert_allclose(again.posterior[case.posterior.index], case.posterior, atol=1e-12)
    assert dict(case.findings) == before
    assert dict(case.with_findings({name: None}).findings) == dict(less.findings)


def test_findings_are_replaced_and_groups_go_together() -> None:
    """A new state replaces the old one; a group's name stands for its members."""
    model = dx.load_model("hip_flexion_weakness@1.0.0")
    case = dx.diagnose(model, {"pain_location": ["pain_groin"], "onset": "sudden"})
    assert case.with_findings({"onset": "gradual"}).findings["onset"] == "gradual"
    assert dict(case.without("pain_location").findings) == {"onset": "sudden"}
    assert dict(case.with_findings({"pain_location": None}).findings) == {"onset": "sudden"}
    with pytest.raises(dx.FindingsError) as caught:
        case.without("onsett")
    assert str(caught.value) == "without: 'onsett' is not among the findings. Did you mean 'onset'?"
    with pytest.raises(dx.FindingsError, match="is not a state of onset"):
        case.with_findings({"onset": "acute"})


def test_cases_side_by_side() -> None:
    """Posteriors, their change in decibans and ranks; findings that differ; both models when they do."""
    model = dx.load_model("hip_flexion_weakness@1.0.0")
    case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"})
    other = case.with_findings({"fever": "present", "severe_pain": "absent"})
    comparison = dx.compare_cases(case, other)
    table = comparison.table
    assert_allclose(table["before"], case.posterior[table.index])
    assert_allclose(table["after"], other.posterior[table.index])
    odds = np.log10(table["after"] / (1 - table["after"])) - np.log10(table["before"] / (1 - table["before"]))
    assert_allclose(table["change_decibans"], 10 * odds, atol=1e-9)
    assert table["change_decibans"].abs().is_monotonic_decreasing
    assert comparison.findings.loc["fever"].tolist() == ["not observed", "present"]
    assert comparison.findings.loc["severe_pain"].tolist() == ["present", "absent"]
    assert "onset" not in comparison.findings.index
    same = dx.compare_cases(case, case)
    assert same.findings.empty
    assert (same.table["change_decibans"] == 0).all()
    assert "The findings are the same." in str(same)
    elsewhere = dx.compare_cases(case, dx.diagnose(model.with_population("emergency_department"), case.findings))
    assert "primary_care and hip_flexion_weakness 1.0.0, emergency_department" in str(elsewhere)


def test_certain_causes_compare_without_nan() -> None:
    """From 1 to 1 nothing changes; from something to 1 the change is infinite."""
    model = naive_model([0.0, 0.1], [0.8, 0.7])
    sure = dx.diagnose(model, {"f0": "yes"})
    assert dx.compare_cases(sure, sure.with_findings({"f1": "no"})).table["change_decibans"].tolist() == [0.0]
    assert dx.compare_cases(dx.diagnose(model), sure).table["change_decibans"].tolist() == [math.inf]


def test_causes_of_only_one_model_are_shown() -> None:
    """A cause that one of the models does not have is missing on that side only."""
    one = dx.diagnose(naive_model([0.1], [0.8]), {"f0": "yes"})
    other = dx.diagnose(dx.load_model("hip_flexion_weakness@1.0.0"), {"onset": "sudden"})
    table = dx.compare_cases(one, other).table
    assert np.isnan(table.loc["c", "after"])
    assert table.loc["c", "label"] == "Cause"
    assert np.isnan(table.loc["iliopsoas_strain", "before"])


@pytest.mark.parametrize(
    ("order", "sentence"),
    [
        (["f0", "f2"], "'f2' is no finding of this case."),
        (["f0"], "order has to name each finding once; f1 left out."),
        (["f0", "f1", "f0"], "order has to name each finding once; a finding is named twice."),
    ],
)
def test_orders_that_are_none(order: list[str], sentence: str) -> None:
    """An order names every finding of the case once."""
    case = dx.diagnose(naive_model([0.1, 0.1], [0.8, 0.8]), {"f0": "yes", "f1": "no"})
    with pytest.raises(dx.FindingsError) as caught:
        dx.posterior_path(case, order)
    assert str(caught.value).startswith(f"posterior_path: {sentence}")
