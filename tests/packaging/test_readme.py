"""README.md shows what the software does now."""

from __future__ import annotations

import contextlib
import csv
import json
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

import bayesdx as dx
from bayesdx.cli import app
from tests.packaging.readme import README, ROOT, TABLE, demo_case, demo_file, failures, run, shown

TEXT = README.read_text("utf-8")
COMMANDS = shown(TEXT)
SHELL = [
    line for block in re.findall(r"^```sh\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE) for line in block.splitlines()
]


@pytest.mark.parametrize(("command", "output"), COMMANDS, ids=[command for command, _ in COMMANDS])
def test_a_command_prints_what_the_readme_shows(command: str, output: str) -> None:
    """Each command in a console block prints exactly what stands below it (``make readme`` writes it anew)."""
    assert run(command).rstrip() == output.rstrip()


@pytest.mark.parametrize("command", SHELL)
def test_a_command_without_output_works(command: str) -> None:
    """A command in a shell block, whose output is not shown, finds nothing to complain of."""
    with contextlib.chdir(ROOT):
        result = CliRunner().invoke(app, shlex.split(command)[1:])
    assert (result.exit_code, result.stderr) == (0, "")


def test_the_tables_of_the_readme_are_those_that_the_benchmarks_wrote() -> None:
    """Figures of speed are never typed: they stand in a file that ``make bench`` writes."""
    blocks = list(TABLE.finditer(TEXT))
    assert blocks
    for block in blocks:
        assert block["body"] == (ROOT / block["file"]).read_text("utf-8")


def test_the_readme_shows_the_demo() -> None:
    """The first command shown is the one that ``make demo`` runs."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    values = dict(re.findall(r"^(DEMO_\w+) := (.+)$", makefile, re.MULTILINE))
    demo = f"bayesdx diagnose {values['DEMO_MODEL']} --findings {values['DEMO_CASE']}"
    assert COMMANDS[0][0] == f"{demo} --population {values['DEMO_POPULATION']}"


def test_the_demo_is_the_case_of_the_rule() -> None:
    """The file holds the case that the rule chooses in the newest flagship, in its own setting."""
    values = dict(re.findall(r"^(DEMO_\w+) := (.+)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    case = demo_file(dx.load_model(values["DEMO_MODEL"]))
    assert json.loads((ROOT / values["DEMO_CASE"]).read_text("utf-8")) == case
    assert values["DEMO_POPULATION"] == case["population"]


@pytest.mark.parametrize("name", ["hip_flexion_weakness", "chest_clinic"])
def test_the_case_of_the_demo_follows_the_rule(name: str) -> None:
    """Its cause is first, and that of no case before it in the file is."""
    model = dx.load_model(name)
    chosen = demo_case(model)
    table = dx.check_cases(model, resamples=1).table.set_index("case")
    file = ROOT / "models" / name / model.version / "cases.csv"
    with file.open(encoding="utf-8", newline="") as rows:
        order = [row["case"] for row in csv.DictReader(rows)]
    right = [case for case in order if table.loc[case, "cause"] and table.loc[case, "rank"] == 1]
    assert chosen == right[0]


def test_the_python_in_the_readme_runs() -> None:
    """The Python blocks, run one after the other as one session, print what they show."""
    statements, report = failures(TEXT, README)
    assert statements
    assert report == ""


def test_the_model_in_the_readme_is_sound() -> None:
    """The folder that the README spells out file by file is the documentation's example; it is sound and answers."""
    folder = ROOT / "docs/examples/sore_throat/0.1.0"
    blocks = re.findall(r"^`([\w.]+)`[^`]*?\n\n```(?:toml|csv)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    assert dict(blocks) == {path.name: path.read_text("utf-8") for path in folder.iterdir()}
    assert dx.check_model(folder) == []
    case = dx.diagnose(dx.load_model(folder), {"exudate": "present", "fever": "present"})
    strep, virus = case.table.loc["streptococcus"], case.table.loc["virus"]
    assert strep["likelihood_ratio"] > virus["likelihood_ratio"] > 1


def test_files_named_in_the_documents_exist() -> None:
    """Every relative link in README.md and CONTRIBUTING.md leads somewhere."""
    for name in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / name).read_text("utf-8")
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
            assert (ROOT / Path(target)).exists(), f"{name}: {target}"
