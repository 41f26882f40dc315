"""A layered graph as SVG: plain nodes and edges in, text out; needs no system binary. Knows no model.

Text and outlines take the colour of their surroundings, so that the drawing can be read on light and on dark ground.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bayesdx.display.html import escaped
from bayesdx.display.wording import clean

ROW, HEIGHT, WIDTH, HEADING, MARGIN = 25.0, 21.0, 260.0, 30.0, 12.0
"""Pixels: from row to row, height and width of a node, of a heading, around the drawing."""

LEAST_GAP, MOST_GAP, GAP_PER_NODE = 70.0, 170.0, 10.0
"""Pixels between columns: least, most, and for each node of the longest column; few edges need little room."""

BOW = 50.0
"""Pixels to the right at which the control points of an edge within a column stand."""

LOOSEST = 3.2
"""A short column is stretched towards the height of the longest one, to this multiple of its own height at most."""

SIGN, BOLD_SIGN = 6.4, 7.3
"""Approximate width in pixels of a character of a label, and of a note."""

FILL, KNOWN = "#2b86c8", "#d1495b"
PALETTE = ("#0f8fd6", "#e07b00", "#19a974", "#c45bb0", "#b59f00", "#6c7bd9", "#8d6e4f")
"""Colours of the edges, one after the other over the nodes of a column, so that neighbours differ."""

SWEEPS = 8
"""Rounds in which the nodes of each section move to where their neighbours are."""


@dataclass(frozen=True)
class Box:
    """A node.

    Parameters
    ----------
    name, label : str
    note : str
        What stands at its right end.
    shares : sequence of float in [0, 1]
        Lengths of the parts of its bar, from the left; they sum to at most 1.
    known : bool
        Whether it is drawn as observed.
    title : str
        What is shown when a pointer rests on it.
    """

    name: str
    label: str
    note: str
    shares: Sequence[float]
    known: bool = False
    title: str = ""


@dataclass(frozen=True)
class Arrow:
    """An edge; its width follows ``strength``, between 0 and 1."""

    source: str
    target: str
    strength: float
    title: str = ""


@dataclass(frozen=True)
class Section:
    """Nodes under a heading, in a column counted from the left."""

    column: int
    heading: str
    boxes: Sequence[Box]


@dataclass(frozen=True)
class _Place:
    x: float
    y: float
    box: Box


def layered_svg(sections: Sequence[Section], arrows: Sequence[Arrow], title: str) -> str:
    """The drawing; every label is escaped.

    Parameters
    ----------
    sections : sequence of Section
        Those of one column stand below each other in this order; nodes within one are ordered so that edges are short.
    arrows : sequence of Arrow
    title : str

    Returns
    -------
    str
        An ``svg`` element.

    Examples
    --------
    >>> cause, sign = Box("a", "<b>", "10 %", [0.1]), Box("f", "Fever", "30 %", [0.3])
    >>> drawn = layered_svg([Section(0, "Causes", [cause]), Section(1, "Signs", [sign])], [Arrow("a", "f", 0.5)], "T")
    >>> "&lt;b&gt;" in drawn, "<b>" in drawn
    (True, False)
    """
    gap = _gap(sections)
    places = _placed(_ordered(sections, arrows, gap), gap)
    columns = 1 + max((section.column for section in sections), default=0)
    right = MARGIN + columns * (WIDTH + gap) - gap + MARGIN
    last = MARGIN + (columns - 1) * (WIDTH + gap)
    if any(places[arrow.source].x == places[arrow.target].x == last for arrow in arrows):
        right += BOW - MARGIN
    bottom = max((place.y for place in places.values()), default=0.0) + ROW + MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {right:.0f} {bottom:.0f}" width="{right:.0f}" '
        f'height="{bottom:.0f}" role="img" font-family="system-ui, sans-serif" font-size="11.5" fill="currentColor" '
        f'style="max-width:100%;height:auto">',
        f"<title>{escaped(title)}</title>",
    ]
    rank = {
        name: number for number, name in enumerate(sorted(places, key=lambda name: (places[name].x, places[name].y)))
    }
    some_known = any(place.box.known for place in places.values())
    parts += [
        _edge(arrow, places[arrow.source], places[arrow.target], PALETTE[rank[arrow.source] % len(PALETTE)], some_known)
        for arrow in sorted(arrows, key=lambda one: (places[one.target].box.known, one.strength))
    ]
    parts += [_node(place) for place in places.values()]
    parts += _headings(sections, places)
    return "".join(parts) + "</svg>"


def _ordered(sections: Sequence[Section], arrows: Sequence[Arrow], gap: float) -> list[Section]:
    """Sections with their nodes sorted by the mean height of their neighbours, in ``SWEEPS`` rounds."""
    neighbours: dict[str, list[tuple[str, float]]] = {}
    for arrow in arrows:
        neighbours.setdefault(arrow.source, []).append((arrow.target, arrow.strength))
        neighbours.setdefault(arrow.target, []).append((arrow.source, arrow.strength))
    ordered = list(sections)
    for _ in range(SWEEPS):
        for place, section in enumerate(ordered):
            height = {name: spot.y for name, spot in _placed(ordered, gap).items()}
            centre = {
                box.name: _centre(neighbours.get(box.name, ()), height, height[box.name]) for box in section.boxes
            }
            boxes = sorted(section.boxes, key=lambda box: centre[box.name])
            ordered[place] = Section(section.column, section.heading, boxes)
    return ordered


def _centre(neighbours: Sequence[tuple[str, float]], height: Mapping[str, float], own: float) -> float:
    weight = sum(strength for _, strength in neighbours)
    return sum(height[name] * strength for name, strength in neighbours) / weight if weight else own


def _gap(sections: Sequence[Section]) -> float:
    """The gap between columns, in pixels."""
    counts: dict[int, int] = {}
    for section in sections:
        counts[section.column] = counts.get(section.column, 0) + len(section.boxes)
    return max(LEAST_GAP, min(MOST_GAP, GAP_PER_NODE * max(counts.values(), default=0)))


def _placed(sections: Sequence[Section], gap: float) -> dict[str, _Place]:
    """Where each node stands; columns are centred on the highest one."""
    heights: dict[int, float] = {}
    for section in sections:
        heights[section.column] = heights.get(section.column, 0.0) + HEADING + ROW * len(section.boxes)
    tallest = max(heights.values(), default=0.0)
    loose = {column: min(LOOSEST, tallest / height) for column, height in heights.items()}
    here = {column: MARGIN + (tallest - loose[column] * height) / 2 for column, height in heights.items()}
    places: dict[str, _Place] = {}
    for section in sections:
        x = MARGIN + section.column * (WIDTH + gap)
        y = here[section.column] + HEADING
        for box in section.boxes:
            places[box.name] = _Place(x, y, box)
            y += ROW * loose[section.column]
        here[section.column] = y
    return places


def _headings(sections: Sequence[Section], places: Mapping[str, _Place]) -> list[str]:
    parts = []
    for section in sections:
        if section.boxes:
            spots = [places[box.name] for box in section.boxes]
            x, y = spots[0].x, min(spot.y for spot in spots) - 7
            parts.append(
                f'<text x="{x:.0f}" y="{y:.1f}" font-weight="bold" font-size="13">{escaped(section.heading)}</text>'
            )
    return parts


def _edge(arrow: Arrow, source: _Place, target: _Place, colour: str, some_known: bool) -> str:
    """A curve between the sides of two nodes that face each other; within a column, a bow on the right."""
    x1, y1, y2 = source.x + WIDTH, source.y + HEIGHT / 2, target.y + HEIGHT / 2
    if source.x == target.x:
        x2 = x1
        bend = f"C{x1 + BOW:.0f} {y1:.1f} {x2 + BOW:.0f} {y2:.1f}"
    else:
        x1, x2 = (x1, target.x) if source.x < target.x else (source.x, target.x + WIDTH)
        half = (x2 - x1) / 2
        bend = f"C{x1 + half:.0f} {y1:.1f} {x2 - half:.0f} {y2:.1f}"
    strong = target.box.known or not some_known  # links to an observed node stand out
    opacity = (0.9 if strong else 0.3) * (0.35 + 0.65 * arrow.strength)
    width = 0.7 + 4.3 * arrow.strength
    return (
        f'<path d="M{x1:.0f} {y1:.1f}{bend} {x2:.0f} {y2:.1f}" fill="none" stroke="{colour}" '
        f'stroke-opacity="{opacity:.2f}" stroke-width="{width:.2f}"><title>{escaped(arrow.title)}</title></path>'
    )


def _node(place: _Place) -> str:
    x, y, box = place.x, place.y, place.box
    outline = f'stroke="{KNOWN}" stroke-width="2"' if box.known else 'stroke="currentColor" stroke-opacity="0.45"'
    parts = [
        f"<g><title>{escaped(box.title or box.label)}</title>",
        f'<rect x="{x:.0f}" y="{y:.1f}" width="{WIDTH:.0f}" height="{HEIGHT:.0f}" rx="3" fill="#8a8f98" '
        f'fill-opacity="0.10" {outline}/>',
    ]
    start = x
    for number, share in enumerate(box.shares):
        width = WIDTH * max(0.0, min(1.0, share))
        opacity = max(0.15, 0.55 - 0.2 * number)
        parts.append(
            f'<rect x="{start:.1f}" y="{y:.1f}" width="{width:.1f}" height="{HEIGHT:.0f}" rx="3" fill="{FILL}" '
            f'fill-opacity="{opacity:.2f}"/>'
        )
        start += width
    room = int((WIDTH - 20 - BOLD_SIGN * len(box.note)) / SIGN)
    label = clean(box.label)
    label = label if len(label) <= room else f"{label[: max(1, room - 1)].rstrip()}…"
    parts.append(f'<text x="{x + 6:.0f}" y="{y + 14.5:.1f}">{escaped(label)}</text>')
    end = f'x="{x + WIDTH - 6:.0f}" y="{y + 14.5:.1f}" text-anchor="end"'
    parts.append(f'<text {end} font-weight="bold">{escaped(box.note)}</text></g>')
    return "".join(parts)
