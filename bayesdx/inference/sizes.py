"""From which size on an engine takes which way; every way leads to the same numbers."""

from __future__ import annotations

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
