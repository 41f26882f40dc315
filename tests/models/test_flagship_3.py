"""hip_flexion_weakness 3.0.1 and 3.0.0: one exclusive main cause, every cause of the vocabulary a node, few numbers."""

from __future__ import annotations

import csv
import runpy
from dataclasses import replace

import pytest
from numpy.testing import assert_allclose

import bayesdx as dx
from bayesdx.errors import FindingsError
from bayesdx.evaluation.case_scores import must_not_miss
from tests.models.versions import ROOT

MODEL = dx.load_model("hip_flexion_weakness@3.0.1")
BEFORE = dx.load_model("hip_flexion_weakness@3.0.0")
DERIVATION = ROOT / "derivation" / "3.0.0"
NAMED_BEFORE = tuple(name for name in dx.load_model("hip_flexion_weakness@2.3.0").causes)


def diagnosed(setting: str = "primary_care", **findings: str) -> dx.Diagnosis:
    """A case of a setting."""
    return dx.diagnose(MODEL.with_population(setting), findings)


def test_every_patient_has_one_main_cause() -> None:
    """The causes but other_cause exclude each other: their probabilities sum to 1, whatever is found."""
    for case in (diagnosed(), diagnosed(fever="present", pain_groin="present"), diagnosed(age_group="under_40")):
        assert_allclose(case.posterior.drop("other_cause").sum(), 1, atol=1e-9)
        assert case.none_present == pytest.approx(0, abs=1e-12)


def test_every_cause_of_the_vocabulary_is_a_node_and_a_key() -> None:
    """Each can be given, asked for and exported; other_cause is the sum of what has no name there, and has no rank."""
    case = diagnosed(onset="sudden")
    assert set(NAMED_BEFORE) < set(case.posterior.index)
    unnamed = [name for name in case.posterior.index if name not in NAMED_BEFORE]
    assert_allclose(case.posterior["other_cause"], case.posterior[unnamed].sum(), atol=1e-12)
    assert "other_cause" not in {line.cause for line in case.differential}
    assert dx.diagnose(MODEL, {"disc_herniation": "present"}).posterior["disc_herniation"] == 1


def test_the_numbers_can_be_counted() -> None:
    """About 700 uncertain numbers, and what published studies inform by at least a half of what is known."""
    uncertain, informed = MODEL.count_informed()
    assert uncertain < 750
    assert informed >= 50
    by_definition = [row for row in MODEL.links if row.source == "DEFINITION"]
    assert {row.link_probability for row in by_definition} == {1.0}


def test_left_out_figures_lie_where_the_others_predict_them() -> None:
    """At least nine in ten of the published figures, each predicted without its own source."""
    with (DERIVATION / "left_out.csv").open(encoding="utf-8", newline="") as file:
        verdicts = [row["verdict"] for row in csv.DictReader(file)]
    assert len(verdicts) == len(MODEL.studies)
    assert verdicts.count("inside") >= 0.9 * len(verdicts)


def test_the_variables_of_the_version_before_that_are_asked_for_remain() -> None:
    """Old codings of patients run: contexts and findings keep their names and states."""
    for variable in dx.load_model("hip_flexion_weakness@2.3.0").variables:
        if variable.kind not in ("mechanism", "cause"):
            assert MODEL.by_name[variable.variable].states == variable.states


@pytest.mark.parametrize(
    ("findings", "urgency"),
    [
        ({"bilateral_leg_weakness": "present"}, "urgent"),
        ({"bilateral_leg_weakness": "present", "leg_numbness": "present"}, "emergency"),
        ({"bilateral_leg_weakness": "present", "onset": "sudden"}, "emergency"),
        ({"fever": "present"}, "emergency"),
        ({"anticoagulation": "yes", "onset": "sudden"}, "emergency"),
        ({"anticoagulation": "yes", "knee_extension_weakness": "present"}, "emergency"),
        ({"inflammatory_markers": "raised", "pain_groin": "present"}, "emergency"),
        ({"infection_risk": "yes", "pain_low_back": "present"}, "emergency"),
        ({"pain_low_back": "present"}, None),
    ],
)
def test_red_flags_fire_from_findings(findings: dict[str, str], urgency: str | None) -> None:
    """Weakness of both legs alone is urgent; fever, markers with pain, and a risk of infection with pain never wait."""
    flags = diagnosed(**findings).red_flags
    assert (flags[0].urgency if flags else None) == urgency


@pytest.mark.parametrize("setting", [population.name for population in MODEL.info.populations])
def test_weakness_of_both_legs_alone_is_no_emergency(setting: str) -> None:
    """No flag makes it one; numbness, back pain or a sudden onset beside it does."""
    weak = {"bilateral_leg_weakness": "present"}
    alone = {**weak, "onset": "gradual", "leg_numbness": "absent", "pain_low_back": "absent"}
    assert [flag.urgency for flag in diagnosed(setting, **alone).red_flags] == ["urgent"]
    assert dx.diagnose(BEFORE.with_population(setting), alone).triage.level == "urgent"
    for finding in ({"leg_numbness": "present"}, {"pain_low_back": "present"}, {"onset": "sudden"}):
        assert diagnosed(setting, **weak, **finding).triage.level == "emergency"


def test_in_the_emergency_department_it_reaches_the_threshold_of_a_cord_lesion() -> None:
    """3.0.1: without a flag, triage is an emergency there, and says which step of care makes it one."""
    alone = {"onset": "gradual", "leg_numbness": "absent", "pain_low_back": "absent"}
    levels = {
        population.name: diagnosed(population.name, bilateral_leg_weakness="present", **alone).triage
        for population in MODEL.info.populations
    }
    assert {name: triage.level for name, triage in levels.items()} == {
        "primary_care": "urgent", "emergency_department": "emergency", "specialist_referral": "urgent",
    }  # fmt: skip
    assert levels["emergency_department"].causes == ("spinal_cord",)


def test_hospitals_alarmed_from_higher_thresholds_and_looked_the_same_day_below() -> None:
    """3.0.0: each of the seven has a threshold of its setting, at most a third, and a step that is urgent below it."""
    steps = {row.name: BEFORE.with_population(row.name).steps for row in BEFORE.info.populations}
    seven = must_not_miss(BEFORE)
    assert len(seven) == 7
    for cause, threshold in seven.items():
        for setting, rows in steps.items():
            first = next(row for row in rows if row.cause == cause)
            assert first.threshold >= threshold, setting
            assert first.threshold <= 0.33, setting
            assert min(row.threshold for row in rows if row.cause == cause and row.urgency == "urgent") <= threshold


def test_a_threshold_holds_in_every_setting() -> None:
    """3.0.1: the lower ones of 3.0.0, from which a clinician would act who fears to miss the cause."""
    assert not any(step.thresholds for step in MODEL.management)
    assert [step.threshold for step in MODEL.management] == [step.threshold for step in BEFORE.management]


def test_only_thresholds_words_and_cases_differ_from_the_version_before() -> None:
    """The derivation gives the folder; every number, condition and urgency is that of 3.0.0, and so are most texts."""
    derived = runpy.run_path(str(ROOT / "derivation" / "3.0.1" / "derive.py"))["derive"]()
    assert derived.hash == MODEL.hash
    for name in ("priors", "links", "tables", "tests", "cause_groups", "sources"):
        assert getattr(MODEL, name) == getattr(BEFORE, name), name
    texts = {
        "variables": {"definition": "", "state_labels": ()},
        "red_flags": {"action": ""},
        "management": {"when": "", "threshold": 0.0, "thresholds": ()},
        "studies": {"note": ""},
    }
    for name, free in texts.items():
        now, then = ([replace(row, **free) for row in getattr(model, name)] for model in (MODEL, BEFORE))
        assert now == then, name


def test_a_word_that_may_be_an_old_story_is_no_certain_cause() -> None:
    """A stroke or a metastasis that somebody had need not be what weakens the leg: the word alone is refused."""
    for word in ("stroke", "myelopathy", "metastasis", "hip fracture"):
        with pytest.raises(FindingsError, match="may mean"):
            dx.diagnose(MODEL, {word: "yes"})


def test_the_notes_say_what_a_clinician_must_add() -> None:
    """What red flags and steps leave out is among the known weaknesses of the card."""
    weak = dx.model_card(MODEL).split("## Known weaknesses")[1].split("\n## ")[0]
    assert "### What a clinician must add to the advice" in weak
    for word in ("Pulses", "Potassium", "steroid trial", "dexamethasone", "residual", "prosthesis"):
        assert word in weak


def test_the_cases_of_the_blind_run_are_held_out() -> None:
    """The 91 of them, none of which the version before had."""
    judged = [case for case in MODEL.cases if case.use == "held_out"]
    assert len(judged) == 91
    assert not {case.case for case in judged} & {case.case for case in BEFORE.cases}


@pytest.mark.parametrize(
    ("setting", "findings", "first"),
    [
        ("primary_care", {"age_group": "under_40", "hip_flexor_loading": "yes", "onset": "sudden",
                          "pain_groin": "present", "hip_flexor_tenderness": "present"}, "iliopsoas_strain"),
        ("primary_care", {"age_group": "60_and_over", "neurogenic_claudication": "present",
                          "pain_buttock": "present"}, "spinal_stenosis"),
        ("emergency_department", {"fever": "present", "limited_hip_rotation": "present",
                                  "unable_to_bear_weight": "present"}, "septic_hip"),
        ("emergency_department", {"fever": "present", "pain_low_back": "present"}, "severe_infection"),
        ("emergency_department", {"onset": "sudden", "pain_groin": "absent", "pain_low_back": "absent",
                                  "upper_motor_neuron_signs": "present"}, "brain"),
        ("specialist_referral", {"bilateral_leg_weakness": "present", "creatine_kinase": "raised",
                                 "leg_numbness": "absent"}, "muscle_disease"),
        ("specialist_referral", {"recent_pelvic_procedure": "yes", "knee_extension_weakness": "present",
                                 "hip_adduction_weakness": "absent", "pain_low_back": "absent"},
         "peripheral_neuropathy"),
    ],
)  # fmt: skip
def test_plain_pictures_come_out_first(setting: str, findings: dict[str, str], first: str) -> None:
    """What a textbook calls typical leads the differential of a setting where it is seen."""
    assert diagnosed(setting, **findings).differential[0].cause == first


def test_a_sum_takes_no_rank_in_the_draws() -> None:
    """The leading cause ranks first most often, and P(rank 1) adds up over the causes that have lines."""
    sure = dx.credible_intervals(diagnosed("emergency_department", onset="sudden"), draws=200, seed=1)
    lines = [line.cause for line in sure.case.differential]
    assert sure.table.loc[lines, "first"].sum() == pytest.approx(1)
    assert sure.table.loc["other_cause", "first"] == 0
    assert sure.table["first"].idxmax() == lines[0]


def test_a_cause_that_is_certain_has_infinite_odds() -> None:
    """However its posterior is rounded; the groups of the others are exactly impossible."""
    for state in ("brain", "tumour", "polymyalgia", "disc_herniation", "muscle_disease"):
        case = dx.diagnose(MODEL, {"main_cause": state})
        assert case.posterior[state] == 1
        assert case.differential[0].likelihood_ratio == float("inf")
        for group in case.groups:
            if state not in [member.cause for member in group.members]:
                assert group.probability == 0, group.group


def test_a_word_with_two_meanings_is_answered_with_what_to_type() -> None:
    """Where the readings differ each is written as a finding; both of them are taken as they are written."""
    with pytest.raises(dx.FindingsError) as caught:
        dx.diagnose(MODEL, {"hip fracture": "yes"})
    assert str(caught.value) == (
        "findings: 'hip fracture' may mean main_cause=fracture (Main cause of the complaint: Hip or pelvic fracture) "
        "or fracture=present (Hip or pelvic fracture); give one of these."
    )
    first, second = diagnosed(main_cause="fracture"), diagnosed(fracture="present")
    assert first.probability("main_cause=stress_fracture") == 0 < second.probability("main_cause=stress_fracture")
