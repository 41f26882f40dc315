"""The flagship 2.1.0: sound, derived by a script, small enough to be quick, as good on cases as it says."""

import csv
import itertools
import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bayesdx as dx
from bayesdx.inference import Engine, Evidence
from bayesdx.network import compile_network

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "models" / "hip_flexion_weakness" / "2.1.0"
DERIVATION = ROOT / "models" / "hip_flexion_weakness" / "derivation" / "2.1.0"
MODEL = dx.load_model(FOLDER)
POPULATIONS = [population.name for population in MODEL.info.populations]

CELLS, LARGEST_CLIQUE = 18_248, 1_056
"""Size of the junction tree when the version was made."""

RESULTS = {
    ("tuning", "all findings"): (31, 23, 29, 1.0),
    ("tuning", "history and examination"): (31, 17, 24, pytest.approx(6 / 7)),
    ("seen", "all findings"): (37, 25, 31, 1.0),
    ("seen", "history and examination"): (37, 20, 26, 1.0),
    ("held_out", "all findings"): (71, 40, 51, pytest.approx(18 / 19)),
    ("held_out", "history and examination"): (71, 31, 42, pytest.approx(18 / 19)),
}
"""Part of the cases and findings given: cases, first, among the first three, recall of must-not-miss causes."""

MISSED = {
    "avascular_necrosis_dodgeball_27m",
    "bilateral_femoral_stretch_found_down_47m",
    "cam_hip_field_hockey_19f",
    "chronic_psoas_syndrome_heel_lift_79m",
    "hip_oa_psoas_atrophy_54f",
    "iliopsoas_tendon_rupture_warfarin_90f",
    "occult_femoral_neck_fracture_55f",
    "psoas_syndrome_omt_48m_2012",
}
"""Cases whose main cause ranks below the third place with all findings: known weaknesses, so that none is hidden."""

MISSED_HELD_OUT = {
    "aiis_avulsion_18m_hss",
    "aiis_avulsion_ironman_36f",
    "avascular_necrosis_primary_care_37m_2021",
    "bilateral_psoas_abscess_45f_westjem",
    "calcific_rectus_femoris_38f_2015",
    "calcific_rectus_femoris_54f_2022",
    "calcific_rectus_femoris_soccer_23m_2010",
    "femoral_stress_fracture_cross_country_18m_amssm",
    "hip_flexion_failure_hcc_metastasis_75m",
    "lesser_trochanter_avulsion_baseball_40m_2022",
    "lesser_trochanter_breast_metastasis_61f",
    "lesser_trochanter_metastasis_75m_2014",
    "malignant_psoas_bladder_58f_2019",
    "obturator_hernia_thigh_knee_83f_2019",
    "occult_femur_fracture_as_sciatica_51m_2023",
    "osteonecrosis_steroid_colitis_31f_2008",
    "posterior_disc_fragment_claudication_1999",
    "psoas_abscess_urgent_care_62f_2023",
    "stress_fracture_femoral_neck_runner_38m_acsm",
    "tuberculous_psoas_abscess_38f_2022",
}
"""The same of the cases that were kept out: nothing was changed after they had been run."""

COEXISTING = [
    ("hip_osteoarthritis", "spinal_stenosis"),
    ("hip_osteoarthritis", "iliopsoas_bursitis"),
    ("hip_osteoarthritis", "psoas_syndrome"),
    ("iliopsoas_tendinopathy", "iliopsoas_bursitis"),
    ("disc_herniation", "lumbar_radiculopathy"),
    ("disc_herniation", "cauda_equina_syndrome"),
    ("spinal_stenosis", "lumbar_radiculopathy"),
    ("spinal_stenosis", "cauda_equina_syndrome"),
    ("severe_infection", "cauda_equina_syndrome"),
    ("severe_infection", "lumbar_radiculopathy"),
    ("peripheral_neuropathy", "retroperitoneal_haematoma"),
    ("peripheral_neuropathy", "severe_infection"),
    ("peripheral_neuropathy", "iliopsoas_bursitis"),
    ("iliopsoas_strain", "retroperitoneal_haematoma"),
]
"""Causes that one brings about the other, or that old age brings together."""

LAWS = [
    ("fever", "present", "severe_infection"),
    ("infection_risk", "yes", "severe_infection"),
    ("saddle_anaesthesia", "present", "cauda_equina_syndrome"),
    ("anticoagulation", "yes", "retroperitoneal_haematoma"),
    ("cancer_history", "yes", "other_cause"),
    ("hip_flexor_loading", "yes", "iliopsoas_strain"),
    ("age_group", "60_and_over", "spinal_stenosis"),
]
"""A finding and the cause that it never makes less probable, whatever else is known of a case."""

MOVES = [
    ("diabetes", "yes", "peripheral_neuropathy"),
    ("recent_pelvic_procedure", "yes", "peripheral_neuropathy"),
    ("hip_replacement", "yes", "iliopsoas_tendinopathy"),
    ("trauma", "yes", "iliopsoas_strain"),
    ("age_group", "60_and_over", "hip_osteoarthritis"),
]
"""Risk factors that raise a cause when nothing else is known; beside other findings they may explain these away."""


tables = runpy.run_path(str(DERIVATION.parent / "rules.py"))["Evidence"]
OLDER = tables(DERIVATION.parent / "2.0.0")
evidence = tables(DERIVATION.parent / "2.0.0", DERIVATION).read


def own(name):
    """The rows that this version adds to those of 2.0.0."""
    with (DERIVATION / "evidence" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def marginals(population, variables):
    """P(variable) without findings."""
    network = compile_network(MODEL.with_population(population))
    nothing = Evidence(np.full((1, len(network)), -1, dtype=np.int32), {})
    found = Engine(network).propagate(nothing, targets=variables).marginals
    return {name: dict(zip(network[name].states, found[name][0], strict=True)) for name in variables}


def posterior(case, more):
    findings = {name: list(states) for name, states in case.findings} | more
    return dx.diagnose(MODEL.with_population(case.population), findings).posterior


@pytest.fixture(scope="module")
def results():
    return dx.check_cases(MODEL)


def test_the_folder_is_sound():
    """No fault in any file."""
    assert dx.check_model(FOLDER) == []


def test_the_derivation_gives_the_folder():
    """The script and its evidence tables lead to every number and text of the folder, and to no other."""
    derived = runpy.run_path(str(DERIVATION / "derive.py"))["derive"]()
    assert dx.compare_models(MODEL, derived).table.empty
    assert derived.hash == MODEL.hash


def test_exact_inference_stays_small():
    """The junction tree has at most a tenth more cells than when the version was made."""
    plan = dx.Engine(MODEL, backend="junction_tree").plan
    assert plan.cells <= 1.1 * CELLS
    assert plan.largest_clique <= 1.1 * LARGEST_CLIQUE


@pytest.mark.parametrize("population", POPULATIONS)
def test_main_causes_are_as_common_as_the_evidence_says(population):
    """Their shares sum to 1 in the evidence, and the network gives each back to the rounding of its tables."""
    shares = {row["cause"]: float(row["probability"]) for row in evidence("main_cause.csv")
              if row["population"] == population}  # fmt: skip
    assert sum(shares.values()) == pytest.approx(1)
    assert marginals(population, ["main_cause"])["main_cause"] == pytest.approx(shares, abs=2e-4)


@pytest.mark.parametrize("population", POPULATIONS)
def test_a_cause_is_at_least_as_common_as_it_is_the_main_one(population):
    """Prevalence is the share of the cause's kinds plus what coexists, which is most for stenosis and arthritis."""
    found = marginals(population, MODEL.causes)
    shares = dict.fromkeys(MODEL.causes, 0.0)
    by_kind = {row["main_cause"]: row["cause"] for row in evidence("kinds.csv")}
    for row in evidence("main_cause.csv"):
        if row["population"] == population and row["cause"] in by_kind:
            shares[by_kind[row["cause"]]] += float(row["probability"])
    for cause, share in shares.items():
        assert found[cause]["present"] >= share - 1e-3, cause
        if cause != "lumbar_radiculopathy":  # most are brought about by a disc or a stenosis
            assert found[cause]["present"] <= share + 0.06, cause


def test_background_neuropathy_is_that_of_the_evidence():
    """Diabetes brings a background neuropathy, which is a mechanism and no cause, as often as the table says."""
    network = compile_network(MODEL)
    node = network["background_neuropathy"]
    assert node.parents == ("age_group", "diabetes")
    for row in evidence("background_neuropathy.csv"):
        place = network["age_group"].states.index(row["age_group"]), network["diabetes"].states.index(row["diabetes"])
        assert node.cpd.values[(*place, 1)] == pytest.approx(float(row["probability"]))


def test_published_figures_are_reproduced():
    """At least nine tenths of the comparable figures lie in their interval, and each other one says why not."""
    counts = dx.count_verdicts(dx.check_evidence(MODEL))
    assert counts["inside"] >= 0.9 * (counts["inside"] + counts["outside"])
    assert counts["inside"] >= 102
    assert counts["outside and unexplained"] == 0


def test_every_number_has_a_source_and_a_status():
    """No number without its origin, and each lies in its interval."""
    known = {source.source for source in MODEL.sources}
    for row in (*MODEL.priors, *MODEL.links, *MODEL.tables):
        assert row.source in known
        assert row.lower <= getattr(row, "probability", getattr(row, "link_probability", None)) <= row.upper


@pytest.mark.parametrize("flag", [pytest.param(flag, id=flag.flag) for flag in MODEL.red_flags])
def test_every_red_flag_fires_and_stays_silent(flag):
    """A flag fires when all its conditions are met, and not when any one of them is not."""
    met = {name: states[0] for name, states in flag.findings}
    assert flag.flag in {fired.flag for fired in dx.diagnose(MODEL, met).red_flags}
    for name, states in flag.findings:
        other = next(state for state in MODEL.by_name[name].states if state not in states)
        for value in (other, dx.UNKNOWN):
            fired = dx.diagnose(MODEL, met | {name: value}).red_flags
            assert flag.flag not in {each.flag for each in fired}


@pytest.mark.parametrize(("use", "findings"), RESULTS)
def test_the_results_on_cases_are_those_recorded(results, use, findings):
    """Exact counts of each part, so that any change is noticed; none is a target that numbers may be moved for."""
    column = "rank" if findings == "all findings" else "rank_without_tests"
    ranks = results.table.loc[results.table["use"] == use, column]
    summary = results.summary
    mine = summary[(summary["use"] == use) & (summary["findings"] == findings)].set_index("measure")["value"]
    found = len(ranks), int((ranks == 1).sum()), int((ranks <= 3).sum()), mine["must_not_miss_recall"]
    assert found == RESULTS[use, findings]


def test_the_misses_are_known(results):
    """Exactly the listed cases have their main cause below the third place."""
    assert set(results.table.loc[results.table["rank"] > 3, "case"]) == MISSED | MISSED_HELD_OUT


@pytest.mark.parametrize(("finding", "state", "cause"), LAWS + MOVES)
def test_alone_it_raises_its_cause(finding, state, cause):
    """When nothing else is known, a risk factor or sign makes its cause more probable, in every population."""
    for population in POPULATIONS:
        model = MODEL.with_population(population)
        assert dx.diagnose(model, {finding: state}).posterior[cause] > dx.diagnose(model, {}).posterior[cause]


@pytest.mark.parametrize(("finding", "state", "cause"), LAWS)
def test_in_no_case_does_it_lower_its_cause(finding, state, cause):
    """Added to any case of the tuning half, with what was said of it left out, it never lowers its cause."""
    for case in MODEL.cases:
        if case.use == "tuning":
            with_it, without = posterior(case, {finding: state}), posterior(case, {finding: None})
            assert with_it[cause] >= without[cause] - 1e-12, case.case


def test_diabetes_explains_numb_feet_once():
    """A polyneuropathy explains numbness, jerk and conduction together: none of them proves a neuropathy of the hip."""
    hip = {"pain_groin": "present", "limited_hip_rotation": "present", "leg_numbness": "present", "ncs": "abnormal"}
    diabetic = dx.diagnose(MODEL, hip | {"diabetes": "yes"}).posterior["peripheral_neuropathy"]
    assert diabetic < dx.diagnose(MODEL, hip | {"diabetes": "no"}).posterior["peripheral_neuropathy"]


@pytest.mark.parametrize("population", POPULATIONS)
def test_every_pair_of_causes_is_possible(population):
    """Two causes given as known are never an error, and those that go together are not even rare together."""
    network = compile_network(MODEL.with_population(population))
    pairs = list(itertools.combinations(MODEL.causes, 2))
    codes = np.full((len(pairs), len(network)), -1, dtype=np.int32)
    for row, pair in enumerate(pairs):
        codes[row, [network.index[cause] for cause in pair]] = 1
    joint = dict(zip(pairs, np.exp(Engine(network).propagate(Evidence(codes, {}), targets=()).log_evidence),
                     strict=True))  # fmt: skip
    assert min(joint.values()) > 1e-6
    prior = {cause: states["present"] for cause, states in marginals(population, MODEL.causes).items()}
    for first, second in COEXISTING:
        together = joint.get((first, second)) or joint[second, first]
        assert together > 0.02 * min(prior[first], prior[second]), (first, second)


@pytest.mark.parametrize("population", POPULATIONS)
def test_a_state_that_is_split_keeps_its_share(population):
    """The parts of a state of 2.0.0 are together as common as the state was."""
    parent = {(row["population"], row["cause"]): float(row["probability"]) for row in OLDER.read("main_cause.csv")}
    shares = {row["cause"]: float(row["probability"]) for row in own("main_cause.csv")
              if row["population"] == population}  # fmt: skip
    splits = own("splits.csv")
    for state in {row["state"] for row in splits}:
        parts = [row["part"] for row in splits if row["state"] == state]
        assert sum(shares[part] for part in parts) == pytest.approx(parent[population, state])


def test_no_judgement_of_a_finding_is_surer_than_its_observers():
    """A judged probability of a finding stays the observers' error away from 0 and 1 (rule 7)."""
    error = {row["kind"]: float(row["error"]) for row in own("observer_error.csv")}
    rows = [row for row in evidence("effects.csv") if row["status"] == "expert" and row["convention"] == "alone"]
    judged = {(row["parent"], row["parent_state"], row["child"], row["child_state"]) for row in rows}
    leaks = {(row.child, row.child_state): row.link_probability for row in MODEL.links
             if not row.parent and row.status == "expert"}  # fmt: skip
    assert judged
    for (child, state), leak in leaks.items():
        least = error.get(MODEL.by_name[child].kind, 0.0)
        assert least <= leak <= 1 - least, (child, state)


def test_an_old_fall_is_a_fracture_and_a_young_one_may_bleed():
    """An injured old patient who cannot stand has a fracture before a haematoma; with anticoagulants, sudden pain and
    a palsy it is the haematoma. 2.0.0 put the haematoma first in hospital patients with a normal X-ray."""
    model = MODEL.with_population("specialist_referral")
    fall = {"age_group": "60_and_over", "trauma": "yes", "xray_hip": "normal"} | dict.fromkeys(
        ("pain_groin", "pain_anterior_thigh", "unable_to_bear_weight"), "present"
    )
    found = dx.diagnose(model, fall).posterior
    assert found["other_cause"] > found["retroperitoneal_haematoma"]
    bleeding = {"age_group": "60_and_over", "anticoagulation": "yes", "onset": "sudden"} | dict.fromkeys(
        ("pain_groin", "severe_pain", "knee_extension_weakness", "leg_numbness"), "present"
    )
    found = dx.diagnose(model, bleeding).posterior
    assert found["retroperitoneal_haematoma"] > 0.5 > found["other_cause"]


def test_a_psoas_abscess_is_in_the_hip_and_a_spinal_infection_in_the_back():
    """Fever with groin pain and a hip that does not extend, and fever with back pain: infection, of another kind."""
    model = MODEL.with_population("specialist_referral")
    hip = {"fever": "present", "pain_groin": "present", "limited_hip_extension": "present", "pain_low_back": "absent"}
    back = {"fever": "present", "pain_groin": "absent", "limited_hip_extension": "absent", "pain_low_back": "present"}
    for findings in (hip, back):
        assert dx.diagnose(model, findings).posterior.index[0] == "severe_infection"
    codes = pd.DataFrame([hip, back])
    kinds = dx.Engine(model).marginals(codes, targets=["main_cause"])["main_cause"]
    assert kinds.loc[0, "psoas_abscess"] > 5 * kinds.loc[0, "spinal_infection"]
    assert kinds.loc[1, "spinal_infection"] > 5 * kinds.loc[1, "psoas_abscess"]
