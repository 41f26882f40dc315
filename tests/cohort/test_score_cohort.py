"""Scores of a table: the numbers that diagnose gives, whatever the table is stored as and however it is cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import bayesdx as dx
from bayesdx.cohort import scores as scores_module
from bayesdx.cohort.coding import encode_batch, lexicon
from bayesdx.cohort.columns import Batch
from bayesdx.cohort.scores import group_rows
from tests.cohort.tables import findings_of, flagship, patients, posteriors
from tests.knowledge.strategies import models

KEEP = ["patient"]


def scored(source: Any, **options: Any) -> pd.DataFrame:
    return dx.score_cohort(flagship(), source, keep=KEEP, **options)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return patients(700)


@pytest.fixture(scope="module")
def scores(table: pd.DataFrame) -> pd.DataFrame:
    return scored(table)


# -- the numbers ------------------------------------------------------------------------------------------------------


def test_a_row_is_a_diagnosis(table: pd.DataFrame, scores: pd.DataFrame) -> None:
    """Posteriors, log evidence, first cause and red flags are those of ``diagnose``."""
    for row in range(60):
        case = dx.diagnose(flagship(), findings_of(table.iloc[row]))
        found = posteriors(scores).iloc[row]
        assert_allclose(found[case.posterior.index], case.posterior, rtol=1e-9, atol=1e-12)
        assert_allclose(scores["log_evidence"].iloc[row], case.log_evidence, rtol=1e-12)
        assert scores["first_cause"].iloc[row] == case.posterior.index[0]
        assert scores["red_flags"].iloc[row] == ";".join(flag.flag for flag in case.red_flags)
        assert scores["status"].iloc[row] == "ok"
    assert scores["red_flags"].iloc[:60].str.len().gt(0).any()


@settings(max_examples=20)
@given(model=models(), seed=st.integers(0, 999))
def test_any_model(model: dx.Model, seed: int) -> None:
    """Whatever the states are called: rows are diagnoses, and impossible ones are marked."""
    table = patients(4, seed, 0.7, model)
    found = dx.score_cohort(model, table, keep=KEEP, on_error="flag")
    for row in range(len(table)):
        try:
            case = dx.diagnose(model, findings_of(table.iloc[row]))
        except dx.ImpossibleEvidenceError:
            assert found["status"].iloc[row] == "impossible"
            assert found["log_evidence"].iloc[row] == -np.inf
            assert posteriors(found).iloc[row].isna().all()
        else:
            assert found["status"].iloc[row] == "ok"
            assert_allclose(posteriors(found).iloc[row][case.posterior.index], case.posterior, atol=1e-12)
            assert found["red_flags"].iloc[row] == ";".join(flag.flag for flag in case.red_flags)


def test_a_batch_equals_its_rows(table: pd.DataFrame, scores: pd.DataFrame) -> None:
    """Bit by bit: a row has the same score alone, in a small batch and in a large one."""
    for start, stop in ((0, 1), (5, 6), (10, 13), (400, 660)):
        pd.testing.assert_frame_equal(scored(table.iloc[start:stop]), scores.iloc[start:stop], check_exact=True)


def test_equal_rows_are_answered_once(table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where patterns repeat, each is propagated once, and the scores are those of the rows one by one."""
    asked = []
    propagate = dx.Engine.propagate

    def counted(self: dx.Engine, evidence: Any, *args: Any, **options: Any) -> Any:
        asked.append(len(evidence))
        return propagate(self, evidence, *args, **options)

    monkeypatch.setattr(dx.Engine, "propagate", counted)
    repeated = pd.concat([table.iloc[:50]] * 100, ignore_index=True)
    once = scored(repeated)
    assert asked == [scores_module.WIDTH]
    asked.clear()
    monkeypatch.setattr(scores_module, "group_rows", lambda codes: None)
    pd.testing.assert_frame_equal(scored(repeated), once, check_exact=True)
    assert asked == [5 * scores_module.WIDTH]


def test_rows_that_differ_are_not_grouped(table: pd.DataFrame) -> None:
    """A sample in which hardly any pattern repeats shows that grouping does not pay."""
    words = lexicon(flagship())
    frame = table.drop(columns="patient")
    batch = Batch(dict(frame.items()), range(len(frame)))
    positions = words.positions(list(frame.columns), (), ())
    assert group_rows(encode_batch(words, batch, positions).codes) is None


def test_intervals_are_those_of_a_case(table: pd.DataFrame) -> None:
    """The same draws give the same credible intervals as ``credible_intervals``."""
    found = scored(table.iloc[:3], intervals=0.9, draws=100, seed=3)
    for row in range(3):
        case = dx.diagnose(flagship(), findings_of(table.iloc[row]))
        expected = dx.credible_intervals(case, mass=0.9, draws=100, seed=3).table
        for end in ("lower", "upper"):
            ours = found.iloc[row][[f"{end}_{cause}" for cause in expected.index]].to_numpy(dtype=float)
            assert_allclose(ours, expected[end], rtol=1e-9, atol=1e-12)


# -- the table --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("groups", [1, 7, 100, 700])
def test_the_number_of_row_groups_changes_no_score(
    groups: int, table: pd.DataFrame, scores: pd.DataFrame, tmp_path: Path
) -> None:
    """Nor does the number of threads, nor the size of parts and batches."""
    sizes = dx.types.CohortSizes(part_rows=150, batch_rows=64)
    path = tmp_path / "patients.parquet"
    pq.write_table(pa.Table.from_pandas(table), path, row_group_size=-(-700 // groups))
    for workers in (1, 3):
        found = dx.score_cohort(flagship(), path, keep=KEEP, workers=workers, sizes=sizes)
        pd.testing.assert_frame_equal(found, scores, check_exact=True)


def test_a_folder_is_its_files_in_order(table: pd.DataFrame, scores: pd.DataFrame, tmp_path: Path) -> None:
    """Files are read in the order of their paths; markers, hidden files and those of other kinds are left alone."""
    folder = tmp_path / "registry"
    for number, start in enumerate(range(0, 700, 200)):
        part = folder / f"year={2000 + number}"
        part.mkdir(parents=True)
        table.iloc[start : start + 200].to_parquet(part / "a.parquet")
    (folder / "_SUCCESS").write_text("")
    (folder / "README.txt").write_text("x")
    (folder / ".hidden.parquet").write_text("x")
    pd.testing.assert_frame_equal(scored(folder), scores, check_exact=True)


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ""])
@pytest.mark.parametrize("source", [".parquet", ".csv"])
def test_what_is_written_is_what_is_returned(
    source: str, suffix: str, table: pd.DataFrame, scores: pd.DataFrame, tmp_path: Path
) -> None:
    """Every kind of input into every kind of output."""
    path, out = tmp_path / f"patients{source}", tmp_path / f"scores{suffix}"
    table.to_csv(path, index=False) if source == ".csv" else table.to_parquet(path)
    summary = dx.score_cohort(flagship(), path, out, keep=KEEP)
    assert summary == dx.types.CohortSummary(out, 700, {"ok": 700, "impossible": 0, "bad_value": 0})
    assert str(summary) == f"{out}: 700 rows; 700 ok, 0 impossible, 0 bad_value."
    if suffix == ".csv":
        found = pd.read_csv(out, keep_default_na=False, na_values={"log_evidence": [""]}, engine="python")
        expected = scores.assign(fault="")
    else:
        found, expected = pq.read_table(out).to_pandas(), scores
    if source == ".csv":
        found["patient"] = found["patient"].astype(int)
    pd.testing.assert_frame_equal(found, expected, check_exact=True, check_dtype=False)
    kept = {
        "scores.parquet": {"scores.parquet.manifest.json"},
        "scores.csv": {"scores.csv.manifest.json"},
        "scores": set(),
    }
    assert {entry.name for entry in tmp_path.iterdir()} == {path.name, out.name, *kept[out.name]}


def test_frames_of_other_libraries(table: pd.DataFrame, scores: pd.DataFrame) -> None:
    """A frame comes back as a frame of its own library; pandas rows keep their labels."""
    polars = scored(pl.from_pandas(table))
    assert isinstance(polars, pl.DataFrame)
    pd.testing.assert_frame_equal(polars.to_pandas(), scores, check_exact=True, check_dtype=False)
    arrow = scored(pa.Table.from_pandas(table))
    assert isinstance(arrow, pa.Table)
    pd.testing.assert_frame_equal(arrow.to_pandas(), scores, check_exact=True)
    named = table.set_axis([f"p{row}" for row in range(700)])
    pd.testing.assert_frame_equal(scored(named), scores.set_axis(named.index), check_exact=True)


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["sudden", None], dtype=object),
        pd.Series(["sudden", np.nan], dtype=object),
        pd.Series(["sudden", None], dtype="string"),
        pd.Series(["sudden", pd.NA], dtype="category"),
        pd.Series(["sudden", None], dtype="category").cat.set_categories(["gradual", "x", "sudden"]),
    ],
)
def test_missing_is_missing(column: pd.Series) -> None:
    """However a library writes it down, a missing cell is "not observed", as a column left out is."""
    found = dx.score_cohort(flagship(), pd.DataFrame({"onset": column, "fever": [np.nan, np.nan]}))
    expected = dx.score_cohort(flagship(), pd.DataFrame({"onset": ["sudden", None]}))
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_tables_without_rows_or_without_findings(tmp_path: Path) -> None:
    """Nothing gives nothing, with its columns; a patient of whom nothing is known has the priors."""
    nothing = patients(0)
    assert len(scored(nothing)) == 0
    nothing.to_csv(tmp_path / "none.csv", index=False)
    nothing.to_parquet(tmp_path / "none.parquet")
    for name in ("none.csv", "none.parquet"):
        for out in ("out.csv", "out.parquet", "out"):
            place = tmp_path / f"{name}.{out}" if "." in out else tmp_path / f"{name}_{out}".replace(".", "_")
            assert dx.score_cohort(flagship(), tmp_path / name, place, keep=KEEP).rows == 0
    assert (tmp_path / "none.csv.out.csv").read_text().startswith("patient,status,first_cause")
    prior = dx.diagnose(flagship(), {}).posterior
    unknown = dx.score_cohort(flagship(), pd.DataFrame({"patient": [1]}), ignore=["patient"])
    assert_allclose(posteriors(unknown).iloc[0][prior.index], prior, atol=1e-12)


def test_a_record_batch_has_the_promised_schema(table: pd.DataFrame, scores: pd.DataFrame) -> None:
    """``score_batch`` is the function behind all others, and ``cohort_schema`` its result's schema."""
    batch = pa.RecordBatch.from_pandas(table, preserve_index=False)
    found = dx.score_batch(flagship(), batch, keep=KEEP)
    assert found.schema == dx.cohort_schema(flagship(), batch.schema, keep=KEEP)
    pd.testing.assert_frame_equal(found.to_pandas(), scores, check_exact=True)
    sure = dx.cohort_schema(flagship(), batch.schema, keep=KEEP, intervals=True)
    assert len(sure) == 6 + 3 * len(flagship().causes)


def test_progress_is_shown_on_request(table: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    """On standard error, with rows and rate; a program that asks for nothing sees nothing."""
    scored(table, progress=True)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "700 of 700 rows" in shown.err
    assert "rows/s" in shown.err
    scored(table)
    assert capsys.readouterr().err == ""


# -- rows that cannot be scored ---------------------------------------------------------------------------------------


def broken() -> pd.DataFrame:
    table = patients(4).astype(object)
    table.loc[1, "onset"] = "acute"
    table.loc[2, "fever"] = 1.5
    table.loc[1, ["saddle_anaesthesia", "bladder_bowel_dysfunction"]] = "present"
    return table


def test_bad_cells_are_marked() -> None:
    """The other rows are scored as ever, and no red flag is lost to a bad cell elsewhere in the row."""
    found = scored(broken(), on_error="flag")
    assert found["status"].tolist() == ["ok", "bad_value", "bad_value", "ok"]
    assert found["fault"].iloc[1] == "onset = 'acute' is not a state of onset; its states are gradual, sudden."
    assert found["fault"].iloc[2] == "fever = 1.5 is not a state of fever; its states are absent, present."
    bad = found.iloc[1:3]
    assert bad.filter(like="posterior_").isna().all().all()
    assert bad["log_evidence"].isna().all()
    assert bad["first_cause"].isna().all()
    assert "cauda" in found["red_flags"].iloc[1]
    columns = [name for name in found if name != "patient"]
    expected = scored(patients(4))
    pd.testing.assert_frame_equal(found.loc[[0, 3], columns], expected.loc[[0, 3], columns], check_exact=True)


@pytest.mark.parametrize("columns", [("onset", "fever", "severe_pain"), ("severe_pain", "fever", "onset")])
def test_of_several_bad_cells_of_a_row_the_first_is_named(columns: tuple[str, ...], tmp_path: Path) -> None:
    """In the order of the columns of the table, whether rows are marked or the run ends; files as frames."""
    table = pd.DataFrame([["wrong"] * 3, [None, "wrong", "wrong"], [None, None, None]], columns=columns)
    path = tmp_path / "patients.csv"
    table.to_csv(path, index=False)
    for source in (table, path):
        found = dx.score_cohort(flagship(), source, on_error="flag")
        named = [text.split(" is not a state")[0] for text in found["fault"].iloc[:2]]
        assert named == [f"{columns[0]} = 'wrong'", f"{columns[1]} = 'wrong'"]
        assert not found["fault"].iloc[2] or pd.isna(found["fault"].iloc[2])
        with pytest.raises(dx.FindingsError) as raised:
            dx.score_cohort(flagship(), source)
        faults = str(raised.value).splitlines()[:-1]
        assert [line.split("column ")[1].split(":")[0] for line in faults] == list(columns[:2])


ON = "To score the other rows and mark such ones: on_error='flag' (--on-error flag)."
"""The way on that a run that ends because of bad cells names."""


def test_bad_cells_end_the_run(tmp_path: Path) -> None:
    """The sentence names file, row, column, value, what is expected and the nearest."""
    with pytest.raises(dx.FindingsError) as raised:
        scored(broken())
    assert str(raised.value) == (
        "the frame, row 1, column onset: 'acute' is not a state of onset; its states are gradual, sudden.\n"
        "the frame, row 2, column fever: 1.5 is not a state of fever; its states are absent, present.\n"
        f"{ON}"
    )
    path = tmp_path / "patients.csv"
    path.write_text("patient,onset,fever\n1,sudden,\n2,gradual,presnt\n")
    with pytest.raises(dx.FindingsError) as raised:
        scored(path)
    assert str(raised.value) == (
        f"{path}, row 3, column fever: 'presnt' is not a state of fever; its states are absent, present. "
        f"Did you mean 'present'?\n{ON}"
    )


def test_cells_of_another_type() -> None:
    """A column that holds no text is a fault of every row in which it holds something."""
    days = pa.array([0, None], pa.date32())
    found = dx.score_cohort(flagship(), pa.table({"fever": days}), on_error="flag")
    assert found.column("fault").to_pylist() == [
        "fever = a cell of type date32[day]; expected text; its states are absent, present.",
        None,
    ]
    with pytest.raises(dx.FindingsError) as raised:
        dx.score_cohort(flagship(), pa.table({"fever": days}))
    assert str(raised.value) == (
        "the frame, row 0, column fever: a cell of type date32[day]; expected text; its states are absent, present.\n"
        f"{ON}"
    )
    whole = dx.score_cohort(flagship(), pa.table({"fever": [7, None]}), on_error="flag")
    assert whole.column("fault").to_pylist() == [
        "fever = 7 is not a state of fever; its states are absent, present.",
        None,
    ]


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("onset", "acut"),
        ("fever", "38,5"),
        ("temperature", "101 F"),
        ("warfarin", "no"),
        ("CRP", "<5 mg/dL"),
        ("ESR", "40"),
        ("main_cause", "fractured hip"),
        ("MRC", "6"),
    ],
)
@pytest.mark.filterwarnings("ignore:Columns that are causes")
def test_a_bad_cell_is_explained_as_diagnose_explains_it(column: str, cell: str) -> None:
    """One text in one place, whichever way the finding comes in."""
    model = dx.load_model("hip_flexion_weakness@2.3.0")
    with pytest.raises(dx.FindingsError) as raised:
        dx.diagnose(model, {column: cell})
    found = dx.score_cohort(model, pd.DataFrame({column: [cell]}), on_error="flag")
    assert f"findings: {found['fault'].iloc[0]}" == str(raised.value)


def test_words_bounds_and_units_are_read_in_a_table() -> None:
    """A column may be a word for one state, a cell a bound or a number with its unit."""
    model = dx.load_model("hip_flexion_weakness@2.3.0")
    table = pd.DataFrame({"warfarin": ["yes", None], "CRP": ["<5", "> 20 mg/L"], "age": ["73y", "60+"]})
    names = {"anticoagulation": "yes", "inflammatory_markers": "normal", "age_group": "60_and_over"}
    found = dx.score_cohort(model, table)
    assert found["status"].tolist() == ["ok", "ok"]
    assert found["log_evidence"].iloc[0] == pytest.approx(dx.diagnose(model, names).log_evidence, abs=1e-9)


def test_unknown_columns_are_faults(table: pd.DataFrame) -> None:
    """A finding misspelt must not be lost; all of them are listed."""
    frame = table.iloc[:2].rename(columns={"onset": "onzet"}).assign(pain_location="x", hospital="y")
    with pytest.raises(dx.FindingsError) as raised:
        dx.score_cohort(flagship(), frame, keep=["patient", "ward"], ignore=["hospital", "hospitl"])
    members = ", ".join(flagship().groups["pain_location"])
    assert str(raised.value).splitlines() == [
        "column 'onzet' is not a variable of hip_flexion_weakness 1.0.0. Did you mean 'onset'? "
        "Name it under keep to copy it, or under ignore.",
        "column 'pain_location' is not a variable of hip_flexion_weakness 1.0.0. It is a group; give its members as "
        f"columns: {members}.",
        "keep: there is no column 'ward'.",
        "ignore: there is no column 'hospitl'. Did you mean 'hospital'?",
    ]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"on_error": "ignore"}, "on_error: 'ignore'; expected 'raise' or 'flag'."),
        ({"intervals": 95}, "intervals: 95; expected a number between 0 and 1, or None."),
        ({"draws": 2}, "draws: 2; expected a whole number of at least 50."),
        ({"workers": 0}, "workers: 0; expected a whole number of at least 1."),
        ({"keep": "patient"}, "keep: 'patient'; expected a list of column names, as ['patient']."),
        ({"keep": 5}, "keep: 5; expected a list of column names."),
        ({"ignore": None}, "ignore: None; expected a list of column names."),
        ({"ignore": [3]}, "ignore: 3; expected the name of a column."),
        ({"out": 5}, "out: 5; expected the path of a file or a folder."),
        ({"draws": "x"}, "draws: 'x'; expected a whole number of at least 50."),
        ({"draws": 60.5}, "draws: 60.5; expected a whole number of at least 50."),
        ({"seed": -1}, "seed: -1; expected a whole number of at least 0."),
        ({"workers": 1.5}, "workers: 1.5; expected a whole number of at least 1."),
        ({"intervals": "x"}, "intervals: 'x'; expected a number between 0 and 1, or None."),
        ({"ignore": ["a", "a"]}, "ignore: 'a' is named twice."),
        (
            {"out": "scores.xlsx"},
            "{here}/scores.xlsx: expected a name that ends with .parquet or .csv, or a folder's name.",
        ),
        ({"out": "no/where.csv"}, "{here}/no/where.csv: there is no folder {here}/no; nothing was written."),
    ],
)
def test_options_that_cannot_be(
    options: dict[str, Any], sentence: str, table: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wrong options are named before anything is read."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(dx.CohortError) as raised:
        dx.score_cohort(flagship(), table, **{"keep": KEEP, **options})
    assert str(raised.value) == sentence.format(here=tmp_path)


def test_causes_to_ignore_are_all_that_says_which_cause_it_is() -> None:
    """Causes, what brings them about, and what is a function of them, as tuberculosis or lung cancer; nothing else."""
    model = dx.load_model("chest_clinic@1.0.0")
    row = {"lung_cancer": ["present"], "either": ["yes"], "smoking": ["yes"], "xray": ["negative"]}
    scores = dx.score_cohort(model, pd.DataFrame(row), ignore=["causes"])
    unlabelled = dx.score_cohort(model, pd.DataFrame({"smoking": ["yes"], "xray": ["negative"]}))
    pd.testing.assert_frame_equal(scores, unlabelled)
    with pytest.warns(dx.DataWarning, match="the posteriors know the answer: 'lung_cancer', 'either'"):
        dx.score_cohort(model, pd.DataFrame(row))


def test_a_kept_column_called_like_a_score() -> None:
    """It would stand twice in the output."""
    with pytest.raises(dx.CohortError) as raised:
        dx.score_cohort(flagship(), pd.DataFrame({"status": ["x"]}), keep=["status"])
    assert str(raised.value) == "keep: column 'status' is called like one of the scores; rename it."
