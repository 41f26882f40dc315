"""One table, however it is stored: the same answers from every command that reads tables."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import feather
from typer.testing import CliRunner

import bayesdx as dx
from bayesdx.cli import app
from bayesdx.files import TableFault, read_table_file

FOLDER = Path(__file__).parents[1] / "data" / "models" / "breathless" / "1.0.0"
MODEL = dx.load_model(FOLDER)


def patients(rows: int = 60) -> pd.DataFrame:
    """Numbers with decimals, truth values, whole numbers with gaps, labels, words, and a cause."""
    rng = np.random.default_rng(7)
    gaps = rng.random((rows, 3)) < 0.2
    table = pd.DataFrame(
        {
            "Age": np.where(gaps[:, 0], np.nan, rng.integers(20, 95, rows)),
            "temperature": rng.normal(37.6, 0.9, rows).clip(35, 41).round(3),
            "swollen calf": rng.random(rows) < 0.3,
            "rales": np.where(gaps[:, 1], np.nan, (rng.random(rows) < 0.4).astype(float)),
            "CRP": pd.Series(rng.choice(["raised", "Normal", "?"], rows), dtype=object),
            "panic": np.where(rng.random(rows) < 0.2, "yes", "no"),
            "lungs": rng.choice(["none", "pneumonia", "Embolism"], rows),
        }
    )
    table["CRP"] = table["CRP"].where(~gaps[:, 2], None)
    return table


def as_semicolons(table: pd.DataFrame, path: Path) -> None:
    table.to_csv(path, sep=";", decimal=",", index=False)


def as_tabs(table: pd.DataFrame, path: Path) -> None:
    table.to_csv(path, sep="\t", index=False, encoding="utf-16")


def as_gzip(table: pd.DataFrame, path: Path) -> None:
    path.write_bytes(gzip.compress(table.to_csv(index=False).encode("utf-8-sig")))


def as_zstd(table: pd.DataFrame, path: Path) -> None:
    head, tail = (part.encode() for part in table.to_csv(index=False).split("\n", 1))
    frames = [pa.compress(part, codec="zstd", asbytes=True) for part in (head + b"\n", tail)]
    path.write_bytes(b"".join(frames))


FORMS: dict[str, Callable[[pd.DataFrame, Path], Any]] = {
    "comma.csv": lambda table, path: table.to_csv(path, index=False),
    "semicolon.csv": as_semicolons,
    "tab.tsv": as_tabs,
    "packed.csv.gz": as_gzip,
    "packed.csv.zst": as_zstd,
    "table.parquet": lambda table, path: table.to_parquet(path),
    "table.feather": lambda table, path: feather.write_feather(table, path),
    "table.xlsx": lambda table, path: table.to_excel(path, index=False),
}


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("forms")
    for name, write in FORMS.items():
        write(patients(), folder / name)
    return {name: folder / name for name in FORMS}


def states(cohort: dx.types.Cohort) -> pd.DataFrame:
    return cohort.frame.reset_index(drop=True)


@pytest.mark.parametrize("form", FORMS)
def test_patients_are_the_same_in_every_form(form: str, stored: dict[str, Path]) -> None:
    """evaluate and calibrate take what read_cohort reads; its hash is that of the frame."""
    expected = dx.read_cohort(MODEL, patients())
    assert expected.frame.notna().to_numpy().mean() > 0.7
    found = dx.read_cohort(MODEL, stored[form])
    assert found.hash == expected.hash
    pd.testing.assert_frame_equal(states(found), states(expected))


@pytest.mark.parametrize("convert", [pl.from_pandas, pa.Table.from_pandas], ids=["polars", "pyarrow"])
def test_frames_of_other_libraries_are_patients(convert: Callable[[pd.DataFrame], Any]) -> None:
    """As those of pandas; anything else is named."""
    assert dx.read_cohort(MODEL, convert(patients())).hash == dx.read_cohort(MODEL, patients()).hash
    with pytest.raises(dx.DatasetError, match=r"^table: builtins.list; expected a DataFrame of pandas, pol"):
        dx.read_cohort(MODEL, [1])


@pytest.mark.parametrize("form", FORMS)
def test_scores_are_the_same_in_every_form(form: str, stored: dict[str, Path], tmp_path: Path) -> None:
    """score, in memory and by command."""
    expected = dx.score_cohort(MODEL, patients(), ignore=["causes"])
    assert expected["status"].eq("ok").all()
    found = dx.score_cohort(MODEL, stored[form], workers=1, ignore=["causes"])
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
    out = tmp_path / "scores.csv"
    options = ["--keep", "temperature", "--ignore", "causes"]
    result = CliRunner().invoke(app, ["score", str(FOLDER), str(stored[form]), str(out), *options])
    assert result.exit_code == 0, result.output
    kept = pd.read_csv(out)
    assert kept["log_evidence"].tolist() == pytest.approx(expected["log_evidence"].tolist(), abs=1e-12)
    copied = kept["temperature"].astype(str).str.replace(",", ".").astype(float)
    assert copied.tolist() == patients()["temperature"].tolist()


@pytest.mark.parametrize("form", FORMS)
def test_diagnoses_are_the_same_in_every_form(form: str, stored: dict[str, Path]) -> None:
    """diagnose, for a table of patients."""
    options = ["--ignore", "causes", "--format", "json"]
    result = CliRunner().invoke(app, ["diagnose", str(FOLDER), "--findings", str(stored[form]), *options])
    assert result.exit_code == 0, result.output
    found = [row["log_evidence"] for row in json.loads(result.stdout)]
    expected = dx.score_cohort(MODEL, patients(), ignore=["causes"])["log_evidence"]
    assert found == pytest.approx(expected.tolist(), abs=1e-9)


@pytest.mark.parametrize("form", FORMS)
def test_what_is_learned_is_the_same_in_every_form(form: str, stored: dict[str, Path]) -> None:
    """evaluate, calibrate, fit and the draft of a mapping."""

    def learned(table: Any) -> tuple[Any, ...]:
        fitted = dx.fit_model(table, "lungs", structure="naive", missing="ignore", temperature=1.0)
        return (
            dx.evaluate(MODEL, table, resamples=0).table.to_csv(),
            dx.calibrate(MODEL, dx.read_cohort(MODEL, table), version="1.1.0").model.priors,
            (fitted.model.variables, fitted.model.tables, fitted.mapping),
            dx.draft_mapping(MODEL, table).to_csv(),
        )

    for found, expected in zip(learned(stored[form]), learned(patients()), strict=True):
        assert found == expected


# -- what a file of text may be ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "columns", "rows"),
    [
        ("a;b\n1,5;2\n", ["a", "b"], [["1,5", "2"]]),
        ("temp, oral;cough\n36,8;yes\n37,2;no\n", ["temp, oral", "cough"], [["36,8", "yes"], ["37,2", "no"]]),
        ('"a;x",b\n"1;2",3\n', ["a;x", "b"], [["1;2", "3"]]),
        ("a\tb, c, d\n1\t2, 3, 4\n", ["a", "b, c, d"], [["1", "2, 3, 4"]]),
        ("only\nx;y\n", ["only"], [["x;y"]]),
        ("a,b\n1\n2,3\n", ["a", "b"], [["2", "3"]]),
        (" a , b \n 1 ,\n", ["a", "b"], [["1", None]]),
    ],
)
def test_separators_are_told_apart(text: str, columns: list[str], rows: list[list[str | None]]) -> None:
    """By the header and the first rows, quotes respected."""
    table = read_table_file(text.encode(), "t")
    assert list(table.frame.columns) == columns
    assert [[None if pd.isna(cell) else cell for cell in row] for row in table.frame.to_numpy().tolist()] == rows


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings_are_told_apart(encoding: str) -> None:
    """By the mark of the file or its zeros."""
    table = read_table_file("größe;müde\n1;ja\n".encode(encoding), "t")
    assert (list(table.frame.columns), table.frame.iloc[0].tolist()) == (["größe", "müde"], ["1", "ja"])


def test_all_rows_of_another_length_are_told_at_once(tmp_path: Path) -> None:
    """Beside what else is wrong in the file."""
    path = tmp_path / "p.csv"
    path.write_text("fever,rales\nyes\nodd,no\nyes,no,no\n")
    problems = dx.check_cohort(MODEL, path).problems
    assert [str(problem) for problem in problems] == [
        "p.csv, row 2: '1 cells'; expected 2, as the header has.",
        "p.csv, row 4: '3 cells'; expected 2, as the header has.",
        "p.csv, row 3, column fever: 'odd'; expected a state of fever (absent, present), or a number in one of the "
        "bands -inf..38, 38..inf.",
    ]
    with pytest.raises(dx.DatasetError, match=r"p\.csv is no table: 2 of its rows are not as long as the header\."):
        dx.draft_mapping(MODEL, path)


def test_a_comma_that_may_part_thousands_is_decimal_where_semicolons_separate(tmp_path: Path) -> None:
    """Elsewhere it is refused."""
    path = tmp_path / "p.csv"
    path.write_text("temperature;fever\n38,125;\n")
    assert dx.read_cohort(MODEL, path).frame["fever"].tolist() == ["present"]
    assert dx.score_cohort(MODEL, path, ignore=["fever"])["status"].tolist() == ["ok"]
    path.write_text('temperature\n"38,125"\n')
    with pytest.raises(dx.FindingsError, match=r"write 38\.125 or 38125\."):
        dx.score_cohort(MODEL, path)
    path.write_text('temperature\n"38,5"\n')
    assert dx.score_cohort(MODEL, path)["status"].tolist() == ["ok"]


def test_a_sheet_may_begin_anywhere_and_hold_formulas(tmp_path: Path) -> None:
    """Empty rows and columns are no part of the table; a second sheet is named; rows are those of the sheet."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet["C3"], sheet["E3"], sheet["C5"], sheet["E5"], sheet["C6"] = "fever", "rales", True, 0, "odd"
    book.create_sheet("notes")["A1"] = "x"
    book.save(tmp_path / "p.xlsx")
    with pytest.warns(dx.DataWarning, match=r"^p\.xlsx: sheet 'Sheet' is read, not 'notes'\.$"):
        problems = dx.check_cohort(MODEL, tmp_path / "p.xlsx").problems
    assert [str(problem) for problem in problems] == [
        "p.xlsx, row 6, column fever: 'odd'; expected a state of fever (absent, present), or a number in one of the "
        "bands -inf..38, 38..inf."
    ]
    sheet["G6"] = "stray"
    book.remove(book["notes"])
    book.save(tmp_path / "p.xlsx")
    with pytest.raises(dx.DatasetError, match=r"^p\.xlsx, row 6: a cell in column 7, which has no name in row 3\.$"):
        dx.read_cohort(MODEL, tmp_path / "p.xlsx")


def test_a_labelled_export_needs_no_mapping(tmp_path: Path) -> None:
    """Labels as headings and labels of states as cells, as REDCap exports them, are understood by every reader."""
    chosen = [v for v in MODEL.variables if v.kind in ("history", "examination")][:3]
    table = pd.DataFrame({v.label: [v.state_label(v.states[-1]), v.state_label(v.states[0])] for v in chosen})
    table.to_csv(tmp_path / "p.csv", index=False)
    found = dx.read_cohort(MODEL, tmp_path / "p.csv").frame
    assert {v.variable: found[v.variable].tolist() for v in chosen} == {
        v.variable: [v.states[-1], v.states[0]] for v in chosen
    }


@settings(max_examples=300, deadline=None)
@given(
    data=st.binary(max_size=80),
    head=st.sampled_from([b"", b"a,b\n", b"a;b\n", b"\x1f\x8b", b"PK\x03\x04", b"\xff\xfe"]),
)
@pytest.mark.filterwarnings("ignore::bayesdx.DataWarning")
def test_any_bytes_are_a_table_or_refused(data: bytes, head: bytes) -> None:
    """One sentence, never another exception."""
    try:
        table = read_table_file(head + data, "t")
    except TableFault as fault:
        assert str(fault).startswith("t")
    else:
        assert all(isinstance(name, str) for name in table.frame.columns)
