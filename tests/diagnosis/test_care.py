"""Steps of care, alerts and triage: what follows from findings, and what does not."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from numpy.testing import assert_allclose

import bayesdx as dx
from bayesdx.diagnosis.compiled import compiled
from bayesdx.diagnosis.events import action_events, event_of
from bayesdx.diagnosis.results import decisions
from bayesdx.diagnosis.triage import LEVELS, NO_EMERGENCY
from bayesdx.diagnosis.weighing import SPEAKS, Weighed, speak_for, weigh
from bayesdx.knowledge.model import Population
from bayesdx.knowledge.schema import URGENCIES, Conditions, Link, ManagementStep, Prior, RedFlag, Test, Variable
from tests.diagnosis import brute
from tests.diagnosis.cases import in_time, naive_model, possible_cases

SHIPPED = [
    pytest.param(f"{row.name}@{row.version}", population.name, id=f"{row.name}-{row.version}-{population.name}")
    for row in dx.list_models().itertuples()
    for population in dx.load_model(f"{row.name}@{row.version}").info.populations
]


def possible_states(case: dx.Diagnosis, variable: str) -> set[str] | None:
    """What a finding leaves possible, from the codes and likelihoods that the engine gets; None where not observed."""
    index = brute.of_case(case)[0].index
    states = case.model.by_name[variable].states
    code = int(case.evidence.codes[index[variable]])
    if code >= 0:
        return {states[code]}
    if variable in case.evidence.likelihoods:
        return {s for s, weight in zip(states, case.evidence.likelihoods[variable], strict=True) if weight > 0}
    return None


def holds(case: dx.Diagnosis, conditions: Conditions) -> bool:
    return all(
        (known := possible_states(case, name)) is not None and known <= set(states) for name, states in conditions
    )


def fails(case: dx.Diagnosis, conditions: Conditions) -> bool:
    return any(
        (known := possible_states(case, name)) is not None and not known & set(states) for name, states in conditions
    )


def probability(case: dx.Diagnosis, cause: str) -> float:
    """P(what a row is about), from the joint table; of a graded cause named as a whole that of its likeliest state."""
    network, joint = brute.of_case(case)
    cells = np.moveaxis(joint, network.index[cause.partition("=")[0]], 0)
    chances = [
        brute.total(cells[list(event.states)]) / brute.total(joint) for event in action_events(case.model, cause)
    ]
    return max(chances)


def likelihood_ratio(case: dx.Diagnosis, event: str) -> float:
    """Log of posterior odds over prior odds, from the joint table."""
    asked = event_of(case.model, event)
    network, joint = brute.of_case(case)
    after, before = brute.log_odds(joint, network, asked), brute.log_odds(brute.joint_array(network), network, asked)
    return 0.0 if after == before else after - before


def shows_a_sign(case: dx.Diagnosis, event: str) -> bool:
    """Whether an abnormal finding raises the odds of an event given the others, or none does and there is one."""
    asked = event_of(case.model, event)
    network, joint = brute.of_case(case)
    now = brute.log_odds(joint, network, asked)
    raises, signs = set(), set()
    for finding in case.evidence.informative:
        _, rest = brute.of_case(case.without(finding))
        weight = now - brute.log_odds(rest, network, asked)
        assume(math.isnan(weight) or weight == 0 or abs(weight) > 1e-6)
        if weight > 1e-6:
            raises.add(finding)
        variable = case.model.by_name[finding]
        abnormal = variable.reference not in case.evidence.possible(finding)
        if finding == asked.variable or (abnormal and variable.kind in ("history", "examination", "test")):
            signs.add(finding)
    return bool(signs & raises) if raises else bool(signs)


def flagged(case: dx.Diagnosis, cause: str) -> bool:
    return any(f.cause == cause and f.certain and f.urgency != "routine" and not f.answered for f in case.red_flags)


def speaks(case: dx.Diagnosis, event: str) -> bool:
    """Whether the findings double the odds of an event or make it more probable than not, one of them being a sign."""
    ratio, chance = likelihood_ratio(case, event), case.probability(event)
    assume(abs(ratio - SPEAKS) > 1e-6 and abs(chance - 0.5) > 1e-9)
    assume(ratio == 0 or abs(ratio) > 1e-6)
    return (ratio >= SPEAKS or (ratio > 0 and chance > 0.5)) and shows_a_sign(case, event)


def results_of(case: dx.Diagnosis, test: str) -> set[str]:
    [variables] = [row.variables for row in case.model.tests if row.test == test]
    return {name for name in variables if case.findings.get(name, dx.UNKNOWN) is not dx.UNKNOWN}


def answering(case: dx.Diagnosis, event: str, tests: tuple[str, ...]) -> set[str]:
    """The results that answer what calls for tests, from the joint table."""
    if not tests or not all(results_of(case, test) for test in tests) or speaks(case, event):
        return set()
    asked = event_of(case.model, event)
    network, joint = brute.of_case(case)
    now = brute.log_odds(joint, network, asked)
    against = set()
    for name in set().union(*(results_of(case, test) for test in tests)):
        _, rest = brute.of_case(case.without(name))
        before = brute.log_odds(rest, network, asked)
        weight = 0.0 if now == before else now - before
        assume(abs(weight + SPEAKS) > 1e-6)
        if weight <= -SPEAKS:
            against.add(name)
    return against


@settings(max_examples=150)
@given(case=possible_cases())
def test_management_equals_its_definition(case: dx.Diagnosis) -> None:
    """The steps shown are those that the rule names, row by row, with probabilities and odds from the joint table."""
    expected = set()
    for row in case.model.management:
        chance, flag = probability(case, row.cause), flagged(case, row.cause)
        assume(abs(chance - row.threshold) > 1e-9)
        events = [event.name for event in action_events(case.model, row.cause)]
        chances = sorted(case.probability(name) for name in events)
        assume(len(chances) == 1 or chances[-1] - chances[-2] > 1e-9)
        likeliest = max(events, key=case.probability)
        if fails(case, row.conditions):
            continue
        emergency = row.urgency == "emergency"
        if not (chance >= row.threshold or (emergency and flag and holds(case, row.conditions))):
            continue
        reason = speaks(case, likeliest) or flag or (row.conditions and holds(case, row.conditions))
        if emergency and (not reason or answering(case, likeliest, row.tests)):
            continue
        expected.add((likeliest, row.action))
    assert {(step.cause, step.action) for step in case.management} == expected
    assert len(case.management) == len(expected)


@settings(max_examples=150)
@given(case=possible_cases())
def test_a_flag_is_answered_by_a_cause_that_is_denied_or_by_the_tests_it_calls_for(case: dx.Diagnosis) -> None:
    """Its cause is known to be absent; or all its tests are done, one of them against it, and nothing is left for it.

    An answered flag stays listed and raises no alarm.
    """
    for flag in case.red_flags:
        events = action_events(case.model, flag.cause)
        variable = events[0].variable
        states = [case.model.by_name[variable].states[code] for event in events for code in event.states]
        known = possible_states(case, variable)
        if known is not None and not known & set(states):
            expected = {variable}
        else:
            each = [answering(case, event.name, flag.tests) for event in events]
            expected = set().union(*each) if all(each) else set()
        assert set(flag.answered) == expected
        assert flag.done == tuple(test for test in flag.tests if results_of(case, test))
    raised = {flag.flag for flag in case.red_flags if not flag.answered}
    assert {name for alert in case.alerts for name in alert.flags} == raised


@settings(max_examples=100)
@given(case=possible_cases())
def test_what_is_shown_is_not_contradicted_and_every_emergency_has_a_reason(case: dx.Diagnosis) -> None:
    """No step against its conditions; each emergency step names findings that were given; urgency falls."""
    for step in case.management:
        assert not fails(case, step.conditions)
        assert_allclose(step.probability, case.probability(step.cause), atol=1e-12)
        assert (step.reason == "posterior") == (step.probability >= step.threshold)
        assert set(step.findings) <= set(case.findings) - {n for n, v in case.findings.items() if v is dx.UNKNOWN}
        if step.urgency == "emergency":
            assert step.supported
    order = [URGENCIES.index(step.urgency) for step in case.management]
    assert order == sorted(order)


@settings(max_examples=60)
@given(case=possible_cases())
def test_weights_of_evidence_are_differences_of_log_odds(case: dx.Diagnosis) -> None:
    """Together: log-odds with the findings minus without; given the others: minus without this one alone."""
    events = [event for step in case.model.management for event in action_events(case.model, step.cause)]
    for name, weighed in weigh(case.model, case.evidence, events).items():
        network, joint = brute.of_case(case)
        now = brute.log_odds(joint, network, event_of(case.model, name))
        assert_allclose(weighed.log_odds, now, atol=1e-8)
        assert_allclose(weighed.together, likelihood_ratio(case, name), atol=1e-8)
        for finding, weight in weighed.given_others.items():
            network, rest = brute.of_case(case.without(finding))
            before = brute.log_odds(rest, network, event_of(case.model, name))
            assert_allclose(weight, 0.0 if now == before else now - before, atol=1e-8)


def test_speaking_for_a_cause() -> None:
    """From a likelihood ratio of 2 on; above 1 where the cause is now more probable than not; the strongest first."""
    two = math.log(2)
    assert speak_for(Weighed(-1.0, two, {"a": 0.1, "b": 0.5, "c": -0.2, "d": 0.0})) == ("b", "a")
    assert speak_for(Weighed(-1.0, two - 0.01, {"a": 0.5})) == ()
    assert speak_for(Weighed(0.1, 0.2, {"a": 0.2})) == ("a",)
    assert speak_for(Weighed(3.0, -0.2, {"a": 0.2})) == ()
    assert speak_for(Weighed(3.0, 0.0, {})) == ()
    assert speak_for(Weighed(-1.0, 1.0, {"a": 0.0, "b": 0.0})) == ("a", "b")  # the same said twice
    assert speak_for(Weighed(-1.0, two, {"a": 0.1, "b": 0.5}, signs=frozenset("a"))) == ("b", "a")
    assert speak_for(Weighed(-1.0, two, {"a": 0.1, "b": 0.5, "c": -0.1}, signs=frozenset("c"))) == ()


@settings(max_examples=60)
@given(case=possible_cases())
def test_the_order_of_findings_changes_nothing(case: dx.Diagnosis) -> None:
    """Steps, alerts and triage are those of the same findings in another order."""
    turned = dx.diagnose(case.model, dict(reversed(list(case.findings.items()))))
    for step, other in zip(case.management, turned.management, strict=True):
        assert (step.cause, step.action, set(step.findings)) == (other.cause, other.action, set(other.findings))
    assert [(a.cause, a.urgency, a.certain) for a in case.alerts] == [
        (a.cause, a.urgency, a.certain) for a in turned.alerts
    ]
    assert (case.triage.level, case.triage.unasked) == (turned.triage.level, turned.triage.unasked)


@settings(max_examples=60)
@given(case=possible_cases())
def test_an_unrelated_variable_that_nobody_looked_at_changes_nothing(case: dx.Diagnosis) -> None:
    """A new variable without a link to any other leaves steps, alerts, triage and emergencies as they are."""
    model = case.model
    alien = Variable("alien", "Alien", "history", "", ("no", "yes"), "")
    larger = dataclasses.replace(
        model,
        variables=(*model.variables, alien),
        links=(*model.links, Link("", "", "alien", "yes", 0.3, 0.2, 0.4, "S", "expert")),
    )
    other = dx.diagnose(larger, dict(case.findings))
    for one, two in zip(case.management, other.management, strict=True):
        assert (one.cause, one.step, one.action, one.reason) == (two.cause, two.step, two.action, two.reason)
        assert set(one.findings) == set(two.findings)
        assert_allclose(one.probability, two.probability, atol=1e-12)
    assert [a.cause for a in case.alerts] == [a.cause for a in other.alerts]
    assert (case.triage.level, case.triage.unasked) == (other.triage.level, other.triage.unasked)
    assert [e.cause for e in dx.next_tests(case).emergencies] == [e.cause for e in dx.next_tests(other).emergencies]


@settings(max_examples=100)
@given(case=possible_cases())
def test_triage_is_the_most_urgent_of_flags_and_steps(case: dx.Diagnosis) -> None:
    """The level is the maximum over what each flag and each step gives; an alert of each cause says the same."""
    found = any(value is not dx.UNKNOWN for value in case.findings.values())
    given = {("emergency", True): "emergency", ("emergency", False): "urgent", ("urgent", True): "urgent"}
    flags = [flag for flag in case.red_flags if not flag.answered]
    levels = ["none", *(given.get((flag.urgency, flag.certain), "soon") for flag in flags)]
    for step in case.management:
        if step.urgency == "emergency":
            levels.append("emergency")
        elif step.urgency == "urgent" and (step.findings or found):
            levels.append("urgent" if step.findings else "soon")
    triage = case.triage
    assert triage.level == min(levels, key=LEVELS.index)
    assert (triage.level == "none") == (triage.text == NO_EMERGENCY) == (not triage.causes)
    assert (triage.level == "emergency") == any(a.urgency == "emergency" and a.certain for a in case.alerts)


@settings(max_examples=100)
@given(case=possible_cases())
def test_one_alert_for_each_cause(case: dx.Diagnosis) -> None:
    """Each cause with an open flag or an emergency step has one banner, with what they say is still to be done."""
    causes = [alert.cause for alert in case.alerts]
    assert len(causes) == len(set(causes))
    steps = [step for step in case.management if step.urgency == "emergency"]
    assert {step.cause for step in steps} <= set(causes)
    assert sum(len(alert.flags) for alert in case.alerts) == sum(not flag.answered for flag in case.red_flags)
    for alert in case.alerts:
        own = [step for step in steps if step.cause == alert.cause]
        fired = [flag for flag in case.red_flags if flag.flag in alert.flags]
        assert alert.urgency == min((row.urgency for row in (*own, *fired)), key=URGENCIES.index)
        open_ = [row for row in (*own, *fired) if not row.tests or row.done != row.tests]
        waiting = any(row.urgency == alert.urgency for row in open_)
        assert set(alert.actions) == {row.action for row in (open_ if waiting else (*own, *fired))}
        assert alert.certain == (bool(own) or any(f.certain and f.urgency == alert.urgency for f in fired))
        assert alert.findings
        assert alert.label == case.model.label(alert.cause)


@settings(max_examples=60)
@given(case=possible_cases())
def test_unasked_questions_could_still_make_an_emergency(case: dx.Diagnosis) -> None:
    """They are the findings, tests left out, of emergency flags and steps that nothing contradicts, not asked yet."""
    expected = set()
    rows = [
        *((flag.findings, flag.urgency) for flag in case.model.red_flags),
        *((step.conditions, step.urgency) for step in case.model.management),
    ]
    for conditions, urgency in rows:
        if urgency == "emergency" and not fails(case, conditions):
            expected |= {n for n, _ in conditions if n not in case.findings and case.model.by_name[n].kind != "test"}
    assert set(case.triage.unasked) == expected
    assert len(case.triage.unasked) == len(expected)


@settings(max_examples=60)
@given(case=possible_cases())
def test_open_emergencies_are_those_of_the_steps_shown(case: dx.Diagnosis) -> None:
    """A cause is an open emergency where an emergency step of it is shown and it is neither certain nor impossible."""
    shown = {step.cause: step.probability for step in case.management if step.urgency == "emergency"}
    following = dx.next_tests(case)
    assert {e.cause for e in following.emergencies} == {cause for cause, p in shown.items() if 0 < p < 1}
    for emergency in following.emergencies:
        own = [s.threshold for s in case.management if s.cause == emergency.cause and s.urgency == "emergency"]
        assert emergency.threshold == min(own)


@given(case=possible_cases())
def test_a_diagnosis_with_alerts_and_triage_is_json(case: dx.Diagnosis) -> None:
    """``to_dict`` has one alert per cause and the triage, findings with their values."""
    document = json.loads(json.dumps(case.to_dict()))
    assert [alert["cause"] for alert in document["alerts"]] == [alert.cause for alert in case.alerts]
    assert document["triage"]["level"] == case.triage.level
    assert document["triage"]["text"] == case.triage.text
    for step, row in zip(case.management, document["management"], strict=True):
        assert list(row["findings"]) == list(step.findings)
        assert row["conditions"] == {name: list(states) for name, states in step.conditions}


@pytest.mark.parametrize(("name", "population"), SHIPPED)
def test_no_findings_no_emergency(name: str, population: str) -> None:
    """Nothing found: no flag, no alert, no emergency step, no open emergency, however common an emergency is."""
    case = dx.diagnose(dx.load_model(name, population=population))
    assert not case.red_flags
    assert not case.alerts
    assert all(step.urgency != "emergency" for step in case.management)
    assert case.triage.level == "none"
    assert dx.next_tests(case).emergencies == ()


def test_what_denies_every_emergency_raises_none() -> None:
    """Findings that deny them gave three emergency steps in the emergency department, by prior alone (reported)."""
    denied = (
        *(
            "fever",
            "bilateral_leg_weakness",
            "saddle_anaesthesia",
            "bladder_bowel_dysfunction",
            "unable_to_bear_weight",
        ),
        *("night_pain_or_weight_loss", "upper_motor_neuron_signs", "limited_hip_rotation"),
    )
    findings = dict.fromkeys(denied, "absent") | {"onset": "gradual", "trauma": "no", "cancer_history": "no"}
    case = dx.diagnose(dx.load_model("hip_flexion_weakness@2.2.1", population="emergency_department"), findings)
    assert all(step.urgency != "emergency" for step in case.management)
    assert case.triage.level != "emergency"


def graded(management: tuple[ManagementStep, ...], flags: tuple[RedFlag, ...] = ()) -> dx.Model:
    """One cause of three states, and a finding that one of them brings about."""
    model = naive_model([0.1, 0.1], [0.8, 0.0])
    cause = Variable("c", "Cause", "cause", "", ("none", "mild", "grave"), "", state_labels=("None", "Mild", "Grave"))
    return dataclasses.replace(
        model,
        variables=(cause, *model.variables[1:]),
        priors=(
            Prior("here", "c", "mild", 0.3, 0.2, 0.4, "S", "expert"),
            Prior("here", "c", "grave", 0.05, 0.02, 0.1, "S", "expert"),
        ),
        links=(
            *(link for link in model.links if not link.parent),
            Link("c", "grave", "f0", "yes", 0.9, 0.8, 0.95, "S", "expert"),
        ),
        management=management,
        red_flags=flags,
    )


def step_of(cause: str, threshold: float, urgency: str = "emergency", **more: object) -> ManagementStep:
    return ManagementStep(cause, 1, urgency, "Act", "", "S", "expert", threshold, "S", "expert", **more)


def test_states_of_a_cause_have_steps_of_their_own() -> None:
    """A step about a state asks for the probability of that state, and is called by its label."""
    model = graded((step_of("c=grave", 0.2),))
    [step] = dx.diagnose(model, {"f0": "yes"}).management
    assert step.cause == "c=grave"
    assert model.label(step.cause) == "Grave"
    assert dx.diagnose(model, {"f0": "no"}).management == ()


def test_not_being_in_the_reference_state_is_no_event() -> None:
    """A row of format 1 about a graded cause as a whole is about its likeliest state: 0.3, not 0.35."""
    look = dataclasses.replace(step_of("c", 0.29, "urgent"), step=2, action="Look")
    model = graded((step_of("c", 0.33, "urgent"), look))
    [step] = dx.diagnose(model).management
    assert (step.cause, step.action) == ("c=mild", "Look")
    assert step.probability == pytest.approx(0.3)
    certain = dx.diagnose(model, {"f0": "yes", "c": "grave"})
    assert {step.cause for step in certain.management} == {"c=grave"}


@pytest.mark.parametrize("urgency", URGENCIES)
def test_a_step_is_called_for_from_its_threshold_on(urgency: str) -> None:
    """A probability that equals the threshold calls for the step, opens the emergency, and decides the action."""
    found = {"f0": "yes"}

    def asked(threshold: float) -> dx.Diagnosis:
        rows = [step_of("c", threshold, urgency)]
        return dx.diagnose(naive_model([0.1, 0.1], [0.8, 0.8], tests=[], management=rows), found)

    [step] = asked(0.1).management
    here, above = asked(step.probability), asked(math.nextafter(step.probability, 1.0))
    assert [(s.probability, s.reason) for s in here.management] == [(step.probability, "posterior")]
    assert above.management == ()
    for case, taken in ((here, True), (above, False)):
        decided = decisions(compiled(case.model).engine, case.model, case.evidence.evidence, case.action_marginals)
        assert decided.tolist() == [[taken]]
    if urgency == "emergency":
        assert (here.triage.level, above.triage.level) == ("emergency", "none")
        assert [alert.cause for alert in here.alerts] == ["c"]
        [still] = dx.next_tests(here).emergencies
        assert "at or above its threshold" in dx.next_tests(here).stop_reason
        assert still.probability == still.threshold == step.probability
        assert dx.next_tests(above).emergencies == ()


def test_a_population_may_have_a_threshold_of_its_own() -> None:
    """Steps, alarms, emergencies left open, what an answer would change: all go by the threshold of the population."""
    here = naive_model([0.1, 0.1], [0.8, 0.8], management=[step_of("c", 0.1, thresholds=(("there", 0.9),))])
    info = dataclasses.replace(here.info, populations=(*here.info.populations, Population("there", "There")))
    priors = (*here.priors, *(dataclasses.replace(row, population="there") for row in here.priors))
    both = dataclasses.replace(here, info=info, priors=priors)
    for population, threshold in (("here", 0.1), ("there", 0.9)):
        model = both.with_population(population)
        alone = dataclasses.replace(model, management=(step_of("c", threshold),))
        assert [step.threshold for step in model.steps] == [threshold]
        case, same = dx.diagnose(model, {"f0": "yes"}), dx.diagnose(alone, {"f0": "yes"})
        assert case.management == same.management
        assert case.triage == same.triage
        assert case.triage.level == ("emergency" if population == "here" else "none")
        assert dx.next_tests(case).emergencies == dx.next_tests(same).emergencies
        assert dx.next_tests(case).table.equals(dx.next_tests(same).table)
        found, wanted = dx.sensitivity_analysis(case), dx.sensitivity_analysis(same)
        assert found.table["crossed"].dropna().unique().tolist() == [threshold]
        assert found.table.equals(wanted.table)


def test_the_same_action_under_several_conditions_is_one_step() -> None:
    """Rows that say "or" are one step; it is gone once all of their conditions are contradicted."""
    rows = tuple(
        dataclasses.replace(step_of("c", 0.1, conditions=((name, ("yes",)),)), step=place)
        for place, name in enumerate(("f0", "f1"), start=1)
    )
    model = naive_model([0.1, 0.1, 0.1], [0.4, 0.8, 0.8], management=rows)
    assert [s.conditions for s in dx.diagnose(model, {"f2": "yes"}).management] == [(("f0", ("yes",)),)]
    [step] = dx.diagnose(model, {"f0": "no", "f1": "yes", "f2": "yes"}).management
    assert step.conditions == (("f1", ("yes",)),)
    assert step.findings[0] == "f1"
    assert dx.diagnose(model, {"f0": "no", "f1": "no", "f2": "yes"}).management == ()
    assert dx.diagnose(model, {"f0": "no", "f1": dx.UNKNOWN, "f2": "yes"}).management  # not known is not denied


def test_conditions_that_hold_are_reason_enough() -> None:
    """Above its threshold, an emergency step whose conditions hold needs no finding that doubles the odds."""
    row = step_of("c", 0.1, conditions=(("f1", ("no",)),))
    model = naive_model([0.1, 0.5], [0.8, 0.1], prior=0.3, management=[row])
    [step] = dx.diagnose(model, {"f1": "no"}).management
    assert step.findings == ("f1",)
    assert dx.diagnose(model).management == ()


def test_a_flag_stands_for_the_threshold_not_for_conditions() -> None:
    """A red flag calls for the emergency steps of its cause, but not for one that still waits for a result."""
    rows = [
        step_of("c", 0.99),
        dataclasses.replace(step_of("c", 0.99, conditions=(("f1", ("yes",)),)), step=2, action="Cut"),
    ]
    flag = RedFlag("alarm", (("f0", ("yes",)),), "c", "emergency", "Run", "S", "expert")
    model = dataclasses.replace(naive_model([0.4, 0.1], [0.1, 0.8], prior=0.01, management=rows), red_flags=(flag,))
    case = dx.diagnose(model, {"f0": "yes"})
    assert [(s.action, s.reason, s.findings) for s in case.management] == [("Act", "red flag", ("f0",))]
    assert [s.action for s in dx.diagnose(model, {"f0": "yes", "f1": "yes"}).management] == ["Act", "Cut"]
    [alert] = case.alerts
    assert (alert.actions, alert.flags, alert.findings) == (("Run", "Act"), ("alarm",), ("f0",))
    [unsure] = dx.diagnose(model, {"f0": {"yes": 0.5, "no": 0.5}}).alerts
    assert (unsure.urgency, unsure.certain) == ("emergency", False)
    assert dx.diagnose(model, {"f0": {"yes": 0.5, "no": 0.5}}).triage.level == "urgent"


def test_tests_of_an_emergency_have_their_result_in_time() -> None:
    """The time as an emergency counts; a test that has none is judged by its usual time."""
    slow = Test("scan", "Scan", ("f1",), 10, 72, 0, 0, "S", "expert")
    rows = [step_of("c", 0.2)]
    model = naive_model([0.1, 0.1], [0.8, 0.8], tests=[slow], management=rows, kind="test")
    case = dx.diagnose(model, {"f0": "yes"})
    assert dx.next_tests(case).suggestions[0].emergency == ""
    following = dx.next_tests(dx.diagnose(in_time(model, scan=4.0), {"f0": "yes"}))
    assert following.purpose(following.suggestions[0]) == "confirms or excludes Cause, in 4 h"
