"""A model on paper: the matrix of weights and the page of each cause say what the network says."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bayesdx as dx
from bayesdx.evaluation.sheets import evidence_matrix

CHEST = dx.load_model("chest_clinic@1.0.0")


def test_the_matrix_holds_the_likelihoods_that_diagnose_implies() -> None:
    """Weight of the matrix = change of the log-odds of the cause in decibans when that finding alone is known."""
    weights = evidence_matrix(CHEST).decibans
    for (variable, state), cause in [(key, cause) for key in weights.index for cause in weights.columns]:
        table = dx.diagnose(CHEST, {variable: state}).table
        assert_allclose(
            weights.loc[(variable, state), cause], 10 * np.log10(table["likelihood_ratio"][cause]), atol=1e-9
        )


def test_the_page_of_a_cause_names_what_tells_it_apart() -> None:
    """Shares of the settings, findings with and without the cause, and its neighbours."""
    text = dx.model_sheets(CHEST, "markdown")
    page = text.split("## Lung cancer")[1].split("## Bronchitis")[0]
    assert "Before any finding: 5.5 % (Chest clinic)." in page
    assert "| Chest X-ray: positive | 98.0 % | 6.0 % | 16 |" in page
    assert "| Bronchitis | Chest X-ray: positive 98.0 % against 12.4 %" in page


def test_studies_stand_beside_what_the_model_says() -> None:
    """Counts as they were published, and the probability that the model gives the same group."""
    text = dx.model_sheets("deep_vein_thrombosis@1.0.0", "markdown")
    page = text.split("## Deep vein thrombosis")[1].split("\n## ")[0]
    assert "### What the studies say" in page
    assert "38 of 41" in page


def test_html_is_one_page_with_a_heat_map() -> None:
    """A drawing of the page's own, no script, nothing loaded."""
    page = dx.model_sheets(CHEST)
    assert page.count("<svg") == 1
    assert "<script" not in page
    assert page.count("<rect") == sum(abs(evidence_matrix(CHEST).decibans.to_numpy()).ravel() >= 1.5)


def test_another_format_is_refused() -> None:
    """Markdown or HTML, nothing else."""
    with pytest.raises(ValueError, match=r"format: 'pdf'; expected 'markdown' or 'html'\."):
        dx.model_sheets(CHEST, "pdf")  # type: ignore[arg-type]
