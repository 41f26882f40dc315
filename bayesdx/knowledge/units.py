"""Units as people write them: two spellings of one unit are told from two units."""

from __future__ import annotations

import re
import unicodedata

_SPELLINGS: tuple[tuple[str, ...], ...] = (
    ("year", "years", "yr", "yrs", "y", "yo", "y/o", "yearold", "yearsold", "yearsofage"),
    ("month", "months", "mo"),
    ("week", "weeks", "wk", "wks"),
    ("day", "days", "d"),
    ("hour", "hours", "hr", "hrs", "h"),
    ("minute", "minutes", "min", "mins"),
    ("°c", "c", "°", "degc", "celsius", "degcelsius", "degreecelsius", "degreescelsius", "centigrade"),
    ("°f", "f", "degf", "fahrenheit", "degreesfahrenheit"),
    ("degree", "degrees", "deg", "°"),
    ("ml", "cc", "cm3", "millilitre", "millilitres", "milliliter", "milliliters"),
    ("mg/l", "ug/ml", "mcg/ml"),
    ("10^9/l", "10^3/ul", "10^3/mm3", "10^6/ml", "k/ul", "/nl", "giga/l", "gpt/l"),
    ("10^12/l", "10^6/ul", "m/ul", "tera/l"),
    ("/min", "bpm", "perminute", "beats/min", "breaths/min"),
    ("%", "percent", "pct"),
)
"""Spellings of one unit, or units of one size, without blanks and in lower case."""

_POWER = re.compile(r"^[x*\u00d7\u00b7]?10(?:\^|\*\*|\*|e)?(\d+)(?=/)")


def same_unit(one: str, other: str) -> bool:
    """Whether two texts name one unit, or two of the same size.

    Parameters
    ----------
    one, other : str

    Returns
    -------
    bool

    Examples
    --------
    >>> same_unit("x10⁹/L", "10^9/L"), same_unit("y", "years"), same_unit("K/µL", "10^9/L"), same_unit("mg/dL", "mg/L")
    (True, True, True, False)
    """
    first, second = _plain(one), _plain(other)
    return first == second or any(first in spellings and second in spellings for spellings in _SPELLINGS)


def _plain(text: str) -> str:
    """A unit in lower case without blanks, superscripts as digits, powers of ten as 10^9."""
    plain = "".join(unicodedata.normalize("NFKC", text.replace("\u00ba", "\u00b0")).casefold().split())
    plain = plain.replace("\u03bc", "u").replace("\u2215", "/").removesuffix(".")
    return _POWER.sub(r"10^\1", plain)
