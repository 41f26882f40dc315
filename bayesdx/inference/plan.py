"""What an engine decided to do, and why."""

from __future__ import annotations

from dataclasses import dataclass

SECONDS_PER_CELL = {
    ("dense", "numpy"): 6e-9,
    ("dense", "numba"): 1.4e-9,
    ("junction_tree", "numpy"): 10e-9,
    ("junction_tree", "numba"): 4e-9,
    ("noisy_or", "numpy"): 50e-9,
    ("noisy_or", "numba"): 50e-9,
}
"""Time of one cell of one case in a large batch, as measured on a core of 2.6 GHz; good to a factor of about 2."""


@dataclass(frozen=True)
class Plan:
    """How an engine answers a full question: all targets of a case with any evidence.

    The rule: the dense joint over ``network.targets`` where it has at most 2^14 cells (14 binary causes), nothing
    below it joins variables other than through it, and the contexts above it can be enumerated; the two-layer
    noisy-OR programme where every variable is a root or a noisy-OR over roots; the junction tree otherwise.

    With ``kernel="auto"`` one case, and a batch that numpy answers within about a second, never wait for a compiler:
    compiled code takes them where this process has it compiled already. A batch that would take numpy a second or more
    loads what numba has kept on disk, one that would take it a minute compiles, and says so through ``logging``.

    Parameters
    ----------
    backend : str
        "dense", "noisy_or" or "junction_tree".
    kernel : str
        "numpy" or "numba": that of a large batch.
    cells : int
        Numbers held per case: cells of the joint, or of all cliques together.
    largest_clique : int
        Cells of the largest table among them.
    bytes : int
        Memory of one case, besides the network's own numbers.
    expected_seconds : float
        Rough time of one case in a large batch on one core.
    why : str
        What in the network chose the back end.

    Examples
    --------
    >>> import bayesdx as dx
    >>> plan = dx.Engine(dx.load_model("hip_flexion_weakness@1.0.0")).plan
    >>> plan.backend, plan.cells, plan.why
    ('dense', 2048, '11 causes in one joint, 34 findings independent given them')
    """

    backend: str
    kernel: str
    cells: int
    largest_clique: int
    bytes: int
    expected_seconds: float
    why: str


def plan(backend: str, kernel: str, cells: int, largest: int, why: str) -> Plan:
    """A plan with its memory and time worked out.

    Examples
    --------
    >>> plan("dense", "numpy", 2048, 2048, "11 binary causes").bytes
    32768
    """
    seconds = min(cells, 10**300) * SECONDS_PER_CELL[backend, kernel]
    return Plan(backend, kernel, cells, largest, 16 * cells, seconds, why)
