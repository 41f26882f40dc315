"""A document as a value: headings, paragraphs, lists and tables that become Markdown or HTML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bayesdx.display.report import Grid
from bayesdx.display.tables import clean, escaped, html_table

_MARK = re.compile(r"([\\`*\[\]<|~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")
_HEADING = re.compile(r"(#{1,6})\s+(.*)")


@dataclass(frozen=True)
class Heading:
    """A heading; level 1 is the title."""

    level: int
    text: str


@dataclass(frozen=True)
class Paragraph:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Items:
    """A list."""

    texts: tuple[str, ...]


@dataclass(frozen=True)
class Figure:
    """A figure: an ``svg`` element made by this package, and what it shows. Markdown gets the caption alone."""

    svg: str
    caption: str


Part = Heading | Paragraph | Items | Figure | Grid


def grid(header: Sequence[str], rows: Iterable[Sequence[object]], numeric: Sequence[int] = ()) -> Grid:
    """A table of whatever can be shown as text."""
    return Grid(tuple(header), tuple(tuple(str(cell) for cell in row) for row in rows), tuple(numeric))


def read_markdown(text: str, level: int = 1) -> list[Part]:
    r"""The headings, paragraphs and lists of a Markdown text; other marks stay as they are.

    Parameters
    ----------
    text : str
    level : int
        The level that a heading of the first level gets.

    Examples
    --------
    >>> read_markdown("# Known\n\none\ntwo\n\n- three\n- four", level=2)
    [Heading(level=2, text='Known'), Paragraph(text='one two'), Items(texts=('three', 'four'))]
    """
    blocks: list[Part] = []
    for lines in (part.splitlines() for part in re.split(r"\n\s*\n", text.strip()) if part.strip()):
        loose: list[str] = []
        items: list[str] = []
        for line in lines:
            heading = _HEADING.fullmatch(line.strip())
            if heading and not loose and not items:
                blocks.append(Heading(min(6, len(heading[1]) + level - 1), heading[2]))
            elif line.lstrip().startswith(("- ", "* ")):
                items.append(line.lstrip()[2:].strip())
            elif items:
                items[-1] = f"{items[-1]} {line.strip()}"
            else:
                loose.append(line.strip())
        if loose:
            blocks.append(Paragraph(" ".join(loose)))
        if items:
            blocks.append(Items(tuple(items)))
    return blocks


def as_markdown(blocks: Iterable[Part]) -> str:
    r"""Blocks as GitHub-flavoured Markdown; signs that Markdown would read as marks are escaped.

    Examples
    --------
    >>> print(as_markdown([Heading(2, "Results"), grid(["a|b", "n"], [["x_y", 3]], [1])]))
    ## Results
    <BLANKLINE>
    | a\|b | n |
    | --- | ---: |
    | x_y | 3 |
    <BLANKLINE>
    """
    parts = []
    for block in blocks:
        match block:
            case Heading(level, text):
                parts.append(f"{'#' * level} {_marked(text)}")
            case Paragraph(text):
                parts.append(_block(text))
            case Figure(_, caption):
                parts.append(_block(caption))
            case Items(texts):
                parts.append("\n".join(f"- {_block(text)}" for text in texts))
            case Grid(header, rows, numeric):
                rule = ["---:" if place in numeric else "---" for place in range(len(header))]
                lines = [[_marked(cell) for cell in header], rule, *([_marked(cell) for cell in row] for row in rows)]
                parts.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
    return "\n\n".join(parts) + "\n"


def as_html(blocks: Iterable[Part], title: str, *, contents: bool = False) -> str:
    """Blocks as a whole HTML page without scripts or outside references; every text is escaped.

    With ``contents``, links to the headings of the second level stand below the title.
    """
    parts = []
    places: list[str] = []
    for block in blocks:
        match block:
            case Heading(2, text) if contents:
                parts.append(f"<h2 id='part-{len(places)}'>{escaped(text)}</h2>")
                places.append(f"<a href='#part-{len(places)}'>{escaped(text)}</a>")
            case Heading(level, text):
                parts.append(f"<h{level}>{escaped(text)}</h{level}>")
            case Paragraph(text):
                parts.append(f"<p>{escaped(text)}</p>")
            case Figure(svg, caption):
                parts.append(
                    f"<figure role='img' aria-label='{escaped(caption)}'>{svg}"
                    f"<figcaption>{escaped(caption)}</figcaption></figure>"
                )
            case Items(texts):
                parts.append("<ul>" + "".join(f"<li>{escaped(text)}</li>" for text in texts) + "</ul>")
            case Grid(header, rows, numeric):
                parts.append(html_table(header, rows, numeric))
    if places:
        parts.insert(1, f"<nav aria-label='Contents'>{' · '.join(places)}</nav>")
    body = "\n".join(parts)
    return (
        "<!DOCTYPE html>\n<html lang='en'>\n<head><meta charset='utf-8'>"
        f"<title>{escaped(title)}</title>\n<style>{_STYLE}</style></head>\n<body>\n{body}\n</body>\n</html>\n"
    )


_STYLE = (
    ":root{color-scheme:light dark}figure{max-width:40em;margin:1.5em 0}figcaption{opacity:.8;font-size:.9em}"
    "body{font-family:system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;line-height:1.45}"
    "table{border-collapse:collapse;margin:1em 0;display:block;overflow-x:auto}"
    "td,th{padding:.15em .7em;text-align:left;border:1px solid #8888}"
)


def _marked(text: object) -> str:
    return _MARK.sub(r"\\\1", clean(text))


def _block(text: str) -> str:
    """Text that starts a line: no list, heading or quotation by accident."""
    return re.sub(r"^(\d*)([#>+.)-])", r"\1\\\2", _marked(text))
