"""The pages of the documentation site show what the software does now."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.packaging.readme import FIGURES, PAGES, ROOT, failures, figures, run, shown

COMMANDS = [
    pytest.param(command, output, id=f"{path.stem}: {command}")
    for path in PAGES
    for command, output in shown(path.read_text("utf-8"))
]


@pytest.mark.parametrize(("command", "output"), COMMANDS)
def test_a_command_prints_what_the_page_shows(command: str, output: str) -> None:
    """Each command in a console block prints exactly what stands below it (``make readme`` writes it anew)."""
    assert run(command).rstrip() == output.rstrip()


@pytest.mark.parametrize(
    "path", [path for path in PAGES if FIGURES.search(path.read_text("utf-8"))], ids=lambda path: path.stem
)
def test_the_figures_of_a_page_are_those_that_were_measured(path: Path) -> None:
    """Each part that names figures is what the stored benchmarks say now (``make readme`` writes it anew)."""
    for block in FIGURES.finditer(path.read_text("utf-8")):
        assert block["body"] == figures(block["name"], "")


@pytest.mark.parametrize(
    "path",
    [path for path in PAGES if "```pycon" in path.read_text("utf-8")],
    ids=lambda path: path.relative_to(ROOT / "docs").as_posix(),
)
def test_the_python_of_a_page_runs(path: Path) -> None:
    """The Python blocks of a page, run one after the other as one session, print what they show."""
    statements, report = failures(path.read_text("utf-8"), path)
    assert statements
    assert report == ""
