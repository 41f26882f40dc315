"""What to ask next: in which order, when to stop, and what an answer makes of a case."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bayesdx as dx
from bayesdx.diagnosis.red_flags import met
from bayesdx.diagnosis.suggestions import STOP_BELOW, open_options
from bayesdx.display import format_probability
from bayesdx.display.blocks import Entries
from bayesdx.knowledge.schema import EMERGENCY_HOURS

FLAGSHIP = "hip_flexion_weakness@2.3.0"
KINDS = ("setting", "context", "history", "examination", "test")


@pytest.fixture(scope="module")
def flagship() -> dx.Model:
    return dx.load_model(FLAGSHIP, population="emergency_department")


@pytest.fixture(scope="module")
def clinic() -> dx.Model:
    return dx.load_model("chest_clinic@1.0.0")


@pytest.fixture(scope="module")
def fitted() -> dx.Model:
    """A model that ``fit_model`` made: 4 diseases, each with a sign of its own, and a number."""
    rng = np.random.default_rng(5)
    disease = rng.choice(["flu", "cold", "hay fever", "covid"], 400)
    signs = {
        f"sign of {name}": np.where(rng.random(400) < np.where(disease == name, 0.9, 0.1), "yes", "no")
        for name in ("flu", "cold", "hay fever")
    }
    temperature = np.where(disease == "flu", rng.normal(39, 0.5, 400), rng.normal(37, 0.5, 400)).round(1)
    table = pd.DataFrame({"disease": disease, **signs, "temperature": temperature})
    return dx.fit_model(table, "disease", structure="naive", temperature=1).model


def answered(question: dx.types.Question, patient: Mapping[str, str]) -> dx.Diagnosis:
    """The case with what a patient has; what is not known of the patient cannot be told."""
    known = {name: patient[name] for name in question.variables if name in patient}
    if not known:
        return question.skip()
    return question.answer(known) if question.several else question.answer(known[question.variables[0]])


def interviewed(case: dx.Diagnosis, patient: Mapping[str, str], **wishes: bool) -> Iterator[dx.types.Question]:
    """Every question of an interview, the last one being that nothing is asked any more."""
    while True:
        question = dx.next_question(case, **wishes)
        yield question
        if question.stop:
            return
        case = answered(question, patient)


def unspoken(model: dx.Model) -> dict[str, object]:
    """History, background and examination, none of which could be told."""
    return {v.variable: dx.UNKNOWN for v in model.variables if v.kind in ("context", "history", "examination")}


def simulated(model: dx.Model, seed: int) -> dict[str, str]:
    return dict(dx.simulate_cohort(model, 1, seed=seed).iloc[0])


@pytest.fixture(scope="module")
def talks(flagship: dx.Model) -> list[list[dx.types.Question]]:
    """Whole interviews of simulated patients; of the last one only half is known."""
    patients = [simulated(flagship, seed) for seed in (1, 3)]
    patients.append({name: patients[0][name] for name in list(patients[0])[::2]})
    return [list(interviewed(dx.diagnose(flagship), patient)) for patient in patients]


def test_nothing_is_asked_twice(talks: list[list[dx.types.Question]]) -> None:
    """A variable that was answered, or could not be told, is not asked again; every interview ends."""
    for talk in talks:
        asked = [name for question in talk for name in question.variables]
        assert len(asked) == len(set(asked))
        assert [question.stop for question in talk] == [False] * (len(talk) - 1) + [True]
        assert set(asked) == set(talk[-1].case.findings)


def test_a_question_can_be_read_and_answered(talks: list[list[dx.types.Question]]) -> None:
    """It has text, at least two answers whose chances add up to 1, and a reason; each mark means its own answer."""
    for question in (question for talk in talks for question in talk[:-1]):
        assert question.kind in KINDS
        assert question.text and question.why
        assert len({answer.mark for answer in question.answers}) == len(question.answers) >= 2
        if not question.several:
            assert sum(answer.probability for answer in question.answers) == pytest.approx(1)
            for answer in question.answers:
                assert question.answer(answer.mark).findings[question.variables[0]] == answer.value
        assert str(question).startswith(question.text.split()[0])


def test_the_stop_is_that_of_the_existing_rule(talks: list[list[dx.types.Question]]) -> None:
    """Where nothing is asked, no open option of ``next_tests`` changes a decision with more than 5 %.

    While an emergency is open that holds of what cannot wait, which is for a test one day.
    """
    ends = [talk[-1] for talk in talks]
    for end in ends:
        following = dx.next_tests(end.case)
        if not following.emergencies:
            assert following.stop
            assert end.reason.startswith(("Nothing further would change", "Every question or test"))
        else:
            assert end.reason.startswith(f"Act on it now: {following.emergencies[0].label} has")
    assert any(not dx.next_tests(end.case).emergencies for end in ends)


def test_as_long_as_a_decision_may_change_something_is_asked(talks: list[list[dx.types.Question]]) -> None:
    """Where the rule of ``next_tests`` says to go on, the interview does."""
    for question in (question for talk in talks for question in talk[::9]):
        following = dx.next_tests(question.case)
        if not following.emergencies and any(s.decision_change > STOP_BELOW for s in following.suggestions):
            assert not question.stop


def test_the_setting_comes_first() -> None:
    """It is asked where the model has several and none was named; what cannot be told leaves the default."""
    model = dx.load_model(FLAGSHIP)
    question = dx.next_question(dx.diagnose(model, {"onset": "sudden"}))
    assert (question.kind, question.name, question.variables) == ("setting", "population", ())
    assert [answer.value for answer in question.answers] == [row.name for row in model.info.populations]
    for said in ("2", "Emergency department", "emergency_department", "emergency department"):
        case = question.answer(said)
        assert (case.model.population, case.model.population_assumed) == ("emergency_department", False)
        assert dict(case.findings) == {"onset": "sudden"}
    assert question.skip().model.population == model.info.default_population
    assert dx.next_question(question.skip()).kind != "setting"
    with pytest.raises(dx.ModelError, match="population 'moon' is not one of"):
        question.answer("moon")


def test_history_comes_before_examination_and_tests_come_last(talks: list[list[dx.types.Question]]) -> None:
    """Unless an emergency is open or an examination makes more history matter, nothing is asked before its time.

    A question of a later part is asked only where no question of an earlier one is worth asking.
    """
    parts = ("context", "history"), ("examination",), ("test",)
    for question in (question for talk in talks for question in talk[:-1:3]):
        place = next(place for place, kinds in enumerate(parts) if question.kind in kinds)
        if place < 2:
            continue
        assert dx.next_question(question.case, tests=False).stop
    kinds = ["examination" if question.kind == "examination" else "history" for question in talks[0] if question.kind]
    assert kinds[0] == "history"


@pytest.mark.parametrize("population", ["primary_care", "specialist_referral"])
def test_questions_of_red_flags_are_asked_of_everybody(population: str) -> None:
    """A finding that by itself raises an emergency flag is asked of a patient without any, before examination."""
    model = dx.load_model(FLAGSHIP, population=population)
    alone = {
        flag.findings[0][0]
        for flag in model.red_flags
        if flag.urgency == "emergency" and len(flag.findings) == 1
        and model.by_name[flag.findings[0][0]].kind == "history"
    }  # fmt: skip
    assert alone
    healthy = {name: variable.reference for name, variable in model.by_name.items()}
    asked = []
    for question in interviewed(dx.diagnose(model), healthy, tests=False):
        if question.kind == "examination" or question.stop:
            break
        asked.append(question.name)
    assert alone <= set(asked)


def test_an_open_emergency_is_followed_up_at_once(flagship: dx.Model) -> None:
    """What bears on it is asked next, and nothing that is routine or takes more than a day."""
    case = dx.diagnose(flagship, {"saddle_anaesthesia": "present"})
    question = dx.next_question(case)
    assert question.emergency == "cauda_equina_syndrome"
    assert "open emergency: Cauda equina syndrome" in question.why
    waits = {option.name for option in open_options(case) if option.soonest_hours > EMERGENCY_HOURS}
    assert waits
    unknown = list(interviewed(case, {}))
    assert waits.isdisjoint(question.name for question in unknown)
    assert unknown[-1].reason.startswith("Act on it now: Cauda equina syndrome has a probability of")


def test_the_reason_names_the_alarm(flagship: dx.Model) -> None:
    """Where an answer would raise an alarm, it does, for the cause that is named."""
    question = dx.next_question(dx.diagnose(flagship))
    assert question.emergency
    label = flagship.label(question.emergency)
    raised = [
        answer
        for answer in question.answers
        if any(a.cause == question.emergency and a.urgency == "emergency" for a in question.answer(answer.mark).alerts)
    ]
    assert raised
    assert question.why.startswith(f"“{raised[0].label}” would raise the alarm for {label}, now ")


def test_the_reason_says_what_the_answers_do_to_an_open_emergency(flagship: dx.Model) -> None:
    """The probability of the emergency after each answer, in the reason and in the table."""
    question = dx.next_question(dx.diagnose(flagship, {"saddle_anaesthesia": "present"}))
    after = [question.answer(answer.mark).probability(question.emergency) for answer in question.answers]
    assert list(question.table["emergency_probability"]) == pytest.approx(after)
    said = [f"{format_probability(p)} with “{a.label}”" for p, a in zip(after, question.answers, strict=True)]
    assert question.why.endswith(f": {', '.join(said)}.")


def test_the_reason_names_the_answers_that_make_a_step_worth_taking_or_not(talks: list[list[dx.Question]]) -> None:
    """With them, and no others, the step's threshold is crossed or one of its conditions fails."""
    form = re.compile(
        r"With (“.+?”) \(chance .*?\), (.+?) would (be probable|no longer be reason) enough for: (.+?)\. ?"
    )

    def worth_taking(case: dx.Diagnosis, label: str, action: str) -> bool:
        return any(
            case.probability(step.cause) >= step.threshold and met(step.conditions, case.evidence) is not False
            for step in case.model.management
            if (case.model.label(step.cause), step.action) == (label, action)
        )

    seen = set()
    for question in (question for talk in talks for question in talk if not question.emergency):
        found = form.match(question.why)
        if found is not None and not question.several:
            named, label, how, action = found.groups()
            now = worth_taking(question.case, label, action)
            changed = {a.label for a in question.answers if worth_taking(question.answer(a.mark), label, action) != now}
            assert (set(re.findall("“(.+?)”", named)), how != "be probable") == (changed, now)
            seen.add(now)
    assert seen == {True, False}


@given(data=st.data())
@settings(max_examples=8)
def test_an_interview_has_no_memory(data: st.DataObject, flagship: dx.Model) -> None:
    """The same answers in any order make the same case, and the same next question."""
    patient = simulated(flagship, 7)
    names = data.draw(st.lists(st.sampled_from(sorted(flagship.findings)[:30]), min_size=2, max_size=6, unique=True))
    shuffled = data.draw(st.permutations(names))
    cases = []
    for order in (names, shuffled):
        case = dx.diagnose(flagship)
        for place, name in enumerate(order):
            case = case.with_findings({name: dx.UNKNOWN if name == names[0] else patient[name]})
            assert len(case.findings) == place + 1
        cases.append(case)
    one, other = cases
    assert dict(one.findings) == dict(other.findings)
    np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-12)
    first, second = dx.next_question(one, tests=False), dx.next_question(other, tests=False)
    assert (first.name, first.text, first.why) == (second.name, second.text, second.why)


def test_an_answer_leaves_the_case_before_as_it_was(talks: list[list[dx.types.Question]]) -> None:
    """Going back is taking the case before: its findings are those of before, and it asks the same question."""
    talk = talks[1]
    for before, after in pairwise(talk[:7]):
        assert set(after.case.findings) - set(before.case.findings) == set(before.variables)
        back = after.case.without(*before.variables)
        assert dict(back.findings) == dict(before.case.findings)
        assert dx.next_question(back).name == before.name


def test_without_tests_history_and_examination_are_the_same(talks: list[list[dx.types.Question]]) -> None:
    """Without tests the same is asked up to the first test, and the end does not speak of tests."""
    talk = talks[1]
    place = next(place for place, question in enumerate(talk) if question.stop or question.kind == "test")
    for question in talk[:place:6]:
        other = dx.next_question(question.case, tests=False)
        assert (other.name, other.why, other.net_value_eur) == (question.name, question.why, question.net_value_eur)
    end = dx.next_question(talk[place].case, tests=False)
    assert end.stop and "test" not in end.reason


def test_a_measured_number_is_an_answer_and_never_a_mark(flagship: dx.Model) -> None:
    """Where a number may be measured, answers have letters; 1 is a temperature then, and an impossible one."""
    question = dx.next_question(dx.diagnose(flagship, unspoken(flagship)).without("fever"))
    assert question.name == "fever"
    assert [answer.mark for answer in question.answers] == ["a", "b"]
    assert question.text.endswith("Or type a number: temperature (°C).")
    for said, state in (("38.4", "present"), (37, "absent"), ("36,5", None), ("A", "absent"), ("b", "present"),
                        ("y", "present"), ("no", "absent"), ("Fever, 38 °C or more", "present")):  # fmt: skip
        if state is None:
            with pytest.raises(dx.FindingsError, match=r"write a decimal point, 36\.5"):
                question.answer(said)
        else:
            assert question.answer(said).findings["fever"] == state
    for wrong in ("1", "0", "2"):
        with pytest.raises(dx.FindingsError, match="is a number from"):
            question.answer(wrong)
    assert question.answer("38.4").understood[-1].said == "temperature = 38.4"


def test_digits_count_the_answers_and_mean_nothing_else(clinic: dx.Model) -> None:
    """1 is the first answer, although it means yes elsewhere; 0 and 3 are none of two."""
    question = dx.next_question(dx.diagnose(clinic))
    assert question.answer("1").findings["dyspnoea"] == "absent"
    for wrong in ("0", "3", "17"):
        with pytest.raises(dx.FindingsError, match=f"Dyspnoea: {wrong} is none of the answers 1 to 2"):
            question.answer(wrong)
    assert question.answer(["1", "2"]).findings["dyspnoea"] == ("absent", "present")
    assert question.answer({"absent": 0.2, "present": 0.8}).findings["dyspnoea"] == {"absent": 0.2, "present": 0.8}


def test_a_test_of_several_results_is_one_question(flagship: dx.Model) -> None:
    """Its abnormal results are answered together, by number or name; the others are in their reference state."""
    case = dx.diagnose(flagship, {**unspoken(flagship), "saddle_anaesthesia": "present"})
    question = next(q for q in interviewed(case, {}) if q.several)
    assert question.name == "mri_lumbar"
    expected = {name: "positive" if place in (0, 3) else "negative" for place, name in enumerate(question.variables)}
    names = [question.variables[place] for place in (0, 3)]
    for said in ("1 4", "1,4", " 4;1 ", names, ", ".join(names), [1, 4], expected):
        found = question.answer(said)
        assert {name: found.findings[name] for name in question.variables} == expected
    for said in ("none", "None of these", []):
        found = question.answer(said)
        assert {found.findings[name] for name in question.variables} == {"negative"}
    assert {question.skip().findings[name] for name in question.variables} == {dx.UNKNOWN}
    with pytest.raises(dx.FindingsError, match=r"'9' is no result of Lumbar MRI; it has MRI: disc herniation, .*"):
        question.answer("9")
    with pytest.raises(dx.FindingsError, match="Lumbar MRI: give the numbers of what it shows, or none"):
        question.answer("  ")


def test_what_is_left_of_a_test_that_was_done_costs_nothing(flagship: dx.Model) -> None:
    """One result of the MRI is known: the others are asked without its cost."""
    known = {"saddle_anaesthesia": "present", "mri_disc_herniation": "positive"}
    case = dx.diagnose(flagship, {**unspoken(flagship), **known})
    question = next(q for q in interviewed(case, {}) if q.name == "mri_lumbar")
    assert "mri_disc_herniation" not in question.variables
    assert "It costs nothing more." in question.why


@pytest.mark.parametrize("name", ["clinic", "fitted"])
def test_a_model_without_steps_of_care_is_interviewed_by_the_same_code(
    name: str, request: pytest.FixtureRequest
) -> None:
    """Asking ends when the most probable causes are settled, or nothing open tells the causes apart."""
    model: dx.Model = request.getfixturevalue(name)
    hits = []
    for seed in range(12):
        patient = simulated(model, seed)
        truth = {cause: patient.pop(cause) for cause in model.causes}
        *talk, end = interviewed(dx.diagnose(model), patient)
        [(causes, probability)] = end.case.probable_sets(1)
        if end.reason.startswith("The most probable explanation is settled: "):
            assert probability >= 1 - STOP_BELOW
        else:
            assert end.reason.startswith(("No open question or test", "Every question or test"))
        assert all(question.why for question in talk)
        hits.append({f"{cause}={state}" for cause, state in truth.items()} & set(causes) or not causes)
    if name == "fitted":
        assert np.mean([bool(hit) for hit in hits]) >= 0.7


def test_a_stricter_stop_asks_on(fitted: dx.Model) -> None:
    """A smaller ``stop_below`` asks the same questions first, and then more."""
    patient = simulated(fitted, 3)
    counts = []
    for stop in (0.4, 0.05, 0.0):
        case, names = dx.diagnose(fitted), []
        while not (question := dx.next_question(case, stop_below=stop)).stop:
            names.append(question.name)
            case = answered(question, patient)
        counts.append(names)
    assert counts[0] == counts[1][: len(counts[0])] and counts[1] == counts[2][: len(counts[1])]
    assert len(counts[0]) < len(counts[2])
    with pytest.raises(dx.FindingsError, match="stop_below = 2; expected a probability"):
        dx.next_question(dx.diagnose(fitted), stop_below=2)


def test_the_end_takes_no_answer(clinic: dx.Model) -> None:
    """At the end there is a reason, and an answer is refused in words."""
    *_, end = interviewed(dx.diagnose(clinic), {})
    assert end.stop and end.reason and not end.answers
    assert str(end).startswith("Nothing more has to be asked")
    for refused in (lambda: end.answer("1"), end.skip):
        with pytest.raises(dx.FindingsError, match="nothing is asked any more"):
            refused()


def test_a_question_is_shown_as_text_html_and_table(flagship: dx.Model) -> None:
    """The three show the same answers, escaped; the reasons show what each would lead to."""
    question = dx.next_question(dx.diagnose(flagship))
    labels = [answer.label for answer in question.answers]
    assert list(question.table.index) == labels
    for label in labels:
        assert label in str(question) and label in question._repr_html_()
    first = question.blocks()[0]
    assert isinstance(first, Entries) and [text for _, text in first.rows] == labels
    for answer in question.answers:
        case = question.answer(answer.mark)
        assert flagship.label(str(case.posterior.index[0])) == answer.first_cause
        assert case.posterior.iloc[0] == pytest.approx(answer.first_probability)
        assert np.exp(case.log_evidence - question.case.log_evidence) == pytest.approx(answer.probability)
    assert len(question.reasons()) == 3


HOSTILE = (
    "", " ", "\x00", "\u202e", "a" * 10**6, "1" * 10**5, "1e999", "-1", "nan", "None", "=1+1", "<b>", "'; drop table",
    "presnt", "١", "²", "|", "1|", "{}", "[]", b"1", 3.5, float("nan"), 10**400, object(), [], [object()], {"x": 1},
    True,
)  # fmt: skip


@pytest.mark.parametrize("population", [None, "primary_care"])
def test_hostile_answers_are_refused_in_words(population: str | None) -> None:
    """Whatever is given as an answer: a case, or a sentence of at most a few lines; nothing else is raised."""
    model = dx.load_model(FLAGSHIP, population=population)
    questions = [dx.next_question(dx.diagnose(model))]
    if population:
        case = dx.diagnose(model, {**unspoken(model), "saddle_anaesthesia": "present"})
        questions += [next(q for q in interviewed(case, {}) if q.several)]
        questions += [dx.next_question(case.without("fever"))]
    for question in (question for question in questions if not question.stop):
        for value in HOSTILE:
            try:
                case = question.answer(value)
            except dx.BayesdxError as error:
                assert 0 < len(str(error)) < 2000
            else:
                assert isinstance(case, dx.Diagnosis)


def test_questions_of_random_cases_never_fail(flagship: dx.Model) -> None:
    """Sets of states, likelihoods and unknowns among the findings are taken as they are."""
    rng = random.Random(3)
    for _ in range(8):
        findings: dict[str, object] = {}
        for name in rng.sample(sorted(flagship.findings), 8):
            states = list(flagship.by_name[name].states)
            findings[name] = rng.choice([states[0], states[:2], dict.fromkeys(states, 0.5), dx.UNKNOWN])
        question = dx.next_question(dx.diagnose(flagship, findings))
        assert not set(question.variables) & set(findings)
