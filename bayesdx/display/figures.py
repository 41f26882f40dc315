"""Figures of results: plain labels and numbers in, matplotlib axes out, in whatever style is current.

The one place that imports matplotlib, at the moment of use; every function that draws raises MissingExtraError where it
is not installed. Text takes the colour of the style; the colours of marks are chosen to be readable on light and on
dark ground, and by people who do not see red and green apart (Okabe, Ito 2008).
"""

from __future__ import annotations

import io
import math
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayesdx.display.numbers import format_decibans, format_probability
from bayesdx.display.wording import clean, words
from bayesdx.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import Patch

FOR, AGAINST, PLAIN, MARKED = "#0f8fd6", "#e07b00", "#8a8f98", "#d1495b"
PALETTE = ("#0f8fd6", "#e07b00", "#19a974", "#c45bb0", "#b59f00", "#8a8f98", "#d1495b", "#6c7bd9")

FONT = ("font-style", "font-weight", "font-size", "font-family")
"""The parts of a font, in the order in which a style has them."""

INK = "#010203"
"""A colour that no figure uses: it is replaced by the colour of the page's text."""

LABEL_WIDTH = 44
"""Characters of a label on one line; two lines are shown, the rest is cut."""

ROW_INCHES = 0.34
"""Height of a row; each further line of its label adds 0.4 of it."""


def waterfall(
    labels: Sequence[str], weights: Sequence[float], start: float, *, title: str = "", ax: Axes | None = None
) -> Axes:
    """Steps from a start to an end, each bar beginning where the last one ended; in decibans.

    Parameters
    ----------
    labels : sequence of str
    weights : sequence of float, finite
    start : float
    """
    shown = ["before any finding", *labels, "with the findings"]
    ax = _axes(ax, shown)
    here = start
    reached = [0.0, start]
    _row(ax, 0, start, 0.0, PLAIN, format_decibans(start))
    for place, weight in enumerate(weights, start=1):
        _row(ax, place, weight, here, FOR if weight >= 0 else AGAINST, format_decibans(weight))
        ax.plot([here, here], [place - 1.4, place + 0.4], color=PLAIN, linewidth=0.8, zorder=1)
        here += weight
        reached.append(here)
    _row(ax, len(shown) - 1, here, 0.0, PLAIN, format_decibans(here))
    ax.axvline(0.0, color=PLAIN, linewidth=0.8)
    _span(ax, reached)
    _finish(ax, shown, "log-odds in decibans (10 more multiply the odds by 10)", title)
    _probability_axis(ax)
    if labels:
        _key(ax, {"speaks for it": FOR, "speaks against it": AGAINST})
    return ax


def bars(
    labels: Sequence[str],
    values: Sequence[float],
    marked: Sequence[bool],
    *,
    xlabel: str,
    meaning: str = "",
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """A horizontal bar per row; marked rows stand out in colour, and the legend says what that means."""
    ax = _axes(ax, labels)
    for place, (value, stands_out) in enumerate(zip(values, marked, strict=True)):
        _row(ax, place, value, 0.0, MARKED if stands_out else FOR, f"{value:.2f}")
    ax.axvline(0.0, color=PLAIN, linewidth=0.8)
    _span(ax, [0.0, *values])
    _finish(ax, labels, xlabel, title)
    if any(marked) and meaning:
        _key(ax, {clean(meaning): MARKED})
    return ax


def intervals(
    labels: Sequence[str],
    values: Sequence[float],
    lower: Sequence[float],
    upper: Sequence[float],
    *,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """A point with its interval per row, probabilities on the axis, both in figures beside it."""
    ax = _axes(ax, labels)
    places = range(len(labels))
    ax.hlines(places, lower, upper, color=FOR, linewidth=3.0, alpha=0.55)
    ax.plot(values, places, "o", color=FOR, markersize=6)
    for place, value in zip(places, values, strict=True):
        ends = f"{format_probability(lower[place])} to {format_probability(upper[place])}"
        _note(ax, max(value, upper[place]), place, f"{format_probability(value)} ({ends})")
    _percent(ax, room=0.42)
    _finish(ax, labels, "probability", title)
    return ax


def forest(
    labels: Sequence[str],
    values: Sequence[float],
    lower: Sequence[float],
    upper: Sequence[float],
    expected_lower: Sequence[float],
    expected_upper: Sequence[float],
    before: Sequence[float],
    after: Sequence[float],
    *,
    ratio: bool = False,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """A study per row: its figure with its interval, the interval that was predicted, the network before and after."""
    ax = _axes(ax, labels)
    places = np.arange(len(labels))
    ax.hlines(places, expected_lower, expected_upper, color=PLAIN, linewidth=7.0, alpha=0.3, label="predicted, 95 %")
    ax.hlines(places, lower, upper, color=FOR, linewidth=2.0)
    ax.plot(values, places, "o", color=FOR, markersize=6, label="study, 95 %")
    ax.plot(before, places, "x", color=AGAINST, markersize=7, label="network before")
    ax.plot(after, places, "D", color=AGAINST, markersize=5, label="network after")
    if ratio:
        ax.set_xscale("log")
    else:
        _percent(ax, room=0.02)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, -0.16 - 0.4 / max(1, len(labels))), ncols=4, frameon=False)
    _finish(ax, labels, "ratio" if ratio else "probability", title)
    return ax


def tornado(
    labels: Sequence[str],
    at_lower: Sequence[float],
    at_upper: Sequence[float],
    now: float,
    *,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """A bar per row from the value at the lower to that at the upper end of an interval, around what it is now."""
    labels = [_number(label) for label in labels]
    ax = _axes(ax, labels)
    for place, (low, high) in enumerate(zip(at_lower, at_upper, strict=True)):
        ax.barh(place, low - now, left=now, color=AGAINST, height=0.62)
        ax.barh(place, high - now, left=now, color=FOR, height=0.62)
        ends = [format_probability(end) for end in sorted((low, high))]
        _note(ax, max(low, high, now), place, " to ".join(ends))
    ax.axvline(now, color=PLAIN, linewidth=1.2)
    _span(ax, [now, *at_lower, *at_upper], right=0.3)
    _percent(ax)
    _finish(ax, labels, "posterior", title)
    _key(ax, {"number at its lower end": AGAINST, "number at its upper end": FOR})
    return ax


def pairs(
    labels: Sequence[str],
    before: Sequence[float],
    after: Sequence[float],
    *,
    xlabel: str = "posterior: hollow before, filled after",
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Two points per row joined by a line: before (hollow) and after (filled)."""
    ax = _axes(ax, labels)
    for place, (old, new) in enumerate(zip(before, after, strict=True)):
        ax.plot([old, new], [place, place], color=FOR if new >= old else AGAINST, linewidth=2.5, alpha=0.6, zorder=1)
        colour, ground = FOR if new >= old else AGAINST, ax.get_facecolor()
        ax.plot(old, place, "o", markersize=7, markerfacecolor=ground, markeredgecolor=colour, markeredgewidth=1.6)
        ax.plot(new, place, "o", markersize=7, color=colour)
        _note(ax, max(old, new), place, f"{format_probability(old)} \N{RIGHTWARDS ARROW} {format_probability(new)}")
    _percent(ax, room=0.2)
    _finish(ax, labels, xlabel, title)
    return ax


def dots(
    labels: Sequence[str], series: Mapping[str, Sequence[float]], *, title: str = "", ax: Axes | None = None
) -> Axes:
    """A row for each label with a mark for each series, joined by a thin line; probabilities on the axis."""
    ax = _axes(ax, labels)
    columns = [list(values) for values in series.values()]
    places = range(len(labels))
    ax.hlines(places, np.nanmin(columns, axis=0), np.nanmax(columns, axis=0), color=PLAIN, linewidth=1.5, zorder=1)
    for number, (name, values) in enumerate(series.items()):
        marker = "osD^vPX*"[number % 8]
        ax.plot(values, places, marker, markersize=7, color=PALETTE[number % len(PALETTE)], label=_cut(name, 1))
    _percent(ax, room=0.02)
    _finish(ax, labels, "posterior", title)
    _legend(ax, None)
    return ax


def paths(
    steps: Sequence[str], lines: Mapping[str, Sequence[float]], *, title: str = "", ax: Axes | None = None
) -> Axes:
    """A line per cause over the steps, which run from top to bottom so that long names stay readable."""
    ax = _axes(ax, steps)
    places = range(len(steps))
    for number, (label, values) in enumerate(lines.items()):
        marker = "osD^vPX*"[number % 8]
        ax.plot(values, places, marker=marker, markersize=5, color=PALETTE[number % len(PALETTE)], label=_cut(label, 1))
    _percent(ax, room=0.02)
    _finish(ax, steps, "posterior", title)
    _legend(ax, None)
    return ax


def sentence(text: str, *, title: str = "", ax: Axes | None = None) -> Axes:
    """A sentence in place of a figure that would be empty."""
    ax = _axes(ax, ())
    ax.set_axis_off()
    lines = textwrap.fill(clean(text), 80)
    ax.text(0.0, 0.9, _plain(lines), transform=ax.transAxes, ha="left", va="top")
    _name(ax, title)
    return ax


@dataclass(frozen=True, eq=False)
class Curve:
    """A line of ``curves``.

    Parameters
    ----------
    label : str
    x, y : array of float
    lower, upper : array of float, optional
        Interval of each point, drawn as a bar.
    sizes : array of float, optional
        What each point stands for, as the area of its mark.
    steps : bool
        Between points y is that of the right one.
    """

    label: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    lower: NDArray[np.float64] | None = None
    upper: NDArray[np.float64] | None = None
    sizes: NDArray[np.float64] | None = None
    steps: bool = False


def curves(
    lines: Sequence[Curve],
    *,
    xlabel: str,
    ylabel: str,
    title: str = "",
    diagonal: str | None = None,
    limits: tuple[float, float] = (-0.02, 1.02),
    ax: Axes | None = None,
) -> Axes:
    """Lines over a probability, told apart by colour and dash.

    Parameters
    ----------
    lines : sequence of Curve
    diagonal : str, optional
        Draw the line of equality and call it this.
    limits : (float, float)
        Of the vertical axis.
    """
    ax = _square_axes(ax)
    if diagonal is not None:
        ax.plot([0, 1], [0, 1], color=PLAIN, linewidth=1.0, linestyle=(0, (1, 2)), label=diagonal, zorder=1)
    for number, line in enumerate(lines):
        colour, dash = PALETTE[number % len(PALETTE)], ("-", "--", "-.", ":")[number % 4]
        drawn = "steps-pre" if line.steps else "default"
        ax.plot(line.x, line.y, color=colour, linestyle=dash, linewidth=1.8, label=_plain(line.label), drawstyle=drawn)
        if line.lower is not None and line.upper is not None:
            ax.vlines(line.x, line.lower, line.upper, color=colour, linewidth=2.2, alpha=0.55)
        if line.sizes is not None:
            area = 12 + 160 * line.sizes / max(float(line.sizes.max()), 1e-12)
            ax.scatter(line.x, line.y, s=area, color=colour, alpha=0.85, zorder=3)
    ax.set(xlim=(-0.02, 1.02), ylim=limits, xlabel=xlabel, ylabel=ylabel)
    ax.set_title(_plain("\n".join(textwrap.wrap(clean(title), 64))), loc="left", fontsize="medium", fontweight="bold")
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.25)
    ax.set_axisbelow(True)
    ax.legend(frameon=False, fontsize="small")
    return ax


def as_svg(draw: Callable[[Axes], object], salt: str) -> str | None:
    """A figure as an ``svg`` element that stands in a page: text in the page's colour, no outside references.

    Parameters
    ----------
    draw : callable
        Draws on the axes it is given.
    salt : str
        Sets the names inside apart from those of other figures on the page.

    Returns
    -------
    str or None
        None where matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure
    except ImportError:
        return None
    with matplotlib.rc_context():
        for name in ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"):
            matplotlib.rcParams[name] = INK
        matplotlib.rcParams["svg.fonttype"] = "none"
        matplotlib.rcParams["svg.hashsalt"] = salt
        figure = Figure(figsize=(6.4, 4.8), layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure.subplots())
        stream = io.StringIO()
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    element = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    element = re.sub(r"\s+xmlns(?::\w+)?=\"[^\"]*\"", "", element).replace("xlink:href", "href")
    opening, rest = element.split(">", 1)
    opening = re.sub(r'\s(?:width|height)="[^"]*"', "", opening)
    shared = re.search(r'<style type="text/css">\*\{([^}]*)\}</style>', rest)
    if shared:
        opening, rest = f"{opening} {_attributes(shared[1])}", rest.replace(shared[0], "")
    rest = re.sub(r'style="([^"]*)"', lambda style: _attributes(style[1]), rest)
    return f'{opening} width="100%">{rest}'.replace(INK, "currentColor").strip()


def _attributes(style: str) -> str:
    r"""The declarations of a style as attributes of SVG: a page with a strict policy refuses inline styles.

    Examples
    --------
    >>> _attributes("font: italic 10px 'DejaVu Sans', sans-serif; text-anchor: middle")
    'font-style="italic" font-size="10px" font-family="\'DejaVu Sans\', sans-serif" text-anchor="middle"'
    """
    written = []
    for declaration in filter(None, map(str.strip, style.split(";"))):
        name, _, value = map(str.strip, declaration.partition(":"))
        font = re.fullmatch(r"(?:(italic|oblique) )?(?:(bold|\d+) )?([\d.]+px) (.*)", value) if name == "font" else None
        said = zip(FONT, font.groups(), strict=True) if font else [(name, value)]
        written += [f'{part}="{how}"' for part, how in said if how]
    return " ".join(written)


def finding_label(label: str, value: str, lines: int = 2) -> str:
    """A finding and what was found; a long name is shortened so that what was found stays readable.

    Examples
    --------
    >>> finding_label("Hip flexion strength", "severely_reduced")
    'Hip flexion strength: severely reduced'
    """
    room = max(LABEL_WIDTH // 3, lines * LABEL_WIDTH - 4 * lines - len(value))
    return f"{textwrap.shorten(clean(label), room, placeholder=' …')}: {words(value)}"


def _axes(ax: Axes | None, labels: Sequence[str]) -> Axes:
    """The axes given, or new ones high enough for the rows."""
    try:
        from matplotlib import pyplot
    except ImportError:
        raise MissingExtraError(
            "plot() needs matplotlib: install bayesdx with its plot extra (pip install matplotlib)."
        ) from None
    if ax is not None:
        return ax
    lines = sum(1.0 + 0.4 * _cut(label).count("\n") for label in labels)
    _, made = pyplot.subplots(figsize=(9.0, 1.6 + ROW_INCHES * max(lines, 3)), layout="constrained")
    return made


def _square_axes(ax: Axes | None) -> Axes:
    """The axes given, or new ones about as high as wide."""
    try:
        from matplotlib import pyplot
    except ImportError:
        raise MissingExtraError(
            "plot() needs matplotlib: install bayesdx with its plot extra (pip install matplotlib)."
        ) from None
    return pyplot.subplots(figsize=(6.4, 5.4), layout="constrained")[1] if ax is None else ax


def _row(ax: Axes, place: int, width: float, left: float, colour: str, text: str) -> None:
    ax.barh(place, width, left=left, color=colour, height=0.62, zorder=2)
    _note(ax, max(left, left + width), place, text)


def _note(ax: Axes, x: float, place: int, text: str) -> None:
    said = text.replace("-", "\N{MINUS SIGN}")
    ax.annotate(said, (x, place), xytext=(8, 0), textcoords="offset points", va="center", fontsize="small")


def _cut(label: str, lines: int = 2) -> str:
    """A label on at most this many lines, cut at the end; one that has line breaks keeps them."""
    if "\n" in label:
        return "\n".join(_cut(part, 1) for part in label.split("\n"))
    return "\n".join(textwrap.wrap(clean(label), LABEL_WIDTH, max_lines=lines, placeholder=" …"))


def _number(label: str) -> str:
    """The name of a number; its conditions go to lines of their own where they do not fit beside the event."""
    event, bar, given = clean(label).partition(" | ")
    if len(label) <= LABEL_WIDTH or not bar:
        return label
    return f"{event} |\n" + "\n".join(textwrap.wrap(given, LABEL_WIDTH, max_lines=2, placeholder=" …"))


def _finish(ax: Axes, labels: Sequence[str], xlabel: str, title: str) -> None:
    ax.set_yticks(range(len(labels)), [_plain(_cut(label)) for label in labels])
    ax.set_ylim(len(labels) - 0.4, -0.6)
    ax.set_xlabel(xlabel)
    _name(ax, title)
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(axis="y", length=0, labelsize="small")
    ax.grid(axis="x", alpha=0.25)
    ax.set_axisbelow(True)


def _name(ax: Axes, title: str) -> None:
    ax.set_title(_plain("\n".join(textwrap.wrap(clean(title), 80))), loc="left", fontsize="medium", fontweight="bold")


def _plain(text: str) -> str:
    """Text whose dollar signs are not taken for mathematics."""
    return text.replace("$", r"\$")


def _span(ax: Axes, values: Sequence[float], right: float = 0.12) -> None:
    """Limits that hold all values and, to the right, the notes beside the bars."""
    low, high = min(values), max(values)
    width = (high - low) or 1.0
    ax.set_xlim(low - 0.04 * width, high + right * width)


def _percent(ax: Axes, *, room: float | None = None) -> None:
    """Probabilities on the axis; from 0 to 1 and with room for the notes to the right of it where a room is given."""
    ax.xaxis.set_major_formatter(lambda share, _: f"{100 * share:.4g} %")
    if room is None:
        ax.set_xticks([tick for tick in ax.get_xticks() if ax.get_xlim()[0] <= tick <= min(1.0, ax.get_xlim()[1])])
    else:
        ax.set_xlim(-0.02, 1.0 + room)
        ax.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1.0])
        ax.spines["bottom"].set_bounds(-0.02, 1.0)


def _probability_axis(ax: Axes) -> None:
    """Probabilities above log-odds in decibans."""
    low, high = ax.get_xlim()
    marks = (0.5, 0.1, 0.9, 0.01, 0.99, 0.001, 0.999, 0.3, 0.7, 0.03, 0.97, 0.2, 0.8, 0.05, 0.95, 0.4, 0.6)
    places: list[tuple[float, str]] = []
    for p in marks:  # the roundest first, as long as there is room
        x = 10 * math.log10(p / (1 - p))
        if low <= x <= high and all(abs(x - other) > 0.08 * (high - low) for other, _ in places):
            places.append((x, f"{100 * p:g} %"))
    upper = ax.secondary_xaxis("top")
    upper.set_xticks([x for x, _ in places], [text for _, text in places])
    upper.set_xlabel("probability", fontsize="small")
    upper.tick_params(labelsize="small")
    upper.spines["top"].set_visible(False)


def _key(ax: Axes, meanings: Mapping[str, str]) -> None:
    """A legend of colours and their meanings."""
    from matplotlib.patches import Patch

    _legend(ax, [Patch(color=colour, label=meaning) for meaning, colour in meanings.items()])


def _legend(ax: Axes, handles: Sequence[Patch] | None) -> None:
    """A legend below the axes, where it covers nothing."""
    labels = {} if handles is None else {"handles": handles}
    kept: dict[str, Any] = {"frameon": False, "fontsize": "small", "ncols": 2, **labels}
    figure = ax.get_figure(root=True)
    if figure is None or figure.get_layout_engine() is None or len(figure.axes) > 1:
        ax.legend(loc="upper left", bbox_to_anchor=(0.0, -0.12), **kept)
    else:
        figure.legend(loc="outside lower left", **kept)
