"""The model that was started from papers: what its numbers rest on, and whether they predict studies left out."""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bayesdx as dx
from bayesdx.diagnosis.compiled import compiled

ROOT = Path(__file__).parents[2] / "models" / "deep_vein_thrombosis"
BUILD = runpy.run_path(str(ROOT / "derivation" / "1.0.0" / "build.py"))
JUDGED, MODEL = (dx.load_model(ROOT / version) for version in ("0.1.0", "1.0.0"))
CAUSE = "deep_vein_thrombosis"


def test_both_versions_are_sound_and_released() -> None:
    """The second is made from the first, whose content it names."""
    for model in (JUDGED, MODEL):
        assert dx.check_model(ROOT / model.version) == []
        assert model.release is not None
        assert model.release.hash == model.hash
    assert (MODEL.info.parent_version, MODEL.info.parent_hash) == (JUDGED.version, JUDGED.hash)
    assert MODEL.studies == JUDGED.studies


def test_its_script_makes_the_released_version() -> None:
    """The same rows from the same sources; numbers to four digits, whatever the machine."""
    made = BUILD["build"]()
    for name in ("priors", "links", "tables", "studies", "correlations", "sources"):
        one, other = (model.frame(name) for model in (made, MODEL))
        assert list(one.columns) == list(other.columns)
        assert len(one) == len(other)
        for column in one:
            if one[column].dtype == np.float64:
                assert_allclose(one[column], other[column], rtol=1e-3, atol=2e-3)
            elif column != "shares":
                assert one[column].tolist() == other[column].tolist()


def test_of_twenty_studies_left_out_at_least_17_are_where_the_others_predict_them() -> None:
    """Every second study of a test, in the order of names: 20 of 41; a study is inside where all its figures are."""
    names = BUILD["left_out_studies"](JUDGED)
    assert len(names) == 20
    table, inside = BUILD["left_out"](JUDGED)
    assert inside >= 17
    stored = pd.read_csv(BUILD["LEFT_OUT"])
    for name in ("study", "finding", "measure", "verdict"):
        assert stored[name].tolist() == table[name].tolist()
    for name in ("value", "predictive_lower", "predictive_upper"):
        assert_allclose(stored[name], table[name], atol=0.05)  # a limit is a count of patients


def test_every_number_comes_from_studies_or_says_that_it_does_not() -> None:
    """Learned from named studies, counted in a named one, or judged; nothing is cited from memory."""
    for population in MODEL.info.populations:
        for number in compiled(MODEL.with_population(population.name)).parameters:
            match number.status:
                case "synthesis":
                    assert number.information is not None
                    assert number.information >= 0.1
                    assert number.shares
                case "verified":
                    assert number.information is None
                case status:
                    assert (status, number.source) == ("expert", "EXPERT")
    counts = MODEL.count_statuses()
    assert counts["synthesis"] >= 18
    assert set(counts) == {"synthesis", "verified", "expert"}
    rows = [*MODEL.studies, *MODEL.tests]
    assert {row.status for row in rows} == {"verified", "expert"}


def test_every_study_says_where_its_figures_were_read() -> None:
    """At least forty studies, each with a source of its own, a citation, and the address where it was read."""
    sources = {source.source: source for source in MODEL.sources}
    studies = {row.study: row.source for row in MODEL.studies}
    assert len(studies) >= 40
    assert len(set(studies.values())) == len(studies)
    for name in studies.values():
        assert sources[name].status == "verified"
        assert sources[name].address.startswith("http")
        assert len(sources[name].citation) > 40
    assert all(row.k is not None or (row.lower is not None and row.upper is not None) for row in MODEL.studies)


def test_a_study_with_selective_verification_is_not_learned_from() -> None:
    """It stands in the file and says why."""
    table = dx.check_evidence(MODEL)
    excluded = table[table["verdict"] == "not comparable"]
    assert excluded["source"].tolist() == ["LOWPTP2002"]
    assert excluded["reason"].str.startswith("selective verification").all()
    assert not any(name == "LOWPTP2002" for number in compiled(MODEL).parameters for name, _ in number.shares)


@pytest.mark.parametrize(
    ("population", "findings", "lower", "upper"),
    [
        ("suspected", {"compression_ultrasound": "thrombosis"}, 0.8, 0.95),
        ("suspected", {"compression_ultrasound": "normal"}, 0.01, 0.05),
        ("suspected", {"d_dimer": "negative"}, 0.02, 0.08),
        ("suspected", {"d_dimer": "positive", "calf_difference": "present"}, 0.35, 0.6),
        ("screened", {"compression_ultrasound": "normal"}, 0.08, 0.25),
    ],
)
def test_it_diagnoses(population: str, findings: dict[str, str], lower: float, upper: float) -> None:
    """A normal ultrasound all but excludes a thrombosis of a painful leg, and far less of one without symptoms."""
    case = dx.diagnose(MODEL.with_population(population), findings)
    assert lower < case.posterior[CAUSE] < upper


def test_what_studies_tie_together_narrows_the_interval() -> None:
    """Of a difference between the calves, of which a likelihood ratio was published and no sensitivity."""
    case, apart = (
        dx.credible_intervals(dx.diagnose(model, {"calf_difference": "present"}), draws=4000).table.loc[CAUSE]
        for model in (MODEL, replace(MODEL, correlations=()))
    )
    assert case["upper"] - case["lower"] < 0.9 * (apart["upper"] - apart["lower"])
