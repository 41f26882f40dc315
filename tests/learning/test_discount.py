"""How much the parent is worth: learned apart for causes and effects, sure of itself only where it may be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray
from scipy.special import betaln
from scipy.stats import betabinom

import bayesdx as dx
from bayesdx.diagnosis.compiled import compiled
from bayesdx.learning.belief import Belief
from bayesdx.learning.discount import (
    SPREADS,
    Groups,
    Seen,
    _Shifts,
    _weights,
    conflict,
    conflicts,
    discounted,
    together,
)
from bayesdx.network import compile_network
from benchmarks.coverage import simulated_cohort
from tests.learning.models import exclusive_model
from tests.learning.test_belief import RARE, one_cause

FLAGSHIP = dx.load_model("hip_flexion_weakness", population="primary_care")


def labelled(model: dx.Model, rows: int, seed: int) -> pd.DataFrame:
    """Contexts, causes and the findings that a first visit yields, complete."""
    patients = dx.simulate_cohort(model, rows, seed=seed)
    kinds = ("context", "history", "examination")
    return patients[[c for c in patients if model.by_name[c].kind in kinds] + list(model.causes)]


def inside(table: pd.DataFrame, truth: dict[str, float]) -> NDArray[np.bool_]:
    rows = table.assign(truth=table["label"].map(truth))
    return ((rows["lower"] <= rows["truth"]) & (rows["truth"] <= rows["upper"])).to_numpy()


def test_patients_of_another_clinic_outvote_the_parents_mix_of_causes() -> None:
    """Eight times 1,000 labelled emergency patients: intervals hold the truth, an emergency is as common as seen."""
    clinic = FLAGSHIP.with_population("emergency_department")
    truth = {number.label: number.value for number in compiled(clinic).parameters}
    held = []
    for seed in range(8):
        table = labelled(clinic, 1000, seed)
        result = dx.calibrate(FLAGSHIP, table, variables=["main_cause"], population="clinic", tolerance=1e-3)
        held.append(inside(result.table, truth))
        assert result.worth["causes"] < 0.8 and result.apart["causes"] > 1.5
        assert any("conflict with their prior" in text for text in result.warnings)
        assert len(result.conflicts) > 0 and result.conflicts["label"].str.startswith("P(main_cause = ").all()
        before, after, there = (dx.diagnose(m).posterior["severe_infection"] for m in (FLAGSHIP, result.model, clinic))
        seen = (table["severe_infection"] == "present").mean()
        assert abs(after - seen) < 0.25 * abs(before - seen) and before < 0.4 * there
    assert 0.92 <= np.concatenate(held).mean() <= 0.99


def test_patients_whom_the_parent_expects_leave_its_worth_nearly_whole() -> None:
    """Drawn from the parent itself: worth near 1, at most one run in ten with a conflict."""
    clashes = 0
    for seed in range(10):
        parent = exclusive_model((0.2, 0.05))
        table = simulated_cohort(compile_network(parent), parent.causes, 600, seed)
        result = dx.calibrate(parent, table)
        clashes += len(result.conflicts) > 0
        assert min(result.worth.values()) > 0.25
    assert clashes <= 1


def test_a_fixed_strength_is_kept_and_its_conflicts_are_listed() -> None:
    """With prior_strength=1 the parent outvotes the patients as it says, and the warning says what to do."""
    table = labelled(FLAGSHIP.with_population("emergency_department"), 2000, 5)
    result = dx.calibrate(FLAGSHIP, table, variables=["main_cause"], prior_strength=1, tolerance=1e-2)
    assert result.worth == {} and (result.table["prior_weight"] == 1).all()
    assert any("prior_strength='auto' weakens them" in text for text in result.warnings)
    assert (result.conflicts["adjusted_p"] < 0.05).all()
    before, patients, after = (result.conflicts[name].sum() for name in ("before", "in_the_patients", "after"))
    assert abs(patients - before) > abs(after - before) > 0  # one may go further, where others give way to it


def test_causes_and_effects_are_weighed_apart() -> None:
    """Where the causes are commoner and the effects as ever, the effects keep their worth."""
    parent = exclusive_model((0.2, 0.01))
    there = exclusive_model((0.3, 0.45))
    table = simulated_cohort(compile_network(there), there.causes, 3000, 1, missing=0.2, labelled=0.7)
    result = dx.calibrate(parent, table)
    factor = result.table.set_index("label")["prior_weight"]
    assert factor["P(cause = severe)"] < 0.2
    assert factor[[name for name in factor.index if name.startswith("P(f")]].mean() > 0.6
    rows = result.table.set_index("label").loc["P(cause = severe)"]
    assert rows["lower"] < 0.45 < rows["upper"]


def test_zero_is_jeffreys() -> None:
    """0 of n leaves (1/2) / (n + K/2) with an upper end, never an interval from 0 to 0, in both methods."""
    table = pd.DataFrame({"cause": ["common"] * 200 + ["other"] * 100})
    for method in ("counts", "em"):
        found = dx.calibrate(one_cause(RARE), table, method, prior_strength=0).table.set_index("label")
        row = found.loc["P(cause = emergency)"]
        assert row["after"] == pytest.approx(0.5 / 302, rel=1e-6)
        assert 0 < row["lower"] < row["after"] < row["upper"] and row["upper"] == pytest.approx(0.0083, rel=0.05)
        assert found.loc["P(cause = common)", "after"] == pytest.approx(200.5 / 302, rel=1e-6)


def test_jeffreys_prior_is_for_numbers_that_patients_inform() -> None:
    """A finding of 1e-7 in a cause that nobody is known to have stays there, and is said to rest on the parent."""
    model = exclusive_model()
    rare = tuple(
        replace(row, probability=1e-7, lower=3e-8, upper=3e-7)
        if (row.variable, row.parents) == ("f1", (("cause", ("severe",)),))
        else row
        for row in model.tables
    )
    parent = replace(model, tables=rare)
    table = dx.simulate_cohort(parent, 200, seed=1)
    table.loc[::2, "cause"] = None
    result = dx.calibrate(parent, table[table["cause"] != "severe"], prior_strength=0)
    after = result.table.set_index("label")["after"]
    assert after["P(f1 = yes | cause = severe)"] == pytest.approx(1e-7, rel=1e-3)
    assert abs(after["P(f1 = yes | cause = mild)"] - 0.4) > 0.01
    assert any("rest on the parent alone" in warning for warning in result.warnings)


@pytest.mark.parametrize("strength", [1e-9, 0.01, "auto", 1])
def test_what_was_not_seen_is_never_impossible(strength: float | str) -> None:
    """However weak the prior, the upper end of 0 of 300 is near 1 %."""
    table = pd.DataFrame({"cause": ["common"] * 200 + ["other"] * 100})
    row = (
        dx.calibrate(one_cause(RARE), table, prior_strength=strength)
        .table.set_index("label")
        .loc["P(cause = emergency)"]
    )
    assert 0.004 < row["upper"] < 0.02


def test_the_weakened_prior_gives_the_mean_of_the_mixture() -> None:
    """With the patients, the one Beta that stands for all priors has the mean of their mixture, on its definition."""
    alpha, beyond = np.array([6.0, 1.5, 30.0]), np.array([94.0, 40.0, 70.0])
    belief = dirichlet_of_pairs(alpha, beyond)
    stay, reach = np.array([12.0, 3.0, 32.0]), np.array([100.0, 50.0, 90.0])
    groups = Groups(np.array([1, 1, 1]), np.array([0, 0, 1]))
    result = discounted(belief, groups, Seen(stay, reach))
    shifts = _Shifts.all()
    a, b = shifts.priors(alpha, beyond)
    x, n = stay[:, None, None], reach[:, None, None]
    given, _ = _weights(betaln(a + x, b + n - x) - betaln(a, b), groups.part, groups.event, shifts)
    assert_allclose(given.sum(axis=(1, 2)), 1)
    assert_allclose(given[0].sum(axis=1), given[1].sum(axis=1))  # one event moves as one
    mean = (given * (a + x) / (a + b + n)).sum(axis=(1, 2))
    assert_allclose((result.belief.alpha + stay) / (result.belief.alpha + result.belief.beyond + reach), mean)
    assert (result.narrower <= 1).all() and (result.factor <= 1).all() and result.apart["causes"] > 1


def dirichlet_of_pairs(alpha: NDArray[np.float64], beyond: NDArray[np.float64]) -> Belief:
    """Numbers that each belong to a distribution of their own, as far as weighing them needs to know."""
    row = np.arange(len(alpha))
    return Belief((), row, row, np.zeros_like(row), alpha, beyond, np.ones(len(alpha)), alpha)


def test_moved_priors_keep_their_mean_and_the_spread_of_their_odds() -> None:
    """Over all shifts of one spread the mean stays, and the variance of the log-odds at each; unmoved, all stays."""
    alpha, beyond = np.array([2.0, 8.0, 3.0]), np.array([198.0, 392.0, 1.0])
    shifts = _Shifts.all()
    a, b = shifts.priors(alpha, beyond)
    assert_allclose((a[:, 0, 0], b[:, 0, 0]), (alpha, beyond))
    assert_allclose(1 / a[:, :, 0] + 1 / b[:, :, 0], np.broadcast_to((1 / alpha + 1 / beyond)[:, None], a.shape[:2]))
    for place in range(len(SPREADS)):
        chosen = shifts.spread == place
        mean = (a / (a + b))[:, chosen, 0] @ shifts.share[chosen]
        assert_allclose(mean, alpha / (alpha + beyond), rtol=1e-9)


def test_what_others_of_an_event_show_moves_a_number_nobody_speaks_about() -> None:
    """A cause five times as common in the young is expected to be commoner in the old, less surely; others stay."""
    alpha, beyond = np.full(4, 3.0), np.full(4, 97.0)
    found = Seen(np.array([75.0, 0.0, 3.0, 0.0]), np.array([500.0, 0.0, 100.0, 0.0]))
    groups = Groups(np.ones(4, dtype=np.intp), np.array([0, 0, 1, 1]))
    moved = discounted(dirichlet_of_pairs(alpha, beyond), groups, found).belief
    mean = moved.alpha / (moved.alpha + moved.beyond)
    assert mean[1] > 0.06 and abs(mean[3] - 0.03) < 0.01


def test_many_small_differences_are_seen_together() -> None:
    """Forty numbers, each a little off, conflict together though none does alone; as drawn, in at most 1 of 100."""
    rng = np.random.default_rng(0)
    alpha, beyond = np.full(40, 20.0), np.full(40, 80.0)
    belief = dirichlet_of_pairs(alpha, beyond)
    groups = Groups(np.full(40, 2), np.arange(40) // 2)
    reach = np.full(40, 200.0)
    found = Seen(np.full(40, 52.0), reach)  # 26 %, where 20 % with a standard deviation of 5 % was expected
    assert conflicts(belief, found)[1].min() > 0.05 and together(belief, groups, found, 0)["effects"] < 0.005
    alarms = 0
    for seed in range(100):
        own = Seen(rng.binomial(200, rng.beta(alpha, beyond)).astype(float), reach)
        alarms += together(belief, groups, own, seed)["effects"] < 0.005
    assert alarms <= 2


def test_conflict_is_the_mid_p_of_the_beta_binomial() -> None:
    """Against scipy's distribution, in both tails; above the size that is summed, near it."""
    rng = np.random.default_rng(1)
    a, b = rng.uniform(0.2, 40, 60), rng.uniform(1, 400, 60)
    n = rng.integers(1, 800, 60)
    k = rng.binomial(n, np.clip(a / (a + b) * rng.uniform(0.3, 3, 60), 0, 1))
    known = betabinom(n, a, b)
    below = known.cdf(k) - known.pmf(k) / 2
    expected = np.minimum(1, 2 * np.minimum(below, 1 - below))
    assert_allclose(conflict(a, b, k.astype(float), n.astype(float)), expected, atol=1e-9)
    many, some = np.full(1, 20_000.0), np.full(1, 5_000.0)
    for share in (0.01, 0.03, 0.06):
        one = conflict(np.array([3.0]), np.array([97.0]), share * many, many)
        other = conflict(np.array([3.0]), np.array([97.0]), share * some, some)
        assert_allclose(one, other, atol=0.02)
