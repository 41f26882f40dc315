"""A fault of a model folder, as a value."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

from bayesdx.errors import LONGEST_SHOWN, nearest_hint

MOST_COMPARED = 2000
"""Valid names among which the nearest one is looked for."""


class Problem(NamedTuple):
    """One fault: where it is, what was found there, and what was expected.

    Parameters
    ----------
    file : str
        Name of the file within the model folder.
    row : int or None
        Line of the file on which the row starts, the header being 1; None where the whole file is meant.
    column : str or None
        Name of the column; None where the whole row is meant.
    found : str
        What was found.
    expected : str
        What was expected instead, with the nearest valid name.

    Examples
    --------
    >>> print(Problem("links.csv", 14, "link_probability", "1.2", "a probability between 0 and 1"))
    links.csv, row 14, column link_probability: '1.2'; expected a probability between 0 and 1.
    """

    file: str
    row: int | None
    column: str | None
    found: str
    expected: str

    def __str__(self) -> str:
        where = shown(self.file)[1:-1]
        if self.row is not None:
            where += f", row {self.row}"
        if self.column is not None:
            where += f", column {shown(self.column)[1:-1]}"
        return f"{where}: {shown(self.found)}; expected {escaped(self.expected)}."


def shown(text: str) -> str:
    """Text in quotes, control characters escaped, shortened where it is long.

    Examples
    --------
    >>> shown("a" * 200)[-5:]
    "aaa…'"
    """
    return repr(text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…")


def escaped(text: str) -> str:
    r"""Text with its control characters escaped, so that a terminal shows it as it is.

    Examples
    --------
    >>> print(escaped("red\x1b[31m"))
    red\x1b[31m
    """
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def one_of(what: str, found: str, valid: Iterable[str]) -> str:
    """Words for 'expected one of these', with the nearest valid name.

    Examples
    --------
    >>> one_of("a source of sources.csv", "smith_2019", ["smyth_2019"])
    "a source of sources.csv (nearest: 'smyth_2019')"
    """
    return what + nearest_hint(found, list(islice(valid, MOST_COMPARED)))
