"""Messages on the command line name what was typed there: options and commands, no argument or function of Python."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

import bayesdx as dx
from bayesdx.cli import app
from bayesdx.cli import in_options as words

MODEL = "hip_flexion_weakness@3.0.1"
GROUP: Any = typer.main.get_command(app)
UNSAID = {("import", "version")}
"""What no message can name: the version of an imported model is the end of its folder's name."""
TAKES = [name for name, command in GROUP.commands.items() if any("-f" in each.opts for each in command.params)]


def bad(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert (result.exit_code, result.stdout) == (2, "")
    return result.stderr


def passed_on() -> list[tuple[str, str]]:
    """Every keyword that a command passes to a public function, as (command, keyword)."""
    found = []
    for name, command in GROUP.commands.items():
        tree = ast.parse(inspect.getsource(inspect.unwrap(command.callback)))
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
                public = isinstance(call.func.value, ast.Name) and call.func.value.id == "dx"
                if public and call.func.attr != "load_model":
                    found += [(name, word.arg) for word in call.keywords if word.arg and word.arg != "progress"]
    return sorted({*found} - UNSAID)


@pytest.mark.parametrize(("command", "argument"), passed_on())
def test_every_argument_has_its_option(command: str, argument: str) -> None:
    """An error that begins with an argument, or names it with a value, names the option instead."""
    options = words.options_of(GROUP.commands[command])
    for text in (f"{argument}: 0; expected 1.", f"x, or pass {argument}='much'."):
        assert re.search(r"--[a-z-]+[: ]", words.in_options(text, command, options)), (command, argument)


def test_what_a_person_wrote_stays() -> None:
    """Text between quotes, names of variables and files are no arguments."""
    options = words.options_of(GROUP.commands["calibrate"])
    for text in (
        "findings: onset = 'tolerance=1' is not a state of onset.",
        "p.csv, row 2, column site: 'weight=3'; expected a state.",
        "my-site=3 is no name.",
        "/data/prior_strength/a.csv: there is no folder /data/prior_strength.",
        "prior_strength.csv cannot be used with it.",
        "z.csv, column max_iterations: odd; (--ignore max_iterations) leaves it out.",
    ):
        assert words.in_options(text, "calibrate", options) == text


def test_a_file_that_is_called_like_an_argument_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was typed is what the message says of it."""
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text("onset\nsudden\n")
    for name in ("max_iterations", "seed"):
        Path(name).mkdir()
        said = f"Error: {name} exists already and is not overwritten.\n"
        assert bad("calibrate", MODEL, "t.csv", name, "--population", "primary_care") == said
    said = bad("evaluate", MODEL, "t.csv", "--html", "seed/subgroups/resamples", "--resamples", "-1")
    assert "--resamples" in said
    options = words.options_of(GROUP.commands["calibrate"])
    for text in ("seed: Permission denied.", "max_iterations: Is a directory."):
        assert words.in_options(text, "calibrate", options, ["calibrate", text.partition(":")[0]]) == text


def test_errors_name_options(tmp_path: Path) -> None:
    """Each message that a person may meet, as it is typed; files are called by their names."""
    causes, figures, patients = (tmp_path / name for name in ("c.csv", "f.csv", "p.csv"))
    causes.write_text("cause,probability\na,0.7\nb,0.6\n")
    figures.write_text("finding,cause,sensitivity,specificity\nf,a,0.8,0.9\nf,b,0.8,\n")
    pd.DataFrame({"fever": ["odd"], "xyzzy": [1]}).to_csv(patients, index=False)
    said = bad("new", "knee", "--causes", causes, "--figures", figures)
    assert "  c.csv, column probability" in said and "(or --together)" in said
    assert bad("new", "knee", "--causes", causes).startswith("Error: --figures is missing")
    said = bad("score", MODEL, patients, tmp_path / "out.csv")
    assert "under --keep" in said or "--keep xyzzy" in said
    assert bad("next", MODEL, "--rule-in", "fracture", "--rule-out", "fracture").startswith("Error: give --rule-in or ")
    (tmp_path / "scores.csv").write_text("patient\n1\n")
    fine = tmp_path / "fine.csv"
    fine.write_text("onset,leg_numbness\nsudden,present\n")
    said = bad("calibrate", MODEL, fine, tmp_path / "new", "--tolerance", "0")
    assert "--tolerance: 0" in said or "--method prior_shift" in said


@pytest.mark.parametrize("command", TAKES)
def test_findings_without_their_option_are_shown_with_it(command: str, tmp_path: Path) -> None:
    """A finding, a bound and a file that stand alone: the message is what to type."""
    file = tmp_path / "patient.json"
    file.write_text("{}")
    said = bad(command, MODEL, "fever=present", "CRP<5", file)
    assert f"-f fever=present -f 'CRP<5' --findings {file}" in said


def test_a_file_given_as_a_finding(tmp_path: Path) -> None:
    """``-f patient.json`` is answered with ``--findings``."""
    file = tmp_path / "patient.json"
    file.write_text("{}")
    assert f"is given as --findings {file}." in bad("diagnose", MODEL, "-f", file)


def test_one_option_may_be_ranked_alone() -> None:
    """``next --only`` ranks what is named, as ``only`` does."""
    result = CliRunner().invoke(app, ["next", MODEL, "-f", "onset=sudden", "--only", "fever", "--format", "csv"])
    assert result.exit_code == 0
    case = dx.diagnose(dx.load_model(MODEL), {"onset": "sudden"})
    assert [line.split(",")[0] for line in result.stdout.splitlines()[1:]] == list(
        dx.next_tests(case, only=["fever"]).table.index
    )
