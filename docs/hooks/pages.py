"""Pages that are made when the site is built: the notebooks, the list of public names, the command line."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import Any

from mkdocs.plugins import event_priority
from mkdocs.structure.files import File
from typer.main import get_command
from typer.testing import CliRunner

from bayesdx.cli import app

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs/reference"

ALL_NAMES = """\
# Reference

Everything that `import bayesdx as dx` offers, by topic; names of inner modules may change. Every example was run.
"""

COMMANDS = """\
# The command line

What `--help` prints. The command is `bayesdx`, or `python -m bayesdx` where it is not on the path.
"""


MATHJAX_AND_MERMAID = re.compile(r"<!-- Load mathjax -->.*?<!-- End of mermaid configuration -->", re.DOTALL)
"""Scripts that nbconvert puts into every notebook and that would load others; no notebook here needs them."""

STYLES = re.compile(r'<style type="text/css">(.*?)</style>', re.DOTALL)
"""The style of JupyterLab, half a megabyte, that nbconvert repeats in every notebook."""

STYLE_SHEET = "assets/notebooks.css"

NOTHING_SAID = re.compile(r'\s*–\s*<div class="doc-md-description">\s*</div>')
"""The dash before the description of a parameter whose type says all."""


def topics() -> dict[Path, list[str]]:
    """The pages of the reference, in the order of the layers, and the objects that each describes."""
    pages = (
        "models",
        "diagnosis",
        "reasoning",
        "cohort",
        "evaluation",
        "learning",
        "networks",
        "explorer",
        "types",
        "errors",
    )
    paths = [REFERENCE / f"{page}.md" for page in pages]
    return {path: re.findall(r"^::: (\S+)$", path.read_text("utf-8"), re.MULTILINE) for path in paths}


def all_names() -> str:
    """The page that lists every public name with the first sentence about it."""
    sections = [ALL_NAMES]
    for path, objects in topics().items():
        title = path.read_text("utf-8").partition("\n")[0].removeprefix("# ")
        rows = [f"## [{title}]({path.name})\n", "| name | |", "| --- | --- |"]
        for address in objects:
            module, _, name = address.rpartition(".")
            sentence = (inspect.getdoc(getattr(import_module(module), name)) or "").partition("\n\n")[0]
            rows.append(f"| [`{name}`]({path.name}#{address}) | {' '.join(sentence.split())} |")
        sections.append("\n".join(rows))
    return "\n\n".join(sections) + "\n"


def help_of(*command: str) -> str:
    """What a command prints about itself."""
    return CliRunner().invoke(app, [*command, "--help"], prog_name="bayesdx", terminal_width=88).output.strip()


def command_line() -> str:
    """The page of all commands."""
    commands = (f"## {name}\n\n```text\n{help_of(name)}\n```" for name in get_command(app).commands)
    return "\n\n".join([COMMANDS, f"```text\n{help_of()}\n```", *commands]) + "\n"


@event_priority(100)  # before mkdocs-jupyter, which looks for notebooks among the files
def on_files(files: Any, config: Any) -> Any:
    """Add the pages that lie outside the folder of pages, or nowhere yet."""
    files.append(File.generated(config, "reference/index.md", content=all_names()))
    files.append(File.generated(config, "reference/command-line.md", content=command_line()))
    for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
        address = notebook.relative_to(ROOT).as_posix()
        files.append(File(address, str(ROOT), config.site_dir, config.use_directory_urls))
    return files


def on_page_content(html: str, page: Any, config: Any, files: Any) -> str:
    """A notebook links to the pages of others, shares a style sheet with them, and loads nothing from elsewhere."""
    if not page.file.src_uri.endswith(".ipynb"):
        return NOTHING_SAID.sub("", html)
    if files.get_file_from_path(STYLE_SHEET) is None:
        files.append(File.generated(config, STYLE_SHEET, content="".join(STYLES.findall(html))))
    html = STYLES.sub("", MATHJAX_AND_MERMAID.sub("", html))
    html = re.sub(r'(?<=href=")(\w+)\.ipynb(?=")', r"\1.html", html)
    return f'<link rel="stylesheet" href="../{STYLE_SHEET}">{html}'
