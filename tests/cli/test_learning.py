"""``bayesdx calibrate``, ``evaluate`` and ``fit``: nothing overwritten, every fault said."""

from __future__ import annotations

import json
from dataclasses import replace
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


def test_a_folder_called_as_another_version_is_refused_before_anything_is_learned(folders: tuple[Path, Path]) -> None:
    """The sentence names both ways out; with --version it goes."""
    model, patients = folders
    new = model.parent / "0.3.0"
    done = run("calibrate", model, patients, new, "-q")
    assert done.exit_code == 2
    said = f"{new} is called 0.3.0, and the new version is 0.2.0: name the folder 0.2.0, or give --version 0.3.0.\n"
    assert done.stderr.endswith(said)
    assert run("calibrate", model, patients, new, "-q", "--version", "0.3.0", "--only", "causes").exit_code == 0


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


def spoiled(frame: pd.DataFrame, fault: str) -> pd.DataFrame:
    """The patients with one fault."""
    if fault == "bad code":
        frame.loc[2, "f0"] = "maybe"
    elif fault == "duplicated column":
        frame = pd.concat([frame, frame["f0"]], axis=1)
    elif fault == "all missing":
        frame.loc[3] = None
    elif fault == "one class":
        frame["cause"] = "mild"
    elif fault == "no rows":
        frame = frame.iloc[:0]
    return frame


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("bad code", "patients.csv, row 4, column f0: 'maybe'; expected a state of f0: no, yes."),
        ("duplicated column", "patients.csv, column f0: 'f0'; expected each column once."),
        ("all missing", "patients.csv, row 5: 'nothing observed'; expected at least one finding or cause;"),
        ("one class", "every patient has the same diagnosis (cause = mild): one class alone says nothing"),
        ("no rows", "patients.csv: 'no rows'; expected at least one patient."),
    ],
)
def test_bad_patients_leave_nothing_behind(folders: tuple[Path, Path], fault: str, sentence: str) -> None:
    """One clear sentence, exit code 2, and no folder, neither of a calibrated nor of a fitted model."""
    model, patients = folders
    spoiled(pd.read_csv(patients), fault).to_csv(patients, index=False)
    before = sorted(model.parents[1].rglob("*"))
    failed = run("calibrate", model, patients, model.parent / "0.2.0")
    assert failed.exit_code == 2 and failed.stdout == "" and sentence in failed.stderr
    if fault in ("duplicated column", "one class", "no rows"):
        fitted = run("fit", patients, model.parent / "1.0.0", "--cause", "cause")
        assert fitted.exit_code == 2 and fitted.stdout == "" and len(fitted.stderr.strip().splitlines()) == 1
    assert sorted(model.parents[1].rglob("*")) == before


def test_impossible_patients_leave_nothing_behind(tmp_path: Path) -> None:
    """Findings of probability 0 are named by their row."""
    parent = exclusive_model()
    sure = replace(parent.tables[0], probability=0.0, lower=0.0, upper=0.0)
    model = dx.save_model(replace(parent, tables=(sure, *parent.tables[1:])), tmp_path / "exclusive" / "0.1.0")
    patients = tmp_path / "patients.csv"
    pd.DataFrame({"cause": ["none", "mild"], "f0": ["yes", "no"]}).to_csv(patients, index=False)
    failed = run("calibrate", model, patients, tmp_path / "exclusive" / "0.2.0")
    assert failed.exit_code == 2 and "patients.csv, row 2: 'cause = none, f0 = yes'; expected findings" in failed.stderr
    assert not (tmp_path / "exclusive" / "0.2.0").exists()


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


def test_just_the_mix_of_causes_and_its_effect_in_five_commands(tmp_path: Path) -> None:
    """A table in own codes: mapping, dry run, new population, its scores beside the old one, the difference."""
    model = dx.save_model(exclusive_model((0.2, 0.05)), tmp_path / "exclusive" / "0.1.0")
    frame = table(600).rename(columns={"cause": "Cause", "f0": "Finding 0"}).replace({"yes": "j", "no": "n"})
    frame["Cause"] = frame["Cause"].replace({"severe": "bad"})
    patients = tmp_path / "patients.csv"
    frame.to_csv(patients, index=False)
    draft, new = tmp_path / "mapping.csv", model.parent / "0.2.0"
    done = run("mapping", model, patients, draft)
    assert done.exit_code == 0 and "1 codes to decide" in done.stdout and "Finding 0: f0 (its name)." not in done.stdout
    refused = run("calibrate", model, patients, new, "--mapping", draft)
    assert refused.exit_code == 2 and "mapping.csv" in refused.stderr and not new.exists()
    text = draft.read_text("utf-8")
    assert "Cause,bad,cause,?" in text and "Finding 0,j,f0,yes" in text
    draft.write_text(text.replace("Cause,bad,cause,?", "Cause,bad,cause,severe"), "utf-8")
    assert run("calibrate", model, patients, "--mapping", draft, "--dry-run").exit_code == 0
    options = ("--mapping", draft, "--only", "causes", "--as-population", "ward", "--quiet")
    done = run("calibrate", model, patients, new, *options, "--prior-strength", "auto", "--starts", "2")
    assert (done.exit_code, done.stderr) == (0, ""), done.output
    told = json.loads(new.with_name("0.2.0.calibration.json").read_text("utf-8"))
    assert {row["file"] for row in told["numbers"]} == {"priors.csv"} and told["options"]["starts"] == 2
    assert dx.load_model(new).tables == dx.load_model(model).tables
    scored = run("evaluate", new, patients, "--mapping", draft, "--against-population", "here", "--resamples", "20")
    assert scored.exit_code == 0 and "log_score" in scored.stdout.split("measure", 2)[2]
    assert run("compare", model, new).exit_code == 0


def test_a_column_that_the_model_does_not_know(folders: tuple[Path, Path]) -> None:
    """The error names the column and the two ways on; ``--ignore`` is one of them, in a dry run and evaluate too."""
    model, patients = folders
    frame = pd.read_csv(patients).assign(**{"patient id": "p"})
    frame.to_csv(patients, index=False)
    failed = run("calibrate", model, patients, model.parent / "0.2.0")
    assert failed.exit_code == 2
    assert failed.stderr.splitlines() == [
        "Error: patients.csv cannot be used with exclusive 0.1.0: 1 fault. For a column that is no variable: "
        "--ignore 'patient id' leaves it out; --mapping says what it means, "
        "and draft_mapping drafts one (bayesdx mapping MODEL patients.csv).",
        "  patients.csv, column patient id: 'patient id'; expected a variable of the model, or a column that the "
        "mapping names.",
    ]
    assert "--ignore 'patient id'" in run("calibrate", model, patients, "--dry-run").stdout
    assert run("calibrate", model, patients, "--dry-run", "--ignore", "patient id").exit_code == 0
    done = run("calibrate", model, patients, model.parent / "0.2.0", "--ignore", "patient id")
    assert done.exit_code == 0, done.output
    assert run("evaluate", model, patients, "--resamples", "0", "--ignore", "patient id").exit_code == 0
    assert run("mapping", model, patients).exit_code == 0


def test_a_setting_that_nobody_chose_is_named(tmp_path: Path) -> None:
    """Of a model with several: on standard error and in the title, until ``--population`` names one."""
    model, patients = "hip_flexion_weakness@3.0.1", tmp_path / "patients.csv"
    dx.simulate_cohort(dx.load_model(model), 60, seed=1).to_csv(patients, index=False)
    said = "Setting assumed: Primary or musculoskeletal care (primary_care); choose with --population.\n"
    calibration = ("calibrate", model, patients, tmp_path / "a", "--method", "counts", "--only", "causes")
    evaluation = ("evaluate", model, patients, "--resamples", "0")
    for command, title in (
        (calibration, "(primary_care, assumed), counts"),
        (evaluation, "(primary_care, assumed) on"),
    ):
        done = run(*command, "-q")
        assert (done.exit_code, done.stderr) == (0, said), done.output
        assert title in done.stdout
    calibration = (*calibration[:3], tmp_path / "b", *calibration[4:])
    for command in (calibration, evaluation):
        done = run(*command, "-q", "--population", "primary_care")
        assert (done.exit_code, done.stderr) == (0, ""), done.output
        assert "(primary_care)" in done.stdout


def test_a_mapping_is_drafted_for_the_screen_and_never_overwritten(folders: tuple[Path, Path]) -> None:
    """Without a file the draft goes to standard output, the guesses to standard error."""
    model, patients = folders
    done = run("mapping", model, patients)
    assert done.stdout.startswith("column,code,variable,state\n") and "f0: f0 (its name)." in done.stderr
    failed = run("mapping", model, patients, patients)
    assert failed.exit_code == 2 and failed.stderr.endswith("exists already and is not overwritten.\n")


@pytest.mark.parametrize(("text", "sentence"), [("much", "expected auto or a number"), ("-1", "of at least 0")])
def test_prior_strengths_that_are_none(folders: tuple[Path, Path], text: str, sentence: str) -> None:
    """One sentence, code 2, nothing written."""
    model, patients = folders
    failed = run("calibrate", model, patients, model.parent / "0.2.0", f"--prior-strength={text}")
    assert failed.exit_code == 2 and sentence in failed.stderr
    assert not (model.parent / "0.2.0").exists() and not (model.parent / "0.2.0.calibration.json").exists()


def test_fit_leaves_columns_out_and_cuts_where_it_is_told(tmp_path: Path) -> None:
    """--ignore, --finding and --cut are those of fit_model; identifiers are left out, which is said."""
    frame = table(200).assign(record_id=range(1, 201), age=[20 + place % 60 for place in range(200)])
    patients = tmp_path / "patients.csv"
    frame.to_csv(patients, index=False)
    given = ("--cause", "cause", "--ignore", "f1", "--cut", "age=65", "--cut", "age=40.5", "--cut", "age=65.0", "-q")
    done = run("fit", patients, tmp_path / "m" / "1.0.0", *given)
    assert done.exit_code == 0, done.output
    assert "record_id: left out, since no two rows have the same whole number, as of an identifier." in done.stdout
    model = dx.load_model(tmp_path / "m" / "1.0.0")
    assert model.findings == ("f0", "f2", "f3", "age")
    assert model.by_name["age"].states == ("below_40.5", "40.5_to_65", "from_65")
    assert "record_id,,,\n" in (tmp_path / "m" / "1.0.0.mapping.csv").read_text("utf-8")
    done = run(
        "fit", patients, tmp_path / "n" / "1.0.0", "--cause", "cause", "--finding", "f0", "--finding", "age", "-q"
    )
    assert done.exit_code == 0 and dx.load_model(tmp_path / "n" / "1.0.0").findings == ("f0", "age")
    for option in ("age", "age=", "=4", "age=old", "age=inf"):
        failed = run("fit", patients, tmp_path / "o" / "1.0.0", "--cause", "cause", "--cut", option)
        assert failed.exit_code == 2 and f"--cut '{option}': expected COLUMN=NUMBER, such as age=65." in failed.stderr


def test_a_table_is_diagnosed_with_what_its_empty_cells_say(tmp_path: Path) -> None:
    """As it is scored; a finding that an option does not name is not observed."""
    frame = table(400)
    frame.loc[frame["cause"] == "severe", "f0"] = None
    model = dx.fit_model(frame, "cause", missing="state").model
    folder = dx.save_model(model, tmp_path / "made" / "1.0.0")
    asked = pd.DataFrame({"f0": ["yes", None, "?"], "f1": ["no", "no", "no"]})
    asked.to_csv(tmp_path / "asked.csv", index=False)
    done = run("diagnose", folder, "--findings", tmp_path / "asked.csv", "--format", "json")
    assert done.exit_code == 0, done.output
    found = [row["findings"]["f0"] for row in json.loads(done.stdout)]
    assert found == ["yes", "not_recorded", "not_recorded"]
    one = run("diagnose", folder, "-f", "f1=no", "--format", "json")
    assert "f0" not in json.loads(one.stdout)["findings"]
