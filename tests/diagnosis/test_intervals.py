"""How sure: intervals cover the truth, and everything about them is reproducible."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats

import bayesdx as dx
from bayesdx.diagnosis.compiled import compiled
from bayesdx.diagnosis.intervals import CredibleIntervals
from bayesdx.network import Network, compile_network
from tests.diagnosis import brute
from tests.diagnosis.cases import naive_model, possible_cases
from tests.diagnosis.models import random_findings, random_model

MODELS, TRUTHS = 40, 25


def true_network(model: dx.Model, rng: np.random.Generator) -> Network:
    """The network under one draw of its numbers, by scipy's own distributions."""
    network = compile_network(model)
    for row in compiled(model).distributions:
        if row.free:
            values = np.array(row.mean)
            free = list(row.free)
            left = values[free].sum()
            if len(free) == 2:
                first = stats.beta.ppf(rng.random(), *row.alpha)
                values[free] = left * np.array([first, 1 - first])
            else:
                values[free] = left * stats.dirichlet.rvs(row.alpha, random_state=rng)[0]
            network = brute.with_row(network, row.place.node, row.place.part, row.place.parent, row.place.given, values)
    return network


def test_intervals_cover_the_truth() -> None:
    """Of 1,000 simulated sets of numbers, 93 to 97 % have their posterior inside the 95 % interval."""
    rng = np.random.default_rng(20250101)
    covered, seed, models = [], 0, 0
    while models < MODELS:
        seed += 1
        model = random_model(seed, zeros=False)
        try:
            case = dx.diagnose(model, random_findings(model, seed))
        except dx.ImpossibleEvidenceError:
            continue
        sure = dx.credible_intervals(case, draws=2000, seed=seed)
        lines = compiled(model).lines
        widest = int(np.argmax(sure.posteriors.std(axis=0)))
        if sure.posteriors[:, widest].std() < 1e-6:
            continue  # the cause itself was observed: nothing is uncertain
        models += 1
        ends = sure.table.loc[lines[widest].name, ["lower", "upper"]].to_numpy(float)
        for _ in range(TRUTHS):
            network = true_network(model, rng)
            joint = brute.weighed(brute.joint_array(network), network, case.evidence.codes.tolist(),
                                  case.evidence.likelihoods)  # fmt: skip
            margin = np.moveaxis(joint, network.index[lines[widest].variable], 0).reshape(joint.shape[
                network.index[lines[widest].variable]], -1).sum(axis=1)  # fmt: skip
            truth = margin[lines[widest].state] / margin.sum()
            covered.append(ends[0] <= truth <= ends[1])
    assert len(covered) == 1000
    assert 0.93 <= np.mean(covered) <= 0.97


@settings(max_examples=40)
@given(case=possible_cases(zeros=False), seed=st.integers(0, 1000))
def test_tables_are_consistent(case: dx.Diagnosis, seed: int) -> None:
    """Ends in order, ranks a permutation, the same seed the same answer; a wider mass a wider interval."""
    sure = dx.credible_intervals(case, draws=60, seed=seed)
    table = sure.table
    assert (table["lower"] <= table["upper"]).all()
    assert (table[["mean_error", "lower_error", "upper_error"]] >= 0).all(axis=None)
    assert list(table.index) == list(case.posterior.index)
    ranks = sure.rank_probability
    assert_allclose(ranks.sum(axis=0), 1.0)
    assert_allclose(ranks.sum(axis=1), 1.0)
    assert_allclose(ranks[1].loc[table.index], table["first"])
    assert dx.credible_intervals(case, draws=60, seed=seed).table.equals(table)
    narrow = dx.credible_intervals(case, mass=0.5, draws=60, seed=seed).table
    assert (narrow["lower"] >= table["lower"]).all()
    assert (narrow["upper"] <= table["upper"]).all()
    names = list(table.index)
    if len(names) > 1:
        above = sure.probability_above(names[0], names[1])
        assert above + sure.probability_above(names[1], names[0]) <= 1 + 1e-12
        assert above == np.mean(sure.posteriors[:, sure._column(names[0])] > sure.posteriors[:, sure._column(names[1])])


def test_draws_are_answered_as_models_with_those_numbers() -> None:
    """The posterior under a draw is that of ``diagnose`` with the network of that draw."""
    from bayesdx.diagnosis.draws import draw_parameters
    from bayesdx.inference import Engine

    model = dx.load_model("hip_flexion_weakness@1.0.0")
    case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present", "fever": {"present": 0.7, "absent": 0.2}})
    sure = dx.credible_intervals(case, draws=50, seed=4)
    drawn = draw_parameters(model, 50, 4)
    network = compile_network(model)
    for draw in (0, 49):
        one = network
        for row in compiled(model).distributions:
            if row.free:
                cpd = drawn.cpds[row.place.node]
                if isinstance(cpd, np.ndarray):
                    values = cpd[(draw, *row.place.given)]
                elif row.place.part == "leak":
                    values = cpd.leak[draw]
                else:
                    place = network[row.place.node].parents.index(row.place.parent)
                    values = cpd.links[place][draw, row.place.given[0]]
                one = brute.with_row(one, row.place.node, row.place.part, row.place.parent, row.place.given, values)
        result = Engine(one).propagate(case.evidence.evidence, targets=model.causes).marginals
        expected = [result[line.variable][0, line.state] for line in compiled(model).lines]
        assert_allclose(sure.posteriors[draw], expected, atol=1e-9)


def test_drivers_find_the_number_that_matters() -> None:
    """In a model where one number is far less certain than the others, that one carries the variance."""
    from dataclasses import replace

    model = naive_model([0.1, 0.2], [0.8, 0.5], prior=0.2)
    sharp = tuple(replace(row, lower=row.link_probability - 1e-4, upper=row.link_probability + 1e-4)
                  for row in model.links)  # fmt: skip
    case = dx.diagnose(replace(model, links=sharp), {"f0": "yes", "f1": "no"})
    drivers = dx.credible_intervals(case, draws=500).drivers()
    assert drivers.index[0] == "P(c = yes)"
    assert drivers["share"].iloc[0] > 0.95
    assert drivers["share_error"].iloc[0] < 0.05
    assert drivers["correlation"].iloc[0] > 0


def test_certain_models_have_intervals_without_width() -> None:
    """Where no number is uncertain the interval is the posterior."""
    from dataclasses import replace

    model = naive_model([0.1], [0.8])
    links = tuple(replace(row, lower=row.link_probability, upper=row.link_probability) for row in model.links)
    priors = tuple(replace(row, lower=row.probability, upper=row.probability) for row in model.priors)
    case = dx.diagnose(replace(model, links=links, priors=priors), {"f0": "yes"})
    table = dx.credible_intervals(case).table
    assert table.loc["c", "lower"] == table.loc["c", "upper"] == case.posterior["c"]
    assert "0 numbers" in str(dx.credible_intervals(case))


def test_messages() -> None:
    """Shares and draws out of range are refused with a sentence."""
    case = dx.diagnose(naive_model([0.1], [0.8]), {"f0": "yes"})
    with pytest.raises(
        dx.FindingsError, match=r"^credible_intervals: mass = 1\.2; expected a number between 0 and 1\.$"
    ):
        dx.credible_intervals(case, mass=1.2)
    with pytest.raises(dx.FindingsError, match=r"^credible_intervals: draws = 10; expected at least 50\.$"):
        dx.credible_intervals(case, draws=10)
    with pytest.raises(dx.FindingsError, match=r"^'d' is no line of this differential\.$"):
        dx.credible_intervals(case).drivers("d")


def test_monte_carlo_errors_are_how_much_the_draws_move_them() -> None:
    """Over 400 repetitions of the draws, the mean and both ends of an interval spread by the errors that are said."""
    case = dx.diagnose(naive_model([0.1], [0.8]), {"f0": "yes"})
    rng = np.random.default_rng(3)
    tables = [
        CredibleIntervals(case, 0.9, 0, rng.beta(2.0, 5.0, size=(500, 1)), (), np.zeros((500, 0)), 0).table.loc["c"]
        for _ in range(400)
    ]
    for name in ("mean", "lower", "upper"):
        spread = np.std([table[name] for table in tables], ddof=1)
        said = np.mean([table[f"{name}_error"] for table in tables])
        assert said == pytest.approx(spread, rel=0.15), name
