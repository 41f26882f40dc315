"""The text of the front end, which the notebook, the local page and a published page share."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from bayesdx.display.html import EMERGENCY, ROUTINE, URGENT

PARTS = (
    "elements.js",
    "words.js",
    "findings.js",
    "interview.js",
    "note.js",
    "results.js",
    "record.js",
    "explorer.js",
)
"""The parts of the module, in order."""

NO_ICON = '<link rel="icon" href="data:,">\n'
"""Keeps a browser from asking for an icon."""


@cache
def script(*before: str) -> str:
    """The front end as one module; ``before`` are files that come first in it.

    Examples
    --------
    >>> "export function show(" in script(), "export function inPage(" in script("published.js")
    (True, True)
    """
    folder = files("bayesdx.explorer")
    return "\n".join((folder / name).read_text("utf-8") for name in (*before, *PARTS))


@cache
def style() -> str:
    """The style sheet; alerts have the colours of every other page.

    Examples
    --------
    >>> "@media print" in style()
    True
    """
    colours = f"--bdx-emergency: {EMERGENCY}; --bdx-urgent: {URGENT}; --bdx-routine: {ROUTINE};"
    return f".bdx-explorer {{ {colours} }}\n" + (files("bayesdx.explorer") / "explorer.css").read_text("utf-8")
