"""Calibration: laws of EM, recovery of known numbers, provenance."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import bayesdx as dx
from bayesdx.diagnosis.compiled import compiled
from bayesdx.diagnosis.simulate import simulate
from bayesdx.knowledge.schema import Link, Prior, Variable
from bayesdx.learning.belief import PARTS, believe
from bayesdx.learning.em import maximise
from bayesdx.learning.expected import expectation
from bayesdx.learning.information import _confounded
from bayesdx.learning.layout import Layout
from bayesdx.learning.patients import patients_of
from bayesdx.network import compile_network
from bayesdx.network.beliefs import beta_of
from benchmarks.coverage import kept_cohort, one_cohort, simulated_cohort
from tests.diagnosis.models import random_model
from tests.learning.models import exclusive_model, tables_only

SEEDS = st.integers(0, 2**31 - 1)
FLAGSHIP = dx.load_model("hip_flexion_weakness@1.0.0")


def patients(model: dx.Model, rows: int, seed: int, missing: float = 0.3, labelled: float = 0.5) -> pd.DataFrame:
    return simulated_cohort(compile_network(model), model.causes, rows, seed, missing, labelled)


def complete(model: dx.Model, rows: int, seed: int) -> pd.DataFrame:
    return patients(model, rows, seed, missing=0.0, labelled=1.0)


def two_classes(frame: pd.DataFrame, model: dx.Model) -> bool:
    return len(frame[list(model.causes)].drop_duplicates()) > 1


@given(SEEDS)
@settings(max_examples=20)
def test_em_never_lowers_what_it_maximises(seed: int) -> None:
    """Log evidence plus log prior rises or stays in every iteration, with any missing cells and hidden causes."""
    model = random_model(seed, zeros=False)
    trace = dx.calibrate(model, patients(model, 40, seed, 0.4, 0.3), max_iterations=12).trace
    for _, run in trace.groupby(["start", "round"]):  # each round has other priors
        assert (np.diff(run["objective"]) >= -1e-8 * abs(run["objective"].iloc[0])).all()


@given(SEEDS)
@settings(max_examples=10)
def test_no_data_leaves_the_parents_numbers(seed: int) -> None:
    """Weight on a row of which nothing is learned moves nothing; rows of weight 0 count for nothing."""
    model = random_model(seed, zeros=False)
    frame = complete(model, 6, seed)
    frame["w"] = 0.0
    some = pd.DataFrame({model.findings[0]: [model.by_name[model.findings[0]].states[0]], "w": [1e-12]})
    result = dx.calibrate(model, pd.concat([frame, some], ignore_index=True), weight="w", max_iterations=3)
    assert_allclose(result.table["after"], result.table["before"], atol=1e-9)


@given(SEEDS)
@settings(max_examples=10)
def test_complete_data_equals_counts(seed: int) -> None:
    """Where every cell is observed and every variable has a table, EM is counting, intervals included."""
    model = tables_only(seed)
    frame = complete(model, 60, seed)
    if not two_classes(frame, model):
        return
    em, counts = (dx.calibrate(model, frame, method).table for method in ("em", "counts"))
    assert_allclose(em["after"], counts["after"], atol=1e-9)
    assert_allclose(em["expected_cases"], counts["expected_cases"], atol=1e-9)


def test_counts_are_the_beta_of_the_textbook() -> None:
    """Beta(a, b) and k of n make Beta(a + k, b + n - k): mean, and its own interval."""
    from scipy.stats import beta

    table = pd.DataFrame({"age_group": ["under_40"] * 100, "diabetes": ["yes"] * 30 + ["no"] * 70})
    moved = dx.calibrate(FLAGSHIP, table, "counts", prior_strength=1).table.set_index("label")
    row = moved.loc["P(diabetes = yes | no cause of it acts)"]
    size = row["prior_cases"]
    posterior = beta(0.03 * size + 30, 0.97 * size + 70)
    assert row["after"] == pytest.approx(posterior.mean(), abs=1e-12)
    assert (row["lower"], row["upper"]) == pytest.approx((posterior.ppf(0.025), posterior.ppf(0.975)), abs=1e-9)
    assert row["effective_cases"] == 100


def test_known_numbers_are_recovered() -> None:
    """With many patients, missing cells and hidden causes, EM returns the numbers that the patients were drawn from."""
    model = random_model(11, zeros=False)
    truth = Layout(compile_network(model)).values(compile_network(model))
    elsewhere = replace(
        model,
        links=tuple(replace(row, link_probability=0.5 * row.link_probability, lower=0.0) for row in model.links),
    )
    result = dx.calibrate(elsewhere, patients(model, 30_000, 3, 0.2, 0.8), prior_strength=1e-91, max_iterations=400)
    found = Layout(compile_network(result.model)).values(compile_network(result.model))
    known = {row["label"]: row for row in result.table.to_dict("records")}
    layout = Layout(compile_network(elsewhere))
    for number in compiled(elsewhere).parameters:
        row = known.get(number.label)
        if row is not None and row["effective_cases"] > 100:
            place = layout.start(number.place) + number.state
            deviation = (row["upper"] - row["lower"]) / 3.92
            assert abs(found[place] - truth[place]) < 4.5 * deviation, number.label


def test_em_of_complete_data_equals_pgmpy() -> None:
    """Without a prior, EM of complete data is pgmpy's maximum likelihood, to 1e-6."""
    from pgmpy.models import DiscreteBayesianNetwork
    from pgmpy.parameter_estimator import DiscreteMLE

    model = tables_only(5)
    network = compile_network(model)
    codes = simulate(network, 4000, 1)
    frame = pd.DataFrame({node.name: np.array(node.states)[codes[:, i]] for i, node in enumerate(network.nodes)})
    result = dx.calibrate(model, frame, prior_strength=1e-9)
    found = compile_network(result.model)
    other = DiscreteBayesianNetwork([(parent, node.name) for node in network.nodes for parent in node.parents])
    other.add_nodes_from(network.names)
    states = {node.name: list(node.states) for node in network.nodes}
    theirs_of = {table.variable: table for table in DiscreteMLE(state_names=states).fit(other, frame).parameters_}
    for node in network.nodes:
        table = theirs_of[node.name]
        order = [table.variables.index(name) for name in (*node.parents, node.name)]
        theirs = table.values.transpose(order)
        seen = np.unique(codes[:, [network.index[name] for name in node.parents]], axis=0)
        for row in seen:
            assert_allclose(found[node.name].cpd.values[tuple(row)], theirs[tuple(row)], atol=1e-6)


def test_parts_that_may_not_move_stay(tmp_path: Path) -> None:
    """Priors alone move where only priors may; the version is saved, loads, checks clean, and is compared."""
    model = replace(random_model(3, zeros=False), management=())
    frame = patients(model, 80, 1)
    result = dx.calibrate(model, frame, move=["priors"], population="ward", dates="2019 to 2024")
    assert set(result.table["file"]) == {"priors.csv"}
    assert result.model.links == model.links
    new = result.model
    assert (new.version, new.info.parent_hash, new.population) == ("0.2.0", model.hash, "ward")
    folder = dx.save_model(new, tmp_path / new.version)
    assert dx.check_model(folder) == []
    assert dx.load_model(folder) == new
    changes = dx.compare_models(model, new).table
    assert {"added"} == set(changes[changes["file"] == "priors.csv"]["change"])
    source = new.sources[-1] if new.sources[-1].status == "dataset" else new.sources[0]
    assert (source.n, source.year, source.design) == (len(frame), 2024, "cohort")
    assert "2019 to 2024" in source.citation
    learned = [row for row in new.priors if row.population == "ward" and row.status == "dataset"]
    assert learned and all(row.source == source.source for row in learned)
    assert new.changes.startswith("# 0.2.0\n\nCalibrated from 0.1.0 by em on ")


def test_the_parent_stays_as_it_is() -> None:
    """Calibration changes no value that it was given."""
    before = FLAGSHIP.hash
    dx.calibrate(FLAGSHIP, patients(FLAGSHIP, 30, 0), max_iterations=1)
    assert FLAGSHIP.hash == before


def test_weights_stand_for_equal_rows() -> None:
    """A row of weight 3 is three equal rows."""
    model = random_model(9, zeros=False)
    frame = patients(model, 30, 4, 0.2, 0.6)
    thrice = pd.concat([frame] * 3, ignore_index=True)
    weighted = dx.calibrate(model, frame.assign(w=3), weight="w", max_iterations=5)
    repeated = dx.calibrate(model, thrice, max_iterations=5)
    pd.testing.assert_frame_equal(weighted.table, repeated.table)


def of_binary_numbers(result: dx.types.Calibration, frame: pd.DataFrame) -> tuple[float, float]:
    """(log evidence of the patients, log prior of the numbers) of a result all of whose numbers are binary.

    The prior of a number that n patients stand behind is a Beta on the scale of log-odds,
    :math:`n b \\ln p + n (1 - b) \\ln(1 - p)` with b the parent's number.
    """
    table = result.table
    worth, before, after = (table[name].to_numpy() for name in ("prior_cases", "before", "after"))
    prior = worth * table["prior_weight"].to_numpy() @ (before * np.log(after) + (1 - before) * np.log(1 - after))
    return float(np.sum(dx.Engine(result.model).log_evidence(frame))), float(prior)


def hidden_classes() -> tuple[dx.Model, pd.DataFrame]:
    """A model whose findings say nothing of its cause, and patients without a diagnosis in whom they come together.

    The parent's numbers are a saddle that EM does not leave: any other start ends higher.
    """
    model = exclusive_model()
    cause = replace(model.variables[0], states=("none", "severe"))
    blank = replace(
        model,
        variables=(cause, *model.variables[1:]),
        priors=(replace(model.priors[0], state="severe", probability=0.5, lower=0.1, upper=0.9),),
        tables=tuple(
            replace(row, probability=0.5, lower=0.1, upper=0.9)
            for row in model.tables
            if row.parents != (("cause", ("mild",)),)
        ),
    )
    truth = replace(
        blank,
        tables=tuple(
            replace(row, probability=0.9 if row.parents == (("cause", ("severe",)),) else 0.1, lower=0.0, upper=1.0)
            for row in blank.tables
        ),
    )
    return blank, patients(truth, 200, 4, missing=0.1, labelled=0.0)


@pytest.mark.parametrize("strength", [0.5, 4.0])
def test_em_maximises_evidence_and_prior_together(strength: float) -> None:
    """What the trace calls the objective is log evidence plus log prior, both worked out by themselves here."""
    model, frame = hidden_classes()
    start = {"prior_strength": strength, "starts": 2, "seed": 1}
    result = dx.calibrate(model, frame, max_iterations=200, tolerance=1e-7, **start)
    evidence, prior = of_binary_numbers(result, frame)
    best = result.trace.groupby("start").last().sort_values("objective").iloc[-1]
    assert best["log_evidence"] == pytest.approx(evidence, abs=1e-5)
    assert best["objective"] == pytest.approx(evidence + prior, abs=1e-5)
    assert abs(prior) > 1


@pytest.mark.parametrize("tolerance", [1.0, 1e-3])
def test_em_that_says_it_has_settled_is_where_a_long_run_ends(tolerance: float) -> None:
    """Hidden causes and missing cells: in every random model less than 0.02 is left to gain, whatever the tolerance."""
    left, steps = [], 0
    for seed in range(30):
        model = random_model(seed, zeros=False)
        layout = Layout(compile_network(model))
        frame = patients(model, 400, seed, missing=0.6, labelled=0.2 * (seed % 2))
        belief = believe(model, layout, PARTS, None, 0.3)
        expected = expectation(layout, patients_of(layout.network, dx.read_cohort(model, frame)))
        fit = maximise(layout, belief, expected, layout.values(layout.network), max_iterations=200, tolerance=tolerance)
        on = maximise(layout, belief, expected, fit.values, max_iterations=1000, tolerance=1e-7)
        assert fit.converged and on.converged
        left.append(on.objective - fit.objective)
        steps += len(fit.trace) - 1
    assert min(left) > -1e-6 and max(left) < 0.02
    assert steps < 30 * 20


def test_the_best_of_several_starts_is_kept() -> None:
    """Where the parent's numbers are no way out, another start's result is the version, and the table is that of it."""
    model, frame = hidden_classes()
    one, three = (dx.calibrate(model, frame, prior_strength=0.5, starts=n, seed=1) for n in (1, 3))
    assert_allclose(one.table["after"][1:], one.table["after"].iloc[1], atol=0.1)
    ends = three.trace.groupby("start")["objective"].last()
    assert ends.loc[0] == pytest.approx(one.trace["objective"].iloc[-1], abs=1e-6)
    assert ends.max() > ends.loc[0] + 10
    assert sum(of_binary_numbers(three, frame)) == pytest.approx(ends.max(), abs=1e-3)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Simulated cohorts of random models, 30 % of the cells missing, half of the causes known: 92 to 98 %."""
    parts = [one_cohort(random_model(seed, zeros=False), 400, seed, "em", 40) for seed in range(40)]
    assert 0.92 <= pd.concat(parts)["inside"].mean() <= 0.98


def test_prior_shift_holds_the_truth_as_often_as_it_says() -> None:
    """Nobody is labelled; the likelihoods are known and the priors are drawn anew."""
    models = [random_model(seed, zeros=False) for seed in range(25)]
    parts = [one_cohort(model, 400, seed, "prior_shift", 40) for seed, model in enumerate(models)]
    assert 0.90 <= pd.concat(parts)["inside"].mean() <= 0.985


def test_prior_shift_listens_to_prior_strength() -> None:
    """Twice as strong is twice as many patients, from the two that a prior is worth there; strong enough, it stays."""
    model = exclusive_model()
    frame = patients(exclusive_model((0.2, 0.3)), 300, 1, missing=0.0, labelled=0.0)
    once, twice, firm = (dx.calibrate(model, frame, "prior_shift", prior_strength=n).table for n in (1, 2, 1e6))
    assert_allclose(once["prior_cases"], 2.0)
    assert_allclose(twice["prior_cases"], 4.0)
    moved = [np.abs(table["after"] - table["before"]).sum() for table in (once, twice, firm)]
    assert moved[0] > moved[1] > moved[2]
    assert_allclose(firm["after"], firm["before"], atol=1e-4)


def test_a_killed_proof_goes_on_where_it_stood(tmp_path: Path) -> None:
    """A cohort that was kept is taken as it is, not run again."""
    model = exclusive_model()
    first = kept_cohort(tmp_path, model, 40, 3, "em", 5)
    pd.testing.assert_frame_equal(first, one_cohort(model, 40, 3, "em", 5).reset_index(drop=True), check_dtype=False)
    [path] = tmp_path.iterdir()
    first.assign(truth=0.125).to_csv(path, index=False)
    assert (kept_cohort(tmp_path, model, 40, 3, "em", 5)["truth"] == 0.125).all()


@pytest.mark.parametrize("present", [12, 16])
def test_a_draw_that_something_else_explains_does_not_exclude_0(present: int) -> None:
    """Of 40 with the cause 12 or 16 show what 30 % show anyway: the lower end of the link is that of its posterior."""
    prior = beta_of(0.04, 1e-10, 0.3)
    model = dx.Model(
        info=replace(exclusive_model().info, name="gate"),
        variables=(
            Variable("cause", "Cause", "cause", "", ("absent", "present"), ""),
            Variable("sign", "Sign", "history", "", ("absent", "present"), ""),
        ),
        priors=(Prior("here", "cause", "present", 0.5, 0.5, 0.5, "S", "expert"),),
        links=(
            Link("", "", "sign", "present", 0.3, 0.3, 0.3, "S", "expert"),
            Link("cause", "present", "sign", "present", 0.04, 1e-10, 0.3, "S", "expert"),
        ),
        sources=exclusive_model().sources,
    )
    frame = pd.DataFrame(
        {
            "cause": ["present"] * 40 + ["absent"] * 5,
            "sign": ["present"] * present + ["absent"] * (40 - present) + ["absent"] * 5,
        }
    )
    row = dx.calibrate(model, frame, tolerance=1e-10, max_iterations=5000, prior_strength=1).table.iloc[0]
    x = np.linspace(-60, 8, 200_001)  # log-odds
    p = 1 / (1 + np.exp(-x))
    log_density = prior.a * np.log(p) + prior.b * np.log1p(-p)
    log_density += present * np.log(0.3 + 0.7 * p) + (40 - present) * np.log1p(-p)
    mass = np.exp(log_density - log_density.max()).cumsum()
    expected = np.exp(np.interp(0.025, mass / mass[-1], np.log(p)))
    assert np.log(row["lower"]) == pytest.approx(np.log(expected), abs=0.1)
    assert row["lower"] < 1e-3 < row["after"] < row["upper"]


def test_prior_shift_is_saerens() -> None:
    """For one exclusive cause without contexts, the shifted prior is the fixed point of Saerens' equation."""
    model = exclusive_model()
    network = compile_network(model)
    codes = simulate(compile_network(exclusive_model((0.2, 0.3))), 3000, 1)
    frame = pd.DataFrame(
        {name: np.array(network[name].states)[codes[:, network.index[name]]] for name in model.findings}
    )
    result = dx.calibrate(model, frame, "prior_shift", prior_strength=1e-9, tolerance=1e-12, max_iterations=5000)
    engine = dx.Engine(model)
    old = network["cause"].cpd.table()
    posterior = engine.marginals(frame)["cause"].to_numpy()
    new = compile_network(result.model)["cause"].cpd.table()
    shifted = posterior * new / old
    assert_allclose((shifted / shifted.sum(axis=1, keepdims=True)).mean(axis=0), new, atol=1e-7)
    assert not result.warnings
    assert (result.likelihoods["adjusted_p"] > 0.01).all()


def test_prior_shift_moves_what_brings_the_causes_about() -> None:
    """In the flagship one mechanism says who comes with what: findings alone carry it towards another population.

    Further where the likelihoods are known than where they are judged.
    """
    here = dx.load_model("hip_flexion_weakness@2.2.1", population="primary_care")
    links = tuple(replace(row, lower=row.link_probability, upper=row.link_probability) for row in here.links)
    tables = tuple(
        row if row.variable == "main_cause" else replace(row, lower=row.probability, upper=row.probability)
        for row in here.tables
    )
    there = here.with_population("specialist_referral")
    findings = dx.simulate_cohort(there, 300, seed=3).drop(columns=list(here.causes))
    truth, before = (dx.diagnose(model).probabilities for model in (there, here))
    left = []
    for model in (replace(here, links=links, tables=tables), here):
        result = dx.calibrate(model, findings, "prior_shift", variables=["main_cause"], tolerance=3e-3)
        assert result.table["row"].str.contains("main_cause").all()
        left.append(np.abs(dx.diagnose(result.model).probabilities - truth).sum() / np.abs(before - truth).sum())
    assert left[0] < 0.5 and left[0] < left[1] < 0.75


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"method": "me"}, "method: 'me'; the methods are counts, em, prior_shift."),
        ({"move": ["link"]}, "move: 'link'; the parts are priors, leaks, links, tables (nearest: 'links')."),
        ({"variables": ["fevr"]}, "variables: 'fevr' is not a variable (nearest: 'fever')."),
        ({"prior_strength": -1}, "prior_strength: -1; expected a finite number of at least 0."),
        ({"version": "1.0.0"}, "version: 1.0.0; expected one above the parent's, 1.0.0."),
        ({"version": "two"}, "version: 'two'; expected three whole numbers such as 1.1.0."),
        ({"starts": 0}, "starts: 0; expected at least 1."),
        ({"tolerance": 0}, "tolerance: 0; expected a number above 0."),
        ({"population": "a b"}, "population: 'a b'; expected letters, digits and _, a letter first."),
        ({"variables": []}, "nothing may move: none of the chosen parts has a number with an interval."),
    ],
)
def test_options_out_of_range_say_what_is_expected(options: dict[str, object], sentence: str) -> None:
    """One sentence: which option, what it was, what it may be."""
    with pytest.raises(dx.LearningError) as caught:
        dx.calibrate(FLAGSHIP, pd.DataFrame({"fever": ["present"]}), **options)
    assert str(caught.value) == sentence


def test_one_class_alone_is_refused() -> None:
    """If everybody has the same diagnosis, nothing is learned, and the sentence says so."""
    frame = pd.DataFrame({name: ["absent"] * 4 for name in FLAGSHIP.causes}).assign(disc_herniation="present")
    with pytest.raises(
        dx.LearningError, match=r"^every patient has the same diagnosis \(disc_herniation = present\): "
    ):
        dx.calibrate(FLAGSHIP, frame)


def test_a_calibration_is_shown_as_text_and_html() -> None:
    """Both name the versions, the cohort and the numbers that moved."""
    result = dx.calibrate(FLAGSHIP, pd.DataFrame({"age_group": ["under_40"] * 9}), "counts")
    for text in (result.report(), result.to_html()):
        assert (
            "1.1.0 (primary_care, assumed)" in text
            and "3 of 333 numbers moved." in text
            and "P(age_group = under_40)" in text
        )


def test_numbers_that_data_cannot_tell_apart_are_named() -> None:
    """A leak and a link whose parent is never seen absent move together, and the warning says so."""
    from tests.learning.test_fitting import table

    model = dx.fit_model(table(60), "cause", temperature=1).model
    blind = pd.DataFrame({"f1": ["yes"] * 30 + ["no"] * 30})
    result = dx.calibrate(model, blind)
    assert any("rest on the parent alone" in text for text in result.warnings)
    assert not result.table.set_index("label")["moved"]["P(f0 = yes | cause = mild)"]


def test_em_does_not_settle_in_one_iteration() -> None:
    """A warning says that it had not settled, and what to raise."""
    model = random_model(9, zeros=False)
    result = dx.calibrate(model, patients(model, 50, 4, 0.3, 0.0), max_iterations=1)
    assert result.warnings[0] == (
        "EM had not settled after 1 iterations (largest change above 0.0001, or the maximum not near); "
        "raise max_iterations or tolerance."
    )


def test_distributions_that_cannot_be_told_apart_are_named_once() -> None:
    """However many of their states go together: one warning, with the strongest correlation."""
    covariance = np.array(
        [[1.0, 0.95, 0.97, 0.96], [0.95, 1.0, 0.92, -0.98], [0.97, 0.92, 1.0, 0.1], [0.96, -0.98, 0.1, 1.0]]
    )
    assert _confounded(covariance, np.array([0, 0, 1, 2])) == [(0, 1, 0.97), (0, 2, -0.98)]


@pytest.mark.parametrize(("word", "kept"), [("causes", {"main_cause"}), ("contexts", {"age_group", "sex", "diabetes"})])
def test_parts_of_a_model_have_names(word: str, kept: set[str]) -> None:
    """The mix of causes moves wherever it is stored; contexts are apart, and priors are both."""
    model = dx.load_model("hip_flexion_weakness@2.2.1")
    frame = pd.DataFrame({"age_group": ["under_40"] * 9 + ["60_and_over"], "fever": ["present"] * 10})
    moved = {}
    for name in (word, "priors", "findings"):
        labels = set(dx.calibrate(model, frame, variables=[name], max_iterations=1).table["label"])
        moved[name] = {parameter.place.node for parameter in compiled(model).parameters if parameter.label in labels}
    assert kept & moved[word] and moved[word] < moved["priors"]
    assert not moved["priors"] & moved["findings"] and "fever" in moved["findings"]
    with pytest.raises(dx.LearningError, match="'cuases' is not a variable"):
        dx.calibrate(model, frame, variables=["cuases"])


def test_what_was_learned_stands_in_the_version() -> None:
    """CHANGES.md: options, how EM ended, warnings, conflicts, numbers by how far they moved; JSON holds the same."""
    parent = exclusive_model((0.2, 0.01))
    frame = patients(exclusive_model((0.3, 0.4)), 800, 2, missing=0.1, labelled=0.9)
    result = dx.calibrate(parent, frame, tolerance=1e-3)
    text = result.model.changes
    assert "prior strength auto, learned as " in text and "EM settled after " in text
    assert all(warning.replace("|", "\\|") in text for warning in result.warnings) and result.warnings
    assert "| P(cause = severe) | 0.01 (" in text
    told = json.loads(result.to_json())
    assert told["warnings"] == list(result.warnings) and told["options"]["prior_strength"] == "auto"
    assert told["conflicts"][0]["label"] == "P(cause = severe)" == told["numbers"][0]["label"]
    assert told["cohort"]["hash"] == result.cohort.hash and told["converged"] is True
    rows = [
        line.replace("\\|", "¦").split(" | ")[0].removeprefix("| ").replace("¦", "|")
        for line in text.split("Numbers that moved")[1].splitlines()[4:]
    ]
    assert [row for row in rows if row.startswith("P(")] == [row["label"] for row in told["numbers"] if row["moved"]]


def test_a_number_that_the_patients_hardly_informed_keeps_its_source() -> None:
    """The others name the cohort, and in their note what they were and from where."""
    frame = pd.DataFrame({"cause": ["mild"] * 3 + ["none"] * 40, "f0": ["yes"] * 3 + ["no"] * 40})
    result = dx.calibrate(exclusive_model(), frame)
    rows = {(row.variable, row.parents, row.state): row for row in result.model.tables}
    learned = rows["f0", (("cause", ("mild",)),), "yes"]
    assert learned.status == "dataset" and learned.note.startswith("was 0.6 of S (expert)")
    assert rows["f1", (("cause", ("mild",)),), "yes"].status == "expert"
    again = dx.calibrate(result.model, frame)
    note = next(row.note for row in again.model.tables if row.variable == "f0" and row.parents[0][1] == ("mild",))
    assert note.startswith("was 0.") and note.count("was ") == 1 and "(dataset)" in note


def test_a_new_population_keeps_the_thresholds_of_the_one_it_comes_from() -> None:
    """A step of care that has its own threshold in the parent's population has it in the new one."""
    model = dx.load_model("tests/data/models/breathless/1.0.0", population="hospital")
    own = [step for step in model.management if "hospital" in dict(step.thresholds)]
    assert own
    cohort = dx.simulate_cohort(model, 300, seed=1)
    learned = dx.calibrate(model, cohort[[*model.findings, *model.causes]], population="ward").model
    assert [step.threshold for step in learned.with_population("ward").steps] == [s.threshold for s in model.steps]


def test_patients_without_a_diagnosis_are_said() -> None:
    """A column of diagnoses that was left out makes EM infer them from findings, which a warning says; one that is
    there, if only for some patients, does not."""
    model = dx.load_model("hip_flexion_weakness")
    patients = dx.simulate_cohort(model, 40, seed=1)[["fever", "onset", *model.causes]]
    options = {"variables": ["main_cause"], "population": "ward", "max_iterations": 3}
    blind = dx.calibrate(model, patients[["fever", "onset"]], **options)
    assert any(text.startswith("No patient's cause is known") for text in blind.warnings)
    some = patients.where(patients.columns.isin(["fever", "onset"]) | (patients.index < 5)[:, None])
    assert not any("No patient's cause" in text for text in dx.calibrate(model, some, **options).warnings)
