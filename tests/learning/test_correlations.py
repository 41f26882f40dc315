"""Numbers that studies tied together: what a version stores of it, and what draws and predictions make of that."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

import bayesdx as dx
from bayesdx.diagnosis.compiled import compiled
from bayesdx.diagnosis.draws import draw_parameters, drawn_values
from bayesdx.inference import GateDraws
from bayesdx.knowledge.correlations import are_possible
from bayesdx.knowledge.schema import Correlation
from bayesdx.network.beliefs import Beta
from tests.learning.models import exclusive_model
from tests.learning.studies import PREVALENCES, noisy_or_of_two, study, with_studies

DRAWS = 20_000


@pytest.fixture(scope="module")
def result() -> dx.types.Synthesis:
    """Two studies of a finding with two causes: what they fix is not the leak nor a link, but what both amount to."""
    rows = [
        study("A", "sign", "first", k=290, n=400),
        study("B", "sign", "first", "false_positive_rate", k=200, n=1000),
    ]
    return dx.synthesise(noisy_or_of_two(), rows, heterogeneity=0.0, blank=["sign"])


@pytest.fixture(scope="module")
def graded() -> dx.types.Synthesis:
    """Studies of single states of a cause of three states."""
    rows = [
        study("A", "f0", "cause", "predictive_value", k=70, n=100),
        study("B", "f1", "cause=mild", "predictive_value", k=40, n=90),
        study("C", "f2", "cause=severe", k=30, n=60),
        study("D", "f0", "cause=severe", "false_positive_rate", k=9, n=80),
    ]
    return dx.synthesise(exclusive_model(), rows, heterogeneity=0.3, case_mix="learn")


def drawn(model: dx.Model, seed: int = 0, draws: int = DRAWS) -> pd.DataFrame:
    """Draws of every uncertain number, a column each."""
    free = {number: row.free for number, row in enumerate(compiled(model).distributions)}
    numbers = [number for number in compiled(model).parameters if number.state in free[number.row]]
    values = drawn_values(draw_parameters(model, draws, seed), numbers, model)
    return pd.DataFrame(values, columns=[", ".join(part for part in number.key if part) for number in numbers])


def log_odds(p: pd.DataFrame) -> pd.DataFrame:
    return np.log(p) - np.log1p(-p)


def test_the_marginal_of_each_number_is_as_before(result: dx.types.Synthesis) -> None:
    """The draws of a number of two states are the same ones in another order."""
    tied, free = drawn(result.model), drawn(replace(result.model, correlations=()))
    assert len(result.model.correlations) > 0
    for name in tied:
        assert_allclose(np.sort(tied[name]), np.sort(free[name]), rtol=1e-12)
    assert not np.allclose(tied, free)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_marginal_of_a_graded_row_is_as_before(graded: dx.types.Synthesis, seed: int) -> None:
    """Each state of a Dirichlet has its Beta, and a row sums to 1."""
    model = graded.model
    names = {row.number for row in model.correlations} | {row.other for row in model.correlations}
    assert any(name.startswith("here, cause") for name in names)
    cpds = draw_parameters(model, DRAWS, seed).cpds
    assert_allclose(cpds["cause"].sum(axis=-1), 1, atol=1e-12)
    row = next(row for row in compiled(model).distributions if row.place.node == "cause")
    for state in row.free:
        beta = Beta(row.mean[state], row.sample_size)
        assert stats.kstest(cpds["cause"][:, state], stats.beta(beta.a, beta.b).cdf).pvalue > 1e-3


def test_the_covariance_is_reproduced(result: dx.types.Synthesis) -> None:
    """What is stored is the correlation at the maximum, to the third digit, and draws have it."""
    fit = result.fit
    assert fit is not None
    stored = {frozenset((row.number, row.other)): row.correlation for row in result.model.correlations}
    log = log_odds(drawn(result.model))
    own = {
        ", ".join(part for part in number.key[1] if part): number.sticks[0] for number in fit.problem.unknowns.numbers
    }
    covariance = fit.uncertainty.spread_out(np.eye(len(fit.problem.unknowns)))
    scale = np.sqrt(np.diag(covariance))
    for pair, value in stored.items():
        one, other = pair
        exact = covariance[own[one], own[other]] / (scale[own[one]] * scale[own[other]])
        assert value == pytest.approx(exact, abs=5e-4)
        ranks = np.corrcoef(log[one].rank(), log[other].rank())[0, 1]
        assert ranks == pytest.approx(6 / np.pi * np.arcsin(exact / 2), abs=0.02)
    assert min(stored.values()) < -0.5  # a leak and a link behind one figure


def test_draws_keep_what_the_studies_fixed(result: dx.types.Synthesis) -> None:
    """The false-positive rate that a study of 1000 measured varies as that study leaves it, far less than without."""
    model = result.model

    def spread(of: dx.Model) -> float:
        p = drawn(of)
        return float((1 - (1 - p["sign, yes"]) * (1 - PREVALENCES[1] * p["second, yes, sign, yes"])).std())

    binomial = np.sqrt(0.2 * 0.8 / 1000)
    assert spread(model) == pytest.approx(binomial, rel=0.5)
    assert spread(replace(model, correlations=())) > 2 * spread(model)
    found, alone = (
        dx.check_evidence(of, heterogeneity=0.0).set_index("measure").loc["false_positive_rate"]
        for of in (model, replace(model, correlations=()))
    )
    width = (found["predictive_upper"] - found["predictive_lower"]) / (2 * 1.96)
    assert width == pytest.approx(np.sqrt(2) * binomial, rel=0.2)  # the model's own error and that of the study
    assert alone["predictive_upper"] - alone["predictive_lower"] > 2 * width * 1.96


@pytest.mark.parametrize("seed", [3, 7])
def test_numbers_that_are_not_tied_are_drawn_as_ever(seed: int) -> None:
    """Bit for bit; and a model without the file as one that never had it."""
    model, rows = with_studies(seed, 8)
    made = dx.synthesise(model, rows).model
    assert made.correlations
    with_file, without = (draw_parameters(of, 200, 0).cpds for of in (made, replace(made, correlations=())))
    rows_of = compiled(made).distributions
    nodes = {rows_of[stick.row].place.node for stick in compiled(made).ties.sticks}
    assert nodes
    assert set(with_file) - nodes
    for name in set(with_file) - nodes:
        one, other = with_file[name], without[name]
        assert_array_equal(*((one.leak, other.leak) if isinstance(one, GateDraws) else (one, other)))
    again = drawn(made, draws=200)
    assert again.equals(drawn(made, draws=200))


@pytest.mark.parametrize("seed", range(8))
def test_what_is_stored_is_possible(seed: int) -> None:
    """The pairs that are kept make a positive definite matrix; none is within a distribution, none very small."""
    model, rows = with_studies(seed, 10)
    pairs = dx.synthesise(model, rows, case_mix="learn").model.correlations
    assert are_possible(((row.file, row.number), (row.other_file, row.other), row.correlation) for row in pairs)
    assert all(0 < abs(row.correlation) < 1 and round(row.correlation, 3) == row.correlation for row in pairs)


def test_patients_untie_what_they_move(result: dx.types.Synthesis) -> None:
    """A calibration knows nothing of the correlations of its numbers; those of others stay."""
    other = Correlation("links.csv", "first, yes, sign, yes", "links.csv", "second, yes, sign, yes", -0.1)
    model = replace(result.model, correlations=(other,))
    patients = dx.simulate_cohort(model, 50, seed=1)
    assert dx.calibrate(model, patients, variables=["sign"]).model.correlations == ()
    nothing = dx.synthesise(model, [study("C", "sign", "first", k=1, n=2)], move=["leaks"])
    assert nothing.model.correlations == (other,)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"other": "second, yes, sign, no"}, "'second, yes, sign, no'; expected the cells that name a row of links"),
        ({"other_file": "priors.csv", "other": "here, first, yes"}, "a number with an interval that has a width"),
        ({"correlation": 1.0}, "'1'; expected a number between -1 and 1, both excluded."),
        ({"other": "first, yes, sign, yes"}, "expected a number of another distribution"),
        ({"file": "tests.csv"}, "'tests.csv'; expected one of priors.csv, links.csv, tables.csv"),
    ],
)  # fmt: skip
def test_every_fault_of_the_file_is_told(
    result: dx.types.Synthesis, tmp_path: Path, change: dict[str, object], sentence: str
) -> None:
    """With its line and column."""
    row = Correlation("links.csv", "first, yes, sign, yes", "links.csv", "second, yes, sign, yes", -0.5)
    model = replace(result.model, correlations=(replace(row, **change),))  # type: ignore[arg-type]
    with pytest.raises(dx.ModelError) as error:
        dx.save_model(model, tmp_path / model.version)
    (problem,) = error.value.problems
    assert str(problem).startswith("correlations.csv, row 2, column ")
    assert sentence in str(problem)


def test_pairs_are_entered_once_and_fit_together(result: dx.types.Synthesis, tmp_path: Path) -> None:
    """The same pair the other way round, and three correlations that no three numbers have."""
    names = ["sign, yes", "first, yes, sign, yes", "second, yes, sign, yes"]

    def pair(one: int, other: int, value: float) -> Correlation:
        return Correlation("links.csv", names[one], "links.csv", names[other], value)

    for pairs, sentence in (
        ((pair(1, 2, 0.5), pair(2, 1, 0.5)), "expected each pair once; row 2 has it already."),
        (
            (pair(0, 1, 0.9), pair(0, 2, 0.9), pair(1, 2, -0.9)),
            "'3 correlations'; expected correlations that numbers can have together: a positive definite matrix.",
        ),
    ):
        with pytest.raises(dx.ModelError) as error:
            dx.save_model(replace(result.model, correlations=pairs), tmp_path / "new")
        assert [sentence in str(problem) for problem in error.value.problems] == [True]
