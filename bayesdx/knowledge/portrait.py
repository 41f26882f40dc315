"""A model as a notebook shows it: title, version, counts, populations, and a small drawing. Knows no numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bayesdx.display.blocks import Block, Figure, Note, Title
from bayesdx.display.html import escaped
from bayesdx.knowledge.schema import Variable

COLUMNS = {"context": 0, "cause": 1, "mechanism": 2, "history": 3, "examination": 3, "test": 3}
"""Where each kind of variable stands, from what comes before to what is found."""

WIDTH, HEIGHT, MARGIN = 340.0, 130.0, 8.0
"""Pixels of the drawing and of its margin."""

RADIUS = 2.6
"""Pixels of a dot."""


def portrait(
    heading: str, facts: Sequence[str], variables: Sequence[Variable], pairs: Iterable[tuple[str, str]]
) -> list[Block]:
    """A model as blocks: a dot for each variable, a line for each pair that is linked, and the facts.

    Parameters
    ----------
    heading : str
    facts : sequence of str
        Paragraphs below the drawing, the last one in the background.
    variables : sequence of Variable
    pairs : iterable of (str, str)
        Parent and child.
    """
    *said, last = facts
    drawing = Figure(_drawing(variables, pairs), "Its variables, from contexts to findings; causes are orange.")
    return [Title(heading), drawing, *said, Note(last)]


def _drawing(variables: Sequence[Variable], pairs: Iterable[tuple[str, str]]) -> str:
    """Dots in columns from contexts to findings, with the links between them."""
    used = sorted({COLUMNS[variable.kind] for variable in variables})
    columns = [[variable for variable in variables if COLUMNS[variable.kind] == column] for column in used]
    gap = (WIDTH - 2 * MARGIN) / max(1, len(used) - 1)
    place: dict[str, tuple[float, float]] = {}
    dots = []
    for number, held in enumerate(columns):
        for row, variable in enumerate(held):
            x, y = MARGIN + number * gap, MARGIN + (HEIGHT - 2 * MARGIN) * (row + 0.5) / len(held)
            place[variable.variable] = x, y
            colour = "#e07b00" if variable.kind == "cause" else "#2b86c8"
            dots.append(
                f"<circle cx='{x:.0f}' cy='{y:.1f}' r='{RADIUS}' fill='{colour}'>"
                f"<title>{escaped(variable.label)}</title></circle>"
            )
    lines = "".join(
        f"<path d='M{place[one][0]:.0f} {place[one][1]:.1f}L{place[other][0]:.0f} {place[other][1]:.1f}'/>"
        for one, other in pairs
    )
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH:.0f} {HEIGHT:.0f}' width='{WIDTH:.0f}' "
        f"height='{HEIGHT:.0f}'>"
        f"<g stroke='currentColor' stroke-opacity='0.18' stroke-width='0.7' fill='none'>{lines}</g>"
        f"{''.join(dots)}</svg>"
    )
