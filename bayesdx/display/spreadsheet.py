"""Text for spreadsheets: a cell never begins as a formula does."""

from __future__ import annotations

import re

import pandas as pd
from pandas.api.types import is_numeric_dtype

_FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")
_NUMBER = re.compile(r"[+-]?((\d+([.,]\d*)?|[.,]\d+)(e[+-]?\d+)?|inf)", re.ASCII | re.IGNORECASE)


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


def disarmed_frame(frame: pd.DataFrame) -> pd.DataFrame:
    r"""A frame whose texts, and names of columns, are disarmed; the frame given is not changed.

    Examples
    --------
    >>> disarmed_frame(pd.DataFrame({"label": ["=1+1", "fever"], "n": [1, 2]})).to_csv(index=False)
    "label,n\n'=1+1,1\nfever,2\n"
    """
    result = frame.copy(deep=False)
    for place, kind in enumerate(frame.dtypes):
        if not is_numeric_dtype(kind):
            cells = [disarmed(cell) if isinstance(cell, str) else cell for cell in frame.iloc[:, place]]
            result.isetitem(place, pd.array(cells, dtype=object))
    result.columns = pd.Index([disarmed(str(name)) for name in frame.columns])
    return result
