"""Cases side by side, one case under each state of a finding, and models and cases as a notebook shows them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import bayesdx as dx
from bayesdx.display import format_probability
from tests.explorer.hostile import backwards_model

pytest.importorskip("matplotlib", reason="the extra plot is not installed")

FINDINGS = {"onset": "sudden", "severe_pain": "present"}


@pytest.fixture(scope="module")
def case() -> dx.Diagnosis:
    return dx.diagnose(dx.load_model("hip_flexion_weakness", population="emergency_department"), FINDINGS)


@pytest.mark.parametrize("name", ["fever", "hip_flexion_strength", "Patellar reflex"])
def test_a_sweep_obeys_the_law_of_total_probability(case: dx.Diagnosis, name: str) -> None:
    """The posteriors under each state, weighed by how probable it is, are the posterior without the finding."""
    swept = dx.sweep(case, name)
    weights = np.array(list(swept.probabilities.values()))
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    mixed = swept.table[list(swept.probabilities)].to_numpy(float) @ weights
    np.testing.assert_allclose(mixed, case.posterior[swept.table.index], atol=1e-12)


def test_a_sweep_takes_back_what_the_case_says_of_it(case: dx.Diagnosis) -> None:
    """A finding of the case is swept given the others; an impossible state has probability 0 and no column."""
    assert dict(dx.sweep(case, "onset").case.findings) == {"severe_pain": "present"}
    clinic = dx.diagnose("chest_clinic", {"tuberculosis": "present"})
    swept = dx.sweep(clinic, "either")
    first, second = swept.probabilities.values()
    assert sorted((first, second)) == pytest.approx([0, 1]) and len(swept.cases) == 1
    assert "cannot be" in str(swept)


def test_a_sweep_of_nothing_is_refused(case: dx.Diagnosis) -> None:
    """The message names the nearest variable."""
    with pytest.raises(dx.FindingsError, match=r"^sweep: 'fevr' is not a variable of .*'fever'"):
        dx.sweep(case, "fevr")


def test_cases_side_by_side_keep_their_numbers(case: dx.Diagnosis) -> None:
    """Each column is the posterior of its case; a cause that a model does not have is left empty; texts agree."""
    other = case.with_findings({"fever": "present"}).with_population("primary_care")
    clinic = dx.diagnose("chest_clinic", {"xray": "positive"})
    beside = dx.show(case, other, clinic=clinic)
    for name, one in {"A": case, "B": other, "clinic": clinic}.items():
        column = beside.table[name].dropna()
        assert len(column) == len(one.posterior)
        np.testing.assert_array_equal(column[one.posterior.index].to_numpy(float), one.posterior.to_numpy(float))
    assert beside.findings.loc["fever"].tolist() == ["not asked", "present", "not asked"]
    text = str(dx.show(case, other))
    for part in ("Primary or musculoskeletal care", "Emergency department", "Fever, 38 °C or more", "not asked"):
        assert part in text
    assert "Severe pain" not in text
    for line in case.differential[:3]:
        assert line.label in text and format_probability(line.posterior) in text


def test_what_cannot_stand_side_by_side_is_refused(case: dx.Diagnosis) -> None:
    """No case, a name that is a letter already, something that is no case."""
    with pytest.raises(dx.FindingsError, match=r"^show: expected 1 to 12 cases, each with a name of its own, not 0\.$"):
        dx.show()
    with pytest.raises(dx.FindingsError, match=r"name of its own, not 2\.$"):
        dx.show(case, A=case)
    with pytest.raises(dx.FindingsError, match=r"^expected a case"):
        dx.show(case, "case")  # type: ignore[arg-type]


def test_figures_show_what_the_tables_say(case: dx.Diagnosis) -> None:
    """Marks stand at the posteriors: of a case, of a sweep, of cases side by side."""
    swept = dx.sweep(case, "fever")
    for number, state in enumerate(swept.cases):
        seen = swept.plot(most=5).lines[number].get_xdata()
        np.testing.assert_array_equal(np.asarray(seen, float), swept.table[state].head(5).to_numpy(float))
    posterior = [line.get_xdata()[0] for line in case.plot(most=4).lines[2::3]]
    np.testing.assert_array_equal(np.asarray(posterior, float), case.posterior.head(4).to_numpy(float))
    assert len(dx.show(case, case, case).plot(most=3).lines) == 3


def test_a_model_shows_itself(case: dx.Diagnosis) -> None:
    """Title, version, counts, populations, a dot for each variable; hostile texts stay text."""
    model = dx.load_model("hip_flexion_weakness")
    shown = model._repr_html_()
    assert shown.count("<circle") == len(model.variables)
    for part in (model.info.title, model.version, model.hash[:15], f"{len(model.causes)} causes", "(assumed)"):
        assert part in shown
    for population in model.info.populations:
        assert population.title in shown
    hostile = backwards_model()
    title = replace(hostile.info, title="<script>window.hit=1</script>\u202e")
    drawn = replace(hostile, info=title)._repr_html_()
    assert "<script" not in drawn and "\u202e" not in drawn and "&lt;script" in drawn
