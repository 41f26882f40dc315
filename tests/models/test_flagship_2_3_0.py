"""2.3.0: version 2.2.1 in people's words. A word or a measurement finds its variable, and no number moves."""

from pathlib import Path

import pytest

import bayesdx as dx
from bayesdx.knowledge.spelling import compact

ROOT = Path(__file__).parents[2] / "models" / "hip_flexion_weakness"
PARENT = dx.load_model(ROOT / "2.2.1")
MODEL = dx.load_model(ROOT / "2.3.0")

SHARED = {
    "abscess": {"severe_infection", "mri_spinal_infection", "ct_psoas_collection"},
    "avascular necrosis": {"main_cause", "mri_bone_lesion"},
    "AVN": {"main_cause", "mri_bone_lesion"},
    "canal stenosis": {"spinal_stenosis", "mri_canal_stenosis"},
    "cauda equina compression": {"cauda_equina_syndrome", "mri_cauda_compression"},
    "chemotherapy": {"infection_risk", "cancer_history"},
    "discitis": {"severe_infection", "mri_spinal_infection"},
    "disc prolapse": {"disc_herniation", "mri_disc_herniation"},
    "EDX": {"emg", "ncs"},
    "electrodiagnostic studies": {"emg", "ncs"},
    "epidural abscess": {"severe_infection", "mri_spinal_infection"},
    "foraminal stenosis": {"spinal_stenosis", "mri_canal_stenosis"},
    "hematoma": {"retroperitoneal_haematoma", "ct_haematoma"},
    "hernia": {"main_cause", "groin_mass"},
    "herniated disc": {"disc_herniation", "mri_disc_herniation"},
    "hip pain": {"pain_groin", "pain_buttock"},
    "iliopsoas syndrome": {"iliopsoas_tendinopathy", "iliopsoas_bursitis"},
    "neurophysiology": {"emg", "ncs"},
    "psoas abscess": {"severe_infection", "ct_psoas_collection"},
    "psoas hematoma": {"retroperitoneal_haematoma", "ct_haematoma"},
    "psoas sign": {"pain_on_resisted_hip_flexion", "limited_hip_extension"},
    "retroperitoneal bleeding": {"retroperitoneal_haematoma", "ct_haematoma"},
}
"""Words that truly mean several variables."""


def test_it_names_its_parent():
    """By version and hash."""
    assert (MODEL.info.format, MODEL.info.parent_version, MODEL.info.parent_hash) == (2, "2.2.1", PARENT.hash)


@pytest.mark.parametrize("field", ["priors", "links", "tables", "accuracy", "cases"])
def test_no_number_moves(field):
    """Rows with their values, intervals, sources and notes are those of the parent."""
    assert getattr(MODEL, field) == getattr(PARENT, field)


def test_thresholds_are_those_of_the_parent():
    """A step of the parent is there, for whatever kind of its cause, and is taken from the same probability on."""
    thresholds = {}
    for step in MODEL.management:
        cause = "other_cause" if step.cause.startswith("main_cause=") else step.cause
        thresholds.setdefault((cause, step.action), set()).add(step.threshold)
    for step in PARENT.management:
        assert thresholds[step.cause, step.action] == {step.threshold}, step.action


def test_variables_differ_in_words_alone():
    """Name, label, kind, group, states, definition and codes stay."""
    fields = ("variable", "label", "kind", "group", "states", "definition", "icd10", "icd11", "snomed_ct", "loinc")
    for old, new in zip(PARENT.variables, MODEL.variables, strict=True):
        assert [getattr(new, name) for name in fields] == [getattr(old, name) for name in fields]


def test_every_variable_has_words():
    """Four words or more, and a label for each state that can be read alone, in at most 30 signs."""
    for variable in MODEL.variables:
        assert len(variable.words) >= 4 + len((variable.variable, variable.label)), variable.variable
        assert len({compact(label) for label in variable.state_labels}) == len(variable.states), variable.variable
        assert max(map(len, variable.state_labels)) <= 30, variable.variable
        assert not any("_" in label for label in variable.state_labels), variable.variable


def test_words_of_several_meanings_are_the_listed_ones():
    """Any other word leads to one variable."""
    found = {}
    for variable in MODEL.variables:
        for text in variable.words:
            found.setdefault(compact(text), set()).add(variable.variable)
    assert {word: names for word, names in found.items() if len(names) > 1} == {
        compact(word): names for word, names in SHARED.items()
    }


@pytest.mark.parametrize("word", SHARED)
def test_a_word_of_several_meanings_is_refused(word):
    """All of them are listed."""
    with pytest.raises(dx.FindingsError) as raised:
        dx.diagnose(MODEL, {word: "yes"})
    assert all(name in str(raised.value) for name in SHARED[word])


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("population", [population.name for population in PARENT.info.populations])
def test_simulated_patients_have_the_same_posteriors(population, seed):
    """Both versions draw the same patients, and give each the same probabilities, to the last bit."""
    before, after = PARENT.with_population(population), MODEL.with_population(population)
    patients = dx.simulate_cohort(before, 6, seed=seed)
    assert patients.equals(dx.simulate_cohort(after, 6, seed=seed))
    findings = [v.variable for v in PARENT.variables if v.kind in ("context", "history", "examination", "test")]
    for _, patient in patients.iterrows():
        for known in (findings, findings[seed::7]):
            given = {name: patient[name] for name in known}
            old, new = dx.diagnose(before, given), dx.diagnose(after, given)
            assert old.log_evidence == new.log_evidence
            assert dict(old.posterior) == dict(new.posterior)


@pytest.mark.parametrize(
    ("words", "variable"),
    [
        ("hematoma", "retroperitoneal_haematoma"),
        ("hematoma", "ct_haematoma"),
        ("saddle anesthesia", "saddle_anaesthesia"),
        ("urinary retention", "bladder_bowel_dysfunction"),
        ("warfarin", "anticoagulation"),
        ("DOAC", "anticoagulation"),
        ("knee jerk", "patellar_reflex"),
        ("SLR", "straight_leg_raise"),
        ("Lasegue", "straight_leg_raise"),
        ("Lasègue's sign", "straight_leg_raise"),
        ("paraesthesia", "leg_numbness"),
        ("paresthesias", "leg_numbness"),
        ("steroids", "infection_risk"),
        ("lump", "groin_mass"),
        ("CES", "cauda_equina_syndrome"),
        ("CRP", "inflammatory_markers"),
        ("WBC", "white_cell_count"),
        ("PVR", "post_void_residual"),
        ("AVN", "main_cause"),
        ("AVN", "mri_bone_lesion"),
        # kinds of the main cause
        ("stroke", "main_cause"),
        ("hip fracture", "main_cause"),
        ("GBS", "main_cause"),
        ("polymyalgia rheumatica", "main_cause"),
        # one pole of a graded variable, a word that would be read the wrong way round as a finding
        ("areflexia", "patellar_reflex"),
        ("sudden onset", "onset"),
        ("afebrile", "fever"),
        # misspelt, inflected, in the words of patients
        ("rivaroxiban", "anticoagulation"),
        ("upgoing plantars", "upper_motor_neuron_signs"),
        ("my knee buckled", "knee_extension_weakness"),
        ("can't pee", "bladder_bowel_dysfunction"),
        ("couldn't walk", "unable_to_bear_weight"),
        ("can't lift my leg", "hip_flexion_strength"),
        ("numbness between the legs", "saddle_anaesthesia"),
        ("it hurts to lift the leg", "pain_on_resisted_hip_flexion"),
    ],
)
def test_a_search_finds_the_variable(words, variable):
    """Among the first three."""
    assert variable in [match.variable.variable for match in dx.find_variables(MODEL, words, 3).matches]


def test_ces_is_not_ncs():
    """Abbreviations of three letters are not corrected into each other."""
    assert "ncs" not in [match.variable.variable for match in dx.find_variables(MODEL, "CES").matches]


@pytest.mark.parametrize(
    ("word", "given", "variable", "state"),
    [
        ("age_group", 73, "age_group", "60_and_over"),
        ("age", "39 years", "age_group", "under_40"),
        ("age", 40, "age_group", "40_to_59"),
        ("temperature", 38.6, "fever", "present"),
        ("temperature", "37.9 °C", "fever", "absent"),
        ("CRP", 120, "inflammatory_markers", "raised"),
        ("CRP", "4 mg/L", "inflammatory_markers", "normal"),
        ("ESR", "raised", "inflammatory_markers", "raised"),
        ("WBC", 12.4, "white_cell_count", "raised"),
        ("PVR", 250, "post_void_residual", "raised"),
        ("PVR", "199 mL", "post_void_residual", "normal"),
        ("MRC", 5, "hip_flexion_strength", "normal"),
        ("MRC", 3, "hip_flexion_strength", "reduced"),
        ("MRC", "4/5", "hip_flexion_strength", "reduced"),
        ("MRC", 0, "hip_flexion_strength", "severely_reduced"),
        ("MRC of knee extension", 4, "knee_extension_weakness", "present"),
        ("MRC of knee extension", 0, "knee_extension_weakness", "present"),
        ("MRC of hip adduction", 5, "hip_adduction_weakness", "absent"),
        ("ankle dorsiflexion weakness", 2, "ankle_dorsiflexion_weakness", "present"),
        ("SLR", 40, "straight_leg_raise", "positive"),
        ("SLR", 75, "straight_leg_raise", "negative"),
        ("straight_leg_raise", 1, "straight_leg_raise", "positive"),
        ("straight_leg_raise", 0, "straight_leg_raise", "negative"),
        ("warfarin", "yes", "anticoagulation", "yes"),
        ("steroids", True, "infection_risk", "yes"),
        ("temp", 38.6, "fever", "present"),
        ("Temperature (°C)", 38.6, "fever", "present"),
        ("CRP (mg/L)", "4", "inflammatory_markers", "normal"),
        ("Age (years)", 73, "age_group", "60_and_over"),
        ("age", "73y", "age_group", "60_and_over"),
        ("age", "60+", "age_group", "60_and_over"),
        ("CRP", "<5", "inflammatory_markers", "normal"),
        ("CRP", "> 20 mg/L", "inflammatory_markers", "raised"),
        ("WBC", "14 x10^9/L", "white_cell_count", "raised"),
        ("WBC", "14 K/\u00b5L", "white_cell_count", "raised"),
        ("SLR", "45\u00b0", "straight_leg_raise", "positive"),
        ("MRC", "4-/5", "hip_flexion_strength", "reduced"),
        # a word for one state, or for one way of it
        ("sudden onset", "yes", "onset", "sudden"),
        ("insidious onset", True, "onset", "gradual"),
        ("afebrile", "yes", "fever", "absent"),
        ("areflexia", "present", "patellar_reflex", "absent"),
        ("hyporeflexia", 1, "patellar_reflex", "reduced"),
        ("clonus", "present", "upper_motor_neuron_signs", "present"),
        ("foot drop", "yes", "ankle_dorsiflexion_weakness", "present"),
        ("main_cause", "stroke", "main_cause", "brain"),
        ("diagnosis", "GBS", "main_cause", "polyradiculoneuropathy"),
        ("knee jerk", "absent", "patellar_reflex", "absent"),
        ("knee jerk", "Knee jerk normal", "patellar_reflex", "normal"),
        ("main cause", "stroke or other brain lesion", "main_cause", "brain"),
    ],
)
def test_a_finding_in_peoples_words(word, given, variable, state):
    """A word and a number lead to one state."""
    assert dict(dx.diagnose(MODEL, {word: given}).findings) == {variable: state}


@pytest.mark.parametrize(
    ("word", "given", "sentence"),
    [
        ("ESR", 40, "inflammatory_markers = 40: a number is read as CRP in mg/L; give CRP, or a state of 'ESR'."),
        ("temperature", 102, "fever = 102: temperature in °C is a number from 30 to 45."),
        ("temperature", 1, "fever = 1: temperature in °C is a number from 30 to 45."),
        ("age", 5, "age_group = 5: age in years is a number from 18 to 120."),
        ("WBC", 12400, "white_cell_count = 12400: WBC in 10^9/L is a number from 0 to 500."),
        ("CRP", "12 mg/dL", "inflammatory_markers = '12 mg/dL': it is measured in mg/L, not 'mg/dL'."),
        ("CRP", "<5 mg/dL", "inflammatory_markers = '<5 mg/dL': it is measured in mg/L, not 'mg/dL'."),
        ("CRP", ">5", "inflammatory_markers = '>5' leaves every state possible: normal, raised (cut at 10)."),
        (
            "temperature",
            True,
            "fever = True: temperature in \u00b0C is a number from 30 to 45, or a state: absent, present; yes and no "
            "answer fever.",
        ),
        (
            "stroke",
            "yes",
            "'stroke' is a word for main_cause = brain, which is no finding by itself; where it is known to be "
            "so, give main_cause = 'stroke'.",
        ),
        ("CK", 900, "creatine_kinase = 900 is not a state of creatine_kinase; its states are normal, raised."),
    ],
)
def test_what_cannot_be_meant_is_refused(word, given, sentence):
    """The sentence says what would be read."""
    with pytest.raises(dx.FindingsError) as raised:
        dx.diagnose(MODEL, {word: given})
    assert str(raised.value) == f"findings: {sentence}"


@pytest.mark.parametrize("denial", ["no", False, 0, "absent"])
@pytest.mark.parametrize("variable", [variable for variable in MODEL.variables if variable.kind != "mechanism"])
def test_a_word_for_a_part_denies_nothing(variable, denial):
    """No warfarin is no denial of heparin: no word for a state, or for one way of it, can be answered with no."""
    for state, words in variable.state_words:
        for word in words:
            if len(MODEL.vocabulary.find(word)) == 1:
                assert MODEL.vocabulary.state_or_none(variable.variable, True, word) == state
                with pytest.raises(dx.FindingsError) as raised:
                    dx.diagnose(MODEL, {word: denial})
                assert "or one way of it, so it takes yes alone; where no way of it holds, give" in str(raised.value)


@pytest.mark.parametrize("word", ["normal gait", "perianal sensation", "nontender"])
def test_the_opposite_of_a_variable_is_no_synonym(word):
    """Said with yes or absent it would turn the finding round."""
    assert MODEL.vocabulary.find(word) == ()


def test_two_ways_of_one_finding_are_one_finding():
    """Clonus and spasticity, night pain and weight loss: both are true of the same; a word for all of it is not said
    twice, nor two states."""
    case = dx.diagnose(MODEL, {"clonus": "yes", "spasticity": True})
    assert dict(case.findings) == {"upper_motor_neuron_signs": "present"}
    assert case.understood[0].said == "clonus = yes, spasticity = True"
    for twice in ({"warfarin": "yes", "anticoagulation": "yes"}, {"areflexia": "yes", "hyporeflexia": "yes"}):
        with pytest.raises(dx.FindingsError, match="is given twice"):
            dx.diagnose(MODEL, twice)
