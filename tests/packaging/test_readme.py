"""README.md shows what the software does now."""

from __future__ import annotations

import contextlib
import csv
import json
import re
import shlex
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import bayesdx as dx
from bayesdx.cli import app
from tests.packaging.readme import (
    FIGURES,
    README,
    ROOT,
    demo_case,
    demo_file,
    duration,
    failures,
    fastest,
    four_numbers,
    patients,
    run,
    shown,
    stored,
)

TEXT = README.read_text("utf-8")
COMMANDS = shown(TEXT)


def shell(text: str) -> list[str]:
    """The lines of the shell blocks of a page."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()]


SHELL = shell(TEXT)
READ_ONLY = shell((ROOT / "docs/how-to/ask.md").read_text("utf-8"))


@pytest.mark.parametrize(("command", "output"), COMMANDS, ids=[command for command, _ in COMMANDS])
def test_a_command_prints_what_the_readme_shows(command: str, output: str) -> None:
    """Each command in a console block prints exactly what stands below it (``make readme`` writes it anew)."""
    assert run(command).rstrip() == output.rstrip()


@pytest.mark.parametrize("command", READ_ONLY)
def test_a_command_without_output_works(command: str) -> None:
    """A command in a shell block of the page of commands, whose output is not shown, finds nothing to complain of."""
    with contextlib.chdir(ROOT):
        result = CliRunner().invoke(app, shlex.split(command, comments=True)[1:])
    assert (result.exit_code, result.stderr) == (0, "")


def test_the_commands_of_the_readme_work_one_after_the_other(tmp_path: Path) -> None:
    """From an empty folder beside docs, as a newcomer types them: each ends well and writes what it names."""
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    with contextlib.chdir(tmp_path):
        for command in (line for line in SHELL if line.startswith("bayesdx ")):
            result = CliRunner().invoke(app, shlex.split(command, comments=True)[1:])
            assert result.exit_code == 0, (command, result.output)
    written = {
        "page.html",
        "my_models/calibrated",
        "scores.csv",
        "knee_pain/0.1.0",
        "chest_pain/0.1.0",
        "chest_pain.html",
    }
    assert all((tmp_path / name).exists() for name in written)
    assert len(pd.read_csv(tmp_path / "scores.csv")) == len(pd.read_csv(ROOT / "docs/examples/patients.csv"))


def test_the_simulated_patients_are_those_of_the_flagship() -> None:
    """docs/examples/patients.csv is what its newest version simulates."""
    assert (ROOT / "docs/examples/patients.csv").read_text("utf-8") == patients(dx.load_model("hip_flexion_weakness"))


def test_the_readme_is_short() -> None:
    """A screen and a half: at most 140 lines and 9,000 characters, the demo 25 lines."""
    assert len(TEXT) < 9000
    assert len(TEXT.splitlines()) <= 140
    assert len(COMMANDS[0][1].splitlines()) <= 25


def test_the_four_numbers_are_those_that_were_measured() -> None:
    """How fast and how right: from the JSON that benchmarks wrote, and from the cases of the newest flagship."""
    (block,) = FIGURES.finditer(TEXT)
    assert block["body"] == four_numbers(dx.load_model("hip_flexion_weakness"), "docs/")
    rows = stored("engine")["rows"]
    one = max((row for row in rows if row["name"].endswith("through diagnose")), key=lambda row: row["name"])
    assert f"**{duration(one['microseconds']['numba'])}** for one diagnosis" in block["body"]
    assert f"agree to {max(row['difference'] for row in rows if fastest(row)[0]):.0e}" in block["body"]
    assert f"**{100 * stored('coverage')['methods']['em'][0]['coverage']:.1f} %**" in block["body"]


def test_the_tables_of_the_site_are_those_that_the_benchmarks_wrote() -> None:
    """Figures of speed are never typed: the page includes the files that ``make bench`` writes."""
    included = re.findall(r'^--8<-- "(docs/benchmarks/\S+)"$', (ROOT / "docs/comparison.md").read_text("utf-8"), re.M)
    assert included == ["docs/benchmarks/engine.md", "docs/benchmarks/reasoning.md"]
    assert all((ROOT / path).read_text("utf-8").startswith("| ") for path in included)


def test_the_readme_shows_the_demo() -> None:
    """The first command shown is the one that ``make demo`` runs."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    values = dict(re.findall(r"^(DEMO_\w+) := (.+)$", makefile, re.MULTILINE))
    demo = f"bayesdx diagnose {values['DEMO_MODEL']} --findings {values['DEMO_CASE']}"
    assert COMMANDS[0][0] == f"{demo} --population {values['DEMO_POPULATION']} --brief --top 5"
    assert (
        COMMANDS[0][0].removeprefix("bayesdx diagnose ").partition(" --findings")[2].partition("--brief")[2] in makefile
    )


def test_the_demo_is_the_case_of_the_rule() -> None:
    """The file holds the case that the rule chooses in the newest flagship, in its own setting."""
    values = dict(re.findall(r"^(DEMO_\w+) := (.+)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    case = demo_file(dx.load_model(values["DEMO_MODEL"]))
    assert json.loads((ROOT / values["DEMO_CASE"]).read_text("utf-8")) == case
    assert values["DEMO_POPULATION"] == case["population"]


@pytest.mark.parametrize("name", ["hip_flexion_weakness", "chest_clinic"])
def test_the_case_of_the_demo_follows_the_rule(name: str) -> None:
    """Its cause is the commonest of the default setting and comes first, as in no case of it before in the file."""
    model = dx.load_model(name)
    chosen = demo_case(model)
    table = dx.check_cases(model, resamples=1).table.set_index("case")
    file = ROOT / "models" / name / model.version / "cases.csv"
    with file.open(encoding="utf-8", newline="") as rows:
        order = [row["case"] for row in csv.DictReader(rows)]
    usual = dx.diagnose(model.with_population(model.info.default_population)).posterior.index[0]
    right = [case for case in order if table.loc[case, "cause"] == usual and table.loc[case, "rank"] == 1]
    assert chosen == right[0]


def test_the_python_in_the_readme_runs() -> None:
    """The Python blocks, run one after the other as one session, print what they show."""
    statements, report = failures(TEXT, README)
    assert statements
    assert report == ""


def test_files_named_in_the_documents_exist() -> None:
    """Every relative link in README.md and CONTRIBUTING.md leads somewhere."""
    for name in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / name).read_text("utf-8")
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
            assert (ROOT / Path(target)).exists(), f"{name}: {target}"
