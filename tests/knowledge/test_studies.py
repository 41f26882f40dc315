"""studies.csv: counts first, one 2x2 table once, every fault with its line; accuracy.csv in its words."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

import bayesdx as dx
from bayesdx.evaluation.measures import wilson
from bayesdx.evaluation.published import Reading, read, sample_size, studies_of
from bayesdx.knowledge.schema import Study
from bayesdx.knowledge.studies import read_studies
from tests.knowledge.example import FOLDER as OLD
from tests.knowledge.example import copy_draft, edit

FOLDER = Path(__file__).parents[1] / "data" / "models" / "breathless" / "1.0.0"
HEADER = (
    "study,table,finding,state,also,cause,measure,k,n,k_against,n_against,value,lower,upper,population,given,against,"
    "design,spectrum,comparator,reference,verification,sampled_from,source,status,note"
)
ROWS = [
    "LEE2019,,fever,present,,lungs=pneumonia,sensitivity,48,60,,,,,,practice,,,cohort,suspected,,imaging,all,"
    "consecutive,JUDGED,verified,",
    "LEE2019,,fever,present,,lungs=pneumonia,false_positive_rate,30,200,,,,,,practice,,,cohort,,suspected,imaging,all,"
    "consecutive,JUDGED,verified,",
    "KIM2020,whole_blood,crp,raised|high,fever=present,lungs=pneumonia,lr_plus,40,50,20,100,,,,,age_group=old,"
    "lungs=embolism,case_control,,,,,,JUDGED,verified,",
    "POOLED,,crackles,present,,lungs,sensitivity,,300,,,0.7,0.6,0.79,,,,meta_analysis,,,,,,JUDGED,recalled,",
    "ROE2001,,calf_swelling,yes,,lungs=embolism,conditional,9,80,,,,,,,panic=present,,case_series,,,,,,JUDGED,verified,",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The example of format 2 with studies."""
    made = Path(shutil.copytree(FOLDER, tmp_path / "1.0.0"))
    (made / "studies.csv").write_text("\n".join([HEADER, *ROWS]) + "\n")
    return made


def test_studies_are_read_and_saved(folder: Path, tmp_path: Path) -> None:
    """Save then load is identity; rows stand in the order of findings, causes, studies and measures."""
    assert dx.check_model(folder) == []
    model = dx.load_model(folder)
    assert [(row.finding, row.study, row.measure) for row in model.studies] == [
        ("fever", "LEE2019", "sensitivity"),
        ("fever", "LEE2019", "false_positive_rate"),
        ("calf_swelling", "ROE2001", "conditional"),
        ("crackles", "POOLED", "sensitivity"),
        ("crp", "KIM2020", "lr_plus"),
    ]
    row = model.studies[-1]
    assert row.event == (("crp", ("raised", "high")), ("fever", ("present",)))
    assert (row.k, row.n, row.k_against, row.n_against, row.value) == (40, 50, 20, 100, None)
    saved = dx.save_model(model, tmp_path / "saved" / "1.0.0")
    assert dx.load_model(saved).hash == model.hash
    assert set(model.frame("studies")["study"]) == {"LEE2019", "KIM2020", "POOLED", "ROE2001"}


def test_the_order_of_rows_is_no_content(folder: Path) -> None:
    """Nor is that of columns."""
    before = dx.load_model(folder).hash
    frame = pd.read_csv(folder / "studies.csv", dtype=str, keep_default_na=False)
    frame.iloc[::-1, ::-1].to_csv(folder / "studies.csv", index=False)
    assert dx.load_model(folder).hash == before


def test_format_1_has_no_studies(tmp_path: Path) -> None:
    """A reader from before would not know the file."""
    draft = copy_draft(tmp_path)
    (draft / "studies.csv").write_text(f"{HEADER}\n")
    assert [str(problem) for problem in dx.check_model(draft)] == [
        "studies.csv: 'a file'; expected format = 2 in model.toml for this file."
    ]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("48,60,", "61,60,", "row 2, column k: '61'; expected at most n, 60."),
        ("48,60,", "48,,", "row 2, column n: ''; expected how many patients k is counted in."),
        ("48,60,", "0,0,", "row 2, column n: '0'; expected at least one patient."),
        ("48,60,", ",60,", "row 2, column k: ''; expected counts (k, n), or value, lower and upper."),
        ("48,60,,,,", "48,60,,,0.7,", "row 2, column value: '0.7'; expected 0.8, 48 of 60, or an empty cell."),
        (
            "48,60,,",
            "48,60,3,",
            "row 2, column k_against: '3'; expected an empty cell: a sensitivity is counted in one group; its "
            "comparison group has a row of its own, false_positive_rate.",
        ),
        (
            "40,50,20,100",
            "40,50,20,",
            "row 4, column n_against: ''; expected how many patients k_against is counted in.",
        ),
        ("0.7,0.6,0.79", "0.7,0.6,", "row 5, column upper: ''; expected counts (k, n), or value, lower and upper."),
        (
            "0.7,0.6,0.79",
            "0.5,0.6,0.79",
            "row 5, column value: '0.5'; expected a value within its own interval, 0.6 to 0.79.",
        ),
        ("0.7,0.6,0.79", "0.7,0.8,0.6", "row 5, column lower: '0.8'; expected at most its upper end, 0.6."),
        (
            "0.7,0.6,0.79",
            "0.7,0.7,0.7",
            "row 5, column upper: '0.7'; expected an interval with a width: a study of patients is never certain.",
        ),
        ("0.7,0.6,0.79", "0.7,0.6,1.79", "row 5, column upper: '1.79'; expected a sensitivity between 0 and 1."),
        (
            "panic=present",
            "",
            "row 6, column given: ''; expected on whom the figure is conditional, as a=x;b=y|z.",
        ),
        (
            "lungs=embolism,conditional",
            "lungs=none,conditional",
            "row 6, column cause: 'lungs=none'; expected another state than the reference state none.",
        ),
        (
            "lungs=embolism,conditional",
            "fever,conditional",
            "row 6, column cause: 'fever'; expected a cause, or a state of a mechanism, not history.",
        ),
        (
            "calf_swelling,yes",
            "calf_swelling,swollen",
            "row 6, column state: 'swollen'; expected a state of calf_swelling: no, yes.",
        ),
        (
            "case_series,,,",
            "case_serie,,,",
            "row 6, column design: 'case_serie'; expected one of cohort, case_control, case_series, operated_series, "
            "meta_analysis, other (nearest: 'case_series').",
        ),
        (
            ROWS[1],
            f"{ROWS[0].replace('practice,,', 'practice,,panic=present')}\n{ROWS[1]}",
            "row 3, column measure: 'sensitivity'; expected each measure of a 2x2 table once; row 2 has it (column "
            "table tells tables apart).",
        ),
        (
            ROWS[2],
            f"{ROWS[1].replace('false_positive_rate,30,200,,', 'lr_plus,48,60,30,200')}\n{ROWS[2]}",
            "row 4, column table: ''; expected at most two figures of a 2x2 table; rows 2 and 3 say what the others do "
            "(column table tells tables apart).",
        ),
        (
            "POOLED,",
            "KIM2020,whole_blood",
            "row 5, column finding: 'crackles'; expected crp, as in row 4 of the table.",
        ),
    ],
)
def test_every_fault_has_a_sentence(folder: Path, old: str, new: str, sentence: str) -> None:
    """Where, what, what instead."""
    edit(folder, "studies.csv", old, new)
    assert f"studies.csv, {sentence}" in [str(problem) for problem in dx.check_model(folder)]


def test_studies_from_outside_are_checked_alike(folder: Path) -> None:
    """A file, a frame and rows give the same; a source need not be one of the model's; faults name the file."""
    model = dx.load_model(FOLDER)
    rows = read_studies(model, folder / "studies.csv")
    assert read_studies(model, pd.read_csv(folder / "studies.csv")) == rows
    assert read_studies(model, rows) == rows
    frame = pd.DataFrame([{"study": "A", "finding": "fever", "state": "present", "cause": "panic", "note": "",
                           "measure": "sensitivity", "k": 3, "n": 30, "design": "cohort", "source": "NEW2026",
                           "status": "verified"}])  # fmt: skip
    assert read_studies(model, frame)[0].source == "NEW2026"
    with pytest.raises(dx.ModelError, match=r"studies, row 2, column finding: 'fevr'; .*nearest: 'fever'"):
        read_studies(model, frame.assign(finding="fevr"))
    with pytest.raises(dx.ModelError, match=r"studies\.csv does not fit breathless 1\.0\.0:\n.*each once; row 2"):
        (folder / "studies.csv").write_text("\n".join([HEADER, ROWS[0], ROWS[0]]) + "\n")
        read_studies(model, folder / "studies.csv")
    with pytest.raises(dx.ModelError, match=r"none\.csv: No such file"):
        read_studies(model, "none.csv")


def reading(**fields: object) -> Reading:
    """What a row says whose other cells do not matter."""
    row = dict.fromkeys(Study.__dataclass_fields__, "") | {"also": (), "given": (), "against": (), "cause": "c"}
    counts = dict.fromkeys(("k", "n", "k_against", "n_against", "value", "lower", "upper"))
    return read(Study(**(row | counts | {"measure": "sensitivity"} | fields)))


def test_an_interval_stands_for_patients() -> None:
    """As many as would leave Wilson's interval of that width, at most those stated; within 5 % for any share."""
    for k, n in ((0, 20), (3, 40), (20, 40), (39, 40), (40, 40), (600, 1000)):
        found = sample_size(*wilson(k, n))
        assert abs(found / n - 1) < 0.05
    assert reading(value=0.8, lower=0.6, upper=0.92, n=10).n == 10
    assert reading(value=0.8, lower=0.6, upper=0.92, n=1000).n == pytest.approx(22.6, abs=3)
    assert reading(value=1.0, lower=0.91, upper=1.0).k == pytest.approx(38.9, abs=0.2)


def test_ratios_have_a_logarithm_and_its_error() -> None:
    """From four counts, half a patient in each cell where one is empty; or from the published interval."""
    found = reading(measure="lr_plus", k=40, n=50, k_against=20, n_against=100)
    assert found.value == pytest.approx(4.0)
    assert found.error == pytest.approx((1 / 40 - 1 / 50 + 1 / 20 - 1 / 100) ** 0.5)
    assert reading(measure="lr_minus", k=40, n=50, k_against=20, n_against=100).value == pytest.approx(0.25)
    assert reading(measure="odds_ratio", k=40, n=50, k_against=20, n_against=100).value == pytest.approx(16.0)
    assert reading(measure="lr_plus", k=10, n=10, k_against=0, n_against=10).value == pytest.approx(21.0)
    published = reading(measure="lr_plus", value=4.0, lower=2.0, upper=8.0)
    assert published.error == pytest.approx(0.3536, abs=1e-4)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"reference": "includes_finding"}, "incorporation"),
        ({"verification": "selective"}, "selective verification"),
        ({"comparator": "on_suspicion", "measure": "false_positive_rate"}, "the comparison group was chosen"),
        ({"comparator": "on_suspicion"}, ""),
        ({"verification": "random"}, ""),
    ],
)
def test_biased_figures_are_excluded_not_modelled(fields: dict[str, object], why: str) -> None:
    """Incorporation, selective verification, comparison groups chosen on suspicion."""
    found = reading(k=3, n=4, **fields).excluded
    assert found.startswith(why)
    assert bool(found) == bool(why)


def test_figures_of_format_1_become_studies() -> None:
    """Every row of accuracy.csv is a study or is left out with a reason; the flagship's Wilson intervals are counts."""
    for name in ("hip_flexion_weakness@2.2.1", "hip_flexion_weakness@1.0.0", "chest_clinic@1.0.0"):
        model = dx.load_model(name)
        studies, left_out = studies_of(model)
        assert len(studies) + len(left_out) == len(model.accuracy)
        assert all(reason for _, reason in left_out)
        assert read_studies(model, studies) == studies
    studies, _ = studies_of(dx.load_model("hip_flexion_weakness@2.2.1"))
    counted = {(row.study, row.k, row.n) for row in studies if row.k is not None}
    assert ("SASAKI2014", 8, 27) in counted
    assert ("PARVIZI2010", 170, 344) in counted
    assert dx.load_model(OLD).studies == ()


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        ("0.6,JUDGED 0.6", ""),
        ("0.6,", "links.csv, row 2, column shares: ''; expected a value, since information has one."),
        (",JUDGED 0.6", "links.csv, row 2, column information: ''; expected a value, since shares has one."),
        ("0.6,JUDGED", "links.csv, row 2, column shares: 'JUDGED'; expected a source and its share, as LEE2019 0.4."),
        (
            "0.6,JUGED 0.6",
            "links.csv, row 2, column shares: 'JUGED'; expected a source of sources.csv (nearest: 'JUDGED').",
        ),
        (
            "0.6,JUDGED 0.6|JUDGED 0.7",
            "links.csv, row 2, column shares: '1.3'; expected a sum of at most 1, the rest being judgement.",
        ),
    ],
)  # fmt: skip
def test_what_a_number_owes_to_studies(folder: Path, cells: str, sentence: str) -> None:
    """Information with shares of sources, together at most 1."""
    head, first, *rest = (folder / "links.csv").read_text().splitlines()
    lines = [f"{head},information,shares", f"{first},{cells}", *(f"{row},," for row in rest)]
    (folder / "links.csv").write_text("\n".join(lines) + "\n")
    assert [str(problem) for problem in dx.check_model(folder)] == ([sentence] if sentence else [])
