"""Both passes over a small junction tree for one case of hard evidence, in few numpy calls.

Everything that can be seen at a clique - states of its variables and of the leaves that hang on it - is a row over its
cells, prepared once; so is everything that is read from it. A case takes rows, multiplies them, and passes the
messages in the linear domain.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bayesdx.inference.evidence import Evidence
from bayesdx.inference.logs import FAINT
from bayesdx.inference.program import Program, View

Array = NDArray[np.float64]

_TINY = np.finfo(np.float64).tiny  # a ratio to anything smaller could be infinite


class CaseRows:
    """The rows of a program: what can be seen at each clique.

    Parameters
    ----------
    program : Program
        Nothing sliced.

    Attributes
    ----------
    program : Program
    rows : list of ndarray, each of shape (n_rows, n_cells)
        Per clique its own numbers, then P(state | cell) of each state of each variable and leaf that is seen there.
    first : dict of variable to (int, int)
        Its clique, and its first row.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        rows = [[values[:, 0][None]] for values in program.constant]
        count = [1] * len(rows)
        self.first: dict[int, tuple[int, int]] = {}
        for home, v, values in _states(program):
            self.first[v] = home, count[home]
            rows[home].append(values)
            count[home] += len(values)
        self.rows = [np.concatenate(parts) for parts in rows]

    def of(self, v: int) -> Array:
        """The rows of a variable, shape (n_states, n_cells)."""
        home, first = self.first[v]
        return self.rows[home][first : first + self.program.network.cardinalities[v]]


class OneCase:
    """The two passes for these targets, over the rows of a program.

    Parameters
    ----------
    rows : CaseRows
    targets : sequence of int
        Variables of the tree, and leaves outside it.
    """

    def __init__(self, rows: CaseRows, targets: Sequence[int]) -> None:
        program = rows.program
        self._steps = program.steps
        self._cards = program.cards
        self._rows = rows.rows
        self._seen = [(v, home, first) for v, (home, first) in rows.first.items()]
        self._targets = tuple(targets)
        self._reads: list[tuple[int, Array, list[tuple[int, slice]]]] = []
        at: dict[int, list[int]] = {}
        for v in dict.fromkeys(targets):
            at.setdefault(rows.first[v][0], []).append(v)
        for home, here in at.items():
            ends = np.cumsum([0, *(self._cards[v] for v in here)]).tolist()
            spans = [(v, slice(first, last)) for v, (first, last) in zip(here, pairwise(ends), strict=True)]
            self._reads.append((home, np.concatenate([rows.of(v) for v in here]), spans))
        self._needed = sorted(program.tree.up_to_roots(at), reverse=True)

    def run(self, evidence: Evidence) -> tuple[float, dict[int, Array]] | None:
        """P(evidence) and the marginals of the targets, each of shape (1, n_states); None where it is too faint."""
        codes = evidence.codes[0].tolist()
        entered: list[list[int]] = [[0] for _ in self._steps]
        for v, home, first in self._seen:
            if codes[v] >= 0:
                entered[home].append(first + codes[v])
        inbox: list[list[tuple[View, Array]]] = [[] for _ in self._steps]
        inside: list[Array] = []
        upward: list[Array] = []
        mass = 1.0
        for place, step in enumerate(self._steps):
            rows, chosen = self._rows[place], entered[place]
            here = np.multiply.reduce(rows.take(chosen, axis=0), axis=0) if len(chosen) > 1 else rows[0].copy()
            for seen, message in inbox[place]:
                shaped = here.reshape(seen.clique)
                np.multiply(shaped, message, out=shaped)
            here = here.reshape(-1, step.kept)
            up = np.add.reduce(here, axis=0) if len(here) > 1 else here[0]
            inside.append(here)
            upward.append(up)
            if step.parent >= 0:
                inbox[step.parent].append((step.into_parent, up.reshape(step.into_parent.part)))
            else:
                mass *= up.item()
        if not mass >= FAINT:
            return None
        return mass, self._read(codes, self._downward(inside, upward))

    def _downward(self, inside: Sequence[Array], upward: Sequence[Array]) -> dict[int, Array]:
        """Posterior of the cells of each clique that is needed."""
        beliefs: dict[int, Array] = {}
        for place in self._needed:
            step, up = self._steps[place], upward[place]
            if step.parent < 0:
                beliefs[place] = inside[place] / up
                continue
            above = beliefs[step.parent].reshape(step.into_parent.clique)
            shared = np.add.reduce(above, axis=step.into_parent.summed).reshape(-1)
            beliefs[place] = inside[place] * (shared / np.maximum(up, _TINY))
        return beliefs

    def _read(self, codes: Sequence[int], beliefs: dict[int, Array]) -> dict[int, Array]:
        found = {}
        for place, rows, spans in self._reads:
            read = (rows @ beliefs[place].reshape(-1))[None]
            for v, span in spans:
                found[v] = read[:, span] if codes[v] < 0 else np.eye(self._cards[v])[[codes[v]]]
        return {v: found[v] for v in self._targets}


def row_cells(program: Program) -> int:
    """Numbers that the rows of a program take."""
    inside = sum(step.cells * sum(program.cards[v] for v, _ in step.evidence) for step in program.steps)
    return inside + sum(program.steps[home].cells * len(tables.rows) for home, _, tables in program.leaf_tables)


def _states(program: Program) -> list[tuple[int, int, Array]]:
    """Clique, variable, and P(state | cell), shape (n_states, n_cells), of each variable and each leaf outside."""
    found = []
    for home, step in enumerate(program.steps):
        for v, seen in step.evidence:
            card = program.cards[v]
            found.append((home, v, _spread(np.eye(card), seen)))
    for home, seen, tables in program.leaf_tables:
        found.extend((home, v, _spread(tables.rows_of(v), seen)) for v in tables.group.leaves)
    return found


def _spread(rows: Array, seen: View) -> Array:
    """Rows over some variables of a clique as rows over all its cells."""
    shaped = np.broadcast_to(rows.reshape(len(rows), *seen.part), (len(rows), *seen.clique))
    return np.ascontiguousarray(shaped).reshape(len(rows), -1)
