"""Numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

ROUNDING = 1e-12
"""More than the error of any sum here, less than anything that a model can mean."""


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


def format_span(probabilities: Iterable[float]) -> str:
    """The lowest and the highest of some probabilities, once where they are the same.

    Examples
    --------
    >>> format_span([0.3, 0.04, 0.1]), format_span([0.04, 0.04])
    ('4.0 % to 30.0 %', '4.0 %')
    """
    found = sorted(probabilities)
    return " to ".join(dict.fromkeys(map(format_probability, (found[0], found[-1]))))


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
