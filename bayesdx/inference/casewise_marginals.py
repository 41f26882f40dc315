"""Marginals read from the compiled passes over a junction tree, one case at a time.

The same numbers as ``JunctionTreeBackend.run`` finds by arranging lanes; what the targets fix is prepared once, so that
one case costs little more than its passes, and the runs of a large batch go beside each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bayesdx.inference.casewise import Casewise
from bayesdx.inference.evidence import Evidence, certain_where_seen
from bayesdx.inference.kernels import over_runs
from bayesdx.inference.leaves import leaf_rows
from bayesdx.inference.logs import FAINT
from bayesdx.inference.program import Program
from bayesdx.inference.sizes import Sizes

Array = NDArray[np.float64]

RUN = 1024
"""Cases that one call of compiled code takes, so that what it returns stays in the cache."""


class CasewiseMarginals:
    """The marginals of these targets.

    Parameters
    ----------
    program : Program
        Nothing sliced.
    targets : sequence of int
        Variables of the tree, and leaves outside it.
    workers : int
        Threads for a large batch.
    sizes : Sizes

    Attributes
    ----------
    width : int
        Cases that one call of compiled code takes.
    returned : int
        Numbers that it returns of a case.
    """

    def __init__(self, program: Program, targets: Sequence[int], workers: int, sizes: Sizes) -> None:
        asked = [(group.scope, [v for v in group.leaves if v in targets]) for group in program.groups]
        groups = [(scope, leaves) for scope, leaves in asked if leaves]
        inside = [v for v in targets if v not in program.leaves]
        self._program = program
        self._workers = workers
        self._targets = tuple(targets)
        self._outside = [program.network.names[v] for _, leaves in groups for v in leaves]
        scopes = tuple(dict.fromkeys([*((v,) for v in inside), *(s for s, _ in groups)]))
        self._casewise = Casewise(program, scopes, sizes)
        self._threaded_cells = sizes.threaded_cells
        self.width = min(RUN, sizes.cases_at_once)
        self.returned = self._casewise.output_cells
        self._inside = [(v, slice(*self._casewise.span_of((v,)))) for v in inside]
        self._groups: list[tuple[slice, Array, list[tuple[int, slice]]]] = []
        for scope, leaves in groups:
            rows = [leaf_rows(program.network, v, self._casewise.ordered(scope)) for v in leaves]
            spans = [slice(first, last) for first, last in pairwise(np.cumsum([0, *map(len, rows)]).tolist())]
            span = slice(*self._casewise.span_of(scope))
            self._groups.append((span, np.concatenate(rows).T, list(zip(leaves, spans, strict=True))))

    def serves(self, evidence: Evidence) -> bool:
        """Whether no leaf asked about has a likelihood vector."""
        return not evidence.likelihoods or not any(name in evidence.likelihoods for name in self._outside)

    def run(self, evidence: Evidence) -> tuple[Array, dict[int, Array], NDArray[np.intp]]:
        """P(evidence), marginals, and the cases that are too faint, whose answer is void."""
        if len(evidence) <= self.width:
            total, found = self._answer(evidence)
        else:
            total, found = self._many(evidence)
        return total, {v: found[v] for v in self._targets}, (~(total >= FAINT)).nonzero()[0]

    def _many(self, evidence: Evidence) -> tuple[Array, dict[int, Array]]:
        n, cards = len(evidence), self._program.cards
        total = np.empty(n)
        found = {v: np.empty((n, cards[v])) for v in self._targets}

        def work(rows: slice) -> None:
            total[rows], part = self._answer(evidence.take(range(rows.start, rows.stop)))
            for v, values in part.items():
                found[v][rows] = values

        over_runs(work, n, self.width, self._workers if n * self._program.cells >= self._threaded_cells else 1)
        return total, found

    def _answer(self, evidence: Evidence) -> tuple[Array, dict[int, Array]]:
        total, output = self._casewise.propagate(evidence)
        found = {v: output[:, span] for v, span in self._inside}
        for span, rows, leaves in self._groups:
            predicted = output[:, span] @ rows
            for v, states in leaves:
                found[v] = certain_where_seen(predicted[:, states], evidence.codes[:, v])
        return total, found
