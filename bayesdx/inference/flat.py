"""A junction-tree program as flat arrays, for compiled code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesdx.inference.evidence import Evidence
from bayesdx.inference.passes import MOST_PLAIN_FACTORS
from bayesdx.inference.program import Program, View, view
from bayesdx.inference.sizes import USUAL, Sizes
from bayesdx.inference.structures import LaneTree

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

Scope = tuple[int, ...]

BLOCK_CELLS = 2**16
"""Cells times lanes of one block of the compiled passes: about half of a level-2 cache."""

LEAST_WIDTH, MOST_WIDTH = 4, 32
"""Bounds on the lanes of one block."""


@dataclass(frozen=True, eq=False)
class FlatAnswer:
    """What the compiled passes return for one group of lanes.

    Parameters
    ----------
    log_evidence : ndarray, shape (n_lanes,)
    joints : mapping of scope to ndarray, shape (n_lanes, *cardinalities)
    """

    log_evidence: Array
    joints: Mapping[Scope, Array]

    def joint(self, scope: Scope) -> Array:
        """Joint posterior of the variables of one scope asked for, in its order."""
        return self.joints[scope]


class Flat:
    """Index maps of a program and of the scopes to read from it.

    Parameters
    ----------
    program : Program
    scopes : sequence of tuple of int
        Joint posteriors to return; each lies in one clique.
    compressed : bool
        Leave out the cells that are structurally 0; only for the network's own numbers, nothing sliced.
    sizes : Sizes
    """

    def __init__(self, program: Program, scopes: Sequence[Scope], compressed: bool, sizes: Sizes = USUAL) -> None:
        self.program = program
        self.variables = tuple(v for v in sorted(program.tree.clique_of) if v < len(program.network))
        steps, tree, cards = program.steps, program.tree, program.cards
        self._maps: list[NDArray[np.int32]] = []
        self._length = 0
        place = {v: number for number, v in enumerate(self.variables)}
        children = [[c for c, step in enumerate(steps) if step.parent == up] for up in range(len(steps))]
        self._possible = _possible(program, sizes.possible_share) if compressed else None
        entries = [
            [(place[v], self._add(self._cells(_map(seen), c))) for v, seen in step.evidence]
            for c, step in enumerate(steps)
        ]
        to_separator, into_parent, kept = self._separators()
        cells = np.array([self._cells(np.zeros(step.cells), c).size for c, step in enumerate(steps)], dtype=np.int64)
        states = np.array([cards[v] for v in self.variables], dtype=np.int64)
        self._read = self._readers(scopes)
        needed = np.zeros(len(steps), dtype=np.bool_)
        needed[list(tree.up_to_roots(home for home, _, _ in self._read.values()))] = True
        by_clique = sorted(self._read.values())
        self.output_cells = sum(stop - start for _, _, (start, stop) in by_clique)
        self._tree = LaneTree(
            cells,
            kept,
            np.array(tree.parents, dtype=np.int64),
            _starts(cells),
            _starts(kept),
            to_separator,
            into_parent,
            np.array([step.incoming > MOST_PLAIN_FACTORS for step in steps]),
            np.cumsum([len(below) for below in children], dtype=np.int64),
            np.array([c for below in children for c in below], dtype=np.int64),
            np.cumsum([len(found) for found in entries], dtype=np.int64),
            np.array([v for found in entries for v, _ in found], dtype=np.int64),
            np.array([start for found in entries for _, start in found], dtype=np.int64),
            np.concatenate(self._maps) if self._maps else np.zeros(0, dtype=np.int32),
            states,
            _starts(states),
            needed,
            np.cumsum([sum(home == c for home, _, _ in by_clique) for c in range(len(steps))], dtype=np.int64),
            np.array([start for _, start, _ in by_clique], dtype=np.int64),
            np.array([bound for _, _, bounds in by_clique for bound in bounds], dtype=np.int64),
        )
        fitting = BLOCK_CELLS // max(int(cells.sum()), 1)
        self.width = int(np.clip(2 ** max(fitting.bit_length() - 1, 0), LEAST_WIDTH, MOST_WIDTH))

    def _cells(self, values: NDArray[Any], clique: int) -> NDArray[Any]:
        """The entries of the cells that are carried along."""
        return values if self._possible is None or self._possible[clique] is None else values[self._possible[clique]]

    def _separators(self) -> tuple[Ints, Ints, Ints]:
        """Starts of the maps from cliques and from their parents to the separators between, and their sizes."""
        to_separator, into_parent, kept = [], [], []
        for c, step in enumerate(self.program.steps):
            own = self._cells(np.arange(step.cells, dtype=np.int32) % np.int32(step.kept), c)
            above = self._cells(_map(step.into_parent), step.parent) if step.parent >= 0 else own
            present = np.zeros(step.kept, dtype=np.bool_)
            present[own] = present[above] = True
            renumbered = (np.cumsum(present) - 1).astype(np.int32)
            to_separator.append(self._add(renumbered[own]))
            into_parent.append(self._add(renumbered[above]) if step.parent >= 0 else 0)
            kept.append(int(present.sum()))
        return (
            np.array(to_separator, dtype=np.int64),
            np.array(into_parent, dtype=np.int64),
            np.array(kept, dtype=np.int64),
        )

    def _readers(self, scopes: Sequence[Scope]) -> dict[Scope, tuple[int, int, tuple[int, int]]]:
        """Per scope its clique, the start of its map, and the bounds of its cells in the output."""
        program, cards = self.program, self.program.cards
        readers: dict[Scope, tuple[int, int, tuple[int, int]]] = {}
        start = 0
        for scope in scopes:
            if scope and scope not in readers:
                home = program.home_of(scope)
                clique = program.tree.cliques[home]
                ordered = tuple(v for v in clique if v in scope)
                spread = _map(view(clique, ordered, cards))
                numbers = np.arange(int(np.prod([cards[v] for v in scope])))
                number = numbers.reshape([cards[v] for v in scope]).transpose([scope.index(v) for v in ordered])
                readers[scope] = (
                    home,
                    self._add(self._cells(np.ascontiguousarray(number).reshape(-1).astype(np.int32)[spread], home)),
                    (start, start + numbers.size),
                )
                start += numbers.size
        return readers

    def _add(self, entries: NDArray[np.int32]) -> int:
        start = self._length
        self._maps.append(entries)
        self._length += entries.size
        return start

    @cached_property
    def _constant(self) -> Array:
        return self._joined(self.program.constant)

    def _joined(self, potentials: Sequence[Array]) -> Array:
        lanes = max(part.shape[1] for part in potentials)
        parts = [self._cells(part, c) for c, part in enumerate(potentials)]
        return np.concatenate([np.broadcast_to(part, (part.shape[0], lanes)) for part in parts])

    def run(self, potentials: Sequence[Array] | None, alone: Array, evidence: Evidence) -> FlatAnswer:
        """Both passes, a lane per case; without ``potentials``, with the network's own numbers."""
        from bayesdx.inference.passes_fast import propagate_lanes

        network, cards = self.program.network, self.program.cards
        soft_start = np.full(len(self.variables), -1, dtype=np.int64)
        soft: list[Array] = []
        for number, v in enumerate(self.variables):
            values = evidence.likelihoods.get(network.names[v])
            if values is not None:
                soft_start[number] = sum(part.shape[1] for part in soft)
                soft.append(values)
        n_lanes = len(evidence)
        log_evidence = np.empty(n_lanes)
        output = np.empty((n_lanes, self.output_cells))
        potential = self._constant if potentials is None else self._joined(potentials)
        propagate_lanes(
            min(self.width, n_lanes),
            self._tree,
            potential,
            evidence.codes[:, list(self.variables)],
            soft_start,
            np.concatenate(soft, axis=1) if soft else np.zeros((0, 1)),
            log_evidence,
            output,
        )
        with np.errstate(divide="ignore"):
            log_evidence += np.log(alone)
        joints = {
            scope: output[:, start:stop].reshape(n_lanes, *(cards[v] for v in scope))
            for scope, (_, _, (start, stop)) in self._read.items()
        }
        return FlatAnswer(log_evidence, joints)


def _possible(program: Program, most: float) -> list[NDArray[np.intp] | None] | None:
    """Per clique the cells that can be above 0, or None where that is nearly all of them."""
    masks = _support(program)
    if not any(mask.any() for mask in masks):
        return None
    return [None if mask.mean() > most else np.flatnonzero(mask) for mask in masks]


def _support(program: Program) -> list[NDArray[np.bool_]]:
    """Per clique, a mask of shape (cells,): where the product of all factors of the network is above 0.

    The two passes of a propagation over "possible" and "impossible" instead of numbers, so that nothing underflows.

    References
    ----------
    F. Jensen, S. Andersen (1990), "Approximations in Bayesian belief universes for knowledge based systems", UAI
    (compression of zeros; nothing is approximated here).
    """
    steps = program.steps
    inside = [potential[:, 0] > 0 for potential in program.constant]
    if all(mask.all() for mask in inside):
        return inside
    for place, step in enumerate(steps):
        if step.parent >= 0:
            message = inside[place].reshape(-1, step.kept).any(axis=0)
            seen = step.into_parent
            above = inside[step.parent].reshape(seen.clique) & message.reshape(seen.part)
            inside[step.parent] = above.reshape(-1)
    for place in range(len(steps) - 1, -1, -1):
        step = steps[place]
        if step.parent >= 0:
            seen = step.into_parent
            message = inside[step.parent].reshape(seen.clique).any(axis=seen.summed).reshape(-1)
            inside[place] = (inside[place].reshape(-1, step.kept) & message).reshape(-1)
    return inside


def _map(seen: View) -> NDArray[np.int32]:
    """For each cell of a clique, the cell of the part of it that ``seen`` keeps."""
    number = np.arange(int(np.prod(seen.part)), dtype=np.int32).reshape(seen.part)
    return np.ascontiguousarray(np.broadcast_to(number, seen.clique)).reshape(-1)


def _starts(sizes: Ints) -> Ints:
    return np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
