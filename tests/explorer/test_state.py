"""The state dictionary and the session, without a browser."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import bayesdx as dx
from bayesdx.cli import app
from bayesdx.display import format_probability, format_ratio
from bayesdx.explorer import Session
from bayesdx.explorer.state import PARTS, catalogue, part, state
from tests.explorer.hostile import BACKWARDS, CAR, backwards_model

MODEL = "hip_flexion_weakness@1.0.0"
BREATHLESS = Path(__file__).parents[1] / "data" / "models" / "breathless" / "1.0.0"
"""With labels of states, synonyms and measured numbers."""


@pytest.fixture(scope="module")
def model() -> dx.Model:
    return dx.load_model(MODEL)


def place(model: dx.Model, variable: str) -> int:
    return list(model.by_name).index(variable)


def found(session: Session, variable: str, code: int | str | None) -> dict[str, Any]:
    reply = session.answer({"id": "t", "do": "set", "index": place(session.case.model, variable), "state": code})
    assert "error" not in reply
    told: dict[str, Any] = reply["state"]
    return told


def texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in texts(part)]
    if isinstance(value, list):
        return [text for one in value for text in texts(one)]
    return [value] if isinstance(value, str) else []


def test_the_state_is_the_diagnosis(model: dx.Model) -> None:
    """Every shown posterior is that of ``diagnose``, to the shown digit, in the same order."""
    session = Session(model)
    found(session, "onset", 1)
    told = found(session, "fever", "unknown")
    case = dx.diagnose(model, {"onset": "sudden", "fever": dx.UNKNOWN})
    assert [line["cause"] for line in told["differential"]] == list(case.posterior.index)
    assert [line["shown"] for line in told["differential"]] == [format_probability(p) for p in case.posterior]
    assert told["none"]["shown"] == format_probability(case.none_present)
    assert session.case.findings == case.findings


def test_a_measured_number_is_typed() -> None:
    """It is read as in Python, shown as typed; a number that cannot be meant is a sentence and changes nothing."""
    model = dx.load_model(BREATHLESS)
    session = Session(model)
    index = place(model, "crp")
    told = session.answer({"id": "t", "do": "set", "index": index, "number": "120"})
    assert session.case.findings == {"crp": "high"}
    assert told["state"]["findings"] == [
        {
            "index": index,
            "possible": [2],
            "exact": True,
            "text": "high",
            "phrase": "C-reactive protein: high",
            "said": "crp = 120",
        }
    ]
    refused = session.answer({"id": "t", "do": "set", "index": index, "number": "12000"})
    assert refused["error"] == "findings: crp = '12000': CRP in mg/L is a number from 0 to 900."
    assert session.case.findings == {"crp": "high"}
    session.answer({"id": "t", "do": "set", "index": index, "number": " "})
    assert not session.case.findings


def test_a_question_is_never_called_an_emergency() -> None:
    """In an emergency a question asks about it, an examination looks for it, and a test in time is one of emergency."""
    case = dx.diagnose(dx.load_model("hip_flexion_weakness"), {"saddle_anaesthesia": "present"})
    badges = {(row["kind"], row["badge"]) for row in part(case, "next")["rows"] if row["badge"]}
    assert ("history", "asks about an emergency") in badges
    assert {badge for kind, badge in badges if kind == "test"} <= {"emergency test"}
    assert all(badge != "emergency test" for kind, badge in badges if kind != "test")


def test_words_are_found_in_any_spelling() -> None:
    """By position, best first, without a step."""
    session = Session(dx.load_model(BREATHLESS))
    reply = session.answer({"id": "t", "do": "find", "words": "rale"})
    assert reply["found"] == [place(session.case.model, "crackles")]
    assert "state" not in reply
    assert session.step == 0
    assert session.answer({"id": "t", "do": "find", "words": None})["found"] == []


@pytest.mark.parametrize("source", [MODEL, CAR, "chest_clinic"], ids=["flagship", "car_start", "chest_clinic"])
def test_everything_is_plain_json(source: str | Path) -> None:
    """Catalogue, state and parts are JSON without NaN, before and after findings of every kind."""
    model = dx.load_model(source)
    first = model.by_name[model.findings[0]]
    last = model.by_name[model.findings[-1]]
    before = dx.diagnose(model)
    after = dx.diagnose(model, {first.variable: list(first.states[:2]), last.variable: dict.fromkeys(last.states, 0.5)})
    told = [catalogue(model), state(before), state(after, before, [before, after])]
    told += [part(case, name, case.posterior.index[0]) for case in (before, after) for name in PARTS]
    json.dumps(told, allow_nan=False)


def test_texts_are_clean() -> None:
    """No text holds a control or direction character, whatever the model says."""
    session = Session(backwards_model(), {"cranking": "silent", "voltage_test": ["low", "None"]})
    reply = session.answer({"do": "look"})
    told = [reply, *(part(session.case, name, reply["state"]["chosen"]) for name in PARTS)]
    assert any("gnirts" in text for text in texts(told))
    for text in texts(told):
        assert not set(text) & set(BACKWARDS.replace("gnirts end", "")) - set("gnirts end"), text
        assert all(unicodedata.category(sign) not in ("Cf", "Zl", "Zp") for sign in text), text


def test_change_is_since_the_last_step(model: dx.Model) -> None:
    """The change of a line is its posterior minus that of the step before, in percentage points."""
    session = Session(model)
    before = session.case.posterior
    told = found(session, "onset", 1)
    for line in told["differential"]:
        assert line["change"] == pytest.approx(100 * (line["posterior"] - before[line["cause"]]), abs=0.051)


def test_undo_returns_to_every_step(model: dx.Model) -> None:
    """Undo takes back findings, resets and populations, one at a time."""
    session = Session(model, {"onset": "gradual"})
    seen = [session.case]
    found(session, "onset", 1)
    seen.append(session.case)
    session.answer({"do": "population", "name": "emergency_department"})
    assert session.case.model.population == "emergency_department"
    seen.append(session.case)
    assert session.answer({"do": "reset"})["state"]["findings"] == []
    for case in reversed(seen):
        told = session.answer({"do": "undo"})["state"]
        assert session.case is case
    assert told["undo"] is False
    assert session.answer({"do": "undo"})["state"]["findings"][0]["text"] == "gradual"


def test_redo_goes_forward_until_something_new(model: dx.Model) -> None:
    """Redo takes back what undo took back; a new finding leaves nothing to redo."""
    session = Session(model)
    found(session, "onset", 1)
    found(session, "fever", 1)
    for _ in range(2):
        session.answer({"do": "undo"})
    assert session.answer({"do": "redo"})["state"]["redo"] is True
    assert session.case.findings == {"onset": "sudden"}
    assert session.answer({"do": "redo"})["state"]["redo"] is False
    assert session.case.findings == {"onset": "sudden", "fever": "present"}
    session.answer({"do": "undo"})
    assert found(session, "severe_pain", 1)["redo"] is False


def test_scenarios_stand_beside(model: dx.Model) -> None:
    """What is kept keeps its findings and posteriors, each can be gone on with, and removed."""
    session = Session(model, {"onset": "sudden"})
    session.answer({"do": "keep"})
    found(session, "saddle_anaesthesia", 1)
    told = session.answer({"do": "keep"})["state"]["kept"]
    for one, findings in zip(told, ({"onset": "sudden"}, dict(session.case.findings)), strict=True):
        case = dx.diagnose(model, findings)
        shown = {name: format_probability(p) for name, p in case.posterior.items()}
        assert {cause: line["shown"] for cause, line in one["lines"].items()} == shown
        assert one["level"] == case.triage.level and len(one["findings"]) == len(findings)
    assert session.answer({"do": "resume", "place": 0})["state"]["findings"][0]["text"] == "sudden"
    assert len(session.case.findings) == 1
    assert len(session.answer({"do": "drop", "place": 0})["state"]["kept"]) == 1
    for _ in range(9):
        reply = session.answer({"do": "keep"})
    assert reply["error"] == "explorer: 6 scenarios are kept already; remove one first."


def test_several_findings_are_one_step(model: dx.Model) -> None:
    """A whole group, or several states still possible, are one step that one undo takes back."""
    session = Session(model)
    pairs = [[place(model, "onset"), 1], [place(model, "fever"), 0], [place(model, "patellar_reflex"), [1, 2]]]
    told = session.answer({"do": "change", "findings": pairs})["state"]
    assert (told["step"], len(told["findings"])) == (1, 3)
    assert session.case.findings["patellar_reflex"] == ("reduced", "absent")
    session.answer({"do": "undo"})
    assert not session.case.findings


def test_a_stored_case_is_opened_again(model: dx.Model) -> None:
    """What is saved is opened as it was, with its setting; a file of another model or of none is refused in words."""
    findings = {"onset": {"sudden": 0.8, "gradual": 0.2}, "fever": dx.UNKNOWN, "patellar_reflex": ["reduced", "absent"]}
    session = Session(model.with_population("emergency_department"), findings)
    document = json.loads(session.state()["document"])
    other = Session(model)
    other.answer({"do": "open", "document": document})
    assert other.case.findings == session.case.findings and other.case.posterior.equals(session.case.posterior)
    assert other.case.model.population == "emergency_department"
    wrong = {"model": {**document["model"], "name": "chest_clinic"}, "findings": {}}
    said = f"explorer: a case of chest_clinic; this explorer shows {model.name}."
    assert other.answer({"do": "open", "document": wrong})["error"] == said
    for document in (None, [], {}, {"model": {}, "findings": 3}):
        assert "this is no stored case" in other.answer({"do": "open", "document": document})["error"]
    assert len(other.case.findings) == 3


@pytest.mark.parametrize(
    "source", ["hip_flexion_weakness", "chest_clinic", CAR], ids=["flagship", "chest_clinic", "car"]
)
def test_ask_me_is_the_interview(source: str | Path) -> None:
    """The question, its answers and the end are those of ``next_question``; an answer makes the case that it makes."""
    model = dx.load_model(source)
    session = Session(model)
    for turn in range(12):
        question = dx.next_question(session.case)
        told = session.answer({"do": "part", "part": "ask", "step": session.step})["value"]
        assert (told["stop"], told["why"]) == (question.reason, question.why)
        if question.stop:
            break
        assert [one["label"] for one in told["answers"]] == [answer.label for answer in question.answers]
        value: Any = "?" if turn % 3 == 2 and question.kind != "setting" else told["answers"][-1]["mark"]
        expected = question.answer([value] if question.several and value != "?" else value)
        reply = session.answer({"do": "answer", "value": [value] if question.several and value != "?" else value})
        assert "error" not in reply
        assert session.case.findings == expected.findings
    assert session.case.findings


def test_a_note_is_read_and_nothing_is_taken() -> None:
    """Each proposal is that of ``read_note`` with the places of its words; the case stays as it is."""
    model = dx.load_model("hip_flexion_weakness")
    text = "73M, sudden groin pain. Afebrile. \U0001f912 Brother had a stroke. ?saddle numbness. Knee jerk absent."
    session = Session(model)
    told = session.answer({"do": "read", "text": text})["reading"]
    reading = dx.read_note(model, text)
    assert "".join(piece for piece, _, _ in told["pieces"]) == text
    assert [row["label"] for row in told["proposals"]] == [one.label for one in reading.proposals]
    for number, proposal in enumerate(reading.proposals):
        assert {piece for piece, _, place in told["pieces"] if place == number} == {s.words for s in proposal.spans}
    assert [one["words"] for one in told["left"]] == [one.span.words for one in reading.left_out]
    assert session.step == 0 and not session.case.findings


def test_about_a_finding_is_its_likelihood_ratio(model: dx.Model) -> None:
    """Each ratio is of the odds of the chosen cause with the state to those without the finding; sources follow."""
    session = Session(model, {"onset": "sudden", "fever": "absent"})
    session.answer({"do": "choose", "cause": "severe_infection"})
    told = session.answer({"do": "about", "index": place(model, "fever")})["about"]
    others = dx.diagnose(model, {"onset": "sudden"})
    for row, state_ in zip(told["effects"], ("absent", "present"), strict=True):
        before, after = (
            one.probability("severe_infection") for one in (others, others.with_findings({"fever": state_}))
        )
        assert row["ratio"] == format_ratio(after / (1 - after) / before * (1 - before))
        assert row["then"] == format_probability(after)
    used = {link.source for link in model.links if link.child == "fever"}
    citations = {source.citation for source in model.sources if source.source in used}
    assert {source["citation"] for source in told["sources"]} & citations


def test_a_published_case_brings_its_population() -> None:
    """Loading a case takes its findings and the population that its setting has."""
    model = dx.load_model(CAR)
    session = Session(model)
    for number, published in enumerate(model.cases):
        session.answer({"do": "load", "case": number})
        assert session.case.model.population == published.population
        assert set(session.case.findings) == {name for name, _ in published.findings}


def test_impossible_findings_change_nothing() -> None:
    """Findings that cannot occur together are refused with the sentence of ``diagnose``."""
    model = dx.load_model("chest_clinic")
    session = Session(model, {"tuberculosis": "present"})
    reply = session.answer({"do": "set", "index": place(model, "either"), "state": 0})
    assert reply["error"].startswith("findings: ") and "cannot occur together" in reply["error"]
    assert (reply["state"]["step"], session.case.findings) == (0, {"tuberculosis": "present"})


@pytest.mark.parametrize(
    "request_",
    [
        {}, {"do": "explode"}, {"do": ["set"]}, {"do": "set"}, {"do": "set", "index": -1, "state": 0},
        {"do": "set", "index": True, "state": 0}, {"do": "set", "index": 0, "state": 99},
        {"do": "set", "index": 0, "state": {"a": 1}}, {"do": "load", "case": 5}, {"do": "population", "name": 3},
        {"do": "population", "name": "moon"}, {"do": "choose", "cause": None}, {"do": "part", "part": "all"},
        {"do": "change", "findings": [3]}, {"do": "change", "findings": [[0, 99]]}, {"do": "drop", "place": 0},
        {"do": "resume"}, {"do": "about", "index": -1}, {"do": "answer", "value": {"a": 1}}, {"do": "open"},
    ],
    ids=str,
)  # fmt: skip
def test_wrong_requests_are_refused(model: dx.Model, request_: dict[str, Any]) -> None:
    """A request that makes no sense is answered with a sentence, and nothing changes."""
    session = Session(model)
    reply = session.answer(request_)
    assert reply["error"].endswith((".", "?"))
    assert session.case.findings == {} and session.step == 0


def test_parts_come_once_and_in_time(model: dx.Model) -> None:
    """A part is computed once a step; one that was quick comes with the next state, one asked for too late does not."""
    session = Session(model, quick_seconds=1e9)
    assert session.state()["parts"] == {}
    for name in PARTS:
        assert session.answer({"do": "part", "part": name, "step": 0})["value"]
    assert set(session.state()["parts"]) == set(PARTS)
    assert set(found(session, "onset", 1)["parts"]) == set(PARTS)
    assert set(session.answer({"do": "undo", "parts": ["why"]})["state"]["parts"]) == {"why"}
    assert session.answer({"do": "part", "part": "why", "step": 0})["value"] is None
    slow = Session(model, quick_seconds=0.0)
    slow.answer({"do": "part", "part": "next", "step": 0})
    assert found(slow, "onset", 1)["parts"] == {}


def test_why_is_about_the_chosen_cause(model: dx.Model) -> None:
    """The waterfall runs from prior to posterior of the chosen cause."""
    session = Session(model, {"onset": "sudden", "saddle_anaesthesia": "present"})
    told = session.answer({"do": "choose", "cause": "cauda_equina_syndrome"})["state"]
    assert told["chosen"] == "cauda_equina_syndrome"
    why = session.answer({"do": "part", "part": "why", "step": told["step"]})["value"]
    assert why["rows"][0]["start"] == why["prior"]["value"]
    assert why["rows"][-1]["end"] == pytest.approx(why["posterior"]["value"])


def test_code_of_a_model_in_a_folder_names_the_folder() -> None:
    """A model that is not shipped is loaded from where it was loaded."""
    session = Session(dx.load_model(CAR), {"voltage_test": ["low", "None"]}, str(CAR))
    names: dict[str, Any] = {}
    exec(session.state()["code"], names)
    assert names["case"].posterior.equals(session.case.posterior)


def test_code_makes_the_case(model: dx.Model) -> None:
    """The code that is copied makes the case that is shown."""
    session = Session(model, {"onset": {"sudden": 0.8, "gradual": 0.2}, "fever": dx.UNKNOWN})
    found(session, "patellar_reflex", 2)
    names: dict[str, Any] = {}
    exec(session.state()["code"], names)
    assert names["case"].posterior.equals(session.case.posterior)
    assert names["case"].findings == session.case.findings


def test_a_page_that_cannot_be_written_is_refused_with_a_sentence(tmp_path: Path) -> None:
    """No folder, or a folder in its place; nothing is written."""
    with pytest.raises(dx.SaveError, match=r"page\.html: there is no folder .*nodir; nothing was written\."):
        dx.publish("chest_clinic", tmp_path / "nodir" / "page.html")
    with pytest.raises(dx.SaveError, match="Is a directory; the page was not written"):
        dx.publish("chest_clinic", tmp_path)
    with pytest.raises(dx.SaveError, match=r"path: 5; expected the path of a file or a folder\."):
        dx.publish("chest_clinic", 5)  # type: ignore[arg-type]
    for name, ending in (("page.pdf", r"\.pdf"), ("page", "a file without ending")):
        with pytest.raises(dx.SaveError, match=rf"{name}: a page is written as \.html, not {ending}\."):
            dx.publish("chest_clinic", tmp_path / name)
    assert not [*tmp_path.iterdir()]


def test_a_page_is_not_overwritten_unless_that_is_asked_for(tmp_path: Path) -> None:
    """Whatever file it is; the command has the option of the same name."""
    page = tmp_path / "page.html"
    page.write_text("mine")
    advice = r"page\.html exists already and is not overwritten\. Choose another name, or pass "
    with pytest.raises(dx.SaveError, match=advice + r"overwrite=True\."):
        dx.publish("chest_clinic", page)
    assert page.read_text() == "mine"
    said = CliRunner().invoke(app, ["publish", "chest_clinic", str(page)])
    assert said.exit_code == 2 and re.search(advice + r"--overwrite\.", said.stderr)
    assert CliRunner().invoke(app, ["publish", "chest_clinic", str(page), "--overwrite"]).exit_code == 0
    assert page.read_text().startswith("<!DOCTYPE html>")


def test_a_model_without_flags_and_steps_says_that_it_notices_no_emergency() -> None:
    """It says nothing of the kind "no emergency found"."""
    model = replace(dx.load_model("hip_flexion_weakness@1.0.0"), red_flags=(), management=())
    case = dx.diagnose(model, {"saddle_anaesthesia": "present"})
    assert case.triage.level == "none"
    assert "no red flags and no steps of care, so it cannot notice an emergency" in case.triage.reason
    assert "no emergency found" not in str(case)
