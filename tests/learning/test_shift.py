"""Prior shift: right where the likelihoods hold, wider, warned or refused where they do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import betaln

import bayesdx as dx
from bayesdx.diagnosis.simulate import simulate
from bayesdx.knowledge.schema import Link, TableEntry, Variable
from bayesdx.learning.belief import PARTS, believe
from bayesdx.learning.discount import POSSIBLE, SHIFTS, discounted_together, expecting_shifts, groups_of
from bayesdx.learning.em import maximise
from bayesdx.learning.expected import expectation
from bayesdx.learning.information import Basis, observed
from bayesdx.learning.layout import Layout
from bayesdx.learning.patients import patients_of
from bayesdx.learning.shift import CERTAIN, dispersion, log_likelihoods, recalibrated
from bayesdx.network import compile_network
from tests.learning.models import exclusive_model


def patients(model: dx.Model, rows: int, seed: int) -> pd.DataFrame:
    """Findings of simulated patients."""
    network = compile_network(model)
    codes = simulate(network, rows, seed)
    return pd.DataFrame(
        {name: np.array(network[name].states)[codes[:, network.index[name]]] for name in model.findings}
    )


def hospital(rows: int, share: float, seed: int, likeness: float, shift: float = 0.0) -> pd.DataFrame:
    """Eight findings of a disease that share a cause besides it; ``shift`` makes three of them rarer in everybody."""
    rng = np.random.default_rng(seed)
    ill, common = rng.random(rows) < share, rng.normal(size=rows)
    cells = {}
    for place in range(8):
        own = likeness * common + np.sqrt(1 - likeness**2) * rng.normal(size=rows)
        cells[f"f{place}"] = np.where(own + ill > 0.5 + shift * (place % 3 == 0), "yes", "no")
    return pd.DataFrame({"d": np.where(ill, "ill", "well"), **cells})


def plain(frame: pd.DataFrame) -> dx.types.ModelFit:
    """A naive model that is as sure as it counts."""
    return dx.fit_model(frame, "d", structure="naive", temperature=1)


def told(result: dx.types.Calibration, of: str) -> bool:
    return any(of in text for text in result.warnings)


def test_tests_ordered_because_of_findings_raise_no_alarm() -> None:
    """Missing at random given what was observed: f3 is done where f0 is present. At most one alarm in twenty."""
    model, alarms = exclusive_model((0.2, 0.3)), 0
    rng = np.random.default_rng(0)
    for seed in range(20):
        frame = patients(model, 500, seed)
        ordered = rng.random(500) < np.where(frame["f0"] == "yes", 0.95, 0.05)
        result = dx.calibrate(exclusive_model(), frame.assign(f3=frame["f3"].where(ordered)), "prior_shift")
        alarms += told(result, "may not hold") or told(result, "repeat each other")
    assert alarms <= 1


def test_a_finding_that_is_nobodys_any_more_is_refused() -> None:
    """The sentence names the finding, both frequencies, what to leave out and how many labels would do."""
    frame = patients(exclusive_model(), 2000, 1).assign(f0="no")
    with pytest.raises(dx.LearningError) as caught:
        dx.calibrate(exclusive_model(), frame, "prior_shift")
    text = str(caught.value)
    assert text.startswith("prior_shift: refused, since the likelihoods do not hold in these patients: f0 = yes in 0 %")
    assert "Leave out f0" in text and "patients, drawn at random, and use method='em'" in text
    left = dx.calibrate(exclusive_model(), frame.drop(columns="f0"), "prior_shift")
    assert not told(left, "may not hold")


def test_a_difference_that_the_mix_does_not_feel_is_no_alarm() -> None:
    """A finding as frequent in every class says nothing of them: its frequency is in the table, not a warning."""
    rng = np.random.default_rng(0)
    frame = hospital(400, 0.5, 1, 0.0).assign(eyes=np.where(rng.random(400) < 0.5, "blue", "brown"))
    fit = dx.fit_model(frame, "d")
    others = hospital(400, 0.5, 2, 0.0).assign(eyes=np.where(rng.random(400) < 0.9, "blue", "brown"))
    result = dx.calibrate(fit.model, fit.read(others.drop(columns="d")), "prior_shift")
    eyes = result.likelihoods.set_index("finding").loc["eyes"]
    assert eyes["adjusted_p"] < 0.05 and eyes["effect"] < 0.05
    assert not told(result, "eyes")


@pytest.mark.parametrize(("likeness", "shift", "least"), [(0.0, 0.0, 0), (0.0, 0.7, 6)])
def test_intervals_hold_the_truth_or_a_warning_says_why(likeness: float, shift: float, least: int) -> None:
    """Models of 300 patients moved to another hospital: without a fault no warning, with other frequencies always."""
    held, warned = 0, 0
    for seed in range(6):
        fit = plain(hospital(300, 0.46, seed, likeness))
        there = hospital(400, 0.745, 100 + seed, likeness, shift)
        try:
            result = dx.calibrate(fit.model, fit.read(there.drop(columns="d")), "prior_shift")
        except dx.LearningError:  # refused
            warned += 1
            continue
        row = result.table.iloc[0]
        truth = 0.745 if "ill" in row["label"] else 0.255
        held += row["lower"] <= truth <= row["upper"]
        warned += told(result, "may not hold")
    assert held >= 5 or warned == 6
    assert warned <= 1 if least == 0 else warned >= least


def test_findings_that_repeat_each_other_are_noticed() -> None:
    """The evidence of copies varies more than the model says; of independent findings it does not."""
    apart, alike = [], []
    for seed in range(5):
        for found, likeness in ((apart, 0.0), (alike, 0.7)):
            fit = plain(hospital(300, 0.46, seed, likeness))
            layout = Layout(compile_network(fit.model))
            others = fit.read(hospital(400, 0.745, 50 + seed, likeness).drop(columns="d"))
            people = patients_of(layout.network, others)
            found.append(dispersion(layout, "d", people, layout.values(layout.network), None)[0])
    assert np.mean(apart) == pytest.approx(1.0, abs=0.1) and np.mean(alike) > 1.4


def test_likelihoods_from_few_patients_are_not_taken_for_repetition() -> None:
    """Findings are independent, likelihoods rest on 60 patients: the error says so, and hardly ever is it an alarm."""
    alarms = 0
    for seed in range(10):
        fit = plain(hospital(60, 0.46, seed, 0.0))
        layout = Layout(compile_network(fit.model))
        people = patients_of(layout.network, fit.read(hospital(3000, 0.46, 50 + seed, 0.0).drop(columns="d")))
        effects = believe(fit.model, layout, PARTS, fit.model.findings, 1.0)
        values = layout.values(layout.network)
        (ratio, error), (_, if_known) = (dispersion(layout, "d", people, values, of) for of in (effects, None))
        assert error > 1.02 * if_known
        alarms += ratio > 1 + CERTAIN * error
    assert alarms <= 1


def test_a_shift_is_weighed_as_the_integral_over_all_priors_weighs_it() -> None:
    """The evidence of each shift, by Laplace's method at its own maximum, gives the furthest that remains possible."""
    parent = many_causes(np.full(9, 1 / 9))
    for shares in (np.full(9, 1 / 9), np.arange(1, 10) / 45):
        layout = Layout(compile_network(parent))
        before = layout.values(layout.network)
        people = patients_of(layout.network, dx.read_cohort(parent, patients(many_causes(shares), 1500, 5)))
        belief = believe(parent, layout, PARTS, ["cause"], 1.0)
        groups, expected = groups_of(parent, layout.network, belief), expectation(layout, people)
        used = belief.beyond > 0
        inside = np.where(used, belief.alpha * belief.beyond / (belief.alpha + belief.beyond), 0.0)
        logs = []
        for spread in SHIFTS:
            factor = 1 / (1 + spread**2 * inside)
            prior = replace(belief, alpha=factor * belief.alpha, beyond=factor * belief.beyond)
            fit = maximise(layout, prior, expected, before, max_iterations=200, tolerance=1e-6)
            data = observed(layout, prior, expected, people, fit.values, fit.totals.counts, 0)
            scale = -betaln(prior.alpha[used], prior.beyond[used]).sum()
            curvature = np.linalg.slogdet(data + Basis(prior, fit.values).prior(prior))[1]
            logs.append(fit.objective + scale - curvature / 2)
        density = np.exp(np.array(logs) - max(logs))
        reached = np.r_[0.0, ((density[1:] + density[:-1]) / 2 * np.diff(SHIFTS)).cumsum()]
        known = np.interp(POSSIBLE, reached / reached[-1], SHIFTS)
        at = maximise(layout, expecting_shifts(belief), expected, before, max_iterations=200, tolerance=1e-6)
        data = observed(layout, belief, expected, people, at.values, at.totals.counts, 0)
        found = discounted_together(belief, groups, before, at.values, at.totals.counts, data, np.zeros_like(data))
        assert np.log(found.apart["causes"]) == pytest.approx(known, rel=0.25)


def many_causes(shares: NDArray[np.float64]) -> dx.Model:
    """One cause of nine and a half that the parent knows to a tenth; ten findings with known likelihoods."""
    model = exclusive_model()
    states = tuple(f"c{place}" for place in range(len(shares)))
    findings = [replace(model.by_name["f0"], variable=f"g{place}") for place in range(10)]
    chances = np.random.default_rng(8).uniform(0.03, 0.97, (len(findings), len(shares)))
    return replace(
        model,
        variables=(replace(model.by_name["cause"], states=states), *findings),
        priors=tuple(
            replace(model.priors[0], state=state, probability=p, lower=0.9 * p, upper=1.1 * p)
            for state, p in zip(states[1:], shares[1:], strict=True)
        ),
        tables=tuple(
            TableEntry("", finding.variable, (("cause", (state,)),), "yes", p, p, p, "S", "expert")
            for finding, row in zip(findings, chances, strict=True)
            for state, p in zip(states, row, strict=True)
        ),
    )


@pytest.mark.parametrize("tolerance", [0.1, 1e-3])
def test_em_ends_near_the_maximum_however_short_its_steps_are(tolerance: float) -> None:
    """Where most cells are missing steps are short long before the maximum, which an optimiser of the sum finds too."""
    parent, truth = many_causes(np.full(9, 1 / 9)), many_causes(np.r_[0.01, 0.02, 0.04, 0.06, np.full(5, 0.174)])
    frame = patients(truth, 20_000, seed=3)
    frame = frame.mask(np.random.default_rng(0).random(frame.shape) < 0.7).dropna(how="all")
    layout = Layout(compile_network(parent))
    people = patients_of(layout.network, dx.read_cohort(parent, frame))
    belief = expecting_shifts(believe(parent, layout, PARTS, ["cause"], 1.0))
    before, expected = layout.values(layout.network), expectation(layout, people)
    fit = maximise(layout, belief, expected, before, max_iterations=500, tolerance=tolerance)
    evidence = np.exp(log_likelihoods(layout.network, "cause", people))

    def values_at(logs: NDArray[np.float64]) -> NDArray[np.float64]:
        values, odds = before.copy(), np.exp(np.r_[0.0, logs])
        values[belief.cells] = odds / odds.sum()
        return values

    def height(logs: NDArray[np.float64]) -> float:
        values = values_at(logs)
        return float(people.weights @ np.log(evidence @ values[belief.cells])) + belief.log_prior(values)

    def odds_of(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.log(values[belief.cells][1:] / values[belief.cells][0])

    best = minimize(lambda logs: -height(logs), odds_of(before), method="BFGS")
    assert fit.converged
    assert 0 <= height(best.x) - height(odds_of(fit.values)) + 1e-6 < 0.01
    assert height(best.x) - height(odds_of(before)) > 100


def test_intervals_hold_a_moved_mix_where_most_cells_are_missing() -> None:
    """Odds of causes times 1/5 to 5, 60 % of the cells missing, a coarse tolerance: 92 to 98 % of twelve cohorts'."""
    parent, rng, held = many_causes(np.full(9, 1 / 9)), np.random.default_rng(1), []
    for seed in range(12):
        odds = np.exp(rng.uniform(-np.log(5), np.log(5), 9))
        shares = odds / odds.sum()
        frame = patients(many_causes(shares), 5_000, seed)
        frame = frame.mask(rng.random(frame.shape) < 0.6).dropna(how="all")
        rows = dx.calibrate(parent, frame, "prior_shift", tolerance=1e-2).table
        held.append((rows["lower"] <= shares[1:]) & (shares[1:] <= rows["upper"]))
    assert 0.92 <= np.concatenate(held).mean() <= 0.98


@pytest.mark.parametrize("seed", [3, 4])
def test_the_upper_end_of_a_rare_cause_is_that_of_its_posterior(seed: int) -> None:
    """1 of 1,000, from 2,000 patients of known likelihoods: within a fifth of the posterior on a fine grid."""
    parent = many_causes(np.array([0.6, 0.399, 0.001]))
    frame = patients(parent, 2_000, seed)
    found = dx.calibrate(parent, frame, "prior_shift", prior_strength=1).table.iloc[-1]
    layout = Layout(compile_network(parent))
    people = patients_of(layout.network, dx.read_cohort(parent, frame))
    logs = log_likelihoods(layout.network, "cause", people)
    evidence = np.exp(logs - logs.max(axis=1, keepdims=True))
    odds = np.linspace(-1.5, 0.7, 60), np.linspace(-14.0, 0.0, 140)  # of the second and the third against the first
    first, rare = np.meshgrid(*odds, indexing="ij")
    shares = np.exp(np.stack([np.zeros_like(first), first, rare]).reshape(3, -1))
    shares /= shares.sum(axis=0)
    prior = np.array([1.2, 0.8, 0.5])  # of two patients in the mix of the parent; of the rare cause Jeffreys' half
    height = people.weights @ np.log(evidence @ shares) + prior @ np.log(shares)
    density = np.exp(height - height.max())
    order = np.argsort(shares[2])
    upper = np.interp(0.975, density[order].cumsum() / density.sum(), shares[2][order])
    assert 0.8 * upper < found["upper"] < 1.2 * upper < 0.03


def test_uncertain_likelihoods_do_not_make_a_rare_cause_common() -> None:
    """Odds of every likelihood known to a factor of 2.2: the upper end of 1 of 1,000 stays far below the others."""
    parent = many_causes(np.r_[np.full(3, 0.333), 0.001])
    rows = []
    for row in parent.tables:
        lower, upper = row.probability / (row.probability + (1 - row.probability) * np.exp([0.8, -0.8]))
        rows.append(replace(row, lower=float(lower), upper=float(upper)))
    unsure = replace(parent, tables=tuple(rows))
    for seed in range(3):
        table = dx.calibrate(unsure, patients(parent, 2_000, seed), "prior_shift", prior_strength=1).table
        assert 0.001 < table["upper"].iloc[-1] < 0.12


def test_patients_of_the_parents_own_kind_narrow_the_mix_further_than_others() -> None:
    """The same number of patients: as the parent expects, intervals are narrower; another mix is believed soon."""
    parent, shares = many_causes(np.full(9, 1 / 9)), np.arange(1, 10) / 45
    own, other = (dx.calibrate(parent, patients(of, 400, 3), "prior_shift") for of in (parent, many_causes(shares)))
    widths = [(each.table["upper"] - each.table["lower"]).mean() for each in (own, other)]
    assert widths[0] < 0.9 * widths[1] and own.worth["causes"] > 2 * other.worth["causes"]
    assert other.apart["causes"] > 1.3 * own.apart["causes"] > 1.3
    held = (other.table["lower"] < shares[1:]) & (shares[1:] < other.table["upper"])
    assert held.sum() >= 7


def test_where_findings_say_nothing_patients_may_come_from_anywhere() -> None:
    """One patient moves the shares by little, in the middle of intervals far wider than the parent's."""
    parent = many_causes(np.full(9, 1 / 9))
    rows = dx.calibrate(parent, patients(parent, 1, 3), "prior_shift").table
    assert (rows["after"] - rows["before"]).abs().max() < 0.3
    assert ((rows["upper"] - rows["lower"]) > 5 * (rows["before_upper"] - rows["before_lower"])).all()


def test_labelled_patients_of_the_source_calibrate_first() -> None:
    """With them the shifted share is nearer the truth, and its interval wider, where findings repeat each other."""
    nearer, wider = [], []
    for seed in range(6):
        fit = plain(hospital(300, 0.46, seed, 0.7))
        source = fit.read(hospital(300, 0.46, 50 + seed, 0.7))
        there = fit.read(hospital(400, 0.745, 100 + seed, 0.7).drop(columns="d"))
        shares, widths = [], []
        for known in (None, source):
            result = dx.calibrate(fit.model, there, "prior_shift", source=known)
            row = result.table.iloc[0]
            shares.append(abs(row["after"] - (0.745 if "ill" in row["label"] else 0.255)))
            widths.append(row["upper"] - row["lower"])
        assert told(result, "labelled patients of the source first")
        nearer.append(shares[1] - shares[0])
        wider.append(widths[1] - widths[0])
    assert np.mean(nearer) < 0 and np.mean(wider) > 0


def test_temperature_and_bias_of_known_evidence_are_found() -> None:
    """Log likelihoods three times too large and one class favoured: the temperature is 3, the bias is taken back."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 20_000)
    evidence = rng.normal((labels - 0.5) * 2, np.sqrt(2.0))  # a log likelihood ratio of variance 2 and mean +-1
    logs = np.stack([np.zeros(len(labels)), 3 * (evidence + 0.5)], axis=1)
    temperature, bias = recalibrated(logs, np.array([0.5, 0.5]), labels, np.ones(len(labels)))
    assert temperature == pytest.approx(3.0, rel=0.05)
    assert bias[1] - bias[0] == pytest.approx(-0.5, abs=0.05)


def test_cooled_evidence_of_temperature_1_is_the_models_own() -> None:
    """ln P(findings | class) from the engine is the sum over the findings."""
    model = exclusive_model()
    network = compile_network(model)
    cohort = dx.read_cohort(model, patients(model, 40, 1).mask(np.random.default_rng(0).random((40, 4)) < 0.3))
    people = patients_of(network, cohort)
    logs = log_likelihoods(network, "cause", people)
    expected = np.zeros_like(logs)
    for name in model.findings:
        codes = people.codes[:, network.index[name]]
        seen = codes >= 0
        expected[seen] += np.log(network[name].cpd.table()[:, codes[seen]].T)
    assert_allclose(logs - logs[:, :1], expected - expected[:, :1], atol=1e-9)


def test_the_less_the_parent_knows_of_the_likelihoods_the_less_the_mix_moves() -> None:
    """What is not known of the likelihoods is not known of the priors: wider intervals, nearer to the parent's mix."""
    model = exclusive_model()
    frame = patients(exclusive_model((0.2, 0.3)), 800, 3)
    results = []
    for spread in (0.0, 0.5, 1.5, 4.0):
        rows = []
        for row in model.tables:
            odds = row.probability / (1 - row.probability) * np.exp([-spread, spread])
            lower, upper = odds / (1 + odds)
            rows.append(replace(row, lower=float(lower), upper=float(upper)))
        results.append(dx.calibrate(replace(model, tables=tuple(rows)), frame, "prior_shift").table.iloc[0])
    moved = np.array([abs(row["after"] - row["before"]) for row in results])
    width = np.array([row["upper"] - row["lower"] for row in results])
    assert (np.diff(moved) < 0).all() and (np.diff(width) > 0).all()
    assert moved[1] > 0.9 * moved[0] and moved[-1] < 0.75 * moved[0]


def test_a_rare_state_that_no_patient_shows_is_no_surprise() -> None:
    """Where 1.6 of 100 patients are expected, none is nothing unusual: its spread is the model's, not that of zeros."""
    model = exclusive_model()
    rare = tuple(
        replace(row, probability=0.016, lower=0.016, upper=0.016) if row.variable == "f0" and row.state != "no" else row
        for row in model.tables
    )
    parent = replace(model, tables=rare)
    frame = patients(parent, 400, 3)
    frame = frame[frame["f0"] == "no"].head(100).reset_index(drop=True)
    result = dx.calibrate(parent, frame, "prior_shift")
    row = result.likelihoods.set_index("finding").loc["f0"]
    assert row["observed"] == 0 and abs(row["z"]) < 1.5
    assert not told(result, "may not hold")


def test_what_brings_causes_about_is_a_diagnosis_too() -> None:
    """A column of a mechanism above the causes is left aside as theirs are: the shift is the same, and is said."""
    plain_one = exclusive_model()
    behind = replace(plain_one.by_name["cause"], kind="mechanism")
    disease = Variable("disease", "Disease", "cause", "", ("absent", "present"), "")
    links = tuple(Link("cause", state, "disease", "present", 1, 1, 1, "S", "expert") for state in behind.states[1:])
    model = replace(plain_one, variables=(behind, disease, *plain_one.variables[1:]), links=links)
    table = patients(model, 300, 3)
    noted = table.assign(cause=["mild", "severe", "none"] * 100)
    results = [dx.calibrate(model, each, "prior_shift") for each in (noted, table)]
    assert_allclose(results[0].table["after"], results[1].table["after"], rtol=1e-12)
    assert [told(each, "was left aside") for each in results] == [True, False]


def test_a_source_is_for_one_exclusive_cause() -> None:
    """Everything else is refused with a sentence."""
    model = dx.load_model("hip_flexion_weakness@1.0.0")
    frame = pd.DataFrame({"fever": ["present", "absent"] * 5})
    with pytest.raises(dx.LearningError, match="has no single exclusive cause"):
        dx.calibrate(model, frame, "prior_shift", source=frame)
    with pytest.raises(dx.LearningError, match="only prior_shift calibrates posteriors"):
        dx.calibrate(model, frame, "em", source=frame)
