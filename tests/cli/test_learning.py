"""``bayesdx calibrate``, ``evaluate`` and ``fit``: nothing overwritten, every fault said."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

import bayesdx as dx
from bayesdx.cli import app
from tests.learning.models import exclusive_model
from tests.learning.test_fitting import table


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A model and a table of patients."""
    model = dx.save_model(exclusive_model(), tmp_path / "exclusive" / "0.1.0")
    patients = tmp_path / "patients.csv"
    table(200).to_csv(patients, index=False)
    return model, patients


def test_calibrate_evaluate_and_compare(folders: tuple[Path, Path]) -> None:
    """A new version is saved, loads, and is no worse on the patients it has seen."""
    model, patients = folders
    new = model.parent / "0.2.0"
    done = run("calibrate", model, patients, new, "--as-population", "ward", "--dates", "2020 to 2024")
    assert (done.exit_code, done.stderr) == (0, ""), done.output
    assert done.stdout.endswith(f"{new}: saved.\n")
    assert dx.check_model(new) == []
    scored = json.loads(run("evaluate", new, patients, "--resamples", "0", "--format", "json").stdout)
    before = json.loads(run("evaluate", model, patients, "--resamples", "0", "--format", "json").stdout)
    scores = [
        next(row["value"] for row in found["table"] if row["measure"] == "log_score") for found in (scored, before)
    ]
    assert scores[0] <= scores[1]
    compared = run("compare", model, new)
    assert compared.exit_code == 0 and "ward" in compared.stdout


def test_nothing_is_overwritten(folders: tuple[Path, Path]) -> None:
    """A folder or page that exists stays as it is; exit code 2."""
    model, patients = folders
    for arguments in (
        ("calibrate", model, patients, model),
        ("fit", patients, model, "--cause", "cause"),
        ("evaluate", model, patients, "--html", patients),
    ):
        done = run(*arguments)
        assert done.exit_code == 2
        assert done.stderr.endswith("exists already and is not overwritten.\n")


def test_a_dry_run_says_what_is_wrong(folders: tuple[Path, Path]) -> None:
    """Faults on standard output, exit code 1; without a dry run an error, and nothing is written."""
    model, patients = folders
    frame = pd.read_csv(patients)
    frame.loc[2, "f0"] = "maybe"
    frame.to_csv(patients, index=False)
    sentence = "patients.csv, row 4, column f0: 'maybe'; expected a state of f0: no, yes."
    done = run("calibrate", model, patients, "--dry-run")
    assert done.exit_code == 1 and sentence in " ".join(done.stdout.split())
    target = model.parent / "0.2.0"
    failed = run("calibrate", model, patients, target)
    assert failed.exit_code == 2 and sentence in failed.stderr
    assert not target.exists()
    assert "Missing argument 'FOLDER'" in run("calibrate", model, patients).stderr


def test_fit_and_report(folders: tuple[Path, Path]) -> None:
    """A model and its mapping from a table, then a report of it as one page."""
    _, patients = folders
    target = patients.parent / "made" / "1.0.0"
    done = run("fit", patients, target, "--cause", "cause", "--structure", "tree", "--name", "made")
    assert (done.exit_code, done.stderr) == (0, ""), done.output
    page = patients.parent / "report.html"
    mapping = target.with_name("1.0.0.mapping.csv")
    shown = run("evaluate", target, patients, "--mapping", mapping, "--resamples", "10", "--html", page)
    assert shown.exit_code == 0, shown.output
    assert "calibration_slope" in page.read_text("utf-8")
    assert "calibration_slope" in run("evaluate", target, patients, "--mapping", mapping, "--format", "csv").stdout


@pytest.mark.parametrize("command", ["calibrate", "evaluate", "fit"])
def test_help_has_examples(command: str) -> None:
    """Each command says what it does and shows examples of itself."""
    assert f"bayesdx {command}" in run(command, "--help").stdout.split("Examples:")[1]
