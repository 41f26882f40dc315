"""A result as plain text and as HTML: both are made from the same blocks."""

from __future__ import annotations

import textwrap
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bayesdx.display.tables import clean, escaped, html_table, text_table

WIDTH = 100
"""Columns of a paragraph of plain text."""

INDENT = 4
"""Columns by which the second line of an alert, and the text below a long lead, stand back."""

LEAST_TEXT = 24
"""Columns that the text beside a lead gets; where that is more than there are, each lead has a line of its own."""

STYLE = """
.bdx{font-family:system-ui,sans-serif;max-width:60em}
.bdx table{border-collapse:collapse}
.bdx.bdx table td,.bdx.bdx table th{padding:.15em .7em;text-align:left;border:0;vertical-align:top}
.bdx .bar{display:inline-block;height:.8em;background:currentColor;opacity:.55;border-radius:2px}
.bdx .flag{border-left:.4em solid #c00;background:rgba(200,0,0,.12);padding:.4em .8em;margin:.3em 0}
.bdx .urgent{border-color:#b60;background:rgba(190,100,0,.12)}
.bdx .routine{border-color:#567;background:rgba(80,100,120,.12)}
.bdx .note{opacity:.75;font-size:.9em}
.bdx .passage{line-height:1.7}
.bdx mark{background:rgba(40,130,80,.22);color:inherit;border-radius:3px;padding:0 .15em}
.bdx mark.left{background:none;border-bottom:1px dashed currentColor}
.bdx mark.against{background:rgba(190,100,0,.25)}
@media print{.bdx .flag,.bdx .bar{print-color-adjust:exact;-webkit-print-color-adjust:exact}
.bdx .flag{border:.15em solid #c00;border-left-width:.5em;color:#a00000;break-inside:avoid}
.bdx .urgent{border-color:#b60;color:#7a4300}.bdx .routine{border-color:#567;color:#2c3844}}
"""
"""Cells name their class twice: JupyterLab aligns every cell by two classes and an element, and would win."""


@dataclass(frozen=True)
class Title:
    """A heading."""

    text: str


@dataclass(frozen=True)
class Alert:
    """A sentence that must not be overlooked; ``urgency`` (emergency, urgent, routine) stands before it in capitals."""

    text: str
    urgency: str = ""

    @property
    def lead(self) -> str:
        """What stands before the sentence."""
        return f"{clean(self.urgency.upper())}:" if self.urgency else ""


@dataclass(frozen=True)
class Note:
    """A paragraph in the background."""

    text: str


@dataclass(frozen=True)
class Grid:
    """A table.

    Parameters
    ----------
    header : sequence of str
    rows : sequence of rows of cells; a cell is text, or a ``Share``
    numeric : positions of numeric columns
    title : str
        Stands above the table.
    spare : positions of columns that a narrow terminal leaves out, the first one first
    """

    header: Sequence[str]
    rows: Sequence[Sequence[object]]
    numeric: Sequence[int] = ()
    title: str = ""
    spare: Sequence[int] = ()


@dataclass(frozen=True)
class Entries:
    """A list of short leads, each with its text; an urgency as a lead is drawn as such."""

    rows: Sequence[tuple[str, str]]
    title: str = ""

    def lines(self, width: int) -> Iterator[tuple[str, str]]:
        """(lead, text) of each line of plain text of that width; where leads are long they have lines of their own."""
        longest, texts = (max((len(clean(row[side])) for row in self.rows), default=0) for side in (0, 1))
        beside = longest + INDENT + min(texts, LEAST_TEXT) <= width
        for lead, text in self.rows:
            room = max(1, width - (longest + INDENT if beside else INDENT))
            first, *rest = wrapped(text, room) or [""]
            if beside:
                yield f"  {clean(lead):<{longest}}  ", first
                yield from (("", f"{'':{longest + INDENT}}{line}") for line in rest)
            else:
                for line in wrapped(lead, max(1, width - 2)):
                    yield f"  {line}", ""
                yield from (("", f"{'':{INDENT}}{line}") for line in (first, *rest))


@dataclass(frozen=True)
class Mark:
    """A stretch of a passage; ``kind`` is a class of its look, empty for the usual one."""

    start: int
    end: int
    text: str
    kind: str = ""


@dataclass(frozen=True)
class Passage:
    """A text with stretches marked; plain text shows them between brackets. A mark within another one is not drawn."""

    text: str
    marks: Sequence[Mark] = ()

    def pieces(self) -> Iterator[tuple[str, Mark | None]]:
        """The text in pieces, each with the mark that it bears."""
        place = 0
        for mark in sorted(self.marks, key=lambda mark: (mark.start, -mark.end)):
            if mark.start >= place and mark.end > mark.start:
                if mark.start > place:
                    yield self.text[place : mark.start], None
                yield self.text[mark.start : mark.end], mark
                place = mark.end
        if place < len(self.text):
            yield self.text[place:], None


Block = Title | Alert | Note | Grid | Entries | Passage | str


class Report(ABC):
    """A value that is shown as text in a terminal and as HTML in a notebook; every cell is escaped."""

    @abstractmethod
    def blocks(self) -> Sequence[Block]:
        """What to show, in order; a plain string is a paragraph."""

    def __str__(self) -> str:
        return "\n\n".join(_as_text(block) for block in self.blocks())

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f"<style>{STYLE}</style><div class='bdx'>{''.join(_as_html(block) for block in self.blocks())}</div>"


def wrapped(text: str, width: int = WIDTH, indent: int = 0) -> list[str]:
    """Text in lines that are no wider; a percent sign stays with its number, later lines stand back by ``indent``.

    Examples
    --------
    >>> wrapped("Cauda equina syndrome (now 34.4 %)", 32)
    ['Cauda equina syndrome (now', '34.4 %)']
    """
    joined = clean(text).replace(" %", "\N{NO-BREAK SPACE}%")
    lines = textwrap.wrap(joined, width, subsequent_indent=" " * indent, break_on_hyphens=False)
    return [line.replace("\N{NO-BREAK SPACE}%", " %") for line in lines]


def _as_text(block: Block) -> str:
    match block:
        case Grid():
            lines = [text_table(block.header, block.rows, block.numeric)]
        case Entries():
            lines = [f"{lead}{text}".rstrip() for lead, text in block.lines(WIDTH)]
        case Passage():
            shown = "".join(f"[{piece}]" if mark else piece for piece, mark in block.pieces())
            return "\n".join(line for part in shown.rstrip().splitlines() for line in wrapped(part) or [""])
        case Title():
            return clean(block.text)
        case Alert():
            return "\n".join(wrapped(f"{block.lead} {block.text}".strip(), indent=INDENT))
        case _:
            return "\n".join(wrapped(block if isinstance(block, str) else block.text))
    return "\n".join([*wrapped(block.title), *lines])


def _as_html(block: Block) -> str:
    match block:
        case Grid():
            return _heading(block.title) + html_table(block.header, block.rows, block.numeric)
        case Entries():
            return _heading(block.title) + html_table((), block.rows)
        case Passage():
            return f"<p class='passage'>{''.join(_marked(piece, mark) for piece, mark in block.pieces())}</p>"
        case Title():
            return _heading(block.text)
        case Alert():
            lead = f"<b>{escaped(block.lead)}</b> " if block.lead else ""
            kind = escaped(f"flag {block.urgency}".strip())
            return f"<div class='{kind}' role='alert'>{lead}{escaped(block.text)}</div>"
        case Note():
            return f"<p class='note'>{escaped(block.text)}</p>"
    return f"<p>{escaped(block)}</p>"


def _marked(piece: str, mark: Mark | None) -> str:
    shown = "<br>".join(escaped(line) for line in piece.split("\n"))
    if mark is None:
        return shown
    kind = f" class='{escaped(mark.kind)}'" if mark.kind else ""
    return f"<mark{kind} title='{escaped(mark.text)}'>{shown}</mark>"


def _heading(text: str) -> str:
    return f"<p><b>{escaped(text)}</b></p>" if text else ""
