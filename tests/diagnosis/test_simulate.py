"""Invented patients are as the model says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayesdx as dx

MODEL = dx.load_model("chest_clinic@1.0.0")
FLAGSHIP = dx.load_model("hip_flexion_weakness@2.2.1", population="emergency_department")


@pytest.mark.parametrize("model", [MODEL, FLAGSHIP], ids=lambda model: model.name)
def test_frequencies_are_the_marginals(model: dx.Model) -> None:
    """Each state is as frequent as the engine says, within five standard errors of 20,000 patients."""
    n = 20_000
    cohort = dx.simulate_cohort(model, n, seed=3)
    marginals = dx.Engine(model).marginals(pd.DataFrame(index=[0]), targets=list(cohort))
    for name in cohort:
        expected = marginals[name].iloc[0]
        found = cohort[name].value_counts(normalize=True).reindex(expected.index, fill_value=0.0)
        error = np.sqrt(expected * (1 - expected) / n)
        assert ((found - expected).abs() <= 5 * error + 1e-9).all(), name


def test_links_are_drawn_and_not_margins_alone() -> None:
    """P(dyspnoea | bronchitis) among simulated patients is the posterior of the model."""
    cohort = dx.simulate_cohort(MODEL, 20_000)
    ill = cohort[cohort["bronchitis"] == "present"]
    said = dx.Engine(MODEL).marginals(pd.DataFrame({"bronchitis": ["present"]}), targets=["dyspnoea"])["dyspnoea"]
    assert (ill["dyspnoea"] == "present").mean() == pytest.approx(float(said["present"].iloc[0]), abs=0.02)


def test_what_nobody_observes_is_left_out() -> None:
    """Columns are contexts, causes and findings, in the order of the model; read_cohort takes them as they are."""
    cohort = dx.simulate_cohort(FLAGSHIP, 50)
    kinds = {FLAGSHIP.by_name[name].kind for name in cohort}
    assert kinds == {"context", "cause", "history", "examination", "test"}
    assert list(cohort) == [name for name in FLAGSHIP.by_name if name in cohort]
    assert set(FLAGSHIP.causes) | set(FLAGSHIP.findings) <= set(cohort)
    assert len(dx.read_cohort(FLAGSHIP, cohort)) == 50


def test_equal_seeds_give_equal_patients() -> None:
    """And other seeds others; no patients are an empty table with all columns."""
    pd.testing.assert_frame_equal(dx.simulate_cohort(MODEL, 30, seed=7), dx.simulate_cohort(MODEL, 30, seed=7))
    assert not dx.simulate_cohort(MODEL, 30, seed=7).equals(dx.simulate_cohort(MODEL, 30, seed=8))
    shown = [variable for variable in MODEL.variables if variable.kind != "mechanism"]
    assert dx.simulate_cohort(MODEL, 0).shape == (0, len(shown))


def test_a_negative_number_of_patients_is_refused() -> None:
    """The message names the argument and what is expected."""
    with pytest.raises(dx.FindingsError) as caught:
        dx.simulate_cohort(MODEL, -1)
    assert str(caught.value) == "simulate_cohort: patients = -1; expected a number of at least 0."


@pytest.mark.parametrize("patients", [2.5, 3.0, True, "3"])
def test_patients_are_counted_in_whole_numbers(patients: Any) -> None:
    """Nothing is rounded, and nothing but an integer counts."""
    with pytest.raises(dx.FindingsError) as caught:
        dx.simulate_cohort(MODEL, patients)
    assert str(caught.value) == f"simulate_cohort: patients = {patients!r}; expected a whole number of at least 0."


def test_a_number_of_patients_may_be_numpys() -> None:
    """As ``len`` of an array or a sum of counts gives it."""
    assert len(dx.simulate_cohort(MODEL, np.int64(4))) == 4
