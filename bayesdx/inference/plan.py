"""What an engine decided to do, and why."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """How an engine answers a full question: all targets of a case with any evidence.

    Parameters
    ----------
    backend : str
        "dense" or "junction_tree".
    kernel : str
        "numpy" or "numba".
    cells : int
        Numbers held per case: cells of the joint, or of all cliques together.
    largest_clique : int
        Cells of the largest table among them.
    bytes : int
        Memory of one case, besides the network's own numbers.
    expected_seconds : float
        Rough time of one case in a large batch on one core.
    why : str
        The rule that chose the back end.
    """

    backend: str
    kernel: str
    cells: int
    largest_clique: int
    bytes: int
    expected_seconds: float
    why: str
