"""A result that says once what it shows, and is shown as text and as HTML."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from bayesdx.display.blocks import Block
from bayesdx.display.html import as_fragment
from bayesdx.display.text import as_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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


class PlottedReport(Report):
    """A report that can be drawn as a figure."""

    _most_drawn: ClassVar[int]
    """Rows that a figure has where nothing else is asked."""

    def plot(self, ax: Axes | None = None, most: int | None = None) -> Axes:
        """The result as a figure, in the current style of matplotlib.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure where left out.
        most : int, at least 1, optional
            Rows that are drawn, those that matter most; as many as can be read well where left out.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        MissingExtraError
            matplotlib is not installed (extra ``plot``).

        Examples
        --------
        >>> from matplotlib.figure import Figure
        >>> import bayesdx as dx
        >>> case = dx.diagnose("chest_clinic@1.0.0", {"xray": "positive"})
        >>> case.plot(Figure().subplots()).get_xlabel()
        'hollow: prior, filled: with the findings'
        >>> dx.next_tests(case).plot(Figure().subplots(), most=3).get_title(loc="left")
        'What next?'
        """
        return self._draw(ax, self._most_drawn if most is None else most)

    @abstractmethod
    def _draw(self, ax: Axes | None, most: int) -> Axes:
        """Draw at most so many rows."""
