"""Blocks as Markdown, and Markdown as blocks."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bayesdx.display.blocks import Alert, Block, Entries, Figure, Grid, Items, Note, Passage, Title
from bayesdx.display.text import cell_text
from bayesdx.display.wording import clean

_MARK = re.compile(r"([\\`*\[\]{|]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))|([<~$]|&(?=#?\w+;))")
_ENTITIES = {"<": "&lt;", "~": "&#126;", "$": "&#36;", "&": "&amp;"}
"""Signs that a backslash escapes on GitHub and not in Python-Markdown, which leaves the tag after it alive."""

_START = re.compile(r"\s*(\d*)(?:([#>+.)-])|([=?:!]))?")
_EMPHASIS = re.compile(r"\*\*([^*\n]+)\*\*|`([^`\n]+)`")
_HEADING = re.compile(r"(#{1,6})\s+(.*)")


def read_markdown(text: str, level: int = 1) -> list[Block]:
    r"""The headings, paragraphs and lists of a Markdown text; marks of bold text and of code are left out.

    Parameters
    ----------
    text : str
    level : int
        The level that a heading of the first level gets.

    Examples
    --------
    >>> read_markdown("# Known\n\n**one**\ntwo\n\n- three\n- `four`", level=2)
    [Title(text='Known', level=2), 'one two', Items(texts=('three', 'four'))]
    """
    blocks: list[Block] = []
    plain = _EMPHASIS.sub(lambda found: found[1] or found[2], text.strip())
    for lines in (part.splitlines() for part in re.split(r"\n\s*\n", plain) if part.strip()):
        loose: list[str] = []
        items: list[str] = []
        for line in lines:
            heading = _HEADING.fullmatch(line.strip())
            if heading and not loose and not items:
                blocks.append(Title(heading[2], min(6, len(heading[1]) + level - 1)))
            elif line.lstrip().startswith(("- ", "* ")):
                items.append(line.lstrip()[2:].strip())
            elif items:
                items[-1] = f"{items[-1]} {line.strip()}"
            else:
                loose.append(line.strip())
        if loose:
            blocks.append(" ".join(loose))
        if items:
            blocks.append(Items(tuple(items)))
    return blocks


def as_markdown(blocks: Iterable[Block]) -> str:
    r"""Blocks as GitHub-flavoured Markdown; signs that Markdown would read as marks are escaped.

    Examples
    --------
    >>> print(as_markdown([Title("Results"), Grid(["a|b", "n"], [["x_y", 3]], [1])]))
    ## Results
    <BLANKLINE>
    | a\|b | n |
    | --- | ---: |
    | x_y | 3 |
    <BLANKLINE>
    """
    return "\n\n".join(map(_written, blocks)) + "\n"


def _written(block: Block) -> str:
    match block:
        case Title(text, level):
            return f"{'#' * level} {_marked(text)}"
        case Alert(text):
            return f"**{_marked(f'{block.lead} {text}'.strip())}**"
        case Items(texts):
            return "\n".join(f"- {_line(text)}" for text in texts)
        case Entries(rows, title):
            listed = "\n".join(f"- {_line(f'{lead}: {text}' if lead else text)}" for lead, text in rows)
            return f"## {_marked(title)}\n\n{listed}" if title else listed
        case Grid(header, rows, numeric, title):
            rule = ["---:" if place in numeric else "---" for place in range(len(header))]
            lines = [[_marked(cell) for cell in header], rule]
            lines += [[_marked(cell_text(cell)) for cell in row] for row in rows]
            drawn = "\n".join(f"| {' | '.join(line)} |" for line in lines)
            return f"## {_marked(title)}\n\n{drawn}" if title else drawn
        case Figure(_, caption):
            return _line(caption)
        case Passage(text) | Note(text):
            return _line(text)
    return _line(block)


def _marked(text: object) -> str:
    """Text whose signs are no marks, neither on GitHub nor in Python-Markdown with the extensions of MkDocs."""
    return _MARK.sub(lambda found: f"\\{found[1]}" if found[1] else _ENTITIES[found[2]], clean(text))


def _line(text: str) -> str:
    """Text at the start of a line, escaped where it would begin a list, a heading, a quotation or another block."""

    def start(found: re.Match[str]) -> str:
        number, mark, sign = found.groups(default="")
        return number + (f"\\{mark}" if mark else f"&#{ord(sign)};" if sign else "")

    return _START.sub(start, _marked(text), count=1)
