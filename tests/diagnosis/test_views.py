"""What a person is told of a diagnosis: the same content in the same order in text, HTML, JSON and on the page."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Sequence
from html import unescape
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bayesdx as dx
from bayesdx.diagnosis import views
from bayesdx.diagnosis.case_page import as_page
from bayesdx.display import as_json, format_probability
from bayesdx.display.report import Alert, Entries, Grid, wrapped
from bayesdx.knowledge.spelling import compact
from tests.diagnosis.cases import possible_cases
from tests.diagnosis.models import random_model

FINDINGS: dict[str, Any] = {
    "Saddle anaesthesia": True,
    "onset": ["sudden", "gradual"],
    "fever": dx.UNKNOWN,
    "severe_pain": {"absent": 0.2, "present": 0.8},
    "pain_location": ["groin pain"],
}
ORDER = ("Findings as understood", "EMERGENCY", "Triage", "95 % interval|prior now", "None of the modelled causes",
         "Together", "What to do now", "What to find out next", "Most probable sets of causes",
         "Decision support for qualified people")  # fmt: skip
"""What a view says, each a part of its text, in order; of two parts that are joined by | either."""


def page_of(case: dx.Diagnosis) -> str:
    """The page that ``to_html`` writes."""
    return as_page(case, case.next_tests)


@pytest.fixture(scope="module")
def model() -> dx.Model:
    return dx.load_model("hip_flexion_weakness")


@pytest.fixture(scope="module")
def case(model: dx.Model) -> dx.Diagnosis:
    return dx.diagnose(model, FINDINGS)


def words_of(page: str) -> str:
    """The text of an HTML page."""
    body = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", body)).split())


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("name", ["hip_flexion_weakness", "hip_flexion_weakness@2.3.0"])
def test_every_view_has_the_same_order(name: str) -> None:
    """Findings, alerts, triage, differential, groups, what to do, what to ask, sets of causes, notice.

    Where every patient has one of the causes there is no line for none, and the sets would be the differential again.
    On the page the alerts come before the findings, since they have to be in sight when it opens.
    """
    model = dx.load_model(name)
    case = dx.diagnose(model, FINDINGS)
    left_out = {"Together"} if not model.cause_groups else set()
    if not case.may_have_none:
        left_out |= {"None of the modelled causes", "Most probable sets of causes"}

    def places(text: str, order: Sequence[str]) -> list[int]:
        assert not [words for words in left_out if words in text]
        return [re.search(words, text).start() for words in order if words not in left_out]  # type: ignore[union-attr]

    for text in (flat(str(case)), words_of(case._repr_html_())):
        found = places(text, ORDER)
        assert found == sorted(found)
    found = places(words_of(page_of(case)), (ORDER[1], ORDER[0], *ORDER[2:]))
    assert found == sorted(found)


def test_findings_are_listed_as_understood(case: dx.Diagnosis, model: dx.Model) -> None:
    """What was set, in words, and what was typed where that differs: groups, unknown and likelihoods too."""
    listed = {found.variable: (found.label, found.value_label, found.said) for found in case.understood}
    assert list(listed) == list(case.findings)
    assert listed["saddle_anaesthesia"] == ("Saddle anaesthesia", "Saddle anaesthesia", "Saddle anaesthesia = True")
    assert listed["onset"][1] == "Gradual onset or Sudden onset"
    assert listed["fever"][1] == "unknown"
    assert listed["severe_pain"][1] == "likelihood Pain not severe 0.2 / Severe pain 0.8"
    assert listed["pain_groin"][1:] == ("Groin pain", "among pain_location")
    assert listed["pain_low_back"][1:] == ("No low back pain", "not among pain_location")
    for text in (flat(str(case)), words_of(case._repr_html_())):
        for name, (label, value, said) in listed.items():
            shown = case.findings[name] if compact(label) == compact(value) else value  # Diabetes: yes
            assert f"{label} {shown}{f' ({said})' if said else ''}" in text
    plain = json.loads(json.dumps(case.to_dict(), allow_nan=False))
    assert [row["variable"] for row in plain["understood"]] == list(plain["findings"])
    for row in plain["understood"]:
        assert row["value"] == plain["findings"][row["variable"]]
        assert (row["label"], row["value_label"], row["said"]) == listed[row["variable"]]


def test_what_was_typed_stays_with_its_finding(case: dx.Diagnosis) -> None:
    """More findings, fewer, and another setting keep what was said of the others; a finding said anew is as said."""
    before = {found.variable: found.said for found in case.understood}
    changed = case.with_findings({"onset": "sudden", "Groin pain": False})
    for other in (changed, case.without("fever"), case.with_population("emergency_department")):
        for found in other.understood:
            if found.variable not in ("onset", "pain_groin"):
                assert found.said == before[found.variable]
    assert {found.variable: found.said for found in changed.understood}["pain_groin"] == "Groin pain = False"
    assert "fever" not in {found.variable for found in case.without("fever").understood}


def test_an_assumed_setting_is_said_with_what_others_would_change(case: dx.Diagnosis, model: dx.Model) -> None:
    """The setting nobody chose is named, with the first three causes elsewhere; a chosen one is not doubted."""
    plain = case.to_dict()
    others = [row.name for row in model.info.populations if row.name != model.population]
    assert plain["population_assumed"] is True
    assert list(plain["elsewhere"]) == others
    text = flat(str(case))
    assert "Setting assumed: Primary or musculoskeletal care (primary_care)" in text
    assert "dx.load_model(..., population=...)" in text
    for name in others:
        there = dx.diagnose(model.with_population(name), FINDINGS)
        assert [line["cause"] for line in plain["elsewhere"][name]] == list(there.posterior.index[:3])
        told = ", ".join(f"{line.label} {format_probability(line.posterior)}" for line in there.differential[:3])
        for view in (text, words_of(case._repr_html_()), words_of(page_of(case))):
            assert f"{name} {told}" in view
        assert (there.to_dict()["population_assumed"], there.to_dict()["elsewhere"]) == (False, {})
        assert "Setting assumed" not in str(there) + there._repr_html_() + page_of(there)
    alone = dx.diagnose(dx.load_model("chest_clinic"), {"xray": "positive"})
    assert (alone.to_dict()["population_assumed"], alone.to_dict()["elsewhere"]) == (False, {})


@pytest.mark.parametrize("name", ["hip_flexion_weakness", "chest_clinic"])
@pytest.mark.parametrize("top", [1, 2, 3])
def test_no_cause_is_named_that_is_not_shown(name: str, top: int) -> None:
    """With some lines only: sets, steps, next tests, alerts and other settings name those that are shown."""
    model = dx.load_model(name)
    for row in model.cases[:12]:
        case = dx.diagnose(model, {variable: list(states) for variable, states in row.findings})
        shown = [line.label for line in case.lines(top)]
        assert shown[:top] == [line.label for line in case.differential[:top]]
        hidden = [line.label for line in case.differential if line.label not in shown]
        text = "\n".join(flat(str(block)) for block in case.blocks(top=top, intervals=True))
        assert [label for label in hidden if label in text] == []
        plain = case.to_dict(top)
        named = {line.cause for line in case.differential if line.label in hidden}
        lists = (plain["differential"], plain["red_flags"], plain["management"], plain["alerts"])
        assert named.isdisjoint(entry["cause"] for entries in lists for entry in entries)
        assert named.isdisjoint(cause for entry in plain["most_probable"] for cause in entry["causes"])
        assert named.isdisjoint(plain["triage"]["causes"])


def test_the_level_of_triage_has_the_reason_of_the_first_banner(model: dx.Model) -> None:
    """Whatever raises several emergencies at once, the first line about them and the first banner name one cause."""
    several = 0
    patients = dx.simulate_cohort(model, 60, seed=3)[list(model.findings)]
    for row in patients.iloc[:, :16].to_dict("records"):
        case = dx.diagnose(model, row)
        if case.triage.level == "emergency":
            several += len(case.triage.causes) > 1
            assert case.triage.causes[0] == case.alerts[0].cause
            assert case.triage.reason.startswith(case.alerts[0].label)
    assert several > 3


def test_a_flagged_cause_is_shown_however_short_the_list(model: dx.Model) -> None:
    """A cause of a red flag or of an emergency step is added to the lines that were asked for."""
    case = dx.diagnose(model, {"saddle_anaesthesia": "present", "onset": "sudden"})
    urgent = {alert.cause for alert in case.alerts}
    assert "cauda_equina_syndrome" in urgent
    assert urgent & set(case.posterior.index) <= {line.cause for line in case.lines(1)}


def test_that_nothing_further_changes_the_decision_is_said_when_it_is_so(model: dx.Model) -> None:
    """Where it is reasonable to stop the views say so, and only there; a model without steps of care never says it."""
    words = "Nothing further would change the decision"
    given = {name: model.by_name[name].states[0] for name in model.findings}
    done = dx.diagnose(model, given)
    assert done.next_tests.stop
    assert words in str(done) and words in page_of(done)
    some = dx.diagnose(model, {"onset": "sudden"})
    assert not some.next_tests.stop
    assert words not in str(some)
    assert words not in str(dx.diagnose(dx.load_model("chest_clinic"), {}))


def graded(labels: tuple[str, ...] = ()) -> dx.Model:
    """A small model whose only cause has several states."""
    for seed in range(1000):
        model = random_model(seed, zeros=False)
        if len(model.causes) == 1 and len(model.by_name[model.causes[0]].states) == 3:
            [cause] = model.causes
            rows = tuple(
                dataclasses.replace(row, state_labels=labels) if row.variable == cause else row
                for row in model.variables
            )
            return dataclasses.replace(model, variables=rows)
    raise AssertionError("no such seed")


def test_the_only_cause_of_many_states_has_a_line_for_each_and_none_twice() -> None:
    """Each state has its own label; the reference state is the line for no cause, which is not told again."""
    labels = ("Nothing of the kind", "A little", "A lot")
    case = dx.diagnose(graded(labels))
    assert sorted(line.label for line in case.differential) == sorted(labels)
    for view in (str(case), words_of(case._repr_html_()), words_of(page_of(case))):
        assert "None of the modelled causes" not in view
        assert all(label in view for label in labels)
    nameless = dx.diagnose(graded())
    assert [line.label for line in nameless.differential if line.cause.endswith("=no")] == ["Cause0: no"]
    reference = next(line for line in case.differential if line.label == labels[0])
    assert reference.posterior == pytest.approx(case.none_present)


@settings(max_examples=25)
@given(case=possible_cases())
def test_weights_of_evidence_are_those_of_explain(case: dx.Diagnosis) -> None:
    """For every cause prior + weights = posterior, each weight as ``explain`` has it."""
    for found in case.weights_of_evidence():
        why = dx.explain(case, found.cause)
        assert found.prior_decibans == pytest.approx(why.prior_decibans, abs=1e-9)
        assert found.posterior_decibans == pytest.approx(why.posterior_decibans, abs=1e-9)
        assert dict(found.weights) == pytest.approx(why.table["weight_decibans"].to_dict(), abs=1e-9)
        if not math.isinf(found.posterior_decibans):
            total = found.prior_decibans + sum(found.weights.values())
            assert total == pytest.approx(found.posterior_decibans, abs=1e-9)


def test_sampled_weights_of_evidence_are_those_of_explain(model: dx.Model) -> None:
    """With more findings than can be enumerated the same orders are sampled, with the same standard errors."""
    names = [name for name in model.findings if model.by_name[name].kind == "history"][:14]
    case = dx.diagnose(model, {name: model.by_name[name].states[0] for name in names})
    causes = list(case.posterior.index[:3])
    for cause, found in zip(causes, case.weights_of_evidence(causes), strict=True):
        table = dx.explain(case, cause).table
        assert found.cause == cause
        assert dict(found.weights) == pytest.approx(table["weight_decibans"].to_dict(), abs=1e-9)
        assert dict(found.errors) == pytest.approx(table["error_decibans"].to_dict(), abs=1e-9)
        assert max(found.errors.values()) > 0


VALUES = st.recursive(
    st.floats() | st.none() | st.text(), lambda some: st.lists(some) | st.dictionaries(st.text(), some)
)


@given(VALUES)
def test_json_has_one_spelling_for_what_is_not_finite(value: Any) -> None:
    """Infinities are "inf" and "-inf", as text and CSV have them; NaN is null; the rest stays as it is."""
    assert [as_json(number) for number in (math.inf, -math.inf, math.nan, 0.5)] == ["inf", "-inf", None, 0.5]
    json.dumps(as_json(value), allow_nan=False)


def test_a_cause_that_is_given_has_an_infinite_ratio_in_every_view(model: dx.Model) -> None:
    """Text, HTML, page and JSON print it, spelt alike."""
    case = dx.diagnose(model, {"cauda_equina_syndrome": "present"})
    first = json.loads(json.dumps(case.to_dict(), allow_nan=False))["differential"][0]
    assert (first["cause"], first["likelihood_ratio"]) == ("cauda_equina_syndrome", "inf")
    assert re.search(r"Cauda equina syndrome +0.8 % +100 % +inf", str(case))
    for page in (case._repr_html_(), page_of(case)):
        assert re.search(r">inf</td>", page)


@given(words=st.lists(st.sampled_from(["a", "cause", "8.1 %", "100 %", "(now 0.7 %)"])), width=st.integers(8, 40))
def test_a_percent_sign_stays_with_its_number(words: list[str], width: int) -> None:
    """No line begins with a percent sign, no line is too long, and nothing is lost."""
    lines = wrapped(" ".join(words), width)
    assert " ".join(lines) == " ".join(words)
    assert not any(line.startswith("%") or len(line) > width for line in lines)


def test_blocks_are_drawn_alike() -> None:
    """A list, an alert and a table say the same as text and as HTML."""
    blocks = (Alert("Go now", "emergency"), Entries([("emergency", "Scan")], "To do"), Grid(["a"], [["b"]], title="T"))

    class Shown(dx.types.NextTests):
        def __init__(self) -> None: ...

        def blocks(self) -> Any:
            return blocks

    text, page = flat(str(Shown())), words_of(Shown()._repr_html_())
    assert text == page == "EMERGENCY: Go now To do emergency Scan T a b"


def test_a_finding_is_not_said_twice(model: dx.Model) -> None:
    """Diabetes: yes, and no Diabetes: Diabetes."""
    case = dx.diagnose(model, {"diabetes": "yes", "saddle_anaesthesia": "present", "fever": "present"})
    rows = views.findings(case)
    assert rows == [("Diabetes", "yes"), ("Saddle anaesthesia", "present"), ("Fever", "Fever, 38 \u00b0C or more")]
    for name, variable in model.by_name.items():
        for state in variable.states:
            [(label, value)] = views.findings(dx.diagnose(model, {name: state}))
            assert compact(label) != compact(value)
