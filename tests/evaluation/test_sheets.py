"""A model on paper: the matrix of weights and the page of each cause say what the network says."""

from __future__ import annotations

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bayesdx as dx
from bayesdx.evaluation.sheets import evidence_matrix

CHEST = dx.load_model("chest_clinic@1.0.0")
HIP = dx.load_model("hip_flexion_weakness@3.0.1")


def page_of(model: dx.Model, cause: str) -> str:
    """The page of a cause."""
    return dx.model_sheets(model, "markdown").split(f"\n## {cause}\n")[1].split("\n## ")[0]


def row_of(page: str, first: str) -> list[str]:
    """The cells of the row that begins with a text."""
    line = next(line for line in page.splitlines() if line.startswith(f"| {first} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_matrix_holds_the_likelihoods_that_diagnose_implies() -> None:
    """Weight of the matrix = change of the log-odds of the cause in decibans when that finding alone is known."""
    weights = evidence_matrix(CHEST).decibans
    for (variable, state), cause in [(key, cause) for key in weights.index for cause in weights.columns]:
        table = dx.diagnose(CHEST, {variable: state}).table
        assert_allclose(
            weights.loc[(variable, state), cause], 10 * np.log10(table["likelihood_ratio"][cause]), atol=1e-9
        )


def test_the_page_of_a_cause_names_what_tells_it_apart() -> None:
    """Shares of the settings, findings with and without the cause, and for each neighbour what speaks for which."""
    page = page_of(CHEST, "Lung cancer")
    assert "Before any finding: Chest clinic 6 %." in page
    assert "| Chest X-ray: positive | 98 % | 6 % | 16 |" in page
    _, ours, theirs = row_of(page, "Bronchitis")
    assert ours == "Chest X-ray: positive 98\N{NO-BREAK SPACE}% (12\N{NO-BREAK SPACE}%)"
    assert theirs == ""  # nothing is half as common again in bronchitis
    _, ours, theirs = row_of(page, "Tuberculosis")
    assert ours.startswith("Smoking: yes 91")
    assert theirs.startswith("Recent visit to Asia: yes 5")
    assert row_of(page_of(CHEST, "Tuberculosis"), "Lung cancer")[1:] == [theirs, ours]


def test_a_page_says_in_sentences_how_the_cause_presents() -> None:
    """What is typical, what is rarer and telling, what speaks against it, and what is common in others too."""
    page = page_of(HIP, "Hernia or abdominal disease")
    told = page.split("### How it presents")[1].split("\n| ")[0]
    assert "Not in most, but speaks for it: groin mass or swelling; fever, 38 °C or more." in told
    assert "Speaks against it: low back pain" in told
    assert told.rstrip().endswith("Common in others too: groin pain.")
    matrix = evidence_matrix(HIP)
    p, q = (table["hernia_or_abdomen"][("pain_groin", "present")] for table in (matrix.with_cause, matrix.without))
    assert p >= 0.5
    assert 2 / 3 < p / q < 3 / 2


@pytest.mark.parametrize("name", ["hip_flexion_weakness", "deep_vein_thrombosis", "chest_clinic"])
def test_every_likelihood_ratio_of_a_page_is_that_of_its_row(name: str) -> None:
    """With it over in others, to the rounding of whole percents; what speaks for the cause comes first."""
    for page in dx.model_sheets(name, "markdown").split("\n## ")[2:]:
        for table in page.split("| LR |\n")[1:]:
            rows = [line.strip("| ").split(" | ") for line in table.split("\n\n")[0].splitlines()[1:]]
            ratios = [float(row[3].replace("∞", "inf")) for row in rows]
            assert [ratio < 1 for ratio in ratios] == sorted(ratio < 1 for ratio in ratios)
            for row, ratio in zip(rows, ratios, strict=True):
                if not any("<" in cell or ">" in cell for cell in row[1:3]):
                    p, q = (float(cell.removesuffix(" %")) for cell in row[1:3])
                    low, high = (p - 0.5) / (q + 0.5), (p + 0.5) / max(q - 0.5, 1e-9)
                    assert low * 0.95 <= ratio <= high * 1.05, (page.split("\n")[0], row)


def test_studies_stand_beside_what_the_model_says() -> None:
    """Counts as published and as a share, in whom, and the probability that the model gives the same group."""
    page = page_of(HIP, "Upper lumbar disc herniation")
    table = page.split("### What the studies say")[1].split("###")[0]
    first = "| Low back pain | 85 % | 27 of 30 (90 %) | L1-L3 disc herniation, back and buttock pain | ADVSPINE2015 |"
    again = "|  |  | 86 of 102 (84 %) | operated upper lumbar disc herniation | UPPERLDH127 |"
    assert f"{first}\n{again}\n" in table  # a finding is named once
    assert "Wilson" not in table  # what follows a semicolon in a note says how, not in whom


def test_the_studies_that_are_named_are_listed_with_their_citation() -> None:
    """The end of the document has each source of a study on a page, and no other."""
    text = dx.model_sheets(HIP, "markdown")
    listed = {line[2:].split(":")[0] for line in text.split("## Sources")[1].splitlines() if line.startswith("- ")}
    heading = "### What the studies say"
    pages = [page.split(heading)[1].split("###")[0] for page in text.split("\n## ") if heading in page]
    named = {line.strip("| ").split(" | ")[-1] for page in pages for line in page.splitlines() if line.startswith("|")}
    assert listed == named - {"source", "---"}


def test_flags_and_steps_of_a_kind_stand_on_the_page_of_its_cause() -> None:
    """What is about one state of the main cause is about the cause that it makes certain; a step is named once."""
    page = page_of(HIP, "Hip or pelvic fracture")
    assert "Recent hip flexor loading + Cannot bear weight + Groin pain + Gradual onset" in page
    assert page.count("load without a fall |") == 1
    steps = page.split("### Steps of care")[1]
    assert steps.count("X-ray of hip and pelvis the same day") == 1
    assert "| from 30 % |" in steps


def test_html_is_one_page_with_a_heat_map() -> None:
    """A drawing of the page's own, no script, nothing loaded; a cell for each weight, and a scale of eight."""
    page = dx.model_sheets(CHEST)
    assert page.count("<svg") == 1
    assert "<script" not in page
    shown = int((abs(evidence_matrix(CHEST).decibans.to_numpy()) >= 1.5).sum())
    assert page.count("<rect") == shown + 8


def test_the_scale_of_the_matrix_is_symmetric() -> None:
    """Weights of one size are equally strong for and against."""
    page = dx.model_sheets(CHEST)
    scale = re.findall(r'fill-opacity="([\d.]+)"/><text[^>]*>([+-]\d+)</text>', page)[-8:]
    strength = {int(said): float(opacity) for opacity, said in scale}
    assert sorted(strength) == [-15, -10, -6, -3, 3, 6, 10, 15]
    assert all(strength[weight] == strength[-weight] for weight in strength)


@pytest.mark.parametrize("name", ["hip_flexion_weakness@3.0.1", "deep_vein_thrombosis@1.0.0", "chest_clinic@1.0.0"])
def test_every_label_of_the_matrix_lies_within_the_drawing(name: str) -> None:
    """Headings lean to the right; the drawing is wide and high enough for them, for the labels and for the scale."""
    svg = re.search(r"<svg.*?</svg>", dx.model_sheets(name), re.DOTALL)
    assert svg
    width, height = (float(part) for part in re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg[0])[0])
    heads = re.findall(r"translate\(([\d.]+) ([\d.]+)\) rotate\(-60\)\">([^<]*)<", svg[0])
    assert len(heads) >= len(evidence_matrix(name).with_cause.columns)
    for x, text in re.findall(r'<text x="([\d.]+)" [^>]*text-anchor="end">([^<]*)<', svg[0]):
        assert float(x) - 5.4 * len(text) >= 0, text
    assert all(float(x) + 28 <= width for x in re.findall(r'<rect x="([\d.]+)"', svg[0]))
    for x, y, text in heads:
        length = 5.4 * len(text)
        assert float(x) + 0.5 * length <= width
        assert float(y) - 0.87 * length >= 0
    assert height < 1.4 * max(width, 900)  # it fits a sheet of paper


def test_a_page_begins_anew_in_print_and_has_contents_on_screen() -> None:
    """Each cause is among the contents and begins a sheet; the contents are not printed."""
    page = dx.model_sheets(CHEST)
    assert ".sections h2:not(:first-of-type){break-before:page}" in page
    assert ".sections nav{display:none}" in page
    for cause in ("Tuberculosis", "Lung cancer", "Bronchitis"):
        assert page.count(f">{cause}</a>") == page.count(f">{cause}</h2>") == 1


def test_another_format_is_refused() -> None:
    """Markdown or HTML, nothing else."""
    with pytest.raises(ValueError, match=r"format: 'pdf'; expected 'markdown' or 'html'\."):
        dx.model_sheets(CHEST, "pdf")  # type: ignore[arg-type]
