"""Clinical unit tests: each case in its population, with and without tests, against what must hold."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bayesdx as dx
from bayesdx.evaluation.case_scores import MEASURES, CaseScores, must_not_miss, proper_scores, summarise
from bayesdx.evaluation.forecasts import Forecasts, measure
from bayesdx.knowledge.schema import Case, ManagementStep, RedFlag
from tests.diagnosis.models import POPULATIONS, small_models
from tests.evaluation.test_conformance import joint_table
from tests.knowledge.example import FOLDER

CAR = dx.load_model(FOLDER)


def case(findings=(), causes=(), expect="none_present >= 0", *, name="c", use="tuning", population="town"):
    pairs = tuple((variable, tuple(state.split("|"))) for variable, state in dict(findings).items())
    return Case(name, "A case", population, pairs, tuple(causes), expect, use, "https://example.org")


def run(*cases, model=CAR):
    return dx.check_cases(model, cases)


def holds(expect, findings=(), causes=()):
    [(met, found)] = run(case(findings, causes, expect)).expectations[["met", "found"]].itertuples(index=False)
    return met, found


def present(model, findings):
    """P(cause not in its reference state | findings) and P(no cause | findings), from the joint table."""
    network, rows = joint_table(model)
    kept = [
        (states, weight)
        for states, weight in rows
        if all(network[name].states[states[network.index[name]]] in allowed for name, allowed in findings)
    ]
    total = math.fsum(weight for _, weight in kept)
    places = [network.index[cause] for cause in model.causes]
    if total == 0:
        return None, None
    each = [math.fsum(weight for states, weight in kept if states[place]) / total for place in places]
    none = math.fsum(weight for states, weight in kept if not any(states[place] for place in places)) / total
    return each, none


@given(small_models(), st.integers(0, 2**32 - 1))
def test_probabilities_and_ranks_are_those_of_the_joint_table(model, seed):
    """In its own population, with all findings and without tests; impossible findings rank after the last cause.

    A single cause is ranked beside its absence.
    """
    rng = np.random.default_rng(seed)
    findings = tuple(
        (name, (str(rng.choice(model.by_name[name].states)),)) for name in model.findings if rng.random() < 0.6
    )
    population = str(rng.choice(POPULATIONS))
    cause = str(rng.choice(model.causes))
    row = Case("c", "A case", population, findings, (cause,), "none_present >= 0", "tuning", "a")
    [found] = dx.check_cases(model, [row]).table.to_dict("records")
    untested = tuple(pair for pair in findings if model.by_name[pair[0]].kind != "test")
    for suffix, given_findings in (("", findings), ("_without_tests", untested)):
        each, none = present(model.with_population(population), given_findings)
        if each is None:
            assert math.isnan(found[f"probability{suffix}"])
            assert found[f"rank{suffix}"] == len(model.causes) + 1
            continue
        own = each[model.causes.index(cause)]
        assert found[f"probability{suffix}"] == pytest.approx(own, abs=1e-10)
        rivals = [*each, none] if len(each) == 1 else each
        better, as_good = sum(p > own + 1e-9 for p in rivals), sum(p > own - 1e-9 for p in rivals)
        assert better + 1 <= found[f"rank{suffix}"] <= as_good


@pytest.mark.parametrize(
    ("expect", "met"),
    [
        ("cause in top 1", True),
        ("fuel_missing in top 1", False),
        ("none in top 1", False),
        ("p(battery_flat) >= 0.5", True),
        ("p(battery_flat) <= 0.5", False),
        ("p(battery_flat) in 0.5..1", True),
        ("p(battery_flat=absent) <= 0.5", True),
        ("none_present <= 0.2", True),
        ("none_present in 0.5..1", False),
        ("no flag fires", True),
        ("flag no_power fires", False),
        ("flag no_power does not fire", True),
        ("fuel_gauge=full moves nothing", False),
    ],
)
def test_expectations_of_every_kind(expect, met):
    """Each kind is met where it holds; what was found is said in words."""
    findings = {"cold_night": "yes", "cranking": "slow", "headlight_dim": "present"}
    found = holds(expect, findings, ["battery_flat"])
    assert found[0] is met
    assert found[1]


def test_a_flag_that_fires():
    """With the findings of a red flag it fires, and 'no flag fires' does not hold."""
    findings = {"cold_night": "yes", "fuel_gauge": "empty"}
    assert holds("flag stranded fires", findings) == (True, "fired: stranded")
    assert holds("no flag fires", findings) == (False, "fired: stranded")
    assert holds("flag no_power fires", findings)[0] is False


def test_one_state_of_a_graded_cause():
    """p(C=s) is the posterior of that state, p(C) of all but the reference state."""
    findings = {"fuel_gauge": "empty", "cranking": "normal"}
    diagnosis = dx.diagnose(CAR, findings)
    empty, clogged = (diagnosis.posterior[f"fuel_missing={state}"] for state in ("tank empty", "filter clogged"))
    for name, value in (("fuel_missing=tank empty", empty), ("fuel_missing", empty + clogged)):
        assert holds(f"p({name}) in {value}..{value}", findings)[0]


def test_a_finding_that_the_causes_do_not_reach_moves_nothing():
    """A finding without links to the rest changes no probability, whatever its state."""
    link = next(row for row in CAR.links if not row.parent and row.child == "clicking")
    loose = replace(CAR, links=(*(row for row in CAR.links if row.child != "clicking"), link), release=None)
    [met] = run(case({"cranking": "slow"}, (), "clicking=present moves nothing"), model=loose).expectations["met"]
    assert met
    met, found = holds("clicking=present moves nothing", {"cranking": "slow"})
    assert not met
    assert " moves by 0." in found


def test_the_first_cause_is_the_main_one_and_the_others_count_in_the_scores():
    """Rank and probability are the first cause's; log and Brier score compare every cause with what was diagnosed."""
    findings = {"cranking": "slow"}
    results = run(case(findings, ["starter_broken", "battery_flat"]))
    posterior = dx.diagnose(CAR, findings).posterior
    graded = 1 - posterior["fuel_missing=absent"]
    each = [graded if cause == "fuel_missing" else posterior[cause] for cause in CAR.causes]
    [row] = results.table.to_dict("records")
    assert row["probability"] == pytest.approx(each[CAR.causes.index("starter_broken")])
    truth = [cause in ("starter_broken", "battery_flat") for cause in CAR.causes]
    log_score = -sum(math.log(p if y else 1 - p) for p, y in zip(each, truth, strict=True))
    brier = sum((p - y) ** 2 for p, y in zip(each, truth, strict=True))
    figures = results.summary[results.summary["findings"] == "all findings"].set_index(["use", "measure"])["value"]
    assert figures["all", "log_score"] == pytest.approx(log_score)
    assert figures["all", "brier_score"] == pytest.approx(brier)


def test_a_case_without_a_cause_is_right_where_nothing_is_asserted():
    """Its rank and probability are those of 'no modelled cause', and only it counts in none_first."""
    fine, ill = {"cranking": "normal", "fuel_gauge": "full"}, {"fuel_gauge": "empty", "dashboard_dark": "absent"}
    results = run(case(fine, name="fine"), case(ill, name="ill"), case(ill, ["fuel_missing"], name="known"))
    table = results.table.set_index("case")
    assert list(table["cause"]) == ["", "", "fuel_missing"]
    assert (table.loc["fine", "rank"], table.loc["fine", "first"]) == (1, "none of the modelled causes")
    assert table.loc["ill", "rank"] > 1
    assert table.loc["fine", "probability"] == pytest.approx(dx.diagnose(CAR, fine).none_present)
    figures = results.summary[results.summary["findings"] == "all findings"].set_index(["use", "measure"])
    assert tuple(figures.loc[("all", "none_first"), ["value", "n"]]) == (0.5, 2)
    assert tuple(figures.loc[("all", "top_1"), ["value", "n"]]) == (1.0, 1)


def test_must_not_miss_causes_are_noticed_by_threshold_or_emergency_flag():
    """A must-not-miss cause, whose first step is an emergency, passes where neither threshold nor flag is reached."""
    steps = (
        ManagementStep("starter_broken", 1, "emergency", "Act", "", "GUESS", "expert", 0.3, "GUESS", "expert"),
        ManagementStep("battery_flat", 1, "routine", "Wait", "", "GUESS", "expert", 0.1, "GUESS", "expert"),
        ManagementStep("battery_flat", 2, "emergency", "Act", "", "GUESS", "expert", 0.1, "GUESS", "expert"),
    )
    flags = (
        RedFlag("loud", (("clicking", ("present",)),), "starter_broken", "emergency", "Act", "GUESS", "expert"),
        RedFlag("dim", (("headlight_dim", ("present",)),), "starter_broken", "urgent", "Act", "GUESS", "expert"),
    )
    model = replace(CAR, management=steps, red_flags=flags, release=None)
    assert must_not_miss(model) == {"starter_broken": 0.3}
    noticed = {
        "likely": {"cranking": "silent"},
        "flagged": {"clicking": "present", "cranking": "normal"},
        "only urgent": {"headlight_dim": "present", "cranking": "normal"},
        "nothing": {"cranking": "normal"},
    }
    for name, findings in noticed.items():
        results = run(case(findings, ["battery_flat", "starter_broken"], name=name), model=model)
        recall = results.scores["all findings"]
        assert recall.weights["must_not_miss_recall"] == [1]
        assert recall.parts["must_not_miss_recall"] == [name in ("likely", "flagged")], name


def test_a_must_not_miss_cause_is_noticed_from_its_threshold_on():
    """A probability that equals the threshold is enough; the next larger threshold is missed."""
    findings = {"cranking": "silent"}
    probability = float(dx.diagnose(CAR, findings).posterior["starter_broken"])
    for threshold, noticed in ((probability, 1.0), (float(np.nextafter(probability, 1.0)), 0.0)):
        step = ManagementStep(
            "starter_broken", 1, "emergency", "Act", "", "GUESS", "expert", threshold, "GUESS", "expert"
        )
        model = replace(CAR, management=(step,), red_flags=(), release=None)
        results = run(case(findings, ["starter_broken"], name="at"), model=model)
        assert results.scores["all findings"].parts["must_not_miss_recall"] == [noticed]
        forecast = Forecasts(
            ("starter_broken",), False, np.array([[probability]]), np.ones((1, 1)), np.ones(1), {0: threshold}
        )
        assert measure(forecast, np.ones(1), 10)["must_not_miss_recall"] == noticed


def test_a_must_not_miss_cause_is_noticed_by_the_threshold_of_its_population():
    """The threshold of the population of the case counts, not that of the others."""
    findings = {"cranking": "silent"}
    probability = float(dx.diagnose(CAR, findings).posterior["starter_broken"])
    step = ManagementStep("starter_broken", 1, "emergency", "Act", "", "GUESS", "expert", 0.0, "GUESS", "expert")
    for threshold, noticed in ((probability, 1.0), (float(np.nextafter(probability, 1.0)), 0.0)):
        here = replace(step, thresholds=((CAR.population, threshold),))
        model = replace(CAR, management=(here,), red_flags=(), release=None)
        results = run(case(findings, ["starter_broken"], name="at"), model=model)
        assert results.scores["all findings"].parts["must_not_miss_recall"] == [noticed]


def test_impossible_findings_are_an_outcome_and_wrong_about_everything():
    """They do not stop the other cases; no expectation holds, ranks come last, scores are the worst there are."""
    links = tuple(replace(row, link_probability=0.0, lower=0.0) for row in CAR.links if row.child == "clicking")
    model = replace(CAR, links=(*(row for row in CAR.links if row.child != "clicking"), *links), release=None)
    results = run(case({"clicking": "present"}, ["battery_flat"], name="odd"), case(name="plain"), model=model)
    odd = results.table.set_index("case").loc["odd"]
    assert "clicking = present has probability 0" in odd["error"]
    assert odd["rank"] == len(model.causes) + 1
    assert math.isnan(odd["probability"])
    assert odd["first"] == ""
    assert list(results.expectations["met"]) == [False, True]
    assert not results.passed
    assert results.scores["all findings"].parts["log_score"][0] == math.inf
    assert results.scores["all findings"].parts["brier_score"][0] == len(model.causes)
    upper = results.summary.set_index(["use", "findings", "measure"])["upper"]
    assert upper["all", "all findings", "log_score"] == math.inf
    assert "impossible" in str(results)


def test_cases_are_split_by_use_and_by_findings():
    """Figures are over all cases and over each use; both sets of findings of the same cases."""
    rows = [case({"cranking": "slow"}, ["battery_flat"], name=f"c{i}", use=use) for i, use in enumerate(
        ("tuning", "held_out", "seen", "held_out"))]  # fmt: skip
    summary = run(*rows).summary
    counts = summary[summary["measure"] == "top_1"].set_index(["use", "findings"])["n"].to_dict()
    sets = ("all findings", "history and examination")
    assert counts == {
        (use, found): n for use, n in (("all", 4), ("tuning", 1), ("seen", 1), ("held_out", 2)) for found in sets
    }
    assert set(summary["measure"]) <= set(MEASURES)


def test_intervals_come_from_a_seeded_bootstrap():
    """Equal seeds give equal intervals, which hold the value; one case or equal cases give intervals without width."""
    rows = [
        case({"cranking": "slow"}, ["battery_flat"], name="right"),
        case({"fuel_gauge": "empty"}, ["battery_flat"], name="wrong"),
        case({"fuel_gauge": "empty"}, ["fuel_missing"], name="right too"),
    ]
    one, same, other = (dx.check_cases(CAR, rows, seed=seed, resamples=25).summary for seed in (3, 3, 4))
    assert one.equals(same)
    assert not one.equals(other)
    finite = one[np.isfinite(one["value"])]
    assert ((finite["lower"] <= finite["value"] + 1e-12) & (finite["value"] <= finite["upper"] + 1e-12)).all()
    rank = one.set_index(["use", "findings", "measure"]).loc[("all", "all findings", "mean_rank")]
    assert 1 <= rank["lower"] < rank["upper"]
    alone = dx.check_cases(CAR, rows[:1]).summary
    assert (alone["lower"] == alone["upper"]).all()


def test_a_bootstrap_interval_covers_the_truth_as_often_as_it_says():
    """Of intervals for a share, from samples of 40 cases, 95 % (within Monte Carlo error, a little below) hold it."""
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(300):
        hits = (rng.random(40) < 0.6).astype(float)
        parts = {measure: hits if measure == "top_1" else np.zeros(40) for measure in MEASURES}
        weights = {measure: np.ones(40) if measure == "top_1" else np.zeros(40) for measure in MEASURES}
        [row] = summarise(pd.Series([""] * 40), {"x": CaseScores(parts, weights)}, 0, 400).to_dict("records")
        covered += row["lower"] <= 0.6 <= row["upper"]
    assert 0.90 <= covered / 300 <= 0.98


def test_scores_are_proper():
    """The expected log and Brier scores are lowest for the true probability."""
    truth = 0.3
    guesses = np.linspace(0.05, 0.95, 91)
    expected = []
    for guess in guesses:
        scores = [proper_scores(np.array([y]), np.array([guess])) for y in (True, False)]
        expected.append(truth * np.array(scores[0]) + (1 - truth) * np.array(scores[1]))
    assert guesses[np.argmin(expected, axis=0)] == pytest.approx([truth, truth])


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (
            case({}, ["battery"]),
            "case c: 'battery' is not a cause of car_start 1.0.0. Did you mean 'battery_flat'?",
        ),
        (
            case({"crankin": "slow"}),
            "case c: 'crankin' is not a variable of car_start 1.0.0. Did you mean 'cranking'?",
        ),
        (
            case({"cranking": "loud"}),
            "findings: cranking = 'loud' is not a state of cranking; its states are normal, slow, silent.",
        ),
        (
            case({}, (), "battery in top 1"),
            "case c: 'battery' is not a cause of car_start 1.0.0.",
        ),
        (
            case({}, (), "p(fuel_missing=half) >= 0"),
            "case c: 'half' is not a state of fuel_missing; its states are absent, filter clogged, tank empty.",
        ),
    ],
)
def test_cases_from_elsewhere_are_checked(row, sentence):
    """Cases that no check_model has seen raise, with the name of the case and the nearest name."""
    with pytest.raises(dx.FindingsError) as caught:
        run(row)
    assert str(caught.value) == sentence


def test_expectations_from_elsewhere_are_checked():
    """An expectation that cannot be read raises, with its text."""
    with pytest.raises(dx.FindingsError, match=r"^case c: 'cause first'; expected an expectation of the form 'C in"):
        run(case({}, (), "cause first"))


def test_the_models_own_cases_are_the_default():
    """Without cases those of cases.csv are run; the example's hold."""
    results = dx.check_cases(CAR)
    assert list(results.table["case"]) == [row.case for row in CAR.cases]
    assert list(results.table["population"]) == ["town", "country"]
    assert list(results.expectations["met"]) == [True, True, False, True, True, True]


def test_no_cases_at_all():
    """A model without cases has empty tables of the same columns, no figures, and passes."""
    results = run()
    assert results.passed
    assert results.summary.empty
    assert list(results.table.columns) == list(dx.check_cases(CAR).table.columns)
    assert str(results) == "car_start 1.0.0: 0 cases, 0 of 0 expectations met"
    assert results._repr_html_()


def test_text_and_html_show_cases_figures_and_what_is_not_met():
    """Both forms are made from the same blocks; names are escaped in HTML."""
    results = run(case({"cranking": "slow"}, ["fuel_missing"], "cause in top 1", name="a<b>"))
    text, page = str(results), results._repr_html_()
    for word in ("a<b>", "top 1", "Brier score", "expectation not met", "cause in top 1"):
        assert word in text
    assert "a&lt;b&gt;" in page
    assert "<td>a<b>" not in page
