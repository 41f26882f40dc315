"""Drafts of mappings: every guess is said, what is open is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import bayesdx as dx
from bayesdx.knowledge.schema import Cut

MODEL = dx.load_model("chest_clinic@1.0.0")


def test_headings_and_codes_are_guessed_and_open_codes_are_refused(tmp_path: Path) -> None:
    """Labels and yes and no in several languages; a code without a counterpart stops reading until it is decided."""
    table = pd.DataFrame(
        {
            "Smoking": ["ja", "nein", None],
            "Dyspnoea": [1, 0, 1],
            "X-ray": ["positive", "negative", "unclear"],
            "surname": ["a", "b", "c"],
        }
    )
    draft = dx.draft_mapping(MODEL, table)
    path = tmp_path / "mapping.csv"
    path.write_text(draft.to_csv(), "utf-8")
    assert draft.undecided == 1
    with pytest.raises(dx.DatasetError, match="'\\?'; expected a state of xray"):
        dx.read_cohort(MODEL, table, path)
    path.write_text(draft.to_csv().replace(",?", ","), "utf-8")
    cohort = dx.read_cohort(MODEL, table, path)
    assert cohort.frame["smoking"].tolist() == ["yes", "no", None]
    assert cohort.frame["dyspnoea"].tolist() == ["present", "absent", "present"]
    assert cohort.frame["xray"].tolist() == ["positive", "negative", None]
    assert "surname: left out, like no variable of chest_clinic." in draft.remarks


def test_measured_variables_get_their_bands() -> None:
    """Numbers need no codes: the cut points of the model, falling ones too."""
    cut = replace(MODEL.by_name["smoking"], cuts=(Cut(10.0),))
    model = replace(MODEL, variables=tuple(cut if v.variable == "smoking" else v for v in MODEL.variables))
    draft = dx.draft_mapping(model, pd.DataFrame({"smoking": range(100)}))
    assert draft.rows == (("smoking", "<10.0", "smoking", "no"), ("smoking", ">=10.0", "smoking", "yes"))
    falling = replace(cut, cuts=(Cut(5.0, below=True),))
    other = replace(MODEL, variables=tuple(falling if v.variable == "smoking" else v for v in MODEL.variables))
    frame = pd.DataFrame({"smoking": [4.0, 5.0], "xray": ["positive", "positive"]})
    assert dx.read_cohort(other, frame).frame["smoking"].tolist() == ["yes", "no"]


def test_two_columns_about_one_variable_and_too_many_codes() -> None:
    """The second is left out; so is a column with a code per patient."""
    table = pd.DataFrame(
        {"smoking": ["yes", "no"] * 40, "Smoking": ["no"] * 80, "xray": [f"text {i}" for i in range(80)]}
    )
    draft = dx.draft_mapping(MODEL, table)
    assert [row[2] for row in draft.rows] == ["smoking", "smoking", "", ""]
    assert draft.remarks[1] == "Smoking: left out, since smoking is smoking already."
    assert draft.remarks[2].startswith("xray: left out; xray (its name) would have more than 50 codes")


def test_codes_that_are_states_of_one_variable_alone_mean_it_whatever_the_heading() -> None:
    """A column of diagnoses is the mechanism whose states they are, not what is called "other diagnosis"."""
    model = dx.load_model("hip_flexion_weakness@3.0.0")
    table = pd.DataFrame({"diagnosis": ["fracture", "Disc herniation", None, "brain"], "fever": ["present"] * 4})
    draft = dx.draft_mapping(model, table)
    assert draft.remarks == ("diagnosis: main_cause (a guess, by its codes).", "fever: fever (its name).")
    assert draft.undecided == 0
    coded = dx.draft_mapping(model, pd.DataFrame({"diagnosis": ["S72.0", "M16"]}))
    assert coded.remarks == ("diagnosis: left out, like no variable of hip_flexion_weakness.",)


def test_the_state_of_an_empty_cell_is_in_the_draft() -> None:
    """Beside codes and beside bands, for empty cells and for words that stand for them."""
    spoken = {
        "smoking": replace(MODEL.by_name["smoking"], if_empty="no"),
        "xray": replace(
            MODEL.by_name["xray"], states=("negative", "positive", "none"), cuts=(Cut(2.0),), if_empty="none"
        ),
    }
    model = replace(MODEL, variables=tuple(spoken.get(v.variable, v) for v in MODEL.variables))
    draft = dx.draft_mapping(model, pd.DataFrame({"smoking": ["yes", "NA"], "xray": ["1.5", "NA"]}))
    assert [(code, state) for _, code, _, state in draft.rows] == [
        ("NA", "no"),
        ("yes", "yes"),
        ("", "no"),
        ("<2.0", "negative"),
        (">=2.0", "positive"),
        ("", "none"),
        ("NA", "none"),
    ]
