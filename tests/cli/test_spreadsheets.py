"""What a command prints as CSV, a spreadsheet opens: no cell of it is evaluated."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import bayesdx as dx
from bayesdx.cli import app
from bayesdx.cli.output import disarmed_frame
from bayesdx.display.plain import disarmed
from tests.knowledge.example import append, copy_draft, edit

LIVE = ("=", "+", "-", "@", "\t", "\r", "\n")
FINDINGS = ["-f", "cranking=-2+3", "-f", "fuel_gauge=empty"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sound model whose labels, titles, actions and one state are formulas."""
    folder = copy_draft(tmp_path)
    for path in folder.glob("*.csv"):
        path.write_text(re.sub(r"\bnormal\b", "-2+3", path.read_text("utf-8")), "utf-8", newline="")
    path = folder / "variables.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table["label"] = [f"=1+{place}" for place in range(len(table))]
    table.to_csv(path, index=False)
    for name, column in (("tests.csv", "label"), ("cases.csv", "title"), ("management.csv", "action")):
        table = pd.read_csv(folder / name, dtype=str, keep_default_na=False)
        table[column] = [f'@SUM(1;{place})&"{text}"' for place, text in enumerate(table[column])]
        table.to_csv(folder / name, index=False)
    assert not dx.check_model(folder)
    return folder


def printed(*arguments: str | Path, code: int = 0) -> list[list[str]]:
    result = CliRunner().invoke(app, [*map(str, arguments), "--format", "csv"])
    assert (result.exit_code, result.stderr) == (code, ""), result.output
    return list(csv.reader(io.StringIO(result.stdout, newline="")))


def is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?(\d+(\.\d*)?(e[+-]?\d+)?|inf)", text) is not None


def live(rows: list[list[str]]) -> list[str]:
    return [cell for row in rows for cell in row if cell.startswith(LIVE) and not is_number(cell)]


def test_no_command_prints_a_formula(folder: Path, tmp_path: Path) -> None:
    """Each command that knows ``--format csv``; what is disarmed is there with its apostrophe."""
    patients = tmp_path / "patients.csv"
    patients.write_text("cranking,fuel_gauge\n-2+3,empty\nslow,full\n")
    other = copy_draft(tmp_path / "other", "1.1.0")
    for rows in (
        printed("diagnose", folder, *FINDINGS),
        printed("diagnose", folder, "--findings", patients),
        printed("explain", folder, *FINDINGS),
        printed("explain", folder, *FINDINGS, "--groups"),
        printed("next", folder, "-f", "fuel_gauge=empty"),
        printed("sensitivity", folder, *FINDINGS),
        printed("compare", other, folder),
        printed("compare", folder, other),
        printed("check", folder),
        printed("check", folder, "--cases", code=1),
        printed("check", folder, "--evidence"),
        printed("models", folder.parents[1]),
    ):
        assert len(rows) > 1
        assert live(rows) == []
    text = [cell for row in printed("diagnose", folder, *FINDINGS) for cell in row]
    assert any(cell.startswith("'=1+") for cell in text)
    differences = [cell for row in printed("compare", other, folder) for cell in row]
    assert any(cell.startswith("'@SUM(") for cell in differences)


def test_faults_and_names_of_folders(folder: Path) -> None:
    """What a fault quotes of a file, and what a folder is called, is disarmed also."""
    append(folder, "links.csv", "=1+1,present,-2+3,present,@SUM(1),,,GUESS,expert,")
    rows = printed("check", folder, code=1)
    assert live(rows) == []
    assert "'=1+1" in [cell for row in rows for cell in row]
    edit(folder, "model.toml", 'version = "1.0.0"', 'version = "=1"')
    assert live(printed("check", folder, code=1)) == []


def test_evaluation_of_patients(folder: Path, tmp_path: Path) -> None:
    """``evaluate`` prints labels of causes."""
    model = dx.load_model(folder)
    dx.simulate_cohort(model, 60, seed=1).to_csv(tmp_path / "patients.csv", index=False)
    assert (
        live(printed("evaluate", folder, tmp_path / "patients.csv", "--resamples", "0", "--population", "town")) == []
    )


@pytest.mark.parametrize(
    "text", ["=1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\t=1", "\r=1", "\n=1", "＝1+1", "-", "+", "-1-1", "--1"]
)
def test_formulas_get_an_apostrophe(text: str) -> None:
    """Whatever a spreadsheet takes for one."""
    assert disarmed(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "a=1", "-1", "+49", "-1.5e-3", "-1,5", "-.5", "-inf", "'=1", " x", "1-2"])
def test_other_text_stays(text: str) -> None:
    """Numbers stay numbers, also those written as text."""
    assert disarmed(text) == text


def test_a_frame_keeps_what_is_no_text() -> None:
    """Numbers, truth values, whole numbers beside missing ones, and the frame given."""
    frame = pd.DataFrame(
        {
            "=n": [1, 2],
            "x": [0.5, None],
            "o": pd.Series([1, None], dtype=object),
            "b": [True, False],
            "c": pd.Categorical(["=a", "b"]),
        }
    )
    before = frame.copy(deep=True)
    assert disarmed_frame(frame).to_csv(index=False) == "'=n,x,o,b,c\n1,0.5,1,True,'=a\n2,,,False,b\n"
    pd.testing.assert_frame_equal(frame, before)
