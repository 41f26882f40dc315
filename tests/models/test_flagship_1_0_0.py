"""The flagship 1.0.0: sound, complete, derived by a script that anyone can repeat."""

import csv
import json
import runpy
from pathlib import Path

import pytest

import bayesdx as dx
from bayesdx.knowledge.versions import models_folder
from bayesdx.network import compile_network, read_bif, write_bif

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "models" / "hip_flexion_weakness" / "1.0.0"
DERIVATION = ROOT / "models" / "hip_flexion_weakness" / "derivation" / "1.0.0"
CASES = ROOT / "tests" / "data" / "cases"
VOCABULARY = ROOT.parent / "shared" / "spec" / "vocabulary.csv"

PANEL = {
    "far_lateral_disc_l34_52m": "lumbar_radiculopathy",
    "l3_foraminal_disc_football_coach": "lumbar_radiculopathy",
    "ces_giant_disc_l34_24f": "cauda_equina_syndrome",
    "ces_intradural_disc_l5s1_43m": "cauda_equina_syndrome",
    "psoas_abscess_renal_failure_2010": "severe_infection",
    "psoas_abscess_spondylodiscitis_mrsa_62m": "severe_infection",
    "femoral_entrapment_childbirth_diver_29f": "peripheral_neuropathy",
    "iliopsoas_haematoma_warfarin_84f": "peripheral_neuropathy",
    "iliopsoas_partial_tear_football_28m": "iliopsoas_strain",
    "iliopsoas_tendon_tear_96f_ed": "iliopsoas_strain",
    "iliopsoas_bursitis_giant_81f": "iliopsoas_bursitis",
    "iliopsoas_bursitis_hip_oa_60m": "iliopsoas_bursitis",
    "stenosis_acute_quadriceps_weakness_82m": "spinal_stenosis",
    "stenosis_pseudoclaudication_72m": "spinal_stenosis",
    "iliopsoas_cyst_after_tha_50m": "iliopsoas_tendinopathy",
    "internal_snapping_hip_marathon_32m": "iliopsoas_tendinopathy",
}
"""Two published cases for each cause that a report exists of; the other cases are scored below, misses included."""

MISSED = {
    "cam_hip_field_hockey_19f",
    "diabetic_amyotrophy_weight_loss_70f",
    "hip_oa_psoas_atrophy_54f",
    "iliopsoas_bursitis_mistaken_appendicitis_29m",
    "iliopsoas_insertional_tear_77f",
    "iliopsoas_tendon_rupture_aspirin_77f",
    "proximal_psoas_strain_soccer_27m",
    "psoas_abscess_primer_51m_2001",
    "psoas_haematoma_skateboard_16f",
    "psoas_syndrome_omt_48m_2012",
}
"""Cases whose true cause 1.0.0 ranks below the third place: known weaknesses, listed so that none is hidden."""


def published():
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(CASES.glob("*.json"))]


@pytest.fixture(scope="module")
def model():
    return dx.load_model("hip_flexion_weakness@1.0.0")


def rank(model, case):
    posterior = dx.diagnose(model.with_population(case["setting"]), case["findings"]).posterior
    return list(posterior.index).index(case["cause"][0]) + 1


def test_the_released_folder_is_sound():
    """No fault, and the content matches the recorded hash."""
    assert dx.check_model(FOLDER) == []
    assert dx.load_model(FOLDER).release.hash == dx.load_model(FOLDER).hash


def test_the_derivation_gives_the_released_model(model):
    """The script and its evidence tables lead to every number of the release, and to no other."""
    derived = runpy.run_path(str(DERIVATION / "derive.py"))["derive"]()
    assert dx.compare_models(model, derived).table.empty
    assert derived.hash == model.hash


def test_it_has_every_variable_and_state_of_the_vocabulary(model):
    """Names, kinds, groups and states are those of the agreed vocabulary, in its order."""
    if not VOCABULARY.exists():
        pytest.skip(f"needs {VOCABULARY}, which is not part of the project")
    with VOCABULARY.open(encoding="utf-8", newline="") as file:
        wanted = [(r["variable"], r["kind"], r["group"], tuple(r["states"].split("|"))) for r in csv.DictReader(file)]
    assert [(v.variable, v.kind, v.group, v.states) for v in model.variables] == wanted


def test_prevalences_of_the_reference_population_are_those_of_the_evidence(model):
    """With links and leaks together, each cause is as common as the evidence says, to the rounding of the leak."""
    with (DERIVATION / "evidence" / "prevalence.csv").open(encoding="utf-8", newline="") as file:
        rows = {
            r["cause"]: float(r["probability"])
            for r in csv.DictReader(file)
            if "reference population" in r["population"]
        }
    prior = dx.diagnose(model, {}).table.prior
    for cause, prevalence in rows.items():
        assert prior[cause] == pytest.approx(prevalence, rel=0.01), cause


def test_a_cause_alone_shows_a_finding_as_often_as_the_evidence_says(model):
    """P(finding | only this cause) in the network is the sensitivity it was derived from, unless below the leak."""
    with (DERIVATION / "evidence" / "accuracy.csv").open(encoding="utf-8", newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["source_id"] == "EXPERT" and r["measure"] == "sensitivity"]
    network = compile_network(model)
    compared = 0
    for row in rows:
        node = network[row["finding"]]
        if row["cause"] not in node.parents:
            continue
        link = node.cpd.links[node.parents.index(row["cause"])][1]
        alone = [a * b for a, b in zip(link.cumsum(), node.cpd.leak.cumsum(), strict=True)]
        code = node.states.index(row["state"])
        assert alone[code] - alone[code - 1] == pytest.approx(float(row["value"]), abs=2e-3), row
        compared += 1
    assert compared > 200


def test_every_number_has_a_source_and_a_status(model):
    """No number without its origin; expert judgement is marked as such."""
    known = {source.source for source in model.sources}
    for row in (*model.priors, *model.links, *model.tables):
        assert row.source in known
        assert row.status in ("verified", "recalled", "expert")
        assert row.lower <= getattr(row, "probability", getattr(row, "link_probability", None)) <= row.upper


@pytest.mark.parametrize("name", PANEL)
def test_the_true_cause_of_a_published_case_is_among_the_first_three(model, name):
    """Findings as reported, priors of the setting: the cause finally diagnosed is in the top three."""
    case = json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))
    assert case["cause"][0] == PANEL[name]
    assert rank(model, case) <= 3


def test_all_published_cases_are_scored_and_the_misses_are_known(model):
    """Of every coded case with a modelled cause, exactly the listed ones rank below the third place."""
    cases = [case for case in published() if case["cause"]]
    assert {case["case"] for case in cases if rank(model, case) > 3} == MISSED
    assert len(cases) == 60


def test_cases_say_only_what_the_vocabulary_can_say(model):
    """Each file names its address, its setting, and findings that the model knows."""
    settings = {population.name for population in model.info.populations}
    for case in published():
        assert case["address"].startswith("http"), case["case"]
        assert case["setting"] in settings
        assert set(case["cause"]) <= set(model.causes)
        dx.diagnose(model, case["findings"])


def test_it_survives_bif(model, tmp_path):
    """The compiled network written as BIF through pgmpy reads back equal, gates expanded."""
    network = compile_network(model)
    again = read_bif(write_bif(network, tmp_path / "model.bif"))
    assert set(again.names) == set(network.names)


def test_the_folder_ships_with_the_package():
    """``load_model`` by name finds the folder of this tree."""
    assert (models_folder() / "hip_flexion_weakness" / "1.0.0" / "model.toml").exists()
