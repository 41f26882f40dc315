"""Groups of causes: one sum for several causes, and a cause that is the sum of others competes with none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal

import bayesdx as dx
from bayesdx.diagnosis.compiled import compiled
from bayesdx.evaluation.outcomes import run_case
from bayesdx.knowledge.schema import CauseGroup, Link, Prior, Variable

_PUBLISHED = dx.load_model("chest_clinic@1.0.0")
CHEST = replace(_PUBLISHED, info=replace(_PUBLISHED.info, format=2), release=None)
LUNGS = CauseGroup("lungs", "Disease of the lung itself", ("tuberculosis", "lung_cancer"))


def bucketed() -> dx.Model:
    """The chest clinic with a cause that is there whenever tuberculosis or lung cancer is: their sum."""
    bucket = Variable("lungs", "Something of the lungs", "cause", "", ("absent", "present"), "")
    known = CHEST.priors[0]
    return replace(
        CHEST,
        variables=(bucket, *CHEST.variables),
        priors=(
            *CHEST.priors,
            *(Prior(p.name, "lungs", "present", 0, 0, 0, known.source, "expert") for p in CHEST.info.populations),
        ),
        links=(
            *CHEST.links,
            *(Link(name, "present", "lungs", "present", 1, 1, 1, known.source, "expert") for name in LUNGS.members),
        ),
        cause_groups=(LUNGS,),
    )


@pytest.mark.parametrize("findings", [{}, {"xray": "positive"}, {"xray": "negative", "dyspnoea": "present"}])
def test_a_group_is_the_probability_that_one_of_its_members_is_present(findings: dict[str, str]) -> None:
    """1 - P(no member | findings), summed over the joint distribution of the causes; members may coexist."""
    case = dx.diagnose(replace(CHEST, cause_groups=(LUNGS,)), findings)
    sets = case.most_probable(8)
    expected = sum(p for causes, p in sets.itertuples(index=False) if set(causes) & set(LUNGS.members))
    [group] = case.groups
    assert_allclose(group.probability, expected, rtol=1e-9)
    assert [line.cause for line in group.members] == [c for c in case.posterior.index if c in LUNGS.members]


def test_a_cause_that_is_a_sum_has_a_posterior_and_no_rank() -> None:
    """It comes last in ``posterior`` however probable it is, is no line, takes no rank and equals its group."""
    model = bucketed()
    case = dx.diagnose(model, {"xray": "positive"})
    assert model.causes[0] == "lungs"
    assert case.posterior.index[-1] == "lungs"
    assert case.posterior["lungs"] > case.posterior.iloc[0]
    assert_allclose(case.posterior["lungs"], case.groups[0].probability)
    assert "lungs" not in {line.cause for line in case.differential}
    assert [line.total for line in compiled(model).lines] == [False, False, False, True]
    assert compiled(model).ranked == 3
    outcome = run_case(model, (("xray", ("positive",)),))
    assert outcome.rank(model.causes.index(case.posterior.index[0])) == 1
    assert all("lungs" not in causes for causes, _ in case.probable_sets(3))
    assert dx.explain(case, "lungs").event.name == "lungs"


def test_a_sum_is_left_out_of_the_evaluation() -> None:
    """Patients and cases are scored as by the model without the sum; a table of patients need not have it."""
    model = bucketed()
    patients = dx.simulate_cohort(model, 300, seed=1)
    expected = dx.evaluate(CHEST, patients.drop(columns="lungs"), resamples=0).table
    assert_frame_equal(dx.evaluate(model, patients, resamples=0).table, expected)
    assert_frame_equal(dx.evaluate(model, patients.drop(columns="lungs"), resamples=0).table, expected)
    assert_frame_equal(dx.check_cases(model).summary, dx.check_cases(CHEST).summary)


def test_a_sum_stands_last_beside_its_parts() -> None:
    """Side by side it is told and not ranked; drawn along a path it is not."""
    case = dx.diagnose(bucketed(), {"xray": "positive", "dyspnoea": "present"})
    assert dx.show(case, case.without("xray")).table.index[-1] == "lungs"
    labels = [text.get_text() for text in dx.posterior_path(case).plot(Figure().subplots(), most=9).texts]
    assert "Something of the lungs" not in labels


def test_the_text_shows_groups_below_the_differential() -> None:
    """One line a group, its sum before it and its members after it."""
    text = str(dx.diagnose(replace(CHEST, cause_groups=(LUNGS,)), {"xray": "positive"}))
    assert "57.6 %  Disease of the lung itself: Lung cancer 48.9 %, Tuberculosis 9.2 %" in " ".join(text.split("\n"))


def test_groups_are_saved_and_loaded(tmp_path: Path) -> None:
    """What is saved is loaded, and groups are content."""
    model = bucketed()
    folder = tmp_path / model.name / model.version
    dx.save_model(model, folder)
    assert dx.load_model(folder).cause_groups == (LUNGS,)
    assert dx.load_model(folder).hash == model.hash != replace(model, cause_groups=()).hash


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("tuberculosis,T,lung_cancer|bronchitis", ""),
        ("xray,X,lung_cancer|bronchitis", "a name of its own, or that of a cause of two states"),
        ("lungs,L,lung_cancer", "two members or more, each once"),
        ("lungs,L,lung_cancer|lung_cancer", "two members or more, each once"),
        ("lungs,L,lung_cancer|xray", "a cause of two states, or cause=state"),
        ("bronchitis,B,lung_cancer|bronchitis", "a cause of two states, or cause=state"),
    ],
)
def test_faults_of_groups_are_reported(tmp_path: Path, row: str, expected: str) -> None:
    """Names that are taken, too few members, and members that are no causes."""
    folder = tmp_path / CHEST.name / CHEST.version
    dx.save_model(replace(CHEST, cause_groups=(LUNGS,)), folder)
    (folder / "groups.csv").write_text(f"group,label,members\n{row}\n", encoding="utf-8")
    found = [problem.expected for problem in dx.check_model(folder) if problem.file == "groups.csv"]
    assert (len(found) == 1 and found[0].startswith(expected)) if expected else not found
