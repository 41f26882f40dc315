"""Why: the ledger adds up, and its rows are Shapley values."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import bayesdx as dx
from bayesdx.diagnosis.events import event_of
from bayesdx.diagnosis.shapley import all_coalitions, exact_shapley, sampled_shapley
from bayesdx.diagnosis.trails import active_trail
from bayesdx.knowledge.schema import Link, Variable
from bayesdx.network import compile_network
from bayesdx.odds import DECIBANS_PER_NAT
from tests.diagnosis import brute
from tests.diagnosis.cases import naive_model, possible_cases

CAUSES = st.integers(0, 100)


def cause_of(case: dx.Diagnosis, number: int) -> str:
    names = [*case.posterior.index, *(name for name in case.model.causes if name not in case.posterior.index)]
    return str(names[number % len(names)])


@settings(max_examples=120)
@given(case=possible_cases(), number=CAUSES)
def test_the_ledger_adds_up_to_the_posterior_log_odds(case: dx.Diagnosis, number: int) -> None:
    """Prior plus rows is the posterior log-odds, and both ends are those of the joint table."""
    why = dx.explain(case, cause_of(case, number))
    network, joint = brute.of_case(case)
    assert_allclose(why.posterior_decibans, brute.log_odds(joint, network, why.event) * DECIBANS_PER_NAT, atol=1e-9)
    prior = brute.log_odds(brute.joint_array(network), network, why.event)
    assert_allclose(why.prior_decibans, prior * DECIBANS_PER_NAT, atol=1e-9)
    assert_allclose(why.total_decibans, why.posterior_decibans, atol=1e-9)
    assert not why.table.isna().any(axis=None)


@settings(max_examples=60)
@given(case=possible_cases(), number=CAUSES)
def test_rows_are_shapley_values_by_their_definition(case: dx.Diagnosis, number: int) -> None:
    """Each row is the finding's weight averaged over all orders; the other columns are its first and last place."""
    cause = cause_of(case, number)
    names = [name for name, value in case.findings.items() if value is not dx.UNKNOWN]
    why = dx.explain(case, cause)
    if why.settled or not 1 <= len(names) <= 6:
        return
    event, network = event_of(case.model, cause), compile_network(case.model)
    joint = brute.joint_array(network)
    worth = {}
    for size in range(len(names) + 1):
        for chosen in itertools.combinations(range(len(names)), size):
            kept = [names[place] for place in chosen]
            codes = [case.evidence.codes[network.index[name]] if name in kept else -1 for name in network.names]
            soft = {name: values for name, values in case.evidence.likelihoods.items() if name in kept}
            worth[frozenset(chosen)] = brute.log_odds(brute.weighed(joint, network, codes, soft), network, event)
    expected = np.array(brute.shapley(worth, len(names))) * DECIBANS_PER_NAT
    everyone = frozenset(range(len(names)))
    for place, name in enumerate(names):
        row = why.table.loc[name]
        assert_allclose(row["weight_decibans"], expected[place], atol=1e-9)
        alone = worth[frozenset([place])] - worth[frozenset()]
        last = worth[everyone] - worth[everyone - {place}]
        assert_allclose([row["alone_decibans"], row["given_others_decibans"]],
                        np.array([alone, last]) * DECIBANS_PER_NAT, atol=1e-9)  # fmt: skip


@given(n=st.integers(1, 7), seed=st.integers(0, 2**32 - 1))
def test_shapley_efficiency_symmetry_and_dummy(n: int, seed: int) -> None:
    """The rows share out everything; equal players get equal rows; a player that adds nothing gets 0."""
    rng = np.random.default_rng(seed)
    coalitions = all_coalitions(n)
    worth = rng.normal(size=2**n) * 10.0 ** rng.integers(-3, 4)
    assert_allclose(exact_shapley(worth).sum(), worth[-1] - worth[0], rtol=1e-9, atol=1e-9)
    one, other = 0, n - 1
    swapped = coalitions.copy()
    swapped[:, [one, other]] = coalitions[:, [other, one]]
    symmetric = worth + worth[swapped @ (1 << np.arange(n))]
    values = exact_shapley(symmetric)
    assert_allclose(values[one], values[other], rtol=1e-9, atol=1e-9)
    assert_allclose(exact_shapley(worth[np.arange(2**n) & ~1])[0], 0.0, atol=1e-9)


@given(case=possible_cases(zeros=False))
def test_a_finding_without_parents_or_children_weighs_nothing(case: dx.Diagnosis) -> None:
    """Dummy law on models: a variable connected to nothing gets exactly no weight."""
    stray = Variable("stray", "Stray", "history", "", ("no", "yes"), "")
    leak = Link("", "", "stray", "yes", 0.3, 0.2, 0.4, "S", "expert")
    model = replace(case.model, variables=(*case.model.variables, stray), links=(*case.model.links, leak))
    why = dx.explain(dx.diagnose(model, {**case.findings, "stray": "yes"}))
    row = next(reason for reason in why.reasons if reason.name == "stray")
    assert_allclose([row.weight_decibans, row.alone_decibans, row.given_others_decibans], 0.0, atol=1e-9)
    assert row.numbers == ()


def test_twins_get_equal_rows() -> None:
    """Symmetry law on models: two findings with the same numbers and the same state weigh the same."""
    case = dx.diagnose(naive_model([0.1, 0.1, 0.3], [0.8, 0.8, 0.2]), {"f0": "yes", "f1": "yes", "f2": "no"})
    weights = dx.explain(case).table["weight_decibans"]
    assert_allclose(weights["f0"], weights["f1"], rtol=1e-12)


@pytest.mark.parametrize("state", ["yes", "no"])
def test_extreme_posteriors_add_up_exactly(state: str) -> None:
    """Odds of 1e360 and of 1e-350 come out as rational arithmetic has them, far outside what a float can hold."""
    leak, link = (1e-30, 0.9) if state == "yes" else (1e-30, 1 - 1e-15)
    n = 12 if state == "yes" else 11
    case = dx.diagnose(naive_model([leak] * n, [link] * n, prior=1e-170 if state == "no" else 0.1),
                       {f"f{i}": state for i in range(n)})  # fmt: skip
    why = dx.explain(case)
    given_cause = 1 - (1 - Fraction(leak)) * (1 - Fraction(link))
    ratio = given_cause / Fraction(leak) if state == "yes" else (1 - given_cause) / (1 - Fraction(leak))
    prior = Fraction(0.1) if state == "yes" else Fraction(1e-170)
    odds = prior / (1 - prior) * ratio**n
    expected = (math.log(odds.numerator) - math.log(odds.denominator)) * DECIBANS_PER_NAT
    assert abs(expected) > 3300
    assert_allclose(why.posterior_decibans, expected, rtol=1e-12)
    assert_allclose(why.total_decibans, why.posterior_decibans, atol=1e-9)
    assert not why.settled


def test_certain_and_impossible_causes_are_stated() -> None:
    """Infinite log-odds: the findings that settle it are named, the others add nothing, no NaN anywhere."""
    model = naive_model([0.0, 0.2, 0.3], [0.7, 0.5, 0.1])
    why = dx.explain(dx.diagnose(model, {"f0": "yes", "f1": "yes"}))
    assert why.statement == "Cause is certain under naive 1.0.0 because of Finding 0: yes; other findings add nothing."
    assert why.table["weight_decibans"].to_dict() == {"f0": math.inf, "f1": 0.0}
    assert why.total_decibans == why.posterior_decibans == math.inf
    never = dx.explain(dx.diagnose(naive_model([0.1], [0.7], prior=0.0), {"f0": "yes"}))
    assert never.statement == "Cause is impossible under naive 1.0.0 whatever the findings; no finding can weigh on it."
    assert never.table["weight_decibans"].tolist() == [0.0]
    ruled_out = dx.explain(dx.diagnose(naive_model([0.1, 0.2], [1.0, 0.5]), {"f0": "no", "f1": "yes"}))
    assert ruled_out.posterior_decibans == -math.inf
    assert ruled_out.table["weight_decibans"].to_dict() == {"f0": -math.inf, "f1": 0.0}
    assert "-inf" in str(ruled_out)


def test_sampled_rows_add_up_and_state_their_error() -> None:
    """Of thirteen findings rows still add up exactly, and lie within five standard errors of the Shapley values."""
    model = dx.load_model("hip_flexion_weakness@1.0.0")
    findings = {"age_group": "60_and_over", "onset": "sudden", "severe_pain": "present", "leg_numbness": "present",
                "pain_low_back": "present", "fever": "absent", "hip_flexion_strength": "reduced",
                "patellar_reflex": "reduced", "femoral_nerve_stretch_test": "positive", "pain_groin": "absent",
                "pain_anterior_thigh": "present", "diabetes": "yes", "emg": "root_denervation"}  # fmt: skip
    case = dx.diagnose(model, findings)
    taken = pd.DataFrame(all_coalitions(len(findings)), columns=list(findings))
    known = pd.DataFrame({name: np.where(taken[name], state, None) for name, state in findings.items()})
    posterior = dx.score_cohort(model, known)["posterior_lumbar_radiculopathy"]
    worth = 10 * np.log10(posterior / (1 - posterior)).to_numpy()
    exact = pd.Series(exact_shapley(worth), index=list(findings))
    why = dx.explain(case, "lumbar_radiculopathy", orders=200, seed=3)
    assert_allclose(why.total_decibans, why.posterior_decibans, atol=1e-9)
    table = why.table.loc[exact.index]
    assert (table["error_decibans"] > 0).any()
    assert ((table["weight_decibans"] - exact).abs() <= 5 * table["error_decibans"] + 1e-9).all()
    again = dx.explain(case, "lumbar_radiculopathy", orders=200, seed=3)
    assert again.table.equals(why.table)
    assert "±" in str(why)


def test_sampled_shapley_asks_each_coalition_once() -> None:
    """All coalitions of all orders are one question without repeats."""
    asked = []

    def worth(masks: np.ndarray) -> np.ndarray:
        asked.append(len(masks))
        assert len(np.unique(masks, axis=0)) == len(masks)
        return masks.sum(axis=1) ** 2.0

    values, errors = sampled_shapley(worth, 4, orders=40, seed=0)
    assert len(asked) == 1
    assert_allclose(values.sum(), 16.0)
    assert (errors >= 0).all()


def test_groups_make_one_row() -> None:
    """With by_group the members of a group are one row, and the ledger still adds up."""
    model = dx.load_model("hip_flexion_weakness@1.0.0")
    case = dx.diagnose(model, {"pain_location": ["pain_groin"], "onset": "sudden"})
    why = dx.explain(case, "iliopsoas_strain", by_group=True)
    assert set(why.table.index) == {"pain_location", "onset"}
    assert_allclose(why.total_decibans, why.posterior_decibans, atol=1e-9)


def test_rows_name_their_numbers_and_what_is_expected_is_still_open() -> None:
    """Every row that weighs has numbers behind it; expectations are open findings that the cause makes likelier."""
    model = dx.load_model("hip_flexion_weakness@1.0.0")
    findings = {"onset": "sudden", "severe_pain": "present", "fever": dx.UNKNOWN, "age_group": "under_40"}
    why = dx.explain(dx.diagnose(model, findings), "iliopsoas_strain")
    assert "fever" not in why.table.index
    for reason in why.reasons:
        assert reason.sources
        assert all(number.file in ("priors.csv", "links.csv", "tables.csv") for number in reason.numbers)
    onset = why.numbers[why.numbers["finding"] == "onset"]["number"].tolist()
    assert onset == [
        "P(onset = sudden | no cause of it acts)",
        "P(onset = sudden | iliopsoas_strain = present by itself)",
    ]
    assert why.expected
    for sign in why.expected:
        assert sign.name not in findings
        assert sign.if_present >= 0.5
        assert sign.weight_decibans >= 1 > 0 >= sign.missing_decibans
    weights = why.expected_table["weight_decibans"].tolist()
    assert weights == sorted(weights, reverse=True)


def test_trails_end_where_observation_blocks_them() -> None:
    """A trail through an observed cause is closed, one through a common effect opens when that is observed."""
    network = compile_network(dx.load_model("hip_flexion_weakness@1.0.0"))
    assert active_trail(network, "age_group", "iliopsoas_strain", ()) == (
        "age_group", "hip_flexor_loading", "iliopsoas_strain")  # fmt: skip
    assert active_trail(network, "age_group", "iliopsoas_strain", ("hip_flexor_loading",)) == ()
    assert active_trail(network, "infection_risk", "iliopsoas_strain", ("age_group",)) == ()
    opened = active_trail(network, "infection_risk", "iliopsoas_strain", ("age_group", "pain_groin"))
    assert (opened[0], opened[-1]) == ("infection_risk", "iliopsoas_strain")


def test_messages() -> None:
    """Unknown causes and too few orders are refused with a sentence."""
    case = dx.diagnose(dx.load_model("hip_flexion_weakness@1.0.0"), {"onset": "sudden"})
    with pytest.raises(dx.FindingsError) as caught:
        dx.explain(case, "iliopsoas_strian")
    assert str(caught.value) == (
        "'iliopsoas_strian' is not a cause of hip_flexion_weakness 1.0.0. Did you mean 'iliopsoas_strain'?"
    )
    with pytest.raises(dx.FindingsError, match=r"^explain: orders = 2; expected at least 4\.$"):
        dx.explain(case, orders=2)
