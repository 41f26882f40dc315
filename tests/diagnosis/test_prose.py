"""The case in plain words, from the same rows, with sources; and every result as text and as safe HTML."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings

import bayesdx as dx
from bayesdx.diagnosis.prose import frequency
from bayesdx.display.report import Report
from tests.diagnosis.cases import in_time, naive_model, possible_cases

QUESTIONS: dict[str, Callable[[dx.Diagnosis], Report]] = {
    "explain": dx.explain,
    "next_tests": dx.next_tests,
    "next_tests_ahead": lambda case: dx.next_tests(case, look_ahead=2),
    "credible_intervals": lambda case: dx.credible_intervals(case, draws=50),
    "sensitivity_analysis": dx.sensitivity_analysis,
    "conflict": lambda case: case.conflict,
    "compare_cases": lambda case: dx.compare_cases(dx.diagnose(case.model), case),
    "posterior_path": dx.posterior_path,
    "narrative": lambda case: dx.narrative(case, draws=50),
}


@settings(max_examples=40)
@given(case=possible_cases())
def test_every_case_can_be_told(case: dx.Diagnosis) -> None:
    """A paragraph for every case: red flags first, the first cause in frequencies, no nan and no empty sentence."""
    told = dx.narrative(case, draws=50)
    topics = [sentence.topic for sentence in told.sentences]
    assert topics.count("red flags") == len(case.red_flags)
    assert topics[: len(case.red_flags)] == ["red flags"] * len(case.red_flags)
    first = next(sentence.text for sentence in told.sentences if sentence.topic == "differential")
    assert case.differential[0].label in first
    assert "nan" not in told.text.lower()
    for sentence in told.sentences:
        assert sentence.text.endswith(".")
    assert list(told.table.columns) == ["topic", "text", "sources"]
    assert told.text in " ".join(" ".join(told.table["text"]).split())


def test_a_flagship_case_in_words() -> None:
    """The paragraph names numbers, reasons, uncertainty and the next step, and cites what they rest on."""
    model = dx.load_model("hip_flexion_weakness@1.0.0")
    told = dx.narrative(dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"}))
    assert told.text.startswith(
        "Of 100 such patients about 46 have Iliopsoas strain; before any finding it was about 13 of 100. "
        "Most speaks for it: Onset (sudden) multiplies the odds by 2.7; Severe pain (present) multiplies the odds by "
        "2.1."
    )
    assert "None of the modelled causes: about 8 of 100." in told.text
    assert "(95 % interval)" in told.text
    assert told.sources["source"].tolist() == ["EXPERT"]
    assert told.sources["citation"].iloc[0]


def test_an_open_emergency_is_told_once() -> None:
    """The next step names the emergency that it settles; why not to stop is said after it, in words, not in names."""
    model = in_time(dx.load_model("hip_flexion_weakness@2.2.1"), mri_lumbar=4.0)
    findings = {"saddle_anaesthesia": "present", "hip_flexion_strength": "severely_reduced"}
    told = dx.narrative(dx.diagnose(model, findings), draws=50).text
    assert (
        "To find out next: Lumbar MRI, confirms or excludes Cauda equina syndrome, in 4 h. Do not stop: Cauda equina"
        in told
    )
    assert told.count("Cauda equina syndrome has a probability of") == 1
    assert "Hip flexion strength (severely reduced)" in told
    assert "severely_reduced" not in told.partition("Given how uncertain")[0]


def test_certain_cases_are_told_as_such() -> None:
    """All and none instead of 100 of 100, and what settles it."""
    told = dx.narrative(dx.diagnose(naive_model([0.0, 0.2], [0.7, 0.5]), {"f0": "yes", "f1": "no"}), draws=50)
    assert told.text.startswith("Of such patients all have Cause; before any finding it was about 10 of 100.")
    assert "Finding 0 (yes), which settles it." in told.text


@pytest.mark.parametrize(
    ("probability", "words"),
    [
        (0.0, "none"),
        (1.0, "all"),
        (0.5, "about 50 of 100"),
        (0.005, "about 5 of 1,000"),
        (3e-5, "about 3 of 100,000"),
        (1e-9, "fewer than one in a million"),
        (1 - 1e-9, "all but fewer than one in a million"),
        (0.995, "about 995 of 1,000"),
    ],
)
def test_frequencies(probability: float, words: str) -> None:
    """A round number of patients, large enough to have one."""
    assert frequency(probability) == words


@pytest.mark.parametrize("question", QUESTIONS)
def test_results_are_shown_as_text_and_escaped_html(question: str) -> None:
    """Hostile labels, states and sources come out harmless; the text twin has the same content."""
    hostile = "<script>alert('x')</script>\u202e\"&"
    model = naive_model([0.1, 0.02, 0.3], [0.8, 0.9, 0.2])
    variables = tuple(replace(variable, label=f"{hostile}{variable.variable}") for variable in model.variables)
    result = QUESTIONS[question](dx.diagnose(replace(model, variables=variables), {"f0": "yes", "f1": "no"}))
    page, text = result._repr_html_(), str(result)
    assert "<script" not in page
    assert "\u202e" not in page + text
    assert "&lt;script&gt;" in page
    assert repr(result) == text
    assert "nan" not in text.lower().replace("finance", "")


@settings(max_examples=15)
@given(case=possible_cases())
def test_every_result_of_every_case_can_be_shown(case: dx.Diagnosis) -> None:
    """No question about a possible case fails to be shown."""
    for question in QUESTIONS.values():
        result = question(case)
        assert str(result)
        assert result._repr_html_().startswith("<style>")
