"""One patient: what ``diagnose`` answers is the joint table, restricted to the findings and renormalised."""

import dataclasses
import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import bayesdx as dx
from bayesdx.network import compile_network, to_pgmpy
from tests import oracle
from tests.diagnosis.models import random_findings, random_model, small_models, small_models_with_findings

CAUDA = {
    "hip_flexion_strength": "severely_reduced",
    "saddle_anaesthesia": "present",
    "bladder_bowel_dysfunction": "present",
}


@pytest.fixture(scope="module")
def model() -> dx.Model:
    return dx.load_model("hip_flexion_weakness@1.0.0")


def weights(model, findings):
    """P(configuration, findings) of every configuration, straight from the definition of each kind of finding."""
    network = compile_network(model)
    likelihoods = {}
    for name, value in findings.items():
        if name == "pair" and value is not dx.UNKNOWN:
            for member in model.groups["pair"]:
                likelihoods[member] = [float(member not in value), float(member in value)]
        elif name == "pair" or value is None or value is dx.UNKNOWN:
            continue
        elif isinstance(value, dict):
            likelihoods[name] = [value.get(state, 0.0) for state in model.by_name[name].states]
        else:
            allowed = {value} if isinstance(value, str) else set(value)
            likelihoods[name] = [float(state in allowed) for state in model.by_name[name].states]
    return network, list(oracle.joint(network, [-1] * len(network), likelihoods))


@given(small_models_with_findings())
def test_the_posterior_is_the_joint_table_restricted_to_the_findings(case):
    """P(cause | findings), P(findings), P(no cause | findings) equal sums over the joint table to 1e-10."""
    model, findings = case
    network, rows = weights(model, findings)
    total = math.fsum(weight for _, weight in rows)
    if total == 0:
        with pytest.raises(dx.ImpossibleEvidenceError):
            dx.diagnose(model, findings)
        return
    diagnosis = dx.diagnose(model, findings)
    assert diagnosis.log_evidence == pytest.approx(math.log(total), abs=1e-10)
    for cause in model.causes:
        place, states = network.index[cause], model.by_name[cause].states
        for code, state in enumerate(states):
            name = cause if len(states) == 2 else f"{cause}={state}"
            expected = math.fsum(w for s, w in rows if s[place] == code) / total
            if len(states) > 2 or code == 1:
                assert diagnosis.posterior[name] == pytest.approx(expected, abs=1e-10)
    places = [network.index[cause] for cause in model.causes]
    nothing = math.fsum(w for s, w in rows if all(s[place] == 0 for place in places)) / total
    assert diagnosis.none_present == pytest.approx(nothing, abs=1e-10)


@given(small_models_with_findings())
def test_the_most_probable_sets_are_those_of_the_joint_table(case):
    """The k most probable sets of causes, with their probabilities, come from the joint table."""
    model, findings = case
    network, rows = weights(model, findings)
    total = math.fsum(weight for _, weight in rows)
    if total == 0:
        return
    places = [network.index[cause] for cause in model.causes]
    sums: dict[tuple[int, ...], float] = {}
    for states, weight in rows:
        key = tuple(states[place] for place in places)
        sums[key] = sums.get(key, 0.0) + weight / total
    best = dx.diagnose(model, findings).most_probable(4)
    assert_allclose(best.probability, sorted(sums.values(), reverse=True)[: len(best)], atol=1e-10)
    for row in best.itertuples():
        key = tuple(_code(model, cause, row.causes) for cause in model.causes)
        assert sums[key] == pytest.approx(row.probability, abs=1e-10)


def _code(model, cause, names):
    states = model.by_name[cause].states
    if len(states) == 2:
        return int(cause in names)
    return next(code for code, state in enumerate(states) if f"{cause}={state}" in names)


@settings(max_examples=25)
@given(small_models_with_findings())
def test_pgmpy_agrees(case):
    """pgmpy's VariableElimination on ``to_pgmpy(model)`` gives the same posteriors to 1e-9."""
    from pgmpy.factors.discrete import TabularCPD
    from pgmpy.inference import VariableElimination

    model, findings = case
    read = {name: value for name, value in findings.items() if value is not None and value is not dx.UNKNOWN}
    if "pair" in read:
        read |= {member: "some" if member in read["pair"] else "no" for member in model.groups["pair"]}
        del read["pair"]
    try:
        diagnosis = dx.diagnose(model, findings)
    except dx.ImpossibleEvidenceError:
        return
    hard = {name: value for name, value in read.items() if isinstance(value, str)}
    soft = []
    for name, value in read.items():
        states = list(model.by_name[name].states)
        if isinstance(value, str):
            continue
        given = [value.get(s, 0.0) if isinstance(value, dict) else float(s in value) for s in states]
        soft.append(TabularCPD(name, len(states), [[x / sum(given)] for x in given], state_names={name: states}))
    for cause in model.causes:
        if cause in hard:
            continue
        network = to_pgmpy(compile_network(model))
        answer = VariableElimination(network).query(
            [cause], evidence=hard, virtual_evidence=soft or None, show_progress=False
        )
        states = model.by_name[cause].states
        for code, state in enumerate(states):
            if len(states) == 2 and code == 0:
                continue
            name = cause if len(states) == 2 else f"{cause}={state}"
            place = answer.state_names[cause].index(state)
            assert diagnosis.posterior[name] == pytest.approx(float(answer.values[place]), abs=1e-9)


@given(small_models_with_findings(zeros=False), st.randoms())
def test_the_order_of_findings_is_irrelevant(case, rng):
    """Findings given in another order lead to the same diagnosis."""
    model, findings = case
    items = list(findings.items())
    rng.shuffle(items)
    one, other = dx.diagnose(model, findings), dx.diagnose(model, dict(items))
    assert_allclose(one.probabilities, other.probabilities, atol=1e-13)
    assert one.log_evidence == pytest.approx(other.log_evidence, abs=1e-12)


@given(small_models_with_findings(zeros=False))
def test_not_observed_changes_nothing(case):
    """A variable that is None, NaN, UNKNOWN or may be in any state is as if left out."""
    model, findings = case
    left_out = [name for name in model.by_name if name not in findings and "pair" not in findings]
    bare = dx.diagnose(model, findings)
    for nothing in (None, float("nan"), dx.UNKNOWN, pd.NA):
        full = dx.diagnose(model, findings | dict.fromkeys(left_out, nothing))
        assert_allclose(full.probabilities, bare.probabilities, rtol=0, atol=0)
    any_state = dx.diagnose(model, findings | {name: list(model.by_name[name].states) for name in left_out})
    assert_allclose(any_state.probabilities, bare.probabilities, atol=1e-12)


@given(small_models(zeros=False), st.integers(0, 2**32 - 1))
def test_a_likelihood_counts_only_up_to_a_factor(model, seed):
    """Likelihoods over states may be scaled: the posterior stays, the log evidence moves by the logarithm."""
    findings = {n: v for n, v in random_findings(model, seed).items() if isinstance(v, dict)}
    scaled = {name: {state: 3 * x for state, x in value.items()} for name, value in findings.items()}
    one, other = dx.diagnose(model, findings), dx.diagnose(model, scaled)
    assert_allclose(one.probabilities, other.probabilities, atol=1e-12)
    assert other.log_evidence - one.log_evidence == pytest.approx(len(findings) * math.log(3), abs=1e-10)


def test_an_empty_case_is_the_prior(model):
    """Without findings the posterior is the prior, the likelihood ratios are 1, the log evidence is 0."""
    case = dx.diagnose(model, {})
    assert_allclose(case.table.posterior, case.table.prior, atol=1e-15)
    assert_allclose(case.table.likelihood_ratio, 1.0, atol=1e-9)
    assert case.log_evidence == pytest.approx(0, abs=1e-12)
    assert not case.red_flags


def test_a_group_sets_its_other_members_to_their_reference_state(model):
    """``pain_location=[pain_groin]`` says groin pain, and no back or thigh pain."""
    short = dx.diagnose(model, {"pain_location": ["pain_groin"]})
    long = dx.diagnose(model, {"pain_groin": "present", "pain_low_back": "absent", "pain_anterior_thigh": "absent"})
    assert dict(short.findings) == dict(long.findings)
    assert_allclose(short.probabilities, long.probabilities, rtol=0, atol=0)


def test_a_series_is_read_like_a_mapping(model):
    """A row of a DataFrame, with its missing cells, is a patient."""
    frame = pd.DataFrame({"onset": ["sudden", None], "fever": [None, "present"]})
    assert dict(dx.diagnose(model, frame.iloc[0]).findings) == {"onset": "sudden"}
    assert dict(dx.diagnose(model, frame.iloc[1]).findings) == {"fever": "present"}


def test_a_known_cause_can_be_given(model):
    """A cause that is known to be present has posterior 1, and nothing modelled being present has probability 0."""
    case = dx.diagnose(model, {"disc_herniation": "present"})
    assert case.posterior.index[0] == "disc_herniation"
    assert case.posterior.iloc[0] == 1.0
    assert case.none_present == 0.0
    assert case.table.likelihood_ratio.iloc[0] == math.inf


@pytest.mark.parametrize(
    ("findings", "sentence"),
    [
        (
            {"sever_pain": "present"},
            "findings: 'sever_pain' is not a variable of hip_flexion_weakness 1.0.0. Did you mean 'severe_pain'?",
        ),
        ({"onset": "acute"}, "findings: onset = 'acute' is not a state of onset; its states are gradual, sudden."),
        (
            {"fever": "presnt"},
            "findings: fever = 'presnt' is not a state of fever; its states are absent, present. "
            "Did you mean 'present'?",
        ),
        ({"onset": True}, "findings: onset = True is not a state of onset; its states are gradual, sudden."),
        ({"fever": 38.6}, "findings: fever = 38.6 is not a state of fever; its states are absent, present."),
        (
            {"patellar_reflex": ["reduced", "gone"]},
            "findings: patellar_reflex = 'gone' is not a state of patellar_reflex; its states are normal, reduced, "
            "absent.",
        ),
        (
            {"fever": []},
            "findings: fever has an empty list; give the states still possible, or UNKNOWN.",
        ),
        (
            {"fever": {"present": -0.5}},
            "findings: fever: the likelihood of present is -0.5; a likelihood is a number of at least 0.",
        ),
        (
            {"fever": {"present": "high"}},
            "findings: fever: the likelihood of present is 'high'; a likelihood is a number of at least 0.",
        ),
        ({"fever": {"present": 0.0, "absent": 0}}, "findings: fever: no state has a likelihood above 0."),
        (
            {"fever": {"present": 0.8}},
            "findings: fever: there is no likelihood of absent; give every state, 0 is allowed.",
        ),
        (
            {"fever": {"present": 0.8, "yes": 0.1, "absent": 0.2}},
            "findings: fever: the likelihood of present is given twice.",
        ),
        (
            {"pain_location": "pain_groin"},
            "findings: pain_location = 'pain_groin'; a group takes the list of its members that are present.",
        ),
        (
            {"pain_location": ["pain_grion"]},
            "findings: pain_location: 'pain_grion' is not a member; its members are pain_groin, pain_low_back, "
            "pain_anterior_thigh. Did you mean 'pain_groin'?",
        ),
        (
            {"pain_location": ["pain_groin"], "pain_groin": "present"},
            "findings: pain_groin is given twice, alone and in a group.",
        ),
        (["fever"], "findings: expected a mapping of variables to states, not list."),
    ],
)
def test_wrong_findings_are_told_in_one_sentence(model, findings, sentence):
    """The sentence names the variable, the value, what was expected, and the nearest name."""
    with pytest.raises(dx.FindingsError) as caught:
        dx.diagnose(model, findings)
    assert str(caught.value) == sentence


def test_all_wrong_findings_are_told_at_once(model):
    """Three faults, three sentences, one error."""
    with pytest.raises(dx.FindingsError) as caught:
        dx.diagnose(model, {"fevr": "present", "onset": "acute", "pain_location": 3})
    assert len(str(caught.value).splitlines()) == 3


@given(small_models_with_findings())
def test_impossible_findings_name_a_smallest_set_that_conflicts(case):
    """The findings named are impossible together; without any one of them, or with fewer, they are possible."""
    model, findings = case
    try:
        dx.diagnose(model, findings)
    except dx.ImpossibleEvidenceError as error:
        spelled = {
            name: value
            for name, value in dx.diagnosis.findings.read_findings(model, findings).values.items()
            if value is not dx.UNKNOWN
        }
        assert set(error.conflict) <= set(spelled)
        assert all(name in str(error) for name in error.conflict)

        def impossible(names):
            try:
                dx.diagnose(model, {name: spelled[name] for name in names})
            except dx.ImpossibleEvidenceError:
                return True
            return False

        assert impossible(error.conflict)
        fewer = itertools.combinations(spelled, len(error.conflict) - 1)
        assert not any(impossible(names) for names in fewer)


def test_impossible_findings_are_worded_for_one_and_for_several():
    """One finding: check its leak. Several: they cannot occur together."""
    model = random_model(3, zeros=False)
    rows = tuple(dataclasses.replace(row, probability=0.0, lower=0.0) for row in model.priors)
    none = dataclasses.replace(model, priors=rows, links=tuple(link for link in model.links if not _into_cause(link)))
    cause = next(c for c in none.causes if any(row.variable == c for row in none.priors))
    state = none.by_name[cause].states[1]
    with pytest.raises(dx.ImpossibleEvidenceError) as caught:
        dx.diagnose(none, {cause: state})
    assert str(caught.value) == (
        f"findings: {cause} = {state} has probability 0 under random_model 0.1.0; check its leak probability."
    )


def _into_cause(link):
    return link.child.startswith("cause")


def test_red_flags_fire_from_findings_alone_whatever_the_posterior(model):
    """Saddle numbness raises the emergency even where every cause is said to be absent."""
    absent = dict.fromkeys(model.causes, "absent")
    case = dx.diagnose(model, {"saddle_anaesthesia": "present", **absent})
    assert case.posterior["cauda_equina_syndrome"] == 0.0
    assert [(flag.flag, flag.urgency, flag.certain) for flag in case.red_flags] == [
        ("saddle_numbness", "emergency", True)
    ]


def every_flag(model):
    return [pytest.param(flag, id=flag.flag) for flag in model.red_flags]


@pytest.mark.parametrize("flag", every_flag(dx.load_model("hip_flexion_weakness@1.0.0")))
def test_every_red_flag_fires_and_stays_silent(model, flag):
    """A flag fires when all its conditions are met, and not when any one of them is not."""
    met = {name: states[0] for name, states in flag.findings}
    assert flag.flag in {fired.flag for fired in dx.diagnose(model, met).red_flags}
    for name, states in flag.findings:
        other = next(state for state in model.by_name[name].states if state not in states)
        for value in (other, dx.UNKNOWN):
            fired = dx.diagnose(model, met | {name: value}).red_flags
            assert flag.flag not in {each.flag for each in fired}


def test_an_uncertain_finding_raises_a_flag_that_cannot_be_excluded(model):
    """A set or a likelihood that leaves the flagged state possible raises the flag as not certain."""
    for unsure in (["absent", "present"], {"absent": 0.9, "present": 0.1}):
        (flag,) = dx.diagnose(model, {"saddle_anaesthesia": unsure}).red_flags
        assert flag.flag == "saddle_numbness"
        assert not flag.certain
        assert "cannot be excluded" in str(dx.diagnose(model, {"saddle_anaesthesia": unsure}))
    assert not dx.diagnose(model, {"saddle_anaesthesia": {"absent": 1.0, "present": 0.0}}).red_flags


def test_steps_of_care_follow_thresholds_and_flags(model):
    """A step stands for a cause at or above its threshold, an emergency step also for a flagged cause."""
    case = dx.diagnose(model, CAUDA)
    for step in case.management:
        assert step.probability >= step.threshold or step.reason == "red flag"
    assert case.management[0].cause == "cauda_equina_syndrome"
    assert case.management[0].urgency == "emergency"
    denied = dx.diagnose(model, {"saddle_anaesthesia": "present", "cauda_equina_syndrome": "absent"})
    assert "cauda_equina_syndrome" not in {step.cause for step in denied.management}
    assert denied.red_flags[0].answered == ("cauda_equina_syndrome",)


def test_a_diagnosis_cannot_be_changed(model):
    """A result is a value: its fields and its findings refuse assignment."""
    case = dx.diagnose(model, CAUDA)
    with pytest.raises(dataclasses.FrozenInstanceError):
        case.log_evidence = 0.0
    with pytest.raises(TypeError):
        case.findings["fever"] = "present"


def test_the_case_of_the_readme_is_an_emergency(model):
    """Severe weakness, saddle numbness and bladder failure: cauda equina syndrome first, and the emergency shown."""
    case = dx.diagnose(model, CAUDA)
    assert case.posterior.index[0] == "cauda_equina_syndrome"
    lines = str(case).splitlines()
    assert lines[0] == "hip_flexion_weakness 1.0.0, primary_care: 3 findings"
    assert next(line for line in lines if "EMERGENCY" in line).startswith("EMERGENCY: Emergency department now")
    header = next(place for place, line in enumerate(lines) if line.startswith("cause "))
    assert lines[header + 1].startswith("Cauda equina syndrome")


def test_text_html_and_dict_say_the_same(model):
    """Every cause and its probability stands in the text, in the HTML and in the dict; the notice stands once."""
    import json

    case = dx.diagnose(model, CAUDA)
    text, page, plain = str(case), case._repr_html_(), json.loads(json.dumps(case.to_dict()))
    for row in case.table.itertuples():
        shown = f"{100 * row.posterior:.1f} %"
        assert row.label in text
        assert shown in text
        assert row.label in page
        assert shown in page
    assert [entry["cause"] for entry in plain["differential"]] == list(case.posterior.index)
    notice = plain["notice"]
    assert (" ".join(text.split()).count(notice), page.count(notice)) == (1, 1)
    assert list(case.to_frame().cause) == list(case.posterior.index)
    assert set(case.to_frame().model_hash) == {model.hash}


def test_labels_from_a_model_are_escaped(model):
    """Markup, quotes and direction marks in labels and actions come out as text."""
    nasty = "<script>alert('x')</script>\u202e\"&"
    variables = tuple(dataclasses.replace(row, label=nasty) for row in model.variables)
    flags = tuple(dataclasses.replace(row, action=nasty) for row in model.red_flags)
    steps = tuple(dataclasses.replace(row, action=nasty, when=nasty) for row in model.management)
    hostile = dataclasses.replace(model, variables=variables, red_flags=flags, management=steps)
    page = dx.diagnose(hostile, CAUDA)._repr_html_()
    assert "<script" not in page
    assert "\u202e" not in page
    assert "&lt;script&gt;" in page


def test_another_population_moves_the_prior(model):
    """Cauda equina syndrome is more probable in an emergency department than in primary care."""
    emergency = dx.load_model("hip_flexion_weakness@1.0.0", population="emergency_department")
    here, there = dx.diagnose(model, CAUDA), dx.diagnose(emergency, CAUDA)
    assert there.table.prior["cauda_equina_syndrome"] > here.table.prior["cauda_equina_syndrome"]
    assert there.posterior["cauda_equina_syndrome"] > here.posterior["cauda_equina_syndrome"]
    assert np.isfinite(there.table.to_numpy()[:, 1:].astype(float)).all()


FLAGSHIP_CASE = dx.diagnose(dx.load_model("hip_flexion_weakness@1.0.0"), {"onset": "sudden", "fever": "absent"})


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (
            lambda case: dx.posterior_path(case, "fever"),
            "posterior_path: order = 'fever'; expected a list of names, as ['fever'].",
        ),
        (lambda case: dx.posterior_path(case, 5), "posterior_path: order = 5; expected a list of names."),
        (lambda case: dx.posterior_path(case, [["fever"]]), "posterior_path: order = [['fever']]; expected a list of "),
        (
            lambda case: dx.next_tests(case, only="emg"),
            "next_tests: only = 'emg'; expected a list of names, as ['emg'].",
        ),
        (lambda case: dx.next_tests(case, only=[5]), "next_tests: only = [5]; expected a list of names."),
        (lambda case: dx.next_tests(case, look_ahead="2"), "next_tests: look_ahead = '2'; expected 1 or 2."),
        (lambda case: dx.explain(case, 5), "5 is no name of a cause; hip_flexion_weakness 1.0.0 has "),
        (lambda case: dx.explain(case, ["fracture"]), "['fracture'] is no name of a cause; "),
        (lambda case: dx.explain(case, orders="x"), "explain: orders = 'x'; expected at least 4."),
        (lambda case: dx.sensitivity_analysis(case, 5), "5 is no name of a cause; "),
        (lambda case: case.probability(5), "5 is no name of a cause; "),
        (
            lambda case: dx.credible_intervals(case, mass="x"),
            "credible_intervals: mass = 'x'; expected a number between ",
        ),
        (
            lambda case: dx.credible_intervals(case, draws=99.5),
            "credible_intervals: draws = 99.5; expected at least 50.",
        ),
        (
            lambda case: dx.next_question(case, stop_below="x"),
            "next_question: stop_below = 'x'; expected a probability.",
        ),
        (lambda case: case.lines(0), "top = 0; expected a whole number of at least 1."),
        (lambda case: case.to_dict(top="x"), "top = 'x'; expected a whole number of at least 1."),
    ],
)
def test_an_argument_of_another_kind(ask: Callable[[dx.Diagnosis], Any], said: str) -> None:
    """One sentence that names the argument, what was given and what is expected; no error of Python's own."""
    with pytest.raises(dx.FindingsError) as caught:
        ask(FLAGSHIP_CASE)
    assert str(caught.value).startswith(said)


def test_the_first_cause_is_never_a_sum() -> None:
    """``differential`` and ``table`` hold what competes; ``posterior`` holds sums too, last, whatever their value."""
    case = dx.diagnose(dx.load_model("hip_flexion_weakness@3.0.1"), {"upper_motor_neuron_signs": "present"})
    sums = set(case.posterior.index) - set(case.table.index)
    assert sums == {"other_cause"} and list(case.posterior.index[-1:]) == ["other_cause"]
    assert case.posterior.idxmax() == "other_cause"
    assert case.differential[0].cause == case.table["posterior"].idxmax() == case.posterior.index[0] != "other_cause"


@pytest.mark.parametrize("given", [{"main_cause": "fracture"}, {"fracture": "present"}])
def test_a_flag_stands_beside_a_cause_that_was_given(given: dict[str, str]) -> None:
    """No flag and no level changes; the banner of a cause that this leaves no room for says why it is at 0."""
    model = dx.load_model("hip_flexion_weakness@3.0.1")
    before = dx.diagnose(model, {"fever": "present"})
    after = before.with_findings(given)
    assert [flag.flag for flag in after.red_flags] == [flag.flag for flag in before.red_flags]
    assert not any(flag.answered for flag in after.red_flags)
    assert after.triage.level == before.triage.level == "emergency"
    [alert] = [one for one in after.alerts if one.cause == "severe_infection"]
    told = dx.diagnose(model, given).understood[0].text
    assert (alert.probability, alert.given) == (0.0, (told,))
    said = f"(now 0 % with the cause that was given: {told})"
    assert said in " ".join(str(after).split())
    assert all(not one.given for one in before.alerts)
    assert after.to_dict()["alerts"][-1]["given"] == (told,) or alert is not after.alerts[-1]
