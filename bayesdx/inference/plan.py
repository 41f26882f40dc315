"""Which back end fits a network, and what that costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bayesdx.network import Network, NoisyMax

SECONDS_PER_CELL = {
    ("dense", "numpy"): 6e-9,
    ("dense", "numba"): 1.4e-9,
    ("junction_tree", "numpy"): 10e-9,
    ("junction_tree", "numba"): 4e-9,
    ("noisy_or", "numpy"): 50e-9,
    ("noisy_or", "numba"): 50e-9,
}
"""Time of one cell of one case in a large batch, as measured on a core of 2.6 GHz; good to a factor of about 2."""

MOST_JOINT_CELLS = 2**14
"""Largest joint of causes: 14 binary ones."""

MOST_CONTEXT_CELLS = 2**22
"""Largest table over contexts and causes together."""

LEAST_DISEASES = 15
"""Roots that a network needs for the two-layer programme; smaller ones go to the dense joint or the junction tree."""


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


@dataclass(frozen=True)
class Roles:
    """Which variables are the joint, what lies above it, and what hangs below it; positions in the network.

    Parameters
    ----------
    joint, contexts, findings : tuple of int
    levels : tuple of int
        Per finding, the place in ``joint`` of its first parent; findings stand in falling order of it.
    """

    joint: tuple[int, ...]
    contexts: tuple[int, ...]
    findings: tuple[int, ...]
    levels: tuple[int, ...]


def roles(network: Network) -> Roles | None:
    """The roles of the variables around ``network.targets``; None where no small joint separates the findings."""
    if not network.targets:
        return None
    parents = [tuple(network.index[name] for name in node.parents) for node in network.nodes]
    joint = {network.index[name] for name in network.targets}
    above = _above(joint, parents) - joint
    below = set(range(len(network))) - joint - above
    between = {parent for v in below for parent in parents[v]} - joint
    joint |= between
    above = _above(joint, parents) - joint
    below = set(range(len(network))) - joint - above
    if any(set(parents[v]) - joint for v in below):
        return None
    cells = math.prod(network.cardinalities[v] for v in joint)
    if cells > MOST_JOINT_CELLS or cells * math.prod(network.cardinalities[v] for v in above) > MOST_CONTEXT_CELLS:
        return None
    ordered, levels = _levels(joint, [set(parents[v]) & joint for v in sorted(below)])
    findings = sorted(zip(levels, sorted(below), strict=True), key=lambda pair: -pair[0])
    return Roles(ordered, tuple(sorted(above)), tuple(v for _, v in findings), tuple(level for level, _ in findings))


def _levels(joint: set[int], scopes: Sequence[set[int]]) -> tuple[tuple[int, ...], list[int]]:
    """An order of the joint in which the first variables play a part in few findings; the first one of each finding."""
    left = list(scopes)
    remaining, order = sorted(joint), []
    while remaining:
        rarest = min(remaining, key=lambda v: sum(v in scope for scope in left))
        remaining.remove(rarest)
        order.append(rarest)
        left = [scope for scope in left if rarest not in scope]
    place = {v: position for position, v in enumerate(order)}
    return tuple(order), [min((place[v] for v in scope), default=len(order) - 1) for scope in scopes]


def _above(variables: set[int], parents: Sequence[tuple[int, ...]]) -> set[int]:
    seen: set[int] = set()
    stack = list(variables)
    while stack:
        v = stack.pop()
        if v not in seen:
            seen.add(v)
            stack.extend(parents[v])
    return seen


def is_two_layer(network: Network) -> bool:
    """Whether every variable is a root, or a binary noisy gate without children over roots."""
    roots = {node.name for node in network.nodes if not node.parents}
    gates = [node for node in network.nodes if node.parents]
    return len(roots) >= LEAST_DISEASES and all(
        isinstance(node.cpd, NoisyMax) and len(node.states) == 2 and roots.issuperset(node.parents) for node in gates
    )
