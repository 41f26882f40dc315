"""Tables that keep words whole: the widest columns give way, and a long name is broken where its parts meet."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rich import box
from rich.cells import cell_len, chop_cells
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.table import Table
from rich.text import Text

JOINT = re.compile(r"(?<=[_=;|])(?=.)")
"""Where the parts of a name meet: iliopsoas_strain, onset=sudden, diabetes=no;age_group=under_40."""

SPACE = re.compile(r"(?<!->) (?!%|->)")
"""Between words; a percent sign stays with its number, and an arrow with what it joins."""

GAP = 3
"""Columns of the terminal between two columns of a table."""

READABLE = 22
"""Columns of the terminal that the first column gets before a spare column is drawn."""

LONGEST_WORD = 24
"""What is longer and has no joint, such as a hash, is broken anywhere."""

NARROW = (14, 12, 10, 8, 6)
"""Widths at which parts of names are broken too, one after the other, where nothing else helps."""


class SheetCell:
    """Text of a cell, broken to the width of its column: at spaces, else at the joints of names."""

    def __init__(self, content: str | Text) -> None:
        self.text = content if isinstance(content, Text) else Text(content)

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(broken(self.text.plain, options.max_width), self.text.style)

    def longest(self, parts: Callable[[str], Iterator[str]]) -> int:
        """Width of the longest part."""
        return max((cell_len(part) for part in parts(self.text.plain)), default=0)


class Sheet(Table):
    """A table whose columns are fitted to the width of the screen when it is drawn.

    ``spare`` holds the positions of columns that are left out where the screen is too narrow for whole numbers beside
    a first column that can be read, the first one first; a line below says what was left out.
    """

    def __init__(self) -> None:
        super().__init__(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        self.spare: tuple[int, ...] = ()

    def add_row(self, *cells: Any, **kept: Any) -> None:
        """Add a row of strings or texts."""
        super().add_row(*map(SheetCell, cells), **kept)

    def _narrow(self, kept: Sequence[int], titles: Sequence[str]) -> Group:
        """The same table without the other columns, and a line that says which."""
        narrow = Sheet()
        for place in kept:
            narrow.add_column(titles[place], justify=self.columns[place].justify, overflow="fold")
        for row in zip(*(list(self.columns[place].cells) for place in kept), strict=True):
            narrow.add_row(*(cell.text if isinstance(cell, SheetCell) else cell for cell in row))
        left_out = [title for place, title in enumerate(titles) if place not in kept and title]
        note = f"(too narrow for {', '.join(left_out)})"
        return Group(narrow, Text(note, "dim")) if left_out else Group(narrow)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        titles = [str(column.header) for column in self.columns]
        columns = [
            [SheetCell(title), *(cell for cell in column.cells if isinstance(cell, SheetCell))]
            for title, column in zip(titles, self.columns, strict=True)
        ]
        kept = without_spare(columns, options.max_width, self.spare)
        if len(kept) < len(columns):
            yield self._narrow(kept, titles)
            return
        room = options.max_width - GAP * (len(columns) - 1)
        for column, title, width in zip(self.columns, titles, fitted(columns, room), strict=True):
            column.width, column.header = width, broken(title, width)
        yield from super().__rich_console__(console, options)


def without_spare(columns: Sequence[Sequence[SheetCell]], width: int, spare: Sequence[int]) -> list[int]:
    """Positions of the columns that are drawn: as many spare ones as needed are left out."""
    kept = list(range(len(columns)))
    needed = [
        max((cell.longest(_lines if place in spare else _words) for cell in column), default=0)
        for place, column in enumerate(columns)
    ]
    needed[0] = max(needed[0], min(READABLE, max(cell.longest(_lines) for cell in columns[0])))
    for place in spare:
        if sum(needed[column] for column in kept) + GAP * (len(kept) - 1) <= width:
            break
        kept.remove(place)
    return kept


def fitted(columns: Sequence[Sequence[SheetCell]], room: int) -> list[int]:
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
