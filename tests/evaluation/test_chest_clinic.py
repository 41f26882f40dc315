"""A second model by other authors: nothing in the package knows which model it works on.

Lauritzen and Spiegelhalter (1988), "Local computations with probabilities on graphical structures", JRSS B 50.
"""

import ast
import itertools
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

import bayesdx as dx
from bayesdx.network import compile_network
from tests import oracle

ROOT = Path(__file__).parents[2]
MODEL = dx.load_model("chest_clinic@1.0.0")

# R 4, gRain 1.3:
#   chest <- grain(compileCPT(chest_cpt))
#   querygrain(chest, nodes = c("lung", "bronc", "tub"))
#   querygrain(setEvidence(chest, c("asia", "dysp"), c("yes", "yes")), nodes = c("lung", "bronc"))
#   querygrain(setEvidence(chest, c("asia", "dysp", "smoke"), c("yes", "yes", "yes")), nodes = c("lung", "bronc"))
PUBLISHED = [
    ({}, {"lung_cancer": 0.055, "bronchitis": 0.45, "tuberculosis": 0.0104}),
    ({"visit_to_asia": "yes", "dyspnoea": "present"}, {"lung_cancer": 0.09952515, "bronchitis": 0.8114021}),
    (
        {"visit_to_asia": "yes", "dyspnoea": "present", "smoking": "yes"},
        {"lung_cancer": 0.1455191, "bronchitis": 0.8672582},
    ),
]


@pytest.mark.parametrize(("findings", "published"), PUBLISHED)
def test_published_posteriors(findings, published):
    """Posteriors as they are printed in tutorials of gRain, to the last digit printed."""
    posterior = dx.diagnose(MODEL, findings).posterior
    for cause, value in published.items():
        assert posterior[cause] == pytest.approx(value, abs=6e-8)


def test_the_probability_of_the_papers_patient():
    """P(visit to Asia and dyspnoea) as gRain prints it."""
    case = dx.diagnose(MODEL, {"visit_to_asia": "yes", "dyspnoea": "present"})
    assert math.exp(case.log_evidence) == pytest.approx(0.004501375, abs=5e-10)


def test_every_combination_of_findings_equals_the_joint_table():
    """All 81 ways of observing or not observing the four observables."""
    network = compile_network(MODEL)
    observables = ["visit_to_asia", "smoking", "dyspnoea", "xray"]
    for codes in itertools.product((-1, 0, 1), repeat=4):
        findings = {
            name: MODEL.by_name[name].states[code] for name, code in zip(observables, codes, strict=True) if code >= 0
        }
        row = [codes[observables.index(name)] if name in observables else -1 for name in network.names]
        expected = oracle.posterior(network, row)
        posterior = dx.diagnose(MODEL, findings).posterior
        for cause in MODEL.causes:
            assert posterior[cause] == pytest.approx(expected[cause][1], abs=1e-12)


def test_it_checks_as_any_model_does():
    """Sound, released, inside every published figure, and every expectation met."""
    assert dx.check_model(ROOT / "models" / "chest_clinic" / "1.0.0") == []
    assert MODEL.release.hash == MODEL.hash
    assert set(dx.check_evidence(MODEL)["verdict"]) == {"inside"}
    assert dx.check_cases(MODEL).passed


def test_its_script_makes_the_released_version():
    """``build.py --compare`` finds no difference."""
    script = ROOT / "models" / "chest_clinic" / "derivation" / "1.0.0" / "build.py"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(script), "--compare"], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout == "chest_clinic 1.0.0 -> chest_clinic 1.0.0: no differences\n"


def test_the_package_names_no_variable_of_any_model():
    """Outside docstrings, no string of the package is the name of a cause or finding of a shipped model.

    The English words of notes are left out: "either" and "x-ray" are variables of chest clinic, too.
    """
    models = [dx.load_model(name) for name in dx.list_models().name.unique()]
    assert len(models) > 1
    names = {variable.variable for model in models for variable in model.variables}
    english = ROOT / "bayesdx" / "notes" / "words.py"
    for path in sorted({*(ROOT / "bayesdx").rglob("*.py")} - {english}):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        said = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
        assert not said & names, path
