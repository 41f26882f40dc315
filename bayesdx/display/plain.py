"""Values for programs: JSON without what it cannot hold, CSV in which no cell is a formula."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

_FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")
_NUMBER = re.compile(r"[+-]?((\d+([.,]\d*)?|[.,]\d+)(e[+-]?\d+)?|inf)", re.ASCII | re.IGNORECASE)


def as_json(value: Any) -> Any:
    """A value as JSON can hold it: "inf" and "-inf" for what is infinite, None for NaN; the rest as it is.

    The spelling of text and of CSV is the same, so that an infinite number reads alike everywhere.

    Parameters
    ----------
    value : mapping, list or tuple (lists in the result) of such values, or anything else

    Examples
    --------
    >>> as_json({"ratio": [2.0, float("inf"), float("nan")], "label": "strain"})
    {'ratio': [2.0, 'inf', None], 'label': 'strain'}
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None if math.isnan(value) else f"{value:g}"
    if isinstance(value, Mapping):
        return {key: as_json(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(entry) for entry in value]
    return value


def disarmed(text: str) -> str:
    """The text, with an apostrophe before it where a spreadsheet would evaluate it.

    Text that begins with ``=``, ``+``, ``-``, ``@`` (also in their wide forms), a tab or a line end is taken for a
    formula. Numbers stay as they are, also where they are written as text.

    References
    ----------
    OWASP, "CSV injection", https://owasp.org/www-community/attacks/CSV_Injection.

    Examples
    --------
    >>> disarmed("=1+1"), disarmed("-2+3"), disarmed("-2.5"), disarmed("fever")
    ("'=1+1", "'-2+3", '-2.5', 'fever')
    """
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text
