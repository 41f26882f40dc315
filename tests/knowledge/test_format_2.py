"""What format 2 adds to a model folder, and what is wrong with it where it is wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bayesdx as dx
from tests.knowledge.example import FOLDER as OLD
from tests.knowledge.example import copy_draft, edit

VERSIONS = Path(__file__).parents[2] / "models" / "hip_flexion_weakness"
FOLDER = Path(__file__).parents[1] / "data" / "models" / "breathless" / "1.0.0"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy to break."""
    return Path(shutil.copytree(FOLDER, tmp_path / "1.0.0"))


def test_the_example_is_sound() -> None:
    """Every column of format 2 is in use."""
    assert dx.check_model(FOLDER) == []
    model = dx.load_model(FOLDER)
    assert model.info.format == 2
    assert model.by_name["crp"].cuts[1].value == 100
    assert model.label("lungs=oedema") == "Pulmonary oedema"
    assert {test.test: test.soonest_hours for test in model.tests} == {"crp": 1, "ct_angiography": 1}


def test_saving_keeps_every_cell(folder: Path, tmp_path: Path) -> None:
    """Save then load is identity, format 2 as it is and format 1 as it was."""
    for source in (folder, OLD):
        model = dx.load_model(source)
        saved = dx.save_model(model, tmp_path / "saved" / source.parent.name / "1.0.0")
        assert dx.load_model(saved).hash == model.hash
        assert f"format = {model.info.format}" in (saved / "model.toml").read_text()


def test_format_1_has_no_column_of_format_2(tmp_path: Path) -> None:
    """A column that a version of bayesdx from before would not know says so by the format."""
    folder = copy_draft(tmp_path)
    path = folder / "variables.csv"
    head, *rows = path.read_text().splitlines()
    path.write_text("\n".join([f"{head},synonyms", *(f"{row}," for row in rows)]) + "\n")
    assert [str(problem) for problem in dx.check_model(folder)] == [
        "variables.csv, row 1, column synonyms: 'synonyms'; expected format = 2 in model.toml for this column."
    ]


@pytest.mark.parametrize(
    ("file", "old", "new", "sentence"),
    [
        (
            "variables.csv",
            "No fever|Fever",
            "No fever",
            "variables.csv, row 5, column state_labels: 'No fever'; expected 2 labels, one for each state.",
        ),
        (
            "variables.csv",
            "none|pneumonia|embolism|oedema,",
            "none,",
            "variables.csv, row 3, column states: 'none'; expected two or more states separated by |, different in "
            "more than case, without = and ;.",
        ),
        (
            "variables.csv",
            "Adult|Old",
            "old|Senior",
            "variables.csv, row 2, column state_labels: 'old'; expected a label that does not read as old too.",
        ),
        (
            "variables.csv",
            "pyrexia|temperature",
            "pyrexia|Crackle",
            "variables.csv, row 5, column synonyms: 'Crackle'; expected a word that is not the name of crackles.",
        ),
        (
            "variables.csv",
            "pyrexia|temperature",
            "pyrexia|Pyrexias",
            "variables.csv, row 5, column synonyms: 'Pyrexias'; expected each synonym once, whatever its spelling.",
        ),
        (
            "variables.csv",
            "pyrexia|temperature",
            "pyrexia||temperature",
            "variables.csv, row 5, column synonyms: 'pyrexia||temperature'; expected texts separated by |, none of "
            "them "
            "empty.",
        ),
        (
            "variables.csv",
            "10|100,0|900",
            "100|10,0|900",
            "variables.csv, row 9, column cuts: '100|10'; expected cuts that rise.",
        ),
        (
            "variables.csv",
            "10|100,0|900",
            "<10|<100,0|900",
            "variables.csv, row 9, column cuts: '<10|<100'; expected cuts that fall.",
        ),
        (
            "variables.csv",
            "10|100,0|900",
            "<100|10,0|900",
            "variables.csv, row 9, column cuts: '<100|10'; expected cuts that all have the sign <, or none.",
        ),
        (
            "variables.csv",
            "10|100,0|900",
            "10,0|900",
            "variables.csv, row 9, column cuts: '10'; expected 2 cuts, one fewer than the states normal, raised, high.",
        ),
        (
            "variables.csv",
            "10|100,0|900",
            "10|1000,0|900",
            "variables.csv, row 9, column cuts: '10|1000'; expected cuts within the limits 0 to 900.",
        ),
        (
            "variables.csv",
            "10|100,0|900",
            "10|100,900|0",
            "variables.csv, row 9, column limits: '900|0'; expected the lowest and the highest number, as 30|45.",
        ),
        (
            "variables.csv",
            "10|100,0|900",
            "10|1e999,0|900",
            "variables.csv, row 9, column cuts: '10|1e999'; expected numbers separated by |.",
        ),
        (
            "variables.csv",
            "CRP,mg/L,10|100,0|900",
            "CRP,,,",
            "variables.csv, row 9, column quantity: 'CRP'; expected an empty cell, since the variable has no cuts.",
        ),
        (
            "red_flags.csv",
            "calf_swelling=yes,lungs=embolism",
            "calf_swelling=yes,lungs",
            "red_flags.csv, row 3, column cause: 'lungs'; expected a state of lungs, as lungs=pneumonia.",
        ),
        (
            "red_flags.csv",
            "calf_swelling=yes,lungs=embolism",
            "calf_swelling=yes,lungs=none",
            "red_flags.csv, row 3, column cause: 'lungs=none'; expected another state than the reference state none.",
        ),
        (
            "red_flags.csv",
            "calf_swelling=yes,lungs=embolism",
            "calf_swelling=yes,lungs=embolus",
            "red_flags.csv, row 3, column cause: 'lungs=embolus'; expected a state of lungs: none, pneumonia, "
            "embolism, "
            "oedema (nearest: 'embolism').",
        ),
        (
            "management.csv",
            "panic,1",
            "panic=present,1",
            "management.csv, row 5, column cause: 'panic=present'; expected panic alone, since it has two states.",
        ),
        (
            "management.csv",
            "panic,1",
            "fever=present,1",
            "management.csv, row 5, column cause: 'fever=present'; expected a cause, or a state of a mechanism, not "
            "history.",
        ),
        (
            "management.csv",
            "crackles=present",
            "crackles=present;lungs=oedema",
            "management.csv, row 4, column conditions: 'lungs'; expected findings and contexts; a step is taken "
            "without "
            "knowing a cause.",
        ),
        (
            "management.csv",
            "crackles=present",
            "crackles=loud",
            "management.csv, row 4, column conditions: 'crackles=loud'; expected a state of crackles: absent, present.",
        ),
        (
            "management.csv",
            "expert,,ct_angiography",
            "expert,,ct_angiografy",
            "management.csv, row 3, column tests: 'ct_angiografy'; expected a test of tests.csv (nearest: "
            "'ct_angiography').",
        ),
        (
            "management.csv",
            "hospital=0.05",
            "hospitals=0.05",
            "management.csv, row 3, column thresholds: 'hospitals'; expected a population of model.toml (nearest: "
            "'hospital').",
        ),
        (
            "management.csv",
            "hospital=0.05",
            "hospital=1.05",
            "management.csv, row 3, column thresholds: 'hospital=1.05'; expected probabilities of different "
            "populations as population=0.1;population=0.2.",
        ),
        (
            "management.csv",
            "hospital=0.05",
            "hospital=0.05;hospital=0.1",
            "management.csv, row 3, column thresholds: 'hospital=0.05;hospital=0.1'; expected probabilities of "
            "different populations as population=0.1;population=0.2.",
        ),
        (
            "management.csv",
            "hospital=0.05",
            "hospital=0.05;practice=0.05",
            "management.csv, row 3, column thresholds: 'hospital=0.05;practice=0.05'; expected an empty cell and this "
            "threshold in the column threshold, since it is the same in every population.",
        ),
        (
            "tests.csv",
            "0.001,JUDGED,expert,,1",
            "0.001,JUDGED,expert,,",
            "red_flags.csv, row 3, column tests: 'ct_angiography'; expected a test with a result within 24 hours, "
            "since "
            "the action is an emergency; ct_angiography takes 72 (emergency_delay_hours of tests.csv, else "
            "delay_hours).",
        ),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(folder: Path, file: str, old: str, new: str, sentence: str) -> None:
    """File, row, column, what was found, what was expected."""
    edit(folder, file, old, new)
    assert sentence in [str(problem) for problem in dx.check_model(folder)]


@pytest.mark.parametrize(
    ("labels", "expected"), [("×|+", None), ("-|+", None), ("+|+", "a label that does not read as absent too")]
)
def test_labels_without_letters_differ_as_they_stand(folder: Path, labels: str, expected: str | None) -> None:
    """Nothing of them is left in one spelling, yet + and - are not one label."""
    edit(folder, "variables.csv", "rales|crepitations,,", f"rales|crepitations,{labels},")
    problems = dx.check_model(folder)
    assert [problem.expected for problem in problems] == ([expected] if expected else [])


def test_findings_in_the_words_of_people() -> None:
    """Labels, synonyms, yes and no, numbers and groups are the same findings as names and states."""
    model = dx.load_model(FOLDER)
    typed = {"Age": 70, "Temperature": 38.6, "DVT signs": "yes", "CRP": "120 mg/L", "chest": ["rales"]}
    plain = {
        "age_group": "old",
        "fever": "present",
        "calf_swelling": "yes",
        "crp": "high",
        "crackles": "present",
        "wheeze": "absent",
    }
    case = dx.diagnose(model, typed)
    assert dict(case.findings) == plain
    assert case.log_evidence == dx.diagnose(model, plain).log_evidence
    assert case.evidence.said["crp"] == "CRP = 120 mg/L"
    assert case.evidence.said["wheeze"] == "not among chest"
    assert dx.diagnose(model, {"lungs": "Pulmonary embolism"}).posterior["lungs=embolism"] == 1


def test_arrays_of_other_libraries_are_what_they_hold() -> None:
    """A number in an array without dimensions, a series of states still possible."""
    model = dx.load_model(FOLDER)
    case = dx.diagnose(model, {"age": np.array(73), "crp": pd.Series([20.0, 120.0]), "fever": np.array(["Fever"])})
    assert dict(case.findings) == {"age_group": "old", "crp": ("raised", "high"), "fever": "present"}


def test_a_cause_may_be_asked_for_in_peoples_words() -> None:
    """By its label, a synonym, or the label of its state; an unknown one lists the causes."""
    case = dx.diagnose(dx.load_model(FOLDER), {"fever": "yes"})
    for words, name in (
        ("Pulmonary embolism", "lungs=embolism"),
        ("panic disorder", "panic"),
        ("PANIC ATTACK", "panic"),
    ):
        assert dx.explain(case, words).event.name == name
    with pytest.raises(
        dx.FindingsError, match=r"^'gout' is not a cause of breathless 1.0.0. Its causes are lungs, panic, "
    ):
        dx.explain(case, "gout")


def test_versions_of_both_formats_are_compared() -> None:
    """Synonyms, cut points and conditions are texts of the comparison."""
    table = dx.compare_models(dx.load_model(VERSIONS / "2.2.1"), dx.load_model(VERSIONS / "2.3.0")).table
    found = table[(table["column"] == "cuts") & (table["row"] == "age_group")]
    assert found["new"].tolist() == ["40;60"]


def test_one_variable_under_two_names_is_refused() -> None:
    """Both words are in the sentence."""
    with pytest.raises(dx.FindingsError) as raised:
        dx.diagnose(dx.load_model(FOLDER), {"fever": "present", "pyrexia": "no"})
    assert str(raised.value) == "findings: fever is given twice, as 'fever' and as 'pyrexia'."


def test_a_likelihood_takes_labels_and_every_state() -> None:
    """A state left out is no state of likelihood 0."""
    model = dx.load_model(FOLDER)
    case = dx.diagnose(model, {"fever": {"Fever": 0.8, "No fever": 0.2}})
    assert dict(case.findings["fever"]) == {"absent": 0.2, "present": 0.8}
    with pytest.raises(dx.FindingsError) as raised:
        dx.diagnose(model, {"crp": {"high": 0.8}})
    assert str(raised.value) == (
        "findings: crp: there is no likelihood of normal, raised; give every state, 0 is allowed."
    )


def test_a_population_that_was_not_chosen_is_known() -> None:
    """Copies of the model know it too; a choice, even of the default one, ends it."""
    model = dx.load_model(FOLDER)
    assert model.population_assumed
    assert dx.diagnose(model).model.population_assumed
    assert not model.with_population("practice").population_assumed
    assert not dx.load_model(FOLDER, population="practice").population_assumed
    assert not dx.load_model("chest_clinic@1.0.0").population_assumed, "one population leaves no choice"


@pytest.mark.parametrize(
    ("new", "sentence"),
    [
        ("gone=afebrile", "'gone'; expected a state of fever: absent, present."),
        ("presnt=rigors", "'presnt'; expected a state of fever: absent, present (nearest: 'present')."),
        ("absent=afebrile|Afebrile", "'Afebrile'; expected a word that is not a word of absent too."),
        ("absent=afebrile;present=afebriles", "'afebriles'; expected a word that is not a word of absent too."),
        ("present=Pyrexia", "'Pyrexia'; expected a word that is not a synonym too."),
        ("present=FEVER", "'FEVER'; expected a word that is not the variable itself too."),
        ("absent=crackle", "'crackle'; expected a word that is not the name of crackles."),
        ("absent=?!", "'?!'; expected a word with letters or digits."),
        (
            "afebrile",
            "'afebrile'; expected words of states as state=word|word;state=word; 'afebrile' is not of the form "
            "variable=state or variable=state|state.",
        ),
        ("absent= |afebrile", "'absent= |afebrile'; expected words of states as state=word|word;state=word."),
    ],
)
def test_a_word_of_a_state_says_one_thing(folder: Path, new: str, sentence: str) -> None:
    """It is no word of the variable, of another one or of another state; the fault names row and column."""
    edit(folder, "variables.csv", "absent=afebrile", new)
    assert [str(problem) for problem in dx.check_model(folder)] == [
        f"variables.csv, row 5, column state_words: {sentence}"
    ]


def test_words_of_states_are_findings() -> None:
    """They say their state; a mechanism or a cause is asked about by them."""
    model = dx.load_model(FOLDER)
    case = dx.diagnose(model, {"pensioner": "yes", "afebrile": True, "lungs": "PE"})
    assert dict(case.findings) == {"age_group": "old", "fever": "absent", "lungs": "embolism"}
    with pytest.raises(dx.FindingsError, match="give calf_swelling = no"):
        dx.diagnose(model, {"thrombosed leg": "no"})
    with pytest.raises(dx.FindingsError, match="'afebrile' is not a member"):
        dx.diagnose(model, {"chest": ["afebrile"]})
    assert dx.find_variables(model, "clot").table["state_words"].iloc[0] == "embolism: PE, clot on the lung"


def with_empty(folder: Path, states: dict[str, str], **changes: str) -> list[str]:
    """The faults of the folder where empty cells of these variables mean these states."""
    file = folder / "variables.csv"
    frame = pd.read_csv(file, dtype=str, keep_default_na=False)
    frame["if_empty"] = frame["variable"].map(states).fillna("")
    for column, cell in changes.items():
        frame.loc[frame["variable"] == "crp", column] = cell
    frame.to_csv(file, index=False)
    return [str(problem) for problem in dx.check_model(folder)]


@pytest.mark.parametrize(
    ("states", "changes", "sentences"),
    [
        ({"wheeze": "absent"}, {}, []),
        ({"crp": "high"}, {"cuts": "10"}, []),
        (
            {"wheeze": "absnt"},
            {},
            ["row 8, column if_empty: 'absnt'; expected a state of wheeze: absent, present (nearest: 'absent')."],
        ),
        (
            {"crp": "high"},
            {},
            ["row 9, column cuts: '10|100'; expected 1 cuts, one fewer than the states normal, raised."],
        ),
        (
            {"crp": "normal"},
            {"cuts": "10"},
            ["row 9, column if_empty: 'normal'; expected the last state, high: numbers mean the others."],
        ),
    ],
)
def test_the_state_of_an_empty_cell(
    folder: Path, states: dict[str, str], changes: dict[str, str], sentences: list[str]
) -> None:
    """Is a state of the variable; of a measured one the last, beyond the cuts."""
    assert with_empty(folder, states, **changes) == [f"variables.csv, {sentence}" for sentence in sentences]


def test_an_empty_cell_is_a_state_in_a_table_only(folder: Path) -> None:
    """A finding that is not given is not observed, nor is a column that is not there; a mapping may say otherwise."""
    assert with_empty(folder, {"wheeze": "absent", "crp": "high"}, cuts="10") == []
    model = dx.load_model(folder)
    frame = pd.DataFrame({"wheeze": ["present", None, "?"], "CRP": [5.0, 900.0, None], "fever": ["yes", None, "no"]})
    cohort = dx.read_cohort(model, frame).frame
    assert cohort["wheeze"].tolist() == ["present", "absent", "absent"]
    assert cohort["crp"].tolist() == ["normal", "raised", "high"]
    assert cohort["fever"].tolist() == ["present", None, "absent"] and "crackles" not in cohort
    codes = {"wheeze": {"variable": "wheeze", "codes": {"": None, "?": None}}}
    assert dx.read_cohort(model, frame, codes).frame["wheeze"].tolist() == ["present", None, None]
    assert dict(dx.diagnose(model, {"CRP": 20}).findings) == {"crp": "raised"}
    posteriors = [
        dx.diagnose(model, row.dropna().to_dict()).posterior["lungs=embolism"] for _, row in cohort.iterrows()
    ]
    scores = dx.score_cohort(model, frame)
    assert scores["posterior_lungs=embolism"].tolist() == pytest.approx(posteriors, abs=1e-12)


@pytest.mark.parametrize("frame", [{"fever": [0, 1]}, {"Fever": ["1", "0"]}, {"fever": [1.0, None]}])
def test_zero_and_one_are_read_alike_by_every_reader(frame: dict[str, list[object]]) -> None:
    """Yes and no of a variable whose numbers are temperatures; in a cohort and in a score as in a finding."""
    model = dx.load_model(FOLDER)
    table = pd.DataFrame(frame).assign(wheeze="absent")
    name = table.columns[0]
    expected = [
        None if pd.isna(cell) else dict(dx.diagnose(model, {name: cell}).findings)["fever"] for cell in table[name]
    ]
    assert dx.read_cohort(model, table).frame["fever"].tolist() == expected
    named = dx.score_cohort(model, pd.DataFrame({"fever": expected, "wheeze": "absent"}))
    assert dx.score_cohort(model, table)["posterior_panic"].tolist() == named["posterior_panic"].tolist()


def test_numbers_that_cannot_be_meant_are_faults_of_a_cohort() -> None:
    """As of a finding: the limits of the variable hold."""
    problems = dx.check_cohort(dx.load_model(FOLDER), pd.DataFrame({"temperature": [37.0, 102.0, 1.0]})).problems
    assert [str(problem) for problem in problems] == [
        f"table, row {row}, column temperature: '{number}'; expected a finding that is understood: fever = {number}.0: "
        "temperature in °C is a number from 30 to 45."
        for row, number in ((2, 1), (1, 102))
    ]
