"""From which size on an engine takes which way; every way leads to the same numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """Sizes that decide how an engine works, never what it finds.

    Parameters
    ----------
    ranked_table : int
        Configurations up to which the most probable ones are read from a table of all.
    ranked_lists : tuple of int
        Longest lists of partial configurations in larger questions, one try after another.

    Examples
    --------
    >>> import bayesdx as dx
    >>> engine = dx.Engine(dx.load_model("chest_clinic@1.0.0"), sizes=Sizes(ranked_table=0))
    >>> engine.most_probable({"xray": "positive"}, ["tuberculosis"]).frame.round(3)
      tuberculosis  probability
    0       absent        0.908
    """

    ranked_table: int = 2**14
    ranked_lists: tuple[int, ...] = (32, 128, 512)


def said(number: float) -> str:
    """A count in words that have room for any whole number.

    Examples
    --------
    >>> said(1234567), said(2**5000)
    ('1.23e+06', '10^1505')
    """
    if isinstance(number, int) and number.bit_length() > 1000:
        return f"10^{math.log10(number):.0f}"
    return f"{number:.3g}"


def gigabytes(number: int) -> str:
    """So many bytes in GB.

    Examples
    --------
    >>> gigabytes(4 * 2**30)
    '4.29'
    """
    return said(number // 10**9 if number.bit_length() > 1000 else number / 1e9)
