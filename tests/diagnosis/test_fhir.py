"""FHIR: what is written is valid R4B, what is read is what was said, and nothing is matched by its looks."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import bayesdx as dx
from bayesdx.cli import app

RESOURCES = "fhir.resources.R4B"
Bundle = pytest.importorskip(f"{RESOURCES}.bundle", reason="the extra fhir is not installed").Bundle
Questionnaire = pytest.importorskip(f"{RESOURCES}.questionnaire").Questionnaire
QuestionnaireResponse = pytest.importorskip(f"{RESOURCES}.questionnaireresponse").QuestionnaireResponse
RiskAssessment = pytest.importorskip(f"{RESOURCES}.riskassessment").RiskAssessment

FLAGSHIP = dx.load_model("hip_flexion_weakness", population="specialist_referral")
MODEL = dx.load_model(Path(__file__).parents[1] / "data" / "models" / "breathless" / "1.0.0")
DEMO = json.loads((Path(__file__).parents[1] / "data" / "demo.json").read_text())["findings"]
CRP = {"coding": [{"system": "http://loinc.org", "code": "1988-5"}]}


def observation(code: dict[str, Any], **value: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "status": "final", "code": code, **value}


def own(variable: str, model: dx.Model = MODEL) -> dict[str, Any]:
    return {"coding": [{"system": f"urn:x-bayesdx:{model.name}", "code": variable}]}


def test_an_assessment_is_valid_and_has_the_differential() -> None:
    """A prediction per line, in percent; the model with version and hash; the findings come back."""
    case = dx.diagnose(FLAGSHIP, DEMO)
    resource = dx.to_fhir(case, "Patient/17", "2026-11-30T09:15:00Z")
    RiskAssessment.model_validate(resource)
    assert json.loads(json.dumps(resource)) == resource
    assert [each["outcome"]["text"] for each in resource["prediction"]] == [line.label for line in case.differential]
    written = [each["probabilityDecimal"] for each in resource["prediction"]]
    assert written == pytest.approx([100 * line.posterior for line in case.differential], rel=1e-5)
    assert FLAGSHIP.hash in resource["method"]["text"]
    method = {"system": "urn:x-bayesdx", "version": FLAGSHIP.version, "code": FLAGSHIP.name}
    assert resource["method"]["coding"][0] == method
    assert [each["reference"] for each in resource["basis"]] == [f"#{each['id']}" for each in resource["contained"]]
    read = dx.read_fhir(FLAGSHIP, resource)
    assert (read.findings, read.left_out) == (dict(case.findings), ())


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_findings_make_a_valid_assessment_and_come_back(data: st.DataObject) -> None:
    """Of one state or unknown; those of several states are told in words and are not read back as one of them."""
    asked = [variable for variable in MODEL.variables if variable.kind != "cause"]
    findings = {
        variable.variable: data.draw(st.sampled_from([*variable.states, dx.UNKNOWN]))
        for variable in data.draw(st.lists(st.sampled_from(asked), unique=True))
    }
    case = dx.diagnose(MODEL, findings)
    resource = dx.to_fhir(case)
    RiskAssessment.model_validate(resource)
    assert dx.read_fhir(MODEL, resource).findings == findings


def test_several_states_and_likelihoods_are_words() -> None:
    """They are no state of FHIR's; reading them says so."""
    case = dx.diagnose(MODEL, {"crp": ["raised", "high"], "fever": {"present": 0.8, "absent": 0.2}})
    resource = dx.to_fhir(case)
    RiskAssessment.model_validate(resource)
    assert [each["valueString"] for each in resource["contained"]][1].startswith("likelihoods: ")
    with pytest.raises(dx.FindingsError, match=r"^Observation/finding-1: crp = "):
        dx.read_fhir(MODEL, resource)


def test_codes_of_the_model_stand_beside_its_own() -> None:
    """ICD and LOINC where the model has them, with LOINC's notice; a range of codes is none."""
    case = dx.diagnose(FLAGSHIP, {"inflammatory_markers": "raised", "diabetes": "yes"})
    text = json.dumps(dx.to_fhir(case))
    assert '{"system": "http://loinc.org", "code": "1988-5"}' in text
    assert "Regenstrief" in text
    assert "E10-E14" not in text
    assert "Regenstrief" not in json.dumps(dx.to_fhir(dx.diagnose(FLAGSHIP, {"fever": "present"})))


def test_a_questionnaire_is_valid_and_its_answers_are_findings() -> None:
    """A question per variable that is no cause; what is left open was not observed."""
    form = dx.questionnaire(FLAGSHIP)
    Questionnaire.model_validate(form)
    links = [item["linkId"] for group in form["item"] for item in group["item"]]
    assert links == sorted(links, key=[v.variable for v in sorted(
        FLAGSHIP.variables, key=lambda v: ["context", "history", "examination", "test"].index(v.kind)
        if v.kind in ("context", "history", "examination", "test") else 9)].index)  # fmt: skip
    choice = {"valueCoding": form["item"][1]["item"][0]["answerOption"][1]["valueCoding"]}
    untold = {"valueCoding": form["item"][1]["item"][1]["answerOption"][-1]["valueCoding"]}
    first, second = (form["item"][1]["item"][place]["linkId"] for place in (0, 1))
    answered = [{"linkId": first, "answer": [choice]}, {"linkId": second, "answer": [untold]}]
    age = {"linkId": "age_group", "item": [{"linkId": "age_group.measured", "answer": [{"valueDecimal": 71}]}]}
    response = {
        "resourceType": "QuestionnaireResponse",
        "status": "completed",
        "item": [{"linkId": "context", "item": [age]}, {"linkId": "history", "item": answered}],
    }
    QuestionnaireResponse.model_validate(response)
    state = FLAGSHIP.by_name[first].states[1]
    assert dx.read_fhir(FLAGSHIP, response).findings == {
        "age_group": "60_and_over", first: state, second: dx.UNKNOWN
    }  # fmt: skip
    with pytest.raises(dx.FindingsError, match=r"^kinds: 'cause'; expected context, history, examination, test\.$"):
        dx.questionnaire(FLAGSHIP, ["cause"])


def test_resources_of_a_record_are_findings() -> None:
    """Quantities with units, truth values, components, conditions; the rest is left out and told."""
    fever = {"system": "http://hl7.org/fhir/sid/icd-10", "code": "R50.9"}
    condition = {
        "resourceType": "Condition",
        "subject": {"reference": "Patient/1"},
        "code": {"coding": [fever]},
        "verificationStatus": {"coding": [{"code": "confirmed"}]},
    }
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [
            {"resource": {"resourceType": "Patient", "id": "1"}},
            {"resource": condition},
            {"resource": observation(own("age_group", FLAGSHIP), valueQuantity={"value": 64, "code": "a"})},
            {"resource": observation({"text": "panel"}, component=[
                {"code": own("saddle_anaesthesia", FLAGSHIP), "valueBoolean": False}])},
            {"resource": observation(CRP, valueCodeableConcept={"text": "Raised"})},
            {"resource": observation({"coding": [{"system": "http://loinc.org", "code": "9999-9"}]}, valueString="x")},
            {"resource": {"resourceType": "Encounter", "id": "e"}},
            {"resource": observation(own("onset", FLAGSHIP), valueString="x") | {"status": "entered-in-error"}},
        ],
    }  # fmt: skip
    raised = FLAGSHIP.vocabulary.state_or_none("inflammatory_markers", "Raised")
    read = dx.read_fhir(FLAGSHIP, bundle)
    assert read.findings == {
        "fever": "present",
        "age_group": "60_and_over",
        "saddle_anaesthesia": "absent",
        "inflammatory_markers": raised,
    }
    assert read.left_out == (
        "Observation: http://loinc.org|9999-9: hip_flexion_weakness has no such code.",
        "Encounter/e: Encounter is not read.",
        "Observation: entered in error or cancelled.",
    )
    refuted = condition | {"verificationStatus": {"coding": [{"code": "refuted"}]}}
    assert dx.read_fhir(FLAGSHIP, refuted).findings == {"fever": "absent"}
    resolved = condition | {"clinicalStatus": {"coding": [{"code": "resolved"}]}}
    assert dx.read_fhir(FLAGSHIP, resolved).findings == {}


def test_the_later_of_two_observations_counts_and_faults_come_together() -> None:
    """Without dates two that differ are refused; so are states that are none, and several patients."""
    old = observation(own("fever"), valueString="absent", effectiveDateTime="2026-01-01")
    new = observation(own("fever"), valueString="present", effectiveDateTime="2026-01-02")
    assert dx.read_fhir(MODEL, [new, old]).findings == {"fever": "present"}
    undated = observation(own("fever"), valueString="absent", subject={"reference": "Patient/1"})
    odd = observation(own("crackles"), valueString="purple", subject={"reference": "Patient/2"})
    with pytest.raises(dx.FindingsError) as raised:
        dx.read_fhir(MODEL, [new, undated, odd])
    assert [line.partition(" ")[0] for line in str(raised.value).splitlines()] == [
        "Observation:",
        "Observation:",
        "FHIR:",
    ]
    with pytest.raises(dx.FindingsError, match=r"measured in °C, not 'K'"):
        dx.read_fhir(MODEL, observation(own("fever"), valueQuantity={"value": 311, "unit": "K"}))
    assert dx.read_fhir(
        MODEL, observation(own("fever"), valueQuantity={"value": 38.4, "unit": "C", "code": "Cel"})
    ).findings == {"fever": "present"}


LEAVES = ["fever", "urn:x-bayesdx:breathless", "present", "39"]


@settings(max_examples=200, deadline=None)
@given(
    resource=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(LEAVES),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["code", "coding", "system", "valueString", "valueQuantity", "value", "component", "item",
                             "linkId", "answer", "subject", "reference", "entry", "resource", "status", "unit"]),
            inner, max_size=4,
        ),
        max_leaves=12,
    ),
    kind=st.sampled_from(["Observation", "Condition", "QuestionnaireResponse", "Bundle", "RiskAssessment"]),
)  # fmt: skip
def test_any_resource_is_read_or_refused(resource: Any, kind: str) -> None:
    """Never another exception."""
    given_ = {**resource, "resourceType": kind} if isinstance(resource, dict) else resource
    with suppress(dx.FindingsError):
        assert set(dx.read_fhir(MODEL, given_).findings) <= set(MODEL.by_name)


def test_the_commands(tmp_path: Path) -> None:
    """A questionnaire into a file; answers and bundles as findings; assessments as output."""
    run = CliRunner()
    made = run.invoke(app, ["questionnaire", "chest_clinic", str(tmp_path / "q.json")])
    assert made.exit_code == 0, made.output
    Questionnaire.model_validate(json.loads((tmp_path / "q.json").read_text()))
    again = run.invoke(app, ["questionnaire", "chest_clinic", str(tmp_path / "q.json")])
    assert again.exit_code == 2
    clinic = dx.load_model("chest_clinic")
    (tmp_path / "o.json").write_text(json.dumps(observation(own("xray", clinic), valueString="positive")))
    told = run.invoke(app, ["diagnose", "chest_clinic", "--findings", str(tmp_path / "o.json"), "--format", "fhir"])
    assert told.exit_code == 0, told.output
    RiskAssessment.model_validate(json.loads(told.stdout))
    (tmp_path / "t.csv").write_text("xray;smoking\npositive;yes\n;no\n")
    many = run.invoke(app, ["diagnose", "chest_clinic", "--findings", str(tmp_path / "t.csv"), "--format", "fhir"])
    assert len(Bundle.model_validate(json.loads(many.stdout)).entry) == 2
