"""Tables as plain text and as HTML."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

BLOCKS = "▏▎▍▌▋▊▉█"
BAR_WIDTH = 20

TO_THE_RIGHT = "text-align:right"
NUMERIC = f"{TO_THE_RIGHT};white-space:nowrap"
"""Style of a numeric cell in HTML: a number keeps its percent sign on its line."""


def clean(text: object) -> str:
    r"""Text on one line: control and formatting characters (such as right-to-left marks) become spaces.

    Examples
    --------
    >>> clean("a\nb\u202ec")
    'a b c'
    """
    return "".join(" " if unicodedata.category(sign) in ("Cc", "Cf", "Zl", "Zp") else sign for sign in str(text))


def escaped(text: object) -> str:
    """Clean text for HTML, in an attribute too.

    Examples
    --------
    >>> escaped("a < 'b'")
    'a &lt; &#x27;b&#x27;'
    """
    return html.escape(clean(text), quote=True)


def as_title(name: str) -> str:
    """A name in words that begin with a capital letter; other capitals stay as they are.

    Examples
    --------
    >>> as_title("abscess_on_CT")
    'Abscess on CT'
    """
    text = words(name)
    return text[:1].upper() + text[1:]


def words(name: object) -> str:
    r"""A name of a state, a group or a flag as people read it.

    Examples
    --------
    >>> words("60_and_over"), words("a\u202eb")
    ('60 and over', 'a b')
    """
    return clean(name).replace("_", " ").strip()


def bar(share: float, width: int = BAR_WIDTH) -> str:
    """A bar of block characters for a share between 0 and 1.

    Examples
    --------
    >>> bar(0.5, 4), bar(0.0, 4), bar(1.0, 2)
    ('██', '', '██')
    """
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    full, rest = divmod(eighths, 8)
    return BLOCKS[7] * full + (BLOCKS[rest - 1] if rest else "")


@dataclass(frozen=True)
class Share:
    """A cell that is drawn as a bar: a share between 0 and 1."""

    value: float
    width: int = BAR_WIDTH

    def __str__(self) -> str:
        return bar(self.value, self.width)


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
    cells = [[clean(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(header))]
    lines = []
    for row in cells:
        padded = [
            cell.rjust(width) if place in numeric else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def html_table(header: Sequence[str], rows: Sequence[Sequence[object]], numeric: Sequence[int] = ()) -> str:
    """An HTML table; every cell is escaped.

    Examples
    --------
    >>> html_table(["a"], [["<b>"]])
    '<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>&lt;b&gt;</td></tr></tbody></table>'
    """

    def line(tag: str, cells: Sequence[object]) -> str:
        parts = []
        for place, cell in enumerate(cells):
            style = f' style="{NUMERIC if tag == "td" else TO_THE_RIGHT}"' if place in numeric else ""
            parts.append(f"<{tag}{style}>{_inside(cell)}</{tag}>")
        return f"<tr>{''.join(parts)}</tr>"

    body = "".join(line("td", row) for row in rows)
    head = f"<thead>{line('th', header)}</thead>" if header else ""
    return f"<table>{head}<tbody>{body}</tbody></table>"


def _inside(cell: object) -> str:
    if isinstance(cell, Share):
        return f"<span class='bar' style='width:{12 * cell.value:.2f}em'></span>"
    return escaped(cell)
