"""The tables of the model format as Markdown, from the schema; ``python -m bayesdx.knowledge.documentation PAGE``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from bayesdx.knowledge.reading import (
    LARGEST_FILE,
    LARGEST_TOML,
    LONGEST_CELL,
    MOST_ROWS,
    MOST_STATES,
)
from bayesdx.knowledge.schema import FILES, Cell, Column, File

START = "<!-- generated from bayesdx/knowledge/schema.py by python -m bayesdx.knowledge.documentation -->"
END = "<!-- end of the generated part -->"


def describe_format() -> str:
    """The columns of every file, and the limits on sizes, as Markdown.

    Examples
    --------
    >>> print(describe_format().splitlines()[0])
    ## `variables.csv`
    """
    prose, toml = f"{LARGEST_FILE // 2**20} MiB", f"{LARGEST_TOML // 2**10} KiB"
    limits = [
        "## Limits",
        "",
        f"- a CSV file, `CHANGES.md` or `NOTES.md`: {prose}; a TOML file: {toml}",
        f"- rows of a file: {MOST_ROWS}; characters of a cell: {LONGEST_CELL}; states of a variable: {MOST_STATES}",
    ]
    return "\n".join([*(_describe_file(file) for file in FILES), *limits]) + "\n"


def renew(page: Path) -> None:
    """Replace the generated part of a page."""
    before, start, rest = page.read_text(encoding="utf-8").partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise ValueError(f"{page} has no part between {START!r} and {END!r}")
    page.write_text(f"{before}{START}\n\n{describe_format()}\n{END}{after}", encoding="utf-8")


def _describe_file(file: File) -> str:
    key = ", ".join(f"`{name}`" for name in file.key)
    need = "Required" if file.required else "Optional"
    rows = ["| column | holds | means |", "| --- | --- | --- |", *map(_describe_column, file.columns)]
    return "\n".join(
        [f"## `{file.name}`", "", f"{need}. A row is named by {key}; no two rows share that.", "", *rows, ""]
    )


def _describe_column(column: Column) -> str:
    holds = ", ".join(f"`{choice}`" for choice in column.choices) if column.cell is Cell.CHOICE else column.cell.value
    if column.dispensable:
        holds += "; may be empty, and the column left out"
    elif column.optional:
        holds += "; may be empty"
    return f"| `{column.name}` | {_escape(holds)} | {_escape(column.meaning)} |"


def _escape(text: str) -> str:
    return text.replace("|", "\\|")


def main(arguments: Sequence[str]) -> None:
    """Renew the pages named on the command line."""
    for argument in arguments:
        renew(Path(argument))


if __name__ == "__main__":
    main(sys.argv[1:])
