"""Blocks as plain text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from bayesdx.display.blocks import Alert, Bar, Block, Entries, Figure, Grid, Items, Passage, Title
from bayesdx.display.wording import clean

WIDTH = 100
"""Columns of a paragraph."""

BAR_WIDTH = 20
"""Columns of a bar from 0 to 1."""

INDENT = 4
"""Columns by which the second line of an alert, and the text below a long lead, are indented."""

LEAST_TEXT = 24
"""Least width of the text beside a lead; where there is less room, each lead has a line of its own."""

EIGHTHS = "▏▎▍▌▋▊▉█"


def as_text(blocks: Iterable[Block]) -> str:
    """Blocks as plain text, an empty line between them.

    Examples
    --------
    >>> print(as_text([Title("Findings"), Entries([("Fever", "absent")]), Alert("Go now.", "emergency")]))
    Findings
    <BLANKLINE>
      Fever  absent
    <BLANKLINE>
    EMERGENCY: Go now.
    """
    return "\n\n".join(block_text(block, WIDTH) for block in blocks)


def wrapped(text: str, width: int = WIDTH, indent: int = 0) -> list[str]:
    """Text in lines that are no wider; a percent sign stays with its number, later lines are indented by ``indent``.

    Examples
    --------
    >>> wrapped("Cauda equina syndrome (now 34.4 %)", 32)
    ['Cauda equina syndrome (now', '34.4 %)']
    """
    joined = clean(text).replace(" %", "\N{NO-BREAK SPACE}%")
    lines = textwrap.wrap(joined, width, subsequent_indent=" " * indent, break_on_hyphens=False)
    return [line.replace("\N{NO-BREAK SPACE}%", " %") for line in lines]


def entry_lines(block: Entries, width: int) -> Iterator[tuple[str, str]]:
    """(lead, text) of each line of a list; where leads are long they have lines of their own."""
    longest, texts = (max((len(clean(row[side])) for row in block.rows), default=0) for side in (0, 1))
    beside = longest + INDENT + min(texts, LEAST_TEXT) <= width
    for lead, text in block.rows:
        room = max(1, width - (longest + INDENT if beside else INDENT))
        first, *rest = wrapped(text, room) or [""]
        if beside:
            yield f"  {clean(lead):<{longest}}  ", first
            yield from (("", f"{'':{longest + INDENT}}{line}") for line in rest)
        else:
            for line in wrapped(lead, max(1, width - 2)):
                yield f"  {line}", ""
            yield from (("", f"{'':{INDENT}}{line}") for line in (first, *rest))


def cell_text(cell: object, bar_width: int = BAR_WIDTH) -> str:
    """A cell of a table on one line; a bar is drawn with block characters.

    Examples
    --------
    >>> cell_text(Bar(0.5), 4), cell_text(Bar(0.0), 4), cell_text(Bar(1.0, start=0.5), 4), cell_text("fever")
    ('██', '', '  ██', 'fever')
    """
    if not isinstance(cell, Bar):
        return clean(cell)
    before = round(cell.start * bar_width)
    full, rest = divmod(round(max(0.0, min(1.0, cell.stop) - cell.start) * bar_width * 8), 8)
    return " " * before + EIGHTHS[7] * full + (EIGHTHS[rest - 1] if rest else "")


def text_table(header: Sequence[str], rows: Sequence[Sequence[object]], numeric: Sequence[int] = ()) -> str:
    """Columns padded to equal width, numeric ones to the right.

    Parameters
    ----------
    header : sequence of str
    rows : sequence of sequences of the same length
    numeric : positions of the columns that are aligned to the right

    Examples
    --------
    >>> print(text_table(["cause", "now"], [["strain", "12.0 %"], ["abscess", "3.0 %"]], numeric=[1]))
    cause       now
    strain   12.0 %
    abscess   3.0 %
    """
    cells = [[cell_text(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(header))]
    lines = []
    for row in cells:
        padded = [
            cell.rjust(width) if place in numeric else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def block_text(block: Block, width: int) -> str:
    """A block as lines; paragraphs and lists are no wider than ``width``."""
    match block:
        case Grid():
            return "\n".join([*wrapped(block.title, width), text_table(block.header, block.rows, block.numeric)])
        case Entries():
            lines = (f"{lead}{text}".rstrip() for lead, text in entry_lines(block, width))
            return "\n".join([*wrapped(block.title, width), *lines])
        case Items():
            return "\n".join(line for text in block.texts for line in wrapped(f"- {text}", width, indent=2))
        case Passage():
            shown = "".join(f"[{piece}]" if mark else piece for piece, mark in block.pieces())
            return "\n".join(line for part in shown.rstrip().splitlines() for line in wrapped(part, width) or [""])
        case Alert():
            return "\n".join(wrapped(f"{block.lead} {block.text}".strip(), width, INDENT))
        case Figure():
            return "\n".join(wrapped(block.caption, width))
        case Title():
            return clean(block.text)
    return "\n".join(wrapped(block if isinstance(block, str) else block.text, width))
