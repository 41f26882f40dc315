"""The kinds of main cause: split without loss, described as patients are, told apart."""

import pandas as pd
import pytest

import bayesdx as dx
from tests.models.versions import ROOT, RULES, V2_2_1

POPULATIONS = ("primary_care", "emergency_department", "specialist_referral")


def evidence(*numbers):
    """The tables of a version and of those before it, from the oldest."""
    return RULES["Evidence"](*(ROOT / "derivation" / number for number in numbers))


def own(number, name):
    """The rows of a table that a version changes or adds."""
    return RULES["table"](ROOT / "derivation" / number, name)


def shares(*numbers):
    """P(main cause) by population and cause, as the evidence of a version says."""
    return {key: known.value for key, known in RULES["shares"](evidence(*numbers)).items()}


def patient(*present, **states):
    """Findings: those named are present, the others as said."""
    return dict.fromkeys(present, "present") | states


TEXTBOOK = {
    "hip_fracture": (
        "emergency_department",
        patient("pain_groin", "unable_to_bear_weight", age_group="60_and_over", trauma="yes", xray_hip="normal"),
    ),
    "stress_fracture": (
        "primary_care",
        patient("pain_groin", "limited_hip_rotation", "night_pain_or_weight_loss", "unable_to_bear_weight",
                age_group="under_40", hip_flexor_loading="yes", onset="gradual", xray_hip="normal"),
    ),
    "osteonecrosis": (
        "specialist_referral",
        patient("pain_groin", "limited_hip_rotation", age_group="40_to_59", infection_risk="yes",
                inflammatory_markers="normal", mri_bone_lesion="positive"),
    ),
    "bone_tumour": (
        "primary_care",
        patient("pain_groin", "night_pain_or_weight_loss", age_group="60_and_over", cancer_history="yes",
                onset="gradual", hip_flexion_strength="severely_reduced"),
    ),
    "joint_inflammation": (
        "emergency_department",
        patient("fever", "pain_groin", "limited_hip_rotation", "unable_to_bear_weight", age_group="40_to_59",
                inflammatory_markers="raised"),
    ),
    "infected_prosthesis": (
        "specialist_referral",
        patient("night_pain_or_weight_loss", age_group="60_and_over", hip_replacement="yes", fever="absent",
                inflammatory_markers="raised", onset="gradual", pain_on_resisted_hip_flexion="absent"),
    ),
    "polymyalgia": (
        "primary_care",
        patient("stiffness_sit_to_stand", "pain_buttock", "pain_anterior_thigh", "bilateral_leg_weakness",
                age_group="60_and_over", inflammatory_markers="raised"),
    ),
    "brain": (
        "emergency_department",
        patient("knee_extension_weakness", "ankle_dorsiflexion_weakness", "upper_motor_neuron_signs",
                age_group="60_and_over", onset="sudden", pain_groin="absent", pain_low_back="absent",
                bilateral_leg_weakness="absent"),
    ),
    "cord": (
        "emergency_department",
        patient("bilateral_leg_weakness", "bladder_bowel_dysfunction", "upper_motor_neuron_signs", "leg_numbness"),
    ),
    "muscle_disease": (
        "specialist_referral",
        patient("bilateral_leg_weakness", age_group="40_to_59", onset="gradual", creatine_kinase="raised",
                leg_numbness="absent", pain_low_back="absent"),
    ),
    "motor_neuron_disease": (
        "specialist_referral",
        patient("muscle_wasting", "knee_extension_weakness", "upper_motor_neuron_signs", age_group="60_and_over",
                onset="gradual", leg_numbness="absent", pain_groin="absent"),
    ),
    "polyradiculoneuropathy": (
        "emergency_department",
        patient("bilateral_leg_weakness", "leg_numbness", "knee_extension_weakness", "ankle_dorsiflexion_weakness",
                patellar_reflex="absent", onset="sudden", pain_low_back="absent", saddle_anaesthesia="absent"),
    ),
}  # fmt: skip
"""Where a kind of other cause is seen, and how a textbook draws it."""


def kinds(population, findings):
    """P(main cause | findings)."""
    engine = dx.Engine(V2_2_1.model.with_population(population))
    return engine.marginals(pd.DataFrame([findings]), targets=["main_cause"])["main_cause"].iloc[0]


@pytest.mark.parametrize("population", POPULATIONS)
def test_a_state_that_is_split_keeps_its_share(population):
    """The parts that 2.1.0 made of a state of 2.0.0 are together as common as the state was."""
    splits, before, after = own("2.1.0", "splits.csv"), shares("2.0.0"), shares("2.0.0", "2.1.0")
    for state in {row["state"] for row in splits}:
        parts = [row["part"] for row in splits if row["state"] == state]
        assert sum(after[population, part] for part in parts) == pytest.approx(before[population, state])


def test_no_judgement_of_a_finding_is_surer_than_its_observers():
    """A judged probability of a finding stays the observers' error away from 0 and 1 (rule 7)."""
    error = {row["kind"]: float(row["error"]) for row in V2_2_1.evidence.read("observer_error.csv")}
    model = V2_2_1.model
    leaks = {(row.child, row.child_state): row.link_probability for row in model.links
             if not row.parent and row.status == "expert"}  # fmt: skip
    assert leaks
    for (child, state), leak in leaks.items():
        least = error.get(model.by_name[child].kind, 0.0)
        assert least <= leak <= 1 - least, (child, state)


def test_an_old_fall_is_a_fracture_and_anticoagulants_bleed():
    """An injured old patient who cannot stand has a fracture before a haematoma; with anticoagulants, sudden pain and
    a palsy it is the haematoma."""
    model = V2_2_1.model.with_population("specialist_referral")
    fall = patient("pain_groin", "pain_anterior_thigh", "unable_to_bear_weight", age_group="60_and_over", trauma="yes",
                   xray_hip="normal")  # fmt: skip
    found = dx.diagnose(model, fall).posterior
    assert found["other_cause"] > found["retroperitoneal_haematoma"]
    bleeding = patient("pain_groin", "severe_pain", "knee_extension_weakness", "leg_numbness", age_group="60_and_over",
                       anticoagulation="yes", onset="sudden")  # fmt: skip
    found = dx.diagnose(model, bleeding).posterior
    assert found["retroperitoneal_haematoma"] > 0.5 > found["other_cause"]


def test_a_psoas_abscess_is_in_the_hip_and_a_spinal_infection_in_the_back():
    """Fever with groin pain and a hip that does not extend, and fever with back pain: infection, of another kind."""
    hip = {"fever": "present", "pain_groin": "present", "limited_hip_extension": "present", "pain_low_back": "absent"}
    back = {"fever": "present", "pain_groin": "absent", "limited_hip_extension": "absent", "pain_low_back": "present"}
    in_hip, in_back = (kinds("specialist_referral", findings) for findings in (hip, back))
    assert in_hip["psoas_abscess"] > 5 * in_hip["spinal_infection"]
    assert in_back["spinal_infection"] > 5 * in_back["psoas_abscess"]


def test_a_stiff_septic_hip_is_another_cause_and_a_hip_that_turns_freely_an_abscess():
    """With fever and groin pain, rotation tells the joint from the psoas."""
    model = V2_2_1.model.with_population("specialist_referral")
    fever = patient("fever", "pain_groin", "limited_hip_extension", inflammatory_markers="raised")
    stiff = dx.diagnose(model, fever | {"limited_hip_rotation": "present", "pain_low_back": "absent"}).posterior
    free = dx.diagnose(model, fever | {"limited_hip_rotation": "absent", "pain_low_back": "present"}).posterior
    assert stiff["other_cause"] > stiff["severe_infection"]
    assert free["severe_infection"] > free["other_cause"]


@pytest.mark.parametrize("kind", TEXTBOOK)
def test_a_textbook_picture_is_its_kind(kind):
    """Each kind that has a picture of its own leads when it looks as a textbook draws it, and other_cause is first."""
    population, findings = TEXTBOOK[kind]
    assert kinds(population, findings).idxmax() == kind
    assert dx.diagnose(V2_2_1.model.with_population(population), findings).posterior.index[0] == "other_cause"


def test_every_kind_of_other_cause_is_described_anew():
    """Each of the 15 kinds has its own ages, loads and effects, and is other_cause by definition."""
    parts = [row["part"] for row in own("2.2.0", "splits.csv") if row["described_anew"] == "yes"]
    assert len(parts) == 15
    of_kind = {row["main_cause"] for row in V2_2_1.evidence.read("kinds.csv") if row["cause"] == "other_cause"}
    assert of_kind == set(parts)
    described = {row["parent_state"] for row in own("2.2.0", "effects.csv") if row["parent"] == "main_cause"}
    assert set(parts) <= described
    for name in ("age.csv", "loading.csv"):
        assert set(parts) <= {row["cause"] for row in own("2.2.0", name)}


@pytest.mark.parametrize("population", POPULATIONS)
def test_counted_causes_stand_to_each_other_as_their_counts(population):
    """The shares of two counted causes have the ratio of new cases x part with the complaint x part that comes."""
    counted = [row for row in own("2.2.0", "incidence.csv") if row["role"] == "counted"]
    weight = {row["cause"]: float(row["per_100000"]) * float(row["complaint"]) * float(row[population])
              for row in counted}  # fmt: skip
    found = {cause: V2_2_1.shares[population, cause] for cause in weight}
    total = sum(found.values()) / sum(weight.values())
    expected = {cause: number * total for cause, number in weight.items()}
    assert found == pytest.approx(expected, rel=5e-4)  # four significant digits


def test_without_counts_the_shares_are_those_judged():
    """A version without incidence.csv takes main_cause.csv as it stands."""
    known = evidence("2.0.0", "2.1.0")
    assert not known.read("incidence.csv")
    judged = {(row["population"], row["cause"]): float(row["probability"])
              for row in known.read("main_cause.csv")}  # fmt: skip
    assert judged == shares("2.0.0", "2.1.0")


def test_a_worn_prosthesis_and_a_dancer_have_tendinopathies_of_their_own():
    """Groin pain beside an old prosthesis and in a young dancer: one cause, two kinds."""
    old = patient("pain_groin", "pain_on_resisted_hip_flexion", age_group="60_and_over", hip_replacement="yes")
    young = patient("pain_groin", "snapping_hip", "hip_flexor_tenderness", age_group="under_40",
                    hip_flexor_loading="yes", onset="gradual")  # fmt: skip
    assert kinds("specialist_referral", old).idxmax() == "tendinopathy_by_prosthesis"
    assert kinds("primary_care", young).idxmax() == "iliopsoas_tendinopathy"


def test_tenderness_and_resisted_pain_are_one_proof_of_an_inhibited_flexor():
    """In impingement the second sign of the irritated flexor says less than the first."""
    model = V2_2_1.model
    hip = {"age_group": "under_40", "pain_groin": "present", "main_cause": "hip_impingement"}
    row = pd.DataFrame([{"hip_flexor_tenderness": "present"} | hip, hip])
    found = dx.Engine(model).marginals(row, targets=["pain_on_resisted_hip_flexion"])["pain_on_resisted_hip_flexion"]
    assert found.loc[0, "present"] > found.loc[1, "present"] + 0.1
