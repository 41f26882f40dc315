"""A new model: the example is sound, and published sensitivities and specificities become what the network predicts."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from typer.testing import CliRunner

import bayesdx as dx
from bayesdx.cli import app
from tests.cli.test_commands import bad, good

EXAMPLE = Path(__file__).parents[2] / "docs/examples/chest_pain"
COLUMNS = ["finding", "cause", "sensitivity", "specificity"]


def table(rows: list[list[Any]], columns: list[str] = COLUMNS) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=columns)


def causes(**probabilities: float) -> pd.DataFrame:
    return table([[name, value] for name, value in probabilities.items()], ["cause", "probability"])


def rates(model: dx.Model, finding: str, cause: str, state: str) -> tuple[float, float]:
    """P(finding | cause) and P(finding | not the cause), by summing the joint distribution."""
    engine = dx.Engine(model)
    _, joint = engine.joint(engine.encode(pd.DataFrame(index=[0])), [cause, finding])
    place = model.by_name[cause].states.index(state)
    others = np.delete(joint[0], place, axis=0).sum(axis=0)
    return float(joint[0][place, 1] / joint[0][place].sum()), float(others[1] / others.sum())


def test_the_example_shows_every_kind_of_row_and_is_sound(tmp_path: Path) -> None:
    """One cause of several states, a gate, a table, a study, a red flag, a case; nothing is found at fault."""
    said = good("new", "knee_pain", "--folder", str(tmp_path))
    folder = tmp_path / "knee_pain/0.1.0"
    assert said.startswith(f"{folder}: saved, sound.")
    assert dx.check_model(folder) == []
    model = dx.load_model(folder)
    assert (model.name, model.version, model.release) == ("knee_pain", "0.1.0", None)
    assert len(model.by_name["sole_cause"].states) > 3
    assert all((model.links, model.tables, model.studies, model.red_flags, model.cases, model.tests))
    assert all(row.note for row in (model.links[0], model.tables[0], model.studies[0], model.priors[0], model.cases[0]))
    cases = dx.check_cases(model, resamples=1).table
    assert (cases["met"] == cases["expectations"]).all()
    case = dx.diagnose(model, {"burning_smell": "present"})
    assert [flag.urgency for flag in case.red_flags] == ["emergency"]
    assert "exists already" in bad("new", "knee_pain", "--folder", str(tmp_path))


probability = st.floats(0.05, 0.9)


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_a_gate_is_recovered_from_its_own_figures(data: st.DataObject) -> None:
    """Sensitivities and specificities of a known network give back that network, causes that make rarer included."""
    exclusive = data.draw(st.booleans())
    prior = [data.draw(st.floats(0.05, 0.3)) for _ in range(3)]
    if exclusive:
        with_cause = [data.draw(probability) for _ in range(3)]
        none = data.draw(probability)
        chance = [*with_cause, none]
        weights = [*prior, 1 - sum(prior)]
        figures = [
            (chance[i], sum(w * q for j, (w, q) in enumerate(zip(weights, chance, strict=True)) if j != i) / (1 - w_i))
            for i, w_i in enumerate(prior)
        ]
    else:
        leak = data.draw(st.floats(0.05, 0.4))
        links = [data.draw(st.floats(-0.4, 0.8)) for _ in range(3)]  # below zero: the absence acts
        figures = []
        for i in range(3):
            sums = np.zeros((2, 2))
            for states in itertools.product((0, 1), repeat=3):
                weight = np.prod([p if s else 1 - p for p, s in zip(prior, states, strict=True)])
                acting = [abs(k) for k, s in zip(links, states, strict=True) if (s == 1) == (k > 0)]
                spared = (1 - leak) * np.prod([1 - k for k in acting])
                sums[states[i]] += weight * np.array([spared, 1 - spared])
            figures.append((sums[1, 1] / sums[1].sum(), sums[0, 1] / sums[0].sum()))
    rows = [["f", name, s, 1 - f] for name, (s, f) in zip("abc", figures, strict=True)]
    model = dx.new_model("m", causes(**dict(zip("abc", prior, strict=True))), table(rows), exclusive=exclusive)
    for name, expected in zip("abc", figures, strict=True):
        found = rates(model, "f", "sole_cause" if exclusive else name, name if exclusive else "present")
        assert_allclose(found, expected, atol=2e-4)
    for row in model.links:
        assert row.lower <= row.link_probability <= row.upper


def test_a_sensitivity_below_the_false_positive_rate_is_answered() -> None:
    """The other states bring the finding about, a note says why, and the network predicts both figures."""
    model = dx.new_model("m", causes(a=0.2, b=0.3), table([["f", "a", 0.1, 0.6], ["g", "b", 0.9, 0.8]]))
    assert_allclose(rates(model, "f", "sole_cause", "a"), (0.1, 0.4), atol=1e-5)
    acting = {row.parent_state for row in model.links if row.child == "f"}
    assert acting == {"", "none", "b"}
    assert (
        "- f: 10 % with a lie below the 40 % without it. A link cannot make a finding rarer, so the other states bring "
        "it about." in model.notes
    )
    assert "do not agree" not in model.notes


def test_figures_that_contradict_each_other_are_told() -> None:
    """A specificity that no leak can meet, since another cause brings the finding about too often."""
    rows = [["f", "a", 0.9, 0.95], ["f", "b", 0.9, None]]
    model = dx.new_model("m", causes(a=0.1, b=0.5), table(rows))
    said = "- f: 5 % without a were published, 50 % follow from the other figures and the probabilities of the causes."
    assert said in model.notes
    assert_allclose(rates(model, "f", "sole_cause", "a")[0], 0.9, atol=1e-5)


def test_more_patients_make_narrower_intervals() -> None:
    """The interval of a link follows the number of patients behind the figure."""
    wide = []
    for n in (20, 2000):
        rows = table([["f", "a", 0.6, 0.9, n, n]], [*COLUMNS, "n_with", "n_without"])
        link = next(row for row in dx.new_model("m", causes(a=0.2), rows).links if row.parent)
        wide.append(link.upper - link.lower)
    assert wide[0] > 5 * wide[1] > 0


def test_all_faults_are_told_at_once() -> None:
    """Each with table, row, column, what was found and what was expected."""
    faulty = [["f", "a", 0.5, None], ["g", "c", "80", "0.3"], ["g", "a", "80", "0.3"]]
    with pytest.raises(dx.ModelError) as caught:
        dx.new_model("m", causes(a=0.5, b=0.6), table(faulty))
    assert [str(problem) for problem in caught.value.problems] == [
        "causes, column probability: 'a sum of 1.1'; expected less than 1, since these causes exclude each other; what "
        "is left is none of them (or exclusive=False).",
        "figures, row 3, column cause: 'c'; expected a cause of causes.",
        "figures, row 4, column sensitivity: '80'; expected a probability, as 0.83 or 83 %; 80 % is written with its "
        "sign.",
        "figures, row 2, column specificity: ''; expected a specificity of 'f' for one cause at least: how often is it "
        "there without the cause?.",
        "figures, column cause: 'no row of b'; expected a figure of every cause.",
    ]
    with pytest.raises(dx.ModelError, match="cannot be the name of a model"):
        dx.new_model("chest pain")
    with pytest.raises(dx.ModelError, match="figures is missing; a table of causes and a table of figures go together"):
        dx.new_model("m", causes(a=0.5))


@pytest.mark.parametrize("exclusive", [True, False])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_what_is_made_can_be_saved(number: int, exclusive: bool, tmp_path: Path) -> None:
    """A model of one cause is sound too."""
    names = "abc"[:number]
    rows = [["f", name, 0.8, 0.9] for name in names]
    model = dx.new_model("m", causes(**dict.fromkeys(names, 0.2)), table(rows), exclusive=exclusive)
    assert dx.load_model(dx.save_model(model, tmp_path / "0.1.0")) == model


def test_figures_that_made_a_model_are_no_test_of_it(tmp_path: Path) -> None:
    """``check --evidence`` says so; a figure of another study is one."""
    rows = table([["f", "a", 0.8, 0.9, "Lee 2019"]], [*COLUMNS, "source"])
    model = dx.new_model("m", causes(a=0.2), rows)
    folder = dx.save_model(model, tmp_path / "0.1.0")
    assert dx.check_evidence(model)["same_source"].tolist() == [True, True]
    said = " ".join(CliRunner().invoke(app, ["check", str(folder), "--evidence"]).stdout.split())
    assert "2 of the 2 are no independent test: numbers of the same finding come from the same source" in said
    studies = tuple(replace(row, study="KIM2020", source="KIM2020") for row in model.studies)
    other = replace(model, studies=studies, sources=(*model.sources, replace(model.sources[0], source="KIM2020")))
    assert not dx.check_evidence(other)["same_source"].any()
    folder = dx.save_model(other, tmp_path / "other" / "0.1.0")
    assert "independent" not in CliRunner().invoke(app, ["check", str(folder), "--evidence"]).stdout


def test_the_chest_pain_example_predicts_what_was_published(tmp_path: Path) -> None:
    """Six causes, fifteen findings: sound, every figure within the network's interval, what was decided is printed."""
    tables = ("--causes", str(EXAMPLE / "causes.csv"), "--figures", str(EXAMPLE / "figures.csv"))
    said = good("new", "chest_pain", "--folder", str(tmp_path), *tables)
    assert "8 % with Acute coronary syndrome lie below the" in said
    model = dx.load_model(tmp_path / "chest_pain/0.1.0")
    assert (len(model.by_name["sole_cause"].states), len(model.findings)) == (7, 15)
    evidence = dx.check_evidence(model)
    assert len(evidence) == len(model.studies)
    assert (evidence["verdict"] == "inside").all()
    case = dx.diagnose(model, {"Troponin raised": "no", "Pain on palpation": "yes"})
    assert case.posterior["sole_cause=chest_wall_pain"] > 0.5
