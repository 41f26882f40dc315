"""What a result shows, as values: titles, paragraphs, alerts, tables, figures. Renderers make text or HTML of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bayesdx.display.wording import clean


@dataclass(frozen=True)
class Title:
    """A heading; level 1 is the title of a document, 2 that of a section."""

    text: str
    level: int = 2


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
class Bar:
    """A cell of a table that is drawn as a bar on a track from 0 to 1.

    Parameters
    ----------
    stop : float in [0, 1]
    start : float in [0, 1]
    interval : (float, float), optional
        Drawn over the bar as a thin line; text does without it.
    kind : {"", "against", "plain"}
        How it is coloured.
    """

    stop: float
    start: float = 0.0
    interval: tuple[float, float] | None = None
    kind: str = ""


@dataclass(frozen=True)
class Grid:
    """A table.

    Parameters
    ----------
    header : sequence of str
    rows : sequence of rows of cells; a cell is a ``Bar``, or anything that can be shown as text
    numeric : positions of numeric columns
    title : str
        Stands above the table.
    spare : positions of columns that a narrow terminal leaves out, the first one first
        A narrow page leaves them out too, but for bars.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[object]]
    numeric: Sequence[int] = ()
    title: str = ""
    spare: Sequence[int] = ()


@dataclass(frozen=True)
class Entries:
    """A list of short leads, each with its text."""

    rows: Sequence[tuple[str, str]]
    title: str = ""


@dataclass(frozen=True)
class Items:
    """A list with a mark before each text."""

    texts: tuple[str, ...]


@dataclass(frozen=True)
class Figure:
    """A figure: an ``svg`` element made by this package, and what it shows. Text has the caption alone.

    One that is ``wide`` takes the whole width of the page, and one page in print.
    """

    svg: str
    caption: str
    wide: bool = False


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


Block = Title | Alert | Note | Grid | Entries | Items | Figure | Passage | str
"""A plain string is a paragraph."""
