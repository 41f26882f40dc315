"""Numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Iterable

ROUNDING = 1e-12
"""Differences below this are rounding errors."""


def format_probability(probability: float) -> str:
    """A probability as a percentage that never shows 0 or 100 for what is merely rare or likely.

    A sum of probabilities may miss 1 by the last bits: what lies within ``ROUNDING`` of 1 is 100 %.

    Examples
    --------
    >>> [format_probability(p) for p in (0.0, 0.0002, 0.042, 0.5, 0.9997, 1 - 1e-15)]
    ['0 %', '<0.1 %', '4.2 %', '50.0 %', '>99.9 %', '100 %']
    """
    if math.isnan(probability):
        return "n/a"
    if probability <= 0:
        return "0 %"
    if probability >= 1 - ROUNDING:
        return "100 %"
    if probability < 0.001:
        return "<0.1 %"
    if probability > 0.999:
        return ">99.9 %"
    return f"{100 * probability:.1f} %"


def format_share(probability: float) -> str:
    """A probability in whole percent, for numbers that are not known more exactly.

    What is merely rare or likely is never 0 or 100.

    Examples
    --------
    >>> [format_share(p) for p in (0.0, 0.0042, 0.042, 0.817, 0.997, 1.0)]
    ['0 %', '<1 %', '4 %', '82 %', '>99 %', '100 %']
    """
    if math.isnan(probability):
        return "n/a"
    if 0 < probability < 0.005:
        return "<1 %"
    if 0.995 < probability < 1 - ROUNDING:
        return ">99 %"
    return f"{100 * probability:.0f} %"


def format_span(probabilities: Iterable[float]) -> str:
    """The lowest and the highest of some probabilities, once where they are the same.

    Examples
    --------
    >>> format_span([0.3, 0.04, 0.1]), format_span([0.04, 0.04])
    ('4.0 % to 30.0 %', '4.0 %')
    """
    found = sorted(probabilities)
    return " to ".join(dict.fromkeys(map(format_probability, (found[0], found[-1]))))


def format_decibans(weight: float) -> str:
    """A weight of evidence with its sign, in decibans; 0.0 where it rounds to that.

    Examples
    --------
    >>> format_decibans(3.14), format_decibans(-0.04)
    ('+3.1', '0.0')
    """
    return f"{weight:+.1f}" if abs(weight) >= 0.05 else "0.0"


def format_ratio(ratio: float) -> str:
    """A likelihood ratio with two significant digits.

    Examples
    --------
    >>> [format_ratio(r) for r in (0.034, 1.0, 1 - 1e-15, 3.72, 148.0, 2.5e6, float("inf"))]
    ['0.034', '1.0', '1.0', '3.7', '150', '2.5e+06', 'inf']
    """
    if math.isnan(ratio):
        return "n/a"
    if not 0 < ratio < 1e4:
        return f"{ratio:.2g}"
    rounded = float(f"{ratio:.1e}")
    return f"{rounded:.{max(0, 1 - math.floor(math.log10(rounded)))}f}"
