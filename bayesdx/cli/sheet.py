"""Tables that keep words whole: the widest columns give way, and a long name is broken where its parts meet."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rich import box
from rich.cells import cell_len, chop_cells
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

JOINT = re.compile(r"(?<=[_=;|])(?=.)")
"""Where the parts of a name meet: iliopsoas_strain, onset=sudden, diabetes=no;age_group=under_40."""

SPACE = re.compile(r" (?!%)")
"""Between words; a percent sign stays with its number."""

GAP = 3
"""Columns of the terminal between two columns of a table."""

LONGEST_WORD = 24
"""What is longer and has no joint, such as a hash, is broken anywhere."""

NARROW = (14, 12, 10, 8, 6)
"""Widths at which parts of names are broken too, one after the other, where nothing else helps."""


class Cell:
    """Text of a cell, broken to the width of its column: at spaces, else at the joints of names."""

    def __init__(self, content: str | Text) -> None:
        self.text = content if isinstance(content, Text) else Text(content)

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(broken(self.text.plain, options.max_width), self.text.style)

    def longest(self, parts: Callable[[str], Iterator[str]]) -> int:
        """Width of the longest part."""
        return max((cell_len(part) for part in parts(self.text.plain)), default=0)


class Sheet(Table):
    """A table whose columns are fitted to the width of the screen when it is drawn."""

    def __init__(self) -> None:
        super().__init__(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)

    def add_row(self, *cells: Any, **kept: Any) -> None:
        """Add a row of strings or texts."""
        super().add_row(*map(Cell, cells), **kept)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        titles = [str(column.header) for column in self.columns]
        columns = [
            [Cell(title), *(cell for cell in column.cells if isinstance(cell, Cell))]
            for title, column in zip(titles, self.columns, strict=True)
        ]
        room = options.max_width - GAP * (len(columns) - 1)
        for column, title, width in zip(self.columns, titles, fitted(columns, room), strict=True):
            column.width, column.header = width, broken(title, width)
        yield from super().__rich_console__(console, options)


def fitted(columns: Sequence[Sequence[Cell]], room: int) -> list[int]:
    """Widths of the columns: as wide as their lines, or less, so that words stay whole, else the parts of names."""
    widths = [max(cell.longest(_lines) for cell in column) for column in columns]
    limits = [[max(cell.longest(parts) for cell in column) for column in columns] for parts in (_words, _pieces)]
    limits += [[min(narrow, width) for width in limits[-1]] for narrow in NARROW]
    least = next((limit for limit in limits if sum(limit) <= room), limits[-1])
    while sum(widths) > room:
        yielding = [place for place, width in enumerate(widths) if width > least[place]]
        if not yielding:
            break
        widths[max(yielding, key=lambda place: widths[place])] -= 1
    return widths


def broken(text: str, width: int) -> str:
    """Text with line breaks, so that no line is wider.

    Examples
    --------
    >>> print(broken("sensitivity of hip_flexion_strength=reduced", 14))
    sensitivity of
    hip_flexion_
    strength=
    reduced
    """
    lines = []
    for line in text.split("\n"):
        here = ""
        for word in SPACE.split(line):
            if here and cell_len(f"{here} {word}") > width:
                lines.append(here)
                here = ""
            here = f"{here} {word}" if here else word
            if cell_len(here) > width:
                *full, here = _parted(here, width)
                lines += full
        lines.append(here)
    return "\n".join(lines)


def _parted(word: str, width: int) -> list[str]:
    """A word that is too long, in lines: at its joints, and anywhere where a part is too long itself."""
    lines = [""]
    for joined in JOINT.split(word):
        for part in chop_cells(joined, width):
            if lines[-1] and cell_len(lines[-1] + part) > width:
                lines.append("")
            lines[-1] += part
    return lines


def _lines(text: str) -> Iterator[str]:
    return iter(text.split("\n"))


def _words(text: str) -> Iterator[str]:
    return (word if JOINT.search(word) else word[:LONGEST_WORD] for line in _lines(text) for word in SPACE.split(line))


def _pieces(text: str) -> Iterator[str]:
    return (piece[:LONGEST_WORD] for word in _words(text) for piece in JOINT.split(word))
