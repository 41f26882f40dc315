"""Steps of care of 2.3.0: what 2.2.1 says stands, about kinds and under conditions; what is new is listed."""

from __future__ import annotations

import dataclasses

import pytest

import bayesdx as dx
from bayesdx.knowledge.schema import EMERGENCY_HOURS
from tests.models.versions import ROOT

OLD, NEW = dx.load_model(ROOT / "2.2.1"), dx.load_model(ROOT / "2.3.0")

ADDED = {
    ("main_cause=brain", "emergency", 0.05),
    ("main_cause=hip_fracture", "emergency", 0.05),
    ("main_cause=polyradiculoneuropathy", "emergency", 0.1),
    ("main_cause=cord", "emergency", 0.05),
    ("main_cause=cord", "urgent", 0.05),
    ("main_cause=joint_inflammation", "urgent", 0.05),
    ("main_cause=infected_prosthesis", "urgent", 0.05),
}
"""Cause, urgency and threshold of the steps that 2.2.1 does not have."""


def said(step):
    """All that a row says besides what it is about, its place, its conditions and its tests."""
    return dataclasses.replace(step, cause="", step=0, conditions=(), tests=())


def test_every_step_of_the_parent_stands():
    """Text, urgency, source and threshold of each row are those of 2.2.1; only the seven new steps are others."""
    before, after = {said(step) for step in OLD.management}, {said(step) for step in NEW.management}
    assert before <= after
    new = [step for step in NEW.management if said(step) not in before]
    assert {(step.cause, step.urgency, step.threshold) for step in new} == ADDED


def test_a_step_stays_with_its_cause():
    """A row is about the cause that it was about, or about a kind of other_cause."""
    kinds = {f"main_cause={link.parent_state}" for link in NEW.links if link.child == "other_cause"}
    owners = {said(step): step.cause for step in OLD.management}
    for step in NEW.management:
        owner = owners.get(said(step), "other_cause")
        assert step.cause == owner or (owner == "other_cause" and step.cause in kinds)


def test_no_flag_is_added_removed_or_changed():
    """Name, findings, urgency, action and source of each red flag are those of 2.2.1."""
    plain = [{dataclasses.replace(flag, cause="", tests=()) for flag in model.red_flags} for model in (OLD, NEW)]
    assert plain[0] == plain[1]


def test_tests_differ_in_the_time_of_an_emergency_alone():
    """Cost, usual delay, burden and risk are those of 2.2.1."""
    plain = [
        {dataclasses.replace(test, note="", emergency_delay_hours=None) for test in model.tests} for model in (OLD, NEW)
    ]
    assert plain[0] == plain[1]
    soonest = {test.test: test.soonest_hours for test in NEW.tests}
    for row in (*NEW.management, *NEW.red_flags):
        assert row.urgency != "emergency" or all(soonest[test] <= EMERGENCY_HOURS for test in row.tests)


@pytest.mark.parametrize("population", ["primary_care", "emergency_department", "specialist_referral"])
def test_no_finding_no_emergency(population):
    """Although a fracture is at 0.14 in the emergency department, above its threshold."""
    case = dx.diagnose(NEW.with_population(population))
    assert case.triage.text == "no emergency found with these findings"
    assert case.alerts == ()


@pytest.mark.parametrize("population", ["primary_care", "emergency_department", "specialist_referral"])
@pytest.mark.parametrize(
    ("findings", "cause"),
    [
        ({"upper_motor_neuron_signs": "present", "onset": "sudden"}, "main_cause=brain"),
        ({"upper_motor_neuron_signs": "present", "bladder_bowel_dysfunction": "present"}, "main_cause=cord"),
        ({"trauma": "yes", "unable_to_bear_weight": "present"}, "main_cause=hip_fracture"),
        ({"fever": "present", "limited_hip_rotation": "present"}, "main_cause=joint_inflammation"),
        ({"hip_replacement": "yes", "fever": "present"}, "main_cause=infected_prosthesis"),
        ({"saddle_anaesthesia": "present"}, "cauda_equina_syndrome"),
        ({"fever": "present", "pain_low_back": "present"}, "severe_infection"),
        (
            {"anticoagulation": "yes", "knee_extension_weakness": "present", "pain_groin": "present"},
            "retroperitoneal_haematoma",
        ),
        (
            {"bilateral_leg_weakness": "present", "patellar_reflex": "absent", "onset": "sudden"},
            "main_cause=polyradiculoneuropathy",
        ),
    ],
)
def test_each_emergency_has_its_banner(findings, cause, population):
    """The classical picture of each gives one banner of its cause, in words, with what was found."""
    case = dx.diagnose(NEW.with_population(population), findings)
    assert case.triage.level == "emergency"
    [alert] = [alert for alert in case.alerts if alert.cause == cause]
    assert (alert.urgency, alert.certain) == ("emergency", True)
    assert set(findings) & set(alert.findings)
    assert alert.label == NEW.label(cause)
    assert "=" not in alert.label


def test_what_denies_an_emergency_shows_none_of_its_steps():
    """No bladder, saddle or leg sign, no fever, no trauma: no emergency in any population, nor its steps."""
    absent = (
        *(
            "saddle_anaesthesia",
            "bladder_bowel_dysfunction",
            "bilateral_leg_weakness",
            "fever",
            "unable_to_bear_weight",
        ),
        *("upper_motor_neuron_signs", "knee_extension_weakness", "limited_hip_rotation"),
    )
    no = ("trauma", "cancer_history", "anticoagulation", "infection_risk")
    denied = {"onset": "gradual", **dict.fromkeys(absent, "absent"), **dict.fromkeys(no, "no")}
    for population in NEW.info.populations:
        case = dx.diagnose(NEW.with_population(population.name), denied)
        assert not [step for step in case.management if step.urgency == "emergency"]


def test_a_lumbar_mri_is_in_time():
    """2.2.1 called for an MRI day or night and gave it three days; now it confirms or excludes within hours."""
    following = dx.next_tests(dx.diagnose(NEW, {"saddle_anaesthesia": "present", "leg_numbness": "present"}))
    scan = {suggestion.option.name: suggestion for suggestion in following.suggestions}["mri_lumbar"]
    assert following.purpose(scan) == "confirms or excludes Cauda equina syndrome, in 4 h"


def test_a_negative_scan_answers_the_flag_that_called_for_it():
    """The flag stays listed, with what answers it; nobody is sent to the same scan again."""
    case = dx.diagnose(NEW, {"saddle_anaesthesia": "present", "mri_cauda_compression": "negative"})
    [flag] = case.red_flags
    assert (flag.flag, flag.done, flag.answered) == ("saddle_numbness", ("mri_lumbar",), ("mri_cauda_compression",))
    assert case.alerts == ()
    assert case.triage.level != "emergency"
    text = " ".join(str(case).split())
    assert "Answered Red flag Saddle numbness (Cauda equina syndrome): MRI: cauda equina free" in text
    assert "Emergency department now" not in text


def test_a_negative_scan_answers_nothing_while_much_speaks_for_the_cause():
    """Numb saddle, failing bladder, both legs weak, no anal tone: the scan is read again, and the alarm stays."""
    signs = {"saddle_anaesthesia": "present", "bladder_bowel_dysfunction": "present", "anal_tone": "reduced"}
    case = dx.diagnose(
        NEW,
        {**signs, "bilateral_leg_weakness": "present", "leg_numbness": "present", "mri_cauda_compression": "negative"},
    )
    [alert] = [alert for alert in case.alerts if alert.cause == "cauda_equina_syndrome"]
    assert (alert.urgency, alert.certain, alert.done) == ("emergency", True, ("mri_lumbar",))
    assert "(done already: Lumbar MRI)" in " ".join(str(case).split())


@pytest.mark.parametrize(
    "result", [{"mri_disc_herniation": "negative"}, {"post_void_residual": "normal"}, {"mri_lumbar": dx.UNKNOWN}]
)
def test_a_result_about_something_else_answers_nothing(result):
    """A scan of which only the discs are told, or a residual alone, leaves the emergency as it is."""
    known = {name: value for name, value in result.items() if name in NEW.by_name}
    case = dx.diagnose(NEW, {"saddle_anaesthesia": "present", **known})
    assert case.triage.level == "emergency"
    assert all(not flag.answered for flag in case.red_flags)


def test_a_positive_scan_raises_its_own_alarm_and_does_not_ask_for_itself():
    """What is left to do: the surgeon."""
    case = dx.diagnose(NEW, {"saddle_anaesthesia": "present", "mri_cauda_compression": "positive"})
    [alert] = [alert for alert in case.alerts if alert.cause == "cauda_equina_syndrome"]
    assert alert.actions[0] == "Spinal surgeon now"
    assert "Emergency department now; MRI day or night" not in alert.actions


def test_a_cause_that_is_denied_raises_no_alarm():
    """Whoever says that it is no cauda equina syndrome is not told to look for one."""
    case = dx.diagnose(NEW, {"saddle_anaesthesia": "present", "cauda_equina_syndrome": "absent"})
    [flag] = case.red_flags
    assert flag.answered == ("cauda_equina_syndrome",)
    assert case.alerts == ()
    assert not [step for step in case.management if step.cause == "cauda_equina_syndrome"]


def test_the_kind_that_is_known_answers_the_flags_of_others():
    """A known hip fracture is no stroke."""
    signs = {"upper_motor_neuron_signs": "present", "onset": "sudden"}
    case = dx.diagnose(NEW, {**signs, "main_cause": "hip_fracture"})
    answered = {flag.cause: flag.answered for flag in case.red_flags}
    assert answered == {"main_cause=brain": ("main_cause",), "main_cause=cord": ("main_cause",)}
