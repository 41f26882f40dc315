"""A result that says once what it shows, and is shown as text and as HTML."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from bayesdx.display.blocks import Block
from bayesdx.display.html import as_fragment
from bayesdx.display.text import as_text


class Report(ABC):
    """A value that is shown as text in a terminal and as HTML in a notebook; every cell is escaped."""

    @abstractmethod
    def blocks(self) -> Sequence[Block]:
        """What to show, in order."""

    def __str__(self) -> str:
        return as_text(self.blocks())

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return as_fragment(self.blocks())
