"""Patients and studies in one objective."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from typer.testing import CliRunner

import bayesdx as dx
from bayesdx.cli import app
from bayesdx.evaluation.dataset import read_cohort
from bayesdx.evaluation.implied import Questions
from bayesdx.knowledge.schema import FILE, Link, Study, format_row
from bayesdx.learning.belief import PARTS, believe
from bayesdx.learning.expected import expectation
from bayesdx.learning.information import Basis
from bayesdx.learning.layout import Layout
from bayesdx.learning.patients import patients_of
from bayesdx.learning.synthesis.together import StudiesBeside
from bayesdx.network import compile_network
from bayesdx.network.beliefs import beta_of
from tests.learning.studies import NOISY_OR, noisy_or_of_two, study, with_studies


def known(seed: int) -> tuple[dx.Model, dict[tuple[str, ...], float]]:
    """The model of two causes with numbers drawn from its own intervals."""
    rng = np.random.default_rng(seed)
    priors = {row.key: beta_of(row.value, row.lower, row.upper) for row in NOISY_OR}
    truth = {key: float(rng.beta(prior.a, prior.b)) for key, prior in priors.items()}
    model = noisy_or_of_two()
    links = tuple(replace(row, link_probability=truth[key_of(row)], lower=0.0, upper=1.0) for row in model.links)
    return replace(model, links=links), truth


def key_of(row: Link) -> tuple[str, ...]:
    return row.parent, row.parent_state, row.child, row.child_state


def studied(real: dx.Model, seed: int, ill: int = 80, others: int = 120) -> list[Study]:
    """A sensitivity and a false-positive rate, counted in patients of such a model."""
    rows = [study("A", "sign", "first"), study("B", "sign", "first", "false_positive_rate")]
    k = np.random.default_rng(seed).binomial([ill, others], Questions(real, rows).answer().ill).tolist()
    return [replace(row, k=count, n=n) for row, count, n in zip(rows, k, (ill, others), strict=True)]


def test_both_recover_known_numbers_better_than_either() -> None:
    """Numbers drawn from the prior, patients and studies from them: the error of both, of patients, of studies."""
    model, errors = noisy_or_of_two(), []
    for seed in range(8):
        real, truth = known(seed)
        rows, patients = studied(real, seed), dx.simulate_cohort(real, 120, seed=seed)
        ways = (
            dx.calibrate(model, patients, prior_strength=1, studies=rows),
            dx.calibrate(model, patients, prior_strength=1),
            dx.synthesise(model, rows),
        )
        errors.append([[row.link_probability - truth[key_of(row)] for row in way.model.links] for way in ways])
    both, of_patients, of_studies = np.sqrt((np.array(errors) ** 2).mean(axis=(0, 2)))
    assert both < 0.95 * of_patients
    assert both < 0.95 * of_studies


def test_patients_that_say_nothing_leave_what_the_studies_say() -> None:
    """The same values, intervals and patients as from the studies alone."""
    model = noisy_or_of_two()
    rows = studied(model, 1, 60, 900)
    silent = pd.DataFrame({"first": ["yes", "no"]})  # of a cause whose prior is known for certain
    together = dx.calibrate(model, silent, prior_strength=1, studies=rows, tolerance=1e-8).table.set_index("row")
    alone = dx.synthesise(model, rows, tolerance=1e-8).table.set_index("row")
    moved = alone.index[alone["moved"]]
    assert len(moved) > 1
    for name in ("after", "lower", "upper"):
        assert_allclose(together.loc[moved, name], alone.loc[moved, name], atol=1e-4)
    assert_allclose(together.loc[moved, "effective_cases"], alone.loc[moved, "patients"], rtol=1e-3)
    assert_allclose(together.loc[moved, "from_studies"], 1 - alone.loc[moved, "prior_share"], atol=1e-3)


def test_studies_that_cannot_be_used_change_nothing() -> None:
    """The numbers are those of the patients, bit for bit, and a warning says so."""
    model = noisy_or_of_two()
    patients = dx.simulate_cohort(model, 60, seed=2)
    biased = [study("A", "sign", "first", k=40, n=50, reference="includes_finding")]
    with_them, without = (dx.calibrate(model, patients, studies=rows) for rows in (biased, None))
    assert with_them.model.links == without.model.links
    assert "No study can be used: the model is as it was." in with_them.warnings


@pytest.mark.parametrize("seed", [1, 3])
def test_the_estimate_is_a_maximum_of_one_objective(seed: int) -> None:
    """No step of EM lowers it, and no number alone can raise it: evidence of patients, priors and studies."""
    real, _ = known(seed)
    model = noisy_or_of_two()
    rows, patients = studied(real, seed), dx.simulate_cohort(real, 80, seed=seed)
    cohort = read_cohort(model, patients)
    result = dx.calibrate(model, cohort, prior_strength=1, studies=rows, tolerance=1e-9)
    assert (np.diff(result.trace["objective"]) > -1e-9).all()
    network = compile_network(model)
    layout = Layout(network)
    belief = believe(model, layout, PARTS, None, 1.0)
    beside = StudiesBeside(layout, belief, dx.synthesise(model, rows))
    expected = expectation(layout, patients_of(network, cohort))

    def objective(values: np.ndarray) -> float:
        evidence = expected.totals(layout.network_with(values)).log_evidence
        return evidence + belief.log_prior(values) + beside.log_likelihood(values)

    best = layout.values(compile_network(result.model))
    top = objective(best)
    assert top == pytest.approx(result.trace["objective"].iloc[-1], abs=1e-6)
    for row in range(len(belief.left)):
        first, second = belief.cells[belief.row == row]
        for step in (-1e-3, 1e-3):
            moved = best.copy()
            moved[[first, second]] += [step, -step]
            assert objective(moved) < top


@pytest.mark.parametrize("seed", [1, 3, 7])
def test_what_studies_bring_is_the_slope_of_their_figures(seed: int) -> None:
    """In the log-odds of every state against the first of its row: tables, gates, several states, two populations."""
    model, rows = with_studies(seed)
    layout = Layout(compile_network(model))
    belief = believe(model, layout, PARTS, None, 1.0)
    beside = StudiesBeside(layout, belief, dx.synthesise(model, rows, case_mix="learn"))
    values = layout.values(layout.network)
    kept = Basis(belief, values).kept
    slopes = beside.brought(belief, kept, values).slopes
    assert (slopes != 0).any()
    for column, cell in enumerate(kept[:25]):
        ends = []
        for step in (-1e-5, 1e-5):
            share = values[belief.cells] * np.exp(np.where(np.arange(len(belief.cells)) == cell, step, 0.0))
            moved = values.copy()
            moved[belief.cells] = share * (belief.left / belief.sums(share))[belief.row]
            ends.append(beside._figures(moved))
        assert_allclose(slopes[:, column], (ends[1] - ends[0]) / 2e-5, atol=1e-6)


def test_studies_leave_the_case_mix_to_the_patients() -> None:
    """How common a cause is comes out as without them, whatever they find."""
    model, rows = with_studies(3, 8)
    patients = dx.simulate_cohort(model, 40, seed=1)[list(model.causes)]
    with_them, without = (
        dx.calibrate(model, patients, studies=use, prior_strength=1, tolerance=1e-8) for use in (rows, None)
    )
    priors = [[row.probability for row in way.model.priors] for way in (with_them, without)]
    assert_allclose(*priors, atol=1e-6)
    assert with_them.table["from_studies"].max() > 0.1


def test_the_new_version_says_what_it_owes_to_whom(tmp_path: Path) -> None:
    """Shares of studies beside the cohort's source, the studies themselves, a sentence in CHANGES.md; it is sound."""
    real, _ = known(0)
    rows = studied(real, 0, 400, 800)
    result = dx.calibrate(noisy_or_of_two(), dx.simulate_cohort(real, 60, seed=0), prior_strength=1, studies=rows)
    folder = dx.save_model(result.model, tmp_path / "two" / "0.2.0")
    made = dx.load_model(folder)
    assert {row.study for row in made.studies} == {"A", "B"}
    learned = made.learned_from_studies().set_index("row")
    shown = result.table.set_index("row")["from_studies"]
    assert_allclose(learned["information"], shown[learned.index], atol=1e-4)
    assert set(learned["source"]) <= {"A", "B"}
    assert "Learned together with 2 published figures of 2 sources" in made.changes
    assert "2 published figures were learned from together with the patients" in result.report()
    assert (result.studies["reason"] == "").all()
    apart = [(result.studies[name] - result.studies["value"]).abs().sum() for name in ("before", "after")]
    assert apart[1] < apart[0]
    with pytest.raises(dx.LearningError, match=r"^studies: two 0\.2\.0 has learned from A, B already; exp"):
        dx.calibrate(made, dx.simulate_cohort(real, 30, seed=1), studies=rows)
    with pytest.raises(dx.LearningError, match=r"^studies: method 'counts' learns from patients alone; exp"):
        dx.calibrate(noisy_or_of_two(), dx.simulate_cohort(real, 30, seed=1), "counts", studies=rows)


def test_the_command(tmp_path: Path) -> None:
    """``bayesdx calibrate --studies`` does the same."""
    model = noisy_or_of_two()
    folder = dx.save_model(model, tmp_path / "two" / "0.1.0")
    rows = studied(model, 3)
    patients = dx.simulate_cohort(model, 50, seed=3)
    patients.to_csv(tmp_path / "patients.csv", index=False)
    file = FILE["studies.csv"]
    pd.DataFrame([format_row(file, row) for row in rows], columns=file.header).to_csv(tmp_path / "s.csv", index=False)
    arguments = ["calibrate", folder, tmp_path / "patients.csv", tmp_path / "new", "--studies", tmp_path / "s.csv"]
    found = CliRunner().invoke(app, [*map(str, arguments), "--prior-strength", "1"])
    assert found.exit_code == 0, found.output
    assert "published figures were learned from together with the patients" in found.output
    expected = dx.calibrate(model, patients, prior_strength=1, studies=rows, tolerance=1e-3)
    assert dx.load_model(tmp_path / "new").links[0].link_probability == pytest.approx(
        expected.model.links[0].link_probability, abs=1e-6
    )
