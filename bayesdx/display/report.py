"""A result as plain text and as HTML: both are made from the same blocks."""

from __future__ import annotations

import html
import textwrap
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from bayesdx.display.tables import clean, html_table, text_table

WIDTH = 100
"""Columns of a paragraph of plain text."""

STYLE = """
.bdx{font-family:system-ui,sans-serif;max-width:60em}
.bdx table{border-collapse:collapse}
.bdx.bdx table td,.bdx.bdx table th{padding:.15em .7em;text-align:left;border:0}
.bdx .flag{border-left:.4em solid #c00;background:rgba(200,0,0,.12);padding:.4em .8em;margin:.3em 0}
.bdx .note{opacity:.75;font-size:.9em}
"""
"""Cells name their class twice: JupyterLab aligns every cell by two classes and an element, and would win."""


@dataclass(frozen=True)
class Title:
    """A heading."""

    text: str


@dataclass(frozen=True)
class Alert:
    """A sentence that must not be overlooked."""

    text: str


@dataclass(frozen=True)
class Grid:
    """A table: header, rows of cells as text, and the positions of numeric columns."""

    header: Sequence[str]
    rows: Sequence[Sequence[object]]
    numeric: Sequence[int] = ()


Block = Title | Alert | Grid | str


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


def _as_text(block: Block) -> str:
    if isinstance(block, Grid):
        return text_table(block.header, block.rows, block.numeric)
    if isinstance(block, Title):
        return clean(block.text)
    if isinstance(block, Alert):
        return textwrap.fill(clean(block.text), WIDTH, subsequent_indent="    ")
    return textwrap.fill(clean(block), WIDTH)


def _as_html(block: Block) -> str:
    if isinstance(block, Grid):
        return html_table(block.header, block.rows, block.numeric)
    text = html.escape(clean(block if isinstance(block, str) else block.text), quote=True)
    if isinstance(block, Title):
        return f"<p><b>{text}</b></p>"
    if isinstance(block, Alert):
        return f"<div class='flag' role='alert'>{text}</div>"
    return f"<p>{text}</p>"
